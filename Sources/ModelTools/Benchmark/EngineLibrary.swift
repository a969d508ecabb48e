internal import CMindSpore
import Foundation
import Graph

/// `libmslite.so`, or another library with MindSpore Lite's C interface, loaded at run time: what is timed is the library that
/// applications use.
final class EngineLibrary {
  let path: String
  private let handle: UnsafeMutableRawPointer

  // The functions that a benchmark needs. Extensions of this engine are nil in other libraries.
  let contextCreate: @convention(c) () -> OH_AI_ContextHandle?
  let contextDestroy: @convention(c) (UnsafeMutablePointer<OH_AI_ContextHandle?>?) -> Void
  let contextSetThreads: @convention(c) (OH_AI_ContextHandle?, Int32) -> Void
  let contextSetAffinity: @convention(c) (OH_AI_ContextHandle?, Int32) -> Void
  let contextSetCores: @convention(c) (OH_AI_ContextHandle?, UnsafePointer<Int32>?, Int) -> Void
  let contextSetParallel: @convention(c) (OH_AI_ContextHandle?, Bool) -> Void
  let contextAddDevice: @convention(c) (OH_AI_ContextHandle?, OH_AI_DeviceInfoHandle?) -> Void
  let deviceCreate: @convention(c) (OH_AI_DeviceType) -> OH_AI_DeviceInfoHandle?
  let deviceSetHalf: @convention(c) (OH_AI_DeviceInfoHandle?, Bool) -> Void
  private let listDevices: @convention(c) (UnsafeMutablePointer<Int>?) -> OpaquePointer?
  private let deviceInList: @convention(c) (OpaquePointer?, Int) -> OpaquePointer?
  private let nameInList: @convention(c) (OpaquePointer?) -> UnsafePointer<CChar>?
  private let destroyDevices: @convention(c) (UnsafeMutablePointer<OpaquePointer?>?) -> Void
  private let deviceByName: @convention(c) (UnsafePointer<CChar>?) -> OH_AI_DeviceInfoHandle?
  let modelCreate: @convention(c) () -> OH_AI_ModelHandle?
  let modelDestroy: @convention(c) (UnsafeMutablePointer<OH_AI_ModelHandle?>?) -> Void
  let modelBuild: @convention(c) (OH_AI_ModelHandle?, UnsafePointer<CChar>?, OH_AI_ModelType, OH_AI_ContextHandle?) -> OH_AI_Status
  let modelLoadConfig: @convention(c) (OH_AI_ModelHandle?, UnsafePointer<CChar>?) -> OH_AI_Status
  let modelResize:
    @convention(c) (OH_AI_ModelHandle?, OH_AI_TensorHandleArray, UnsafeMutablePointer<OH_AI_ShapeInfo>?, Int) -> OH_AI_Status
  let modelPredict:
    @convention(c) (
      OH_AI_ModelHandle?, OH_AI_TensorHandleArray, UnsafeMutablePointer<OH_AI_TensorHandleArray>?, OH_AI_KernelCallBack?,
      OH_AI_KernelCallBack?
    ) -> OH_AI_Status
  let modelInputs: @convention(c) (OH_AI_ModelHandle?) -> OH_AI_TensorHandleArray
  let tensorName: @convention(c) (OH_AI_TensorHandle?) -> UnsafePointer<CChar>?
  let tensorType: @convention(c) (OH_AI_TensorHandle?) -> OH_AI_DataType
  let tensorShape: @convention(c) (OH_AI_TensorHandle?, UnsafeMutablePointer<Int>?) -> UnsafePointer<Int64>?
  let tensorData: @convention(c) (OH_AI_TensorHandle?) -> UnsafeMutableRawPointer?
  let tensorBytes: @convention(c) (OH_AI_TensorHandle?) -> Int

  private let lastErrorFunction: (@convention(c) () -> UnsafePointer<CChar>?)?
  private let versionFunction: (@convention(c) () -> UnsafePointer<CChar>?)?
  let setKey: (@convention(c) (OH_AI_ModelHandle?, UnsafePointer<UInt8>?, Int, UnsafePointer<CChar>?) -> OH_AI_Status)?
  let setProfiling: (@convention(c) (OH_AI_ModelHandle?, Bool) -> OH_AI_Status)?
  let getProfile: (@convention(c) (OH_AI_ModelHandle?, UnsafeMutablePointer<MSLite_NodeProfile>?, UnsafeMutablePointer<Int>?) -> OH_AI_Status)?

  /// Loads the library at `path`; nil: the first that is found beside the tool, in its installation, or in `build/lib`.
  static func open(_ path: String?) throws(EngineError) -> EngineLibrary {
    var tried = [String]()
    for candidate in path.map({ [$0] }) ?? places {
      // dlopen searches the system for names without a slash.
      if candidate.contains("/") && !FileManager.default.fileExists(atPath: candidate) {
        tried.append("\(candidate): no such file")
        continue
      }
      if let handle = dlopen(candidate, RTLD_NOW | RTLD_LOCAL) { return try EngineLibrary(candidate, handle) }
      tried.append(dlerror().map { String(cString: $0) } ?? candidate)
    }
    throw EngineError(
      .inputParameterInvalid, Message(text: "the engine's library cannot be loaded; give its path with --library (\(tried.joined(separator: "; ")))"))
  }

