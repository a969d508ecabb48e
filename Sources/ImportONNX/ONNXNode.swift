import ConverterCore
import Foundation
import Graph

/// Imports one node: adds what computes its outputs and returns them, in the node's order. Outputs after the last one that the
/// node names may be left out.
typealias ONNXOperator = @Sendable (ONNXNode) throws(EngineError) -> [Tensor]

/// A node of the source model while it is imported.
///
/// Every attribute that an operator has must be read (or ``ignore(_:)``d, where it cannot change the result): one that was not
/// read when the operator's function returns is reported as unknown.
final class ONNXNode {
  let name: String
  let opType: String
  let domain: String
  /// The version of the operator set that the model imports for ``domain``.
  let version: Int
  /// The graph that nodes are added to.
  let graph: GraphBuilder
  /// The node's operands; nil where one is left out. Operands left out at the end may be missing.
  let inputs: [Tensor?]
  /// Names of the results; empty where one is not wanted.
  let outputNames: [String]
  /// The names around the node, for operators with subgraphs.
  let scope: ONNXScope
  private let attributes: [String: Onnx_AttributeProto]
  private var read: Set<String> = []

  init(
    _ proto: Onnx_NodeProto, name: String, version: Int, inputs: [Tensor?], attributes: [String: Onnx_AttributeProto], scope: ONNXScope
  ) {
    self.name = name
    opType = proto.opType
    domain = proto.domain
    self.version = version
    graph = scope.graph
    self.inputs = inputs
    outputNames = proto.output
    self.scope = scope
    self.attributes = attributes
  }

  /// Another operator's function can be run on the same node with other operands.
  func with(inputs: [Tensor?]) -> ONNXNode { ONNXNode(self, inputs) }
  private init(_ node: ONNXNode, _ inputs: [Tensor?]) {
    name = node.name
    opType = node.opType
    domain = node.domain
    version = node.version
    graph = node.graph
    self.inputs = inputs
    outputNames = node.outputNames
    scope = node.scope
    attributes = node.attributes
  }

  // MARK: operands and results

  /// Operand `i`; throws when it is left out. `what` names it in the error.
  func input(_ i: Int, _ what: String = "") throws(EngineError) -> Tensor {
    guard let tensor = optional(i) else {
      throw EngineError(.formatError, "operand \(i)\(what.isEmpty ? "" : " (\(what))") is missing")
    }
    return tensor
  }

  /// Operand `i`; nil when it is left out.
  func optional(_ i: Int) -> Tensor? { i < inputs.count ? inputs[i] : nil }

  /// All operands, none of which may be left out.
  func allInputs() throws(EngineError) -> [Tensor] {
    var all = [Tensor]()
    for i in 0..<inputs.count { all.append(try input(i)) }
    return all
  }

  /// Whether anybody wants result `i`.
  func wants(_ i: Int) -> Bool { i < outputNames.count && !outputNames[i].isEmpty }

  // MARK: attributes

  func has(_ name: String) -> Bool { attributes[name] != nil }

  /// Marks attributes that cannot change the result as read.
  func ignore(_ names: String...) { read.formUnion(names) }

  /// Attributes that nobody has read, sorted.
  var unread: [String] { attributes.keys.filter { !read.contains($0) }.sorted() }

  /// Marks attributes as read, for a node made by ``with(inputs:)``.
  func adoptRead(of other: ONNXNode) { read.formUnion(other.read) }

  private func attribute(_ name: String, type: Int32, _ kind: String) throws(EngineError) -> Onnx_AttributeProto? {
    read.insert(name)
    guard let found = attributes[name] else { return nil }
    // Files of the first format versions leave the type out.
    guard found.type == type || found.type == 0 else {
      throw EngineError(.formatError, "attribute \"\(name)\" is not \(kind)")
    }
    return found
  }

  private func missing(_ name: String) -> EngineError { EngineError(.formatError, "attribute \"\(name)\" is missing") }

