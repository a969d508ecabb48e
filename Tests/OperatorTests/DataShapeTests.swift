import Graph
import Testing

@testable import Operators

/// Operators that only give a shape to the same bytes, and those that tell a shape.
struct DataShapeTests {
  private let x = numbered([2, 3, 4])[0]

  @Test func reshapes() throws {
    let run = OperatorRun(kind: .reshape)
    #expect(try run([x, .ints([4, -1])])[0].dims == [4, 6])
    #expect(try run([x, .ints([0, -1])])[0] == numbered([2, 12])[0])
    #expect(try run([x, .longs([3], [0, 0, 4])])[0] == x)
    #expect(try run([x, Value(.int8, [1], [Int8(24)])])[0].dims == [24])
    #expect(try run([x, .floats([2], [3, 8])])[0].dims == [3, 8])
    #expect(try run([.floats([1], [5]), .ints([])])[0].dims == [])
    #expect(try run([.floats([0, 3], []), .ints([3, 0])])[0].dims == [3, 0])
    #expect(try OperatorRun(kind: .reshape, attributes: attributes((1, .ints([6, 4]))))([x])[0].dims == [6, 4])
    #expect(try OperatorRun(kind: .reshape, inPlace: true)([x, .ints([24])])[0].bytes == x.bytes)
    #expect(run.refusal([x, .ints([5, -1])]) == "cannot give the 24 elements of \"in0\" float32 [2, 3, 4] the shape [5, -1]")
    #expect(run.refusal([x, .ints([-1, -1])]).contains("cannot give"))
    #expect(run.refusal([x, .ints([-2, -12])]).contains("cannot give"))
    #expect(run.refusal([x, .longs([3], [.max, .max, .max])]).contains("cannot give"))
    #expect(OperatorRun(kind: .reshape, known: []).refusal([x, .ints([24])]) == "deferred")
  }

  @Test func squeezesAndExpands() throws {
    let one = numbered([1, 3, 1, 2])[0]
    #expect(try OperatorRun(kind: .squeeze)([one])[0].dims == [3, 2])
    #expect(try OperatorRun(kind: .squeeze, attributes: attributes((0, .ints([-2]))))([one])[0].dims == [1, 3, 2])
    #expect(try OperatorRun(kind: .squeeze)([one, .ints([0, 2])])[0].dims == [3, 2])
    // A list that does not ascend stops at the entry that is out of order, as in the original.
    #expect(try OperatorRun(kind: .squeeze)([one, .ints([2, 0])])[0].dims == [1, 3, 2])
    #expect(OperatorRun(kind: .squeeze).refusal([one, .ints([1])]).contains("has 3 entries"))
    #expect(try OperatorRun(kind: .unsqueeze, attributes: attributes((0, .ints([0, -1]))))([x])[0].dims == [1, 2, 3, 4, 1])
    #expect(
      OperatorRun(kind: .unsqueeze, attributes: attributes((0, .ints([9])))).refusal([x]).contains("cannot insert axis 9"))
    #expect(try OperatorRun(kind: .expandDims)([x, .scalar(-1)])[0].dims == [2, 3, 4, 1])
    #expect(try OperatorRun(kind: .expandDims)([.floats([], [1]), .scalar(0)])[0].dims == [1])
    #expect(OperatorRun(kind: .expandDims).refusal([x, .scalar(5)]).contains("cannot insert axis 5"))
    #expect(try OperatorRun(kind: .flatten)([x])[0].dims == [2, 12])
    #expect(try OperatorRun(kind: .flatten, attributes: attributes((0, .int(-1))))([x])[0].dims == [6, 4])
    #expect(OperatorRun(kind: .flatten).refusal([.floats([], [1])]).contains("axis 1 lies outside"))
    #expect(try OperatorRun(kind: .depend)([x, x])[0] == x)
    let dropped = try OperatorRun(kind: .dropout)([x], outputs: 2)
    #expect(dropped[0] == x && dropped[1].floats == [Float](repeating: 1, count: 24))
  }

  @Test func tellsShapes() throws {
    #expect(try OperatorRun(kind: .shape)([x])[0] == .ints([2, 3, 4]))
    #expect(try OperatorRun(kind: .shape)([.floats([], [1])])[0].dims == [0])
    #expect(try OperatorRun(kind: .size)([x])[0] == .scalar(24))
    #expect(try OperatorRun(kind: .rank)([x])[0] == .floats([1], [3]))
  }

  @Test func fills() throws {
    #expect(try OperatorRun(kind: .fill)([.floats([], [2.5]), .ints([2, 1])])[0] == .floats([2, 1], [2.5, 2.5]))
    #expect(
      try OperatorRun(kind: .fillV2, known: [0])([.longs([1], [3]), .bools([1], [true])])[0] == .bools([3], [true, true, true]))
    let constant = OperatorRun(kind: .constantOfShape, attributes: attributes((0, .int(35)), (1, .floats([-3]))), known: [0])
    #expect(try constant([.ints([2])])[0] == .longs([2], [-3, -3]))
    #expect(try constant([.ints([])])[0] == .longs([], [-3]))
    #expect(constant.refusal([.ints([2, -1])]).contains("impossible shape"))
    #expect(constant.refusal([.ints([Int32.max, Int32.max, Int32.max])]).contains("impossible shape"))
    #expect(try OperatorRun(kind: .onesLike)([.floats([2], [5, 6])])[0].floats == [1, 1])
    #expect(try OperatorRun(kind: .zerosLike)([.ints([5])])[0].ints == [0])
  }

  @Test func ranges() throws {
    let run = OperatorRun(kind: .range, known: [0, 1, 2])
    #expect(try run([.scalar(3), .scalar(10), .scalar(3)])[0] == .ints([3, 6, 9]))
    #expect(try run([.scalar(3), .scalar(-2), .scalar(-2)])[0] == .ints([3, 1, -1]))
    #expect(try run([.scalar(3), .scalar(0), .scalar(1)])[0] == .ints([]))
    #expect(try run([.floats([], [0]), .floats([], [1]), .floats([], [0.25])])[0].floats == [0, 0.25, 0.5, 0.75])
    #expect(run.refusal([.scalar(3), .scalar(0), .scalar(0)]) == "cannot count from 3 to 0 in steps of 0")
    #expect(run.refusal([.floats([], [0]), .floats([], [.infinity]), .floats([], [1])]).contains("cannot count"))
    #expect(OperatorRun(kind: .range).refusal([.scalar(3), .scalar(0), .scalar(1)]) == "deferred")
    let fixed = OperatorRun(kind: .range, attributes: attributes((1, .int(1)), (2, .int(6)), (3, .int(2))))
    #expect(try fixed([.ints([0])])[0] == .ints([1, 3, 5]))
    #expect(try OperatorRun(kind: .linSpace)([.floats([], [1]), .floats([], [2]), .scalar(3)])[0].floats == [1, 1.5, 2])
  }
}
