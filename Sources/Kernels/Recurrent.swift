/// The elementwise half of an LSTM step; the matrix products before it are gemm.

/// `MSKernels.lstm_step`.
func lstmStep(
  _ gates: Floats, _ stride: Int, _ c: MutableFloats, _ h: MutableFloats, _ n: Int, _ zoneoutC: Float, _ zoneoutH: Float
) {
  var i = 0
  #if !AVX512
  while i &+ width <= n {
    cell(gates + i, c + i, h + i, stride, zoneoutC, zoneoutH, AllLanes())
    i &+= width
  }
  #endif
  // With mask registers whole vectors cost no more than parts, and the long body is there once.
  while i < n {
    cell(gates + i, c + i, h + i, stride, zoneoutC, zoneoutH, SomeLanes(Swift.min(width, n &- i)))
    i &+= width
  }
}

@inline(always) private func cell<L: Lanes>(
  _ gates: Floats, _ c: MutableFloats, _ h: MutableFloats, _ stride: Int, _ zoneoutC: Float, _ zoneoutH: Float, _ lanes: L
) {
  let input = sigmoid(lanes.load(gates))
  let output = sigmoid(lanes.load(gates + stride))
  let forget = sigmoid(lanes.load(gates + 2 &* stride))
  let candidate = hyperbolicTangent(lanes.load(gates + 3 &* stride))
  let oldC = lanes.load(c)
  let newC = multiplyAdd(forget, oldC, input * candidate)
  let newH = output * hyperbolicTangent(newC)
  lanes.store(zoneoutC == 0 ? newC : mix(zoneoutC, oldC, newC), c)
  // Without zoneout the old h is not read: it may be uninitialised.
  lanes.store(zoneoutH == 0 ? newH : mix(zoneoutH, lanes.load(h), newH), h)
}

/// t * old + (1 - t) * new.
@inline(always) private func mix(_ t: Float, _ old: Vec, _ new: Vec) -> Vec {
  multiplyAdd(splat(t), old, splat(1 - t) * new)
}
