import CNNRt
import Graph
import System

/// An operator of the Neural Network Runtime with its tensors, which may be the graph's or made for it.
struct DeviceOperation {
  struct Parameter {
    /// OH_NN_TensorType
    let type: UInt32
    let dataType: OH_NN_DataType
    /// Empty: a scalar.
    let dims: [Int32]
    let bytes: [UInt8]
  }

  /// OH_NN_OperationType
  let code: UInt32
  var inputs: [Tensor]
  var outputs: [Tensor]
  var parameters: [Parameter] = []

  init(_ code: UInt32, _ inputs: [Tensor], _ outputs: [Tensor]) {
    self.code = code
    self.inputs = inputs
    self.outputs = outputs
  }

  private mutating func add(_ type: UInt32, _ dataType: OH_NN_DataType, _ dims: [Int32], _ bytes: [UInt8]) {
    parameters.append(Parameter(type: type, dataType: dataType, dims: dims, bytes: bytes))
  }

  /// A list of int64; `dims` where it is not a plain one.
  mutating func set(_ type: UInt32, _ values: [Int], dims: [Int32]? = nil) {
    var bytes = [UInt8]()
    for v in values { DeviceOperation.append(UInt64(bitPattern: Int64(v)), 8, to: &bytes) }
    add(type, OH_NN_INT64, dims ?? [Int32(values.count)], bytes)
  }

  mutating func setFloat(_ type: UInt32, _ values: Float..., dims: [Int32]? = nil) { setFloats(type, values, dims: dims) }

  mutating func setFloats(_ type: UInt32, _ values: [Float], dims: [Int32]? = nil) {
    var bytes = [UInt8]()
    for v in values { DeviceOperation.append(UInt64(v.bitPattern), 4, to: &bytes) }
    add(type, OH_NN_FLOAT32, dims ?? [Int32(values.count)], bytes)
  }

  mutating func setBool(_ type: UInt32, _ value: Bool) { add(type, OH_NN_BOOL, [1], [value ? 1 : 0]) }

  mutating func setByte(_ type: UInt32, _ value: Int) { add(type, OH_NN_INT8, [1], [UInt8(truncatingIfNeeded: value)]) }

  mutating func setInt32(_ type: UInt32, _ value: Int) {
    var bytes = [UInt8]()
    DeviceOperation.append(UInt64(truncatingIfNeeded: value), 4, to: &bytes)
    add(type, OH_NN_INT32, [1], bytes)
  }

  private static func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
    for i in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * i))) }
  }
}

extension DataType {
  /// The type's number in the Neural Network Runtime; nil for types that it does not have.
  var deviceType: OH_NN_DataType? {
    switch self {
    case .bool: return OH_NN_BOOL
    case .int8: return OH_NN_INT8
    case .int16: return OH_NN_INT16
    case .int32: return OH_NN_INT32
    case .int64: return OH_NN_INT64
    case .uint8: return OH_NN_UINT8
    case .uint16: return OH_NN_UINT16
    case .uint32: return OH_NN_UINT32
    case .uint64: return OH_NN_UINT64
    case .float16: return OH_NN_FLOAT16
    case .float32: return OH_NN_FLOAT32
    case .float64: return OH_NN_FLOAT64
    case .unknown, .string, .tensorList: return nil
    }
  }
}

extension Tensor {
  /// A device can have it: known sizes, none of them 0, and less than 2 GiB.
  var fitsDevice: Bool {
    guard type.deviceType != nil, shape.isKnown, let count = shape.checkedCount, count > 0 else { return false }
    return count <= Int(Int32.max) / type.size
  }

  /// The value goes through the graph and is not known beforehand.
  var isVariable: Bool { !hasKnownValue }

  /// A constant of its own.
  static func constant(_ name: String, _ type: DataType, _ dims: [Int], fill: (UnsafeMutableRawPointer) -> Void) -> Tensor? {
    let tensor = Tensor(name: name, type: type, shape: Shape(dims))
    guard let buffer = Buffer(count: tensor.byteCount) else { return nil }
    fill(buffer.base)
    tensor.setConstant(buffer.base, owner: buffer)
    return tensor
  }

  static func constant(int32 values: [Int], _ dims: [Int]? = nil) -> Tensor? {
    constant("", .int32, dims ?? [values.count]) { memory in
      for (i, v) in values.enumerated() { memory.storeBytes(of: Int32(truncatingIfNeeded: v), toByteOffset: i * 4, as: Int32.self) }
    }
  }
}
