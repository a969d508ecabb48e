#if VNNI
import CKernels
import _Builtin_intrinsics.intel

/// The last step of int8 results in the registers of a tile. What it needs per column is worked out once for a panel, and sums that are
/// known to be small take half the instructions that ``Scaling`` takes.

/// `Scaling` of sums x for which |x| << left stays below ``limit``, and which are shifted to the right by 29 bits at most.
///
/// With p = x * multiplier, `Scaling` is floor((floor((p + 2^30) / 2^31) + 2^(s-1) - (1 where x < 0)) / 2^s) for a shift of s > 0
/// to the right. That is floor((h + 1 + 2^s - (2 where x < 0)) / 2^(s+1)), where h = floor(p / 2^30) is the upper half of 4 p: nothing
/// overflows 32 bits, and the roundings are one addition. (Where x < 0 and its product is rounded to 0, both give 0.)
struct BoundedScaling {
  let multiplier: Ints
  /// The multipliers of the odd lanes, in the even ones.
  let odd: Ints
  let left: Ints, right: Ints
  /// What is added to a number that is not negative, and to one that is.
  let positive: Ints, negative: Ints

  static let limit: Int32 = 1 << 29
  static let vectorCount = 6

  /// For products that add up to `most` at most, to which the offset is added. nil where the sums may be too large.
  @inline(never) init?(_ offset: Ints, _ multiplier: Ints, _ shift: Ints, upward: Bool, most: Int) {
    var factor = multiplier
    let s = clamp(.zero &- shift, .zero, splat(29))
    left = clamp(shift, .zero, splat(29)) &+ splat(2)
    var right = s &+ splat(1)
    let isShifted = clamp(s, .zero, splat(1))
    var positive = splat(1) &+ ints(_mm512_sllv_epi32(raw(isShifted), raw(s)))
    var negative = upward ? positive : positive &- isShifted &- isShifted
    if !Self.fit(offset, shift, most) {
      for lane in 0..<lanes where !Self.fit(splat(offset[lane]), splat(shift[lane]), most) {
        guard let constants = Self.constants(offset[lane], multiplier[lane], shift[lane], upward: upward, most) else { return nil }
        factor[lane] = 0
        right[lane] = 0
        positive[lane] = constants.positive
        negative[lane] = constants.negative
      }
    }
    self.multiplier = factor
    odd = ints(_mm512_srli_epi64(raw(factor), 32))
    self.right = right
    self.positive = positive
    self.negative = negative
  }

  @inline(always) private static func fit(_ offset: Ints, _ shift: Ints, _ most: Int) -> Bool {
    if most >= Int(limit) || shift.min() < -29 || shift.max() > 29 { return false }
    // The size of Int32.min is itself here, and the room beside it negative.
    let size = ints(_mm512_max_epi32(raw(offset), raw(.zero &- offset)))
    let room = ints(_mm512_srlv_epi32(raw(splat(limit &- 1)), raw(clamp(shift, .zero, splat(29)))))
    return (room &- splat(Int32(truncatingIfNeeded: most))).min() >= 0
      && (room &- splat(Int32(truncatingIfNeeded: most)) &- size).min() >= 0
  }

  /// What `Scaling` makes of all sums that are not negative, and of all that are, where that is one number each. So it is in channels
  /// whose weights are next to nothing beside their bias: the offset is as large as 32 bits allow, and the sums may overflow.
  private static func constants(
    _ offset: Int32, _ multiplier: Int32, _ shift: Int32, upward: Bool, _ most: Int
  ) -> (positive: Int32, negative: Int32)? {
    if shift > 0 { return nil }
    var positive: Int32? = nil, negative: Int32? = nil
    func add(_ x: Int, _ known: inout Int32?) -> Bool {
      let high = (x &* Int(multiplier) &+ 1 << 30) &>> 31
      let half = shift < 0 ? (1 as Int) &<< Int(-1 &- shift) : 0
      let away = shift < 0 && !upward && high < 0 ? 1 : 0
      let value = Int32(truncatingIfNeeded: (high &+ half &- away) &>> Int(0 &- shift))
      if let known { return known == value }
      known = value
      return true
    }
    for turn in -1...1 {
      let first = Swift.max(Int(offset) &- most &+ turn &<< 32, Int(Int32.min))
      let last = Swift.min(Int(offset) &+ most &+ turn &<< 32, Int(Int32.max))
      if first > last { continue }
      if first < 0 && !(add(first, &negative) && add(Swift.min(last, -1), &negative)) { return nil }
      if last >= 0 && !(add(Swift.max(first, 0), &positive) && add(last, &positive)) { return nil }
    }
    return (positive ?? 0, negative ?? 0)
  }

  @inline(always) init(_ p: UnsafeRawPointer, stride: Int) {
    multiplier = load(p)
    odd = load(p + stride)
    left = load(p + 2 &* stride)
    right = load(p + 3 &* stride)
    positive = load(p + 4 &* stride)
    negative = load(p + 5 &* stride)
  }

  @inline(always) func write(_ p: UnsafeMutableRawPointer, stride: Int) {
    p.storeBytes(of: multiplier, as: Ints.self)
    (p + stride).storeBytes(of: odd, as: Ints.self)
    (p + 2 &* stride).storeBytes(of: left, as: Ints.self)
    (p + 3 &* stride).storeBytes(of: right, as: Ints.self)
    (p + 4 &* stride).storeBytes(of: positive, as: Ints.self)
    (p + 5 &* stride).storeBytes(of: negative, as: Ints.self)
  }

