import CKernels

#if !HALF
/// What the gathered values become: floats as they are. The half-precision module rounds them on the way.
typealias GatherTarget = MutableFloats

@inline(always) func gatherCopy(_ source: Floats, _ target: GatherTarget, _ n: Int) { copy(source, target, n) }

@inline(always) func gatherZero(_ target: GatherTarget, _ n: Int) { fillZero(target, n) }

/// A run of less than a vector as a whole store: what it writes beyond the run, the next run overwrites (or the scratch's spare
/// vector takes).
@inline(always) func gatherShort(_ source: Floats, _ target: GatherTarget, _ n: Int) { store(partialLoad(source, n), target) }
#endif

/// Rows of the weight matrix: input values under the kernel.
@inline(always) func depth(_ c: UnsafePointer<MSConv>) -> Int {
  Int(c.pointee.kernel_h) &* Int(c.pointee.kernel_w) &* c.pointee.in_channels
}

/// Writes the input values under the kernel, output pixel after output pixel: [kernel_h][kernel_w][in_channels], zeros
/// where the kernel hangs over the edge.
struct Gather {
  let x: Floats
  let inH: Int, inW: Int, channels: Int, pixelStride: Int, outW: Int
  let kernelH: Int, kernelW: Int, strideH: Int, strideW: Int, dilationH: Int, dilationW: Int, padTop: Int, padLeft: Int
  /// Neighbouring taps of a kernel row are neighbours in memory: one copy takes them all.
  let contiguous: Bool

  @inline(always) init(_ c: MSConv) {
    x = c.x
    inH = c.in_h
    inW = c.in_w
    channels = c.in_channels
    pixelStride = c.pixel_stride
    outW = c.out_w
    kernelH = Int(c.kernel_h)
    kernelW = Int(c.kernel_w)
    strideH = Int(c.stride_h)
    strideW = Int(c.stride_w)
    dilationH = Int(c.dilation_h)
    dilationW = Int(c.dilation_w)
    padTop = Int(c.pad_top)
    padLeft = Int(c.pad_left)
    contiguous = (c.dilation_w == 1 || c.kernel_w == 1) && c.pixel_stride == c.in_channels
  }

  /// Output pixels first..<last, `rowStride` elements apart; what a row has beyond its values becomes zero.
  @inline(never) func rows(_ first: Int, _ last: Int, _ scratch: GatherTarget, _ rowStride: Int) {
    var row = scratch
    let spare = rowStride &- kernelH &* kernelW &* channels
    var outY = first / outW, outX = first % outW
    for _ in first..<last {
      var target = row
      let left = outX &* strideW &- padLeft
      var inY = outY &* strideH &- padTop
      for _ in 0..<kernelH {
        if inY < 0 || inY >= inH {
          gatherZero(target, kernelW &* channels)
        } else {
          kernelRow(x + inY &* inW &* pixelStride, left, target)
        }
        target += kernelW &* channels
        inY &+= dilationH
      }
      if spare > 0 { gatherZero(target, spare) }
      row += rowStride
      outX &+= 1
      if outX == outW {
        outX = 0
        outY &+= 1
      }
    }
  }

  /// One kernel row: the taps at columns left, left + dilationW, ... of the image row at `source`.
  @inline(always) private func kernelRow(_ source: Floats, _ left: Int, _ target: GatherTarget) {
    if contiguous {
      if left >= 0 && left &+ kernelW <= inW {
        let run = kernelW &* channels
        if run < width {
          gatherShort(source + left &* channels, target, run)
        } else {
          gatherCopy(source + left &* channels, target, run)
        }
        return
      }
      let before = Swift.min(Swift.max(0 &- left, 0), kernelW)
      let end = Swift.max(Swift.min(inW &- left, kernelW), before)
      if before > 0 { gatherZero(target, before &* channels) }
      if end > before { gatherCopy(source + (left &+ before) &* channels, target + before &* channels, (end &- before) &* channels) }
      if end < kernelW { gatherZero(target + end &* channels, (kernelW &- end) &* channels) }
      return
    }
    var inX = left
    for tap in 0..<kernelW {
      if inX < 0 || inX >= inW {
        gatherZero(target + tap &* channels, channels)
      } else {
        gatherCopy(source + inX &* pixelStride, target + tap &* channels, channels)
      }
      inX &+= dilationW
    }
  }
}
