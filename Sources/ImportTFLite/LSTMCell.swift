import ConverterCore
import Graph

/// One direction of an LSTM layer. The tensors follow each other from input `first` on: weights of the input for the gates input,
/// forget, cell, output (4), of the output before (4), of the cell for input, forget, output (3), biases (4), projection, its bias.
/// Without an input gate it is 1 - forget gate.
struct LSTMCell {
  private let op: Operation
  private let first: Int
  private let norm: Int?
  private let cellClip: Float, outputClip: Float
  private let activation: Int
  let units: Int
  /// Length of the output: that of the projection, if there is one.
  let outputSize: Int

  private var graph: GraphBuilder { op.graph }

  /// `norm`: the first of four inputs that normalise the gates; `clips`: fields of the options with the limits of cell and
  /// projection; field 0 is the activation.
  init(_ op: Operation, first: Int, norm: Int?, clips: (Int, Int)) throws(EngineError) {
    self.op = op
    self.first = first
    self.norm = norm
    cellClip = try op.options.float(clips.0)
    outputClip = try op.options.float(clips.1)
    activation = try op.options.byte(0)
    let dims = try op.graph.knownDims(of: try op.input(first + 1))
    guard dims.count == 2, dims[0] > 0 else { throw EngineError(.graphFileError, "the weights of the forget gate (\(try op.input(first + 1)))") }
    units = dims[0]
    outputSize = op.has(first + 15) ? try op.graph.knownDims(of: try op.input(first + 15)).first ?? 0 : units
  }

  private enum Gate: Int { case input = 0, forget, cell, output }

  private func isPresent(_ gate: Gate) -> Bool { op.has(first + gate.rawValue) }
  private func normalisation(_ gate: Gate) throws(EngineError) -> Tensor? {
    guard let norm, op.has(norm + gate.rawValue) else { return nil }
    return try op.real(norm + gate.rawValue)
  }
  private func bias(_ gate: Gate) throws(EngineError) -> Tensor {
    try op.bias(first + 11 + gate.rawValue) ?? graph.constant(floats: [Float](repeating: 0, count: units))
  }

  /// x [T, B, I], h [B, P], c [B, H] -> all outputs [T, B, P], the last output, the last cell.
  func run(_ x: Tensor, _ h: Tensor, _ c: Tensor) throws(EngineError) -> (y: Tensor, h: Tensor, c: Tensor) {
    let isPlain =
      activation == TFLiteActivation.tanh && cellClip == 0 && outputClip == 0 && !op.has(first + 16)
      && !(8...10).contains { op.has(first + $0) } && norm.map { !op.has($0 + 1) } ?? true
      && (0..<8).allSatisfy { !op.has(first + $0) || op.importer.isConstant(op.source.inputs[first + $0]) }
    return isPlain ? try node(x, h, c) : try steps(x, h, c)
  }

  /// The format's LSTM: gates in the order input, output, forget, cell.
  private func node(_ x: Tensor, _ h: Tensor, _ c: Tensor) throws(EngineError) -> (y: Tensor, h: Tensor, c: Tensor) {
    // sigmoid(-a) is 1 - sigmoid(a): without an input gate it has the forget gate's weights with the opposite sign.
    func gates(_ part: (Gate) throws(EngineError) -> Tensor) throws(EngineError) -> [Tensor] {
      let forget = try part(.forget)
      let input = isPresent(.input) ? try part(.input) : try graph.add1(.neg, [:], [forget])
      return [input, try part(.output), forget, try part(.cell)]
    }
    func joined(_ list: [Tensor]) throws(EngineError) -> Tensor {
      try graph.add1(.expandDims, [:], [try graph.add1(.concat, ["axis": 0], list), op.scalar(0)])
    }
    let w = try joined(try gates { (g) throws(EngineError) in try op.real(first + g.rawValue) })
    let r = try joined(try gates { (g) throws(EngineError) in try op.real(first + 4 + g.rawValue) })
    let zeros = graph.constant(floats: [Float](repeating: 0, count: 4 * units))
    let b = try joined(try gates { (g) throws(EngineError) in try bias(g) } + [zeros])
    var inputs = [
      x, w, r, b, try graph.add1(.expandDims, [:], [h, op.scalar(0)]), try graph.add1(.expandDims, [:], [c, op.scalar(0)]),
    ]
    if op.has(first + 15) { inputs.append(try graph.add1(.expandDims, [:], [try op.real(first + 15), op.scalar(0)])) }
    let size = graph.dims(of: x)?.last ?? 0
    let results = try graph.add(
      .lstm,
      [
        "bidirectional": false, "has_bias": true, "input_size": .number(size), "hidden_size": .number(units), "num_layers": 1,
        "num_directions": 1, "dropout": 0.0, "zoneout_cell": 0.0, "zoneout_hidden": 0.0,
        "proj_size": .number(op.has(first + 15) ? outputSize : 0),
      ], inputs, outputs: 3)
    return (
      try graph.add1(.squeeze, ["axis": [1]], [results[0]]), try graph.add1(.squeeze, ["axis": [0]], [results[1]]),
      try graph.add1(.squeeze, ["axis": [0]], [results[2]])
    )
  }

