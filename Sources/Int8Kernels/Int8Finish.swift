import CKernels

/// The last step: sums become int8 values, floats, or stay sums.
struct Finish {
  let output: MSInt8Output

  /// `rows` rows of sums, `stride` apart, into output rows row..., channels column ..< column + columns. `rowSums`: the sums of the
  /// rows' values, where the weights have zero points.
  @inline(never) func block(
    _ sums: UnsafePointer<Int32>, _ stride: Int, row: Int, rows: Int, column: Int, columns: Int,
    _ rowSums: UnsafePointer<Int32>?
  ) {
    if output.kind == Int32(MS_INT8_QUANTIZED.rawValue) {
      quantize(sums, stride, row: row, rows: rows, column: column, columns: columns, rowSums)
      return
    }
    var c = 0
    while c < columns {
      for r in 0..<rows {
        vector(
          total(load(sums + (r &* stride &+ c)), column &+ c, rowSums.map { $0[r] }), row &+ r, column &+ c,
          Swift.min(columns &- c, lanes))
      }
      c &+= lanes
    }
  }

  @inline(always) private func total(_ sum: Ints, _ column: Int, _ rowSum: Int32?) -> Ints {
    var x = add(sum, load(output.offset + column))
    if let rowSum, let zero = output.weight_zero { x = x &- load(zero + column) &* splat(rowSum) }
    return x
  }

  @inline(always) private func quantize(
    _ sums: UnsafePointer<Int32>, _ stride: Int, row: Int, rows: Int, column: Int, columns: Int,
    _ rowSums: UnsafePointer<Int32>?
  ) {
    guard let multiplier = output.multiplier, let shift = output.shift else { return }
    // Clamped before the zero point is added, which could overflow.
    let zero = splat(output.zero), lo = splat(output.lo &- output.zero), hi = splat(output.hi &- output.zero)
    let flip = UInt8(truncatingIfNeeded: output.flip), upward = output.upward != 0
    let y = output.y.assumingMemoryBound(to: Int8.self) + (row &* output.ldc &+ column)
    var c = 0
    while c < columns {
      let at = column &+ c
      let count = Swift.min(columns &- c, 2 &* lanes)
      let first = Scaling(load(multiplier + at), load(shift + at), upward: upward)
      let hasSecond = count > lanes
      let second = hasSecond ? Scaling(load(multiplier + (at &+ lanes)), load(shift + (at &+ lanes)), upward: upward) : first
      for r in 0..<rows {
        let source = sums + (r &* stride &+ c)
        let rowSum = rowSums.map { $0[r] }
        let low = add(clamp(first.apply(total(load(source), at, rowSum)), lo, hi), zero)
        var high = low
        if hasSecond { high = add(clamp(second.apply(total(load(source + lanes), at &+ lanes, rowSum)), lo, hi), zero) }
        storeBytes(low, high, y + (r &* output.ldc &+ c), count, flip)
      }
      c &+= 2 &* lanes
    }
  }

  /// One vector of floats or sums.
  @inline(always) private func vector(_ x: Ints, _ row: Int, _ column: Int, _ count: Int) {
    let place = row &* output.ldc &+ column
    if output.kind == Int32(MS_INT8_FLOAT.rawValue) {
      let y = finishedFloats(x, column)
      let target = output.y.assumingMemoryBound(to: Float.self) + place
      if count == lanes {
        UnsafeMutableRawPointer(target).storeBytes(of: y, as: Floats.self)
      } else {
        for i in 0..<count { target[i] = y[i] }
      }
    } else {
      let target = output.y.assumingMemoryBound(to: Int32.self) + place
      if count == lanes {
        store(x, target)
      } else {
        for i in 0..<count { target[i] = x[i] }
      }
    }
  }

  @inline(always) private func finishedFloats(_ x: Ints, _ column: Int) -> Floats {
    var y = toFloat(x)
    if let scale = output.scale { y = y * UnsafeRawPointer(scale + column).loadUnaligned(as: Floats.self) }
    if let bias = output.bias { y = y + UnsafeRawPointer(bias + column).loadUnaligned(as: Floats.self) }
    return clamp(y, Floats(repeating: output.float_lo), Floats(repeating: output.float_hi))
  }
}

/// `MSInt8MatrixKernels.finish`.
func finish(
  _ sums: UnsafePointer<Int32>, _ rowStride: Int, _ rows: Int, _ n: Int, _ row: Int, _ output: UnsafePointer<MSInt8Output>
) {
  Finish(output: output.pointee).block(sums, rowStride, row: row, rows: rows, column: 0, columns: n, nil)
}
