import Graph

/// Collects the range of a tensor's values over the calibration data.
struct ActivationRange {
  private let method: QuantizationSettings.RangeMethod
  private let percentile: Double
  private var whole: QuantizedRange?
  private var low = 0.0, high = 0.0, samples = 0
  /// KL: absolute values between 0 and the largest one.
  private var histogram: [Double] = []

  static let bins = 2048

  init(_ settings: QuantizationSettings) {
    method = settings.rangeMethod
    percentile = settings.percentile
  }

  /// Whether the data must be run again for ``count(_:)``.
  static func needsSecondPass(_ settings: QuantizationSettings) -> Bool { settings.rangeMethod == .divergence }

  /// First pass, one sample.
  mutating func observe(_ values: UnsafeBufferPointer<Float>) {
    if values.isEmpty { return }
    let range = QuantizedRange(of: values)
    whole = whole?.union(range) ?? range
    if method == .percentile {
      let (a, b) = quantiles(values, range)
      low += a
      high += b
      samples += 1
    }
  }

  /// The values that a share 1 - percentile of the others lies below and above.
  private func quantiles(_ values: UnsafeBufferPointer<Float>, _ range: QuantizedRange) -> (Double, Double) {
    let width = range.maximum - range.minimum
    if !(width > 0) { return (Double(range.minimum), Double(range.maximum)) }
    let n = 8192
    var counts = [Int](repeating: 0, count: n)
    let factor = Float(n) / width
    for v in values where v.isFinite { counts[min(Int((v - range.minimum) * factor), n - 1)] += 1 }
    let allowed = Int(Double(values.count) * (1 - percentile))
    var first = 0, last = n - 1, below = counts[0], above = counts[n - 1]
    while below <= allowed && first < last {
      first += 1
      below += counts[first]
    }
    while above <= allowed && last > first {
      last -= 1
      above += counts[last]
    }
    let step = Double(width) / Double(n)
    return (Double(range.minimum) + Double(first) * step, Double(range.minimum) + Double(last + 1) * step)
  }

  /// Second pass, one sample.
  mutating func count(_ values: UnsafeBufferPointer<Float>) {
    guard let whole else { return }
    if histogram.isEmpty { histogram = [Double](repeating: 0, count: ActivationRange.bins) }
    let top = max(whole.minimum.magnitude, whole.maximum.magnitude)
    if !(top > 0) { return }
    let factor = Float(ActivationRange.bins) / top
    for v in values where v.isFinite { histogram[min(Int(v.magnitude * factor), ActivationRange.bins - 1)] += 1 }
  }

  /// What the method makes of it.
  var range: QuantizedRange {
    guard let whole else { return QuantizedRange(minimum: 0, maximum: 0) }
    switch method {
    case .minMax: return whole
    case .percentile: return QuantizedRange(minimum: Float(low / Double(max(samples, 1))), maximum: Float(high / Double(max(samples, 1))))
    case .divergence:
      let top = max(whole.minimum.magnitude, whole.maximum.magnitude)
      // Values of one sign have all steps to themselves.
      let steps = whole.minimum >= 0 || whole.maximum <= 0 ? 255 : 128
      let bin = Divergence.threshold(histogram, steps: steps)
      let limit = (Float(bin) + 0.5) * top / Float(ActivationRange.bins)
      return QuantizedRange(minimum: max(whole.minimum, -limit), maximum: min(whole.maximum, limit))
    }
  }
}

/// The threshold whose quantised distribution lies closest to the real one (Kullback-Leibler divergence).
enum Divergence {
  static func threshold(_ histogram: [Double], steps: Int) -> Int {
    let n = histogram.count
    let total = histogram.reduce(0, +)
    if !(total > 0) { return n }
    var least = Double.infinity, best = n
    var inside = histogram[0..<min(steps, n)].reduce(0, +)
    for end in steps...n {
      if end > steps { inside += histogram[end - 1] }
      let divergence = divergence(histogram, end: end, outside: total - inside, steps: steps)
      if divergence < least {
        least = divergence
        best = end
      }
    }
    return best
  }

  /// Of the bins before `end`, the last one taking what lies outside, from the same bins merged into `steps`.
  private static func divergence(_ histogram: [Double], end: Int, outside: Double, steps: Int) -> Double {
    var total = 0.0, merged = 0.0
    for i in 0..<end { merged += histogram[i] }
    total = merged + outside
    if !(merged > 0) { return .infinity }
    var sum = 0.0
    for s in 0..<steps {
      let from = s * end / steps, to = (s + 1) * end / steps
      var mass = 0.0, used = 0
      for i in from..<to where histogram[i] > 0 {
        mass += histogram[i]
        used += 1
      }
      if used == 0 { continue }
      let q = mass / Double(used) / merged
      for i in from..<to {
        let count = histogram[i] + (i == end - 1 ? outside : 0)
        if count > 0 && histogram[i] > 0 { sum += count / total * logarithm2(count / total / q) }
      }
    }
    // The last bin may have been empty: what lies outside has no place then.
    if outside > 0 && histogram[end - 1] == 0 { sum += outside / total * logarithm2(outside / total * merged * 1e6) }
    return sum
  }
}
