import Graph

/// What a picture of a graph shows: boxes for inputs, nodes and outputs, and the tensors between them.
struct GraphPicture {
  struct Box {
    let title: String
    let lines: [String]
    /// nil: an input or output of the graph.
    let family: OperatorFamily?
    /// Everything about it, for a tool tip.
    let details: String
  }
  struct Link {
    let from: Int
    let to: Int
    let tensor: String
    /// "float32 1x224x224x3" once per tensor; "" for its further readers.
    let label: String
  }
  let title: String
  private(set) var boxes: [Box] = []
  private(set) var links: [Link] = []

  init(_ graph: Graph, index: Int) {
    title = (index == 0 ? "" : "subgraph \(index): ") + graph.name
    var maker: [ObjectIdentifier: Int] = [:]
    var labelled = Set<ObjectIdentifier>()
    // Handles of subgraphs have no shape.
    let handles = Set(graph.nodes.filter { $0.kind.makesHandle }.flatMap { $0.outputs.map { ObjectIdentifier($0) } })
    for t in graph.inputs {
      maker[ObjectIdentifier(t)] = boxes.count
      boxes.append(Box(title: "input", lines: [t.name], family: nil, details: "\(t.name)\n\(GraphPicture.label(t))"))
    }
    func link(_ t: Tensor, to box: Int) {
      guard let from = maker[ObjectIdentifier(t)] else { return }
      let isFirst = labelled.insert(ObjectIdentifier(t)).inserted
      let isHandle = handles.contains(ObjectIdentifier(t))
      links.append(Link(from: from, to: box, tensor: t.name, label: isFirst && !isHandle ? GraphPicture.label(t) : ""))
    }
    for node in graph.nodes {
      let at = boxes.count
      boxes.append(GraphPicture.box(node))
      for t in node.inputs where !t.isConstant { link(t, to: at) }
      for t in node.outputs { maker[ObjectIdentifier(t)] = at }
    }
    for t in graph.outputs {
      let at = boxes.count
      boxes.append(Box(title: "output", lines: [t.name], family: nil, details: "\(t.name)\n\(GraphPicture.label(t))"))
      link(t, to: at)
    }
  }

  private static func label(_ t: Tensor) -> String {
    (t.type == .float32 || t.type == .unknown ? "" : t.type.name + " ") + Units.shape(t.shape.dims)
  }

  private static func box(_ node: Node) -> Box {
    var lines = [node.name]
    var facts = [String]()
    for (name, value) in AttributeText.list(node) {
      let text = AttributeText.text(name, value, node.kind)
      switch name {
      case "kernel_size": facts.append(text.replacing(",", by: "x"))
      case "stride" where text != "1,1", "strides" where text != "1,1": facts.append("s" + text.replacing(",", by: "x"))
      case "dilation" where text != "1,1": facts.append("d" + text.replacing(",", by: "x"))
      case "group" where text != "1": facts.append("g" + text)
      case "activation_type" where text != "NO_ACTIVATION": facts.append(text)
      case "axis", "mode", "reduce_mode", "method", "sub_graph_index": facts.append("\(name.split(separator: "_").last ?? "") \(text)")
      default: break
      }
    }
    for t in node.inputs where t.isConstant && t.count > 1 { facts.append("[\(Units.shape(t.shape.dims))]") }
    if !facts.isEmpty { lines.append(facts.joined(separator: " ")) }
    var details = "\(node.kind.name) \(node.name)"
    for (name, value) in AttributeText.list(node) { details += "\n\(name): \(AttributeText.text(name, value, node.kind))" }
    for t in node.inputs { details += "\nin: \(t.name) \(t.type.name) \(Units.shape(t.shape.dims))\(t.isConstant ? " (constant)" : "")" }
    for t in node.outputs { details += "\nout: \(t.name) \(t.type.name) \(Units.shape(t.shape.dims))" }
    return Box(title: node.kind.name, lines: lines, family: OperatorFamily.of(node.kind.name), details: details)
  }
}

extension String {
  func replacing(_ character: Character, by other: Character) -> String { String(map { $0 == character ? other : $0 }) }

  /// For text and attributes of XML; characters that XML does not have are left out.
  var escapedXML: String {
    var out = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "\n": out += "&#10;"
      default: if scalar.value >= 32 && scalar.value != 0xFFFE && scalar.value != 0xFFFF { out.unicodeScalars.append(scalar) }
      }
    }
    return out
  }
}
