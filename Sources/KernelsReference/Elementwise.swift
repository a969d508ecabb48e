import CKernels
import CSystem

/// Functions of one and two variables, straight from libm in double precision.

/// a > b ? a : b, the comparison that all tables share: a NaN in b passes through.
func larger(_ a: Float, _ b: Float) -> Float { a > b ? a : b }

/// a < b ? a : b.
func smaller(_ a: Float, _ b: Float) -> Float { a < b ? a : b }

/// min(max(x, lo), hi); NaN stays NaN.
func clamped(_ x: Float, _ lo: Float, _ hi: Float) -> Float { smaller(hi, larger(lo, x)) }

/// One `MSUnary` with parameters a and b, applied to x.
func activated(_ op: Int32, _ x: Float, _ a: Float, _ b: Float) -> Float {
  let d = Double(x)
  switch MSUnary(rawValue: UInt32(bitPattern: op)) {
  case MS_UNARY_CLAMP: return clamped(x, a, b)
  case MS_UNARY_LEAKY_RELU: return x > 0 ? x : a * x
  case MS_UNARY_SIGMOID: return Float(1 / (1 + exp(-d)))
  case MS_UNARY_TANH: return Float(tanh(d))
  case MS_UNARY_HSWISH: return x * clamped(x + 3, 0, 6) / 6
  case MS_UNARY_HSIGMOID: return clamped(x + 3, 0, 6) / 6
  case MS_UNARY_ELU: return x > 0 ? x : Float(Double(a) * expm1(d))
  case MS_UNARY_SWISH: return Float(d / (1 + exp(-d)))
  case MS_UNARY_GELU: return Float(0.5 * d * (1 + erf(d * 0.70710678118654752)))
  case MS_UNARY_GELU_TANH: return Float(0.5 * d * (1 + tanh(0.79788456 * d + 0.035677408 * d * d * d)))
  case MS_UNARY_SOFTPLUS: return Float(fmax(d, 0) + log1p(exp(-fabs(d))))
  case MS_UNARY_ABS: return x.magnitude
  case MS_UNARY_NEG: return -x
  case MS_UNARY_SQRT: return Float(sqrt(d))
  case MS_UNARY_RSQRT: return Float(1 / sqrt(d))
  case MS_UNARY_SQUARE: return x * x
  case MS_UNARY_EXP: return Float(exp(Double(a) * d + Double(b)))
  case MS_UNARY_LOG: return Float(log(d))
  case MS_UNARY_SIN: return Float(sin(d))
  case MS_UNARY_COS: return Float(cos(d))
  case MS_UNARY_FLOOR: return Float(floor(d))
  case MS_UNARY_CEIL: return Float(ceil(d))
  case MS_UNARY_ROUND: return Float(rint(d))
  case MS_UNARY_RECIPROCAL: return 1 / x
  case MS_UNARY_ERF: return Float(erf(d))
  case MS_UNARY_AFFINE: return Float(Double(a) * d + Double(b))
  default: return x
  }
}

/// `MSKernels.unary`.
func unary(_ op: Int32, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int, _ a: Float, _ b: Float) {
  for i in 0..<n { y[i] = activated(op, x[i], a, b) }
}

private func combined(_ op: Int32, _ a: Float, _ b: Float) -> Float {
  switch MSBinary(rawValue: UInt32(bitPattern: op)) {
  case MS_BINARY_SUB: return a - b
  case MS_BINARY_MUL: return a * b
  case MS_BINARY_DIV: return a / b
  case MS_BINARY_MAX: return larger(a, b)
  case MS_BINARY_MIN: return smaller(a, b)
  case MS_BINARY_SQUARED_DIFFERENCE: return (a - b) * (a - b)
  case MS_BINARY_FLOOR_DIV: return Float(floor(Double(a / b)))
  case MS_BINARY_FLOOR_MOD: return a - Float(floor(Double(a / b))) * b
  case MS_BINARY_MOD: return Float(fmod(Double(a), Double(b)))
  default: return a + b
  }
}

