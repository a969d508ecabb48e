import ConverterCore
import Graph

/// The file while it is imported.
final class MindModel {
  let model: ModelBuilder
  let tensors: MindTensors
  private let main: MindFunction
  private(set) var functions: [String: MindFunction] = [:]
  private(set) var primitives: [String: MindIr_PrimitiveProto] = [:]
  let references: FunctionReferences
  /// Functions that have become graphs of their own.
  private var graphs: [ObjectIdentifier: MindSubgraph] = [:]
  /// Functions are copied to where they are called: the nodes that may still come of that.
  private var budget = 1 << 20

  init(_ proto: MindIr_ModelProto, _ model: ModelBuilder, _ files: WeightFiles) {
    self.model = model
    tensors = MindTensors(files: files)
    main = MindFunction(proto.graph)
    for graph in proto.functions where functions[graph.name] == nil { functions[graph.name] = MindFunction(graph) }
    for primitive in proto.primitives { primitives[primitive.name] = primitive }
    references = FunctionReferences(functions)
  }

  var isTraining: Bool { model.options.training }

  func build() throws(EngineError) {
    let b = model.addGraph("main_graph")
    let scope = MindScope(self, main, b, parent: nil)
    try scope.addInputs()
    try scope.addParameters()
    scope.importNodes()
    let outputs = scope.outputs()
    if outputs.isEmpty && model.report.problems.isEmpty { throw EngineError(.formatError, "the graph has no output") }
    try b.setOutputs(outputs, names: outputs.map { scope.outputName($0) })
  }

  /// Takes the nodes of one more copy of a function out of the budget.
  func spend(_ nodes: Int) throws(EngineError) {
    budget -= nodes
    if budget < 0 { throw EngineError(.notSupported, "the functions' calls make more than a million nodes") }
  }

  /// The graph of a function that is not copied to where it is called, made at its first call from `caller`.
  func subgraph(_ function: MindFunction, _ arguments: [MindValue], _ caller: MindScope) throws(EngineError) -> MindSubgraph {
    if let known = graphs[ObjectIdentifier(function)] { return known }
    let b = model.addGraph(function.name)
    let scope = MindScope(self, function, b, parent: nil)
    let subgraph = MindSubgraph(b)
    graphs[ObjectIdentifier(function)] = subgraph
    try scope.bind(arguments, caller)
    for name in references.captured(by: function) {
      guard let value = caller.find(name) else { continue }
      if scope.capture(name, value, caller) { subgraph.captured.append(name) }
    }
    try scope.addParameters()
    scope.importNodes()
    let outputs = scope.outputs()
    try b.setOutputs(outputs, names: outputs.map { scope.outputName($0) })
    // A call that gives the graph's results needs no return to it.
    if let last = b.graph.nodes.last, last.kind == .call, last.outputs.count == b.graph.outputs.count,
      zip(last.outputs, b.graph.outputs).allSatisfy({ $0 === $1 })
    {
      last["is_tail_call"] = true
    }
    return subgraph
  }
}

/// A function as a graph of its own. Its inputs are the tensors in the arguments, then the tensors it takes from around it.
final class MindSubgraph {
  let b: GraphBuilder
  var captured: [String] = []
  init(_ b: GraphBuilder) { self.b = b }
}

/// Which functions mention which, and which names a function takes from around it.
struct FunctionReferences {
  private var recursive: Set<String> = []
  private var free: [String: Set<String>] = [:]

  init(_ functions: [String: MindFunction]) {
    var mentions: [String: Set<String>] = [:]
    var defined: [String: Set<String>] = [:]
    for (name, function) in functions {
      var uses: Set<String> = [], makes: Set<String> = [], callees: Set<String> = []
      for input in function.proto.input { makes.insert(input.name) }
      for parameter in function.proto.parameter { makes.insert(parameter.name) }
      for node in function.proto.node {
        makes.formUnion(node.output)
        let operation = node.opType.hasPrefix("REF::") ? [String(node.opType.dropFirst(5))] : []
        for used in node.input + operation {
          if functions[used] != nil { callees.insert(used) } else { uses.insert(used) }
        }
      }
      for output in function.proto.output where functions[output.name] == nil { uses.insert(output.name) }
      mentions[name] = callees
      defined[name] = makes
      free[name] = uses.subtracting(makes)
    }
    // What a function's callees need, it needs too. Both relations grow until they no longer change.
    var changed = true
    var rounds = 0
    while changed && rounds < 1000 {
      changed = false
      rounds += 1
      for name in functions.keys {
        for callee in mentions[name] ?? [] {
          let more = (mentions[callee] ?? []).subtracting(mentions[name] ?? [])
          let needed = (free[callee] ?? []).subtracting(defined[name] ?? []).subtracting(free[name] ?? [])
          if !more.isEmpty || !needed.isEmpty { changed = true }
          mentions[name]?.formUnion(more)
          free[name]?.formUnion(needed)
        }
      }
    }
    for name in functions.keys where mentions[name]?.contains(name) == true { recursive.insert(name) }
  }

  /// The function calls itself, perhaps by way of others: it is (part of) a loop.
  func isRecursive(_ function: MindFunction) -> Bool { recursive.contains(function.name) }

  /// Names that the function and its callees use and do not define, in a fixed order.
  func captured(by function: MindFunction) -> [String] { (free[function.name] ?? []).sorted() }
}
