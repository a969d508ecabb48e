/// Elementary functions on vectors: no libm, no branches, the same bits for the same x in every lane and position.
///
/// The polynomials are minimax fits made for this file (Lawson iteration of weighted least squares on 4000 Chebyshev
/// points, coefficients rounded to float); the approximation error stated beside each is before rounding. Range reductions
/// are the classical ones (Cody and Waite 1980). The error bounds of the functions hold for the largest error measured over
/// 2^20 points against libm in double precision, with FMA (AVX-512) and without (SSE2).

/// 1.5 * 2^23. Adding it to |x| < 2^22 rounds x to the nearest integer (even on ties), which then sits in the low bits.
@inline(always) private var rounder: Vec { splat(12_582_912) }

/// exp(x). Relative error below 0.9e-7 where the result is normal. exp(x < -104) = 0,
/// exp(x > 88.73) = +inf, NaN stays NaN.
///
/// x = n ln 2 + r with |r| <= ln 2 / 2, exp(r) = 1 + r + r^2 P(r) (error 3.3e-9), times 2^n in two steps so that results
/// that are subnormal or overflow come out right.
@inline(always) func exponential(_ x: Vec) -> Vec {
  let bounded = clamp(x, splat(-104), splat(89))
  let shifted = multiplyAdd(bounded, splat(1.44269504), rounder)
  let n = shifted - rounder
  var r = multiplyAdd(n, splat(-0.693359375), bounded)
  r = multiplyAdd(n, splat(2.12194440e-4), r)
  var p = multiplyAdd(r, splat(1.38131424e-3), splat(8.36941879e-3))
  p = multiplyAdd(p, r, splat(4.16684560e-2))
  p = multiplyAdd(p, r, splat(0.166665152))
  p = multiplyAdd(p, r, splat(0.49999994))
  let value = multiplyAdd(p, r * r, r) + 1
  let exponent = bits(shifted) &- bits(rounder)
  let half = shiftRight(exponent, 1)
  return value * powerOfTwo(half) * powerOfTwo(exponent &- half)
}

@inline(always) private func powerOfTwo(_ n: IntVec) -> Vec { float(bits: shiftLeft(n &+ splat(127), 23)) }

/// Natural logarithm. Relative error below 0.9e-7. log(0) = -inf, log(x < 0) = NaN, log(inf) = inf; subnormals are right.
///
/// x = 2^e m with m in [sqrt 1/2, sqrt 2), f = m - 1, log(1 + f) = f - f^2/2 + f^3 P(f) (relative error 7.5e-10).
@inline(always) func logarithm(_ x: Vec) -> Vec {
  let tiny = x .< splat(.leastNormalMagnitude)
  let scaled = select(tiny, x * 8_388_608, x)
  let offset = bits(scaled) &- splat(0x3f35_04f3)
  let exponent = shiftRight(offset, 23)
  let f = float(bits: bits(scaled) &- shiftLeft(exponent, 23)) - 1
  let e = toFloat(exponent) - select(tiny, splat(23), .zero)
  var p = multiplyAdd(f, splat(6.74659684e-2), splat(-0.11676041))
  p = multiplyAdd(p, f, splat(0.118883908))
  p = multiplyAdd(p, f, splat(-0.124055460))
  p = multiplyAdd(p, f, splat(0.142195180))
  p = multiplyAdd(p, f, splat(-0.166679963))
  p = multiplyAdd(p, f, splat(0.200021207))
  p = multiplyAdd(p, f, splat(-0.25000009))
  p = multiplyAdd(p, f, splat(0.333333135))
  let square = f * f
  var tail = p * (f * square)
  tail = multiplyAdd(e, splat(-2.12194440e-4), tail)
  tail = multiplyAdd(square, splat(-0.5), tail)
  var result = multiplyAdd(e, splat(0.693359375), f + tail)
  result = select(x .== splat(.infinity), x, result)
  result = select(x .== .zero, splat(-.infinity), result)
  return select(x .>= .zero, result, splat(.nan))
}

/// Integers below 2^22 in magnitude as floats, without a conversion instruction (SIMD conversions are scalar on some ISAs).
@inline(always) func toFloat(_ n: IntVec) -> Vec { float(bits: n &+ bits(rounder)) - rounder }

/// 1 / (1 + exp(-x)). Relative error below 1.5e-7 for x > -87.
@inline(always) func sigmoid(_ x: Vec) -> Vec { 1 / (exponential(-x) + 1) }

