import Graph
import Testing

@testable import Operators

/// Sparse tensors, segments and tables. Numbers that the tests do not compute were recorded from TensorFlow 2.21.
struct SparseTests {
  private func pairs(_ dims: [Int], _ v: [Int], _ type: DataType) -> Value {
    type == .int32 ? .ints(dims, v.map { Int32($0) }) : .longs(dims, v.map { Int64($0) })
  }

  @Test(arguments: [false, true])
  func fillEmptyRows(_ isLong: Bool) throws {
    let type = isLong ? DataType.int64 : .int32
    let run = OperatorRun(kind: .sparseFillEmptyRows, known: [0, 1, 2, 3])
    let indices = pairs([4, 2], [1, 3, 0, 2, 1, 0, 4, 1], type), shape = pairs([2], [6, 4], type)
    let y = try run([indices, .floats([4], [5, 6, 7, 8]), shape, .floats([], [-1])], outputs: 4)
    #expect(y[0] == pairs([7, 2], [0, 2, 1, 3, 1, 0, 2, 0, 3, 0, 4, 1, 5, 0], type))
    #expect(y[1] == .floats([7], [6, 5, 7, -1, -1, 8, -1]))
    #expect(y[2] == .bools([6], [false, false, true, true, false, true]))
    #expect(y[3] == .ints([1, 0, 2, 5]))
    // Every type that can be moved; without the map; the other index type for the shape.
    for v in numbered([4], from: 1) {
      let filler = gathered(v, []) { _ in [3] }
      let z = try run([indices, v, pairs([2], [6, 4], type == .int32 ? .int64 : .int32), filler], outputs: 3)
      #expect(z[1] == gathered(v, [7]) { [[1], [0], [2], [3], [3], [3], [3]][$0[0]] })
    }
    let none = try run([pairs([0, 2], [], type), .floats([0], []), pairs([2], [2, 9], type), .floats([1], [4])], outputs: 4)
    #expect(none[0] == pairs([2, 2], [0, 0, 1, 0], type) && none[1] == .floats([2], [4, 4]) && none[3] == .ints([]))
    let empty = try run([pairs([0, 2], [], type), .floats([0], []), pairs([2], [0, 9], type), .floats([1], [4])], outputs: 4)
    #expect(empty[0].dims == [0, 2] && empty[2].dims == [0])
    func refusal(_ at: Int, _ rows: Int) -> String {
      run.refusal([pairs([1, 1], [at], type), .floats([1], [1]), pairs([1], [rows], type), .floats([1], [0])], outputs: 4)
    }
    #expect(refusal(3, 3) == "entry 0 lies in row 3; there are 3" && refusal(-1, 3).contains("row -1"))
    #expect(refusal(0, -1).contains("-1 rows") && refusal(0, 1 << 30).contains("rows"))
    #expect(OperatorRun(kind: .sparseFillEmptyRows).refusal([indices, .floats([4], [1, 2, 3, 4]), shape, .floats([1], [0])], outputs: 4) == "deferred")
    #expect(run.refusal([indices, .floats([3], [1, 2, 3]), shape, .floats([1], [0])], outputs: 4).contains("[n, rank] and [n]"))
  }

  @Test(arguments: [false, true], [false, true])
  func reshape(_ isLong: Bool, _ hasLongShape: Bool) throws {
    let type = isLong ? DataType.int64 : .int32, shapeType = hasLongShape ? DataType.int64 : .int32
    let run = OperatorRun(kind: .sparseReshape, known: [])
    let indices = pairs([5, 3], [0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 2, 3], type)
    for third in [type, shapeType] {
      let y = try run([indices, pairs([3], [2, 3, 6], shapeType), pairs([2], [9, -1], third)], outputs: 2)
      #expect(y[0] == pairs([5, 2], [0, 0, 0, 1, 1, 2, 4, 2, 8, 1], type) && y[1] == pairs([2], [9, 4], third))
    }
    func refusal(_ old: [Int], _ new: [Int]) -> String {
      run.refusal([indices, pairs([3], old, shapeType), pairs([new.count], new, shapeType)], outputs: 2)
    }
    #expect(refusal([2, 3, 6], [-1, -1]).contains("at most one -1") && refusal([2, 3, 6], [-2, 18]).contains("at most one -1"))
    #expect(refusal([2, 3, 6], [5, 7]) == "the new shape has 35 elements in place of 36" && refusal([2, 3, 6], [5, -1]).contains("in place of 36"))
    #expect(refusal([2, -3, 6], [12]).contains("entry 1 of the shape is -3"))
    #expect(refusal([0, 3, 6], [0, 7]) == "accepted" && refusal([0, 3, 6], [0, -1]) == "accepted" && refusal([2, 3, 6], [0, -1]).contains("in place"))
    if shapeType == .int64 {
      #expect(refusal([1 << 40, 1 << 40, 1], [1]).contains("too large"))
      #expect(refusal([1, 1, 1], [1 << 40, 1 << 40]).contains("too large"))
    }
    #expect(run.refusal([indices, pairs([2], [2, 3], shapeType), pairs([1], [6], shapeType)], outputs: 2).contains("one entry for each column"))
  }

