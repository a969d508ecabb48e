import CKernels

/// Kernels of `MSInt8Kernels` that combine rows or columns of bytes.

#if arch(x86_64)
import _Builtin_intrinsics.intel
#endif

/// `MSInt8Kernels.sum_columns`
func sumColumns(_ x: Bytes, _ sum: UnsafeMutablePointer<Int32>, _ rows: Int, _ columns: Int, _ stride: Int, _ flip: UInt8) {
  let sign = flipped(flip)
  let sums = UnsafeMutableRawPointer(sum).assumingMemoryBound(to: Float.self)
  var c = 0
  while c < columns {
    let count = columns &- c
    var total = bits(count >= width ? load(sums + c) : partialLoad(sums + c, count))
    var p = x + c
    for _ in 0..<rows {
      total &+= loadBytes(p, sign, count)
      p += stride
    }
    if count >= width { store(float(bits: total), sums + c) } else { partialStore(float(bits: total), sums + c, count) }
    c &+= width
  }
}

/// `MSInt8Kernels.sum`. 32-bit lanes hold the sums of 2^20 vectors without overflow.
func sumBytes(_ x: Bytes, _ n: Int, _ flip: UInt8) -> Int64 {
  let sign = flipped(flip)
  var result: Int64 = 0
  var i = 0
  while i &+ width <= n {
    var total = IntVec.zero
    let end = n &- i > width &<< 20 ? i &+ width &<< 20 : n
    while i &+ width <= end {
      total &+= loadBytes(x + i, sign, width)
      i &+= width
    }
    for lane in 0..<width { result &+= Int64(total[lane]) }
  }
  while i < n {
    result &+= Int64(Int8(bitPattern: x[i] ^ flip))
    i &+= 1
  }
  return result
}

/// `MSInt8Kernels.max_columns`
func maxColumns(_ x: Bytes, _ y: MutableBytes, _ rows: Int, _ columns: Int, _ stride: Int, _ flip: UInt8) {
  // Compared without sign: int8 with the top bit flipped has the same order. (SSE2 has no other comparison of bytes.)
  let order = SIMD16<UInt8>(repeating: flip ^ 0x80)
  var c = 0
  #if AVX512
  let wide = SIMD8<Int64>(repeating: Int64(bitPattern: UInt64(flip ^ 0x80) &* 0x0101_0101_0101_0101))
  while c &+ 64 <= columns {
    var best = UnsafeRawPointer(y + c).loadUnaligned(as: SIMD8<Int64>.self) ^ wide
    var p = x + c
    for _ in 0..<rows {
      best = _mm512_max_epu8(best, UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Int64>.self) ^ wide)
      p += stride
    }
    UnsafeMutableRawPointer(y + c).storeBytes(of: best ^ wide, as: SIMD8<Int64>.self)
    c &+= 64
  }
  #endif
  while c &+ 16 <= columns {
    var best = UnsafeRawPointer(y + c).loadUnaligned(as: SIMD16<UInt8>.self) ^ order
    var p = x + c
    for _ in 0..<rows {
      best = larger(best, UnsafeRawPointer(p).loadUnaligned(as: SIMD16<UInt8>.self) ^ order)
      p += stride
    }
    UnsafeMutableRawPointer(y + c).storeBytes(of: best ^ order, as: SIMD16<UInt8>.self)
    c &+= 16
  }
  while c < columns {
    var best = y[c] ^ flip ^ 0x80
    var p = x + c
    for _ in 0..<rows {
      let v = p.pointee ^ flip ^ 0x80
      if v > best { best = v }
      p += stride
    }
    y[c] = best ^ flip ^ 0x80
    c &+= 1
  }
}

@inline(always) private func larger(_ a: SIMD16<UInt8>, _ b: SIMD16<UInt8>) -> SIMD16<UInt8> {
  #if arch(x86_64)
  return unsafeBitCast(
    _mm_max_epu8(unsafeBitCast(a, to: SIMD2<Int64>.self), unsafeBitCast(b, to: SIMD2<Int64>.self)), to: SIMD16<UInt8>.self)
  #else
  return a.replacing(with: b, where: b .> a)
  #endif
}

/// `MSInt8Kernels.bilinear`
func bilinearBytes(_ x: UnsafePointer<Bytes>, _ w: UnsafePointer<Int32>, _ y: MutableBytes, _ n: Int, _ flip: UInt8) {
  let sign = flipped(flip)
  let (a, b, c, d) = (x[0], x[1], x[2], x[3])
  let (wa, wb, wc, wd) = (splat(w[0]), splat(w[1]), splat(w[2]), splat(w[3]))
  var i = 0
  while i < n {
    let count = n &- i
    let sum =
      loadBytes(a + i, sign, count) &* wa &+ loadBytes(b + i, sign, count) &* wb &+ loadBytes(c + i, sign, count) &* wc
      &+ loadBytes(d + i, sign, count) &* wd
    // Half a unit towards the outside, then truncation.
    let negative = shiftRight(sum, 31)
    storeBytes(shiftRight(sum &+ splat(1 << 19) &+ negative, 20), y + i, sign, count)
    i &+= width
  }
}

/// `MSInt8Kernels.softmax`. Sums in the order of the row, in single precision.
func softmaxBytes(_ s: UnsafePointer<MSQuantSoftmax>, _ x: Bytes, _ y: MutableBytes, _ n: Int, _ stride: Int) {
  let flip = s.pointee.flip, outputFlip = s.pointee.output_flip
  var largest: Int8 = -128
  var i = 0
  while i < n {
    let v = Int8(bitPattern: x[i &* stride] ^ flip)
    if v > largest { largest = v }
    i &+= 1
  }
  let exp = s.pointee.exp + (255 &- Int(largest))
  var sum: Float = 0
  i = 0
  while i < n {
    sum += exp[Int(Int8(bitPattern: x[i &* stride] ^ flip))]
    i &+= 1
  }
  let factor = 1 / (sum * s.pointee.output_scale)
  i = 0
  while i < n {
    let v = exp[Int(Int8(bitPattern: x[i &* stride] ^ flip))] * factor
    // Probabilities over the scale: not negative, and infinite only for scales that are next to nothing.
    let rounded = v < 512 ? Int32(v) &+ (v - Float(Int32(v)) >= 0.5 ? 1 : 0) : 512
    let q = rounded &+ s.pointee.output_zero
    y[i &* stride] = UInt8(truncatingIfNeeded: q > 127 ? 127 : q < -128 ? -128 : q) ^ outputFlip
    i &+= 1
  }
}
