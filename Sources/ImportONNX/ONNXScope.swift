import ConverterCore
import Graph

/// The values that the nodes of one graph (or of one call of a model-local function) can name.
final class ONNXScope {
  let graph: GraphBuilder
  unowned let importer: ONNXImport
  /// The graph around a subgraph, whose values it may name. Functions have none.
  let parent: ONNXScope?
  /// Version of each operator set in use.
  let opsets: [String: Int]
  /// Calls of functions and subgraphs around this one.
  let depth: Int
  /// Each level takes its share of the stack.
  private static let depthLimit = 48
  /// Attributes of the call, for the nodes of a function.
  let attributes: [String: Onnx_AttributeProto]
  private var values: [String: Tensor] = [:]
  private var initializers: [String: Onnx_TensorProto] = [:]
  private var sparse: [String: Onnx_SparseTensorProto] = [:]
  private var omitted: Set<String> = []
  /// Values of the graphs around this one that it uses, as inputs that were added for them.
  private(set) var captures: [Tensor] = []
  /// Quantization annotations: tensor name to (kind, name of the tensor that has it).
  private(set) var annotations: [String: [String: String]] = [:]

  init(
    _ graph: GraphBuilder, _ importer: ONNXImport, parent: ONNXScope?, opsets: [String: Int], depth: Int,
    attributes: [String: Onnx_AttributeProto] = [:]
  ) {
    self.graph = graph
    self.importer = importer
    self.parent = parent
    self.opsets = opsets
    self.depth = depth
    self.attributes = attributes
  }

  /// The depth of what is nested in this.
  func innerDepth() throws(EngineError) -> Int {
    guard depth < ONNXScope.depthLimit else {
      throw EngineError(.notSupported, "calls of functions and subgraphs are nested more than \(ONNXScope.depthLimit) deep")
    }
    return depth + 1
  }

  func addInitializers(of proto: Onnx_GraphProto) {
    for tensor in proto.initializer { initializers[tensor.name] = tensor }
    for tensor in proto.sparseInitializer { sparse[tensor.values.name] = tensor }
    for entry in proto.quantizationAnnotation {
      for pair in entry.quantParameterTensorNames { annotations[entry.tensorName, default: [:]][pair.key] = pair.value }
    }
  }

  func isInitializer(_ name: String) -> Bool { initializers[name] != nil || sparse[name] != nil }

  /// Binds a name, and gives the tensor that name unless it has another already.
  func bind(_ name: String, _ tensor: Tensor) {
    if name.isEmpty { return }
    values[name] = tensor
    if importer.isNamed(tensor) { return }
    tensor.name = name
  }

  /// Binds a function's formal operand.
  func bindOperand(_ name: String, _ tensor: Tensor) {
    values[name] = tensor
    _ = importer.isNamed(tensor)
  }

  /// Marks a function's formal operand as left out by the call.
  func omit(_ name: String) { omitted.insert(name) }

  /// A node's operand: nil when it is left out.
  func operand(_ name: String) throws(EngineError) -> Tensor? {
    name.isEmpty || omitted.contains(name) ? nil : try value(name)
  }

  /// The value of a name: of this graph, or of one around it, which becomes an input of this graph (a constant: a constant).
  func value(_ name: String) throws(EngineError) -> Tensor {
    if let known = values[name] { return known }
    if let proto = initializers[name] {
      let tensor = try importer.tensors.constant(graph, proto, name: name)
      importer.note(tensor, elements: proto.dataType)
      bind(name, tensor)
      return tensor
    }
    if let proto = sparse[name] {
      let tensor = try importer.tensors.dense(graph, proto, name: name)
      bind(name, tensor)
      return tensor
    }
    guard let parent else { throw EngineError(.formatError, "no node before this one makes \"\(name)\"") }
    let outer = try parent.value(name)
    if parent.graph === graph {
      values[name] = outer
      return outer
    }
    if outer.isConstant {
      let copy = graph.constant(copying: outer)
      bind(name, copy)
      return copy
    }
    let inner = graph.input(like: outer, of: parent.graph, name: name)
    captures.append(outer)
    bind(name, inner)
    return inner
  }
}
