import ConverterCore
import Graph

/// The nodes of a graph, of a function's body or of a part of one, while they are imported into a graph of the model. Nodes are
/// imported when somebody needs them, after those that they need.
final class TensorFlowScope {
  let run: TensorFlowImport
  let table: NodeTable
  let graph: GraphBuilder
  /// Stands before node names: the calls that lead here.
  let prefix: String
  /// How many calls, branches and loops lead here.
  let depth: Int
  private var values: [String: [Value]]
  /// Nodes that could not be imported: one stand-in takes the place of all their outputs.
  private var failed: Set<String> = []
  /// Values after the loops that have been imported here, by their frames.
  var finishedLoops: [String: [Value]] = [:]
  private static let depthLimit = 32

  /// `seeds`: nodes whose outputs are given.
  init(
    _ run: TensorFlowImport, _ table: NodeTable, _ graph: GraphBuilder, prefix: String, depth: Int, seeds: [String: [Value]]
  ) throws(EngineError) {
    guard depth <= TensorFlowScope.depthLimit else {
      throw EngineError(
        .notSupported, "functions, branches and loops lie \(depth) deep in each other; \(TensorFlowScope.depthLimit) are possible")
    }
    self.run = run
    self.table = table
    self.graph = graph
    self.prefix = prefix
    self.depth = depth
    values = seeds
  }

  // MARK: values

  /// What an input of a node names; its node has been imported.
  func value(_ input: String) throws(EngineError) -> Value {
    let reference = try table.parse(input)
    guard let outputs = values[reference.node] else { throw EngineError(.formatError, "no node is named \"\(reference.node)\"") }
    if failed.contains(reference.node), let standIn = outputs.first { return standIn }
    guard reference.output < outputs.count else {
      throw EngineError(.formatError, "\"\(input)\": node \"\(reference.node)\" has \(outputs.count) outputs")
    }
    return outputs[reference.output]
  }

  /// The values that inputs name, once the nodes are imported.
  func values(of inputs: [String]) throws(EngineError) -> [Value] {
    var names = [String]()
    for input in inputs { names.append(try table.parse(input).node) }
    try importNodes(names)
    var all = [Value]()
    for input in inputs { all.append(try value(input)) }
    return all
  }

  // MARK: order

  /// Imports nodes and what they need. Iterative: a file may chain any number of nodes.
  func importNodes(_ names: [String]) throws(EngineError) {
    var stack = names.reversed().map { (name: $0, opened: false) }
    var open: Set<String> = []
    while let top = stack.last {
      if values[top.name] != nil {
        stack.removeLast()
        continue
      }
      guard let node = table[top.name] else { throw EngineError(.formatError, "no node is named \"\(top.name)\"") }
      if top.opened {
        stack.removeLast()
        open.remove(top.name)
        try importNode(node)
        continue
      }
      stack[stack.count - 1].opened = true
      open.insert(top.name)
      for name in try dependencies(node).reversed() where values[name] == nil {
        if open.contains(name) {
          throw EngineError(.formatError, "node \"\(name)\" needs its own result, by way of \"\(top.name)\"")
        }
        stack.append((name: name, opened: false))
      }
    }
  }

  /// The nodes that must be imported before `node`.
  private func dependencies(_ node: Tensorflow_NodeDef) throws(EngineError) -> [String] {
    switch node.op {
    case "Exit", "RefExit":
      if let frame = run.frames(of: table).frame(ofExit: node.name) {
        var names = [String]()
        for enter in frame.enters { names.append(try table.parse(enter.input[0]).node) }
        return names
      }
    case "Merge", "RefMerge":
      if let choice = try run.frames(of: table).choice(node.name) {
        var names = [String]()
        for input in [choice.condition] + choice.captured { names.append(try table.parse(input).node) }
        return names
      }
    default: break
    }
    var names = [String]()
    for input in node.input {
      if !input.hasPrefix("^") {
        names.append(try table.parse(input).node)
      } else if let op = table[String(input.dropFirst())]?.op, op == "Assert" || op == "NoOp" {
        // Checks that the node waits for; other order does not matter to nodes without side effects.
        names.append(String(input.dropFirst()))
      }
    }
    return names
  }

