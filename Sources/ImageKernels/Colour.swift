// Weights of BT.601 in fixed point: 15 bits for grey, 20 for Y, U and V.

func gray(_ from: Bytes?, _ channels: Int32, _ red: Int32, _ out: MutableBytes?, _ count: Int) {
  let from = from.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let first: Int32 = red == 0 ? 9798 : 3735, third: Int32 = red == 0 ? 3735 : 9798
  if channels == 3 { grayRow(from, 3, first, third, out, count) } else { grayRow(from, 4, first, third, out, count) }
}

@inline(always) private func grayRow(_ from: Bytes, _ channels: Int, _ first: Int32, _ third: Int32, _ out: MutableBytes, _ count: Int) {
  for x in 0..<count {
    let p = from + x &* channels
    out[x] = UInt8(truncatingIfNeeded: (Int32(p[0]) &* first &+ Int32(p[1]) &* 19235 &+ Int32(p[2]) &* third &+ 16384) >> 15)
  }
}

func reorder(
  _ from: Bytes?, _ channels: Int32, _ swaps: Int32, _ out: MutableBytes?, _ outChannels: Int32, _ count: Int
) {
  let from = from.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch (channels, outChannels) {
  case (1, 3): reorderRow(from, 1, swaps, out, 3, count)
  case (1, _): reorderRow(from, 1, swaps, out, 4, count)
  case (3, 3): reorderRow(from, 3, swaps, out, 3, count)
  case (3, _): reorderRow(from, 3, swaps, out, 4, count)
  case (_, 3): reorderRow(from, 4, swaps, out, 3, count)
  default: reorderRow(from, 4, swaps, out, 4, count)
  }
}

@inline(always) private func reorderRow(
  _ from: Bytes, _ channels: Int, _ swaps: Int32, _ out: MutableBytes, _ outChannels: Int, _ count: Int
) {
  // The orders there are: the same, red and blue swapped, one channel three times.
  let opaque: UInt8 = 255
  if channels == 1 {
    for x in 0..<count {
      for c in 0..<3 { out[x &* outChannels &+ c] = from[x] }
      if outChannels == 4 { out[x &* 4 &+ 3] = opaque }
    }
  } else if swaps == 0 {
    for x in 0..<count {
      for c in 0..<3 { out[x &* outChannels &+ c] = from[x &* channels &+ c] }
      if outChannels == 4 { out[x &* 4 &+ 3] = channels == 4 ? from[x &* 4 &+ 3] : opaque }
    }
  } else {
    for x in 0..<count {
      let a = from[x &* channels], b = from[x &* channels &+ 1], c = from[x &* channels &+ 2]
      out[x &* outChannels] = c
      out[x &* outChannels &+ 1] = b
      out[x &* outChannels &+ 2] = a
      if outChannels == 4 { out[x &* 4 &+ 3] = channels == 4 ? from[x &* 4 &+ 3] : opaque }
    }
  }
}

func fromNV(_ y: Bytes?, _ uv: Bytes?, _ u: Int32, _ out: MutableBytes?, _ channels: Int32, _ red: Int32, _ count: Int) {
  let y = y.unsafelyUnwrapped, uv = uv.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  // Planes first, then pixels: each is a loop that vectors can do.
  let block = 256
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 3 &* block) { planes in
    let r = planes.baseAddress.unsafelyUnwrapped, g = r + block, b = g + block
    var x = 0
    while x < count {
      let n = min(block, count &- x)
      if u == 0 { planesFromNV(y + x, uv + x, 0, r, g, b, n >> 1) } else { planesFromNV(y + x, uv + x, 1, r, g, b, n >> 1) }
      let (first, third) = red == 0 ? (r, b) : (b, r)
      if channels == 3 {
        let out = out + 3 &* x
        for i in 0..<n {
          out[3 &* i] = first[i]
          out[3 &* i &+ 1] = g[i]
          out[3 &* i &+ 2] = third[i]
        }
      } else {
        let out = out + 4 &* x
        for i in 0..<n {
          out[4 &* i] = first[i]
          out[4 &* i &+ 1] = g[i]
          out[4 &* i &+ 2] = third[i]
          out[4 &* i &+ 3] = 255
        }
      }
      x &+= block
    }
  }
}

