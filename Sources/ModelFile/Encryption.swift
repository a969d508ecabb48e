import Graph
import System

/// The ways in which the converter encrypts whole files, by the word that starts each block.
enum ModelCipher: UInt32 {
  case aesGCM = 0x7F3A_5ED8
  case aesCBC = 0x7F3A_5ED9
  case sm4CBC = 0x7F3A_5EDA

  /// nil for files that are not encrypted.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 4 else { return nil }
    self.init(rawValue: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)))
  }

  var name: StaticString {
    switch self {
    case .aesGCM: return "AES-GCM"
    case .aesCBC: return "AES-CBC"
    case .sm4CBC: return "SM4-CBC"
    }
  }
}

/// Decrypts model files. A file is one or more blocks of
///
///     uint32 the cipher, 16-byte tag (AES-GCM only), int32 bytes that follow in the block,
///     int32 length of the nonce (16), the nonce, int32 length of the text, the text
///
/// whose plain texts one after another are the model. Of the nonce AES-GCM takes the first 12 bytes only.
public enum ModelDecryption {
  /// The plain text: the first `count` bytes of `model`.
  @export(interface)
  public static func decrypt(_ file: UnsafeRawBufferPointer, _ key: SecretKey) throws(EngineError) -> (model: Buffer, count: Int) {
    guard let found = ModelCipher(file) else {
      throw EngineError(.error, "the model file is not encrypted, but a key for it was given; build it without one")
    }
    let expected: ModelCipher = key.mode == .gcm ? .aesGCM : .aesCBC
    if found == .sm4CBC {
      throw EngineError(.notSupported, "the model file is encrypted with SM4-CBC; AES-GCM and AES-CBC are supported")
    }
    if found != expected {
      throw EngineError(.error, "the model file is encrypted with \(found.name), but the key is for \(expected.name)")
    }
    let cipher: Cipher
    do throws(CipherFailure) {
      cipher = try Cipher.load(key.mode, keyLength: key.bytes.count)
    } catch { throw refusal(error, 0, found) }
    guard let keyBytes = key.bytes.baseAddress else { throw refusal(.keyLength, 0, found) }

    guard let plain = Buffer(count: file.count + Cipher.slack) else {
      throw EngineError(.outOfMemory, "no memory to decrypt \(file.count) bytes")
    }
    var position = 0
    var written = 0
    while position < file.count {
      let block = try Block(file, position, found)
      do throws(CipherFailure) {
        written += try cipher.decrypt(
          block.text, key: keyBytes, nonce: block.nonce, tag: block.tag, to: plain.base + written)
      } catch { throw refusal(error, position, found) }
      position = block.end
    }
    return (plain, written)
  }

  private static func refusal(_ failure: CipherFailure, _ position: Int, _ cipher: ModelCipher) -> EngineError {
    switch failure {
    case .noLibrary:
      return EngineError(
        .notSupported, "the model file is encrypted, and decrypting it needs OpenSSL's libcrypto.so.3, libcrypto.so.1.1 or libcrypto.so, which cannot be loaded")
    case .outOfMemory: return EngineError(.outOfMemory, "no memory to decrypt the model file")
    case .keyLength: return EngineError(.error, "the key has a length that AES does not have; expected 16, 24 or 32 bytes")
    case .rejected:
      return EngineError(
        .error,
        cipher == .aesGCM
          ? "authentication failed for the block at byte \(position) of the encrypted model file: the key is wrong or the file was changed"
          : "the block at byte \(position) of the encrypted model file cannot be decrypted: the key is wrong or the file was changed")
    }
  }

  private struct Block {
    var tag: UnsafeRawPointer?
    let nonce: UnsafeRawPointer
    let text: UnsafeRawBufferPointer
    let end: Int

    init(_ file: UnsafeRawBufferPointer, _ start: Int, _ cipher: ModelCipher) throws(EngineError) {
      func refusal(_ at: Int, _ expected: StaticString) -> EngineError {
        EngineError(.error, "encrypted model file, byte \(at): expected \(expected)")
      }
      let tagLength = cipher == .aesGCM ? 16 : 0
      // Cipher word, tag, block length, nonce length, nonce, text length.
      let header = 4 + tagLength + 4 + 4 + 16 + 4
      if file.count - start < header { throw refusal(start, "a whole block") }
      guard let base = file.baseAddress else { throw refusal(start, "a whole block") }
      func word(_ at: Int) -> Int { Int(Int32(littleEndian: file.loadUnaligned(fromByteOffset: at, as: Int32.self))) }
      if UInt32(truncatingIfNeeded: word(start)) != cipher.rawValue {
        throw refusal(start, "a block of the same cipher as the first one")
      }
      if tagLength > 0 { tag = base + (start + 4) }
      let lengths = start + 4 + tagLength
      let textLength = word(start + header - 4)
      if word(lengths + 4) != 16 { throw refusal(lengths + 4, "16 as the nonce's length") }
      if textLength < 0 || textLength > file.count - start - header {
        throw refusal(start + header - 4, "a text that ends inside the file")
      }
      if word(lengths) != 4 + 16 + 4 + textLength { throw refusal(lengths, "the length of nonce and text together") }
      nonce = base + (lengths + 8)
      text = UnsafeRawBufferPointer(rebasing: file[(start + header)..<(start + header + textLength)])
      end = start + header + textLength
    }
  }
}
