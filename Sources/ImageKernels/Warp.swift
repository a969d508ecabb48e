import CImage

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
      for i in 0..<n {
        let pixel = isNearest ? nearest(warp, xs[i], ys[i], channels, isFloat) : bilinear(warp, xs[i], ys[i], channels, isFloat)
        store(pixel, out + (start &+ i) &* pixelBytes, channels, isFloat)
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

/// A pixel and its right neighbour.
@inline(always) private func loadPair(_ p: UnsafeRawPointer, _ channels: Int, _ isFloat: Bool) -> (SIMD4<Float>, SIMD4<Float>) {
  if isFloat || channels != 3 {
    return (load(p, channels, isFloat), load(p + (isFloat ? 4 &* channels : channels), channels, isFloat))
  }
  // Four bytes from the pair's first and to its last.
  let near = p.loadUnaligned(as: UInt32.self), far = p.loadUnaligned(fromByteOffset: 2, as: UInt32.self) >> 8
  return (widened(near), widened(far))
}

@inline(always) private func widened(_ bytes: UInt32) -> SIMD4<Float> {
  SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: unsafeBitCast(bytes, to: SIMD4<UInt8>.self)))
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
  _ warp: UnsafePointer<MSImageWarp>, _ x: Float, _ y: Float, _ channels: Int, _ isFloat: Bool
) -> SIMD4<Float> {
  let ix = floor(x), iy = floor(y)
  let fx = x - Float(ix), fy = y - Float(iy)
  if UInt32(bitPattern: ix) >= UInt32(bitPattern: warp.pointee.width &- 1) || UInt32(bitPattern: iy) >= UInt32(bitPattern: warp.pointee.height &- 1) {
    let isOutside = ix < -1 || iy < -1 || ix >= warp.pointee.width || iy >= warp.pointee.height
    if isOutside && warp.pointee.border == MSLITE_BORDER_CONSTANT {
      let value = warp.pointee.value
      return SIMD4(value.0, value.1, value.2, value.3)
    }
    return bilinearAtBorder(warp, Int(ix), Int(iy), fx, fy, channels, isFloat)
  }
  let p = address(warp, Int(ix), Int(iy), channels, isFloat)
  let (a, b) = loadPair(p, channels, isFloat)
  let (c, d) = loadPair(p + warp.pointee.stride, channels, isFloat)
  return mixed(a, b, c, d, fx, fy)
}
