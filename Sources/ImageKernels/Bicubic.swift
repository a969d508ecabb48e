#if AVX2
import _Builtin_intrinsics.intel
#endif

// Bicubic resizing of bytes in integers: weights of 14 bits, between the passes 16-bit numbers with 6 bits for the fraction.

func bicubicRow(
  _ row: Bytes?, _ readable: Int, _ channels: Int32, _ index: UnsafePointer<Int32>?, _ weight: UnsafePointer<Int16>?,
  _ out: UnsafeMutablePointer<Int16>?, _ count: Int
) {
  let row = row.unsafelyUnwrapped, index = index.unsafelyUnwrapped
  let weight = weight.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch channels {
  case 1: bicubic(row, readable, 1, index, weight, out, count)
  case 3: bicubic(row, readable, 3, index, weight, out, count)
  default: bicubic(row, readable, 4, index, weight, out, count)
  }
}

@inline(always) private func bicubic(
  _ row: Bytes, _ readable: Int, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>,
  _ out: UnsafeMutablePointer<Int16>, _ count: Int
) {
  // At the ends pixels are repeated; between these the four are beside each other.
  let inside = Int32(truncatingIfNeeded: 3 &* channels), loaded = channels == 1 ? 4 : 16
  var first = 0, last = count
  while first < count, index[4 &* first &+ 3] &- index[4 &* first] != inside { first &+= 1 }
  while last > first, index[4 &* last &- 1] &- index[4 &* last &- 4] != inside || Int(index[4 &* last &- 4]) &+ loaded > readable {
    last &-= 1
  }
  bicubicPixels(row, channels, index, weight, out, 0, first)
  let done = channels == 1 ? bicubicEights(row, index, weight, out, first, last) : bicubicPairs(row, channels, index, weight, out, first, last)
  bicubicPixels(row, channels, index, weight, out, done, count)
}

@inline(always) private func bicubicPixels(
  _ row: Bytes, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>,
  _ first: Int, _ end: Int
) {
  var x = first
  while x < end {
    let index = index + 4 &* x, weight = weight + 4 &* x
    for c in 0..<channels {
      var sum: Int32 = 128
      for t in 0..<4 { sum &+= Int32(row[Int(index[t]) &+ c]) &* Int32(weight[t]) }
      out[x &* channels &+ c] = Int16(truncatingIfNeeded: sum >> 8)
    }
    x &+= 1
  }
}

#if AVX2
/// Two pixels at a time of three or four channels, from `first` on; where the next one is.
@inline(always) private func bicubicPairs(
  _ row: Bytes, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>,
  _ first: Int, _ end: Int
) -> Int {
  // A channel's bytes of two pixels beside each other, as 16-bit numbers.
  let z: Int8 = -1
  let order =
    channels == 3
    ? SIMD16<Int8>(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z) : SIMD16<Int8>(0, z, 4, z, 1, z, 5, z, 2, z, 6, z, 3, z, 7, z)
  let orderFar =
    channels == 3
    ? SIMD16<Int8>(6, z, 9, z, 7, z, 10, z, 8, z, 11, z, z, z, z, z) : SIMD16<Int8>(8, z, 12, z, 9, z, 13, z, 10, z, 14, z, 11, z, 15, z)
  let near = unsafeBitCast(SIMD32(lowHalf: order, highHalf: order), to: SIMD4<Int64>.self)
  let far = unsafeBitCast(SIMD32(lowHalf: orderFar, highHalf: orderFar), to: SIMD4<Int64>.self)
  let nearWeights = unsafeBitCast(SIMD8<Int32>(0, 0, 0, 0, 2, 2, 2, 2), to: SIMD4<Int64>.self)
  let farWeights = unsafeBitCast(SIMD8<Int32>(1, 1, 1, 1, 3, 3, 3, 3), to: SIMD4<Int64>.self)
  var x = first
  while x &+ 2 <= end {
    let p = UnsafeRawPointer(row + Int(index[4 &* x])).loadUnaligned(as: SIMD2<Int64>.self)
    let q = UnsafeRawPointer(row + Int(index[4 &* x &+ 4])).loadUnaligned(as: SIMD2<Int64>.self)
    let pixels = SIMD4(lowHalf: p, highHalf: q)
    let weights = SIMD4(lowHalf: UnsafeRawPointer(weight + 4 &* x).loadUnaligned(as: SIMD2<Int64>.self), highHalf: .zero)
    let a = _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, near), _mm256_permutevar8x32_epi32(weights, nearWeights))
    let b = _mm256_madd_epi16(_mm256_shuffle_epi8(pixels, far), _mm256_permutevar8x32_epi32(weights, farWeights))
    let sums = (unsafeBitCast(a, to: SIMD8<Int32>.self) &+ unsafeBitCast(b, to: SIMD8<Int32>.self) &+ 128) &>> 8
    let packed = _mm256_packs_epi32(unsafeBitCast(sums, to: SIMD4<Int64>.self), unsafeBitCast(sums, to: SIMD4<Int64>.self))
    // Of three channels the next pixel overwrites the fourth.
    let place = UnsafeMutableRawPointer(out + x &* channels)
    place.storeBytes(of: packed[0], as: Int64.self)
    place.storeBytes(of: packed[2], toByteOffset: 2 &* channels, as: Int64.self)
    x &+= 2
  }
  return x
}

