import ConverterCore
import Graph

/// Layers that scale and shift, by channel or by statistics.
enum NormalizationLayers {
  static let table: [String: LayerImporter] = [
    "BatchNorm": batchNorm, "Scale": scale, "Bias": bias, "LRN": lrn, "MVN": meanVariance, "Normalize": normalize, "PReLU": prelu,
  ]

  /// (x - mean) / sqrt(variance + eps). The file has both multiplied by a factor, its third blob.
  private static func batchNorm(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.batchNormParam
    let x = try c.input()
    let dims = try c.b.knownDims(of: x)
    let channels = dims.count == 1 ? 1 : dims[1]
    if p.hasUseGlobalStats && !p.useGlobalStats {
      // By the statistics of the batch at hand.
      let axes = Array(0..<dims.count).filter { $0 != 1 }
      return [try standardized(c, x, axes) { (variance) throws(EngineError) in
        try c.power(try c.affine(variance, scale: 1, shift: p.eps), 0.5)
      }]
    }
    let mean = try c.b.floats(try c.weight(0, of: 3, "mean", [channels]), "the mean")
    let variance = try c.b.floats(try c.weight(1, of: 3, "variance", [channels]), "the variance")
    let stored = try c.b.floats(try c.weight(2, of: 3, "factor", [1]), "the factor")[0]
    let factor = stored == 0 ? 0 : 1 / stored
    let name = c.layer.name
    let means = c.b.constant("\(name).mean", floats: mean.map { $0 * factor })
    let variances = c.b.constant("\(name).variance", floats: variance.map { $0 * factor })
    if dims.count == 1 { throw EngineError(.notSupported, "the input has one dimension; two or more are needed") }
    return [
      try c.channelsLast(x) { (x) throws(EngineError) in
        try c.b.add1(.batchNorm, ["epsilon": .float(Double(p.eps)), "format": 1, "is_training": false], [x, means, variances])
      }
    ]
  }

  /// (x - mean) / deviation(variance), both over the given axes.
  private static func standardized(
    _ c: LayerContext, _ x: Tensor, _ axes: [Int], _ deviation: ((Tensor) throws(EngineError) -> Tensor)?
  ) throws(EngineError) -> Tensor {
    let centred = try c.b.add1(.subFusion, [:], [x, try c.reduce(x, Reduction.mean, axes)])
    guard let deviation else { return centred }
    let variance = try c.reduce(try c.b.add1(.square, [:], [centred]), Reduction.mean, axes)
    return try c.b.add1(.divFusion, [:], [centred, try deviation(variance)])
  }

  /// Which axes of the input the factors of a Scale or Bias layer cover.
  private static func covered(
    _ c: LayerContext, _ x: Tensor, axis: Int32, count: Int32
  ) throws(EngineError) -> (axis: Int, dims: [Int]) {
    let dims = try c.b.knownDims(of: x)
    if count == 0 { return (0, []) }
    let first = try c.b.axis(Int(axis), of: x)
    let last = count < 0 ? dims.count : first + Int(count)
    guard last <= dims.count else {
      throw EngineError(.formatError, "num_axes \(count) from axis \(first) on lies outside the shape \(Shape(dims))")
    }
    return (first, Array(dims[first..<last]))
  }

  /// `factors` with ones behind, so that it broadcasts over x from `axis` on.
  private static func aligned(_ c: LayerContext, _ factors: Tensor, axis: Int, rank: Int) throws(EngineError) -> Tensor {
    let dims = try c.b.knownDims(of: factors)
    if dims.isEmpty { return factors }
    guard axis + dims.count <= rank else {
      throw EngineError(.formatError, "\(Shape(dims)) from axis \(axis) on lies outside the input's \(rank) dimensions")
    }
    let ones = [Int](repeating: 1, count: rank - axis - dims.count)
    return ones.isEmpty ? factors : try c.b.reshape(factors, dims + ones)
  }

  /// x * scale [+ bias]; the factors are weights, or a second input.
  private static func scale(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.scaleParam
    let inputs = try c.inputs(1...2)
    let x = inputs[0]
    let rank = try c.b.rank(of: x)
    if inputs.count == 2 {
      let dims = try c.b.knownDims(of: inputs[1])
      let axis = dims.isEmpty ? 0 : try c.b.axis(Int(p.axis), of: x)
      var y = try c.b.add1(.mulFusion, [:], [x, try aligned(c, inputs[1], axis: axis, rank: rank)])
      if p.biasTerm {
        y = try c.b.add1(.addFusion, [:], [y, try aligned(c, try c.weight(0, of: 1, "bias", dims), axis: axis, rank: rank)])
      }
      return [y]
    }
    let (axis, dims) = try covered(c, x, axis: p.axis, count: p.numAxes)
    let count = p.biasTerm ? 2 : 1
    var operands = [try c.weight(0, of: count, "scale", dims)]
    if p.biasTerm { operands.append(try c.weight(1, of: count, "bias", dims)) }
    if rank == 4 && axis == 1 && dims.count == 1 {
      let y = try c.b.add1(.scaleFusion, ["axis": 3, "activation_type": 0], [try c.b.nhwc(x)] + operands)
      return [try c.b.nchw(y)]
    }
    if dims.isEmpty {
      var y = try c.b.add1(.mulFusion, [:], [x, operands[0]])
      if p.biasTerm { y = try c.b.add1(.addFusion, [:], [y, operands[1]]) }
      return [y]
    }
    return [try c.b.add1(.scaleFusion, ["axis": .number(axis), "activation_type": 0], [x] + operands)]
  }

