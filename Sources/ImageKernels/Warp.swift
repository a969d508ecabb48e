import CImage
#if AVX2
import _Builtin_intrinsics.intel
#endif

func warpRow(_ warp: UnsafePointer<MSImageWarp>?, _ y: Int32, _ out: MutableBytes?, _ count: Int) {
  let warp = warp.unsafelyUnwrapped, out = UnsafeMutableRawPointer(out.unsafelyUnwrapped)
  if warp.pointee.is_nearest != 0 {
    switch (warp.pointee.is_float != 0, warp.pointee.channels) {
    case (false, 1): row(warp, y, out, count, 1, false, true)
    case (false, 3): row(warp, y, out, count, 3, false, true)
    case (false, _): row(warp, y, out, count, 4, false, true)
    case (true, 1): row(warp, y, out, count, 1, true, true)
    case (true, 3): row(warp, y, out, count, 3, true, true)
    case (true, _): row(warp, y, out, count, 4, true, true)
    }
  } else {
    switch (warp.pointee.is_float != 0, warp.pointee.channels) {
    case (false, 1): row(warp, y, out, count, 1, false, false)
    case (false, 3): row(warp, y, out, count, 3, false, false)
    case (false, _): row(warp, y, out, count, 4, false, false)
    case (true, 1): row(warp, y, out, count, 1, true, false)
    case (true, 3): row(warp, y, out, count, 3, true, false)
    case (true, _): row(warp, y, out, count, 4, true, false)
    }
  }
}

/// How many places are computed before pixels are looked at.
private let block = 64

@inline(always) private func row(
  _ warp: UnsafePointer<MSImageWarp>, _ y: Int32, _ out: UnsafeMutableRawPointer, _ count: Int, _ channels: Int, _ isFloat: Bool,
  _ isNearest: Bool
) {
  let pixelBytes = isFloat ? 4 &* channels : channels
  withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 &* block) { places in
    let xs = places.baseAddress.unsafelyUnwrapped, ys = xs + block
    var start = 0
    while start < count {
      let n = min(block, count &- start)
      computePlaces(warp, Float(start), Double(y), xs, ys, n)
      var i = 0
      while i < n {
        let place = out + (start &+ i) &* pixelBytes
        // Of three channels the next pixel's place is written too.
        if !isNearest && !isFloat && i &+ 8 <= n && (channels != 3 || start &+ i &+ 10 < count)
          && bilinearEight(warp, xs + i, ys + i, channels, place)
        {
          i &+= 8
          continue
        }
        if isNearest {
          store(nearest(warp, xs[i], ys[i], channels, isFloat), place, channels, isFloat)
        } else {
          bilinear(warp, xs[i], ys[i], channels, isFloat, place)
        }
        i &+= 1
      }
      start &+= block
    }
  }
}

/// Places that a picture cannot have, and those that are no numbers, become ones far outside.
@inline(always) private func limited(_ x: Float) -> Float {
  let low = x > -131_072 ? x : -131_072
  return low < 131_072 ? low : 131_072
}

@inline(always) private func computePlaces(
  _ warp: UnsafePointer<MSImageWarp>, _ first: Float, _ y: Double, _ xs: MutableFloats, _ ys: MutableFloats, _ n: Int
) {
  let m = warp.pointee.matrix
  let startX = Float(m.1 * y + m.2), startY = Float(m.4 * y + m.5), startW = Float(m.7 * y + m.8)
  let stepX = Float(m.0), stepY = Float(m.3), stepW = Float(m.6)
  if warp.pointee.is_perspective != 0 {
    for i in 0..<n {
      let x = first + Float(Int32(truncatingIfNeeded: i))
      let w = 1 / (stepW * x + startW)
      xs[i] = limited((stepX * x + startX) * w)
      ys[i] = limited((stepY * x + startY) * w)
    }
  } else {
    for i in 0..<n {
      let x = first + Float(Int32(truncatingIfNeeded: i))
      xs[i] = limited(stepX * x + startX)
      ys[i] = limited(stepY * x + startY)
    }
  }
}

