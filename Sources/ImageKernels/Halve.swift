#if AVX2
import _Builtin_intrinsics.intel
#endif

func halve(_ a: Bytes?, _ b: Bytes?, _ channels: Int32, _ out: MutableBytes?, _ count: Int) {
  let a = a.unsafelyUnwrapped, b = b.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch channels {
  case 1: halveRow(a, b, 1, out, 0, count)
  case 3: halveRow(a, b, 3, out, halveThrees(a, b, out, count), count)
  default: halveRow(a, b, 4, out, halveFours(a, b, out, count), count)
  }
}

@inline(always) private func halveRow(_ a: Bytes, _ b: Bytes, _ channels: Int, _ out: MutableBytes, _ first: Int, _ count: Int) {
  for x in first..<count {
    for c in 0..<channels {
      let near = 2 &* x &* channels &+ c, far = near &+ channels
      let sum = UInt16(a[near]) &+ UInt16(a[far]) &+ UInt16(b[near]) &+ UInt16(b[far])
      out[x &* channels &+ c] = UInt8(truncatingIfNeeded: (sum &+ 2) >> 2)
    }
  }
}

#if AVX2
/// Sums of the two bytes that `order` brings beside each other, of one row.
@inline(always) private func pairSums(_ pixels: SIMD4<Int64>, _ order: SIMD16<Int8>) -> SIMD16<UInt16> {
  let shuffle = unsafeBitCast(SIMD32(lowHalf: order, highHalf: order), to: SIMD4<Int64>.self)
  let ones = unsafeBitCast(SIMD32<Int8>(repeating: 1), to: SIMD4<Int64>.self)
  return unsafeBitCast(_mm256_maddubs_epi16(_mm256_shuffle_epi8(pixels, shuffle), ones), to: SIMD16<UInt16>.self)
}

/// Bytes in the first and in the third eighth.
@inline(always) private func means(_ a: SIMD16<UInt16>, _ b: SIMD16<UInt16>) -> SIMD4<Int64> {
  let means = unsafeBitCast((a &+ b &+ 2) &>> 2, to: SIMD4<Int64>.self)
  return _mm256_packus_epi16(means, means)
}

/// Four pixels of four channels at a time; how many there were.
@inline(always) private func halveFours(_ a: Bytes, _ b: Bytes, _ out: MutableBytes, _ count: Int) -> Int {
  let order = SIMD16<Int8>(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15)
  @inline(__always) func sums(_ row: Bytes, _ x: Int) -> SIMD16<UInt16> {
    pairSums(UnsafeRawPointer(row + 8 &* x).loadUnaligned(as: SIMD4<Int64>.self), order)
  }
  var x = 0
  while x &+ 4 <= count {
    let bytes = means(sums(a, x), sums(b, x))
    UnsafeMutableRawPointer(out + 4 &* x).storeBytes(of: SIMD2(bytes[0], bytes[2]), as: SIMD2<Int64>.self)
    x &+= 4
  }
  return x
}

/// The same for three channels; some of the fifth pixel is loaded and stored.
@inline(always) private func halveThrees(_ a: Bytes, _ b: Bytes, _ out: MutableBytes, _ count: Int) -> Int {
  let order = SIMD16<Int8>(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1)
  @inline(__always) func sums(_ row: Bytes, _ x: Int) -> SIMD16<UInt16> {
    let p = UnsafeRawPointer(row + 6 &* x)
    let pixels = SIMD4(lowHalf: p.loadUnaligned(as: SIMD2<Int64>.self), highHalf: p.loadUnaligned(fromByteOffset: 12, as: SIMD2<Int64>.self))
    return pairSums(pixels, order)
  }
  var x = 0
  while x &+ 5 <= count {
    let bytes = means(sums(a, x), sums(b, x)), place = UnsafeMutableRawPointer(out + 3 &* x)
    place.storeBytes(of: bytes[0], as: Int64.self)
    place.storeBytes(of: bytes[2], toByteOffset: 6, as: Int64.self)
    x &+= 4
  }
  return x
}
#else
@inline(always) private func halveFours(_ a: Bytes, _ b: Bytes, _ out: MutableBytes, _ count: Int) -> Int { 0 }

@inline(always) private func halveThrees(_ a: Bytes, _ b: Bytes, _ out: MutableBytes, _ count: Int) -> Int { 0 }
#endif

func halve(_ a: Floats?, _ b: Floats?, _ channels: Int32, _ out: MutableFloats?, _ count: Int) {
  let a = a.unsafelyUnwrapped, b = b.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch channels {
  case 1: halveRow(a, b, 1, out, count)
  case 3: halveRow(a, b, 3, out, count)
  default:
    // A pixel and the next one in a vector.
    for x in 0..<count {
      let sum =
        UnsafeRawPointer(a + 8 &* x).loadUnaligned(as: SIMD8<Float>.self) + UnsafeRawPointer(b + 8 &* x).loadUnaligned(as: SIMD8<Float>.self)
      UnsafeMutableRawPointer(out + 4 &* x).storeBytes(of: (sum.lowHalf + sum.highHalf) * 0.25, as: SIMD4<Float>.self)
    }
  }
}

@inline(always) private func halveRow(_ a: Floats, _ b: Floats, _ channels: Int, _ out: MutableFloats, _ count: Int) {
  for x in 0..<count {
    for c in 0..<channels {
      let near = 2 &* x &* channels &+ c, far = near &+ channels
      let sum: Float = (a[near] + b[near]) + (a[far] + b[far])
      out[x &* channels &+ c] = sum * 0.25
    }
  }
}
