import CKernels

#if arch(x86_64)
import _Builtin_intrinsics.intel
#elseif arch(arm64)
import _Builtin_intrinsics.arm.neon
#endif

/// Depthwise convolution, vectorised over channels. The taps of an output pixel are reached through a list of pointers, so that all
/// kernels, strides and borders are one loop: a tap outside the image points to a line of zero points. The values of a few taps are
/// interleaved channel by channel, which is what the dot product instructions take.

#if VNNI || DOT
/// Taps of a group, and vectors of sums of a block of channels.
private let groupTaps = 4, blockVectors = 4
#else
private let groupTaps = 2, blockVectors = 2
#endif

/// Channels of a block.
var channelBlock: Int { lanes &* blockVectors }

#if VNNI
/// The last block of a layer takes two neighbouring output pixels at once where it has at most half of a block's channels.
private let pairs = true
#else
private let pairs = false
#endif

/// The channel of a block that lane `lane` of vector `vector` holds after the interleaving, which works on 128 bits at a time. In a
/// block of pairs the upper half of the lanes holds the same channels of another pixel.
@inline(always) private func channel(_ vector: Int, _ lane: Int, isPair: Bool) -> Int {
  let l = isPair ? lane % (lanes / 2) : lane
  return l / 4 &* 4 &* blockVectors &+ 4 &* vector &+ l % 4
}

/// A block of `count` channels that is the last one of its layer is computed in pairs of pixels.
@inline(always) private func isPair(_ count: Int) -> Bool { pairs && count &* 2 <= channelBlock }

// The packed weights: a header of 64 bytes with the number of lists of taps, and whether any scaling shifts to the left or rounds
// away from zero; then for each block its vectors of offsets and scalings (or scales and biases), the weights group by group, and
// with VNNI whether its sums are small enough for ``BoundedScaling``.
private let headerBytes = 64
private let vectorBytes = MemoryLayout<Ints>.size
/// One kind of vector of a block.
@inline(always) private var rowBytes: Int { blockVectors &* vectorBytes }
#if VNNI
private let scalingVectors = Swift.max(Scaling.vectorCount, BoundedScaling.vectorCount)
#else
private let scalingVectors = Scaling.vectorCount
#endif
@inline(always) private var weightsOffset: Int { (1 &+ scalingVectors) &* rowBytes }

/// Weights minus their zero point, -255 ... 255, can need a ninth bit. Where they must be bytes, the taps are listed several times, with
/// a part each.
#if VNNI || DOT
private let mostParts = 3
#else
private let mostParts = 1
#endif

