import Graph

// AddGrad, SubGrad, MulGrad, DivGrad: attributes none; inputs dy, x1, x2. MaximumGrad, MinimumGrad: attributes 0 grad_x, 1 grad_y (both
// without effect); inputs x1, x2, dy. Outputs: the gradients of x1 and x2.

/// Gradients of operations on two operands that broadcast, float32: those of the elements, summed up over the axes along which an operand
/// was repeated. Of equal operands the first is the larger and the smaller one.
final class ArithmeticGradOperator: CompositeOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(2...2)
    for i in 0..<3 { try requireType(i, .float32) }
  }

  override func build() throws(EngineError) {
    let routes = node.kind == .maximumGrad || node.kind == .minimumGrad
    let dy = inputs[routes ? 2 : 0], x1 = inputs[routes ? 0 : 1], x2 = inputs[routes ? 1 : 2]
    guard let shape = broadcastShape(x1.shape, x2.shape) else {
      throw EngineError(.inferError, "the shapes of \(x1) and \(x2) do not broadcast")
    }
    if dy.shape != shape { throw EngineError(.inferError, "the gradient (\(dy)) must have the shape \(shape)") }
    let d1: Tensor, d2: Tensor
    switch node.kind {
    case .subGrad: (d1, d2) = (dy, try step(.neg, [dy]))
    case .mulGrad: (d1, d2) = (try product(dy, x2), try product(dy, x1))
    case .divGrad:
      d1 = try step(.realDiv, [dy, x2])
      let quotient = try step(.realDiv, [x1, x2])
      d2 = try step(.neg, [try product(d1, quotient)])
    case .maximumGrad, .minimumGrad:
      let second = try step(node.kind == .maximumGrad ? .less : .greater, [x1, x2])
      d2 = try product(dy, try step(.cast, [second, try list([Int(DataType.float32.rawValue)])]))
      d1 = try step(.subFusion, [dy, d2])
    default: (d1, d2) = (dy, dy)
    }
    try sum(d1, like: x1, into: outputs[0])
    try sum(d2, like: x2, into: outputs[1])
  }
}

// LogGrad, NegGrad: inputs dy, x. SqrtGrad, RsqrtGrad: inputs y, dy, y being the result. DropoutGrad: 0 keep_prob; inputs dy, mask.
// PowerGrad: 0 power, 1 scale, 2 shift (all 0); inputs dy, x.

/// Gradients of functions of one variable, float32: LogGrad dy / x; NegGrad -dy; SqrtGrad dy / (2 y); RsqrtGrad -dy y^3 / 2; PowerGrad
/// dy * power * scale * (scale * x + shift)^(power - 1); DropoutGrad dy * mask / keep_prob.
final class UnaryGradOperator: CompositeOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    for i in 0..<2 { try requireType(i, .float32) }
    if node.kind == .dropoutGrad { _ = try keepProbability(of: node, 0) }
  }

  override func build() throws(EngineError) {
    let a = inputs[0], b = inputs[1], result = outputs[0]
    try requireCount(1, a.count, "as many as input 0")
    if a.shape != b.shape { throw EngineError(.inferError, "input 1 (\(b)) must have the shape of input 0 (\(a))") }
    let attributes = node.attributes
    switch node.kind {
    case .logGrad: try step(.realDiv, [a, b], into: result)
    case .negGrad: try step(.neg, [a], into: result)
    case .sqrtGrad: _ = try product(try step(.realDiv, [b, a]), try number(0.5), into: result)
    case .rsqrtGrad:
      let cube = try product(try step(.square, [a]), a)
      _ = try product(try product(b, cube), try number(-0.5), into: result)
    case .powerGrad:
      let power = attributes.float(0, 0), scale = attributes.float(1, 0)
      var inner = Attributes()
      inner[0] = .float(Double(scale))
      inner[1] = .float(Double(attributes.float(2, 0)))
      let derivative = try step(.powFusion, [b, try number(power - 1)], inner)
      _ = try product(try product(a, derivative), try number(power * scale), into: result)
    default:
      let keep = try keepProbability(of: node, 0)
      _ = try product(try product(a, b), try number(1 / keep), into: result)
    }
  }
}

/// The share of elements that Dropout keeps.
func keepProbability(of node: Node, _ fallback: Float) throws(EngineError) -> Float {
  let keep = node.attributes.float(0, fallback)
  if !(keep > 0 && keep <= 1) { throw EngineError(.parameterInvalid, "keep_prob must lie above 0 and not above 1") }
  return keep
}
