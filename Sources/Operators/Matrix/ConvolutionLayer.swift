import Graph

/// What the attributes and tensors of a convolution say, whatever its data type.
///
/// Conv2DFusion attributes (field: meaning, default):
///   1 kernel_size [h, w] (from the weights)   2 stride [h, w] (1)   3 dilation [h, w] (1)   4 pad_mode 0 PAD 1 SAME 2 VALID
///   5 pad_list [top, bottom, left, right] pixels (0)   7 group (1; 0 counts as 1, or as the channel count where only that fits)
///   10 activation_type (none)   0 format, 6 mode, 8 in_channel, 9 out_channel: ignored, since files have them wrong.
/// Inputs: x [N, H, W, I], weights [O, kh, kw, I / group], optional bias [O], and the residual that the optimiser may add.
struct ConvolutionLayer {
  static let activationField = 10

  private(set) var geometry = ConvolutionGeometry()
  private(set) var group = 1
  private(set) var outChannels = 1, groupInChannels = 1
  private(set) var bias: Tensor? = nil

  init() {}

  /// The attribute that holds the group number.
  private var groupField = 7

  init(_ op: Operator, groupField: Int = 7) throws(EngineError) {
    self.groupField = groupField
    let node = op.node
    let a = node.attributes
    let extra = node.fused.addsResidual ? 1 : 0
    let weights = try op.requireConvolutionWeights("[O, kh, kw, I / group]", extraInputs: extra)
    geometry = try ConvolutionGeometry(
      kernel: a.ints(1), stride: a.ints(2), dilation: a.ints(3), padMode: a.int(4), pads: a.ints(5),
      weightKernel: (weights.shape[1], weights.shape[2]))
    outChannels = weights.shape[0]
    groupInChannels = weights.shape[3]
    group = max(a.int(groupField, 1), 1)
    if outChannels % group != 0 {
      throw EngineError(.error, "group \(group) does not divide the \(outChannels) output channels of \(weights)")
    }
    bias = node.inputs.count == 3 + extra ? node.inputs[2] : nil
    try op.requireBias(bias, channels: outChannels)
  }

  var taps: Int { geometry.kernelHeight * geometry.kernelWidth }
  var groupOutChannels: Int { outChannels / group }
  var isDepthwise: Bool { group > 1 && group == outChannels && groupInChannels == 1 }

  /// The shape rule: places the window on the image and sets output 0.
  mutating func infer(_ op: Operator, _ type: DataType) throws(EngineError) {
    try op.requireRank(0, 4...4)
    let x = op.inputs[0].shape
    if op.node.attributes.int(groupField, 0) == 0 && x[3] == groupInChannels * outChannels { group = outChannels }
    if x[3] != groupInChannels * group {
      throw EngineError(
        .inferError,
        "input 0 (\(op.inputs[0])) must have \(groupInChannels * group) channels for the weights (\(op.inputs[1]))")
    }
    try geometry.place(height: x[1], width: x[2], extra: op.node.fused.padding)
    try op.setOutput(0, type, [x[0], geometry.outHeight, geometry.outWidth, outChannels], format: .nhwc)
  }
}

/// What the attributes and tensors of a transposed convolution say, whatever its data type.
///
/// Conv2dTransposeFusion attributes: 1 kernel_size   2 stride   3 dilation   4 pad_mode 0 PAD 1 SAME 2 VALID
///   6 pad_list [top, bottom, left, right]   8 group   11 activation_type   12 output_paddings [h, w]
/// Inputs: x [N, H, W, I], weights [I, kh, kw, O / group], optional bias [O].
struct TransposedConvolutionLayer {
  static let activationField = 11

  private(set) var geometry = ConvolutionGeometry()
  private(set) var group = 1
  private(set) var inChannels = 1, groupOutChannels = 1
  private(set) var bias: Tensor? = nil
  private var outputPadding = (0, 0)
  // Where the window lies, by the shape rule.
  private(set) var outHeight = 0, outWidth = 0, padTop = 0, padLeft = 0

  init() {}

