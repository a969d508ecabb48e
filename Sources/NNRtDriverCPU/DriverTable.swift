import CNeuralNetworkRuntime
import CSystem
import Graph
import System

/// The only device.
private let deviceCount: UInt32 = 1

/// Valid as long as the library is loaded, which is as long as the process lives.
nonisolated(unsafe) private let table: UnsafePointer<NNRt_Driver> = {
  let table = UnsafeMutablePointer<NNRt_Driver>.allocate(capacity: 1)
  table.initialize(
    to: NNRt_Driver(
      abiVersion: UInt32(NNRT_DRIVER_ABI_VERSION), size: UInt32(MemoryLayout<NNRt_Driver>.size),
      getDeviceCount: { deviceCount },
      getDeviceInfo: { device, info in answer(device) { () throws(EngineError) in describeDevice(try present(info, "info")) } },
      lastError: { UnsafePointer(mssys_error_text()) },
      getSupportedOperations: { device, model, supported in
        answer(device) { () throws(EngineError) in
          let model = try present(model, "model").pointee
          try ModelTranslator(model, ownsConstants: false).findSupported(try present(supported, "supported"))
        }
      },
      prepareModel: { device, model, config, prepared in
        answer(device) { () throws(EngineError) in
          let graph = try ModelTranslator(try present(model, "model").pointee, ownsConstants: true).graph()
          try hand(PreparedModel.make([graph], try present(config, "config").pointee), to: prepared)
        }
      },
      prepareModelFromCache: { device, blobs, count, config, prepared in
        answer(device) { () throws(EngineError) in
          let graphs = try ModelCache.read(try onlyBlob(blobs, count))
          try hand(PreparedModel.make(graphs, try present(config, "config").pointee), to: prepared)
        }
      },
      prepareOfflineModel: { device, blobs, count, config, prepared in
        answer(device) { () throws(EngineError) in
          let graphs = try ModelCache.readModel(try onlyBlob(blobs, count))
          try hand(PreparedModel.make(graphs, try present(config, "config").pointee), to: prepared)
        }
      },
      describeModel: { prepared, inputs, inputCount, outputs, outputCount in
        answer(prepared) { (model) throws(EngineError) in
          let description = model.description()
          inputs?.pointee = description.inputs
          inputCount?.pointee = UInt32(model.inputCount)
          outputs?.pointee = description.outputs
          outputCount?.pointee = UInt32(model.outputCount)
        }
      },
      exportCache: { prepared, blobs, count in
        answer(prepared) { (model) throws(EngineError) in
          let list = try ModelCache.write(model.graphs)
          guard let blobs, let count else {
            ModelCache.release(list)
            throw EngineError(.nullPointer, "blobs or blobCount is NULL")
          }
          blobs.pointee = list
          count.pointee = 1
        }
      },
      releaseCache: { _, blobs, _ in ModelCache.release(blobs) },
      getInputDimensionRange: { prepared, input, count, minimum, maximum in
        answer(prepared) { (model) throws(EngineError) in
          try model.range(
            ofInput: Int(input), count: Int(count), try present(minimum, "minimum"), try present(maximum, "maximum"))
        }
      },
      run: { prepared, inputs, inputCount, outputs, outputCount in
        var hasRoom = true
        let code = answer(prepared) { (model) throws(EngineError) in
          hasRoom = try model.run(try list(inputs, inputCount, "inputs"), try list(outputs, outputCount, "outputs"))
        }
        return code == OH_NN_SUCCESS && !hasRoom ? OH_NN_MEMORY_ERROR : code
      },
      cancel: nil,
      reconfigure: { prepared, config in
        answer(prepared) { (model) throws(EngineError) in try model.reconfigure(try present(config, "config").pointee) }
      },
      releaseModel: { prepared in if let prepared { Unmanaged<PreparedModel>.fromOpaque(UnsafeRawPointer(prepared)).release() } },
      allocateBuffer: nil, releaseBuffer: nil, setDeathCallback: nil))
  return UnsafePointer(table)
}()

@c @implementation
public func NNRt_DriverEntry(_ abiVersion: UInt32) -> UnsafePointer<NNRt_Driver>! {
  abiVersion == UInt32(NNRT_DRIVER_ABI_VERSION) ? table : nil
}

