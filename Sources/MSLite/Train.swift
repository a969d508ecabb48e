import CMindSpore
import CSystem
import Graph

// Models are built for inference only, so past the checks of their arguments these functions answer for a model without
// training.

private var noTraining: Message {
  "the model holds no training; expected a training model built by OH_AI_TrainModelBuild"
}

/// A built model, or the status to return.
private func builtModel(
  _ handle: UnsafeMutableRawPointer?, unbuilt: EngineError.Code = .nullPointer, function: StaticString = #function
) -> (model: ModelObject?, status: OH_AI_Status) {
  guard let model = liveModel(handle, code: .parameterInvalid, function: function) else {
    return (nil, OH_AI_Status(.parameterInvalid))
  }
  if model.isBuilt { return (model, OH_AI_STATUS_SUCCESS) }
  return (nil, fail(unbuilt, "the model is not built", function: function))
}

@c @implementation
public func OH_AI_RunStep(
  _ model: OH_AI_ModelHandle!, _ before: OH_AI_KernelCallBack!, _ after: OH_AI_KernelCallBack!
) -> OH_AI_Status {
  let (object, status) = builtModel(model)
  guard let object else { return status }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  do throws(EngineError) {
    defer { object.forgetTensors() }
    object.takeOwnInputs()
    object.takeOwnOutputs()
    try object.checkInputs()
    try object.run(before, after)
  } catch {
    return fail(error.code, Message(text: error.message))
  }
  return OH_AI_STATUS_SUCCESS
}

@c @implementation
public func OH_AI_ModelSetLearningRate(_ model: OH_AI_ModelHandle!, _ learning_rate: Float) -> OH_AI_Status {
  let (object, status) = builtModel(model)
  return object == nil ? status : fail(.error, noTraining)
}

@c @implementation
public func OH_AI_ModelGetLearningRate(_ model: OH_AI_ModelHandle!) -> Float {
  if builtModel(model).model != nil { fail(.error, noTraining) }
  return 0
}

@c @implementation
public func OH_AI_ModelGetWeights(_ model: OH_AI_ModelHandle!) -> OH_AI_TensorHandleArray {
  if builtModel(model).model != nil { fail(.error, noTraining) }
  return OH_AI_TensorHandleArray(handle_num: 0, handle_list: nil)
}

@c @implementation
public func OH_AI_ModelUpdateWeights(
  _ model: OH_AI_ModelHandle!, _ new_weights: OH_AI_TensorHandleArray
) -> OH_AI_Status {
  let (object, status) = builtModel(model)
  guard object != nil else { return status }
  if new_weights.handle_num == 0 || new_weights.handle_list == nil {
    return fail(.inputParameterInvalid, "new_weights is empty; expected tensors named like weights")
  }
  return fail(.error, noTraining)
}

@c @implementation
public func OH_AI_ModelGetTrainMode(_ model: OH_AI_ModelHandle!) -> Bool {
  _ = builtModel(model)
  return false
}

@c @implementation
public func OH_AI_ModelSetTrainMode(_ model: OH_AI_ModelHandle!, _ train: Bool) -> OH_AI_Status {
  let (object, status) = builtModel(model, unbuilt: .uninitialized)
  guard object != nil else { return status }
  return train ? fail(.error, noTraining) : OH_AI_STATUS_SUCCESS
}

@c @implementation
public func OH_AI_ModelSetupVirtualBatch(
  _ model: OH_AI_ModelHandle!, _ virtual_batch_multiplier: Int32, _ lr: Float, _ momentum: Float
) -> OH_AI_Status {
  let (object, status) = builtModel(model)
  return object == nil ? status : fail(.error, noTraining)
}

/// What the three exports check first.
private func exportRefusal(
  _ model: UnsafeMutableRawPointer?, _ type: OH_AI_ModelType, isSupported: Bool = true, function: StaticString = #function
) -> OH_AI_Status {
  guard let object = liveModel(model, code: .parameterInvalid, function: function) else {
    return OH_AI_Status(.parameterInvalid)
  }
  if !isSupported {
    return fail(.notSupported, "is_inference is false; only the inference part can be written", function: function)
  }
  if type != OH_AI_MODELTYPE_MINDIR {
    return fail(
      .parameterInvalid, "model_type is \(type.rawValue); expected OH_AI_MODELTYPE_MINDIR (0)", function: function)
  }
  return fail(.error, object.isBuilt ? noTraining : "the model is not built", function: function)
}

@c @implementation
public func OH_AI_ExportModel(
  _ model: OH_AI_ModelHandle!, _ model_type: OH_AI_ModelType, _ model_file: UnsafePointer<CChar>!,
  _ quantization_type: OH_AI_QuantizationType, _ export_inference_only: Bool,
  _ output_tensor_name: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ num: Int
) -> OH_AI_Status {
  exportRefusal(model, model_type)
}

@c @implementation
public func OH_AI_ExportModelBuffer(
  _ model: OH_AI_ModelHandle!, _ model_type: OH_AI_ModelType, _ model_data: UnsafeMutableRawPointer!,
  _ data_size: UnsafeMutablePointer<Int>!, _ quantization_type: OH_AI_QuantizationType, _ export_inference_only: Bool,
  _ output_tensor_name: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ num: Int
) -> OH_AI_Status {
  // The address of a char *, whatever the declaration says.
  if let model_data { model_data.storeBytes(of: nil, as: UnsafeMutablePointer<CChar>?.self) }
  data_size?.pointee = 0
  return exportRefusal(model, model_type)
}

@c @implementation
public func OH_AI_ExportWeightsCollaborateWithMicro(
  _ model: OH_AI_ModelHandle!, _ model_type: OH_AI_ModelType, _ weight_file: UnsafePointer<CChar>!,
  _ is_inference: Bool, _ enable_fp16: Bool,
  _ changeable_weights_name: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!, _ num: Int
) -> OH_AI_Status {
  exportRefusal(model, model_type, isSupported: is_inference)
}
