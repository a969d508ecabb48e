import ConverterCore
import Graph

/// RNN, LSTM and GRU.
enum RecurrentOperators {
  static let table: [String: ONNXOperator] = [
    "LSTM": { node throws(EngineError) in try layer(node, .lstm) },
    "GRU": { node throws(EngineError) in try layer(node, .gru) },
    "RNN": { node throws(EngineError) in try layer(node, .rnn) },
  ]

  private static func layer(_ node: ONNXNode, _ kind: RecurrentKind) throws(EngineError) -> [Tensor] {
    let layer = try RecurrentLayer(node, kind)
    if layer.fitsOperator { return try layer.withOperator() }
    return try RecurrentUnrolled(layer).results()
  }
}

enum RecurrentKind {
  case lstm, gru, rnn

  /// Rows of H in the weights.
  var gates: Int {
    switch self {
    case .lstm: return 4
    case .gru: return 3
    case .rnn: return 1
    }
  }
  /// The activations of one direction when the node names none.
  var activations: [String] {
    switch self {
    case .lstm: return ["Sigmoid", "Tanh", "Tanh"]
    case .gru: return ["Sigmoid", "Tanh"]
    case .rnn: return ["Tanh"]
    }
  }
}

/// A function of the ONNX activations with its parameters.
struct RecurrentActivation {
  let name: String
  let parameters: [Float]
}

/// A recurrent layer as the node describes it, with X and the states in the order time (or direction), batch, features.
///
/// Gates lie in the weights in the order i, o, f, c (LSTM) or z, r, h (GRU).
struct RecurrentLayer {
  let node: ONNXNode
  let kind: RecurrentKind
  let f: Formula
  let x: Tensor, w: Tensor, r: Tensor
  /// [D, 2 gates H]; nil: zeros.
  let bias: Tensor?
  /// nil: every sequence has all steps.
  let lengths: Tensor?
  let h0: Tensor?, c0: Tensor?
  /// [D, 3 H] in the order i, o, f.
  let peepholes: Tensor?
  let hidden: Int, directions: Int, inputSize: Int
  let reverses: Bool
  let activations: [RecurrentActivation]
  let clip: Float?
  let linearBeforeReset: Bool, couplesInput: Bool
  let batchFirst: Bool

  init(_ node: ONNXNode, _ kind: RecurrentKind) throws(EngineError) {
    self.node = node
    self.kind = kind
    let f = Formula(node), graph = node.graph
    self.f = f
    let isBatchFirst = try node.bool("layout", false)
    batchFirst = isBatchFirst
    func timeFirst(_ t: Tensor?) throws(EngineError) -> Tensor? {
      guard let t, isBatchFirst else { return t }
      return try graph.transpose(t, [1, 0, 2])
    }
    guard let x = try timeFirst(node.input(0, "X")) else { throw EngineError(.formatError, "X is missing") }
    self.x = x
    w = try node.input(1, "W")
    r = try node.input(2, "R")
    bias = node.optional(3)
    h0 = try timeFirst(node.optional(5))
    c0 = kind == .lstm ? try timeFirst(node.optional(6)) : nil
    peepholes = kind == .lstm ? node.optional(7) : nil
    let direction = try node.choice("direction", "forward", "reverse", "bidirectional")
    directions = direction == "bidirectional" ? 2 : 1
    reverses = direction == "reverse"
    clip = try node.optionalFloat("clip")
    couplesInput = kind == .lstm ? try node.bool("input_forget", false) : false
    linearBeforeReset = kind == .gru ? try node.bool("linear_before_reset", false) : false
    if node.version < 14 { node.ignore("output_sequence") }
    let weights = try graph.knownDims(of: w), recurrent = try graph.knownDims(of: r)
    guard try graph.rank(of: x) == 3, weights.count == 3, recurrent.count == 3, weights[0] == directions,
      weights[1] == recurrent[2] * kind.gates, recurrent[0] == directions, recurrent[1] == weights[1], recurrent[2] > 0
    else {
      throw EngineError(
        .formatError,
        "X must have rank 3, W the shape [\(directions), \(kind.gates) H, I] and R [\(directions), \(kind.gates) H, H]; W has \(Shape(weights)) and R \(Shape(recurrent))")
    }
    hidden = recurrent[2]
    inputSize = weights[2]
    let stated = try node.int("hidden_size", hidden)
    guard stated == hidden else { throw EngineError(.formatError, "hidden_size is \(stated), but R has \(hidden)") }
    activations = try RecurrentLayer.activations(node, kind, directions)
    // Lengths that say nothing are left out.
    var lengths = node.optional(4)
    if let given = lengths, given.isConstant, let steps = graph.dims(of: x)?[0], let values = given.knownIntegers(),
      values.allSatisfy({ $0 == steps })
    {
      lengths = nil
    }
    self.lengths = lengths
  }

