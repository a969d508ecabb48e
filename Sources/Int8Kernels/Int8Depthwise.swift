import CKernels

#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

/// Depthwise convolution, vectorised over channels. The taps of an output pixel are reached through a list of pointers, so that all
/// kernels, strides and borders are one loop: a tap outside the image points to a line of zero points. The values of a few taps are
/// interleaved channel by channel, which is what the dot product instructions take.

#if VNNI
/// Taps of a group, and vectors of sums of a block of channels.
private let groupTaps = 4, blockVectors = 4
#else
private let groupTaps = 2, blockVectors = 2
#endif

/// Channels of a block.
var channelBlock: Int { lanes &* blockVectors }

/// The channel of a block that lane `lane` of vector `vector` holds after the interleaving, which works on 128 bits at a time.
@inline(always) private func channel(_ vector: Int, _ lane: Int) -> Int {
  lane / 4 &* 4 &* blockVectors &+ 4 &* vector &+ lane % 4
}

// The packed weights: a header of 64 bytes whose first number is how many lists of taps there are; then for each block its vectors of
// offsets, multipliers and shifts (or scales and biases), and the weights group by group.
private let headerBytes = 64
private let vectorBytes = MemoryLayout<Ints>.size

/// Weights minus their zero point can need a ninth bit. Where they must be bytes, the taps are listed twice, with one part each.
#if VNNI
private let mostParts = 2
#else
private let mostParts = 1
#endif

@inline(always) private func groups(_ taps: Int) -> Int { (taps &+ groupTaps &- 1) / groupTaps }
@inline(always) private func blockBytes(_ taps: Int) -> Int { (3 &+ groups(taps)) &* blockVectors &* vectorBytes }

/// `MSInt8MatrixKernels.depthwise_bytes`.
func depthwiseBytes(_ taps: Int, _ channels: Int) -> Int {
  headerBytes &+ (channels &+ channelBlock &- 1) / channelBlock &* blockBytes(taps &* mostParts)
}

/// `MSInt8MatrixKernels.depthwise_pack`.
func depthwisePack(
  _ packed: UnsafeMutableRawPointer, _ weights: UnsafePointer<Int8>, _ flip: Int32, _ zero: UnsafePointer<Int32>?, _ taps: Int,
  _ channels: Int, _ xZero: Int32, _ output: UnsafePointer<MSInt8Output>
) {
  let parts = zero == nil ? 1 : mostParts
  packed.storeBytes(of: Int32(truncatingIfNeeded: parts), as: Int32.self)
  let out = output.pointee
  let isFloat = out.kind == Int32(MS_INT8_FLOAT.rawValue)
  let size = blockBytes(taps &* parts)
  var first = 0
  var block = packed + headerBytes
  while first < channels {
    for vector in 0..<blockVectors {
      for lane in 0..<lanes {
        let c = first &+ channel(vector, lane)
        let place = block + (vector &* vectorBytes &+ lane &* 4)
        var sum: Int32 = 0
        for tap in 0..<groups(taps &* parts) &* groupTaps {
          var w: Int32 = 0
          if c < channels && tap < taps &* parts {
            w = Int32(weights[c &* taps &+ tap % taps] ^ Int8(truncatingIfNeeded: flip)) &- (zero.map { $0[c] } ?? 0)
            #if VNNI
            let low = Swift.max(Swift.min(w, 127), -128)
            w = tap < taps ? low : w &- low
            #endif
          }
          sum &+= w
          storeWeight(w, block + 3 &* blockVectors &* vectorBytes, tap, vector, lane)
        }
        #if VNNI
        let shift: Int32 = 128
        #else
        let shift: Int32 = 0
        #endif
        let real = c < channels
        place.storeBytes(of: real ? out.offset[c] &- (xZero &+ shift) &* sum : 0, as: Int32.self)
        let second = place + blockVectors &* vectorBytes, third = second + blockVectors &* vectorBytes
        if isFloat {
          second.storeBytes(of: real ? out.scale.map { $0[c] } ?? 1 : 0, as: Float.self)
          third.storeBytes(of: real ? out.bias.map { $0[c] } ?? 0 : 0, as: Float.self)
        } else {
          second.storeBytes(of: real ? out.multiplier.map { $0[c] } ?? 0 : 0, as: Int32.self)
          third.storeBytes(of: real ? out.shift.map { $0[c] } ?? 0 : 0, as: Int32.self)
        }
      }
    }
    block += size
    first &+= channelBlock
  }
}

