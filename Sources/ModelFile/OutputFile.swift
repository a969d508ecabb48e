import CSystem
import Graph
import System

/// A file that appears whole or not at all: written under another name in the same folder, made durable, then renamed. An object
/// that is given up before ``commit()`` leaves nothing behind.
public final class OutputFile {
  private let path: [CChar]
  private let temporary: [CChar]
  private let name: String
  private var descriptor: Int32
  private var failure: Int32 = 0
  private var isRenamed = false

  private init(_ name: String, _ temporary: [CChar], _ descriptor: Int32) {
    self.name = name
    path = OutputFile.characters(name)
    self.temporary = temporary
    self.descriptor = descriptor
  }

  private static func characters(_ text: String) -> [CChar] {
    var list = [CChar]()
    for byte in text.utf8 { list.append(CChar(bitPattern: byte)) }
    list.append(0)
    return list
  }

  /// `isPrivate`: only the owner may read it.
  public static func create(_ path: String, isPrivate: Bool = false) throws(EngineError) -> OutputFile {
    var number = 0
    while true {
      let temporary = characters("\(path).\(getpid())-\(number).tmp")
      let descriptor = temporary.withUnsafeBufferPointer { mssys_create($0.baseAddress.unsafelyUnwrapped) }
      if descriptor >= 0 {
        if isPrivate { _ = fchmod(descriptor, 0o600) }
        return OutputFile(path, temporary, descriptor)
      }
      let error = mssys_errno()
      if error != EEXIST || number == 1000 { throw EngineError(.error, "\(path): cannot be written: \(FileFailure.systemText(error))") }
      number += 1
    }
  }

  /// Appends bytes. A failure is kept for ``sync()``.
  public func write(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while failure == 0 && rest.count > 0 {
      let n = CSystem.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if n > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[n...])
      } else if n == 0 {
        failure = ENOSPC
      } else if mssys_errno() != EINTR {
        failure = mssys_errno()
      }
    }
  }

  private func fail(_ number: Int32) -> EngineError {
    EngineError(.error, "\(name): cannot be written: \(FileFailure.systemText(number))")
  }

  /// Waits until the bytes are on the disk; throws what has gone wrong since the file was created.
  public func sync() throws(EngineError) {
    // File systems that cannot synchronise say EINVAL.
    if failure == 0 && fsync(descriptor) != 0 && mssys_errno() != EINVAL { failure = mssys_errno() }
    if failure != 0 { throw fail(failure) }
  }

  /// Gives the file its name, in place of a file that had it.
  public func commit() throws(EngineError) {
    try sync()
    if close(descriptor) != 0 { failure = mssys_errno() }
    descriptor = -1
    if failure != 0 { throw fail(failure) }
    let result = temporary.withUnsafeBufferPointer { from in
      path.withUnsafeBufferPointer { rename(from.baseAddress.unsafelyUnwrapped, $0.baseAddress.unsafelyUnwrapped) }
    }
    if result != 0 { throw fail(mssys_errno()) }
    isRenamed = true
  }

  /// Removes a file that has its name already, because another one it belongs to could not be written.
  public func withdraw() {
    if isRenamed { _ = path.withUnsafeBufferPointer { unlink($0.baseAddress.unsafelyUnwrapped) } }
  }

  deinit {
    if descriptor >= 0 { _ = close(descriptor) }
    if !isRenamed { _ = temporary.withUnsafeBufferPointer { unlink($0.baseAddress.unsafelyUnwrapped) } }
  }
}
