import ConverterCore
import Graph
import System

extension Tensor {
  /// A constant that holds real numbers.
  var isFloatConstant: Bool { isConstant && (type == .float32 || type == .float16) && data != nil && count > 0 }

  /// The values of a float constant.
  func realValues() -> [Float] {
    guard let data, isFloatConstant else { return [] }
    let n = count
    return [Float](unsafeUninitializedCapacity: n) { out, filled in
      for i in 0..<n {
        out[i] =
          type == .float32
          ? data.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
          : HalfFloat.float(data.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self))
      }
      filled = n
    }
  }

  /// Gives a constant other elements of another type.
  func replace<T>(_ newType: DataType, with values: [T]) throws(EngineError) {
    let bytes = values.count * MemoryLayout<T>.stride
    guard let buffer = Buffer(count: max(1, bytes)) else { throw EngineError(.outOfMemory, "no memory for \(bytes) bytes of \(self)") }
    values.withUnsafeBytes { if let base = $0.baseAddress { buffer.base.copyMemory(from: base, byteCount: bytes) } }
    type = newType
    setConstant(buffer.base, owner: buffer)
  }
}

extension Node {
  /// Brings the node's float16 constants to float32, which its 8-bit kernels take; other readers keep theirs.
  func widenConstants(in graph: Graph) throws(EngineError) {
    for (i, tensor) in inputs.enumerated() where tensor.isConstant && tensor.type == .float16 {
      let wide = tensor.copy()
      try wide.replace(.float32, with: tensor.realValues())
      graph.addTensor(wide)
      inputs[i] = wide
    }
  }
}

/// IEEE binary16.
enum HalfFloat {
  static let largest: Float = 65504

  static func float(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10) & 31, fraction = UInt32(bits & 0x3ff)
    if exponent == 31 { return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13) }
    if exponent == 0 { return Float(sign == 0 ? 1 : -1) * Float(fraction) * 0x1p-24 }
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }

  /// To nearest, halves to even; beyond the largest number infinity.
  static func bits(_ value: Float) -> UInt16 {
    let pattern = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: pattern >> 16) & 0x8000
    let magnitude = value.magnitude
    if !(magnitude < .infinity) { return sign | (magnitude.isNaN ? 0x7e00 : 0x7c00) }
    if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
    let rounded = pattern & 0x7fff_ffff + 0xfff + (pattern >> 13) & 1
    let half = rounded >> 13 - 112 << 10
    return half >= 0x7c00 ? sign | 0x7c00 : sign | UInt16(half)
  }
}
