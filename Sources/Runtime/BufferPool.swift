import System

/// Memory for the arguments of subgraphs. Buffers are used again, so that a loop allocates in its first iterations only.
final class BufferPool {
  private var free: [Buffer] = []
  private var freeBytes = 0
  private var used = 0
  /// The most bytes that were in use at a time; the pool keeps twice as many for later.
  private var peak = 0

  /// A buffer of at least `bytes`; nil when memory runs out.
  func take(_ bytes: Int) -> Buffer? {
    let size = BufferPool.size(bytes)
    var best = -1
    var i = 0
    while i < free.count {
      // Much larger ones are kept for values that need them.
      if free[i].count >= size && free[i].count <= 2 * size && (best < 0 || free[i].count < free[best].count) { best = i }
      i += 1
    }
    let buffer: Buffer
    if best >= 0 {
      buffer = free[best]
      free.swapAt(best, free.count - 1)
      free.removeLast()
      freeBytes -= buffer.count
    } else {
      guard let new = Buffer(count: size) else { return nil }
      buffer = new
    }
    used += buffer.count
    peak = max(peak, used)
    return buffer
  }

  func give(_ buffer: Buffer) {
    used -= buffer.count
    free.append(buffer)
    freeBytes += buffer.count
    // Values that grow leave buffers behind that are too small for anything.
    while freeBytes > 2 * peak + 4096 && free.count > 1 {
      var smallest = 0
      var i = 1
      while i < free.count {
        if free[i].count < free[smallest].count { smallest = i }
        i += 1
      }
      freeBytes -= free[smallest].count
      free.remove(at: smallest)
    }
  }

  /// `bytes` rounded up by at most a quarter, so that a value that grows a little finds its old buffer large enough.
  private static func size(_ bytes: Int) -> Int {
    if bytes <= 64 { return 64 }
    let quarter = 1 << (Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount - 2)
    return (bytes + quarter - 1) & ~(quarter - 1)
  }
}
