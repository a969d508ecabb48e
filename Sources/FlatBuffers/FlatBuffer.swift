/// A checked view of a FlatBuffer in memory that somebody else owns.
///
/// Nothing is verified ahead: every access checks its own bounds and throws. A structural check of the whole buffer would
/// read each byte of the tables twice and would still have to trust that nothing is reached by two ways.
///
/// A small buffer whose offsets all lead to the same large table or vector could keep a reader busy, or make it
/// allocate, out of all proportion. Therefore whatever is opened or copied is charged to an allowance of a few times the
/// buffer's size; a buffer that shares nothing spends at most its size once.
public final class FlatBuffer {
  public let bytes: UnsafeRawBufferPointer
  private var allowance: Int

  /// Positions are signed 32-bit numbers in the format.
  public static let maximumSize = Int(Int32.max)

  /// A view of `bytes`, which must stay valid as long as the view and everything read from it is used.
  /// (Not an initialiser: in Embedded Swift 6.3 a class initialiser that throws leaks the object.)
  public static func open(_ bytes: UnsafeRawBufferPointer) throws(FlatBufferError) -> FlatBuffer {
    if bytes.count < 8 { throw FlatBufferError(offset: 0, expected: "at least the 8 bytes of root offset and identifier") }
    if bytes.count > maximumSize { throw FlatBufferError(offset: 0, expected: "a buffer of less than 2 GiB") }
    return FlatBuffer(bytes)
  }

  private init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    // Four times: strings and tables may be shared a little, and some readers open a table twice.
    let (product, overflow) = bytes.count.multipliedReportingOverflow(by: 4)
    allowance = overflow ? Int.max : product
  }

  /// The four bytes after the root offset are these.
  public func hasIdentifier(_ identifier: StaticString) -> Bool {
    guard identifier.utf8CodeUnitCount == 4 else { return false }
    var i = 0
    while i < 4 {
      if bytes[4 + i] != identifier.utf8Start[i] { return false }
      i += 1
    }
    return true
  }

  public func root() throws(FlatBufferError) -> Table { try Table(self, at: target(of: 0)) }

  /// Pays for `count` bytes that are about to be opened or copied; throws when the buffer has been read several times over.
  public func charge(_ count: Int, at offset: Int) throws(FlatBufferError) {
    if count > allowance { throw FlatBufferError(offset: offset, expected: "data that is not shared many times over") }
    allowance -= count
  }

  /// Raises the allowance for data of `count` bytes that belong to the buffer but lie outside of it.
  public func allow(_ count: Int) {
    let (sum, overflow) = allowance.addingReportingOverflow(count)
    allowance = overflow ? Int.max : sum
  }

  /// The position that the forward offset stored at `position` leads to; always inside the buffer and on 4 bytes, with room
  /// for one 32-bit word.
  func target(of position: Int) throws(FlatBufferError) -> Int {
    let distance = UInt(try word(at: position))
    if distance == 0 || distance > UInt(bytes.count - position) {
      throw FlatBufferError(offset: position, expected: "an offset that leads forward and inside the buffer")
    }
    let target = position + Int(distance)
    if target & 3 != 0 || target > bytes.count - 4 {
      throw FlatBufferError(offset: position, expected: "an offset to a multiple of 4 inside the buffer")
    }
    return target
  }

  func word(at position: Int) throws(FlatBufferError) -> UInt32 {
    if position < 0 || position > bytes.count - 4 { throw FlatBufferError(offset: position, expected: "4 bytes inside the buffer") }
    return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
  }

  /// Where the elements of the vector at `position` start, and how many there are; all of them lie inside the buffer.
  func elements(at position: Int, size: Int) throws(FlatBufferError) -> (start: Int, count: Int) {
    let count = UInt(try word(at: position))
    let start = position + 4
    if count > UInt(bytes.count - start) / UInt(size) {
      throw FlatBufferError(offset: position, expected: "a vector that ends inside the buffer")
    }
    if start & (size - 1) != 0 { throw FlatBufferError(offset: position, expected: "vector elements aligned to their size") }
    return (start, Int(count))
  }
}
