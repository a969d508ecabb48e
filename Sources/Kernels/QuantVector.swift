import CKernels

/// Quantised bytes in vectors: loads and stores that widen to 32 bits, and multiplication by a real factor in integers.

#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

typealias Bytes = UnsafePointer<UInt8>
typealias MutableBytes = UnsafeMutablePointer<UInt8>

#if AVX512
typealias ByteVec = SIMD16<Int8>
#elseif AVX2
typealias ByteVec = SIMD8<Int8>
#else
typealias ByteVec = SIMD4<Int8>
#endif

/// What flips the sign bits of bytes that are uint8.
@inline(always) func flipped(_ flip: UInt8) -> ByteVec { ByteVec(repeating: Int8(bitPattern: flip)) }

/// The first `count` bytes of `p` as integers; the lanes behind them are anything.
@inline(always) func loadBytes(_ p: Bytes, _ flip: ByteVec, _ count: Int) -> IntVec {
  if count >= width { return widen(UnsafeRawPointer(p).loadUnaligned(as: ByteVec.self) ^ flip) }
  var v = ByteVec.zero
  for i in 0..<count { v[i] = Int8(bitPattern: p[i]) }
  return widen(v ^ flip)
}

/// Stores the first `count` lanes, which are within int8's range.
@inline(always) func storeBytes(_ v: IntVec, _ p: MutableBytes, _ flip: ByteVec, _ count: Int) {
  let bytes = narrow(v) ^ flip
  if count >= width {
    UnsafeMutableRawPointer(p).storeBytes(of: bytes, as: ByteVec.self)
    return
  }
  for i in 0..<count { p[i] = UInt8(bitPattern: bytes[i]) }
}

/// The int8 value of one byte in every lane.
@inline(always) func splatByte(_ p: Bytes, _ flip: UInt8) -> IntVec { splat(Int32(Int8(bitPattern: p.pointee ^ flip))) }

@inline(always) private func widen(_ v: ByteVec) -> IntVec {
  #if AVX512
  return unsafeBitCast(_mm512_cvtepi8_epi32(unsafeBitCast(v, to: SIMD2<Int64>.self)), to: IntVec.self)
  #elseif AVX2
  return unsafeBitCast(_mm256_cvtepi8_epi32(SIMD2<Int64>(unsafeBitCast(v, to: Int64.self), 0)), to: IntVec.self)
  #else
  return IntVec(truncatingIfNeeded: v)
  #endif
}

@inline(always) private func narrow(_ v: IntVec) -> ByteVec {
  #if AVX512
  return unsafeBitCast(_mm512_cvtepi32_epi8(unsafeBitCast(v, to: SIMD8<Int64>.self)), to: ByteVec.self)
  #elseif AVX2
  let words = _mm_packs_epi32(unsafeBitCast(v.lowHalf, to: SIMD2<Int64>.self), unsafeBitCast(v.highHalf, to: SIMD2<Int64>.self))
  return unsafeBitCast(_mm_packs_epi16(words, words)[0], to: ByteVec.self)
  #else
  return ByteVec(truncatingIfNeeded: v)
  #endif
}

@inline(always) func maximum(_ a: IntVec, _ b: IntVec) -> IntVec { select(a .> b, a, b) }

@inline(always) func minimum(_ a: IntVec, _ b: IntVec) -> IntVec { select(a .< b, a, b) }

/// a * b / 2^31 to nearest, halves up. (The one product that would not fit, of two lowest values, never comes: multipliers are
/// above it.)
@inline(always) func doublingHigh(_ a: IntVec, _ b: IntVec) -> IntVec {
  #if AVX512
  let (x, y) = (unsafeBitCast(a, to: SIMD8<Int64>.self), unsafeBitCast(b, to: SIMD8<Int64>.self))
  let half = SIMD8<Int64>(repeating: 1 << 30)
  let even = _mm512_srli_epi64(_mm512_mul_epi32(x, y) &+ half, 31)
  let odd = _mm512_slli_epi64(_mm512_mul_epi32(_mm512_srli_epi64(x, 32), _mm512_srli_epi64(y, 32)) &+ half, 1)
  return unsafeBitCast(_mm512_mask_blend_epi32(0xaaaa, even, odd), to: IntVec.self)
  #elseif AVX2
  let (x, y) = (unsafeBitCast(a, to: SIMD4<Int64>.self), unsafeBitCast(b, to: SIMD4<Int64>.self))
  let half = SIMD4<Int64>(repeating: 1 << 30)
  let even = _mm256_srli_epi64(_mm256_mul_epi32(x, y) &+ half, 31)
  let odd = _mm256_slli_epi64(_mm256_mul_epi32(_mm256_srli_epi64(x, 32), _mm256_srli_epi64(y, 32)) &+ half, 1)
  let lanes = unsafeBitCast(SIMD4<Int64>(repeating: ~0xffff_ffff), to: SIMDMask<IntVec>.self)
  return select(lanes, unsafeBitCast(odd, to: IntVec.self), unsafeBitCast(even, to: IntVec.self))
  #elseif arch(x86_64)
  // SSE2 multiplies without sign only: the high halves are too large by the other factor where one is negative.
  let (x, y) = (unsafeBitCast(a, to: SIMD2<Int64>.self), unsafeBitCast(b, to: SIMD2<Int64>.self))
  let half = SIMD2<Int64>(repeating: 1 << 30)
  let excess = unsafeBitCast(and(shiftRight(a, 31), b) &+ and(shiftRight(b, 31), a), to: SIMD2<Int64>.self)
  let lanes = SIMD2<Int64>(repeating: ~0xffff_ffff)
  let evenProduct = _mm_mul_epu32(x, y) &- _mm_slli_epi64(excess, 32)
  let oddProduct = _mm_mul_epu32(_mm_srli_epi64(x, 32), _mm_srli_epi64(y, 32)) &- (excess & lanes)
  let even = _mm_srli_epi64(evenProduct &+ half, 31)
  let odd = _mm_slli_epi64(oddProduct &+ half, 1)
  return unsafeBitCast((even & ~lanes) | (odd & lanes), to: IntVec.self)
  #else
  return vqrdmulhq_s32(a, b)
  #endif
}

/// A real factor in integers, ready for vectors.
struct VectorScale {
  let multiplier: IntVec, mask: IntVec, threshold: IntVec
  let left: Int32, right: Int32

  @inline(always) init(_ s: MSQuantScale) {
    multiplier = splat(s.multiplier)
    left = s.shift > 0 ? s.shift : 0
    right = s.shift < 0 ? 0 &- s.shift : 0
    let bits = Int32(truncatingIfNeeded: (Int64(1) &<< Int64(right)) &- 1)
    mask = splat(bits)
    threshold = splat(bits &>> 1)
  }

  /// v times the factor.
  @inline(always) func callAsFunction(_ v: IntVec) -> IntVec {
    let product = doublingHigh(shiftLeft(v, left), multiplier)
    // Halves go away from zero: the threshold is one higher below it. A mask's lane is -1 where it is set.
    let above = and(product, mask) .> (threshold &- shiftRight(product, 31))
    return shiftRight(product, right) &- bits(above)
  }
}
