import ConverterCore
import Graph

/// If, Loop and Scan.
enum ControlOperators {
  static let table: [String: ONNXOperator] = ["If": ifOperator, "Loop": loop, "Scan": scan]

  // MARK: If

  /// The outputs of one of two subgraphs; a constant condition imports only the one that is taken.
  private static func ifOperator(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let condition = try node.input(0, "the condition")
    let then = try node.subgraph("then_branch"), otherwise = try node.subgraph("else_branch")
    if condition.isConstant {
      let isTrue = try graph.integers(condition, "the condition").contains { $0 != 0 }
      return try Subgraph.inline(node, isTrue ? then : otherwise, [])
    }
    let a = try Subgraph(node, then, "then", inputs: []), b = try Subgraph(node, otherwise, "else", inputs: [])
    guard a.outputs.count == b.outputs.count else {
      throw EngineError(.formatError, "its branches have \(a.outputs.count) and \(b.outputs.count) results")
    }
    try a.finish(a.outputs)
    try b.finish(b.outputs)
    let flag = try graph.dims(of: condition) == [1] ? condition : graph.reshape(condition, [1])
    return graph.branch(try f.cast(flag, .bool), then: Branch(a.graph, a.captures), else: Branch(b.graph, b.captures))
  }

  // MARK: Loop

  /// Loops that run a fixed, small number of times are unrolled.
  private static let unrollLimit = 64
  /// ... as long as they do not make too many nodes.
  private static let unrolledNodeLimit = 4096

  /// Operands: the largest number of rounds, the first condition, the carried values. The body takes the round, the condition and the carried
  /// values, and gives the next condition, the next carried values and a slice of each scan output.
  private static func loop(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let body = try node.subgraph("body")
    let carried = node.inputs.count - 2
    let scans = body.output.count - 1 - carried
    guard carried >= 0, scans >= 0, body.input.count == carried + 2 else {
      throw EngineError(.formatError, "its body has \(body.input.count) inputs and \(body.output.count) outputs for \(max(0, carried)) carried values")
    }
    var state = [Tensor]()
    for i in 0..<carried { state.append(try node.input(i + 2)) }
    let limit = try node.optional(0).map { t throws(EngineError) -> Int? in t.isConstant ? try graph.integers(t, "the number of rounds").first : nil }
    let first = try node.optional(1).map { t throws(EngineError) -> Bool? in
      t.isConstant ? try graph.integers(t, "the condition").contains { $0 != 0 } : nil
    }
    let starts = first ?? true  // nil inside: computed by the model
    if node.optional(1) != nil, first == .some(.some(false)) {
      return try state + (0..<scans).map { i throws(EngineError) in try emptyScan(node, body.output[1 + carried + i]) }
    }
    if let rounds = limit ?? nil, rounds <= unrollLimit, starts == true, rounds * body.node.count <= unrolledNodeLimit,
      neverStops(body)
    {
      return try unrolled(node, body, max(0, rounds), state, scans)
    }
    return try LoopBuilder(node, body, state, scans).build()
  }

  /// The condition that the body gives is the one it is given, or constantly true.
  private static func neverStops(_ body: Onnx_GraphProto) -> Bool {
    guard var name = body.output.first?.name else { return false }
    for _ in 0...body.node.count {
      if body.input.count > 1, name == body.input[1].name { return true }
      if let constant = body.initializer.first(where: { $0.name == name }) { return isTrue(constant) }
      guard let maker = body.node.first(where: { $0.output.contains(name) }) else { return false }
      if maker.opType == "Constant", let value = maker.attribute.first(where: { $0.name == "value" }) { return isTrue(value.t) }
      guard maker.opType == "Identity" || maker.opType == "Cast", let source = maker.input.first else { return false }
      name = source
    }
    return false
  }

  private static func isTrue(_ tensor: Onnx_TensorProto) -> Bool {
    tensor.hasRawData ? tensor.rawData.contains { $0 != 0 } : tensor.int32Data.contains { $0 != 0 }
  }

