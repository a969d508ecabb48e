import FlatBuffers
import Graph
import Runtime
import Testing

/// Models of several subgraphs, written here, against loops and conditions in Swift.
@Suite struct ControlFlow {
  /// y = sum(x) > 0 ? 2x + 1 : x * x - 3, in whichever form the branches end.
  private func condition(callAfter: Bool) -> [UInt8] {
    let m = ControlModel()
    let main = m.part("main"), yes = m.part("yes"), no = m.part("no"), after = m.part("after")
    let x = main.input([2, 3])
    let sum = main.op(.reduceFusion, [x, m.ints([Int32(0), 1], [2])], .float32, TableBuilder().set(1, .int32(4)))
    let isPositive = main.op(.greater, [sum, m.floats([Float(0)])], .bool)
    let choice = main.op(.switch, [isPositive, main.partial(1, [x]), main.partial(2, [x])])
    let a = yes.input([2, 3]), b = no.input([2, 3]), c = after.input([2, 3])
    let doubled = yes.op(.addFusion, [yes.op(.mulFusion, [a, m.floats([Float(2)])]), m.floats([Float(1)])])
    let squared = no.op(.subFusion, [no.op(.mulFusion, [b, b]), m.floats([Float(3)])])
    after.outputs = [after.op(.neg, [c])]
    if callAfter {
      // The caller goes on with the result.
      yes.outputs = [doubled]
      no.outputs = [squared]
      main.outputs = [main.op(.neg, [main.call(choice)[0]])]
      return m.bytes()
    }
    main.end(choice)
    yes.end(yes.partial(3, [doubled]))
    no.end(no.partial(3, [squared]))
    return m.bytes(outputs: after.outputs)
  }

  @Test(arguments: [false, true]) func bothBranches(_ callAfter: Bool) throws {
    let run = try ControlRun(condition(callAfter: callAfter))
    for _ in 0..<2 {
      #expect(try run.floats([1, 2, 3, -1, -2, 0.5]) == [-3, -5, -7, 1, 3, -2])
      #expect(try run.floats([1, 2, -3, -1, -2, 0.5]) == [2, -1, -6, 2, -1, 2.75])
    }
    #expect(run.session.outputs[0].shape.dims == [2, 3])
    // Another shape: everything is planned anew.
    try run.session.resize([[1, 2]])
    #expect(try run.floats([4, -1]) == [-9, 1])
    #expect(try run.floats([-4, 1]) == [-13, 2])
    #expect(run.session.outputs[0].shape.dims == [1, 2])
  }

  /// i = 0; while (i < n) { a = a * 0.5 + x; s += a; i += 1 }; y = s, i. With the loop's count as an input of the model.
  private func counting() -> [UInt8] {
    let m = ControlModel()
    let main = m.part("main"), test = m.part("test"), body = m.part("body"), after = m.part("after")
    let x = main.input([4]), n = main.input([1], .int32)
    let start = [m.ints([Int32(0)], [1]), n, main.op(.abs, [x]), m.floats([0, 0, 0, 0], [4]), x]
    main.end(main.partial(1, start))
    let types: [DataType] = [.int32, .int32, .float32, .float32, .float32]
    func loopVariables(_ part: ControlModel.Part) -> [UInt32] { types.map { part.input($0 == .int32 ? [1] : [4], $0) } }
    let t = loopVariables(test)
    let again = test.op(.less, [t[0], t[1]], .bool)
    test.end(test.op(.switch, [again, test.partial(2, t), test.partial(3, [t[3], t[0]])]))
    let b = loopVariables(body)
    let a = body.op(.addFusion, [body.op(.mulFusion, [b[2], m.floats([Float(0.5)])]), b[4]])
    let s = body.op(.addFusion, [b[3], a])
    let i = body.op(.addFusion, [b[0], m.ints([Int32(1)])], .int32)
    body.end(body.partial(1, [i, b[1], a, s, b[4]]))
    let result = after.input([4]), count = after.input([1], .int32)
    after.outputs = [after.op(.neg, [result]), count]
    return m.bytes(outputs: after.outputs)
  }

