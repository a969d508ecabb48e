import CKernels
import Testing

/// A function, the range it is tested on, and how exact it has to be.
private struct Case {
  let op: MSUnary
  var low: Float = -20, high: Float = 20
  var a: Float = 0, b: Float = 0
  var absolute: Float = 0, relative: Float = 0
}

private let cases = [
  Case(op: MS_UNARY_IDENTITY), Case(op: MS_UNARY_CLAMP, a: -1, b: 6), Case(op: MS_UNARY_LEAKY_RELU, a: 0.1),
  Case(op: MS_UNARY_SIGMOID, low: -80, high: 80, relative: 4e-7), Case(op: MS_UNARY_TANH, low: -10, high: 10, relative: 3e-7),
  Case(op: MS_UNARY_TANH, low: -0.7, high: 0.7, relative: 3e-7),
  Case(op: MS_UNARY_HSWISH, relative: 3e-7), Case(op: MS_UNARY_HSIGMOID, relative: 3e-7),
  Case(op: MS_UNARY_ELU, a: 1.5, absolute: 2e-7), Case(op: MS_UNARY_SWISH, absolute: 1e-9, relative: 5e-7),
  Case(op: MS_UNARY_GELU, low: -6, high: 6, absolute: 1.1e-6, relative: 2e-7),
  Case(op: MS_UNARY_GELU_TANH, low: -6, high: 6, absolute: 6e-7, relative: 3e-7),
  Case(op: MS_UNARY_SOFTPLUS, low: -60, high: 60, relative: 5e-7), Case(op: MS_UNARY_ABS), Case(op: MS_UNARY_NEG),
  Case(op: MS_UNARY_SQRT, low: 0, high: 1e6), Case(op: MS_UNARY_RSQRT, low: 1e-6, high: 1e6, relative: 2e-7),
  Case(op: MS_UNARY_SQUARE), Case(op: MS_UNARY_EXP, low: -87, high: 88, a: 1, relative: 3e-7),
  Case(op: MS_UNARY_EXP, low: -104, high: -87, a: 1, absolute: 0x1p-148, relative: 3e-7),
  Case(op: MS_UNARY_EXP, low: -1, high: 1, a: 2, b: -0.5, relative: 6e-7),
  Case(op: MS_UNARY_LOG, low: 0, high: 4, absolute: 3e-8, relative: 2e-7),
  Case(op: MS_UNARY_LOG, low: 1e-38, high: 1e38, relative: 2e-7), Case(op: MS_UNARY_LOG, low: 0x1p-146, high: 1e-38, relative: 2e-7),
  Case(op: MS_UNARY_SIN, low: -10, high: 10, absolute: 1.5e-7), Case(op: MS_UNARY_SIN, low: -1e4, high: 1e4, absolute: 1.5e-7),
  Case(op: MS_UNARY_COS, low: -1e4, high: 1e4, absolute: 1.5e-7),
  Case(op: MS_UNARY_FLOOR), Case(op: MS_UNARY_CEIL), Case(op: MS_UNARY_ROUND), Case(op: MS_UNARY_RECIPROCAL),
  Case(op: MS_UNARY_ERF, low: -5, high: 5, absolute: 4e-7), Case(op: MS_UNARY_AFFINE, a: 2.5, b: -1, absolute: 5e-7, relative: 2e-7),
]

private let specials: [Float] = [
  0, -0.0, .infinity, -.infinity, .nan, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 0.49999997, 8388607.5, 8388609, -8388607.5, 1e30, -1e30,
  88.8, -103, -104.5, 0x1p-133, -0x1p-133, 100, -100, .leastNonzeroMagnitude, .greatestFiniteMagnitude,
]

@Suite struct ElementwiseTests {
  private func unary(_ t: MSKernels, _ c: Case, _ x: [Float]) -> [Float] {
    output(x.count) { t.unary(Int32(c.op.rawValue), x, $0, x.count, c.a, c.b) }
  }