@inline(always) private func storeWeight(
  _ w: Int32, _ weights: UnsafeMutableRawPointer, _ tap: Int, _ vector: Int, _ lane: Int
) {
  let place = weights + (tap / groupTaps &* blockVectors &+ vector) &* vectorBytes
  let t = tap % groupTaps
  #if VNNI
  (place + (lane &* 4 &+ t)).storeBytes(of: Int8(truncatingIfNeeded: w), as: Int8.self)
  #elseif arch(arm64)
  (place + (t &* 8 &+ lane &* 2)).storeBytes(of: Int16(truncatingIfNeeded: w), as: Int16.self)
  #else
  (place + (lane &* 4 &+ t &* 2)).storeBytes(of: Int16(truncatingIfNeeded: w), as: Int16.self)
  #endif
}

/// `MSInt8MatrixKernels.depthwise_scratch`: the list of taps and the line of zero points.
func depthwiseScratch(_ d: UnsafePointer<MSInt8Depthwise>) -> Int {
  let taps = Int(d.pointee.kernel_h) &* Int(d.pointee.kernel_w) &* mostParts &+ groupTaps
  return (taps &* MemoryLayout<UnsafeRawPointer>.stride &+ d.pointee.channels &+ 127) & ~63
}

/// `MSInt8MatrixKernels.depthwise`.
func depthwise(
  _ d: UnsafePointer<MSInt8Depthwise>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let layer = d.pointee
  let parts = Int(layer.weights.load(as: Int32.self))
  let taps = Int(layer.kernel_h) &* Int(layer.kernel_w)
  let list = scratch.assumingMemoryBound(to: UnsafeRawPointer.self)
  let count = groups(taps &* parts)
  let line = scratch + count &* groupTaps &* MemoryLayout<UnsafeRawPointer>.stride
  (line.assumingMemoryBound(to: UInt8.self)).initialize(
    repeating: UInt8(truncatingIfNeeded: layer.x_zero ^ layer.flip), count: layer.channels)
  for tap in 0..<count &* groupTaps { list[tap] = UnsafeRawPointer(line) }
  let size = blockBytes(taps &* parts)
  let first = layer.weights + headerBytes + c0 / channelBlock &* size
  var y = y0
  while y < y1 {
    let top = y &* Int(layer.stride_h) &- Int(layer.pad_top)
    for x in 0..<layer.out_w {
      let left = x &* Int(layer.stride_w) &- Int(layer.pad_left)
      point(layer, top, left, UnsafeRawPointer(line), list)
      for tap in taps..<Swift.max(taps, taps &* parts) { list[tap] = list[tap &- taps] }
      let target = (y &* layer.out_w &+ x) &* layer.channels
      var c = c0
      var weights = first
      while c < c1 {
        block(layer, list, count, weights, c, Swift.min(c1 &- c, channelBlock), target &+ c)
        weights += size
        c &+= channelBlock
      }
    }
    y &+= 1
  }
}

/// Lists where the taps of the output pixel lie whose kernel begins at (top, left).
@inline(always) private func point(
  _ d: MSInt8Depthwise, _ top: Int, _ left: Int, _ line: UnsafeRawPointer, _ list: UnsafeMutablePointer<UnsafeRawPointer>
) {
  var next = list
  var iy = top
  for _ in 0..<d.kernel_h {
    let row = UnsafeRawPointer(d.x) + iy &* d.in_w &* d.channels
    let isInside = iy >= 0 && iy < d.in_h
    var ix = left
    for _ in 0..<d.kernel_w {
      next.pointee = isInside && ix >= 0 && ix < d.in_w ? row + ix &* d.channels : line
      next += 1
      ix &+= Int(d.dilation_w)
    }
    iy &+= Int(d.dilation_h)
  }
}

