/// Copies of byte rows into the form that the tiles read.

/// The first n (0...15) bytes of `p`, and nothing else, zeros behind them.
@inline(always) func loadPart(_ p: UnsafeRawPointer, _ n: Int) -> SIMD2<UInt64> {
  if n >= 8 {
    let low = p.loadUnaligned(as: UInt64.self)
    // The last eight bytes, of which the first 16 - n are known already.
    let last = (p + (n &- 8)).loadUnaligned(as: UInt64.self)
    return SIMD2(low, n == 8 ? 0 : last &>> UInt64(truncatingIfNeeded: 8 &* (16 &- n)))
  }
  if n >= 4 {
    let low = UInt64(p.loadUnaligned(as: UInt32.self))
    let last = UInt64((p + (n &- 4)).loadUnaligned(as: UInt32.self))
    return SIMD2(low | last &<< UInt64(truncatingIfNeeded: 8 &* (n &- 4)), 0)
  }
  if n == 0 { return .zero }
  let first = UInt64(p.load(as: UInt8.self)), middle = UInt64((p + (n &>> 1)).load(as: UInt8.self))
  let last = UInt64((p + (n &- 1)).load(as: UInt8.self))
  return SIMD2(
    first | middle &<< UInt64(truncatingIfNeeded: 8 &* (n &>> 1)) | last &<< UInt64(truncatingIfNeeded: 8 &* (n &- 1)), 0)
}

@inline(always) func splatBytes(_ byte: UInt8) -> SIMD2<UInt64> { SIMD2(repeating: UInt64(byte) &* 0x0101_0101_0101_0101) }

/// Stores 16 bytes as elements.
@inline(always) func storeElements(_ bytes: SIMD2<UInt64>, _ target: UnsafeMutablePointer<Element>) {
  #if VNNI || DOT
  UnsafeMutableRawPointer(target).storeBytes(of: bytes, as: SIMD2<UInt64>.self)
  #else
  widened(unsafeBitCast(bytes, to: SIMD16<Int8>.self), target)
  #endif
}

#if !(VNNI || DOT)
#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

@inline(always) private func widened(_ bytes: SIMD16<Int8>, _ target: UnsafeMutablePointer<Int16>) {
  #if AVX2
  let words = _mm256_cvtepi8_epi16(unsafeBitCast(bytes, to: SIMD2<Int64>.self))
  UnsafeMutableRawPointer(target).storeBytes(of: words, as: SIMD4<Int64>.self)
  #elseif arch(x86_64)
  let b = unsafeBitCast(bytes, to: SIMD2<Int64>.self)
  UnsafeMutableRawPointer(target).storeBytes(of: _mm_srai_epi16(_mm_unpacklo_epi8(b, b), 8), as: SIMD2<Int64>.self)
  UnsafeMutableRawPointer(target + 8).storeBytes(of: _mm_srai_epi16(_mm_unpackhi_epi8(b, b), 8), as: SIMD2<Int64>.self)
  #else
  UnsafeMutableRawPointer(target).storeBytes(of: vmovl_s8(bytes.lowHalf), as: SIMD8<Int16>.self)
  UnsafeMutableRawPointer(target + 8).storeBytes(of: vmovl_s8(bytes.highHalf), as: SIMD8<Int16>.self)
  #endif
}
#endif

/// Elements that `copyRun` and `fillRun` may write beyond their run.
let spareElements = 16

/// The n bytes at `source`, xor flip, as elements. Writes whole groups of 16.
@inline(always) func copyRun(_ source: UnsafeRawPointer, _ target: UnsafeMutablePointer<Element>, _ n: Int, _ flip: UInt8) {
  let mask = splatBytes(flip)
  var i = 0
  while i &+ 16 <= n {
    storeElements((source + i).loadUnaligned(as: SIMD2<UInt64>.self) ^ mask, target + i)
    i &+= 16
  }
  if i < n { storeElements(loadPart(source + i, n &- i) ^ mask, target + i) }
}

/// n times the byte. Writes whole groups of 16.
@inline(always) func fillRun(_ target: UnsafeMutablePointer<Element>, _ n: Int, _ byte: UInt8) {
  let bytes = splatBytes(byte)
  var i = 0
  while i < n {
    storeElements(bytes, target + i)
    i &+= 16
  }
}
