#if AVX2
import _Builtin_intrinsics.intel
#endif

// Sums of floats with weights, along a row and across rows, in one order: every instruction set gives the same bits.

func weighColumn(
  _ rows: UnsafePointer<Floats?>?, _ weight: Floats?, _ taps: Int32, _ out: MutableFloats?, _ n: Int
) {
  let rows = rows.unsafelyUnwrapped, weight = weight.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let a = rows[0].unsafelyUnwrapped, wa = weight[0]
  switch taps {
  case 1:
    for i in 0..<n { out[i] = a[i] * wa }
  case 2:
    let b = rows[1].unsafelyUnwrapped, wb = weight[1]
    for i in 0..<n { out[i] = a[i] * wa + b[i] * wb }
  case 3:
    let b = rows[1].unsafelyUnwrapped, wb = weight[1], c = rows[2].unsafelyUnwrapped, wc = weight[2]
    for i in 0..<n { out[i] = a[i] * wa + b[i] * wb + c[i] * wc }
  default:
    let b = rows[1].unsafelyUnwrapped, wb = weight[1], c = rows[2].unsafelyUnwrapped, wc = weight[2]
    let d = rows[3].unsafelyUnwrapped, wd = weight[3]
    for i in 0..<n { out[i] = a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd }
  }
}

func weighRow(
  _ row: Floats?, _ readable: Int, _ channels: Int32, _ taps: Int32, _ index: UnsafePointer<Int32>?, _ weight: Floats?,
  _ out: MutableFloats?, _ count: Int
) {
  let row = row.unsafelyUnwrapped, index = index.unsafelyUnwrapped, weight = weight.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch (channels, taps) {
  case (1, 2): weighTwo(row, readable, index, weight, out, count)
  case (1, 4): weighFour(row, index, weight, out, count)
  case (1, _): weighOne(row, Int(taps), index, weight, out, 0, count)
  case (3, 2): weighPairs(row, readable, 3, index, weight, out, count)
  case (3, 4): weigh(row, readable, 3, 4, index, weight, out, count)
  case (3, _): weigh(row, readable, 3, Int(taps), index, weight, out, count)
  case (_, 2): weighPairs(row, readable, 4, index, weight, out, count)
  case (_, 4): weigh(row, readable, 4, 4, index, weight, out, count)
  default: weigh(row, readable, 4, Int(taps), index, weight, out, count)
  }
}

@inline(always) private func weighOne(
  _ row: Floats, _ taps: Int, _ index: UnsafePointer<Int32>, _ weight: Floats, _ out: MutableFloats, _ first: Int, _ count: Int
) {
  var x = first
  while x < count {
    let index = index + x &* taps, weight = weight + x &* taps
    @inline(__always) func product(_ t: Int) -> Float { row[Int(index[t])] * weight[t] }
    if taps == 4 {
      out[x] = (product(0) + product(1)) + (product(2) + product(3))
    } else {
      var sum = product(0)
      for t in 1..<taps { sum += product(t) }
      out[x] = sum
    }
    x &+= 1
  }
}

/// Sums of two neighbours each, of `a` and then of `b`.
@inline(always) private func sums(_ a: SIMD8<Float>, _ b: SIMD8<Float>) -> SIMD8<Float> {
  #if AVX2
  // In the order a, b, a, b of pairs.
  let pairs = unsafeBitCast(_mm256_hadd_ps(a, b), to: SIMD4<Int64>.self)
  return unsafeBitCast(SIMD4(pairs[0], pairs[2], pairs[1], pairs[3]), to: SIMD8<Float>.self)
  #else
  let all = SIMD16(lowHalf: a, highHalf: b)
  return all.evenHalf + all.oddHalf
  #endif
}

/// Eight pixels at a time whose two taps are beside each other.
private func weighTwo(
  _ row: Floats, _ readable: Int, _ index: UnsafePointer<Int32>, _ weight: Floats, _ out: MutableFloats, _ count: Int
) {
  var last = count
  while last > 0, Int(index[2 &* last &- 2]) &+ 2 > readable { last &-= 1 }
  @inline(__always) func products(_ x: Int) -> SIMD8<Float> {
    var pairs = SIMD4<UInt64>.zero
    for i in 0..<4 { pairs[i] = UnsafeRawPointer(row + Int(index[2 &* (x &+ i)])).loadUnaligned(as: UInt64.self) }
    return unsafeBitCast(pairs, to: SIMD8<Float>.self) * UnsafeRawPointer(weight + 2 &* x).loadUnaligned(as: SIMD8<Float>.self)
  }
  var x = 0
  while x &+ 8 <= last {
    UnsafeMutableRawPointer(out + x).storeBytes(of: sums(products(x), products(x &+ 4)), as: SIMD8<Float>.self)
    x &+= 8
  }
  weighOne(row, 2, index, weight, out, x, count)
}