/// `count` channels (1 ... channelBlock) from channel `c` on, of one output pixel whose first channel lies at `place` of y.
@inline(always) private func block(
  _ d: MSInt8Depthwise, _ list: UnsafePointer<UnsafeRawPointer>, _ groups: Int, _ packed: UnsafeRawPointer, _ c: Int,
  _ count: Int, _ place: Int
) {
  var sums = InlineArray<4, Ints>(repeating: .zero)
  for v in 0..<blockVectors { sums[v] = load(packed + v &* vectorBytes) }
  var weights = packed + 3 &* blockVectors &* vectorBytes
  #if VNNI
  let mask = count == 64 ? ~0 : (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
  let flip = raw(splat(Int32(bitPattern: UInt32(d.flip ^ 0x80) &* 0x0101_0101)))
  var g = 0
  while g < groups {
    let taps = list + 4 &* g
    let t0 = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, taps[0] + c), flip)
    let t1 = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, taps[1] + c), flip)
    let t2 = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, taps[2] + c), flip)
    let t3 = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, taps[3] + c), flip)
    let low01 = _mm512_unpacklo_epi8(t0, t1), high01 = _mm512_unpackhi_epi8(t0, t1)
    let low23 = _mm512_unpacklo_epi8(t2, t3), high23 = _mm512_unpackhi_epi8(t2, t3)
    sums[0] = dot(sums[0], ints(_mm512_unpacklo_epi16(low01, low23)), load(weights))
    sums[1] = dot(sums[1], ints(_mm512_unpackhi_epi16(low01, low23)), load(weights + vectorBytes))
    sums[2] = dot(sums[2], ints(_mm512_unpacklo_epi16(high01, high23)), load(weights + 2 &* vectorBytes))
    sums[3] = dot(sums[3], ints(_mm512_unpackhi_epi16(high01, high23)), load(weights + 3 &* vectorBytes))
    weights += 4 &* vectorBytes
    g &+= 1
  }
  #else
  let flip = splatBytes(UInt8(truncatingIfNeeded: d.flip))
  var g = 0
  while g < groups {
    let t0 = tap(list[2 &* g] + c, count, flip), t1 = tap(list[2 &* g &+ 1] + c, count, flip)
    let w0 = load(weights), w1 = load(weights + vectorBytes)
    #if AVX2
    sums[0] = dot(sums[0], ints(_mm256_unpacklo_epi16(t0, t1)), w0)
    sums[1] = dot(sums[1], ints(_mm256_unpackhi_epi16(t0, t1)), w1)
    #elseif arch(x86_64)
    sums[0] = dot(sums[0], ints(_mm_unpacklo_epi16(t0, t1)), w0)
    sums[1] = dot(sums[1], ints(_mm_unpackhi_epi16(t0, t1)), w1)
    #else
    let a = unsafeBitCast(w0, to: SIMD8<Int16>.self), b = unsafeBitCast(w1, to: SIMD8<Int16>.self)
    sums[0] = vmlal_s16(vmlal_s16(sums[0], t0.lowHalf, a.lowHalf), t1.lowHalf, a.highHalf)
    sums[1] = vmlal_s16(vmlal_s16(sums[1], t0.highHalf, b.lowHalf), t1.highHalf, b.highHalf)
    #endif
    weights += 2 &* vectorBytes
    g &+= 1
  }
  #endif
  if d.output.kind == Int32(MS_INT8_FLOAT.rawValue) {
    finishFloats(d.output, sums, packed + blockVectors &* vectorBytes, count, place)
  } else {
    quantize(d.output, sums, packed + blockVectors &* vectorBytes, count, place)
  }
}

