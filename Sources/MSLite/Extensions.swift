import CKernels
import CMindSpore
import CSystem
import Graph
import KernelSelection
import Runtime
import System

@c @implementation
public func MSLite_GetLastError() -> UnsafePointer<CChar>! {
  UnsafePointer(mssys_error_text())
}

/// Never freed: callers keep the pointer.
private struct VersionText: @unchecked Sendable {
  let text: UnsafePointer<CChar>?
}

private let version = VersionText(text: cString("mslite 1.0.0 (\(text(Kernels.active.pointee.name)))").map { UnsafePointer($0) })

@c @implementation
public func MSLite_GetVersion() -> UnsafePointer<CChar>! {
  version.text
}

@c @implementation
public func MSLite_GetHalfArithmetic() -> UnsafePointer<CChar>! {
  let name: StaticString = HalfKernels.active.map { HalfKernels.name($0.pointee.arithmetic) } ?? ""
  return UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}

@c @implementation
public func MSLite_ModelSetDecryptionKey(
  _ model: OH_AI_ModelHandle!, _ key: UnsafePointer<UInt8>!, _ key_length: Int, _ mode: UnsafePointer<CChar>!
) -> OH_AI_Status {
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  if object.isBuilt { return fail(.modelRebuild, "the model is built already; expected a call before the build") }
  guard let key else {
    object.key = nil
    return OH_AI_STATUS_SUCCESS
  }
  if key_length != 16 && key_length != 24 && key_length != 32 {
    return fail(.parameterInvalid, "key_length is \(UInt(bitPattern: key_length)); expected 16, 24 or 32 bytes")
  }
  var cipher = CipherMode.gcm
  if let mode, !equal(mode, "AES-GCM") {
    guard equal(mode, "AES-CBC") else {
      return fail(.notSupported, "mode is \"\(text(mode))\"; expected \"AES-GCM\" (what NULL stands for) or \"AES-CBC\"")
    }
    cipher = .cbc
  }
  guard let secret = SecretKey.copy(UnsafeRawBufferPointer(start: key, count: key_length), cipher) else {
    return fail(.outOfMemory, "no memory for the key")
  }
  object.key = secret
  return OH_AI_STATUS_SUCCESS
}

@c @implementation
public func MSLite_ModelSetProfiling(_ model: OH_AI_ModelHandle!, _ enable: Bool) -> OH_AI_Status {
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  guard let session = object.session else { return fail(.nullPointer, "the model is not built") }
  session.profiling = enable
  return OH_AI_STATUS_SUCCESS
}

@c @implementation
public func MSLite_ModelGetProfile(
  _ model: OH_AI_ModelHandle!, _ entries: UnsafeMutablePointer<MSLite_NodeProfile>!, _ count: UnsafeMutablePointer<Int>!
) -> OH_AI_Status {
  guard let object = liveModel(model) else { return OH_AI_Status(.nullPointer) }
  guard let count else { return fail(.nullPointer, "count is NULL; expected the address of a size_t") }
  guard object.enter() else { return OH_AI_Status(.error) }
  defer { object.leave() }
  guard let session = object.session else { return fail(.nullPointer, "the model is not built") }
  let profile = session.profile
  if let entries {
    var i = 0
    while i < profile.count && i < count.pointee {
      let entry = profile[i]
      memset(entries + i, 0, MemoryLayout<MSLite_NodeProfile>.size)
      withUnsafeMutableBytes(of: &entries[i].name) { copy(entry.name, to: $0) }
      withUnsafeMutableBytes(of: &entries[i].type) { copy(entry.kind, to: $0) }
      withUnsafeMutableBytes(of: &entries[i].arithmetic) { copy(entry.arithmetic, to: $0) }
      withUnsafeMutableBytes(of: &entries[i].algorithm) { copy(entry.algorithm, to: $0) }
      entries[i].chain = UInt32(clamping: entry.chain)
      entries[i].runs = UInt64(clamping: entry.runs)
      entries[i].nanoseconds = entry.nanoseconds
      i += 1
    }
  }
  count.pointee = profile.count
  return OH_AI_STATUS_SUCCESS
}

private func copy(_ text: StaticString, to field: UnsafeMutableRawBufferPointer) {
  field.copyMemory(from: UnsafeRawBufferPointer(start: text.utf8Start, count: min(text.utf8CodeUnitCount, field.count - 1)))
}

/// Copies what fits, leaving the last byte of the zeroed field as it is.
private func copy(_ text: String, to field: UnsafeMutableRawBufferPointer) {
  var i = 0
  for byte in text.utf8 {
    if i + 1 >= field.count { return }
    field[i] = byte
    i += 1
  }
}