private func describeDevice(_ info: UnsafeMutablePointer<NNRt_DeviceInfo>) {
  put("CPU", &info.pointee.name, Int(NNRT_DEVICE_NAME_SIZE))
  put("MSLite", &info.pointee.vendor, Int(NNRT_VENDOR_NAME_SIZE))
  info.pointee.type = OH_NN_CPU
  info.pointee.status = NNRT_DEVICE_AVAILABLE
  (info.pointee.versionMajor, info.pointee.versionMinor) = (2, 1)
  info.pointee.float16 = true
  info.pointee.performanceMode = true
  info.pointee.dynamicInput = true
  info.pointee.modelCache = true
}

private func put<Field>(_ text: StaticString, _ field: inout Field, _ capacity: Int) {
  withUnsafeMutableBytes(of: &field) { bytes in
    var i = 0
    while i < min(text.utf8CodeUnitCount, capacity - 1) {
      bytes[i] = text.utf8Start[i]
      i += 1
    }
  }
}

// MARK: arguments

private func present<Pointer>(_ pointer: Pointer?, _ name: StaticString) throws(EngineError) -> Pointer {
  guard let pointer else { throw EngineError(.nullPointer, "\(name) is NULL") }
  return pointer
}

private func onlyBlob(_ blobs: UnsafePointer<NNRt_Blob>?, _ count: UInt32) throws(EngineError) -> UnsafeRawBufferPointer {
  guard count == 1, let blob = blobs?.pointee, blob.data != nil else {
    throw EngineError(.parameterInvalid, "a model comes in \(count) parts; 1 is expected")
  }
  return UnsafeRawBufferPointer(start: blob.data, count: blob.size)
}

private func list<Element>(
  _ base: UnsafePointer<Element>?, _ count: UInt32, _ name: StaticString
) throws(EngineError) -> UnsafeBufferPointer<Element> {
  if base == nil && count > 0 { throw EngineError(.nullPointer, "\(name) is NULL") }
  return UnsafeBufferPointer(start: base, count: Int(count))
}

private func list<Element>(
  _ base: UnsafeMutablePointer<Element>?, _ count: UInt32, _ name: StaticString
) throws(EngineError) -> UnsafeMutableBufferPointer<Element> {
  if base == nil && count > 0 { throw EngineError(.nullPointer, "\(name) is NULL") }
  return UnsafeMutableBufferPointer(start: base, count: Int(count))
}

private func hand(_ model: PreparedModel, to prepared: UnsafeMutablePointer<OpaquePointer?>?) throws(EngineError) {
  try present(prepared, "prepared").pointee = OpaquePointer(Unmanaged.passRetained(model).toOpaque())
}

// MARK: answers

private func answer(_ device: UInt32, _ work: () throws(EngineError) -> Void) -> OH_NN_ReturnCode {
  do throws(EngineError) {
    if device >= deviceCount { throw EngineError(.parameterInvalid, "there is no device \(device)") }
    try work()
    return OH_NN_SUCCESS
  } catch { return report(error) }
}

private func answer(_ prepared: OpaquePointer?, _ work: (PreparedModel) throws(EngineError) -> Void) -> OH_NN_ReturnCode {
  do throws(EngineError) {
    let pointer = UnsafeRawPointer(try present(prepared, "prepared"))
    try work(Unmanaged<PreparedModel>.fromOpaque(pointer).takeUnretainedValue())
    return OH_NN_SUCCESS
  } catch { return report(error) }
}

/// Keeps the text for `lastError`.
private func report(_ error: EngineError) -> OH_NN_ReturnCode {
  if let text = mssys_error_text() {
    var i = 0
    for byte in error.message.utf8 where i < Int(MSSYS_ERROR_CAPACITY) - 1 {
      text[i] = CChar(bitPattern: byte)
      i += 1
    }
    text[i] = 0
  }
  switch error.code {
  case .nullPointer: return OH_NN_NULL_PTR
  case .parameterInvalid, .inputParameterInvalid, .inputTensorError, .inferError: return OH_NN_INVALID_PARAMETER
  case .notSupported, .unknownOperator: return OH_NN_UNSUPPORTED
  default: return OH_NN_FAILED
  }
}
