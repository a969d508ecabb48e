import CKernels
import Testing

/// Kernels on quantised bytes: every table computes the same bits.
@Suite struct QuantKernelTests {
  private func bytes(_ n: Int, _ seed: Int) -> [UInt8] {
    var random = Random(seed)
    return (0..<n).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  /// Runs `body` on `n` bytes that start as `initial`; nothing may be written behind them.
  private func output(_ n: Int, from initial: [UInt8] = [], _ body: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
    var buffer = [UInt8](repeating: 0x5a, count: n + 64)
    for (i, b) in initial.enumerated() { buffer[i] = b }
    buffer.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    #expect(buffer[n...].allSatisfy { $0 == 0x5a }, "wrote behind the end")
    return Array(buffer[..<n])
  }

  private var scales: [MSQuantScale] {
    [(1_518_500_250, 0), (1_073_741_824, -20), (2_147_483_647, -31), (1_400_000_000, 3), (-1_234_567_890, -2), (0, 0), (2_000_000_001, -7)]
      .map { MSQuantScale(multiplier: $0, shift: $1) }
  }

  private func outputs() -> [MSQuantOutput] {
    scales.enumerated().map { i, s in
      MSQuantOutput(scale: s, zero: Int32(i * 37 - 100), low: i % 2 == 0 ? -128 : -5, high: i % 3 == 0 ? 127 : 90, flip: i % 2 == 0 ? 0 : 0x80)
    }
  }

  @Test(arguments: tables) func maps(_ table: Table) {
    let map = bytes(256, 9)
    for n in lengths + [1000] {
      let x = bytes(n, n)
      let got = output(n) { table.kernels.int8.map(x, $0, n, map) }
      #expect(got == x.map { map[Int($0)] })
      #expect(output(n, from: x) { table.kernels.int8.map($0, $0, n, map) } == got)
    }
  }

  @Test(arguments: tables) func converts(_ table: Table) {
    for n in lengths + [1000] {
      let x = bytes(n, n)
      for (scale, zero, flip) in [(Float(0.1), Int32(3), UInt8(0)), (3, -128, 0x80), (1e-20, 127, 0)] {
        var got = [Float](repeating: 7, count: n + 1), wanted = got
        table.kernels.int8.dequantize(x, &got, n, scale, zero, flip)
        reference.int8.dequantize(x, &wanted, n, scale, zero, flip)
        #expect(got == wanted)
        // Exact halves, bounds, and what is no number.
        var random = Random(n)
        let specials: [Float] = [0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49999997, -0.49999997, 127.5, -128.5, 1e30, -1e30, .infinity, -.infinity, .nan, -0.0]
        let reals = (0..<n).map { $0 < specials.count ? specials[$0] * scale : random.float(-200, 200) * scale }
        #expect(
          output(n) { table.kernels.int8.quantize(reals, $0, n, scale, zero, flip) }
            == output(n) { reference.int8.quantize(reals, $0, n, scale, zero, flip) })
      }
    }
  }

  @Test(arguments: tables) func combines(_ table: Table) {
    for n in lengths {
      let x = bytes(n + 1, n), y = bytes(n + 1, n + 1)
      for (i, o) in outputs().enumerated() {
        for steps in [(1, 1), (0, 1), (1, 0), (0, 0)] {
          x.withUnsafeBufferPointer { x in
            y.withUnsafeBufferPointer { y in
              let left = MSQuantScale(multiplier: 1_600_000_000, shift: -1), right = MSQuantScale(multiplier: i % 2 == 0 ? 1_073_741_825 : -1_900_000_000, shift: -3)
              var a = MSQuantOperand(x: x.baseAddress!, step: steps.0, zero: -7, scale: left, flip: 0)
              var b = MSQuantOperand(x: y.baseAddress!, step: steps.1, zero: 99, scale: right, flip: 0x80)
              var o = o
              #expect(
                output(n) { table.kernels.int8.add(&a, &b, &o, $0, n) } == output(n) { reference.int8.add(&a, &b, &o, $0, n) }, "add \(n) \(i) \(steps)")
              #expect(
                output(n) { table.kernels.int8.mul(&a, &b, &o, $0, n) } == output(n) { reference.int8.mul(&a, &b, &o, $0, n) }, "mul \(n) \(i) \(steps)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: tables) func sumsAndMaxima(_ table: Table) {
    for n in lengths {
      for rows in [0, 1, 5] {
        let stride = n + 3, x = bytes(rows * stride + n, n), start = bytes(n, 3)
        for flip in [UInt8(0), 0x80, 0xff, 0x7f] {
          var got = (0..<n + 1).map { Int32($0) }, wanted = got
          table.kernels.int8.sum_columns(x, &got, rows, n, stride, flip)
          reference.int8.sum_columns(x, &wanted, rows, n, stride, flip)
          #expect(got == wanted)
          #expect(
            output(n, from: start) { table.kernels.int8.max_columns(x, $0, rows, n, stride, flip) }
              == output(n, from: start) { reference.int8.max_columns(x, $0, rows, n, stride, flip) })
          #expect(table.kernels.int8.sum(x, n, flip) == reference.int8.sum(x, n, flip))
        }
      }
      var random = Random(n)
      let sums = (0..<n).map { _ in Int32(truncatingIfNeeded: random.next()) >> 8 }
      for o in outputs() {
        var o = o
        #expect(
          output(n) { table.kernels.int8.requantize(sums, -77, $0, n, &o) } == output(n) { reference.int8.requantize(sums, -77, $0, n, &o) })
      }
    }
  }

  @Test(arguments: tables) func bilinear(_ table: Table) {
    for n in lengths {
      let x = (0..<4).map { bytes(n + 1, $0 + n) }
      for weights in [[1 << 20, 0, 0, 0], [262_144, 262_144, 262_144, 262_144], [1000 * 3, 24 * 3, 1000 * 1021, 24 * 1021]] as [[Int32]] {
        for flip in [UInt8(0), 0x80] {
          x[0].withUnsafeBufferPointer { a in
            x[1].withUnsafeBufferPointer { b in
              x[2].withUnsafeBufferPointer { c in
                x[3].withUnsafeBufferPointer { d in
                  let rows = [a.baseAddress!, b.baseAddress!, c.baseAddress!, d.baseAddress!]
                  #expect(
                    output(n) { table.kernels.int8.bilinear(rows, weights, $0, n, flip) }
                      == output(n) { reference.int8.bilinear(rows, weights, $0, n, flip) })
                }
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: tables) func softmax(_ table: Table) {
    let exponentials = (0..<256).map { i in Float(1) / Float(1 + (255 - i) * (255 - i)) }
    exponentials.withUnsafeBufferPointer { exponentials in
      for n in lengths where n > 0 {
        for stride in [1, 3] {
          let x = bytes(n * stride, n)
          for (scale, zero, flip) in [(Float(1) / 256, Int32(-128), UInt8(0)), (1e-30, 5, 0x80), (0.02, 0, 0x80)] {
            var s = MSQuantSoftmax(exp: exponentials.baseAddress!, output_scale: scale, output_zero: zero, flip: flip, output_flip: flip)
            let got = output(n * stride, from: x) { table.kernels.int8.softmax(&s, $0, $0, n, stride) }
            #expect(got == output(n * stride, from: x) { reference.int8.softmax(&s, x, $0, n, stride) })
          }
        }
      }
    }
  }
}
