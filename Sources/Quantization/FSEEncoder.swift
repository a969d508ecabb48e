/// Finite state entropy coding (tANS) of symbols with known frequencies. (The form stands with the reader in ModelFile.)
struct FSEEncoder {
  private let log: Int
  private let frequencies: [Int]
  /// Of the k-th state of symbol s, its place in the table: `states[first[s] + k]`.
  private var states: [Int32]
  private var first: [Int]
  private let counts: [Int]

  /// More symbols than that do not pay.
  private static let maximumSymbols = 1 << 13

  /// nil for a single symbol or too many of them.
  init?(counts: [Int], total: Int) {
    guard counts.count > 1, counts.count <= FSEEncoder.maximumSymbols else { return nil }
    // Eight states per symbol and more bring the code within a percent of the entropy; small tables are for small tensors.
    log = min(16, max(IntegerPacking.width(of: counts.count) + 3, 8))
    self.counts = counts
    frequencies = FSEEncoder.normalised(counts, total: total, size: 1 << log)
    let size = 1 << log
    var spread = [Int32](repeating: 0, count: size)
    var at = 0
    let step = size / 2 + size / 8 + 3
    first = []
    var sum = 0
    for (s, f) in frequencies.enumerated() {
      first.append(sum)
      sum += f
      for _ in 0..<f {
        spread[at] = Int32(s)
        at = (at + step) & (size - 1)
      }
    }
    states = [Int32](repeating: 0, count: size)
    var next = first
    for i in 0..<size {
      let s = Int(spread[i])
      states[next[s]] = Int32(i)
      next[s] += 1
    }
  }

  /// Whole numbers of at least 1 in proportion to `counts` that sum up to `size`.
  private static func normalised(_ counts: [Int], total: Int, size: Int) -> [Int] {
    var shares = counts.map { max(1, Int((Double($0) * Double(size) / Double(total)).rounded())) }
    var excess = shares.reduce(0, +) - size
    // The largest ones change least by one more or less.
    let order = counts.indices.sorted { counts[$0] > counts[$1] }
    while excess != 0 {
      for s in order {
        if excess > 0 && shares[s] > 1 {
          shares[s] -= 1
          excess -= 1
        } else if excess < 0 {
          shares[s] += 1
          excess += 1
        }
        if excess == 0 { break }
      }
    }
    return shares
  }

  /// About what ``payload(_:values:)`` takes.
  var estimatedBytes: Int {
    var bits = 0.0
    for (n, f) in zip(counts, frequencies) { bits += Double(n) * (Double(log) - logarithm2(Double(f))) }
    return Int(bits / 8) + 8 * counts.count + 24
  }

  /// The whole payload. `symbols`: in order; `values`: what they stand for (bit patterns of float32 or int32).
  func payload(_ symbols: [Int], values: [UInt32]) -> [UInt8] {
    let size = 1 << log
    var bits = BitWriter()
    bits.reserve(bits: symbols.count * 8)
    var state = size
    for s in symbols {
      let f = frequencies[s]
      // The number of bits that bring the state into f..<2 f.
      var n = log - (Int.bitWidth - 1 - f.leadingZeroBitCount)
      if state >> n < f { n -= 1 }
      bits.append(UInt64(state), n)
      state = size + Int(states[first[s] + state >> n - f])
    }
    bits.append(UInt64(state - size), log)
    var out = ByteWriter()
    out.append(UInt16(frequencies.count))
    out.append(UInt16(log))
    out.append(UInt32(bits.words.count + 1))
    for f in frequencies { out.append(UInt32(f)) }
    out.pad(to: 8)
    for v in values { out.append(v) }
    out.pad(to: 8)
    for word in bits.words { out.append(word) }
    out.append(bits.last)
    out.append(UInt8(bits.lastBits))
    return out.bytes
  }
}