  // MARK: nodes

  private func importNode(_ node: Tensorflow_NodeDef) throws(EngineError) {
    try run.count()
    var operands: [Value] = []
    // An Exit's loop and a Merge's branches are imported with it, so that their inputs have no value yet.
    for input in node.input where !input.hasPrefix("^") {
      if values[try table.parse(input).node] != nil { operands.append(try value(input)) }
    }
    var imported: [Value]?
    let context = TensorFlowNode(node, operands, self)
    let results = graph.importNode(
      prefix + node.name, type: node.op, inputs: operands.compactMap { $0.tensor }, outputs: 0
    ) { () throws(EngineError) -> [Tensor] in
      let found = try evaluate(context)
      imported = found
      return found.compactMap { $0.tensor }
    }
    if imported == nil { failed.insert(node.name) }
    values[node.name] = imported ?? results.map { .tensor($0) }
  }

  private func evaluate(_ node: TensorFlowNode) throws(EngineError) -> [Value] {
    switch node.op {
    case "Const", "HostConst":
      guard case .tensor(let tensor)? = node.proto.attr["value"]?.value else {
        throw EngineError(.formatError, "attribute \"value\" is missing")
      }
      return [.tensor(try run.tensors.constant(graph, tensor, name: prefix + node.name))]
    case "PlaceholderWithDefault" where !GraphInputs.isInput(node.proto):
      node.graph.report.warn("\(node.name) keeps its default")
      return node.values
    case "Placeholder", "PlaceholderV2", "PlaceholderWithDefault":
      throw EngineError(.notSupported, "an input of the model is used inside a loop that does not take it in")
    case "Identity", "IdentityN", "RefIdentity", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot", "Enter", "RefEnter",
      "LoopCond", "DebugGradientIdentity", "_EagerConst", "DeepCopy", "Dropout":
      return node.values
    case "NoOp", "ControlTrigger", "TensorArrayCloseV3": return []
    case "Merge", "RefMerge": return try ControlFlow.merge(node)
    case "Switch", "RefSwitch":
      throw EngineError(.notSupported, "a Switch outside the branches that a Merge ends and outside loops is not supported")
    case "Exit", "RefExit": return try ControlFlow.exit(node)
    case "NextIteration", "RefNextIteration": throw EngineError(.formatError, "the node stands outside a loop")
    case "If", "StatelessIf": return try ControlFlow.conditional(node)
    case "While", "StatelessWhile": return try ControlFlow.whileLoop(node)
    case "Case", "StatelessCase": return try ControlFlow.cases(node)
    case "PartitionedCall", "StatefulPartitionedCall": return try run.call(node.function("f"), node)
    case "VarHandleOp", "VariableV2", "Variable", "ReadVariableOp", "ResourceGather":
      return try Variables.evaluate(node)
    default:
      if let array = try TensorArrays.evaluate(node) { return array }
      if run.hasFunction(node.op) { return try run.call(node.op, node) }
      guard let function = TensorFlowImporter.operators[node.op] else {
        throw EngineError(.unknownOperator, "TensorFlow's operator \(node.op) is not known to the converter")
      }
      let results = try function(node)
      if let first = results.first { giveName(prefix + node.name, to: first) }
      return results.map { .tensor($0) }
    }
  }

  /// A result computed in several steps has the node's name, which the first step's has been given.
  private func giveName(_ name: String, to result: Tensor) {
    guard result.name.hasPrefix(name + "/"), !result.isConstant else { return }
    for step in graph.graph.nodes.suffix(64) {
      for tensor in step.outputs where tensor.name == name { tensor.name = result.name }
    }
    result.name = name
  }

  // MARK: scopes inside

  /// The same nodes imported into another graph, where `seeds` stand for what lies outside.
  func region(_ graph: GraphBuilder, seeds: [String: [Value]]) throws(EngineError) -> TensorFlowScope {
    try TensorFlowScope(run, table, graph, prefix: prefix, depth: depth + 1, seeds: seeds)
  }
}
