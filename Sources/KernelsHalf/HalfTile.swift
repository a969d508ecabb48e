#if FP16
import CKernels

/// Tiles of float16 multiply-adds: 8 rows by one panel of two vectors, 16 accumulators.
///
/// An element of C is the sum, in float32, of chains of MSHALF_CHAIN float16 multiply-adds, cut at the same k for every tile. With
/// u = 2^-11 a chain's error is below MSHALF_CHAIN * u times the sum of its products' magnitudes (the usual bound; about the
/// square root of that in practice), however long k is.

typealias HalfVec = SIMD8<UInt16>

@inline(always) private func loadHalfVector(_ p: Words) -> HalfVec { UnsafeRawPointer(p).loadUnaligned(as: HalfVec.self) }

/// What all tiles of one multiplication share.
struct HalfProduct {
  let k: Int, n: Int
  let b: Words
  let c: MutableFloats, ldc: Int
  let bias: Floats?
  let residual: Floats?, ldr: Int
  let activation: Activation

  /// `rows` rounded rows at `a` that belong to rows `row`... of C, for panels first..<last.
  @inline(never) func block(_ a: Words, _ row: Int, _ rows: Int, _ first: Int, _ last: Int) {
    var panel = first
    if rows == 1 {
      // Two accumulators would wait for themselves: several panels at once.
      while panel &+ HalfRow.panels <= last {
        HalfRow.run(self, a, row, panel)
        panel &+= HalfRow.panels
      }
    }
    while panel < last {
      var done = 0
      while done < rows {
        let source = a + done &* k, left = rows &- done
        if left >= 8 {
          HalfTile<8>.run(self, source, row &+ done, panel)
          done &+= 8
        } else if left >= 4 {
          HalfTile<4>.run(self, source, row &+ done, panel)
          done &+= 4
        } else if left >= 2 {
          HalfTile<2>.run(self, source, row &+ done, panel)
          done &+= 2
        } else {
          HalfTile<1>.run(self, source, row &+ done, panel)
          done &+= 1
        }
      }
      panel &+= 1
    }
  }

  /// Bias, residual, activation and store of one row of a panel: four vectors of sums.
  @inline(always) func finish(_ sums: UnsafePointer<Vec>, _ row: Int, _ panel: Int) {
    let lo = splat(activation.lo), hi = splat(activation.hi)
    let start = panel &* halfColumns
    let target = c + row &* ldc
    for v in 0..<4 {
      let column = start &+ v &* width, count = Swift.min(n &- column, width)
      if count == width {
        finish(sums[v], row, column, target, lo, hi, AllLanes())
      } else if count > 0 {
        finish(sums[v], row, column, target, lo, hi, SomeLanes(count))
      }
    }
    if activation.needsPass { activation.finish(target + start, Swift.min(halfColumns, n &- start)) }
  }

  @inline(always) private func finish<L: Lanes>(
    _ sum: Vec, _ row: Int, _ column: Int, _ target: MutableFloats, _ lo: Vec, _ hi: Vec, _ lanes: L
  ) {
    var sum = sum
    if let bias { sum = sum + lanes.load(bias + column) }
    if let residual { sum = sum + lanes.load(residual + (row &* ldr &+ column)) }
    lanes.store(clamp(sum, lo, hi), target + column)
  }
}