@inline(always) private func groups(_ taps: Int) -> Int { (taps &+ groupTaps &- 1) / groupTaps }
@inline(always) private func flagOffset(_ groups: Int) -> Int { weightsOffset &+ groups &* rowBytes }
#if VNNI
private let flagBytes = 64
#else
private let flagBytes = 0
#endif
@inline(always) private func blockBytes(_ taps: Int) -> Int { flagOffset(groups(taps)) &+ flagBytes }

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
  let out = output.pointee
  var shiftsLeft = false, roundsAway = false
  #if VNNI
  let shifted = xZero &+ 128
  #else
  let shifted = xZero
  #endif
  var first = 0
  var block = packed + headerBytes
  while first < channels {
    let pair = isPair(channels &- first)
    #if VNNI
    var isBounded = out.kind == Int32(MS_INT8_QUANTIZED.rawValue)
    var bounded = InlineArray<4, BoundedScaling>(repeating: BoundedScaling(packed, stride: 0))
    #endif
    for vector in 0..<blockVectors {
      var offsets = Ints.zero, multipliers = Ints.zero, shifts = Ints.zero
      let sums: Ints
      #if VNNI || DOT
      if zero == nil && first &+ channelBlock <= channels {
        sums = packBytes(weights + first &* taps, flip, taps, vector, block + weightsOffset)
      } else {
        sums = packParts(weights, flip, zero, taps, parts, first, channels, pair, vector, block + weightsOffset)
      }
      #else
      sums = packParts(weights, flip, zero, taps, parts, first, channels, pair, vector, block + weightsOffset)
      #endif
      for lane in 0..<lanes {
        let c = first &+ channel(vector, lane, isPair: pair)
        if c >= channels { continue }
        offsets[lane] = out.offset[c] &- shifted &* sums[lane]
        if out.kind == Int32(MS_INT8_FLOAT.rawValue) {
          multipliers[lane] = Int32(bitPattern: (out.scale.map { $0[c] } ?? 1).bitPattern)
          shifts[lane] = Int32(bitPattern: (out.bias.map { $0[c] } ?? 0).bitPattern)
        } else {
          multipliers[lane] = out.multiplier.map { $0[c] } ?? 0
          shifts[lane] = out.shift.map { $0[c] } ?? 0
        }
      }
      let place = block + vector &* vectorBytes
      place.storeBytes(of: offsets, as: Ints.self)
      if out.kind == Int32(MS_INT8_FLOAT.rawValue) {
        (place + rowBytes).storeBytes(of: multipliers, as: Ints.self)
        (place + 2 &* rowBytes).storeBytes(of: shifts, as: Ints.self)
      } else {
        let scaling = Scaling(multipliers, shifts, upward: out.upward != 0)
        scaling.write(place + rowBytes, stride: rowBytes)
        if scaling.shiftsLeft { shiftsLeft = true }
        if scaling.roundsAway { roundsAway = true }
        #if VNNI
        let most = taps &* parts &* (255 &* 128), upward = out.upward != 0
        if let scaling = BoundedScaling(offsets, multipliers, shifts, upward: upward, most: most) {
          bounded[vector] = scaling
        } else {
          isBounded = false
        }
        #endif
      }
    }
    #if VNNI
    (block + flagOffset(groups(taps &* parts))).storeBytes(of: isBounded ? 1 : 0, as: Int32.self)
    if isBounded {
      for vector in 0..<blockVectors { bounded[vector].write(block + (rowBytes &+ vector &* vectorBytes), stride: rowBytes) }
    }
    #endif
    block += blockBytes(taps &* parts)
    first &+= channelBlock
  }
  packed.storeBytes(of: Int32(truncatingIfNeeded: parts), as: Int32.self)
  (packed + 4).storeBytes(of: shiftsLeft ? 1 : 0, as: Int32.self)
  (packed + 8).storeBytes(of: roundsAway ? 1 : 0, as: Int32.self)
}

/// Writes the weights of one vector's channels, with as many parts as their zero points need; gives the sum of each channel's.
@inline(always) private func packParts(
  _ weights: UnsafePointer<Int8>, _ flip: Int32, _ zero: UnsafePointer<Int32>?, _ taps: Int, _ parts: Int, _ first: Int,
  _ channels: Int, _ isPair: Bool, _ vector: Int, _ target: UnsafeMutableRawPointer
) -> Ints {
  var sums = Ints.zero
  for lane in 0..<lanes {
    let c = first &+ channel(vector, lane, isPair: isPair)
    var slot = 0
    if c < channels {
      let zero = zero.map { $0[c] } ?? 0
      for part in 0..<parts {
        for tap in 0..<taps {
          var w = Int32(weights[c &* taps &+ tap] ^ Int8(truncatingIfNeeded: flip)) &- zero
          #if VNNI || DOT
          for _ in 0..<part { w &-= bytePart(w) }
          w = bytePart(w)
          #endif
          sums[lane] &+= w
          storeWeight(w, target, slot, vector, lane)
          slot &+= 1
        }
      }
    }
    while slot < groups(taps &* parts) &* groupTaps {
      storeWeight(0, target, slot, vector, lane)
      slot &+= 1
    }
  }
  return sums
}

