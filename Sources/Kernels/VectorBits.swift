/// Lane selection and integer operations.
///
/// The standard library writes these lane by lane; the optimiser puts most of it together again, but not always (measured
/// on AVX-512: softplus at 0.04 instead of 0.96 billion values per second), and the many lanes keep callers from being
/// inlined. The intrinsics are one instruction each and cannot be taken apart.

#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

#if AVX512
private typealias Raw = SIMD8<Int64>
#elseif AVX2
private typealias Raw = SIMD4<Int64>
#elseif arch(x86_64)
private typealias Raw = SIMD2<Int64>
#endif

/// Bits of a mask's lanes: all ones or all zeros.
@inline(always) func bits(_ mask: SIMDMask<IntVec>) -> IntVec { unsafeBitCast(mask, to: IntVec.self) }

/// Lanes of `yes` where the mask is set, of `no` elsewhere.
@inline(always) func select(_ mask: SIMDMask<IntVec>, _ yes: Vec, _ no: Vec) -> Vec {
  #if AVX512
  return _mm512_mask_blend_ps(_mm512_movepi32_mask(unsafeBitCast(mask, to: Raw.self)), no, yes)
  #elseif AVX2
  return _mm256_blendv_ps(no, yes, unsafeBitCast(mask, to: Vec.self))
  #elseif arch(x86_64)
  let m = unsafeBitCast(mask, to: Vec.self)
  return _mm_or_ps(_mm_and_ps(m, yes), _mm_andnot_ps(m, no))
  #else
  return vbslq_f32(unsafeBitCast(mask, to: SIMD4<UInt32>.self), yes, no)
  #endif
}

@inline(always) func select(_ mask: SIMDMask<IntVec>, _ yes: IntVec, _ no: IntVec) -> IntVec {
  bits(select(mask, float(bits: yes), float(bits: no)))
}

@inline(always) func and(_ a: IntVec, _ b: IntVec) -> IntVec {
  #if AVX512
  return int(_mm512_and_si512(raw(a), raw(b)))
  #elseif AVX2
  return int(_mm256_and_si256(raw(a), raw(b)))
  #elseif arch(x86_64)
  return int(_mm_and_si128(raw(a), raw(b)))
  #else
  return vandq_s32(a, b)
  #endif
}

@inline(always) func or(_ a: IntVec, _ b: IntVec) -> IntVec {
  #if AVX512
  return int(_mm512_or_si512(raw(a), raw(b)))
  #elseif AVX2
  return int(_mm256_or_si256(raw(a), raw(b)))
  #elseif arch(x86_64)
  return int(_mm_or_si128(raw(a), raw(b)))
  #else
  return vorrq_s32(a, b)
  #endif
}

@inline(always) func xor(_ a: IntVec, _ b: IntVec) -> IntVec {
  #if AVX512
  return int(_mm512_xor_si512(raw(a), raw(b)))
  #elseif AVX2
  return int(_mm256_xor_si256(raw(a), raw(b)))
  #elseif arch(x86_64)
  return int(_mm_xor_si128(raw(a), raw(b)))
  #else
  return veorq_s32(a, b)
  #endif
}

/// a * 2^n, bits beyond the lane dropped.
@inline(always) func shiftLeft(_ a: IntVec, _ n: Int32) -> IntVec {
  #if AVX512
  return int(_mm512_slli_epi32(raw(a), UInt32(bitPattern: n)))
  #elseif AVX2
  return int(_mm256_slli_epi32(raw(a), n))
  #elseif arch(x86_64)
  return int(_mm_slli_epi32(raw(a), n))
  #else
  return vshlq_s32(a, IntVec(repeating: n))
  #endif
}

/// Arithmetic shift: the sign is kept.
@inline(always) func shiftRight(_ a: IntVec, _ n: Int32) -> IntVec {
  #if AVX512
  return int(_mm512_srai_epi32(raw(a), UInt32(bitPattern: n)))
  #elseif AVX2
  return int(_mm256_srai_epi32(raw(a), n))
  #elseif arch(x86_64)
  return int(_mm_srai_epi32(raw(a), n))
  #else
  return vshlq_s32(a, IntVec(repeating: 0 &- n))
  #endif
}

#if arch(x86_64)
@inline(always) private func raw(_ v: IntVec) -> Raw { unsafeBitCast(v, to: Raw.self) }
@inline(always) private func int(_ v: Raw) -> IntVec { unsafeBitCast(v, to: IntVec.self) }
#endif

/// The same integer in every lane.
@inline(always) func splat(_ x: Int32) -> IntVec { IntVec(repeating: x) }
