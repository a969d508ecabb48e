import CNNRt
import CSystem
import Graph

/// Memory that the CPU and a device share: one value that crosses between them.
final class DeviceTensor {
  private let library: NNRtLibrary
  private(set) var handle: OpaquePointer?
  let data: UnsafeMutableRawPointer

  private init(_ library: NNRtLibrary, _ handle: OpaquePointer?, _ data: UnsafeMutableRawPointer) {
    self.library = library
    self.handle = handle
    self.data = data
  }

  static func make(_ library: NNRtLibrary, device: Int, _ t: Tensor) throws(EngineError) -> DeviceTensor {
    guard let type = t.type.deviceType else { throw EngineError(.notSupported, "\(t) has a type that devices do not have") }
    let f = library.functions
    let description = try TensorDescription.make(library, type, t.shape.dims.map { Int32(clamping: $0) })
    var handle = f.makeTensor(device, description.handle)
    var size = 0
    guard handle != nil, let data = f.tensorData(handle), f.tensorSize(handle, &size) == OH_NN_SUCCESS, size >= t.byteCount else {
      if handle != nil { _ = f.freeTensor(&handle) }
      throw EngineError(.error, "the device gives no memory for \(t)")
    }
    return DeviceTensor(library, handle, data)
  }

  deinit { _ = library.functions.freeTensor(&handle) }
}

/// A part of a graph, compiled for a device.
public final class DeviceProgram {
  private let library: NNRtLibrary
  fileprivate var executor: OpaquePointer?
  /// An offline model's bytes, which the compilation refers to, belong to it.
  private let keepsAlive: AnyObject?
  fileprivate var inputs: [DeviceTensor] = [], outputs: [DeviceTensor] = []
  fileprivate let inputHandles: UnsafeMutablePointer<OpaquePointer?>, outputHandles: UnsafeMutablePointer<OpaquePointer?>
  private let outputShapes: [Shape]
  private var compilation: OpaquePointer?

  private init(_ library: NNRtLibrary, _ outputs: [Shape], inputCount: Int, keepsAlive: AnyObject?) {
    self.library = library
    self.keepsAlive = keepsAlive
    inputHandles = .allocate(capacity: max(inputCount, 1))
    inputHandles.initialize(repeating: nil, count: max(inputCount, 1))
    outputHandles = .allocate(capacity: max(outputs.count, 1))
    outputHandles.initialize(repeating: nil, count: max(outputs.count, 1))
    outputShapes = outputs
  }

  deinit {
    if executor != nil { library.functions.freeExecutor(&executor) }
    if compilation != nil { library.functions.freeCompilation(&compilation) }
    inputHandles.deallocate()
    outputHandles.deallocate()
  }

  /// What is to be compiled.
  enum Source {
    case model(DeviceModel)
    /// A vendor's model, whose bytes `owner` keeps.
    case offline(UnsafeRawBufferPointer, owner: AnyObject?)
  }

  /// Compiles. `part`: the program's number among those of the model, which makes the names of cached programs different. `plain`:
  /// without the settings that a device may not have: half precision, performance, priority, cache.
  static func make(
    _ library: NNRtLibrary, _ source: Source, device: Int, _ settings: NNRtSettings, part: Int, inputCount: Int, _ outputs: [Shape],
    plain: Bool
  ) throws(EngineError) -> DeviceProgram {
    let f = library.functions
    var bytes: AnyObject?
    if case .offline(_, let owner) = source { bytes = owner }
    let program = DeviceProgram(library, outputs, inputCount: inputCount, keepsAlive: bytes)
    switch source {
    case .model(let model): program.compilation = f.makeCompilation(model.handle)
    case .offline(let bytes, _): program.compilation = f.makeOfflineCompilation(bytes.baseAddress, bytes.count)
    }
    if program.compilation == nil { throw NNRtError.refused("OH_NNCompilation_Construct", nil) }
    let c = program.compilation
    try NNRtError.check(f.setDevice(c, device), "OH_NNCompilation_SetDevice")
    if !plain { try set(library, c, settings) }
    let hasName = try addExtensions(library, c, settings, part)
    guard !plain, let path = settings.value("CachePath") else {
      try NNRtError.check(f.build(c), "OH_NNCompilation_Build")
      return try program.ready(f)
    }
    if !hasName && part > 0 { try addExtension(library, c, Array("ModelName".utf8), suffix(part)) }
    let version = try cacheVersion(settings)
    // The runtime keeps the pointer until the build.
    let folder = path + [0]
    let code = folder.withUnsafeBytes { text in
      let result = f.setCache(c, text.baseAddress?.assumingMemoryBound(to: CChar.self), version)
      return result == OH_NN_SUCCESS ? f.build(c) : result
    }
    try NNRtError.check(code, "OH_NNCompilation_Build, with a cache,")
    return try program.ready(f)
  }

