import Graph
import Operators
import Runtime

/// Everything that `mslite inspect` tells of a model.
public struct Inspection {
  public let model: LoadedModel
  let graphs: [GraphFacts]
  let weights: WeightFacts
  /// Of the main graph as the engine plans it; nil when the shapes are not known or the engine refuses the model.
  let memory: MemoryUse?
  /// Nodes that are left of the main graph when the engine has optimised it.
  let plannedNodes: Int?
  /// Why the engine does not take the model: everything that is wrong. Empty: it does.
  public let problems: [String]
  /// The inputs' shapes are not known, so nothing is planned.
  let isOpen: Bool

  struct GraphFacts {
    let graph: Graph
    let nodes: [NodeFacts]
    /// Sum of what is known.
    let cost: NodeCost
  }

  struct NodeFacts {
    let node: Node
    let cost: NodeCost?
  }

  /// Looks at a model. `shapes`: see ``ModelRequest/inputShapes``; for `.ms` files they are applied here.
  public static func inspect(_ model: LoadedModel, shapes: [String: [Int]]) throws(EngineError) -> Inspection {
    var problems = model.problems
    // Every node as it is, for shapes and costs.
    var plain = model.copies()
    do throws(EngineError) {
      _ = try session(&plain, shapes, optimises: false)
    } catch {
      // The engine's own build says it below, unless it is the caller's mistake.
      if error.code == .inputParameterInvalid { throw error }
    }
    var optimised = model.copies()
    var memory: MemoryUse?
    var planned: Int?
    let isOpen = optimised[0].inputs.contains { !(shapes[$0.name].map { Shape($0) } ?? $0.shape).isKnown }
    for text in refusals(model.graphs) where !problems.contains(text) { problems.append(text) }
    if problems.isEmpty {
      do throws(EngineError) {
        let session = try session(&optimised, shapes, optimises: true)
        memory = session.memory
        planned = optimised[0].nodes.count
      } catch { problems.append(error.message) }
    }
    var facts = [GraphFacts]()
    for (graph, shaped) in zip(model.graphs, plain) {
      let nodes = zip(graph.nodes, shaped.nodes).map { NodeFacts(node: $0.1, cost: NodeCost.of($0.1)) }
      facts.append(GraphFacts(graph: shaped, nodes: nodes, cost: nodes.reduce(NodeCost()) { $0 + ($1.cost ?? NodeCost()) }))
    }
    return Inspection(
      model: model, graphs: facts, weights: WeightFacts(model), memory: memory, plannedNodes: planned, problems: problems,
      isOpen: isOpen)
  }

  private static func session(
    _ graphs: inout [Graph], _ shapes: [String: [Int]], optimises: Bool
  ) throws(EngineError) -> Session {
    var options = SessionOptions()
    options.optimises = optimises
    let session = try Session.open(graphs, options: options)
    for name in shapes.keys.sorted() where !session.inputs.contains(where: { $0.name == name }) {
      throw EngineError(
        .inputParameterInvalid,
        "no input is named \"\(name)\"; there are \(session.inputs.map { "\"\($0.name)\"" }.joined(separator: ", "))")
    }
    if !shapes.isEmpty { try session.resize(session.inputs.map { shapes[$0.name] ?? $0.shape.dims }) }
    return session
  }

  /// What each operator says against its node, for all nodes.
  private static func refusals(_ graphs: [Graph]) -> [String] {
    var out = [String]()
    for (i, original) in graphs.enumerated() {
      let graph = original.copy()
      for node in graph.nodes {
        let place = i == 0 ? node.text : "subgraph \"\(graph.name)\": \(node.text)"
        guard let factory = Registry.factory(for: node) else {
          out.append("\(place): the operator is not supported\(Registry.reason(against: node))")
          continue
        }
        do throws(EngineError) { _ = try factory(node) } catch { out.append("\(place): \(error.message)") }
      }
    }
    return out
  }
}

/// The constants of a model, as stored.
struct WeightFacts {
  struct Entry {
    let name: String
    let type: String
    let dims: [Int]
    let bytes: Int
    /// "" where nothing is quantised: "8 bits, 32 channels".
    let quantisation: String
    let packing: String
  }
  let entries: [Entry]
  var bytes: Int { entries.reduce(0) { $0 + $1.bytes } }
  var elements: Int { entries.reduce(0) { $0 + (Shape($1.dims).checkedCount ?? 0) } }

  /// Entries, elements and bytes by one of their properties, the largest first.
  func groups(by key: (Entry) -> String) -> [(key: String, count: Int, elements: Int, bytes: Int)] {
    var sums: [String: (Int, Int, Int)] = [:]
    for e in entries {
      let old = sums[key(e)] ?? (0, 0, 0)
      sums[key(e)] = (old.0 + 1, old.1 + (Shape(e.dims).checkedCount ?? 0), old.2 + e.bytes)
    }
    return sums.sorted { ($0.value.2, $1.key) > ($1.value.2, $0.key) }.map { ($0.key, $0.value.0, $0.value.1, $0.value.2) }
  }

  init(_ model: LoadedModel) {
    if let stored = model.stored {
      entries = stored.constants.map { c in
        var quantisation = ""
        if c.clusters > 0 { quantisation = "\(c.clusters) clusters" }
        if c.parameters > 0 { quantisation = "\(c.bits) bits" + (c.parameters > 1 ? ", \(c.parameters) channels" : "") }
        let place = c.location.map { " in \($0)" } ?? ""
        return Entry(
          name: c.name, type: c.typeName, dims: c.dims, bytes: c.bytes, quantisation: quantisation, packing: c.packing + place)
      }
      return
    }
    // A source model's constants, each once: subgraphs share them, and importers copy small ones.
    var seen = Set<UnsafeMutableRawPointer>()
    var list = [Entry]()
    for graph in model.graphs {
      for node in graph.nodes {
        for t in node.inputs where t.isConstant {
          guard let data = t.data, seen.insert(data).inserted else { continue }
          let p = t.quantParams
          let quantisation = p.isEmpty ? "" : "\(p[0].bits) bits" + (p.count > 1 ? ", \(p.count) channels" : "")
          list.append(
            Entry(
              name: t.name, type: t.type.name, dims: t.shape.dims, bytes: t.byteCount, quantisation: quantisation, packing: "plain"))
        }
      }
    }
    entries = list
  }
}
