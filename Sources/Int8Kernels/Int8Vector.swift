/// The vector of int32 sums of this module's instruction set, and the operations that the 8-bit kernels are written with.
///
/// The same sources are compiled once per instruction set. They differ in how products are summed:
///
///   VNNI  four bytes of x + 128 with four weights (vpdpbusd)      packed weights int8, x read in place
///   DOT   four bytes of x with four weights (sdot)                packed weights int8, x read in place
///   else  two 16-bit values with two weights (pmaddwd, smlal)     packed weights int16, x widened into scratch
///
/// One broadcast of 32 bits of x is one step of the depth in all of them.

#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

#if VNNI
typealias Ints = SIMD16<Int32>
typealias Floats = SIMD16<Float>
typealias Raw = SIMD8<Int64>
#elseif AVX2
typealias Ints = SIMD8<Int32>
typealias Floats = SIMD8<Float>
typealias Raw = SIMD4<Int64>
#else
typealias Ints = SIMD4<Int32>
typealias Floats = SIMD4<Float>
typealias Raw = SIMD2<Int64>
#endif

#if VNNI || DOT
/// A packed weight, and a value of the rows that the tiles read.
typealias Element = Int8
/// Values of the depth per 32 bits.
let depthStep = 4
#else
typealias Element = Int16
let depthStep = 2
#endif

/// Sums per vector register.
@inline(always) var lanes: Int { Ints.scalarCount }

@inline(always) func raw(_ v: Ints) -> Raw { unsafeBitCast(v, to: Raw.self) }
@inline(always) func ints(_ v: Raw) -> Ints { unsafeBitCast(v, to: Ints.self) }
@inline(always) func splat(_ x: Int32) -> Ints { Ints(repeating: x) }
@inline(always) func load(_ p: UnsafePointer<Int32>) -> Ints { UnsafeRawPointer(p).loadUnaligned(as: Ints.self) }
@inline(always) func load(_ p: UnsafeRawPointer) -> Ints { p.loadUnaligned(as: Ints.self) }
@inline(always) func store(_ v: Ints, _ p: UnsafeMutablePointer<Int32>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: Ints.self)
}

/// sums + the products of the 32 bits in each lane of `x` with those of `weights`.
@inline(always) func dot(_ sums: Ints, _ x: Ints, _ weights: Ints) -> Ints {
  #if VNNI
  return ints(_mm512_dpbusd_epi32(raw(sums), raw(x), raw(weights)))
  #elseif AVX2
  return ints(_mm256_add_epi32(raw(sums), _mm256_madd_epi16(raw(x), raw(weights))))
  #elseif arch(x86_64)
  return ints(_mm_add_epi32(raw(sums), _mm_madd_epi16(raw(x), raw(weights))))
  #elseif DOT
  // In this order a lane of a register can take the place of `x`.
  return vdotq_s32(sums, unsafeBitCast(weights, to: SIMD16<Int8>.self), unsafeBitCast(x, to: SIMD16<Int8>.self))
  #else
  // Weights of four columns for the first value of the pair, then for the second one.
  let values = unsafeBitCast(x, to: SIMD8<Int16>.self), w = unsafeBitCast(weights, to: SIMD8<Int16>.self)
  return vmlal_s16(
    vmlal_s16(sums, w.lowHalf, SIMD4(repeating: values[0])), w.highHalf, SIMD4(repeating: values[1]))
  #endif
}

#if arch(arm64)
/// As `dot` with the 32 bits of one lane of `x`, which needs no broadcast.
@inline(always) func dot(_ sums: Ints, _ x: Ints, lane: Int, _ weights: Ints) -> Ints {
  #if DOT
  return dot(sums, splat(x[lane]), weights)
  #else
  let values = unsafeBitCast(x, to: SIMD8<Int16>.self), w = unsafeBitCast(weights, to: SIMD8<Int16>.self)
  return vmlal_s16(
    vmlal_s16(sums, w.lowHalf, SIMD4(repeating: values[2 &* lane])), w.highHalf, SIMD4(repeating: values[2 &* lane &+ 1]))
  #endif
}
#endif

