import CInterface
import CNeuralNetworkRuntime

// The functions of an executor with tensors.

@c @implementation
public func OH_NNExecutor_Construct(_ compilation: OpaquePointer!) -> OpaquePointer! {
  made { () throws(Failure) in
    guard let prepared = try liveCompilation(compilation).result else { throw .invalid("the compilation is not built") }
    return try enter(ExecutorObject(prepared), .executor)
  }
}

@c @implementation
public func OH_NNExecutor_Destroy(_ executor: UnsafeMutablePointer<OpaquePointer?>!) {
  if let handle = executor?.pointee, let object = try? liveExecutor(handle) { object.setOnServiceDied(nil, handle) }
  leaveSilently(executor, .executor)
}

@c @implementation
public func OH_NNExecutor_GetInputCount(_ executor: OpaquePointer!, _ inputCount: UnsafeMutablePointer<Int>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    try place(inputCount, "inputCount").pointee = object.prepared.inputs.count
  }
}

@c @implementation
public func OH_NNExecutor_GetOutputCount(_ executor: OpaquePointer!, _ outputCount: UnsafeMutablePointer<Int>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    try place(outputCount, "outputCount").pointee = object.prepared.outputs.count
  }
}

@c @implementation
public func OH_NNExecutor_CreateInputTensorDesc(_ executor: OpaquePointer!, _ index: Int) -> OpaquePointer! {
  made { () throws(Failure) in
    let inputs = try liveExecutor(executor).prepared.inputs
    if index < 0 || index >= inputs.count { throw ExecutorObject.noInput(index, inputs.count) }
    return try makeTensorDesc(inputs[index])
  }
}

@c @implementation
public func OH_NNExecutor_CreateOutputTensorDesc(_ executor: OpaquePointer!, _ index: Int) -> OpaquePointer! {
  made { () throws(Failure) in
    let outputs = try liveExecutor(executor).prepared.outputs
    if index < 0 || index >= outputs.count { throw ExecutorObject.noOutput(index, outputs.count) }
    return try makeTensorDesc(outputs[index])
  }
}

@c @implementation
public func OH_NNExecutor_GetInputDimRange(
  _ executor: OpaquePointer!, _ index: Int, _ minInputDims: UnsafeMutablePointer<UnsafeMutablePointer<Int>?>!,
  _ maxInputDims: UnsafeMutablePointer<UnsafeMutablePointer<Int>?>!, _ shapeLength: UnsafeMutablePointer<Int>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    let minima = try place(minInputDims, "minInputDims")
    let maxima = try place(maxInputDims, "maxInputDims")
    let rank = try place(shapeLength, "shapeLength")
    (minima.pointee, maxima.pointee, rank.pointee) = try object.inputRange(index)
  }
}

@c @implementation
public func OH_NNExecutor_GetOutputShape(
  _ executor: OpaquePointer!, _ outputIndex: UInt32, _ shape: UnsafeMutablePointer<UnsafeMutablePointer<Int32>?>!,
  _ shapeLength: UnsafeMutablePointer<UInt32>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    let sizes = try emptyPlace(shape, "shape")
    let length = try place(shapeLength, "shapeLength")
    let (shown, rank) = try object.outputShape(outputIndex)
    sizes.pointee = shown
    length.pointee = UInt32(rank)
  }
}

@c @implementation
public func OH_NNExecutor_SetOnRunDone(_ executor: OpaquePointer!, _ onRunDone: NN_OnRunDone!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveExecutor(executor).setOnRunDone(onRunDone) }
}

@c @implementation
public func OH_NNExecutor_SetOnServiceDied(_ executor: OpaquePointer!, _ onServiceDied: NN_OnServiceDied!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    object.setOnServiceDied(onServiceDied, executor)
  }
}

// MARK: running

/// The tensors of a run: objects, and what the executor needs of them.
private struct GivenTensors {
  var objects: [TensorObject] = []
  var run: [RunTensor] = []

  static func of(
    _ list: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int, _ expected: Int, _ kind: StaticString
  ) throws(Failure) -> GivenTensors {
    guard let list else { throw .invalid("the array of \(kind) tensors is NULL") }
    if count != expected || count > ModelObject.maximumIndices {
      throw .invalid("\(UInt(bitPattern: count)) \(kind) tensors; the model has \(expected)")
    }
    var tensors = GivenTensors()
    for i in 0..<count {
      let object = try liveTensor(list[i])
      let value = object.desc.value
      tensors.objects.append(object)
      tensors.run.append(
        RunTensor(
          data: object.data, capacity: object.capacity, descriptor: object.memory.descriptor, offset: object.offset,
          dataType: value.dataType, shape: value.shape, memory: object.memory))
    }
    return tensors
  }

  var descriptions: [TensorDescObject] {
    var list: [TensorDescObject] = []
    for object in objects { list.append(object.desc) }
    return list
  }
}

@c @implementation
public func OH_NNExecutor_RunSync(
  _ executor: OpaquePointer!, _ inputTensor: UnsafeMutablePointer<OpaquePointer?>!, _ inputCount: Int,
  _ outputTensor: UnsafeMutablePointer<OpaquePointer?>!, _ outputCount: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    let inputs = try GivenTensors.of(inputTensor, inputCount, object.prepared.inputs.count, "input")
    var outputs = try GivenTensors.of(outputTensor, outputCount, object.prepared.outputs.count, "output")
    try object.check(inputs.run, outputs.run)
    try object.run(inputs.run, &outputs.run)
    for i in outputs.objects.indices { outputs.objects[i].desc.set(shape: outputs.run[i].shape) }
  }
}

@c @implementation
public func OH_NNExecutor_RunAsync(
  _ executor: OpaquePointer!, _ inputTensor: UnsafeMutablePointer<OpaquePointer?>!, _ inputCount: Int,
  _ outputTensor: UnsafeMutablePointer<OpaquePointer?>!, _ outputCount: Int, _ timeout: Int32, _ userData: UnsafeMutableRawPointer!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    guard let userData else { throw .invalid("userData is NULL") }
    let inputs = try GivenTensors.of(inputTensor, inputCount, object.prepared.inputs.count, "input")
    let outputs = try GivenTensors.of(outputTensor, outputCount, object.prepared.outputs.count, "output")
    try object.check(inputs.run, outputs.run)
    if object.runDoneCallback == nil {
      throw .forbidden("there is no function that hears of the end of the run; OH_NNExecutor_SetOnRunDone sets it")
    }
    var handles: [UnsafeMutableRawPointer?] = []
    for i in 0..<outputCount { handles.append(UnsafeMutableRawPointer(outputTensor[i])) }
    object.setUserData(userData)
    let run = AsyncRun(object, inputs.run, outputs.run, outputs.descriptions, handles, userData)
    if timeout > 0 { try TimeLimits.shared.add(run, milliseconds: timeout) }
    do throws(Failure) {
      try object.queue.add(run)
    } catch {
      TimeLimits.shared.remove(run)
      throw error
    }
  }
}
