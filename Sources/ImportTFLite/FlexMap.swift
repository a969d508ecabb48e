import Graph

/// The numbers of a FlexBuffer map, which is the form of some custom operators' options.
///
/// A FlexBuffer is read from its end: the last byte is the width of the root, the one before it the root's type. A map is two
/// vectors, keys and values, of the same length; behind the values stand a byte of type for each.
struct FlexMap {
  private var numbers: [String: Double] = [:]

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let malformed = EngineError(.graphFileError, "the custom options are no FlexBuffer map")

    func unsigned(_ at: Int, _ width: Int) throws(EngineError) -> Int {
      guard at >= 0, width >= 1, width <= 8, at <= bytes.count - width else { throw malformed }
      var v: UInt64 = 0
      for i in 0..<width { v |= UInt64(bytes[at + i]) << UInt64(8 * i) }
      guard let n = Int(exactly: v) else { throw malformed }
      return n
    }
    func signed(_ at: Int, _ width: Int) throws(EngineError) -> Int {
      guard at >= 0, width >= 1, width <= 8, at <= bytes.count - width else { throw malformed }
      var v: UInt64 = 0
      for i in 0..<width { v |= UInt64(bytes[at + i]) << UInt64(8 * i) }
      let unused = UInt64(64 - 8 * width)
      return Int(Int64(bitPattern: v << unused) >> Int64(unused))
    }
    func real(_ at: Int, _ width: Int) throws(EngineError) -> Double {
      guard at >= 0, at <= bytes.count - width else { throw malformed }
      if width == 4 { return Double(bytes.loadUnaligned(fromByteOffset: at, as: Float.self)) }
      guard width == 8 else { throw malformed }
      return bytes.loadUnaligned(fromByteOffset: at, as: Double.self)
    }
    /// The position that the offset at `at` leads back to.
    func target(_ at: Int, _ width: Int) throws(EngineError) -> Int {
      let distance = try unsigned(at, width)
      guard distance <= at else { throw malformed }
      return at - distance
    }
  }

  init(_ bytes: UnsafeRawBufferPointer?) throws(EngineError) {
    guard let bytes, bytes.count >= 3 else { throw EngineError(.graphFileError, "custom options are missing") }
    let reader = Reader(bytes: bytes)
    let width = Int(bytes[bytes.count - 1]), type = bytes[bytes.count - 2]
    let kind = type >> 2, mapKind: UInt8 = 9
    guard kind == mapKind else { throw reader.malformed }
    let values = try reader.target(bytes.count - 2 - width, width), step = 1 << Int(type & 3)
    let count = try reader.unsigned(values - step, step)
    let keys = try reader.target(values - 3 * step, step), keyStep = try reader.unsigned(values - 2 * step, step)
    guard count <= bytes.count, keyStep >= 1, keyStep <= 8 else { throw reader.malformed }
    for i in 0..<count {
      let keyStart = try reader.target(keys + i * keyStep, keyStep)
      guard keyStart < bytes.count, let end = bytes[keyStart...].firstIndex(of: 0) else { throw reader.malformed }
      let key = String(decoding: bytes[keyStart..<min(end, keyStart + 64)], as: UTF8.self)
      let at = values + i * step
      let typeAt = values + count * step + i
      guard typeAt < bytes.count else { throw reader.malformed }
      let valueType = bytes[typeAt], direct = step, indirect = 1 << Int(valueType & 3)
      // 1 int, 2 unsigned, 3 float, 6 to 8 the same behind an offset, 26 bool.
      switch valueType >> 2 {
      case 1: numbers[key] = Double(try reader.signed(at, direct))
      case 2, 26: numbers[key] = Double(try reader.unsigned(at, direct))
      case 3: numbers[key] = try reader.real(at, direct)
      case 6: numbers[key] = Double(try reader.signed(try reader.target(at, direct), indirect))
      case 7: numbers[key] = Double(try reader.unsigned(try reader.target(at, direct), indirect))
      case 8: numbers[key] = try reader.real(try reader.target(at, direct), indirect)
      default: break
      }
    }
  }

  func float(_ key: String, _ fallback: Double? = nil) throws(EngineError) -> Double {
    guard let value = numbers[key] ?? fallback else { throw EngineError(.graphFileError, "the custom options lack \"\(key)\"") }
    return value
  }
  func int(_ key: String, _ fallback: Int? = nil) throws(EngineError) -> Int {
    let value = try float(key, fallback.map { Double($0) })
    guard value > -1e9 && value < 1e9 else { throw EngineError(.graphFileError, "the custom option \"\(key)\" is out of range") }
    return Int(value)
  }
  func bool(_ key: String) throws(EngineError) -> Bool { try float(key, 0) != 0 }
}
