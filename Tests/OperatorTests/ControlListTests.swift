import Graph
import Testing

@testable import Operators

/// What tensor lists and tensor arrays hold, against plain Swift arrays.
@Suite struct ControlLists {
  /// [3, 2] of each type that lists take, with the bytes of a row.
  private static var tables: [Value] { [
    .floats([3, 2], [1.5, -2, 3, 4, -5, 6.25]), Value(.float16, [3, 2], [0x3c00, 0x4000, 0xbc00, 0x7c00, 1, 0] as [UInt16]),
    .ints([3, 2], [1, -2, 3, 4, 5, .max]), .longs([3, 2], [1, -2, 3, 4, 5, .min]), .bools([3, 2], [true, false, true, true, false, false]),
  ] }

  private func rows(_ v: Value) -> [[UInt8]] {
    let size = v.bytes.count / v.dims[0]
    return (0..<v.dims[0]).map { Array(v.bytes[$0 * size..<($0 + 1) * size]) }
  }

  @Test(arguments: 0..<5) func slicesGoInAndComeOut(_ which: Int) throws {
    let table = Self.tables[which]
    for indices in [DataType.int32, .int64] {
      func index(_ v: [Int], _ dims: [Int]) -> Value {
        indices == .int32 ? .ints(dims, v.map { Int32($0) }) : .longs(dims, v.map { Int64($0) })
      }
      let bench = ControlBench()
      let list = try bench.run(.tensorListFromTensor, [bench.tensor(table), bench.tensor(index([2], [1]))])[0]
      #expect(list.type == .tensorList && list.shape.dims == [3])
      for i in 0..<3 {
        let item = try bench.run(.tensorListGetItem, [list, bench.tensor(index([i], [])), bench.tensor(index([-1], []))])[0]
        #expect(bench.value(item) == Value(table.type, [2], rows(table)[i]))
      }
      let stacked = try bench.run(.tensorListStack, [list, bench.tensor(index([-1], [1]))], attributes((0, .int(3))))[0]
      #expect(bench.value(stacked) == table)
    }
  }

  @Test(arguments: 0..<5) func settingItemsLeavesTheOldListAlone(_ which: Int) throws {
    let table = Self.tables[which]
    let bench = ControlBench()
    let shape = bench.tensor(.ints([2]))
    var list = try bench.run(
      .tensorListReserve, [shape, bench.tensor(.scalar(3))], attributes((0, .int(Int64(table.type.rawValue)))))[0]
    var versions = [list]
    var expected = [[[UInt8]]](repeating: [[UInt8]](repeating: [UInt8](repeating: 0, count: 2 * table.type.size), count: 3), count: 1)
    for (position, row) in [(2, 0), (0, 1), (2, 2), (3, 1)] {
      let item = bench.tensor(Value(table.type, [2], rows(table)[row]))
      // The old version has another reader, so it must stay.
      list.consumers += 1
      let indexValue: Value = row == 1 ? .longs([1], [Int64(position)]) : .scalar(Int32(position))
      list = try bench.run(.tensorListSetItem, [list, bench.tensor(indexValue), item])[0]
      var next = expected.last!
      if position == next.count { next.append(rows(table)[row]) } else { next[position] = rows(table)[row] }
      expected.append(next)
      versions.append(list)
    }
    for (version, items) in zip(versions, expected) {
      let stacked = try bench.run(.tensorListStack, [version, shape])[0]
      #expect(bench.value(stacked) == Value(table.type, [items.count, 2], items.flatMap { $0 }))
    }
    // Places that nobody has set read as zeros too.
    let empty = try bench.run(.tensorListGetItem, [versions[0], bench.tensor(.scalar(1)), shape])[0]
    #expect(bench.value(empty) == Value(table.type, [2], [UInt8](repeating: 0, count: 2 * table.type.size)))
  }

