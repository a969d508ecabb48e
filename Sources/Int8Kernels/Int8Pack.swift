#if VNNI
import _Builtin_intrinsics.intel
#endif

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
/// A whole panel of columns whose values lie one behind the other: squares of four columns and four steps are turned in registers,
/// all columns of these steps before the next ones, so that every line of the panel is written once.
@inline(never) private func packColumns(
  _ target: UnsafeMutablePointer<Element>, _ sums: UnsafeMutablePointer<Int32>, _ b: UnsafePointer<Int8>, _ flip: Int8, _ k: Int,
  _ colStride: Int
) {
  let flips = splat(Int32(UInt8(bitPattern: flip)) &* 0x0101_0101), ones = splat(0x0101_0101)
  let stepBytes = depthStep &* panelColumns
  for half in 0..<panelColumns / lanes {
    var place = UnsafeMutableRawPointer(target) + half &* lanes &* depthStep
    let columns = b + half &* lanes &* colStride
    var total = Ints.zero
    var row = 0
    while row &+ 4 &* depthStep <= k {
      let p = UnsafeRawPointer(columns + row)
      let steps = turn(
        xor(everyFourth(p, colStride), flips), xor(everyFourth(p + colStride, colStride), flips),
        xor(everyFourth(p + 2 &* colStride, colStride), flips), xor(everyFourth(p + 3 &* colStride, colStride), flips))
      place.storeBytes(of: steps.0, as: Ints.self)
      (place + stepBytes).storeBytes(of: steps.1, as: Ints.self)
      (place + 2 &* stepBytes).storeBytes(of: steps.2, as: Ints.self)
      (place + 3 &* stepBytes).storeBytes(of: steps.3, as: Ints.self)
      total = dot(dot(dot(dot(total, ones, steps.0), ones, steps.1), ones, steps.2), ones, steps.3)
      place += 4 &* stepBytes
      row &+= 4 &* depthStep
    }
    while row < k {
      var words = Ints.zero
      for lane in 0..<lanes {
        for i in 0..<Swift.min(depthStep, k &- row) {
          let w = UInt8(bitPattern: columns[lane &* colStride &+ row &+ i] ^ flip)
          words[lane] |= Int32(bitPattern: UInt32(w) &<< UInt32(8 &* i))
        }
      }
      place.storeBytes(of: words, as: Ints.self)
      total = dot(total, ones, words)
      place += stepBytes
      row &+= depthStep
    }
    store(total, sums + half &* lanes)
  }
}

/// Four words of every fourth column from `p` on, one column behind the other.
@inline(always) private func everyFourth(_ p: UnsafeRawPointer, _ stride: Int) -> Ints {
  #if VNNI
  let a = p.loadUnaligned(as: SIMD4<Int32>.self), b = (p + 4 &* stride).loadUnaligned(as: SIMD4<Int32>.self)
  let c = (p + 8 &* stride).loadUnaligned(as: SIMD4<Int32>.self), d = (p + 12 &* stride).loadUnaligned(as: SIMD4<Int32>.self)
  return SIMD16(lowHalf: SIMD8(lowHalf: a, highHalf: b), highHalf: SIMD8(lowHalf: c, highHalf: d))
  #else
  return p.loadUnaligned(as: SIMD4<Int32>.self)
  #endif
}

/// Rows and columns of each square of four rows (the arguments) and four columns exchanged.
@inline(always) private func turn(_ a: Ints, _ b: Ints, _ c: Ints, _ d: Ints) -> (Ints, Ints, Ints, Ints) {
  #if VNNI
  let ab0 = _mm512_unpacklo_epi32(raw(a), raw(b)), ab1 = _mm512_unpackhi_epi32(raw(a), raw(b))
  let cd0 = _mm512_unpacklo_epi32(raw(c), raw(d)), cd1 = _mm512_unpackhi_epi32(raw(c), raw(d))
  return (
    ints(_mm512_unpacklo_epi64(ab0, cd0)), ints(_mm512_unpackhi_epi64(ab0, cd0)), ints(_mm512_unpacklo_epi64(ab1, cd1)),
    ints(_mm512_unpackhi_epi64(ab1, cd1))
  )
  #else
  return (
    Ints(a[0], b[0], c[0], d[0]), Ints(a[1], b[1], c[1], d[1]), Ints(a[2], b[2], c[2], d[2]), Ints(a[3], b[3], c[3], d[3])
  )
  #endif
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
