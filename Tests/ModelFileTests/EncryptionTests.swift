import Foundation
import Graph
import ModelFile
import System
import Testing

/// Files encrypted with the system's libcrypto from the description of the format.
@Suite struct Encryption {
  private static let key: [UInt8] = Array("0123456789ABCDEF0123456789abcdef".utf8)

  private typealias Make = @convention(c) () -> OpaquePointer?
  private typealias Free = @convention(c) (OpaquePointer?) -> Void
  private typealias Start = @convention(c) (
    OpaquePointer?, OpaquePointer?, OpaquePointer?, UnsafeRawPointer?, UnsafeRawPointer?
  ) -> CInt
  private typealias Control = @convention(c) (OpaquePointer?, CInt, CInt, UnsafeMutableRawPointer?) -> CInt
  private typealias Update = @convention(c) (
    OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<CInt>?, UnsafeRawPointer?, CInt
  ) -> CInt
  private typealias Finish = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<CInt>?) -> CInt

  /// nil where there is no libcrypto.
  private static func encrypt(_ text: [UInt8], keyLength: Int, gcm: Bool, nonce: [UInt8]) -> (text: [UInt8], tag: [UInt8])? {
    guard let library = dlopen("libcrypto.so.3", RTLD_NOW) ?? dlopen("libcrypto.so.1.1", RTLD_NOW) else { return nil }
    func symbol<T>(_ name: String, _ type: T.Type) -> T { unsafeBitCast(dlsym(library, name), to: type) }
    let context = symbol("EVP_CIPHER_CTX_new", Make.self)()
    defer { symbol("EVP_CIPHER_CTX_free", Free.self)(context) }
    let start = symbol("EVP_EncryptInit_ex", Start.self)
    let control = symbol("EVP_CIPHER_CTX_ctrl", Control.self)
    let algorithm = symbol("EVP_aes_\(8 * keyLength)_\(gcm ? "gcm" : "cbc")", Make.self)()
    // The nonce's usual length is 12: the rest of the 16 bytes is not used.
    _ = start(context, algorithm, nil, key, nonce)
    var out = [UInt8](repeating: 0, count: text.count + 16)
    var first: CInt = 0
    var last: CInt = 0
    _ = symbol("EVP_EncryptUpdate", Update.self)(context, &out, &first, text, CInt(text.count))
    out.withUnsafeMutableBytes { bytes in
      _ = symbol("EVP_EncryptFinal_ex", Finish.self)(context, bytes.baseAddress! + Int(first), &last)
    }
    var tag = [UInt8](repeating: 0, count: 16)
    if gcm { _ = control(context, 0x10, 16, &tag) }
    return (Array(out[..<(Int(first) + Int(last))]), gcm ? tag : [])
  }

  private static func encrypted(_ model: [UInt8], keyLength: Int, gcm: Bool, blockSize: Int = 1 << 26) -> [UInt8]? {
    var out: [UInt8] = []
    for start in stride(from: 0, to: model.count, by: blockSize) {
      let nonce = (0..<16).map { UInt8(truncatingIfNeeded: start + 7 * $0) }
      let part = Array(model[start..<min(start + blockSize, model.count)])
      guard let (text, tag) = encrypt(part, keyLength: keyLength, gcm: gcm, nonce: nonce) else { return nil }
      out += littleEndian([gcm ? UInt32(0x7F3A_5ED8) : 0x7F3A_5ED9]) + tag
      out += littleEndian([Int32(24 + text.count), 16]) + nonce + littleEndian([Int32(text.count)]) + text
    }
    return out
  }

  private static func decrypt(_ file: [UInt8], keyLength: Int, _ mode: CipherMode, wrong: Bool = false) throws(EngineError) -> [UInt8] {
    var bytes = Array(key[..<keyLength])
    if wrong { bytes[5] ^= 1 }
    let secret = bytes.withUnsafeBytes { SecretKey.copy($0, mode)! }
    let owner = ModelBytes(file)
    let (model, count) = try ModelDecryption.decrypt(owner.bytes, secret)
    return [UInt8](UnsafeRawBufferPointer(start: model.base, count: count))
  }

  private static func refusal(_ file: [UInt8], keyLength: Int = 16, _ mode: CipherMode = .gcm, wrong: Bool = false) -> String {
    do {
      _ = try decrypt(file, keyLength: keyLength, mode, wrong: wrong)
      return "accepted"
    } catch { return error.message }
  }

  private static let plain = (0..<1003).map { UInt8(truncatingIfNeeded: $0 &* $0) }

  @Test(arguments: [16, 24, 32]) func roundTrips(keyLength: Int) throws {
    for gcm in [true, false] {
      for blockSize in [1 << 26, 1003, 500, 64] {
        guard let file = Self.encrypted(Self.plain, keyLength: keyLength, gcm: gcm, blockSize: blockSize) else { return }
        #expect(try Self.decrypt(file, keyLength: keyLength, gcm ? .gcm : .cbc) == Self.plain)
      }
    }
  }

  /// A text that goes to libcrypto in several pieces gives what it gives in one, in both directions.
  @Test(arguments: [16, 24, 32], [true, false]) func piecesOfAText(keyLength: Int, gcm: Bool) throws {
    let mode = gcm ? CipherMode.gcm : .cbc
    let key = Array(Self.key[..<keyLength])
    let nonce = (0..<16).map { UInt8($0 * 5) }
    guard let (text, tag) = Self.encrypt(Self.plain, keyLength: keyLength, gcm: gcm, nonce: nonce) else { return }
    for updateSize in [1 << 30, 1003, 500, 33, 1] {
      let cipher = try Cipher.load(mode, keyLength: keyLength, updateSize: updateSize)
      var out = [UInt8](repeating: 0, count: text.count + Cipher.slack)
      var made = [UInt8](repeating: 0, count: 16)
      var count = try Self.plain.withUnsafeBytes { try cipher.encrypt($0, key: key, nonce: nonce, tag: &made, to: &out) }
      #expect(Array(out[..<count]) == text)
      #expect(!gcm || made == tag)
      count = try text.withUnsafeBytes { try cipher.decrypt($0, key: key, nonce: nonce, tag: made, to: &out) }
      #expect(Array(out[..<count]) == Self.plain)
    }
  }

  @Test func wrongKeys() throws {
    guard let file = Self.encrypted(Self.plain, keyLength: 16, gcm: true, blockSize: 600) else { return }
    let failed = "authentication failed for the block at byte 0 of the encrypted model file: the key is wrong or the file was changed"
    #expect(Self.refusal(file, wrong: true) == failed)
    #expect(Self.refusal(file, keyLength: 24) == failed)
    #expect(Self.refusal(file, .cbc) == "the model file is encrypted with AES-GCM, but the key is for AES-CBC")
    #expect(
      Self.refusal(file, keyLength: 15) == "the key has a length that AES does not have; expected 16, 24 or 32 bytes")
    #expect(
      Self.refusal(Self.plain) == "the model file is not encrypted, but a key for it was given; build it without one")
    #expect(
      Self.refusal([0xDA, 0x5E, 0x3A, 0x7F] + file)
        == "the model file is encrypted with SM4-CBC; AES-GCM and AES-CBC are supported")
  }

  @Test func everyChangeIsSeen() throws {
    guard let file = Self.encrypted(Array(Self.plain[..<40]), keyLength: 16, gcm: true, blockSize: 25) else { return }
    for i in file.indices {
      var changed = file
      changed[i] ^= 0x10
      // The last four bytes of each block's nonce are not used.
      let isUnused = (40..<44).contains(i) || (73 + 40..<73 + 44).contains(i)
      #expect((Self.refusal(changed) == "accepted") == isUnused)
      #expect(i == 0 || Self.refusal(Array(file[..<i])) != "accepted" || i == 48 + 25)
    }
    var second = file
    second[73 + 60] ^= 1
    #expect(Self.refusal(second).hasPrefix("authentication failed for the block at byte 73 "))
  }

  @Test func lengths() throws {
    guard let file = Self.encrypted(Self.plain, keyLength: 16, gcm: true) else { return }
    func changed(_ at: Int, _ value: Int32) -> String {
      var bytes = file
      bytes.replaceSubrange(at..<at + 4, with: littleEndian([value]))
      return Self.refusal(bytes)
    }
    let head = "encrypted model file, byte "
    #expect(changed(20, 5) == head + "20: expected the length of nonce and text together")
    #expect(changed(24, 12) == head + "24: expected 16 as the nonce's length")
    for value in [-1, 1004, .max, .min] as [Int32] {
      #expect(changed(44, value) == head + "44: expected a text that ends inside the file")
    }
    #expect(Self.refusal(Array(file[..<47])) == head + "0: expected a whole block")
    #expect(Self.refusal(file + file[..<20]) == head + "\(file.count): expected a whole block")
    #expect(
      Self.refusal(file + [UInt8](repeating: 1, count: 60))
        == head + "\(file.count): expected a block of the same cipher as the first one")
  }
}
