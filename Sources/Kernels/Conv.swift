import CKernels

/// Convolution as a matrix product whose A rows are gathered block by block into a scratch buffer.

/// Floats the gathered block may take: 128 KB, half of what gemm allows itself, since the image passes the cache too.
private let gatherFloats = 32_768

/// Rows gathered at once. Two tiles at least, so that the weights are not read again for every tile; twenty at most, so
/// that shallow kernels (27 values in a first layer) stay in the first-level cache.
@inline(always) private func gatheredRows(_ k: Int) -> Int {
  let tiles = Swift.max(2, gatherFloats / Swift.max(k, 1) / tileRows)
  return Swift.min(tiles, 20) &* tileRows
}

@inline(always) private func depth(_ c: UnsafePointer<MSConv>) -> Int {
  Int(c.pointee.kernel_h) &* Int(c.pointee.kernel_w) &* c.pointee.in_channels
}

/// `MSKernels.conv_scratch`.
func convScratch(_ c: UnsafePointer<MSConv>) -> Int {
  let k = depth(c)
  return gatheredRows(k) &* k &+ width
}

/// `MSKernels.conv`.
func conv(
  _ c: UnsafePointer<MSConv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: MutableFloats
) {
  let conv = c.pointee
  let k = depth(c)
  let product = Product(
    lda: k, k: k, n: conv.out_channels, b: conv.weights, c: conv.y, ldc: conv.ldc, bias: conv.bias,
    residual: conv.residual, ldr: conv.ldr, activation: Activation(conv.activation, conv.alpha, conv.beta))
  let limit = gatheredRows(k)
  let gather = Gather(conv)
  var row = row0
  while row < row1 {
    let rows = Swift.min(limit, row1 &- row)
    gather.rows(row, row &+ rows, scratch)
    product.block(scratch, row: row, rows: rows, panel0, panel1)
    row &+= rows
  }
}

/// Writes the input values under the kernel, output pixel after output pixel: [kernel_h][kernel_w][in_channels], zeros
/// where the kernel hangs over the edge.
private struct Gather {
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

  @inline(never) func rows(_ first: Int, _ last: Int, _ scratch: MutableFloats) {
    var target = scratch
    var outY = first / outW, outX = first % outW
    for _ in first..<last {
      let left = outX &* strideW &- padLeft
      var inY = outY &* strideH &- padTop
      for _ in 0..<kernelH {
        if inY < 0 || inY >= inH {
          fillZero(target, kernelW &* channels)
        } else {
          kernelRow(x + inY &* inW &* pixelStride, left, target)
        }
        target += kernelW &* channels
        inY &+= dilationH
      }
      outX &+= 1
      if outX == outW {
        outX = 0
        outY &+= 1
      }
    }
  }

  /// One kernel row: the taps at columns left, left + dilationW, ... of the image row at `source`.
  @inline(always) private func kernelRow(_ source: Floats, _ left: Int, _ target: MutableFloats) {
    if contiguous {
      if left >= 0 && left &+ kernelW <= inW {
        let run = kernelW &* channels
        if run < width {
          // A whole store: what it writes beyond the run, the next run overwrites (or the scratch's spare vector takes).
          store(partialLoad(source + left &* channels, run), target)
        } else {
          copy(source + left &* channels, target, run)
        }
        return
      }
      let before = Swift.min(Swift.max(0 &- left, 0), kernelW)
      let end = Swift.max(Swift.min(inW &- left, kernelW), before)
      if before > 0 { fillZero(target, before &* channels) }
      if end > before { copy(source + (left &+ before) &* channels, target + before &* channels, (end &- before) &* channels) }
      if end < kernelW { fillZero(target + end &* channels, (kernelW &- end) &* channels) }
      return
    }
    var inX = left
    for tap in 0..<kernelW {
      if inX < 0 || inX >= inW {
        fillZero(target + tap &* channels, channels)
      } else {
        copy(source + inX &* pixelStride, target + tap &* channels, channels)
      }
      inX &+= dilationW
    }
  }
}
