import FlatBuffers
import Graph

/// Finite state entropy coding (tANS): each state stands for a symbol and says how many bits lead to the state before it. The bits
/// are read from their end, and the symbols come out last one first.
struct FSE {
  /// By state: its symbol, how many bits follow, and what they are added to.
  private(set) var symbols: [UInt16]
  private(set) var bitCounts: [UInt8]
  private(set) var bases: [UInt16]

  /// The largest table log of the format.
  static let maximumLog = 16

  /// Tables that come ready-made; nil unless they have equal lengths and lead to states and `symbolCount` symbols only.
  init?(symbols: [UInt16], bitCounts: [UInt8], bases: [UInt16], symbolCount: Int) {
    guard symbols.count == bitCounts.count, symbols.count == bases.count else { return nil }
    for i in 0..<symbols.count {
      // With no more bits than that, base plus bits stays inside the table.
      if Int(symbols[i]) >= symbolCount || bitCounts[i] > FSE.maximumLog { return nil }
      if Int(bases[i]) + (1 << Int(bitCounts[i])) > symbols.count { return nil }
    }
    self.symbols = symbols
    self.bitCounts = bitCounts
    self.bases = bases
  }

  /// The tables for symbols that occur `frequencies[s]` times in 2^`log`; nil when the frequencies do not sum up to that or cannot
  /// be spread over the table.
  init?(frequencies: [UInt32], log: Int) {
    let size = 1 << log
    var sum = 0
    for f in frequencies {
      if Int(f) > size - sum { return nil }
      sum += Int(f)
    }
    if sum != size { return nil }
    symbols = [UInt16](repeating: 0, count: size)
    let step = size / 2 + size / 8 + 3
    var at = 0
    for s in 0..<frequencies.count {
      for _ in 0..<frequencies[s] {
        symbols[at] = UInt16(truncatingIfNeeded: s)
        at = (at + step) & (size - 1)
      }
    }
    bitCounts = [UInt8](repeating: 0, count: size)
    bases = [UInt16](repeating: 0, count: size)
    var counters = frequencies
    for i in 0..<size {
      let s = Int(symbols[i])
      let x = Int(counters[s])
      // Some sizes share a divisor with the step, so that not every state is reached.
      if x == 2 * Int(frequencies[s]) { return nil }
      counters[s] += 1
      let bits = log - (Int.bitWidth - 1 - x.leadingZeroBitCount)
      bitCounts[i] = UInt8(truncatingIfNeeded: bits)
      bases[i] = UInt16(truncatingIfNeeded: x << bits - size)
    }
  }

  /// The bits: 64-bit words, most significant bit first, of which the last one may lie apart.
  struct Stream {
    let words: UnsafeRawBufferPointer
    let last: UInt64
    /// Bits before the current position.
    var position: Int

    private func word(_ index: Int) -> UInt64 {
      8 * index + 8 <= words.count
        ? UInt64(littleEndian: words.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) : last
    }

    /// The `count` (0...16) bits before the position as an unsigned number; nil when there are fewer.
    mutating func take(_ count: Int) -> Int? {
      if count > position { return nil }
      if count == 0 { return 0 }
      let end = (position - 1) & 63 + 1
      let index = (position - 1) >> 6
      var bits = word(index) >> UInt64(64 - end)
      if count > end { bits |= word(index - 1) << UInt64(end) }
      position -= count
      return Int(truncatingIfNeeded: bits & ((1 << UInt64(count)) - 1))
    }
  }

  /// Writes the centroids (32-bit words) of elements `range` to `out`, the last one first, starting in `state`. false: the bits
  /// end too early.
  func decode(
    _ stream: inout Stream, state: Int, _ range: Range<Int>, _ centroids: UnsafeRawPointer, into out: ElementSink
  ) -> Bool {
    var state = state
    var i = range.upperBound
    while i > range.lowerBound {
      i -= 1
      out.store(Int(centroids.loadUnaligned(fromByteOffset: 4 * Int(symbols[state]), as: Int32.self)), at: i)
      // What comes before the first element decides nothing any more.
      if i == range.lowerBound { break }
      guard let bits = stream.take(Int(bitCounts[state])) else { return false }
      state = Int(bases[state]) + bits
    }
    return true
  }
}
