import ConverterCore
import Graph

/// Convolutions and pooling.
enum ConvolutionOperators {
  static let table: [String: TensorFlowOperator] = [
    "Conv2D": { n throws(EngineError) in [try convolution(n, n.input(0), n.input(1), bias: nil)] },
    "DepthwiseConv2dNative": { n throws(EngineError) in [try depthwise(n, n.input(0), n.input(1), bias: nil)] },
    "_FusedConv2D": { n throws(EngineError) in try fused(n, convolution) },
    "_FusedDepthwiseConv2dNative": { n throws(EngineError) in try fused(n, depthwise) },
    "Conv2DBackpropInput": transposed,
    "MaxPool": { n throws(EngineError) in [try pool(n, .maxPoolFusion, n.ints("ksize"), n.ints("strides"))] },
    "MaxPoolV2": { n throws(EngineError) in
      [try pool(n, .maxPoolFusion, n.integers(1, "the window"), n.integers(2, "the strides"))]
    },
    "AvgPool": { n throws(EngineError) in [try pool(n, .avgPoolFusion, n.ints("ksize"), n.ints("strides"))] },
    "BiasAdd": { n throws(EngineError) in [try addBias(n, n.input(0), n.input(1))] },
    "BiasAddV1": { n throws(EngineError) in [try n.graph.add1(.biasAdd, ["format": 1], [n.input(0), n.input(1)])] },
  ]

  /// Numbers of the format's PadMode.
  private enum PadMode { static let explicit = 0, same = 1, valid = 2 }

  /// The `padding` attribute as pad mode and pads: top, bottom, left, right.
  private static func padding(_ n: TensorFlowNode, channelsFirst: Bool) throws(EngineError) -> (mode: Int, pads: [Int]) {
    switch try n.choice("padding", ["VALID", "SAME", "EXPLICIT"]) {
    case "SAME": return (PadMode.same, [0, 0, 0, 0])
    case "VALID": return (PadMode.valid, [0, 0, 0, 0])
    default:
      let list = try n.ints("explicit_paddings")
      guard list.count == 8 else {
        throw EngineError(.formatError, "attribute \"explicit_paddings\" has \(list.count) entries; 8 are needed")
      }
      let pads = Array(channelsFirst ? list[4..<8] : list[2..<6])
      guard (list[0...1] + (channelsFirst ? list[2..<4] : list[6..<8])).allSatisfy({ $0 == 0 }) else {
        throw EngineError(.notSupported, "attribute \"explicit_paddings\" pads batch or channels")
      }
      return (PadMode.explicit, pads)
    }
  }

  /// An image operator that the format has for channels-last images.
  static func image(
    _ n: TensorFlowNode, _ x: Tensor, _ body: (Tensor) throws(EngineError) -> Tensor
  ) throws(EngineError) -> Tensor {
    guard try n.isChannelsFirst() else { return try body(x) }
    return try n.graph.nchw(body(n.graph.nhwc(x)))
  }

  /// What the convolutions share. `weights` [output channels, height, width, input channels of a group].
  private static func convolution(
    _ n: TensorFlowNode, _ x: Tensor, weights: Tensor, bias: Tensor?, group: Int, inChannels: Int
  ) throws(EngineError) -> Tensor {
    let w = try n.graph.knownDims(of: weights)
    let first = try n.isChannelsFirst()
    let (mode, pads) = try padding(n, channelsFirst: first)
    let strides = try n.spatial(n.ints("strides"), "strides", channelsFirst: first)
    let dilations = try n.spatial(n.ints("dilations"), "dilations", channelsFirst: first)
    let attributes: [String: AttributeValue] = [
      "format": 1, "kernel_size": .list([w[1], w[2]]), "stride": .list(strides), "dilation": .list(dilations),
      "pad_mode": .number(mode), "pad_list": .list(pads), "group": .number(group), "in_channel": .number(inChannels),
      "out_channel": .number(w[0]), "activation_type": 0,
    ]
    return try image(n, x) { (x) throws(EngineError) in
      try n.graph.add1(.conv2DFusion, attributes, [x, weights] + (bias.map { [$0] } ?? []))
    }
  }

  /// Channels of images, where known.
  private static func channels(_ n: TensorFlowNode, _ x: Tensor) throws(EngineError) -> Int? {
    guard let dims = n.graph.dims(of: x) else { return nil }
    guard dims.count == 4 else { throw EngineError(.inferError, "the image (\(x)) must have 4 dimensions") }
    let channels = dims[try n.isChannelsFirst() ? 1 : 3]
    return channels < 0 ? nil : channels
  }