@inline(always) func add(_ a: Ints, _ b: Ints) -> Ints {
  #if VNNI
  return ints(_mm512_add_epi32(raw(a), raw(b)))
  #elseif AVX2
  return ints(_mm256_add_epi32(raw(a), raw(b)))
  #elseif arch(x86_64)
  return ints(_mm_add_epi32(raw(a), raw(b)))
  #else
  return vaddq_s32(a, b)
  #endif
}

@inline(always) func xor(_ a: Ints, _ b: Ints) -> Ints {
  #if VNNI
  return ints(_mm512_xor_si512(raw(a), raw(b)))
  #elseif AVX2
  return ints(_mm256_xor_si256(raw(a), raw(b)))
  #elseif arch(x86_64)
  return ints(_mm_xor_si128(raw(a), raw(b)))
  #else
  return veorq_s32(a, b)
  #endif
}

/// min(max(x, lo), hi)
@inline(always) func clamp(_ x: Ints, _ lo: Ints, _ hi: Ints) -> Ints {
  #if VNNI
  return ints(_mm512_min_epi32(_mm512_max_epi32(raw(x), raw(lo)), raw(hi)))
  #elseif AVX2
  return ints(_mm256_min_epi32(_mm256_max_epi32(raw(x), raw(lo)), raw(hi)))
  #elseif arch(x86_64)
  let above = x.replacing(with: lo, where: x .< lo)
  return above.replacing(with: hi, where: above .> hi)
  #else
  return vminq_s32(vmaxq_s32(x, lo), hi)
  #endif
}

@inline(always) func toFloat(_ x: Ints) -> Floats {
  #if VNNI
  return _mm512_cvtepi32_ps(raw(x))
  #elseif AVX2
  return _mm256_cvtepi32_ps(raw(x))
  #elseif arch(x86_64)
  return _mm_cvtepi32_ps(raw(x))
  #else
  return vcvtq_f32_s32(x)
  #endif
}

/// min(max(x, lo), hi) of numbers that are not NaN.
@inline(always) func clamp(_ x: Floats, _ lo: Floats, _ hi: Floats) -> Floats {
  #if VNNI
  return _mm512_min_ps(hi, _mm512_max_ps(lo, x))
  #elseif AVX2
  return _mm256_min_ps(hi, _mm256_max_ps(lo, x))
  #elseif arch(x86_64)
  return _mm_min_ps(hi, _mm_max_ps(lo, x))
  #else
  return vminq_f32(hi, vmaxq_f32(lo, x))
  #endif
}

/// The last step's multiplication by a power of two times a fixed-point number, per lane: see `MSInt8Output`.
struct Scaling {
  let multiplier: Ints
  let left: Ints
  /// The shift to the right is done in two parts: all bits but the last, then, after adding 1, the last one, where there is one.
  let most: Ints, one: Ints
  /// -1 where a negative product counts as one less before it is rounded upwards, which rounds halves away from zero.
  let awayFromZero: Ints
  /// Some lane shifts to the left; some negative product counts as one less. Where none does, the steps are left out.
  let shiftsLeft: Bool, roundsAway: Bool

  @inline(always) init(_ multiplier: Ints, _ shift: Ints, upward: Bool) {
    self.multiplier = multiplier
    left = clamp(shift, .zero, splat(31))
    let right = clamp(.zero &- shift, .zero, splat(31))
    one = clamp(right, .zero, splat(1))
    most = right &- one
    awayFromZero = upward ? .zero : .zero &- one
    shiftsLeft = left.max() > 0
    roundsAway = awayFromZero.min() < 0
  }

  /// Vectors in a packing, written by ``write(_:_:)``.
  static let vectorCount = 5

  @inline(always) init(_ p: UnsafeRawPointer, stride: Int, shiftsLeft: Bool, roundsAway: Bool) {
    multiplier = load(p)
    left = load(p + stride)
    most = load(p + 2 &* stride)
    one = load(p + 3 &* stride)
    awayFromZero = load(p + 4 &* stride)
    self.shiftsLeft = shiftsLeft
    self.roundsAway = roundsAway
  }

