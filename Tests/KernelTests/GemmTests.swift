import CKernels
import Testing

/// A multiplication problem with random operands.
private struct Problem {
  var m: Int, n: Int, k: Int
  var bias = true, residual = false
  var activation = MS_UNARY_IDENTITY, alpha: Float = 0, beta: Float = 0
  var transposed = false

  var label: String { "\(m)x\(n)x\(k)" }

  func packed(_ t: MSKernels, _ b: [Float]) -> [Float] {
    let panels = (n + Int(t.gemm_nr) - 1) / Int(t.gemm_nr)
    return output(panels * k * Int(t.gemm_nr)) {
      t.gemm_pack_b($0, b, k, n, transposed ? 1 : n, transposed ? k : 1, 0, panels)
    }
  }

  /// The product by table `t`, cut at row `rowCut` and panel `panelCut`.
  func run(_ t: MSKernels, rowCut: Int = 0, panelCut: Int = 0) -> [Float] {
    var random = Random(m * 10007 + n * 101 + k)
    let a = random.floats(m * (k + 3)), b = random.floats(k * n), shift = random.floats(n), extra = random.floats(m * n)
    let panels = (n + Int(t.gemm_nr) - 1) / Int(t.gemm_nr)
    let rows = min(rowCut, m), columns = min(panelCut, panels)
    let b2 = packed(t, b)
    return output(m * n) { c in
      a.withUnsafeBufferPointer { a in
        shift.withUnsafeBufferPointer { shift in
          extra.withUnsafeBufferPointer { extra in
            b2.withUnsafeBufferPointer { b2 in
              guard let a = a.baseAddress, let b2 = b2.baseAddress else { return }
              var g = MSGemm(
                a: a, lda: k + 3, b: b2, c: c, ldc: n, m: m, n: n, k: k, bias: bias ? shift.baseAddress : nil,
                residual: residual ? extra.baseAddress : nil, ldr: n, activation: Int32(activation.rawValue), alpha: alpha,
                beta: beta)
              t.gemm(&g, 0, rows, 0, columns)
              t.gemm(&g, 0, rows, columns, panels)
              t.gemm(&g, rows, m, 0, columns)
              t.gemm(&g, rows, m, columns, panels)
            }
          }
        }
      }
    }
  }
}

@Suite struct GemmTests {
  @Test(arguments: tables) func everyTileHeightAndPartialPanel(_ table: Table) {
    for m in Array(1...14) + [23, 25, 49] {
      for n in [1, 5, 16, 31, 32, 33, 70, 200] {
        for k in [1, 17, 64] {
          let p = Problem(m: m, n: n, k: k)
          expectClose(p.run(table.kernels), p.run(reference), absolute: 2e-7 * Float(k) + 1e-6, p.label)
        }
      }
    }
  }

  @Test(arguments: tables) func splitsDoNotChangeBits(_ table: Table) {
    for m in [1, 2, 13, 49] {
      for n in [40, 300] {
        let p = Problem(m: m, n: n, k: 37, activation: MS_UNARY_SIGMOID)
        let whole = p.run(table.kernels)
        for cut in [1, 5, 12] { expectSame(p.run(table.kernels, rowCut: cut, panelCut: cut), whole, p.label) }
      }
    }
  }

  @Test(arguments: tables) func residualAndActivation(_ table: Table) {
    for activation in [MS_UNARY_CLAMP, MS_UNARY_LEAKY_RELU, MS_UNARY_TANH, MS_UNARY_HSWISH, MS_UNARY_GELU] {
      for n in [7, 45, 64] {
        let p = Problem(m: 7, n: n, k: 20, bias: n != 45, residual: true, activation: activation, alpha: 0.1, beta: 0.6)
        expectClose(p.run(table.kernels), p.run(reference), absolute: 5e-6, p.label)
      }
    }
  }

  @Test(arguments: tables) func emptyDepthGivesBias(_ table: Table) {
    let p = Problem(m: 3, n: 33, k: 0)
    expectClose(p.run(table.kernels), p.run(reference))
  }

  @Test(arguments: tables) func transposedWeightsPackAlike(_ table: Table) {
    for n in [1, 6, 33, 64] {
      for k in [1, 5, 36] {
        var random = Random(n + k)
        let b = random.floats(n * k)
        var turned = b
        for i in 0..<k { for j in 0..<n { turned[j * k + i] = b[i * n + j] } }
        let plain = Problem(m: 1, n: n, k: k).packed(table.kernels, b)
        expectSame(Problem(m: 1, n: n, k: k, transposed: true).packed(table.kernels, turned), plain)
        for row in 0..<k {
          for column in 0..<plain.count / k {
            let nr = Int(table.kernels.gemm_nr)
            let value = plain[column / nr * nr * k + row * nr + column % nr]
            #expect(value == (column < n ? b[row * n + column] : 0))
          }
        }
      }
    }
  }

  @Test(arguments: tables) func halfWeightsPackLikeTheirFloats(_ table: Table) {
    let n = 37, k = 21
    var random = Random(5)
    let halves = (0..<n * k).map { _ in UInt16(truncatingIfNeeded: random.next()) & 0xbbff }
    let floats = output(n * k) { reference.f16_to_f32(halves, $0, n * k) }
    let t = table.kernels
    let panels = (n + Int(t.gemm_nr) - 1) / Int(t.gemm_nr), size = panels * k * Int(t.gemm_nr)
    for (rowStride, colStride) in [(n, 1), (1, k)] {
      expectSame(
        output(size) { t.gemm_pack_b_f16($0, halves, k, n, rowStride, colStride, 0, panels) },
        output(size) { t.gemm_pack_b($0, floats, k, n, rowStride, colStride, 0, panels) })
    }
  }
}