  private func counted(_ x: [Float], _ n: Int) -> [Float] {
    var a = x.map(abs), s = [Float](repeating: 0, count: x.count)
    for _ in 0..<n {
      for k in 0..<x.count {
        a[k] = a[k] * 0.5 + x[k]
        s[k] += a[k]
      }
    }
    return s.map { -$0 }
  }

  @Test func loops() throws {
    let run = try ControlRun(counting(), threads: 2)
    let x: [Float] = [1, -2, 0.25, 3]
    for n in [5, 0, 1, 1000, 7] {
      try run.run([littleEndian(x.map(\.bitPattern)), littleEndian([Int32(n)])])
      #expect(run.output(0, Float.self) == counted(x, n))
      #expect(run.output(1, Int32.self) == [Int32(n)])
    }
  }

  /// The names of what runs, as callbacks see it.
  private final class Names: RunObserver {
    var before: [String] = [], after: [String] = []
    var values: [Int32] = []
    override func before(_ node: Node) { before.append(node.kind.name) }
    override func after(_ node: Node) {
      after.append(node.kind.name)
      if node.kind == .less { values.append(node.inputs[0].data!.load(as: Int32.self)) }
    }
  }

  @Test func callbacksAndProfileSeeSubgraphs() throws {
    let run = try ControlRun(counting())
    let names = Names()
    run.session.profiling = true
    try run.run([littleEndian([Float(1), 1, 1, 1].map(\.bitPattern)), littleEndian([Int32(2)])], observer: names)
    #expect(names.before == names.after)
    #expect(names.before.filter { $0 == "Less" }.count == 3)
    #expect(names.before.first == "Abs" && names.before.last == "Neg")
    #expect(names.values == [0, 1, 2])
    let profile = run.session.profile
    #expect(profile.first { $0.kind == "Less" }?.runs == 3)
    #expect(profile.first { $0.kind == "Abs" }?.runs == 1)
    #expect(profile.filter { $0.kind == "MulFusion" }.map(\.runs) == [2])
    #expect(!profile.contains { ["Call", "Switch", "PartialFusion"].contains($0.kind) })
  }

