import ConverterCore
import Graph
import Operators

/// Questions that patterns ask. All of them look backwards, from a result to what it is made of.
extension GraphEditor {
  /// Both orders of a two-operand node.
  func operands(_ node: Node) -> [(Tensor, Tensor)] {
    node.inputs.count == 2 ? [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] : []
  }

  /// A node of the kind that makes `tensor`, applies no activation of its own and is not quantised.
  func plain(_ tensor: Tensor, _ kind: OperatorKind) -> Node? {
    guard let node = producer(of: tensor, kind), node.outputs[0].quantParams.isEmpty, node.outputs[0].type == .float32 else { return nil }
    switch kind {
    case .addFusion, .subFusion, .mulFusion, .divFusion: return node.attributes.int(0) == ActivationType.none ? node : nil
    default: return node
    }
  }

  /// The division that makes `tensor`.
  func quotient(_ tensor: Tensor) -> Node? { plain(tensor, .divFusion) ?? plain(tensor, .realDiv) }

  /// The other operand of x + constant.
  func sum(_ tensor: Tensor, with constant: Float, tolerance: Float = 1e-6) -> Tensor? {
    guard let node = plain(tensor, .addFusion) else { return nil }
    return operands(node).first { isNear($0.1, constant, tolerance) }?.0
  }

  func isNear(_ tensor: Tensor, _ value: Float, _ tolerance: Float = 1e-6) -> Bool {
    guard let v = scalar(tensor) else { return false }
    return abs(v - value) <= tolerance * max(1, abs(value))
  }

  /// What an Activation of this type is applied to.
  func activated(_ tensor: Tensor, _ type: Int) -> Tensor? {
    guard let node = plain(tensor, .activation), node.attributes.int(0) == type else { return nil }
    return node.inputs[0]
  }

  /// A product as its variable factors and the product of its scalar constants. Goes through products and quotients by constants,
  /// to a limited depth.
  func factors(_ tensor: Tensor, depth: Int = 4) -> (variables: [Tensor], scale: Float) {
    if let value = scalar(tensor) { return ([], value) }
    if depth == 0 { return ([tensor], 1) }
    if let node = plain(tensor, .mulFusion), node.inputs.count == 2 {
      let a = factors(node.inputs[0], depth: depth - 1), b = factors(node.inputs[1], depth: depth - 1)
      return (a.variables + b.variables, a.scale * b.scale)
    }
    if let node = quotient(tensor), let divisor = scalar(node.inputs[1]), divisor != 0 {
      let a = factors(node.inputs[0], depth: depth - 1)
      return (a.variables, a.scale / divisor)
    }
    if let node = plain(tensor, .square), depth > 1 {
      let a = factors(node.inputs[0], depth: 0)
      return (a.variables + a.variables, a.scale * a.scale)
    }
    if let power = exponent(tensor), let node = producer(of: tensor), power == 2 || power == 3 {
      return ([Tensor](repeating: node.inputs[0], count: Int(power)), 1)
    }
    return ([tensor], 1)
  }

  /// The constant exponent of the PowFusion that makes `tensor`.
  func exponent(_ tensor: Tensor) -> Float? {
    guard let node = plain(tensor, .powFusion), node.inputs.count == 2, node["scale"].map(isOne) ?? true, node["shift"].map(isZero) ?? true else {
      return nil
    }
    return scalar(node.inputs[1])
  }

  private func isOne(_ value: AttributeValue) -> Bool {
    if case .float(let v) = value { return v == 1 }
    return false
  }
  private func isZero(_ value: AttributeValue) -> Bool {
    if case .float(let v) = value { return v == 0 }
    return false
  }

  /// The node that made `tensor` makes it differently from now on; nodes that only it has needed go.
  func rewrite(_ node: Node, _ kind: OperatorKind, _ attributes: [String: AttributeValue], _ inputs: [Tensor]) {
    let before = node.inputs.compactMap { producer(of: $0) }
    replace(node, kind, attributes, inputs)
    for n in before { removeIfUnused(n) }
  }
}
