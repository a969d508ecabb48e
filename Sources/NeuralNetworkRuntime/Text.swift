import CSystem

/// Text as C programs see it: bytes with a final NUL that stay where they are.
final class Text {
  let pointer: UnsafeMutablePointer<CChar>
  /// Without the final NUL.
  let count: Int

  private init(_ pointer: UnsafeMutablePointer<CChar>, _ count: Int) {
    self.pointer = pointer
    self.count = count
    pointer[count] = 0
  }

  /// A copy of `count` bytes, none of them NUL.
  static func copy(_ bytes: UnsafeRawPointer?, _ count: Int) throws(Failure) -> Text {
    guard let memory = malloc(count + 1) else { throw .memory("no memory for a text of \(count) bytes") }
    if let bytes { memcpy(memory, bytes, count) }
    return Text(memory.assumingMemoryBound(to: CChar.self), count)
  }

  static func copy(_ text: UnsafePointer<CChar>) throws(Failure) -> Text { try copy(text, strlen(text)) }

  static func copy(_ text: String) throws(Failure) -> Text {
    var bytes: [UInt8] = []
    for byte in text.utf8 { bytes.append(byte) }
    return try copy(bytes, bytes.count)
  }

  deinit { free(pointer) }

  /// For messages.
  var string: String { Swift.String(decoding: UnsafeRawBufferPointer(start: pointer, count: count), as: UTF8.self) }
}