  private func times(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.mulFusion, ["activation_type": 0], [a, b]) }
  private func plus(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.addFusion, ["activation_type": 0], [a, b]) }
  private func sigmoid(_ x: Tensor) throws(EngineError) -> Tensor {
    try graph.add1(.activation, ["activation_type": .number(Activation.sigmoid)], [x])
  }

  /// A cell with peepholes, normalisation, limits or another activation: its operations, step by step.
  private func steps(_ x: Tensor, _ h0: Tensor, _ c0: Tensor) throws(EngineError) -> (y: Tensor, h: Tensor, c: Tensor) {
    let count = try OperatorTable.sequenceSteps(op, x)
    let present: [Gate] = [.input, .forget, .cell, .output].filter { isPresent($0) }
    // What the inputs contribute, for all steps at once.
    var inputs = [Int: [Tensor]]()
    for gate in present {
      // A normalised gate gets its bias after the normalisation.
      let isNormalised = try normalisation(gate) != nil
      let operands = [x, try op.real(first + gate.rawValue)] + (isNormalised ? [] : [try bias(gate)])
      let sums = try graph.add1(
        .fullConnection, ["has_bias": .bool(!isNormalised), "use_axis": true, "axis": 2, "activation_type": 0], operands)
      inputs[gate.rawValue] = try graph.add(.unstack, ["axis": 0], [sums], outputs: count)
    }
    var h = h0, c = c0, all = [Tensor]()
    func value(_ gate: Gate, _ step: Int, peephole: Int?) throws(EngineError) -> Tensor {
      guard let part = inputs[gate.rawValue]?[step] else { throw EngineError(.graphFileError, "a gate without weights") }
      var sum = try plus(part, try graph.add1(.fullConnection, ["has_bias": false, "activation_type": 0], [h, try op.real(first + 4 + gate.rawValue)]))
      if let peephole, op.has(first + peephole) { sum = try plus(sum, try times(c, try op.real(first + peephole))) }
      if let gamma = try normalisation(gate) {
        sum = try graph.add1(
          .layerNormFusion, ["begin_norm_axis": -1, "begin_params_axis": -1, "epsilon": 1e-8, "elementwise_affine": true],
          [sum, gamma, try bias(gate)])
      }
      return sum
    }
    for step in 0..<count {
      let forget = try sigmoid(try value(.forget, step, peephole: 9))
      let new = try op.activate(try value(.cell, step, peephole: nil), activation)
      let input =
        isPresent(.input)
        ? try sigmoid(try value(.input, step, peephole: 8))
        : try graph.add1(.subFusion, ["activation_type": 0], [op.scalar(Float(1)), forget])
      c = try plus(try times(forget, c), try times(input, new))
      if cellClip > 0 { c = try op.clamped(c, -cellClip, cellClip) }
      let output = try sigmoid(try value(.output, step, peephole: 10))
      h = try times(output, try op.activate(c, activation))
      if op.has(first + 15) {
        let bias = try op.bias(first + 16)
        h = try graph.add1(
          .fullConnection, ["has_bias": .bool(bias != nil), "activation_type": 0], [h, try op.real(first + 15)] + (bias.map { [$0] } ?? []))
        if outputClip > 0 { h = try op.clamped(h, -outputClip, outputClip) }
      }
      all.append(h)
    }
    return (try graph.add1(.stack, ["axis": 0], all), h, c)
  }
}