  /// for i in 0..<4 { for j in 0...i { a += x }; if sum(a) > limit { a /= 2 } else { a += 1 } }, as non-tail calls of loops.
  @Test func loopsInLoopsWithConditions() throws {
    let m = ControlModel()
    let main = m.part("main"), outer = m.part("outer"), outerBody = m.part("outer body"), inner = m.part("inner")
    let innerBody = m.part("inner body"), big = m.part("big"), small = m.part("small"), keep = m.part("keep")
    let x = main.input([3])
    let zero = m.ints([Int32(0)]), one = m.ints([Int32(1)])
    main.outputs = [main.call(main.partial(1, [zero, m.floats([0, 0, 0], [3]), x]), [.int32, .float32, .float32])[1]]
    let types: [DataType] = [.int32, .float32, .float32]
    func variables(_ p: ControlModel.Part) -> [UInt32] { types.map { p.input($0 == .int32 ? nil : [3], $0) } }
    let o = variables(outer)
    outer.end(outer.op(.switch, [outer.op(.less, [o[0], m.ints([Int32(4)])], .bool), outer.partial(2, o), outer.partial(7, o)]))
    let b = variables(outerBody)
    let added = outerBody.call(outerBody.partial(3, [zero, b[1], b[2], b[0]]), [.float32])[0]
    let sum = outerBody.op(.reduceFusion, [added, m.ints([Int32(0)], [1])], .float32, TableBuilder().set(1, .int32(4)))
    let isBig = outerBody.op(.greater, [sum, m.floats([Float(10)])], .bool)
    let changed = outerBody.call(outerBody.op(.switch, [isBig, outerBody.partial(5, [added]), outerBody.partial(6, [added])]))[0]
    outerBody.end(outerBody.partial(1, [outerBody.op(.addFusion, [b[0], one], .int32), changed, b[2]]))
    let i = variables(inner) + [inner.input(nil, .int32)]
    let keepOne = m.part("keep one")
    let kept = keepOne.input([3])
    keepOne.outputs = [kept]
    inner.end(inner.op(.switch, [inner.op(.lessEqual, [i[0], i[3]], .bool), inner.partial(4, i), inner.partial(8, [i[1]])]))
    let ib = variables(innerBody) + [innerBody.input(nil, .int32)]
    innerBody.end(
      innerBody.partial(
        3, [innerBody.op(.addFusion, [ib[0], one], .int32), innerBody.op(.addFusion, [ib[1], ib[2]]), ib[2], ib[3]]))
    let v = big.input([3]), w = small.input([3])
    big.outputs = [big.op(.mulFusion, [v, m.floats([Float(0.5)])])]
    small.outputs = [small.op(.addFusion, [w, m.floats([Float(1)])])]
    keep.outputs = variables(keep)
    let run = try ControlRun(m.bytes())
    for x: [Float] in [[1, 2, 3], [-1, 0.5, 0.25], [3, 3, 3]] {
      var a: [Float] = [0, 0, 0]
      for i in 0..<4 {
        for _ in 0...i { for k in 0..<3 { a[k] += x[k] } }
        let s = a[0] + a[1] + a[2]
        a = a.map { s > 10 ? $0 * 0.5 : $0 + 1 }
      }
      #expect(try run.floats(x) == a)
    }
  }

  /// while (rows < n) a = concat(a, x * rows)
  @Test func shapesThatGrow() throws {
    let m = ControlModel()
    let main = m.part("main"), test = m.part("test"), body = m.part("body"), after = m.part("after")
    let x = main.input([1, 2]), n = main.input(nil, .int32)
    main.end(main.partial(1, [m.ints([Int32(1)]), x, x, n]))
    func variables(_ p: ControlModel.Part) -> [UInt32] {
      [p.input(nil, .int32), p.input([-1, 2]), p.input([1, 2]), p.input(nil, .int32)]
    }
    let t = variables(test), b = variables(body)
    test.end(test.op(.switch, [test.op(.less, [t[0], t[3]], .bool), test.partial(2, t), test.partial(3, [t[1]])]))
    let scale = body.op(.cast, [b[0], m.ints([Int32(43)])])
    let joined = body.op(.concat, [b[1], body.op(.mulFusion, [b[2], scale])])
    body.end(body.partial(1, [body.op(.addFusion, [b[0], m.ints([Int32(1)])], .int32), joined, b[2], b[3]]))
    let grown = after.input([-1, 2])
    after.outputs = [after.op(.addFusion, [grown, m.floats([Float(1)])])]
    let run = try ControlRun(m.bytes(outputs: after.outputs))
    for n in [3, 40, 1, 12, 40] {
      try run.run([littleEndian([Float(1), -2].map(\.bitPattern)), littleEndian([Int32(n)])])
      #expect(run.session.outputs[0].shape.dims == [n, 2])
      var expected: [Float] = []
      for row in 0..<n {
        let scale = Float(max(row, 1))
        expected += [scale + 1, -2 * scale + 1]
      }
      #expect(run.output(0, Float.self) == expected)
    }
  }

