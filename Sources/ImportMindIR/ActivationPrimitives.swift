import ConverterCore
import Graph

/// ActivationType numbers of the format.
enum ActivationNumber {
  static let relu = 1, sigmoid = 2, relu6 = 3, elu = 4, leakyRelu = 5, softplus = 9, tanh = 10, hswish = 12, hsigmoid = 13, hardTanh = 16
  static let swish = 18, gelu = 19
}

/// Activations and their gradients.
enum ActivationPrimitives {
  static let table: [String: MindPrimitive] = [
    "ReLU": { n throws(EngineError) in try activation(n, ActivationNumber.relu) },
    "ReLU6": { n throws(EngineError) in try activation(n, ActivationNumber.relu6) },
    "Sigmoid": { n throws(EngineError) in try activation(n, ActivationNumber.sigmoid) },
    "Tanh": { n throws(EngineError) in try activation(n, ActivationNumber.tanh) },
    "HSwish": { n throws(EngineError) in try activation(n, ActivationNumber.hswish) },
    "HSigmoid": { n throws(EngineError) in try activation(n, ActivationNumber.hsigmoid) },
    "SiLU": { n throws(EngineError) in try activation(n, ActivationNumber.swish) },
    "Softplus": { n throws(EngineError) in try softplus(n) },
    "Elu": { n throws(EngineError) in try activation(n, ActivationNumber.elu, ["alpha": .float(try n.float("alpha", operand: 1, default: 1))]) },
    "LeakyRelu": leaky, "LeakyReLU": leaky,
    "GeLU": { n throws(EngineError) in try activation(n, ActivationNumber.gelu, ["approximate": true]) },
    "Softsign": softsign, "Mish": mish, "PReLU": prelu, "Softmax": softmax, "LogSoftmax": logSoftmax,
    "ReluGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.relu) },
    "ReLUGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.relu) },
    "ReLU6Grad": { n throws(EngineError) in try gradient(n, ActivationNumber.relu6) },
    "SigmoidGrad": { n throws(EngineError) in try gradientOfResult(n, ActivationNumber.sigmoid) },
    "TanhGrad": { n throws(EngineError) in try gradientOfResult(n, ActivationNumber.tanh) },
    "HSwishGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.hswish) },
    "HSigmoidGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.hsigmoid) },
    "GeLUGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.gelu, operands: 2) },
    "SoftplusGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.softplus) },
    "EluGrad": { n throws(EngineError) in try gradient(n, ActivationNumber.elu, alpha: 1) },
    "LeakyReLUGrad": { n throws(EngineError) in
      try gradient(n, ActivationNumber.leakyRelu, alpha: try n.float("negative_slope", default: try n.float("alpha", default: 0.2)))
    },
  ]

  private static func activation(
    _ n: MindNode, _ type: Int, _ more: [String: AttributeValue] = [:]
  ) throws(EngineError) -> [Tensor] {
    var attributes = more
    attributes["activation_type"] = .number(type)
    return try n.elementwise(.activation, attributes, [try n.tensor(0)])
  }

  private static func leaky(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let slope = try n.float("negative_slope", default: try n.float("alpha", default: 0.2))
    return try activation(n, ActivationNumber.leakyRelu, ["alpha": .float(slope)])
  }

  /// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which does not overflow; a training graph keeps the operator that has a gradient.
  private static func softplus(_ n: MindNode) throws(EngineError) -> [Tensor] {
    if n.isTraining { return try activation(n, ActivationNumber.softplus) }
    let x = try n.tensor(0)
    let size = try n.compose(.neg, [:], [try n.compose(.abs, [:], [x])])
    let small = try n.compose(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [size])
    let rest = try n.compose(.log, [:], [try n.compose(.addFusion, [:], [small, n.number(1)])])
    return [try n.compose(.addFusion, [:], [try n.compose(.activation, ["activation_type": 1], [x]), rest])]
  }

  private static func softsign(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let size = try n.compose(.addFusion, [:], [try n.compose(.abs, [:], [x]), n.number(1)])
    return [try n.compose(.divFusion, [:], [x, size])]
  }

  private static func mish(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let gate = try n.compose(.activation, ["activation_type": .number(ActivationNumber.tanh)], [try softplus(n)[0]])
    return [try n.compose(.mulFusion, [:], [x, gate])]
  }

  private static func prelu(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let slope = try n.tensor(1)
    let attributes: [String: AttributeValue] = ["channel_shared": .bool(slope.count == 1)]
    guard try n.b.rank(of: x) == 4 else {
      guard try n.b.rank(of: x) <= 2 || slope.count == 1 else {
        throw EngineError(.notSupported, "one slope per channel of \(x); two or four dimensions are accepted")
      }
      return try n.emit(.pReLUFusion, attributes, [x, slope])
    }
    return [try n.b.nchw(try n.emit1(.pReLUFusion, attributes, [try n.b.nhwc(x), slope], results: [try n.channelsLast()]))]
  }

  private static func softmax(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axes = try n.ints("axis", operand: 1) ?? [-1]
    guard axes.count == 1 else { throw EngineError(.notSupported, "over \(axes.count) axes; one can be converted") }
    return try n.emit(.softmax, ["axis": .list([try n.axis(axes[0], of: x)])], [x])
  }

  private static func logSoftmax(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    return try n.emit(.logSoftmax, ["axis": .number(try n.axis(try n.int("axis", operand: 1, default: -1), of: x))], [x])
  }

  /// Operands: the gradient of the result, then the argument or the result.
  private static func gradient(
    _ n: MindNode, _ type: Int, alpha: Double? = nil, operands: Int = 2
  ) throws(EngineError) -> [Tensor] {
    try requireTraining(n)
    var attributes: [String: AttributeValue] = ["activation_type": .number(type)]
    if let alpha { attributes["alpha"] = .float(try n.float("alpha", default: alpha)) }
    let list = Array(try n.tensors().prefix(operands))
    guard list.count == operands else { throw EngineError(.formatError, "has \(list.count) operands; \(operands) are needed") }
    return try n.elementwise(.activationGrad, attributes, list)
  }

  /// The same where the file has the result first.
  private static func gradientOfResult(_ n: MindNode, _ type: Int) throws(EngineError) -> [Tensor] {
    try requireTraining(n)
    return try n.elementwise(.activationGrad, ["activation_type": .number(type)], [try n.tensor(0), try n.tensor(1)])
  }

  static func requireTraining(_ n: MindNode) throws(EngineError) {
    if !n.isTraining { throw EngineError(.notSupported, "belongs to a training graph, which --trainModel=true converts") }
  }
}
