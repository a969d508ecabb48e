func gather(_ from: Bytes?, _ offset: UnsafePointer<Int>?, _ pixelBytes: Int32, _ out: MutableBytes?, _ count: Int) {
  let from = from.unsafelyUnwrapped, offset = offset.unsafelyUnwrapped, out = out.unsafelyUnwrapped
  switch pixelBytes {
  case 1: for x in 0..<count { out[x] = from[offset[x]] }
  case 3:
    for x in 0..<count {
      let p = UnsafeRawPointer(from + offset[x]), q = UnsafeMutableRawPointer(out + 3 &* x)
      q.storeBytes(of: p.loadUnaligned(as: UInt16.self), as: UInt16.self)
      q.storeBytes(of: p.load(fromByteOffset: 2, as: UInt8.self), toByteOffset: 2, as: UInt8.self)
    }
  case 4: copy(from, offset, 1, out, count)
  case 12: copy(from, offset, 3, out, count)
  default: copy(from, offset, 4, out, count)
  }
}

@inline(always) private func copy(
  _ from: Bytes, _ offset: UnsafePointer<Int>, _ words: Int, _ out: MutableBytes, _ count: Int
) {
  for x in 0..<count {
    let p = UnsafeRawPointer(from + offset[x]), q = UnsafeMutableRawPointer(out + 4 &* words &* x)
    for w in 0..<words {
      q.storeBytes(of: p.loadUnaligned(fromByteOffset: 4 &* w, as: UInt32.self), toByteOffset: 4 &* w, as: UInt32.self)
    }
  }
}
