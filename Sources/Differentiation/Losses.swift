import ConverterCore
import Graph

extension GradientTape {
  /// Appends an input for the labels and the loss, one number, which is returned. The model's outputs are not changed.
  func appendLoss(_ head: LossHead, _ settings: TrainingSettings) throws(EngineError) -> Tensor {
    let prediction = head.prediction
    let name = "loss_fct"
    if graph.tensors.contains(where: { $0.name == settings.label && !$0.isConstant }) {
      throw EngineError(
        .inputParameterInvalid, "config section [training]: the model has a tensor \"\(settings.label)\" already; choose another name with label=")
    }
    func average(_ t: Tensor) throws(EngineError) -> Tensor {
      let loss = try emit("\(name)/ReduceFusion", .reduceFusion, ["mode": .number(Reduction.mean), "keep_dims": false], [t])[0]
      loss.shape = Shape([])
      return loss
    }
    let loss: Tensor
    do throws(EngineError) {
      switch settings.loss {
      case .sparseSoftmaxCrossEntropy:
        let rows = try matrix(prediction, "\(name)/Reshape")
        let labels = label(settings.label, .int32, [rows.shape[0]])
        loss = try emit(
          "\(name)/SparseSoftmaxCrossEntropyWithLogits", .sparseSoftmaxCrossEntropyWithLogits, ["is_grad": false], [rows, labels])[0]
        loss.shape = Shape([1])
      case .softmaxCrossEntropy:
        let rows = try matrix(prediction, "\(name)/Reshape")
        let targets = label(settings.label, .float32, rows.shape.dims)
        loss = try average(
          try emit("\(name)/SoftmaxCrossEntropyWithLogits", .softmaxCrossEntropyWithLogits, [:], [rows, targets], outputs: 2)[0])
      case .sigmoidCrossEntropy:
        let targets = label(settings.label, .float32, prediction.shape.dims)
        loss = try average(
          try emit("\(name)/SigmoidCrossEntropyWithLogits", .sigmoidCrossEntropyWithLogits, [:], [prediction, targets])[0])
      case .binaryCrossEntropy:
        let targets = label(settings.label, .float32, prediction.shape.dims)
        loss = try emit("\(name)/BinaryCrossEntropy", .binaryCrossEntropy, ["reduction": 1], [prediction, targets])[0]
        loss.shape = Shape([1])
      case .meanSquaredError:
        let targets = label(settings.label, .float32, prediction.shape.dims)
        let difference = try emit("\(name)/SubFusion", .subFusion, [:], [prediction, targets])[0]
        loss = try average(try emit("\(name)/Square", .square, [:], [difference])[0])
      case .smoothL1:
        let targets = label(settings.label, .float32, prediction.shape.dims)
        loss = try average(
          try emit("\(name)/SmoothL1Loss", .smoothL1Loss, ["beta": .float(settings.beta)], [prediction, targets])[0])
      }
    } catch { throw error.adding("the loss of \(prediction)") }
    loss.name = "loss"
    return loss
  }

  private func label(_ name: String, _ type: DataType, _ dims: [Int]) -> Tensor {
    let t = Tensor(name: name, type: type, shape: Shape(dims))
    graph.addTensor(t)
    graph.inputs.append(t)
    return t
  }

  /// Rows of logits: axes of 1 between the batch and the classes go.
  private func matrix(_ t: Tensor, _ name: String) throws(EngineError) -> Tensor {
    let dims = t.shape.dims
    if dims.count == 2 { return t }
    let large = dims.dropFirst().filter { $0 != 1 }
    guard dims.count > 2, large.count <= 1, let classes = large.isEmpty ? 1 : large.first, classes > 0 else {
      throw EngineError(.notSupported, "classes are told apart by a matrix of one row for each example")
    }
    let rows = try emit(name, .reshape, [:], [t, builder.constant("\(name)/rows", ints: [-1, classes])])[0]
    rows.shape = Shape([dims[0], classes])
    return rows
  }
}

/// The gradients of losses with respect to predictions; labels have none.
enum LossRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.sparseSoftmaxCrossEntropyWithLogits, { s throws(EngineError) in
      let d = try s.add(.sparseSoftmaxCrossEntropyWithLogits, ["is_grad": true], [s.x, s.node.inputs[1]])
      try s.give(0, try s.product(try s.dy(), d))
    }),
    (.softmaxCrossEntropyWithLogits, { s throws(EngineError) in try s.give(0, try s.product(try s.dy(), s.node.outputs[1])) }),
    (.sigmoidCrossEntropyWithLogits, { s throws(EngineError) in try element(s, .sigmoidCrossEntropyWithLogitsGrad, [:]) }),
    (.binaryCrossEntropy, { s throws(EngineError) in try element(s, .binaryCrossEntropyGrad, ["reduction": 1]) }),
    (.smoothL1Loss, { s throws(EngineError) in
      try element(s, .smoothL1LossGrad, ["beta": .float(Double(s.node.attributes.float(0)))])
    }),
  ]

  private static func element(_ s: GradientScope, _ kind: OperatorKind, _ attributes: [String: AttributeValue]) throws(EngineError) {
    try s.give(0, try s.add(kind, attributes, [s.x, s.node.inputs[1], try s.dy()]))
  }
}
