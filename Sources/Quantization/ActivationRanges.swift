import Graph

/// Collects the range of a tensor's values over the calibration data.
struct ActivationRange {
  private let method: QuantizationSettings.RangeMethod
  private let percentile: Double
  private var whole: QuantizedRange?
  /// Second pass. KL: absolute values between 0 and the largest one; REMOVAL_OUTLIER: values between the smallest and the largest one.
  private var histogram: [Double] = []

  private var bins: Int { method == .divergence ? 2048 : 16384 }
  /// KL cuts off at most this share of the values other than 0.
  private static let largestCut = 0.001

  init(_ settings: QuantizationSettings) {
    method = settings.rangeMethod
    percentile = settings.percentile
  }

  /// Whether the data must be run again for ``count(_:)``.
  static func needsSecondPass(_ settings: QuantizationSettings) -> Bool { settings.rangeMethod != .minMax }

  /// First pass, one sample.
  mutating func observe(_ values: UnsafeBufferPointer<Float>) {
    if values.isEmpty { return }
    let range = QuantizedRange(of: values)
    whole = whole?.union(range) ?? range
  }

  /// Second pass, one sample.
  mutating func count(_ values: UnsafeBufferPointer<Float>) {
    guard let whole else { return }
    if histogram.isEmpty { histogram = [Double](repeating: 0, count: bins) }
    let last = bins - 1
    if method == .divergence {
      let top = max(whole.minimum.magnitude, whole.maximum.magnitude)
      if !(top > 0) { return }
      let factor = Float(bins) / top
      // Zeros, of which rectifiers make many, are exact whatever the range is.
      for v in values where v.isFinite && v != 0 { histogram[min(Int(v.magnitude * factor), last)] += 1 }
    } else {
      let width = whole.maximum - whole.minimum
      if !(width > 0) { return }
      let factor = Float(bins) / width
      for v in values where v.isFinite { histogram[max(0, min(Int((v - whole.minimum) * factor), last))] += 1 }
    }
  }

  /// What the method makes of it.
  var range: QuantizedRange {
    guard let whole else { return QuantizedRange(minimum: 0, maximum: 0) }
    if histogram.isEmpty { return whole }
    switch method {
    case .minMax: return whole
    case .percentile:
      let allowed = histogram.reduce(0, +) * (1 - percentile)
      let step = (whole.maximum - whole.minimum) / Float(bins)
      let first = ActivationRange.first(histogram, beyond: allowed), last = ActivationRange.first(histogram.reversed(), beyond: allowed)
      return QuantizedRange(minimum: whole.minimum + Float(first) * step, maximum: whole.maximum - Float(last) * step)
    case .divergence:
      let top = max(whole.minimum.magnitude, whole.maximum.magnitude)
      // Values of one sign have all steps to themselves.
      let steps = whole.minimum >= 0 || whole.maximum <= 0 ? 255 : 128
      let kept = bins - ActivationRange.first(histogram.reversed(), beyond: histogram.reduce(0, +) * ActivationRange.largestCut)
      let bin = max(kept, Divergence.threshold(histogram, steps: steps))
      let limit = min((Float(bin) + 0.5) / Float(bins), 1) * top
      return QuantizedRange(minimum: max(whole.minimum, -limit), maximum: min(whole.maximum, limit))
    }
  }

  /// The first bin with which the sum exceeds `allowed`.
  private static func first(_ histogram: [Double], beyond allowed: Double) -> Int {
    var sum = 0.0
    for (i, n) in histogram.enumerated() {
      sum += n
      if sum > allowed { return i }
    }
    return 0
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
