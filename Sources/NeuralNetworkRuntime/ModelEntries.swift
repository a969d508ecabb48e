import CInterface
import CNeuralNetworkRuntime

// The functions that build a model.

@c @implementation
public func OH_NNModel_Construct() -> OpaquePointer! {
  made { () throws(Failure) in try enter(ModelObject(), .model) }
}

@c @implementation
public func OH_NNModel_Destroy(_ model: UnsafeMutablePointer<OpaquePointer?>!) { leaveSilently(model, .model) }

@c @implementation
public func OH_NNModel_AddTensorToModel(_ model: OpaquePointer!, _ tensorDesc: OpaquePointer!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveModel(model)
    let value = try liveTensorDesc(tensorDesc).value
    try object.addTensor(value.dataType, value.shape, OH_NN_TENSOR, [], isLate: true)
  }
}

@c @implementation
public func OH_NNModel_AddTensor(_ model: OpaquePointer!, _ tensor: UnsafePointer<OH_NN_Tensor>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveModel(model)
    guard let tensor else { throw .invalid("tensor is NULL") }
    try object.addTensor(
      tensor.pointee.dataType, try shape(of: tensor), tensor.pointee.type, try quantParams(of: tensor), isLate: false)
  }
}

/// The shape that a program gives in a struct.
func shape(of tensor: UnsafePointer<OH_NN_Tensor>) throws(Failure) -> TensorShape {
  try TensorShape.checked(tensor.pointee.dimensions, Int(tensor.pointee.dimensionCount))
}

private func quantParams(of tensor: UnsafePointer<OH_NN_Tensor>) throws(Failure) -> [NNRt_QuantParam] {
  guard let given = tensor.pointee.quantParam?.pointee else { return [] }
  if given.quantCount == 0 { return [] }
  guard let scale = given.scale, let zeroPoint = given.zeroPoint, let bits = given.numBits else {
    throw .invalid("quantParam has \(given.quantCount) entries, but an array is NULL")
  }
  if given.quantCount > 1 << 24 { throw .invalid("quantParam has \(given.quantCount) entries; expected up to \(1 << 24)") }
  return try quantEntries(Int(given.quantCount), scale, zeroPoint, bits)
}

@c @implementation
public func OH_NNModel_SetTensorData(
  _ model: OpaquePointer!, _ index: UInt32, _ dataBuffer: UnsafeRawPointer!, _ length: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveModel(model).setData(index, dataBuffer, length) }
}

@c @implementation
public func OH_NNModel_SetTensorQuantParams(
  _ model: OpaquePointer!, _ index: UInt32, _ quantParam: OpaquePointer!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveModel(model)
    try object.setQuantParams(index, try liveQuantParam(quantParam).entries())
  }
}

@c @implementation
public func OH_NNModel_SetTensorType(_ model: OpaquePointer!, _ index: UInt32, _ tensorType: OH_NN_TensorType) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveModel(model).setType(index, tensorType) }
}

@c @implementation
public func OH_NNModel_AddOperation(
  _ model: OpaquePointer!, _ op: OH_NN_OperationType, _ paramIndices: UnsafePointer<OH_NN_UInt32Array>!,
  _ inputIndices: UnsafePointer<OH_NN_UInt32Array>!, _ outputIndices: UnsafePointer<OH_NN_UInt32Array>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveModel(model).addOperation(op, paramIndices, inputIndices, outputIndices) }
}

@c @implementation
public func OH_NNModel_SpecifyInputsAndOutputs(
  _ model: OpaquePointer!, _ inputIndices: UnsafePointer<OH_NN_UInt32Array>!, _ outputIndices: UnsafePointer<OH_NN_UInt32Array>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveModel(model).specify(inputs: inputIndices, outputs: outputIndices) }
}

@c @implementation
public func OH_NNModel_Finish(_ model: OpaquePointer!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveModel(model).finish() }
}

@c @implementation
public func OH_NNModel_GetAvailableOperations(
  _ model: OpaquePointer!, _ deviceID: Int, _ isSupported: UnsafeMutablePointer<UnsafePointer<Bool>?>!,
  _ opCount: UnsafeMutablePointer<UInt32>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveModel(model)
    let answer = try emptyPlace(isSupported, "isSupported")
    let count = try place(opCount, "opCount")
    if object.finished == nil { throw .forbidden("the model is not finished") }
    guard let device = Devices.shared.device(deviceID) else { throw Devices.unknown(deviceID) }
    let (supported, nodes) = try object.availableOperations(on: device)
    answer.pointee = UnsafePointer(supported)
    count.pointee = UInt32(nodes)
  }
}
