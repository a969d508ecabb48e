import CKernels

/// Convolution and matrix product. Rows of x are read in place where the instruction takes bytes and the kernel is one pixel;
/// otherwise they are gathered block by block into scratch.

/// Bytes that a block of gathered rows may take: it stays in the second-level cache with a panel of weights.
private let gatherBytes = 65_536
/// Bytes of x that a block read in place may take.
private let directBytes = 131_072
/// The most rows of a block.
private let blockRows = 480

/// One convolution with what follows from its sizes.
private struct Layer {
  let c: MSInt8Conv
  let k: Int
  let isDirect: Bool
  /// Elements from one gathered row to the next.
  let rowElements: Int
  let rowLimit: Int

  @inline(always) init(_ conv: MSInt8Conv) {
    c = conv
    k = Int(conv.kernel_h) &* Int(conv.kernel_w) &* conv.in_channels
    rowElements = depthSteps(k) &* depthStep
    #if VNNI || DOT
    let isPixel =
      conv.kernel_h == 1 && conv.kernel_w == 1 && conv.stride_h == 1 && conv.stride_w == 1 && conv.pad_top == 0
      && conv.pad_left == 0 && conv.out_h == conv.in_h && conv.out_w == conv.in_w
    #if VNNI
    isDirect = isPixel && k >= 4
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

  // Scratch: the sums of a tile (and spare vectors), the sums of the rows, the gathered rows.
  var rowSumsOffset: Int { (tileRows &* panelColumns &+ panelColumns) &* 4 }
  var rowsOffset: Int { rowSumsOffset &+ blockRows &* 4 }
  var scratchBytes: Int {
    rowsOffset &+ (isDirect ? 0 : (rowLimit &* rowElements &+ spareElements) &* MemoryLayout<Element>.size) &+ 64
  }
}

/// `MSInt8MatrixKernels.conv_scratch`.
func convScratch(_ c: UnsafePointer<MSInt8Conv>) -> Int { Layer(c.pointee).scratchBytes }

/// `MSInt8MatrixKernels.conv`.
func conv(
  _ c: UnsafePointer<MSInt8Conv>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let layer = Layer(c.pointee)
  let sums = scratch.assumingMemoryBound(to: Int32.self)
  let rowSums = (scratch + layer.rowSumsOffset).assumingMemoryBound(to: Int32.self)
  let gathered = (scratch + layer.rowsOffset).assumingMemoryBound(to: Element.self)
  let finish = Finish(output: layer.c.output)
  #if VNNI
  let flip = Int32(bitPattern: UInt32(layer.c.flip ^ 0x80) &* 0x0101_0101)
  #else
  let flip: Int32 = 0
  #endif
  var row = row0
  while row < row1 {
    let count = Swift.min(layer.rowLimit, row1 &- row)
    let rows: Rows
    if layer.isDirect {
      rows = Rows(
        base: UnsafeRawPointer(layer.c.x + row &* layer.c.pixel_stride), stride: layer.c.pixel_stride, steps: layer.k / depthStep,
        tail: layer.k % depthStep, flip: flip)
    } else {
      Gather(layer.c).rows(row, row &+ count, layer.rowElements, gathered)
      rows = Rows(
        base: UnsafeRawPointer(gathered), stride: layer.rowElements &* MemoryLayout<Element>.size, steps: depthSteps(layer.k),
        tail: 0, flip: flip)
    }
    var totals: UnsafePointer<Int32>? = nil
    if layer.c.output.weight_zero != nil {
      addUp(rows, count, layer.k, rowSums)
      totals = UnsafePointer(rowSums)
    }
    block(layer, rows, row, count, panel0, panel1, sums, totals, finish)
    row &+= count
  }
}

/// Panels outside, tiles inside: a panel stays in a near cache while the block of rows passes by.
private func block(
  _ layer: Layer, _ rows: Rows, _ row: Int, _ count: Int, _ panel0: Int, _ panel1: Int, _ sums: UnsafeMutablePointer<Int32>,
  _ rowSums: UnsafePointer<Int32>?, _ finish: Finish
) {
  let panelBytes = panelElements(layer.k) &* MemoryLayout<Element>.size
  for panel in Swift.min(panel0, panel1)..<panel1 {
    let weights = layer.c.weights + panel &* panelBytes
    let column = panel &* panelColumns
    let columns = Swift.min(panelColumns, layer.c.out_channels &- column)
    var done = 0
    while done < count {
      let height = runTile(rows, done, count &- done, weights, sums)
      finish.block(
        sums, panelColumns, row: row &+ done, rows: height, column: column, columns: columns, rowSums.map { $0 + done })
      done &+= height
    }
  }
}

/// The tallest tile that fits; returns its rows.
@inline(always) private func runTile(
  _ rows: Rows, _ first: Int, _ left: Int, _ weights: UnsafeRawPointer, _ sums: UnsafeMutablePointer<Int32>
) -> Int {
  let a = rows.base + first &* rows.stride
  #if VNNI
  if left >= 12 {
    Tile<12>.run(rows, a, weights, sums)
    return 12
  }
  #endif
  #if VNNI || arch(arm64)
  if left >= 8 {
    Tile<8>.run(rows, a, weights, sums)
    return 8
  }
  #else
  if left >= 6 {
    Tile<6>.run(rows, a, weights, sums)
    return 6
  }
  #endif
  if left >= 4 {
    Tile<4>.run(rows, a, weights, sums)
    return 4
  }
  if left >= 2 {
    Tile<2>.run(rows, a, weights, sums)
    return 2
  }
  Tile<1>.run(rows, a, weights, sums)
  return 1
}

/// The sum of each row's k values, with the sign bits flipped where the tiles flip them.
private func addUp(_ rows: Rows, _ count: Int, _ k: Int, _ sums: UnsafeMutablePointer<Int32>) {
  for r in 0..<count {
    let p = (rows.base + r &* rows.stride).assumingMemoryBound(to: Element.self)
    var sum: Int32 = 0
    var i = 0
    #if VNNI
    // The products with ones, a whole vector of x at a time.
    let ones = splat(0x0101_0101), flip = splat(rows.flip)
    var total = Ints.zero
    while i &+ 64 <= k {
      total = dot(total, xor(load(UnsafeRawPointer(p + i)), flip), ones)
      i &+= 64
    }
    sum = total.wrappedSum()
    let mask = UInt8(truncatingIfNeeded: rows.flip)
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