  /// A loop that sets item i of one list to tanh-free arithmetic on item i of another: s = s / 2 + x[i]; out[i] = s.
  @Test func listsGoThroughLoops() throws {
    let m = ControlModel()
    let main = m.part("main"), test = m.part("test"), body = m.part("body"), after = m.part("after")
    let x = main.input([5, 3])
    let shape = m.ints([Int32(3)], [1]), zero = m.ints([Int32(0)])
    let items = main.op(.tensorListFromTensor, [x, shape], .tensorList)
    let out = main.op(.tensorListReserve, [shape, m.ints([Int32(5)])], .tensorList, TableBuilder().set(0, .int64(43)))
    main.end(main.partial(1, [zero, m.floats([0, 0, 0], [3]), out, items]))
    func variables(_ p: ControlModel.Part) -> [UInt32] {
      [p.input(nil, .int32), p.input([3]), p.input([5], .tensorList), p.input([5], .tensorList)]
    }
    let t = variables(test), b = variables(body)
    test.end(test.op(.switch, [test.op(.less, [t[0], m.ints([Int32(5)])], .bool), test.partial(2, t), test.partial(3, [t[2], t[3]])]))
    let item = body.op(.tensorListGetItem, [b[3], b[0], shape])
    let s = body.op(.addFusion, [body.op(.mulFusion, [b[1], m.floats([Float(0.5)])]), item])
    let next = body.op(.tensorListSetItem, [b[2], b[0], s], .tensorList)
    body.end(body.partial(1, [body.op(.addFusion, [b[0], m.ints([Int32(1)])], .int32), s, next, b[3]]))
    let made = after.input([5], .tensorList), given = after.input([5], .tensorList)
    after.outputs = [after.op(.tensorListStack, [made, shape]), after.op(.tensorListStack, [given, shape])]
    let run = try ControlRun(m.bytes(outputs: after.outputs))
    for scale in [Float(1), -0.5] {
      let x = (0..<15).map { Float($0 * 7 % 11) * scale }
      var s: [Float] = [0, 0, 0], expected: [Float] = []
      for i in 0..<5 {
        for k in 0..<3 { s[k] = s[k] * 0.5 + x[3 * i + k] }
        expected += s
      }
      #expect(try run.floats(x) == expected)
      #expect(run.output(1, Float.self) == x)
    }
  }

  @Test func severalBranches() throws {
    let m = ControlModel()
    let main = m.part("main")
    let x = main.input([2]), which = main.input([1], .int32)
    // Branches of different shapes: x, [x, x], and a constant.
    let same = m.part("same"), twice = m.part("twice"), fixed = m.part("fixed")
    main.outputs = main.call(main.op(.switchLayer, [which, main.partial(1, [x]), main.partial(2, [x]), main.partial(3, [])]))
    same.outputs = [same.input([2])]
    let t = twice.input([2])
    twice.outputs = [twice.op(.concat, [t, t])]
    fixed.outputs = [m.floats([9, 8, 7], [3])]
    let model = m.bytes()
    let run = try ControlRun(model)
    func result(_ index: Int32) throws -> [Float] {
      try run.run([littleEndian([Float(1), 2].map(\.bitPattern)), littleEndian([index])])
      return run.output(0, Float.self)
    }
    #expect(try result(0) == [1, 2])
    #expect(try result(1) == [1, 2, 1, 2])
    #expect(run.session.outputs[0].shape.dims == [4])
    #expect(try result(2) == [9, 8, 7])
    for index in [Int32(3), -1, .max] {
      do {
        _ = try result(index)
        Issue.record("index \(index) chose a branch")
      } catch let e as EngineError {
        #expect(e.message.contains("SwitchLayer") && e.message.contains("is \(index); expected 0 to 2"))
      }
    }
    #expect(try result(0) == [1, 2])
  }

