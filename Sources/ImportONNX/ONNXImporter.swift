import ConverterCore
import Foundation
import Graph
import SwiftProtobuf

/// Reads ONNX models.
public enum ONNXImporter {
  /// Builds the graphs of the model in ``ImportOptions/modelFile`` into `model`, which has none yet. Problems of single nodes go
  /// to the report; what makes the file as a whole unreadable is thrown.
  public static func load(into model: ModelBuilder) throws(EngineError) {
    let path = model.options.modelFile
    let file = try InputFile.open(path)
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    do throws(EngineError) {
      try load(file.bytes, folder: path.contains("/") ? (folder.isEmpty ? "/" : folder) : ".", into: model)
    } catch { throw error.adding(path) }
  }

  /// The same for a file's bytes in memory. `folder`: where files that the model names are looked for; nil: nowhere.
  public static func load(_ bytes: UnsafeRawBufferPointer, folder: String?, into model: ModelBuilder) throws(EngineError) {
    guard let base = bytes.baseAddress else { throw EngineError(.graphFileError, "the file is empty") }
    let data = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
    let proto: Onnx_ModelProto
    do {
      proto = try Onnx_ModelProto(serializedBytes: data)
    } catch {
      throw EngineError(.graphFileError, Message(text: "not an ONNX model: its \(bytes.count) bytes are no protobuf message (\(error))"))
    }
    guard proto.hasGraph else { throw EngineError(.graphFileError, "not an ONNX model: it has no graph") }
    try ONNXImport(model, proto, folder: folder).run()
  }

  /// Operator names of the domains "" and "com.microsoft" (written "com.microsoft.Name") to what imports them.
  static let operators: [String: ONNXOperator] = {
    var all: [String: ONNXOperator] = [:]
    for table in [
      ArithmeticOperators.table, FunctionOperators.table, ShapeOperators.table, IndexOperators.table, ReductionOperators.table,
      SoftmaxOperators.table, GeneratorOperators.table, PadOperators.table, MatrixOperators.table, ControlOperators.table, NNOperators.table, RecurrentOperators.table, QuantizedOperators.table, DetectionOperators.table,
      SignalOperators.table, NNFold.table, TextOperators.table,
    ] {
      all.merge(table) { $1 }
    }
    return all
  }()
}

/// One import of a model.
final class ONNXImport {
  let model: ModelBuilder
  let tensors: ONNXTensors
  private let proto: Onnx_ModelProto
  /// Functions of the model by domain, name and overload.
  private var functions: [String: Onnx_FunctionProto] = [:]
  /// Nodes imported, calls of functions and unrolled loops counted as often as they are expanded, and nodes made of them.
  private var expanded = 0
  private static let expansionLimit = 1 << 19
  private static let newestOpset = 28

  init(_ model: ModelBuilder, _ proto: Onnx_ModelProto, folder: String?) {
    self.model = model
    self.proto = proto
    tensors = ONNXTensors(folder: folder)
    for function in proto.functions { functions[Self.key(function.domain, function.name, function.overload)] = function }
  }

  /// Whether a tensor has a name of the source model; from now on it has.
  func isNamed(_ tensor: Tensor) -> Bool {
    if !named.insert(ObjectIdentifier(tensor)).inserted { return true }
    namedTensors.append(tensor)
    return false
  }
  private var named: Set<ObjectIdentifier> = []
  /// Keeps the identifiers unique.
  private var namedTensors: [Tensor] = []

  private static func key(_ domain: String, _ name: String, _ overload: String) -> String {
    "\(domain == "ai.onnx" ? "" : domain)\u{0}\(name)\u{0}\(overload)"
  }

  static func opsets(_ imports: [Onnx_OperatorSetIdProto]) -> [String: Int] {
    var versions: [String: Int] = [:]
    for entry in imports { versions[entry.domain == "ai.onnx" ? "" : entry.domain] = Int(Int32(clamping: entry.version)) }
    return versions
  }

