import CInterface
import CNeuralNetworkRuntime
import CSystem

// The functions that compile a model.

@c @implementation
public func OH_NNCompilation_Construct(_ model: OpaquePointer!) -> OpaquePointer! {
  made { () throws(Failure) in try enter(CompilationObject(model: try liveModel(model)), .compilation) }
}

@c @implementation
public func OH_NNCompilation_ConstructWithOfflineModelFile(_ modelPath: UnsafePointer<CChar>!) -> OpaquePointer! {
  made { () throws(Failure) in
    guard let modelPath else { throw .invalid("modelPath is NULL") }
    return try enter(CompilationObject(offlinePath: try Text.copy(modelPath)), .compilation)
  }
}

/// The bytes that a program names.
private func bytes(_ buffer: UnsafeRawPointer?, _ size: Int, _ argument: StaticString) throws(Failure) -> UnsafeRawBufferPointer {
  guard let buffer else { throw .invalid("\(argument) is NULL") }
  if size <= 0 { throw .invalid("the size of \(argument) is \(UInt(bitPattern: size)); expected more than 0") }
  return UnsafeRawBufferPointer(start: buffer, count: size)
}

@c @implementation
public func OH_NNCompilation_ConstructWithOfflineModelBuffer(_ modelBuffer: UnsafeRawPointer!, _ modelSize: Int) -> OpaquePointer! {
  made { () throws(Failure) in
    try enter(CompilationObject(offlineModel: try bytes(modelBuffer, modelSize, "modelBuffer")), .compilation)
  }
}

@c @implementation
public func OH_NNCompilation_ConstructForCache() -> OpaquePointer! {
  made { () throws(Failure) in try enter(CompilationObject(), .compilation) }
}

@c @implementation
public func OH_NNCompilation_ExportCacheToBuffer(
  _ compilation: OpaquePointer!, _ buffer: UnsafeRawPointer!, _ length: Int, _ modelSize: UnsafeMutablePointer<Int>!
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveCompilation(compilation)
    let room = try bytes(buffer, length, "buffer")
    let place = try place(modelSize, "modelSize")
    let (size, fits) = try object.export(to: UnsafeMutableRawBufferPointer(mutating: room))
    place.pointee = size
    if !fits { throw .invalid("the compiled model has \(size) bytes; there is room for \(length)") }
  }
}

@c @implementation
public func OH_NNCompilation_ImportCacheFromBuffer(
  _ compilation: OpaquePointer!, _ buffer: UnsafeRawPointer!, _ modelSize: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveCompilation(compilation).importImage(try bytes(buffer, modelSize, "buffer")) }
}

@c @implementation
public func OH_NNCompilation_AddExtensionConfig(
  _ compilation: OpaquePointer!, _ configName: UnsafePointer<CChar>!, _ configValue: UnsafeRawPointer!, _ configValueSize: Int
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveCompilation(compilation)
    guard let configName, configName[0] != 0 else { throw .invalid("configName is NULL or empty") }
    object.addExtension(try Text.copy(configName), try bytes(configValue, configValueSize, "configValue"))
  }
}

@c @implementation
public func OH_NNCompilation_SetDevice(_ compilation: OpaquePointer!, _ deviceID: Int) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveCompilation(compilation).setDevice(deviceID) }
}

@c @implementation
public func OH_NNCompilation_SetCache(
  _ compilation: OpaquePointer!, _ cachePath: UnsafePointer<CChar>!, _ version: UInt32
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in
    let object = try liveCompilation(compilation)
    guard let cachePath else { throw .invalid("cachePath is NULL") }
    object.setCache(try Text.copy(cachePath), version)
  }
}

@c @implementation
public func OH_NNCompilation_SetPerformanceMode(
  _ compilation: OpaquePointer!, _ performanceMode: OH_NN_PerformanceMode
) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveCompilation(compilation).change { $0.performanceMode = performanceMode } }
}

@c @implementation
public func OH_NNCompilation_SetPriority(_ compilation: OpaquePointer!, _ priority: OH_NN_Priority) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveCompilation(compilation).change { $0.priority = priority } }
}

@c @implementation
public func OH_NNCompilation_EnableFloat16(_ compilation: OpaquePointer!, _ enableFloat16: Bool) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveCompilation(compilation).change { $0.float16 = enableFloat16 } }
}

@c @implementation
public func OH_NNCompilation_Build(_ compilation: OpaquePointer!) -> OH_NN_ReturnCode {
  status { () throws(Failure) in try liveCompilation(compilation).build() }
}

@c @implementation
public func OH_NNCompilation_Destroy(_ compilation: UnsafeMutablePointer<OpaquePointer?>!) {
  leaveSilently(compilation, .compilation)
}