  @Test func aListWithOneReaderIsChangedInPlace() throws {
    let bench = ControlBench()
    let list = try bench.run(.tensorListReserve, [bench.tensor(.ints([1])), bench.tensor(.scalar(2))])[0]
    let object = try #require(list.list)
    let identity = ObjectIdentifier(object)
    func set(_ list: Tensor) throws -> Tensor {
      try bench.run(.tensorListSetItem, [list, bench.tensor(.scalar(0)), bench.tensor(.floats([1], [7]))])[0]
    }
    // `object` is a second owner: a copy is made.
    let second = try set(list)
    #expect(second.list !== object && object.items[0] == nil)
    let before = ObjectIdentifier(try #require(second.list))
    let third = try set(second)
    #expect(ObjectIdentifier(try #require(third.list)) == before && before != identity)
    #expect(second.list == nil)
  }

  @Test func listsThatGrow() throws {
    let bench = ControlBench()
    let list = Tensor(name: "l", type: .tensorList, shape: Shape([0]))
    list.list = TensorListValue(elementType: .unknown, elementShape: ElementShape(nil), items: [])
    var last = list
    for i in 0..<4 {
      last = try bench.run(.tensorListSetItem, [last, bench.tensor(.scalar(Int32(i))), bench.tensor(.floats([1, 2], [Float(i), 0.5]))])[0]
    }
    #expect(last.shape.dims == [4])
    let stacked = try bench.run(.tensorListStack, [last], attributes((0, .int(-1))))[0]
    #expect(bench.value(stacked) == .floats([4, 1, 2], [0, 0.5, 1, 0.5, 2, 0.5, 3, 0.5]))
  }

  @Test func itemsOfDifferentShapes() throws {
    let bench = ControlBench()
    var list = try bench.run(.tensorListReserve, [bench.tensor(.ints([-1, 2])), bench.tensor(.scalar(2))])[0]
    list = try bench.run(.tensorListSetItem, [list, bench.tensor(.scalar(0)), bench.tensor(.ints([1, 2], [1, 2]))])[0]
    list = try bench.run(.tensorListSetItem, [list, bench.tensor(.scalar(1)), bench.tensor(.ints([2, 2], [3, 4, 5, 6]))])[0]
    let item = try bench.run(.tensorListGetItem, [list, bench.tensor(.scalar(1))])[0]
    #expect(bench.value(item) == .ints([2, 2], [3, 4, 5, 6]))
    list.consumers += 1
    #expect(bench.refusal(.tensorListStack, [list]).contains("an item of shape [2, 2] does not fit [1, 2]"))
    #expect(bench.refusal(.tensorListSetItem, [list, bench.tensor(.scalar(0)), bench.tensor(.ints([1, 3], [1, 2, 3]))]).contains("does not fit items of shape [?, 2]"))
    #expect(bench.refusal(.tensorListSetItem, [list, bench.tensor(.scalar(0)), bench.tensor(.floats([1, 2], [1, 2]))]).contains("does not fit a list of int32"))
  }

  @Test func refusals() throws {
    let bench = ControlBench()
    let x = bench.tensor(.floats([2, 2], [1, 2, 3, 4]))
    let list = try bench.run(.tensorListFromTensor, [x])[0]
    #expect(bench.refusal(.tensorListGetItem, [list, bench.tensor(.scalar(2))]) == "index 2 lies outside 0..<2")
    #expect(bench.refusal(.tensorListGetItem, [list, bench.tensor(.scalar(-1))]) == "index -1 lies outside 0..<2")
    #expect(bench.refusal(.tensorListGetItem, [list, bench.tensor(.ints([0, 1]))]).contains("must hold one index"))
    #expect(bench.refusal(.tensorListSetItem, [list, bench.tensor(.scalar(3)), bench.tensor(.floats([2], [0, 0]))]) == "index 3 lies outside 0..<3")
    #expect(bench.refusal(.tensorListStack, [list], attributes((0, .int(5)))) == "the list has 2 items; 5 are asked for")
    #expect(bench.refusal(.tensorListStack, [list, bench.tensor(.ints([3]))]).contains("do not fit the shape [3]"))
    #expect(bench.refusal(.tensorListFromTensor, [x, bench.tensor(.ints([3]))]).contains("do not have the shape [3]"))
    #expect(bench.refusal(.tensorListFromTensor, [bench.tensor(.floats([], [1]))]).contains("must have 1 to 8 dimensions"))
    #expect(bench.refusal(.tensorListFromTensor, [bench.tensor(Value(.float64, [1], [1.0]))]).contains("float32, float16, int32, int64 and bool"))
    let shape = bench.tensor(.ints([2]))
    #expect(bench.refusal(.tensorListReserve, [shape, bench.tensor(.scalar(-1))]).contains("-1 items"))
    #expect(bench.refusal(.tensorListReserve, [shape, bench.tensor(.scalar(.max))]).contains("is the limit") == false)
    #expect(bench.refusal(.tensorListReserve, [shape, bench.tensor(.scalar(.max))]).contains("0 to 16777216 are possible"))
    #expect(bench.refusal(.tensorListGetItem, [x, bench.tensor(.scalar(0))]).contains("must be a tensor list"))
    let open = try bench.run(.tensorListReserve, [bench.tensor(.ints([], [-1])), bench.tensor(.scalar(2))])[0]
    #expect(bench.refusal(.tensorListStack, [open]).contains("none of the 2 has been set"))
  }

  @Test func reservedSizesOfBothIndexTypes() throws {
    let bench = ControlBench()
    for shape in [Value.ints([2]), .longs([1], [2])] {
      for count in [Value.scalar(2), .longs([], [2])] {
        #expect(try bench.run(.tensorListReserve, [bench.tensor(shape), bench.tensor(count)])[0].shape.dims == [2])
      }
    }
  }

  @Test(arguments: 0..<5) func arraysAreWrittenAndRead(_ which: Int) throws {
    let table = Self.tables[which]
    for wide in [false, true] {
      func index(_ i: Int) -> Value { wide ? .longs([], [Int64(i)]) : .scalar(Int32(i)) }
      let bench = ControlBench()
      let made = try bench.run(
        .tensorArray, [bench.tensor(index(2))], attributes((2, .ints([2])), (3, .int(Int64(table.type.rawValue)))),
        outputs: [.float32, .float32])
      let handle = made[0]
      func read(_ i: Int) throws -> Value { bench.value(try bench.run(.tensorArrayRead, [handle, bench.tensor(index(i)), made[1]])[0]) }
      #expect(try read(1) == Value(table.type, [2], [UInt8](repeating: 0, count: 2 * table.type.size)))
      let item = bench.tensor(Value(table.type, [2], rows(table)[1]))
      let flow = try bench.run(.tensorArrayWrite, [handle, bench.tensor(index(1)), item, made[1]], outputs: [.float32])[0]
      #expect(flow.shape.dims == [])
      #expect(try read(1) == Value(table.type, [2], rows(table)[1]))
      #expect(bench.refusal(.tensorArrayWrite, [handle, bench.tensor(index(2)), item]) == "index 2 lies outside 0..<2")
    }
  }

  @Test func arraysThatGrowAndRefuse() throws {
    let bench = ControlBench()
    let handle = try bench.run(.tensorArray, [bench.tensor(.scalar(0))], attributes((0, .bool(true))))[0]
    try bench.run(.tensorArrayWrite, [handle, bench.tensor(.scalar(2)), bench.tensor(.floats([3], [1, 2, 3]))], outputs: [])
    #expect(handle.list?.items.count == 3)
    #expect(bench.value(try bench.run(.tensorArrayRead, [handle, bench.tensor(.scalar(0))])[0]) == .floats([3], [0, 0, 0]))
    #expect(
      bench.refusal(.tensorArrayWrite, [handle, bench.tensor(.scalar(0)), bench.tensor(.ints([1]))]).contains("must have the same element type"))
    #expect(bench.refusal(.tensorArray, [bench.tensor(.scalar(-3))]).contains("-3 items"))
    #expect(
      bench.refusal(.tensorArrayWrite, [bench.tensor(.floats([], [0])), bench.tensor(.scalar(0)), bench.tensor(.floats([], [0]))]).contains(
        "is no array's handle"))
  }

  @Test func mergedShapes() {
    #expect(ElementShape([-1, 3]).merged(with: ElementShape([2, -1]))?.dims == [2, 3])
    #expect(ElementShape(nil).merged(with: ElementShape([2]))?.dims == [2])
    #expect(ElementShape([-1]).merged(with: ElementShape([4, 5]))?.dims == [4, 5])
    #expect(ElementShape([2]).merged(with: ElementShape([3])) == nil)
    #expect(ElementShape([2, 2]).merged(with: ElementShape([2])) == nil)
    #expect(ElementShape([2, -1]).text == "[2, ?]" && ElementShape(nil).text == "of any rank")
  }
}

