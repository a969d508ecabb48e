import Graph

/// A range of real numbers and the integers that stand for them.
struct QuantizedRange {
  var minimum: Float
  var maximum: Float

  /// The parameters of `bits` signed bits: from 1 - 2^(b-1), or from -2^(b-1) if not symmetric.
  ///
  /// As the original computes them: the range is widened to hold 0, which is then moved onto a step, in these precisions.
  func parameters(bits: Int, symmetric: Bool) -> QuantParam {
    var low = minimum, high = maximum
    if high - low < 1e-10 { high = low + 1e-10 }
    if symmetric {
      let m = max(abs(low), abs(high))
      low = -m
      high = m
    }
    low = min(low, 0)
    high = max(high, 0)
    let top = QuantizedRange.largest(bits), bottom = QuantizedRange.smallest(bits, symmetric: symmetric)
    let steps = Double(top - bottom)
    let step = Double(high - low) / steps
    let zero = QuantizedRange.rounded(-Double(low) / step)
    low = Float(-zero * step)
    high = Float((steps - zero) * step)
    let scale = Double((high - low) / Float(steps))
    let zeroPoint = QuantizedRange.rounded(Double(bottom) - Double(low) / scale)
    return QuantParam(
      scale: scale, zeroPoint: Int32(max(Double(bottom), min(zeroPoint, Double(top)))), bits: Int32(bits), varianceCorrection: 1,
      meanCorrection: 0)
  }

  static func largest(_ bits: Int) -> Int { 1 << (bits - 1) - 1 }
  static func smallest(_ bits: Int, symmetric: Bool) -> Int { symmetric && bits > 1 ? 1 - 1 << (bits - 1) : -1 << (bits - 1) }

  /// Halves away from zero.
  static func rounded(_ value: Double) -> Double { value.rounded(.toNearestOrAwayFromZero) }

  /// The range of some values; those that are not finite are left out.
  init(of values: UnsafeBufferPointer<Float>) {
    minimum = 0
    maximum = 0
    var isFirst = true
    for v in values where v.isFinite {
      if isFirst || v < minimum { minimum = v }
      if isFirst || v > maximum { maximum = v }
      isFirst = false
    }
  }

  init(minimum: Float, maximum: Float) {
    self.minimum = minimum
    self.maximum = maximum
  }

  func scaled(by factor: Float) -> QuantizedRange { QuantizedRange(minimum: minimum * factor, maximum: maximum * factor) }
  func union(_ other: QuantizedRange) -> QuantizedRange {
    QuantizedRange(minimum: min(minimum, other.minimum), maximum: max(maximum, other.maximum))
  }
}

extension QuantParam {
  /// The integer that stands for `value` among `bottom...top`.
  @inline(__always)
  func quantized(_ value: Float, _ bottom: Double, _ top: Double) -> Int32 {
    if scale <= 1e-38 { return 0 }
    let q = (Double(value) / scale + Double(zeroPoint)).rounded(.toNearestOrAwayFromZero)
    return q >= top ? Int32(top) : q >= bottom ? Int32(q) : Int32(bottom)
  }

  /// The sum of the squared differences between values and what their integers stand for.
  func squaredError(_ values: UnsafeBufferPointer<Float>, symmetric: Bool) -> Double {
    let top = Float(QuantizedRange.largest(Int(bits))), bottom = Float(QuantizedRange.smallest(Int(bits), symmetric: symmetric))
    let inverse = Float(1 / scale), step = Float(scale), zero = Float(zeroPoint)
    var total = 0.0
    var start = 0
    while start < values.count {
      // Sums of blocks keep float32's precision.
      let end = min(start + 1024, values.count)
      var sum: Float = 0
      for i in start..<end {
        let q = max(bottom, min((values[i] * inverse + zero).rounded(.toNearestOrEven), top))
        let difference = (q - zero) * step - values[i]
        sum += difference * difference
      }
      total += Double(sum)
      start = end
    }
    return total
  }
}
