import CInterface
import CMindSpore
import CSystem
import Graph
import Synchronization

/// Whether no run is using memory that a change would free; reports when one is.
func mayChangeMemory(_ tensor: TensorObject, function: StaticString = #function) -> Bool {
  if !tensor.isPinned { return true }
  fail(.error, "a running model is using the tensor's memory; expected a call before or after the run", function: function)
  return false
}

@c @implementation
public func OH_AI_TensorSetData(_ tensor: OH_AI_TensorHandle!, _ data: UnsafeMutableRawPointer!) {
  guard let object = liveTensor(tensor), mayChangeMemory(object) else { return }
  // The size is whatever the tensor says: the interface does not tell.
  object.borrow(data, bytes: object.dataSize)
}

@c @implementation
public func OH_AI_TensorGetData(_ tensor: OH_AI_TensorHandle!) -> UnsafeRawPointer! {
  guard let object = liveTensor(tensor) else { return nil }
  return UnsafeRawPointer(object.currentData)
}

@c @implementation
public func OH_AI_TensorGetMutableData(_ tensor: OH_AI_TensorHandle!) -> UnsafeMutableRawPointer! {
  guard let object = liveTensor(tensor) else { return nil }
  if let data = object.mutableData() { return data }
  if object.dataSize == 0 {
    fail(.parameterInvalid, "the tensor has no size: its type has none, or a dimension is 0 or not known")
  } else {
    fail(.outOfMemory, "no memory for \(object.dataSize) bytes")
  }
  return nil
}

@c @implementation
public func OH_AI_TensorSetUserData(
  _ tensor: OH_AI_TensorHandle!, _ data: UnsafeMutableRawPointer!, _ data_size: Int
) -> OH_AI_Status {
  guard let object = liveTensor(tensor) else { return OH_AI_Status(.nullPointer) }
  let expected = object.dataSize
  if expected > 0 && data_size != expected {
    return fail(.parameterInvalid, "data_size is \(UInt(bitPattern: data_size)); expected \(expected)")
  }
  guard mayChangeMemory(object) else { return OH_AI_Status(.error) }
  object.borrow(data, bytes: data_size < 0 ? Int.max : data_size)
  object.allocator = nil
  return OH_AI_STATUS_SUCCESS
}

@c @implementation
public func OH_AI_TensorGetAllocator(_ tensor: OH_AI_TensorHandle!) -> OH_AI_AllocatorHandle! {
  guard let object = liveTensor(tensor) else { return nil }
  if object.allocator == nil { nullAllocatorWasIssued.store(true, ordering: .relaxed) }
  return object.allocator
}

@c @implementation
public func OH_AI_TensorSetAllocator(
  _ tensor: OH_AI_TensorHandle!, _ allocator: OH_AI_AllocatorHandle!
) -> OH_AI_Status {
  guard let object = liveTensor(tensor) else { return OH_AI_Status(.nullPointer) }
  if HandleTable.shared.object(allocator, .allocator) != nil {
    object.allocator = allocator
    return OH_AI_STATUS_SUCCESS
  }
  let expected: StaticString = "expected one that OH_AI_TensorGetAllocator returned and whose model lives"
  let isKnown =
    allocator == nil
    ? nullAllocatorWasIssued.load(ordering: .relaxed) : HandleTable.shared.wasIssued(allocator, .allocator)
  if isKnown { return fail(.nullPointer, "allocator is NULL or its model is gone; \(expected)") }
  return fail(.parameterInvalid, "allocator was never given out; \(expected)")
}