  @Test func sparseSegmentSum() throws {
    let run = OperatorRun(kind: .sparseSegmentSum, known: [1, 2])
    let x = DetectionTests.sequence(12)
    let rows = [3, 0, 0, 2, 1], segments = [0, 0, 1, 3, 3]
    let wanted: [Float] = [-1.8125, 2.8125, -0.5625, -1.3125, 1, -0.6875, 0, 0, 0, 2.1875, -1.1875, -0.5625]
    for a in [DataType.int32, .int64] {
      for b in [DataType.int32, .int64] {
        let y = try run([.floats([4, 3], x), pairs([5], rows, a), pairs([5], segments, b)])[0]
        DetectionTests.expect(y, [4, 3], wanted, 0)
        let whole = try run([.ints([4, 3], x.map { Int32($0 * 16) }), pairs([5], rows, a), pairs([5], segments, b)])[0]
        #expect(whole == .ints([4, 3], wanted.map { Int32($0 * 16) }))
      }
    }
    #expect(try run([.floats([4, 3], x), .ints([]), .ints([])])[0].dims == [0, 3])
    func refusal(_ rows: [Int32], _ segments: [Int32]) -> String { run.refusal([.floats([4, 3], x), .ints(rows), .ints(segments)]) }
    #expect(refusal([0, 4], [0, 1]).contains("row 4 lies outside") && refusal([-1], [0]).contains("row -1"))
    #expect(refusal([0, 0], [1, 0]).contains("segment") && refusal([0], [-1]).contains("segment") && refusal([0], [-9]).contains("-9"))
    #expect(refusal([0], [0, 1]).contains("equally many") && refusal([0], [Int32.max]).contains("end with 2147483647"))
    #expect(OperatorRun(kind: .sparseSegmentSum, known: []).refusal([.floats([4, 3], x), .ints([0]), .ints([0])]) == "deferred")
  }

  @Test func unsortedSegmentSum() throws {
    let run = OperatorRun(kind: .unsortedSegmentSum)
    let x = DetectionTests.sequence(24)
    let wanted: [Float] = [-0.375, 0.25, 0.875, 1.5, 1.1875, -0.5, 1.8125, 0.125, -1.625, -1, -0.375, 0.25, 0, 0, 0, 0]
    for a in [DataType.int32, .int64] {
      for n in [Value.scalar(4), .longs([1], [4])] {
        let ids = pairs([2, 3], [0, 2, 1, 2, -1, 0], a)
        DetectionTests.expect(try run([.floats([2, 3, 4], x), ids, n])[0], [4, 4], wanted, 0)
        #expect(try run([.ints([2, 3, 4], x.map { Int32($0 * 16) }), ids, n])[0] == .ints([4, 4], wanted.map { Int32($0 * 16) }))
      }
    }
    // Ids for every element, for rows, and outside.
    #expect(try run([.floats([3], [1, 2, 4]), .ints([1, 1, 9]), .scalar(2)])[0] == .floats([2], [0, 3]))
    #expect(try run([.floats([2, 0], []), .ints([0, 1]), .scalar(2)])[0].dims == [2, 0])
    #expect(run.refusal([.floats([3], [1, 2, 4]), .ints([1, 1]), .scalar(2)]).contains("shape of the first axes"))
    #expect(run.refusal([.floats([3], [1, 2, 4]), .ints([1, 1, 1]), .scalar(-2)]).contains("impossible shape"))
  }

  @Test func raggedRange() throws {
    let run = OperatorRun(kind: .raggedRange, known: [0, 1, 2])
    var y = try run([.ints([2, 5, 8, 10]), .ints([6, 5, 3, 1]), .ints([2, 1, -2, -4])], outputs: 2)
    #expect(y[0] == .ints([0, 2, 2, 5, 8]) && y[1] == .ints([2, 4, 8, 6, 4, 10, 6, 2]))
    y = try run([.floats([], [0.5]), .floats([3], [2, 0, 1.75]), .floats([], [0.25])], outputs: 2)
    #expect(y[0] == .ints([0, 6, 6, 11]) && y[1] == .floats([11], [0.5, 0.75, 1, 1.25, 1.5, 1.75, 0.5, 0.75, 1, 1.25, 1.5]))
    y = try run([.scalar(3), .scalar(-4), .scalar(-3)], outputs: 2)
    #expect(y[0] == .ints([0, 3]) && y[1] == .ints([3, 0, -3]))
    y = try run([.ints([]), .scalar(1), .scalar(1)], outputs: 2)
    #expect(y[0] == .ints([0]) && y[1] == .ints([]))
    #expect(run.refusal([.scalar(0), .scalar(5), .scalar(0)], outputs: 2).contains("step of 0"))
    #expect(run.refusal([.floats([], [0]), .floats([], [5]), .floats([], [0])], outputs: 2).contains("step of 0"))
    #expect(run.refusal([.floats([], [.nan]), .floats([], [5]), .floats([], [1])], outputs: 2).contains("no number"))
    #expect(try run([.floats([], [0]), .floats([], [-.infinity]), .floats([], [1])], outputs: 2)[1].dims == [0])
    #expect(run.refusal([.scalar(Int32.min), .scalar(Int32.max), .scalar(1)], outputs: 2).contains("more than"))
    #expect(run.refusal([.ints([1, 2]), .ints([3]), .scalar(1)], outputs: 2).contains("a number or 2 numbers"))
    #expect(OperatorRun(kind: .raggedRange).refusal([.scalar(0), .scalar(5), .scalar(1)], outputs: 2) == "deferred")
  }