  func run() throws(EngineError) {
    var opsets = Self.opsets(proto.opsetImport)
    // Files of the first format versions name no operator set: that is version 1.
    let version = opsets["", default: proto.opsetImport.isEmpty ? 1 : Self.newestOpset]
    opsets[""] = version
    if version < 7 || version > Self.newestOpset {
      model.report.warn(
        "the model uses version \(version) of the ONNX operators; versions 7 to \(Self.newestOpset) are known, others are read as the nearest of them")
    }
    let graph = model.addGraph(proto.graph.name.isEmpty ? "main" : proto.graph.name)
    let scope = ONNXScope(graph, self, parent: nil, opsets: opsets, depth: 0)
    scope.addInitializers(of: proto.graph)
    try addInputs(proto.graph, scope)
    try addNodes(proto.graph.node, scope, ValueInfos(proto.graph))
    var outputs = [Tensor]()
    for output in proto.graph.output {
      do throws(EngineError) {
        let value = try scope.value(output.name)
        let isHalf = output.type.tensorType.elemType == ElementType.float16 && value.type == .float32
        outputs.append(isHalf ? try Formula(graph).cast(value, .float16) : value)
      } catch { model.report.add(error.adding("graph output \"\(output.name)\"")) }
    }
    guard !outputs.isEmpty || !model.report.problems.isEmpty else { throw EngineError(.graphFileError, "the graph has no outputs") }
    if outputs.count == proto.graph.output.count { try graph.setOutputs(outputs, names: proto.graph.output.map(\.name)) }
    if model.report.problems.isEmpty { try QuantizedGraph.run(model) }
  }

  /// Constants and inputs of four-bit integers, which eight-bit ones hold, with their type's number.
  private var fourBit: [ObjectIdentifier: (tensor: Tensor, code: Int32)] = [:]

  func note(_ tensor: Tensor, elements code: Int32) {
    if code == ElementType.int4 || code == ElementType.uint4 { fourBit[ObjectIdentifier(tensor)] = (tensor, code) }
  }

  /// The number of a four-bit type whose values `tensor` holds.
  func fourBitType(of tensor: Tensor?) -> Int32? { tensor.flatMap { fourBit[ObjectIdentifier($0)]?.code } }

  private func addInputs(_ proto: Onnx_GraphProto, _ scope: ONNXScope) throws(EngineError) {
    var wanted = model.options.inputShapes
    for input in proto.input where !scope.isInitializer(input.name) {
      do throws(EngineError) {
        var info = try ValueInfos.read(input)
        if let shape = wanted.removeValue(forKey: input.name) {
          if let dims = info.dims, dims.count != shape.count || zip(dims, shape).contains(where: { $0 >= 0 && $1 >= 0 && $0 != $1 }) {
            model.report.warn("input \"\(input.name)\" has the shape \(Shape(dims).text) in the model; it is read as \(Shape(shape).text)")
          }
          info.dims = shape
          info.symbols = []
        }
        let tensor = scope.graph.input(input.name, info.type, info.dims, symbols: info.symbols)
        note(tensor, elements: input.type.tensorType.elemType)
        if info.type == .float16 {
          scope.bindOperand(input.name, try Formula(scope.graph).cast(tensor, .float32))
        } else {
          scope.bind(input.name, tensor)
        }
      } catch {
        model.report.add(error.adding("graph input \"\(input.name)\""))
        scope.bind(input.name, scope.graph.input(input.name, .float32, nil))
      }
    }
    for name in wanted.keys.sorted() {
      let names = scope.graph.graph.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
      model.report.add(EngineError(.inputParameterInvalid, "a shape is given for \"\(name)\", but the model's inputs are \(names)"))
    }
  }

  // MARK: nodes

  /// Imports nodes, in their order; the format wants each after those whose results it reads.
  func addNodes(_ nodes: [Onnx_NodeProto], _ scope: ONNXScope, _ infos: ValueInfos) throws(EngineError) {
    for (position, node) in nodes.enumerated() {
      guard expanded < Self.expansionLimit else {
        throw EngineError(.notSupported, "the model's functions, loops and recurrent layers expand to more than \(Self.expansionLimit) nodes")
      }
      guard !model.budget.isOverdrawn else { throw EngineError(.outOfMemory, "the constants that the model's nodes stand for are too large") }
      let before = expanded + 1, nodes = scope.graph.graph.nodes.count
      expanded = before
      add(node, position, scope, infos)
      // What the nodes of a body in the same graph have made is counted already.
      expanded = max(expanded, before + scope.graph.graph.nodes.count - nodes)
    }
  }

