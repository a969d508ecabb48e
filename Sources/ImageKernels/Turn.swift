#if AVX2
import _Builtin_intrinsics.intel
#endif

// Turns by quarters: rows backwards, and columns as rows.

func reverse(_ from: Bytes?, _ pixelBytes: Int32, _ out: MutableBytes?, _ count: Int) {
  let from = UnsafeRawPointer(from.unsafelyUnwrapped), out = UnsafeMutableRawPointer(out.unsafelyUnwrapped)
  switch pixelBytes {
  case 1: reverseOnes(from, out, count)
  case 3: reverseThrees(from, out, count)
  case 4: reverseFours(from, out, count)
  case 12: reverseTwelves(from, out, count)
  default: for x in 0..<count { copy(SIMD4<UInt32>.self, from + 16 &* (count &- 1 &- x), out + 16 &* x) }
  }
}

@inline(always) private func copy<Pixel: BitwiseCopyable>(_: Pixel.Type, _ p: UnsafeRawPointer, _ q: UnsafeMutableRawPointer) {
  q.storeBytes(of: p.loadUnaligned(as: Pixel.self), as: Pixel.self)
}

@inline(always) private func copyThree(_ p: UnsafeRawPointer, _ q: UnsafeMutableRawPointer) {
  copy(UInt16.self, p, q)
  copy(UInt8.self, p + 2, q + 2)
}

@inline(always) private func copyTwelve(_ p: UnsafeRawPointer, _ q: UnsafeMutableRawPointer) {
  copy(UInt64.self, p, q)
  copy(UInt32.self, p + 8, q + 8)
}

private func reverseOnes(_ from: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ count: Int) {
  var x = 0
  while x &+ 16 <= count {
    let v = (from + (count &- 16 &- x)).loadUnaligned(as: SIMD16<UInt8>.self)
    let r = SIMD16(v[15], v[14], v[13], v[12], v[11], v[10], v[9], v[8], v[7], v[6], v[5], v[4], v[3], v[2], v[1], v[0])
    (out + x).storeBytes(of: r, as: SIMD16<UInt8>.self)
    x &+= 16
  }
  while x < count {
    copy(UInt8.self, from + (count &- 1 &- x), out + x)
    x &+= 1
  }
}

/// Five pixels at a time, with a byte before the first one that is loaded and one behind the last one that is stored, which is
/// overwritten.
private func reverseThrees(_ from: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ count: Int) {
  var x = 0
  while x &+ 5 < count {
    let v = (from + (3 &* (count &- 5 &- x) &- 1)).loadUnaligned(as: SIMD16<UInt8>.self)
    let r = SIMD16(v[13], v[14], v[15], v[10], v[11], v[12], v[7], v[8], v[9], v[4], v[5], v[6], v[1], v[2], v[3], v[0])
    (out + 3 &* x).storeBytes(of: r, as: SIMD16<UInt8>.self)
    x &+= 5
  }
  while x < count {
    copyThree(from + 3 &* (count &- 1 &- x), out + 3 &* x)
    x &+= 1
  }
}

private func reverseFours(_ from: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ count: Int) {
  var x = 0
  while x &+ 8 <= count {
    let v = (from + 4 &* (count &- 8 &- x)).loadUnaligned(as: SIMD8<UInt32>.self)
    (out + 4 &* x).storeBytes(of: SIMD8(v[7], v[6], v[5], v[4], v[3], v[2], v[1], v[0]), as: SIMD8<UInt32>.self)
    x &+= 8
  }
  while x < count {
    copy(UInt32.self, from + 4 &* (count &- 1 &- x), out + 4 &* x)
    x &+= 1
  }
}

/// Sixteen bytes are loaded and stored of each pixel but the first and the last one; the next one overwrites the last four.
private func reverseTwelves(_ from: UnsafeRawPointer, _ out: UnsafeMutableRawPointer, _ count: Int) {
  copyTwelve(from + 12 &* (count &- 1), out)
  var x = 1
  while x < count &- 1 {
    copy(SIMD4<UInt32>.self, from + 12 &* (count &- 1 &- x), out + 12 &* x)
    x &+= 1
  }
  copyTwelve(from, out + 12 &* (count &- 1))
}

func turn(
  _ from: Bytes?, _ stepX: Int, _ stepY: Int, _ pixelBytes: Int32, _ out: MutableBytes?, _ outStride: Int, _ width: Int, _ height: Int
) {
  let from = UnsafeRawPointer(from.unsafelyUnwrapped), out = UnsafeMutableRawPointer(out.unsafelyUnwrapped)
  switch pixelBytes {
  case 1: turnOnes(from, stepX, stepY, out, outStride, width, height)
  case 3: turnThrees(from, stepX, stepY, out, outStride, width, height)
  case 4: turnFours(from, stepX, stepY, out, outStride, width, height)
  case 12:
    for y in 0..<height {
      for x in 0..<width { copyTwelve(from + y &* stepY + x &* stepX, out + y &* outStride + 12 &* x) }
    }
  default: turnPixels(SIMD4<UInt32>.self, from, stepX, stepY, out, outStride, 0, width, 0, height)
  }
}

@inline(always) private func turnPixels<Pixel: BitwiseCopyable>(
  _: Pixel.Type, _ from: UnsafeRawPointer, _ stepX: Int, _ stepY: Int, _ out: UnsafeMutableRawPointer, _ outStride: Int, _ firstX: Int,
  _ endX: Int, _ firstY: Int, _ endY: Int
) {
  var y = firstY
  while y < endY {
    var x = firstX
    while x < endX {
      copy(Pixel.self, from + y &* stepY + x &* stepX, out + y &* outStride + MemoryLayout<Pixel>.size &* x)
      x &+= 1
    }
    y &+= 1
  }
}

