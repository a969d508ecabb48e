import CKernels

/// Matrix multiplication over packed panels of B, A read in place.
///
/// Every element of C is one chain of multiply-adds over k in order, started at zero; then bias, residual and activation.
/// Tiles of any height and width do exactly that, so it never matters which tile an element falls into.

/// Rows of the largest register tile, two vectors wide: accumulators, two vectors of B and one broadcast fill the
/// register file (32 registers: 12 x 2 on AVX-512; NEON keeps 8 x 2 to leave room for whole vectors of A; 16: 6 x 2).
#if AVX512
let tileRows = 12
#elseif AVX2
let tileRows = 6
#elseif arch(arm64)
let tileRows = 8
#else
let tileRows = 6
#endif

/// Rows of the largest tile one vector wide: as many chains of multiply-adds as two units of four cycles keep busy, and some.
#if AVX512 || AVX2
private let tallNarrowRows = 12
#else
private let tallNarrowRows = tileRows
#endif

/// Columns of a panel.
@inline(always) var panelColumns: Int { 2 &* width }

/// One step along k. In the half-precision module a float of A or B is a pair of bfloat16 numbers, and k counts pairs.
@inline(always) private func step(_ a: Vec, _ b: Vec, _ sum: Vec) -> Vec {
  #if BF16
  return ms_dot_bf16(sum, a, b)
  #else
  return multiplyAdd(a, b, sum)
  #endif
}

/// Steps along k that are taken one by one. NEON multiplies by a lane of a register, so that one load of a row of A is four steps.
@inline(always) private func singleSteps(_ k: Int) -> Int {
  #if arch(arm64)
  return k % width
  #else
  return k
  #endif
}

#if arch(arm64)
/// A vector of each row of A; the rows 0, 3 and 6 start at `a0`, `a3` and `a6`.
@inline(always) private func loadRows<let R: Int>(
  _ a0: Floats, _ a3: Floats, _ a6: Floats, _ lda: Int, _ rows: inout InlineArray<R, Vec>
) {
  for r in 0..<R { rows[r] = load((r < 3 ? a0 : r < 6 ? a3 : a6) + r % 3 &* lda) }
}
#endif

/// What all tiles of one multiplication share.
struct Product {
  var lda: Int, k: Int
  let n: Int
  var b: Floats
  /// Floats of a panel of B.
  let panelSize: Int
  /// A row of A is so many runs of k values, `aSkip` values between them: the kernel rows of a convolution that reads the image in
  /// place. One run for a product.
  var segments = 1, aSkip = 0
  let c: MutableFloats, ldc: Int
  let bias: Floats?
  let residual: Floats?, ldr: Int
  let activation: Activation

  @inline(always) init(
    lda: Int, k: Int, n: Int, b: Floats, c: MutableFloats, ldc: Int, bias: Floats?, residual: Floats?, ldr: Int,
    activation: Activation
  ) {
    self.lda = lda
    self.k = k
    self.n = n
    self.b = b
    panelSize = k &* panelColumns
    self.c = c
    self.ldc = ldc
    self.bias = bias
    self.residual = residual
    self.ldr = ldr
    self.activation = activation
  }

  /// Multiplies `rows` rows that start at `a` and belong to rows `row`... of C, for panels first..<last. Panels outside,
  /// tiles inside: a panel stays in the first- or second-level cache while the block of A passes by.
  @inline(never) func block(_ a: Floats, row: Int, rows: Int, _ first: Int, _ last: Int) {
    var panel = first
    if rows == 1 && segments == 1 {
      // One chain of multiply-adds per vector would wait for itself: several panels at once.
      while panel &+ RowTile.panels <= last && (panel &+ RowTile.panels) &* panelColumns <= n {
        RowTile.run(self, a, row, panel)
        panel &+= RowTile.panels
      }
    }
    // Even heights: 49 rows become 10, 10, 10, 10, 9 and not four tiles of 12 and one of 1.
    let tiles = (rows &+ tileRows &- 1) / tileRows
    let height = rows / tiles
    let taller = rows &- height &* tiles
    while panel < last {
      var done = 0
      if n &- panel &* panelColumns <= width {
        narrow(a, row: row, rows: rows, panel)
        panel &+= 1
        continue
      }
      for t in 0..<tiles {
        let count = t < taller ? height &+ 1 : height
        tile(count, a + done &* lda, row: row &+ done, panel)
        done &+= count
      }
      panel &+= 1
    }
  }

  /// The last panel where its second vector would be padding only: one vector, half the work.
  @inline(always) private func narrow(_ a: Floats, row: Int, rows: Int, _ panel: Int) {
    var done = 0
    while done &+ tallNarrowRows <= rows {
      tallNarrow(a + done &* lda, row &+ done, panel)
      done &+= tallNarrowRows
    }
    while done &+ 4 <= rows {
      NarrowTile<4>.run(self, a + done &* lda, row &+ done, panel)
      done &+= 4
    }
    while done < rows {
      NarrowTile<1>.run(self, a + done &* lda, row &+ done, panel)
      done &+= 1
    }
  }

