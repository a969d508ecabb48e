import ConverterCore
import Graph

/// Normalisation and resizing of images.
enum NormalizationPrimitives {
  static let table: [String: MindPrimitive] = [
    "BatchNorm": batchNorm, "FusedBatchNorm": batchNorm, "FusedBatchNormEx": batchNorm, "BatchNormGrad": batchNormGradient,
    "FusedBatchNormGradEx": batchNormGradient, "FusedBatchNormGradCPU": batchNormGradient, "LayerNorm": layerNorm,
    "LayerNormGrad": layerNormGradient, "InstanceNorm": instanceNorm, "LRN": lrn,
    "ResizeBilinear": { n throws(EngineError) in try resize(n, method: 0) },
    "ResizeBilinearV2": { n throws(EngineError) in try resize(n, method: 0) },
    "ResizeNearestNeighbor": { n throws(EngineError) in try resize(n, method: 1) },
    "ResizeBilinearGrad": { n throws(EngineError) in try resizeGradient(n, method: 0) },
    "ResizeNearestNeighborGrad": { n throws(EngineError) in try resizeGradient(n, method: 1) },
    "DepthToSpace": { n throws(EngineError) in try blocks(n, .depthToSpace) },
    "SpaceToDepth": { n throws(EngineError) in try blocks(n, .spaceToDepth) },
  ]

  /// Operands: x, scale, offset, mean, variance. By the batch's own statistics in training, which give more results.
  private static func batchNorm(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let isOfBatch = try n.bool("is_training", operand: 5)
    let epsilon = try n.float("epsilon", operand: 6, default: 1e-5)
    var operands = [Tensor]()
    for i in 1..<5 { operands.append(try n.tensor(i)) }
    if isOfBatch && !n.isTraining {
      throw EngineError(.notSupported, "is in training mode; export the network after set_train(False), or convert with --trainModel=true")
    }
    let x = try n.tensor(0)
    let isImage = try n.b.rank(of: x) == 4
    let attributes: [String: AttributeValue] = [
      "epsilon": .float(epsilon), "momentum": .float(try n.float("momentum", operand: 7, default: 0.1)), "mode": isOfBatch ? 1 : 0,
    ]
    var shapes = n.results
    if isImage && !shapes.isEmpty { shapes[0] = try n.channelsLast() }
    let count = n.isTraining ? max(1, n.results.count) : 1
    var y = try n.emit(.fusedBatchNorm, attributes, [isImage ? try n.image(0) : x] + operands, count: count, results: shapes)
    if isImage { y[0] = try n.inLayout(y[0]) }
    return y
  }

  private static func batchNormGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    let isImage = try n.b.rank(of: try n.tensor(0)) == 4
    var operands = isImage ? [try n.image(0), try n.image(1)] : [try n.tensor(0), try n.tensor(1)]
    for i in 2..<max(n.count, 2) { operands.append(try n.tensor(i)) }
    var shapes = n.results
    if isImage && !shapes.isEmpty { shapes[0] = try n.channelsLast() }
    var y = try n.emit(
      .batchNormGrad,
      ["epsilon": .float(try n.float("epsilon", default: 1e-5)), "is_training": .bool(try n.bool("is_training", default: true))],
      operands, count: max(1, n.results.count), results: shapes)
    if isImage { y[0] = try n.inLayout(y[0]) }
    return y
  }

  /// (y, mean, variance); in an inference graph y alone.
  private static func layerNorm(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let attributes: [String: AttributeValue] = [
      "begin_norm_axis": .number(try n.axis(try n.int("begin_norm_axis", operand: 3, default: 1), of: x)),
      "begin_params_axis": .number(try n.axis(try n.int("begin_params_axis", operand: 4, default: 1), of: x)),
      "epsilon": .float(try n.float("epsilon", operand: 5, default: 1e-7)), "elementwise_affine": true,
    ]
    return try n.emit(
      .layerNormFusion, attributes, [x, try n.tensor(1), try n.tensor(2)], count: n.isTraining ? max(1, n.results.count) : 1)
  }

  private static func layerNormGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    let attributes: [String: AttributeValue] = [
      "begin_norm_axis": .number(try n.int("begin_norm_axis", default: 1)),
      "begin_params_axis": .number(try n.int("begin_params_axis", default: 1)),
    ]
    return try n.emit(.layerNormGrad, attributes, try n.tensors(), count: max(1, n.results.count))
  }

  /// Operands: x, gamma, beta; the statistics behind them are of training.
  private static func instanceNorm(_ n: MindNode) throws(EngineError) -> [Tensor] {
    if n.isTraining { throw EngineError(.notSupported, "cannot be part of a training graph") }
    let y = try n.emit1(
      .instanceNorm, ["epsilon": .float(try n.float("epsilon", default: 1e-5))], [try n.image(0), try n.tensor(1), try n.tensor(2)])
    return [try n.inLayout(y)]
  }

  private static func lrn(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let region = try n.text("norm_region", default: "ACROSS_CHANNELS")
    guard region == "ACROSS_CHANNELS" else { throw EngineError(.notSupported, "norm_region \"\(region)\"; ACROSS_CHANNELS is accepted") }
    let y = try n.emit1(
      .lrn,
      [
        "depth_radius": .number(try n.int("depth_radius", default: 5)), "bias": .float(try n.float("bias", default: 1)),
        "alpha": .float(try n.float("alpha", default: 1)), "beta": .float(try n.float("beta", default: 0.5)), "norm_region": "ACROSS_CHANNELS",
      ], [try n.image(0)], results: [try n.channelsLast()])
    return [try n.inLayout(y)]
  }

  private static func resize(_ n: MindNode, method: Int) throws(EngineError) -> [Tensor] {
    guard let size = try n.ints("size", operand: 1), size.count == 2, size.allSatisfy({ $0 > 0 }) else {
      throw EngineError(.notSupported, "the size must be constant: [height, width]")
    }
    let corners = try n.bool("align_corners", operand: 2)
    let centres = try n.bool("half_pixel_centers", operand: 3)
    if corners && centres { throw EngineError(.formatError, "align_corners and half_pixel_centers exclude each other") }
    if method == 1 && centres { throw EngineError(.notSupported, "nearest pixels by half_pixel_centers cannot be converted") }
    let y = try n.emit1(
      .resize,
      [
        "format": 1, "method": .number(method), "new_height": .number(size[0]), "new_width": .number(size[1]),
        "coordinate_transform_mode": corners ? 1 : centres ? 2 : 0,
      ], [try n.image(0)], results: [try n.channelsLast()])
    return [try n.inLayout(y)]
  }

  private static func resizeGradient(_ n: MindNode, method: Int) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    if try n.bool("half_pixel_centers") { throw EngineError(.notSupported, "half_pixel_centers cannot be part of a training graph") }
    let second = try n.b.rank(of: try n.tensor(1)) == 4 ? try n.image(1) : try n.tensor(1)
    let y = try n.emit1(
      .resizeGrad, ["method": .number(method), "align_corners": .bool(try n.bool("align_corners"))], [try n.image(0), second],
      results: [try n.channelsLast()])
    return [try n.inLayout(y)]
  }

  private static func blocks(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    let size = try n.int("block_size")
    // The channels are counted (block row, block column, channel) here, as the operators do.
    let attributes: [String: AttributeValue] =
      kind == .depthToSpace ? ["block_size": .number(size), "format": 1, "mode": "DCR"] : ["block_size": .number(size), "format": 1]
    return [try n.inLayout(try n.emit1(kind, attributes, [try n.image(0)], results: [try n.channelsLast()]))]
  }
}
