import ConverterCore
import Graph

extension OperatorTable {
  /// Recurrent layers.
  static let recurrent: [String: OperatorEntry] = [
    "UNIDIRECTIONAL_SEQUENCE_LSTM": .one(.real) { (op) throws(EngineError) in
      let x = try timeMajor(op, try op.input(0), try op.options.bool(3))
      let cell = try LSTMCell(op, first: 1, norm: 20, clips: (1, 2))
      let (h, c) = (try start(op, 18, cell.outputSize, x), try start(op, 19, cell.units, x))
      return try restored(op, try cell.run(x, h, c).y, try op.options.bool(3))
    },
    "BIDIRECTIONAL_SEQUENCE_LSTM": OperatorEntry(.real, bidirectionalLSTM),
    "LSTM": OperatorEntry(.real) { (op) throws(EngineError) in
      if try op.options.byte(3) == 1 { return try basicLSTM(op) }
      let cell = try LSTMCell(op, first: 1, norm: 20, clips: (1, 2)), x = try op.graph.add1(.expandDims, [:], [try op.input(0), op.scalar(0)])
      let (h, c) = (try state(op, 18), try state(op, 19))
      let last = try cell.run(x, h, c)
      keep(op, 18, last.h)
      keep(op, 19, last.c)
      return [last.h]
    },
    "RNN": .one(.real) { (op) throws(EngineError) in
      let x = try op.graph.add1(.expandDims, [:], [try op.input(0), op.scalar(0)])
      let last = try simpleLayer(op, x, first: 1, try state(op, 4), try op.options.byte(0)).last
      keep(op, 4, last)
      return last
    },
    "UNIDIRECTIONAL_SEQUENCE_RNN": .one(.real) { (op) throws(EngineError) in
      let major = try op.options.bool(0), x = try timeMajor(op, try op.input(0), major)
      let units = try op.graph.knownDims(of: try op.input(2)).first ?? 0
      return try restored(op, try simpleLayer(op, x, first: 1, try start(op, 4, units, x), try op.options.byte(1)).y, major)
    },
    "BIDIRECTIONAL_SEQUENCE_RNN": OperatorEntry(.real, bidirectionalRNN),
    "SVDF": .one(.real, filter),
  ]

  // MARK: sequences and states

  private static func timeMajor(_ op: Operation, _ x: Tensor, _ isTimeMajor: Bool) throws(EngineError) -> Tensor {
    isTimeMajor ? x : try op.graph.transpose(x, [1, 0, 2])
  }

  private static func restored(_ op: Operation, _ y: Tensor, _ isTimeMajor: Bool) throws(EngineError) -> Tensor {
    isTimeMajor ? y : try op.graph.transpose(y, [1, 0, 2])
  }

  /// The state that a sequence starts with. One that the interpreter would keep from the sequence before starts with zeros, as
  /// after the resetting that such models need between independent sequences.
  private static func start(_ op: Operation, _ i: Int, _ units: Int, _ x: Tensor) throws(EngineError) -> Tensor {
    let index = try op.index(i), info = try op.info(i)
    if op.importer.known(index) != nil || op.importer.isConstant(index) { return try op.real(i) }
    let dims = try op.graph.knownDims(of: x)
    guard dims.count == 3 else { throw EngineError(.notSupported, "the sequence \(x) must have the axes time, batch and features") }
    let batch = dims[1]
    guard batch * units <= 1 << 24 else { throw EngineError(.notSupported, "a state of \(batch) x \(units) numbers") }
    op.graph.report.warn("\(op.source.name): the state \"\(info.name)\" starts with zeros in every run")
    return op.graph.constant(floats: [Float](repeating: 0, count: batch * units), dims: [batch, units])
  }

  /// The state of a layer that sees one step of a sequence in each run: an input of the graph, if it is a variable.
  private static func state(_ op: Operation, _ i: Int) throws(EngineError) -> Tensor {
    let index = try op.index(i), info = try op.info(i)
    if op.importer.known(index) != nil || op.importer.isConstant(index) { return try op.real(i) }
    guard op.importer.depth == 0 else { throw EngineError(.notSupported, "the state \"\(info.name)\" inside of a branch or loop") }
    op.importer.session.variables.willAssign(info.name)
    return op.importer.session.variables.read(info.name, type: .float32, dims: info.dims, in: op.graph)
  }

