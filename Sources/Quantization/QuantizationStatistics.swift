import Graph

/// What quantisation has done to each tensor, for the CSV files of `debug_info_save_path`.
struct QuantizationStatistics {
  struct Row {
    var name: String
    var kind: String
    var count: Int
    var minimum: Float, maximum: Float
    var bits: Int
    var scale: Double, zeroPoint: Int32
    var parameters: Int
    var cosine: Double
    /// Signal to quantisation noise in decibels.
    var ratio: Double
  }
  private(set) var rows: [Row] = []

  /// A weight of fixed width.
  mutating func add(_ tensor: Tensor, _ values: [Float], _ integers: [Int32], _ parameters: [QuantParam], _ layout: ChannelLayout) {
    var dequantised = [Float](repeating: 0, count: values.count)
    for i in 0..<values.count {
      let p = parameters[parameters.count == 1 ? 0 : i / layout.inner % layout.channels]
      let d = (Double(integers[i]) - Double(p.zeroPoint)) * p.scale
      dequantised[i] = Float(parameters.count == 1 ? d : d * Double(p.varianceCorrection) + Double(p.meanCorrection))
    }
    add(tensor.name, "weight", values, dequantised, parameters)
  }

  /// A weight in a float code.
  mutating func add(_ tensor: Tensor, _ values: [Float], _ dequantised: [Float]) { add(tensor.name, "weight", values, dequantised, []) }

  mutating func add(_ name: String, _ kind: String, _ values: [Float], _ others: [Float], _ parameters: [QuantParam]) {
    var comparison = Comparison()
    comparison.add(values, others)
    add(name, kind, comparison, parameters)
  }

  mutating func add(_ name: String, _ kind: String, _ comparison: Comparison, _ parameters: [QuantParam]) {
    rows.append(
      Row(
        name: name, kind: kind, count: comparison.count, minimum: comparison.minimum, maximum: comparison.maximum,
        bits: Int(parameters.first?.bits ?? 32), scale: parameters.first?.scale ?? 1, zeroPoint: parameters.first?.zeroPoint ?? 0,
        parameters: parameters.count, cosine: comparison.cosine, ratio: comparison.ratio))
  }

  /// One line per tensor, after a line with the columns' names. Scale and zero point are those of the first channel.
  var csv: String {
    var text = "name,kind,elements,min,max,bits,scale,zero_point,parameters,cosine,sqnr_db\n"
    for r in rows {
      let name = r.name.contains(where: { $0 == "," || $0 == "\"" }) ? "\"\(r.name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\""))\"" : r.name
      text += "\(name),\(r.kind),\(r.count),\(r.minimum),\(r.maximum),\(r.bits),\(r.scale),\(r.zeroPoint),\(r.parameters),\(r.cosine),\(r.ratio)\n"
    }
    return text
  }
}

/// Sums over pairs of values, the exact one and the approximate one.
struct Comparison {
  private(set) var count = 0
  private(set) var minimum: Float = 0, maximum: Float = 0
  private var exact = 0.0, approximate = 0.0, product = 0.0, noise = 0.0

  mutating func add(_ values: some Collection<Float>, _ others: some Collection<Float>) {
    for (a, b) in zip(values, others) where a.isFinite && b.isFinite {
      if count == 0 || a < minimum { minimum = a }
      if count == 0 || a > maximum { maximum = a }
      count += 1
      let x = Double(a), y = Double(b)
      exact += x * x
      approximate += y * y
      product += x * y
      noise += (x - y) * (x - y)
    }
  }

  /// 1 for equal directions (and for two zeros).
  var cosine: Double { exact > 0 && approximate > 0 ? product / (exact * approximate).squareRoot() : exact == approximate ? 1 : 0 }
  /// Decibels; 999 when nothing is lost.
  var ratio: Double { noise > 0 && exact > 0 ? 10 * logarithm10(exact / noise) : 999 }
}
