/// Places buffers with known lifetimes into one block of memory.
///
/// Greedy by size: the largest buffer first, each at the lowest offset where it does not overlap a buffer that is alive at the
/// same time. The result is at most a few percent above the lower bound (the largest sum of sizes alive at one step) on
/// the usual networks.
public struct MemoryPlan {
  /// One buffer: bytes, and the first and last step at which it holds a value (both included).
  public struct Request {
    public var bytes: Int
    public var first: Int
    public var last: Int
    public init(bytes: Int, first: Int, last: Int) {
      self.bytes = bytes
      self.first = first
      self.last = last
    }
  }

  public static let alignment = 64
  /// Offset of each request, in the order given; multiples of ``alignment``.
  public let offsets: [Int]
  /// Bytes of the whole block.
  public let total: Int

  /// nil when the total would overflow 2^47 bytes.
  public init?(_ requests: [Request]) {
    var offsets = [Int](repeating: 0, count: requests.count)
    var order = [Int]()
    order.reserveCapacity(requests.count)
    var i = 0
    while i < requests.count {
      order.append(i)
      i += 1
    }
    Self.sortBySize(&order, requests)
    // Placed requests, kept sorted by offset.
    var placed = [Int]()
    var total = 0
    for index in order {
      let request = requests[index]
      guard request.bytes >= 0 && request.bytes <= 1 << 47 else { return nil }
      let bytes = (max(request.bytes, 1) + Self.alignment - 1) & ~(Self.alignment - 1)
      var offset = 0
      for other in placed {
        let o = requests[other]
        if o.last < request.first || o.first > request.last { continue }
        let start = offsets[other]
        if start >= offset + bytes { break }
        let end = start + ((max(o.bytes, 1) + Self.alignment - 1) & ~(Self.alignment - 1))
        if end > offset { offset = end }
      }
      offsets[index] = offset
      total = max(total, offset + bytes)
      if total > 1 << 47 { return nil }
      var position = placed.count
      while position > 0 && offsets[placed[position - 1]] > offset { position -= 1 }
      placed.insert(index, at: position)
    }
    self.offsets = offsets
    self.total = total
  }

  /// Descending by size, then ascending by index (heap sort: no generic sort is specialised for this).
  private static func sortBySize(_ order: inout [Int], _ requests: [Request]) {
    func before(_ a: Int, _ b: Int) -> Bool {
      requests[a].bytes != requests[b].bytes ? requests[a].bytes > requests[b].bytes : a < b
    }
    func sift(_ root: Int, _ end: Int) {
      var r = root
      while 2 * r + 1 < end {
        var child = 2 * r + 1
        if child + 1 < end && before(order[child], order[child + 1]) { child += 1 }
        if before(order[r], order[child]) {
          order.swapAt(r, child)
          r = child
        } else {
          return
        }
      }
    }
    let n = order.count
    var start = n / 2 - 1
    while start >= 0 {
      sift(start, n)
      start -= 1
    }
    var end = n - 1
    while end > 0 {
      order.swapAt(0, end)
      sift(0, end)
      end -= 1
    }
  }
}