  private static func unrolled(
    _ node: ONNXNode, _ body: Onnx_GraphProto, _ rounds: Int, _ initial: [Tensor], _ scans: Int
  ) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    var state = initial
    var slices = [[Tensor]](repeating: [], count: scans)
    for round in 0..<rounds {
      let results = try Subgraph.inline(
        node, body, [f.scalar(round), graph.constant(bools: [true], dims: [])] + state)
      state = Array(results[1..<(1 + state.count)])
      for i in 0..<scans { slices[i].append(try f.unsqueeze(results[1 + state.count + i], [0])) }
    }
    for (i, list) in slices.enumerated() {
      state.append(list.isEmpty ? try emptyScan(node, body.output[1 + initial.count + i]) : try f.concat(list, 0))
    }
    return state
  }

  /// A scan output without rounds: no entries along the first axis.
  static func emptyScan(_ node: ONNXNode, _ output: Onnx_ValueInfoProto) throws(EngineError) -> Tensor {
    let value = try ValueInfos.read(output)
    guard let dims = value.dims else {
      throw EngineError(.inferError, "the shape of \"\(output.name)\", of which a loop collects slices, is not stated")
    }
    let zero = try Formula(node).scalar(0, ElementType.held(value.type))
    return try node.graph.add1(.fill, [:], [zero, node.graph.constant(ints: [0] + dims.map { max(0, $0) })])
  }

  // MARK: Scan

  /// Operands: states, then tensors that are walked along an axis. The body takes the states and a slice of each tensor, and gives the next
  /// states and a slice of each result. The number of rounds must be known, and small: the loop is unrolled.
  private static func scan(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let body = try node.subgraph("body")
    let count = try node.int("num_scan_inputs")
    try node.refuse(node.version < 9, "the form of version 8, with a batch axis, is not known; convert the model to version 9 or later")
    let operands = try node.allInputs()
    let states = operands.count - count
    guard count > 0, states >= 0, body.input.count == operands.count, body.output.count >= states else {
      throw EngineError(.formatError, "\(operands.count) operands, \(count) of them to scan, for a body with \(body.input.count) inputs and \(body.output.count) outputs")
    }
    let results = body.output.count - states
    func list(_ name: String, _ n: Int) throws(EngineError) -> [Int] {
      let values = try node.ints(name, [Int](repeating: 0, count: n))
      guard values.count == n else { throw EngineError(.formatError, "\(name) has \(values.count) entries instead of \(n)") }
      return values
    }
    let inputAxes = try list("scan_input_axes", count), inputDirections = try list("scan_input_directions", count)
    let outputAxes = try list("scan_output_axes", results), outputDirections = try list("scan_output_directions", results)
    var state = Array(operands[..<states])
    var axes = [Int]()
    var rounds: Int?
    for i in 0..<count {
      let x = operands[states + i]
      axes.append(try graph.axis(inputAxes[i], of: x))
      let extent = graph.dims(of: x)?[axes[i]] ?? -1
      guard extent >= 0 else {
        throw EngineError(.inferError, "the length of \(x) along axis \(axes[i]) is the number of rounds, and not known; give the model's input shapes (--inputShape)")
      }
      guard rounds == nil || rounds == extent else { throw EngineError(.inputParameterInvalid, "the scanned operands have different lengths") }
      rounds = extent
    }
    let n = rounds ?? 0
    try node.refuse(
      n * max(1, body.node.count) > 4 * unrolledNodeLimit, "\(n) rounds of \(body.node.count) nodes are too many to be unrolled")
    var slices = [[Tensor]](repeating: [], count: results)
    for round in 0..<n {
      var given = state
      for i in 0..<count {
        let at = inputDirections[i] == 0 ? round : n - 1 - round
        given.append(try f.gather(operands[states + i], f.scalar(at), axis: axes[i]))
      }
      let found = try Subgraph.inline(node, body, given)
      state = Array(found[..<states])
      for i in 0..<results { slices[i].append(found[states + i]) }
    }
    for i in 0..<results {
      if slices[i].isEmpty {
        state.append(try emptyScan(node, body.output[states + i]))
        continue
      }
      let rank = try graph.rank(of: slices[i][0]) + 1
      let axis = outputAxes[i] < 0 ? outputAxes[i] + rank : outputAxes[i]
      guard axis >= 0, axis < rank else { throw EngineError(.inputParameterInvalid, "scan_output_axes \(outputAxes[i]) lies outside the rank \(rank)") }
      let ordered = outputDirections[i] == 0 ? slices[i] : slices[i].reversed()
      state.append(try f.concat(ordered.map { t throws(EngineError) in try f.unsqueeze(t, [axis]) }, axis))
    }
    return state
  }
}
