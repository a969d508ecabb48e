/// A 64-bit checksum. Every step is one-to-one in the sum and in the word that it takes in, so a change within one word always shows,
/// and any other with all but certainty.
struct Checksum {
  private(set) var value: UInt64 = 0x9e37_79b9_7f4a_7c15

  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0xff51_afd7_ed55_8ccd
    value ^= value >> 32
  }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    add(UInt64(bytes.count))
    var offset = 0
    while offset + 8 <= bytes.count {
      add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian)
      offset += 8
    }
    if offset == bytes.count { return }
    var last: UInt64 = 0
    for i in offset..<bytes.count { last |= UInt64(bytes[i]) << (UInt64(i - offset) * 8) }
    add(last)
  }

  mutating func add(_ text: UnsafePointer<CChar>, _ count: Int) { add(UnsafeRawBufferPointer(start: text, count: count)) }

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = Checksum()
    sum.add(bytes)
    return sum.value
  }
}
