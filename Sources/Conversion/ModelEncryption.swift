import Graph
import ModelFile
import System

/// Encrypts model files with AES-GCM, in the form that `OH_AI` runtimes decrypt (see ``ModelDecryption``).
enum ModelEncryption {
  private static let magic: UInt32 = 0x7F3A_5ED8
  private static let nonceSize = 16
  private static let tagSize = 16
  /// Bytes of plain text in a block.
  private static let blockSize = 64 << 20

  /// Writes the encrypted file at `path`, which appears whole or not at all. `key`: 16, 24 or 32 bytes. Throws when the model does not
  /// fit the 2 GiB of one file: weights in a file of their own would stay readable.
  static func save(_ content: ModelContent, path: String, key: [UInt8]) throws(EngineError) {
    let plain: [UInt8]
    do throws(EngineError) {
      plain = try ModelWriter.write(content)
    } catch { throw error.adding("\(path): an encrypted model is one file") }
    let file = try OutputFile.create(path)
    try encrypt(plain, key: key) { file.write($0) }
    try file.commit()
  }

  /// Gives `take` the pieces of the encrypted file, in order.
  static func encrypt(
    _ plain: [UInt8], key: [UInt8], blockSize: Int = blockSize, _ take: (UnsafeRawBufferPointer) -> Void
  ) throws(EngineError) {
    let cipher: Cipher
    do throws(CipherFailure) {
      cipher = try Cipher.load(.gcm, keyLength: key.count)
    } catch { throw refusal(error, key) }
    guard let text = Buffer(count: min(plain.count, blockSize) + Cipher.slack) else { throw refusal(.outOfMemory, key) }
    var generator = SystemRandomNumberGenerator()
    var position = 0
    repeat {
      let nonce = (0..<nonceSize).map { _ in UInt8.random(in: 0...255, using: &generator) }
      var tag = [UInt8](repeating: 0, count: tagSize)
      let end = min(plain.count, position + blockSize)
      let count: Int
      do throws(CipherFailure) {
        count = try plain[position..<end].withUnsafeBufferPointer { bytes throws(CipherFailure) in
          try cipher.encrypt(UnsafeRawBufferPointer(bytes), key: key, nonce: nonce, tag: &tag, to: text.base)
        }
      } catch { throw refusal(error, key) }
      var head = littleEndian(magic) + tag
      head += littleEndian(UInt32(4 + nonceSize + 4 + count)) + littleEndian(UInt32(nonceSize)) + nonce + littleEndian(UInt32(count))
      head.withUnsafeBytes(take)
      take(UnsafeRawBufferPointer(start: text.base, count: count))
      position = end
    } while position < plain.count
  }

  private static func littleEndian(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) } }

  private static func refusal(_ failure: CipherFailure, _ key: [UInt8]) -> EngineError {
    switch failure {
    case .noLibrary:
      return EngineError(.notSupported, "encryption needs OpenSSL's libcrypto (Debian: openssl), which cannot be loaded")
    case .outOfMemory: return EngineError(.outOfMemory, "no memory to encrypt the model")
    case .keyLength: return EngineError(.inputParameterInvalid, "the encryption key has \(key.count) bytes; AES takes 16, 24 or 32")
    case .rejected: return EngineError(.error, "libcrypto cannot encrypt the model")
    }
  }
}
