import CNeuralNetworkRuntime
import CSystem

/// A run that may be given up. What it holds belongs to the lock of its ``PreparedModel``.
final class Flight {
  fileprivate var isFlying = false
  fileprivate var isGivenUp = false
}

/// What a driver has compiled. Compilations and executors share it; runs hold it as long as they are on their way.
final class PreparedModel {
  let device: Device
  let inputs: [TensorInfo]
  let outputs: [TensorInfo]
  private let raw: OpaquePointer
  /// Calls for one compiled model are made one at a time.
  private let calls = Lock()
  /// For the runs that are on their way: how many there are, and how many of them nobody waits for.
  private let flights = Lock()
  private var running = 0
  private var givenUp = 0
  /// For each input the smallest and the largest size of each dimension; empty where the driver does not say.
  let ranges: [[(UInt32, UInt32)]]

  init(_ device: Device, _ raw: OpaquePointer, _ inputs: [TensorInfo], _ outputs: [TensorInfo]) {
    self.device = device
    self.raw = raw
    self.inputs = inputs
    self.outputs = outputs
    ranges = Self.ranges(device, raw, inputs)
  }

  deinit { device.driver.table.releaseModel(raw) }

  private static func ranges(_ device: Device, _ raw: OpaquePointer, _ inputs: [TensorInfo]) -> [[(UInt32, UInt32)]] {
    guard let getRange = device.driver.table.getInputDimensionRange else { return [] }
    var ranges: [[(UInt32, UInt32)]] = []
    for index in inputs.indices {
      let rank = inputs[index].shape.rank
      var minimum = [UInt32](repeating: 0, count: max(rank, 1))
      var maximum = minimum
      if getRange(raw, UInt32(index), UInt32(rank), &minimum, &maximum) != OH_NN_SUCCESS { return [] }
      var range: [(UInt32, UInt32)] = []
      for i in 0..<rank {
        if minimum[i] > maximum[i] {
          logWarning("\(device.driver.path): the range of input \(index) is empty; it is left out", function: "getInputDimensionRange")
          return []
        }
        range.append((minimum[i], maximum[i]))
      }
      ranges.append(range)
    }
    return ranges
  }

  // MARK: calls

  /// One run. The arrays hold as many tensors as the model has inputs and outputs.
  /// - Parameter flight: of a run that may be given up
  func run(
    _ inputs: UnsafePointer<NNRt_IOTensor>, _ outputs: UnsafeMutablePointer<NNRt_IOTensor>, _ flight: Flight?
  ) -> OH_NN_ReturnCode {
    let isExclusive = !device.info.concurrentRuns
    if isExclusive { calls.lock() }
    defer { if isExclusive { calls.unlock() } }
    if !begin(flight) { return OH_NN_TIMEOUT }
    defer { end(flight) }
    return device.driver.table.run(raw, inputs, UInt32(self.inputs.count), outputs, UInt32(self.outputs.count))
  }

  /// Whether somebody still waits for the run.
  private func begin(_ flight: Flight?) -> Bool {
    flights.lock()
    defer { flights.unlock() }
    if let flight {
      if flight.isGivenUp { return false }
      flight.isFlying = true
    }
    running += 1
    return true
  }

  private func end(_ flight: Flight?) {
    flights.lock()
    defer { flights.unlock() }
    running -= 1
    if let flight {
      flight.isFlying = false
      if flight.isGivenUp { givenUp -= 1 }
    }
    cancelIfUnwanted()
  }

  /// Nobody waits for that run any more.
  func giveUp(_ flight: Flight) {
    flights.lock()
    defer { flights.unlock() }
    flight.isGivenUp = true
    if !flight.isFlying { return }
    givenUp += 1
    cancelIfUnwanted()
  }

  /// Drivers cancel all runs of a model, so it is done only if nobody waits for any of them. The lock keeps others from beginning.
  private func cancelIfUnwanted() {
    if running > 0 && givenUp == running { device.driver.table.cancel?(raw) }
  }

  func reconfigure(_ config: UnsafePointer<NNRt_Config>) throws(Failure) {
    guard let reconfigure = device.driver.table.reconfigure else { return }
    calls.lock()
    defer { calls.unlock() }
    let code = reconfigure(raw, config)
    if code != OH_NN_SUCCESS {
      throw Failure(OH_NN_UNAVAILABLE_DEVICE, Message(text: device.driver.failure("reconfigure", code)))
    }
  }

