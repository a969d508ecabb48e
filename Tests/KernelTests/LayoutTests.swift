import CKernels
import Testing

@Suite struct LayoutTests {
  @Test(arguments: tables) func transposeMovesEveryWord(_ table: Table) {
    for rows in [0, 1, 3, 4, 16, 17, 35] {
      for columns in [0, 1, 5, 8, 16, 33] {
        let x = (0..<UInt32(max(rows * (columns + 2), 1))).map { $0 &* 2_654_435_761 }
        var y = [UInt32](repeating: 7, count: columns * (rows + 3) + 1)
        table.kernels.transpose_32(x, columns + 2, &y, rows + 3, rows, columns)
        for c in 0..<columns {
          for r in 0..<rows { #expect(y[c * (rows + 3) + r] == x[r * (columns + 2) + c]) }
          #expect(y[c * (rows + 3) + rows] == 7)
        }
      }
    }
  }

  @Test(arguments: tables) func everyHalfConvertsBothWays(_ table: Table) {
    let halves = (0...UInt16.max).map { $0 }
    let floats = output(halves.count) { table.kernels.f16_to_f32(halves, $0, halves.count) }
    expectClose(floats, output(halves.count) { reference.f16_to_f32(halves, $0, halves.count) })
    #expect(floats[0x8000].sign == .minus)
    var back = [UInt16](repeating: 0, count: halves.count)
    table.kernels.f32_to_f16(floats, &back, floats.count)
    let isNaN = { (h: UInt16) in h & 0x7fff > 0x7c00 }
    #expect(zip(halves, back).allSatisfy { $0 == $1 || (isNaN($0) && isNaN($1)) })
  }

  @Test(arguments: tables) func floatsRoundToNearestEven(_ table: Table) {
    var random = Random(9)
    // Every pair of neighbouring halves: just below, at, and just above the middle; then random bits.
    var x: [Float] = [65504, 65519.996, 65520, 65536, 1e30, .infinity, -.infinity, .nan, 0x1p-25, 0x1.000002p-25, 0x1p-26, -0.0]
    for h in stride(from: UInt16(0), to: 0x7bff, by: 1) {
      let pair = output(2) { reference.f16_to_f32([h, h + 1], $0, 2) }
      let middle = (pair[0] + pair[1]) / 2
      x += [middle.nextDown, middle, middle.nextUp]
    }
    for _ in 0..<20000 { x.append(Float(bitPattern: random.next())) }
    var actual = [UInt16](repeating: 0, count: x.count), expected = actual
    table.kernels.f32_to_f16(x, &actual, x.count)
    reference.f32_to_f16(x, &expected, x.count)
    for i in x.indices where actual[i] != expected[i] && !x[i].isNaN {
      Issue.record("\(x[i]): \(actual[i]), expected \(expected[i])")
    }
    for n in lengths {
      var part = [UInt16](repeating: 0xabcd, count: n + 1)
      table.kernels.f32_to_f16(x, &part, n)
      #expect(Array(part[..<n]) == Array(actual[..<n]) && part[n] == 0xabcd)
    }
  }

  @Test(arguments: tables) func lerpMatchesReference(_ table: Table) {
    for n in lengths {
      var random = Random(n)
      let a = random.floats(n), b = random.floats(n)
      let run = { (t: MSKernels) in output(n) { t.lerp(a, b, 0.3, $0, n) } }
      expectClose(run(table.kernels), run(reference), absolute: 2e-7)
      expectSame(output(n, from: a) { table.kernels.lerp($0, b, 0.3, $0, n) }, run(table.kernels))
    }
  }
}
