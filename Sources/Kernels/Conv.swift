import CKernels

/// Convolution as a matrix product whose A rows are gathered block by block into a scratch buffer.

/// How the rows of A are gathered: so many at once, `stride` floats apart.
private struct GatherBlock {
  let rows: Int, stride: Int

  /// Floats the block may take: 128 KB, half of what gemm allows itself, since the image passes the cache too. Weights that do not
  /// stay in the second-level cache either are read again for every block: four times as much then.
  private static let floats = 32_768, keptWeights = 131_072

  /// Two tiles at least, so that the weights are not read again for every tile; twenty at most, so that shallow kernels (27 values in
  /// a first layer) stay in the first-level cache.
  @inline(always) init(_ c: UnsafePointer<MSConv>) {
    let k = depth(c)
    let budget = k &* c.pointee.out_channels > GatherBlock.keptWeights ? 4 &* GatherBlock.floats : GatherBlock.floats
    rows = Swift.min(Swift.max(2, budget / Swift.max(k, 1) / tileRows), 20) &* tileRows
    // Rows that begin a multiple of 4 KB apart would all want the same few lines of the first-level cache: an odd number of cache
    // lines between them.
    stride = k < 512 ? k : ((k &+ 15) / 16 | 1) &* 16
  }
}

/// Convolutions of at most so many output channels add up vectors along the depth: a register tile would use one or two lanes.
private let dotChannels = 2

/// `MSKernels.conv_scratch`.
func convScratch(_ c: UnsafePointer<MSConv>) -> Int {
  let k = depth(c), block = GatherBlock(c)
  return block.rows &* block.stride &+ width &+ (c.pointee.out_channels <= dotChannels ? dotChannels &* k : 0)
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
  // Channels that fill one panel are this call's or there is nothing to do.
  if conv.out_channels <= dotChannels && k >= 2 &* width {
    if panel0 >= panel1 { return }
    let block = GatherBlock(c)
    let columns = scratch + (block.rows &* block.stride &+ width)
    for channel in 0..<conv.out_channels {
      for i in 0..<k { columns[channel &* k &+ i] = conv.weights[i &* panelColumns &+ channel] }
    }
    ConvolutionRows(c, product, columns, scratch).run(row0, row1, panel0, panel1)
  } else {
    ConvolutionRows(c, product, nil, scratch).run(row0, row1, panel0, panel1)
  }
}

/// Output pixels of a convolution as rows of a matrix product.
private struct ConvolutionRows {
  let conv: MSConv
  let product: Product
  /// The weights channel by channel, where the products are computed as dot products.
  let columns: Floats?
  let scratch: MutableFloats
  let gather: Gather
  let block: GatherBlock

  @inline(always) init(_ c: UnsafePointer<MSConv>, _ product: Product, _ columns: MutableFloats?, _ scratch: MutableFloats) {
    conv = c.pointee
    block = GatherBlock(c)
    self.product = product
    self.columns = columns.map { Floats($0) }
    self.scratch = scratch
    gather = Gather(c.pointee)
  }

  func run(_ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int) {
    if !readsInPlace {
      gathered(row0, row1, panel0, panel1)
      return
    }
    let strideW = Int(conv.stride_w), padLeft = Int(conv.pad_left), kernelW = Int(conv.kernel_w)
    // The output columns whose kernel lies inside the image.
    let first = Swift.min((padLeft &+ strideW &- 1) / strideW, conv.out_w)
    let reach = conv.in_w &- kernelW &+ padLeft
    let last = Swift.max(Swift.min(reach < 0 ? 0 : reach / strideW &+ 1, conv.out_w), first)
    var row = row0
    while row < row1 {
      let y = row / conv.out_w, start = y &* conv.out_w
      let end = Swift.min(start &+ conv.out_w, row1)
      let from = Swift.min(Swift.max(start &+ first, row), end), to = Swift.max(Swift.min(start &+ last, end), from)
      gathered(row, from, panel0, panel1)
      if from < to { inPlace(y, from &- start, to &- from, panel0, panel1) }
      gathered(to, end, panel0, panel1)
      row = end
    }
  }

  /// The image itself serves as A: neighbouring output pixels are rows that overlap, and the values under a kernel row are one run of
  /// memory. Kernel rows above and below the image are left out; the few pixels at the left and right edge are gathered. Many output
  /// channels make gathering cheap beside the products, and small images are mostly edge.
  private var readsInPlace: Bool {
    conv.dilation_w == 1 && conv.dilation_h == 1 && conv.pixel_stride == conv.in_channels && conv.out_channels <= 64
      && conv.out_w >= 28 && (Int(conv.kernel_w) &- 1) &* 4 <= conv.out_w
  }

