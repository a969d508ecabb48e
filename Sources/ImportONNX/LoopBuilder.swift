import ConverterCore
import Graph

/// Builds a Loop as a condition graph and a body graph that call each other.
///
/// The loop's variables are the round, the condition, the carried values, what each scan output has collected so far, the largest number
/// of rounds, and the values of the graph around it that the body reads.
struct LoopBuilder {
  private let node: ONNXNode
  private let proto: Onnx_GraphProto
  private let state: [Tensor]
  private let scans: Int

  init(_ node: ONNXNode, _ body: Onnx_GraphProto, _ state: [Tensor], _ scans: Int) {
    self.node = node
    proto = body
    self.state = state
    self.scans = scans
  }

  func build() throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    // What a round leaves may have another shape than what it was given: then the shape is open.
    var shapes = state.map { ValueInfos.Value(type: $0.type, dims: graph.dims(of: $0)) }
    var (body, mark) = try imported(shapes)
    for _ in 0..<3 {
      var merged = shapes
      for i in shapes.indices { merged[i].dims = Self.merged(shapes[i].dims, body.graph.dims(of: body.outputs[1 + i])) }
      if zip(merged, shapes).allSatisfy({ $0.dims == $1.dims }) { break }
      shapes = merged
      graph.model.removeGraphs(from: mark)
      (body, mark) = try imported(shapes)
    }

    let limit = try node.optional(0).map { t throws(EngineError) in try scalar(f, t, .int32) } ?? f.scalar(Int(Int32.max))
    let first = try node.optional(1).map { t throws(EngineError) in try scalar(f, t, .bool) } ?? graph.constant(bools: [true], dims: [])
    var initial: [Tensor] = [f.scalar(0), first] + state
    for i in 0..<scans { initial.append(try ControlOperators.emptyLike(node, body, body.outputs[1 + state.count + i])) }
    initial += [limit] + body.captures

    // The body's inputs stand in the order of the variables; those for the values around it were added behind the others.
    let inner = Formula(body.graph)
    body.graph.scope = body.graph.graph.name + "_end"
    let captured = Array(body.graph.graph.inputs.dropFirst(2 + state.count))
    var collected = [Tensor]()
    for i in 0..<scans {
      let start = initial[2 + state.count + i]
      let dims = body.graph.dims(of: body.outputs[1 + state.count + i])
      collected.append(body.graph.input("\(node.name)/collected \(i)", start.type, dims.map { [-1] + $0 }))
    }
    let most = body.graph.input("\(node.name)/limit", .int32, [])
    body.graph.graph.inputs = body.inputs + collected + [most] + captured
    var next: [Tensor] = [try inner.add(body.inputs[0], inner.scalar(1)), try scalar(inner, body.outputs[0], .bool)]
    next += body.outputs[1..<(1 + state.count)]
    for i in 0..<scans {
      let slice = body.outputs[1 + state.count + i]
      var before = collected[i]
      if body.graph.dims(of: slice)?.contains(where: { $0 < 0 }) ?? true {
        // What is empty yet may have other dimensions than the slice.
        before = try body.graph.add1(.reshape, [:], [before, inner.joined([body.graph.reshape(body.inputs[0], [1]), inner.shape(slice)])])
      }
      next.append(try inner.concat([before, inner.unsqueeze(slice, [0])], 0))
    }
    try body.finish(next + [most] + captured)

    let test = graph.model.addGraph("\(node.name)_condition", parent: graph)
    test.scope = test.graph.name
    let variables = body.graph.graph.inputs.map { test.input(like: $0, of: body.graph) }
    let going = Formula(test)
    let isLeft = try test.add1(.less, [:], [variables[0], variables[2 + state.count + scans]])
    let both = try test.add1(.logicalAnd, [:], [isLeft, scalar(going, variables[1], .bool)])
    try test.setOutputs([test.reshape(both, [1])], names: ["\(node.name)_condition"])

    let results = graph.loop(initial, condition: test, body: body.graph)
    return Array(results[2..<(2 + state.count + scans)])
  }

  /// The body as a graph of its own, and the number of graphs before it.
  private func imported(_ shapes: [ValueInfos.Value]) throws(EngineError) -> (Subgraph, Int) {
    let mark = node.graph.model.graphs.count
    let round = ValueInfos.Value(type: .int32, dims: []), condition = ValueInfos.Value(type: .bool, dims: [])
    return (try Subgraph(node, proto, "body", inputs: [round, condition] + shapes), mark)
  }

  private func scalar(_ f: Formula, _ x: Tensor, _ type: DataType) throws(EngineError) -> Tensor {
    try f.cast(f.squeezedToScalar(x), type)
  }

  private static func merged(_ a: [Int]?, _ b: [Int]?) -> [Int]? {
    guard let a, let b, a.count == b.count else { return nil }
    return zip(a, b).map { $0 == $1 ? $0 : -1 }
  }
}

extension ControlOperators {
  /// A scan output before the first round: no slices.
  static func emptyLike(_ node: ONNXNode, _ body: Subgraph, _ slice: Tensor) throws(EngineError) -> Tensor {
    guard let dims = body.graph.dims(of: slice) else {
      throw EngineError(.inferError, "the rank of \"\(slice.name)\", of which the loop collects slices, is not known")
    }
    // The dimensions that are not known come with the first slice; until then they are 0, as there are no entries.
    let zero = try Formula(node).scalar(0, slice.type)
    return try node.graph.add1(.fill, [:], [zero, node.graph.constant(ints: [0] + dims.map { max(0, $0) })])
  }
}
