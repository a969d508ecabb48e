import Graph
import ModelFile

/// Weights as multiples of a step in an entropy code: as many bits per tensor as an error asks for.
enum MixedBits {
  /// The step at which the mean of the channels' relative errors is `error`: the root of the squared differences over that of the
  /// squared values. nil for constants without values other than 0.
  static func step(_ values: [Float], _ layout: ChannelLayout, error: Double) -> Float? {
    var energy = [Double](repeating: 0, count: layout.channels)
    var largest: Float = 0
    for i in 0..<values.count {
      energy[i / layout.inner % layout.channels] += Double(values[i]) * Double(values[i])
      largest = max(largest, values[i].magnitude)
    }
    if !(largest > 0 && largest < .infinity) { return nil }
    var low: Float = largest / 32000, high: Float = largest
    for _ in 0..<20 {
      let middle = (low * high).squareRoot()
      if relativeError(values, layout, energy, middle) > error { high = middle } else { low = middle }
    }
    return low
  }

  private static func relativeError(_ values: [Float], _ layout: ChannelLayout, _ energy: [Double], _ step: Float) -> Double {
    var lost = [Double](repeating: 0, count: layout.channels)
    let inverse = 1 / step
    for i in 0..<values.count {
      let difference = Double((values[i] * inverse).rounded() * step - values[i])
      lost[i / layout.inner % layout.channels] += difference * difference
    }
    var sum = 0.0, channels = 0
    for (l, e) in zip(lost, energy) where e > 0 {
      sum += (l / e).squareRoot()
      channels += 1
    }
    return channels == 0 ? 0 : sum / Double(channels)
  }

  /// The multiples and their code; nil when the code cannot hold them.
  static func encode(_ values: [Float], step: Float) -> (integers: [Int32], form: PackedConstant)? {
    let inverse = 1 / step
    var integers = [Int32]()
    integers.reserveCapacity(values.count)
    for v in values {
      let q = (v * inverse).rounded()
      guard q.magnitude < 32768 else { return nil }
      integers.append(Int32(q))
    }
    let histogram = IntegerPacking.Histogram(integers, bits: 16)
    guard let code = FSEEncoder(counts: histogram.counts, total: values.count) else { return nil }
    let payload = code.payload(
      integers.map { histogram.place($0) }, values: histogram.symbols.map { (Float($0) * step).bitPattern })
    return (integers, PackedConstant(bytes: payload, compression: 3))
  }
}