@inline(always) private func planesFromNV(
  _ y: Bytes, _ uv: Bytes, _ uPlace: Int, _ r: MutableBytes, _ g: MutableBytes, _ b: MutableBytes, _ pairs: Int
) {
  let half: Int32 = 1 << 19
  for pair in 0..<pairs {
    let u = Int32(uv[2 &* pair &+ uPlace]) &- 128, v = Int32(uv[2 &* pair &+ 1 &- uPlace]) &- 128
    let red = half &+ 1_673_527 &* v, green = half &- 852_492 &* v &- 409_993 &* u, blue = half &+ 2_116_026 &* u
    let even = scaledLuma(y[2 &* pair]), odd = scaledLuma(y[2 &* pair &+ 1])
    r[2 &* pair] = byte((even &+ red) >> 20)
    r[2 &* pair &+ 1] = byte((odd &+ red) >> 20)
    g[2 &* pair] = byte((even &+ green) >> 20)
    g[2 &* pair &+ 1] = byte((odd &+ green) >> 20)
    b[2 &* pair] = byte((even &+ blue) >> 20)
    b[2 &* pair &+ 1] = byte((odd &+ blue) >> 20)
  }
}

@inline(always) private func scaledLuma(_ y: UInt8) -> Int32 {
  let above = Int32(y) &- 16
  return (above > 0 ? above : 0) &* 1_220_542
}

func luma(_ from: Bytes?, _ channels: Int32, _ red: Int32, _ out: MutableBytes?, _ count: Int) {
  let from = from.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  let first: Int32 = red == 0 ? 269_484 : 102_760, third: Int32 = red == 0 ? 102_760 : 269_484
  if channels == 3 { lumaRow(from, 3, first, third, out, count) } else { lumaRow(from, 4, first, third, out, count) }
}

@inline(always) private func lumaRow(_ from: Bytes, _ channels: Int, _ first: Int32, _ third: Int32, _ out: MutableBytes, _ count: Int) {
  for x in 0..<count {
    let p = from + x &* channels
    let sum = Int32(p[0]) &* first &+ Int32(p[1]) &* 528_482 &+ Int32(p[2]) &* third
    out[x] = UInt8(truncatingIfNeeded: (sum &+ (16 << 20) &+ (1 << 19)) >> 20)
  }
}

func chroma(_ from: Bytes?, _ channels: Int32, _ red: Int32, _ u: Int32, _ out: MutableBytes?, _ count: Int) {
  let from = from.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  // Weights of red, green and blue, then of the channels as they come.
  let ofU: (Int32, Int32, Int32) = (-155_188, -305_135, 460_324), ofV: (Int32, Int32, Int32) = (460_324, -385_875, -74_448)
  let near = u == 0 ? ofU : ofV, far = u == 0 ? ofV : ofU
  let first = red == 0 ? near : (near.2, near.1, near.0), second = red == 0 ? far : (far.2, far.1, far.0)
  if channels == 3 {
    chromaRow(from, 3, first, second, out, count)
  } else {
    chromaRow(from, 4, first, second, out, count)
  }
}

@inline(always) private func chromaRow(
  _ from: Bytes, _ channels: Int, _ first: (Int32, Int32, Int32), _ second: (Int32, Int32, Int32), _ out: MutableBytes, _ count: Int
) {
  let middle: Int32 = (128 << 20) &+ (1 << 19)
  for pair in 0..<count >> 1 {
    let p = from + 2 &* pair &* channels
    let a = Int32(p[0]), b = Int32(p[1]), c = Int32(p[2])
    out[2 &* pair] = byte((first.0 &* a &+ first.1 &* b &+ first.2 &* c &+ middle) >> 20)
    out[2 &* pair &+ 1] = byte((second.0 &* a &+ second.1 &* b &+ second.2 &* c &+ middle) >> 20)
  }
}