  func write(_ p: UnsafeMutableRawPointer, stride: Int) {
    p.storeBytes(of: multiplier, as: Ints.self)
    (p + stride).storeBytes(of: left, as: Ints.self)
    (p + 2 &* stride).storeBytes(of: most, as: Ints.self)
    (p + 3 &* stride).storeBytes(of: one, as: Ints.self)
    (p + 4 &* stride).storeBytes(of: awayFromZero, as: Ints.self)
  }

  @inline(always) func apply(_ x: Ints) -> Ints {
    #if VNNI
    var product = raw(highProduct(shiftsLeft ? ints(_mm512_sllv_epi32(raw(x), raw(left))) : x))
    if roundsAway {
      product = _mm512_add_epi32(product, _mm512_and_si512(_mm512_srai_epi32(product, 31), raw(awayFromZero)))
    }
    let value = _mm512_srav_epi32(product, raw(most))
    return ints(_mm512_srav_epi32(_mm512_add_epi32(value, raw(one)), raw(one)))
    #elseif AVX2
    var product = raw(highProduct(shiftsLeft ? ints(_mm256_sllv_epi32(raw(x), raw(left))) : x))
    if roundsAway {
      product = _mm256_add_epi32(product, _mm256_and_si256(_mm256_srai_epi32(product, 31), raw(awayFromZero)))
    }
    let value = _mm256_srav_epi32(product, raw(most))
    return ints(_mm256_srav_epi32(_mm256_add_epi32(value, raw(one)), raw(one)))
    #elseif arch(x86_64)
    // SSE2 has neither products of signed numbers nor shifts per lane.
    var result = Ints.zero
    for i in 0..<4 {
      let product = Int64(x[i] &<< left[i]) &* Int64(multiplier[i])
      let high = Int32(truncatingIfNeeded: (product &+ 1 << 30) &>> 31)
      let value = (high &+ ((high &>> 31) & awayFromZero[i])) &>> most[i]
      result[i] = (value &+ one[i]) &>> one[i]
    }
    return result
    #else
    let product = vqrdmulhq_s32(vshlq_s32(x, left), multiplier)
    let sign = vandq_s32(vshlq_s32(product, splat(-31)), awayFromZero)
    return vrshlq_s32(vaddq_s32(product, sign), vnegq_s32(vaddq_s32(most, one)))
    #endif
  }

  #if VNNI
  /// (x * multiplier + 2^30) >> 31
  @inline(always) private func highProduct(_ x: Ints) -> Ints {
    let nudge = Raw(repeating: 1 << 30)
    let even = _mm512_add_epi64(_mm512_mul_epi32(raw(x), raw(multiplier)), nudge)
    let odd = _mm512_add_epi64(
      _mm512_mul_epi32(_mm512_srli_epi64(raw(x), 32), _mm512_srli_epi64(raw(multiplier), 32)), nudge)
    return ints(_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 31), _mm512_slli_epi64(odd, 1)))
  }
  #elseif AVX2
  @inline(always) private func highProduct(_ x: Ints) -> Ints {
    let nudge = Raw(repeating: 1 << 30)
    let even = _mm256_add_epi64(_mm256_mul_epi32(raw(x), raw(multiplier)), nudge)
    let odd = _mm256_add_epi64(
      _mm256_mul_epi32(_mm256_srli_epi64(raw(x), 32), _mm256_srli_epi64(raw(multiplier), 32)), nudge)
    let low = Raw(repeating: 0xffff_ffff)
    return ints(
      _mm256_or_si256(
        _mm256_and_si256(_mm256_srli_epi64(even, 31), low), _mm256_andnot_si256(low, _mm256_slli_epi64(odd, 1))))
  }
  #endif
}

/// How numbers become bytes: zero point, bounds, and the flip of the sign bit.
struct ByteRange {
  let zero: Int32, lo: Int32, hi: Int32
  let flip: UInt8

