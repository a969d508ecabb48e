import Graph
import Runtime

/// A model as the engine plans it: arithmetic per operator, and memory. Made in this process, after the library has been timed.
struct PlannedModel {
  /// By node name, in the optimised graph's order.
  let costs: [(name: String, kind: String, cost: NodeCost?, output: [Int])]
  let memory: MemoryUse?
  /// Operators of the plan's values: the kind of the node that makes each.
  let makers: [String]

  /// `shapes` by input position.
  static func plan(_ request: ModelRequest, _ shapes: [[Int]], named: [String: [Int]], half: Bool) throws(EngineError) -> PlannedModel {
    let model = try LoadedModel.load(request)
    var options = SessionOptions()
    options.float16 = half
    let graphs = model.copies()
    let session = try Session.open(graphs, options: options)
    var dims = session.inputs.map { $0.shape.dims }
    for (i, shape) in shapes.enumerated() where i < dims.count { dims[i] = shape }
    let given = try ShapeText.named(named, inputs: session.inputs.map { $0.name })
    for (i, t) in session.inputs.enumerated() { dims[i] = given[t.name] ?? dims[i] }
    if zip(session.inputs, dims).contains(where: { $0.shape.dims != $1 }) { try session.resize(dims) }
    var costs: [(name: String, kind: String, cost: NodeCost?, output: [Int])] = []
    for graph in graphs {
      for node in graph.nodes { costs.append((node.name, node.kind.name, NodeCost.of(node), node.outputs.first?.shape.dims ?? [])) }
    }
    let memory = session.memory
    let makers = memory.map { memory in
      memory.values.map { value in
        value.firstStep < graphs[0].nodes.count ? graphs[0].nodes[value.firstStep].kind.name : ""
      }
    }
    return PlannedModel(costs: costs, memory: memory, makers: makers ?? [])
  }

  /// The entry of the n-th operator of a profile, which has the same order; nil when the names do not go together.
  func lookup(_ name: String, _ kind: String) -> (cost: NodeCost?, output: [Int])? {
    costs.first { $0.kind == kind && $0.name == name }.map { ($0.cost, $0.output) }
  }
}
