import ConverterCore
import Graph
import System

/// Operators that take and give bytes; see ``QuantizedGraph``.
struct QuantizedFusion {
  private let graph: QuantizedGraph
  init(_ graph: QuantizedGraph) { self.graph = graph }

  /// QuantType of a node whose tensors are all quantised.
  static let all: Int32 = 5

  func run() throws(EngineError) {
    for node in graph.nodes {
      guard let result = result(of: node) else { continue }
      switch node.kind {
      case .conv2DFusion: try product(node, result, channels: { $0.shape.dims.first ?? 0 })
      case .conv2dTransposeFusion: try transposed(node, result)
      case .fullConnection: try product(node, result, channels: { $0.shape.dims.first ?? 0 })
      case .matMulFusion: try matrices(node, result)
      case .addFusion, .subFusion, .mulFusion, .divFusion, .maximum, .minimum: try elementwise(node, result)
      case .concat: if node.inputs.allSatisfy({ graph.bytes(behind: $0) != nil }) { finish(node, node.inputs.map { graph.bytes(behind: $0) ?? $0 }, result) }
      case .avgPoolFusion, .maxPoolFusion, .softmax, .resize, .reduceFusion, .activation:
        if let x = graph.bytes(behind: node.inputs[0]) { finish(node, [x] + node.inputs.dropFirst(), result) }
      default: break
      }
    }
  }

  /// The bytes that the node's only result becomes, when nothing else reads it; several equal quantisations become one.
  private func result(of node: Node) -> Tensor? {
    guard node.outputs.count == 1, let y = node.outputs.first, y.type == .float32, !graph.isOutput(y) else { return nil }
    let uses = graph.readers(y)
    guard let first = uses.first, uses.allSatisfy({ graph.isQuantisation($0) }) else { return nil }
    let q = first.outputs[0]
    guard uses.count == 1 || uses.allSatisfy({ QuantizedForm.same($0.outputs[0].quantParams, q.quantParams) && !graph.isOutput($0.outputs[0]) })
    else { return nil }
    return q
  }

  /// Makes the node read and write bytes.
  private func finish(_ node: Node, _ inputs: [Tensor], _ result: Tensor) {
    let y = node.outputs[0]
    for use in graph.readers(y) {
      if use.outputs[0] !== result { graph.replace(use.outputs[0], with: result) }
      graph.remove(use)
    }
    graph.change(node) {
      node.inputs = inputs
      node.outputs = [result]
    }
    node.quantType = QuantizedFusion.all
  }

  // MARK: products

  private func product(_ node: Node, _ result: Tensor, channels: (Tensor) -> Int) throws(EngineError) {
    guard let x = graph.bytes(behind: node.inputs[0]), node.inputs.count >= 2 else { return }
    let w = node.inputs[1]
    guard w.isConstant, w.type == .float32, w.quantParams.count == 1 || w.quantParams.count == channels(w) else { return }
    let count = channels(w)
    guard let bytes = try integers(w, axisStride: count == 0 ? 1 : max(w.count / count, 1)) else { return }
    var inputs = [x, bytes]
    if node.inputs.count == 3 {
      guard let bias = try bias(node.inputs[2], x, w, count) else { return }
      inputs.append(bias)
    }
    finish(node, inputs, result)
  }

  /// Weights [I, h, w, O / group], of which the engine takes one scale, or one for each output channel.
  private func transposed(_ node: Node, _ result: Tensor) throws(EngineError) {
    guard let x = graph.bytes(behind: node.inputs[0]), node.inputs.count >= 2 else { return }
    let w = node.inputs[1]
    guard w.isConstant, w.type == .float32, w.quantParams.count == 1, case .int(let outputs)? = node["out_channel"],
      let bytes = try integers(w, axisStride: 1)
    else { return }
    var inputs = [x, bytes]
    if node.inputs.count == 3 {
      guard let bias = try bias(node.inputs[2], x, w, Int(outputs)) else { return }
      inputs.append(bias)
    }
    finish(node, inputs, result)
  }

