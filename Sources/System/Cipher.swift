import CSystem

/// How bytes are encrypted with AES.
public enum CipherMode {
  /// Galois/counter mode with a 16-byte tag: says whether the bytes are what the key's owner wrote.
  case gcm
  /// Cipher block chaining with PKCS #7 padding.
  case cbc
}

/// Why bytes cannot be encrypted or decrypted.
public enum CipherFailure: Error {
  /// No libcrypto, or one without the functions that are needed.
  case noLibrary
  case outOfMemory
  /// The key is none of AES: 16, 24 or 32 bytes.
  case keyLength
  /// Wrong key, or the bytes are not what was encrypted; libcrypto does not encrypt them.
  case rejected
}

/// AES by the system's libcrypto, which is loaded when it is needed for the first time. It is never unloaded: it leaves handlers
/// for the end of the process behind.
public struct Cipher {
  private typealias New = @convention(c) () -> OpaquePointer?
  private typealias Free = @convention(c) (OpaquePointer?) -> Void
  private typealias Algorithm = @convention(c) () -> OpaquePointer?
  private typealias Start = @convention(c) (
    OpaquePointer?, OpaquePointer?, OpaquePointer?, UnsafeRawPointer?, UnsafeRawPointer?, CInt
  ) -> CInt
  private typealias Control = @convention(c) (OpaquePointer?, CInt, CInt, UnsafeMutableRawPointer?) -> CInt
  private typealias Update = @convention(c) (
    OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<CInt>?, UnsafeRawPointer?, CInt
  ) -> CInt
  private typealias Finish = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<CInt>?) -> CInt

  private let new: New
  private let free: Free
  private let algorithm: Algorithm
  private let start: Start
  private let control: Control
  private let update: Update
  private let finish: Finish
  private let mode: CipherMode
  private let updateSize: Int

  /// Numbers of EVP_CIPHER_CTX_ctrl.
  private static let getTag: CInt = 0x10
  private static let setTag: CInt = 0x11
  private static let tagSize: CInt = 16

  /// What a call may write beyond the length of its text: one block.
  public static let slack = 16

  /// `updateSize`: the bytes that libcrypto is given at once. It counts in C ints, so a longer text goes to it in several pieces.
  /// (A function, because in Embedded Swift 6.3 an initialiser that throws leaks.)
  public static func load(_ mode: CipherMode, keyLength: Int, updateSize: Int = 1 << 30) throws(CipherFailure) -> Cipher {
    let name: StaticString
    switch (mode, keyLength) {
    case (.gcm, 16): name = "EVP_aes_128_gcm"
    case (.gcm, 24): name = "EVP_aes_192_gcm"
    case (.gcm, 32): name = "EVP_aes_256_gcm"
    case (.cbc, 16): name = "EVP_aes_128_cbc"
    case (.cbc, 24): name = "EVP_aes_192_cbc"
    case (.cbc, 32): name = "EVP_aes_256_cbc"
    default: throw .keyLength
    }
    guard let library = open("libcrypto.so.3") ?? open("libcrypto.so.1.1") ?? open("libcrypto.so"),
      let new = symbol(library, "EVP_CIPHER_CTX_new"), let free = symbol(library, "EVP_CIPHER_CTX_free"),
      let algorithm = symbol(library, name), let start = symbol(library, "EVP_CipherInit_ex"),
      let control = symbol(library, "EVP_CIPHER_CTX_ctrl"), let update = symbol(library, "EVP_CipherUpdate"),
      let finish = symbol(library, "EVP_CipherFinal_ex")
    else { throw .noLibrary }
    return Cipher(
      new: unsafeBitCast(new, to: New.self), free: unsafeBitCast(free, to: Free.self),
      algorithm: unsafeBitCast(algorithm, to: Algorithm.self), start: unsafeBitCast(start, to: Start.self),
      control: unsafeBitCast(control, to: Control.self), update: unsafeBitCast(update, to: Update.self),
      finish: unsafeBitCast(finish, to: Finish.self), mode: mode, updateSize: updateSize)
  }

  private static func open(_ name: StaticString) -> UnsafeMutableRawPointer? {
    dlopen(UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self), RTLD_NOW | RTLD_LOCAL)
  }

  private static func symbol(_ library: UnsafeMutableRawPointer, _ name: StaticString) -> UnsafeMutableRawPointer? {
    dlsym(library, UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
  }

  /// Decrypts `text` to `out`, which has room for it and ``slack``. Returns the number of bytes of plain text. `key` has the length
  /// that was stated; `nonce` has 16 bytes, of which ``CipherMode/gcm`` takes the usual 12; `tag` has 16 for that mode.
  public func decrypt(
    _ text: UnsafeRawBufferPointer, key: UnsafeRawPointer, nonce: UnsafeRawPointer, tag: UnsafeRawPointer?,
    to out: UnsafeMutableRawPointer
  ) throws(CipherFailure) -> Int {
    guard let context = new() else { throw .outOfMemory }
    defer { free(context) }
    guard start(context, algorithm(), nil, key, nonce, 0) == 1 else { throw .rejected }
    if mode == .gcm, let tag, control(context, Cipher.setTag, Cipher.tagSize, UnsafeMutableRawPointer(mutating: tag)) != 1 {
      throw .rejected
    }
    return try run(context, text, out)
  }

  /// Encrypts `plain` to `out`, which has room for it and ``slack``. Returns the number of bytes written. Key, nonce and tag are those
  /// that ``decrypt(_:key:nonce:tag:to:)`` takes; the tag is filled in.
  public func encrypt(
    _ plain: UnsafeRawBufferPointer, key: UnsafeRawPointer, nonce: UnsafeRawPointer, tag: UnsafeMutableRawPointer?,
    to out: UnsafeMutableRawPointer
  ) throws(CipherFailure) -> Int {
    guard let context = new() else { throw .outOfMemory }
    defer { free(context) }
    guard start(context, algorithm(), nil, key, nonce, 1) == 1 else { throw .rejected }
    let count = try run(context, plain, out)
    if mode == .gcm, let tag, control(context, Cipher.getTag, Cipher.tagSize, tag) != 1 { throw .rejected }
    return count
  }

  /// Puts all of `text` through a cipher that has been started. Returns the number of bytes written.
  private func run(
    _ context: OpaquePointer, _ text: UnsafeRawBufferPointer, _ out: UnsafeMutableRawPointer
  ) throws(CipherFailure) -> Int {
    var written = 0
    var done = 0
    var count: CInt = 0
    while done < text.count, let base = text.baseAddress {
      let size = min(text.count - done, updateSize)
      guard update(context, out + written, &count, base + done, CInt(truncatingIfNeeded: size)) == 1 else { throw .rejected }
      written += Int(count)
      done += size
    }
    guard finish(context, out + written, &count) == 1 else { throw .rejected }
    return written + Int(count)
  }
}

/// A secret key. Its bytes are overwritten when nobody holds it any more.
public final class SecretKey {
  private let memory: Buffer
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory.base, count: memory.count) }
  public let mode: CipherMode

  private init(_ memory: Buffer, _ mode: CipherMode) {
    self.memory = memory
    self.mode = mode
  }

  /// A copy of `bytes`; nil when there is no memory for it.
  public static func copy(_ bytes: UnsafeRawBufferPointer, _ mode: CipherMode) -> SecretKey? {
    guard let memory = Buffer(count: bytes.count) else { return nil }
    if let base = bytes.baseAddress { memory.base.copyMemory(from: base, byteCount: bytes.count) }
    return SecretKey(memory, mode)
  }

  deinit { explicit_bzero(memory.base, memory.count) }
}
