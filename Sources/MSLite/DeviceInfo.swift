import CInterface
import CMindSpore
import CSystem
import Graph
import NNRt

/// One device of a context, with the settings of every kind of device.
final class DeviceInfoObject: HandleObject {
  let type: OH_AI_DeviceType
  /// malloc'd; nil: never set.
  var provider: UnsafeMutablePointer<CChar>?
  var providerDevice: UnsafeMutablePointer<CChar>?
  var float16 = false
  /// KIRIN_NPU only.
  var frequency: Int32 = 3
  // NNRT only.
  var deviceID = 0
  var performanceMode = OH_AI_PERFORMANCE_NONE
  var priority = OH_AI_PRIORITY_NONE
  /// Name and value bytes, in the order they were added.
  var extensions: [(name: [UInt8], value: [UInt8])] = []

  init(_ type: OH_AI_DeviceType) { self.type = type }

  deinit {
    free(provider)
    free(providerDevice)
  }

  var isNNRt: Bool { type == OH_AI_DEVICETYPE_NNRT }

  /// What the engine needs to know of an NNRt device; whether a CPU may stand in is the context's to say.
  var nnrtSettings: NNRtSettings {
    var settings = NNRtSettings()
    settings.deviceID = deviceID
    settings.performance = performanceMode.rawValue
    settings.priority = priority.rawValue
    settings.float16 = float16
    settings.extensions = extensions
    return settings
  }
  var isKirinNPU: Bool { type == OH_AI_DEVICETYPE_KIRIN_NPU }
}

@c @implementation
public func OH_AI_DeviceInfoCreate(_ device_type: OH_AI_DeviceType) -> OH_AI_DeviceInfoHandle! {
  switch device_type {
  case OH_AI_DEVICETYPE_CPU, OH_AI_DEVICETYPE_GPU, OH_AI_DEVICETYPE_KIRIN_NPU, OH_AI_DEVICETYPE_NNRT:
    return HandleTable.shared.insert(DeviceInfoObject(device_type), .deviceInfo)
  default:
    fail(.parameterInvalid, "device_type \(device_type.rawValue) is unknown; expected CPU, GPU, KIRIN_NPU or NNRT")
    return nil
  }
}

@c @implementation
public func OH_AI_DeviceInfoDestroy(_ device_info: UnsafeMutablePointer<OH_AI_DeviceInfoHandle?>!) {
  destroyHandle(device_info)
}

@c @implementation
public func OH_AI_DeviceInfoSetProvider(_ device_info: OH_AI_DeviceInfoHandle!, _ provider: UnsafePointer<CChar>!) {
  guard let device = liveDeviceInfo(device_info) else { return }
  replace(&device.provider, provider, "provider")
}

@c @implementation
public func OH_AI_DeviceInfoGetProvider(_ device_info: OH_AI_DeviceInfoHandle!) -> UnsafePointer<CChar>! {
  guard let device = liveDeviceInfo(device_info) else { return nil }
  return copy(device.provider)
}

@c @implementation
public func OH_AI_DeviceInfoSetProviderDevice(_ device_info: OH_AI_DeviceInfoHandle!, _ device: UnsafePointer<CChar>!) {
  guard let object = liveDeviceInfo(device_info) else { return }
  replace(&object.providerDevice, device, "device")
}

@c @implementation
public func OH_AI_DeviceInfoGetProviderDevice(_ device_info: OH_AI_DeviceInfoHandle!) -> UnsafePointer<CChar>! {
  guard let device = liveDeviceInfo(device_info) else { return nil }
  return copy(device.providerDevice)
}

/// Stores a copy of `text`; keeps the old one when there is none.
private func replace(
  _ field: inout UnsafeMutablePointer<CChar>?, _ text: UnsafePointer<CChar>?, _ argument: StaticString,
  function: StaticString = #function
) {
  guard let text else {
    fail(.nullPointer, "\(argument) is NULL; expected a string", function: function)
    return
  }
  guard let copy = duplicate(text) else {
    fail(.outOfMemory, "no memory for \(argument)", function: function)
    return
  }
  free(field)
  field = copy
}

private func copy(_ field: UnsafeMutablePointer<CChar>?) -> UnsafePointer<CChar>? {
  if let field { return UnsafePointer(duplicate(field)) }
  guard let empty = calloc(1, 1) else { return nil }
  return UnsafePointer(empty.bindMemory(to: CChar.self, capacity: 1))
}

@c @implementation
public func OH_AI_DeviceInfoGetDeviceType(_ device_info: OH_AI_DeviceInfoHandle!) -> OH_AI_DeviceType {
  liveDeviceInfo(device_info)?.type ?? OH_AI_DEVICETYPE_INVALID
}

@c @implementation
public func OH_AI_DeviceInfoSetEnableFP16(_ device_info: OH_AI_DeviceInfoHandle!, _ is_fp16: Bool) {
  guard let device = liveDeviceInfo(device_info), !device.isKirinNPU else { return }
  device.float16 = is_fp16
}

@c @implementation
public func OH_AI_DeviceInfoGetEnableFP16(_ device_info: OH_AI_DeviceInfoHandle!) -> Bool {
  liveDeviceInfo(device_info)?.float16 ?? false
}

@c @implementation
public func OH_AI_DeviceInfoSetFrequency(_ device_info: OH_AI_DeviceInfoHandle!, _ frequency: Int32) {
  guard let device = liveDeviceInfo(device_info), device.isKirinNPU else { return }
  device.frequency = frequency
}

@c @implementation
public func OH_AI_DeviceInfoGetFrequency(_ device_info: OH_AI_DeviceInfoHandle!) -> Int32 {
  guard let device = liveDeviceInfo(device_info), device.isKirinNPU else { return -1 }
  return device.frequency
}
