/// Packing of B into panels: panel p holds columns p * panelColumns ..., row after row, padded with zero columns.

/// `MSKernels.gemm_pack_b`.
func gemmPackB(
  _ packed: MutableFloats, _ b: Floats, _ k: Int, _ n: Int, _ rowStride: Int, _ colStride: Int, _ first: Int, _ last: Int
) {
  for panel in Swift.min(first, last)..<last {
    let target = packed + panel &* k &* panelColumns
    let source = b + panel &* panelColumns &* colStride
    let columns = Swift.min(panelColumns, n &- panel &* panelColumns)
    if columns < panelColumns { fillZero(target, k &* panelColumns) }
    if colStride == 1 {
      for row in 0..<k { copy(source + row &* rowStride, target + row &* panelColumns, columns) }
    } else if rowStride == 1 {
      transpose(words(source), colStride, words(target), panelColumns, columns, k)
    } else {
      for row in 0..<k {
        for column in 0..<columns {
          target[row &* panelColumns &+ column] = source[row &* rowStride &+ column &* colStride]
        }
      }
    }
  }
}

/// `MSKernels.gemm_pack_b_f16`.
func gemmPackBHalf(
  _ packed: MutableFloats, _ b: UnsafePointer<UInt16>, _ k: Int, _ n: Int, _ rowStride: Int, _ colStride: Int,
  _ first: Int, _ last: Int
) {
  for panel in Swift.min(first, last)..<last {
    let target = packed + panel &* k &* panelColumns
    let source = b + panel &* panelColumns &* colStride
    let columns = Swift.min(panelColumns, n &- panel &* panelColumns)
    if columns < panelColumns { fillZero(target, k &* panelColumns) }
    if colStride == 1 {
      for row in 0..<k { widen(source + row &* rowStride, target + row &* panelColumns, columns) }
    } else {
      for column in 0..<columns {
        packColumn(source + column &* colStride, rowStride, target + column, k)
      }
    }
  }
}

/// One column of a panel: vectors of k converted together, then stored one by one a panel row apart.
private func packColumn(_ source: UnsafePointer<UInt16>, _ rowStride: Int, _ target: MutableFloats, _ k: Int) {
  var row = 0
  while row < k {
    let count = Swift.min(width, k &- row)
    var halves = HalfBits.zero
    for i in 0..<count { halves[i] = source[(row &+ i) &* rowStride] }
    let values = toFloat(halves)
    for i in 0..<count { target[(row &+ i) &* panelColumns] = values[i] }
    row &+= count
  }
}

@inline(always) func words(_ p: Floats) -> UnsafePointer<UInt32> {
  UnsafeRawPointer(p).assumingMemoryBound(to: UInt32.self)
}

@inline(always) func words(_ p: MutableFloats) -> UnsafeMutablePointer<UInt32> {
  UnsafeMutableRawPointer(p).assumingMemoryBound(to: UInt32.self)
}