  @Test(arguments: tables) func unaryMatchesReference(_ table: Table) {
    for c in cases {
      var random = Random(Int(c.op.rawValue))
      for n in lengths + [4000] {
        let x = random.floats(n, c.low, c.high)
        expectClose(
          unary(table.kernels, c, x), unary(reference, c, x), absolute: c.absolute, relative: c.relative, "\(c.op) \(n)")
      }
    }
  }

  @Test(arguments: tables) func unarySpecialValues(_ table: Table) {
    for c in cases {
      // sin and cos promise nothing for huge arguments, sigmoid and its kin nothing below the normal numbers.
      let trigonometric = c.op == MS_UNARY_SIN || c.op == MS_UNARY_COS
      // -inf * 0 in one formula is -0 in another.
      let x = specials.filter { !(trigonometric && $0.magnitude > 1e4 && $0.isFinite) && !(c.op == MS_UNARY_HSWISH && $0.isInfinite) }
      expectClose(
        unary(table.kernels, c, x), unary(reference, c, x), absolute: max(c.absolute, 1e-37), relative: max(c.relative, 2e-7),
        "\(c.op)")
    }
  }

  @Test(arguments: tables) func hugeAnglesStayInRange(_ table: Table) {
    let c = Case(op: MS_UNARY_SIN)
    #expect(unary(table.kernels, c, [1e8, -1e20, 3e38]).allSatisfy { $0.magnitude <= 1 })
  }

  @Test(arguments: tables) func unaryInPlaceAndSplit(_ table: Table) {
    for c in cases {
      var random = Random(3)
      let n = 117, x = random.floats(n, c.low, c.high), whole = unary(table.kernels, c, x)
      let op = Int32(c.op.rawValue)
      expectSame(output(n, from: x) { table.kernels.unary(op, $0, $0, n, c.a, c.b) }, whole)
      for cut in [1, 13, 64] {
        let parts = output(n) { y in
          x.withUnsafeBufferPointer { x in
            table.kernels.unary(op, x.baseAddress!, y, cut, c.a, c.b)
            table.kernels.unary(op, x.baseAddress! + cut, y + cut, n - cut, c.a, c.b)
          }
        }
        expectSame(parts, whole, "\(c.op) cut at \(cut)")
      }
    }
  }

  @Test(arguments: tables) func binaryMatchesReference(_ table: Table) {
    for op in MS_BINARY_ADD.rawValue...MS_BINARY_MOD.rawValue {
      for n in lengths {
        var random = Random(n)
        let a = random.floats(n + 1, -50, 50), b = random.floats(n + 1, 0.5, 9).map { $0 * (random.next() & 1 == 0 ? 1 : -1) }
        for (aStep, bStep) in [(1, 1), (0, 1), (1, 0), (0, 0)] {
          for clamp in [0, Int32(MS_UNARY_CLAMP.rawValue)] {
            let run = { (t: MSKernels) in
              output(n) { t.binary(Int32(op), a, aStep, b, bStep, $0, n, clamp, -2, 3) }
            }
            expectClose(run(table.kernels), run(reference), relative: 1e-7, "op \(op), n \(n), steps \(aStep) \(bStep)")
          }
        }
        let whole = output(n) { table.kernels.binary(Int32(op), a, 1, b, 1, $0, n, 0, 0, 0) }
        expectSame(output(n, from: Array(a[..<n])) { table.kernels.binary(Int32(op), $0, 1, b, 1, $0, n, 0, 0, 0) }, whole)
      }
    }
  }

  @Test(arguments: tables) func remainderIsExact(_ table: Table) {
    let a: [Float] = [5.5, -5.5, 1e30, 3e38, 7, 0, 1, .infinity, 3, 0x1p-133, 1, 12345.678, -0.0, 0x1p-130]
    let b: [Float] = [2, 2, 3, 0x1p-133, -7, 3, 0, 2, .infinity, 0x1p-138, 0x1p-149, 0.001, 1, 1e-38]
    let op = Int32(MS_BINARY_MOD.rawValue)
    let run = { (t: MSKernels) in output(a.count) { t.binary(op, a, 1, b, 1, $0, a.count, 0, 0, 0) } }
    expectClose(run(table.kernels), run(reference))
  }