#if AVX2
// Of elements, as below, the compiler would make rows byte by byte.
@inline(always) private func zipLow(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>) -> SIMD16<UInt8> {
  unsafeBitCast(
    _mm_unpacklo_epi8(unsafeBitCast(a, to: SIMD2<Int64>.self), unsafeBitCast(b, to: SIMD2<Int64>.self)), to: SIMD16<UInt8>.self)
}

@inline(always) private func zipHigh(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>) -> SIMD16<UInt8> {
  unsafeBitCast(
    _mm_unpackhi_epi8(unsafeBitCast(a, to: SIMD2<Int64>.self), unsafeBitCast(b, to: SIMD2<Int64>.self)), to: SIMD16<UInt8>.self)
}
#else
@inline(always) private func zipLow(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>) -> SIMD16<UInt8> {
  SIMD16(a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3], a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7])
}

@inline(always) private func zipHigh(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>) -> SIMD16<UInt8> {
  SIMD16(a[8], b[8], a[9], b[9], a[10], b[10], a[11], b[11], a[12], b[12], a[13], b[13], a[14], b[14], a[15], b[15])
}
#endif

/// Squares of eight pixels.
private func turnOnes(
  _ from: UnsafeRawPointer, _ stepX: Int, _ stepY: Int, _ out: UnsafeMutableRawPointer, _ outStride: Int, _ width: Int, _ height: Int
) {
  let squaresX = width / 8 &* 8, squaresY = height / 8 &* 8
  var y = 0
  while y < squaresY {
    // Where pixels go backwards in memory, a load begins with the last of eight.
    let start = from + (stepY < 0 ? y &* stepY &- 7 : y &* stepY)
    let row = out + (stepY < 0 ? y &+ 7 : y) &* outStride, down = stepY < 0 ? -outStride : outStride
    var x = 0
    while x < squaresX {
      let p = start + x &* stepX, q = row + x
      @inline(__always) func load(_ i: Int) -> SIMD16<UInt8> {
        SIMD16(lowHalf: (p + i &* stepX).loadUnaligned(as: SIMD8<UInt8>.self), highHalf: .zero)
      }
      let a = zipLow(load(0), load(4)), b = zipLow(load(1), load(5)), c = zipLow(load(2), load(6)), d = zipLow(load(3), load(7))
      let e = zipLow(a, c), f = zipHigh(a, c), g = zipLow(b, d), h = zipHigh(b, d)
      @inline(__always) func store(_ pair: SIMD16<UInt8>, _ i: Int) {
        (q + i &* down).storeBytes(of: pair.lowHalf, as: SIMD8<UInt8>.self)
        (q + (i &+ 1) &* down).storeBytes(of: pair.highHalf, as: SIMD8<UInt8>.self)
      }
      store(zipLow(e, g), 0)
      store(zipHigh(e, g), 2)
      store(zipLow(f, h), 4)
      store(zipHigh(f, h), 6)
      x &+= 8
    }
    y &+= 8
  }
  turnPixels(UInt8.self, from, stepX, stepY, out, outStride, squaresX, width, 0, squaresY)
  turnPixels(UInt8.self, from, stepX, stepY, out, outStride, 0, width, squaresY, height)
}

/// Squares of four pixels.
private func turnFours(
  _ from: UnsafeRawPointer, _ stepX: Int, _ stepY: Int, _ out: UnsafeMutableRawPointer, _ outStride: Int, _ width: Int, _ height: Int
) {
  let squaresX = width / 4 &* 4, squaresY = height / 4 &* 4
  var y = 0
  while y < squaresY {
    let start = from + (stepY < 0 ? y &* stepY &- 12 : y &* stepY)
    let row = out + (stepY < 0 ? y &+ 3 : y) &* outStride, down = stepY < 0 ? -outStride : outStride
    var x = 0
    while x < squaresX {
      let p = start + x &* stepX, q = row + 4 &* x
      @inline(__always) func load(_ i: Int) -> SIMD4<UInt32> { (p + i &* stepX).loadUnaligned(as: SIMD4<UInt32>.self) }
      let a = load(0), b = load(1), c = load(2), d = load(3)
      q.storeBytes(of: SIMD4(a[0], b[0], c[0], d[0]), as: SIMD4<UInt32>.self)
      (q + down).storeBytes(of: SIMD4(a[1], b[1], c[1], d[1]), as: SIMD4<UInt32>.self)
      (q + 2 &* down).storeBytes(of: SIMD4(a[2], b[2], c[2], d[2]), as: SIMD4<UInt32>.self)
      (q + 3 &* down).storeBytes(of: SIMD4(a[3], b[3], c[3], d[3]), as: SIMD4<UInt32>.self)
      x &+= 4
    }
    y &+= 4
  }
  turnPixels(UInt32.self, from, stepX, stepY, out, outStride, squaresX, width, 0, squaresY)
  turnPixels(UInt32.self, from, stepX, stepY, out, outStride, 0, width, squaresY, height)
}

/// Four bytes are loaded and stored of each pixel but the first and the last one; the next one overwrites the fourth.
private func turnThrees(
  _ from: UnsafeRawPointer, _ stepX: Int, _ stepY: Int, _ out: UnsafeMutableRawPointer, _ outStride: Int, _ width: Int, _ height: Int
) {
  for y in 0..<height {
    let p = from + y &* stepY, q = out + y &* outStride
    copyThree(p, q)
    var x = 1
    while x < width &- 1 {
      copy(UInt32.self, p + x &* stepX, q + 3 &* x)
      x &+= 1
    }
    if width > 1 { copyThree(p + x &* stepX, q + 3 &* x) }
  }
}
