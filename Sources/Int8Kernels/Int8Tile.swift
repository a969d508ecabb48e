/// Register tiles of the 8-bit product: sums in registers over the whole depth, stored as int32 for `Finish`.

#if VNNI
let tileRows = 12
#elseif arch(arm64)
let tileRows = 8
#else
let tileRows = 6
#endif

/// Columns of a panel: two vectors.
@inline(always) var panelColumns: Int { 2 &* lanes }

/// Rows of x as a tile reads them: `stride` bytes apart; `segments` runs, `segmentStride` bytes apart, of `steps` groups of 32 bits; then,
/// behind a single run, `tail` (0...3) bytes.
struct Rows {
  let base: UnsafeRawPointer
  let stride: Int
  let segments: Int
  let segmentStride: Int
  let steps: Int
  let tail: Int
  /// Flips the sign bit of every byte, for instructions that take unsigned values. As a vector: the compiler would flip a number before
  /// it broadcasts it, and not broadcast it while it is loaded.
  let flip: Ints
}

/// R rows of V vectors of columns.
enum Tile<let R: Int, let V: Int> {
  /// Stores the sums.
  @inline(never)
  static func run(_ rows: Rows, _ a: UnsafeRawPointer, _ weights: UnsafeRawPointer, _ sums: UnsafeMutablePointer<Int32>) {
    var left = InlineArray<R, Ints>(repeating: .zero), right = InlineArray<R, Ints>(repeating: .zero)
    multiply(rows, a, weights, &left, &right)
    storeThree(0, left, right, sums)
    storeThree(3, left, right, sums)
    storeThree(6, left, right, sums)
    storeThree(9, left, right, sums)
  }

  @inline(always) private static func storeThree(
    _ first: Int, _ left: InlineArray<R, Ints>, _ right: InlineArray<R, Ints>, _ sums: UnsafeMutablePointer<Int32>
  ) {
    for i in 0..<3 where first &+ i < R {
      let r = first &+ i
      store(left[r], sums + r &* panelColumns)
      store(right[r], sums + (r &* panelColumns &+ lanes))
    }
  }

  #if VNNI
  /// Stores the results, from output row `row` on.
  @inline(never)
  static func run(_ rows: Rows, _ a: UnsafeRawPointer, _ weights: UnsafeRawPointer, _ panel: Panel, _ row: Int) {
    var left = InlineArray<R, Ints>(repeating: panel.offset(0))
    var right = InlineArray<R, Ints>(repeating: V > 1 ? panel.offset(1) : .zero)
    multiply(rows, a, weights, &left, &right)
    // Read once: the compiler has to assume that the results overwrite them.
    let scaling = panel.scaling(0)
    if V > 1 {
      let second = panel.scaling(1)
      pair(0, left, right, scaling, second, panel, row)
      pair(2, left, right, scaling, second, panel, row)
      pair(4, left, right, scaling, second, panel, row)
      pair(6, left, right, scaling, second, panel, row)
      pair(8, left, right, scaling, second, panel, row)
      pair(10, left, right, scaling, second, panel, row)
    } else {
      four(0, left, scaling, panel, row)
      four(4, left, scaling, panel, row)
      four(8, left, scaling, panel, row)
    }
  }

  // Like the steps of the product, these are written out: a loop that is not unrolled would keep the sums in memory.
  @inline(always) private static func pair(
    _ r: Int, _ left: InlineArray<R, Ints>, _ right: InlineArray<R, Ints>, _ first: BoundedScaling, _ second: BoundedScaling,
    _ panel: Panel, _ row: Int
  ) {
    if r >= R { return }
    let next = Swift.min(r &+ 1, R &- 1)
    panel.store(row &+ r, left[r], right[r], left[next], right[next], first, second, both: next > r)
  }

  @inline(always) private static func four(
    _ r: Int, _ left: InlineArray<R, Ints>, _ scaling: BoundedScaling, _ panel: Panel, _ row: Int
  ) {
    if r >= R { return }
    let last = R &- 1
    panel.store(
      row &+ r, left[r], left[Swift.min(r &+ 1, last)], left[Swift.min(r &+ 2, last)], left[Swift.min(r &+ 3, last)], scaling,
      count: Swift.min(4, R &- r))
  }
  #endif