  private func gathered(_ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int) {
    // Even blocks: 49 rows become 25 and 24, and not two of 24 and one of 1.
    var blocks = (row1 &- row0 &+ block.rows &- 1) / block.rows
    var p = product
    p.lda = block.stride
    var row = row0
    while row < row1 {
      let rows = (row1 &- row &+ blocks &- 1) / blocks
      gather.rows(row, row &+ rows, scratch, block.stride)
      multiply(p, scratch, row, rows, columns, panel0, panel1)
      row &+= rows
      blocks &-= 1
    }
  }

  /// `count` pixels from (y, x) on, whose kernels do not reach over the left and right edge.
  private func inPlace(_ y: Int, _ x: Int, _ count: Int, _ panel0: Int, _ panel1: Int) {
    let channels = conv.in_channels, rowFloats = conv.in_w &* channels
    let top = y &* Int(conv.stride_h) &- Int(conv.pad_top)
    let ky0 = Swift.min(Swift.max(0 &- top, 0), Int(conv.kernel_h))
    let ky1 = Swift.max(Swift.min(conv.in_h &- top, Int(conv.kernel_h)), ky0)
    var p = product
    p.segments = ky1 &- ky0
    p.lda = Int(conv.stride_w) &* channels
    p.k = Int(conv.kernel_w) &* channels
    p.aSkip = rowFloats &- p.k
    p.b = product.b + ky0 &* p.k &* panelColumns
    // Outside the image there may be no address to begin at.
    let column = x &* Int(conv.stride_w) &- Int(conv.pad_left)
    let a = p.segments == 0 ? conv.x : conv.x + ((top &+ ky0) &* rowFloats &+ column &* channels)
    multiply(p, a, y &* conv.out_w &+ x, count, columns.map { $0 + ky0 &* p.k }, panel0, panel1)
  }

  private func multiply(
    _ p: Product, _ a: Floats, _ row: Int, _ rows: Int, _ columns: Floats?, _ panel0: Int, _ panel1: Int
  ) {
    guard let columns else {
      p.block(a, row: row, rows: rows, panel0, panel1)
      return
    }
    for channel in 0..<p.n { dots(p, a, row, rows, columns + channel &* product.k, channel) }
  }

  /// One channel of `rows` pixels: products with `weights`, added up in vectors along the depth.
  private func dots(_ p: Product, _ a: Floats, _ row: Int, _ rows: Int, _ weights: Floats, _ channel: Int) {
    var done = 0
    #if arch(arm64)
    while done &+ 8 <= rows {
      Dots<8>.run(p, a + done &* p.lda, row &+ done, weights, channel)
      done &+= 8
    }
    #endif
    while done &+ 4 <= rows {
      Dots<4>.run(p, a + done &* p.lda, row &+ done, weights, channel)
      done &+= 4
    }
    while done < rows {
      Dots<1>.run(p, a + done &* p.lda, row &+ done, weights, channel)
      done &+= 1
    }
  }
}

/// R dot products at a time, so that the chains of multiply-adds do not wait for themselves.
private enum Dots<let R: Int> {
  @inline(never) static func run(_ p: Product, _ a: Floats, _ row: Int, _ weights: Floats, _ channel: Int) {
    var sums = InlineArray<R, Vec>(repeating: .zero)
    var x = a, w = weights
    for _ in 0..<p.segments {
      var i = 0
      while i &+ width <= p.k {
        let b = load(w + i)
        for r in 0..<R { sums[r] = multiplyAdd(load(x + (r &* p.lda &+ i)), b, sums[r]) }
        i &+= width
      }
      if i < p.k {
        let b = partialLoad(w + i, p.k &- i)
        for r in 0..<R { sums[r] = multiplyAdd(partialLoad(x + (r &* p.lda &+ i), p.k &- i), b, sums[r]) }
      }
      x += p.k &+ p.aSkip
      w += p.k
    }
    for r in 0..<R {
      let y = p.c + ((row &+ r) &* p.ldc &+ channel)
      var value = horizontal(Sum.self, sums[r]) + (p.bias.map { $0[channel] } ?? 0)
      if let residual = p.residual { value += residual[(row &+ r) &* p.ldr &+ channel] }
      y.pointee = Swift.min(Swift.max(value, p.activation.lo), p.activation.hi)
      if p.activation.needsPass { p.activation.finish(y, 1) }
    }
  }
}
