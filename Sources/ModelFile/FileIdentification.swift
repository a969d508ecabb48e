import FlatBuffers
import Graph

enum FileIdentification {
  static var identifier: StaticString { "MSL2" }
  private static var versionPrefix: StaticString { "MindSpore Lite " }

  /// Why a file without the identifier is refused: what it is instead, as far as its bytes tell.
  static func refusal(_ file: FlatBuffer) -> EngineError {
    if let cipher = encryption(file.bytes) {
      return EngineError(.error, "the model file is encrypted (\(cipher)) and the API has no way to pass a key; decrypt it first")
    }
    do throws(FlatBufferError) {
      // Files of release 1.0 have the same root table but zeros for an identifier.
      if let version = try file.root().string(MetaGraphField.version), hasPrefix(version, versionPrefix) {
        return EngineError(
          .error,
          "the model was written by \(version) in the old format without the identifier MSL2, which is not supported; convert it with release 1.1 or newer")
      }
    } catch {
      // Not even that: the general answer below.
    }
    return EngineError(.error, "not a model file: expected the identifier MSL2 at byte 4")
  }

  /// The first word of a file that the converter has encrypted.
  private static func encryption(_ bytes: UnsafeRawBufferPointer) -> StaticString? {
    switch UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self)) {
    case 0x7F3A_5ED8: return "AES-GCM"
    case 0x7F3A_5ED9: return "AES-CBC"
    case 0x7F3A_5EDA: return "SM4-CBC"
    default: return nil
    }
  }

  /// Compares bytes: `String.hasPrefix` would need Unicode tables.
  static func hasPrefix(_ text: String, _ prefix: StaticString) -> Bool {
    let bytes = text.utf8
    guard bytes.count >= prefix.utf8CodeUnitCount else { return false }
    var i = 0
    for byte in bytes {
      if i == prefix.utf8CodeUnitCount { break }
      if byte != prefix.utf8Start[i] { return false }
      i += 1
    }
    return true
  }
}

/// The release in a model's version string. It decides along which axis the quantisation parameters of a constant run.
struct Release {
  private var numbers = (major: 0, minor: 0)
  private var isKnown = false

  /// "MindSpore Lite 2.2.0.20231129": the first two numbers count. Anything else is older than every release.
  init(_ version: String) {
    guard FileIdentification.hasPrefix(version, "MindSpore Lite ") else { return }
    var values = [0]
    for byte in version.utf8.dropFirst(15) {
      if byte >= 48 && byte <= 57 {
        values[values.count - 1] = min(values[values.count - 1] * 10 + Int(byte) - 48, 1_000_000)
      } else if byte == UInt8(ascii: ".") && values.count < 2 {
        values.append(0)
      } else {
        break
      }
    }
    isKnown = true
    numbers = (values[0], values.count > 1 ? values[1] : 0)
  }

  func isAtLeast(_ major: Int, _ minor: Int) -> Bool {
    isKnown && (numbers.major > major || (numbers.major == major && numbers.minor >= minor))
  }
}
