import CMindSpore
import CSystem
import Graph
import NNRt
import Runtime
import System

/// Where the caller says that a model is.
private enum Place {
  case bytes(UnsafeRawBufferPointer)
  case path(UnsafePointer<CChar>)
}

@c @implementation
public func OH_AI_ModelBuild(
  _ model: OH_AI_ModelHandle!, _ model_data: UnsafeRawPointer!, _ data_size: Int, _ model_type: OH_AI_ModelType,
  _ model_context: OH_AI_ContextHandle!
) -> OH_AI_Status {
  build(model, bytes(model_data, data_size), model_type, model_context)
}

@c @implementation
public func OH_AI_ModelBuildFromFile(
  _ model: OH_AI_ModelHandle!, _ model_path: UnsafePointer<CChar>!, _ model_type: OH_AI_ModelType,
  _ model_context: OH_AI_ContextHandle!
) -> OH_AI_Status {
  build(model, model_path.map { .path($0) }, model_type, model_context)
}

@c @implementation
public func OH_AI_TrainModelBuild(
  _ model: OH_AI_ModelHandle!, _ model_data: UnsafeRawPointer!, _ data_size: Int, _ model_type: OH_AI_ModelType,
  _ model_context: OH_AI_ContextHandle!, _ train_cfg: OH_AI_TrainCfgHandle!
) -> OH_AI_Status {
  build(model, bytes(model_data, data_size), model_type, model_context, trains: true, train_cfg)
}

@c @implementation
public func OH_AI_TrainModelBuildFromFile(
  _ model: OH_AI_ModelHandle!, _ model_path: UnsafePointer<CChar>!, _ model_type: OH_AI_ModelType,
  _ model_context: OH_AI_ContextHandle!, _ train_cfg: OH_AI_TrainCfgHandle!
) -> OH_AI_Status {
  guard let model_path else { return build(model, nil, model_type, model_context, trains: true, train_cfg) }
  guard let path = pathWithSuffix(model_path) else { return fail(.outOfMemory, "no memory for the path") }
  defer { free(path) }
  return build(model, .path(UnsafePointer(path)), model_type, model_context, trains: true, train_cfg)
}

private func bytes(_ data: UnsafeRawPointer?, _ count: Int) -> Place? {
  guard let data else { return nil }
  // A size with the top bit set is more than any memory holds; the reader refuses what is not a model long before its end.
  return .bytes(UnsafeRawBufferPointer(start: data, count: count < 0 ? Int.max : count))
}

/// A malloc'd copy of `path` that ends in ".ms"; nil when memory runs out.
func pathWithSuffix(_ path: UnsafePointer<CChar>) -> UnsafeMutablePointer<CChar>? {
  let length = strlen(path)
  let suffix: StaticString = ".ms"
  if length == 0 || (length >= 3 && equal(path + (length - 3), suffix)) { return duplicate(path) }
  guard let memory = malloc(length + 4) else { return nil }
  memcpy(memory, path, length)
  memcpy(memory + length, suffix.utf8Start, 4)
  return memory.bindMemory(to: CChar.self, capacity: length + 4)
}

/// The order of the checks is part of the interface.
private func build(
  _ model: UnsafeMutableRawPointer?, _ place: Place?, _ type: OH_AI_ModelType,
  _ context: UnsafeMutableRawPointer?, trains: Bool = false, _ trainConfig: UnsafeMutableRawPointer? = nil,
  function: StaticString = #function
) -> OH_AI_Status {
  guard let object = liveModel(model, function: function) else { return OH_AI_Status(.nullPointer) }
  guard let place else {
    return fail(.nullPointer, "the model's data or path is NULL", function: function)
  }
  guard let settings = liveContext(context, "model_context", function: function)?.settings else {
    return OH_AI_Status(.nullPointer)
  }
  if type != OH_AI_MODELTYPE_MINDIR {
    return fail(
      .parameterInvalid, "model_type is \(type.rawValue); expected OH_AI_MODELTYPE_MINDIR (0)", function: function)
  }
  var config: TrainConfigObject?
  if trainConfig != nil {
    config = liveTrainConfig(trainConfig, function: function)
    if config == nil { return OH_AI_Status(.parameterInvalid) }
  }
  guard object.enter(function: function) else { return OH_AI_Status(.error) }
  defer { object.leave() }
  // A train build looks at the file before it looks at anything else.
  var opened: ModelSource?
  if trains {
    do throws(EngineError) {
      opened = try modelSource(place, object)
    } catch { return fail(error.code, Message(text: error.message), function: function) }
  }
  if settings.isOwned(byOtherThan: model) {
    return fail(
      .parameterInvalid, "model_context belongs to another model; expected a context of its own", function: function)
  }
  if object.isBuilt {
    return fail(.modelRebuild, "the model is built already; expected a new one from OH_AI_ModelCreate", function: function)
  }
  if case .bytes(let bytes) = place, bytes.isEmpty {
    return fail(.inputParameterInvalid, "data_size is 0; expected the bytes of a model", function: function)
  }
  do throws(EngineError) {
    var options = try checkedOptions(settings)
    options.plan = object.plan
    guard settings.claim(for: model) else {
      throw EngineError(.parameterInvalid, "model_context belongs to another model; expected a context of its own")
    }
    object.settings = settings
    if trains && options.nnrt != nil {
      if options.nnrt?.allowsCPU != true {
        throw EngineError(.notSupported, "models are trained on the CPU, which model_context does not list")
      }
      options.nnrt = nil
    }
    if let config {
      object.trainConfig = config
      if config.asksForHalf { options.float16 = true }
    }
    settings.threadCount = Int32(clamping: options.threads)
    options.cores =
      settings.cores.isEmpty
      ? Affinity.cores(mode: settings.affinityMode, count: options.threads) : settings.cores
    let source: ModelSource
    if let opened { source = opened } else { source = try modelSource(place, object) }
    do throws(EngineError) {
      try open(object, source, options, trains: trains)
    } catch {
      if case .path(let path) = place { throw error.adding("\"\(text(path))\"") }
      throw error
    }
    object.key = nil
    object.reportNotices(function: function)
  } catch {
    return fail(error.code, Message(text: error.message), function: function)
  }
  return OH_AI_STATUS_SUCCESS
}

