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
    for _ in 0..<rows.steps {
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
