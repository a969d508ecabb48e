import CMindSpore
import CSystem
import Graph
import Runtime

private var noTraining: Message {
  "the model holds no training; expected a training model built by OH_AI_TrainModelBuild"
}

/// A built model, or the status to return.
func builtModel(
  _ handle: UnsafeMutableRawPointer?, unbuilt: EngineError.Code = .nullPointer, function: StaticString = #function
) -> (model: ModelObject?, status: OH_AI_Status) {
  guard let model = liveModel(handle, code: .parameterInvalid, function: function) else {
    return (nil, OH_AI_Status(.parameterInvalid))
  }
  if model.isBuilt { return (model, OH_AI_STATUS_SUCCESS) }
  return (nil, fail(unbuilt, "the model is not built", function: function))
}

/// Calls `body` with a model that is trained, while nobody else uses it.
func withTraining(
  _ handle: UnsafeMutableRawPointer?, function: StaticString = #function,
  _ body: (ModelObject, TrainingSession) throws(EngineError) -> Void
) -> OH_AI_Status {
  let (object, status) = builtModel(handle, function: function)
  guard let object else { return status }
  guard let training = object.training else { return fail(.error, noTraining, function: function) }
  guard object.enter(function: function) else { return OH_AI_Status(.error) }
  defer { object.leave() }
  do throws(EngineError) {
    try body(object, training)
  } catch {
    return fail(error.code, Message(text: error.message), function: function)
  }
  return OH_AI_STATUS_SUCCESS
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
  withTraining(model) { (_, training) throws(EngineError) in
    // (Not a number is refused too.)
    if !(learning_rate >= 0) { throw EngineError(.error, "learning_rate is negative or not a number; expected 0 or more") }
    training.learningRate = learning_rate
  }
}

@c @implementation
public func OH_AI_ModelGetLearningRate(_ model: OH_AI_ModelHandle!) -> Float {
  guard let object = builtModel(model).model else { return 0 }
  if let training = object.training { return training.learningRate }
  fail(.error, noTraining)
  return 0
}

@c @implementation
public func OH_AI_ModelGetTrainMode(_ model: OH_AI_ModelHandle!) -> Bool {
  builtModel(model).model?.training?.isTraining ?? false
}

@c @implementation
public func OH_AI_ModelSetTrainMode(_ model: OH_AI_ModelHandle!, _ train: Bool) -> OH_AI_Status {
  let (object, status) = builtModel(model, unbuilt: .uninitialized)
  guard let object else { return status }
  if object.training == nil && !train { return OH_AI_STATUS_SUCCESS }
  return withTraining(model) { (object, training) throws(EngineError) in
    if training.isTraining == train { return }
    try training.setTraining(train)
    object.refreshMode()
  }
}

@c @implementation
public func OH_AI_ModelSetupVirtualBatch(
  _ model: OH_AI_ModelHandle!, _ virtual_batch_multiplier: Int32, _ lr: Float, _ momentum: Float
) -> OH_AI_Status {
  withTraining(model) { (_, training) throws(EngineError) in
    if lr.isNaN || momentum.isNaN { throw EngineError(.error, "lr or momentum is not a number; expected one, or a negative number") }
    try training.setVirtualBatch(Int(virtual_batch_multiplier), rate: lr, momentum: momentum)
  }
}
