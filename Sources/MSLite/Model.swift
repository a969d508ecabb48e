import CInterface
import CMindSpore
import CSystem
import Graph
import Runtime
import Synchronization
import System

/// A model of the C interface: not built, or a session with its tensors.
final class ModelObject: HandleObject {
  /// One thread at a time builds, resizes, runs or destroys.
  private let busy = Atomic<Bool>(false)
  /// What LoadConfig read, for the next build.
  var plan = ExecutionPlan()
  /// The key of the model file to build, until the build has succeeded.
  var key: SecretKey?
  /// The context's settings, from the first build that got as far as using them.
  var settings: ContextSettings?
  var trainConfig: TrainConfigObject?
  /// What a run runs.
  private(set) var session: Session?
  /// Of a model that is trained.
  private(set) var training: TrainingSession?
  /// Of a model that is trained: the outputs of the mode that it is not in.
  private var otherOutputs: TensorList?
  // Of a built model: the graph's inputs and outputs, and the tensors and lists that stand for them.
  private(set) var graphInputs: [Tensor] = []
  private(set) var graphOutputs: [Tensor] = []
  private(set) var inputs: TensorList?
  private(set) var outputs: TensorList?
  private let allocator = AllocatorObject()
  /// Calls the caller's functions around operators; made when first needed.
  var callbacks: CallbackObserver?
  // Working space of a run, made at build so that runs allocate nothing: the tensors in use, and copies of inputs that cannot
  // be read in place.
  var boundInputs: [TensorObject?] = []
  var boundOutputs: [TensorObject?] = []
  var copiesOutput: [Bool] = []
  var staging: [Buffer?] = []
  var hasWarnedOfName = false

  deinit {
    if let handle = allocator.handle { HandleTable.shared.destroy(handle) }
    if let handle = trainConfig?.handle { HandleTable.shared.destroy(handle) }
  }

  var isBuilt: Bool { session != nil }

  /// Takes the model for the calling thread; false, with the error reported, while another thread (or a callback's caller) has it.
  func enter(function: StaticString = #function) -> Bool {
    if busy.exchange(true, ordering: .acquiringAndReleasing) == false { return true }
    fail(.error, "the model is in use; expected a call after the other one has returned", function: function)
    return false
  }

  func leave() { busy.store(false, ordering: .releasing) }

  /// Makes the model a built one; false when memory runs out.
  func adopt(_ session: Session) -> Bool {
    if allocator.handle == nil && HandleTable.shared.insert(allocator, .allocator) == nil { return false }
    let graphInputs = session.inputs
    let graphOutputs = session.outputs
    guard let inputs = TensorList(graphInputs, model: handle, allocator: allocator.handle),
      let outputs = TensorList(graphOutputs, model: handle, allocator: allocator.handle)
    else { return false }
    self.session = session
    self.graphInputs = graphInputs
    self.graphOutputs = graphOutputs
    self.inputs = inputs
    self.outputs = outputs
    boundInputs = [TensorObject?](repeating: nil, count: graphInputs.count)
    boundOutputs = [TensorObject?](repeating: nil, count: graphOutputs.count)
    copiesOutput = [Bool](repeating: false, count: graphOutputs.count)
    staging = [Buffer?](repeating: nil, count: graphInputs.count)
    return true
  }

  /// Makes the model one that is trained, in the mode that `training` is in; false when memory runs out.
  func adopt(_ training: TrainingSession) -> Bool {
    guard adopt(training.current),
      let others = TensorList(training.training.outputs, model: handle, allocator: allocator.handle)
    else {
      session = nil
      return false
    }
    self.training = training
    otherOutputs = others
    return true
  }

  /// After a resize: the tensors take the graph's new shapes and lose data of the old ones.
  func refreshShapes() {
    guard let session, let inputs else { return }
    takeSession(session)
    var i = 0
    while i < graphInputs.count {
      inputs.tensors[i].setShape(graphInputs[i].shape)
      inputs.tensors[i].dropData()
      i += 1
    }
    guard let training, let otherOutputs else { return }
    refresh(otherOutputs, training.isTraining ? training.evaluation : training.training)
  }