  /// One subgraph called from three places, once with other shapes; constants that two subgraphs share.
  @Test func calledFromSeveralPlaces() throws {
    let m = ControlModel()
    let main = m.part("main"), shared = m.part("shared")
    let x = main.input([4]), y = main.input([2, 2])
    let three = m.floats([Float(3)])
    let first = main.call(main.partial(1, [x]))[0]
    let second = main.call(main.partial(1, [first]))[0]
    let third = main.call(main.partial(1, [y]))[0]
    main.outputs = [main.op(.addFusion, [second, three]), third, first, x]
    let v = shared.input([4])
    shared.outputs = [shared.op(.subFusion, [shared.op(.mulFusion, [v, v]), three])]
    let run = try ControlRun(m.bytes())
    let values: [Float] = [1, 2, -1, 0.5]
    func f(_ v: Float) -> Float { v * v - 3 }
    for _ in 0..<3 {
      #expect(try run.floats(values, [1, 2, 3, 4]) == values.map { f(f($0)) + 3 })
      #expect(run.output(1, Float.self) == [-2, 1, 6, 13])
      #expect(run.session.outputs[1].shape.dims == [2, 2])
      #expect(run.output(2, Float.self) == values.map(f))
      #expect(run.output(3, Float.self) == values)
    }
  }

  /// f(n) = n < 2 ? n : f(n - 1) + f(n - 2), through two subgraphs that call each other and go on afterwards.
  private func fibonacci() -> [UInt8] {
    let m = ControlModel()
    let main = m.part("main"), f = m.part("f"), split = m.part("split"), last = m.part("last")
    let n = main.input([1])
    main.outputs = main.call(main.partial(1, [n]))
    let v = f.input([1]), w = split.input([1])
    f.outputs = f.call(f.op(.switch, [f.op(.less, [v, m.floats([Float(2)])], .bool), f.partial(3, [v]), f.partial(2, [v])]))
    let a = split.call(split.partial(1, [split.op(.subFusion, [w, m.floats([Float(1)])])]))[0]
    let b = split.call(split.partial(1, [split.op(.subFusion, [w, m.floats([Float(2)])])]))[0]
    split.outputs = [split.op(.addFusion, [a, b])]
    last.outputs = [last.input([1])]
    return m.bytes()
  }