// Bytes are mixed with weights of 14 bits, which add up to 2^14.

/// The lower right pixel's weight, of fractions with 14 bits; the others' are x - this, y - this and what is left.
@inline(always) private func cornerWeight(_ x: Int32, _ y: Int32) -> Int32 { (x &* y &+ 8192) >> 14 }

@inline(always) private func fixed(_ fraction: Float) -> Int32 { Int32(fraction * 16384 + 0.5) }

#if AVX2
/// Eight pixels that lie inside with all of their neighbours, in integers, or outside where a constant is; false, and nothing done,
/// where they are anything else.
@inline(always) private func bilinearEight(
  _ warp: UnsafePointer<MSImageWarp>, _ xs: MutableFloats, _ ys: MutableFloats, _ channels: Int, _ out: UnsafeMutableRawPointer
) -> Bool {
  let x = UnsafeRawPointer(xs).loadUnaligned(as: SIMD8<Float>.self), y = UnsafeRawPointer(ys).loadUnaligned(as: SIMD8<Float>.self)
  let wholeX = x.rounded(.down), wholeY = y.rounded(.down)
  let ix = unsafeBitCast(_mm256_cvttps_epi32(wholeX), to: SIMD8<Int32>.self)
  let iy = unsafeBitCast(_mm256_cvttps_epi32(wholeY), to: SIMD8<Int32>.self)
  // Of three channels the eight bytes that are loaded have two of the third pixel.
  let lastX = warp.pointee.width &- (channels == 3 ? 3 : 2), lastY = warp.pointee.height &- 2
  let outside = ix | iy | (lastX &- ix) | (lastY &- iy)
  if _mm256_movemask_ps(unsafeBitCast(outside, to: SIMD8<Float>.self)) != 0 {
    let farOutside = (ix &+ 1) | (iy &+ 1) | (warp.pointee.width &- 1 &- ix) | (warp.pointee.height &- 1 &- iy)
    if warp.pointee.border != MSLITE_BORDER_CONSTANT || _mm256_movemask_ps(unsafeBitCast(farOutside, to: SIMD8<Float>.self)) != 0xFF {
      return false
    }
    let value = warp.pointee.value
    for i in 0..<8 { store(SIMD4(value.0, value.1, value.2, value.3), out + i &* channels, channels, false) }
    return true
  }

  let half = SIMD8<Float>(repeating: 0.5)
  let fx = unsafeBitCast(_mm256_cvttps_epi32((x - wholeX) * 16384 + half), to: SIMD8<Int32>.self)
  let fy = unsafeBitCast(_mm256_cvttps_epi32((y - wholeY) * 16384 + half), to: SIMD8<Int32>.self)
  let corner = (fx &* fy &+ 8192) &>> 14
  let top = (16384 &- fx &- fy &+ corner) | (fx &- corner) &<< 16
  let bottom = (fy &- corner) | corner &<< 16

  let data = UnsafeRawPointer(warp.pointee.data.unsafelyUnwrapped), stride = warp.pointee.stride
  if channels == 1 {
    var above = SIMD8<UInt16>.zero, below = SIMD8<UInt16>.zero
    for i in 0..<8 {
      let p = data + (Int(iy[i]) &* stride &+ Int(ix[i]))
      above[i] = p.loadUnaligned(as: UInt16.self)
      below[i] = (p + stride).loadUnaligned(as: UInt16.self)
    }
    let sums = weighed(spread(above), top) &+ weighed(spread(below), bottom)
    out.storeBytes(of: SIMD8<UInt8>(truncatingIfNeeded: (sums &+ 8192) &>> 14), as: SIMD8<UInt8>.self)
  } else {
    let a = two(data, stride, ix, iy, 0, channels, top, bottom), b = two(data, stride, ix, iy, 2, channels, top, bottom)
    let c = two(data, stride, ix, iy, 4, channels, top, bottom), d = two(data, stride, ix, iy, 6, channels, top, bottom)
    // Pixels 0 2 4 6 and 1 3 5 7 in the two halves.
    let packed = _mm256_packus_epi16(
      _mm256_packs_epi32(unsafeBitCast(a, to: SIMD4<Int64>.self), unsafeBitCast(b, to: SIMD4<Int64>.self)),
      _mm256_packs_epi32(unsafeBitCast(c, to: SIMD4<Int64>.self), unsafeBitCast(d, to: SIMD4<Int64>.self)))
    let pixels = unsafeBitCast(
      _mm256_permutevar8x32_epi32(packed, unsafeBitCast(SIMD8<Int32>(0, 4, 1, 5, 2, 6, 3, 7), to: SIMD4<Int64>.self)), to: SIMD8<UInt32>.self)
    if channels == 4 {
      out.storeBytes(of: pixels, as: SIMD8<UInt32>.self)
    } else {
      let z: Int8 = -1
      let order = SIMD32<Int8>(
        0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, z, z, z, z, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, z, z, z, z)
      let dense = _mm256_shuffle_epi8(unsafeBitCast(pixels, to: SIMD4<Int64>.self), unsafeBitCast(order, to: SIMD4<Int64>.self))
      out.storeBytes(of: dense.lowHalf, as: SIMD2<Int64>.self)
      out.storeBytes(of: dense.highHalf, toByteOffset: 12, as: SIMD2<Int64>.self)
    }
  }
  return true
}

