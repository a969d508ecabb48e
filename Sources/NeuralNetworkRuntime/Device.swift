import CInterface
import CNeuralNetworkRuntime
import CSystem

/// A device of a driver.
final class Device {
  let driver: Driver
  let index: UInt32
  let info: NNRt_DeviceInfo
  /// What programs see.
  let name: Text
  let id: Int

  private let lock = Lock()
  /// Handles of executors that want to hear of its death.
  private var watchers: [OpaquePointer] = []

  private init(_ driver: Driver, _ index: UInt32, _ info: NNRt_DeviceInfo, _ name: Text) {
    self.driver = driver
    self.index = index
    self.info = info
    self.name = name
    // FNV-1a, so that the identifier is the same everywhere; 0 stands for the first device.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for i in 0..<name.count { hash = (hash ^ UInt64(UInt8(bitPattern: name.pointer[i]))) &* 0x100_0000_01b3 }
    let identifier = Int(truncatingIfNeeded: hash)
    id = identifier == 0 ? 1 : identifier
  }

  /// Asks a driver who its device is.
  static func ask(_ driver: Driver, _ index: UInt32) throws(Failure) -> Device {
    var info = NNRt_DeviceInfo()
    let code = driver.table.getDeviceInfo(index, &info)
    if code != OH_NN_SUCCESS { throw Failure(code, Message(text: driver.failure("getDeviceInfo", code))) }
    let name = text(&info.name, Int(NNRT_DEVICE_NAME_SIZE))
    let vendor = text(&info.vendor, Int(NNRT_VENDOR_NAME_SIZE))
    if name.isEmpty || vendor.isEmpty { throw Failure(OH_NN_FAILED, "\(driver.path): device \(index) has no name or no vendor") }
    if info.type.rawValue > OH_NN_ACCELERATOR.rawValue {
      throw Failure(OH_NN_FAILED, "\(driver.path): device \(index) is of type \(info.type.rawValue); expected 0 to 3")
    }
    if info.status.rawValue > NNRT_DEVICE_BUSY.rawValue {
      throw Failure(OH_NN_FAILED, "\(driver.path): device \(index) is offline (status \(info.status.rawValue))")
    }
    if info.modelCache && !driver.canCache {
      throw Failure(OH_NN_FAILED, "\(driver.path): device \(index) says it can cache models, but functions for it are missing")
    }
    return Device(driver, index, info, try Text.copy("\(name)_\(vendor)_v\(info.versionMajor)_\(info.versionMinor)"))
  }

  /// The text in an array that may lack the final NUL.
  private static func text<Array>(_ array: inout Array, _ capacity: Int) -> String {
    withUnsafeBytes(of: &array) { bytes in
      guard let base = bytes.baseAddress else { return "" }
      let count = strnlen(base.assumingMemoryBound(to: CChar.self), capacity)
      return String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
    }
  }

  /// One answer for each node; the caller's to deallocate.
  func supportedOperations(_ flat: FlatModel) throws(Failure) -> UnsafeMutablePointer<Bool> {
    let answer = UnsafeMutablePointer<Bool>.allocate(capacity: flat.nodeCount)
    answer.initialize(repeating: false, count: flat.nodeCount)
    var model = flat.model
    model.name = cString("")
    let code = driver.table.getSupportedOperations(index, &model, answer)
    if code == OH_NN_SUCCESS { return answer }
    answer.deallocate()
    throw Failure(OH_NN_UNAVAILABLE_DEVICE, Message(text: driver.failure("getSupportedOperations", code)))
  }

  // MARK: death

  func watch(_ executor: OpaquePointer) {
    lock.lock()
    watchers.append(executor)
    lock.unlock()
  }

  func unwatch(_ executor: OpaquePointer) {
    lock.lock()
    watchers.removeAll { $0 == executor }
    lock.unlock()
  }

  /// The driver says that the device has died.
  func died() {
    logError("\(driver.path): device \(name.string) has died", function: "NNRt_DeviceDied")
    lock.lock()
    let handles = watchers
    lock.unlock()
    for handle in handles {
      guard let object = HandleTable.shared.object(UnsafeMutableRawPointer(handle), HandleKind.executor.rawValue) else { continue }
      unsafeDowncast(object, to: ExecutorObject.self).serviceDied()
    }
  }
}
