import Graph
import Runtime

extension Inspection {
  /// The report for programs.
  public func json() -> JSON {
    var members: [(String, JSON)] = [("file", .string(model.path)), ("fileBytes", .int(model.fileBytes))]
    if let stored = model.stored {
      members += [
        ("format", .string("ms")), ("identifier", .string(stored.identifier)), ("version", .string(stored.version)),
        ("framework", .string(stored.frameworkName)),
      ]
    } else {
      members.append(("format", .string(model.sourceFormat ?? "")))
    }
    members += [
      ("warnings", .strings(model.warnings)), ("inputs", .array(model.main.inputs.map { Inspection.json($0) })),
      ("outputs", .array(graphs[0].graph.outputs.map { Inspection.json($0) })), ("parameters", .int(weights.elements)),
      ("macs", .int(graphs[0].cost.macs)), ("flops", .int(graphs[0].cost.flops)),
      ("graphs", .array(graphs.map { json($0) })), ("weights", weightJSON()), ("engine", engineJSON()),
    ]
    return .object(members)
  }

  private static func json(_ t: Tensor) -> JSON {
    var members: [(String, JSON)] = [
      ("name", .string(t.name)), ("type", .string(t.type.name)), ("shape", .ints(t.shape.dims)), ("format", .string(Units.format(t.format))),
    ]
    if !t.quantParams.isEmpty {
      members.append(
        ("quantisation", .array(t.quantParams.map { .object([("scale", .double($0.scale)), ("zeroPoint", .int(Int($0.zeroPoint))), ("bits", .int(Int($0.bits)))]) })))
    }
    return .object(members)
  }

  private func json(_ facts: GraphFacts) -> JSON {
    let operators = Inspection.histogram(facts).map {
      JSON.object([("operator", .string($0.kind)), ("nodes", .int($0.count)), ("macs", .int($0.cost.macs)), ("flops", .int($0.cost.flops))])
    }
    return .object([
      ("name", .string(facts.graph.name)), ("inputs", .array(facts.graph.inputs.map { Inspection.json($0) })),
      ("outputs", .array(facts.graph.outputs.map { Inspection.json($0) })), ("macs", .int(facts.cost.macs)),
      ("flops", .int(facts.cost.flops)), ("operators", .array(operators)), ("nodes", .array(facts.nodes.map { json($0) })),
    ])
  }

  private func json(_ facts: NodeFacts) -> JSON {
    let node = facts.node
    var members: [(String, JSON)] = [("name", .string(node.name)), ("operator", .string(node.kind.name))]
    members.append(("inputs", .array(node.inputs.map { operand($0) })))
    members.append(("outputs", .array(node.outputs.map { operand($0) })))
    members.append(
      ("attributes", .object(AttributeText.list(node).map { ($0.name, AttributeText.json($0.name, $0.value, node.kind)) })))
    if node.quantType != 0 { members.append(("quantType", .string(Inspection.quantType(node.quantType)))) }
    if let cost = facts.cost {
      members += [("macs", .int(cost.macs)), ("flops", .int(cost.flops)), ("bytes", .int(cost.bytes))]
    }
    return .object(members)
  }

  private func operand(_ t: Tensor) -> JSON {
    .object([
      ("name", .string(t.name)), ("type", .string(t.type.name)), ("shape", .ints(t.shape.dims)), ("constant", .bool(t.isConstant)),
    ])
  }

  private func weightJSON() -> JSON {
    func sums(_ groups: [(key: String, count: Int, elements: Int, bytes: Int)]) -> JSON {
      .object(groups.map { ($0.key, .object([("constants", .int($0.count)), ("parameters", .int($0.elements)), ("bytes", .int($0.bytes))])) })
    }
    let list = weights.entries.map {
      JSON.object([
        ("name", .string($0.name)), ("type", .string($0.type)), ("shape", .ints($0.dims)), ("bytes", .int($0.bytes)),
        ("packing", .string($0.packing)), ("quantisation", $0.quantisation.isEmpty ? .null : .string($0.quantisation)),
      ])
    }
    return .object([
      ("constants", .int(weights.entries.count)), ("parameters", .int(weights.elements)), ("bytes", .int(weights.bytes)),
      ("types", sums(weights.groups { $0.type })), ("packings", sums(weights.groups { $0.packing })),
      ("quantised", .int(weights.entries.filter { !$0.quantisation.isEmpty }.count)), ("list", .array(list)),
    ])
  }

  private func engineJSON() -> JSON {
    var members: [(String, JSON)] = [("accepts", .bool(problems.isEmpty)), ("problems", .strings(problems))]
    if let plannedNodes, !isOpen { members.append(("nodesAfterOptimisation", .int(plannedNodes))) }
    if let memory {
      members.append(
        ("memory", .object([
          ("arenaBytes", .int(memory.arenaBytes)), ("outputBytes", .int(memory.outputBytes)),
          ("scratchBytes", .int(memory.workspaceBytes)),
          ("peakBytes", .int(memory.arenaBytes + memory.outputBytes + memory.workspaceBytes)),
        ])))
    }
    return .object(members)
  }
}