  @Test(arguments: tables) func scaleBiasAndPrelu(_ table: Table) {
    for channels in lengths {
      let rows = channels <= 65 ? 71 : 3, n = rows * channels
      var random = Random(channels)
      let x = random.floats(n), scale = random.floats(channels + 1), bias = random.floats(channels + 1)
      for activation in [MS_UNARY_IDENTITY, MS_UNARY_CLAMP, MS_UNARY_TANH] {
        for (useScale, useBias) in [(true, true), (true, false), (false, true), (false, false)] {
          let run = { (t: MSKernels) in
            output(n) { y in
              scale.withUnsafeBufferPointer { scale in
                bias.withUnsafeBufferPointer { bias in
                  t.scale_bias(
                    x, useScale ? scale.baseAddress : nil, useBias ? bias.baseAddress : nil, y, rows, channels,
                    Int32(activation.rawValue), 0, 0.5)
                }
              }
            }
          }
          expectClose(run(table.kernels), run(reference), absolute: 3e-7, "\(channels) channels")
        }
      }
      let run = { (t: MSKernels) in output(n) { t.prelu(x, scale, $0, rows, channels) } }
      expectSame(run(table.kernels), run(reference))
    }
  }

  @Test(arguments: tables) func comparisonsMatchReference(_ table: Table) {
    let operations = [MS_COMPARE_EQUAL, MS_COMPARE_NOT_EQUAL, MS_COMPARE_LESS, MS_COMPARE_LESS_EQUAL]
    for n in lengths {
      var random = Random(n)
      // Few different values, so that many are equal; NaN and both zeros are among the floats.
      var a = random.floats(n, -2, 2).map { $0.rounded() }, b = random.floats(n, -2, 2).map { $0.rounded() }
      if n > 4 { (a[1], b[3], a[4], b[4]) = (.nan, .nan, .nan, -0.0) }
      let p = a.map { $0.isNaN ? Int32.min : Int32($0) }, q = b.map { $0.isNaN ? Int32.max : Int32($0) }
      for operation in operations {
        for (aStep, bStep) in [(1, 1), (1, 0), (0, 1)] where n > 0 {
          func floats(_ t: MSKernels) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: n + 1) { y, count in
              y.initialize(repeating: 7)
              t.compare_f32(Int32(operation.rawValue), a, aStep, b, bStep, y.baseAddress!, n)
              count = n + 1
            }
          }
          func integers(_ t: MSKernels) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: n + 1) { y, count in
              y.initialize(repeating: 7)
              t.compare_i32(Int32(operation.rawValue), p, aStep, q, bStep, y.baseAddress!, n)
              count = n + 1
            }
          }
          #expect(floats(table.kernels) == floats(reference), "\(operation) \(n) \(aStep) \(bStep)")
          #expect(integers(table.kernels) == integers(reference), "\(operation) \(n) \(aStep) \(bStep)")
        }
      }
    }
  }

  @Test(arguments: tables) func integersBecomeFloats(_ table: Table) {
    for n in lengths {
      let unsigned = (0..<n).map { UInt8(truncatingIfNeeded: $0 &* 37) }
      let signed = unsigned.map { Int8(bitPattern: $0) }
      // Beyond 2^24 not every integer is a float: rounded to the nearest.
      let wide = (0..<n).map { Int32(truncatingIfNeeded: $0 &* 0x1234_5677) }
      expectSame(output(n) { table.kernels.u8_to_f32(unsigned, $0, n) }, unsigned.map { Float($0) })
      expectSame(output(n) { table.kernels.i8_to_f32(signed, $0, n) }, signed.map { Float($0) })
      expectSame(output(n) { table.kernels.i32_to_f32(wide, $0, n) }, wide.map { Float($0) })
    }
  }
}