/// Two bytes each to two 16-bit numbers each.
@inline(always) private func spread(_ pairs: SIMD8<UInt16>) -> SIMD8<UInt32> {
  let wide = SIMD8<UInt32>(truncatingIfNeeded: pairs)
  return (wide & 0xFF) | (wide & 0xFF00) &<< 8
}

/// Sums of products of 16-bit numbers that are beside each other.
@inline(always) private func weighed(_ pairs: SIMD8<UInt32>, _ weights: SIMD8<Int32>) -> SIMD8<Int32> {
  unsafeBitCast(
    _mm256_madd_epi16(unsafeBitCast(pairs, to: SIMD4<Int64>.self), unsafeBitCast(weights, to: SIMD4<Int64>.self)), to: SIMD8<Int32>.self)
}

/// Pixels `i` and `i + 1`, four channels each.
@inline(always) private func two(
  _ data: UnsafeRawPointer, _ stride: Int, _ ix: SIMD8<Int32>, _ iy: SIMD8<Int32>, _ i: Int, _ channels: Int, _ top: SIMD8<Int32>,
  _ bottom: SIMD8<Int32>
) -> SIMD8<Int32> {
  let p = data + (Int(iy[i]) &* stride &+ Int(ix[i]) &* channels)
  let q = data + (Int(iy[i &+ 1]) &* stride &+ Int(ix[i &+ 1]) &* channels)
  let above = SIMD4<Int64>(p.loadUnaligned(as: Int64.self), 0, q.loadUnaligned(as: Int64.self), 0)
  let below = SIMD4<Int64>((p + stride).loadUnaligned(as: Int64.self), 0, (q + stride).loadUnaligned(as: Int64.self), 0)
  let z: Int8 = -1
  // Near and far bytes of a channel beside each other, as 16-bit numbers.
  let order =
    channels == 3
    ? SIMD32<Int8>(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z, 0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z)
    : SIMD32<Int8>(0, z, 4, z, 1, z, 5, z, 2, z, 6, z, 3, z, 7, z, 0, z, 4, z, 1, z, 5, z, 2, z, 6, z, 3, z, 7, z)
  let (m, n) = (Int32(truncatingIfNeeded: i), Int32(truncatingIfNeeded: i &+ 1))
  let both = unsafeBitCast(SIMD8<Int32>(m, m, m, m, n, n, n, n), to: SIMD4<Int64>.self)
  let topWeights = unsafeBitCast(_mm256_permutevar8x32_epi32(unsafeBitCast(top, to: SIMD4<Int64>.self), both), to: SIMD8<Int32>.self)
  let bottomWeights = unsafeBitCast(_mm256_permutevar8x32_epi32(unsafeBitCast(bottom, to: SIMD4<Int64>.self), both), to: SIMD8<Int32>.self)
  let shuffle = unsafeBitCast(order, to: SIMD4<Int64>.self)
  let a = weighed(unsafeBitCast(_mm256_shuffle_epi8(above, shuffle), to: SIMD8<UInt32>.self), topWeights)
  let b = weighed(unsafeBitCast(_mm256_shuffle_epi8(below, shuffle), to: SIMD8<UInt32>.self), bottomWeights)
  return (a &+ b &+ 8192) &>> 14
}
#else
@inline(always) private func bilinearEight(
  _ warp: UnsafePointer<MSImageWarp>, _ xs: MutableFloats, _ ys: MutableFloats, _ channels: Int, _ out: UnsafeMutableRawPointer
) -> Bool { false }
#endif

