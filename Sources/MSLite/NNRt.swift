import CInterface
import CMindSpore
import CSystem
import Graph
import NNRt

// Discovery. The array of descriptors is the caller's, who passes its elements back as pointers.

/// A descriptor, in C memory. The name's NUL is within its bytes.
private struct Descriptor {
  let id: Int
  let type: OH_AI_NNRTDeviceType
  static let nameOffset = 16
  static let stride = nameOffset + NNRtDevice.nameLimit + 1

  let memory: UnsafeMutableRawPointer

  init(_ pointer: OpaquePointer) {
    memory = UnsafeMutableRawPointer(pointer)
    id = memory.load(as: Int.self)
    type = OH_AI_NNRTDeviceType(rawValue: memory.load(fromByteOffset: 8, as: UInt32.self))
  }

  static func write(_ device: NNRtDevice, to memory: UnsafeMutableRawPointer) {
    memory.storeBytes(of: device.id, as: Int.self)
    memory.storeBytes(of: device.type, toByteOffset: 8, as: UInt32.self)
    for (i, byte) in device.name.enumerated() { memory.storeBytes(of: byte, toByteOffset: nameOffset + i, as: UInt8.self) }
  }
}

@c @implementation
public func OH_AI_GetAllNNRTDeviceDescs(_ num: UnsafeMutablePointer<Int>!) -> OpaquePointer! {
  guard let num else {
    fail(.nullPointer, "num is NULL; expected the address of a size_t")
    return nil
  }
  num.pointee = 0
  let devices = NNRtDevice.all
  if devices.isEmpty { return nil }
  guard let memory = calloc(devices.count, Descriptor.stride) else {
    fail(.outOfMemory, "no memory for \(devices.count) descriptors")
    return nil
  }
  for (i, device) in devices.enumerated() { Descriptor.write(device, to: memory + i * Descriptor.stride) }
  num.pointee = devices.count
  return OpaquePointer(memory)
}

@c @implementation
public func OH_AI_GetElementOfNNRTDeviceDescs(_ descs: OpaquePointer!, _ index: Int) -> OpaquePointer! {
  guard let descs else {
    fail(.nullPointer, "descs is NULL; expected the list of OH_AI_GetAllNNRTDeviceDescs")
    return nil
  }
  // The list does not know its length.
  return OpaquePointer(bitPattern: Int(bitPattern: descs) &+ index &* Descriptor.stride)
}

@c @implementation
public func OH_AI_DestroyAllNNRTDeviceDescs(_ desc: UnsafeMutablePointer<OpaquePointer?>!) {
  guard let desc, let list = desc.pointee else { return }
  free(UnsafeMutableRawPointer(list))
  desc.pointee = nil
}

private func descriptor(_ pointer: OpaquePointer?, function: StaticString = #function) -> Descriptor? {
  guard let pointer else {
    fail(.nullPointer, "the argument is NULL; expected a device descriptor", function: function)
    return nil
  }
  return Descriptor(pointer)
}

@c @implementation
public func OH_AI_GetDeviceIdFromNNRTDeviceDesc(_ desc: OpaquePointer!) -> Int { descriptor(desc)?.id ?? 0 }

@c @implementation
public func OH_AI_GetNameFromNNRTDeviceDesc(_ desc: OpaquePointer!) -> UnsafePointer<CChar>! {
  descriptor(desc).map { UnsafePointer(($0.memory + Descriptor.nameOffset).assumingMemoryBound(to: CChar.self)) }
}

@c @implementation
public func OH_AI_GetTypeFromNNRTDeviceDesc(_ desc: OpaquePointer!) -> OH_AI_NNRTDeviceType {
  descriptor(desc)?.type ?? OH_AI_NNRTDEVICE_OTHERS
}

@c @implementation
public func OH_AI_CreateNNRTDeviceInfoByName(_ name: UnsafePointer<CChar>!) -> OH_AI_DeviceInfoHandle! {
  guard let name else {
    fail(.nullPointer, "name is NULL; expected the name of an NNRt device")
    return nil
  }
  let wanted = UnsafeRawBufferPointer(start: name, count: strnlen(name, NNRtDevice.nameLimit))
  return makeInfo("called \"\(text(name))\"") { $0.name.elementsEqual(wanted) }
}

@c @implementation
public func OH_AI_CreateNNRTDeviceInfoByType(_ type: OH_AI_NNRTDeviceType) -> OH_AI_DeviceInfoHandle! {
  makeInfo("of type \(type.rawValue)") { $0.type == type.rawValue }
}

