import CKernels

/// Convolution and matrix product. Rows of x are read in place where the instruction takes bytes and the kernel is one pixel. Where it
/// takes bytes and is larger, the lines of x that a block needs are copied once, with their padding, and read in place there: every
/// line of the kernel is a run of neighbouring bytes. Otherwise rows are gathered block by block into scratch.

/// Bytes that a block of gathered rows may take: it stays in the second-level cache with a panel of weights.
private let gatherBytes = 65_536
/// Bytes of x that a block read in place may take.
private let directBytes = 131_072
/// The most rows of a block.
private let blockRows = 480

/// One convolution with what follows from its sizes.
private struct Layer {
  let c: MSInt8Conv
  /// Values of a packed column.
  let k: Int
  let isDirect: Bool
  /// Elements from one gathered row to the next.
  let rowElements: Int
  let rowLimit: Int
  #if VNNI
  /// Lines are copied; those of a block, and the bytes of one.
  let readsLines: Bool
  let lineLimit: Int, lineBytes: Int
  #endif

  @inline(always) init(_ conv: MSInt8Conv) {
    c = conv
    let run = Int(conv.kernel_w) &* conv.in_channels
    k = Int(conv.kernel_h) &* (conv.pads_runs != 0 ? (run &+ 3) & ~3 : run)
    rowElements = depthSteps(k) &* depthStep
    #if VNNI || DOT
    let isPixel =
      conv.kernel_h == 1 && conv.kernel_w == 1 && conv.stride_h == 1 && conv.stride_w == 1 && conv.pad_top == 0
      && conv.pad_left == 0 && conv.out_h == conv.in_h && conv.out_w == conv.in_w
    #if VNNI
    isDirect = isPixel && k >= 4 && conv.pads_runs == 0
    readsLines =
      conv.pads_runs != 0
      || (!isDirect && run % 4 == 0 && run > 0 && (conv.dilation_w == 1 || conv.kernel_w == 1)
        && conv.pixel_stride == conv.in_channels && conv.output.weight_zero == nil)
    lineBytes = (((conv.out_w &- 1) &* Int(conv.stride_w) &+ Int(conv.kernel_w)) &* conv.in_channels &+ 15) & ~15
    let spare = directBytes / Swift.max(lineBytes, 1) &- Int(conv.kernel_h &- 1) &* Int(conv.dilation_h) &- 1
    lineLimit = Swift.min(Swift.max(spare, 0) / Int(conv.stride_h) &+ 1, conv.out_h)
    #else
    isDirect = isPixel && k >= 4 && conv.flip == 0
    #endif
    #else
    isDirect = false
    #endif
    let bytes = Swift.max(rowElements &* MemoryLayout<Element>.size, 1)
    #if VNNI || DOT
    let budget = isDirect ? directBytes : gatherBytes
    #else
    let budget = gatherBytes
    #endif
    rowLimit = Swift.min(Swift.max(budget / bytes / tileRows, 2) &* tileRows, blockRows)
  }

  // Scratch: the sums of a tile (and spare vectors), the sums of the rows, the constants of a panel, the gathered rows or the lines.
  var rowSumsOffset: Int { (tileRows &* panelColumns &+ panelColumns) &* 4 }
  #if VNNI
  var constantsOffset: Int { rowSumsOffset &+ blockRows &* 4 }
  var rowsOffset: Int { constantsOffset &+ Panel.bytes }
  /// Lines of x that `count` lines of output need.
  func lines(_ count: Int) -> Int {
    Swift.max((count &- 1) &* Int(c.stride_h) &+ Int(c.kernel_h &- 1) &* Int(c.dilation_h) &+ 1, 0)
  }
  #else
  var rowsOffset: Int { rowSumsOffset &+ blockRows &* 4 }
  #endif
  var scratchBytes: Int {
    #if VNNI
    if readsLines { return rowsOffset &+ lines(lineLimit) &* lineBytes &+ spareElements &+ 64 }
    #endif
    return rowsOffset &+ (isDirect ? 0 : (rowLimit &* rowElements &+ spareElements) &* MemoryLayout<Element>.size) &+ 64
  }
}

/// `MSInt8MatrixKernels.conv_scratch`.
func convScratch(_ c: UnsafePointer<MSInt8Conv>) -> Int { Layer(c.pointee).scratchBytes }

