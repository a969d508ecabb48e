import CKernels

/// Reductions. The order of operations follows from the length alone: rows go into four vectors in turn, which are then
/// combined in halves; columns are combined in blocks of rows.

/// One of `MSReduce`: values are prepared, then combined from a start value.
protocol Reduction: Combining {
  static var start: Vec { get }
  static func prepare(_ x: Vec) -> Vec
}

enum SumReduction: Reduction {
  @inline(always) static var start: Vec { .zero }
  @inline(always) static func prepare(_ x: Vec) -> Vec { x }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { a + b }
}
enum MaxReduction: Reduction {
  @inline(always) static var start: Vec { splat(-.infinity) }
  @inline(always) static func prepare(_ x: Vec) -> Vec { x }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { maximum(a, b) }
}
enum MinReduction: Reduction {
  @inline(always) static var start: Vec { splat(.infinity) }
  @inline(always) static func prepare(_ x: Vec) -> Vec { x }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { minimum(a, b) }
}
enum ProductReduction: Reduction {
  @inline(always) static var start: Vec { splat(1) }
  @inline(always) static func prepare(_ x: Vec) -> Vec { x }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { a * b }
}
enum SumSquareReduction: Reduction {
  @inline(always) static var start: Vec { .zero }
  @inline(always) static func prepare(_ x: Vec) -> Vec { x * x }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { a + b }
}
enum SumAbsReduction: Reduction {
  @inline(always) static var start: Vec { .zero }
  @inline(always) static func prepare(_ x: Vec) -> Vec { absolute(x) }
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { a + b }
}

/// Lanes 0..<count of v, and of `other` behind them.
@inline(always) func merge(_ v: Vec, _ count: Int, _ other: Vec) -> Vec {
  var lane = IntVec.zero
  for i in 0..<width { lane[i] = Int32(truncatingIfNeeded: i) }
  return select(lane .< splat(Int32(truncatingIfNeeded: count)), v, other)
}

/// The reduction of n contiguous values.
@inline(always) func reduce<R: Reduction>(_ r: R.Type, _ x: Floats, _ n: Int) -> Float {
  var s0 = R.start, s1 = R.start, s2 = R.start, s3 = R.start
  var i = 0
  while i &+ 4 &* width <= n {
    s0 = R.combine(s0, R.prepare(load(x + i)))
    s1 = R.combine(s1, R.prepare(load(x + (i &+ width))))
    s2 = R.combine(s2, R.prepare(load(x + (i &+ 2 &* width))))
    s3 = R.combine(s3, R.prepare(load(x + (i &+ 3 &* width))))
    i &+= 4 &* width
  }
  while i &+ width <= n {
    s0 = R.combine(s0, R.prepare(load(x + i)))
    i &+= width
  }
  if i < n { s1 = R.combine(s1, merge(R.prepare(partialLoad(x + i, n &- i)), n &- i, R.start)) }
  return horizontal(r, R.combine(R.combine(s0, s1), R.combine(s2, s3)))
}

@inline(never)
private func reduceRows<R: Reduction>(_ r: R.Type, _ x: Floats, _ y: MutableFloats, _ rows: Int, _ n: Int) {
  for row in 0..<rows { y[row] = reduce(r, x + row &* n, n) }
}

/// `MSKernels.reduce_rows`.
func reduceRows(_ op: Int32, _ x: Floats, _ y: MutableFloats, _ rows: Int, _ n: Int) {
  switch MSReduce(rawValue: UInt32(bitPattern: op)) {
  case MS_REDUCE_MAX: reduceRows(MaxReduction.self, x, y, rows, n)
  case MS_REDUCE_MIN: reduceRows(MinReduction.self, x, y, rows, n)
  case MS_REDUCE_PROD: reduceRows(ProductReduction.self, x, y, rows, n)
  case MS_REDUCE_SUM_SQUARE: reduceRows(SumSquareReduction.self, x, y, rows, n)
  case MS_REDUCE_SUM_ABS: reduceRows(SumAbsReduction.self, x, y, rows, n)
  default: reduceRows(SumReduction.self, x, y, rows, n)
  }
}

/// Rows combined before they join the total: long sums lose less than in a single chain.
private let rowBlock = 64

@inline(never)
private func reduceColumns<R: Reduction>(
  _ r: R.Type, _ x: Floats, _ y: MutableFloats, _ rows: Int, _ columns: Int, _ stride: Int
) {
  var c = 0
  while c &+ 4 &* width <= columns {
    var totals = InlineArray<4, Vec>(repeating: R.start)
    var row = 0
    while row < rows {
      let end = Swift.min(row &+ rowBlock, rows)
      var sums = InlineArray<4, Vec>(repeating: R.start)
      while row < end {
        let p = x + (row &* stride &+ c)
        for v in 0..<4 { sums[v] = R.combine(sums[v], R.prepare(load(p + v &* width))) }
        row &+= 1
      }
      for v in 0..<4 { totals[v] = R.combine(totals[v], sums[v]) }
    }
    for v in 0..<4 { store(totals[v], y + (c &+ v &* width)) }
    c &+= 4 &* width
  }
  while c < columns {
    let lanes = SomeLanes(Swift.min(width, columns &- c))
    var total = R.start
    var row = 0
    while row < rows {
      let end = Swift.min(row &+ rowBlock, rows)
      var sum = R.start
      while row < end {
        sum = R.combine(sum, R.prepare(lanes.load(x + (row &* stride &+ c))))
        row &+= 1
      }
      total = R.combine(total, sum)
    }
    lanes.store(total, y + c)
    c &+= width
  }
}

/// `MSKernels.reduce_columns`.
func reduceColumns(_ op: Int32, _ x: Floats, _ y: MutableFloats, _ rows: Int, _ columns: Int, _ stride: Int) {
  switch MSReduce(rawValue: UInt32(bitPattern: op)) {
  case MS_REDUCE_MAX: reduceColumns(MaxReduction.self, x, y, rows, columns, stride)
  case MS_REDUCE_MIN: reduceColumns(MinReduction.self, x, y, rows, columns, stride)
  case MS_REDUCE_PROD: reduceColumns(ProductReduction.self, x, y, rows, columns, stride)
  case MS_REDUCE_SUM_SQUARE: reduceColumns(SumSquareReduction.self, x, y, rows, columns, stride)
  case MS_REDUCE_SUM_ABS: reduceColumns(SumAbsReduction.self, x, y, rows, columns, stride)
  default: reduceColumns(SumReduction.self, x, y, rows, columns, stride)
  }
}