/// An info of the first device for which `isWanted` says so.
private func makeInfo(
  _ what: Message, function: StaticString = #function, _ isWanted: (NNRtDevice) -> Bool
) -> OH_AI_DeviceInfoHandle? {
  let devices = NNRtDevice.all
  for device in devices where isWanted(device) {
    let info = DeviceInfoObject(OH_AI_DEVICETYPE_NNRT)
    info.deviceID = device.id
    return HandleTable.shared.insert(info, .deviceInfo)
  }
  var known = ""
  for device in devices { known += " \"\(device.text)\"" }
  let others = devices.isEmpty ? "there are no NNRt devices on this machine" : "there are\(known)"
  let reason = devices.isEmpty && !NNRtLibrary.reason.isEmpty ? ": \(NNRtLibrary.reason)" : ""
  fail(.error, "no NNRt device is \(what.text); \(others)\(reason)", function: function)
  return nil
}

// Settings of a device info of kind NNRT. Other kinds ignore them.

private func nnrtDevice(
  _ handle: UnsafeMutableRawPointer?, silent: Bool = false, function: StaticString = #function
) -> DeviceInfoObject? {
  guard let device = liveDeviceInfo(handle, silent: silent, function: function), device.isNNRt else { return nil }
  return device
}

@c @implementation
public func OH_AI_DeviceInfoSetDeviceId(_ device_info: OH_AI_DeviceInfoHandle!, _ device_id: Int) {
  nnrtDevice(device_info)?.deviceID = device_id
}

@c @implementation
public func OH_AI_DeviceInfoGetDeviceId(_ device_info: OH_AI_DeviceInfoHandle!) -> Int {
  nnrtDevice(device_info)?.deviceID ?? 0
}

@c @implementation
public func OH_AI_DeviceInfoSetPerformanceMode(
  _ device_info: OH_AI_DeviceInfoHandle!, _ mode: OH_AI_PerformanceMode
) {
  nnrtDevice(device_info)?.performanceMode = mode
}

@c @implementation
public func OH_AI_DeviceInfoGetPerformanceMode(_ device_info: OH_AI_DeviceInfoHandle!) -> OH_AI_PerformanceMode {
  nnrtDevice(device_info)?.performanceMode ?? OH_AI_PERFORMANCE_NONE
}

@c @implementation
public func OH_AI_DeviceInfoSetPriority(_ device_info: OH_AI_DeviceInfoHandle!, _ priority: OH_AI_Priority) {
  // Callers rely on errno here, so nothing is printed.
  nnrtDevice(device_info, silent: true)?.priority = priority
}

@c @implementation
public func OH_AI_DeviceInfoGetPriority(_ device_info: OH_AI_DeviceInfoHandle!) -> OH_AI_Priority {
  nnrtDevice(device_info)?.priority ?? OH_AI_PRIORITY_NONE
}

/// The names that a driver may be given.
private let extensionNames: [StaticString] = [
  "CachePath", "CacheVersion", "ModelName", "QuantBuffer", "QuantConfigData", "isProfiling", "opLayout", "InputDims",
  "DynamicDims", "BandMode", "NPU_FM_SHARED", "AIPP",
]

@c @implementation
public func OH_AI_DeviceInfoAddExtension(
  _ device_info: OH_AI_DeviceInfoHandle!, _ name: UnsafePointer<CChar>!, _ value: UnsafePointer<CChar>!, _ value_size: Int
) -> OH_AI_Status {
  // Callers rely on errno here, so nothing is printed.
  guard let device = liveDeviceInfo(device_info, silent: true) else { return OH_AI_Status(.nullPointer) }
  guard let name, let value else { return fail(.nullPointer, "name or value is NULL", silent: true) }
  guard device.isNNRt else {
    return fail(.error, "the device info is not of kind NNRT, which alone has extensions", silent: true)
  }
  var isKnown = false
  for known in extensionNames where equal(name, known) { isKnown = true }
  guard isKnown else {
    return fail(
      .error,
      "extension \"\(text(name))\" is unknown; expected CachePath, CacheVersion, ModelName, QuantBuffer, QuantConfigData, isProfiling, opLayout, InputDims, DynamicDims, BandMode, NPU_FM_SHARED or AIPP",
      silent: true)
  }
  guard value_size >= 0 else { return fail(.error, "value_size is larger than memory", silent: true) }
  let saved = mssys_errno()
  let nameBytes = [UInt8](UnsafeRawBufferPointer(start: name, count: strlen(name)))
  device.extensions.append((nameBytes, [UInt8](UnsafeRawBufferPointer(start: value, count: value_size))))
  mssys_set_errno(saved)
  return OH_AI_STATUS_SUCCESS
}
