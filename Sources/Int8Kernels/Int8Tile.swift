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

/// Rows of x as a tile reads them: `stride` bytes apart; `steps` groups of 32 bits, then `tail` (0...3) bytes.
struct Rows {
  let base: UnsafeRawPointer
  let stride: Int
  let steps: Int
  let tail: Int
  /// Flips the sign bit of every byte, for instructions that take unsigned values.
  let flip: Int32
}

enum Tile<let R: Int> {
  @inline(never)
  static func run(_ rows: Rows, _ a: UnsafeRawPointer, _ weights: UnsafeRawPointer, _ sums: UnsafeMutablePointer<Int32>) {
    var left = InlineArray<R, Ints>(repeating: .zero), right = InlineArray<R, Ints>(repeating: .zero)
    // As in the float tiles: few registers for all rows, and loops that are unrolled.
    var a0 = a
    var a3 = a + 3 &* rows.stride
    var a6 = a + 6 &* rows.stride
    var a9 = a + 9 &* rows.stride
    var b = weights
    let flip = splat(rows.flip)
    var steps = rows.steps
    #if arch(arm64)
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
    #endif
    for _ in 0..<steps {
      let b0 = load(b), b1 = load(b + MemoryLayout<Ints>.size)
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
    #if VNNI || DOT
    if rows.tail > 0 {
      let b0 = load(b), b1 = load(b + MemoryLayout<Ints>.size)
      // The last four bytes of the row; those that belong to earlier steps are shifted out.
      let back = 4 &- rows.tail
      for r in 0..<R {
        let last = (a0 + (r &* rows.stride &- back)).loadUnaligned(as: UInt32.self) &>> UInt32(truncatingIfNeeded: 8 &* back)
        step(r, Int32(bitPattern: last), flip, b0, b1, &left, &right)
      }
    }
    #endif
    for r in 0..<R {
      store(left[r], sums + r &* panelColumns)
      store(right[r], sums + (r &* panelColumns &+ lanes))
    }
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
      right[r] = dot(right[r], values[r], lane: lane, b1)
    }
  }
  #endif

  @inline(always) private static func accumulate(
    _ a: UnsafeRawPointer, _ stride: Int, _ first: Int, _ flip: Ints, _ b0: Ints, _ b1: Ints,
    _ left: inout InlineArray<R, Ints>, _ right: inout InlineArray<R, Ints>
  ) {
    for i in 0..<3 where first &+ i < R {
      step(first &+ i, (a + i &* stride).loadUnaligned(as: Int32.self), flip, b0, b1, &left, &right)
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
    right[r] = dot(right[r], x, b1)
  }
}
