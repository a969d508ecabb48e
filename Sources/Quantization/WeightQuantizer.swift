import ConverterCore
import Graph
import ModelFile

/// Weight quantisation: constants become integers of 1 to 16 bits, which the engine turns back into real numbers when it loads the model.
struct WeightQuantizer {
  let model: ModelBuilder
  let settings: QuantizationSettings
  var statistics = QuantizationStatistics()

  init(_ model: ModelBuilder, _ settings: QuantizationSettings) {
    self.model = model
    self.settings = settings
  }

  mutating func run() throws(EngineError) {
    let targets = WeightTargets.find(model.graphs.map { $0.graph }, settings, WeightTargets.weightInputs).filter { isLarge($0) }
    if targets.isEmpty {
      model.report.warn("no weight is quantised: none is larger than min_quant_weight_size and min_quant_weight_channel ask for")
    }
    for target in targets {
      if settings.bits == 0, try mix(target, error: settings.initialScale) { continue }
      try quantise(target, bits: settings.bits == 0 ? 8 : settings.bits)
    }
  }

  private func isLarge(_ target: WeightTarget) -> Bool {
    if target.tensor.count <= settings.minimumSize { return false }
    return !target.isConvolution || target.tensor.shape[target.axis] > settings.minimumChannels
  }

  /// Fixed width.
  mutating func quantise(_ target: WeightTarget, bits: Int) throws(EngineError) {
    let tensor = target.tensor
    let values = tensor.realValues()
    let channels = settings.perChannel ? tensor.shape[target.axis] : 1
    let perChannel = values.count / max(channels, 1)
    // The parameters of such short channels would take more than their elements give back.
    if channels > 1 && 256 / (32 - bits) >= perChannel { return }
    let layout = ChannelLayout(tensor.shape, axis: channels > 1 ? target.axis : nil)
    var integers = [Int32](repeating: 0, count: values.count)
    var parameters = [QuantParam]()
    var scratch = [Float](repeating: 0, count: perChannel)
    for c in 0..<channels {
      layout.gather(values, channel: c, into: &scratch)
      var p = RangeSearch.parameters(scratch, bits: bits, symmetric: false)
      let top = Double(QuantizedRange.largest(bits)), bottom = Double(QuantizedRange.smallest(bits, symmetric: false))
      let q = scratch.map { p.quantized($0, bottom, top) }
      // Readers apply corrections to the per-channel form only.
      if settings.correctsBias && channels > 1 { WeightQuantizer.correct(&p, scratch, q) }
      layout.scatter(q, channel: c, into: &integers)
      parameters.append(p)
    }
    let form = IntegerPacking.smallest(
      integers, bits: bits, zeroPoints: parameters.map { $0.zeroPoint }, compresses: settings.compresses)
    statistics.add(tensor, values, integers, parameters, layout)
    tensor.quantParams = parameters
    if bits <= 8 {
      try tensor.replace(.int8, with: integers.map { Int8(truncatingIfNeeded: $0) })
    } else {
      try tensor.replace(.int16, with: integers.map { Int16(truncatingIfNeeded: $0) })
    }
    if let form { model.pack(tensor, form) }
    for node in target.readers { node.quantType = 4 }
  }

  /// The line d * gain + shift through the dequantised values d that lies closest to the values, in the sense of least squares: it
  /// takes the mean error away, and more.
  static func correct(_ p: inout QuantParam, _ values: [Float], _ q: [Int32]) {
    let n = Double(values.count)
    var sumW = 0.0, sumD = 0.0, sumDD = 0.0, sumWD = 0.0
    for i in 0..<values.count {
      let w = Double(values[i]), d = (Double(q[i]) - Double(p.zeroPoint)) * p.scale
      sumW += w
      sumD += d
      sumDD += d * d
      sumWD += w * d
    }
    let variance = sumDD - sumD * sumD / n, covariance = sumWD - sumW * sumD / n
    var gain = variance > 0 ? covariance / variance : 1
    // Readers take gains outside of this range for 1.
    if !(gain > 0 && gain < 10) { gain = 1 }
    p.varianceCorrection = Float(gain)
    p.meanCorrection = Float(sumW / n - Double(p.varianceCorrection) * sumD / n)
  }

  /// Mixed bits: multiples of a step of the tensor's own, chosen so that the error is `error` of the values' magnitude, in an entropy
  /// code. false when that would not be smaller than 8 bits.
  mutating func mix(_ target: WeightTarget, error: Double) throws(EngineError) -> Bool {
    let tensor = target.tensor
    let values = tensor.realValues()
    guard let step = MixedBits.step(values, ChannelLayout(tensor.shape, axis: target.axis), error: error),
      let (integers, form) = MixedBits.encode(values, step: step), form.bytes.count < values.count
    else { return false }
    let dequantised = integers.map { Float($0) * step }
    statistics.add(tensor, values, dequantised)
    try tensor.replace(.float32, with: dequantised)
    model.pack(tensor, form)
    return true
  }
}

/// Where the elements of one entry of an axis lie.
struct ChannelLayout {
  let outer: Int, channels: Int, inner: Int

  /// `axis` nil: all elements are one channel.
  init(_ shape: Shape, axis: Int?) {
    guard let axis else {
      (outer, channels, inner) = (1, 1, shape.count)
      return
    }
    outer = shape.product(0..<axis)
    channels = shape[axis]
    inner = shape.product(axis + 1..<shape.rank)
  }

  func gather(_ values: [Float], channel: Int, into out: inout [Float]) {
    for o in 0..<outer {
      let from = (o * channels + channel) * inner
      for i in 0..<inner { out[o * inner + i] = values[from + i] }
    }
  }

  func scatter(_ values: [Int32], channel: Int, into out: inout [Int32]) {
    for o in 0..<outer {
      let to = (o * channels + channel) * inner
      for i in 0..<inner { out[to + i] = values[o * inner + i] }
    }
  }
}

/// The range whose integers come closest to some values.
enum RangeSearch {
  /// Cutting the rarest values off makes the steps finer; of a few cuts the one with the least squared error is taken. With 12 bits and
  /// more nothing is to be gained.
  static func parameters(_ values: [Float], bits: Int, symmetric: Bool) -> QuantParam {
    values.withUnsafeBufferPointer { values in
      let range = QuantizedRange(of: values)
      var best = range.parameters(bits: bits, symmetric: symmetric)
      if bits >= 12 || values.count < 8 { return best }
      var least = best.squaredError(values, symmetric: symmetric)
      let floor: Float = bits <= 4 ? 0.3 : bits <= 6 ? 0.5 : 0.75
      var cut: Float = 0.96
      while cut > floor {
        let candidate = range.scaled(by: cut).parameters(bits: bits, symmetric: symmetric)
        let error = candidate.squaredError(values, symmetric: symmetric)
        if error < least {
          least = error
          best = candidate
        }
        cut -= 0.04
      }
      return best
    }
  }
}