/// Eight pixels at a time whose four taps are beside each other, as they are but at the ends.
private func weighFour(
  _ row: Floats, _ index: UnsafePointer<Int32>, _ weight: Floats, _ out: MutableFloats, _ count: Int
) {
  var first = 0, last = count
  while first < count, index[4 &* first &+ 3] &- index[4 &* first] != 3 { first &+= 1 }
  while last > first, index[4 &* last &- 1] &- index[4 &* last &- 4] != 3 { last &-= 1 }
  weighOne(row, 4, index, weight, out, 0, first)
  @inline(__always) func products(_ x: Int) -> SIMD8<Float> {
    let pixels = SIMD8(
      lowHalf: UnsafeRawPointer(row + Int(index[4 &* x])).loadUnaligned(as: SIMD4<Float>.self),
      highHalf: UnsafeRawPointer(row + Int(index[4 &* x &+ 4])).loadUnaligned(as: SIMD4<Float>.self))
    return pixels * UnsafeRawPointer(weight + 4 &* x).loadUnaligned(as: SIMD8<Float>.self)
  }
  var x = first
  while x &+ 8 <= last {
    let near = sums(products(x), products(x &+ 2)), far = sums(products(x &+ 4), products(x &+ 6))
    UnsafeMutableRawPointer(out + x).storeBytes(of: sums(near, far), as: SIMD8<Float>.self)
    x &+= 8
  }
  weighOne(row, 4, index, weight, out, x, count)
}

/// Two taps that are beside each other, as they are but at the right end.
@inline(always) private func weighPairs(
  _ row: Floats, _ readable: Int, _ channels: Int, _ index: UnsafePointer<Int32>, _ weight: Floats, _ out: MutableFloats, _ count: Int
) {
  var last = channels == 3 ? count &- 1 : count
  while last > 0, Int(index[2 &* last &- 2]) &+ channels &+ 4 > readable { last &-= 1 }
  var x = 0
  while x < last {
    let p = UnsafeRawPointer(row + Int(index[2 &* x]))
    let sum =
      p.loadUnaligned(as: SIMD4<Float>.self) * weight[2 &* x]
      + p.loadUnaligned(fromByteOffset: 4 &* channels, as: SIMD4<Float>.self) * weight[2 &* x &+ 1]
    UnsafeMutableRawPointer(out + x &* channels).storeBytes(of: sum, as: SIMD4<Float>.self)
    x &+= 1
  }
  weighPixels(row, channels, 2, index, weight, out, x, count)
}

/// A pixel is loaded and stored as four floats; of three channels the next pixel overwrites the fourth, and the last ones are loaded
/// and stored in parts.
@inline(always) private func weigh(
  _ row: Floats, _ readable: Int, _ channels: Int, _ taps: Int, _ index: UnsafePointer<Int32>, _ weight: Floats, _ out: MutableFloats,
  _ count: Int
) {
  var last = count
  if channels == 3 {
    last &-= 1
    while last > 0, Int(index[last &* taps &- 1]) &+ 4 > readable { last &-= 1 }
  }
  var x = 0
  while x < last {
    let index = index + x &* taps, weight = weight + x &* taps
    var sum = UnsafeRawPointer(row + Int(index[0])).loadUnaligned(as: SIMD4<Float>.self) * weight[0]
    for t in 1..<taps { sum += UnsafeRawPointer(row + Int(index[t])).loadUnaligned(as: SIMD4<Float>.self) * weight[t] }
    UnsafeMutableRawPointer(out + x &* channels).storeBytes(of: sum, as: SIMD4<Float>.self)
    x &+= 1
  }
  weighPixels(row, channels, taps, index, weight, out, x, count)
}

@inline(always) private func weighPixels(
  _ row: Floats, _ channels: Int, _ taps: Int, _ index: UnsafePointer<Int32>, _ weight: Floats, _ out: MutableFloats, _ first: Int,
  _ count: Int
) {
  var x = first
  while x < count {
    let index = index + x &* taps, weight = weight + x &* taps
    for c in 0..<channels {
      var sum: Float = row[Int(index[0]) &+ c] * weight[0]
      for t in 1..<taps { sum += row[Int(index[t]) &+ c] * weight[t] }
      out[x &* channels &+ c] = sum
    }
    x &+= 1
  }
}
