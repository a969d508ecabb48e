import ConverterCore
import Graph

/// Normalisation layers.
enum NNNormalization {
  static let table: [String: ONNXOperator] = [
    "BatchNormalization": batchNormalization,
    "InstanceNormalization": instanceNormalization,
    "LayerNormalization": layerNormalization,
    "GroupNormalization": groupNormalization,
    "RMSNormalization": rmsNormalization,
    "SimplifiedLayerNormalization": rmsNormalization,
    "com.microsoft.SimplifiedLayerNormalization": rmsNormalization,
    "LpNormalization": lpNormalization,
    "LRN": lrn,
    "MeanVarianceNormalization": meanVarianceNormalization,
    "com.microsoft.SkipLayerNormalization": { node throws(EngineError) in try skip(node, simplified: false) },
    "com.microsoft.SkipSimplifiedLayerNormalization": { node throws(EngineError) in try skip(node, simplified: true) },
    "com.microsoft.EmbedLayerNormalization": embed,
  ]

  // MARK: over channels

  static func batchNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    var parameters = [Tensor]()
    for (i, what) in ["scale", "B", "mean", "var"].enumerated() { parameters.append(try node.input(i + 1, what)) }
    let epsilon = try node.float("epsilon", 1e-5), momentum = try node.float("momentum", 0.9)
    let perChannel = try node.bool("spatial", true)
    try node.refuse(!perChannel, "statistics of every position (spatial 0) are not supported")
    let rank = try graph.rank(of: x)
    guard rank >= 1 else { throw node.refuseRank(rank) }
    node.ignore("is_test", "consumed_inputs")
    if try node.bool("training_mode", false) { return try training(node, x, parameters, epsilon, momentum, rank) }
    let attributes: [String: AttributeValue] = ["epsilon": .float(Double(epsilon)), "momentum": .float(Double(momentum)), "mode": 0]
    switch rank {
    case 2: return [try graph.add1(.fusedBatchNorm, attributes, [x] + parameters)]
    case 3:
      let image = try graph.nhwc(f.unsqueeze(x, [2]))
      return [try f.squeeze(graph.nchw(graph.add1(.fusedBatchNorm, attributes, [image] + parameters)), [2])]
    case 4: return [try graph.nchw(graph.add1(.fusedBatchNorm, attributes, [graph.nhwc(x)] + parameters))]
    default:
      let factor = try f.div(parameters[0], f.unary(.sqrt, f.add(parameters[3], epsilon)))
      let shift = try f.sub(parameters[1], f.mul(parameters[2], factor))
      return [try f.add(f.mul(x, channels(factor, rank, graph)), channels(shift, rank, graph))]
    }
  }

  /// A vector of one value for each channel, so shaped that it broadcasts along axis 1 of a tensor of this rank.
  private static func channels(_ vector: Tensor, _ rank: Int, _ graph: GraphBuilder) throws(EngineError) -> Tensor {
    if rank <= 2 { return vector }
    return try graph.reshape(vector, [-1] + [Int](repeating: 1, count: rank - 2))
  }

  /// With the statistics of this batch; further results are the running statistics.
  private static func training(
    _ node: ONNXNode, _ x: Tensor, _ parameters: [Tensor], _ epsilon: Float, _ momentum: Float, _ rank: Int
  ) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let axes = (0..<rank).filter { $0 != 1 }
    let mean = try f.reduce(x, ReduceNumber.mean, axes)
    let difference = try f.sub(x, mean)
    let variance = try f.reduce(f.unary(.square, difference), ReduceNumber.mean, axes)
    let normal = try f.div(difference, f.unary(.sqrt, f.add(variance, epsilon)))
    let y = try f.add(f.mul(normal, channels(parameters[0], rank, graph)), channels(parameters[1], rank, graph))
    func running(_ old: Tensor, _ new: Tensor) throws(EngineError) -> Tensor {
      try f.add(f.mul(old, momentum), f.mul(graph.reshape(new, [-1]), 1 - momentum))
    }
    return [y, try running(parameters[2], mean), try running(parameters[3], variance)]
  }

  static func instanceNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "input"), scale = try node.input(1, "scale"), bias = try node.input(2, "B")
    let epsilon = try node.float("epsilon", 1e-5)
    let rank = try graph.rank(of: x)
    func layer(_ image: Tensor) throws(EngineError) -> Tensor {
      try graph.nchw(graph.add1(.instanceNorm, ["epsilon": .float(Double(epsilon))], [graph.nhwc(image), scale, bias]))
    }
    if rank == 4 { return [try layer(x)] }
    if rank == 3 { return [try f.squeeze(layer(f.unsqueeze(x, [2])), [2])] }
    guard rank >= 3 else { throw node.refuseRank(rank) }
    let axes = Array(2..<rank)
    let normal = try standard(f, x, axes, epsilon)
    return [try f.add(f.mul(normal, channels(scale, rank, graph)), channels(bias, rank, graph))]
  }

  /// (x - mean) / sqrt(variance + epsilon) over some axes.
  private static func standard(_ f: Formula, _ x: Tensor, _ axes: [Int], _ epsilon: Float) throws(EngineError) -> Tensor {
    let difference = try f.sub(x, f.reduce(x, ReduceNumber.mean, axes))
    let variance = try f.reduce(f.unary(.square, difference), ReduceNumber.mean, axes)
    return try f.div(difference, f.unary(.sqrt, f.add(variance, epsilon)))
  }

  static func groupNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X"), scale = try node.input(1, "scale"), bias = try node.input(2, "bias")
    let epsilon = try node.float("epsilon", 1e-5), groups = try node.int("num_groups")
    node.ignore("stash_type")
    let rank = try graph.rank(of: x), dims = graph.dims(of: x) ?? []
    guard rank >= 2, groups >= 1, dims[1] < 0 || dims[1] % groups == 0 else {
      throw EngineError(.formatError, "\(groups) groups do not divide the channels of X \(Shape(dims))")
    }
    // One row for each group of each image; a layer norm without parameters of its own.
    let rows = try graph.reshape(x, [0, groups, -1])
    let normal = try graph.add1(
      .layerNormFusion, ["begin_norm_axis": 2, "begin_params_axis": 2, "epsilon": .float(Double(epsilon)), "elementwise_affine": false],
      [rows])
    let values = try graph.knownDims(of: scale)
    if values == [groups] && dims[1] != groups {
      // Until version 21 scale and bias belong to the groups.
      let scaled = try f.add(f.mul(normal, channels(scale, 3, graph)), channels(bias, 3, graph))
      return [try graph.add1(.reshape, [:], [scaled, f.shape(x)])]
    }
    let image = try graph.add1(.reshape, [:], [normal, f.shape(x)])
    return [try f.add(f.mul(image, channels(scale, rank, graph)), channels(bias, rank, graph))]
  }

  static func lrn(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let size = try node.int("size")
    let alpha = try node.float("alpha", 0.0001), beta = try node.float("beta", 0.75), bias = try node.float("bias", 1)
    let rank = try graph.rank(of: x)
    guard size >= 1, size <= 1 << 16, rank >= 2 else { throw EngineError(.formatError, "size is \(size), and the rank of X \(rank)") }
    if rank == 4 && size % 2 == 1 {
      return [
        try graph.nchw(
          graph.add1(
            .lrn,
            [
              "depth_radius": .number(size / 2), "bias": .float(Double(bias)), "alpha": .float(Double(alpha / Float(size))),
              "beta": .float(Double(beta)),
            ], [graph.nhwc(x)]))
      ]
    }
    // A window of an even size reaches further to the channels behind.
    try node.refuse(size > 256, "size is \(size); up to 256 is accepted when it is even or X is no image")
    var pads = [[Int]](repeating: [0, 0], count: rank)
    pads[1] = [(size - 1) / 2, size / 2]
    let parts = try f.taps(f.pad(f.unary(.square, x), pads), axis: 1, kernel: size, stride: 1, dilation: 1)
    var sum = parts[0]
    for part in parts.dropFirst() { sum = try f.add(sum, part) }
    return [try f.mul(x, f.pow(f.add(f.mul(sum, alpha / Float(size)), bias), -beta))]
  }

  // MARK: over trailing axes

  static func layerNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let epsilon = try node.float("epsilon", 1e-5)
    let axis = try graph.axis(node.int("axis", -1), of: x)
    node.ignore("stash_type")
    let y = try layer(f, x, axis, epsilon, try node.input(1, "Scale"), node.optional(2))
    if !node.wants(1) && !node.wants(2) { return [y] }
    let axes = Array(axis..<(try graph.rank(of: x)))
    let mean = try f.reduce(x, ReduceNumber.mean, axes)
    let variance = try f.reduce(f.unary(.square, f.sub(x, mean)), ReduceNumber.mean, axes)
    return [y, mean, try f.div(f.scalar(Float(1)), f.unary(.sqrt, f.add(variance, epsilon)))]
  }

  static func layer(
    _ f: Formula, _ x: Tensor, _ axis: Int, _ epsilon: Float, _ scale: Tensor, _ bias: Tensor?
  ) throws(EngineError) -> Tensor {
    let graph = f.graph
    let dims = graph.dims(of: x) ?? []
    let wanted = Array(dims[axis...])
    var attributes: [String: AttributeValue] = [
      "begin_norm_axis": .number(axis), "begin_params_axis": .number(axis), "epsilon": .float(Double(epsilon)),
      "elementwise_affine": true,
    ]
    let shape = graph.dims(of: scale)
    let fits = shape == wanted && !wanted.contains { $0 < 0 } && (bias == nil || graph.dims(of: bias ?? x) == wanted)
    if fits {
      let shift: Tensor
      if let bias { shift = bias } else { shift = try f.mul(scale, f.scalar(Float(0))) }
      return try graph.add1(.layerNormFusion, attributes, [x, scale, shift])
    }
    attributes["elementwise_affine"] = false
    let normal = try f.mul(graph.add1(.layerNormFusion, attributes, [x]), scale)
    guard let bias else { return normal }
    return try f.add(normal, bias)
  }

  /// x / sqrt(mean of squares + epsilon) * scale
  private static func rms(_ f: Formula, _ x: Tensor, _ axes: [Int], _ epsilon: Float) throws(EngineError) -> (y: Tensor, inverse: Tensor) {
    let mean = try f.reduce(f.unary(.square, x), ReduceNumber.mean, axes)
    let inverse = try f.div(f.scalar(Float(1)), f.unary(.sqrt, f.add(mean, epsilon)))
    return (try f.mul(x, inverse), inverse)
  }

  static func rmsNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let epsilon = try node.float("epsilon", 1e-5)
    let axis = try graph.axis(node.int("axis", -1), of: x)
    node.ignore("stash_type")
    let (y, inverse) = try rms(f, x, Array(axis..<(try graph.rank(of: x))), epsilon)
    return [try f.mul(y, node.input(1, "scale")), inverse]
  }

  /// com.microsoft.SkipLayerNormalization and its simplified form: x + skip + bias, normalised over the last axis.
  static func skip(_ node: ONNXNode, simplified: Bool) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let epsilon = try node.float("epsilon", 1e-12)
    var sum = try f.add(node.input(0, "input"), node.input(1, "skip"))
    if let bias = node.optional(simplified ? 3 : 4) { sum = try f.add(sum, bias) }
    let last = try graph.axis(-1, of: sum)
    let gamma = try node.input(2, "gamma")
    for i in 1..<3 where node.wants(i) { throw node.unsupported("result \(i), which only training reads, is not supported") }
    if simplified { return [try f.mul(rms(f, sum, [last], epsilon).y, gamma), sum, sum, sum] }
    return [try layer(f, sum, last, epsilon, gamma, node.optional(3)), sum, sum, sum]
  }

  /// com.microsoft.EmbedLayerNormalization: word, position and segment embeddings, added up and normalised.
  static func embed(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let ids = try node.input(0, "input_ids"), segments = node.optional(1)
    let epsilon = try node.float("epsilon", 1e-12)
    try node.refuse(try node.int("mask_index_type", 0) != 0 && node.wants(1), "a mask index is not supported")
    var sum = try f.gather(node.input(2, "word_embedding"), ids, axis: 0)
    let positions = try node.input(3, "position_embedding")
    if let places = node.optional(8) {
      sum = try f.add(sum, f.gather(positions, places, axis: 0))
    } else {
      guard let length = try graph.knownDims(of: ids).last else { throw node.refuseRank(0) }
      sum = try f.add(sum, f.slice(positions, axis: 0, from: 0, to: length))
    }
    if let segments, let table = node.optional(4) { sum = try f.add(sum, f.gather(table, segments, axis: 0)) }
    let y = try layer(f, sum, graph.axis(-1, of: sum), epsilon, node.input(5, "gamma"), node.input(6, "beta"))
    guard node.wants(1) else { return [y, y, sum] }
    guard let mask = node.optional(7) else { return [y, try f.mul(f.reduce(ids, ReduceNumber.sum, [1], keep: false), f.scalar(0)), sum] }
    return [y, try f.reduce(mask, ReduceNumber.sum, [1], keep: false), sum]
  }

  // MARK: norms

  static func lpNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "input")
    let axis = try graph.axis(node.int("axis", -1), of: x)
    let p = try node.int("p", 2)
    try node.refuse(p != 1 && p != 2, "p is \(p); 1 and 2 are accepted")
    let norm = try f.reduce(x, p == 1 ? ReduceNumber.absSum : ReduceNumber.l2, [axis])
    // Where the norm is 0, so is x, and the result.
    return [try f.div(x, f.maximum(norm, f.scalar(Float.leastNormalMagnitude)))]
  }

  static func meanVarianceNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let rank = try graph.rank(of: x)
    var axes = [Int]()
    for axis in try node.ints("axes", [0, 2, 3]) { axes.append(try graph.axis(axis, of: x)) }
    guard rank > 0 else { throw node.refuseRank(rank) }
    let difference = try f.sub(x, f.reduce(x, ReduceNumber.mean, axes))
    let deviation = try f.unary(.sqrt, f.reduce(f.unary(.square, difference), ReduceNumber.mean, axes))
    return [try f.div(difference, f.add(deviation, 1e-9))]
  }
}
