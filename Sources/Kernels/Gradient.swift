import CKernels

/// Gradients of elementwise functions, sums of products by column, and the steps of optimisers.

/// The derivative of a function at the saved value, times the gradient of its result. One struct per member of `MSUnaryGrad`.
private protocol Derivative {
  func apply(_ dy: Vec, _ s: Vec) -> Vec
}

private struct ClampGrad: Derivative {
  let lo: Vec, hi: Vec
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { select(s .> lo, select(s .< hi, dy, .zero), .zero) }
}
private struct LeakyReluGrad: Derivative {
  let slope: Vec
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { select(s .> .zero, dy, dy * slope) }
}
private struct SigmoidGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { dy * (s * (1 - s)) }
}
private struct TanhGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { dy * ((1 - s) * (s + 1)) }
}
private struct HardSwishGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec {
    let slope = select(s .>= splat(3), splat(1), (s + s + 3) * splat(1 / 6))
    return select(s .> splat(-3), dy * slope, .zero)
  }
}
private struct EluGrad: Derivative {
  let slope: Vec, scale: Vec
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { dy * select(s .> .zero, slope, s + scale) }
}
private struct SoftsignGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec {
    let d = absolute(s) + 1
    return dy / (d * d)
  }
}
private struct SwishGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec {
    let p = sigmoid(s)
    return dy * multiplyAdd(s * (1 - p), p, p)
  }
}
private struct GeluGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec {
    let cumulative = multiplyAdd(errorFunction(s * splat(0.707106781)), splat(0.5), splat(0.5))
    return dy * multiplyAdd(s * splat(0.39894228), exponential(s * s * splat(-0.5)), cumulative)
  }
}
private struct GeluTanhGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec {
    let square = s * s
    let t = hyperbolicTangent(s * multiplyAdd(square, splat(0.035677408), splat(0.79788456)))
    let inner = multiplyAdd(square, splat(0.107032224), splat(0.79788456))
    let half = (t + 1) * 0.5
    return dy * multiplyAdd(s * inner * 0.5, (1 - t) * (t + 1), half)
  }
}
private struct SoftplusGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { dy * sigmoid(s) }
}
private struct HardSigmoidGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { select(absolute(s) .< splat(3), dy * splat(1 / 6), .zero) }
}
private struct AbsGrad: Derivative {
  @inline(always) func apply(_ dy: Vec, _ s: Vec) -> Vec { select(s .> .zero, dy, select(s .< .zero, -dy, .zero)) }
}

@inline(never) private func map<F: Derivative>(_ f: F, _ dy: Floats, _ s: Floats, _ dx: MutableFloats, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    store(f.apply(load(dy + i), load(s + i)), dx + i)
    i &+= width
  }
  if i < n { partialStore(f.apply(partialLoad(dy + i, n &- i), partialLoad(s + i, n &- i)), dx + i, n &- i) }
}

/// `MSKernels.unary_grad`.
func unaryGrad(_ op: Int32, _ dy: Floats, _ s: Floats, _ dx: MutableFloats, _ n: Int, _ a: Float, _ b: Float) {
  switch MSUnaryGrad(rawValue: UInt32(bitPattern: op)) {
  case MS_GRAD_LEAKY_RELU: map(LeakyReluGrad(slope: splat(a)), dy, s, dx, n)
  case MS_GRAD_SIGMOID: map(SigmoidGrad(), dy, s, dx, n)
  case MS_GRAD_TANH: map(TanhGrad(), dy, s, dx, n)
  case MS_GRAD_HSWISH: map(HardSwishGrad(), dy, s, dx, n)
  case MS_GRAD_HSIGMOID: map(HardSigmoidGrad(), dy, s, dx, n)
  case MS_GRAD_ELU: map(EluGrad(slope: splat(a), scale: splat(b)), dy, s, dx, n)
  case MS_GRAD_SWISH: map(SwishGrad(), dy, s, dx, n)
  case MS_GRAD_GELU: map(GeluGrad(), dy, s, dx, n)
  case MS_GRAD_GELU_TANH: map(GeluTanhGrad(), dy, s, dx, n)
  case MS_GRAD_SOFTPLUS: map(SoftplusGrad(), dy, s, dx, n)
  case MS_GRAD_ABS: map(AbsGrad(), dy, s, dx, n)
  case MS_GRAD_SOFTSIGN: map(SoftsignGrad(), dy, s, dx, n)
  default: map(ClampGrad(lo: splat(a), hi: splat(b)), dy, s, dx, n)
  }
}