@Suite struct ControlChecks {
  private let types: [Value] = [
    .floats([2], [1.5, -0.0625]), Value(.float16, [2], [0x3e00, 0xc000] as [UInt16]), Value(.float64, [2], [1e20, -1.25e-7]),
    Value(.int8, [2], [-1, 7] as [Int8]), Value(.uint8, [2], [255, 0] as [UInt8]), Value(.int16, [2], [-300, 2] as [Int16]),
    Value(.uint16, [2], [65535, 2] as [UInt16]), .ints([2], [-70000, 1]), Value(.uint32, [2], [4_000_000_000, 1] as [UInt32]),
    .longs([2], [-5_000_000_000, 1]), Value(.uint64, [2], [.max, 1] as [UInt64]), .bools([2], [true, false]),
    Value(.string, [2], [65, 66] as [UInt8]),
  ]

  @Test func conditionsThatHold() throws {
    for condition in [Value.bools([1], [true]), .floats([], [0.5]), Value(.float16, [1], [0x3c00] as [UInt16])] {
      for data in types {
        #expect(try OperatorRun(kind: .assert)([condition, data], outputs: 0).isEmpty)
      }
      #expect(try OperatorRun(kind: .assert)([condition], outputs: 1) == [.bools([], [true])])
    }
  }

