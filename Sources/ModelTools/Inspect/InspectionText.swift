import Graph
import Runtime

extension Inspection {
  /// What the text shows besides the summary.
  public struct Detail: Sendable {
    public var nodes = true
    public var weights = false
    public init() {}
  }

  /// The report for a terminal.
  public func text(_ detail: Detail) -> String {
    var out = head()
    for (i, facts) in graphs.enumerated() { out += self.text(facts, i, detail) }
    out += weightText(detail)
    out += "\nEngine\n"
    out += engineText()
    return out
  }

  private func line(_ label: String, _ value: String) -> String {
    "  \(label)\(String(repeating: " ", count: max(1, 16 - label.count)))\(value)\n"
  }

  private func head() -> String {
    var out = "\(model.path)\n"
    out += line("size", "\(Units.bytes(model.fileBytes)) (\(model.fileBytes) bytes)")
    if let stored = model.stored {
      out += line("format", stored.identifier.isEmpty ? ".ms of release 1.0 (no identifier)" : ".ms, identifier \(stored.identifier)")
      out += line("version", stored.version.isEmpty ? "not stated" : stored.version)
      out += line("converted from", stored.frameworkName)
    } else {
      out += line("format", model.sourceFormat ?? "")
    }
    for warning in model.warnings { out += line("note", warning) }
    return out
  }

  private func text(_ facts: GraphFacts, _ index: Int, _ detail: Detail) -> String {
    let graph = facts.graph
    var out = index == 0 ? "\nMain graph \"\(graph.name)\": \(graph.nodes.count) nodes\n" : "\nSubgraph \(index) \"\(graph.name)\": \(graph.nodes.count) nodes\n"
    var ports = TextTable([("", .left), ("name", .left), ("type", .left), ("shape", .left), ("format", .left), ("quantisation", .left)])
    for (label, list) in [("input", graph.inputs), ("output", graph.outputs)] {
      for t in list {
        ports.add([label, t.name, t.type.name, Units.shape(t.shape.dims), Units.format(t.format), Inspection.quantisation(t)])
      }
    }
    out += ports.text()
    out += "\n" + histogram(facts)
    if detail.nodes { out += "\n" + nodeTable(facts) }
    return out
  }

  static func quantisation(_ t: Tensor) -> String {
    guard let p = t.quantParams.first else { return "" }
    return "scale \(Float(p.scale)), zero point \(p.zeroPoint)" + (t.quantParams.count > 1 ? " (\(t.quantParams.count) channels)" : "")
  }

  private func histogram(_ facts: GraphFacts) -> String {
    var table = TextTable([("operator", .left), ("nodes", .right), ("MACs", .right), ("FLOPs", .right), ("share", .right)])
    for (kind, count, cost) in Inspection.histogram(facts) {
      table.add([
        kind, "\(count)", cost.macs > 0 ? Units.count(Double(cost.macs)) : "", cost.flops > 0 ? Units.count(Double(cost.flops)) : "",
        cost.flops > 0 ? Units.percent(Double(cost.flops), of: Double(facts.cost.flops)) : "",
      ])
    }
    table.add(["total", "\(facts.nodes.count)", Units.count(Double(facts.cost.macs)), Units.count(Double(facts.cost.flops)), ""])
    let open = facts.nodes.filter { $0.cost == nil && !$0.node.kind.makesHandle && $0.node.kind != .call }.count
    return table.text() + (open > 0 ? "  (\(open) nodes of unknown shape are not counted; give the inputs' shapes with --inputShape)\n" : "")
  }

  static func histogram(_ facts: GraphFacts) -> [(kind: String, count: Int, cost: NodeCost)] {
    var sums: [String: (Int, NodeCost)] = [:]
    for n in facts.nodes {
      let old = sums[n.node.kind.name] ?? (0, NodeCost())
      sums[n.node.kind.name] = (old.0 + 1, old.1 + (n.cost ?? NodeCost()))
    }
    return sums.sorted { ($0.value.1.flops, $0.value.0, $1.key) > ($1.value.1.flops, $1.value.0, $0.key) }
      .map { ($0.key, $0.value.0, $0.value.1) }
  }

  private func nodeTable(_ facts: GraphFacts) -> String {
    var table = TextTable(
      [("#", .right), ("operator", .left), ("name", .left), ("output", .left), ("MACs", .right), ("attributes", .left)])
    for (i, n) in facts.nodes.enumerated() {
      let outputs = n.node.outputs.map { Units.shape($0.shape.dims) }.joined(separator: " ")
      var attributes = AttributeText.line(n.node)
      if n.node.quantType != 0 { attributes += (attributes.isEmpty ? "" : " ") + "quantType=\(Inspection.quantType(n.node.quantType))" }
      let macs = n.cost.map { $0.macs > 0 ? Units.count(Double($0.macs)) : "" } ?? "?"
      table.add(["\(i)", n.node.kind.name, TextTable.shortened(n.node.name, 44), TextTable.shortened(outputs, 40), macs, attributes])
    }
    return table.text()
  }

  static func quantType(_ n: Int32) -> String {
    switch n {
    case 4: return "WEIGHT"
    case 5: return "ALL"
    case 6: return "DYNAMIC"
    default: return "\(n)"
    }
  }

  private func weightText(_ detail: Detail) -> String {
    var out = "\nWeights: \(weights.entries.count) constants, \(Units.count(Double(weights.elements))) parameters, \(Units.bytes(weights.bytes)) stored\n"
    guard !weights.entries.isEmpty else { return out }
    var table = TextTable([("type", .left), ("packing", .left), ("quantised", .left), ("constants", .right), ("parameters", .right), ("bytes", .right)])
    for g in weights.groups(by: { "\($0.type)\u{1}\($0.packing)\u{1}\($0.quantisation.isEmpty ? "no" : "yes")" }) {
      let parts = g.key.split(separator: "\u{1}").map(String.init)
      table.add(parts + ["\(g.count)", Units.count(Double(g.elements)), Units.bytes(g.bytes)])
    }
    out += table.text()
    guard detail.weights else { return out }
    var list = TextTable([("name", .left), ("type", .left), ("shape", .left), ("bytes", .right), ("packing", .left), ("quantisation", .left)])
    for e in weights.entries { list.add([e.name, e.type, Units.shape(e.dims), "\(e.bytes)", e.packing, e.quantisation]) }
    return out + "\n" + list.text()
  }

  private func engineText() -> String {
    guard problems.isEmpty else {
      return "  does not accept the model:\n" + problems.map { "    \($0)\n" }.joined()
    }
    if isOpen { return "  accepts the model; memory is planned when the inputs' shapes are known (--inputShape \"name:1,3,224,224\")\n" }
    var out = "  accepts the model"
    if let plannedNodes { out += "; \(plannedNodes) of \(graphs[0].nodes.count) nodes of the main graph are left after optimisation" }
    out += "\n"
    guard let memory else { return out }
    out += line("activations", "\(Units.bytes(memory.arenaBytes)) (arena of \(memory.values.count) values; \(Units.bytes(sumOfValues(memory))) without sharing)")
    out += line("outputs", Units.bytes(memory.outputBytes))
    out += line("scratch", Units.bytes(memory.workspaceBytes))
    let peak = memory.arenaBytes + memory.outputBytes + memory.workspaceBytes
    out += line("peak", "\(Units.bytes(peak)), and the weights")
    return out
  }

  private func sumOfValues(_ memory: MemoryUse) -> Int { memory.values.reduce(0) { $0 + $1.bytes } }
}
