import CKernels

/// Depthwise convolution, vectorised over channels.
///
/// Every output starts at its bias (or zero) and takes the taps inside the image in the order (kernel row, kernel column);
/// taps in the padding are passed over. All paths below do that, with the same multiply-add.

/// Channels that are carried through an output row together, so that their weights stay in the first-level cache
/// (25 taps x 128 channels = 12.5 KB) while the row passes.
private let channelBlock = 128

/// `MSKernels.depthwise`.
func depthwise(_ d: UnsafePointer<MSDepthwise>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int) {
  let layer = DepthwiseLayer(d.pointee)
  var c = c0
  while c < c1 {
    let end = Swift.min(c &+ channelBlock, c1)
    var y = y0
    while y < y1 {
      layer.row(y, c, end)
      y &+= 1
    }
    c = end
  }
}

/// The layer with its sizes as Int.
struct DepthwiseLayer {
  let x: Floats, weights: Floats, y: MutableFloats, bias: Floats?
  let inH: Int, inW: Int, outW: Int, channels: Int
  let kernelH: Int, kernelW: Int, strideH: Int, strideW: Int, dilationH: Int, dilationW: Int, padTop: Int, padLeft: Int
  let activation: Activation

  @inline(always) init(_ d: MSDepthwise) {
    x = d.x
    weights = d.weights
    y = d.y
    bias = d.bias
    inH = d.in_h
    inW = d.in_w
    outW = d.out_w
    channels = d.channels
    kernelH = Int(d.kernel_h)
    kernelW = Int(d.kernel_w)
    strideH = Int(d.stride_h)
    strideW = Int(d.stride_w)
    dilationH = Int(d.dilation_h)
    dilationW = Int(d.dilation_w)
    padTop = Int(d.pad_top)
    padLeft = Int(d.pad_left)
    activation = Activation(d.activation, d.alpha, d.beta)
  }

  /// Output row `oy`, channels c0..<c1.
  @inline(always) func row(_ oy: Int, _ c0: Int, _ c1: Int) {
    let top = oy &* strideH &- padTop
    let (firstRow, lastRow) = taps(top, dilationH, kernelH, inH)
    // Outputs whose whole kernel row lies inside the image.
    let reach = (kernelW &- 1) &* dilationW
    let inner0 = Swift.min((padLeft &+ strideW &- 1) / strideW, outW)
    let span = inW &- 1 &- reach &+ padLeft
    let inner1 = Swift.max(inner0, span < 0 ? 0 : Swift.min(span / strideW &+ 1, outW))
    let output = y + oy &* outW &* channels

    var ox = 0
    while ox < inner0 {
      pixel(top, firstRow, lastRow, ox, output, c0, c1)
      ox &+= 1
    }
    if dilationW == 1 && kernelW == 3 && strideW == 1 {
      #if arch(arm64)
      ox = DepthwiseTile<8, 3, 1>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
      #endif
      ox = DepthwiseTile<4, 3, 1>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
    } else if dilationW == 1 && kernelW == 3 && strideW == 2 {
      #if arch(arm64)
      ox = DepthwiseTile<8, 3, 2>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
      #endif
      ox = DepthwiseTile<4, 3, 2>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
    } else if dilationW == 1 && kernelW == 5 && strideW == 1 {
      #if arch(arm64)
      ox = DepthwiseTile<8, 5, 1>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
      #endif
      ox = DepthwiseTile<4, 5, 1>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
    } else if dilationW == 1 && kernelW == 5 && strideW == 2 {
      #if arch(arm64)
      ox = DepthwiseTile<8, 5, 2>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
      #endif
      ox = DepthwiseTile<4, 5, 2>.cover(self, top, firstRow, lastRow, ox, inner1, output, c0, c1)
    }
    while ox < outW {
      pixel(top, firstRow, lastRow, ox, output, c0, c1)
      ox &+= 1
    }
    if activation.needsPass {
      for ox in 0..<outW { activation.finish(output + (ox &* channels &+ c0), c1 &- c0) }
    }
  }

  /// The taps t in 0..<count whose position start + t * dilation lies in 0..<size, as a half-open range.
  @inline(always) private func taps(_ start: Int, _ dilation: Int, _ count: Int, _ size: Int) -> (Int, Int) {
    let first = start >= 0 ? 0 : Swift.min((dilation &- 1 &- start) / dilation, count)
    let room = size &- start
    let last = room <= 0 ? 0 : Swift.min((room &+ dilation &- 1) / dilation, count)
    return (first, Swift.max(first, last))
  }