  @Test func recursion() throws {
    let run = try ControlRun(fibonacci())
    for (n, value) in [(1, 1), (10, 55), (2, 1), (15, 610)] { #expect(try run.floats([Float(n)]) == [Float(value)]) }
    do {
      _ = try run.floats([1e9])
      Issue.record("endless recursion ended")
    } catch let e as EngineError { #expect(e.message.contains("100 calls wait for each other")) }
    #expect(try run.floats([12]) == [144])
  }

  @Test func loopsThatNeverEnd() throws {
    let m = ControlModel()
    let main = m.part("main"), a = m.part("a"), b = m.part("b")
    main.end(main.partial(1, [main.input([1])]))
    a.end(a.partial(2, [a.input([1])]))
    b.end(b.partial(1, [b.input([1])]))
    let message = controlFailure(m.bytes(isForFuzzing: false), [[0]])
    #expect(message.contains("run: subgraph \"") && message.contains("1000000 calls in one run") && message.contains("Call \"Call"))
  }

  /// A bool among the loop's variables, and results that swap places with the arguments.
  @Test func swappedVariables() throws {
    let m = ControlModel()
    let main = m.part("main"), test = m.part("test"), body = m.part("body"), after = m.part("after")
    let x = main.input([2]), y = main.input([2])
    main.end(main.partial(1, [m.flag(true), m.ints([Int32(0)]), x, y, x]))
    func variables(_ p: ControlModel.Part) -> [UInt32] {
      [p.input(nil, .bool), p.input(nil, .int32), p.input([2]), p.input([2]), p.input([2])]
    }
    let t = variables(test), b = variables(body)
    test.end(test.op(.switch, [t[0], test.partial(2, t), test.partial(3, [t[2], t[3], t[4]])]))
    let i = body.op(.addFusion, [b[1], m.ints([Int32(1)])], .int32)
    // (p, q, r) -> (q, p, q): one variable goes to two places, and two change theirs.
    body.end(body.partial(1, [body.op(.less, [i, m.ints([Int32(3)])], .bool), i, b[3], b[2], b[3]]))
    after.outputs = [after.input([2]), after.input([2]), after.input([2])]
    let run = try ControlRun(m.bytes(outputs: after.outputs))
    var (p, q, r): ([Float], [Float], [Float]) = ([1, 2], [3, 4], [1, 2])
    for _ in 0..<3 { (p, q, r) = (q, p, q) }
    for _ in 0..<2 {
      #expect(try run.floats([1, 2], [3, 4]) == p)
      #expect(run.output(1, Float.self) == q)
      #expect(run.output(2, Float.self) == r)
    }
  }

  /// The number of rows comes from a value: the steps after it are planned in the run, and again only when it changes.
  @Test func shapesFromValues() throws {
    let m = ControlModel()
    let main = m.part("main")
    let x = main.input([2]), n = main.input([1], .int32)
    let filled = main.op(.fill, [m.floats([Float(2)]), n])
    let counts = main.op(.reduceFusion, [filled, m.ints([Int32(0)], [1])], .float32, TableBuilder().set(1, .int32(4)))
    main.outputs = [main.op(.mulFusion, [x, counts]), main.op(.abs, [filled])]
    let run = try ControlRun(m.bytes())
    for (k, n) in [3, 3, 5, 2, 2, 7].enumerated() {
      try run.run([littleEndian([Float(k), 1].map(\.bitPattern)), littleEndian([Int32(n)])])
      #expect(run.output(0, Float.self) == [Float(k) * 2 * Float(n), 2 * Float(n)])
      #expect(run.output(1, Float.self) == [Float](repeating: 2, count: n))
    }
  }

  @Test func assertionsInBranches() throws {
    let m = ControlModel()
    let main = m.part("main"), checked = m.part("checked")
    let x = main.input([1])
    main.outputs = main.call(main.partial(1, [x]))
    let v = checked.input([1])
    _ = checked.nodes(.assert, [checked.op(.greater, [v, m.floats([Float(0)])], .bool), v], [])
    checked.outputs = [checked.op(.neg, [v])]
    let run = try ControlRun(m.bytes())
    #expect(try run.floats([2]) == [-2])
    do {
      _ = try run.floats([-2])
      Issue.record("the assertion held")
    } catch let e as EngineError {
      #expect(e.message.hasPrefix("subgraph \"checked\": Assert \"Assert") && e.message.contains("does not hold"))
      #expect(e.message.hasSuffix("float32 [1] = -2"))
    }
    #expect(try run.floats([3]) == [-3])
  }

  @Test func arraysGoThroughCalls() throws {
    let m = ControlModel()
    let main = m.part("main"), writer = m.part("writer")
    let x = main.input([2])
    let array = main.nodes(
      .tensorArray, [m.ints([Int32(2)])], [.float32, .float32], TableBuilder().set(2, .int32s([2])).set(3, .int32(43)))
    let flow = main.call(main.partial(1, [array[0], x, array[1]]))[0]
    let read = main.op(.tensorArrayRead, [array[0], m.ints([Int32(1)]), flow])
    main.outputs = [read, main.op(.tensorArrayRead, [array[0], m.ints([Int32(0)]), flow])]
    let h = writer.input(nil), v = writer.input([2]), f = writer.input(nil)
    writer.outputs = [writer.op(.tensorArrayWrite, [h, m.ints([Int32(1)]), writer.op(.neg, [v]), f])]
    let run = try ControlRun(m.bytes())
    for _ in 0..<2 {
      #expect(try run.floats([1, 2]) == [-1, -2])
      // Every run has a new array.
      #expect(run.output(1, Float.self) == [0, 0])
    }
  }
}

@Suite struct ControlFlowRefusals {
  private func model(_ arguments: (ControlModel, UInt32) -> [UInt32], _ results: (ControlModel.Part, UInt32) -> [UInt32]) -> [UInt8] {
    let m = ControlModel()
    let main = m.part("main"), other = m.part("other")
    let x = main.input([2])
    main.outputs = main.call(main.partial(1, arguments(m, x)))
    let v = other.input([2])
    other.outputs = results(other, other.op(.neg, [v]))
    return m.bytes()
  }

  @Test func argumentsAndResultsMustFit() {
    #expect(controlFailure(model({ [$1] }, { [$1] }), [[1, 2]]) == "ran")
    #expect(controlFailure(model({ [$1, $1] }, { [$1] }), [[1, 2]]).contains("2 arguments for subgraph \"other\", which has 1 inputs"))
    #expect(controlFailure(model({ _, _ in [] }, { [$1] }), [[1, 2]]).contains("0 arguments for"))
    #expect(controlFailure(model({ [$1] }, { [$1, $1] }), [[1, 2]]).contains("gives 2 results; the call has 1 outputs"))
    #expect(
      controlFailure(model({ m, _ in [m.ints([Int32(1), 2], [2])] }, { [$1] }), [[1, 2]]).contains("does not fit the input"))
    #expect(controlFailure(model({ [$1] }, { [$0.op(.less, [$1, $1], .bool)] }), [[1, 2]]).contains("the call's output is"))
  }

  @Test func conditionsMustBeOneElement() {
    let m = ControlModel()
    let main = m.part("main"), a = m.part("a"), b = m.part("b")
    let x = main.input([2])
    let both = main.op(.greater, [x, m.floats([Float(0)])], .bool)
    main.outputs = main.call(main.op(.switch, [both, main.partial(1, [x]), main.partial(2, [x])]))
    a.outputs = [a.input([2])]
    b.outputs = [b.input([2])]
    #expect(controlFailure(m.bytes(), [[1, 2]]).contains("bool [2]) must hold one element"))
  }

  @Test func handlesAreForCalls() {
    for wrong in 0..<5 {
      let m = ControlModel()
      let main = m.part("main"), other = m.part("other")
      let x = main.input([2])
      switch wrong {
      case 0: main.outputs = main.call(x)
      case 1: main.outputs = [main.op(.abs, [main.partial(1, [x])])]
      case 2: main.outputs = [main.partial(1, [x])]
      case 3: main.outputs = main.call(main.partial(1, [main.partial(1, [x])]))
      default: main.outputs = main.call(main.op(.switch, [m.flag(true), x, main.partial(1, [x])]))
      }
      other.outputs = [other.input([2])]
      let message = controlFailure(m.bytes(), [[1, 2]])
      #expect(message.hasPrefix("build: ") && message.contains("handle of a subgraph"))
    }
  }

  @Test func subgraphsThatDoNotExist() {
    for target in [0, 2, -1, 99] {
      let m = ControlModel()
      let main = m.part("main"), other = m.part("other")
      let x = main.input([2])
      main.outputs = main.call(main.partial(target, [x]))
      other.outputs = [other.input([2])]
      #expect(controlFailure(m.bytes(), [[1, 2]]).hasPrefix("build: "))
    }
  }

  @Test func unknownOperatorsOfSubgraphsAreNamed() {
    let m = ControlModel()
    let main = m.part("main"), other = m.part("other"), unreached = m.part("unreached")
    main.outputs = main.call(main.partial(1, [main.input([2])]))
    let v = other.input([2])
    other.outputs = [other.op(OperatorKind(rawValue: 191), [v], .float32, TableBuilder().set(0, .string("Mystery")))]
    unreached.outputs = [unreached.op(OperatorKind(rawValue: 191), [unreached.input([2])], .float32)]
    let message = controlFailure(m.bytes(), [[1, 2]])
    #expect(message.hasPrefix("build: 1 of 3 nodes are not supported: Custom") && message.hasSuffix("of type Mystery"))
  }

  @Test func listsAreNoInputsOrOutputs() {
    let m = ControlModel()
    let main = m.part("main")
    let x = main.input([2])
    main.outputs = [main.op(.tensorListFromTensor, [x], .tensorList)]
    #expect(controlFailure(m.bytes(), [[1, 2]]).contains("is a tensor list; outputs of a model are tensors"))
  }
}