@inline(always) private func mixed(
  _ a: SIMD4<Float>, _ b: SIMD4<Float>, _ c: SIMD4<Float>, _ d: SIMD4<Float>, _ fx: Float, _ fy: Float
) -> SIMD4<Float> {
  let top: SIMD4<Float> = a + (b - a) * fx
  let bottom: SIMD4<Float> = c + (d - c) * fx
  return top + (bottom - top) * fy
}

@inline(always) private func address(
  _ warp: UnsafePointer<MSImageWarp>, _ x: Int, _ y: Int, _ channels: Int, _ isFloat: Bool
) -> UnsafeRawPointer {
  let pixelBytes: Int = isFloat ? 4 &* channels : channels
  let offset: Int = y &* warp.pointee.stride &+ x &* pixelBytes
  return UnsafeRawPointer(warp.pointee.data.unsafelyUnwrapped) + offset
}

@inline(always) private func load(_ p: UnsafeRawPointer, _ channels: Int, _ isFloat: Bool) -> SIMD4<Float> {
  var pixel = SIMD4<Float>.zero
  if isFloat {
    for c in 0..<channels { pixel[c] = p.loadUnaligned(fromByteOffset: 4 &* c, as: Float.self) }
  } else if channels == 4 {
    pixel = SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: p.loadUnaligned(as: SIMD4<UInt8>.self)))
  } else {
    for c in 0..<channels { pixel[c] = Float(Int32(p.load(fromByteOffset: c, as: UInt8.self))) }
  }
  return pixel
}

/// A pixel of bytes and its right neighbour.
@inline(always) private func loadPair(_ p: UnsafeRawPointer, _ channels: Int) -> (SIMD4<Int32>, SIMD4<Int32>) {
  if channels == 1 {
    return (SIMD4(repeating: Int32(p.load(as: UInt8.self))), SIMD4(repeating: Int32(p.load(fromByteOffset: 1, as: UInt8.self))))
  }
  // Of three channels four bytes from the pair's first and to its last.
  let near = p.loadUnaligned(as: UInt32.self)
  let far = channels == 4 ? p.loadUnaligned(fromByteOffset: 4, as: UInt32.self) : p.loadUnaligned(fromByteOffset: 2, as: UInt32.self) >> 8
  return (widened(near), widened(far))
}

@inline(always) private func widened(_ bytes: UInt32) -> SIMD4<Int32> {
  SIMD4<Int32>(truncatingIfNeeded: unsafeBitCast(bytes, to: SIMD4<UInt8>.self))
}

@inline(always) private func store(_ pixel: SIMD4<Float>, _ out: UnsafeMutableRawPointer, _ channels: Int, _ isFloat: Bool) {
  if isFloat {
    for c in 0..<channels { out.storeBytes(of: pixel[c], toByteOffset: 4 &* c, as: Float.self) }
  } else {
    // Weighted means of bytes are bytes, but a border's value may be anything.
    for c in 0..<channels { out.storeBytes(of: byte(pixel[c]), toByteOffset: c, as: UInt8.self) }
  }
}

