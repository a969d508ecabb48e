import ConverterCore
import Graph

/// Losses and the gradients that are not beside their operators.
enum GradientPrimitives {
  static let table: [String: MindPrimitive] = [
    "BiasAddGrad": biasAddGradient, "SparseSoftmaxCrossEntropyWithLogits": sparseSoftmax, "Dropout": dropout, "DropoutGrad": dropoutGradient,
    "BinaryCrossEntropy": { n throws(EngineError) in try reduced(n, .binaryCrossEntropy) },
    "BinaryCrossEntropyGrad": { n throws(EngineError) in try reduced(n, .binaryCrossEntropyGrad) },
    "NLLLoss": { n throws(EngineError) in try reduced(n, .nllLoss) }, "NLLLossGrad": { n throws(EngineError) in try reduced(n, .nllLossGrad) },
    "SmoothL1Loss": { n throws(EngineError) in try smooth(n, .smoothL1Loss) },
    "SmoothL1LossGrad": { n throws(EngineError) in try smooth(n, .smoothL1LossGrad) },
    "MaximumGrad": { n throws(EngineError) in try routed(n, .maximumGrad) }, "MinimumGrad": { n throws(EngineError) in try routed(n, .minimumGrad) },
    "StridedSliceGrad": stridedSliceGradient, "FlattenGrad": { n throws(EngineError) in try plain(n, .flattenGrad) },
    "PowerGrad": { n throws(EngineError) in try plain(n, .powerGrad) },
  ]

  private static func plain(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    return try n.emit(kind, [:], try n.tensors(), count: max(1, n.results.count))
  }

  /// The sum over all axes but the channels.
  private static func biasAddGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    let isImage = try n.b.rank(of: try n.tensor(0)) == 4
    return try n.emit(.biasAddGrad, [:], [isImage ? try n.image(0) : try n.tensor(0)])
  }

  private static func sparseSoftmax(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    if try n.float("sens", default: 1) != 1 { throw EngineError(.notSupported, "a factor (sens) other than 1 cannot be converted") }
    return try n.emit(
      .sparseSoftmaxCrossEntropyWithLogits, ["is_grad": .bool(try n.bool("is_grad"))], [try n.tensor(0), try n.tensor(1)])
  }

  /// (y, mask), in a training graph only.
  private static func dropout(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.dropout, ["keep_prob": .float(try n.float("keep_prob", operand: 1, default: 0.5))], [try n.tensor(0)], count: max(1, n.results.count))
  }

  private static func dropoutGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    return try n.emit(
      .dropoutGrad, ["keep_prob": .float(try n.float("keep_prob", operand: 2, default: 0.5))], [try n.tensor(0), try n.tensor(1)])
  }

  private static func reduced(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    let reduction: Int
    switch try n.text("reduction", default: "mean") {
    case "sum": reduction = 0
    case "mean": reduction = 1
    case "none": reduction = 2
    case let other: throw EngineError(.notSupported, "reduction \"\(other)\"; sum, mean and none are accepted")
    }
    return try n.emit(kind, ["reduction": .number(reduction)], try n.tensors(), count: max(1, n.results.count))
  }

  private static func smooth(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    return try n.emit(kind, ["beta": .float(try n.float("beta", default: 1))], try n.tensors())
  }

  private static func routed(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    let attributes: [String: AttributeValue] = [
      "grad_x": .bool(try n.bool("grad_x", default: true)), "grad_y": .bool(try n.bool("grad_y", default: true)),
    ]
    return try n.emit(kind, attributes, try n.tensors(), count: max(1, n.results.count))
  }

  private static func stridedSliceGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    var attributes: [String: AttributeValue] = [:]
    for name in ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"] {
      attributes[name] = .number(try n.int(name, default: 0))
    }
    return try n.emit(.stridedSliceGrad, attributes, try n.tensors())
  }
}

/// What changes the weights. A kernel's gradient is given to it in the form in which the kernel is stored.
enum OptimizerPrimitives {
  static let table: [String: MindPrimitive] = [
    "SGD": sgd, "ApplyMomentum": momentum, "Momentum": momentum, "Adam": { n throws(EngineError) in try adam(n, .adam, gradient: 9) },
    "Assign": { n throws(EngineError) in try assign(n, .assign) }, "AssignAdd": { n throws(EngineError) in try assign(n, .assignAdd) },
    "AdamWeightDecay": { n throws(EngineError) in try adam(n, .adamWeightDecay, gradient: 8) },
  ]

  /// The operands; number `gradient` follows the form of operand 0.
  private static func operands(_ n: MindNode, _ count: Int, gradient: Int) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    guard n.count >= count else { throw EngineError(.formatError, "has \(n.count) operands; \(count) are needed") }
    var list = [Tensor]()
    for i in 0..<count { list.append(try n.stored(i)) }
    guard n.scope.isParameter(list[0]) else { throw EngineError(.formatError, "operand 0 (\(list[0])) is no weight") }
    if n.scope.isStoredKernel(list[0]) { list[gradient] = try n.b.nhwc(list[gradient]) }
    return list
  }

  /// The result is the changed weight, which nobody reads as a tensor of its own.
  private static var result: [MindShape] { [MindShape(dims: [1], type: .float32)] }

  private static func assign(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try n.emit(kind, [:], try operands(n, 2, gradient: 1), results: result)
  }

  private static func sgd(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(
      .sgd,
      [
        "nesterov": .bool(try n.bool("nesterov")), "dampening": .float(try n.float("dampening", default: 0)),
        "weight_decay": .float(try n.float("weight_decay", default: 0)),
      ], try operands(n, 6, gradient: 1), results: result)
  }

  private static func momentum(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(
      .applyMomentum,
      [
        "use_nesterov": .bool(try n.bool("use_nesterov")), "use_locking": .bool(try n.bool("use_locking")),
        "gradient_scale": .float(try n.float("gradient_scale", default: 1)),
      ], try operands(n, 5, gradient: 3), results: result)
  }

  private static func adam(_ n: MindNode, _ kind: OperatorKind, gradient: Int) throws(EngineError) -> [Tensor] {
    var attributes: [String: AttributeValue] = ["use_locking": .bool(try n.bool("use_locking"))]
    if kind == .adam { attributes["use_nesterov"] = .bool(try n.bool("use_nesterov")) }
    return try n.emit(kind, attributes, try operands(n, gradient + 1, gradient: gradient), results: result)
  }
}
