import Graph
import Operators

extension GraphOptimizer {
  typealias ActivationChoice = (type: Int, alpha: Float, minimum: Float, maximum: Float, approximate: Bool)

  /// The function that an Activation, or a Clip with constant bounds, applies to its first input.
  private func activation(of node: Node) -> ActivationChoice? {
    let a = node.attributes
    if node.kind == .activation, node.inputs.count == 1 {
      let type = a.int(0)
      guard FusedActivation(type: type) != nil else { return nil }
      return (type, a.float(1), a.float(2), a.float(3), a.bool(4))
    }
    if node.kind == .clip, node.inputs.count == 1, node.inputs[0].type == .float32 {
      return (ActivationType.hardTanh, 0, a.float(1), a.float(0), false)
    }
    return nil
  }

  /// The field of a node's own activation attribute; nil when it has none.
  static func activationField(_ kind: OperatorKind) -> Int? {
    switch kind {
    case .conv2DFusion: return 10
    case .conv2dTransposeFusion: return 11
    case .matMulFusion: return 2
    case .fullConnection: return 3
    case .addFusion, .subFusion, .mulFusion, .divFusion: return 0
    case .scaleFusion: return 1
    default: return nil
    }
  }

  /// The node applies no activation yet.
  static func hasNoActivation(_ node: Node) -> Bool {
    guard let field = activationField(node.kind) else { return false }
    return node.fused.activation == nil && node.attributes.int(field, 0) == ActivationType.none
  }

  /// Moves a node's activation, own or fused, to another node that will do its work.
  func moveActivation(from node: Node, to target: Node) {
    if let f = node.fused.activation {
      target.fused.activation = f
    } else if let field = Self.activationField(node.kind), node.attributes.int(field, 0) != ActivationType.none {
      fuse((node.attributes.int(field, 0), 0, 0, 0, false), into: target)
    }
  }

  /// Lets a node without activation apply one.
  private func fuse(_ choice: ActivationChoice, into node: Node) {
    if file != nil, let field = Self.activationField(node.kind) {
      node.attributes[field] = .int(Int64(choice.type))
    } else {
      node.fused.activation = choice
    }
  }

  /// The function as a file expresses it in other nodes' attributes: RELU or RELU6.
  private func expressible(_ choice: ActivationChoice) -> ActivationChoice? {
    switch choice.type {
    case ActivationType.relu, ActivationType.relu6: return choice
    case ActivationType.hardTanh where choice.minimum == 0 && choice.maximum == 6: return (ActivationType.relu6, 0, 0, 0, false)
    case ActivationType.hardTanh where choice.minimum == 0 && choice.maximum >= 3e38: return (ActivationType.relu, 0, 0, 0, false)
    default: return nil
    }
  }

  /// What fusing an activation into a node of this kind is called.
  private static func activationFusion(_ kind: OperatorKind) -> GraphFusion {
    switch kind {
    case .conv2DFusion, .conv2dTransposeFusion: return .activationIntoConvolution
    case .matMulFusion, .fullConnection: return .activationIntoProduct
    case .addFusion, .subFusion: return .activationIntoAdd
    case .scaleFusion: return .activationIntoScale
    default: return .activationIntoMul
    }
  }

  /// Lets convolutions, products and arithmetic apply the activation that follows them.
  func fuseActivations() {
    let links = self.links()
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() {
      guard var choice = activation(of: node), let before = producer(of: node.inputs[0], links),
        onlyReader(node.inputs[0], links) === node, Self.hasNoActivation(before), before.outputs.count == 1,
        node.outputs[0].type == before.outputs[0].type
      else { continue }
      let fusion = Self.activationFusion(before.kind)
      if file != nil {
        guard let known = expressible(choice), allows(fusion), node.outputs[0].type == .float32, !node.outputs[0].isQuantized else { continue }
        choice = known
      } else {
        guard let op = try? Registry.factory(for: before.kind)?(before), op.acceptsFusedActivation else { continue }
      }
      fuse(choice, into: before)
      count(fusion)
      before.outputs[0] = node.outputs[0]
      dead[i] = true
    }
    removeNodes(dead)
  }

