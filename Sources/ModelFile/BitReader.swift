import FlatBuffers
import Graph

/// Reads a payload as a bit string, most significant bit of each byte first.
struct BitReader {
  private let data: Bytes
  /// The next bit, counted from the payload's start.
  private(set) var position: Int

  init(_ data: Bytes, at position: Int = 0) {
    self.data = data
    self.position = position
  }

  /// The next `count` bits (0...32) as an unsigned number.
  mutating func take(_ count: Int) throws(FlatBufferError) -> Int {
    if count > 8 * data.content.count - position {
      throw FlatBufferError(offset: data.offset + position / 8, expected: "more bits of a compressed constant")
    }
    var value = 0
    var left = count
    while left > 0 {
      let available = 8 - position & 7
      let n = min(left, available)
      let byte = Int(data.content[position >> 3])
      value = value << n | (byte >> (available - n)) & ((1 << n) - 1)
      position += n
      left -= n
    }
    return value
  }

  /// What is wrong with the bits before the current position.
  func error(_ expected: StaticString) -> FlatBufferError {
    FlatBufferError(offset: data.offset + position / 8, expected: expected)
  }
}

/// Where a decoder puts the elements that it makes.
struct ElementSink {
  let base: UnsafeMutableRawPointer
  let type: DataType
  let count: Int

  /// `value` is cut to the type's width; of a float32 it is the bit pattern.
  func store(_ value: Int, at index: Int) {
    switch type.size {
    case 1: base.storeBytes(of: Int8(truncatingIfNeeded: value), toByteOffset: index, as: Int8.self)
    case 2: base.storeBytes(of: Int16(truncatingIfNeeded: value), toByteOffset: 2 * index, as: Int16.self)
    default: base.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: 4 * index, as: Int32.self)
    }
  }
}
