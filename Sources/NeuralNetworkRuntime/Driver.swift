import CInterface
import CNeuralNetworkRuntime
import CSystem

/// A driver's library: its table of functions, checked.
final class Driver {
  /// For messages.
  let path: String
  /// Functions beyond what the driver was compiled with are nil.
  let table: NNRt_Driver

  private init(_ path: String, _ table: NNRt_Driver) {
    self.path = path
    self.table = table
  }

  /// Loads a library. It is never unloaded: devices are for ever.
  static func load(_ path: UnsafePointer<CChar>) throws(Failure) -> Driver {
    let name = String(cString: path)
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw Failure(OH_NN_FAILED, "cannot be loaded: \(dlerror().map { String(cString: $0) } ?? "no reason given")")
    }
    guard let symbol = dlsym(library, cString("NNRt_DriverEntry")) else {
      _ = dlclose(library)
      throw Failure(OH_NN_FAILED, "does not export NNRt_DriverEntry")
    }
    typealias Entry = @convention(c) (UInt32) -> UnsafePointer<NNRt_Driver>?
    let version = UInt32(NNRT_DRIVER_ABI_VERSION)
    guard let table = unsafeBitCast(symbol, to: Entry.self)(version) else {
      throw Failure(OH_NN_FAILED, "does not speak version \(version) of the driver interface")
    }
    if table.pointee.abiVersion != version {
      throw Failure(OH_NN_FAILED, "speaks version \(table.pointee.abiVersion) of the driver interface; expected \(version)")
    }
    var copy = NNRt_Driver()
    let size = min(Int(table.pointee.size), MemoryLayout<NNRt_Driver>.size)
    memcpy(&copy, table, size)
    let missing: StaticString? =
      copy.getDeviceCount == nil ? "getDeviceCount" : copy.getDeviceInfo == nil ? "getDeviceInfo"
      : copy.getSupportedOperations == nil ? "getSupportedOperations" : copy.prepareModel == nil ? "prepareModel"
      : copy.run == nil ? "run" : copy.releaseModel == nil ? "releaseModel"
      : copy.prepareOfflineModel != nil && copy.describeModel == nil ? "describeModel"
      : copy.allocateBuffer != nil && copy.releaseBuffer == nil ? "releaseBuffer" : nil
    if let missing { throw Failure(OH_NN_FAILED, "has no function \(missing)") }
    return Driver(name, copy)
  }

  var canCache: Bool { table.prepareModelFromCache != nil && table.exportCache != nil && table.releaseCache != nil }

  /// What the log says of a call that has failed.
  func failure(_ call: StaticString, _ code: OH_NN_ReturnCode) -> String {
    var text = "\(path): \(call) gave \(code.rawValue)"
    if let reason = table.lastError?(), reason[0] != 0 { text += ": \(String(cString: reason))" }
    return text
  }
}