  /// Recognises functions that converters spell with several nodes:
  ///   relu6(x + 3) / 6 (or times 1/6)      -> HSIGMOID
  ///   x * relu6(x + 3) / 6, x * HSIGMOID(x) -> HSWISH
  ///   x * sigmoid(x)                        -> SWISH
  func fuseActivationChains() {
    if allows(.hardSwish) { replaceHardSigmoids() }
    replaceGates()
    if allows(.hardSwish) { moveSixthAfterGate() }
    removeUnused()
  }

  /// x where `tensor` = relu6(x + 3), made by an AddFusion with or without a fused RELU6.
  private func hardGate(_ tensor: Tensor, _ links: Links) -> Tensor? {
    guard var node = producer(of: tensor, links) else { return nil }
    if let choice = activation(of: node) {
      let isRelu6 =
        choice.type == ActivationType.relu6
        || (choice.type == ActivationType.hardTanh && choice.minimum == 0 && choice.maximum == 6)
      guard isRelu6, let add = producer(of: node.inputs[0], links), add.kind == .addFusion, Self.hasNoActivation(add) else {
        return nil
      }
      node = add
    } else {
      guard node.kind == .addFusion, node.fused.activation == nil, node.attributes.int(0) == ActivationType.relu6 else { return nil }
    }
    guard node.inputs.count == 2, node.outputs[0].type == .float32 else { return nil }
    if scalar(node.inputs[1]) == 3 { return node.inputs[0] }
    if scalar(node.inputs[0]) == 3 { return node.inputs[1] }
    return nil
  }

  /// The tensor that `node` multiplies by 1/6.
  private func sixthOf(_ node: Node) -> Tensor? {
    guard node.inputs.count == 2 else { return nil }
    func isSixth(_ t: Tensor) -> Bool {
      guard let v = scalar(t) else { return false }
      return v > 0.16666 && v < 0.16667
    }
    if node.kind == .mulFusion {
      guard Self.hasNoActivation(node) else { return nil }
      if isSixth(node.inputs[1]) { return node.inputs[0] }
      if isSixth(node.inputs[0]) { return node.inputs[1] }
    }
    if (node.kind == .divFusion && Self.hasNoActivation(node)) || node.kind == .realDiv, scalar(node.inputs[1]) == 6 {
      return node.inputs[0]
    }
    return nil
  }

  private func makeActivation(_ node: Node, _ type: Int, _ x: Tensor) {
    node.kind = .activation
    node.attributes = Attributes()
    node.attributes[0] = .int(Int64(type))
    node.inputs = [x]
  }

  private func replaceHardSigmoids() {
    let links = self.links()
    for node in graph.nodes {
      if let gate = sixthOf(node), gate.shape == node.outputs[0].shape, let x = hardGate(gate, links) {
        makeActivation(node, ActivationType.hsigmoid, x)
      }
    }
  }

  private func replaceGates() {
    let links = self.links()
    for node in graph.nodes where node.kind == .mulFusion && node.inputs.count == 2 && Self.hasNoActivation(node) {
      // The gate of a quantised node is rounded to its own scale.
      if node.outputs[0].isQuantized { continue }
      for k in 0..<2 {
        let x = node.inputs[k], gate = node.inputs[1 - k]
        guard x !== gate, let p = producer(of: gate, links), p.kind == .activation, p.inputs[0] === x else { continue }
        let type = p.attributes.int(0)
        if type == ActivationType.hsigmoid && allows(.hardSwish) {
          makeActivation(node, ActivationType.hswish, x)
          count(.hardSwish)
          break
        }
        if type == ActivationType.sigmoid && allows(.sigmoidMul) {
          makeActivation(node, ActivationType.swish, x)
          count(.sigmoidMul)
          break
        }
      }
    }
  }

  /// (x * relu6(x + 3)) / 6.
  private func moveSixthAfterGate() {
    let links = self.links()
    for node in graph.nodes {
      guard let product = sixthOf(node), let mul = producer(of: product, links), mul.kind == .mulFusion, mul.inputs.count == 2,
        Self.hasNoActivation(mul), product.shape == node.outputs[0].shape
      else { continue }
      for k in 0..<2 {
        if let x = hardGate(mul.inputs[1 - k], links), x === mul.inputs[k] {
          makeActivation(node, ActivationType.hswish, x)
          count(.hardSwish)
          break
        }
      }
    }
  }
}
