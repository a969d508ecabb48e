import CSystem

/// Why a file could not be mapped.
public enum FileFailure: Error {
  /// Cannot be opened or read; the `errno` value.
  case system(Int32)
  case notRegular
  case empty

  /// What to say of the file: "is empty".
  public var text: String {
    @export(interface) get {
      switch self {
      case .notRegular: return "is not a regular file"
      case .empty: return "is empty"
      case .system(let number): return "cannot be read: \(FileFailure.systemText(number))"
      }
    }
  }

  /// The system's text for an errno value.
  public static func systemText(_ number: Int32) -> String {
    switch number {
    case ENOENT: return "no such file or directory"
    case EACCES: return "permission denied"
    case EISDIR: return "it is a directory"
    case ENOTDIR: return "a part of the path is not a directory"
    case ENAMETOOLONG: return "the path is too long"
    case ENOMEM: return "out of memory"
    case ENOSPC: return "no space left"
    case EROFS: return "the file system is read-only"
    case EFBIG: return "the file would be too large"
    default: return "error number \(number)"
    }
  }
}

/// A file mapped read-only. The bytes stay valid as long as the object lives. Objects of one content of a file share one mapping.
public final class MappedFile {
  public let bytes: UnsafeRawBufferPointer
  private let content: FileContent

  private init(_ content: FileContent) {
    self.content = content
    bytes = content.bytes
  }

  /// Maps the file at `path` (NUL-terminated). (A function, because in Embedded Swift 6.3 an initialiser that throws leaks.)
  public static func open(path: UnsafePointer<CChar>) throws(FileFailure) -> MappedFile {
    let descriptor = mssys_open_read(path)
    if descriptor < 0 { throw .system(mssys_errno()) }
    defer { _ = close(descriptor) }
    var identity = mssys_identity()
    let result = mssys_identify(descriptor, &identity)
    if result == -2 { throw .notRegular }
    if result != 0 { throw .system(mssys_errno()) }
    if identity.size == 0 { throw .empty }
    guard let content = FileContents.shared.map(descriptor, identity) else { throw .system(mssys_errno()) }
    return MappedFile(content)
  }

  deinit { FileContents.shared.unmap(content) }
}

/// Memory from `malloc`, aligned to a cache line. Freed with the object.
public final class Buffer {
  public let base: UnsafeMutableRawPointer
  public let count: Int
  public static let alignment = 64

  /// nil when the memory cannot be had. A count of 0 gives a valid, unusable pointer. `alignment` is a power of 2, at least 64.
  public init?(count: Int, alignment: Int = Buffer.alignment) {
    var pointer: UnsafeMutableRawPointer? = nil
    let failed = count < 0 || posix_memalign(&pointer, alignment, max(count, 1)) != 0
    // The object is completed before the initialiser gives up: Embedded Swift 6.3 leaks one that is not.
    base = failed ? Self.nothing : pointer ?? Self.nothing
    self.count = failed ? -1 : count
    if failed { return nil }
  }

  /// Stands for no memory in a buffer that is about to be dropped.
  private static var nothing: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: alignment).unsafelyUnwrapped }

  deinit { if count >= 0 { free(base) } }
}
