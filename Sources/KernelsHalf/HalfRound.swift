import CKernels

#if arch(x86_64)
import _Builtin_intrinsics.intel
#endif

/// Rounding of activations and weights to 16 bits, and the gathering of a convolution's input that does so on the way.

typealias Words = UnsafePointer<UInt16>
typealias MutableWords = UnsafeMutablePointer<UInt16>

#if BF16
/// Values that one step along k takes: pairs.
let depthStep = 2
let arithmetic = MSHALF_BFLOAT16

/// A vector as bfloat16 numbers.
@inline(always) private func rounded(_ x: Vec) -> SIMD4<Int64> { unsafeBitCast(ms_round_bf16(x), to: SIMD4<Int64>.self) }

/// y = x as 16-bit numbers.
@inline(always) func roundRow(_ x: Floats, _ y: MutableWords, _ n: Int) {
  var i = 0
  while i &+ 2 &* width <= n {
    UnsafeMutableRawPointer(y + i).storeBytes(of: ms_round_bf16_2(load(x + i), load(x + (i &+ width))), as: Vec.self)
    i &+= 2 &* width
  }
  while i < n {
    let count = Swift.min(n &- i, width)
    _mm256_mask_storeu_epi16(y + i, laneMask(count), rounded(partialLoad(x + i, count)))
    i &+= width
  }
}
#else
/// Values that one step along k takes: one vector of A.
let depthStep = 8
let arithmetic = MSHALF_FLOAT16

/// y = x as 16-bit numbers.
@inline(always) func roundRow(_ x: Floats, _ y: MutableWords, _ n: Int) { narrow(x, y, n) }
#endif

@inline(always) func zeroWords(_ y: MutableWords, _ n: Int) { y.update(repeating: 0, count: n) }

/// `n` rounded up to whole steps along k.
@inline(always) func steps(_ n: Int) -> Int { (n &+ depthStep &- 1) / depthStep &* depthStep }

typealias GatherTarget = MutableWords

@inline(always) func gatherCopy(_ source: Floats, _ target: GatherTarget, _ n: Int) { roundRow(source, target, n) }

@inline(always) func gatherShort(_ source: Floats, _ target: GatherTarget, _ n: Int) { roundRow(source, target, n) }

@inline(always) func gatherZero(_ target: GatherTarget, _ n: Int) { zeroWords(target, n) }