#if VNNI || DOT
/// The same for a whole block of channels from `weights` on whose zero points are 0: the taps of a group are moved at once.
@inline(always) private func packBytes(
  _ weights: UnsafePointer<Int8>, _ flip: Int32, _ taps: Int, _ vector: Int, _ target: UnsafeMutableRawPointer
) -> Ints {
  let flips = UInt32(UInt8(truncatingIfNeeded: flip)) &* 0x0101_0101
  var sums = Ints.zero
  var place = target + vector &* vectorBytes
  var tap = 0
  while tap < taps {
    var words = Ints.zero
    if tap &+ groupTaps <= taps {
      for lane in 0..<lanes {
        let source = UnsafeRawPointer(weights + (channel(vector, lane, isPair: false) &* taps &+ tap))
        words[lane] = Int32(bitPattern: source.loadUnaligned(as: UInt32.self) ^ flips)
      }
    } else {
      for lane in 0..<lanes {
        let source = weights + (channel(vector, lane, isPair: false) &* taps &+ tap)
        var word: UInt32 = 0
        for i in 0..<taps &- tap { word |= UInt32(UInt8(bitPattern: source[i])) &<< UInt32(8 &* i) }
        words[lane] = Int32(bitPattern: word ^ (flips & (1 &<< UInt32(8 &* (taps &- tap)) &- 1)))
      }
    }
    place.storeBytes(of: words, as: Ints.self)
    sums = dot(sums, splat(0x0101_0101), words)
    place += rowBytes
    tap &+= groupTaps
  }
  return sums
}
#endif

/// The part of w that fits a byte.
@inline(always) private func bytePart(_ w: Int32) -> Int32 { Swift.max(Swift.min(w, 127), -128) }

@inline(always) private func storeWeight(
  _ w: Int32, _ weights: UnsafeMutableRawPointer, _ tap: Int, _ vector: Int, _ lane: Int
) {
  let place = weights + (tap / groupTaps &* blockVectors &+ vector) &* vectorBytes
  let t = tap % groupTaps
  #if VNNI || DOT
  (place + (lane &* 4 &+ t)).storeBytes(of: Int8(truncatingIfNeeded: w), as: Int8.self)
  #elseif arch(arm64)
  (place + (t &* 8 &+ lane &* 2)).storeBytes(of: Int16(truncatingIfNeeded: w), as: Int16.self)
  #else
  (place + (lane &* 4 &+ t &* 2)).storeBytes(of: Int16(truncatingIfNeeded: w), as: Int16.self)
  #endif
}

/// Bytes of the line of zero points: two pixels, where pairs are read as one block.
@inline(always) private func lineBytes(_ channels: Int) -> Int { channels &* 2 == channelBlock ? channelBlock : channels }

/// `MSInt8MatrixKernels.depthwise_scratch`: the lists of taps of two pixels, and the line of zero points.
func depthwiseScratch(_ d: UnsafePointer<MSInt8Depthwise>) -> Int {
  let taps = Int(d.pointee.kernel_h) &* Int(d.pointee.kernel_w) &* mostParts &+ groupTaps
  return (2 &* taps &* MemoryLayout<UnsafeRawPointer>.stride &+ lineBytes(d.pointee.channels) &+ 127) & ~63
}

typealias TapList = UnsafeMutablePointer<UnsafeRawPointer>

