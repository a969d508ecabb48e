import CInterface
import CMindSpore
import CSystem
import Graph
import Synchronization

/// The settings and devices behind a context handle. A model that was built with them shares them, so that handle and model can
/// go in either order.
final class ContextSettings {
  var threadCount: Int32 = 0
  var affinityMode: Int32 = 0
  var cores: [Int32] = []
  var isParallel = false
  var devices: [DeviceInfoObject] = []
  /// Handle of the model that uses these settings; 0: none yet.
  let owner = Atomic<UInt>(0)

  /// Claims the settings for a model; false while they belong to another one that still lives.
  func claim(for model: UnsafeMutableRawPointer?) -> Bool {
    let claimant = UInt(bitPattern: model)
    var current = owner.load(ordering: .acquiring)
    while current != claimant {
      if current != 0 && HandleTable.shared.isLive(UnsafeMutableRawPointer(bitPattern: current)) { return false }
      let (exchanged, seen) = owner.compareExchange(
        expected: current, desired: claimant, ordering: .acquiringAndReleasing)
      if exchanged { return true }
      current = seen
    }
    return true
  }

  /// Whether another living model uses the settings.
  func isOwned(byOtherThan model: UnsafeMutableRawPointer?) -> Bool {
    let current = owner.load(ordering: .acquiring)
    return current != 0 && current != UInt(bitPattern: model)
      && HandleTable.shared.isLive(UnsafeMutableRawPointer(bitPattern: current))
  }

  deinit {
    for device in devices { HandleTable.shared.destroy(device.handle) }
  }
}

final class ContextObject: HandleObject {
  let settings = ContextSettings()
}

@c @implementation
public func OH_AI_ContextCreate() -> OH_AI_ContextHandle! {
  HandleTable.shared.insert(ContextObject(), .context)
}

@c @implementation
public func OH_AI_ContextDestroy(_ context: UnsafeMutablePointer<OH_AI_ContextHandle?>!) {
  destroyHandle(context)
}

@c @implementation
public func OH_AI_ContextSetThreadNum(_ context: OH_AI_ContextHandle!, _ thread_num: Int32) {
  liveContext(context)?.settings.threadCount = thread_num
}

@c @implementation
public func OH_AI_ContextGetThreadNum(_ context: OH_AI_ContextHandle!) -> Int32 {
  liveContext(context)?.settings.threadCount ?? 0
}

@c @implementation
public func OH_AI_ContextSetThreadAffinityMode(_ context: OH_AI_ContextHandle!, _ mode: Int32) {
  liveContext(context)?.settings.affinityMode = mode == 1 || mode == 2 ? mode : 0
}

@c @implementation
public func OH_AI_ContextGetThreadAffinityMode(_ context: OH_AI_ContextHandle!) -> Int32 {
  liveContext(context)?.settings.affinityMode ?? 0
}

@c @implementation
public func OH_AI_ContextSetThreadAffinityCoreList(
  _ context: OH_AI_ContextHandle!, _ core_list: UnsafePointer<Int32>!, _ core_num: Int
) {
  guard let object = liveContext(context) else { return }
  guard let core_list else {
    fail(.nullPointer, "core_list is NULL; expected processor numbers")
    return
  }
  // Linux counts processors with 32-bit numbers; a longer list is a length gone wrong.
  guard core_num >= 0 && core_num <= 1 << 20 else {
    fail(.parameterInvalid, "core_num \(UInt(bitPattern: core_num)) is more than any machine's processors")
    return
  }
  object.settings.cores = [Int32](UnsafeBufferPointer(start: core_list, count: core_num))
}

@c @implementation
public func OH_AI_ContextGetThreadAffinityCoreList(
  _ context: OH_AI_ContextHandle!, _ core_num: UnsafeMutablePointer<Int>!
) -> UnsafePointer<Int32>! {
  guard let object = liveContext(context) else { return nil }
  guard let core_num else {
    fail(.nullPointer, "core_num is NULL; expected the address of a size_t")
    return nil
  }
  let cores = object.settings.cores
  core_num.pointee = 0
  if cores.isEmpty { return nil }
  guard let copy = malloc(cores.count * 4) else {
    fail(.outOfMemory, "no memory for \(cores.count) processor numbers")
    return nil
  }
  let list = copy.bindMemory(to: Int32.self, capacity: cores.count)
  var i = 0
  while i < cores.count {
    list[i] = cores[i]
    i += 1
  }
  core_num.pointee = cores.count
  return UnsafePointer(list)
}

@c @implementation
public func OH_AI_ContextSetEnableParallel(_ context: OH_AI_ContextHandle!, _ is_parallel: Bool) {
  liveContext(context)?.settings.isParallel = is_parallel
}

@c @implementation
public func OH_AI_ContextGetEnableParallel(_ context: OH_AI_ContextHandle!) -> Bool {
  liveContext(context)?.settings.isParallel ?? false
}

@c @implementation
public func OH_AI_ContextAddDeviceInfo(_ context: OH_AI_ContextHandle!, _ device_info: OH_AI_DeviceInfoHandle!) {
  // Callers rely on errno here, so nothing is printed.
  guard let object = liveContext(context, silent: true), let device = liveDeviceInfo(device_info, silent: true) else {
    return
  }
  for known in object.settings.devices where known === device { return }
  object.settings.devices.append(device)
}