  @Test func embeddingLookup() throws {
    let one = Value.floats([3, 2, 2], (0..<12).map { Float($0 + 1) }), two = Value.floats([2, 2, 2], (0..<8).map { Float($0 + 13) })
    for type in [DataType.int32, .int64] {
      let ids = pairs([2, 2], [4, 0, 2, 3], type)
      func row(_ r: Int, _ factor: Float) -> [Float] { (1...4).map { Float(r * 4 + $0) * factor } }
      let y = try OperatorRun(kind: .embeddingLookupFusion)([one, two, ids])[0]
      let plain = row(4, 1) + row(0, 1) + row(2, 1) + row(3, 1)
      #expect(y == .floats([2, 2, 2, 2], plain))
      // Rows are scaled by the norm over their sum.
      let scaled = try OperatorRun(kind: .embeddingLookupFusion, attributes: attributes((0, .float(2))))([one, ids.with([2, 2], [0, 0, 2, 1])])[0]
      let wanted = row(0, 0.2) + row(0, 0.2) + row(2, 2.0 / 42) + row(1, 2.0 / 26)
      DetectionTests.expect(scaled, [2, 2, 2, 2], wanted)
    }
    let zero = try OperatorRun(kind: .embeddingLookupFusion, attributes: attributes((0, .float(2))))([.floats([1, 2], [-3, 3]), .ints([0])])[0]
    #expect(zero == .floats([1, 2], [-3, 3]))
    #expect(try OperatorRun(kind: .embeddingLookupFusion)([one, .ints([])])[0].dims == [0, 2, 2])
    let run = OperatorRun(kind: .embeddingLookupFusion)
    #expect(run.refusal([one, two, .ints([5])]) == "row number 5 lies outside the tables" && run.refusal([one, .ints([-1])]).contains("-1"))
    #expect(run.refusal([one, .floats([2, 3], [1, 2, 3, 4, 5, 6]), .ints([0])]).contains("rows like those"))
    #expect(run.refusal([one]).contains("1 inputs"))
  }

  @Test func splitWithOverlap() throws {
    func run(_ axis: Int64, _ ratio: [Int64], _ top: [Int64], _ bottom: [Int64]) -> OperatorRun {
      OperatorRun(
        kind: .splitWithOverlap,
        attributes: attributes((0, .int(axis)), (1, .int(Int64(ratio.count))), (2, .ints(ratio)), (3, .ints(top)), (4, .ints(bottom))))
    }
    for x in numbered([2, 10, 3]) {
      // Borders at ceil(10 * 1 / 4) = 3 and ceil(10 * 3 / 4) = 8.
      let y = try run(1, [1, 2, 1], [0, 1, 2], [2, 1, 0])([x], outputs: 3)
      for (i, part) in [0..<5, 2..<9, 6..<10].enumerated() {
        #expect(y[i] == gathered(x, [2, part.count, 3]) { [$0[0], $0[1] + part.lowerBound, $0[2]] })
      }
      let last = try run(-1, [1, 1], [0, 0], [0, 0])([x], outputs: 2)
      #expect(last[0] == gathered(x, [2, 10, 2]) { $0 } && last[1].dims == [2, 10, 1])
    }
    let x = Value.floats([10], DetectionTests.sequence(10))
    #expect(run(0, [1, 1], [1, 0], [0, 0]).refusal([x], outputs: 2).contains("goes from -1 to 5"))
    #expect(run(0, [1, 1], [0, 0], [0, 1]).refusal([x], outputs: 2).contains("goes from 5 to 11"))
    #expect(run(0, [1, 0], [0, 0], [0, 0]).refusal([x], outputs: 2).contains("ratio has the entry 0"))
    #expect(run(0, [1, 1], [0], [0, 0]).refusal([x], outputs: 2).contains("number_split is 2"))
    #expect(run(0, [1, 1], [0, 0], [0, 0]).refusal([x], outputs: 3).contains("number_split is 2"))
    #expect(run(1, [1, 1], [0, 0], [0, 0]).refusal([x], outputs: 2).contains("axis 1"))
  }
}

extension Value {
  /// Other integers of the same type.
  func with(_ dims: [Int], _ v: [Int]) -> Value {
    type == .int32 ? .ints(dims, v.map { Int32($0) }) : .longs(dims, v.map { Int64($0) })
  }
}