  /// Bias, residual and clamp for one vector of columns, and the store.
  @inline(always)
  func finish<L: Lanes, let R: Int>(_ sums: InlineArray<R, Vec>, _ row: Int, _ column: Int, _ lanes: L) {
    let lo = splat(activation.lo), hi = splat(activation.hi)
    var shift = Vec.zero
    if let bias { shift = lanes.load(bias + column) }
    let target = c + (row &* ldc &+ column)
    if let residual {
      let source = residual + (row &* ldr &+ column)
      for r in 0..<R {
        lanes.store(clamp(sums[r] + shift + lanes.load(source + r &* ldr), lo, hi), target + r &* ldc)
      }
    } else {
      for r in 0..<R { lanes.store(clamp(sums[r] + shift, lo, hi), target + r &* ldc) }
    }
  }

  @inline(always) private func tallNarrow(_ a: Floats, _ row: Int, _ panel: Int) {
    #if AVX512 || AVX2
    NarrowTile<12>.run(self, a, row, panel)
    #elseif arch(arm64)
    NarrowTile<8>.run(self, a, row, panel)
    #else
    NarrowTile<6>.run(self, a, row, panel)
    #endif
  }

  @inline(always) private func tile(_ count: Int, _ a: Floats, row: Int, _ panel: Int) {
    switch count {
    case 1: Tile<1>.run(self, a, row, panel)
    case 2: Tile<2>.run(self, a, row, panel)
    case 3: Tile<3>.run(self, a, row, panel)
    case 4: Tile<4>.run(self, a, row, panel)
    case 5: Tile<5>.run(self, a, row, panel)
    #if AVX512 || arch(arm64)
    case 6: Tile<6>.run(self, a, row, panel)
    case 7: Tile<7>.run(self, a, row, panel)
    #endif
    #if AVX512
    case 8: Tile<8>.run(self, a, row, panel)
    case 9: Tile<9>.run(self, a, row, panel)
    case 10: Tile<10>.run(self, a, row, panel)
    case 11: Tile<11>.run(self, a, row, panel)
    default: Tile<12>.run(self, a, row, panel)
    #elseif arch(arm64)
    default: Tile<8>.run(self, a, row, panel)
    #else
    default: Tile<6>.run(self, a, row, panel)
    #endif
    }
  }
}

/// A tile of R rows and one panel (two vectors) whose accumulators live in registers.
enum Tile<let R: Int> {
  @inline(never) static func run(_ g: Product, _ a: Floats, _ row: Int, _ panel: Int) {
    var left = InlineArray<R, Vec>(repeating: .zero), right = InlineArray<R, Vec>(repeating: .zero)
    // Rows are reached as base, base + lda and base + 2 lda from every third row: few enough registers for all twelve,
    // and loops short enough that the compiler unrolls them.
    var a0 = a
    var a3 = a + 3 &* g.lda
    var a6 = a + 6 &* g.lda
    var a9 = a + 9 &* g.lda
    var b = g.b + panel &* g.panelSize
    for _ in 0..<g.segments {
      #if arch(arm64)
      var rows = InlineArray<R, Vec>(repeating: .zero)
      for _ in 0..<g.k / width {
        loadRows(a0, a3, a6, g.lda, &rows)
        accumulate(rows, lane: 0, b, &left, &right)
        accumulate(rows, lane: 1, b, &left, &right)
        accumulate(rows, lane: 2, b, &left, &right)
        accumulate(rows, lane: 3, b, &left, &right)
        b += width &* panelColumns
        a0 += width
        a3 += width
        a6 += width
        a9 += width
      }
      #endif
      for _ in 0..<singleSteps(g.k) {
        let b0 = load(b), b1 = load(b + width)
        accumulate(a0, g.lda, 0, b0, b1, &left, &right)
        accumulate(a3, g.lda, 3, b0, b1, &left, &right)
        accumulate(a6, g.lda, 6, b0, b1, &left, &right)
        accumulate(a9, g.lda, 9, b0, b1, &left, &right)
        a0 += 1
        a3 += 1
        a6 += 1
        a9 += 1
        b += panelColumns
      }
      a0 += g.aSkip
      a3 += g.aSkip
      a6 += g.aSkip
      a9 += g.aSkip
    }

    let column = panel &* panelColumns
    let columns = Swift.min(g.n &- column, panelColumns)
    // Panels of one vector or less are for `NarrowTile`.
    g.finish(left, row, column, AllLanes())
    if columns == panelColumns {
      g.finish(right, row, column &+ width, AllLanes())
    } else {
      g.finish(right, row, column &+ width, SomeLanes(columns &- width))
    }
    if g.activation.needsPass {
      for r in 0..<R { g.activation.finish(g.c + ((row &+ r) &* g.ldc &+ column), columns) }
    }
  }

  #if arch(arm64)
  /// All rows: step `lane` of the steps whose values of A are `rows`.
  @inline(always) private static func accumulate(
    _ rows: InlineArray<R, Vec>, lane: Int, _ b: Floats, _ left: inout InlineArray<R, Vec>, _ right: inout InlineArray<R, Vec>
  ) {
    let b0 = load(b + lane &* panelColumns), b1 = load(b + (lane &* panelColumns &+ width))
    for r in 0..<R {
      let x = splat(rows[r][lane])
      left[r] = step(x, b0, left[r])
      right[r] = step(x, b1, right[r])
    }
  }
  #endif

