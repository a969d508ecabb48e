import FlatBuffers
import Graph

/// The two schemas of model files.
enum ModelSchema {
  /// Release 1.1 and newer.
  case current
  /// Release 1.0, with other primitives and without an identifier.
  case v0
}

enum FileIdentification {
  static var identifier: StaticString { "MSL2" }
  private static var versionPrefix: StaticString { "MindSpore Lite " }

  /// The schema that a file follows. Without the identifier it is the old one if the root table has what every model has.
  static func schema(of file: FlatBuffer) throws(EngineError) -> ModelSchema {
    if file.hasIdentifier(identifier) { return .current }
    if let cipher = ModelCipher(file.bytes) {
      throw EngineError(
        .error,
        "the model file is encrypted (\(cipher.name)); give its key with MSLite_ModelSetDecryptionKey before the build")
    }
    do throws(FlatBufferError) {
      let root = try file.root()
      if try root.has(MetaGraphField.inputIndex), try root.has(MetaGraphField.outputIndex),
        let nodes = try root.tables(MetaGraphField.nodes), nodes.count > 0,
        let tensors = try root.tables(MetaGraphField.allTensors), tensors.count > 0
      {
        _ = try NodeRecord.primitive(nodes.table(0))
        _ = try tensors.table(0)
        return .v0
      }
    } catch {
      // Not even that: the general answer below.
    }
    throw EngineError(
      .error, "not a model file: expected the identifier MSL2 at byte 4, or the tables of a file of release 1.0")
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
