import Foundation
import Graph

/// Encrypts model files with AES-GCM: blocks of a 64 MiB piece each, in the form that `OH_AI` runtimes decrypt. The cipher is the
/// system's libcrypto.
enum ModelEncryption {
  private static let magic: UInt32 = 0x7F3A_5ED8
  private static let pieceSize = 64 << 20
  private static let nonceSize = 16
  private static let tagSize = 16
  /// A number of EVP_CIPHER_CTX_ctrl.
  private static let getTag: CInt = 0x10

  /// `key`: 16, 24 or 32 bytes.
  static func encrypt(_ plain: Data, key: [UInt8]) throws(EngineError) -> Data {
    let library = try Library(keyLength: key.count)
    var out = Data(capacity: plain.count + 64)
    var position = 0
    repeat {
      let piece = plain.subdata(in: position..<min(plain.count, position + pieceSize))
      position += piece.count
      var generator = SystemRandomNumberGenerator()
      let nonce = (0..<nonceSize).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let (text, tag) = try library.seal(piece, key, nonce)
      append(magic, to: &out)
      out.append(contentsOf: tag)
      append(UInt32(8 + nonce.count + text.count), to: &out)
      append(UInt32(nonce.count), to: &out)
      out.append(contentsOf: nonce)
      append(UInt32(text.count), to: &out)
      out.append(text)
    } while position < plain.count
    return out
  }

  private static func append(_ value: UInt32, to data: inout Data) {
    for i in 0..<4 { data.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * i))) }
  }

  /// The functions of libcrypto that sealing needs. They belong to a library that is never unloaded.
  private struct Library {
    typealias New = @convention(c) () -> OpaquePointer?
    typealias Free = @convention(c) (OpaquePointer?) -> Void
    typealias Algorithm = @convention(c) () -> OpaquePointer?
    typealias Start = @convention(c) (OpaquePointer?, OpaquePointer?, OpaquePointer?, UnsafeRawPointer?, UnsafeRawPointer?) -> CInt
    typealias Control = @convention(c) (OpaquePointer?, CInt, CInt, UnsafeMutableRawPointer?) -> CInt
    typealias Update = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<CInt>?, UnsafeRawPointer?, CInt) -> CInt
    typealias Finish = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<CInt>?) -> CInt

    let new: New
    let free: Free
    let algorithm: Algorithm
    let start: Start
    let control: Control
    let update: Update
    let finish: Finish

    init(keyLength: Int) throws(EngineError) {
      guard [16, 24, 32].contains(keyLength) else {
        throw EngineError(.inputParameterInvalid, "the encryption key has \(keyLength) bytes; AES takes 16, 24 or 32")
      }
      guard let library = dlopen("libcrypto.so.3", RTLD_NOW) ?? dlopen("libcrypto.so.1.1", RTLD_NOW) ?? dlopen("libcrypto.so", RTLD_NOW),
        let new = dlsym(library, "EVP_CIPHER_CTX_new"), let free = dlsym(library, "EVP_CIPHER_CTX_free"),
        let algorithm = dlsym(library, "EVP_aes_\(8 * keyLength)_gcm"), let start = dlsym(library, "EVP_EncryptInit_ex"),
        let control = dlsym(library, "EVP_CIPHER_CTX_ctrl"), let update = dlsym(library, "EVP_EncryptUpdate"),
        let finish = dlsym(library, "EVP_EncryptFinal_ex")
      else { throw EngineError(.notSupported, "encryption needs OpenSSL's libcrypto (Debian: openssl), which cannot be loaded") }
      self.new = unsafeBitCast(new, to: New.self)
      self.free = unsafeBitCast(free, to: Free.self)
      self.algorithm = unsafeBitCast(algorithm, to: Algorithm.self)
      self.start = unsafeBitCast(start, to: Start.self)
      self.control = unsafeBitCast(control, to: Control.self)
      self.update = unsafeBitCast(update, to: Update.self)
      self.finish = unsafeBitCast(finish, to: Finish.self)
    }

    /// Of the nonce GCM takes the usual 12 bytes, as those who decrypt do.
    func seal(_ plain: Data, _ key: [UInt8], _ nonce: [UInt8]) throws(EngineError) -> (text: Data, tag: [UInt8]) {
      guard let context = new() else { throw EngineError(.outOfMemory, "no memory to encrypt the model") }
      defer { free(context) }
      var text = Data(count: plain.count)
      var tag = [UInt8](repeating: 0, count: tagSize)
      var first: CInt = 0
      var last: CInt = 0
      let isGood = plain.withUnsafeBytes { source in
        text.withUnsafeMutableBytes { target in
          start(context, algorithm(), nil, key, nonce) == 1
            && update(context, target.baseAddress, &first, source.baseAddress, CInt(source.count)) == 1
            && finish(context, target.baseAddress.map { $0 + Int(first) }, &last) == 1
            && control(context, getTag, CInt(tagSize), &tag) == 1
        }
      }
      guard isGood else { throw EngineError(.error, "libcrypto cannot encrypt the model") }
      return (text, tag)
    }
  }
}
