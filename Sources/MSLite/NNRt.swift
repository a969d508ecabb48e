import CMindSpore
import CSystem
import Graph

// Discovery. This library reaches no Neural Network Runtime, so there are no devices and no descriptors: a descriptor handed in
// cannot be one of ours and is never read.

@c @implementation
public func OH_AI_GetAllNNRTDeviceDescs(_ num: UnsafeMutablePointer<Int>!) -> OpaquePointer! {
  guard let num else {
    fail(.nullPointer, "num is NULL; expected the address of a size_t")
    return nil
  }
  num.pointee = 0
  return nil
}

@c @implementation
public func OH_AI_GetElementOfNNRTDeviceDescs(_ descs: OpaquePointer!, _ index: Int) -> OpaquePointer! {
  refuseDescriptor(descs)
  return nil
}

@c @implementation
public func OH_AI_DestroyAllNNRTDeviceDescs(_ desc: UnsafeMutablePointer<OpaquePointer?>!) {
  guard let desc, let list = desc.pointee else { return }
  refuseDescriptor(list)
  desc.pointee = nil
}

@c @implementation
public func OH_AI_GetDeviceIdFromNNRTDeviceDesc(_ desc: OpaquePointer!) -> Int {
  refuseDescriptor(desc)
  return 0
}

@c @implementation
public func OH_AI_GetNameFromNNRTDeviceDesc(_ desc: OpaquePointer!) -> UnsafePointer<CChar>! {
  refuseDescriptor(desc)
  return nil
}

@c @implementation
public func OH_AI_GetTypeFromNNRTDeviceDesc(_ desc: OpaquePointer!) -> OH_AI_NNRTDeviceType {
  refuseDescriptor(desc)
  return OH_AI_NNRTDEVICE_OTHERS
}

private func refuseDescriptor(_ descriptor: OpaquePointer?, function: StaticString = #function) {
  let what: StaticString = descriptor == nil ? "is NULL" : "is not a device descriptor"
  fail(.nullPointer, "the argument \(what); there are no NNRt devices on this machine", function: function)
}

@c @implementation
public func OH_AI_CreateNNRTDeviceInfoByName(_ name: UnsafePointer<CChar>!) -> OH_AI_DeviceInfoHandle! {
  if name == nil {
    fail(.nullPointer, "name is NULL; expected the name of an NNRt device")
  } else {
    fail(.error, "there are no NNRt devices on this machine")
  }
  return nil
}

@c @implementation
public func OH_AI_CreateNNRTDeviceInfoByType(_ type: OH_AI_NNRTDeviceType) -> OH_AI_DeviceInfoHandle! {
  fail(.error, "there are no NNRt devices on this machine")
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