  /// After a change of mode, to which the outputs belong.
  func refreshMode() {
    guard let training else { return }
    dropResults()
    swap(&outputs, &otherOutputs)
    takeSession(training.current)
    boundOutputs = [TensorObject?](repeating: nil, count: graphOutputs.count)
    copiesOutput = [Bool](repeating: false, count: graphOutputs.count)
  }

  /// After a change of weights, which may have made sessions anew.
  func refreshWeights() {
    guard let training, let otherOutputs else { return }
    dropResults()
    takeSession(training.current)
    refresh(otherOutputs, training.isTraining ? training.evaluation : training.training)
  }

  private func takeSession(_ session: Session) {
    self.session = session
    // Nodes are made anew.
    callbacks = nil
    takeGraph(session)
    if let outputs { refresh(outputs, session) }
  }

  func takeGraph(_ session: Session) {
    graphInputs = session.inputs
    graphOutputs = session.outputs
  }

  private func refresh(_ list: TensorList, _ session: Session) {
    for (tensor, value) in zip(list.tensors, session.outputs) {
      tensor.setShape(value.shape)
      if tensor.storage != .borrowed { tensor.dropData() }
    }
  }
}

@c @implementation
public func OH_AI_ModelCreate() -> OH_AI_ModelHandle! {
  HandleTable.shared.insert(ModelObject(), .model)
}

@c @implementation
public func OH_AI_ModelDestroy(_ model: UnsafeMutablePointer<OH_AI_ModelHandle?>!) {
  destroyHandle(model)
}

/// Ends a model that nobody uses; one in use stays, and so does its handle.
func destroyModel(
  _ model: ModelObject, _ handle: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ function: StaticString
) {
  // The model is never left again: a thread that found it before it went sees it in use.
  guard model.enter(function: function) else { return }
  HandleTable.shared.destroy(handle.pointee)
  handle.pointee = nil
  nullAllocatorWasIssued.store(false, ordering: .relaxed)
}

private var noTensors: OH_AI_TensorHandleArray { OH_AI_TensorHandleArray(handle_num: 0, handle_list: nil) }

@c @implementation
public func OH_AI_ModelGetInputs(_ model: OH_AI_ModelHandle!) -> OH_AI_TensorHandleArray {
  guard let object = liveModel(model) else { return noTensors }
  guard let inputs = object.inputs else {
    fail(.nullPointer, "the model is not built")
    return noTensors
  }
  return inputs.array
}

@c @implementation
public func OH_AI_ModelGetOutputs(_ model: OH_AI_ModelHandle!) -> OH_AI_TensorHandleArray {
  guard let object = liveModel(model) else { return noTensors }
  guard let outputs = object.outputs else {
    fail(.nullPointer, "the model is not built")
    return noTensors
  }
  return outputs.array
}

@c @implementation
public func OH_AI_ModelGetInputByTensorName(
  _ model: OH_AI_ModelHandle!, _ tensor_name: UnsafePointer<CChar>!
) -> OH_AI_TensorHandle! {
  guard let object = liveModel(model) else { return nil }
  return find(tensor_name, in: object.inputs)
}

@c @implementation
public func OH_AI_ModelGetOutputByTensorName(
  _ model: OH_AI_ModelHandle!, _ tensor_name: UnsafePointer<CChar>!
) -> OH_AI_TensorHandle! {
  guard let object = liveModel(model) else { return nil }
  return find(tensor_name, in: object.outputs)
}

private func find(
  _ name: UnsafePointer<CChar>?, in list: TensorList?, function: StaticString = #function
) -> UnsafeMutableRawPointer? {
  guard let name else {
    fail(.nullPointer, "tensor_name is NULL; expected a string", function: function)
    return nil
  }
  guard let list else {
    fail(.nullPointer, "the model is not built", function: function)
    return nil
  }
  if let handle = list.named(name) { return handle }
  var known = ""
  for tensor in list.tensors { known += " \"\(text(tensor.name))\"" }
  fail(.parameterInvalid, "no tensor is called \"\(text(name))\"; expected one of\(known)", function: function)
  return nil
}