/// `MSInt8MatrixKernels.depthwise`.
func depthwise(
  _ d: UnsafePointer<MSInt8Depthwise>, _ y0: Int, _ y1: Int, _ c0: Int, _ c1: Int, _ scratch: UnsafeMutableRawPointer
) {
  let parts = Int(d.pointee.weights.load(as: Int32.self))
  let taps = Int(d.pointee.kernel_h) &* Int(d.pointee.kernel_w)
  let layer = DepthwiseLayer(d.pointee, groups: groups(taps &* parts))
  let count = layer.groups &* groupTaps
  let first = scratch.assumingMemoryBound(to: UnsafeRawPointer.self), second = first + count
  let line = UnsafeMutableRawPointer(second + count).assumingMemoryBound(to: UInt8.self)
  line.initialize(repeating: UInt8(truncatingIfNeeded: d.pointee.x_zero ^ d.pointee.flip), count: lineBytes(layer.channels))
  for tap in 0..<2 &* count { first[tap] = UnsafeRawPointer(line) }
  let size = blockBytes(taps &* parts)
  let start = layer.weights + headerBytes + c0 / channelBlock &* size
  // Channels in whole blocks, and those of the last one, where it is computed in pairs of pixels.
  let paired = c1 == layer.channels && isPair((c1 &- c0) % channelBlock) ? (c1 &- c0) % channelBlock : 0
  let step = pairs ? 2 : 1
  // Pixels that are neighbours in x too, and have all channels of a pair: both are one run of bytes, here and in y.
  let mayJoin = paired &* 2 == channelBlock && paired == layer.channels && layer.strideW == 1
  for y in y0..<Swift.max(y0, y1) {
    let top = y &* layer.strideH &- layer.padTop
    var x = 0
    while x < layer.outW {
      let pixels = Swift.min(step, layer.outW &- x)
      if mayJoin && pixels == 2 && layer.isInside(x &- layer.padLeft) && layer.isInside(x &+ 1 &- layer.padLeft) {
        layer.listTaps(top, x &- layer.padLeft, UnsafeRawPointer(line), first)
        for tap in taps..<Swift.max(taps, taps &* parts) { first[tap] = first[tap &- taps] }
        let place = (y &* layer.outW &+ x) &* layer.channels
        layer.block(first, first, start, 0, channelBlock, place, place, isPair: false)
        x &+= 2
        continue
      }
      for pixel in 0..<pixels {
        let list = pixel == 0 ? first : second
        layer.listTaps(top, (x &+ pixel) &* layer.strideW &- layer.padLeft, UnsafeRawPointer(line), list)
        for tap in taps..<Swift.max(taps, taps &* parts) { list[tap] = list[tap &- taps] }
      }
      let place = (y &* layer.outW &+ x) &* layer.channels
      var c = c0
      var weights = start
      while c < c1 &- paired {
        let width = Swift.min(c1 &- c, channelBlock)
        #if VNNI
        let isTwo = pixels == 2 && layer.isBounded(weights)
        if isTwo { layer.two(first, second, weights, c, width, place &+ c, place &+ layer.channels &+ c) }
        #else
        let isTwo = false
        #endif
        for pixel in 0..<(isTwo ? 0 : pixels) {
          let list = pixel == 0 ? first : second, target = place &+ pixel &* layer.channels &+ c
          layer.block(list, list, weights, c, width, target, target, isPair: false)
        }
        weights += size
        c &+= channelBlock
      }
      if paired > 0 {
        let c = c1 &- paired
        let place = (y &* layer.outW &+ x) &* layer.channels &+ c
        // A pixel without a neighbour is computed twice.
        layer.block(
          first, pixels == 2 ? second : first, start + (c &- c0) / channelBlock &* size, c, paired, place,
          pixels == 2 ? place &+ layer.channels : place, isPair: true)
      }
      x &+= step
    }
  }
}

/// The layer with its sizes as Int.
struct DepthwiseLayer {
  let x: UnsafeRawPointer, weights: UnsafeRawPointer
  let groups: Int
  let inH: Int, inW: Int, outW: Int, channels: Int
  let kernelH: Int, kernelW: Int, strideH: Int, strideW: Int, dilationH: Int, dilationW: Int, padTop: Int, padLeft: Int
  let flip: UInt8
  let shiftsLeft: Bool, roundsAway: Bool
  let output: MSInt8Output

  @inline(always) init(_ d: MSInt8Depthwise, groups: Int) {
    x = UnsafeRawPointer(d.x)
    weights = d.weights
    self.groups = groups
    inH = d.in_h
    inW = d.in_w
    outW = d.out_w
    channels = d.channels
    kernelH = Int(d.kernel_h)
    kernelW = Int(d.kernel_w)
    strideH = Int(d.stride_h)
    strideW = Int(d.stride_w)
    dilationH = Int(d.dilation_h)
    dilationW = Int(d.dilation_w)
    padTop = Int(d.pad_top)
    padLeft = Int(d.pad_left)
    flip = UInt8(truncatingIfNeeded: d.flip)
    shiftsLeft = (d.weights + 4).load(as: Int32.self) != 0
    roundsAway = (d.weights + 8).load(as: Int32.self) != 0
    output = d.output
  }

