import CInterface
import CNeuralNetworkRuntime
import CSystem

/// How a program wants a model compiled.
struct CompilationSettings {
  var float16 = false
  var performanceMode = OH_NN_PERFORMANCE_NONE
  var priority = OH_NN_PRIORITY_NONE
  private var extensions: [Extension] = []

  private struct Extension {
    let name: Text
    var value: [UInt8]
  }

  /// A name that is there already gets both values.
  mutating func addExtension(_ name: Text, _ value: UnsafeRawBufferPointer) {
    if let i = extensions.firstIndex(where: { strcmp($0.name.pointer, name.pointer) == 0 }) {
      extensions[i].value.append(UInt8(ascii: "|"))
      extensions[i].value.append(contentsOf: value)
    } else {
      extensions.append(Extension(name: name, value: [UInt8](value)))
    }
  }

  /// "ModelName", "" if it was not given.
  var modelName: String {
    guard let i = extensions.firstIndex(where: { strcmp($0.name.pointer, cString("ModelName")) == 0 }) else { return "" }
    var bytes = extensions[i].value
    // Programs count the final NUL or do not.
    while bytes.last == 0 { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a device can do it.
  func check(_ device: Device) throws(Failure) {
    if performanceMode.rawValue > OH_NN_PERFORMANCE_EXTREME.rawValue {
      throw .invalid("performance mode \(Int(Int32(bitPattern: performanceMode.rawValue))); expected 0 to 4")
    }
    if priority.rawValue > OH_NN_PRIORITY_HIGH.rawValue {
      throw .invalid("priority \(Int(Int32(bitPattern: priority.rawValue))); expected 0 to 3")
    }
    if float16 && !device.info.float16 { throw .forbidden("device \(device.name.string) does not compute in float16") }
    if performanceMode != OH_NN_PERFORMANCE_NONE && !device.info.performanceMode {
      throw .forbidden("device \(device.name.string) has no performance modes")
    }
    if priority != OH_NN_PRIORITY_NONE && !device.info.priority {
      throw .forbidden("device \(device.name.string) has no priorities")
    }
  }

  /// Calls `body` with the settings as drivers see them.
  func withConfig<Result>(_ body: (UnsafePointer<NNRt_Config>) throws(Failure) -> Result) throws(Failure) -> Result {
    let memory = Arena()
    let list = try memory.make(NNRt_Extension(), extensions.count)
    for i in extensions.indices {
      let value = extensions[i].value
      let bytes = try memory.make(UInt8(0), value.count)
      for k in value.indices { bytes[k] = value[k] }
      list[i] = NNRt_Extension(name: UnsafePointer(extensions[i].name.pointer), value: UnsafeRawPointer(bytes), size: value.count)
    }
    var config = NNRt_Config()
    config.float16 = float16
    config.performanceMode = performanceMode
    config.priority = priority
    config.extensions = UnsafePointer(list)
    config.extensionCount = UInt32(extensions.count)
    defer { withExtendedLifetime(memory) {} }
    return try body(&config)
  }
}