  private static var places: [String] {
    let tool = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let beside = ["libmslite.so", "../lib/libmslite.so", "../../lib/libmslite.so"].map { tool.appendingPathComponent($0).standardized.path }
    return beside + ["./build/lib/libmslite.so", "libmslite.so"]
  }

  private init(_ path: String, _ handle: UnsafeMutableRawPointer) throws(EngineError) {
    self.path = path
    self.handle = handle
    func find<T>(_ name: String, _ type: T.Type) -> T? { dlsym(handle, name).map { unsafeBitCast($0, to: T.self) } }
    func need<T>(_ name: String) throws(EngineError) -> T {
      guard let function = find(name, T.self) else {
        throw EngineError(.inputParameterInvalid, "\(path) has no \(name); it is not a library with MindSpore Lite's C interface")
      }
      return function
    }
    contextCreate = try need("OH_AI_ContextCreate")
    contextDestroy = try need("OH_AI_ContextDestroy")
    contextSetThreads = try need("OH_AI_ContextSetThreadNum")
    contextSetAffinity = try need("OH_AI_ContextSetThreadAffinityMode")
    contextSetCores = try need("OH_AI_ContextSetThreadAffinityCoreList")
    contextSetParallel = try need("OH_AI_ContextSetEnableParallel")
    contextAddDevice = try need("OH_AI_ContextAddDeviceInfo")
    deviceCreate = try need("OH_AI_DeviceInfoCreate")
    deviceSetHalf = try need("OH_AI_DeviceInfoSetEnableFP16")
    listDevices = try need("OH_AI_GetAllNNRTDeviceDescs")
    deviceInList = try need("OH_AI_GetElementOfNNRTDeviceDescs")
    nameInList = try need("OH_AI_GetNameFromNNRTDeviceDesc")
    destroyDevices = try need("OH_AI_DestroyAllNNRTDeviceDescs")
    deviceByName = try need("OH_AI_CreateNNRTDeviceInfoByName")
    modelCreate = try need("OH_AI_ModelCreate")
    modelDestroy = try need("OH_AI_ModelDestroy")
    modelBuild = try need("OH_AI_ModelBuildFromFile")
    modelLoadConfig = try need("OH_AI_ModelLoadConfig")
    modelResize = try need("OH_AI_ModelResize")
    modelPredict = try need("OH_AI_ModelPredict")
    modelInputs = try need("OH_AI_ModelGetInputs")
    tensorName = try need("OH_AI_TensorGetName")
    tensorType = try need("OH_AI_TensorGetDataType")
    tensorShape = try need("OH_AI_TensorGetShape")
    tensorData = try need("OH_AI_TensorGetMutableData")
    tensorBytes = try need("OH_AI_TensorGetDataSize")
    lastErrorFunction = find("MSLite_GetLastError", (@convention(c) () -> UnsafePointer<CChar>?).self)
    versionFunction = find("MSLite_GetVersion", (@convention(c) () -> UnsafePointer<CChar>?).self)
    setKey = find("MSLite_ModelSetDecryptionKey", (@convention(c) (OH_AI_ModelHandle?, UnsafePointer<UInt8>?, Int, UnsafePointer<CChar>?) -> OH_AI_Status).self)
    setProfiling = find("MSLite_ModelSetProfiling", (@convention(c) (OH_AI_ModelHandle?, Bool) -> OH_AI_Status).self)
    // Before there was MSLite_GetHalfArithmetic, entries of a profile were shorter.
    let hasProfile = dlsym(handle, "MSLite_GetHalfArithmetic") != nil
    getProfile = !hasProfile ? nil : find("MSLite_ModelGetProfile", (@convention(c) (OH_AI_ModelHandle?, UnsafeMutablePointer<MSLite_NodeProfile>?, UnsafeMutablePointer<Int>?) -> OH_AI_Status).self)
  }

  /// An info of the first NNRt device whose name contains `part`.
  func nnrtDevice(_ part: String) throws(EngineError) -> OH_AI_DeviceInfoHandle? {
    var count = 0
    var list = listDevices(&count)
    defer { destroyDevices(&list) }
    var names = [String]()
    for i in 0..<count { names.append(nameInList(deviceInList(list, i)).map { String(cString: $0) } ?? "") }
    guard let name = names.first(where: { part.isEmpty || $0.contains(part) }) else {
      let known = names.isEmpty ? "there are none" : "there are \(names.joined(separator: ", "))"
      throw EngineError(.inputParameterInvalid, "no NNRt device has \"\(part)\" in its name; \(known)")
    }
    return deviceByName(name)
  }

  /// What the last failing call had to say.
  var lastError: String { lastErrorFunction?().map { String(cString: $0) } ?? "" }
  /// Name, version and instruction set; nil for libraries that do not say it.
  var version: String? { versionFunction?().map { String(cString: $0) } }

  /// Throws when a call has failed.
  func check(_ status: OH_AI_Status, _ call: String) throws(EngineError) {
    if status == OH_AI_STATUS_SUCCESS { return }
    let code = Int(Int32(bitPattern: UInt32(truncatingIfNeeded: status.rawValue)))
    let text = lastError
    throw EngineError(.error, Message(text: text.isEmpty ? "\(call) failed with status \(code)" : text))
  }
}