  /// One output pixel of any kernel, with the taps outside the image left out.
  @inline(never)
  func pixel(_ top: Int, _ firstRow: Int, _ lastRow: Int, _ ox: Int, _ output: MutableFloats, _ c0: Int, _ c1: Int) {
    let left = ox &* strideW &- padLeft
    let (first, last) = taps(left, dilationW, kernelW, inW)
    let source = x + (top &* inW &+ left) &* channels
    let target = output + ox &* channels
    var c = c0
    while c &+ 4 &* width <= c1 {
      point4(source + c, firstRow, lastRow, first, last, c, target)
      c &+= 4 &* width
    }
    while c &+ width <= c1 {
      point(source + c, firstRow, lastRow, first, last, c, target, AllLanes())
      c &+= width
    }
    if c < c1 { point(source + c, firstRow, lastRow, first, last, c, target, SomeLanes(c1 &- c)) }
  }

  @inline(always) private func point<L: Lanes>(
    _ source: Floats, _ firstRow: Int, _ lastRow: Int, _ first: Int, _ last: Int, _ c: Int, _ target: MutableFloats,
    _ lanes: L
  ) {
    var sum = Vec.zero
    if let bias { sum = lanes.load(bias + c) }
    for ky in firstRow..<lastRow {
      let line = source + ky &* dilationH &* inW &* channels
      for kx in first..<last {
        let w = lanes.load(weights + ((ky &* kernelW &+ kx) &* channels &+ c))
        sum = multiplyAdd(lanes.load(line + kx &* dilationW &* channels), w, sum)
      }
    }
    lanes.store(clamp(sum, splat(activation.lo), splat(activation.hi)), target + c)
  }

  /// As `point` for four vectors, whose independent chains hide the latency of the multiply-adds.
  @inline(always) private func point4(
    _ source: Floats, _ firstRow: Int, _ lastRow: Int, _ first: Int, _ last: Int, _ c: Int, _ target: MutableFloats
  ) {
    var sums = InlineArray<4, Vec>(repeating: .zero)
    if let bias { for v in 0..<4 { sums[v] = load(bias + (c &+ v &* width)) } }
    for ky in firstRow..<lastRow {
      let line = source + ky &* dilationH &* inW &* channels
      for kx in first..<last {
        let w = weights + ((ky &* kernelW &+ kx) &* channels &+ c)
        let p = line + kx &* dilationW &* channels
        for v in 0..<4 { sums[v] = multiplyAdd(load(p + v &* width), load(w + v &* width), sums[v]) }
      }
    }
    let lo = splat(activation.lo), hi = splat(activation.hi)
    for v in 0..<4 { store(clamp(sums[v], lo, hi), target + (c &+ v &* width)) }
  }
}

/// P neighbouring outputs of a kernel K wide with stride S, all taps inside the image: an input vector is loaded once and
/// serves every output it belongs to.
enum DepthwiseTile<let P: Int, let K: Int, let S: Int> {
  /// Covers outputs ox..<end in steps of P; returns the first one left over.
  @inline(never) static func cover(
    _ d: DepthwiseLayer, _ top: Int, _ firstRow: Int, _ lastRow: Int, _ ox: Int, _ end: Int, _ output: MutableFloats,
    _ c0: Int, _ c1: Int
  ) -> Int {
    var ox = ox
    while ox &+ P <= end {
      let source = d.x + (top &* d.inW &+ ox &* S &- d.padLeft) &* d.channels
      let target = output + ox &* d.channels
      var c = c0
      while c &+ width <= c1 {
        tile(d, source + c, firstRow, lastRow, c, target + c, AllLanes())
        c &+= width
      }
      if c < c1 { tile(d, source + c, firstRow, lastRow, c, target + c, SomeLanes(c1 &- c)) }
      ox &+= P
    }
    return ox
  }

  @inline(always) private static func tile<L: Lanes>(
    _ d: DepthwiseLayer, _ source: Floats, _ firstRow: Int, _ lastRow: Int, _ c: Int, _ target: MutableFloats, _ lanes: L
  ) {
    let channels = d.channels
    var start = Vec.zero
    if let bias = d.bias { start = lanes.load(bias + c) }
    var sums = InlineArray<P, Vec>(repeating: start)
    var line = source + firstRow &* d.dilationH &* d.inW &* channels
    var w = d.weights + (firstRow &* K &* channels &+ c)
    for _ in firstRow..<lastRow {
      var taps = InlineArray<K, Vec>(repeating: .zero)
      for k in 0..<K { taps[k] = lanes.load(w + k &* channels) }
      for i in 0..<((P &- 1) &* S &+ K) {
        let value = lanes.load(line + i &* channels)
        for p in 0..<P {
          let k = i &- p &* S
          if k >= 0 && k < K { sums[p] = multiplyAdd(value, taps[k], sums[p]) }
        }
      }
      line += d.dilationH &* d.inW &* channels
      w += K &* channels
    }
    let lo = splat(d.activation.lo), hi = splat(d.activation.hi)
    for p in 0..<P { lanes.store(clamp(sums[p], lo, hi), target + p &* channels) }
  }
}
