import Graph

/// Weights stored with fewer bits than their type has: value q of b bits is the unsigned number q + 2^(b-1), and all of them
/// follow each other without gaps, least significant bit first.
enum BitPacking {
  /// The width of the stored values; nil when they are stored as they are. The quantisation parameters alone decide that:
  /// files from before the compression type "bit packing" existed have none.
  static func bits(_ type: DataType, _ parameters: [QuantParam]) -> Int? {
    guard type == .int8 || type == .int16, let first = parameters.first else { return nil }
    let bits = Int(first.bits)
    return (bits >= 1 && bits <= 7 && type == .int8) || (bits >= 9 && bits <= 15 && type == .int16) ? bits : nil
  }

  /// Bytes that `count` values take.
  static func byteCount(bits: Int, count: Int) -> Int64 {
    let total = Int64(bits) * Int64(count)
    return bits < 8 ? (total + 7) / 8 : (total + 15) / 16 * 2
  }

  /// Writes `count` values to `out`; `packed` must have ``byteCount(bits:count:)`` bytes.
  static func unpack(_ packed: UnsafeRawBufferPointer, bits: Int, count: Int, into out: ElementSink) {
    let mask = (UInt32(1) << UInt32(bits)) - 1
    let middle = 1 << (bits - 1)
    var pool: UInt32 = 0  // bits read but not used yet, the next one lowest
    var available = 0
    var next = 0
    for i in 0..<count {
      while available < bits {
        pool |= UInt32(packed[next]) << UInt32(available)
        next += 1
        available += 8
      }
      out.store(Int(pool & mask) - middle, at: i)
      pool >>= UInt32(bits)
      available -= bits
    }
  }
}