  private func matrices(_ node: Node, _ result: Tensor) throws(EngineError) {
    guard let a = graph.bytes(behind: node.inputs[0]), node.inputs.count >= 2 else { return }
    let b = node.inputs[1]
    if let variable = graph.bytes(behind: b) {
      if node.inputs.count == 2 { finish(node, [a, variable], result) }
      return
    }
    var isTransposed = false
    if case .bool(let flag)? = node["transpose_b"] { isTransposed = flag }
    let dims = b.shape.dims
    guard b.isConstant, b.type == .float32, dims.count >= 2 else { return }
    let n = isTransposed ? dims[dims.count - 2] : dims[dims.count - 1]
    guard b.quantParams.count == 1 || (b.quantParams.count == n && dims.count == 2) else { return }
    guard let bytes = try integers(b, axisStride: isTransposed ? dims[dims.count - 1] : 1) else { return }
    var inputs = [a, bytes]
    if node.inputs.count == 3 {
      guard let bias = try bias(node.inputs[2], a, b, n) else { return }
      inputs.append(bias)
    }
    finish(node, inputs, result)
  }

  /// The integers that a constant's real numbers came from. Entry i has parameter i / axisStride, modulo their number.
  private func integers(_ w: Tensor, axisStride: Int) throws(EngineError) -> Tensor? {
    guard let data = w.data, !w.quantParams.isEmpty else { return nil }
    let count = w.count
    guard let buffer = Buffer(count: max(count, 1)) else { throw EngineError(.outOfMemory, "no memory for the weights (\(w))") }
    for i in 0..<count {
      let p = w.quantParams[w.quantParams.count == 1 ? 0 : i / max(axisStride, 1) % w.quantParams.count]
      let real = data.loadUnaligned(fromByteOffset: 4 * i, as: Float.self)
      let q = (Double(real) / p.scale).rounded() + Double(p.zeroPoint)
      guard q >= -128 && q <= 127 else { return nil }
      buffer.base.storeBytes(of: Int8(q), toByteOffset: i, as: Int8.self)
    }
    let tensor = try graph.builder.constant(
      w.name, .int8, w.shape.dims, bytes: UnsafeRawBufferPointer(start: buffer.base, count: count), owner: buffer, isComputed: true)
    tensor.quantParams = w.quantParams
    tensor.format = w.format
    return tensor
  }

  /// A bias in steps of the products: scale of x times scale of the weights.
  private func bias(_ bias: Tensor, _ x: Tensor, _ w: Tensor, _ channels: Int) throws(EngineError) -> Tensor? {
    guard bias.isConstant, bias.count == channels, let values = try? graph.builder.floats(bias, "bias") else { return nil }
    var integers = [Int](), parameters = [QuantParam]()
    for (c, value) in values.enumerated() {
      var p = w.quantParams[w.quantParams.count == 1 ? 0 : c]
      p.scale *= x.quantParams[0].scale
      p.zeroPoint = 0
      p.bits = 32
      let q = (Double(value) / p.scale).rounded()
      guard abs(q) < 0x1p31 else { return nil }
      integers.append(Int(q))
      if c == 0 || w.quantParams.count > 1 { parameters.append(p) }
    }
    let tensor = graph.builder.constant("\(bias.name)/int32", ints: integers)
    tensor.quantParams = parameters
    return tensor
  }

  // MARK: others

  private func elementwise(_ node: Node, _ result: Tensor) throws(EngineError) {
    var inputs = [Tensor]()
    for t in node.inputs {
      if let q = graph.bytes(behind: t) {
        inputs.append(q)
      } else if t.isConstant, t.type == .float32, t.quantParams.count == 1, let q = try integers(t, axisStride: 1) {
        inputs.append(q)
      } else {
        return
      }
    }
    finish(node, inputs, result)
  }
}