  @Test func failuresShowTheData() {
    let no = Value.bools([1], [false])
    let shown = [
      "1.5 -0.0625", "1.5 -2", "1e20 -1.25e-7", "-1 7", "255 0", "-300 2", "65535 2", "-70000 1", "4000000000 1", "-5000000000 1",
      "18446744073709551615 1", "true false", "65 66",
    ]
    for (data, text) in zip(types, shown) {
      let message = OperatorRun(kind: .assert).refusal([no, data], outputs: 0)
      #expect(message == "the condition does not hold; \"in1\" \(data.type.name) [2] = \(text)")
    }
    let many = Value.floats([5], [1, 1234567, 0.1, -.infinity, .nan])
    #expect(OperatorRun(kind: .assert).refusal([no, many], outputs: 0).hasSuffix("= 1 1.23457e6 0.1 ..."))
    #expect(
      OperatorRun(kind: .assert, attributes: attributes((0, .int(5)))).refusal([no, many], outputs: 0).hasSuffix("= 1 1.23457e6 0.1 -inf nan"))
    #expect(OperatorRun(kind: .assert).refusal([.floats([], [-0.0])], outputs: 0) == "the condition does not hold")
    #expect(OperatorRun(kind: .assert).refusal([Value(.float16, [], [0x8000] as [UInt16])], outputs: 0) == "the condition does not hold")
    #expect(OperatorRun(kind: .assert).refusal([.floats([0], [])], outputs: 0).contains("must hold the condition"))
    #expect(OperatorRun(kind: .assert).refusal([.ints([1])], outputs: 0).contains("must be bool or float32 or float16"))
  }

  /// The nodes of control flow compute nothing themselves; that they find their way is tested with whole models.
  @Test func controlNodesAreChecked() throws {
    let bench = ControlBench()
    let handle = Tensor(name: "h", type: .float32, shape: Shape([-1]))
    let conditions: [Value] = [
      .bools([1], [true]), Value(.int8, [1], [1] as [Int8]), Value(.uint8, [1], [1] as [UInt8]), .ints([1]), .longs([1], [1]),
    ]
    func accepted(_ kind: OperatorKind, _ inputs: [Tensor], outputs: Int = 1) throws {
      let node = Node(
        name: "n", kind: kind, inputs: inputs, outputs: (0..<outputs).map { _ in Tensor(name: "o", type: .float32, shape: Shape([-1])) })
      let op = try Registry.factory(for: kind)!(node)
      #expect(!op.isPure)
      #expect(throws: EngineError.self) { try op.infer() }
      OperatorCoverage.record(node)
    }
    for c in conditions {
      try accepted(.switch, [bench.tensor(c), handle, handle])
      try accepted(.switchLayer, [bench.tensor(c), handle, handle, handle])
    }
    try accepted(.partialFusion, [bench.tensor(.floats([1], [1]))])
    try accepted(.call, [handle], outputs: 3)
    let yes = bench.tensor(.bools([1], [true]))
    #expect(bench.refusal(.switch, [yes, handle]) == "has 2 inputs; 3 are needed")
    #expect(bench.refusal(.switch, [bench.tensor(.floats([1], [1])), handle, handle]).contains("must be bool or int8"))
    #expect(bench.refusal(.switchLayer, [yes]).hasPrefix("has 1 inputs"))
    #expect(bench.refusal(.call, []) == "has no inputs; a subgraph's handle is needed")
    #expect(bench.refusal(.partialFusion, [], outputs: []) == "has 0 outputs; 1 are needed")
  }
}
