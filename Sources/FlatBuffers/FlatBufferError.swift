/// Bytes that are not a well-formed FlatBuffer: where, and what should have been there.
public struct FlatBufferError: Error {
  /// Position counted from the first byte of the buffer.
  public var offset: Int
  public var expected: StaticString

  public init(offset: Int, expected: StaticString) {
    self.offset = offset
    self.expected = expected
  }

  /// "byte 24: expected a vector that ends inside the buffer"
  public var text: String {
    @export(interface) get { "byte \(offset): expected \(expected)" }
  }
}