/// `MSKernels.dot_columns`. Blocks of rows as in reduce_columns.
func dotColumns(
  _ a: Floats, _ a0: Floats?, _ b: Floats, _ b0: Floats?, _ y: MutableFloats, _ rows: Int, _ columns: Int, _ stride: Int
) {
  var c = 0
  while c < columns {
    let lanes = SomeLanes(Swift.min(width, columns &- c))
    let shiftA = a0.map { lanes.load($0 + c) } ?? .zero, shiftB = b0.map { lanes.load($0 + c) } ?? .zero
    var total = Vec.zero
    var row = 0
    while row < rows {
      let end = Swift.min(row &+ 64, rows)
      var even = Vec.zero, odd = Vec.zero
      while row &+ 2 <= end {
        let i = row &* stride &+ c, j = i &+ stride
        even = multiplyAdd(lanes.load(a + i) - shiftA, lanes.load(b + i) - shiftB, even)
        odd = multiplyAdd(lanes.load(a + j) - shiftA, lanes.load(b + j) - shiftB, odd)
        row &+= 2
      }
      if row < end {
        let i = row &* stride &+ c
        even = multiplyAdd(lanes.load(a + i) - shiftA, lanes.load(b + i) - shiftB, even)
        row &+= 1
      }
      total += even + odd
    }
    lanes.store(total, y + c)
    c &+= width
  }
}

/// `MSKernels.adam`.
func adam(
  _ w: MutableFloats, _ m: MutableFloats, _ v: MutableFloats, _ g: Floats, _ n: Int, _ p: UnsafePointer<MSAdam>
) {
  var i = 0
  while i < n {
    let lanes = SomeLanes(Swift.min(width, n &- i))
    let gradient = lanes.load(g + i)
    let share = splat(1 - p.pointee.beta1)
    var first = lanes.load(m + i), second = lanes.load(v + i), weight = lanes.load(w + i)
    first = multiplyAdd(gradient - first, share, first)
    second = multiplyAdd(multiplyAdd(gradient, gradient, -second), splat(1 - p.pointee.beta2), second)
    lanes.store(first, m + i)
    lanes.store(second, v + i)
    if p.pointee.nesterov != 0 { first = multiplyAdd(first, splat(p.pointee.beta1), gradient * share) }
    let step = multiplyAdd(weight, splat(p.pointee.decay), first / (squareRoot(second) + p.pointee.epsilon))
    weight = multiplyAdd(step, splat(-p.pointee.rate), weight)
    lanes.store(weight, w + i)
    i &+= width
  }
}

/// `MSKernels.momentum`.
func momentum(
  _ w: MutableFloats, _ accumulator: MutableFloats?, _ g: Floats, _ n: Int, _ p: UnsafePointer<MSMomentum>
) {
  var i = 0
  while i < n {
    let lanes = SomeLanes(Swift.min(width, n &- i))
    let weight = lanes.load(w + i)
    let gradient = multiplyAdd(weight, splat(p.pointee.decay), lanes.load(g + i))
    var step = gradient
    if let accumulator {
      step = multiplyAdd(lanes.load(accumulator + i), splat(p.pointee.momentum), gradient * splat(p.pointee.share))
      lanes.store(step, accumulator + i)
      if p.pointee.nesterov != 0 { step = multiplyAdd(step, splat(p.pointee.momentum), gradient) }
    }
    lanes.store(multiplyAdd(step, splat(-p.pointee.rate), weight), w + i)
    i &+= width
  }
}