/// R rows and one panel.
private enum HalfTile<let R: Int> {
  @inline(never) static func run(_ g: HalfProduct, _ a: Words, _ row: Int, _ panel: Int) {
    // Sums of finished chains, four vectors a row; only the chains in progress are in registers.
    var sums = InlineArray<32, Vec>(repeating: .zero)
    var b = g.b + panel &* g.k &* halfColumns
    var a = a
    var left = g.k
    while left > 0 {
      let chain = Swift.min(left, Int(MSHALF_CHAIN))
      var low = InlineArray<R, HalfVec>(repeating: .zero), high = InlineArray<R, HalfVec>(repeating: .zero)
      var values = InlineArray<R, HalfVec>(repeating: .zero)
      for _ in 0..<(chain / 8) {
        for r in 0..<R { values[r] = loadHalfVector(a + r &* g.k) }
        step(0, b, values, &low, &high)
        step(1, b, values, &low, &high)
        step(2, b, values, &low, &high)
        step(3, b, values, &low, &high)
        step(4, b, values, &low, &high)
        step(5, b, values, &low, &high)
        step(6, b, values, &low, &high)
        step(7, b, values, &low, &high)
        a += 8
        b += 8 &* halfColumns
      }
      for r in 0..<R {
        sums[4 &* r] = sums[4 &* r] + ms_low_f16(low[r])
        sums[4 &* r &+ 1] = sums[4 &* r &+ 1] + ms_high_f16(low[r])
        sums[4 &* r &+ 2] = sums[4 &* r &+ 2] + ms_low_f16(high[r])
        sums[4 &* r &+ 3] = sums[4 &* r &+ 3] + ms_high_f16(high[r])
      }
      left &-= chain
    }
    withUnsafeBytes(of: &sums) {
      let base = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Vec.self)
      for r in 0..<R { g.finish(base + 4 &* r, row &+ r, panel) }
    }
  }

  /// One step along k: lane `lane` of every row.
  @inline(always) private static func step(
    _ lane: Int32, _ b: Words, _ values: InlineArray<R, HalfVec>, _ low: inout InlineArray<R, HalfVec>,
    _ high: inout InlineArray<R, HalfVec>
  ) {
    let b0 = loadHalfVector(b + Int(lane) &* halfColumns), b1 = loadHalfVector(b + (Int(lane) &* halfColumns &+ 8))
    for r in 0..<R {
      low[r] = ms_fma_lane_f16(low[r], b0, values[r], lane)
      high[r] = ms_fma_lane_f16(high[r], b1, values[r], lane)
    }
  }
}

/// One row and four panels: matrix times vector.
private enum HalfRow {
  static let panels = 4

  @inline(never) static func run(_ g: HalfProduct, _ a: Words, _ row: Int, _ panel: Int) {
    var sums = InlineArray<16, Vec>(repeating: .zero)
    let panelSize = g.k &* halfColumns
    var b = g.b + panel &* panelSize
    var a = a
    var left = g.k
    while left > 0 {
      let chain = Swift.min(left, Int(MSHALF_CHAIN))
      var low = InlineArray<4, HalfVec>(repeating: .zero), high = InlineArray<4, HalfVec>(repeating: .zero)
      for _ in 0..<(chain / 8) {
        let values = loadHalfVector(a)
        step(0, b, panelSize, values, &low, &high)
        step(1, b, panelSize, values, &low, &high)
        step(2, b, panelSize, values, &low, &high)
        step(3, b, panelSize, values, &low, &high)
        step(4, b, panelSize, values, &low, &high)
        step(5, b, panelSize, values, &low, &high)
        step(6, b, panelSize, values, &low, &high)
        step(7, b, panelSize, values, &low, &high)
        a += 8
        b += 8 &* halfColumns
      }
      for p in 0..<panels {
        sums[4 &* p] = sums[4 &* p] + ms_low_f16(low[p])
        sums[4 &* p &+ 1] = sums[4 &* p &+ 1] + ms_high_f16(low[p])
        sums[4 &* p &+ 2] = sums[4 &* p &+ 2] + ms_low_f16(high[p])
        sums[4 &* p &+ 3] = sums[4 &* p &+ 3] + ms_high_f16(high[p])
      }
      left &-= chain
    }
    withUnsafeBytes(of: &sums) {
      let base = $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Vec.self)
      for p in 0..<panels { g.finish(base + 4 &* p, row, panel &+ p) }
    }
  }

  @inline(always) private static func step(
    _ lane: Int32, _ b: Words, _ panelSize: Int, _ values: HalfVec, _ low: inout InlineArray<4, HalfVec>,
    _ high: inout InlineArray<4, HalfVec>
  ) {
    let b = b + Int(lane) &* halfColumns
    for p in 0..<panels {
      low[p] = ms_fma_lane_f16(low[p], loadHalfVector(b + p &* panelSize), values, lane)
      high[p] = ms_fma_lane_f16(high[p], loadHalfVector(b + (p &* panelSize &+ 8)), values, lane)
    }
  }
}
#endif
