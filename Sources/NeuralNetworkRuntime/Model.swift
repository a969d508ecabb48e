import CInterface
import CNeuralNetworkRuntime
import CSystem
import NNRtTypes
import System

/// A tensor of a model.
final class ModelTensor {
  let dataType: OH_NN_DataType
  let shape: TensorShape
  fileprivate(set) var type: OH_NN_TensorType
  fileprivate(set) var data: Buffer?
  fileprivate(set) var quantParams: [NNRt_QuantParam]
  /// It is an input or output of an operator or of the model.
  fileprivate(set) var isUsed = false

  fileprivate init(_ dataType: OH_NN_DataType, _ shape: TensorShape, _ type: OH_NN_TensorType, _ quantParams: [NNRt_QuantParam]) {
    self.dataType = dataType
    self.shape = shape
    self.type = type
    self.quantParams = quantParams
  }

  var isData: Bool { type == OH_NN_TENSOR }
}

/// An operator of a model.
final class ModelNode {
  let record: OperationRecord
  let attributes: [NodeAttribute]
  let inputs: [UInt32]
  let outputs: [UInt32]

  init(_ record: OperationRecord, _ attributes: [NodeAttribute], _ inputs: [UInt32], _ outputs: [UInt32]) {
    self.record = record
    self.attributes = attributes
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// A model under construction, or finished. Finished, it has a flat form that never changes and that compilations share.
final class ModelObject: HandleObject {
  private let lock = Lock()
  private(set) var tensors: [ModelTensor] = []
  private(set) var nodes: [ModelNode] = []
  private(set) var inputs: [UInt32] = []
  private(set) var outputs: [UInt32] = []
  private var flat: FlatModel?
  /// The last answer of a device.
  private var available: UnsafeMutablePointer<Bool>?

  /// Most inputs, and most outputs, of an operator or a model.
  static let maximumIndices = 200

  deinit { available?.deallocate() }

  /// The finished model; nil before.
  var finished: FlatModel? {
    lock.lock()
    defer { lock.unlock() }
    return flat
  }

  // MARK: tensors

  /// - Parameter isLate: accepted after the model is finished, to no effect
  func addTensor(
    _ dataType: OH_NN_DataType, _ shape: TensorShape, _ type: OH_NN_TensorType, _ quantParams: [NNRt_QuantParam], isLate: Bool
  ) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    if !isLate { try checkOpen() }
    if !dataType.isValid { throw .invalid("data type \(Int(Int32(bitPattern: dataType.rawValue))); expected 0 to 12") }
    try Self.check(type)
    guard let bytes = shape.bytes(dataType), bytes <= Int(UInt32.max) else {
      throw .invalid("a tensor of shape \(shape.text) has too many bytes; expected less than 4 GiB")
    }
    tensors.append(ModelTensor(dataType, shape, type, quantParams))
  }

  func setData(_ index: UInt32, _ data: UnsafeRawPointer?, _ length: Int) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    try checkOpen()
    let tensor = try tensor(index)
    guard let data else { throw .invalid("dataBuffer is NULL") }
    if length <= 0 { throw .invalid("the length is 0") }
    if tensor.data != nil { throw .invalid("tensor \(index) has data") }
    if !tensor.shape.isKnown { throw .forbidden("tensor \(index) has the shape \(tensor.shape.text), which is not known yet") }
    if tensor.dataType == OH_NN_UNKNOWN { throw .invalid("tensor \(index) has no data type") }
    guard let bytes = tensor.shape.bytes(tensor.dataType), bytes == length else {
      throw .invalid("tensor \(index) has the shape \(tensor.shape.text), elements of \(tensor.dataType.size) bytes; \(length) bytes do not fit")
    }
    guard let buffer = Buffer(count: length) else { throw .memory("no memory for \(length) bytes of tensor \(index)") }
    memcpy(buffer.base, data, length)
    tensor.data = buffer
  }

