/// Transposition and interpolation.

/// `MSKernels.transpose_32`. Blocks of 16 x 16 words keep both sides to one cache line per row; inside a block, squares
/// of 4 x 4 are turned in registers.
func transpose(
  _ x: UnsafePointer<UInt32>, _ xStride: Int, _ y: UnsafeMutablePointer<UInt32>, _ yStride: Int, _ rows: Int,
  _ columns: Int
) {
  let block = 16
  var r = 0
  while r < rows {
    let height = Swift.min(block, rows &- r)
    var c = 0
    while c < columns {
      let breadth = Swift.min(block, columns &- c)
      transposeBlock(x + (r &* xStride &+ c), xStride, y + (c &* yStride &+ r), yStride, height, breadth)
      c &+= breadth
    }
    r &+= height
  }
}

@inline(always) private func transposeBlock(
  _ x: UnsafePointer<UInt32>, _ xStride: Int, _ y: UnsafeMutablePointer<UInt32>, _ yStride: Int, _ rows: Int,
  _ columns: Int
) {
  var r = 0
  while r &+ 4 <= rows {
    var c = 0
    while c &+ 4 <= columns {
      transpose4x4(x + (r &* xStride &+ c), xStride, y + (c &* yStride &+ r), yStride)
      c &+= 4
    }
    while c < columns {
      for i in r..<(r &+ 4) { y[c &* yStride &+ i] = x[i &* xStride &+ c] }
      c &+= 1
    }
    r &+= 4
  }
  while r < rows {
    for c in 0..<columns { y[c &* yStride &+ r] = x[r &* xStride &+ c] }
    r &+= 1
  }
}

@inline(always) private func transpose4x4(
  _ x: UnsafePointer<UInt32>, _ xStride: Int, _ y: UnsafeMutablePointer<UInt32>, _ yStride: Int
) {
  let a = UnsafeRawPointer(x).loadUnaligned(as: SIMD4<UInt32>.self)
  let b = UnsafeRawPointer(x + xStride).loadUnaligned(as: SIMD4<UInt32>.self)
  let c = UnsafeRawPointer(x + 2 &* xStride).loadUnaligned(as: SIMD4<UInt32>.self)
  let d = UnsafeRawPointer(x + 3 &* xStride).loadUnaligned(as: SIMD4<UInt32>.self)
  for i in 0..<4 {
    let column = SIMD4<UInt32>(a[i], b[i], c[i], d[i])
    UnsafeMutableRawPointer(y + i &* yStride).storeBytes(of: column, as: SIMD4<UInt32>.self)
  }
}

/// `MSKernels.lerp`: (1 - t) a + t b.
func lerp(_ a: Floats, _ b: Floats, _ t: Float, _ y: MutableFloats, _ n: Int) {
  let upper = splat(1 - t), lower = splat(t)
  var i = 0
  while i &+ width <= n {
    store(multiplyAdd(lower, load(b + i), upper * load(a + i)), y + i)
    i &+= width
  }
  if i < n {
    let count = n &- i
    partialStore(multiplyAdd(lower, partialLoad(b + i, count), upper * partialLoad(a + i, count)), y + i, count)
  }
}