  /// What the build checks: setters only store.
  private static func set(_ library: NNRtLibrary, _ c: OpaquePointer?, _ settings: NNRtSettings) throws(EngineError) {
    let f = library.functions
    if settings.performance != 0 {
      try NNRtError.check(
        f.setPerformance(c, OH_NN_PerformanceMode(rawValue: settings.performance)), "OH_NNCompilation_SetPerformanceMode")
    }
    if settings.priority != 0 {
      try NNRtError.check(f.setPriority(c, OH_NN_Priority(rawValue: settings.priority)), "OH_NNCompilation_SetPriority")
    }
    if settings.float16 { try NNRtError.check(f.setFloat16(c, true), "OH_NNCompilation_EnableFloat16") }
  }

  /// Hands the driver's settings on; true when there is a ModelName among them.
  private static func addExtensions(
    _ library: NNRtLibrary, _ c: OpaquePointer?, _ settings: NNRtSettings, _ part: Int
  ) throws(EngineError) -> Bool {
    var hasName = false
    for entry in settings.extensions {
      // The runtime has a function for these two.
      if NNRtSettings.same(entry.name, "CachePath") || NNRtSettings.same(entry.name, "CacheVersion") { continue }
      var value = entry.value
      if NNRtSettings.same(entry.name, "ModelName") {
        // The first counts.
        if hasName { continue }
        hasName = true
        value += suffix(part)
      }
      if !value.isEmpty { try addExtension(library, c, entry.name, value) }
    }
    return hasName
  }

  private static func addExtension(
    _ library: NNRtLibrary, _ compilation: OpaquePointer?, _ name: [UInt8], _ value: [UInt8]
  ) throws(EngineError) {
    let key = name + [0]
    let code = key.withUnsafeBytes { k in
      value.withUnsafeBytes { v in
        library.functions.addExtension(compilation, k.baseAddress?.assumingMemoryBound(to: CChar.self), v.baseAddress, v.count)
      }
    }
    try NNRtError.check(code, "OH_NNCompilation_AddExtensionConfig")
  }

  /// "" for the first part, so that a model which is one part has the files that its name says.
  private static func suffix(_ part: Int) -> [UInt8] { part == 0 ? [] : Array("_\(part)".utf8) }

  /// CacheVersion: decimal digits, 0 when not given.
  static func cacheVersion(_ settings: NNRtSettings) throws(EngineError) -> UInt32 {
    guard let digits = settings.value("CacheVersion") else { return 0 }
    var version: UInt64 = 0
    for digit in digits {
      if digit < 48 || digit > 57 || version > UInt64(UInt32.max) { version = UInt64.max; break }
      version = version * 10 + UInt64(digit - 48)
    }
    guard !digits.isEmpty, let result = UInt32(exactly: version) else {
      throw EngineError(.error, "the extension CacheVersion is \"\(NNRtSettings.text(digits))\"; expected 0 to \(UInt32.max)")
    }
    return result
  }

  private func ready(_ f: msnnrt_functions) throws(EngineError) -> DeviceProgram {
    executor = f.makeExecutor(compilation)
    if executor == nil { throw NNRtError.refused("OH_NNExecutor_Construct", nil) }
    return self
  }

  /// Says where inputs and outputs lie.
  func bind(_ inputs: [DeviceTensor], _ outputs: [DeviceTensor]) {
    self.inputs = inputs
    self.outputs = outputs
    for (i, t) in inputs.enumerated() { inputHandles[i] = t.handle }
    for (i, t) in outputs.enumerated() { outputHandles[i] = t.handle }
  }

  fileprivate func run() -> OH_NN_ReturnCode {
    library.functions.run(executor, inputHandles, inputs.count, outputHandles, outputs.count)
  }

  /// The outputs have the shapes that the graph expects.
  func checkOutputs() throws(EngineError) {
    var i = 0
    while i < outputs.count {
      var dims: UnsafeMutablePointer<Int32>?
      var count: UInt32 = 0
      try NNRtError.check(library.functions.outputShape(executor, UInt32(i), &dims, &count), "OH_NNExecutor_GetOutputShape")
      let expected = outputShapes[i]
      var fits = Int(count) == expected.rank && dims != nil
      var k = 0
      while fits && k < expected.rank {
        if let dims, Int(dims[k]) != expected[k] { fits = false }
        k += 1
      }
      if !fits { throw EngineError(.operatorFailed, "the device says that output \(i) has another shape than \(expected)") }
      i += 1
    }
  }
}

/// One run of a program.
final class DeviceRun: DeviceJob {
  let program: DeviceProgram
  private(set) var code = OH_NN_FAILED

  init(_ program: DeviceProgram) { self.program = program }

  override func perform() { code = program.run() }
}