  /// An integer saturated to int32's range, so that arithmetic on it cannot overflow; nil when it is absent.
  func optionalInt(_ name: String) throws(EngineError) -> Int? {
    guard let found = try attribute(name, type: 2, "an integer") else { return nil }
    return Int(Int32(clamping: found.i))
  }
  func int(_ name: String, _ fallback: Int) throws(EngineError) -> Int { try optionalInt(name) ?? fallback }
  func int(_ name: String) throws(EngineError) -> Int {
    guard let value = try optionalInt(name) else { throw missing(name) }
    return value
  }
  func bool(_ name: String, _ fallback: Bool) throws(EngineError) -> Bool { try int(name, fallback ? 1 : 0) != 0 }

  func optionalInts(_ name: String) throws(EngineError) -> [Int]? {
    guard let found = try attribute(name, type: 7, "a list of integers") else { return nil }
    return found.ints.map { Int(Int32(clamping: $0)) }
  }
  func ints(_ name: String, _ fallback: [Int]) throws(EngineError) -> [Int] { try optionalInts(name) ?? fallback }
  func ints(_ name: String) throws(EngineError) -> [Int] {
    guard let values = try optionalInts(name) else { throw missing(name) }
    return values
  }

  func optionalFloat(_ name: String) throws(EngineError) -> Float? { try attribute(name, type: 1, "a number")?.f }
  func float(_ name: String, _ fallback: Float) throws(EngineError) -> Float { try optionalFloat(name) ?? fallback }
  func optionalFloats(_ name: String) throws(EngineError) -> [Float]? { try attribute(name, type: 6, "a list of numbers")?.floats }

  func optionalString(_ name: String) throws(EngineError) -> String? {
    guard let found = try attribute(name, type: 3, "a string") else { return nil }
    return String(decoding: found.s, as: UTF8.self)
  }
  func string(_ name: String, _ fallback: String) throws(EngineError) -> String { try optionalString(name) ?? fallback }

  /// A string that must be one of `values`; the first is the default.
  func choice(_ name: String, _ values: String...) throws(EngineError) -> String {
    let value = try string(name, values[0])
    guard values.contains(value) else {
      throw EngineError(
        .notSupported, "attribute \"\(name)\" is \"\(value)\"; it can be \(values.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
    return value
  }

  func optionalStrings(_ name: String) throws(EngineError) -> [String]? {
    try attribute(name, type: 8, "a list of strings")?.strings.map { String(decoding: $0, as: UTF8.self) }
  }

  /// A tensor, as a constant of the graph.
  func optionalTensor(_ name: String) throws(EngineError) -> Tensor? {
    guard let found = try attribute(name, type: 4, "a tensor") else { return nil }
    return try scope.importer.tensors.constant(graph, found.t, name: self.name + "/" + name)
  }

  /// A sparse tensor, as a dense constant of the graph.
  func optionalSparseTensor(_ name: String) throws(EngineError) -> Tensor? {
    guard let found = try attribute(name, type: 11, "a sparse tensor") else { return nil }
    return try scope.importer.tensors.dense(graph, found.sparseTensor, name: self.name + "/" + name)
  }

  /// A subgraph.
  func subgraph(_ name: String) throws(EngineError) -> Onnx_GraphProto {
    guard let found = try attribute(name, type: 5, "a graph") else { throw missing(name) }
    return found.g
  }

  /// An element type by its ONNX number, as the graph holds it; nil when the attribute is absent.
  func optionalType(_ name: String) throws(EngineError) -> DataType? {
    guard let code = try optionalInt(name) else { return nil }
    return ElementType.held(try ElementType.dataType(Int32(clamping: code), of: "attribute \"\(name)\""))
  }

  /// An error for something that the operator defines and the engine cannot do.
  func unsupported(_ text: Message) -> EngineError { EngineError(.notSupported, text) }

  /// Throws for `condition`, saying what is not supported.
  func refuse(_ condition: Bool, _ text: @autoclosure () -> Message) throws(EngineError) {
    if condition { throw EngineError(.notSupported, text()) }
  }
}
