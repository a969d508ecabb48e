import Graph
import Testing

@testable import Operators

/// Operators that compare values.
struct DataSearchTests {
  private func noise(_ n: Int, below limit: UInt32) -> [Float] {
    var state: UInt32 = 1
    return (0..<n).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8 % 1000 % limit)
    }
  }

  @Test func topK() throws {
    let dims = [3, 37, 2]
    let x = noise(222, below: 20)
    for axis in 0..<3 {
      for k in [0, 1, 2, dims[axis]] {
        for sorted in [true, false] {
          let run = OperatorRun(kind: .topKFusion, attributes: attributes((0, .bool(sorted)), (1, .int(Int64(axis - 3)))))
          let y = try run([.floats(dims, x), .scalar(Int32(k))], outputs: 2)
          var out = dims
          out[axis] = k
          #expect(y[0].dims == out && y[1].dims == out && y[1].type == .int32)
          for c in coordinates(out) {
            let line = (0..<dims[axis]).map { i -> Float in
              var s = c
              s[axis] = i
              return x[position(s, dims)]
            }
            var best = Array(line.indices.sorted { line[$0] > line[$1] || line[$0] == line[$1] && $0 < $1 }.prefix(k))
            if !sorted { best.sort() }
            #expect(y[1].ints[position(c, out)] == Int32(best[c[axis]]))
            #expect(y[0].floats[position(c, out)] == line[best[c[axis]]])
          }
        }
      }
    }
    #expect(
      OperatorRun(kind: .topKFusion).refusal([.floats([2], [1, 2]), .scalar(3)], outputs: 2).contains(
        "takes 3 of the 2 entries"))
    // The original ignores `largest`.
    let y = try OperatorRun(kind: .topKFusion, attributes: attributes((2, .int(0))))(
      [.ints([3, 1, 2, 3]), .scalar(2)], outputs: 2)
    #expect(y[0].ints == [3, 3] && y[1].ints == [0, 3])
  }

  @Test func argMaxAndMin() throws {
    let x = Value.floats([2, 4], [1, 5, 5, 2, -1, -7, -7, 0])
    #expect(try OperatorRun(kind: .argMaxFusion, attributes: attributes((0, .int(-1))))([x])[0] == .ints([1, 3]))
    #expect(
      try OperatorRun(kind: .argMinFusion, attributes: attributes((0, .int(1)), (2, .bool(true))))([x])[0]
        == .ints([2, 1], [0, 1]))
    #expect(try OperatorRun(kind: .argMinFusion, attributes: attributes((0, .int(0))))([x])[0] == .ints([1, 1, 1, 1]))
    let value = OperatorRun(kind: .argMaxFusion, attributes: attributes((0, .int(1)), (1, .int(2)), (3, .bool(true))))
    #expect(try value([x])[0] == .floats([2, 2], [5, 5, 0, -1]))
    let both = try value([x], outputs: 2)
    #expect(both[0] == .ints([2, 2], [1, 2, 3, 0]) && both[1].floats == [5, 5, 0, -1])
    #expect(
      try OperatorRun(kind: .argMaxFusion)([Value(.float16, [3], [UInt16(0x3c00), 0x4000, 0xc200])])[0] == .ints([], [1]))
    #expect(try OperatorRun(kind: .argMaxFusion)([.floats([3], [.nan, 2, 3])])[0].ints == [2])
    #expect(OperatorRun(kind: .argMaxFusion).refusal([.floats([0], [])]).contains("takes 1 of the 0 entries"))
  }

  @Test func uniques() throws {
    let run = OperatorRun(kind: .unique, known: [0])
    let y = try run([.floats([7], [4, 1, 4, 0, -0.0, 1, 9])], outputs: 2)
    #expect(y[0] == .floats([4], [4, 1, 0, 9]) && y[1] == .ints([0, 1, 0, 2, 2, 1, 3]))
    let x = noise(5000, below: 900)
    let z = try run([.floats([5000], x)], outputs: 2)
    var seen: [Float] = []
    for v in x where !seen.contains(v) { seen.append(v) }
    #expect(z[0].floats == seen)
    #expect(z[1].ints.map { seen[Int($0)] } == x)
    #expect(OperatorRun(kind: .unique).refusal([.floats([1], [1])], outputs: 2) == "deferred")
  }

  @Test func nonZeros() throws {
    let x = Value.bools([2, 3], [false, true, true, false, false, true])
    #expect(try OperatorRun(kind: .nonZero, known: [0])([x])[0] == .ints([2, 3], [0, 0, 1, 1, 2, 2]))
    #expect(try OperatorRun(kind: .where, known: [0])([x])[0] == .ints([3, 2], [0, 1, 0, 2, 1, 2]))
    #expect(try OperatorRun(kind: .where, known: [0])([.floats([3], [-0.0, 0, 0])])[0].dims == [0, 1])
    #expect(OperatorRun(kind: .where).refusal([x]) == "deferred")
  }

  @Test func chooses() throws {
    for (x, y) in zip(numbered([2, 1, 3]), numbered([3, 1], from: 100)) {
      let c = Value.bools([2, 3, 1], [true, false, true, false, false, true])
      let z = try OperatorRun(kind: .where)([c, x, y])[0]
      let size = x.type.size
      #expect(z.dims == [2, 3, 3])
      for (i, k) in coordinates([2, 3, 3]).enumerated() {
        let isX = c.bytes[k[0] * 3 + k[1]] != 0
        let p = (isX ? k[0] * 3 + k[2] : k[1]) * size
        #expect(z.bytes[i * size..<i * size + size] == (isX ? x : y).bytes[p..<p + size])
      }
    }
    let (x, y) = (Value.floats([2], [1, 2]), Value.floats([2], [3, 4]))
    #expect(try OperatorRun(kind: .where)([.bools([], [false]), x, y])[0] == y)
    #expect(try OperatorRun(kind: .where)([.bools([1], [true]), .floats([], [8]), .floats([], [9])])[0] == .floats([1], [8]))
    let long = [Float](repeating: 1, count: 32768)
    #expect(
      try OperatorRun(kind: .where)([.bools([32768], long.map { _ in true }), .floats([32768], long), .floats([32768], long)])[
        0
      ].floats == long)
    #expect(try OperatorRun(kind: .select)([.bools([2], [true, false]), x, y])[0].floats == [1, 4])
    #expect(try OperatorRun(kind: .select)([.bools([1], [false]), x, x, y, y], outputs: 2) == [y, y])
    #expect(OperatorRun(kind: .select).refusal([.bools([3], [true, true, true]), x, y]).contains("does not choose"))
  }

  @Test func runningSums() throws {
    let x = Value.ints([2, 3], [1, 2, 3, 4, 5, 6])
    for (exclusive, reverse, wanted) in [
      (false, false, [1, 3, 6, 4, 9, 15]), (true, false, [0, 1, 3, 0, 4, 9]), (false, true, [6, 5, 3, 15, 11, 6]),
      (true, true, [5, 3, 0, 11, 6, 0]),
    ] as [(Bool, Bool, [Int32])] {
      let run = OperatorRun(kind: .cumSum, attributes: attributes((0, .bool(exclusive)), (1, .bool(reverse))))
      #expect(try run([x, .scalar(-1)])[0].ints == wanted)
    }
    #expect(try OperatorRun(kind: .cumSum)([.floats([2, 2], [1, 2, 3, 4]), .scalar(0)])[0].floats == [1, 2, 4, 6])
    #expect(
      try OperatorRun(kind: .isFinite)([.floats([4], [1, .infinity, .nan, -.greatestFiniteMagnitude])])[0]
        == .bools([4], [true, false, false, true]))
  }
}