/// The model with all that has been said of it before the build.
private func modelSource(_ place: Place, _ object: ModelObject) throws(EngineError) -> ModelSource {
  var source: ModelSource
  switch place {
  case .bytes(let bytes):
    if bytes.isEmpty { throw EngineError(.error, "data_size is 0; expected the bytes of a model") }
    source = ModelSource(bytes: bytes, directory: object.plan.weightsDirectory)
  case .path(let path):
    do throws(FileFailure) {
      source = try ModelSource.open(path: path)
    } catch { throw EngineError(.error, "\"\(text(path))\" \(error.text)") }
  }
  source.key = object.key
  return source
}

private func open(
  _ object: ModelObject, _ source: ModelSource, _ options: SessionOptions, trains: Bool
) throws(EngineError) {
  let opened: OpenedModel
  do throws(EngineError) {
    if trains {
      opened = try TrainingSession.open(source, options: options, lossNames: object.lossNames)
    } else {
      opened = .inference(try Session.open(source, options: options))
    }
  } catch {
    var failure = error
    switch error.code {
    case .outOfMemory: break
    default: failure.code = .error
    }
    throw failure
  }
  let isAdopted: Bool
  switch opened {
  case .inference(let session): isAdopted = object.adopt(session)
  case .training(let training): isAdopted = object.adopt(training)
  }
  if !isAdopted { throw EngineError(.outOfMemory, "no memory for the model's tensors") }
  if trains, let inputs = object.inputs {
    // A training step may run before anyone has filled the inputs.
    for tensor in inputs.tensors { _ = tensor.mutableData() }
  }
}

/// Threads and precision from a context that a CPU can serve.
private func checkedOptions(_ settings: ContextSettings) throws(EngineError) -> SessionOptions {
  let devices = settings.devices
  if devices.isEmpty || devices.count > 3 {
    throw EngineError(.nullPointer, "model_context has \(devices.count) devices; expected 1 to 3, a CPU among them")
  }
  if settings.threadCount < 0 {
    throw EngineError(.nullPointer, "model_context has \(settings.threadCount) threads; expected 0 (choose) or more")
  }
  for device in devices where device.type != OH_AI_DEVICETYPE_CPU && !device.isNNRt {
    throw EngineError(
      .nullPointer, "model_context has a device of type \(device.type.rawValue); expected CPU (0), the one this library has")
  }
  var options = SessionOptions()
  var hasCPU = false
  for device in devices {
    if device.isNNRt {
      // Of two, the first. One behind the CPU, which runs everything, has nothing to do.
      if !hasCPU && options.nnrt == nil { options.nnrt = device.nnrtSettings }
    } else {
      hasCPU = true
      if device.float16 { options.float16 = true }
    }
  }
  options.nnrt?.allowsCPU = hasCPU
  let processors = Int(mssys_cpu_count())
  var threads = Int(settings.threadCount)
  if threads == 0 { threads = processors > 32 ? 4 : 2 }
  options.threads = min(threads, processors * 5)
  return options
}

@c @implementation
public func OH_AI_ModelLoadConfig(
  _ model: OH_AI_ModelHandle!, _ config_path: UnsafePointer<CChar>!
) -> OH_AI_Status {
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard let config_path else { return fail(.nullPointer, "config_path is NULL; expected a path") }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  if object.isBuilt { return fail(.error, "the model is built already; expected a call before the build") }
  do throws(EngineError) {
    object.plan = try ExecutionPlan(path: config_path)
  } catch {
    return fail(.error, "\"\(text(config_path))\": \(error.message)")
  }
  return OH_AI_STATUS_SUCCESS
}
