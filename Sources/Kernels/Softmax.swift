/// Softmax: exp(x - max) / sum, or x - max - log(sum).

/// `MSKernels.softmax`.
func softmax(_ x: Floats, _ y: MutableFloats, _ rows: Int, _ n: Int, _ log: Int32) {
  if n <= 0 { return }
  if n <= shortRow {
    var first = 0
    while first < rows {
      softmaxShort(x + first &* n, y + first &* n, Swift.min(rows &- first, width), n, log != 0)
      first &+= width
    }
    return
  }
  for row in 0..<Swift.max(rows, 0) {
    let source = x + row &* n, target = y + row &* n
    let peak = splat(reduce(MaxReduction.self, source, n))
    if log == 0 {
      let total = exponentials(source, target, n, peak)
      rescale(target, target, n, splat(1 / total))
    } else {
      let total = exponentials(source, nil, n, peak)
      shift(source, target, n, peak, logarithm(splat(total)))
    }
  }
}

/// Rows of so few values are computed side by side, one in each lane.
private let shortRow = 8

/// At most as many rows as a vector has lanes.
private func softmaxShort(_ x: Floats, _ y: MutableFloats, _ rows: Int, _ n: Int, _ log: Bool) {
  var columns = InlineArray<128, Float>(repeating: 0)
  withUnsafeMutableBytes(of: &columns) {
    let c = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
    for row in 0..<rows {
      for k in 0..<n { c[k &* width &+ row] = x[row &* n &+ k] }
    }
    softmaxColumn(c, c, n, width, log, AllLanes())
    for row in 0..<rows {
      for k in 0..<n { y[row &* n &+ k] = c[k &* width &+ row] }
    }
  }
}

/// The sum of exp(x - peak) over n values; the exponentials themselves go to `y` unless it is nil.
@inline(always) private func exponentials(_ x: Floats, _ y: MutableFloats?, _ n: Int, _ peak: Vec) -> Float {
  var s0 = Vec.zero, s1 = Vec.zero
  var i = 0
  while i &+ 2 &* width <= n {
    let e0 = exponential(load(x + i) - peak)
    let e1 = exponential(load(x + (i &+ width)) - peak)
    if let y {
      store(e0, y + i)
      store(e1, y + (i &+ width))
    }
    s0 += e0
    s1 += e1
    i &+= 2 &* width
  }
  while i < n {
    let count = Swift.min(width, n &- i)
    let e = exponential(partialLoad(x + i, count) - peak)
    if let y { partialStore(e, y + i, count) }
    s0 += merge(e, count, .zero)
    i &+= width
  }
  return horizontal(Sum.self, s0 + s1)
}

/// y = x * scale.
@inline(always) private func rescale(_ x: Floats, _ y: MutableFloats, _ n: Int, _ scale: Vec) {
  var i = 0
  while i &+ width <= n {
    store(load(x + i) * scale, y + i)
    i &+= width
  }
  if i < n { partialStore(partialLoad(x + i, n &- i) * scale, y + i, n &- i) }
}

/// y = (x - peak) - log. In that order: x near the peak would lose its digits in peak + log.
@inline(always) private func shift(_ x: Floats, _ y: MutableFloats, _ n: Int, _ peak: Vec, _ log: Vec) {
  var i = 0
  while i &+ width <= n {
    store((load(x + i) - peak) - log, y + i)
    i &+= width
  }
  if i < n { partialStore((partialLoad(x + i, n &- i) - peak) - log, y + i, n &- i) }
}

/// `MSKernels.softmax_strided`.
func softmaxStrided(_ x: Floats, _ y: MutableFloats, _ outer: Int, _ n: Int, _ inner: Int, _ log: Int32) {
  for o in 0..<Swift.max(outer, 0) {
    let source = x + o &* n &* inner, target = y + o &* n &* inner
    var i = 0
    while i &+ width <= inner {
      softmaxColumn(source + i, target + i, n, inner, log != 0, AllLanes())
      i &+= width
    }
    if i < inner { softmaxColumn(source + i, target + i, n, inner, log != 0, SomeLanes(inner &- i)) }
  }
}

/// Softmax down one vector of neighbouring columns, `stride` apart.
@inline(always)
private func softmaxColumn<L: Lanes>(_ x: Floats, _ y: MutableFloats, _ n: Int, _ stride: Int, _ log: Bool, _ lanes: L) {
  var peak = splat(-.infinity)
  for k in 0..<n { peak = maximum(peak, lanes.load(x + k &* stride)) }
  var total = Vec.zero
  for k in 0..<n {
    let e = exponential(lanes.load(x + k &* stride) - peak)
    if !log { lanes.store(e, y + k &* stride) }
    total += e
  }
  if log {
    let logTotal = logarithm(total)
    for k in 0..<n { lanes.store((lanes.load(x + k &* stride) - peak) - logTotal, y + k &* stride) }
  } else {
    let scale = 1 / total
    for k in 0..<n { lanes.store(lanes.load(y + k &* stride) * scale, y + k &* stride) }
  }
}
