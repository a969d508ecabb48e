// Writers of the packed forms of weights, made from the format's description and sharing nothing with the readers.

/// A string of bits, most significant bit of each byte first.
struct BitString {
  private(set) var bits: [UInt8] = []

  mutating func append(_ value: Int, _ count: Int) {
    for k in stride(from: count - 1, through: 0, by: -1) { bits.append(UInt8((value >> k) & 1)) }
  }

  /// Padded with zeros to whole bytes.
  var bytes: [UInt8] {
    var out = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for i in 0..<bits.count { out[i / 8] |= bits[i] << UInt8(7 - i % 8) }
    return out
  }
}

func width(of count: Int) -> Int {
  var k = 0
  while 1 << k < count { k += 1 }
  return k
}

func encodeIndexing(_ values: [Int], bits: Int) -> [UInt8] {
  let unique = Set(values).sorted()
  var out = BitString()
  out.append(unique.count == 1 << bits ? 0 : unique.count, bits)
  for v in unique { out.append(v + 1 << (bits - 1), bits) }
  for v in values { out.append(unique.firstIndex(of: v)!, width(of: unique.count)) }
  return out.bytes
}

func encodeSparse(_ values: [Int], bits: Int, gapBits: Int, zeroPoints: [Int]) -> [UInt8] {
  let perChannel = values.count / zeroPoints.count
  var stored: [Int] = []
  var gaps: [Int] = []
  var run = 0
  for i in 0..<values.count {
    if values[i] == zeroPoints[i / perChannel] && run < 1 << gapBits - 1 {
      run += 1
    } else {
      stored.append(values[i])
      gaps.append(run)
      run = 0
    }
  }
  let unique = Set(stored).sorted()
  var out = BitString()
  out.append(gapBits, 8)
  out.append(stored.count, 32)
  out.append(unique.count == 1 << bits ? 0 : unique.count, bits)
  for v in unique { out.append(v + 1 << (bits - 1), bits) }
  for v in stored { out.append(unique.firstIndex(of: v)!, width(of: unique.count)) }
  for gap in gaps { out.append(gap, gapBits) }
  return out.bytes
}

func encodeHuffman(_ values: [Int]) -> [UInt8] {
  var counts: [Int: Int] = [128: 1]
  for v in values { counts[v, default: 0] += 1 }
  // Groups of keys that share the end of their codes, merged from the rarest two on.
  var groups = counts.map { (count: $0.value, codes: [$0.key: ""]) }
  if groups.count == 1 { groups[0].codes = [128: "0"] }
  while groups.count > 1 {
    groups.sort { ($0.count, $0.codes.keys.min()!) > ($1.count, $1.codes.keys.min()!) }
    let a = groups.removeLast()
    let b = groups.removeLast()
    let codes = a.codes.mapValues { "0" + $0 }.merging(b.codes.mapValues { "1" + $0 }) { x, _ in x }
    groups.append((a.count + b.count, codes))
  }
  let codes = groups[0].codes
  let keys = codes.keys.sorted()
  var out = BitString()
  for v in values + [128] { for c in codes[v]! { out.append(c == "1" ? 1 : 0, 1) } }
  return Array((keys.map { "\($0) " }.joined() + "#" + keys.map { codes[$0]! + " " }.joined() + "#").utf8) + out.bytes
}

/// An FSE bit string with its tables, before it is laid out.
struct EncodedFSE {
  var frequencies: [Int]
  var log: Int
  var bits = BitString()
  /// The state and the number of bits after each element.
  var restarts: [(state: Int, bits: Int)] = []
  /// Symbols in the order of the states.
  var spread: [Int]

  init(_ symbols: [Int], symbolCount: Int, log: Int) {
    let size = 1 << log
    self.log = log
    var counts = [Int](repeating: 0, count: symbolCount)
    for s in symbols { counts[s] += 1 }
    var frequencies = counts.map { $0 == 0 ? 0 : max(1, $0 * size / max(symbols.count, 1)) }
    while true {
      let sum = frequencies.reduce(0, +)
      if sum == size { break }
      let largest = frequencies.firstIndex(of: frequencies.max()!)!
      frequencies[largest] += sum < size ? 1 : -1
    }
    self.frequencies = frequencies
    var spread = [Int](repeating: -1, count: size)
    var at = 0
    for s in 0..<symbolCount {
      for _ in 0..<frequencies[s] {
        spread[at] = s
        at = (at + size / 2 + size / 8 + 3) % size
      }
    }
    self.spread = spread
    // The places of each symbol, in order: the k-th stands for the state frequency + k.
    var places = [[Int]](repeating: [], count: symbolCount)
    for i in 0..<size where spread[i] >= 0 { places[spread[i]].append(i) }
    var state = size
    for s in symbols {
      var n = 0
      while state >> n >= 2 * frequencies[s] { n += 1 }
      bits.append(state & (1 << n - 1), n)
      state = size + places[s][state >> n - frequencies[s]]
      restarts.append((state - size, bits.bits.count))
    }
    bits.append(state - size, log)
  }

  /// The bits as 64-bit words, the last with its bits at the top and their number.
  var words: (full: [UInt64], last: UInt64, lastBits: Int) {
    var words = [UInt64](repeating: 0, count: bits.bits.count / 64 + 1)
    for i in 0..<bits.bits.count { words[i / 64] |= UInt64(bits.bits[i]) << UInt64(63 - i % 64) }
    return (Array(words.dropLast()), words.last!, bits.bits.count % 64)
  }

  func payload(centroids: [UInt32], restartPoints: Int = 0) -> [UInt8] {
    func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8) }
    let (full, last, lastBits) = words
    var out = littleEndian([UInt16(frequencies.count), UInt16(log)]) + littleEndian([UInt32(full.count + 1)])
    out = padded(out + littleEndian(frequencies.map { UInt32($0) }))
    out = padded(out + littleEndian(centroids))
    out += littleEndian(full + [last]) + [UInt8(lastBits)]
    if restartPoints > 0 { out += [0, 0, 0] + littleEndian([UInt32(restartPoints)]) + littleEndian(points(restartPoints)) }
    return out
  }

  /// Restart points in the file's form.
  func points(_ count: Int) -> [UInt64] {
    (0..<count).map { j in
      let (state, n) = restarts[restarts.count * (j + 1) / count - 1]
      let word = UInt32(bitPattern: Int32(n / 64 - 1))
      return UInt64(word) << 32 | UInt64(state) << 16 | UInt64(n % 64)
    }
  }
}
