import CSystem
import System

/// The discrete Fourier transform of one length, in double precision: X[k] = sum over j of x[j] * exp(-2 pi i j k / n).
///
/// Powers of two go the radix-2 way; every other length is a convolution with a chirp (Bluestein), carried out by two transforms
/// of the next power of two that is at least 2 n - 1. Both take time n log n. Complex numbers are pairs (real, imaginary).
final class FourierTransform {
  let n: Int
  /// The power of two that the radix-2 passes work on: n itself, or the length of the convolution.
  private let size: Int
  /// exp(-2 pi i k / size) for k < size / 2.
  private let roots: Buffer
  /// exp(-pi i k^2 / n) for k < n, and the transform of the reciprocal chirp over `size`; nil for powers of two.
  private let chirp: Buffer?, filter: Buffer?

  /// Doubles that ``run(_:)`` works on.
  var workspaceCount: Int { 2 * size }

  static let longest = 1 << 20

  /// nil when there is no memory. `n` is 1 to ``longest``.
  static func plan(_ n: Int) -> FourierTransform? {
    var size = 1
    while size < n { size *= 2 }
    let isPower = size == n
    if !isPower {
      size = 1
      while size < 2 * n - 1 { size *= 2 }
    }
    guard let roots = Buffer(count: max(size / 2, 1) * 16) else { return nil }
    let r = roots.base.assumingMemoryBound(to: Double.self)
    for k in 0..<size / 2 {
      let angle = -2 * Double.pi * Double(k) / Double(size)
      (r[2 * k], r[2 * k + 1]) = (cos(angle), sin(angle))
    }
    if isPower { return FourierTransform(n, size, roots, nil, nil) }
    guard let chirp = Buffer(count: n * 16), let filter = Buffer(count: size * 16) else { return nil }
    let c = chirp.base.assumingMemoryBound(to: Double.self), f = filter.base.assumingMemoryBound(to: Double.self)
    memset(f, 0, size * 16)
    for k in 0..<n {
      // k^2 reduced by the period first: the angle stays exact for any n.
      let angle = -Double.pi * Double(k * k % (2 * n)) / Double(n)
      (c[2 * k], c[2 * k + 1]) = (cos(angle), sin(angle))
      for at in k == 0 ? [0] : [k, size - k] { (f[2 * at], f[2 * at + 1]) = (c[2 * k], -c[2 * k + 1]) }
    }
    let plan = FourierTransform(n, size, roots, chirp, filter)
    plan.transform(f)
    return plan
  }

  private init(_ n: Int, _ size: Int, _ roots: Buffer, _ chirp: Buffer?, _ filter: Buffer?) {
    self.n = n
    self.size = size
    self.roots = roots
    self.chirp = chirp
    self.filter = filter
  }

  /// Replaces the n complex numbers at `x` by their transform; `x` has room for ``workspaceCount`` doubles.
  func run(_ x: UnsafeMutablePointer<Double>) {
    guard let chirp, let filter else { return transform(x) }
    let c = chirp.base.assumingMemoryBound(to: Double.self), f = filter.base.assumingMemoryBound(to: Double.self)
    for k in 0..<n { multiply(x + 2 * k, c + 2 * k) }
    memset(x + 2 * n, 0, (size - n) * 16)
    transform(x)
    // The inverse transform is the transform of the conjugate, conjugated, over the length.
    for k in 0..<size {
      multiply(x + 2 * k, f + 2 * k)
      x[2 * k + 1] = -x[2 * k + 1]
    }
    transform(x)
    let scale = 1 / Double(size)
    for k in 0..<n {
      x[2 * k] *= scale
      x[2 * k + 1] *= -scale
      multiply(x + 2 * k, c + 2 * k)
    }
  }

  @inline(__always)
  private func multiply(_ a: UnsafeMutablePointer<Double>, _ b: UnsafePointer<Double>) {
    let (re, im) = (a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0])
    (a[0], a[1]) = (re, im)
  }

  /// The radix-2 transform of `size` numbers in place.
  private func transform(_ x: UnsafeMutablePointer<Double>) {
    // Into bit-reversed order.
    var j = 0
    for i in 1..<max(size, 1) {
      var bit = size >> 1
      while j & bit != 0 {
        j ^= bit
        bit >>= 1
      }
      j |= bit
      if i < j {
        (x[2 * i], x[2 * j]) = (x[2 * j], x[2 * i])
        (x[2 * i + 1], x[2 * j + 1]) = (x[2 * j + 1], x[2 * i + 1])
      }
    }
    let r = roots.base.assumingMemoryBound(to: Double.self)
    var half = 1
    while half < size {
      let step = size / (2 * half)
      var start = 0
      while start < size {
        for k in 0..<half {
          let a = x + 2 * (start + k), b = a + 2 * half, w = r + 2 * k * step
          let (re, im) = (b[0] * w[0] - b[1] * w[1], b[0] * w[1] + b[1] * w[0])
          (b[0], b[1]) = (a[0] - re, a[1] - im)
          (a[0], a[1]) = (a[0] + re, a[1] + im)
        }
        start += 2 * half
      }
      half *= 2
    }
  }
}
