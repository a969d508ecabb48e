import CInterface
import CNeuralNetworkRuntime
import CSystem

/// A description with memory.
final class TensorObject: HandleObject {
  let desc: TensorDescObject
  private(set) var descHandle: OpaquePointer?
  let memory: DeviceMemory
  /// Bytes of the memory; the data is from `offset` up to here.
  let size: Int
  let offset: Int

  private init(_ desc: TensorDescObject, _ memory: DeviceMemory, _ size: Int, _ offset: Int) {
    self.desc = desc
    self.memory = memory
    self.size = size
    self.offset = offset
  }

  deinit {
    if let descHandle { HandleTable.shared.destroy(UnsafeMutableRawPointer(descHandle)) }
  }

  var data: UnsafeMutableRawPointer { memory.base + offset }
  var capacity: Int { size - offset }

  static func make(
    _ value: TensorDescObject.Value, _ memory: DeviceMemory, size: Int, offset: Int = 0
  ) throws(Failure) -> OpaquePointer {
    let desc = TensorDescObject(isBorrowed: true)
    desc.value = value
    let tensor = TensorObject(desc, memory, size, offset)
    tensor.descHandle = try enter(desc, .tensorDesc)
    return try enter(tensor, .tensor)
  }
}

/// What a program describes, the bytes that it needs (0 if the shape is not known), and the device.
private func request(
  _ deviceID: Int, _ tensorDesc: OpaquePointer?
) throws(Failure) -> (Device, TensorDescObject.Value, Int) {
  let value = try liveTensorDesc(tensorDesc).value
  guard let device = Devices.shared.device(deviceID) else { throw Devices.unknown(deviceID) }
  if value.dataType == OH_NN_UNKNOWN { throw .invalid("the description has no data type") }
  guard let bytes = value.shape.bytes(value.dataType) else { throw .invalid("the shape \(value.shape.text) has too many bytes") }
  return (device, value, bytes)
}

@c @implementation
public func OH_NNTensor_Create(_ deviceID: Int, _ tensorDesc: OpaquePointer!) -> OpaquePointer! {
  made { () throws(Failure) in
    let (device, value, bytes) = try request(deviceID, tensorDesc)
    if bytes == 0 { throw .invalid("the shape \(value.shape.text) is not known yet") }
    return try TensorObject.make(value, try DeviceMemory.allocate(device, bytes), size: bytes)
  }
}

@c @implementation
public func OH_NNTensor_CreateWithSize(_ deviceID: Int, _ tensorDesc: OpaquePointer!, _ size: Int) -> OpaquePointer! {
  made { () throws(Failure) in
    let (device, value, bytes) = try request(deviceID, tensorDesc)
    if size >= 0 && size < bytes { throw .invalid("size is \(size); the description needs \(bytes) bytes") }
    return try TensorObject.make(value, try DeviceMemory.allocate(device, size), size: size)
  }
}

@c @implementation
public func OH_NNTensor_CreateWithFd(
  _ deviceID: Int, _ tensorDesc: OpaquePointer!, _ fd: Int32, _ size: Int, _ offset: Int
) -> OpaquePointer! {
  made { () throws(Failure) in
    let (_, value, bytes) = try request(deviceID, tensorDesc)
    if fd < 0 { throw .invalid("fd is \(fd)") }
    if size <= 0 { throw .invalid("size is \(UInt(bitPattern: size)); expected more than 0") }
    if offset < 0 || offset >= size { throw .invalid("offset is \(UInt(bitPattern: offset)); expected less than the size, \(size)") }
    if offset % value.dataType.size != 0 { throw .invalid("offset is \(offset); expected a multiple of the element's \(value.dataType.size) bytes") }
    if size - offset < bytes { throw .invalid("\(size - offset) bytes from the offset on; the description needs \(bytes)") }
    return try TensorObject.make(value, try DeviceMemory.map(fd, size), size: size, offset: offset)
  }
}

@c @implementation
public func OH_NNTensor_Destroy(_ tensor: UnsafeMutablePointer<OpaquePointer?>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try leave(tensor, .tensor) }
}

@c @implementation
public func OH_NNTensor_GetTensorDesc(_ tensor: OpaquePointer!) -> OpaquePointer! {
  made { () throws(Failure) in
    guard let handle = try liveTensor(tensor).descHandle else { throw .memory("the tensor has no description") }
    return handle
  }
}

@c @implementation
public func OH_NNTensor_GetDataBuffer(_ tensor: OpaquePointer!) -> UnsafeMutableRawPointer! {
  UnsafeMutableRawPointer(made { () throws(Failure) in OpaquePointer(try liveTensor(tensor).data) })
}

@c @implementation
public func OH_NNTensor_GetFd(_ tensor: OpaquePointer!, _ fd: UnsafeMutablePointer<Int32>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveTensor(tensor)
    try place(fd, "fd").pointee = object.memory.descriptor
  }
}

@c @implementation
public func OH_NNTensor_GetSize(_ tensor: OpaquePointer!, _ size: UnsafeMutablePointer<Int>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveTensor(tensor)
    try place(size, "size").pointee = object.size
  }
}

@c @implementation
public func OH_NNTensor_GetOffset(_ tensor: OpaquePointer!, _ offset: UnsafeMutablePointer<Int>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveTensor(tensor)
    try place(offset, "offset").pointee = object.offset
  }
}
