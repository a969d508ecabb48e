import CInterface
import CNeuralNetworkRuntime

// The functions of an executor that remembers its inputs and outputs, as it was before API 11.

@c @implementation
public func OH_NNExecutor_SetInput(
  _ executor: OpaquePointer!, _ inputIndex: UInt32, _ tensor: UnsafePointer<OH_NN_Tensor>!, _ dataBuffer: UnsafeRawPointer!,
  _ length: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveExecutor(executor).slots.setInput(inputIndex, tensor, dataBuffer, length) }
}

@c @implementation
public func OH_NNExecutor_SetOutput(
  _ executor: OpaquePointer!, _ outputIndex: UInt32, _ dataBuffer: UnsafeMutableRawPointer!, _ length: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveExecutor(executor).slots.setOutput(outputIndex, dataBuffer, length) }
}

@c @implementation
public func OH_NNExecutor_Run(_ executor: OpaquePointer!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveExecutor(executor)
    var (inputs, outputs) = try object.slots.beginRun()
    defer { object.slots.endRun() }
    try object.check(inputs, outputs)
    try object.run(inputs, &outputs)
  }
}

@inline(never)
private func allocate(
  _ executor: OpaquePointer?, isInput: Bool, _ index: UInt32, _ length: Int, function: StaticString = #function
) -> UnsafeMutablePointer<OH_NN_Memory>? {
  let made = made(function: function) { () throws(Failure) in
    OpaquePointer(try liveExecutor(executor).slots.allocate(isInput: isInput, index, length))
  }
  return UnsafeMutablePointer(made)
}

@c @implementation
public func OH_NNExecutor_AllocateInputMemory(
  _ executor: OpaquePointer!, _ inputIndex: UInt32, _ length: Int
) -> UnsafeMutablePointer<OH_NN_Memory>! {
  allocate(executor, isInput: true, inputIndex, length)
}

@c @implementation
public func OH_NNExecutor_AllocateOutputMemory(
  _ executor: OpaquePointer!, _ outputIndex: UInt32, _ length: Int
) -> UnsafeMutablePointer<OH_NN_Memory>! {
  allocate(executor, isInput: false, outputIndex, length)
}

@inline(never)
private func free(
  _ executor: OpaquePointer?, isInput: Bool, _ index: UInt32,
  _ memory: UnsafeMutablePointer<UnsafeMutablePointer<OH_NN_Memory>?>?, function: StaticString = #function
) {
  _ = status(function: function) { () throws(Failure) in
    let slots = try liveExecutor(executor).slots
    guard let memory, let pointer = memory.pointee else { throw .invalid("memory is NULL") }
    if !MemoryRegistry.shared.remove(pointer, slots, isInput, index) {
      throw .invalid("the memory is not of this executor's \(isInput ? "input" : "output") \(index)")
    }
    memory.pointee = nil
  }
}

@c @implementation
public func OH_NNExecutor_DestroyInputMemory(
  _ executor: OpaquePointer!, _ inputIndex: UInt32, _ memory: UnsafeMutablePointer<UnsafeMutablePointer<OH_NN_Memory>?>!
) {
  free(executor, isInput: true, inputIndex, memory)
}

@c @implementation
public func OH_NNExecutor_DestroyOutputMemory(
  _ executor: OpaquePointer!, _ outputIndex: UInt32, _ memory: UnsafeMutablePointer<UnsafeMutablePointer<OH_NN_Memory>?>!
) {
  free(executor, isInput: false, outputIndex, memory)
}

@c @implementation
public func OH_NNExecutor_SetInputWithMemory(
  _ executor: OpaquePointer!, _ inputIndex: UInt32, _ tensor: UnsafePointer<OH_NN_Tensor>!, _ memory: UnsafePointer<OH_NN_Memory>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveExecutor(executor).slots.setInput(inputIndex, tensor, memory) }
}

@c @implementation
public func OH_NNExecutor_SetOutputWithMemory(
  _ executor: OpaquePointer!, _ outputIndex: UInt32, _ memory: UnsafePointer<OH_NN_Memory>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveExecutor(executor).slots.setOutput(outputIndex, memory) }
}