  /// Stores the bytes of two vectors: the first `count` (1 ... 2 lanes).
  ///
  /// The numbers are clamped before the zero point is added, which could overflow.
  @inline(always) func store(_ first: Ints, _ second: Ints, _ p: UnsafeMutablePointer<Int8>, _ count: Int) {
    #if AVX2
    // Saturation to 16 bits keeps what lies outside int8's range outside it when the zero point is added.
    let words = _mm256_packs_epi32(raw(first), raw(second))
    let moved = _mm256_adds_epi16(words, _mm256_set1_epi16(Int16(truncatingIfNeeded: zero)))
    let least = _mm256_set1_epi16(Int16(truncatingIfNeeded: lo)), most = _mm256_set1_epi16(Int16(truncatingIfNeeded: hi))
    let clamped = _mm256_min_epi16(_mm256_max_epi16(moved, least), most)
    let mixed = unsafeBitCast(_mm_packs_epi16(clamped.lowHalf, clamped.highHalf), to: SIMD4<UInt32>.self)
    let bytes = SIMD4<UInt32>(mixed[0], mixed[2], mixed[1], mixed[3]) ^ (UInt32(flip) &* 0x0101_0101)
    if count == 16 {
      UnsafeMutableRawPointer(p).storeBytes(of: bytes, as: SIMD4<UInt32>.self)
    } else {
      storePart(unsafeBitCast(bytes, to: SIMD2<UInt64>.self), p, count)
    }
    #elseif arch(x86_64) && !VNNI
    let words = _mm_adds_epi16(_mm_packs_epi32(raw(first), raw(second)), _mm_set1_epi16(Int16(truncatingIfNeeded: zero)))
    let least = _mm_set1_epi16(Int16(truncatingIfNeeded: lo)), most = _mm_set1_epi16(Int16(truncatingIfNeeded: hi))
    let clamped = _mm_min_epi16(_mm_max_epi16(words, least), most)
    let bytes = UInt64(bitPattern: _mm_packs_epi16(clamped, clamped)[0]) ^ (UInt64(flip) &* 0x0101_0101_0101_0101)
    if count == 8 {
      UnsafeMutableRawPointer(p).storeBytes(of: bytes, as: UInt64.self)
    } else {
      storePart(SIMD2(bytes, 0), p, count)
    }
    #else
    let least = splat(lo &- zero), most = splat(hi &- zero), middle = splat(zero)
    storeBytes(add(clamp(first, least, most), middle), add(clamp(second, least, most), middle), p, count, flip)
    #endif
  }
}

#if VNNI || arch(arm64)
/// Stores the low bytes of two vectors of numbers in -128...127, xor `flip`: the first `count` of them (1 ... 2 lanes).
@inline(always) private func storeBytes(
  _ first: Ints, _ second: Ints, _ p: UnsafeMutablePointer<Int8>, _ count: Int, _ flip: UInt8
) {
  #if VNNI
  let mask = SIMD2<Int64>(repeating: Int64(bitPattern: UInt64(flip) &* 0x0101_0101_0101_0101))
  let mask1 = UInt16(truncatingIfNeeded: (1 &<< Swift.min(count, 16)) &- 1)
  _mm_mask_storeu_epi8(p, mask1, _mm_xor_si128(_mm512_cvtepi32_epi8(raw(first)), mask))
  if count > 16 {
    let mask2 = UInt16(truncatingIfNeeded: (1 &<< (count &- 16)) &- 1)
    _mm_mask_storeu_epi8(p + 16, mask2, _mm_xor_si128(_mm512_cvtepi32_epi8(raw(second)), mask))
  }
  #else
  let narrow = vmovn_s16(vcombine_s16(vmovn_s32(first), vmovn_s32(second)))
  let bytes = unsafeBitCast(narrow, to: UInt64.self) ^ (UInt64(flip) &* 0x0101_0101_0101_0101)
  if count == 8 {
    UnsafeMutableRawPointer(p).storeBytes(of: bytes, as: UInt64.self)
  } else {
    storePart(SIMD2(bytes, 0), p, count)
  }
  #endif
}
#endif

/// The first `count` bytes.
@inline(never) func storePart(_ bytes: SIMD2<UInt64>, _ p: UnsafeMutablePointer<Int8>, _ count: Int) {
  let all = unsafeBitCast(bytes, to: SIMD16<Int8>.self)
  for i in 0..<count { p[i] = all[i] }
}
