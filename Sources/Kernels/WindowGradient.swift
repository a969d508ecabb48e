import CKernels

/// Gradients of what moves a window over an image: pooling, and convolution where it is no matrix product.

/// The part of a window that lies inside an image: first and last row and column.
private struct Window {
  let top: Int, bottom: Int, left: Int, right: Int

  @inline(always) init(_ p: MSPoolGrad, _ oy: Int, _ ox: Int) {
    let y = oy &* Int(p.stride_h) &- Int(p.pad_top), x = ox &* Int(p.stride_w) &- Int(p.pad_left)
    top = Swift.max(y, 0)
    bottom = Swift.min(y &+ Int(p.kernel_h), p.in_h)
    left = Swift.max(x, 0)
    right = Swift.min(x &+ Int(p.kernel_w), p.in_w)
  }
}

/// `MSKernels.pool_grad`.
func poolGrad(_ p: UnsafePointer<MSPoolGrad>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int) {
  let layer = p.pointee
  var oy = y0
  while oy < y1 {
    for ox in 0..<layer.out_w {
      let window = Window(layer, oy, ox)
      if window.top >= window.bottom || window.left >= window.right { continue }
      var c = c0
      while c < c1 {
        let lanes = SomeLanes(Swift.min(width, c1 &- c))
        let dy = lanes.load(layer.dy + ((oy &* layer.out_w &+ ox) &* layer.channels &+ c))
        if layer.average != 0 {
          spread(layer, window, c, dy, lanes)
        } else {
          route(layer, window, c, dy, lanes)
        }
        c &+= width
      }
    }
    oy &+= 1
  }
}

/// An equal share of dy to every tap.
@inline(always) private func spread(_ p: MSPoolGrad, _ w: Window, _ c: Int, _ dy: Vec, _ lanes: SomeLanes) {
  let share = dy / splat(Float((w.bottom &- w.top) &* (w.right &- w.left)))
  for y in w.top..<w.bottom {
    for x in w.left..<w.right {
      let target = p.dx + ((y &* p.in_w &+ x) &* p.channels &+ c)
      lanes.store(lanes.load(target) + share, target)
    }
  }
}

/// dy to the first largest tap of each channel.
@inline(always) private func route(_ p: MSPoolGrad, _ w: Window, _ c: Int, _ dy: Vec, _ lanes: SomeLanes) {
  var best = lanes.load(p.x + ((w.top &* p.in_w &+ w.left) &* p.channels &+ c))
  var winner = IntVec.zero
  var tap: Int32 = 0
  for y in w.top..<w.bottom {
    for x in w.left..<w.right {
      let v = lanes.load(p.x + ((y &* p.in_w &+ x) &* p.channels &+ c))
      let larger = v .> best
      best = select(larger, v, best)
      winner = select(larger, splat(tap), winner)
      tap &+= 1
    }
  }
  tap = 0
  for y in w.top..<w.bottom {
    for x in w.left..<w.right {
      let target = p.dx + ((y &* p.in_w &+ x) &* p.channels &+ c)
      lanes.store(lanes.load(target) + select(winner .== splat(tap), dy, .zero), target)
      tap &+= 1
    }
  }
}

/// `MSKernels.conv_gather`.
func convGather(_ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ rows: MutableFloats) {
  Gather(c.pointee).rows(row0, row1, rows, depth(c))
}

/// target += source, n floats.
@inline(always) private func accumulate(_ source: Floats, _ target: MutableFloats, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    store(load(target + i) + load(source + i), target + i)
    i &+= width
  }
  if i < n { partialStore(partialLoad(target + i, n &- i) + partialLoad(source + i, n &- i), target + i, n &- i) }
}

/// `MSKernels.conv_scatter`.
func convScatter(
  _ c: UnsafePointer<MSConv>, _ values: Floats, _ image: MutableFloats, _ oy0: Int, _ oy1: Int, _ y0: Int, _ y1: Int
) {
  let conv = c.pointee
  let channels = conv.in_channels, kernelW = Int(conv.kernel_w), run = kernelW &* channels
  // Neighbouring taps of a kernel row are neighbours in the image.
  let contiguous = (conv.dilation_w == 1 || kernelW == 1) && conv.pixel_stride == channels
  var source = values
  var oy = oy0
  while oy < oy1 {
    for ox in 0..<conv.out_w {
      let left = ox &* Int(conv.stride_w) &- Int(conv.pad_left)
      var y = oy &* Int(conv.stride_h) &- Int(conv.pad_top)
      for _ in 0..<Int(conv.kernel_h) {
        if y >= y0 && y < y1 {
          let row = image + y &* conv.in_w &* conv.pixel_stride
          if contiguous {
            let before = Swift.min(Swift.max(0 &- left, 0), kernelW)
            let end = Swift.max(Swift.min(conv.in_w &- left, kernelW), before)
            accumulate(source + before &* channels, row + (left &+ before) &* channels, (end &- before) &* channels)
          } else {
            var x = left
            for tap in 0..<kernelW {
              if x >= 0 && x < conv.in_w { accumulate(source + tap &* channels, row + x &* conv.pixel_stride, channels) }
              x &+= Int(conv.dilation_w)
            }
          }
        }
        source += run
        y &+= Int(conv.dilation_h)
      }
    }
    oy &+= 1
  }
}