  @inline(always) private static func multiply(
    _ rows: Rows, _ a: UnsafeRawPointer, _ weights: UnsafeRawPointer, _ left: inout InlineArray<R, Ints>,
    _ right: inout InlineArray<R, Ints>
  ) {
    var b = weights
    let flip = rows.flip
    var a0 = a
    for segment in 0..<rows.segments {
      // As in the float tiles: few registers for all rows, and loops that are unrolled.
      a0 = a + segment &* rows.segmentStride
      var a3 = a0 + 3 &* rows.stride
      var a6 = a0 + 6 &* rows.stride
      var a9 = a0 + 9 &* rows.stride
      #if arch(arm64)
      var steps = rows.steps
      // NEON multiplies by a lane of a register: one load of a row is four steps.
      var values = InlineArray<R, Ints>(repeating: .zero)
      for _ in 0..<steps / lanes {
        for r in 0..<R { values[r] = load((r < 3 ? a0 : r < 6 ? a3 : a6) + r % 3 &* rows.stride) }
        accumulate(values, lane: 0, b, &left, &right)
        accumulate(values, lane: 1, b, &left, &right)
        accumulate(values, lane: 2, b, &left, &right)
        accumulate(values, lane: 3, b, &left, &right)
        a0 += 4 &* lanes
        a3 += 4 &* lanes
        a6 += 4 &* lanes
        a9 += 4 &* lanes
        b += lanes &* 2 &* MemoryLayout<Ints>.size
      }
      steps %= lanes
      #else
      let steps = rows.steps
      #endif
      for _ in 0..<steps {
        let b0 = load(b), b1 = V > 1 ? load(b + MemoryLayout<Ints>.size) : b0
        accumulate(a0, rows.stride, 0, flip, b0, b1, &left, &right)
        accumulate(a3, rows.stride, 3, flip, b0, b1, &left, &right)
        accumulate(a6, rows.stride, 6, flip, b0, b1, &left, &right)
        accumulate(a9, rows.stride, 9, flip, b0, b1, &left, &right)
        a0 += 4
        a3 += 4
        a6 += 4
        a9 += 4
        b += 2 &* MemoryLayout<Ints>.size
      }
    }
    #if VNNI || DOT
    if rows.tail > 0 {
      let b0 = load(b), b1 = V > 1 ? load(b + MemoryLayout<Ints>.size) : b0
      // The last four bytes of the row; those that belong to earlier steps are shifted out.
      let back = 4 &- rows.tail
      let shift = UInt32(truncatingIfNeeded: 8 &* back)
      a0 -= back
      accumulate(a0, rows.stride, 0, flip, b0, b1, &left, &right, shift)
      accumulate(a0 + 3 &* rows.stride, rows.stride, 3, flip, b0, b1, &left, &right, shift)
      accumulate(a0 + 6 &* rows.stride, rows.stride, 6, flip, b0, b1, &left, &right, shift)
      accumulate(a0 + 9 &* rows.stride, rows.stride, 9, flip, b0, b1, &left, &right, shift)
    }
    #endif
  }

  #if arch(arm64)
  /// All rows: step `lane` of the steps whose values are `values`.
  @inline(always) private static func accumulate(
    _ values: InlineArray<R, Ints>, lane: Int, _ b: UnsafeRawPointer, _ left: inout InlineArray<R, Ints>,
    _ right: inout InlineArray<R, Ints>
  ) {
    let b0 = load(b + lane &* 2 &* MemoryLayout<Ints>.size), b1 = load(b + (lane &* 2 &+ 1) &* MemoryLayout<Ints>.size)
    for r in 0..<R {
      left[r] = dot(left[r], values[r], lane: lane, b0)
      if V > 1 { right[r] = dot(right[r], values[r], lane: lane, b1) }
    }
  }
  #endif

  @inline(always) private static func accumulate(
    _ a: UnsafeRawPointer, _ stride: Int, _ first: Int, _ flip: Ints, _ b0: Ints, _ b1: Ints,
    _ left: inout InlineArray<R, Ints>, _ right: inout InlineArray<R, Ints>, _ shift: UInt32 = 0
  ) {
    for i in 0..<3 where first &+ i < R {
      let bits = (a + i &* stride).loadUnaligned(as: UInt32.self) &>> shift
      step(first &+ i, Int32(bitPattern: bits), flip, b0, b1, &left, &right)
    }
  }

  @inline(always) private static func step(
    _ r: Int, _ bits: Int32, _ flip: Ints, _ b0: Ints, _ b1: Ints, _ left: inout InlineArray<R, Ints>,
    _ right: inout InlineArray<R, Ints>
  ) {
    #if VNNI
    let x = xor(splat(bits), flip)
    #else
    let x = splat(bits)
    #endif
    left[r] = dot(left[r], x, b0)
    if V > 1 { right[r] = dot(right[r], x, b1) }
  }
}
