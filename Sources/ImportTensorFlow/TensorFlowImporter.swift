import ConverterCore
import Foundation
import Graph
import SwiftProtobuf

/// Reads TensorFlow models: frozen graphs (GraphDef, binary or as text) and SavedModels.
public enum TensorFlowImporter {
  /// Builds the graphs of the model in ``ImportOptions/modelFile`` into `model`, which has none yet. Problems of single nodes go
  /// to the report; what makes the file as a whole unreadable is thrown. The file may also be a SavedModel's folder.
  public static func load(into model: ModelBuilder) throws(EngineError) {
    var path = model.options.modelFile
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { path += "/saved_model.pb" }
    let file = try InputFile.open(path)
    let folder = path.contains("/") ? path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") : "."
    do throws(EngineError) {
      try load(file.bytes, folder: folder.isEmpty ? "/" : folder, into: model)
    } catch { throw error.adding(path) }
  }

  /// The same for a file's bytes in memory. `folder`: where a SavedModel's variables are looked for; nil: nowhere.
  public static func load(_ bytes: UnsafeRawBufferPointer, folder: String?, into model: ModelBuilder) throws(EngineError) {
    guard let base = bytes.baseAddress, let first = bytes.first else { throw EngineError(.graphFileError, "the file is empty") }
    let data = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
    do {
      switch first {
      case 0x08:
        try SavedModelReader.load(try Tensorflow_SavedModel(serializedBytes: data), folder: folder, into: model)
      case 0x0A, 0x12, 0x1A, 0x22:
        // Text begins with the name of a field or a comment, or with an empty line, and 0x0A also begins a node. All first bytes of a
        // graph can be printable, its node's length and name; but text is no graph.
        do {
          try load(try Tensorflow_GraphDef(serializedBytes: data), into: model)
        } catch let error where !(error is EngineError) && first == 0x0A && isTextStart(bytes) {
          try load(try text(data), into: model)
        }
      default:
        try load(try text(data), into: model)
      }
    } catch let error as EngineError {
      throw error
    } catch {
      throw EngineError(
        .graphFileError, Message(text: "not a TensorFlow graph: its \(bytes.count) bytes are neither a GraphDef nor a SavedModel (\(error))"))
    }
  }

  /// All of the first bytes are printable.
  private static func isTextStart(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.prefix(32).allSatisfy { ($0 >= 32 && $0 < 127) || $0 == 10 || $0 == 13 || $0 == 9 }
  }

  private static func text(_ data: Data) throws -> Tensorflow_GraphDef {
    var options = TextFormatDecodingOptions()
    options.ignoreUnknownFields = true
    return try Tensorflow_GraphDef(textFormatString: String(decoding: data, as: UTF8.self), options: options)
  }

  /// A frozen graph. Its inputs are its placeholders, its outputs the outputs of nodes that no other node reads.
  private static func load(_ proto: Tensorflow_GraphDef, into model: ModelBuilder) throws(EngineError) {
    guard !proto.node.isEmpty else { throw EngineError(.graphFileError, "not a TensorFlow graph: it has no nodes") }
    let run = TensorFlowImport(model, proto.library, nodes: proto.node.count)
    let table = try run.makeTable(proto.node)
    let inputs = proto.node.filter { GraphInputs.isInput($0) }.map { (name: $0.name, node: $0.name) }
    var outputs = [(name: String, source: String)]()
    let control = run.frames(of: table)
    let hasControl = proto.node.contains { ["Switch", "RefSwitch", "Enter", "RefEnter"].contains($0.op) }
    for node in proto.node where table.readOutputs(node.name) == 0 && !table.awaited.contains(node.name) && canBeOutput(node) {
      if hasControl && control.isInside(node.name) { continue }
      for i in 0..<outputCount(node) { outputs.append((name: i == 0 ? node.name : "\(node.name):\(i)", source: "\(node.name):\(i)")) }
    }
    guard !outputs.isEmpty else { throw EngineError(.graphFileError, "the graph has no outputs: every node is read by another one") }
    try build(run, table, inputs: inputs, outputs: outputs)
  }

  private static func canBeOutput(_ node: Tensorflow_NodeDef) -> Bool {
    !GraphInputs.isInput(node) && !["NoOp", "Assert", "Const", "TensorArrayCloseV3", "VarHandleOp", "AssignVariableOp", "Assign", "SaveV2",
      "RestoreV2", "Placeholder", "PlaceholderWithDefault", "ControlTrigger", "NextIteration"].contains(node.op)
  }

  /// How many outputs of a node that nobody reads are outputs of the model.
  private static func outputCount(_ node: Tensorflow_NodeDef) -> Int {
    switch node.op {
    case "TopK", "TopKV2", "Unique", "RaggedRange", "SparseReshape": return 2
    case "NonMaxSuppressionV4": return 2
    case "SparseFillEmptyRows": return 4
    case "Split": return Int(Int32(clamping: node.attr["num_split"]?.i ?? 1)).clamped(1...4096)
    case "SplitV": return Int(Int32(clamping: node.attr["num_split"]?.i ?? 1)).clamped(1...4096)
    case "Unpack": return Int(Int32(clamping: node.attr["num"]?.i ?? 1)).clamped(1...4096)
    case "If", "StatelessIf", "While", "StatelessWhile", "PartitionedCall", "StatefulPartitionedCall", "IdentityN":
      return (node.attr["Tout"]?.list.type.count ?? node.attr["T"]?.list.type.count ?? 1).clamped(1...4096)
    default: return 1
    }
  }

  /// Imports what the outputs need. Names are the model's for its inputs and outputs.
  static func build(
    _ run: TensorFlowImport, _ table: NodeTable, inputs: [(name: String, node: String)], outputs: [(name: String, source: String)]
  ) throws(EngineError) {
    let graph = run.model.addGraph("main_graph")
    let seeds = try GraphInputs.declare(inputs, table, graph)
    let scope = try TensorFlowScope(run, table, graph, prefix: "", depth: 0, seeds: seeds)
    let values = try scope.values(of: outputs.map { $0.source })
    let checks = table.nodes.filter { $0.op == "Assert" && !table.awaited.contains($0.name) }
    try scope.importNodes(checks.map { $0.name })
    var tensors = [Tensor]()
    var names = [String]()
    for (value, output) in zip(values, outputs) {
      // Resources and lists cannot be outputs of a model; graphs that were not pruned have them among their last nodes.
      guard let tensor = value.tensor, tensor.type != .tensorList else { continue }
      tensors.append(tensor)
      names.append(output.name)
    }
    graph.scope = "outputs"
    try graph.setOutputs(tensors, names: names)
  }

  /// TensorFlow's operator names to what imports them.
  static let operators: [String: TensorFlowOperator] = {
    var all: [String: TensorFlowOperator] = [:]
    for table in [
      ElementwiseOperators.table, ArithmeticOperators.table, ConvolutionOperators.table, NormalizationOperators.table,
      MatrixOperators.table, ReductionOperators.table, ShapeOperators.table, SliceOperators.table, GatherOperators.table,
      ImageOperators.table, RandomOperators.table, SparseOperators.table, TensorListOperators.table,
    ] {
      all.merge(table) { $1 }
    }
    return all
  }()
}

extension Int {
  func clamped(_ range: ClosedRange<Int>) -> Int { Swift.min(Swift.max(self, range.lowerBound), range.upperBound) }
}