/// `MSKernels.binary`.
func binary(
  _ op: Int32, _ a: UnsafePointer<Float>, _ aStep: Int, _ b: UnsafePointer<Float>, _ bStep: Int,
  _ y: UnsafeMutablePointer<Float>, _ n: Int, _ act: Int32, _ lo: Float, _ hi: Float
) {
  // A broadcast operand may be overwritten when y is that operand: take its value first.
  if n == 0 { return }
  let a0 = a[0], b0 = b[0]
  for i in 0..<n {
    y[i] = activated(act, combined(op, aStep == 0 ? a0 : a[i], bStep == 0 ? b0 : b[i]), lo, hi)
  }
}

/// `MSKernels.compare_f32`.
func compareFloats(
  _ op: Int32, _ a: UnsafeRawPointer, _ aStep: Int, _ b: UnsafeRawPointer, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  compare(op, a.assumingMemoryBound(to: Float.self), aStep, b.assumingMemoryBound(to: Float.self), bStep, y, n)
}

/// `MSKernels.compare_i32`.
func compareInt32s(
  _ op: Int32, _ a: UnsafeRawPointer, _ aStep: Int, _ b: UnsafeRawPointer, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  compare(op, a.assumingMemoryBound(to: Int32.self), aStep, b.assumingMemoryBound(to: Int32.self), bStep, y, n)
}

private func compare<T: Comparable>(
  _ op: Int32, _ a: UnsafePointer<T>, _ aStep: Int, _ b: UnsafePointer<T>, _ bStep: Int, _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  for i in 0..<n {
    let p = a[i * aStep], q = b[i * bStep]
    let holds: Bool
    switch MSCompare(rawValue: UInt32(bitPattern: op)) {
    case MS_COMPARE_NOT_EQUAL: holds = p != q
    case MS_COMPARE_LESS: holds = p < q
    case MS_COMPARE_LESS_EQUAL: holds = p <= q
    default: holds = p == q
    }
    y[i] = holds ? 1 : 0
  }
}

/// `MSKernels.scale_bias`.
func scaleBias(
  _ x: UnsafePointer<Float>, _ scale: UnsafePointer<Float>?, _ bias: UnsafePointer<Float>?,
  _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ channels: Int, _ act: Int32, _ a: Float, _ b: Float
) {
  for r in 0..<rows {
    for c in 0..<channels {
      let factor = scale.map { Double($0[c]) } ?? 1, shift = bias.map { Double($0[c]) } ?? 0
      y[r * channels + c] = activated(act, Float(Double(x[r * channels + c]) * factor + shift), a, b)
    }
  }
}

/// `MSKernels.prelu`.
func prelu(
  _ x: UnsafePointer<Float>, _ slope: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ rows: Int, _ channels: Int
) {
  for r in 0..<rows {
    for c in 0..<channels {
      let value = x[r * channels + c]
      y[r * channels + c] = value > 0 ? value : value * slope[c]
    }
  }
}

/// `MSKernels.lstm_step`.
func lstmStep(
  _ gates: UnsafePointer<Float>, _ stride: Int, _ c: UnsafeMutablePointer<Float>, _ h: UnsafeMutablePointer<Float>, _ n: Int,
  _ zoneoutC: Float, _ zoneoutH: Float
) {
  func sigmoid(_ x: Float) -> Double { 1 / (1 + exp(-Double(x))) }
  for i in 0..<n {
    let old = Double(c[i])
    let new = sigmoid(gates[2 * stride + i]) * old + sigmoid(gates[i]) * tanh(Double(gates[3 * stride + i]))
    let result = sigmoid(gates[stride + i]) * tanh(new)
    c[i] = Float(Double(zoneoutC) * old + (1 - Double(zoneoutC)) * new)
    h[i] = zoneoutH == 0 ? Float(result) : Float(Double(zoneoutH) * Double(h[i]) + (1 - Double(zoneoutH)) * result)
  }
}

/// `MSKernels.lerp`.
func lerp(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ t: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  for i in 0..<n { y[i] = Float((1 - Double(t)) * Double(a[i]) + Double(t) * Double(b[i])) }
}