#if AVX2
/// The values of up to 16 channels as 16-bit numbers.
@inline(always) private func tap(_ p: UnsafeRawPointer, _ count: Int, _ flip: SIMD2<UInt64>) -> SIMD4<Int64> {
  let bytes = (count == 16 ? p.loadUnaligned(as: SIMD2<UInt64>.self) : loadPart(p, count)) ^ flip
  return _mm256_cvtepi8_epi16(unsafeBitCast(bytes, to: SIMD2<Int64>.self))
}
#elseif arch(x86_64)
/// The values of up to 8 channels as 16-bit numbers.
@inline(always) private func tap(_ p: UnsafeRawPointer, _ count: Int, _ flip: SIMD2<UInt64>) -> SIMD2<Int64> {
  let bits = count == 8 ? SIMD2(p.loadUnaligned(as: UInt64.self), 0) : loadPart(p, count)
  let bytes = unsafeBitCast(bits ^ flip, to: SIMD2<Int64>.self)
  return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8)
}
#elseif arch(arm64)
/// The values of up to 8 channels as 16-bit numbers.
@inline(always) private func tap(_ p: UnsafeRawPointer, _ count: Int, _ flip: SIMD2<UInt64>) -> SIMD8<Int16> {
  let bits = count == 8 ? p.loadUnaligned(as: UInt64.self) : loadPart(p, count)[0]
  return vmovl_s8(unsafeBitCast(bits ^ flip[0], to: SIMD8<Int8>.self))
}
#endif

@inline(always) private func quantize(
  _ output: MSInt8Output, _ sums: InlineArray<4, Ints>, _ scales: UnsafeRawPointer, _ count: Int, _ place: Int
) {
  // Clamped before the zero point is added, which could overflow.
  let zero = splat(output.zero), lo = splat(output.lo &- output.zero), hi = splat(output.hi &- output.zero)
  let upward = output.upward != 0
  var values = sums
  for v in 0..<blockVectors {
    let scaling = Scaling(
      load(scales + v &* vectorBytes), load(scales + (blockVectors &+ v) &* vectorBytes), upward: upward)
    values[v] = add(clamp(scaling.apply(sums[v]), lo, hi), zero)
  }
  let y = output.y.assumingMemoryBound(to: Int8.self) + place
  #if VNNI
  let words0 = _mm512_packs_epi32(raw(values[0]), raw(values[1])), words1 = _mm512_packs_epi32(raw(values[2]), raw(values[3]))
  let bytes = _mm512_xor_si512(
    _mm512_packs_epi16(words0, words1), raw(splat(Int32(bitPattern: UInt32(output.flip) &* 0x0101_0101))))
  let mask = count == 64 ? ~0 : (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
  _mm512_mask_storeu_epi8(y, mask, bytes)
  #elseif AVX2
  let words = _mm256_packs_epi32(raw(values[0]), raw(values[1]))
  let bytes = unsafeBitCast(_mm_packs_epi16(words.lowHalf, words.highHalf), to: SIMD2<UInt64>.self)
    ^ splatBytes(UInt8(truncatingIfNeeded: output.flip))
  if count == 16 {
    UnsafeMutableRawPointer(y).storeBytes(of: bytes, as: SIMD2<UInt64>.self)
  } else {
    storePart(bytes, y, count)
  }
  #else
  storeBytes(values[0], values[1], y, count, UInt8(truncatingIfNeeded: output.flip))
  #endif
}

@inline(never) private func finishFloats(
  _ output: MSInt8Output, _ sums: InlineArray<4, Ints>, _ scales: UnsafeRawPointer, _ count: Int, _ place: Int
) {
  let y = output.y.assumingMemoryBound(to: Float.self) + place
  for v in 0..<blockVectors {
    let scale = (scales + v &* vectorBytes).loadUnaligned(as: Floats.self)
    let bias = (scales + (blockVectors &+ v) &* vectorBytes).loadUnaligned(as: Floats.self)
    let x = clamp(
      toFloat(sums[v]) * scale + bias, Floats(repeating: output.float_lo), Floats(repeating: output.float_hi))
    for lane in 0..<lanes where channel(v, lane) < count { y[channel(v, lane)] = x[lane] }
  }
}