  /// Rows first..<first + 3, as far as the tile has them: one step of k.
  @inline(always) private static func accumulate(
    _ a: Floats, _ lda: Int, _ first: Int, _ b0: Vec, _ b1: Vec, _ left: inout InlineArray<R, Vec>,
    _ right: inout InlineArray<R, Vec>
  ) {
    for i in 0..<3 where first &+ i < R {
      let r = first &+ i
      let x = splat(a[i &* lda])
      left[r] = step(x, b0, left[r])
      right[r] = step(x, b1, right[r])
    }
  }
}

/// A tile of R rows and the first vector of a panel.
private enum NarrowTile<let R: Int> {
  @inline(never) static func run(_ g: Product, _ a: Floats, _ row: Int, _ panel: Int) {
    var sums = InlineArray<R, Vec>(repeating: .zero)
    // As in `Tile`.
    var a0 = a
    var a3 = a + 3 &* g.lda
    var a6 = a + 6 &* g.lda
    var a9 = a + 9 &* g.lda
    var b = g.b + panel &* g.panelSize
    for _ in 0..<g.segments {
      #if arch(arm64)
      var rows = InlineArray<R, Vec>(repeating: .zero)
      for _ in 0..<g.k / width {
        loadRows(a0, a3, a6, g.lda, &rows)
        for lane in 0..<width {
          let b0 = load(b + lane &* panelColumns)
          for r in 0..<R { sums[r] = step(splat(rows[r][lane]), b0, sums[r]) }
        }
        b += width &* panelColumns
        a0 += width
        a3 += width
        a6 += width
        a9 += width
      }
      #endif
      for _ in 0..<singleSteps(g.k) {
        let b0 = load(b)
        accumulate(a0, g.lda, 0, b0, &sums)
        accumulate(a3, g.lda, 3, b0, &sums)
        accumulate(a6, g.lda, 6, b0, &sums)
        accumulate(a9, g.lda, 9, b0, &sums)
        a0 += 1
        a3 += 1
        a6 += 1
        a9 += 1
        b += panelColumns
      }
      a0 += g.aSkip
      a3 += g.aSkip
      a6 += g.aSkip
      a9 += g.aSkip
    }
    let column = panel &* panelColumns
    let columns = g.n &- column
    if columns == width {
      g.finish(sums, row, column, AllLanes())
    } else {
      g.finish(sums, row, column, SomeLanes(columns))
    }
    if g.activation.needsPass {
      for r in 0..<R { g.activation.finish(g.c + ((row &+ r) &* g.ldc &+ column), columns) }
    }
  }

  @inline(always) private static func accumulate(
    _ a: Floats, _ lda: Int, _ first: Int, _ b: Vec, _ sums: inout InlineArray<R, Vec>
  ) {
    for i in 0..<3 where first &+ i < R {
      sums[first &+ i] = step(splat(a[i &* lda]), b, sums[first &+ i])
    }
  }
}

/// One row and four panels: matrix times vector.
private enum RowTile {
  static let panels = 4

  @inline(never) static func run(_ g: Product, _ a: Floats, _ row: Int, _ panel: Int) {
    var left = InlineArray<4, Vec>(repeating: .zero), right = InlineArray<4, Vec>(repeating: .zero)
    let panelSize = g.panelSize
    var b = g.b + panel &* panelSize
    for k in 0..<g.k {
      let x = splat(a[k])
      for p in 0..<panels {
        left[p] = step(x, load(b + p &* panelSize), left[p])
        right[p] = step(x, load(b + (p &* panelSize &+ width)), right[p])
      }
      b += panelColumns
    }
    let column = panel &* panelColumns
    for p in 0..<panels {
      g.finish([left[p]], row, column &+ p &* panelColumns, AllLanes())
      g.finish([right[p]], row, column &+ p &* panelColumns &+ width, AllLanes())
    }
    g.activation.finish(g.c + (row &* g.ldc &+ column), panels &* panelColumns)
  }
}

/// Floats of A that a row block may hold: a quarter megabyte, which leaves room for a panel in the second-level cache.
private let blockFloats = 65_536

/// `MSKernels.gemm`.
func gemm(_ g: UnsafePointer<MSGemm>, _ row0: Int, _ row1: Int, _ panel0: Int, _ panel1: Int) {
  let m = g.pointee
  let product = Product(
    lda: m.lda, k: m.k, n: m.n, b: m.b, c: m.c, ldc: m.ldc, bias: m.bias, residual: m.residual, ldr: m.ldr,
    activation: Activation(m.activation, m.alpha, m.beta))
  let limit = Swift.max(tileRows, blockFloats / Swift.max(m.k, 1) / tileRows &* tileRows)
  var row = row0
  while row < row1 {
    let rows = Swift.min(limit, row1 &- row)
    product.block(m.a + row &* m.lda, row: row, rows: rows, panel0, panel1)
    row &+= rows
  }
}
