import ConverterCore
import Graph

/// Normalisation by statistics, and scales by channel.
enum NormalizationRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.fusedBatchNorm, fusedBatchNorm), (.batchNorm, batchNorm), (.scaleFusion, scale), (.layerNormFusion, layerNorm),
  ]

  /// With the statistics of the batch where the node has them as outputs, else with the running ones, which are constants.
  private static func fusedBatchNorm(_ s: GradientScope) throws(EngineError) {
    let node = s.node, isOfBatch = node.outputs.count >= 5
    let statistics = isOfBatch ? [node.outputs[3], node.outputs[4]] : [node.inputs[3], node.inputs[4]]
    let epsilon = node.attributes.float(0, 0.0001)
    let d = try s.emit(
      .batchNormGrad, ["epsilon": .float(Double(epsilon)), "is_training": .bool(isOfBatch)], [try s.dy(), s.x, node.inputs[1]] + statistics,
      outputs: 3)
    for i in 0..<3 where s.wants(i) { try s.give(i, d[i]) }
  }

  /// Always with the running statistics.
  private static func batchNorm(_ s: GradientScope) throws(EngineError) {
    let epsilon = s.node.attributes.float(0, 0)
    let variance = try s.tape.builder.floats(s.node.inputs[2], "the variance")
    let factors = variance.map { 1 / ($0 + epsilon).squareRoot() }
    try s.give(0, try s.product(try s.dy(), s.tape.builder.constant("Gradients/\(s.node.name)/factors", floats: factors)))
  }

  private static func scale(_ s: GradientScope) throws(EngineError) {
    let factors = s.node.inputs[1], rank = s.x.shape.rank
    let axis = s.node.attributes.int(0)
    guard factors.shape.rank == 1, axis == rank - 1 || axis == -1 else {
      throw s.refuse("the gradient of a scale along another axis than the last (axis \(axis) of \(s.x)) is not supported")
    }
    let dy = try s.dy()
    if s.wants(0) { try s.give(0, try s.product(dy, factors)) }
    if s.wants(1) { try s.give(1, try s.add(.biasAddGrad, [:], [try s.product(dy, s.x)])) }
    if s.wants(2) { try s.give(2, try s.add(.biasAddGrad, [:], [dy])) }
  }

  private static func layerNorm(_ s: GradientScope) throws(EngineError) {
    let node = s.node
    guard node.outputs.count == 3, s.x.shape.rank > 0, node.inputs.count == 3 else {
      throw s.refuse("the gradient wants a scale and a shift, and an input whose rank is known")
    }
    let rank = s.x.shape.rank
    func axis(_ field: Int) -> Int { node.attributes.int(field) < 0 ? node.attributes.int(field) + rank : node.attributes.int(field) }
    // The gradient operator adds next to nothing to the variance.
    let epsilon = node.attributes.float(1, 0.00001)
    let variance = try s.add(.addFusion, [:], [node.outputs[2], s.number(epsilon)])
    let d = try s.emit(
      .layerNormGrad, ["begin_norm_axis": .number(axis(0)), "begin_params_axis": .number(axis(3))],
      [s.x, try s.dy(), variance, node.outputs[1], node.inputs[1]], outputs: 3)
    for i in 0..<3 where s.wants(i) { try s.give(i, d[i]) }
  }
}
