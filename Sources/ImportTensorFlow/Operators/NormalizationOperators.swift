import ConverterCore
import Graph

/// Normalisation layers.
enum NormalizationOperators {
  static let table: [String: TensorFlowOperator] = [
    "FusedBatchNorm": batchNorm, "FusedBatchNormV2": batchNorm, "FusedBatchNormV3": batchNorm,
    "_FusedBatchNormEx": { n throws(EngineError) in
      var results = try batchNorm(n)
      if try n.int("num_side_inputs", 0) > 0 { results[0] = try n.graph.add1(.addFusion, [:], [results[0], n.input(5)]) }
      if try n.choice("activation_mode", ["Identity", "Relu"]) == "Relu" {
        results[0] = try ElementwiseOperators.activate(n, results[0], 1)
      }
      return results
    },
    "BatchNormWithGlobalNormalization": globalNormalization,
    "LRN": { n throws(EngineError) in
      [
        try n.graph.add1(
          .lrn,
          [
            "depth_radius": .number(n.int("depth_radius", 5)), "bias": .float(Double(n.float("bias", 1))),
            "alpha": .float(Double(n.float("alpha", 1))), "beta": .float(Double(n.float("beta", 0.5))),
            "norm_region": "ACROSS_CHANNELS",
          ], [n.input(0)])
      ]
    },
  ]

  /// x, scale, offset, mean, variance. In training mode the last two are computed from x.
  private static func batchNorm(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let x = try n.input(0)
    let epsilon = try n.float("epsilon", 0.0001)
    _ = try n.isChannelsFirst()
    if try n.bool("is_training", true) { return try training(n, x, epsilon) }
    let parameters = try n.inputs(1..<5)
    let y = try ConvolutionOperators.image(n, x) { (x) throws(EngineError) in
      try n.graph.add1(.fusedBatchNorm, ["epsilon": .float(Double(epsilon))], [x] + parameters)
    }
    return [y, parameters[2], parameters[3], parameters[2], parameters[3], parameters[2]]
  }

  /// With the statistics of the images themselves.
  private static func training(_ n: TensorFlowNode, _ x: Tensor, _ epsilon: Float) throws(EngineError) -> [Tensor] {
    let g = n.graph
    let image = try n.isChannelsFirst() ? g.nhwc(x) : x
    guard try g.rank(of: image) == 4 else { throw EngineError(.inferError, "the image (\(x)) must have 4 dimensions") }
    let axes = g.constant(ints: [0, 1, 2])
    func mean(_ x: Tensor) throws(EngineError) -> Tensor { try g.add1(.reduceFusion, ["mode": 0, "keep_dims": false], [x, axes]) }
    let average = try mean(image)
    let centred = try g.add1(.subFusion, [:], [image, average])
    let variance = try mean(g.add1(.square, [:], [centred]))
    let deviation = try g.add1(.rsqrt, [:], [g.add1(.addFusion, [:], [variance, g.constant(floats: [epsilon], dims: [])])])
    let scale = try g.add1(.mulFusion, [:], [deviation, n.input(1)])
    var y = try g.add1(.addFusion, [:], [g.add1(.mulFusion, [:], [centred, scale]), n.input(2)])
    if try n.isChannelsFirst() { y = try g.nchw(y) }
    // The variance that is handed on is that of the population the images are a sample of.
    var sample = variance
    if let dims = g.dims(of: image), !dims.contains(where: { $0 < 0 }), let count = Shape(Array(dims.dropLast())).checkedCount, count > 1 {
      sample = try g.add1(.mulFusion, [:], [variance, g.constant(floats: [Float(count) / Float(count - 1)], dims: [])])
    }
    return [y, average, sample, average, variance, average]
  }

  /// t, mean, variance, beta, gamma.
  private static func globalNormalization(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let epsilon = AttributeValue.float(Double(try n.float("variance_epsilon", 0)))
    let variance = try n.input(2)
    let gamma = try n.bool("scale_after_normalization") ? n.input(4) : n.graph.add1(.onesLike, [:], [variance])
    return [try n.graph.add1(.fusedBatchNorm, ["epsilon": epsilon], [n.input(0), gamma, n.input(3), n.input(1), variance])]
  }
}
