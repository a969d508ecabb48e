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
  if channels == 3 { fromNVRow(y, uv, Int(u), out, 3, Int(red), count) } else { fromNVRow(y, uv, Int(u), out, 4, Int(red), count) }
}

@inline(always) private func fromNVRow(
  _ y: Bytes, _ uv: Bytes, _ uPlace: Int, _ out: MutableBytes, _ channels: Int, _ red: Int, _ count: Int
) {
  let blue = 2 &- red
  for pair in 0..<count >> 1 {
    let u = Int32(uv[2 &* pair &+ uPlace]) &- 128, v = Int32(uv[2 &* pair &+ 1 &- uPlace]) &- 128
    let half: Int32 = 1 << 19
    let r = half &+ 1_673_527 &* v, g = half &- 852_492 &* v &- 409_993 &* u, b = half &+ 2_116_026 &* u
    for k in 0..<2 {
      let luma = max(Int32(y[2 &* pair &+ k]) &- 16, 0) &* 1_220_542
      let p = out + (2 &* pair &+ k) &* channels
      p[red] = byte((luma &+ r) >> 20)
      p[1] = byte((luma &+ g) >> 20)
      p[blue] = byte((luma &+ b) >> 20)
      if channels == 4 { p[3] = 255 }
    }
  }
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
  if channels == 3 { chromaRow(from, 3, Int(red), Int(u), out, count) } else { chromaRow(from, 4, Int(red), Int(u), out, count) }
}

@inline(always) private func chromaRow(_ from: Bytes, _ channels: Int, _ red: Int, _ u: Int, _ out: MutableBytes, _ count: Int) {
  let middle: Int32 = (128 << 20) &+ (1 << 19)
  for pair in 0..<count >> 1 {
    let p = from + 2 &* pair &* channels
    let r = Int32(p[red]), g = Int32(p[1]), b = Int32(p[2 &- red])
    out[2 &* pair &+ u] = byte((-155_188 &* r &- 305_135 &* g &+ 460_324 &* b &+ middle) >> 20)
    out[2 &* pair &+ 1 &- u] = byte((460_324 &* r &- 385_875 &* g &- 74_448 &* b &+ middle) >> 20)
  }
}
