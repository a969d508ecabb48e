import CSystem
import Graph

/// A rectangle by its corners, in the order of the detection operators' tensors.
struct Box {
  var top: Float, left: Float, bottom: Float, right: Float

  /// Not positive for a box that is turned inside out.
  var area: Float { (bottom - top) * (right - left) }

  /// Area of the common part.
  func intersection(_ other: Box) -> Float {
    let height = min(bottom, other.bottom) - max(top, other.top)
    let width = min(right, other.right) - max(left, other.left)
    return height > 0 && width > 0 ? height * width : 0
  }

  /// Intersection over union; 0 when one of the boxes has no area.
  func overlap(_ other: Box) -> Float {
    let (a, b) = (area, other.area)
    if !(a > 0 && b > 0) { return 0 }
    let common = intersection(other)
    return common / (a + b - common)
  }
}

/// Numbers of a float32, int8 or uint8 tensor as real values; quantised ones have one scale for the tensor.
struct RealValues {
  private let data: UnsafeRawPointer
  private let type: DataType
  private let scale: Float, zeroPoint: Int32

  /// The tensor has data and one of the three types.
  init(_ tensor: Tensor) {
    data = UnsafeRawPointer(tensor.data.unsafelyUnwrapped)
    type = tensor.type
    scale = Float(tensor.quantParams.first?.scale ?? 1)
    zeroPoint = tensor.quantParams.first?.zeroPoint ?? 0
  }

  @inline(__always)
  subscript(_ i: Int) -> Float {
    if type == .float32 { return data.loadUnaligned(fromByteOffset: i * 4, as: Float.self) }
    let q = type == .int8 ? Int32(data.load(fromByteOffset: i, as: Int8.self)) : Int32(data.load(fromByteOffset: i, as: UInt8.self))
    return Float(q &- zeroPoint) * scale
  }

  /// Copies `count` values to `target`.
  func copy(_ count: Int, to target: UnsafeMutablePointer<Float>) {
    var i = 0
    while i < count {
      target[i] = self[i]
      i += 1
    }
  }
}

extension Operator {
  /// Input `index` can be read with ``RealValues``.
  func requireRealValues(_ index: Int) throws(EngineError) {
    try requireType(index, .float32, .int8, .uint8)
    if inputs[index].type != .float32 && inputs[index].quantParams.count != 1 {
      throw EngineError(.notSupported, "input \(index) (\(inputs[index])) must have one scale; it has \(inputs[index].quantParams.count)")
    }
  }
}
