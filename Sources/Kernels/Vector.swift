/// The vector type of this module's instruction set, and the few operations that every kernel is written with.
///
/// The same sources are compiled once per instruction set. What differs is gathered here: the width, whether a fused
/// multiply-add exists, and how a vector is loaded or stored in part. Everything is forced inline, so a kernel is one
/// function without calls.
///
/// Two habits keep results independent of how work is split. A remainder goes through the same vector code as the main
/// loop, on a partly loaded vector (`SomeLanes`), so an element's bits never depend on its position. And reductions add
/// in an order that the length alone decides.

#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

typealias Floats = UnsafePointer<Float>
typealias MutableFloats = UnsafeMutablePointer<Float>

#if AVX512
typealias Vec = SIMD16<Float>
typealias IntVec = SIMD16<Int32>
typealias HalfBits = SIMD16<UInt16>
#elseif AVX2
typealias Vec = SIMD8<Float>
typealias IntVec = SIMD8<Int32>
typealias HalfBits = SIMD8<UInt16>
#else
typealias Vec = SIMD4<Float>
typealias IntVec = SIMD4<Int32>
typealias HalfBits = SIMD4<UInt16>
#endif

/// Floats per vector register.
@inline(always) var width: Int { Vec.scalarCount }

@inline(always) func splat(_ x: Float) -> Vec { Vec(repeating: x) }

@inline(always) func load(_ p: Floats) -> Vec { UnsafeRawPointer(p).loadUnaligned(as: Vec.self) }

@inline(always) func store(_ v: Vec, _ p: MutableFloats) { UnsafeMutableRawPointer(p).storeBytes(of: v, as: Vec.self) }

#if AVX512
/// The first `count` (0...width) entries of `p`, zeros behind them. Reads nothing else.
@inline(always) func partialLoad(_ p: Floats, _ count: Int) -> Vec { _mm512_maskz_loadu_ps(laneMask(count), p) }

/// Writes the first `count` (0...width) entries of `v`, and nothing else.
@inline(always) func partialStore(_ v: Vec, _ p: MutableFloats, _ count: Int) {
  _mm512_mask_storeu_ps(p, laneMask(count), v)
}

@inline(always) func laneMask(_ count: Int) -> UInt16 { UInt16(truncatingIfNeeded: (1 &<< count) &- 1) }
#elseif AVX2
/// The first `count` (0...width) entries of `p`, zeros behind them. Reads nothing else.
@inline(always) func partialLoad(_ p: Floats, _ count: Int) -> Vec { _mm256_maskload_ps(p, laneMask(count)) }

/// Writes the first `count` (0...width) entries of `v`, and nothing else.
@inline(always) func partialStore(_ v: Vec, _ p: MutableFloats, _ count: Int) {
  _mm256_maskstore_ps(p, laneMask(count), v)
}

@inline(always) func laneMask(_ count: Int) -> SIMD4<Int64> {
  unsafeBitCast(IntVec(0, 1, 2, 3, 4, 5, 6, 7) .< splat(Int32(truncatingIfNeeded: count)), to: SIMD4<Int64>.self)
}
#else
/// The first `count` (0...width) entries of `p`, zeros behind them. Reads nothing else. Not inlined: remainders are rare
/// with four lanes, and the loop is in every kernel.
@inline(never) func partialLoad(_ p: Floats, _ count: Int) -> Vec {
  var v = Vec.zero
  for i in 0..<count { v[i] = p[i] }
  return v
}

/// Writes the first `count` (0...width) entries of `v`, and nothing else.
@inline(never) func partialStore(_ v: Vec, _ p: MutableFloats, _ count: Int) {
  for i in 0..<count { p[i] = v[i] }
}
#endif

/// a * b + c. Fused where the instruction set has it; SSE2 has not, and asking for it would call `fmaf` per lane.
@inline(always) func multiplyAdd(_ a: Vec, _ b: Vec, _ c: Vec) -> Vec {
  #if AVX512 || AVX2 || arch(arm64)
  return c.addingProduct(a, b)
  #else
  return a * b + c
  #endif
}

/// a > b ? a : b; a NaN in `b` passes through.
@inline(always) func maximum(_ a: Vec, _ b: Vec) -> Vec {
  #if AVX512
  return _mm512_max_ps(a, b)
  #elseif AVX2
  return _mm256_max_ps(a, b)
  #elseif arch(x86_64)
  return _mm_max_ps(a, b)
  #else
  return select(a .> b, a, b)
  #endif
}

/// a < b ? a : b; a NaN in `b` passes through.
@inline(always) func minimum(_ a: Vec, _ b: Vec) -> Vec {
  #if AVX512
  return _mm512_min_ps(a, b)
  #elseif AVX2
  return _mm256_min_ps(a, b)
  #elseif arch(x86_64)
  return _mm_min_ps(a, b)
  #else
  return select(a .< b, a, b)
  #endif
}

