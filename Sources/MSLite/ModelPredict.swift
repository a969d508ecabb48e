import CMindSpore
import CSystem
import Graph
import Runtime
import System

@c @implementation
public func OH_AI_ModelPredict(
  _ model: OH_AI_ModelHandle!, _ inputs: OH_AI_TensorHandleArray,
  _ outputs: UnsafeMutablePointer<OH_AI_TensorHandleArray>!, _ before: OH_AI_KernelCallBack!,
  _ after: OH_AI_KernelCallBack!
) -> OH_AI_Status {
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  do throws(EngineError) {
    defer { object.forgetTensors() }
    try object.takeInputs(inputs, known: outputs)
    guard let outputs else { throw EngineError(.nullPointer, "outputs is NULL; expected the address of a list") }
    guard let list = object.outputs else { throw EngineError(.nullPointer, "the model is not built") }
    try object.checkInputs()
    let isCallers = object.takeOutputs(outputs.pointee, known: outputs)
    try object.run(before, after)
    if !isCallers { outputs.pointee = list.array }
  } catch {
    return fail(error.code, Message(text: error.message))
  }
  return OH_AI_STATUS_SUCCESS
}

@c @implementation
public func OH_AI_ModelPredictWithConfig(
  _ model: OH_AI_ModelHandle!, _ inputs: OH_AI_TensorHandleArray,
  _ outputs: UnsafeMutablePointer<OH_AI_TensorHandleArray>!, _ config: UnsafePointer<CChar>!,
  _ before: OH_AI_KernelCallBack!, _ after: OH_AI_KernelCallBack!
) -> OH_AI_Status {
  guard let config, config.pointee != 0 else {
    return fail(.parameterInvalid, "config is NULL or empty; expected groups of pre-processing functions")
  }
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  do throws(EngineError) {
    defer { object.forgetTensors() }
    try object.takeInputs(inputs, known: outputs)
    guard let list = object.inputs else { throw EngineError(.nullPointer, "the model is not built") }
    var i = 0
    while i < list.tensors.count {
      if object.boundInputs[i] === list.tensors[i] {
        throw EngineError(.parameterInvalid, "inputs.handle_list[\(i)] is the model's own; expected one from OH_AI_TensorCreate")
      }
      i += 1
    }
  } catch {
    return fail(error.code, Message(text: error.message))
  }
  return fail(.aippNotSupported, "the CPU has no pre-processing; expected an NNRt device that has")
}

/// The steps of a run, in the order in which the interface reports their failures. Nothing here allocates once the tensors have
/// their memory.
extension ModelObject {
  /// Looks up the caller's input tensors. Nothing of the list but its length is believed.
  func takeInputs(_ array: OH_AI_TensorHandleArray, known: UnsafeRawPointer?) throws(EngineError) {
    let count = graphInputs.count
    guard array.handle_num == count else {
      let built = isBuilt ? "" : " (the model is not built)"
      throw EngineError(.error, "\(UInt(bitPattern: array.handle_num)) inputs; expected \(count)\(built)")
    }
    if count == 0 { return }
    guard let list = array.handle_list else { throw EngineError(.nullPointer, "inputs.handle_list is NULL") }
    guard list == inputs?.list || isReadable(list, count, known: known) else {
      throw EngineError(.error, "inputs.handle_list is not a list of \(count) tensors")
    }
    var i = 0
    while i < count {
      guard let handle = list[i] else { throw EngineError(.nullPointer, "inputs.handle_list[\(i)] is NULL") }
      guard let tensor = tensorObject(handle) else {
        throw EngineError(.error, "inputs.handle_list[\(i)] is not a live tensor")
      }
      boundInputs[i] = tensor
      i += 1
    }
  }

  /// Takes the model's own inputs.
  func takeOwnInputs() {
    guard let inputs else { return }
    var i = 0
    while i < inputs.tensors.count {
      boundInputs[i] = inputs.tensors[i]
      i += 1
    }
  }

  /// Compares the inputs with what the graph reads.
  func checkInputs() throws(EngineError) {
    guard let inputs else { return }
    var i = 0
    while i < graphInputs.count {
      let expected = graphInputs[i]
      let own = inputs.tensors[i]
      if let tensor = boundInputs[i] {
        if tensor.type != OH_AI_DataType(engine: expected.type) {
          throw EngineError(.inputTensorError, "input \(i) has type \(tensor.type.rawValue); expected \(expected)")
        }
        if tensor.storage == .none || tensor.currentData == nil {
          throw EngineError(.inputTensorError, "input \(i) has no data; expected \(expected)")
        }
        if tensor !== own && tensor.dataSize != own.dataSize {
          throw EngineError(
            .inputTensorError, "input \(i) has \(tensor.dataSize) bytes; expected \(own.dataSize) for \(expected)")
        }
        if !hasWarnedOfName && strcmp(tensor.name, own.name) != 0 {
          hasWarnedOfName = true
          warn("input \(i) is called \"\(text(tensor.name))\", the model's \"\(text(own.name))\"; names do not matter here")
        }
      }
      // The model's own layout is as good as the two that callers may choose.
      if own.format != OH_AI_FORMAT_NHWC && own.format != OH_AI_FORMAT_NCHW
        && own.format.rawValue != .init(truncatingIfNeeded: expected.format.rawValue)
      {
        throw EngineError(.formatError, "input \(i) was set to layout \(own.format.rawValue); expected NHWC (1) or NCHW (0)")
      }
      if !own.hasShape(expected.shape) {
        throw EngineError(.error, "the shape of input \(i) was changed by OH_AI_TensorSetShape; expected OH_AI_ModelResize")
      }
      if let tensor = boundInputs[i], tensor.capacity < expected.byteCount {
        throw EngineError(
          .inputTensorError, "the memory of input \(i) has \(tensor.capacity) bytes; expected \(expected.byteCount)")
      }
      i += 1
    }
  }

  /// Takes the caller's output tensors if the list is one: of the right length, readable, every entry a live tensor, none of
  /// them one of this model's inputs. Anything else is what happened to be in the struct, and the model's own outputs are taken:
  /// false.
  func takeOutputs(_ array: OH_AI_TensorHandleArray, known: UnsafeRawPointer) -> Bool {
    guard let outputs else { return false }
    let count = outputs.tensors.count
    if array.handle_num == count, let list = array.handle_list,
      list == outputs.list || (!ListMemory.shared.contains(list) && isReadable(list, count, known: known))
    {
      var i = 0
      while i < count {
        guard let tensor = tensorObject(list[i]), !isInput(tensor) else { break }
        boundOutputs[i] = tensor
        i += 1
      }
      if i == count { return true }
    }
    takeOwnOutputs()
    return false
  }

  func takeOwnOutputs() {
    guard let outputs else { return }
    var i = 0
    while i < outputs.tensors.count {
      boundOutputs[i] = outputs.tensors[i]
      i += 1
    }
  }

  private func isInput(_ tensor: TensorObject) -> Bool {
    guard let inputs else { return false }
    for own in inputs.tensors where own === tensor { return true }
    return false
  }

  func forgetTensors() {
    var i = 0
    while i < boundInputs.count {
      boundInputs[i] = nil
      i += 1
    }
    i = 0
    while i < boundOutputs.count {
      boundOutputs[i] = nil
      i += 1
    }
  }
}
