import CKernels

/// A function of two variables on whole vectors. One type per member of `MSBinary` that vectorises.
protocol BinaryFunction {
  static func apply(_ a: Vec, _ b: Vec) -> Vec
}

enum Add: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { a + b }
}
enum Subtract: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { a - b }
}
enum Multiply: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { a * b }
}
enum Divide: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { a / b }
}
enum Larger: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { maximum(a, b) }
}
enum Smaller: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { minimum(a, b) }
}
enum SquaredDifference: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec {
    let d = a - b
    return d * d
  }
}
enum FloorDivide: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { floor(a / b) }
}
enum FloorModulo: BinaryFunction {
  @inline(always) static func apply(_ a: Vec, _ b: Vec) -> Vec { a - floor(a / b) * b }
}

/// Reads operand vectors from memory, or repeats the single value of a broadcast operand.
private protocol Operand {
  func load<L: Lanes>(_ i: Int, _ lanes: L) -> Vec
}
private struct Stream: Operand {
  let p: Floats
  @inline(always) func load<L: Lanes>(_ i: Int, _ lanes: L) -> Vec { lanes.load(p + i) }
}
private struct Constant: Operand {
  let value: Vec
  @inline(always) func load<L: Lanes>(_ i: Int, _ lanes: L) -> Vec { value }
}

