import CKernels
import Foundation
import Graph
import KernelSelection
import ModelFile
import System

@testable import Operators

/// What the tests of this target have run: which operators, with which types of inputs. Where MSLITE_OPERATOR_COVERAGE names a file,
/// each finding is appended to it as a line, which docs/operators.py reads:
///
///   ran KIND TYPE,TYPE...       a test has run the operator on inputs of these types
///   accepts KIND TYPE,TYPE...   the operator takes these types too: found by trying, from what has run, every other type
///   registered KIND             the library has the operator
///
/// Where MSLITE_OPERATOR_MODELS names a folder, each combination that has run is written there as a model of one node: a corpus for
/// fuzzing that reaches every operator, attribute and type.
enum OperatorCoverage {
  private static let lock = NSLock()
  nonisolated(unsafe) private static var seen = Set<String>()
  nonisolated(unsafe) private static var models = [String: Int]()
  private static let report: FileHandle? = {
    guard let path = getenv("MSLITE_OPERATOR_COVERAGE").map({ String(cString: $0) }) else { return nil }
    FileManager.default.createFile(atPath: path, contents: nil)
    let file = FileHandle(forWritingAtPath: path)
    for number in 1...Int32(PrimitiveSchema.count) {
      let kind = OperatorKind(rawValue: number)
      if Registry.factory(for: kind) != nil { file?.write(Data("registered \(kind.name)\n".utf8)) }
    }
    return file
  }()
  private static let folder = getenv("MSLITE_OPERATOR_MODELS").map { String(cString: $0) }
  private static let modelsPerCombination = 4

  private static var types: [DataType] {
    [.bool, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .float16, .float32, .float64, .string]
  }

  /// To be called after a run that went well, while the inputs are bound.
  static func record(_ node: Node) {
    guard report != nil || folder != nil else { return }
    lock.lock()
    defer { lock.unlock() }
    let combination = name(node)
    writeModel(node, combination)
    guard report != nil else { return }
    // Two runs with the same types can differ in form (axes, attributes), so each is tried.
    add("ran \(combination)")
    var tried = Set<DataType>()
    for input in node.inputs where input.count > 0 && input.type != .tensorList && tried.insert(input.type).inserted {
      for type in types where type != input.type {
        let other = copy(node, replacing: input.type, by: type)
        if isAccepted(other) { add("accepts \(name(other))") }
      }
    }
  }

  private static func name(_ node: Node) -> String {
    var kind = node.kind.name
    if node.kind == .custom { kind += ":" + (node.attributes.string(0) ?? "") }
    return kind + " " + node.inputs.map { $0.type.name.replacingOccurrences(of: " ", with: "_") }.joined(separator: ",")
  }

  private static func add(_ line: String) {
    if seen.insert(line).inserted { report?.write(Data((line + "\n").utf8)) }
  }

  /// The node with other tensors: those of type `old` have type `new` and hold zeros.
  private static func copy(_ node: Node, replacing old: DataType, by new: DataType) -> Node {
    let inputs = node.inputs.map { input in
      let t = Tensor(name: input.name, type: input.type, shape: input.shape, format: input.format)
      t.quantParams = input.quantParams
      // Variables have values too, as in a run, where shapes that depend on them must be found.
      guard input.type == old && input.count > 0 else {
        guard let data = input.data else { return t }
        if input.isConstant { t.setConstant(data, owner: input.owner) } else { t.setFolded(data, owner: input.owner) }
        return t
      }
      t.type = new
      if isQuantised(new) && t.quantParams.isEmpty { t.quantParams = [unit] }
      guard let zeros = Buffer(count: max(t.byteCount, 1)) else { return t }
      memset(zeros.base, 0, t.byteCount)
      if input.isConstant { t.setConstant(zeros.base, owner: zeros) } else { t.setFolded(zeros.base, owner: zeros) }
      return t
    }
    let outputs = node.outputs.map { output in
      let t = Tensor(name: output.name, type: .unknown, shape: Shape())
      t.quantParams = output.quantParams.isEmpty && isQuantised(new) ? [unit] : output.quantParams
      return t
    }
    let other = Node(name: node.name, kind: node.kind, attributes: node.attributes, inputs: inputs, outputs: outputs)
    other.quantType = node.quantType
    return other
  }

  private static func isQuantised(_ type: DataType) -> Bool { type == .int8 || type == .uint8 }
  private static var unit: QuantParam {
    QuantParam(scale: 1, zeroPoint: 0, bits: 8, varianceCorrection: 1, meanCorrection: 0)
  }

  private static func isAccepted(_ node: Node) -> Bool {
    guard let factory = Registry.factory(for: node.kind), let op = try? factory(node) else { return false }
    do throws(EngineError) {
      try op.infer()
      let context = ExecutionContext(
        kernels: Kernels.active, pool: ThreadPool(threadCount: 1), workspace: UnsafeMutableRawPointer(bitPattern: 64)!)
      try op.prepare(context)
      return true
    } catch { return false }
  }

  private static func writeModel(_ node: Node, _ combination: String) {
    guard let folder, node.fused.activation == nil, !node.fused.addsResidual, node.fused.padding.isEmpty else { return }
    let number = models[combination, default: 0]
    let bytes = node.inputs.reduce(0) { $0 + ($1.isConstant ? $1.byteCount : 0) }
    guard number < modelsPerCombination, bytes < 32 << 10 else { return }
    models[combination] = number + 1
    // Tensors of their own names: a test may use one for several inputs, and the file is to keep that.
    var tensors = [Tensor]()
    for t in node.inputs + node.outputs where !tensors.contains(where: { $0 === t }) { tensors.append(t) }
    let graph = Graph(
      name: "main", nodes: [node], tensors: tensors,
      inputs: tensors.filter { t in !t.isConstant && !node.outputs.contains { $0 === t } }, outputs: node.outputs)
    let file = combination.replacingOccurrences(of: " ", with: "-").replacingOccurrences(of: ",", with: "_")
    try? Data(ModelWriter.write(ModelContent(graphs: [graph], framework: 3))).write(to: URL(fileURLWithPath: "\(folder)/\(file)-\(number).ms"))
  }
}