/// tanh(x). Relative error below 1.5e-7, tanh(+-inf) = +-1.
///
/// |x| < 0.625: x + x^3 P(x^2) (error 4.1e-9); beyond: 1 - 2 / (exp(2|x|) + 1), where nothing cancels.
@inline(always) func hyperbolicTangent(_ x: Vec) -> Vec {
  let a = absolute(x)
  let z = x * x
  var p = multiplyAdd(z, splat(-5.71703678e-3), splat(2.06505787e-2))
  p = multiplyAdd(p, z, splat(-5.37434965e-2))
  p = multiplyAdd(p, z, splat(0.133314908))
  p = multiplyAdd(p, z, splat(-0.333332837))
  let small = multiplyAdd(p, z * x, x)
  let large = 1 - 2 / (exponential(a + a) + 1)
  return select(a .< splat(0.625), small, withSign(of: x, absolute(large)))
}

/// erf(x). Absolute error below 4e-7, magnitude 1 at most and from 3.65 on (erf(3.65) = 1 - 2.5e-7).
///
/// x P(x^2) / Q(x^2) (relative error 6.1e-9 on [0, 3.65]): half the work of an exponential beside a polynomial.
@inline(always) func errorFunction(_ x: Vec) -> Vec {
  let z = x * x
  var p = multiplyAdd(z, splat(2.28240947e-6), splat(2.90107244e-4))
  p = multiplyAdd(p, z, splat(3.47038149e-3))
  p = multiplyAdd(p, z, splat(5.19140735e-2))
  p = multiplyAdd(p, z, splat(0.18202439))
  p = multiplyAdd(p, z, splat(1.12837911))
  var q = multiplyAdd(z, splat(4.07370353e-5), splat(1.11203e-3))
  q = multiplyAdd(q, z, splat(1.43818418e-2))
  q = multiplyAdd(q, z, splat(0.110891394))
  q = multiplyAdd(q, z, splat(0.494648039))
  q = multiplyAdd(q, z, splat(1))
  return clamp(select(absolute(x) .< splat(3.65), x * p / q, x), splat(-1), splat(1))
}

/// sin(x) for `quadrant` 0 and cos(x) for 1. Absolute error below 1e-7 for |x| < 1e4; it grows with |x| beyond, and for
/// |x| > 4e6 the result only stays within [-1, 1], because r is clamped. sin(inf) = NaN.
///
/// x = n pi/2 + r with pi/2 in three parts (8, 11 and 24 bits, so that the first products are exact), then the series of
/// sine (error 3.7e-9) or cosine (1.0e-10) on |r| <= pi/4.
@inline(always) func sine(_ x: Vec, quadrant: Int32) -> Vec {
  let shifted = multiplyAdd(x, splat(0.636619772), rounder)
  let n = shifted - rounder
  var r = multiplyAdd(n, splat(-1.5703125), x)
  r = multiplyAdd(n, splat(-4.83751297e-4), r)
  r = clamp(multiplyAdd(n, splat(-7.54978995e-8), r), splat(-1), splat(1))
  let z = r * r
  var s = multiplyAdd(z, splat(-1.95140834e-4), splat(8.33215471e-3))
  s = multiplyAdd(s, z, splat(-0.166666552))
  s = multiplyAdd(s, z * r, r)
  var c = multiplyAdd(z, splat(2.44348448e-5), splat(-1.38873374e-3))
  c = multiplyAdd(c, z, splat(4.16666456e-2))
  c = multiplyAdd(c, z * z, multiplyAdd(z, splat(-0.5), splat(1)))
  let turn = (bits(shifted) &- bits(rounder)) &+ splat(quadrant)
  let value = select(and(turn, splat(1)) .== IntVec.zero, s, c)
  return float(bits: xor(bits(value), shiftLeft(and(turn, splat(2)), 30)))
}

/// |x| rounded to the nearest integer, even on ties; numbers of 2^23 and more are integers already.
@inline(always) private func nearestMagnitude(_ a: Vec) -> Vec {
  select(a .< splat(8_388_608), (a + 8_388_608) - 8_388_608, a)
}

@inline(always) func floor(_ x: Vec) -> Vec {
  let r = withSign(of: x, nearestMagnitude(absolute(x)))
  return select(r .> x, r - 1, r)
}

@inline(always) func ceil(_ x: Vec) -> Vec { -floor(-x) }

/// To the nearest integer, halves to the even one.
@inline(always) func round(_ x: Vec) -> Vec { withSign(of: x, nearestMagnitude(absolute(x))) }

/// log(1 + t) for t in [0, 1]. Relative error below 2e-7: log of the rounded sum u, plus the first-order correction for
/// what the rounding of u lost.
@inline(always) func logarithmOfOnePlus(_ t: Vec) -> Vec {
  let u = t + 1
  return logarithm(u) + (t - (u - 1)) / u
}