  /// Whether a kernel line that begins at column `left` lies inside the image.
  @inline(always) func isInside(_ left: Int) -> Bool { left >= 0 && left &+ (kernelW &- 1) &* dilationW < inW }

  /// Lists where the taps of the output pixel lie whose kernel begins at (top, left).
  @inline(always) func listTaps(_ top: Int, _ left: Int, _ line: UnsafeRawPointer, _ list: TapList) {
    var next = list
    var iy = top
    let isInside = isInside(left)
    for _ in 0..<kernelH {
      if iy < 0 || iy >= inH {
        for _ in 0..<kernelW {
          next.pointee = line
          next += 1
        }
      } else if isInside {
        var tap = x + (iy &* inW &+ left) &* channels
        for _ in 0..<kernelW {
          next.pointee = tap
          next += 1
          tap += dilationW &* channels
        }
      } else {
        var ix = left
        for _ in 0..<kernelW {
          next.pointee = ix >= 0 && ix < inW ? x + (iy &* inW &+ ix) &* channels : line
          next += 1
          ix &+= dilationW
        }
      }
      iy &+= dilationH
    }
  }

  /// `count` channels (1 ... channelBlock) from channel `c` on, of one output pixel whose place in y is `place`; or, in a pair, of two
  /// pixels, with half as many channels at most.
  @inline(always) func block(
    _ list: TapList, _ list2: TapList, _ packed: UnsafeRawPointer, _ c: Int, _ count: Int, _ place: Int, _ place2: Int,
    isPair: Bool
  ) {
    var sums = InlineArray<4, Ints>(repeating: .zero)
    for v in 0..<blockVectors { sums[v] = load(packed + v &* vectorBytes) }
    var weights = packed + weightsOffset
    #if VNNI
    let mask = count == 64 ? ~0 : (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
    let flips = raw(splat(Int32(bitPattern: UInt32(flip ^ 0x80) &* 0x0101_0101)))
    var g = 0
    while g < groups {
      addGroup(
        list, list2, g, c, mask, flips, isPair, load(weights), load(weights + vectorBytes), load(weights + 2 &* vectorBytes),
        load(weights + 3 &* vectorBytes), &sums)
      weights += rowBytes
      g &+= 1
    }
    #elseif DOT
    let flips = splatBytes(flip)
    if count == channelBlock {
      var g = 0
      while g < groups {
        addGroup(wholeTap(list[4 &* g] + c), wholeTap(list[4 &* g &+ 1] + c), wholeTap(list[4 &* g &+ 2] + c),
          wholeTap(list[4 &* g &+ 3] + c), flips, weights, &sums)
        weights += rowBytes
        g &+= 1
      }
    } else {
      var g = 0
      while g < groups {
        addGroup(loadPart(list[4 &* g] + c, count), loadPart(list[4 &* g &+ 1] + c, count), loadPart(list[4 &* g &+ 2] + c, count),
          loadPart(list[4 &* g &+ 3] + c, count), flips, weights, &sums)
        weights += rowBytes
        g &+= 1
      }
    }
    #else
    let flips = splatBytes(flip)
    var g = 0
    while g < groups {
      let t0 = tap(list[2 &* g] + c, count, flips), t1 = tap(list[2 &* g &+ 1] + c, count, flips)
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
      weights += rowBytes
      g &+= 1
    }
    #endif
    if output.kind == Int32(MS_INT8_FLOAT.rawValue) {
      finishFloats(output, sums, packed + rowBytes, count, place, place2, isPair)
    } else {
      #if VNNI
      let isBounded = isBounded(packed)
      #else
      let isBounded = false
      #endif
      quantize(sums, packed + rowBytes, count, place, place2, isPair, isBounded)
    }
  }

  #if VNNI
  /// Whether ``BoundedScaling`` serves the block.
  @inline(always) func isBounded(_ packed: UnsafeRawPointer) -> Bool {
    (packed + flagOffset(groups)).load(as: Int32.self) != 0
  }

  /// `count` channels from channel `c` on, of a block for ``BoundedScaling``, of two output pixels: weights and scalings are read once
  /// for both.
  @inline(always) func two(
    _ list: TapList, _ list2: TapList, _ packed: UnsafeRawPointer, _ c: Int, _ count: Int, _ place: Int, _ place2: Int
  ) {
    let (o0, o1, o2, o3) = (
      load(packed), load(packed + vectorBytes), load(packed + 2 &* vectorBytes), load(packed + 3 &* vectorBytes)
    )
    var sums = [o0, o1, o2, o3] as InlineArray<4, Ints>, sums2 = sums
    var weights = packed + weightsOffset
    let mask = count == 64 ? ~0 : (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
    let flips = raw(splat(Int32(bitPattern: UInt32(flip ^ 0x80) &* 0x0101_0101)))
    for g in 0..<groups {
      let w0 = load(weights), w1 = load(weights + vectorBytes)
      let w2 = load(weights + 2 &* vectorBytes), w3 = load(weights + 3 &* vectorBytes)
      addGroup(list, list, g, c, mask, flips, false, w0, w1, w2, w3, &sums)
      addGroup(list2, list2, g, c, mask, flips, false, w0, w1, w2, w3, &sums2)
      weights += rowBytes
    }
    let scales = packed + rowBytes
    let s0 = BoundedScaling(scales, stride: rowBytes), s1 = BoundedScaling(scales + vectorBytes, stride: rowBytes)
    let a = _mm512_packs_epi32(s0.apply(sums[0]), s1.apply(sums[1])), a2 = _mm512_packs_epi32(s0.apply(sums2[0]), s1.apply(sums2[1]))
    let s2 = BoundedScaling(scales + 2 &* vectorBytes, stride: rowBytes)
    let s3 = BoundedScaling(scales + 3 &* vectorBytes, stride: rowBytes)
    let b = _mm512_packs_epi32(s2.apply(sums[2]), s3.apply(sums[3])), b2 = _mm512_packs_epi32(s2.apply(sums2[2]), s3.apply(sums2[3]))
    let y = output.y.assumingMemoryBound(to: Int8.self)
    _mm512_mask_storeu_epi8(y + place, mask, bytes(a, b))
    _mm512_mask_storeu_epi8(y + place2, mask, bytes(a2, b2))
  }

  /// The products of group `g` of taps, whose values are interleaved channel by channel.
  @inline(always) private func addGroup(
    _ list: TapList, _ list2: TapList, _ g: Int, _ c: Int, _ mask: UInt64, _ flips: Raw, _ isPair: Bool, _ w0: Ints, _ w1: Ints,
    _ w2: Ints, _ w3: Ints, _ sums: inout InlineArray<4, Ints>
  ) {
    let t0 = tap(list, list2, 4 &* g, c, mask, flips, isPair), t1 = tap(list, list2, 4 &* g &+ 1, c, mask, flips, isPair)
    let t2 = tap(list, list2, 4 &* g &+ 2, c, mask, flips, isPair), t3 = tap(list, list2, 4 &* g &+ 3, c, mask, flips, isPair)
    let low01 = _mm512_unpacklo_epi8(t0, t1), high01 = _mm512_unpackhi_epi8(t0, t1)
    let low23 = _mm512_unpacklo_epi8(t2, t3), high23 = _mm512_unpackhi_epi8(t2, t3)
    sums[0] = dot(sums[0], ints(_mm512_unpacklo_epi16(low01, low23)), w0)
    sums[1] = dot(sums[1], ints(_mm512_unpackhi_epi16(low01, low23)), w1)
    sums[2] = dot(sums[2], ints(_mm512_unpacklo_epi16(high01, high23)), w2)
    sums[3] = dot(sums[3], ints(_mm512_unpackhi_epi16(high01, high23)), w3)
  }

  /// The results' bytes, from numbers packed into 16 bits.
  @inline(always) private func bytes(_ first: Raw, _ second: Raw) -> Raw {
    // Saturation to 16 bits keeps what lies outside int8's range outside it when the zero point is added.
    let zero = _mm512_set1_epi16(Int16(truncatingIfNeeded: output.zero))
    let bytes = _mm512_packs_epi16(_mm512_adds_epi16(first, zero), _mm512_adds_epi16(second, zero))
    let lo = _mm512_set1_epi8(CChar(truncatingIfNeeded: output.lo)), hi = _mm512_set1_epi8(CChar(truncatingIfNeeded: output.hi))
    let flips = raw(splat(Int32(bitPattern: UInt32(truncatingIfNeeded: output.flip) &* 0x0101_0101)))
    return _mm512_xor_si512(_mm512_min_epi8(_mm512_max_epi8(bytes, lo), hi), flips)
  }
  #endif

  @inline(always) private func quantize(
    _ sums: InlineArray<4, Ints>, _ scales: UnsafeRawPointer, _ count: Int, _ place: Int, _ place2: Int, _ isPair: Bool,
    _ isBounded: Bool
  ) {
    let y = output.y.assumingMemoryBound(to: Int8.self)
    #if VNNI
    let first = _mm512_packs_epi32(scaled(sums[0], scales, 0, isBounded), scaled(sums[1], scales, 1, isBounded))
    let second = _mm512_packs_epi32(scaled(sums[2], scales, 2, isBounded), scaled(sums[3], scales, 3, isBounded))
    let result = bytes(first, second)
    let mask = count == 64 ? ~0 : (1 as UInt64) &<< UInt64(truncatingIfNeeded: count) &- 1
    if isPair {
      _mm256_mask_storeu_epi8(y + place, UInt32(truncatingIfNeeded: mask), result.lowHalf)
      _mm256_mask_storeu_epi8(y + place2, UInt32(truncatingIfNeeded: mask), result.highHalf)
    } else {
      _mm512_mask_storeu_epi8(y + place, mask, result)
    }
    #else
    let first = ints(scaled(sums[0], scales, 0, isBounded)), second = ints(scaled(sums[1], scales, 1, isBounded))
    #if AVX2
    // The interleaving has left the channels in the order that packing within 128 bits undoes.
    let words = _mm256_adds_epi16(
      _mm256_packs_epi32(raw(first), raw(second)), _mm256_set1_epi16(Int16(truncatingIfNeeded: output.zero)))
    let least = _mm256_set1_epi16(Int16(truncatingIfNeeded: output.lo))
    let clamped = _mm256_min_epi16(
      _mm256_max_epi16(words, least), _mm256_set1_epi16(Int16(truncatingIfNeeded: output.hi)))
    let bytes = unsafeBitCast(_mm_packs_epi16(clamped.lowHalf, clamped.highHalf), to: SIMD2<UInt64>.self)
      ^ splatBytes(UInt8(truncatingIfNeeded: output.flip))
    if count == 16 {
      UnsafeMutableRawPointer(y + place).storeBytes(of: bytes, as: SIMD2<UInt64>.self)
    } else {
      storePart(bytes, y + place, count)
    }
    #else
    let range = ByteRange(zero: output.zero, lo: output.lo, hi: output.hi, flip: UInt8(truncatingIfNeeded: output.flip))
    #if DOT
    range.store(first, second, y + place, Swift.min(count, 8))
    if count > 8 {
      let third = ints(scaled(sums[2], scales, 2, isBounded)), fourth = ints(scaled(sums[3], scales, 3, isBounded))
      range.store(third, fourth, y + (place &+ 8), count &- 8)
    }
    #else
    range.store(first, second, y + place, count)
    #endif
    #endif
    #endif
  }

  @inline(always) private func scaled(_ sum: Ints, _ scales: UnsafeRawPointer, _ vector: Int, _ isBounded: Bool) -> Raw {
    #if VNNI
    if isBounded { return BoundedScaling(scales + vector &* vectorBytes, stride: rowBytes).apply(sum) }
    #endif
    return raw(Scaling(scales + vector &* vectorBytes, stride: rowBytes, shiftsLeft: shiftsLeft, roundsAway: roundsAway)
        .apply(sum))
  }
}

#if VNNI
/// Tap `index` of up to 64 channels of a pixel, or of up to 32 channels of each of two.
@inline(always) private func tap(
  _ list: TapList, _ list2: TapList, _ index: Int, _ c: Int, _ mask: UInt64, _ flips: Raw, _ isPair: Bool
) -> Raw {
  if isPair {
    let half = UInt32(truncatingIfNeeded: mask)
    return _mm512_xor_si512(
      Raw(
        lowHalf: _mm256_maskz_loadu_epi8(half, list[index] + c), highHalf: _mm256_maskz_loadu_epi8(half, list2[index] + c)), flips)
  }
  return _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, list[index] + c), flips)
}
#endif

