import CNNRt
import CSystem
import Graph

/// The Neural Network Runtime of the machine: `libneural_network_runtime.so` and `libneural_network_core.so`, opened when someone first
/// asks for devices and never closed.
public final class NNRtLibrary: @unchecked Sendable {
  let functions: msnnrt_functions
  /// What the runtime says of its devices is valid until it is asked again, by any thread.
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

  private init(_ functions: msnnrt_functions) {
    self.functions = functions
    _ = pthread_mutex_init(lock, nil)
  }

  deinit {
    _ = pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  fileprivate func askForDevices(_ body: () -> [NNRtDevice]) -> [NNRtDevice] {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return body()
  }

  /// The runtime's library first: the devices of a phone register themselves while it is loaded. nil: the machine has none, and ``reason``
  /// says why not.
  private static let loaded: (library: NNRtLibrary?, reason: String) = load()

  public static var shared: NNRtLibrary? { loaded.library }
  /// Why there is no library.
  public static var reason: String { loaded.reason }

  private static func load() -> (library: NNRtLibrary?, reason: String) {
    let folder = msnnrt_folder()
    if let folder, folder.pointee == 0 { return (nil, "MSLITE_NNRT_PATH is empty") }
    guard let runtime = msnnrt_open(folder, "libneural_network_runtime.so"), let core = msnnrt_open(folder, "libneural_network_core.so")
    else { return (nil, dlerror().map { text(UnsafePointer($0)) } ?? "MSLITE_NNRT_PATH is too long") }
    let table = UnsafeMutablePointer<msnnrt_functions>.allocate(capacity: 1)
    memset(table, 0, MemoryLayout<msnnrt_functions>.size)
    defer { table.deallocate() }
    if let missing = msnnrt_find(table, runtime, core) {
      return (nil, "the Neural Network Runtime has no function \(text(missing)); API 11 or newer is needed")
    }
    return (NNRtLibrary(table.pointee), "")
  }

  static func text(_ characters: UnsafePointer<CChar>) -> String {
    String(decoding: UnsafeRawBufferPointer(start: characters, count: strlen(characters)), as: UTF8.self)
  }
}

/// A device of the Neural Network Runtime.
public struct NNRtDevice {
  public let id: Int
  /// OH_NN_DeviceType: 0 other, 1 CPU, 2 GPU, 3 accelerator.
  public let type: UInt32
  /// UTF-8 without a final NUL, at most ``nameLimit`` bytes.
  public let name: [UInt8]

  public static let nameLimit = 127
  /// More devices than any machine has: an answer gone wrong.
  private static let limit: UInt32 = 1000

  /// The devices in the runtime's order, but those whose names begin with "NPU_" first. Empty where there is no runtime.
  public static var all: [NNRtDevice] {
    guard let library = NNRtLibrary.shared else { return [] }
    return library.askForDevices { list(library.functions) }
  }

  private static func list(_ f: msnnrt_functions) -> [NNRtDevice] {
    var ids: UnsafePointer<Int>?
    var count: UInt32 = 0
    guard f.allDeviceIDs(&ids, &count) == OH_NN_SUCCESS, let ids, count <= limit else { return [] }
    var processors = [NNRtDevice](), others = [NNRtDevice]()
    var i = 0
    while i < Int(count) {
      var name: UnsafePointer<CChar>?
      var type = OH_NN_OTHERS
      if f.deviceName(ids[i], &name) == OH_NN_SUCCESS, let name, f.deviceType(ids[i], &type) == OH_NN_SUCCESS {
        let known = type.rawValue <= OH_NN_ACCELERATOR.rawValue ? type : OH_NN_OTHERS
        let device = NNRtDevice(
          id: ids[i], type: known.rawValue,
          name: [UInt8](UnsafeRawBufferPointer(start: name, count: min(strlen(name), nameLimit))))
        if device.hasPrefix("NPU_") { processors.append(device) } else { others.append(device) }
      }
      i += 1
    }
    return processors + others
  }

  public func hasPrefix(_ prefix: StaticString) -> Bool {
    let count = prefix.utf8CodeUnitCount
    if name.count < count { return false }
    for i in 0..<count where name[i] != prefix.utf8Start[i] { return false }
    return true
  }

  public var text: String { String(decoding: name, as: UTF8.self) }
}
