import ConverterCore
import Graph

/// The nodes that change the weights.
struct Updates {
  let tape: GradientTape
  let settings: TrainingSettings
  private var builder: GraphBuilder { tape.builder }

  /// `gradients`: by parameter of the tape.
  func append(_ gradients: [Tensor?]) throws(EngineError) {
    let name = "optimizer-\(settings.optimizer.rawValue)"
    let rate = constant("learning_rate", settings.learningRate)
    let numbers = try shared(name)
    var trained = 0
    for (i, weight) in tape.parameters.list.enumerated() {
      guard let gradient = gradients[i] else {
        builder.report.warn("\(weight): the loss does not depend on this weight; it is not trained")
        continue
      }
      trained += 1
      switch settings.optimizer {
      case .sgd: try sgd(name, weight, gradient, rate, numbers[0])
      case .momentum: try momentum(name, weight, gradient, rate, numbers)
      case .adam:
        try update(
          name, .adam, ["use_locking": false, "use_nesterov": .bool(settings.nesterov)],
          [weight, zeros(weight, "moment1"), zeros(weight, "moment2"), numbers[0], numbers[1], rate] + numbers[2...] + [gradient])
      case .adamWeightDecay:
        try update(
          name, .adamWeightDecay, ["use_locking": false],
          [weight, zeros(weight, "moment1"), zeros(weight, "moment2"), rate] + numbers + [gradient])
      }
    }
    if trained == 0 { throw EngineError(.inputParameterInvalid, "config section [training]: the loss does not depend on any trained weight") }
  }

  private func constant(_ name: String, _ value: Double) -> Tensor { builder.constant(name, floats: [Float(value)], dims: [1]) }

  /// The numbers that all nodes of the optimiser read, in their order.
  private func shared(_ name: String) throws(EngineError) -> [Tensor] {
    switch settings.optimizer {
    case .sgd: return [constant("momentum", settings.momentum)]
    case .momentum:
      return [constant("momentum", settings.momentum)] + (settings.weightDecay > 0 ? [constant("weight_decay", settings.weightDecay)] : [])
    case .adam: return try powers(name) + [constant("epsilon", settings.epsilon)]
    case .adamWeightDecay:
      return [
        constant("beta1", settings.beta1), constant("beta2", settings.beta2), constant("epsilon", settings.epsilon),
        constant("weight_decay", settings.weightDecay),
      ]
    }
  }

  /// What an optimiser keeps for a weight.
  private func zeros(_ weight: Tensor, _ what: String) -> Tensor {
    builder.constant("\(what).\(weight.name)", floats: [Float](repeating: 0, count: weight.count), dims: weight.shape.dims)
  }

  private func update(
    _ name: String, _ kind: OperatorKind, _ attributes: [String: AttributeValue], _ inputs: [Tensor]
  ) throws(EngineError) {
    try tape.emit("\(name)/\(inputs[0].name)", kind, attributes, inputs)
  }

  private func sgd(
    _ name: String, _ weight: Tensor, _ gradient: Tensor, _ rate: Tensor, _ momentum: Tensor
  ) throws(EngineError) {
    // The first step's state: what is in the accumulator does not count yet.
    let state = constant("stat.\(weight.name)", 1)
    try update(
      name, .sgd,
      [
        "nesterov": .bool(settings.nesterov), "dampening": .float(settings.dampening), "weight_decay": .float(settings.weightDecay),
      ], [weight, gradient, rate, zeros(weight, "accumulator"), momentum, state])
  }

  private func momentum(
    _ name: String, _ weight: Tensor, _ gradient: Tensor, _ rate: Tensor, _ numbers: [Tensor]
  ) throws(EngineError) {
    var gradient = gradient
    if numbers.count > 1 {
      let decay = try tape.emit("Gradients/\(weight.name)/decay", .mulFusion, [:], [weight, numbers[1]])[0]
      gradient = try tape.emit("Gradients/\(weight.name)/decayed", .addFusion, [:], [gradient, decay])[0]
    }
    try update(
      name, .applyMomentum, ["use_nesterov": .bool(settings.nesterov), "use_locking": false, "gradient_scale": 1.0],
      [weight, zeros(weight, "accumulator"), rate, gradient, numbers[0]])
  }

  /// Adam's powers of beta for this step, and the betas: each step multiplies what it finds.
  private func powers(_ name: String) throws(EngineError) -> [Tensor] {
    var list = [Tensor]()
    let betas = [constant("beta1", settings.beta1), constant("beta2", settings.beta2)]
    for (i, beta) in betas.enumerated() {
      let power = constant("beta\(i + 1)_power", 1)
      let next = try tape.emit("\(name)/beta\(i + 1)_power", .mulFusion, [:], [power, beta])[0]
      try tape.emit("\(name)/Assign", .assign, [:], [power, next])
      list.append(next)
    }
    return list + betas
  }
}
