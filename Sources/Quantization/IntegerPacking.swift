import Graph
import ModelFile

/// The compressed forms of integer weights of 1 to 16 bits. (What they look like stands with the readers in ModelFile.)
enum IntegerPacking {
  /// The form that takes the fewest bytes; nil: the plain elements, of one byte up to 8 bits and of two beyond. `compresses`: entropy codes and
  /// the like may be used, not only bit packing.
  static func smallest(_ values: [Int32], bits: Int, zeroPoints: [Int32], compresses: Bool) -> PackedConstant? {
    var best: PackedConstant?
    var size = values.count * (bits <= 8 ? 1 : 2)
    func offer(_ bytes: @autoclosure () -> [UInt8], _ estimate: Int, _ compression: Int32) {
      if estimate >= size { return }
      let made = bytes()
      if made.count >= size { return }
      size = made.count
      best = PackedConstant(bytes: made, compression: compression)
    }
    if bits != 8 && bits != 16 { offer(packedBits(values, bits: bits), (values.count * bits + 7) / 8, 4) }
    guard compresses else { return best }
    let histogram = Histogram(values, bits: bits)
    let unique = histogram.symbols.count
    offer(
      indexed(values, histogram, bits: bits), (bits + bits * unique + values.count * width(of: unique)) / 8, 1)
    if let sparse = SparseForm(values, histogram, bits: bits, zeroPoints: zeroPoints) { offer(sparse.bytes(), sparse.bitCount / 8, 2) }
    if let code = FSEEncoder(counts: histogram.counts, total: values.count) {
      offer(
        code.payload(values.map { histogram.place($0) }, values: histogram.symbols.map { UInt32(bitPattern: $0) }),
        code.estimatedBytes, 5)
    }
    return best
  }

  /// Bits of an index among `count` things.
  static func width(of count: Int) -> Int {
    var bits = 0
    while 1 << bits < count { bits += 1 }
    return bits
  }

  /// Values without gaps, least significant bit first, padded to whole words of 8 or 16 bits.
  static func packedBits(_ values: [Int32], bits: Int) -> [UInt8] {
    let middle = Int32(1) << Int32(bits - 1)
    let total = values.count * bits
    let count = bits < 8 ? (total + 7) / 8 : (total + 15) / 16 * 2
    var out = [UInt8]()
    out.reserveCapacity(count)
    var pool: UInt32 = 0, used = 0
    for v in values {
      pool |= UInt32(bitPattern: v &+ middle) << UInt32(used)
      used += bits
      while used >= 8 {
        out.append(UInt8(truncatingIfNeeded: pool))
        pool >>= 8
        used -= 8
      }
    }
    if used > 0 { out.append(UInt8(truncatingIfNeeded: pool)) }
    while out.count < count { out.append(0) }
    return out
  }

  /// The values that occur, ascending, and how often.
  struct Histogram {
    private(set) var symbols: [Int32] = []
    private(set) var counts: [Int] = []
    private var places: [Int32]
    private let middle: Int32

    init(_ values: [Int32], bits: Int) {
      middle = Int32(1) << Int32(bits - 1)
      var all = [Int](repeating: 0, count: 1 << bits)
      for v in values { all[Int(v &+ middle)] += 1 }
      places = [Int32](repeating: -1, count: 1 << bits)
      for (i, n) in all.enumerated() where n > 0 {
        places[i] = Int32(symbols.count)
        symbols.append(Int32(i) - middle)
        counts.append(n)
      }
    }

    /// Which of the symbols a value is.
    @inline(__always)
    func place(_ value: Int32) -> Int { Int(places[Int(value &+ middle)]) }
  }

  private static func appendSymbols(_ histogram: Histogram, bits: Int, to out: inout BitWriter) {
    let middle = Int32(1) << Int32(bits - 1)
    // All values occur: their number does not fit and stands as 0.
    out.append(UInt64(histogram.symbols.count), bits)
    for s in histogram.symbols { out.append(UInt64(s + middle), bits) }
  }

  private static func indexed(_ values: [Int32], _ histogram: Histogram, bits: Int) -> [UInt8] {
    var out = BitWriter()
    appendSymbols(histogram, bits: bits, to: &out)
    let width = width(of: histogram.symbols.count)
    for v in values { out.append(UInt64(histogram.place(v)), width) }
    return out.bytes
  }

  /// Elements that are not their channel's zero point, and the gaps between them.
  private struct SparseForm {
    let values: [Int32], histogram: Histogram, zeroPoints: [Int32]
    let bits: Int, gapBits: Int, bitCount: Int
    let stored: Int

    /// nil when the channels do not share the elements evenly, or hardly any element is a zero point.
    init?(_ values: [Int32], _ histogram: Histogram, bits: Int, zeroPoints: [Int32]) {
      guard !zeroPoints.isEmpty, values.count % zeroPoints.count == 0, values.count < 1 << 32 else { return nil }
      var zeros = 0
      let perChannel = values.count / zeroPoints.count
      for i in 0..<values.count where values[i] == zeroPoints[i / perChannel] { zeros += 1 }
      if zeros * 4 < values.count { return nil }
      let symbolBits = width(of: histogram.symbols.count)
      var best = (gap: 0, bits: Int.max, stored: 0)
      for gap in 2...10 {
        let stored = SparseForm.storedCount(values, zeroPoints, limit: 1 << gap - 1)
        let total = 40 + bits + bits * histogram.symbols.count + stored * (symbolBits + gap)
        if total < best.bits { best = (gap, total, stored) }
      }
      self.values = values
      self.histogram = histogram
      self.zeroPoints = zeroPoints
      self.bits = bits
      gapBits = best.gap
      bitCount = best.bits
      stored = best.stored
    }

    private static func storedCount(_ values: [Int32], _ zeroPoints: [Int32], limit: Int) -> Int {
      let perChannel = values.count / zeroPoints.count
      var run = 0, stored = 0
      for i in 0..<values.count {
        if values[i] == zeroPoints[i / perChannel] && run < limit {
          run += 1
        } else {
          stored += 1
          run = 0
        }
      }
      return stored
    }

    func bytes() -> [UInt8] {
      let perChannel = values.count / zeroPoints.count
      var out = BitWriter()
      out.append(UInt64(gapBits), 8)
      out.append(UInt64(stored), 32)
      appendSymbols(histogram, bits: bits, to: &out)
      var gaps = [UInt64]()
      gaps.reserveCapacity(stored)
      let symbolBits = width(of: histogram.symbols.count)
      var run = 0
      for i in 0..<values.count {
        if values[i] == zeroPoints[i / perChannel] && run < 1 << gapBits - 1 {
          run += 1
        } else {
          out.append(UInt64(histogram.place(values[i])), symbolBits)
          gaps.append(UInt64(run))
          run = 0
        }
      }
      for gap in gaps { out.append(gap, gapBits) }
      return out.bytes
    }
  }
}