#if DOT
@inline(always) private func wholeTap(_ p: UnsafeRawPointer) -> SIMD2<UInt64> { p.loadUnaligned(as: SIMD2<UInt64>.self) }

/// Adds the products of four taps of 16 channels with their weights.
@inline(always) private func addGroup(
  _ t0: SIMD2<UInt64>, _ t1: SIMD2<UInt64>, _ t2: SIMD2<UInt64>, _ t3: SIMD2<UInt64>, _ flips: SIMD2<UInt64>,
  _ weights: UnsafeRawPointer, _ sums: inout InlineArray<4, Ints>
) {
  let x0 = unsafeBitCast(t0 ^ flips, to: SIMD16<Int8>.self), x1 = unsafeBitCast(t1 ^ flips, to: SIMD16<Int8>.self)
  let x2 = unsafeBitCast(t2 ^ flips, to: SIMD16<Int8>.self), x3 = unsafeBitCast(t3 ^ flips, to: SIMD16<Int8>.self)
  let low01 = unsafeBitCast(vzip1q_s8(x0, x1), to: SIMD8<Int16>.self), high01 = unsafeBitCast(vzip2q_s8(x0, x1), to: SIMD8<Int16>.self)
  let low23 = unsafeBitCast(vzip1q_s8(x2, x3), to: SIMD8<Int16>.self), high23 = unsafeBitCast(vzip2q_s8(x2, x3), to: SIMD8<Int16>.self)
  sums[0] = dot(sums[0], unsafeBitCast(vzip1q_s16(low01, low23), to: Ints.self), load(weights))
  sums[1] = dot(sums[1], unsafeBitCast(vzip2q_s16(low01, low23), to: Ints.self), load(weights + vectorBytes))
  sums[2] = dot(sums[2], unsafeBitCast(vzip1q_s16(high01, high23), to: Ints.self), load(weights + 2 &* vectorBytes))
  sums[3] = dot(sums[3], unsafeBitCast(vzip2q_s16(high01, high23), to: Ints.self), load(weights + 3 &* vectorBytes))
}
#endif

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
#elseif arch(arm64) && !DOT
/// The values of up to 8 channels as 16-bit numbers.
@inline(always) private func tap(_ p: UnsafeRawPointer, _ count: Int, _ flip: SIMD2<UInt64>) -> SIMD8<Int16> {
  let bits = count == 8 ? p.loadUnaligned(as: UInt64.self) : loadPart(p, count)[0]
  return vmovl_s8(unsafeBitCast(bits ^ flip[0], to: SIMD8<Int8>.self))
}
#endif

@inline(never) private func finishFloats(
  _ output: MSInt8Output, _ sums: InlineArray<4, Ints>, _ scales: UnsafeRawPointer, _ count: Int, _ place: Int, _ place2: Int,
  _ isPair: Bool
) {
  let y = output.y.assumingMemoryBound(to: Float.self)
  for v in 0..<blockVectors {
    let scale = (scales + v &* vectorBytes).loadUnaligned(as: Floats.self)
    let bias = (scales + (rowBytes &+ v &* vectorBytes)).loadUnaligned(as: Floats.self)
    let x = clamp(
      toFloat(sums[v]) * scale + bias, Floats(repeating: output.float_lo), Floats(repeating: output.float_hi))
    for lane in 0..<lanes {
      let c = channel(v, lane, isPair: isPair)
      let at = isPair && lane >= lanes / 2 ? place2 : place
      if c < count { y[at &+ c] = x[lane] }
    }
  }
}
