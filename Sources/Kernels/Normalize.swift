/// Layer normalisation in two passes, mean first: sums of squares without the mean taken off would cancel.

/// `MSKernels.layer_norm`.
func layerNorm(
  _ x: Floats, _ gamma: Floats?, _ beta: Floats?, _ y: MutableFloats, _ rows: Int, _ n: Int, _ epsilon: Float,
  _ meanOut: MutableFloats?, _ varOut: MutableFloats?
) {
  if n <= 0 { return }
  let count = Float(n)
  for row in 0..<Swift.max(rows, 0) {
    let source = x + row &* n, target = y + row &* n
    let mean = reduce(SumReduction.self, source, n) / count
    let variance = squaredDeviations(source, n, splat(mean)) / count
    if let meanOut { meanOut[row] = mean }
    if let varOut { varOut[row] = variance }
    let scale = 1 / squareRoot(splat(variance + epsilon))
    var i = 0
    while i &+ width <= n {
      normalise(source + i, gamma, beta, target + i, i, splat(mean), scale, AllLanes())
      i &+= width
    }
    if i < n { normalise(source + i, gamma, beta, target + i, i, splat(mean), scale, SomeLanes(n &- i)) }
  }
}

/// The sum of (x - mean)^2.
@inline(always) private func squaredDeviations(_ x: Floats, _ n: Int, _ mean: Vec) -> Float {
  var s0 = Vec.zero, s1 = Vec.zero
  var i = 0
  while i &+ 2 &* width <= n {
    let d0 = load(x + i) - mean
    let d1 = load(x + (i &+ width)) - mean
    s0 = multiplyAdd(d0, d0, s0)
    s1 = multiplyAdd(d1, d1, s1)
    i &+= 2 &* width
  }
  while i < n {
    let count = Swift.min(width, n &- i)
    let d = merge(partialLoad(x + i, count) - mean, count, .zero)
    s0 = multiplyAdd(d, d, s0)
    i &+= width
  }
  return horizontal(Sum.self, s0 + s1)
}

@inline(always) private func normalise<L: Lanes>(
  _ x: Floats, _ gamma: Floats?, _ beta: Floats?, _ y: MutableFloats, _ i: Int, _ mean: Vec, _ scale: Vec, _ lanes: L
) {
  var v = (lanes.load(x) - mean) * scale
  if let gamma { v *= lanes.load(gamma + i) }
  if let beta { v += lanes.load(beta + i) }
  lanes.store(v, y)
}
