import CKernels

/// Elementwise kernels of `MSInt8Kernels`.

#if AVX512
import _Builtin_intrinsics.intel
#endif

/// `MSInt8Kernels.map`. Eight bytes per step, so that loads and stores are few beside the lookups.
func mapBytes(_ x: Bytes, _ y: MutableBytes, _ n: Int, _ table: Bytes) {
  var i = 0
  #if AVX512
  if n >= 64 {
    let wide = ByteTable(table)
    while i &+ 64 <= n {
      UnsafeMutableRawPointer(y + i).storeBytes(
        of: wide.look(UnsafeRawPointer(x + i).loadUnaligned(as: SIMD8<Int64>.self)), as: SIMD8<Int64>.self)
      i &+= 64
    }
  }
  #endif
  while i &+ 8 <= n {
    let word = UnsafeRawPointer(x + i).loadUnaligned(as: UInt64.self)
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      result |= UInt64(table[Int(word &>> shift & 255)]) &<< shift
      shift &+= 8
    }
    UnsafeMutableRawPointer(y + i).storeBytes(of: result, as: UInt64.self)
    i &+= 8
  }
  while i < n {
    y[i] = table[Int(x[i])]
    i &+= 1
  }
}

#if AVX512
/// 256 bytes in registers, as 128 pairs.
private struct ByteTable {
  private let a: SIMD8<Int64>, b: SIMD8<Int64>, c: SIMD8<Int64>, d: SIMD8<Int64>

  @inline(always) init(_ table: Bytes) {
    let p = UnsafeRawPointer(table)
    a = p.loadUnaligned(as: SIMD8<Int64>.self)
    b = (p + 64).loadUnaligned(as: SIMD8<Int64>.self)
    c = (p + 128).loadUnaligned(as: SIMD8<Int64>.self)
    d = (p + 192).loadUnaligned(as: SIMD8<Int64>.self)
  }

  /// The table's bytes at 64 places.
  @inline(always) func look(_ x: SIMD8<Int64>) -> SIMD8<Int64> {
    let low = bytes(_mm512_slli_epi16(x, 8)), high = bytes(x)
    return _mm512_mask_mov_epi8(low, 0xaaaa_aaaa_aaaa_aaaa, _mm512_slli_epi16(high, 8))
  }

  /// The table's byte, in the lower half of each word, at the place that the upper half holds. The upper half is anything.
  @inline(always) private func bytes(_ places: SIMD8<Int64>) -> SIMD8<Int64> {
    let pair = _mm512_srli_epi16(places, 9)
    let pairs = _mm512_mask_mov_epi16(
      _mm512_permutex2var_epi16(a, pair, b), _mm512_movepi16_mask(places), _mm512_permutex2var_epi16(c, pair, d))
    // The second byte of the pair where the place is odd.
    return _mm512_mask_srli_epi16(
      pairs, _mm512_test_epi16_mask(places, SIMD8(repeating: 0x0100_0100_0100_0100)), pairs, 8)
  }
}
#endif

/// `MSInt8Kernels.dequantize`
func dequantize(_ x: Bytes, _ y: MutableFloats, _ n: Int, _ scale: Float, _ zero: Int32, _ flip: UInt8) {
  let factor = splat(scale), offset = splat(zero), sign = flipped(flip)
  var i = 0
  while i < n {
    let v = toFloat(loadBytes(x + i, sign, n &- i) &- offset) * factor
    if i &+ width <= n { store(v, y + i) } else { partialStore(v, y + i, n &- i) }
    i &+= width
  }
}

/// `MSInt8Kernels.quantize`
func quantize(_ x: Floats, _ y: MutableBytes, _ n: Int, _ scale: Float, _ zero: Int32, _ flip: UInt8) {
  let sign = flipped(flip), offset = splat(zero), divisor = splat(scale)
  var i = 0
  while i < n {
    let real = i &+ width <= n ? load(x + i) : partialLoad(x + i, n &- i)
    let q = rounded(real / divisor) &+ offset
    storeBytes(minimum(maximum(q, splat(-128)), splat(127)), y + i, sign, n &- i)
    i &+= width
  }
}

