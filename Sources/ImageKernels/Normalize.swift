func normalizeInterleaved(
  _ from: Bytes?, _ channels: Int32, _ order: UnsafePointer<Int32>?, _ factor: Floats?, _ offset: Floats?, _ out: MutableFloats?,
  _ count: Int
) {
  let from = from.unsafelyUnwrapped, order = order.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let factor = factor.unsafelyUnwrapped, offset = offset.unsafelyUnwrapped
  switch channels {
  case 1: interleaved(from, 1, order, factor, offset, out, count)
  case 3: interleaved(from, 3, order, factor, offset, out, count)
  default: interleaved(from, 4, order, factor, offset, out, count)
  }
}

@inline(always) private func interleaved(
  _ from: Bytes, _ channels: Int, _ order: UnsafePointer<Int32>, _ factor: Floats, _ offset: Floats, _ out: MutableFloats, _ count: Int
) {
  let isSame = order[0] == 0
  // Four pixels have a number of elements that vectors divide, so that factors stay in registers.
  let block = 4 &* channels
  withUnsafeTemporaryAllocation(of: SIMD4<Float>.self, capacity: 8) { table in
    let factors = MutableFloats(OpaquePointer(table.baseAddress.unsafelyUnwrapped)), offsets = factors + 16
    for i in 0..<block { (factors[i], offsets[i]) = (factor[i % channels], offset[i % channels]) }
    var x = 0
    if isSame {
      while x &+ 4 <= count {
        let p = from + x &* channels, q = out + x &* channels
        for v in 0..<channels {
          let pixels = UnsafeRawPointer(p + 4 &* v).loadUnaligned(as: SIMD4<UInt8>.self)
          let f = UnsafeRawPointer(factors + 4 &* v).load(as: SIMD4<Float>.self)
          let o = UnsafeRawPointer(offsets + 4 &* v).load(as: SIMD4<Float>.self)
          let result = SIMD4<Float>(SIMD4<Int32>(truncatingIfNeeded: pixels)) * f + o
          UnsafeMutableRawPointer(q + 4 &* v).storeBytes(of: result, as: SIMD4<Float>.self)
        }
        x &+= 4
      }
    }
    while x < count {
      for c in 0..<channels {
        out[x &* channels &+ c] = Float(Int32(from[x &* channels &+ Int(order[c])])) * factor[c] + offset[c]
      }
      x &+= 1
    }
  }
}

func normalizePlanar(
  _ from: Bytes?, _ channels: Int32, _ order: UnsafePointer<Int32>?, _ factor: Floats?, _ offset: Floats?, _ out: MutableFloats?,
  _ plane: Int, _ count: Int
) {
  let from = from.unsafelyUnwrapped, order = order.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let factor = factor.unsafelyUnwrapped, offset = offset.unsafelyUnwrapped
  switch channels {
  case 1: planar(from, 1, order, factor, offset, out, plane, count)
  case 3: planar(from, 3, order, factor, offset, out, plane, count)
  default: planar(from, 4, order, factor, offset, out, plane, count)
  }
}

@inline(always) private func planar(
  _ from: Bytes, _ channels: Int, _ order: UnsafePointer<Int32>, _ factor: Floats, _ offset: Floats, _ out: MutableFloats, _ plane: Int,
  _ count: Int
) {
  for c in 0..<channels {
    let out = out + c &* plane, from = from + Int(order[c]), f = factor[c], o = offset[c]
    for x in 0..<count { out[x] = Float(Int32(from[x &* channels])) * f + o }
  }
}