/// `MSInt8MatrixKernels.conv`.
func conv(
  _ c: UnsafePointer<MSInt8Conv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let layer = Layer(c.pointee)
  let rowSums = (scratch + layer.rowSumsOffset).assumingMemoryBound(to: Int32.self)
  let gathered = (scratch + layer.rowsOffset).assumingMemoryBound(to: Element.self)
  #if VNNI
  let flip = splat(Int32(bitPattern: UInt32(layer.c.flip ^ 0x80) &* 0x0101_0101))
  #else
  let flip = Ints.zero
  #endif
  var row = row0
  while row < row1 {
    #if VNNI
    if layer.readsLines {
      let first = row / layer.c.out_w
      let lines = Swift.min(layer.lineLimit, (row1 &- 1) / layer.c.out_w &- first &+ 1)
      let count = Swift.min((first &+ lines) &* layer.c.out_w, row1) &- row
      Gather(layer.c).lines(
        first &* Int(layer.c.stride_h) &- Int(layer.c.pad_top), layer.lines(lines), layer.lineBytes, gathered)
      let rows = Rows(
        base: UnsafeRawPointer(gathered), stride: Int(layer.c.stride_w) &* layer.c.in_channels, segments: Int(layer.c.kernel_h),
        segmentStride: Int(layer.c.dilation_h) &* layer.lineBytes, steps: layer.k / (4 &* Int(layer.c.kernel_h)), tail: 0,
        flip: flip)
      let span = Span(
        first: row, count: count, width: layer.c.out_w, lineStride: Int(layer.c.stride_h) &* layer.lineBytes, origin: first)
      block(layer, rows, span, panel0, panel1, scratch, nil)
      row &+= count
      continue
    }
    #endif
    let count = Swift.min(layer.rowLimit, row1 &- row)
    let rows: Rows
    if layer.isDirect {
      rows = Rows(
        base: UnsafeRawPointer(layer.c.x + row &* layer.c.pixel_stride), stride: layer.c.pixel_stride, segments: 1,
        segmentStride: 0, steps: layer.k / depthStep, tail: layer.k % depthStep, flip: flip)
    } else {
      Gather(layer.c).rows(row, row &+ count, layer.rowElements, gathered)
      rows = Rows(
        base: UnsafeRawPointer(gathered), stride: layer.rowElements &* MemoryLayout<Element>.size, segments: 1, segmentStride: 0,
        steps: depthSteps(layer.k), tail: 0, flip: flip)
    }
    var totals: UnsafePointer<Int32>? = nil
    if layer.c.output.weight_zero != nil {
      addUp(rows, count, layer.k, rowSums)
      totals = UnsafePointer(rowSums)
    }
    block(layer, rows, Span(first: row, count: count), panel0, panel1, scratch, totals)
    row &+= count
  }
}

/// Which output rows a block computes, and where their rows of x begin: `Rows.stride` apart within a line of `width` rows, of which line
/// `origin` begins at `Rows.base`.
private struct Span {
  let first: Int, count: Int
  let width: Int, lineStride: Int, origin: Int

  /// Rows that are all the same distance apart.
  @inline(always) init(first: Int, count: Int) {
    self.init(first: first, count: count, width: 0, lineStride: 0, origin: 0)
  }
  @inline(always) init(first: Int, count: Int, width: Int, lineStride: Int, origin: Int) {
    self.first = first
    self.count = count
    self.width = width
    self.lineStride = lineStride
    self.origin = origin
  }
}

/// Panels outside, tiles inside: a panel stays in a near cache while the block of rows passes by.
private func block(
  _ layer: Layer, _ rows: Rows, _ span: Span, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutableRawPointer,
  _ rowSums: UnsafePointer<Int32>?
) {
  let panelBytes = panelElements(layer.k) &* MemoryLayout<Element>.size
  let sums = scratch.assumingMemoryBound(to: Int32.self)
  for panel in Swift.min(panel0, panel1)..<panel1 {
    let column = panel &* panelColumns
    var target = Target(
      weights: UnsafeRawPointer(layer.c.weights + panel &* panelBytes), column: column,
      columns: Swift.min(panelColumns, layer.c.out_channels &- column), sums: sums, rowSums: rowSums,
      finish: Finish(output: layer.c.output))
    #if VNNI
    // A byte of x, moved to 0...255, times a weight.
    target.panel = Panel(
      layer.c.output, column: column, columns: target.columns, most: layer.k &* (255 &* 128), scratch + layer.constantsOffset)
    #endif
    if span.width == 0 {
      target.rows(rows, rows.base, span.first, span.count, 0)
      continue
    }
    var done = 0
    while done < span.count {
      let (line, x) = (span.first &+ done).quotientAndRemainder(dividingBy: span.width)
      let count = Swift.min(span.width &- x, span.count &- done)
      target.rows(
        rows, rows.base + ((line &- span.origin) &* span.lineStride &+ x &* rows.stride), span.first &+ done, count, done)
      done &+= count
    }
  }
}

