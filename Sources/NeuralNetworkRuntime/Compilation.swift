import CInterface
import CNeuralNetworkRuntime
import CSystem
import System

/// A model on its way to a device: where it comes from, how it is to be compiled, and what came of it.
final class CompilationObject: HandleObject {
  private let lock = Lock()
  private let model: ModelObject?
  private let offlinePath: Text?
  private let offlineModel: UnsafeRawBufferPointer?
  /// A compiled model in a program's memory.
  private var importedImage: UnsafeRawBufferPointer?
  private var deviceID = 0
  private var cache: (folder: Text, version: UInt32)?
  private var settings = CompilationSettings()
  private var prepared: PreparedModel?
  /// Of the model that was compiled, 0 if it was not made of operators.
  private var fingerprint: UInt64 = 0

  init(model: ModelObject? = nil, offlinePath: Text? = nil, offlineModel: UnsafeRawBufferPointer? = nil) {
    self.model = model
    self.offlinePath = offlinePath
    self.offlineModel = offlineModel
  }

  /// What the device has compiled; nil before ``build()`` has succeeded.
  var result: PreparedModel? {
    lock.lock()
    defer { lock.unlock() }
    return prepared
  }

  // MARK: settings

  func setDevice(_ id: Int) {
    lock.lock()
    deviceID = id
    lock.unlock()
  }

  func setCache(_ folder: Text, _ version: UInt32) {
    lock.lock()
    cache = (folder, version)
    lock.unlock()
  }

  func importImage(_ image: UnsafeRawBufferPointer) {
    lock.lock()
    importedImage = image
    lock.unlock()
  }

  func addExtension(_ name: Text, _ value: UnsafeRawBufferPointer) {
    lock.lock()
    settings.addExtension(name, value)
    lock.unlock()
  }