  @inline(always) func apply(_ x: Ints) -> Raw {
    let scaled = _mm512_sllv_epi32(raw(x), raw(left))
    let even = _mm512_mul_epi32(scaled, raw(multiplier))
    let other = _mm512_mul_epi32(_mm512_srli_epi64(scaled, 32), raw(odd))
    let high = unsafeBitCast(
      _mm512_mask_movehdup_ps(unsafeBitCast(other, to: Floats.self), 0x5555, unsafeBitCast(even, to: Floats.self)), to: Raw.self)
    let nudge = _mm512_mask_blend_epi32(_mm512_movepi32_mask(raw(x)), raw(positive), raw(negative))
    return _mm512_srav_epi32(_mm512_add_epi32(high, nudge), raw(right))
  }
}

/// A panel whose results the tiles write themselves: its constants, and where the rows go.
struct Panel {
  /// The offsets of both vectors, then their scalings.
  private let constants: UnsafeRawPointer
  let y: UnsafeMutablePointer<Int8>
  let ldc: Int
  let columns: Int
  private let zero: Raw, lo: Raw, hi: Raw, flips: Raw

  static let bytes = (2 &+ 2 &* BoundedScaling.vectorCount) &* MemoryLayout<Ints>.size

  /// nil where the sums, of products that add up to `most` at most, need what `Finish` does. Writes the constants to `place`.
  @inline(never) init?(_ output: MSInt8Output, column: Int, columns: Int, most: Int, _ place: UnsafeMutableRawPointer) {
    guard output.kind == Int32(MS_INT8_QUANTIZED.rawValue), output.weight_zero == nil, let multiplier = output.multiplier,
      let shift = output.shift
    else { return nil }
    let size = MemoryLayout<Ints>.size
    for v in 0..<(columns > lanes ? 2 : 1) {
      let at = column &+ v &* lanes
      let offset = load(output.offset + at), shifts = load(shift + at)
      guard
        let scaling = BoundedScaling(offset, load(multiplier + at), shifts, upward: output.upward != 0, most: most)
      else { return nil }
      (place + v &* size).storeBytes(of: offset, as: Ints.self)
      scaling.write(place + (2 &+ v &* BoundedScaling.vectorCount) &* size, stride: size)
    }
    constants = UnsafeRawPointer(place)
    y = output.y.assumingMemoryBound(to: Int8.self) + column
    ldc = output.ldc
    self.columns = columns
    zero = _mm512_set1_epi16(Int16(truncatingIfNeeded: output.zero))
    lo = _mm512_set1_epi8(CChar(truncatingIfNeeded: output.lo))
    hi = _mm512_set1_epi8(CChar(truncatingIfNeeded: output.hi))
    flips = raw(splat(Int32(bitPattern: UInt32(truncatingIfNeeded: output.flip) &* 0x0101_0101)))
  }

  @inline(always) func offset(_ vector: Int) -> Ints { load(constants + vector &* MemoryLayout<Ints>.size) }

  @inline(always) func scaling(_ vector: Int) -> BoundedScaling {
    BoundedScaling(
      constants + (2 &+ vector &* BoundedScaling.vectorCount) &* MemoryLayout<Ints>.size, stride: MemoryLayout<Ints>.size)
  }

  /// The bytes of four vectors, one after the other.
  @inline(always) private func bytes(_ a: Raw, _ b: Raw, _ c: Raw, _ d: Raw) -> Raw {
    // Saturation to 16 bits keeps what lies outside int8's range outside it when the zero point is added.
    let words = _mm512_packs_epi16(
      _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero), _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero))
    let clamped = _mm512_xor_si512(_mm512_min_epi8(_mm512_max_epi8(words, lo), hi), flips)
    // Packing works on 128 bits at a time: four bytes of each vector, then the next four of each.
    let order = Ints(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)
    return _mm512_permutexvar_epi32(raw(order), clamped)
  }

  /// Two rows of two vectors; of the second row only where `both`.
  @inline(always) func store(
    _ row: Int, _ left: Ints, _ right: Ints, _ left2: Ints, _ right2: Ints, _ first: BoundedScaling, _ second: BoundedScaling,
    both: Bool
  ) {
    let result = bytes(first.apply(left), second.apply(right), first.apply(left2), second.apply(right2))
    let target = y + row &* ldc
    if columns == 32 {
      UnsafeMutableRawPointer(target).storeBytes(of: result.lowHalf, as: SIMD4<Int64>.self)
      if both { UnsafeMutableRawPointer(target + ldc).storeBytes(of: result.highHalf, as: SIMD4<Int64>.self) }
    } else {
      let mask = (1 as UInt32) &<< UInt32(truncatingIfNeeded: columns) &- 1
      _mm256_mask_storeu_epi8(target, mask, result.lowHalf)
      if both { _mm256_mask_storeu_epi8(target + ldc, mask, result.highHalf) }
    }
  }

  /// `count` (1, 2 or 4) rows of one vector.
  @inline(always) func store(_ row: Int, _ a: Ints, _ b: Ints, _ c: Ints, _ d: Ints, _ scaling: BoundedScaling, count: Int) {
    let result = bytes(scaling.apply(a), scaling.apply(b), scaling.apply(c), scaling.apply(d))
    let quarters = [result.lowHalf.lowHalf, result.lowHalf.highHalf, result.highHalf.lowHalf, result.highHalf.highHalf]
      as InlineArray<4, SIMD2<Int64>>
    for i in 0..<count {
      let target = y + (row &+ i) &* ldc
      if columns == 16 {
        UnsafeMutableRawPointer(target).storeBytes(of: quarters[i], as: SIMD2<Int64>.self)
      } else {
        _mm_mask_storeu_epi8(target, (1 as UInt16) &<< UInt16(truncatingIfNeeded: columns) &- 1, quarters[i])
      }
    }
  }
}
#endif