/// min(max(x, lo), hi); NaN stays NaN, and infinite bounds leave every x as it is.
@inline(always) func clamp(_ x: Vec, _ lo: Vec, _ hi: Vec) -> Vec { minimum(hi, maximum(lo, x)) }

@inline(always) func bits(_ v: Vec) -> IntVec { unsafeBitCast(v, to: IntVec.self) }

@inline(always) func float(bits v: IntVec) -> Vec { unsafeBitCast(v, to: Vec.self) }

@inline(always) func absolute(_ v: Vec) -> Vec { float(bits: and(bits(v), splat(0x7fff_ffff))) }

/// `magnitude` (whose sign bit is clear) with the sign of `sign`.
@inline(always) func withSign(of sign: Vec, _ magnitude: Vec) -> Vec {
  float(bits: or(and(bits(sign), splat(Int32.min)), bits(magnitude)))
}

/// Square roots, correctly rounded. The standard library's `squareRoot` branches to `sqrtf` lane by lane to set errno.
@inline(always) func squareRoot(_ v: Vec) -> Vec {
  #if AVX512
  return _mm512_sqrt_ps(v)
  #elseif AVX2
  return _mm256_sqrt_ps(v)
  #elseif arch(x86_64)
  return _mm_sqrt_ps(v)
  #else
  return vsqrtq_f32(v)
  #endif
}

/// An associative operation on vectors and on their lanes, for `horizontal`.
protocol Combining {
  static func combine(_ a: Vec, _ b: Vec) -> Vec
}

/// Combines the lanes of `v` in halves: lane i with i + width/2, and so on down to one.
@inline(always) func horizontal<C: Combining>(_ operation: C.Type, _ v: Vec) -> Float {
  var v = v
  #if AVX512
  v = C.combine(v, Vec(lowHalf: v.highHalf, highHalf: v.highHalf))
  v = C.combine(v, swapped(v, 4))
  v = C.combine(v, swapped(v, 2))
  v = C.combine(v, swapped(v, 1))
  #elseif AVX2
  v = C.combine(v, swapped(v, 4))
  v = C.combine(v, swapped(v, 2))
  v = C.combine(v, swapped(v, 1))
  #else
  v = C.combine(v, swapped(v, 2))
  v = C.combine(v, swapped(v, 1))
  #endif
  return v[0]
}

/// v with lane i replaced by lane i xor `distance`.
@inline(always) private func swapped(_ v: Vec, _ distance: Int) -> Vec {
  var r = v
  for i in 0..<width { r[i] = v[i ^ distance] }
  return r
}

enum Sum: Combining {
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { a + b }
}

enum Maximum: Combining {
  @inline(always) static func combine(_ a: Vec, _ b: Vec) -> Vec { maximum(a, b) }
}

/// How a kernel's body touches memory: whole vectors in the main loop, the first few lanes in the remainder. A body
/// written once over `Lanes` is compiled for both, with the same arithmetic.
protocol Lanes {
  func load(_ p: Floats) -> Vec
  func store(_ v: Vec, _ p: MutableFloats)
}

struct AllLanes: Lanes {
  @inline(always) init() {}
  @inline(always) func load(_ p: Floats) -> Vec { UnsafeRawPointer(p).loadUnaligned(as: Vec.self) }
  @inline(always) func store(_ v: Vec, _ p: MutableFloats) { UnsafeMutableRawPointer(p).storeBytes(of: v, as: Vec.self) }
}

struct SomeLanes: Lanes {
  let count: Int
  @inline(always) init(_ count: Int) { self.count = count }
  @inline(always) func load(_ p: Floats) -> Vec { partialLoad(p, count) }
  @inline(always) func store(_ v: Vec, _ p: MutableFloats) { partialStore(v, p, count) }
}

/// Copies `n` floats between buffers that do not overlap. The last vector is taken again from the end instead of a loop
/// over single floats; only runs shorter than a vector need a partial one.
@inline(always) func copy(_ source: Floats, _ target: MutableFloats, _ n: Int) {
  if n < width {
    partialStore(partialLoad(source, n), target, n)
    return
  }
  var i = 0
  while i &+ width < n {
    store(load(source + i), target + i)
    i &+= width
  }
  store(load(source + (n &- width)), target + (n &- width))
}

@inline(always) func fillZero(_ target: MutableFloats, _ n: Int) {
  var i = 0
  while i &+ width <= n {
    store(.zero, target + i)
    i &+= width
  }
  partialStore(.zero, target + i, n &- i)
}
