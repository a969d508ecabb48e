import CNeuralNetworkRuntime
import CSystem
import Synchronization
import System

/// The file in which a compiled model is kept. Files are replaced as a whole, by renaming, so that a reader sees an old one or a new
/// one, whoever writes at the same time.
struct CacheFile {
  private let path: Text

  /// The file of a model in a folder that exists.
  static func at(folder: Text, modelName: String) throws(Failure) -> CacheFile {
    guard let resolved = realpath(folder.pointer, nil) else {
      throw .invalid("cache folder \(folder.string): \(FileFailure.systemText(mssys_errno()))")
    }
    defer { free(resolved) }
    if mssys_is_directory(resolved) == 0 { throw .invalid("cache folder \(folder.string): it is not a folder") }
    for byte in modelName.utf8 where byte == UInt8(ascii: "/") || byte == 0 {
      throw .invalid("the model name \(modelName) cannot be part of a file's name")
    }
    if modelName.utf8.count > 128 { throw .invalid("the model name has more than 128 bytes") }
    return CacheFile(path: try Text.copy("\(String(cString: resolved))/\(modelName)cache_info.nncache"))
  }

  var text: String { path.string }

  /// The file's bytes; nil if there is no file.
  func read() throws(Failure) -> Buffer? { try FileBytes.read(path.pointer, missingIsNil: true) }

  /// Numbers the temporary files of this process.
  private static let counter = Atomic<Int>(0)

  /// Replaces the file.
  func write(_ image: CacheImage) throws(Failure) {
    let number = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue
    let temporary = try Text.copy("\(path.string).\(Int(getpid())).\(number)")
    // What is there of that name was left by a process with this number that was killed.
    _ = unlink(temporary.pointer)
    let descriptor = mssys_create(temporary.pointer)
    if descriptor < 0 { throw Self.unsaved(temporary, mssys_errno()) }
    var written = image.forEachPiece(image.head()) { Self.write($0, descriptor) }
    var errorNumber = mssys_errno()
    if close(descriptor) != 0 && written {
      written = false
      errorNumber = mssys_errno()
    }
    if written && rename(temporary.pointer, path.pointer) != 0 {
      written = false
      errorNumber = mssys_errno()
    }
    if !written {
      _ = unlink(temporary.pointer)
      throw Self.unsaved(path, errorNumber)
    }
  }

  private static func unsaved(_ path: Text, _ number: Int32) -> Failure {
    Failure(OH_NN_SAVE_CACHE_EXCEPTION, "\(path.string) cannot be written: \(FileFailure.systemText(number))")
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = mssys_write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      if count <= 0 { return false }
      done += count
    }
    return true
  }
}

/// Whole files in memory. They are not mapped: a file that somebody shortens would take the process with it.
enum FileBytes {
  static func read(_ path: UnsafePointer<CChar>, missingIsNil: Bool = false) throws(Failure) -> Buffer? {
    let descriptor = mssys_open_read(path)
    if descriptor < 0 {
      if missingIsNil && mssys_errno() == ENOENT { return nil }
      throw unreadable(path, FileFailure.systemText(mssys_errno()))
    }
    defer { _ = close(descriptor) }
    let size = mssys_file_size(descriptor)
    if size < 0 { throw unreadable(path, "it is not a regular file") }
    guard let buffer = Buffer(count: Int(size)) else { throw .memory("no memory for the \(Int(size)) bytes of \(String(cString: path))") }
    var done = 0
    while done < buffer.count {
      let count = mssys_read(descriptor, buffer.base + done, buffer.count - done)
      if count < 0 { throw unreadable(path, FileFailure.systemText(mssys_errno())) }
      if count == 0 { throw unreadable(path, "it became shorter") }
      done += count
    }
    return buffer
  }

  private static func unreadable(_ path: UnsafePointer<CChar>, _ reason: String) -> Failure {
    Failure(OH_NN_INVALID_FILE, "\(String(cString: path)) cannot be read: \(reason)")
  }
}