/// One panel: its weights, and where its results go.
private struct Target {
  let weights: UnsafeRawPointer
  let column: Int, columns: Int
  let sums: UnsafeMutablePointer<Int32>
  let rowSums: UnsafePointer<Int32>?
  let finish: Finish
  #if VNNI
  var panel: Panel? = nil
  #endif

  /// `count` rows of x from `a` on, `rows.stride` apart, whose results are output rows row...; `done` rows of the block are behind them.
  @inline(never) func rows(_ rows: Rows, _ a: UnsafeRawPointer, _ row: Int, _ count: Int, _ done: Int) {
    var i = 0
    #if VNNI
    if let panel {
      if columns > lanes {
        while i < count { i &+= tile(rows, a + i &* rows.stride, panel, row &+ i, count &- i) }
      } else {
        while i < count { i &+= narrowTile(rows, a + i &* rows.stride, panel, row &+ i, count &- i) }
      }
      return
    }
    #endif
    while i < count {
      let height = tile(rows, a + i &* rows.stride, count &- i)
      finish.block(
        sums, panelColumns, row: row &+ i, rows: height, column: column, columns: columns, rowSums.map { $0 + (done &+ i) })
      i &+= height
    }
  }

  /// The tallest tile that fits; returns its rows.
  @inline(always) private func tile(_ rows: Rows, _ a: UnsafeRawPointer, _ left: Int) -> Int {
    #if VNNI
    if left >= 12 {
      Tile<12, 2>.run(rows, a, weights, sums)
      return 12
    }
    #endif
    #if VNNI || arch(arm64)
    if left >= 8 {
      Tile<8, 2>.run(rows, a, weights, sums)
      return 8
    }
    #else
    if left >= 6 {
      Tile<6, 2>.run(rows, a, weights, sums)
      return 6
    }
    #endif
    if left >= 4 {
      Tile<4, 2>.run(rows, a, weights, sums)
      return 4
    }
    if left >= 2 {
      Tile<2, 2>.run(rows, a, weights, sums)
      return 2
    }
    Tile<1, 2>.run(rows, a, weights, sums)
    return 1
  }

  #if VNNI
  @inline(always) private func tile(_ rows: Rows, _ a: UnsafeRawPointer, _ panel: Panel, _ row: Int, _ left: Int) -> Int {
    if left >= 12 {
      Tile<12, 2>.run(rows, a, weights, panel, row)
      return 12
    }
    if left >= 8 {
      Tile<8, 2>.run(rows, a, weights, panel, row)
      return 8
    }
    if left >= 4 {
      Tile<4, 2>.run(rows, a, weights, panel, row)
      return 4
    }
    if left >= 2 {
      Tile<2, 2>.run(rows, a, weights, panel, row)
      return 2
    }
    Tile<1, 2>.run(rows, a, weights, panel, row)
    return 1
  }

  /// The same for panels of which only one vector of columns is used.
  @inline(always) private func narrowTile(
    _ rows: Rows, _ a: UnsafeRawPointer, _ panel: Panel, _ row: Int, _ left: Int
  ) -> Int {
    if left >= 12 {
      Tile<12, 1>.run(rows, a, weights, panel, row)
      return 12
    }
    if left >= 4 {
      Tile<4, 1>.run(rows, a, weights, panel, row)
      return 4
    }
    Tile<1, 1>.run(rows, a, weights, panel, row)
    return 1
  }
  #endif
}

/// The sum of each row's k values, with the sign bits flipped where the tiles flip them.
private func addUp(_ rows: Rows, _ count: Int, _ k: Int, _ sums: UnsafeMutablePointer<Int32>) {
  for r in 0..<count {
    let p = (rows.base + r &* rows.stride).assumingMemoryBound(to: Element.self)
    var sum: Int32 = 0
    var i = 0
    #if VNNI
    // The products with ones, a whole vector of x at a time.
    let ones = splat(0x0101_0101)
    var total = Ints.zero
    while i &+ 64 <= k {
      total = dot(total, xor(load(UnsafeRawPointer(p + i)), rows.flip), ones)
      i &+= 64
    }
    sum = total.wrappedSum()
    let mask = UInt8(truncatingIfNeeded: rows.flip[0])
    while i < k {
      sum &+= Int32(UInt8(bitPattern: p[i]) ^ mask)
      i &+= 1
    }
    #else
    #if DOT
    let ones = splat(0x0101_0101)
    var total = Ints.zero
    while i &+ 16 <= k {
      total = dot(total, load(UnsafeRawPointer(p + i)), ones)
      i &+= 16
    }
    sum = total.wrappedSum()
    #endif
    while i < k {
      sum &+= Int32(p[i])
      i &+= 1
    }
    #endif
    sums[r] = sum
  }
}

