import CSystem

/// Why a file could not be mapped.
public enum FileFailure: Error {
  /// Cannot be opened or read; the `errno` value.
  case system(Int32)
  case notRegular
  case empty
}

/// A file mapped read-only. The bytes stay valid as long as the object lives.
public final class MappedFile {
  public let bytes: UnsafeRawBufferPointer

  private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Maps the file at `path` (NUL-terminated). (A function, because in Embedded Swift 6.3 an initialiser that throws leaks.)
  public static func open(path: UnsafePointer<CChar>) throws(FileFailure) -> MappedFile {
    let descriptor = mssys_open_read(path)
    if descriptor < 0 { throw .system(mssys_errno()) }
    defer { _ = close(descriptor) }
    let size = mssys_regular_size(descriptor)
    if size == -2 { throw .notRegular }
    if size < 0 { throw .system(mssys_errno()) }
    if size == 0 { throw .empty }
    guard let base = mssys_map(descriptor, Int(size)) else { throw .system(mssys_errno()) }
    return MappedFile(UnsafeRawBufferPointer(start: base, count: Int(size)))
  }

  deinit {
    if let base = bytes.baseAddress { _ = munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }
}

/// Memory from `malloc`, aligned to a cache line. Freed with the object.
public final class Buffer {
  public private(set) var base: UnsafeMutableRawPointer
  public let count: Int
  public static let alignment = 64

  /// nil when the memory cannot be had. A count of 0 gives a valid, unusable pointer.
  public init?(count: Int) {
    if count < 0 { return nil }
    var pointer: UnsafeMutableRawPointer? = nil
    if posix_memalign(&pointer, Self.alignment, max(count, 1)) != 0 { return nil }
    guard let pointer else { return nil }
    base = pointer
    self.count = count
  }

  deinit { free(base) }
}