  private func add(_ node: Onnx_NodeProto, _ position: Int, _ scope: ONNXScope, _ infos: ValueInfos) {
    let graph = scope.graph
    let name = !node.name.isEmpty ? node.name : node.output.first { !$0.isEmpty } ?? "\(node.opType)_\(position)"
    var inputs = [Tensor?]()
    var problem: EngineError?
    for input in node.input {
      do throws(EngineError) {
        inputs.append(try scope.operand(input))
      } catch {
        problem = problem ?? error
        inputs.append(nil)
      }
    }
    let around = graph.scope
    let results = graph.importNode(name, type: node.opType, inputs: inputs.compactMap { $0 }, outputs: node.output.count) {
      () throws(EngineError) -> [Tensor] in
      if let problem { throw problem }
      return try self.results(of: node, name: name, inputs, scope)
    }
    graph.scope = around
    for (output, result) in zip(node.output, results) where !output.isEmpty {
      scope.bind(output, result)
      infos.declare(output, result, graph)
    }
    KnownRanks.declare(node, inputs, results, graph)
  }

  private func results(
    of node: Onnx_NodeProto, name: String, _ inputs: [Tensor?], _ scope: ONNXScope
  ) throws(EngineError) -> [Tensor] {
    let attributes = try resolved(node.attribute, scope)
    let domain = node.domain == "ai.onnx" ? "" : node.domain
    if let function = functions[Self.key(domain, node.opType, node.overload)] ?? functions[Self.key(domain, node.opType, "")] {
      return try call(function, inputs, attributes, scope)
    }
    guard let body = ONNXImporter.operators[domain.isEmpty ? node.opType : "\(domain).\(node.opType)"] else {
      let place = domain.isEmpty ? "ONNX" : "domain \"\(domain)\""
      throw EngineError(.unknownOperator, "the converter does not know the operator \(node.opType) of \(place)")
    }
    let context = ONNXNode(
      node, name: name, version: scope.opsets[domain] ?? 1, inputs: inputs, attributes: attributes, scope: scope)
    let results = try body(context)
    guard context.unread.isEmpty else {
      throw EngineError(
        .notSupported,
        "the converter does not know the attribute\(context.unread.count == 1 ? "" : "s") \(context.unread.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
    return results
  }

  /// A node's attributes by name; in a function, those that refer to an attribute of the call have its value.
  private func resolved(
    _ list: [Onnx_AttributeProto], _ scope: ONNXScope
  ) throws(EngineError) -> [String: Onnx_AttributeProto] {
    var attributes: [String: Onnx_AttributeProto] = [:]
    for attribute in list {
      guard attributes[attribute.name] == nil else {
        throw EngineError(.formatError, "attribute \"\(attribute.name)\" is given twice")
      }
      if attribute.refAttrName.isEmpty {
        attributes[attribute.name] = attribute
      } else if let value = scope.attributes[attribute.refAttrName] {
        attributes[attribute.name] = value
      }
    }
    return attributes
  }

  /// Expands a call of a model-local function.
  private func call(
    _ function: Onnx_FunctionProto, _ inputs: [Tensor?], _ attributes: [String: Onnx_AttributeProto], _ outer: ONNXScope
  ) throws(EngineError) -> [Tensor] {
    var values = attributes
    for attribute in function.attributeProto where values[attribute.name] == nil { values[attribute.name] = attribute }
    var opsets = Self.opsets(function.opsetImport)
    if opsets[""] == nil { opsets[""] = outer.opsets[""] }
    let scope = try ONNXScope(outer.graph, self, parent: nil, opsets: opsets, depth: outer.innerDepth(), attributes: values)
    guard inputs.count <= function.input.count else {
      throw EngineError(.formatError, "\(inputs.count) operands for function \"\(function.name)\", which has \(function.input.count)")
    }
    for (name, tensor) in zip(function.input, inputs) {
      if let tensor { scope.bindOperand(name, tensor) } else { scope.omit(name) }
    }
    for name in function.input.dropFirst(inputs.count) { scope.omit(name) }
    try addNodes(function.node, scope, ValueInfos())
    var results = [Tensor]()
    for name in function.output { results.append(try scope.value(name)) }
    return results
  }
}
