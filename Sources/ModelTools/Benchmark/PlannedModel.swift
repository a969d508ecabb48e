internal import CMindSpore
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

  /// The entry of an operator of a profile; nil when there is none. A profile has the same order but cuts long names, which may then be
  /// alike, so the search starts at `next`, behind the entry of the operator before.
  func lookup(_ name: String, _ kind: String, from next: inout Int) -> (cost: NodeCost?, output: [Int])? {
    let isCut = name.utf8.count == Int(MSLITE_PROFILE_NAME_SIZE) - 1
    for offset in costs.indices {
      let i = (next + offset) % costs.count
      let entry = costs[i]
      if entry.kind == kind, entry.name == name || isCut && entry.name.utf8.starts(with: name.utf8) {
        next = i + 1
        return (entry.cost, entry.output)
      }
    }
    return nil
  }
}
