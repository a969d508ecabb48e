import CKernels

/// A function of one variable with its parameters, applied to whole vectors. One struct per member of `MSUnary`.
protocol UnaryFunction {
  func apply(_ x: Vec) -> Vec
}

struct Clamp: UnaryFunction {
  let lo: Vec, hi: Vec
  @inline(always) func apply(_ x: Vec) -> Vec { clamp(x, lo, hi) }
}
struct Identity: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { x }
}
struct LeakyRelu: UnaryFunction {
  let slope: Vec
  @inline(always) func apply(_ x: Vec) -> Vec { select(x .> .zero, x, x * slope) }
}
struct Sigmoid: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { sigmoid(x) }
}
struct Tanh: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { hyperbolicTangent(x) }
}
struct HardSwish: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { x * clamp(x + 3, .zero, splat(6)) * splat(1 / 6) }
}
struct HardSigmoid: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { clamp(x + 3, .zero, splat(6)) * splat(1 / 6) }
}
/// exp(x) - 1 cancels near zero: absolute error 6e-8 * |a|.
struct Elu: UnaryFunction {
  let scale: Vec
  @inline(always) func apply(_ x: Vec) -> Vec { select(x .> .zero, x, scale * (exponential(x) - 1)) }
}
struct Swish: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { x / (exponential(-x) + 1) }
}
struct Gelu: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec {
    let half = x * 0.5
    return multiplyAdd(half, errorFunction(x * splat(0.707106781)), half)
  }
}
struct GeluTanh: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec {
    let half = x * 0.5
    let inner = x * multiplyAdd(x * x, splat(0.035677408), splat(0.79788456))
    return multiplyAdd(half, hyperbolicTangent(inner), half)
  }
}
/// max(x, 0) + log(1 + exp(-|x|)): neither overflows nor loses the small results of negative x.
struct Softplus: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { maximum(.zero, x) + logarithmOfOnePlus(exponential(-absolute(x))) }
}
struct Abs: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { absolute(x) }
}
struct Neg: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { -x }
}
struct Sqrt: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { squareRoot(x) }
}
struct Rsqrt: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { 1 / squareRoot(x) }
}
struct Square: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { x * x }
}
struct Exp: UnaryFunction {
  let scale: Vec, shift: Vec
  @inline(always) func apply(_ x: Vec) -> Vec { exponential(multiplyAdd(x, scale, shift)) }
}
struct Log: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { logarithm(x) }
}
struct Sin: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { sine(x, quadrant: 0) }
}
struct Cos: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { sine(x, quadrant: 1) }
}
struct Floor: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { floor(x) }
}
struct Ceil: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { ceil(x) }
}
struct Round: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { round(x) }
}
struct Reciprocal: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { 1 / x }
}
struct Erf: UnaryFunction {
  @inline(always) func apply(_ x: Vec) -> Vec { errorFunction(x) }
}
struct Affine: UnaryFunction {
  let scale: Vec, shift: Vec
  @inline(always) func apply(_ x: Vec) -> Vec { multiplyAdd(x, scale, shift) }
}

/// y[i] = f(x[i]); y may be x. Two vectors per round, so that the long dependency chains of the polynomials overlap.
@inline(never) private func map<F: UnaryFunction>(_ f: F, _ x: Floats, _ y: MutableFloats, _ n: Int) {
  var i = 0
  while i &+ 2 &* width <= n {
    let r0 = f.apply(load(x + i))
    let r1 = f.apply(load(x + (i &+ width)))
    store(r0, y + i)
    store(r1, y + (i &+ width))
    i &+= 2 &* width
  }
  while i < n {
    let count = Swift.min(width, n &- i)
    partialStore(f.apply(partialLoad(x + i, count)), y + i, count)
    i &+= width
  }
}

/// `MSKernels.unary`.
func unary(_ op: Int32, _ x: Floats, _ y: MutableFloats, _ n: Int, _ a: Float, _ b: Float) {
  switch MSUnary(rawValue: UInt32(bitPattern: op)) {
  case MS_UNARY_CLAMP: map(Clamp(lo: splat(a), hi: splat(b)), x, y, n)
  case MS_UNARY_LEAKY_RELU: map(LeakyRelu(slope: splat(a)), x, y, n)
  case MS_UNARY_SIGMOID: map(Sigmoid(), x, y, n)
  case MS_UNARY_TANH: map(Tanh(), x, y, n)
  case MS_UNARY_HSWISH: map(HardSwish(), x, y, n)
  case MS_UNARY_HSIGMOID: map(HardSigmoid(), x, y, n)
  case MS_UNARY_ELU: map(Elu(scale: splat(a)), x, y, n)
  case MS_UNARY_SWISH: map(Swish(), x, y, n)
  case MS_UNARY_GELU: map(Gelu(), x, y, n)
  case MS_UNARY_GELU_TANH: map(GeluTanh(), x, y, n)
  case MS_UNARY_SOFTPLUS: map(Softplus(), x, y, n)
  case MS_UNARY_ABS: map(Abs(), x, y, n)
  case MS_UNARY_NEG: map(Neg(), x, y, n)
  case MS_UNARY_SQRT: map(Sqrt(), x, y, n)
  case MS_UNARY_RSQRT: map(Rsqrt(), x, y, n)
  case MS_UNARY_SQUARE: map(Square(), x, y, n)
  case MS_UNARY_EXP: map(Exp(scale: splat(a), shift: splat(b)), x, y, n)
  case MS_UNARY_LOG: map(Log(), x, y, n)
  case MS_UNARY_SIN: map(Sin(), x, y, n)
  case MS_UNARY_COS: map(Cos(), x, y, n)
  case MS_UNARY_FLOOR: map(Floor(), x, y, n)
  case MS_UNARY_CEIL: map(Ceil(), x, y, n)
  case MS_UNARY_ROUND: map(Round(), x, y, n)
  case MS_UNARY_RECIPROCAL: map(Reciprocal(), x, y, n)
  case MS_UNARY_ERF: map(Erf(), x, y, n)
  case MS_UNARY_AFFINE: map(Affine(scale: splat(a), shift: splat(b)), x, y, n)
  default: map(Identity(), x, y, n)
  }
}

/// An activation as the fused kernels apply it: a clamp in registers, which covers IDENTITY and CLAMP, and for all others
/// a pass of `unary` over what was just stored and still sits in the first-level cache.
struct Activation {
  let op: Int32
  let a: Float, b: Float
  let lo: Float, hi: Float
  /// True when the clamp is not all.
  let needsPass: Bool

  @inline(always) init(_ op: Int32, _ a: Float, _ b: Float) {
    self.op = op
    self.a = a
    self.b = b
    let isClamp = op == Int32(bitPattern: MS_UNARY_CLAMP.rawValue)
    lo = isClamp ? a : -.infinity
    hi = isClamp ? b : .infinity
    needsPass = !isClamp && op != Int32(bitPattern: MS_UNARY_IDENTITY.rawValue)
  }

  /// Applies the part beyond the clamp to `n` entries in place.
  @inline(always) func finish(_ y: MutableFloats, _ n: Int) {
    if needsPass { unary(op, y, y, n, a, b) }
  }
}