  /// Conv2D: filter [height, width, input channels of a group, output channels].
  private static func convolution(_ n: TensorFlowNode, _ x: Tensor, _ filter: Tensor, bias: Tensor?) throws(EngineError) -> Tensor {
    guard try n.graph.rank(of: filter) == 4 else { throw EngineError(.inferError, "the filter (\(filter)) must have 4 dimensions") }
    let weights = try n.graph.transpose(filter, [3, 0, 1, 2])
    let w = try n.graph.knownDims(of: weights)
    let inChannels = try channels(n, x) ?? w[3]
    guard w[3] > 0, inChannels > 0, inChannels % w[3] == 0, w[0] % (inChannels / w[3]) == 0 else {
      throw EngineError(.inferError, "the filter (\(filter)) does not fit images with \(inChannels) channels")
    }
    return try convolution(n, x, weights: weights, bias: bias, group: inChannels / w[3], inChannels: inChannels)
  }

  /// DepthwiseConv2dNative: filter [height, width, channels, multiplier]; output channel c * multiplier + m.
  private static func depthwise(_ n: TensorFlowNode, _ x: Tensor, _ filter: Tensor, bias: Tensor?) throws(EngineError) -> Tensor {
    let f = try n.graph.knownDims(of: filter)
    guard f.count == 4, f.allSatisfy({ $0 > 0 && $0 < 1 << 20 }) else {
      throw EngineError(.inferError, "the filter (\(filter)) must have 4 dimensions")
    }
    if let inChannels = try channels(n, x), inChannels != f[2] {
      throw EngineError(.inferError, "the filter (\(filter)) does not fit images with \(inChannels) channels")
    }
    let weights = try n.graph.reshape(n.graph.transpose(filter, [2, 3, 0, 1]), [f[2] * f[3], f[0], f[1], 1])
    return try convolution(n, x, weights: weights, bias: bias, group: f[2], inChannels: f[2])
  }

  /// A convolution with the bias, normalisation, addition and activation that graph optimisation has merged into it.
  private static func fused(
    _ n: TensorFlowNode, _ convolution: (TensorFlowNode, Tensor, Tensor, Tensor?) throws(EngineError) -> Tensor
  ) throws(EngineError) -> [Tensor] {
    let steps = try n.strings("fused_ops")
    let hasBias = steps.first == "BiasAdd"
    let y = try convolution(n, n.input(0), n.input(1), hasBias ? n.input(2) : nil)
    return [try finish(n, y, hasBias ? Array(steps.dropFirst()) : steps, next: hasBias ? 3 : 2)]
  }

  /// The steps after the product. `next`: the operand that the first of them takes.
  static func finish(_ n: TensorFlowNode, _ x: Tensor, _ steps: [String], next: Int) throws(EngineError) -> Tensor {
    var (y, operand) = (x, next)
    for step in steps {
      switch step {
      case "BiasAdd":
        y = try addBias(n, y, n.input(operand))
        operand += 1
      case "Add":
        y = try n.graph.add1(.addFusion, [:], [y, n.input(operand)])
        operand += 1
      case "FusedBatchNorm":
        let parameters = try n.inputs(operand..<operand + 4)
        let attributes = ["epsilon": AttributeValue.float(Double(try n.float("epsilon", 0.0001)))]
        y = try image(n, y) { (y) throws(EngineError) in try n.graph.add1(.fusedBatchNorm, attributes, [y] + parameters) }
        operand += 4
      case "Relu": y = try ElementwiseOperators.activate(n, y, 1)
      case "Relu6": y = try ElementwiseOperators.activate(n, y, 3)
      case "Sigmoid": y = try ElementwiseOperators.activate(n, y, 2)
      case "Tanh": y = try ElementwiseOperators.activate(n, y, 10)
      case "Elu": y = try n.graph.add1(.activation, ["activation_type": 4, "alpha": 1.0], [y])
      case "LeakyRelu": y = try ElementwiseOperators.leakyRelu(n, y, n.float("leakyrelu_alpha", 0.2))
      case "GeluExact": y = try n.graph.add1(.activation, ["activation_type": 19, "approximate": false], [y])
      case "GeluApproximate": y = try n.graph.add1(.activation, ["activation_type": 19, "approximate": true], [y])
      case "_FusedHardSwish": y = try ElementwiseOperators.activate(n, y, 12)
      default: throw EngineError(.notSupported, "attribute \"fused_ops\" has the step \"\(step)\", which is not known")
      }
    }
    return y
  }

  /// A bias for the channels, which channels-first tensors have as their second axis.
  static func addBias(_ n: TensorFlowNode, _ x: Tensor, _ bias: Tensor) throws(EngineError) -> Tensor {
    guard try n.isChannelsFirst() else { return try n.graph.add1(.biasAdd, ["format": 1], [x, bias]) }
    let rank = try n.graph.rank(of: x)
    if rank == 4 { return try n.graph.nchw(n.graph.add1(.biasAdd, ["format": 1], [n.graph.nhwc(x), bias])) }
    let column = try n.graph.reshape(bias, [-1] + [Int](repeating: 1, count: max(0, rank - 2)))
    return try n.graph.add1(.addFusion, [:], [x, column])
  }

