#if AVX2
import _Builtin_intrinsics.intel
#endif

func bilinearRow(
  _ row: Bytes?, _ readable: Int, _ channels: Int32, _ index: UnsafePointer<Int32>?, _ step: UnsafePointer<Int32>?,
  _ weight: UnsafePointer<Int16>?, _ out: UnsafeMutablePointer<Int16>?, _ count: Int
) {
  let row = row.unsafelyUnwrapped, index = index.unsafelyUnwrapped, step = step.unsafelyUnwrapped
  let weight = weight.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch channels {
  case 1: bilinear(row, 1, index, step, weight, out, bilinearEights(row, readable, index, weight, out, count), count)
  case 3: bilinear(row, 3, index, step, weight, out, bilinearPairs(row, readable, 3, index, weight, out, count), count)
  default: bilinear(row, 4, index, step, weight, out, bilinearPairs(row, readable, 4, index, weight, out, count), count)
  }
}

#if AVX2
/// Pixels whose near and far one are in 8 bytes that exist, from the first on; how many of them there were. Products of 15 bits are
/// summed in pairs by one instruction.
@inline(always) private func bilinearPairs(
  _ row: Bytes, _ readable: Int, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>,
  _ out: UnsafeMutablePointer<Int16>, _ count: Int
) -> Int {
  // Near and far bytes of a channel beside each other, as 16-bit numbers.
  let z: Int8 = -1
  let shuffle =
    channels == 3
    ? SIMD16<Int8>(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, 2, z, 5, z)
    : SIMD16<Int8>(0, z, 4, z, 1, z, 5, z, 2, z, 6, z, 3, z, 7, z)
  var last = count
  // The weight of a pixel without a right neighbour is zero; only its load may leave the row.
  while last > 0, Int(index[last &- 1]) &+ 8 > readable { last &-= 1 }
  // Four elements are stored for each pixel.
  if channels == 3 { last = min(last, count &- 1) }
  var x = 0
  while x < last {
    let pixels = UnsafeRawPointer(row + Int(index[x])).loadUnaligned(as: Int64.self)
    let pairs = _mm_shuffle_epi8(SIMD2<Int64>(pixels, 0), unsafeBitCast(shuffle, to: SIMD2<Int64>.self))
    let far = UInt32(UInt16(bitPattern: weight[x]))
    // 2^15 - far does not fit where far is 0, so all weights are of 2^14.
    let both = (16384 &- (far >> 1)) | (far >> 1) << 16
    let sums = unsafeBitCast(
      _mm_madd_epi16(pairs, unsafeBitCast(SIMD4<UInt32>(repeating: both), to: SIMD2<Int64>.self)), to: SIMD4<Int32>.self)
    let scaled = SIMD4<Int16>(truncatingIfNeeded: sums &>> 8)
    UnsafeMutableRawPointer(out + x &* channels).storeBytes(of: scaled, as: SIMD4<Int16>.self)
    x &+= 1
  }
  return max(last, 0)
}

/// The same for one channel, eight pixels at a time.
@inline(always) private func bilinearEights(
  _ row: Bytes, _ readable: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>,
  _ count: Int
) -> Int {
  var last = count
  while last > 0, Int(index[last &- 1]) &+ 2 > readable { last &-= 1 }
  var x = 0
  while x &+ 8 <= last {
    var bytes = SIMD8<UInt16>.zero
    for i in 0..<8 { bytes[i] = UnsafeRawPointer(row + Int(index[x &+ i])).loadUnaligned(as: UInt16.self) }
    let wide = SIMD8<UInt32>(truncatingIfNeeded: bytes)
    let pairs = (wide & 0xFF) | (wide & 0xFF00) &<< 8
    let far = SIMD8<UInt32>(truncatingIfNeeded: UnsafeRawPointer(weight + x).loadUnaligned(as: SIMD8<UInt16>.self)) &>> 1
    let both = (16384 &- far) | far &<< 16
    let sums = unsafeBitCast(
      _mm256_madd_epi16(unsafeBitCast(pairs, to: SIMD4<Int64>.self), unsafeBitCast(both, to: SIMD4<Int64>.self)), to: SIMD8<Int32>.self)
    UnsafeMutableRawPointer(out + x).storeBytes(of: SIMD8<Int16>(truncatingIfNeeded: sums &>> 8), as: SIMD8<Int16>.self)
    x &+= 8
  }
  return x
}
#else
@inline(always) private func bilinearEights(
  _ row: Bytes, _ readable: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>, _ out: UnsafeMutablePointer<Int16>,
  _ count: Int
) -> Int { 0 }

@inline(always) private func bilinearPairs(
  _ row: Bytes, _ readable: Int, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>,
  _ out: UnsafeMutablePointer<Int16>, _ count: Int
) -> Int { 0 }
#endif

@inline(always) private func bilinear(
  _ row: Bytes, _ channels: Int, _ index: UnsafePointer<Int32>, _ step: UnsafePointer<Int32>, _ weight: UnsafePointer<Int16>,
  _ out: UnsafeMutablePointer<Int16>, _ first: Int, _ count: Int
) {
  var x = first
  while x < count {
    let near = row + Int(index[x]), far = near + Int(step[x])
    let b = Int32(weight[x]) >> 1, a = 16384 &- b
    for c in 0..<channels {
      out[x &* channels &+ c] = Int16(truncatingIfNeeded: (Int32(near[c]) &* a &+ Int32(far[c]) &* b) >> 8)
    }
    x &+= 1
  }
}

func bilinearColumn(
  _ a: UnsafePointer<Int16>?, _ b: UnsafePointer<Int16>?, _ weight: Int16, _ out: MutableBytes?, _ n: Int
) {
  let a = a.unsafelyUnwrapped, b = b.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let w = Int32(weight)
  for i in 0..<n {
    // The difference doubled is below 2^15, so that the upper halves of 16-bit products do.
    let difference = (b[i] &- a[i]) &* 2
    let part = Int16(truncatingIfNeeded: (Int32(difference) &* w) >> 16)
    out[i] = UInt8(truncatingIfNeeded: (a[i] &+ part &+ 32) >> 6)
  }
}

func accumulate(_ row: Bytes?, _ weight: Float, _ first: Int32, _ sum: MutableFloats?, _ n: Int) {
  let row = row.unsafelyUnwrapped, sum = sum.unsafelyUnwrapped
  if first != 0 {
    for i in 0..<n { sum[i] = Float(Int32(row[i])) * weight }
  } else {
    for i in 0..<n { sum[i] += Float(Int32(row[i])) * weight }
  }
}

func accumulate(_ row: Floats?, _ weight: Float, _ first: Int32, _ sum: MutableFloats?, _ n: Int) {
  let row = row.unsafelyUnwrapped, sum = sum.unsafelyUnwrapped
  if first != 0 {
    for i in 0..<n { sum[i] = row[i] * weight }
  } else {
    for i in 0..<n { sum[i] += row[i] * weight }
  }
}

func roundToBytes(_ from: Floats?, _ out: MutableBytes?, _ n: Int) {
  let from = from.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  for i in 0..<n { out[i] = byte(from[i]) }
}
