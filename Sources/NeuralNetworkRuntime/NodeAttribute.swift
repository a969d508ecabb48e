import CNeuralNetworkRuntime
import CSystem
import NNRtTypes
import System

/// A parameter of an operator as the driver gets it.
struct NodeAttribute {
  let type: OH_NN_TensorType
  let dataType: OH_NN_DataType
  let count: Int
  /// False for a default.
  let isGiven: Bool
  /// `count` values, padded to 8 bytes.
  let values: [UInt64]

  private init(_ record: ParameterRecord, count: Int, isGiven: Bool, _ fill: (UnsafeMutableRawPointer) -> Void) {
    type = record.type
    dataType = record.dataType
    self.count = count
    self.isGiven = isGiven
    var values = [UInt64](repeating: 0, count: (count * record.dataType.size + 7) / 8)
    values.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress { fill(base) }
    }
    self.values = values
  }

  /// The default of a parameter.
  private init(standard record: ParameterRecord, _ value: Float) {
    self.init(record, count: Int(record.standardCount), isGiven: false) { base in
      for i in 0..<Int(record.standardCount) {
        switch record.dataType {
        case OH_NN_BOOL, OH_NN_INT8: base.storeBytes(of: Int8(value), toByteOffset: i, as: Int8.self)
        case OH_NN_INT32: base.storeBytes(of: Int32(value), toByteOffset: i * 4, as: Int32.self)
        case OH_NN_INT64: base.storeBytes(of: Int64(value), toByteOffset: i * 8, as: Int64.self)
        default: base.storeBytes(of: value, toByteOffset: i * 4, as: Float.self)
        }
      }
    }
  }

  /// The first value, of an integer type or a boolean.
  private var integer: Int {
    values.withUnsafeBytes { bytes in
      switch dataType {
      case OH_NN_BOOL, OH_NN_INT8: return Int(bytes.load(as: Int8.self))
      case OH_NN_INT32: return Int(bytes.load(as: Int32.self))
      default: return Int(bytes.load(as: Int64.self))
      }
    }
  }

  // MARK: all of an operator

  /// The attributes of an operator: what was given, and the defaults of what was not.
  /// - Parameter indices: where the tensors are in the model
  /// - Parameter inputRank: number of dimensions of the first input
  static func attributes(
    of record: OperationRecord, _ tensors: [ModelTensor], _ indices: [UInt32], inputRank: Int
  ) throws(Failure) -> [NodeAttribute] {
    var attributes: [NodeAttribute] = []
    for i in tensors.indices {
      let tensor = tensors[i]
      guard let parameter = parameter(of: record, tensor.type) else {
        throw .invalid("parameter tensor \(indices[i]) has the type \(tensor.type.rawValue), which is none of this operator's")
      }
      for attribute in attributes where attribute.type == tensor.type {
        throw .invalid("\(parameter.name) is given twice, the second time by tensor \(indices[i])")
      }
      attributes.append(try given(parameter, tensor, inputRank: inputRank))
    }
    try resolveChoices(&attributes, record)
    for index in record.parameters {
      let parameter = ParameterRecord.at(index)
      if attributes.contains(where: { $0.type == parameter.type }) { continue }
      if parameter.isRequired { throw .invalid("\(parameter.name) is not given and has no default") }
      if parameter.standardCount == 0 || isDecided(parameter.type, attributes) { continue }
      attributes.append(NodeAttribute(standard: parameter, standardValue(parameter, attributes)))
    }
    return attributes
  }

  private static func parameter(of record: OperationRecord, _ type: OH_NN_TensorType) -> ParameterRecord? {
    for index in record.parameters where ParameterRecord.at(index).type == type { return ParameterRecord.at(index) }
    return nil
  }

  private static func given(_ record: ParameterRecord, _ tensor: ModelTensor, inputRank: Int) throws(Failure) -> NodeAttribute {
    guard let data = tensor.data else { throw .invalid("\(record.name) has no data") }
    if tensor.dataType != record.dataType {
      throw .invalid("\(record.name) is of data type \(tensor.dataType.rawValue); expected \(record.dataType.rawValue)")
    }
    let count = data.count / tensor.dataType.size
    if record.count != 0 && count != Int(record.count) {
      throw .invalid("\(record.name) has \(count) values; expected \(Int(record.count))")
    }
    if record.isRankless && tensor.shape.rank != 0 {
      throw .invalid("\(record.name) has the shape \(tensor.shape.text); expected no dimensions")
    }
    let attribute = NodeAttribute(record, count: count, isGiven: true) { base in
      memcpy(base, data.base, data.count)
      // Only two bytes are booleans in C.
      if record.dataType == OH_NN_BOOL {
        let bytes = base.assumingMemoryBound(to: UInt8.self)
        for i in 0..<count where bytes[i] != 0 { bytes[i] = 1 }
      }
    }
    if record.allowed.0 <= record.allowed.1 {
      let value = attribute.integer
      if value < Int(record.allowed.0) || value > Int(record.allowed.1) {
        throw .invalid("\(record.name) is \(value); expected \(Int(record.allowed.0)) to \(Int(record.allowed.1))")
      }
    }
    if record.type == OH_NN_LAYER_NORM_BEGIN_NORM_AXIS {
      let value = attribute.integer
      if value < 1 || value >= inputRank { throw .invalid("\(record.name) is \(value); expected 1 to \(inputRank - 1)") }
    }
    return attribute
  }

  // MARK: parameters that depend on each other

  /// Pads and pad mode of the operators that have both.
  private static let padChoices: [(OH_NN_TensorType, OH_NN_TensorType)] = [
    (OH_NN_AVG_POOL_PAD, OH_NN_AVG_POOL_PAD_MODE), (OH_NN_MAX_POOL_PAD, OH_NN_MAX_POOL_PAD_MODE),
    (OH_NN_CONV2D_PAD, OH_NN_CONV2D_PAD_MODE), (OH_NN_CONV2D_TRANSPOSE_PAD, OH_NN_CONV2D_TRANSPOSE_PAD_MODE),
    (OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD, OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD_MODE),
  ]

  /// Of pads and pad mode the later one counts. An axis of a full connection counts.
  private static func resolveChoices(_ attributes: inout [NodeAttribute], _ record: OperationRecord) throws(Failure) {
    for (pads, mode) in padChoices {
      guard let first = attributes.firstIndex(where: { $0.type == pads || $0.type == mode }),
        let last = attributes.lastIndex(where: { $0.type == pads || $0.type == mode }), first != last
      else { continue }
      attributes.remove(at: first)
    }
    let hasAxis = attributes.contains { $0.type == OH_NN_FULL_CONNECTION_AXIS }
    for attribute in attributes where attribute.type == OH_NN_FULL_CONNECTION_USE_AXIS && hasAxis && attribute.integer == 0 {
      throw .invalid("USE_AXIS is false, but AXIS is given")
    }
  }

  /// Whether a parameter that was not given has no default because of one that was.
  private static func isDecided(_ type: OH_NN_TensorType, _ attributes: [NodeAttribute]) -> Bool {
    if type == OH_NN_FULL_CONNECTION_AXIS { return true }
    for (pads, mode) in padChoices where type == pads { return attributes.contains { $0.type == mode } }
    return false
  }

  private static func standardValue(_ parameter: ParameterRecord, _ attributes: [NodeAttribute]) -> Float {
    if parameter.type == OH_NN_FULL_CONNECTION_USE_AXIS && attributes.contains(where: { $0.type == OH_NN_FULL_CONNECTION_AXIS }) {
      return 1
    }
    return parameter.standard
  }
}