  private static func pool(_ n: TensorFlowNode, _ kind: OperatorKind, _ window: [Int], _ strides: [Int]) throws(EngineError) -> Tensor {
    let first = try n.isChannelsFirst()
    let (mode, pads) = try padding(n, channelsFirst: first)
    let attributes: [String: AttributeValue] = [
      "kernel_size": .list(try n.spatial(window, "ksize", channelsFirst: first)),
      "strides": .list(try n.spatial(strides, "strides", channelsFirst: first)), "pad": .list(pads), "pad_mode": .number(mode),
      "round_mode": 0, "format": 1, "global": false, "activation_type": 0,
    ]
    return try image(n, n.input(0)) { (x) throws(EngineError) in try n.graph.add1(kind, attributes, [x]) }
  }

  // MARK: transposed convolution

  /// Conv2DBackpropInput: output size, filter [height, width, output channels, input channels], image.
  private static func transposed(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let first = try n.isChannelsFirst()
    let (filter, x) = (try n.input(1), try n.input(2))
    let f = try n.graph.knownDims(of: filter)
    guard f.count == 4 else { throw EngineError(.inferError, "the filter (\(filter)) must have 4 dimensions") }
    let weights = try n.graph.transpose(filter, [3, 0, 1, 2])
    let strides = try n.spatial(n.ints("strides"), "strides", channelsFirst: first)
    let dilations = try n.spatial(n.ints("dilations"), "dilations", channelsFirst: first)
    let (mode, pads) = try padding(n, channelsFirst: first)
    let sizes = try outputSizes(n)
    let axes = first ? [2, 3] : [1, 2]
    let known = n.graph.dims(of: x)
    var padList = pads
    var extra = [0, 0]
    var padMode = PadMode.explicit
    let limit = 1 << 20
    guard (f + strides + dilations + pads).allSatisfy({ $0 < limit }) else {
      throw EngineError(.notSupported, "filter, strides, dilations and paddings must be below \(limit)")
    }
    for k in 0..<2 {
      let reach = (f[k] - 1) * dilations[k] + 1
      let out = sizes.count == 4 ? sizes[axes[k]] : sizes.count == 2 ? sizes[k] : -1
      let size = known.map { $0.count == 4 ? $0[axes[k]] : -1 } ?? -1
      guard out >= 0 && size >= 0 else {
        // The size follows from the image's, as layers choose it.
        if mode == PadMode.same { padMode = PadMode.same } else { extra[k] = max(strides[k] - reach, 0) }
        continue
      }
      let full = (size - 1) * strides[k] + reach
      if mode == PadMode.same {
        let total = max(full - out, 0)
        (padList[2 * k], padList[2 * k + 1]) = (total / 2, total - total / 2)
      }
      extra[k] = out - (full - padList[2 * k] - padList[2 * k + 1])
      guard extra[k] >= 0 && extra[k] < max(strides[k], 2) else {
        throw EngineError(.inferError, "the size \(out) of the result does not follow from the size \(size) of the image")
      }
    }
    if padMode == PadMode.same { (padList, extra) = ([0, 0, 0, 0], [0, 0]) }
    let attributes: [String: AttributeValue] = [
      "format": 1, "kernel_size": .list([f[0], f[1]]), "stride": .list(strides), "dilation": .list(dilations),
      "pad_mode": .number(padMode), "pad_list": .list(padList), "group": 1, "in_channel": .number(f[3]), "out_channel": .number(f[2]),
      "activation_type": 0, "output_paddings": .list(extra),
    ]
    return [try image(n, x) { (x) throws(EngineError) in try n.graph.add1(.conv2dTransposeFusion, attributes, [x, weights]) }]
  }

  /// The sizes of the result, -1 where they are computed by the model; empty when nothing is known.
  private static func outputSizes(_ n: TensorFlowNode) throws(EngineError) -> [Int] {
    let operand = try n.input(0)
    if operand.isConstant, let values = operand.knownIntegers() { return values }
    guard let source = n.proto.input.first, let pack = n.scope.table[try n.scope.table.parse(source).node], pack.op == "Pack" else { return [] }
    var sizes = [Int]()
    for input in pack.input where !input.hasPrefix("^") {
      let part = try n.scope.value(input).tensor
      sizes.append(part?.isConstant == true ? part?.knownIntegers()?.first ?? -1 : -1)
    }
    return sizes
  }
}
