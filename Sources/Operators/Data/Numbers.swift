import Graph

/// Reads elements as numbers: float types exactly, int32 exactly, int64 to 53 bits.
struct NumberList {
  private let data: UnsafeRawPointer
  private let type: DataType

  /// The elements when they are float32.
  var floats: UnsafePointer<Float>? { type == .float32 ? data.assumingMemoryBound(to: Float.self) : nil }

  /// The tensor has data and one of the types float32, float16, int8, uint8, int32, int64.
  init(_ tensor: Tensor) {
    data = UnsafeRawPointer(tensor.data.unsafelyUnwrapped)
    type = tensor.type
  }

  init(_ floats: UnsafeMutablePointer<Float>) {
    data = UnsafeRawPointer(floats)
    type = .float32
  }

  @inline(__always)
  subscript(_ i: Int) -> Double {
    switch type {
    case .float32: return Double(data.loadUnaligned(fromByteOffset: i * 4, as: Float.self))
    case .int32: return Double(data.loadUnaligned(fromByteOffset: i * 4, as: Int32.self))
    case .int64: return Double(data.loadUnaligned(fromByteOffset: i * 8, as: Int64.self))
    case .float16: return Double(floatFromHalf(data.loadUnaligned(fromByteOffset: i * 2, as: UInt16.self)))
    case .int8: return Double(data.load(fromByteOffset: i, as: Int8.self))
    default: return Double(data.load(fromByteOffset: i, as: UInt8.self))
    }
  }
}

/// Copies elements of one size.
struct ElementCopy {
  let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
  let size: Int

  @inline(__always)
  func callAsFunction(_ from: Int, _ to: Int) {
    switch size {
    case 1: y.storeBytes(of: x.load(fromByteOffset: from, as: UInt8.self), toByteOffset: to, as: UInt8.self)
    case 2: y.storeBytes(of: x.loadUnaligned(fromByteOffset: from * 2, as: UInt16.self), toByteOffset: to * 2, as: UInt16.self)
    case 4: y.storeBytes(of: x.loadUnaligned(fromByteOffset: from * 4, as: UInt32.self), toByteOffset: to * 4, as: UInt32.self)
    default: y.storeBytes(of: x.loadUnaligned(fromByteOffset: from * 8, as: UInt64.self), toByteOffset: to * 8, as: UInt64.self)
    }
  }
}

/// The `k` best of `n` numbers that lie `stride` elements apart: their positions in descending order (ascending when `smallest`),
/// equal ones by position. `heap` has room for `k` entries. NaN ranks below every number (above, when `smallest`).
///
/// A heap of the best so far has the worst of them on top, so most entries cost one comparison.
func selectBest(
  _ values: NumberList, start: Int, stride: Int, n: Int, k: Int, smallest: Bool, into heap: UnsafeMutablePointer<Int32>
) {
  if k == 1, let p = values.floats {
    heap[0] = firstBest(p + start, stride, n, smallest: smallest)
    return
  }
  @inline(__always) func key(_ i: Int) -> Double {
    let v = values[start + i * stride]
    if v != v { return -.infinity }
    return smallest ? -v : v
  }
  /// Entry a comes after entry b in the result.
  @inline(__always) func isWorse(_ a: Int32, _ b: Int32) -> Bool {
    let (x, y) = (key(Int(a)), key(Int(b)))
    return x < y || x == y && a > b
  }
  /// Restores the heap of `size` entries below `root`.
  func sift(_ root: Int, _ size: Int) {
    var parent = root
    let entry = heap[root]
    while true {
      var child = 2 * parent + 1
      if child >= size { break }
      if child + 1 < size && isWorse(heap[child + 1], heap[child]) { child += 1 }
      if !isWorse(heap[child], entry) { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = entry
  }
  var i = 0
  while i < k {
    heap[i] = Int32(truncatingIfNeeded: i)
    i += 1
  }
  i = k / 2 - 1
  while i >= 0 {
    sift(i, k)
    i -= 1
  }
  i = k
  while i < n {
    if k > 0 && isWorse(heap[0], Int32(truncatingIfNeeded: i)) {
      heap[0] = Int32(truncatingIfNeeded: i)
      sift(0, k)
    }
    i += 1
  }
  // The worst goes to the end, again and again.
  var size = k - 1
  while size > 0 {
    let worst = heap[0]
    heap[0] = heap[size]
    heap[size] = worst
    sift(0, size)
    size -= 1
  }
}

/// The first of the largest (smallest) numbers; NaN is never better than another entry.
private func firstBest(_ p: UnsafePointer<Float>, _ stride: Int, _ n: Int, smallest: Bool) -> Int32 {
  var best = 0
  var value: Float = smallest ? .infinity : -.infinity
  var i = 0
  while i < n {
    let v = p[i * stride]
    if smallest ? v < value : v > value {
      value = v
      best = i
    }
    i += 1
  }
  return Int32(truncatingIfNeeded: best)
}