/// To nearest, halves away from zero, within -400...400.
@inline(always) private func rounded(_ v: Vec) -> IntVec {
  let bounded = minimum(maximum(v, splat(-400)), splat(400))
  let magnitude = absolute(bounded)
  // 1.5 * 2^23 leaves the nearest integer (even on ties) in the low bits; a tie that went down goes up after all.
  let rounder = Vec(repeating: 12_582_912)
  let shifted = magnitude + rounder
  let tie = bits(magnitude - (shifted - rounder) .== Vec(repeating: 0.5))
  let whole = (bits(shifted) &- bits(rounder)) &- tie
  let negative = shiftRight(bits(bounded), 31)
  return xor(whole, negative) &- negative
}

/// The result's side in vectors.
private struct VectorOutput {
  let scale: VectorScale
  let zero: IntVec, low: IntVec, high: IntVec
  let flip: ByteVec

  @inline(always) init(_ o: MSQuantOutput) {
    scale = VectorScale(o.scale)
    zero = splat(o.zero)
    low = splat(o.low)
    high = splat(o.high)
    flip = flipped(o.flip)
  }

  @inline(always) func store(_ v: IntVec, _ y: MutableBytes, _ count: Int) {
    storeBytes(minimum(maximum(scale(v) &+ zero, low), high), y, flip, count)
  }
}

/// What the two binary kernels do between loading and the result's side.
private protocol QuantOperation {
  func prepare(_ v: IntVec, _ operand: MSQuantOperand, _ scale: VectorScale) -> IntVec
  func combine(_ a: IntVec, _ b: IntVec) -> IntVec
}

private struct Addition: QuantOperation {
  @inline(always) func prepare(_ v: IntVec, _ operand: MSQuantOperand, _ scale: VectorScale) -> IntVec {
    scale(shiftLeft(v &- splat(operand.zero), 20))
  }
  @inline(always) func combine(_ a: IntVec, _ b: IntVec) -> IntVec { a &+ b }
}

private struct Multiplication: QuantOperation {
  @inline(always) func prepare(_ v: IntVec, _ operand: MSQuantOperand, _ scale: VectorScale) -> IntVec {
    v &- splat(operand.zero)
  }
  @inline(always) func combine(_ a: IntVec, _ b: IntVec) -> IntVec { a &* b }
}

@inline(always) private func apply<O: QuantOperation>(
  _ operation: O, _ a: MSQuantOperand, _ b: MSQuantOperand, _ o: MSQuantOutput, _ y: MutableBytes, _ n: Int
) {
  let out = VectorOutput(o)
  let aScale = VectorScale(a.scale), bScale = VectorScale(b.scale)
  let aFlip = flipped(a.flip), bFlip = flipped(b.flip)
  // A repeated operand is prepared once; the other side is loaded per vector.
  let aOne = operation.prepare(splatByte(a.x, a.flip), a, aScale), bOne = operation.prepare(splatByte(b.x, b.flip), b, bScale)
  var i = 0
  while i < n {
    let p = a.step == 0 ? aOne : operation.prepare(loadBytes(a.x + i, aFlip, n &- i), a, aScale)
    let q = b.step == 0 ? bOne : operation.prepare(loadBytes(b.x + i, bFlip, n &- i), b, bScale)
    out.store(operation.combine(p, q), y + i, n &- i)
    i &+= width
  }
}

/// `MSInt8Kernels.add`
func addBytes(
  _ a: UnsafePointer<MSQuantOperand>, _ b: UnsafePointer<MSQuantOperand>, _ o: UnsafePointer<MSQuantOutput>, _ y: MutableBytes,
  _ n: Int
) {
  if n > 0 { apply(Addition(), a.pointee, b.pointee, o.pointee, y, n) }
}

/// `MSInt8Kernels.mul`
func multiplyBytes(
  _ a: UnsafePointer<MSQuantOperand>, _ b: UnsafePointer<MSQuantOperand>, _ o: UnsafePointer<MSQuantOutput>, _ y: MutableBytes,
  _ n: Int
) {
  if n > 0 { apply(Multiplication(), a.pointee, b.pointee, o.pointee, y, n) }
}

/// `MSInt8Kernels.requantize`
func requantize(_ x: UnsafePointer<Int32>, _ offset: Int32, _ y: MutableBytes, _ n: Int, _ o: UnsafePointer<MSQuantOutput>) {
  let out = VectorOutput(o.pointee)
  let add = splat(offset)
  let floats = UnsafeRawPointer(x).assumingMemoryBound(to: Float.self)
  var i = 0
  while i < n {
    let v = i &+ width <= n ? load(floats + i) : partialLoad(floats + i, n &- i)
    out.store(bits(v) &+ add, y + i, n &- i)
    i &+= width
  }
}
