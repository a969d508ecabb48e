import CKernels
import Testing

@Suite struct RowTests {
  @Test(arguments: tables) func reductionsMatchReference(_ table: Table) {
    for op in MS_REDUCE_SUM.rawValue...MS_REDUCE_SUM_ABS.rawValue {
      for n in lengths + [1000] {
        var random = Random(n)
        let rows = 3, x = random.floats(rows * n).map { op == MS_REDUCE_PROD.rawValue ? 1 + $0 * 0.1 : $0 }
        let byRow = { (t: MSKernels) in output(rows) { t.reduce_rows(Int32(op), x, $0, rows, n) } }
        expectClose(byRow(table.kernels), byRow(reference), absolute: 1e-5, relative: 2e-5, "op \(op), n \(n)")
        // The same numbers as n rows of three columns, and as three rows of n columns.
        for (r, c) in [(n, rows), (rows, n)] {
          let byColumn = { (t: MSKernels) in output(c) { t.reduce_columns(Int32(op), x, $0, r, c, c) } }
          expectClose(byColumn(table.kernels), byColumn(reference), absolute: 1e-5, relative: 2e-5, "op \(op), \(r)x\(c)")
        }
      }
    }
  }

  @Test(arguments: tables) func longColumnSumsKeepTheirDigits(_ table: Table) {
    var random = Random(1)
    let rows = 20000, x = random.floats(rows * 17, 0, 1)
    let run = { (t: MSKernels) in output(17) { t.reduce_columns(Int32(MS_REDUCE_SUM.rawValue), x, $0, rows, 17, 17) } }
    expectClose(run(table.kernels), run(reference), relative: 1e-5)
  }

  @Test(arguments: tables) func softmaxMatchesReference(_ table: Table) {
    for n in lengths {
      var random = Random(n)
      let rows = 3, x = random.floats(rows * n, -30, 30)
      for log: Int32 in [0, 1] {
        let run = { (t: MSKernels) in output(rows * n) { t.softmax(x, $0, rows, n, log) } }
        let y = run(table.kernels)
        expectClose(y, run(reference), absolute: log == 1 ? 3e-7 : 1e-7, relative: 2e-6, "n \(n), log \(log)")
        expectSame(output(rows * n, from: x) { table.kernels.softmax($0, $0, rows, n, log) }, y)
        for inner in [1, 5, 16, 35] {
          let outer = 2, z = random.floats(outer * n * inner, -30, 30)
          let strided = { (t: MSKernels) in output(z.count) { t.softmax_strided(z, $0, outer, n, inner, log) } }
          expectClose(strided(table.kernels), strided(reference), absolute: log == 1 ? 3e-7 : 1e-7, relative: 2e-6, "n \(n), inner \(inner)")
          expectSame(
            output(z.count, from: z) { table.kernels.softmax_strided($0, $0, outer, n, inner, log) }, strided(table.kernels))
        }
      }
    }
  }

  /// Short rows are computed side by side: as many as there are, and wherever the work is cut.
  @Test(arguments: tables) func softmaxOfManyShortRows(_ table: Table) {
    for n in 1...9 {
      for rows in [1, 15, 16, 17, 50] {
        var random = Random(n + rows)
        let x = random.floats(rows * n, -30, 30)
        for log: Int32 in [0, 1] {
          let y = output(rows * n) { table.kernels.softmax(x, $0, rows, n, log) }
          expectClose(
            y, output(rows * n) { reference.softmax(x, $0, rows, n, log) }, absolute: log == 1 ? 3e-7 : 1e-7, relative: 2e-6,
            "\(rows) rows of \(n)")
          let cut = rows / 3
          let parts = output(rows * n) { y in
            x.withUnsafeBufferPointer {
              table.kernels.softmax($0.baseAddress!, y, cut, n, log)
              table.kernels.softmax($0.baseAddress! + cut * n, y + cut * n, rows - cut, n, log)
            }
          }
          expectSame(parts, y)
        }
      }
    }
  }

  @Test(arguments: tables) func softmaxOfMaskedScores(_ table: Table) {
    let x: [Float] = [-.infinity, 1, -.infinity, 2, 100, -.infinity]
    let run = { (t: MSKernels) in output(6) { t.softmax(x, $0, 1, 6, 0) } }
    expectClose(run(table.kernels), run(reference), absolute: 1e-7)
  }

  @Test(arguments: tables) func layerNormMatchesReference(_ table: Table) {
    for n in lengths + [768] where n > 0 {
      var random = Random(n)
      let rows = 3, x = random.floats(rows * n, 5, 7), gamma = random.floats(n), beta = random.floats(n)
      for affine in [true, false] {
        // Output, then means, then variances.
        let run = { (t: MSKernels) in
          output(rows * n + 2 * rows) { y in
            gamma.withUnsafeBufferPointer { gamma in
              beta.withUnsafeBufferPointer { beta in
                t.layer_norm(
                  x, affine ? gamma.baseAddress : nil, affine ? beta.baseAddress : nil, y, rows, n, 1e-3, y + rows * n,
                  y + rows * n + rows)
              }
            }
          }
        }
        expectClose(run(table.kernels), run(reference), absolute: 2e-5, "n \(n)")
      }
      let plain = output(rows * n) { table.kernels.layer_norm(x, nil, nil, $0, rows, n, 1e-3, nil, nil) }
      expectSame(output(rows * n, from: x) { table.kernels.layer_norm($0, nil, nil, $0, rows, n, 1e-3, nil, nil) }, plain)
    }
  }

  @Test(arguments: tables) func lstmStepMatchesReference(_ table: Table) {
    for hidden in lengths {
      for (zoneoutC, zoneoutH) in [(Float(0), Float(0)), (0.25, 0.1)] {
        var random = Random(hidden)
        let gates = random.floats(4 * hidden + 3 * 5, -4, 4), state = random.floats(2 * hidden)
        for stride in [hidden, hidden + 5] {
          let run = { (t: MSKernels) in
            output(2 * hidden, from: state) { t.lstm_step(gates, stride, $0, $0 + hidden, hidden, zoneoutC, zoneoutH) }
          }
          expectClose(run(table.kernels), run(reference), absolute: 5e-7, "hidden \(hidden), stride \(stride)")
        }
      }
    }
  }
}