  func setQuantParams(_ index: UInt32, _ quantParams: [NNRt_QuantParam]) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    try checkOpen()
    try tensor(index).quantParams = quantParams
  }

  func setType(_ index: UInt32, _ type: OH_NN_TensorType) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    try checkOpen()
    try Self.check(type)
    let tensor = try tensor(index)
    if tensor.isUsed && type != OH_NN_TENSOR { throw .invalid("tensor \(index) is an input or output and cannot be a parameter") }
    tensor.type = type
  }

  private static func check(_ type: OH_NN_TensorType) throws(Failure) {
    if type.rawValue > OH_NN_REDUCE_L2_COEFF.rawValue {
      throw .invalid("tensor type \(Int(Int32(bitPattern: type.rawValue))); expected 0 to 162")
    }
  }

  private func tensor(_ index: UInt32) throws(Failure) -> ModelTensor {
    if Int(index) >= tensors.count { throw .invalid("there is no tensor \(index); the model has \(tensors.count)") }
    return tensors[Int(index)]
  }

  private func checkOpen() throws(Failure) {
    if flat != nil { throw .forbidden("the model is finished") }
  }

  // MARK: operators

  func addOperation(
    _ operation: OH_NN_OperationType, _ parameters: UnsafePointer<OH_NN_UInt32Array>?, _ inputs: UnsafePointer<OH_NN_UInt32Array>?,
    _ outputs: UnsafePointer<OH_NN_UInt32Array>?
  ) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    try checkOpen()
    guard let record = OperationRecord.of(operation) else {
      throw .invalid("operation \(Int(Int32(bitPattern: operation.rawValue))); expected 1 to 108")
    }
    do throws(Failure) {
      let inputs = try dataTensors(inputs, "inputIndices")
      let outputs = try dataTensors(outputs, "outputIndices")
      if !record.acceptsInputs(inputs.count) { throw .invalid("\(inputs.count) inputs") }
      if !record.acceptsOutputs(outputs.count) { throw .invalid("\(outputs.count) outputs") }
      try checkDisjoint(inputs, outputs)
      try checkDistinct(outputs, "outputIndices")
      let given = try indices(parameters, "paramIndices", mayBeEmpty: true)
      try checkDistinct(given, "paramIndices")
      var tensors: [ModelTensor] = []
      for index in given { tensors.append(try tensor(index)) }
      let attributes = try NodeAttribute.attributes(
        of: record, tensors, given, inputRank: self.tensors[Int(inputs[0])].shape.rank)
      markUsed(inputs)
      markUsed(outputs)
      nodes.append(ModelNode(record, attributes, inputs, outputs))
    } catch {
      throw Failure(error.code, "OH_NN_OPS_\(record.name): \(error.message)")
    }
  }

  /// The indices in an array of a program, all of tensors that there are.
  private func indices(
    _ array: UnsafePointer<OH_NN_UInt32Array>?, _ argument: StaticString, mayBeEmpty: Bool = false
  ) throws(Failure) -> [UInt32] {
    guard let array else { throw .invalid("\(argument) is NULL") }
    let count = Int(array.pointee.size)
    guard let data = array.pointee.data else {
      if count == 0 && mayBeEmpty { return [] }
      throw .invalid("\(argument) has the size \(count) and no data")
    }
    if count == 0 || count > Self.maximumIndices {
      throw .invalid("\(argument) has the size \(count); expected 1 to \(Self.maximumIndices)")
    }
    var indices: [UInt32] = []
    for i in 0..<count {
      _ = try tensor(data[i])
      indices.append(data[i])
    }
    return indices
  }

  private func dataTensors(_ array: UnsafePointer<OH_NN_UInt32Array>?, _ argument: StaticString) throws(Failure) -> [UInt32] {
    let indices = try indices(array, argument)
    for index in indices where !tensors[Int(index)].isData {
      throw .invalid("\(argument): tensor \(index) is a parameter (type \(tensors[Int(index)].type.rawValue))")
    }
    return indices
  }

  private func checkDisjoint(_ inputs: [UInt32], _ outputs: [UInt32]) throws(Failure) {
    for index in outputs where inputs.contains(index) { throw .invalid("tensor \(index) is both an input and an output") }
  }

  private func checkDistinct(_ indices: [UInt32], _ argument: StaticString) throws(Failure) {
    for i in indices.indices where indices[..<i].contains(indices[i]) {
      throw .invalid("\(argument) has tensor \(indices[i]) twice")
    }
  }

  private func markUsed(_ indices: [UInt32]) {
    for index in indices { tensors[Int(index)].isUsed = true }
  }

  // MARK: the end

  func specify(inputs: UnsafePointer<OH_NN_UInt32Array>?, outputs: UnsafePointer<OH_NN_UInt32Array>?) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    try checkOpen()
    if !self.inputs.isEmpty { throw .forbidden("inputs and outputs were specified before") }
    let newInputs = try dataTensors(inputs, "inputIndices")
    let newOutputs = try dataTensors(outputs, "outputIndices")
    try checkDisjoint(newInputs, newOutputs)
    try checkDistinct(newInputs, "inputIndices")
    try checkDistinct(newOutputs, "outputIndices")
    markUsed(newInputs)
    markUsed(newOutputs)
    self.inputs = newInputs
    self.outputs = newOutputs
  }

  func finish() throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    try checkOpen()
    if tensors.isEmpty { throw .forbidden("the model has no tensors") }
    if nodes.isEmpty { throw .forbidden("the model has no operations") }
    if inputs.isEmpty { throw .forbidden("inputs and outputs were not specified") }
    flat = try FlatModel.make(of: self)
  }

  /// Asks a device which operators it can run; the answer is the model's.
  func availableOperations(on device: Device) throws(Failure) -> (UnsafeMutablePointer<Bool>, Int) {
    guard let flat = finished else { throw .forbidden("the model is not finished") }
    let answer = try device.supportedOperations(flat)
    lock.lock()
    defer { lock.unlock() }
    available?.deallocate()
    available = answer
    return (answer, flat.nodeCount)
  }
}
