import ConverterCore
import Graph
import Operators

/// Brings the nodes of the trained part into a form whose gradients the format's operators compute: fused activations become nodes,
/// Dropout and normalisations get the outputs that their gradients read, explicit padding of max pools becomes a Pad.
struct Unfusing {
  let builder: GraphBuilder
  let parameters: Parameters
  let settings: TrainingSettings

  /// The nodes in their order, with those that were added.
  func run(_ nodes: [Node]) throws(EngineError) -> [Node] {
    var result = [Node]()
    for node in nodes {
      do throws(EngineError) {
        try refuseQuantised(node)
        if let pad = try padding(node) { result.append(pad) }
        result.append(node)
        if let activation = splitActivation(node) { result.append(activation) }
        complete(node)
      } catch { throw error.adding(node.text) }
    }
    return result
  }

  private func refuseQuantised(_ node: Node) throws(EngineError) {
    for t in node.inputs + node.outputs where !t.quantParams.isEmpty {
      throw EngineError(.notSupported, "\(t) is quantised; gradients go through float32 only")
    }
    for t in node.inputs where t.isConstant && t.type == .float16 { try Parameters.widen(t, builder) }
  }

  private func variable(_ name: String, like t: Tensor) -> Tensor {
    let tensor = Tensor(name: name, type: .float32, shape: t.shape, format: t.format)
    builder.graph.addTensor(tensor)
    return tensor
  }

  /// The activation that a node of another kind applies, as a node of its own.
  private func splitActivation(_ node: Node) -> Node? {
    if node.kind == .activation { return nil }
    guard let field = Unfusing.activationField(node.kind) else { return nil }
    let type = node.attributes.int(field)
    if type == ActivationType.none { return nil }
    node.attributes[field] = .number(ActivationType.none)
    let y = node.outputs[0]
    let x = variable("\(y.name)/linear", like: y)
    node.outputs[0] = x
    return Node(
      name: "\(node.name)/activation", kind: .activation, attributes: Attributes(.activation, ["activation_type": .number(type)]),
      inputs: [x], outputs: [y])
  }

  private static func activationField(_ kind: OperatorKind) -> Int? {
    switch kind {
    case .conv2DFusion, .conv2dTransposeFusion, .matMulFusion, .fullConnection, .addFusion, .subFusion, .mulFusion, .divFusion,
      .avgPoolFusion, .maxPoolFusion, .scaleFusion:
      return Attributes.id(kind, "activation_type")
    default: return nil
    }
  }

  /// The padding of a max pool, which its gradient operator does not have, as a node before it. The image's size must be known.
  private func padding(_ node: Node) throws(EngineError) -> Node? {
    guard node.kind == .maxPoolFusion, !node.attributes.bool(Attributes.id(.maxPoolFusion, "global")), node.attributes.int(3) == Pool.explicit
    else { return nil }
    let pads = node.attributes.ints(2)
    if pads.count < 4 || pads.allSatisfy({ $0 == 0 }) || Pool.becomesSame(node) { return nil }
    let x = node.inputs[0]
    guard x.shape.rank == 4 else { throw EngineError(.inferError, "the image \(x) must have four dimensions") }
    let padded = variable("\(node.name)/padded", like: x)
    padded.shape = Shape([
      x.shape[0], x.shape[1] < 0 ? -1 : x.shape[1] + pads[0] + pads[1], x.shape[2] < 0 ? -1 : x.shape[2] + pads[2] + pads[3], x.shape[3],
    ])
    let paddings = builder.constant("\(node.name)/paddings", ints: [0, 0] + pads[..<4] + [0, 0], dims: [4, 2])
    node["pad"] = .list([0, 0, 0, 0])
    node.inputs[0] = padded
    return Node(
      name: "\(node.name)/pad", kind: .padFusion,
      attributes: Attributes(.padFusion, ["padding_mode": 0, "constant_value": .float(-Double(Float.greatestFiniteMagnitude))]),
      inputs: [x, paddings], outputs: [padded])
  }

  /// Adds the outputs that the gradient reads.
  private func complete(_ node: Node) {
    func add(_ what: String, like t: Tensor, _ dims: [Int]? = nil) {
      let tensor = variable("\(node.name)/\(what)", like: t)
      if let dims { tensor.shape = Shape(dims) }
      node.outputs.append(tensor)
    }
    switch node.kind {
    case .dropout where node.outputs.count == 1: add("mask", like: node.outputs[0])
    case .fusedBatchNorm:
      let trains = settings.batchNorm == .batch && (parameters.contains(node.inputs[1]) || parameters.contains(node.inputs[2]))
      node.outputs.removeLast(node.outputs.count - 1)
      if !trains { return }
      for (i, what) in ["scale", "shift", "mean", "variance"].enumerated() { add(what, like: node.inputs[i + 1]) }
      node["momentum"] = .float(Double(share(node)))
    case .layerNormFusion where node.outputs.count == 1:
      let rank = node.inputs[0].shape.rank, axis = node.attributes.int(0)
      let rows = Array(node.inputs[0].shape.dims[..<min(max(axis < 0 ? axis + rank : axis, 0), rank)])
      for what in ["mean", "variance"] { add(what, like: node.outputs[0], rows) }
    default: break
    }
  }

  /// The share of a batch's statistics in the running ones. Most frameworks state what is left of the old ones instead.
  private func share(_ node: Node) -> Float {
    guard node["momentum"] != nil else { return 0.1 }
    let momentum = node.attributes.float(Attributes.id(.fusedBatchNorm, "momentum"))
    switch builder.model.framework {
    case .mindSpore: return momentum
    case .onnx: return 1 - momentum
    default: return min(momentum, 1 - momentum)
    }
  }
}

/// The windows of pools, as far as their gradients have to know them.
enum Pool {
  static let explicit = 0, same = 1, valid = 2

  /// Turns explicit padding into SAME where that lies the same way; true when the node has SAME padding then.
  static func becomesSame(_ node: Node) -> Bool {
    let a = node.attributes
    if a.int(3) == same { return true }
    let x = node.inputs[0].shape, y = node.outputs[0].shape, pads = a.ints(2), kernel = a.ints(0), strides = a.ints(1)
    guard a.int(3) == explicit, pads.count >= 4, kernel.count >= 2, strides.count >= 2, x.rank == 4, y.rank == 4 else { return false }
    for axis in 0..<2 {
      let size = x[axis + 1], out = y[axis + 1], stride = strides[axis]
      guard size > 0, out > 0, stride > 0, out == (size + stride - 1) / stride else { return false }
      let whole = max((out - 1) * stride + kernel[axis] - size, 0)
      if pads[2 * axis] != whole / 2 { return false }
    }
    node["pad_mode"] = .number(same)
    return true
  }
}