  /// Calls `body` with the compiled model as the driver's blobs.
  func withExportedCache(_ body: ([UnsafeRawBufferPointer]) throws(Failure) -> Void) throws(Failure) {
    let driver = device.driver
    guard device.info.modelCache, let exportCache = driver.table.exportCache else {
      throw Failure(OH_NN_UNSUPPORTED, "device \(device.name.string) cannot export compiled models")
    }
    calls.lock()
    defer { calls.unlock() }
    var list: UnsafePointer<NNRt_Blob>?
    var count: UInt32 = 0
    let code = exportCache(raw, &list, &count)
    if code != OH_NN_SUCCESS { throw Failure(OH_NN_FAILED, Message(text: driver.failure("exportCache", code))) }
    defer { driver.table.releaseCache(raw, list, count) }
    guard let list, count > 0, count <= UInt32(CacheImage.maximumBlobs) else {
      throw Failure(OH_NN_FAILED, "\(driver.path): exportCache gave \(count) blobs; expected 1 to \(CacheImage.maximumBlobs)")
    }
    var blobs: [UnsafeRawBufferPointer] = []
    for i in 0..<Int(count) {
      if list[i].data == nil || list[i].size == 0 { throw Failure(OH_NN_FAILED, "\(driver.path): exportCache gave an empty blob") }
      blobs.append(UnsafeRawBufferPointer(start: list[i].data, count: list[i].size))
    }
    try body(blobs)
  }
}

/// How models become prepared ones. `config` is what the program has set.
extension Device {
  func prepare(_ flat: FlatModel, _ name: UnsafePointer<CChar>, _ config: UnsafePointer<NNRt_Config>) throws(Failure) -> PreparedModel {
    var model = flat.model
    model.name = name
    var raw: OpaquePointer?
    let code = driver.table.prepareModel(index, &model, config, &raw)
    return PreparedModel(self, try checked(raw, code, "prepareModel"), flat.inputs, flat.outputs)
  }

  func prepare(_ cache: CacheImage, _ config: UnsafePointer<NNRt_Config>) throws(Failure) -> PreparedModel {
    guard info.modelCache, let prepareFromCache = driver.table.prepareModelFromCache else {
      throw Failure(OH_NN_UNSUPPORTED, "device \(name.string) cannot import compiled models")
    }
    var blobs: [NNRt_Blob] = []
    for blob in cache.blobs { blobs.append(NNRt_Blob(data: blob.baseAddress, size: blob.count)) }
    var raw: OpaquePointer?
    let code = prepareFromCache(index, blobs, UInt32(blobs.count), config, &raw)
    return PreparedModel(self, try checked(raw, code, "prepareModelFromCache"), cache.inputs, cache.outputs)
  }

  func prepare(offline model: UnsafeRawBufferPointer, _ config: UnsafePointer<NNRt_Config>) throws(Failure) -> PreparedModel {
    guard let prepareOffline = driver.table.prepareOfflineModel, let describe = driver.table.describeModel else {
      throw Failure(OH_NN_UNSUPPORTED, "device \(name.string) takes no offline models")
    }
    var blob = NNRt_Blob(data: model.baseAddress, size: model.count)
    var raw: OpaquePointer?
    let code = prepareOffline(index, &blob, 1, config, &raw)
    let prepared = try checked(raw, code, "prepareOfflineModel")
    do throws(Failure) {
      var inputs: UnsafePointer<NNRt_TensorInfo>?
      var outputs: UnsafePointer<NNRt_TensorInfo>?
      var counts: (UInt32, UInt32) = (0, 0)
      let described = describe(prepared, &inputs, &counts.0, &outputs, &counts.1)
      if described != OH_NN_SUCCESS { throw Failure(OH_NN_FAILED, Message(text: driver.failure("describeModel", described))) }
      return PreparedModel(self, prepared, try infos(inputs, counts.0), try infos(outputs, counts.1))
    } catch {
      driver.table.releaseModel(prepared)
      throw error
    }
  }

  private func checked(_ raw: OpaquePointer?, _ code: OH_NN_ReturnCode, _ call: StaticString) throws(Failure) -> OpaquePointer {
    if code != OH_NN_SUCCESS { throw Failure(OH_NN_FAILED, Message(text: driver.failure(call, code))) }
    guard let raw else { throw Failure(OH_NN_FAILED, "\(driver.path): \(call) gave no model") }
    return raw
  }

  /// What a driver says of an offline model's inputs or outputs.
  private func infos(_ list: UnsafePointer<NNRt_TensorInfo>?, _ count: UInt32) throws(Failure) -> [TensorInfo] {
    guard let list, count > 0, count <= UInt32(ModelObject.maximumIndices) else {
      throw Failure(OH_NN_FAILED, "\(driver.path): describeModel gave \(count) tensors; expected 1 to \(ModelObject.maximumIndices)")
    }
    var infos: [TensorInfo] = []
    for i in 0..<Int(count) {
      var info = list[i]
      guard let name = info.name, info.dataType.isValid, info.dataType != OH_NN_UNKNOWN, info.format.rawValue <= OH_NN_FORMAT_ND.rawValue
      else { throw Failure(OH_NN_FAILED, "\(driver.path): describeModel gave a tensor without name, data type or format") }
      let rank = Int(clamping: info.dimensionCount)
      let shape = try withUnsafePointer(to: &info.dimensions.0) { (sizes) throws(Failure) in try TensorShape.checked(sizes, rank) }
      infos.append(TensorInfo(try Text.copy(name), info.dataType, info.format, shape))
    }
    return infos
  }
}
