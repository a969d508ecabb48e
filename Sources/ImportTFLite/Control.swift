import ConverterCore
import Graph

extension OperatorTable {
  /// Control flow, calls of subgraphs, and variables.
  static let control: [String: OperatorEntry] = [
    "IF": OperatorEntry(.real, branch),
    "WHILE": OperatorEntry(.real, loop),
    "CALL": OperatorEntry(.real, call),
    "CALL_ONCE": OperatorEntry(.real, initialise),
    // Field ids: 0 container, 1 name.
    "VAR_HANDLE": OperatorEntry(.real) { (op) throws(EngineError) in
      _ = try op.outputInfo(0)
      let name = try variableName(op.options)
      op.importer.handles[op.source.outputs[0]] = name
      return [op.graph.constant("\(name)/handle", ints: [0])]
    },
    "READ_VARIABLE": .one(.real) { (op) throws(EngineError) in
      let info = try op.outputInfo(0)
      guard let type = info.type.dataType else { throw EngineError(.notSupported, "a variable of the type \(info.type.name)") }
      try requireMain(op)
      let value = op.importer.session.variables.read(try handle(op), type: type, dims: info.dims, in: op.graph)
      op.importer.keepName(value)
      return value
    },
    "ASSIGN_VARIABLE": OperatorEntry(.real) { (op) throws(EngineError) in
      try requireMain(op)
      op.importer.session.variables.assign(try handle(op), try op.input(1))
      return []
    },
  ]

  static func variableName(_ options: Record) throws(EngineError) -> String {
    let name = try options.string(1)
    return name.isEmpty ? "variable" : name
  }

  private static func requireMain(_ op: Operation) throws(EngineError) {
    if op.importer.depth > 0 { throw EngineError(.notSupported, "a variable inside of a branch or loop; in the model's entry it is accepted") }
  }

  private static func handle(_ op: Operation) throws(EngineError) -> String {
    guard let name = op.importer.handles[try op.index(0)] else {
      throw EngineError(.notSupported, "the variable's handle must come from VAR_HANDLE in the same subgraph")
    }
    return name
  }

  private static func arguments(_ op: Operation, from first: Int) throws(EngineError) -> [Tensor] {
    var list = [Tensor]()
    for i in first..<max(first, op.source.inputs.count) { list.append(try op.importer.value(try op.index(i))) }
    return list
  }

  /// Field ids: 0 and 1 the subgraphs for true and false. Inputs: the condition, the arguments.
  private static func branch(_ op: Operation) throws(EngineError) -> [Tensor] {
    let condition = try op.input(0), values = try arguments(op, from: 1), session = op.importer.session
    let first = try session.importCallee(try op.options.int(0), "then", values, of: op.importer)
    try first.finishCallee()
    let second = try session.importCallee(try op.options.int(1), "else", values, of: op.importer)
    try second.finishCallee()
    guard first.source.outputs.count == second.source.outputs.count, first.source.outputs.count == op.source.outputs.count else {
      throw EngineError(.graphFileError, "the branches have \(first.source.outputs.count) and \(second.source.outputs.count) outputs")
    }
    let results = op.graph.branch(condition, then: Branch(first.graph, values), else: Branch(second.graph, values))
    for (t, other) in zip(results, first.graph.graph.outputs) { t.quantParams = other.quantParams }
    return results
  }

