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

/// Where a block's pixels are in the source: the whole numbers, the fractions, and where the pixel is in memory.
private struct Places {
  let x: MutableFloats, y: MutableFloats, wholeX: UnsafeMutablePointer<Int32>, wholeY: UnsafeMutablePointer<Int32>
  let offset: UnsafeMutablePointer<Int32>

  init(_ memory: MutableFloats) {
    (x, y) = (memory, memory + block)
    wholeX = UnsafeMutableRawPointer(memory + 2 &* block).assumingMemoryBound(to: Int32.self)
    wholeY = wholeX + block
    offset = wholeY + block
  }
}

@inline(always) private func row(
  _ warp: UnsafePointer<MSImageWarp>, _ y: Int32, _ out: UnsafeMutableRawPointer, _ count: Int, _ channels: Int, _ isFloat: Bool,
  _ isNearest: Bool
) {
  let pixelBytes = isFloat ? 4 &* channels : channels
  withUnsafeTemporaryAllocation(of: Float.self, capacity: 5 &* block) { memory in
    let places = Places(memory.baseAddress.unsafelyUnwrapped)
    var start = 0
    while start < count {
      let n = min(block, count &- start)
      computePlaces(warp, Float(start), Double(y), places.x, places.y, n)
      if isNearest {
        for i in 0..<n {
          store(nearest(warp, places.x[i], places.y[i], channels, isFloat), out + (start &+ i) &* pixelBytes, channels, isFloat)
        }
      } else {
        splitPlaces(warp, places, pixelBytes, n)
        var i = 0
        while i < n {
          let place = out + (start &+ i) &* pixelBytes
          // Of three channels the next pixel's place is written too.
          if warp.pointee.is_small != 0 && i &+ 8 <= n && (channels != 3 || start &+ i &+ 10 < count)
            && bilinearEight(warp, places, i, channels, isFloat, place)
          {
            i &+= 8
            continue
          }
          bilinear(warp, places, i, channels, isFloat, place)
          i &+= 1
        }
      }
      start &+= block
    }
  }
}