  init(_ op: Operator) throws(EngineError) {
    let a = op.node.attributes
    let weights = try op.requireConvolutionWeights("[I, kh, kw, O / group]")
    geometry = try ConvolutionGeometry(
      kernel: a.ints(1), stride: a.ints(2), dilation: a.ints(3), padMode: a.int(4), pads: a.ints(6),
      weightKernel: (weights.shape[1], weights.shape[2]))
    inChannels = weights.shape[0]
    groupOutChannels = weights.shape[3]
    group = max(a.int(8, 1), 1)
    if inChannels % group != 0 {
      throw EngineError(.error, "group \(group) does not divide the \(inChannels) input channels of \(weights)")
    }
    let extra = a.ints(12)
    outputPadding = (extra.first ?? 0, extra.last ?? 0)
    for v in [outputPadding.0, outputPadding.1] where v < 0 || v > ConvolutionGeometry.limit {
      throw EngineError(.error, "output padding \(v) is outside 0...\(ConvolutionGeometry.limit)")
    }
    bias = op.inputs.count == 3 ? op.inputs[2] : nil
    let (channels, overflow) = groupOutChannels.multipliedReportingOverflow(by: group)
    if overflow { throw EngineError(.error, "group \(group) is impossible for the weights (\(weights))") }
    try op.requireBias(bias, channels: channels)
    // Training computes float32 weights; others are packed once.
    if !weights.isConstant && weights.type != .float32 {
      throw EngineError(.notSupported, "the weights (\(weights)) must be constant, or float32")
    }
  }

  var taps: Int { geometry.kernelHeight * geometry.kernelWidth }
  var outChannels: Int { groupOutChannels * group }

  /// The shape rule: places the window and sets output 0.
  mutating func infer(_ op: Operator, _ type: DataType) throws(EngineError) {
    try op.requireRank(0, 4...4)
    let x = op.inputs[0].shape
    if x[3] != inChannels {
      throw EngineError(
        .inferError, "input 0 (\(op.inputs[0])) must have \(inChannels) channels for the weights (\(op.inputs[1]))")
    }
    let g = geometry
    (outHeight, padTop) = Self.axis(
      x[1], g.kernelHeight, g.effectiveKernelHeight, g.strideHeight, g.padMode, g.pads[0], g.pads[1], outputPadding.0)
    (outWidth, padLeft) = Self.axis(
      x[2], g.kernelWidth, g.effectiveKernelWidth, g.strideWidth, g.padMode, g.pads[2], g.pads[3], outputPadding.1)
    if outHeight < 1 || outWidth < 1 {
      throw EngineError(.inferError, "the output would have \(outHeight) x \(outWidth) pixels")
    }
    try op.setOutput(0, type, [x[0], outHeight, outWidth, outChannels], format: .nhwc)
  }

  /// Output size and leading padding along one axis, by the original's shape rule: VALID counts the kernel without dilation.
  private static func axis(
    _ size: Int, _ kernel: Int, _ effective: Int, _ stride: Int, _ mode: Int, _ before: Int, _ after: Int, _ extra: Int
  ) -> (Int, Int) {
    switch mode {
    case PadMode.same:
      let out = size * stride + extra
      return (out, ((size - 1) * stride + effective - out) / 2)
    case PadMode.valid: return ((size - 1) * stride + kernel + extra, 0)
    default: return ((size - 1) * stride + effective - before - after + extra, before)
    }
  }
}

extension Operator {
  /// Checks the number of inputs and the weights of a convolution; `layout` names their dimensions.
  @inline(never)
  func requireConvolutionWeights(_ layout: StaticString, extraInputs: Int = 0) throws(EngineError) -> Tensor {
    guard inputs.count >= 2 + extraInputs && inputs.count <= 3 + extraInputs else {
      throw EngineError(.error, "has \(inputs.count) inputs; an image, weights and an optional bias are needed")
    }
    try requireOutputs(1...1)
    let weights = inputs[1]
    guard weights.shape.rank == 4, let elements = weights.shape.checkedCount, elements > 0 else {
      throw EngineError(.error, "the weights (\(weights)) must have the 4 dimensions \(layout), none of them 0")
    }
    return weights
  }

  @inline(never)
  func requireBias(_ bias: Tensor?, channels: Int) throws(EngineError) {
    if let bias, bias.shape.checkedCount != channels {
      throw EngineError(.error, "the bias (\(bias)) must have \(channels) elements")
    }
  }
}
