import CKernels

/// Packing of B into panels of 16-bit numbers. bfloat16: [k / 2][columns][2], so that a vector holds pairs along k; float16:
/// [k][columns]. Rows beyond k and columns beyond n are zeros.

/// Rows of a panel that are rounded together: [columns][blockRows] numbers, 4 KB.
private let blockRows = 64

/// `MSHalfKernels.gemm_pack_b`.
func halfPackB(
  _ packed: MutableWords, _ b: UnsafeRawPointer, _ fromHalf: Int32, _ k: Int, _ n: Int, _ rowStride: Int, _ colStride: Int,
  _ first: Int, _ last: Int
) {
  let depth = steps(k)
  let source = PackSource(base: b, isHalf: fromHalf != 0)
  for panel in Swift.min(first, last)..<last {
    let column = panel &* halfColumns
    let columns = Swift.min(halfColumns, n &- column)
    var row = 0
    while row < depth {
      let rows = Swift.min(blockRows, depth &- row), filled = Swift.min(Swift.max(k &- row, 0), rows)
      packBlock(
        source, row &* rowStride &+ column &* colStride, rowStride, colStride, filled, columns,
        packed + (panel &* depth &+ row) &* halfColumns, rows)
      row &+= rows
    }
  }
}

/// Weights as the file has them.
private struct PackSource {
  let base: UnsafeRawPointer
  let isHalf: Bool

  /// `n` neighbouring numbers, rounded.
  @inline(never) func run(_ at: Int, _ n: Int, _ target: MutableWords) {
    if !isHalf {
      roundRow(base.assumingMemoryBound(to: Float.self) + at, target, n)
      return
    }
    let words = base.assumingMemoryBound(to: UInt16.self) + at
    #if BF16
    var floats = InlineArray<64, Float>(repeating: 0)
    withUnsafeMutableBytes(of: &floats) {
      let wide = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Float.self)
      widen(words, wide, n)
      roundRow(wide, target, n)
    }
    #else
    target.update(from: words, count: n)
    #endif
  }
}

/// `rows` rows of a panel at `target`, the first `filled` of them from the source.
private func packBlock(
  _ source: PackSource, _ at: Int, _ rowStride: Int, _ colStride: Int, _ filled: Int, _ columns: Int, _ target: MutableWords,
  _ rows: Int
) {
  var block = InlineArray<2048, UInt16>(repeating: 0)
  withUnsafeMutableBytes(of: &block) {
    let words = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt16.self)
    if colStride == 1 {
      // By rows of the panel.
      for r in 0..<filled { source.run(at &+ r &* rowStride, columns, words + r &* halfColumns) }
      #if BF16
      for pair in 0..<(rows / 2) {
        let row = words + 2 &* pair &* halfColumns, pairs = UnsafeMutableRawPointer(target + 2 &* pair &* halfColumns)
        for v in 0..<2 {
          let low = IntVec(truncatingIfNeeded: loadHalves(row + v &* width))
          let high = IntVec(truncatingIfNeeded: loadHalves(row + (halfColumns &+ v &* width)))
          (pairs + v &* width &* 4).storeBytes(of: or(low, shiftLeft(high, 16)), as: IntVec.self)
        }
      }
      #else
      target.update(from: words, count: rows &* halfColumns)
      #endif
      return
    }
    // By columns: [columns][blockRows].
    for c in 0..<columns {
      if rowStride == 1 {
        source.run(at &+ c &* colStride, filled, words + c &* blockRows)
      } else {
        for r in 0..<filled { source.run(at &+ c &* colStride &+ r &* rowStride, 1, words + (c &* blockRows &+ r)) }
      }
    }
    #if BF16
    transpose(
      UnsafeRawPointer(words).assumingMemoryBound(to: UInt32.self), blockRows / 2,
      UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt32.self), halfColumns, halfColumns, rows / 2)
    #else
    for r in 0..<rows {
      for c in 0..<halfColumns { target[r &* halfColumns &+ c] = words[c &* blockRows &+ r] }
    }
    #endif
  }
}
