/// The 64-bit fingerprint that text models use: FarmHash's Fingerprint64 (the same as the 64-bit hash of CityHash-style
/// mixing for up to 64 bytes, and a loop over blocks of 64 beyond).
struct StringHash {
  private static let k0: UInt64 = 0xc3a5_c85c_97cb_3127
  private static let k1: UInt64 = 0xb492_b66f_be98_f273
  private static let k2: UInt64 = 0x9ae1_6a3b_2f90_404f

  private let s: UnsafeRawPointer
  private let n: Int

  static func of(_ string: UnsafeBufferPointer<UInt8>) -> UInt64 {
    guard let base = string.baseAddress, string.count > 0 else { return k2 }
    return of(UnsafeRawBufferPointer(start: base, count: string.count))
  }

  /// `bytes` is not empty.
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let hash = StringHash(s: bytes.baseAddress.unsafelyUnwrapped, n: bytes.count)
    if hash.n <= 16 { return hash.upTo16() }
    if hash.n <= 32 { return hash.upTo32() }
    if hash.n <= 64 { return hash.upTo64() }
    return hash.long()
  }

  @inline(__always)
  private func word(_ at: Int) -> UInt64 { s.loadUnaligned(fromByteOffset: at, as: UInt64.self) }
  @inline(__always)
  private func half(_ at: Int) -> UInt64 { UInt64(s.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
  @inline(__always)
  private func rotated(_ v: UInt64, _ by: UInt64) -> UInt64 { v >> by | v << (64 - by) }
  @inline(__always)
  private func mixed(_ v: UInt64) -> UInt64 { v ^ v >> 47 }

  private func combined(_ u: UInt64, _ v: UInt64, _ factor: UInt64) -> UInt64 {
    let a = mixed((u ^ v) &* factor)
    return mixed((v ^ a) &* factor) &* factor
  }

  private var factor: UInt64 { StringHash.k2 &+ UInt64(n) &* 2 }

  private func upTo16() -> UInt64 {
    if n >= 8 {
      let a = word(0) &+ StringHash.k2, b = word(n - 8)
      return combined(rotated(b, 37) &* factor &+ a, (rotated(a, 25) &+ b) &* factor, factor)
    }
    if n >= 4 { return combined(UInt64(n) &+ half(0) << 3, half(n - 4), factor) }
    func byte(_ at: Int) -> UInt64 { UInt64(s.load(fromByteOffset: at, as: UInt8.self)) }
    let y = byte(0) &+ byte(n >> 1) << 8, z = UInt64(n) &+ byte(n - 1) << 2
    return mixed(y &* StringHash.k2 ^ z &* StringHash.k0) &* StringHash.k2
  }

  private func upTo32() -> UInt64 {
    let a = word(0) &* StringHash.k1, b = word(8), c = word(n - 8) &* factor, d = word(n - 16) &* StringHash.k2
    return combined(
      rotated(a &+ b, 43) &+ rotated(c, 30) &+ d, a &+ rotated(b &+ StringHash.k2, 18) &+ c, factor)
  }

  private func upTo64() -> UInt64 {
    let a = word(0) &* StringHash.k2, b = word(8), c = word(n - 8) &* factor, d = word(n - 16) &* StringHash.k2
    let y = rotated(a &+ b, 43) &+ rotated(c, 30) &+ d
    let z = combined(y, a &+ rotated(b &+ StringHash.k2, 18) &+ c, factor)
    let e = word(16) &* factor, f = word(24), g = (y &+ word(n - 32)) &* factor, h = (z &+ word(n - 24)) &* factor
    return combined(rotated(e &+ f, 43) &+ rotated(g, 30) &+ h, e &+ rotated(f &+ a, 18) &+ g, factor)
  }

  /// 32 bytes at `at` mixed into a pair.
  private func block(_ at: Int, _ first: UInt64, _ second: UInt64) -> (UInt64, UInt64) {
    let a = first &+ word(at)
    let b = rotated(second &+ a &+ word(at + 24), 21)
    let sum = a &+ word(at + 8) &+ word(at + 16)
    return (sum &+ word(at + 24), b &+ rotated(sum, 44) &+ a)
  }

  private func long() -> UInt64 {
    let seed: UInt64 = 81
    var y = seed &* StringHash.k1 &+ 113
    var z = mixed(y &* StringHash.k2 &+ 113) &* StringHash.k2
    var x = seed &* StringHash.k2 &+ word(0)
    var (v, w): ((UInt64, UInt64), (UInt64, UInt64)) = ((0, 0), (0, 0))
    func step(_ at: Int, _ factor: UInt64, _ weight: UInt64) {
      x = rotated(x &+ y &+ v.0 &+ word(at + 8), 37) &* factor
      y = rotated(y &+ v.1 &+ word(at + 48), 42) &* factor
      x ^= w.1 &* weight
      y = y &+ v.0 &* weight &+ word(at + 40)
      z = rotated(z &+ w.0, 33) &* factor
      v = block(at, v.1 &* factor, x &+ w.0)
      w = block(at + 32, z &+ w.1, y &+ word(at + 16))
      (x, z) = (z, x)
    }
    var at = 0
    let end = (n - 1) / 64 * 64
    repeat {
      step(at, StringHash.k1, 1)
      at += 64
    } while at != end
    let last = StringHash.k1 &+ (z & 0xff) << 1
    w.0 = w.0 &+ UInt64((n - 1) & 63)
    v.0 = v.0 &+ w.0
    w.0 = w.0 &+ v.0
    step(n - 64, last, 9)
    return combined(
      combined(v.0, w.0, last) &+ mixed(y) &* StringHash.k0 &+ z, combined(v.1, w.1, last) &+ x, last)
  }
}