@inline(always) private func splitPlaces(_ warp: UnsafePointer<MSImageWarp>, _ places: Places, _ pixelBytes: Int, _ n: Int) {
  let stride = Int32(truncatingIfNeeded: warp.pointee.stride), pixelBytes = Int32(truncatingIfNeeded: pixelBytes)
  for i in 0..<n {
    let x = floor(places.x[i]), y = floor(places.y[i])
    places.wholeX[i] = x
    places.wholeY[i] = y
    places.offset[i] = y &* stride &+ x &* pixelBytes
    places.x[i] -= Float(x)
    places.y[i] -= Float(y)
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

@inline(always) private func vector(_ p: UnsafePointer<Int32>, _ i: Int) -> SIMD8<Int32> {
  UnsafeRawPointer(p + i).loadUnaligned(as: SIMD8<Int32>.self)
}

/// How many of the eight numbers are negative, for the answers none, some and all of them.
@inline(always) private func negatives(_ v: SIMD8<Int32>) -> Int {
  #if AVX2
  return _mm256_movemask_ps(unsafeBitCast(v, to: SIMD8<Float>.self)).nonzeroBitCount
  #else
  let signs = v &>> 31
  let four = signs.lowHalf &+ signs.highHalf
  let two = four.lowHalf &+ four.highHalf
  return Int(0 &- two[0] &- two[1])
  #endif
}

/// Eight pixels that lie inside with all of their neighbours, or outside where a constant is; false, and nothing done, where they are
/// anything else.
@inline(always) private func bilinearEight(
  _ warp: UnsafePointer<MSImageWarp>, _ places: Places, _ i: Int, _ channels: Int, _ isFloat: Bool, _ out: UnsafeMutableRawPointer
) -> Bool {
  let ix = vector(places.wholeX, i), iy = vector(places.wholeY, i)
  // Of three channels what is loaded has some of the third pixel.
  let lastX = warp.pointee.width &- (channels == 3 ? 3 : 2), lastY = warp.pointee.height &- 2
  if negatives(ix | iy | (lastX &- ix) | (lastY &- iy)) != 0 {
    let outside = (ix &+ 1) | (iy &+ 1) | (warp.pointee.width &- 1 &- ix) | (warp.pointee.height &- 1 &- iy)
    if warp.pointee.border != MSLITE_BORDER_CONSTANT || negatives(outside) != 8 { return false }
    let value = warp.pointee.value, pixelBytes = isFloat ? 4 &* channels : channels
    for i in 0..<8 { store(SIMD4(value.0, value.1, value.2, value.3), out + i &* pixelBytes, channels, isFloat) }
    return true
  }
  let data = UnsafeRawPointer(warp.pointee.data.unsafelyUnwrapped), stride = warp.pointee.stride
  if isFloat {
    for k in i..<i &+ 8 {
      let p = data + Int(places.offset[k]), q = p + stride, next = 4 &* channels
      let a = loadFour(p, channels), b = loadFour(p + next, channels), c = loadFour(q, channels), d = loadFour(q + next, channels)
      let pixel = mixed(a, b, c, d, places.x[k], places.y[k])
      if channels == 1 {
        out.storeBytes(of: pixel[0], toByteOffset: 4 &* (k &- i), as: Float.self)
      } else {
        out.storeBytes(of: pixel, toByteOffset: next &* (k &- i), as: SIMD4<Float>.self)
      }
    }
    return true
  }
  #if AVX2
  bytesEight(data, stride, places, i, channels, out)
  #else
  for k in i..<i &+ 8 {
    let p = data + Int(places.offset[k]), q = p + stride
    bilinearBytes(p, p + channels, q, q + channels, places.x[k], places.y[k], channels, out + channels &* (k &- i))
  }
  #endif
  return true
}

@inline(always) private func loadFour(_ p: UnsafeRawPointer, _ channels: Int) -> SIMD4<Float> {
  channels == 1 ? SIMD4(repeating: p.loadUnaligned(as: Float.self)) : p.loadUnaligned(as: SIMD4<Float>.self)
}

#if AVX2
@inline(always) private func bytesEight(
  _ data: UnsafeRawPointer, _ stride: Int, _ places: Places, _ i: Int, _ channels: Int, _ out: UnsafeMutableRawPointer
) {
  let x = UnsafeRawPointer(places.x + i).loadUnaligned(as: SIMD8<Float>.self)
  let y = UnsafeRawPointer(places.y + i).loadUnaligned(as: SIMD8<Float>.self)
  let half = SIMD8<Float>(repeating: 0.5)
  let fx = unsafeBitCast(_mm256_cvttps_epi32(x * 16384 + half), to: SIMD8<Int32>.self)
  let fy = unsafeBitCast(_mm256_cvttps_epi32(y * 16384 + half), to: SIMD8<Int32>.self)
  let corner = (fx &* fy &+ 8192) &>> 14
  let top = (16384 &- fx &- fy &+ corner) | (fx &- corner) &<< 16
  let bottom = (fy &- corner) | corner &<< 16
  let offset = places.offset + i
  if channels == 1 {
    var above = SIMD8<UInt16>.zero, below = SIMD8<UInt16>.zero
    for k in 0..<8 {
      let p = data + Int(offset[k])
      above[k] = p.loadUnaligned(as: UInt16.self)
      below[k] = (p + stride).loadUnaligned(as: UInt16.self)
    }
    let sums = weighed(spread(above), top) &+ weighed(spread(below), bottom)
    out.storeBytes(of: SIMD8<UInt8>(truncatingIfNeeded: (sums &+ 8192) &>> 14), as: SIMD8<UInt8>.self)
    return
  }
  @inline(__always) func two(_ k: Int32) -> SIMD4<Int64> { bytesTwo(data, stride, offset, k, channels, top, bottom) }
  // Pixels 0 2 4 6 and 1 3 5 7 in the two halves.
  let packed = _mm256_packus_epi16(_mm256_packs_epi32(two(0), two(2)), _mm256_packs_epi32(two(4), two(6)))
  let pixels = _mm256_permutevar8x32_epi32(packed, unsafeBitCast(SIMD8<Int32>(0, 4, 1, 5, 2, 6, 3, 7), to: SIMD4<Int64>.self))
  if channels == 4 {
    out.storeBytes(of: pixels, as: SIMD4<Int64>.self)
  } else {
    let z: Int8 = -1
    let order = SIMD16<Int8>(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, z, z, z, z)
    let dense = _mm256_shuffle_epi8(pixels, unsafeBitCast(SIMD32(lowHalf: order, highHalf: order), to: SIMD4<Int64>.self))
    out.storeBytes(of: dense.lowHalf, as: SIMD2<Int64>.self)
    out.storeBytes(of: dense.highHalf, toByteOffset: 12, as: SIMD2<Int64>.self)
  }
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

/// Pixels `k` and `k + 1`, four channels each.
@inline(always) private func bytesTwo(
  _ data: UnsafeRawPointer, _ stride: Int, _ offset: UnsafePointer<Int32>, _ k: Int32, _ channels: Int, _ top: SIMD8<Int32>,
  _ bottom: SIMD8<Int32>
) -> SIMD4<Int64> {
  let p = data + Int(offset[Int(k)]), q = data + Int(offset[Int(k) &+ 1])
  let above = SIMD4<Int64>(p.loadUnaligned(as: Int64.self), 0, q.loadUnaligned(as: Int64.self), 0)
  let below = SIMD4<Int64>((p + stride).loadUnaligned(as: Int64.self), 0, (q + stride).loadUnaligned(as: Int64.self), 0)
  let z: Int8 = -1
  // Near and far bytes of a channel beside each other, as 16-bit numbers.
  let order =
    channels == 3
    ? SIMD16<Int8>(0, z, 3, z, 1, z, 4, z, 2, z, 5, z, z, z, z, z) : SIMD16<Int8>(0, z, 4, z, 1, z, 5, z, 2, z, 6, z, 3, z, 7, z)
  let shuffle = unsafeBitCast(SIMD32(lowHalf: order, highHalf: order), to: SIMD4<Int64>.self)
  let both = unsafeBitCast(SIMD8<Int32>(k, k, k, k, k &+ 1, k &+ 1, k &+ 1, k &+ 1), to: SIMD4<Int64>.self)
  @inline(__always) func weights(_ all: SIMD8<Int32>) -> SIMD8<Int32> {
    unsafeBitCast(_mm256_permutevar8x32_epi32(unsafeBitCast(all, to: SIMD4<Int64>.self), both), to: SIMD8<Int32>.self)
  }
  let a = weighed(unsafeBitCast(_mm256_shuffle_epi8(above, shuffle), to: SIMD8<UInt32>.self), weights(top))
  let b = weighed(unsafeBitCast(_mm256_shuffle_epi8(below, shuffle), to: SIMD8<UInt32>.self), weights(bottom))
  return unsafeBitCast((a &+ b &+ 8192) &>> 14, to: SIMD4<Int64>.self)
}
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

@inline(always) private func bilinear(
  _ warp: UnsafePointer<MSImageWarp>, _ places: Places, _ i: Int, _ channels: Int, _ isFloat: Bool, _ out: UnsafeMutableRawPointer
) {
  let ix = places.wholeX[i], iy = places.wholeY[i], fx = places.x[i], fy = places.y[i]
  let isInside =
    UInt32(bitPattern: ix) < UInt32(bitPattern: warp.pointee.width &- 1) && UInt32(bitPattern: iy) < UInt32(bitPattern: warp.pointee.height &- 1)
  if warp.pointee.border == MSLITE_BORDER_CONSTANT && !isInside {
    let isOutside = ix < -1 || iy < -1 || ix >= warp.pointee.width || iy >= warp.pointee.height
    let value = warp.pointee.value
    let pixel = isOutside ? SIMD4(value.0, value.1, value.2, value.3) : bilinearAtEdge(warp, Int(ix), Int(iy), fx, fy, channels, isFloat)
    store(pixel, out, channels, isFloat)
    return
  }
  var x = Int(ix), y = Int(iy), nextX = x &+ 1, nextY = y &+ 1
  if !isInside {
    let width = Int(warp.pointee.width), height = Int(warp.pointee.height), border = warp.pointee.border
    (x, nextX) = (ms_image_border(x, width, border), ms_image_border(nextX, width, border))
    (y, nextY) = (ms_image_border(y, height, border), ms_image_border(nextY, height, border))
  }
  let p = address(warp, x, y, channels, isFloat), q = address(warp, x, nextY, channels, isFloat)
  let step = (nextX &- x) &* (isFloat ? 4 &* channels : channels)
  if isFloat {
    let a = load(p, channels, true), b = load(p + step, channels, true)
    let c = load(q, channels, true), d = load(q + step, channels, true)
    store(mixed(a, b, c, d, fx, fy), out, channels, true)
  } else {
    bilinearBytes(p, p + step, q, q + step, fx, fy, channels, out)
  }
}

@inline(always) private func bilinearBytes(
  _ a: UnsafeRawPointer, _ b: UnsafeRawPointer, _ c: UnsafeRawPointer, _ d: UnsafeRawPointer, _ x: Float, _ y: Float, _ channels: Int,
  _ out: UnsafeMutableRawPointer
) {
  let wx = fixed(x), wy = fixed(y), corner = cornerWeight(wx, wy)
  let wa = 16384 &- wx &- wy &+ corner, wb = wx &- corner, wc = wy &- corner
  for i in 0..<channels {
    @inline(__always) func at(_ p: UnsafeRawPointer) -> Int32 { Int32(p.load(fromByteOffset: i, as: UInt8.self)) }
    let sum: Int32 = at(a) &* wa &+ at(b) &* wb &+ at(c) &* wc &+ at(d) &* corner &+ 8192
    out.storeBytes(of: UInt8(truncatingIfNeeded: sum >> 14), toByteOffset: i, as: UInt8.self)
  }
}

/// Between the picture and the constant around it.
@inline(never) private func bilinearAtEdge(
  _ warp: UnsafePointer<MSImageWarp>, _ x: Int, _ y: Int, _ fx: Float, _ fy: Float, _ channels: Int, _ isFloat: Bool
) -> SIMD4<Float> {
  let a = tap(warp, x, y, channels, isFloat), b = tap(warp, x &+ 1, y, channels, isFloat)
  let c = tap(warp, x, y &+ 1, channels, isFloat), d = tap(warp, x &+ 1, y &+ 1, channels, isFloat)
  return mixed(a, b, c, d, fx, fy)
}