  /// Field ids: 0 condition, 1 body. What the subgraphs leave open of their inputs' shapes may change from one pass to the next.
  private static func loop(_ op: Operation) throws(EngineError) -> [Tensor] {
    let values = try arguments(op, from: 0), session = op.importer.session
    let test = try op.options.int(0), body = try op.options.int(1)
    let inside = try session.file.subgraph(body)
    guard inside.inputs.count == values.count, inside.outputs.count == values.count, op.source.outputs.count == values.count else {
      throw EngineError(
        .graphFileError, "a loop of \(values.count) variables, whose body has \(inside.inputs.count) inputs and \(inside.outputs.count) outputs")
    }
    var dims = [[Int]?]()
    for (k, value) in values.enumerated() {
      let t = inside.tensors[inside.inputs[k]]
      let outer = op.graph.dims(of: value)
      dims.append(t.isOpen || inside.tensors[inside.outputs[k]].isOpen ? outer.map { $0.map { _ in -1 } } : nil)
    }
    let first = try session.importCallee(test, "condition", values, of: op.importer, dims: dims)
    try first.finishCallee()
    guard first.graph.graph.outputs.count == 1 else {
      throw EngineError(.graphFileError, "the condition has \(first.graph.graph.outputs.count) outputs; one is needed")
    }
    let second = try session.importCallee(body, "body", values, of: op.importer, dims: dims)
    try second.finishCallee()
    for (t, v) in zip(second.graph.graph.outputs, values) where t.type != v.type && t.type != .unknown && v.type != .unknown {
      throw EngineError(.graphFileError, "the body makes \(t) of the variable \(v)")
    }
    let results = op.graph.loop(values, condition: first.graph, body: second.graph)
    for (k, t) in results.enumerated() {
      t.quantParams = values[k].quantParams
      // What the body's operators cannot tell, the file says: a variable whose shape it does not leave open keeps it.
      if op.graph.dims(of: t) == nil, dims[k] == nil { op.graph.declare(t, op.graph.dims(of: values[k])) }
    }
    return results
  }

  /// Field id 0: the subgraph, which is imported in place.
  private static func call(_ op: Operation) throws(EngineError) -> [Tensor] {
    let values = try arguments(op, from: 0)
    return try op.importer.inlined(try op.options.int(0), values)
  }

  /// The variables that subgraph (field 0) assigns get its values as those to start with.
  private static func initialise(_ op: Operation) throws(EngineError) -> [Tensor] {
    let session = op.importer.session
    let source = try session.file.subgraph(try op.options.int(0))
    let importer = try SubgraphImporter(session, source, op.graph, depth: op.importer.depth + 1)
    var handles: [Int: String] = [:]
    for part in source.operators {
      switch part.name {
      case "VAR_HANDLE":
        if let index = part.outputs.first { handles[index] = try variableName(part.options) }
      case "ASSIGN_VARIABLE":
        guard part.inputs.count == 2, let name = handles[part.inputs[0]], part.inputs[1] >= 0 else {
          throw EngineError(.graphFileError, "the initialising subgraph assigns to no variable")
        }
        session.variables.initialise(name, try importer.real(part.inputs[1]))
      default:
        throw EngineError(.notSupported, "\(part.name) in the initialising subgraph; VAR_HANDLE and ASSIGN_VARIABLE of constants are accepted")
      }
    }
    return []
  }
}

extension SubgraphImporter {
  /// The operators of subgraph `index` at this place of this graph.
  func inlined(_ index: Int, _ arguments: [Tensor]) throws(EngineError) -> [Tensor] {
    let callee = try session.file.subgraph(index)
    guard callee.inputs.count == arguments.count else {
      throw EngineError(.graphFileError, "subgraph \(index) has \(callee.inputs.count) inputs; \(arguments.count) are given")
    }
    try session.countCall(depth)
    let importer = try SubgraphImporter(session, callee, graph, depth: depth + 1)
    for (i, argument) in zip(callee.inputs, arguments) { importer.adopt(i, argument) }
    try importer.importOperators()
    var results = [Tensor]()
    for i in callee.outputs { results.append(try importer.value(i)) }
    return results
  }

  /// Notes the variables that this subgraph assigns.
  func noteAssignments() throws(EngineError) {
    var names: [Int: String] = [:]
    for op in source.operators {
      if op.name == "VAR_HANDLE", let index = op.outputs.first { names[index] = try OperatorTable.variableName(op.options) }
      if op.name == "ASSIGN_VARIABLE", let name = op.inputs.first.flatMap({ names[$0] }) { session.variables.willAssign(name) }
    }
  }
}
