/// Packing of weights into panels: panel p holds columns p * panelColumns ..., step after step of the depth, padded with zeros.
/// Within a step the 32 bits of a column lie together, except where the instruction wants it otherwise (NEON).

@inline(always) func depthSteps(_ k: Int) -> Int { (k &+ depthStep &- 1) / depthStep }

/// Elements of one panel.
@inline(always) func panelElements(_ k: Int) -> Int { depthSteps(k) &* depthStep &* panelColumns }

/// `MSInt8MatrixKernels.packed_bytes`.
func packedBytes(_ k: Int, _ n: Int) -> Int {
  (n &+ panelColumns &- 1) / panelColumns &* panelElements(k) &* MemoryLayout<Element>.size
}

/// `MSInt8MatrixKernels.pack`.
func pack(
  _ packed: UnsafeMutableRawPointer, _ sums: UnsafeMutablePointer<Int32>, _ b: UnsafePointer<Int8>, _ flip: Int32,
  _ zero: UnsafePointer<Int32>?, _ k: Int, _ n: Int, _ rowStride: Int, _ colStride: Int, _ first: Int, _ last: Int
) {
  let flip = Int8(truncatingIfNeeded: flip)
  let elements = packed.assumingMemoryBound(to: Element.self)
  for panel in Swift.min(first, last)..<last {
    let target = elements + panel &* panelElements(k)
    #if VNNI || DOT
    if rowStride == 1 && panel &* panelColumns &+ panelColumns <= n {
      packColumns(target, sums + panel &* panelColumns, b + panel &* panelColumns &* colStride, flip, k, colStride)
      continue
    }
    #endif
    for column in 0..<panelColumns {
      let c = panel &* panelColumns &+ column
      var sum: Int32 = 0
      var place = target + columnPlace(column)
      for step in 0..<depthSteps(k) {
        for i in 0..<depthStep {
          let row = step &* depthStep &+ i
          var w = 0
          if row < k && c < n {
            w = Int(b[row &* rowStride &+ c &* colStride] ^ flip)
            #if !(VNNI || DOT)
            if let zero { w &-= Int(zero[c]) }
            #endif
          }
          place[i &* valueStride] = Element(truncatingIfNeeded: w)
          sum &+= Int32(truncatingIfNeeded: w)
        }
        place += depthStep &* panelColumns
      }
      if c < n { sums[c] = sum }
    }
  }
}

#if VNNI || DOT
/// A whole panel of columns whose values lie one behind the other: 32 bits, the part of a column in a step, are moved at once.
@inline(never) private func packColumns(
  _ target: UnsafeMutablePointer<Element>, _ sums: UnsafeMutablePointer<Int32>, _ b: UnsafePointer<Int8>, _ flip: Int8, _ k: Int,
  _ colStride: Int
) {
  let flips = SIMD16<Int8>(repeating: flip)
  let words = UnsafeMutableRawPointer(target)
  let stepBytes = depthStep &* panelColumns
  for column in 0..<panelColumns {
    let source = b + column &* colStride
    var place = words + column &* depthStep
    var total = SIMD16<Int16>.zero
    var sum: Int32 = 0
    var row = 0
    while row &+ 16 <= k {
      let values = UnsafeRawPointer(source + row).loadUnaligned(as: SIMD16<Int8>.self) ^ flips
      let parts = unsafeBitCast(values, to: SIMD4<UInt32>.self)
      for i in 0..<4 { (place + i &* stepBytes).storeBytes(of: parts[i], as: UInt32.self) }
      place += 4 &* stepBytes
      total &+= SIMD16<Int16>(truncatingIfNeeded: values)
      row &+= 16
      // 256 values of a byte fit into 16 bits.
      if row & 4095 == 0 {
        sum &+= SIMD16<Int32>(truncatingIfNeeded: total).wrappedSum()
        total = .zero
      }
    }
    sum &+= SIMD16<Int32>(truncatingIfNeeded: total).wrappedSum()
    while row < k {
      var word: UInt32 = 0
      for i in 0..<Swift.min(depthStep, k &- row) {
        let w = source[row &+ i] ^ flip
        word |= UInt32(UInt8(bitPattern: w)) &<< UInt32(8 &* i)
        sum &+= Int32(w)
      }
      place.storeBytes(of: word, as: UInt32.self)
      place += stepBytes
      row &+= depthStep
    }
    sums[column] = sum
  }
}
#endif

/// Where a column's values lie within a step.
@inline(always) private func columnPlace(_ column: Int) -> Int {
  #if arch(arm64) && !DOT
  return column / lanes &* lanes &* depthStep &+ column % lanes
  #else
  return column &* depthStep
  #endif
}

/// From one value of a column to the next within a step.
@inline(always) private var valueStride: Int {
  #if arch(arm64) && !DOT
  return lanes
  #else
  return 1
  #endif
}