/// Output columns whose tap `offset` pixels to the right of the window's edge lies inside the image.
@inline(always) private func columns(_ d: MSDepthwise, _ offset: Int) -> (first: Int, last: Int) {
  let stride = Int(d.stride_w), shift = Int(d.pad_left) &- offset
  let first = shift <= 0 ? 0 : (shift &+ stride &- 1) / stride
  let reach = d.in_w &- 1 &+ shift
  let last = reach < 0 ? 0 : Swift.min(reach / stride &+ 1, d.out_w)
  return (first, last)
}

/// `MSKernels.depthwise_input_grad`. Every pixel of dx takes the taps in the order (kernel row, kernel column).
func depthwiseInputGrad(_ d: UnsafePointer<MSDepthwise>, _ dx: MutableFloats, _ y0: Int, _ y1: Int) {
  let layer = d.pointee
  let channels = layer.channels, stride = Int(layer.stride_h), strideW = Int(layer.stride_w)
  var y = y0
  while y < y1 {
    let row = dx + y &* layer.in_w &* channels
    fillZero(row, layer.in_w &* channels)
    for ky in 0..<Int(layer.kernel_h) {
      let at = y &+ Int(layer.pad_top) &- ky &* Int(layer.dilation_h)
      if at < 0 || at % stride != 0 || at / stride >= layer.out_h { continue }
      let dy = layer.y + at / stride &* layer.out_w &* channels
      for kx in 0..<Int(layer.kernel_w) {
        let offset = kx &* Int(layer.dilation_w)
        let weights = layer.weights + (ky &* Int(layer.kernel_w) &+ kx) &* channels
        let (first, last) = columns(layer, offset)
        var ox = first
        while ox < last {
          let source = UnsafePointer(dy) + ox &* channels
          let target = row + (ox &* strideW &- Int(layer.pad_left) &+ offset) &* channels
          var c = 0
          while c < channels {
            let lanes = SomeLanes(Swift.min(width, channels &- c))
            lanes.store(multiplyAdd(lanes.load(source + c), lanes.load(weights + c), lanes.load(target + c)), target + c)
            c &+= width
          }
          ox &+= 1
        }
      }
    }
    y &+= 1
  }
}

/// `MSKernels.depthwise_weight_grad`. A sum for every output row, then over the rows.
func depthwiseWeightGrad(_ d: UnsafePointer<MSDepthwise>, _ dw: MutableFloats, _ c0: Int, _ c1: Int) {
  let layer = d.pointee
  let channels = layer.channels, step = Int(layer.stride_w) &* channels
  for ky in 0..<Int(layer.kernel_h) {
    for kx in 0..<Int(layer.kernel_w) {
      let offset = kx &* Int(layer.dilation_w)
      let (first, last) = columns(layer, offset)
      var c = c0
      while c < c1 {
        let lanes = SomeLanes(Swift.min(width, c1 &- c))
        let target = dw + ((ky &* Int(layer.kernel_w) &+ kx) &* channels &+ c)
        var total = Vec.zero
        for oy in 0..<layer.out_h {
          let y = oy &* Int(layer.stride_h) &- Int(layer.pad_top) &+ ky &* Int(layer.dilation_h)
          if y < 0 || y >= layer.in_h || first >= last { continue }
          var source = layer.x + ((y &* layer.in_w &+ first &* Int(layer.stride_w) &- Int(layer.pad_left) &+ offset) &* channels &+ c)
          var dy = UnsafePointer(layer.y) + ((oy &* layer.out_w &+ first) &* channels &+ c)
          var even = Vec.zero, odd = Vec.zero
          var ox = first
          while ox &+ 2 <= last {
            even = multiplyAdd(lanes.load(source), lanes.load(dy), even)
            odd = multiplyAdd(lanes.load(source + step), lanes.load(dy + channels), odd)
            source += 2 &* step
            dy += 2 &* channels
            ox &+= 2
          }
          if ox < last { even = multiplyAdd(lanes.load(source), lanes.load(dy), even) }
          total += even + odd
        }
        lanes.store(lanes.load(target) + total, target)
        c &+= width
      }
    }
  }
}
