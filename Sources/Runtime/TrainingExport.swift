import Graph
import ModelFile
import Operators
import Optimizer
import System

/// How an exported file holds its weights.
public enum WeightForm {
  case float32
  /// Constants of two dimensions and more as 8-bit integers.
  case quantised
  /// As ``quantised``, but only where the model that is trained had them so.
  case asBefore
}

/// What goes to a file.
public struct ExportRequest {
  /// Leave out what only training needs, and fuse and fold the rest.
  public var inferenceOnly: Bool
  /// Of an export for inference: the names of the tensors to compute. Empty: what the losses read.
  public var outputs: [[UInt8]]
  public var weights: WeightForm

  public init(inferenceOnly: Bool, outputs: [[UInt8]], weights: WeightForm) {
    self.inferenceOnly = inferenceOnly
    self.outputs = outputs
    self.weights = weights
  }
}

extension TrainingSession {
  /// FmkType of MindSpore, which has made the graph.
  private static var framework: Int32 { 3 }

  /// Writes a model file (path in UTF-8), which appears whole or not at all.
  @export(interface)
  public func export(_ request: ExportRequest, path: String) throws(EngineError) {
    try ModelWriter.save(content(request), path: path)
  }

  /// Gives `take` the bytes of a model file piece by piece.
  @export(interface)
  public func export(_ request: ExportRequest, _ take: (UnsafeRawBufferPointer) -> Void) throws(EngineError) {
    try ModelWriter.write(content(request), take)
  }

  private func content(_ request: ExportRequest) throws(EngineError) -> ModelContent {
    let graph = request.inferenceOnly ? try inferenceGraph(request.outputs) : parts.graph.copy()
    try WeightExport.setForm(of: graph, request.weights)
    return ModelContent(graphs: [graph], framework: TrainingSession.framework)
  }

  /// The part that predicts, optimised as far as a file can say it, with the inputs that it reads.
  private func inferenceGraph(_ names: [[UInt8]]) throws(EngineError) -> Graph {
    let graph = parts.inference(names.isEmpty ? parts.evaluationOutputs : try tensors(names))
    let optimizer = GraphOptimizer(
      graph: graph, kernels: evaluationEnvironment.kernels, pool: evaluationEnvironment.pool,
      file: FileFusions(allows: { _ in true }, onFusion: { _ in }))
    try optimizer.simplify()
    try optimizer.run()
    var isRead = [Bool](repeating: false, count: graph.tensors.count)
    graph.renumber()
    for node in graph.nodes { for t in node.inputs { isRead[t.index] = true } }
    for t in graph.outputs { isRead[t.index] = true }
    graph.inputs.removeAll { !isRead[$0.index] }
    return graph
  }

  /// The tensors that have the given names: of the part that predicts, or of what follows it beside the loss.
  private func tensors(_ names: [[UInt8]]) throws(EngineError) -> [Tensor] {
    var found = [Tensor]()
    for name in names {
      let count = found.count
      for (i, node) in parts.graph.nodes.enumerated() where parts.canPredict[i] && found.count == count {
        for t in node.outputs where found.count == count && t.name.utf8.elementsEqual(name) { found.append(t) }
      }
      if found.count == count {
        let text = String(decoding: name, as: UTF8.self)
        throw EngineError(.error, "no tensor of the part that predicts is called \"\(text)\"")
      }
      if found[..<count].contains(where: { $0 === found[count] }) { found.removeLast() }
    }
    return found
  }

  /// Writes the values of the constants of an export for inference, one after the other: a file of weights for code that was generated
  /// from such a model. Where a name is in `changeable`, the dimensions come first, as int32.
  @export(interface)
  public func exportWeights(path: String, float16: Bool, changeable: [[UInt8]]) throws(EngineError) {
    let graph = try inferenceGraph([])
    let file = try OutputFile.create(path, isPrivate: true)
    for t in graph.tensors {
      guard t.isConstant, let data = t.data, WeightExport.isRead(t, graph) else { continue }
      if changeable.contains(where: { t.name.utf8.elementsEqual($0) }) {
        for dim in t.shape.dims {
          var number = Int32(truncatingIfNeeded: dim)
          withUnsafeBytes(of: &number) { file.write($0) }
        }
      }
      if float16 && t.type == .float32 {
        guard let half = Buffer(count: t.count * 2) else { throw EngineError(.outOfMemory, "no memory for the weight \(t)") }
        evaluationEnvironment.kernels.pointee.f32_to_f16(
          UnsafePointer(t.floats), half.base.assumingMemoryBound(to: UInt16.self), t.count)
        file.write(UnsafeRawBufferPointer(start: half.base, count: t.count * 2))
      } else {
        file.write(UnsafeRawBufferPointer(start: data, count: t.byteCount))
      }
    }
    try file.commit()
  }
}

/// The form of weights in an exported file.
enum WeightExport {
  static func isRead(_ t: Tensor, _ graph: Graph) -> Bool {
    for node in graph.nodes where node.inputs.contains(where: { $0 === t }) { return true }
    return graph.outputs.contains { $0 === t }
  }

  /// Changes the constants of `graph` and what its nodes say of them. What optimisers keep stays float32: the second moments of Adam are
  /// divisors, most of which 8 bits would round to zero.
  static func setForm(of graph: Graph, _ form: WeightForm) throws(EngineError) {
    graph.renumber()
    var isWeight = [Bool](repeating: false, count: graph.tensors.count)
    for node in graph.nodes where !node.kind.updatesWeights {
      let wanted = form == .quantised || (form == .asBefore && node.quantType == weightQuantised)
      for t in node.inputs where wanted && t.isConstant && t.type == .float32 && t.shape.rank > 1 { isWeight[t.index] = true }
      // Weights of such nodes were brought to float32 when the model was read.
      if node.quantType == weightQuantised { node.quantType = 0 }
    }
    for t in graph.tensors where isWeight[t.index] { try quantise(t) }
    for node in graph.nodes where node.inputs.contains(where: { isWeight[$0.index] }) { node.quantType = weightQuantised }
  }

  private static var weightQuantised: Int32 { 4 }

  /// One scale and zero point for all elements.
  private static func quantise(_ t: Tensor) throws(EngineError) {
    guard t.data != nil, let buffer = Buffer(count: t.count) else {
      throw EngineError(.outOfMemory, "no memory for the weight \(t)")
    }
    let x = t.floats, q = buffer.base.assumingMemoryBound(to: Int8.self)
    var lowest: Float = 0, highest: Float = 0
    for i in 0..<t.count where x[i].isFinite {
      lowest = min(lowest, x[i])
      highest = max(highest, x[i])
    }
    let range = Double(highest) - Double(lowest)
    let scale = range > 0 ? range / 255 : 1
    let zero = -128 - (Double(lowest) / scale).rounded()
    for i in 0..<t.count {
      let value = (Double(x[i]) / scale).rounded() + zero
      q[i] = value.isNaN ? Int8(zero) : Int8(max(-128, min(127, value)))
    }
    t.type = .int8
    t.setConstant(buffer.base, owner: buffer)
    t.quantParams = [QuantParam(scale: scale, zeroPoint: Int32(zero), bits: 8, varianceCorrection: 1, meanCorrection: 0)]
  }
}
