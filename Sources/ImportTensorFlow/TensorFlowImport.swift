import ConverterCore
import Graph

/// One import of a model.
final class TensorFlowImport {
  let model: ModelBuilder
  let tensors: TensorReader
  /// Values of variables; nil when the model has none beside it.
  var checkpoint: Checkpoint?
  private let functions: [String: Tensorflow_FunctionDef]
  private var tables: [String: NodeTable] = [:]
  private var frames: [ObjectIdentifier: ControlNodes] = [:]
  /// Nodes imported; those of functions and loops as often as they are expanded.
  private var expanded = 0
  private let expansionLimit: Int

  init(_ model: ModelBuilder, _ library: Tensorflow_FunctionDefLibrary, nodes: Int) {
    self.model = model
    tensors = TensorReader()
    var functions: [String: Tensorflow_FunctionDef] = [:]
    var count = nodes
    for function in library.function {
      functions[function.signature.name] = function
      count += function.nodeDef.count
    }
    self.functions = functions
    expansionLimit = 20_000 + 20 * count
  }

  /// Counts one node; throws when functions that call each other expand to far more nodes than the file has.
  func count() throws(EngineError) {
    expanded += 1
    if expanded > expansionLimit {
      throw EngineError(.notSupported, "functions and loops expand to more than \(expansionLimit) nodes")
    }
  }

  /// Names of a library function's outputs, in order; nil for a name that is no function.
  func outputNames(_ function: String) -> [String]? { functions[function]?.signature.outputArg.map { $0.name } }

  func hasFunction(_ name: String) -> Bool { functions[name] != nil }

  func makeTable(_ nodes: [Tensorflow_NodeDef]) throws(EngineError) -> NodeTable {
    let functions = self.functions
    return try NodeTable(nodes) { functions[$0]?.signature.outputArg.map { $0.name } }
  }

  /// The control flow of a table's nodes in TensorFlow's first form.
  func frames(of table: NodeTable) -> ControlNodes {
    if let known = frames[ObjectIdentifier(table)] { return known }
    let made = ControlNodes(table)
    frames[ObjectIdentifier(table)] = made
    return made
  }

  private func function(_ name: String) throws(EngineError) -> Tensorflow_FunctionDef {
    guard let function = functions[name] else { throw EngineError(.formatError, "no function is named \"\(name)\"") }
    return function
  }

  /// The outputs of a call, whose nodes are imported in the caller's place.
  func call(_ name: String, _ node: TensorFlowNode) throws(EngineError) -> [Value] {
    let results = try call(name, node.values, in: node.scope, into: node.graph, as: node.name)
    node.graph.scope = node.scope.prefix + node.name
    return results
  }

  /// The same with other arguments and, for branches and loops, into another graph.
  func call(
    _ name: String, _ arguments: [Value], in scope: TensorFlowScope, into graph: GraphBuilder, as place: String
  ) throws(EngineError) -> [Value] {
    let function = try self.function(name)
    let signature = function.signature
    guard arguments.count == signature.inputArg.count else {
      throw EngineError(
        .formatError, "function \"\(name)\" takes \(signature.inputArg.count) arguments; \(arguments.count) are given")
    }
    if tables[name] == nil { tables[name] = try makeTable(function.nodeDef) }
    guard let table = tables[name] else { throw EngineError(.formatError, "no function is named \"\(name)\"") }
    var seeds: [String: [Value]] = [:]
    for (argument, value) in zip(signature.inputArg, arguments) { seeds[argument.name] = [value] }
    let body = try TensorFlowScope(self, table, graph, prefix: "\(scope.prefix)\(place)/", depth: scope.depth + 1, seeds: seeds)
    var results = [String]()
    for output in signature.outputArg {
      guard let result = function.ret[output.name] else {
        throw EngineError(.formatError, "function \"\(name)\" does not say what its output \"\(output.name)\" is")
      }
      results.append(result)
    }
    return try body.values(of: results)
  }

  /// Arguments that a function gives back unchanged at the same place.
  func unchangedArguments(_ name: String) throws(EngineError) -> [Bool] {
    let function = try self.function(name)
    var nodes: [String: Tensorflow_NodeDef] = [:]
    for node in function.nodeDef where node.op == "Identity" { nodes[node.name] = node }
    let arguments = function.signature.inputArg.map { $0.name }
    return function.signature.outputArg.enumerated().map { i, output in
      guard i < arguments.count, var source = function.ret[output.name] else { return false }
      for _ in 0..<8 {
        source = String(source.split(separator: ":").first ?? "")
        if source == arguments[i] { return true }
        guard let next = nodes[source]?.input.first else { return false }
        source = next
      }
      return false
    }
  }
}
