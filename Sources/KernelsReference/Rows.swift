import CKernels
import CSystem

/// Reductions, softmax and normalisation in double precision.

private func start(_ op: Int32) -> Double {
  switch MSReduce(rawValue: UInt32(bitPattern: op)) {
  case MS_REDUCE_MAX: return -.infinity
  case MS_REDUCE_MIN: return .infinity
  case MS_REDUCE_PROD: return 1
  default: return 0
  }
}

private func step(_ op: Int32, _ total: Double, _ x: Double) -> Double {
  switch MSReduce(rawValue: UInt32(bitPattern: op)) {
  case MS_REDUCE_MAX: return total > x ? total : x
  case MS_REDUCE_MIN: return total < x ? total : x
  case MS_REDUCE_PROD: return total * x
  case MS_REDUCE_SUM_SQUARE: return total + x * x
  case MS_REDUCE_SUM_ABS: return total + x.magnitude
  default: return total + x
  }
}

/// `MSKernels.reduce_rows`.
func reduceRows(_ op: Int32, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ n: Int) {
  for r in 0..<rows {
    var total = start(op)
    for i in 0..<n { total = step(op, total, Double(x[r * n + i])) }
    y[r] = Float(total)
  }
}

/// `MSKernels.reduce_columns`.
func reduceColumns(
  _ op: Int32, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ columns: Int, _ stride: Int
) {
  for c in 0..<columns {
    var total = start(op)
    for r in 0..<rows { total = step(op, total, Double(x[r * stride + c])) }
    y[c] = Float(total)
  }
}

/// `MSKernels.softmax`.
func softmax(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ n: Int, _ log: Int32) {
  softmaxStrided(x, y, rows, n, 1, log)
}

/// `MSKernels.softmax_strided`.
func softmaxStrided(
  _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ outer: Int, _ n: Int, _ inner: Int, _ log: Int32
) {
  for o in 0..<outer {
    for i in 0..<inner {
      let base = o * n * inner + i
      var peak = -Double.infinity
      for k in 0..<n { peak = fmax(peak, Double(x[base + k * inner])) }
      var total = 0.0
      for k in 0..<n { total += exp(Double(x[base + k * inner]) - peak) }
      for k in 0..<n {
        let shifted = Double(x[base + k * inner]) - peak
        y[base + k * inner] = Float(log == 0 ? exp(shifted) / total : shifted - CSystem.log(total))
      }
    }
  }
}

/// `MSKernels.layer_norm`.
func layerNorm(
  _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>?, _ beta: UnsafePointer<Float>?,
  _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ n: Int, _ epsilon: Float, _ meanOut: UnsafeMutablePointer<Float>?,
  _ varOut: UnsafeMutablePointer<Float>?
) {
  if n == 0 { return }
  for r in 0..<rows {
    var sum = 0.0, squares = 0.0
    for i in 0..<n { sum += Double(x[r * n + i]) }
    let mean = sum / Double(n)
    for i in 0..<n { squares += (Double(x[r * n + i]) - mean) * (Double(x[r * n + i]) - mean) }
    let variance = squares / Double(n)
    if let meanOut { meanOut[r] = Float(mean) }
    if let varOut { varOut[r] = Float(variance) }
    for i in 0..<n {
      let scale = gamma.map { Double($0[i]) } ?? 1, shift = beta.map { Double($0[i]) } ?? 0
      y[r * n + i] = Float((Double(x[r * n + i]) - mean) / sqrt(variance + Double(epsilon)) * scale + shift)
    }
  }
}
