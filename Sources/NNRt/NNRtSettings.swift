/// What a context says about the device that a model is to run on.
public struct NNRtSettings {
  /// 0: the first device.
  public var deviceID = 0
  /// OH_NN_PerformanceMode and OH_NN_Priority.
  public var performance: UInt32 = 0
  public var priority: UInt32 = 0
  public var float16 = false
  /// Name and value of everything that goes to the device's driver as it is.
  public var extensions: [(name: [UInt8], value: [UInt8])] = []
  /// What the device cannot run, or fails to, may run on the CPU.
  public var allowsCPU = false

  public init() {}

  /// The first value that was given for a name; nil: none was.
  func value(_ name: StaticString) -> [UInt8]? {
    for entry in extensions where NNRtSettings.same(entry.name, name) { return entry.value }
    return nil
  }

  static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  static func same(_ bytes: [UInt8], _ text: StaticString) -> Bool {
    if bytes.count != text.utf8CodeUnitCount { return false }
    for i in 0..<bytes.count where bytes[i] != text.utf8Start[i] { return false }
    return true
  }
}
