/// A string of bits in 64-bit words, most significant bit first.
struct BitWriter {
  /// Full words.
  private(set) var words: [UInt64] = []
  /// The bits after them, at the top of a word, and their number (0...63).
  private(set) var last: UInt64 = 0
  private(set) var lastBits = 0

  var bitCount: Int { 64 * words.count + lastBits }

  /// Adds the low `count` (0...32) bits of `value`.
  @inline(__always)
  mutating func append(_ value: UInt64, _ count: Int) {
    let bits = value & ((1 << UInt64(count)) - 1)
    let free = 64 - lastBits
    if count < free {
      last |= bits << UInt64(free - count)
      lastBits += count
    } else {
      words.append(last | bits >> UInt64(count - free))
      lastBits = count - free
      last = lastBits == 0 ? 0 : bits << UInt64(64 - lastBits)
    }
  }

  mutating func reserve(bits: Int) { words.reserveCapacity(bits / 64 + 1) }

  /// Padded with zeros to whole bytes.
  var bytes: [UInt8] {
    let count = (bitCount + 7) / 8
    var out = [UInt8]()
    out.reserveCapacity(count + 8)
    for word in words + [last] { for k in 0..<8 { out.append(UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * k))) } }
    return Array(out.prefix(count))
  }
}

/// Bytes of numbers, least significant byte first.
struct ByteWriter {
  private(set) var bytes: [UInt8] = []

  mutating func append<T: FixedWidthInteger>(_ value: T) { withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) } }

  /// Zeros up to a multiple of `alignment`.
  mutating func pad(to alignment: Int) { while bytes.count % alignment != 0 { bytes.append(0) } }
}