/// The same for one channel, eight pixels at a time.
@inline(always) private func bicubicEights(
  _ row: Bytes, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>, _ first: Int, _ end: Int
) -> Int {
  let order = unsafeBitCast(SIMD8<Int32>(0, 1, 4, 5, 2, 3, 6, 7), to: SIMD4<Int64>.self)
  var x = first
  while x &+ 8 <= end {
    var pixels = SIMD8<UInt32>.zero
    for i in 0..<8 { pixels[i] = UnsafeRawPointer(row + Int(index[4 &* (x &+ i)])).loadUnaligned(as: UInt32.self) }
    let bytes = unsafeBitCast(pixels, to: SIMD4<Int64>.self), weights = UnsafeRawPointer(weight + 4 &* x)
    let a = _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes.lowHalf), weights.loadUnaligned(as: SIMD4<Int64>.self))
    let b = _mm256_madd_epi16(_mm256_cvtepu8_epi16(bytes.highHalf), weights.loadUnaligned(fromByteOffset: 32, as: SIMD4<Int64>.self))
    let sums = unsafeBitCast(_mm256_permutevar8x32_epi32(_mm256_hadd_epi32(a, b), order), to: SIMD8<Int32>.self)
    UnsafeMutableRawPointer(out + x).storeBytes(of: SIMD8<Int16>(truncatingIfNeeded: (sums &+ 128) &>> 8), as: SIMD8<Int16>.self)
    x &+= 8
  }
  return x
}
#else
@inline(always) private func bicubicPairs(
  _ row: Bytes, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>,
  _ first: Int, _ end: Int
) -> Int { first }

@inline(always) private func bicubicEights(
  _ row: Bytes, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>, _ first: Int, _ end: Int
) -> Int { first }
#endif

func bicubicColumn(
  _ rows: UnsafePointer<UnsafePointer<Int16>?>?, _ weight: UnsafePointer<Int16>?, _ out: MutableBytes?, _ n: Int
) {
  let rows = rows.unsafelyUnwrapped, weight = weight.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let a = rows[0].unsafelyUnwrapped, b = rows[1].unsafelyUnwrapped, c = rows[2].unsafelyUnwrapped, d = rows[3].unsafelyUnwrapped
  var i = 0
  #if AVX2
  let near = pair(weight[0], weight[1]), far = pair(weight[2], weight[3])
  while i &+ 16 <= n {
    let a = load(a + i), b = load(b + i), c = load(c + i), d = load(d + i)
    let low = sum(_mm256_unpacklo_epi16(a, b), near, _mm256_unpacklo_epi16(c, d), far)
    let high = sum(_mm256_unpackhi_epi16(a, b), near, _mm256_unpackhi_epi16(c, d), far)
    let words = _mm256_packs_epi32(low, high)
    let bytes = _mm256_packus_epi16(words, words)
    let place = UnsafeMutableRawPointer(out + i)
    place.storeBytes(of: bytes[0], as: Int64.self)
    place.storeBytes(of: bytes[2], toByteOffset: 8, as: Int64.self)
    i &+= 16
  }
  #endif
  let wa = Int32(weight[0]), wb = Int32(weight[1]), wc = Int32(weight[2]), wd = Int32(weight[3])
  while i < n {
    let near: Int32 = Int32(a[i]) &* wa &+ Int32(b[i]) &* wb
    let far: Int32 = Int32(c[i]) &* wc &+ Int32(d[i]) &* wd
    out[i] = byte((near &+ far &+ 1 << 19) >> 20)
    i &+= 1
  }
}

#if AVX2
@inline(always) private func load(_ p: UnsafePointer<Int16>) -> SIMD4<Int64> { UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Int64>.self) }

@inline(always) private func pair(_ a: Int16, _ b: Int16) -> SIMD4<Int64> {
  unsafeBitCast(SIMD8<UInt32>(repeating: UInt32(UInt16(bitPattern: a)) | UInt32(UInt16(bitPattern: b)) << 16), to: SIMD4<Int64>.self)
}

@inline(always) private func sum(_ a: SIMD4<Int64>, _ wa: SIMD4<Int64>, _ b: SIMD4<Int64>, _ wb: SIMD4<Int64>) -> SIMD4<Int64> {
  let sum = unsafeBitCast(_mm256_madd_epi16(a, wa), to: SIMD8<Int32>.self) &+ unsafeBitCast(_mm256_madd_epi16(b, wb), to: SIMD8<Int32>.self)
  return unsafeBitCast((sum &+ 1 << 19) &>> 20, to: SIMD4<Int64>.self)
}
#endif