/// Writes the values under the kernel, output pixel after output pixel: [kernel_h][kernel_w][in_channels], the zero point where the
/// kernel hangs over the edge.
private struct Gather {
  let c: MSInt8Conv
  let flip: UInt8
  let padding: UInt8
  let kernelW: Int
  /// Neighbouring taps of a kernel row are neighbours in memory: one copy takes them all.
  let contiguous: Bool

  @inline(always) init(_ c: MSInt8Conv) {
    self.c = c
    kernelW = Int(c.kernel_w)
    contiguous = (c.dilation_w == 1 || c.kernel_w == 1) && c.pixel_stride == c.in_channels
    let zero = UInt8(truncatingIfNeeded: c.x_zero)
    #if VNNI
    // The tiles flip what they read, with the tensor's own bytes in mind.
    flip = 0
    padding = zero ^ UInt8(truncatingIfNeeded: c.flip)
    #else
    flip = UInt8(truncatingIfNeeded: c.flip)
    padding = zero
    #endif
  }

  @inline(never) func rows(_ first: Int, _ last: Int, _ rowElements: Int, _ scratch: UnsafeMutablePointer<Element>) {
    let run = kernelW &* c.in_channels
    var row = scratch
    var outY = first / c.out_w, outX = first % c.out_w
    for _ in first..<last {
      let left = outX &* Int(c.stride_w) &- Int(c.pad_left)
      var inY = outY &* Int(c.stride_h) &- Int(c.pad_top)
      var target = row
      for _ in 0..<c.kernel_h {
        if inY < 0 || inY >= c.in_h {
          fillRun(target, run, padding)
        } else {
          kernelRow(UnsafeRawPointer(c.x + inY &* c.in_w &* c.pixel_stride), left, target)
        }
        target += run
        inY &+= Int(c.dilation_h)
      }
      row += rowElements
      outX &+= 1
      if outX == c.out_w {
        outX = 0
        outY &+= 1
      }
    }
  }

  #if VNNI
  /// Copies `count` lines of x from line `top` on, `lineBytes` apart, with the padding around them.
  @inline(never) func lines(_ top: Int, _ count: Int, _ lineBytes: Int, _ scratch: UnsafeMutablePointer<Element>) {
    let channels = c.in_channels
    let width = (c.out_w &- 1) &* Int(c.stride_w) &+ kernelW
    // Padding that is negative leaves out columns of x.
    let before = Swift.min(Swift.max(Int(c.pad_left), 0), width), out = Swift.max(0 &- Int(c.pad_left), 0)
    let inside = Swift.min(Swift.max(c.in_w &- out, 0), width &- before)
    for i in 0..<count {
      let target = scratch + i &* lineBytes
      let y = top &+ i
      if y < 0 || y >= c.in_h {
        fillRun(target, lineBytes, padding)
        continue
      }
      fillRun(target, before &* channels, padding)
      copyRun(UnsafeRawPointer(c.x + (y &* c.in_w &+ out) &* channels), target + before &* channels, inside &* channels, flip)
      let end = before &+ inside
      fillRun(target + end &* channels, (width &- end) &* channels, padding)
    }
  }
  #endif

  /// One kernel row: the taps at columns left, left + dilation_w, ... of the image row at `source`.
  @inline(always) private func kernelRow(_ source: UnsafeRawPointer, _ left: Int, _ target: UnsafeMutablePointer<Element>) {
    let channels = c.in_channels
    if contiguous {
      let before = Swift.min(Swift.max(0 &- left, 0), kernelW)
      let end = Swift.max(Swift.min(c.in_w &- left, kernelW), before)
      if before > 0 { fillRun(target, before &* channels, padding) }
      if end > before {
        copyRun(source + (left &+ before) &* channels, target + before &* channels, (end &- before) &* channels, flip)
      }
      if end < kernelW { fillRun(target + end &* channels, (kernelW &- end) &* channels, padding) }
      return
    }
    var inX = left
    for tap in 0..<kernelW {
      if inX < 0 || inX >= c.in_w {
        fillRun(target + tap &* channels, channels, padding)
      } else {
        copyRun(source + inX &* c.pixel_stride, target + tap &* channels, channels, flip)
      }
      inX &+= Int(c.dilation_w)
    }
  }
}