@inline(always) private func floor(_ x: Float) -> Int32 {
  let whole = Int32(x)
  return Float(whole) > x ? whole &- 1 : whole
}

@inline(always) private func nearest(
  _ warp: UnsafePointer<MSImageWarp>, _ x: Float, _ y: Float, _ channels: Int, _ isFloat: Bool
) -> SIMD4<Float> {
  tap(warp, Int(floor(x + 0.5)), Int(floor(y + 0.5)), channels, isFloat)
}

@inline(always) private func tap(
  _ warp: UnsafePointer<MSImageWarp>, _ x: Int, _ y: Int, _ channels: Int, _ isFloat: Bool
) -> SIMD4<Float> {
  let x = ms_image_border(x, Int(warp.pointee.width), warp.pointee.border)
  let y = ms_image_border(y, Int(warp.pointee.height), warp.pointee.border)
  if x < 0 || y < 0 {
    let value = warp.pointee.value
    return SIMD4(value.0, value.1, value.2, value.3)
  }
  return load(address(warp, x, y, channels, isFloat), channels, isFloat)
}

@inline(never) private func bilinearAtBorder(
  _ warp: UnsafePointer<MSImageWarp>, _ x: Int, _ y: Int, _ fx: Float, _ fy: Float, _ channels: Int, _ isFloat: Bool
) -> SIMD4<Float> {
  let a = tap(warp, x, y, channels, isFloat), b = tap(warp, x &+ 1, y, channels, isFloat)
  let c = tap(warp, x, y &+ 1, channels, isFloat), d = tap(warp, x &+ 1, y &+ 1, channels, isFloat)
  return mixed(a, b, c, d, fx, fy)
}

@inline(always) private func bilinear(
  _ warp: UnsafePointer<MSImageWarp>, _ x: Float, _ y: Float, _ channels: Int, _ isFloat: Bool, _ out: UnsafeMutableRawPointer
) {
  let ix = floor(x), iy = floor(y)
  let fx = x - Float(ix), fy = y - Float(iy)
  if UInt32(bitPattern: ix) >= UInt32(bitPattern: warp.pointee.width &- 1) || UInt32(bitPattern: iy) >= UInt32(bitPattern: warp.pointee.height &- 1) {
    let isOutside = ix < -1 || iy < -1 || ix >= warp.pointee.width || iy >= warp.pointee.height
    if isOutside && warp.pointee.border == MSLITE_BORDER_CONSTANT {
      let value = warp.pointee.value
      store(SIMD4(value.0, value.1, value.2, value.3), out, channels, isFloat)
    } else {
      store(bilinearAtBorder(warp, Int(ix), Int(iy), fx, fy, channels, isFloat), out, channels, isFloat)
    }
    return
  }
  let p = address(warp, Int(ix), Int(iy), channels, isFloat), q = p + warp.pointee.stride
  if isFloat {
    let a = load(p, channels, true), b = load(p + 4 &* channels, channels, true)
    let c = load(q, channels, true), d = load(q + 4 &* channels, channels, true)
    store(mixed(a, b, c, d, fx, fy), out, channels, true)
    return
  }
  let (a, b) = loadPair(p, channels), (c, d) = loadPair(q, channels)
  let wx = fixed(fx), wy = fixed(fy), corner = cornerWeight(wx, wy)
  let top: SIMD4<Int32> = a &* (16384 &- wx &- wy &+ corner) &+ b &* (wx &- corner)
  let bottom: SIMD4<Int32> = c &* (wy &- corner) &+ d &* corner
  let sum: SIMD4<Int32> = (top &+ bottom &+ 8192) &>> 14
  for c in 0..<channels { out.storeBytes(of: UInt8(truncatingIfNeeded: sum[c]), toByteOffset: c, as: UInt8.self) }
}