  private static func keep(_ op: Operation, _ i: Int, _ value: Tensor) {
    guard let info = try? op.info(i), let index = try? op.index(i), op.importer.known(index) == nil else { return }
    op.importer.session.variables.assign(info.name, value)
  }

  // MARK: LSTM

  private static func bidirectionalLSTM(_ op: Operation) throws(EngineError) -> [Tensor] {
    // The schema's default is true here.
    let isMajor = try op.options.bool(4, true), x = try timeMajor(op, try op.input(0), isMajor)
    guard !(40...47).contains(where: { op.has($0) }) else { throw EngineError(.notSupported, "weights for the auxiliary input") }
    // Without weights of its own the auxiliary input is what the backward layer reads.
    let other = op.has(39) ? try timeMajor(op, try op.input(39), isMajor) : x
    let forward = try LSTMCell(op, first: 1, norm: nil, clips: (1, 2)), backward = try LSTMCell(op, first: 18, norm: nil, clips: (1, 2))
    let y = try forward.run(x, try start(op, 35, forward.outputSize, x), try start(op, 36, forward.units, x)).y
    let turned = try op.graph.add1(.reverseV2, ["axis": [0]], [other])
    let z = try backward.run(turned, try start(op, 37, backward.outputSize, x), try start(op, 38, backward.units, x)).y
    return try merged(op, y, try op.graph.add1(.reverseV2, ["axis": [0]], [z]), merge: try op.options.bool(3), isMajor)
  }

  private static func merged(_ op: Operation, _ y: Tensor, _ z: Tensor, merge: Bool, _ isMajor: Bool) throws(EngineError) -> [Tensor] {
    if merge { return [try restored(op, try op.graph.add1(.concat, ["axis": 2], [y, z]), isMajor)] }
    return [try restored(op, y, isMajor), try restored(op, z, isMajor)]
  }