  private static func activations(
    _ node: ONNXNode, _ kind: RecurrentKind, _ directions: Int
  ) throws(EngineError) -> [RecurrentActivation] {
    let standard = kind.activations
    let names = try node.optionalStrings("activations") ?? Array([standard, standard].joined().prefix(standard.count * directions))
    guard names.count == standard.count * directions else {
      throw EngineError(.formatError, "attribute \"activations\" has \(names.count) entries; \(standard.count * directions) are needed")
    }
    // Each list holds one entry for every function, in order, that takes such a parameter.
    var alphas = try node.optionalFloats("activation_alpha") ?? [], betas = try node.optionalFloats("activation_beta") ?? []
    var result = [RecurrentActivation]()
    for name in names {
      var parameters = [Float]()
      let lower = name.lowercased()
      if ["affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu"].contains(lower), !alphas.isEmpty {
        parameters.append(alphas.removeFirst())
        if ["affine", "scaledtanh", "hardsigmoid"].contains(lower), !betas.isEmpty { parameters.append(betas.removeFirst()) }
      }
      result.append(RecurrentActivation(name: name, parameters: parameters))
    }
    return result
  }

  private var hasStandardActivations: Bool {
    zip(activations, kind.activations + kind.activations).allSatisfy { $0.name.lowercased() == $1.lowercased() }
  }

  // MARK: the format's operators

  /// The format's LSTM or GRU computes the layer.
  var fitsOperator: Bool {
    hasStandardActivations && clip == nil && peepholes == nil && !couplesInput && lengths == nil && w.isConstant && r.isConstant
      && (bias?.isConstant ?? true) && x.type == .float32
  }

  /// Zeros for a state that is not given: [D, B, H].
  func zeroState() throws(EngineError) -> Tensor {
    let dims = node.graph.dims(of: x) ?? []
    if dims[1] >= 0 {
      let count = directions * dims[1] * hidden
      try node.refuse(count > 1 << 24, "the state would have \(count) numbers")
      return node.graph.constant(floats: [Float](repeating: 0, count: count), dims: [directions, dims[1], hidden])
    }
    let batch = try f.slice(f.shape(x), axis: 0, from: 1, to: 2)
    return try f.fill(0, f.concat([f.list([directions]), batch, f.list([hidden])], 0))
  }

  func state(_ given: Tensor?) throws(EngineError) -> Tensor {
    if let given { return given }
    return try zeroState()
  }

  private func zeros(_ dims: [Int]) -> Tensor {
    node.graph.constant(floats: [Float](repeating: 0, count: dims.reduce(1, *)), dims: dims)
  }

  func withOperator() throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let input = reverses ? try f.reverse(x, [0]) : x
    let both = AttributeValue.bool(directions == 2)
    var results: [Tensor]
    let h = try state(h0)
    if kind == .lstm {
      results = try graph.add(
        .lstm, ["bidirectional": both, "has_bias": true, "hidden_size": .number(hidden), "input_size": .number(inputSize)],
        [input, w, r, bias ?? zeros([directions, 8 * hidden]), h, state(c0)], outputs: 3)
    } else {
      let (weights, recurrent, biases) = kind == .gru ? (w, r, bias ?? zeros([directions, 6 * hidden])) : try asGRU()
      results = try graph.add(
        .gru, ["bidirectional": both, "linear_before_reset": .number(linearBeforeReset ? 1 : 0)],
        [input, weights, recurrent, biases, h], outputs: 2)
    }
    if reverses { results[0] = try f.reverse(results[0], [0]) }
    return try inOrder(results)
  }

  /// A simple network as a GRU whose gates are shut: z = sigmoid(-200) = 0, r = sigmoid(200) = 1, so that h' is the candidate.
  private func asGRU() throws(EngineError) -> (Tensor, Tensor, Tensor) {
    let wide = try f.concat([zeros([directions, 2 * hidden, inputSize]), w], 1)
    let recurrent = try f.concat([zeros([directions, 2 * hidden, hidden]), r], 1)
    let shut = [Float](repeating: -200, count: hidden) + [Float](repeating: 200, count: hidden)
    let gates = node.graph.constant(floats: directions == 2 ? shut + shut : shut, dims: [directions, 2 * hidden])
    let own = bias ?? zeros([directions, 2 * hidden])
    let biases = try f.concat([
      gates, f.slice(own, axis: 1, from: 0, to: hidden), zeros([directions, 2 * hidden]),
      f.slice(own, axis: 1, from: hidden, to: 2 * hidden),
    ], 1)
    return (wide, recurrent, biases)
  }

  /// Y [T, D, B, H] and the last states [D, B, H] in the layout that the node wants.
  func inOrder(_ results: [Tensor]) throws(EngineError) -> [Tensor] {
    if !batchFirst { return results }
    var ordered = [try node.graph.transpose(results[0], [2, 0, 1, 3])]
    for state in results.dropFirst() { ordered.append(try node.graph.transpose(state, [1, 0, 2])) }
    return ordered
  }
}
