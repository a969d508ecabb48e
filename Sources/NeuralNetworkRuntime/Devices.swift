import CInterface
import CNeuralNetworkRuntime
import CSystem
import Synchronization

/// All devices of all drivers, found when the first one is asked for. They stay the same from then on.
final class Devices: @unchecked Sendable {
  static let shared = Devices()
  /// Drivers may report a death while the others are still being loaded.
  fileprivate static let isReady = Atomic<Bool>(false)

  private(set) var all: [Device] = []
  /// Their identifiers, for programs.
  private let ids: UnsafeMutablePointer<Int>

  private init() {
    var found: [Device] = []
    for path in Self.libraries() {
      do throws(Failure) {
        let driver = try Driver.load(path.pointer)
        found += Self.devices(of: driver, besides: found)
      } catch {
        logWarning("\(path.string): \(error.message); the driver is left out", function: "OH_NNDevice_GetAllDevicesID")
      }
    }
    all = found
    ids = .allocate(capacity: max(found.count, 1))
    for i in found.indices { (ids + i).initialize(to: found[i].id) }
    Self.isReady.store(true, ordering: .releasing)
  }

  private static func devices(of driver: Driver, besides others: [Device]) -> [Device] {
    // Devices of more than that would be an error of the driver.
    let count = min(driver.table.getDeviceCount(), 1024)
    var found: [Device] = []
    for index in 0..<count {
      do throws(Failure) {
        let device = try Device.ask(driver, index)
        if others.contains(where: { $0.id == device.id }) || found.contains(where: { $0.id == device.id }) {
          throw Failure(OH_NN_FAILED, "\(driver.path): there is a device \(device.name.string) already")
        }
        found.append(device)
      } catch {
        logWarning("\(error.message); the device is left out", function: "OH_NNDevice_GetAllDevicesID")
      }
    }
    if !found.isEmpty, let setDeathCallback = driver.table.setDeathCallback {
      setDeathCallback(deviceDied, Unmanaged.passRetained(driver).toOpaque())
    }
    return found
  }

  /// The device with that identifier; the first one for 0.
  func device(_ id: Int) -> Device? {
    if id == 0 { return all.first }
    return all.first { $0.id == id }
  }

  static func unknown(_ id: Int) -> Failure {
    Failure(OH_NN_FAILED, "there is no device \(UInt(bitPattern: id)); there are \(shared.all.count)")
  }

  /// For programs: NULL when there is none.
  var visible: (UnsafePointer<Int>?, Int) { all.isEmpty ? (nil, 0) : (UnsafePointer(ids), all.count) }

  // MARK: finding libraries

  /// What MSLITE_NNRT_DRIVERS names, or what is in the folder next to this library.
  private static func libraries() -> [Text] {
    if let list = secure_getenv(cString("MSLITE_NNRT_DRIVERS")) {
      var found: [Text] = []
      var start = 0
      let count = strlen(list)
      while start <= count {
        var end = start
        while end < count && list[end] != CChar(bitPattern: UInt8(ascii: ":")) { end += 1 }
        if end > start, let path = try? Text.copy(list + start, end - start) {
          if mssys_is_directory(path.pointer) != 0 { found += contents(of: path) } else { found.append(path) }
        }
        start = end + 1
      }
      return found
    }
    guard let own = mssys_library_path(mssys_own_address()), let resolved = realpath(own, nil) else { return [] }
    defer { free(resolved) }
    guard let slash = strrchr(resolved, Int32(UInt8(ascii: "/"))) else { return [] }
    slash[0] = 0
    guard let folder = try? Text.copy("\(String(cString: resolved))/nnrt_drivers") else { return [] }
    return mssys_is_directory(folder.pointer) != 0 ? contents(of: folder) : []
  }

  /// The paths of a folder's files that end in ".so", in the order of their names.
  private static func contents(of folder: Text) -> [Text] {
    guard let directory = opendir(folder.pointer) else {
      logWarning("\(folder.string): the folder cannot be read (error \(mssys_errno()))", function: "OH_NNDevice_GetAllDevicesID")
      return []
    }
    defer { _ = closedir(directory) }
    var found: [Text] = []
    while let name = mssys_next_name(directory) {
      let count = strlen(name)
      if count <= 3 || strcmp(name + count - 3, cString(".so")) != 0 { continue }
      if let path = try? Text.copy("\(folder.string)/\(String(cString: name))") { insert(path, into: &found) }
    }
    return found
  }

  private static func insert(_ path: Text, into sorted: inout [Text]) {
    var place = sorted.count
    while place > 0 && strcmp(sorted[place - 1].pointer, path.pointer) > 0 { place -= 1 }
    sorted.insert(path, at: place)
  }
}

/// A driver's callback; `context` is the driver.
private func deviceDied(_ context: UnsafeMutableRawPointer?, _ index: UInt32) {
  guard let context, Devices.isReady.load(ordering: .acquiring) else { return }
  let driver = Unmanaged<Driver>.fromOpaque(context).takeUnretainedValue()
  for device in Devices.shared.all where device.driver === driver && device.index == index { device.died() }
}

@c @implementation
public func OH_NNDevice_GetAllDevicesID(
  _ allDevicesID: UnsafeMutablePointer<UnsafePointer<Int>?>!, _ deviceCount: UnsafeMutablePointer<UInt32>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let ids = try emptyPlace(allDevicesID, "allDevicesID")
    let count = try place(deviceCount, "deviceCount")
    let (list, number) = Devices.shared.visible
    ids.pointee = list
    count.pointee = UInt32(number)
  }
}

@c @implementation
public func OH_NNDevice_GetName(_ deviceID: Int, _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let place = try emptyPlace(name, "name")
    guard let device = Devices.shared.device(deviceID) else { throw Devices.unknown(deviceID) }
    place.pointee = UnsafePointer(device.name.pointer)
  }
}

@c @implementation
public func OH_NNDevice_GetType(_ deviceID: Int, _ deviceType: UnsafeMutablePointer<OH_NN_DeviceType>!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let place = try place(deviceType, "deviceType")
    guard let device = Devices.shared.device(deviceID) else {
      throw Failure(OH_NN_INVALID_PARAMETER, Message(text: Devices.unknown(deviceID).message))
    }
    place.pointee = device.info.type
  }
}