  /// Changes a setting. After the build it is checked, and handed to the device, at once; a setting that is refused is not made.
  func change(_ change: (inout CompilationSettings) -> Void) throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    var changed = settings
    change(&changed)
    if let prepared {
      try changed.check(prepared.device)
      try changed.withConfig { (config) throws(Failure) in try prepared.reconfigure(config) }
    }
    settings = changed
  }

  // MARK: build

  func build() throws(Failure) {
    lock.lock()
    defer { lock.unlock() }
    if prepared != nil { throw .invalid("the compilation is built") }
    let flat = try source()
    guard let device = Devices.shared.device(deviceID) else { throw Devices.unknown(deviceID) }
    if cache != nil && !device.info.modelCache { throw .forbidden("device \(device.name.string) cannot cache models") }
    try settings.check(device)
    if let flat, flat.hasDynamicInput && !device.info.dynamicInput {
      throw .forbidden("the model has inputs of unknown shape, which device \(device.name.string) does not support")
    }
    let file = try cacheFile()
    fingerprint = (file != nil || device.info.modelCache) ? flat?.fingerprint(float16: settings.float16) ?? 0 : 0
    if let file, let restored = try restore(device, file, hasSource: flat != nil) {
      prepared = restored
      return
    }
    let compiled = try compile(flat, device)
    if let file {
      try compiled.withExportedCache { (blobs) throws(Failure) in
        try file.write(CacheImage.make(compiled, cache?.version ?? 0, fingerprint, blobs))
      }
    }
    prepared = compiled
  }

  /// Checks that there is one source, or a cache; the model if it is that.
  private func source() throws(Failure) -> FlatModel? {
    let count = (model == nil ? 0 : 1) + (offlinePath == nil ? 0 : 1) + (offlineModel == nil ? 0 : 1) + (importedImage == nil ? 0 : 1)
    if count > 1 { throw .invalid("there are two models: the compilation has its own, and one was imported") }
    if count == 0 && cache == nil { throw .invalid("there is no model, and no cache to take it from") }
    guard let model else { return nil }
    guard let flat = model.finished else { throw .invalid("the model is not finished") }
    return flat
  }

  /// The file of the cache, for models that can be told from others; nil without a cache.
  private func cacheFile() throws(Failure) -> CacheFile? {
    guard let cache else { return nil }
    if cache.version == UInt32.max { throw .invalid("cache version \(cache.version) is reserved") }
    return try CacheFile.at(folder: cache.folder, modelName: settings.modelName)
  }

  /// The model from the cache; nil when it must be compiled.
  private func restore(_ device: Device, _ file: CacheFile, hasSource: Bool) throws(Failure) -> PreparedModel? {
    // A vendor's model and an imported one cannot be told from what is in the cache.
    let isOther = offlinePath != nil || offlineModel != nil || importedImage != nil
    let mustCompile = hasSource || isOther
    guard let bytes = try readable(file, mustCompile) else { return nil }
    do throws(Failure) {
      let image = try CacheImage.read(UnsafeRawBufferPointer(start: bytes.base, count: bytes.count))
      if let version = cache?.version {
        if image.version > version { throw .forbidden("\(file.text) is of version \(image.version), newer than \(version)") }
        if image.version < version { throw Failure(OH_NN_INVALID_FILE, "it is of version \(image.version), older than \(version)") }
      }
      if !image.isFor(device) { throw Failure(OH_NN_INVALID_FILE, "it is for another device") }
      if hasSource && image.fingerprint != fingerprint { throw Failure(OH_NN_INVALID_FILE, "it is another model") }
      return try settings.withConfig { (config) throws(Failure) in try device.prepare(image, config) }
    } catch {
      if error.code == OH_NN_OPERATION_FORBIDDEN || !mustCompile {
        throw Failure(error.code, "\(file.text): \(error.message)")
      }
      logWarning("\(file.text): \(error.message); the model is compiled anew", function: "OH_NNCompilation_Build")
      return nil
    }
  }

  /// The cache's bytes; nil when there are none and the model can be compiled.
  private func readable(_ file: CacheFile, _ mustCompile: Bool) throws(Failure) -> Buffer? {
    do throws(Failure) {
      if let bytes = try file.read() { return bytes }
      if mustCompile { return nil }
      throw Failure(OH_NN_INVALID_FILE, "\(file.text): there is no such file, and no model to compile")
    } catch {
      if !mustCompile { throw error }
      logWarning("\(error.message); the model is compiled anew", function: "OH_NNCompilation_Build")
      return nil
    }
  }

  private func compile(_ flat: FlatModel?, _ device: Device) throws(Failure) -> PreparedModel {
    if let flat { try checkSupport(flat, device) }
    let name = try Text.copy(settings.modelName)
    return try settings.withConfig { (config) throws(Failure) in
      if let flat { return try device.prepare(flat, name.pointer, config) }
      if let offlineModel { return try device.prepare(offline: offlineModel, config) }
      if let importedImage {
        let image = try CacheImage.read(importedImage)
        if !image.isFor(device) { throw Failure(OH_NN_INVALID_FILE, "the imported model is for another device") }
        fingerprint = image.fingerprint
        return try device.prepare(image, config)
      }
      guard let offlinePath, let file = try FileBytes.read(offlinePath.pointer), file.count > 0 else {
        throw Failure(OH_NN_INVALID_FILE, "the offline model is empty")
      }
      return try device.prepare(offline: UnsafeRawBufferPointer(start: file.base, count: file.count), config)
    }
  }

  private func checkSupport(_ flat: FlatModel, _ device: Device) throws(Failure) {
    try flat.checkRunnable()
    let supported = try device.supportedOperations(flat)
    defer { supported.deallocate() }
    for i in 0..<flat.nodeCount where !supported[i] {
      throw Failure(OH_NN_FAILED, "device \(device.name.string) does not support node \(String(cString: flat.model.nodes[i].name))")
    }
  }

  // MARK: export

  /// Writes the compiled model to `room` and returns its bytes; nothing is written if there is too little room.
  func export(to room: UnsafeMutableRawBufferPointer) throws(Failure) -> (size: Int, fits: Bool) {
    lock.lock()
    defer { lock.unlock() }
    guard let prepared else { throw .invalid("the compilation is not built") }
    var size = 0
    try prepared.withExportedCache { (blobs) throws(Failure) in
      let image = CacheImage.make(prepared, cache?.version ?? 0, fingerprint, blobs)
      let head = image.head()
      size = image.size(head)
      if size > room.count { return }
      var offset = 0
      _ = image.forEachPiece(head) { piece in
        if let source = piece.baseAddress, let base = room.baseAddress { memcpy(base + offset, source, piece.count) }
        offset += piece.count
        return true
      }
    }
    return (size, size <= room.count)
  }
}
