import Graph

/// Which tensors of a model go by their names.
///
/// Importers give the result of a source node the source's name, and the nodes that it takes besides (transposes around a
/// convolution) names made from the node's: the first one its name itself, the others `name/Kind`. Only results can be looked for in another
/// model; converters that call tensors after nodes know them by the node's name.
struct TensorNames {
  /// Node that makes the tensor of a name: the last one when several do.
  private var maker: [String: Set<String>] = [:]
  /// The node's name for a result that has another one.
  private(set) var otherNames: [String: String] = [:]
  /// All names that are worth looking for.
  private(set) var all: Set<String> = []

  init(_ model: LoadedModel) {
    for graph in model.graphs {
      let nodeNames = Set(graph.nodes.map { $0.name })
      var inner = Set<String>()
      // The last node of each source node, by the source node's name.
      var last: [String: Node] = [:]
      if model.isSource {
        for node in graph.nodes {
          let owner = TensorNames.owner(node, nodeNames)
          if let before = last[owner] { inner.insert(before.name) }
          last[owner] = node
        }
      }
      var made: [String: String] = [:]
      for node in graph.nodes {
        for (i, t) in node.outputs.enumerated() where !t.name.isEmpty {
          let isMadeUp = inner.contains(node.name) && (t.name == node.name || t.name == "\(node.name):\(i)")
          if !isMadeUp { made[t.name] = node.name }
        }
      }
      for (name, node) in made { maker[name, default: []].insert(node) }
      for (owner, node) in last {
        if let t = node.outputs.first, t.name != owner, made[owner] == nil { otherNames[t.name] = owner }
      }
    }
    all = Set(maker.keys).union(otherNames.values)
  }

  /// The source node that a node was made for: what stands before `/Kind`, or `/Kind_2`, if a node has that name.
  private static func owner(_ node: Node, _ nodes: Set<String>) -> String {
    guard let slash = node.name.lastIndex(of: "/") else { return node.name }
    let ending = node.name[node.name.index(after: slash)...]
    let owner = String(node.name[..<slash])
    guard nodes.contains(owner), ending.hasPrefix(node.kind.name) else { return node.name }
    let rest = ending.dropFirst(node.kind.name.count)
    return rest.isEmpty || (rest.first == "_" && rest.dropFirst().allSatisfy { $0.isNumber }) ? owner : node.name
  }

  /// The tensor is what its name stands for.
  func isMeant(_ tensor: Tensor, _ node: Node) -> Bool { maker[tensor.name]?.contains(node.name) ?? false }
}
