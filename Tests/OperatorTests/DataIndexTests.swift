import Graph
import Testing

@testable import Operators

/// Gathers, scatters and other operators whose operands are positions.
struct DataIndexTests {
  @Test func gathers() throws {
    for x in numbered([3, 4, 2]) {
      let y = try OperatorRun(kind: .gather)([x, .ints([2, 2], [0, -1, 7, 2]), .scalar(1)])[0]
      let rows: [Int?] = [0, 3, nil, 2]
      #expect(y == gathered(x, [3, 2, 2, 2]) { c in rows[c[1] * 2 + c[2]].map { [c[0], $0, c[3]] } })
      #expect(
        try OperatorRun(kind: .gather)([x, .longs([], [1]), .scalar(-1)])[0] == gathered(x, [3, 4]) { [$0[0], $0[1], 1] })
    }
    #expect(try OperatorRun(kind: .gather)([.floats([0, 2], []), .ints([0]), .scalar(0)])[0].floats == [0, 0])
    #expect(OperatorRun(kind: .gather).refusal([numbered([2])[0], .ints([0]), .scalar(1)]).contains("axis 1 lies outside"))
  }

  @Test func gathersFromQuantisedTables() throws {
    let params = [(0.5, 1), (2, -1)].map {
      QuantParam(scale: $0.0, zeroPoint: Int32($0.1), bits: 8, varianceCorrection: 1, meanCorrection: 0)
    }
    let table = Value(.int8, [2, 2], [Int8(1), 3, 4, -5])
    let perEntry = OperatorRun(kind: .gather, quantParams: [0: params], quantType: 6)
    #expect(try perEntry([table, .floats([3], [1, 0, 5]), .scalar(0)])[0] == .floats([3, 2], [10, -8, 0, 1, 0, 0]))
    let single = OperatorRun(kind: .gather, quantParams: [0: [params[0]]], quantType: 4)
    #expect(try single([table, .ints([-1]), .scalar(1)])[0] == .floats([2, 1], [1, -3]))
    // Without quantised weights the bytes move as they are.
    #expect(try OperatorRun(kind: .gather, quantParams: [0: params])([table, .ints([1]), .scalar(0)])[0].type == .int8)
  }

  @Test func gathersRows() throws {
    for x in numbered([3, 4, 2]) {
      let y = try OperatorRun(kind: .gatherNd)([x, .ints([2, 1, 2], [2, 3, 0, -1])])[0]
      #expect(y == gathered(x, [2, 1, 2]) { $0[0] == 0 ? [2, 3, $0[2]] : [0, 3, $0[2]] })
      let z = try OperatorRun(kind: .gatherNd)([x, .longs([1, 3], [1, 2, 1])])[0]
      #expect(z == gathered(x, [1]) { _ in [1, 2, 1] })
    }
    #expect(
      OperatorRun(kind: .gatherNd).refusal([numbered([2])[0], .ints([1, 1], [2])]) == "row 0 of the indices lies outside [2]")
    #expect(OperatorRun(kind: .gatherNd).refusal([numbered([2])[0], .ints([1, 2], [0, 0])]).contains("must not be longer"))
  }

  @Test func gathersElements() throws {
    for x in numbered([3, 4]) {
      let index = Value.ints([2, 4], [0, 1, 2, -1, 2, 2, 0, 1])
      let rows = [0, 1, 2, 2, 2, 2, 0, 1]
      let y = try OperatorRun(kind: .gatherD)([x, .scalar(0), index])[0]
      #expect(y == gathered(x, [2, 4]) { [rows[$0[0] * 4 + $0[1]], $0[1]] })
    }
    #expect(
      OperatorRun(kind: .gatherD).refusal([numbered([2])[0], .scalar(0), .ints([2])]).contains("index 2 lies outside axis 0"))
  }

  @Test func scatters() throws {
    let y = try OperatorRun(kind: .scatterNd, known: [2])([
      .ints([3, 1], [3, 0, 3]), .floats([3, 2], [1, 2, 3, 4, 5, 6]), .ints([4, 2]),
    ])[0]
    #expect(y == .floats([4, 2], [3, 4, 0, 0, 0, 0, 5, 6]))
    let x = Value.floats([2, 2], [1, 2, 3, 4])
    for inPlace in [false, true] {
      let updated = OperatorRun(kind: .scatterNdUpdate, inPlace: inPlace)
      #expect(try updated([x, .longs([1, 2], [1, 0]), .floats([1], [9])])[0].floats == [1, 2, 9, 4])
      let added = OperatorRun(kind: .tensorScatterAdd, inPlace: inPlace)
      #expect(try added([x, .ints([2, 1], [1, 1]), .floats([2, 2], [1, 1, 2, 2])])[0].floats == [1, 2, 6, 7])
      let elements = OperatorRun(kind: .scatterElements, attributes: attributes((0, .int(1))), inPlace: inPlace)
      #expect(try elements([x, .ints([2, 1], [1, -2]), .floats([2, 1], [8, 9])])[0].floats == [1, 8, 9, 4])
    }
    #expect(
      OperatorRun(kind: .scatterNdUpdate).refusal([x, .ints([1, 1], [0]), .floats([1], [9])]).contains(
        "must have the shape [1, 2]"))
    #expect(
      OperatorRun(kind: .scatterNdUpdate).refusal([x, .ints([1, 1], [2]), .floats([1, 2], [9, 9])]).contains(
        "lies outside [2, 2]"))
  }

  @Test func fillsFromSparse() throws {
    let run = OperatorRun(kind: .sparseToDense)
    #expect(
      try run([.ints([2, 2], [0, 1, 1, 0]), .ints([2, 2]), .floats([2], [5, 6]), .floats([], [-1])])[0]
        == .floats([2, 2], [-1, 5, 6, -1]))
    #expect(try run([.ints([1, 2]), .ints([4]), .ints([1], [7]), .scalar(0)])[0] == .ints([0, 7, 7, 0]))
    #expect(try run([.scalar(2), .ints([3]), .scalar(7), .scalar(0)])[0] == .ints([0, 0, 7]))
    #expect(run.refusal([.ints([1]), .ints([1]), .ints([1]), .scalar(0)]).contains("lies outside [1]"))
  }

  @Test func oneHots() throws {
    let run = OperatorRun(kind: .oneHot, attributes: attributes((0, .int(-1))))
    let y = try run([.ints([0, 2, 3]), .scalar(3), .floats([1], [1]), .floats([1], [0])])[0]
    #expect(y == .floats([3, 3], [1, 0, 0, 0, 0, 1, 0, 0, 0]))
    let pair = OperatorRun(kind: .oneHot, attributes: attributes((0, .int(0))))
    #expect(try pair([.ints([0, -1]), .scalar(3), .floats([2], [-5, 5])])[0] == .floats([3, 2], [5, -5, -5, -5, -5, 5]))
    #expect(run.refusal([.ints([0]), .scalar(-3), .floats([1], [1]), .floats([1], [0])]).contains("impossible shape"))
    #expect(run.refusal([.ints([0]), .scalar(3), .floats([0], []), .floats([1], [0])]).contains("must hold 1 values"))
  }

  @Test func invertsPermutations() throws {
    #expect(try OperatorRun(kind: .invertPermutation)([.ints([2, 0, 3, 1])])[0] == .ints([1, 3, 0, 2]))
    #expect(
      OperatorRun(kind: .invertPermutation).refusal([.ints([0, 0])])
        == "entry 1 is 0; a permutation has every number below 2 once")
  }

  @Test func triangles() throws {
    for x in numbered([2, 3, 4], from: 1) {
      for k in [-3, -1, 0, 2, 9] {
        for inPlace in [false, true] {
          let upper = try OperatorRun(kind: .triu, inPlace: inPlace)([x, .scalar(Int32(k))])[0]
          #expect(upper == gathered(x, [2, 3, 4]) { $0[2] - $0[1] >= k ? $0 : nil })
          let lower = try OperatorRun(kind: .tril, inPlace: inPlace)([x, .scalar(Int32(k))])[0]
          #expect(lower == gathered(x, [2, 3, 4]) { $0[2] - $0[1] <= k ? $0 : nil })
        }
      }
    }
  }
}