  /// Inputs: x, h, weights [4H, I + H], bias [4H], c; gates in the order input, new, forget, output.
  private static func basicLSTM(_ op: Operation) throws(EngineError) -> [Tensor] {
    let graph = op.graph, cell = try state(op, 4)
    let joined = try graph.add1(.concat, ["axis": 1], [try op.input(0), try state(op, 1)])
    let sums = try graph.add1(.fullConnection, ["has_bias": true, "activation_type": 0], [joined, try op.input(2), try op.input(3)])
    let gates = try graph.add(.split, ["output_num": 4, "axis": 1], [sums], outputs: 4)
    func apply(_ type: Int, _ x: Tensor) throws(EngineError) -> Tensor { try graph.add1(.activation, ["activation_type": .number(type)], [x]) }
    func times(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.mulFusion, ["activation_type": 0], [a, b]) }
    let new = try times(try apply(Activation.sigmoid, gates[0]), try apply(Activation.tanh, gates[1]))
    let old = try times(try apply(Activation.sigmoid, gates[2]), cell)
    let c = try graph.add1(.addFusion, ["activation_type": 0], [new, old])
    let h = try times(try apply(Activation.sigmoid, gates[3]), try apply(Activation.tanh, c))
    keep(op, 1, h)
    keep(op, 4, c)
    return Array([h, c, joined, sums].prefix(max(1, op.source.outputs.count)))
  }

  // MARK: simple layers

  /// h = f(W x + b + R h), step by step; inputs from `first` on: W [U, I], R [U, U], bias [U].
  private static func simpleLayer(
    _ op: Operation, _ x: Tensor, first: Int, _ h0: Tensor, _ kind: Int
  ) throws(EngineError) -> (y: Tensor, last: Tensor) {
    let graph = op.graph, w = try op.input(first), r = try op.input(first + 1), steps = try sequenceSteps(op, x)
    let bias = try op.bias(first + 2)
    let sums = try graph.add1(
      .fullConnection, ["has_bias": .bool(bias != nil), "use_axis": true, "axis": 2, "activation_type": 0], [x, w] + (bias.map { [$0] } ?? []))
    let parts = try graph.add(.unstack, ["axis": 0], [sums], outputs: steps)
    var h = h0, all = [Tensor]()
    for part in parts {
      let again = try graph.add1(.fullConnection, ["has_bias": false, "activation_type": 0], [h, r])
      h = try op.activate(try graph.add1(.addFusion, ["activation_type": 0], [part, again]), kind)
      all.append(h)
    }
    return (try graph.add1(.stack, ["axis": 0], all), h)
  }

  static func sequenceSteps(_ op: Operation, _ x: Tensor) throws(EngineError) -> Int {
    let dims = try op.graph.knownDims(of: x)
    guard dims.count == 3, dims[0] > 0, dims[0] <= 512 else {
      throw EngineError(.notSupported, "a sequence (\(x)) that is written out step by step; 1 to 512 steps of [batch, inputs] are accepted")
    }
    return dims[0]
  }

  private static func bidirectionalRNN(_ op: Operation) throws(EngineError) -> [Tensor] {
    guard !op.has(10) && !op.has(11) else { throw EngineError(.notSupported, "weights for the auxiliary input") }
    let isMajor = try op.options.bool(0), kind = try op.options.byte(1), x = try timeMajor(op, try op.input(0), isMajor)
    let other = op.has(9) ? try timeMajor(op, try op.input(9), isMajor) : x
    let sizes = [try op.graph.knownDims(of: try op.input(2)).first ?? 0, try op.graph.knownDims(of: try op.input(6)).first ?? 0]
    let y = try simpleLayer(op, x, first: 1, try start(op, 4, sizes[0], x), kind).y
    let turned = try op.graph.add1(.reverseV2, ["axis": [0]], [other])
    let z = try simpleLayer(op, turned, first: 5, try start(op, 8, sizes[1], x), kind).y
    return try merged(op, y, try op.graph.add1(.reverseV2, ["axis": [0]], [z]), merge: try op.options.bool(2), isMajor)
  }

  /// A layer of filters over time, each the product of one over the inputs [F, I] and one over the last M results [F, M]; field 0 rank
  /// tells how many filters are summed for a unit, field 1 the activation. Inputs: x [B, I], the filters, bias?, the results kept.
  private static func filter(_ op: Operation) throws(EngineError) -> Tensor {
    let graph = op.graph, x = try op.input(0), features = try op.input(1), times = try op.input(2)
    let dims = try graph.knownDims(of: times), batch = try graph.knownDims(of: x).first ?? 0, rank = try op.options.int(0, 1)
    guard dims.count == 2, rank > 0, dims[0] % rank == 0, dims[1] > 0 else {
      throw EngineError(.graphFileError, "filters over time (\(times)) of rank \(rank)")
    }
    let kept = try graph.reshape(try state(op, 4), [batch, dims[0], dims[1]])
    let older = try graph.add1(
      .sliceFusion, ["axes": [2]], [kept, graph.constant(ints: [1]), graph.constant(ints: [dims[1] - 1])])
    let newest = try graph.add1(.fullConnection, ["has_bias": false, "activation_type": 0], [x, features])
    let column = try graph.add1(.expandDims, [:], [newest, op.scalar(2)])
    let window = dims[1] == 1 ? column : try graph.add1(.concat, ["axis": 2], [older, column])
    keep(op, 4, try graph.reshape(window, [batch, dims[0] * dims[1]]))
    let products = try graph.add1(.mulFusion, ["activation_type": 0], [window, times])
    let sums = try graph.add1(.reduceFusion, ["mode": 4, "keep_dims": false], [products, graph.constant(ints: [2])])
    let grouped = try graph.reshape(sums, [batch, dims[0] / rank, rank])
    var y = try graph.add1(.reduceFusion, ["mode": 4, "keep_dims": false], [grouped, graph.constant(ints: [2])])
    if let bias = try op.bias(3) { y = try graph.add1(.addFusion, ["activation_type": 0], [y, bias]) }
    return try op.activate(y, try op.options.byte(1))
  }
}
