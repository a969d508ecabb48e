import CSystem
import Graph
import System

// Attributes: 0 freq_upper_limit: float, Hz; 1 freq_lower_limit: float, Hz; 2 filter_bank_channel_num: int; 3 dct_coeff_num: int.
// Inputs: spectrogram [channels, windows, bins] float32 (squared magnitudes); sample rate, one int32, Hz.

/// TensorFlow's mel-frequency cepstral coefficients, float32 [channels, windows, dct_coeff_num].
///
/// The filter bank has triangles whose centres lie evenly on the mel scale 1127 ln(1 + f / 700) between the limits; a bin gives
/// the root of its value to the two triangles around it. The logarithm of each sum (at least 1e-12) goes through the orthogonal
/// cosine transform sqrt(2 / n) cos(pi / n * i * (j + 1 / 2)), of which the first coefficients are kept.
final class MfccOperator: Operator {
  private let upper: Double, lower: Double
  private let filters: Int, coefficients: Int

  override init(_ node: Node) throws(EngineError) {
    let a = node.attributes
    upper = Double(a.float(0, 0))
    lower = Double(a.float(1, 0))
    filters = a.int(2, 0)
    coefficients = a.int(3, 0)
    try super.init(node)
    if !(lower >= 0 && upper > lower && upper < 1e9) {
      throw EngineError(.parameterInvalid, "freq_upper_limit must be greater than freq_lower_limit, and that not negative")
    }
    if filters < 1 || filters > 1 << 12 || coefficients < 1 || coefficients > filters {
      throw EngineError(
        .parameterInvalid,
        "filter_bank_channel_num is \(filters) and dct_coeff_num \(coefficients); 1 to 4096, and at most as many coefficients, are accepted")
    }
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .int32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    let x = inputs[0].shape
    if inputs[1].count != 1 { throw EngineError(.inferError, "the sample rate (\(inputs[1])) must be one number") }
    if x[2] < 2 || x[2] > 1 << 26 {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) must have 2 to \(1 << 26) bins")
    }
    try setOutput(0, .float32, [x[0], x[1], coefficients])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let bins = inputs[0].shape[2]
    // Weight and triangle of every bin, cosines, and one row of sums for each worker.
    workspaceBytes = (2 * bins + filters * (coefficients + context.threads)) * 8
  }

  private func mel(_ frequency: Double) -> Double { 1127 * log1p(frequency / 700) }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let rate = inputs[1].pointer(Int32.self).pointee
    if rate < 1 { throw EngineError(.error, "the sample rate is \(rate); it must be positive") }
    let bins = inputs[0].shape[2], rows = outputs[0].count / coefficients
    if rows == 0 { return }
    let weights = context.workspace.assumingMemoryBound(to: Double.self), bands = weights + bins
    let cosines = bands + bins
    let hertzPerBin = 0.5 * Double(rate) / Double(bins - 1)
    let start = Int(min(1.5 + lower / hertzPerBin, Double(bins))), end = min(Int(min(upper / hertzPerBin, 1e9)), bins - 1)
    let low = mel(lower), spacing = (mel(upper) - low) / Double(filters + 1)
    func centre(_ i: Int) -> Double { low + spacing * Double(i + 1) }
    var band = 0
    for i in 0..<bins {
      if i < start || i > end { continue }
      let m = mel(Double(i) * hertzPerBin)
      while band < filters && centre(band) < m { band += 1 }
      bands[i] = Double(band - 1)
      // centre(-1) is the lower limit.
      weights[i] = (centre(band) - m) / (centre(band) - centre(band - 1))
    }
    let norm = (2 / Double(filters)).squareRoot()
    for i in 0..<coefficients {
      for j in 0..<filters {
        cosines[i * filters + j] = norm * cos(Double(i) * Double.pi / Double(filters) * (Double(j) + 0.5))
      }
    }
    context.parallel(
      rows,
      Job(
        x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, weights: weights, bands: bands, cosines: cosines,
        sums: cosines + filters * coefficients, bins: bins, start: start, end: end, filters: filters,
        coefficients: coefficients))
  }

  /// One window.
  private struct Job: ParallelJob {
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let weights: UnsafePointer<Double>, bands: UnsafePointer<Double>, cosines: UnsafePointer<Double>
    let sums: UnsafeMutablePointer<Double>
    let bins: Int, start: Int, end: Int, filters: Int, coefficients: Int
    func run(_ index: Int, worker: Int) {
      let row = x + index * bins, sum = sums + worker * filters
      for j in 0..<filters { sum[j] = 0 }
      var i = start
      while i <= end {
        let value = Double(row[i]).squareRoot(), part = value * weights[i]
        let band = Int(bands[i])
        if band >= 0 { sum[band] += part }
        if band + 1 < filters { sum[band + 1] += value - part }
        i += 1
      }
      for j in 0..<filters { sum[j] = log(sum[j] < 1e-12 ? 1e-12 : sum[j]) }
      for k in 0..<coefficients {
        var total = 0.0
        for j in 0..<filters { total += cosines[k * filters + j] * sum[j] }
        y[index * coefficients + k] = Float(total)
      }
    }
  }
}
