import Graph

/// Which tensors of two models are the same, by their names.
///
/// Importers give the result of a source node the source's name, and the nodes that it takes besides (transposes around a
/// convolution) names made from the node's: the first one its name itself, the others `name/Kind`. The passes of the converter add `_nhwc` and
/// `_nchw` to what they turn. Other converters call a tensor after the source node that makes it.
struct TensorNames {
  /// Made-up names, and the kind of node that makes the tensor.
  private var madeUp: [String: String] = [:]
  /// Node that makes the tensor of a name that is not made up: the last one of each graph.
  private var maker: [String: Set<String>] = [:]
  /// The result of a source node, by the node's name, where both differ.
  private var resultOf: [String: String] = [:]

  init(reference model: LoadedModel) {
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
        for t in node.outputs where !t.name.isEmpty {
          if inner.contains(node.name) && TensorNames.isAutomatic(t, node) {
            madeUp[t.name] = node.kind.name
          } else {
            made[t.name] = node.name
          }
        }
      }
      for (name, node) in made { maker[name, default: []].insert(node) }
      for (owner, node) in last {
        if let t = node.outputs.first, t.name != owner, made[owner] == nil { resultOf[owner] = t.name }
      }
    }
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

  private static func isAutomatic(_ tensor: Tensor, _ node: Node) -> Bool {
    tensor.name == node.name || tensor.name.hasPrefix("\(node.name):")
  }

  private func isMadeUp(_ tensor: Tensor, _ node: Node) -> Bool {
    madeUp[tensor.name] == node.kind.name && TensorNames.isAutomatic(tensor, node)
  }

  /// Under this a tensor of the reference is compared; nil: its name stands for another one. `isInner`: the source does not know it.
  func key(ofReference tensor: Tensor, _ node: Node) -> (key: String, isInner: Bool)? {
    if isMadeUp(tensor, node) { return ("\(node.kind.name) \(tensor.name)", true) }
    return maker[tensor.name]?.contains(node.name) ?? false ? (tensor.name, false) : nil
  }

  /// The same for a tensor of the candidate; nil: the reference has none that corresponds.
  func key(ofCandidate tensor: Tensor, _ node: Node) -> String? {
    let name = tensor.name
    if isMadeUp(tensor, node) { return "\(node.kind.name) \(name)" }
    if maker[name] != nil { return name }
    for suffix in ["_nhwc", "_nchw"] where name.hasSuffix(suffix) {
      let plain = String(name.dropLast(suffix.count))
      if maker[plain] != nil { return plain }
    }
    // The original converter keeps a node's name when it moves the next activation into it.
    return TensorNames.hasActivation(node) ? nil : resultOf[name]
  }

  private static func hasActivation(_ node: Node) -> Bool {
    if node.kind == .activation { return false }
    return AttributeText.list(node).contains { field in
      if field.name == "activation_type", case .int(let type) = field.value { return type != 0 }
      return false
    }
  }
}