/// `MSKernels.binary`.
func binary(
  _ op: Int32, _ a: Floats, _ aStep: Int, _ b: Floats, _ bStep: Int, _ y: MutableFloats, _ n: Int, _ act: Int32,
  _ lo: Float, _ hi: Float
) {
  if n <= 0 { return }
  let bounds = Activation(act, lo, hi)
  switch MSBinary(rawValue: UInt32(bitPattern: op)) {
  case MS_BINARY_SUB: combine(Subtract.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_MUL: combine(Multiply.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_DIV: combine(Divide.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_MAX: combine(Larger.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_MIN: combine(Smaller.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_SQUARED_DIFFERENCE: combine(SquaredDifference.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_FLOOR_DIV: combine(FloorDivide.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_FLOOR_MOD: combine(FloorModulo.self, a, aStep, b, bStep, y, n, bounds)
  case MS_BINARY_MOD: remainders(a, aStep, b, bStep, y, n, bounds)
  default: combine(Add.self, a, aStep, b, bStep, y, n, bounds)
  }
}

@inline(always) private func combine<F: BinaryFunction>(
  _ f: F.Type, _ a: Floats, _ aStep: Int, _ b: Floats, _ bStep: Int, _ y: MutableFloats, _ n: Int, _ bounds: Activation
) {
  if aStep == 0 {
    if bStep == 0 {
      zip(f, Constant(value: splat(a[0])), Constant(value: splat(b[0])), y, n, bounds)
    } else {
      zip(f, Constant(value: splat(a[0])), Stream(p: b), y, n, bounds)
    }
  } else if bStep == 0 {
    zip(f, Stream(p: a), Constant(value: splat(b[0])), y, n, bounds)
  } else {
    zip(f, Stream(p: a), Stream(p: b), y, n, bounds)
  }
}

@inline(never) private func zip<F: BinaryFunction, A: Operand, B: Operand>(
  _ f: F.Type, _ a: A, _ b: B, _ y: MutableFloats, _ n: Int, _ bounds: Activation
) {
  let lo = splat(bounds.lo), hi = splat(bounds.hi), all = AllLanes()
  var i = 0
  while i &+ 2 &* width <= n {
    let j = i &+ width
    let r0 = clamp(F.apply(a.load(i, all), b.load(i, all)), lo, hi)
    let r1 = clamp(F.apply(a.load(j, all), b.load(j, all)), lo, hi)
    store(r0, y + i)
    store(r1, y + j)
    i &+= 2 &* width
  }
  while i < n {
    let some = SomeLanes(Swift.min(width, n &- i))
    some.store(clamp(F.apply(a.load(i, some), b.load(i, some)), lo, hi), y + i)
    i &+= width
  }
}

/// C's fmod, element by element.
@inline(never) private func remainders(
  _ a: Floats, _ aStep: Int, _ b: Floats, _ bStep: Int, _ y: MutableFloats, _ n: Int, _ bounds: Activation
) {
  for i in 0..<n {
    let r = remainder(a[i &* aStep], b[i &* bStep])
    let low = bounds.lo > r ? bounds.lo : r
    y[i] = bounds.hi < low ? bounds.hi : low
  }
}

/// fmod(x, y), exact: long division of the significands, one bit per round (at most 277 rounds). The sign is that of x.
private func remainder(_ x: Float, _ y: Float) -> Float {
  let divisor = y.magnitude
  if x.isNaN || y.isNaN || x.isInfinite || divisor == 0 { return .nan }
  var rest = x.magnitude
  // Subtracting divisor * 2^n, the largest that fits, is exact: both are multiples of the smaller one's last place.
  while rest >= divisor {
    let gap = Int32(truncatingIfNeeded: (rest.bitPattern &>> 23)) &- Int32(truncatingIfNeeded: (divisor.bitPattern &>> 23))
    var part = divisor
    if gap > 0 && divisor.isNormal {
      part = Float(bitPattern: divisor.bitPattern &+ UInt32(bitPattern: gap) &<< 23)
      if part > rest { part *= 0.5 }
    } else {
      while part <= rest * 0.5 { part += part }
    }
    rest -= part
  }
  return Float(signOf: x, magnitudeOf: rest)
}

/// Channels at most for which rows are handled several at a time, where they are not whole vectors.
private let repeatedChannels = 64

/// `MSKernels.scale_bias`.
func scaleBias(
  _ x: Floats, _ scale: Floats?, _ bias: Floats?, _ y: MutableFloats, _ rows: Int, _ channels: Int, _ act: Int32,
  _ a: Float, _ b: Float
) {
  let activation = Activation(act, a, b)
  var first = 0
  if channels % width != 0 && channels <= repeatedChannels && rows >= 4 &* width {
    // As many rows as a vector has lanes are whole vectors: scales and shifts are repeated for them.
    var scales = InlineArray<1024, Float>(repeating: 1), shifts = InlineArray<1024, Float>(repeating: 0)
    let block = channels &* width
    for i in 0..<block {
      if let scale { scales[i] = scale[i % channels] }
      if let bias { shifts[i] = bias[i % channels] }
    }
    withUnsafeBytes(of: &scales) { s in
      withUnsafeBytes(of: &shifts) { t in
        let scale = s.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
        let bias = t.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
        while first &+ width <= rows {
          let source = x + first &* channels, target = y + first &* channels
          for v in 0..<channels { scaled(source, scale, bias, target, v &* width, activation, AllLanes()) }
          activation.finish(target, block)
          first &+= width
        }
      }
    }
  }
  for r in first..<Swift.max(rows, first) {
    let source = x + r &* channels, target = y + r &* channels
    var c = 0
    while c &+ width <= channels {
      scaled(source, scale, bias, target, c, activation, AllLanes())
      c &+= width
    }
    if c < channels { scaled(source, scale, bias, target, c, activation, SomeLanes(channels &- c)) }
    activation.finish(target, channels)
  }
}

@inline(always) private func scaled<L: Lanes>(
  _ x: Floats, _ scale: Floats?, _ bias: Floats?, _ y: MutableFloats, _ c: Int, _ activation: Activation, _ lanes: L
) {
  var shift = Vec.zero
  if let bias { shift = lanes.load(bias + c) }
  var v = lanes.load(x + c)
  if let scale { v = multiplyAdd(v, lanes.load(scale + c), shift) } else { v += shift }
  lanes.store(clamp(v, splat(activation.lo), splat(activation.hi)), y + c)
}

/// `MSKernels.prelu`.
func prelu(_ x: Floats, _ slope: Floats, _ y: MutableFloats, _ rows: Int, _ channels: Int) {
  var first = 0
  if channels < width {
    // Rows shorter than a vector: the slopes of as many rows as a vector has lanes, and then whole vectors of several rows.
    var repeated = InlineArray<256, Float>(repeating: 0)
    let block = channels &* width
    for i in 0..<block { repeated[i] = slope[i % channels] }
    withUnsafeBytes(of: &repeated) {
      let slopes = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      while first &+ width <= rows {
        let source = x + first &* channels, target = y + first &* channels
        for v in 0..<channels { sloped(source + v &* width, slopes + v &* width, target + v &* width, AllLanes()) }
        first &+= width
      }
    }
  }
  for r in first..<Swift.max(rows, first) {
    let source = x + r &* channels, target = y + r &* channels
    var c = 0
    while c &+ width <= channels {
      sloped(source + c, slope + c, target + c, AllLanes())
      c &+= width
    }
    if c < channels { sloped(source + c, slope + c, target + c, SomeLanes(channels &- c)) }
  }
}

@inline(always) private func sloped<L: Lanes>(_ x: Floats, _ slope: Floats, _ y: MutableFloats, _ lanes: L) {
  let v = lanes.load(x)
  lanes.store(select(v .> .zero, v, v * lanes.load(slope)), y)
}