  private static func bias(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.biasParam
    let inputs = try c.inputs(1...2)
    let x = inputs[0]
    let rank = try c.b.rank(of: x)
    let summand: Tensor
    if inputs.count == 2 {
      let axis = try c.b.rank(of: inputs[1]) == 0 ? 0 : try c.b.axis(Int(p.axis), of: x)
      summand = try aligned(c, inputs[1], axis: axis, rank: rank)
    } else {
      let (axis, dims) = try covered(c, x, axis: p.axis, count: p.numAxes)
      summand = try aligned(c, try c.weight(0, of: 1, "bias", dims), axis: axis, rank: rank)
    }
    return [try c.b.add1(.addFusion, [:], [x, summand])]
  }

  /// x * (k + alpha / size * sum of squares) ^ -beta over neighbouring channels, or x * (1 + alpha * mean of squares) ^ -beta over
  /// neighbouring pixels.
  private static func lrn(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.lrnParam
    let x = try c.input()
    let size = try c.positive(p.localSize, "local_size")
    if size % 2 == 0 { throw EngineError(.formatError, "local_size \(size) is even; odd sizes are accepted") }
    if p.normRegion == .acrossChannels {
      guard try c.b.rank(of: x) == 4 else { throw EngineError(.notSupported, "the input (\(x)) must be [N, C, H, W]") }
      let y = try c.b.add1(
        .lrn,
        [
          "depth_radius": .number(size / 2), "bias": .float(Double(p.k)), "alpha": .float(Double(p.alpha) / Double(size)),
          "beta": .float(Double(p.beta)), "norm_region": "ACROSS_CHANNELS",
        ], [try c.b.nhwc(x)])
      return [try c.b.nchw(y)]
    }
    let mean = try PoolingLayer.average(c, try c.b.add1(.square, [:], [x]), window: size)
    let factor = try c.power(try c.affine(mean, scale: p.alpha, shift: 1), -p.beta)
    return [try c.b.add1(.mulFusion, [:], [x, factor])]
  }

  /// Mean 0 and, with normalize_variance, standard deviation 1 (eps is added to the deviation) of every channel, or of every image.
  private static func meanVariance(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.mvnParam
    let x = try c.input()
    let rank = try c.b.rank(of: x)
    guard rank >= 3 else { throw EngineError(.notSupported, "the input (\(x)) must have the axes [N, C, ...] and one more at least") }
    let axes = Array((p.acrossChannels ? 1 : 2)..<rank)
    if !p.normalizeVariance { return [try standardized(c, x, axes, nil)] }
    return [
      try standardized(c, x, axes) { (variance) throws(EngineError) in
        try c.affine(try c.b.add1(.sqrt, [:], [variance]), scale: 1, shift: p.eps)
      }
    ]
  }

  /// x / sqrt(sum of squares + eps) * scale, the sum over the channels of a pixel or over the whole image.
  private static func normalize(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.normParam
    let x = try c.input()
    let dims = try c.b.knownDims(of: x)
    guard dims.count >= 2 else { throw EngineError(.formatError, "the input (\(x)) has no channels") }
    let sum = try c.reduce(try c.b.add1(.square, [:], [x]), Reduction.sum, p.acrossSpatial ? Array(1..<dims.count) : [1])
    let norm = try c.b.add1(.sqrt, [:], [try c.affine(sum, scale: 1, shift: p.eps)])
    let unit = try c.b.add1(.divFusion, [:], [x, norm])
    let factors = try c.weight(0, of: 1, "scale", [p.channelShared ? 1 : dims[1]])
    let ones = [Int](repeating: 1, count: dims.count - 2)
    return [try c.b.add1(.mulFusion, [:], [unit, try c.b.reshape(factors, factors.shape.dims + ones)])]
  }

  /// x > 0 ? x : slope * x.
  private static func prelu(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let isShared = c.parameters.preluParam.channelShared
    let x = try c.input()
    let dims = try c.b.knownDims(of: x)
    guard dims.count >= 2 else { throw EngineError(.formatError, "the input (\(x)) has no channels") }
    let slope = try c.weight(0, of: 1, "slope", [isShared ? 1 : dims[1]])
    return [
      try c.channelsLast(x) { (x) throws(EngineError) in
        try c.b.add1(.pReLUFusion, ["channel_shared": .bool(isShared)], [x, slope])
      }
    ]
  }
}
