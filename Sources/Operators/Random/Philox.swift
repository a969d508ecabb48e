import CSystem
import Graph
import System

/// The counter-based generator Philox 4x32 with ten rounds: four numbers of 32 bits for every value of a 128-bit counter. Any
/// part of the sequence can be computed by itself, so the result does not depend on the threads. Key and counter are laid out
/// as in TensorFlow: the first seed is the key, the second the upper half of the counter.
struct Philox {
  let seed: UInt64, seed2: UInt64

  /// The numbers for counter `index`.
  @inline(__always)
  func callAsFunction(_ index: Int) -> SIMD4<UInt32> {
    var (k0, k1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    var c = SIMD4<UInt32>(
      UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), UInt32(truncatingIfNeeded: seed2),
      UInt32(truncatingIfNeeded: seed2 >> 32))
    var round = 0
    while round < 10 {
      let a = UInt64(c[0]) * 0xd251_1f53, b = UInt64(c[2]) * 0xcd9e_8d57
      c = SIMD4<UInt32>(
        UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k0, UInt32(truncatingIfNeeded: b),
        UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k1, UInt32(truncatingIfNeeded: a))
      k0 = k0 &+ 0x9e37_79b9
      k1 = k1 &+ 0xbb67_ae85
      round += 1
    }
    return c
  }

  /// The lower 23 bits as a number in [0, 1).
  @inline(__always)
  static func uniform(_ bits: UInt32) -> Float { Float(bitPattern: 0x3f80_0000 | bits & 0x7f_ffff) - 1 }

  /// Two normally distributed numbers from two uniform ones (Box and Muller), in TensorFlow's order.
  @inline(__always)
  static func normal(_ a: UInt32, _ b: UInt32) -> (Float, Float) {
    let radius = (-2 * logf(max(uniform(a), 1e-7))).squareRoot()
    let angle = 2 * Float.pi * uniform(b)
    return (sinf(angle) * radius, cosf(angle) * radius)
  }
}
