import CKernels

/// Pooling, vectorised over channels. A window's rows are summed one by one and then together, which keeps the error of
/// global average pooling down to that of its width plus its height.

/// `MSKernels.pool`.
func pool(_ p: UnsafePointer<MSPool>, _ y0: Int, _ y1: Int) {
  let layer = p.pointee
  let activation = Activation(layer.activation, layer.alpha, layer.beta)
  let channels = layer.channels, inW = layer.in_w
  let kernelH = Int(layer.kernel_h), kernelW = Int(layer.kernel_w)
  let strideH = Int(layer.stride_h), strideW = Int(layer.stride_w)
  let padTop = Int(layer.pad_top), padLeft = Int(layer.pad_left)
  var oy = y0
  while oy < y1 {
    let top = oy &* strideH &- padTop
    let output = layer.y + oy &* layer.out_w &* channels
    let firstY = Swift.max(top, 0), lastY = Swift.min(top &+ kernelH, layer.in_h)
    for ox in 0..<layer.out_w {
      let left = ox &* strideW &- padLeft
      let firstX = Swift.max(left, 0), lastX = Swift.min(left &+ kernelW, inW)
      let window = Window(
        x: layer.x + (firstY &* inW &+ firstX) &* channels, rowStride: inW &* channels, channels: channels,
        height: Swift.max(lastY &- firstY, 0), width: Swift.max(lastX &- firstX, 0), lo: activation.lo, hi: activation.hi)
      if layer.average != 0 {
        window.reduce(Averaging.self, output + ox &* channels)
      } else {
        window.reduce(Maximising.self, output + ox &* channels)
      }
    }
    activation.finish(output, layer.out_w &* channels)
    oy &+= 1
  }
}

/// What a window does with its values.
private protocol Pooling {
  static var start: Vec { get }
  static func combine(_ a: Vec, _ b: Vec) -> Vec
  /// The result from the combination of `count` > 0 values.
  static func result(_ v: Vec, _ count: Vec) -> Vec
}

private enum Averaging: Pooling {
  @inline(always) static var start: Vec { .zero }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { a + b }
  @inline(always) static func result(_ v: Vec, _ count: Vec) -> Vec { v / count }
}

private enum Maximising: Pooling {
  @inline(always) static var start: Vec { splat(-Float.greatestFiniteMagnitude) }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { maximum(a, b) }
  @inline(always) static func result(_ v: Vec, _ count: Vec) -> Vec { v }
}

/// The part of a pooling window that lies inside the image; `x` is its first pixel.
private struct Window {
  let x: Floats
  let rowStride: Int, channels: Int, height: Int, width: Int
  let lo: Float, hi: Float

  @inline(always) func reduce<P: Pooling>(_ pooling: P.Type, _ y: MutableFloats) {
    var c = 0
    while c &+ Vec.scalarCount <= channels {
      vector(pooling, c, y, AllLanes())
      c &+= Vec.scalarCount
    }
    if c < channels { vector(pooling, c, y, SomeLanes(channels &- c)) }
  }

  @inline(always) private func vector<P: Pooling, L: Lanes>(_ pooling: P.Type, _ c: Int, _ y: MutableFloats, _ lanes: L) {
    var total = P.start
    for row in 0..<height {
      var p = x + (row &* rowStride &+ c)
      var line = P.start
      for _ in 0..<width {
        line = P.combine(line, lanes.load(p))
        p += channels
      }
      total = P.combine(total, line)
    }
    lanes.store(finished(pooling, total), y + c)
  }

  @inline(always) private func finished<P: Pooling>(_ pooling: P.Type, _ total: Vec) -> Vec {
    // One division per vector; an empty window keeps its start value.
    clamp(P.result(total, splat(Float(Swift.max(height &* width, 1)))), splat(lo), splat(hi))
  }
}
