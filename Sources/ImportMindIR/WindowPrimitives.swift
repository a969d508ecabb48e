import ConverterCore
import Graph

/// Convolutions and pooling.
enum WindowPrimitives {
  static let table: [String: MindPrimitive] = [
    "Conv2D": { n throws(EngineError) in try convolution(n, isDepthwise: false) },
    "DepthwiseConv2dNative": { n throws(EngineError) in try convolution(n, isDepthwise: true) },
    "Conv2DTranspose": transposedConvolution, "Conv2DBackpropInput": inputGradient, "Conv2DBackpropFilter": filterGradient,
    "MaxPool": { n throws(EngineError) in try pool(n, .maxPoolFusion) }, "AvgPool": { n throws(EngineError) in try pool(n, .avgPoolFusion) },
    "MaxPoolGrad": { n throws(EngineError) in try poolGradient(n, .maxPoolGrad) },
    "AvgPoolGrad": { n throws(EngineError) in try poolGradient(n, .avgPoolGrad) },
    "AvgPoolGradGpu": { n throws(EngineError) in try poolGradient(n, .avgPoolGrad) },
    "AvgPoolGradCpu": { n throws(EngineError) in try poolGradient(n, .avgPoolGrad) },
  ]

  /// A size given as one number, as [h, w], or with those of batch and channels around.
  private static func pair(_ n: MindNode, _ name: String, default fallback: Int? = nil) throws(EngineError) -> [Int] {
    guard let list = try n.ints(name) else {
      guard let fallback else { throw EngineError(.formatError, "attribute \"\(name)\" is missing") }
      return [fallback, fallback]
    }
    switch list.count {
    case 1: return [list[0], list[0]]
    case 2: return list
    case 4:
      // Channels-last operations may have the numbers in that order too.
      if try n.isChannelsLast(), list[0] == 1, list[3] == 1 { return [list[1], list[2]] }
      return [list[2], list[3]]
    default: throw EngineError(.formatError, "attribute \"\(name)\" has \(list.count) entries; 1, 2 or 4 are accepted")
    }
  }

  /// PadMode of the format and the explicit padding, [top, bottom, left, right].
  private static func padding(_ n: MindNode) throws(EngineError) -> (mode: Int, list: [Int]) {
    let mode: Int
    switch try n.value("pad_mode") {
    case .text(let text)?:
      switch text.lowercased() {
      case "pad": mode = 0
      case "same": mode = 1
      case "valid": mode = 2
      default: throw EngineError(.notSupported, "pad_mode \"\(text)\"; pad, same and valid are accepted")
      }
    case .integer(let number)?: mode = number
    case nil: mode = 2
    default: throw EngineError(.formatError, "attribute \"pad_mode\" must be a text")
    }
    guard (0...2).contains(mode) else { throw EngineError(.notSupported, "pad_mode \(mode); 0 (pad), 1 (same) and 2 (valid) are accepted") }
    var list = [0, 0, 0, 0]
    if mode == 0 {
      if let stated = try n.ints("pad_list"), stated.count == 4 { list = stated } else if let pad = try n.ints("pad") {
        list = pad.count == 1 ? [pad[0], pad[0], pad[0], pad[0]] : pad
      }
    } else if mode == 1, let stated = try n.ints("pad_list"), stated.count == 4 {
      list = stated
    }
    guard list.count == 4 else { throw EngineError(.formatError, "the padding has \(list.count) entries; 4 are needed") }
    return (mode, list)
  }

  private static func attributes(_ n: MindNode, _ kind: OperatorKind, group: Int, outputs: Int) throws(EngineError) -> [String: AttributeValue] {
    let (mode, list) = try padding(n)
    return [
      "kernel_size": .list(try pair(n, "kernel_size")), "stride": .list(try pair(n, "stride", default: 1)),
      "dilation": .list(try pair(n, "dilation", default: 1)), "pad_mode": .number(mode), "pad_list": .list(list), "mode": 1,
      "group": .number(group), "out_channel": .number(outputs), "format": 1, "activation_type": 0,
    ]
  }

  private static func group(_ n: MindNode) throws(EngineError) -> Int { try n.int("group", default: try n.int("groups", default: 1)) }

  /// Operand i, a kernel, as [O, h, w, I].
  private static func kernel(_ n: MindNode, _ i: Int) throws(EngineError) -> Tensor {
    let w = try n.stored(i)
    if n.scope.isStoredKernel(w) { return w }
    if try n.isChannelsLast() { return w }
    guard try n.b.rank(of: w) == 4 else { throw EngineError(.formatError, "the kernel (\(w)) must have 4 dimensions") }
    let turned = try n.b.transpose(w, [0, 2, 3, 1])
    if turned.isConstant { turned.name = w.name }
    turned.format = .khwc
    return turned
  }

  private static func convolution(_ n: MindNode, isDepthwise: Bool) throws(EngineError) -> [Tensor] {
    var w = try kernel(n, 1)
    var dims = try n.b.knownDims(of: w)
    var groups = try group(n)
    if isDepthwise {
      // [multiplier, h, w, channels] as [channels * multiplier, h, w, 1].
      groups = dims[3]
      w = try n.b.reshape(try n.b.transpose(w, [3, 0, 1, 2]), [dims[3] * dims[0], dims[1], dims[2], 1])
      dims = try n.b.knownDims(of: w)
    }
    var table = try attributes(n, .conv2DFusion, group: groups, outputs: dims[0])
    table["in_channel"] = .number(dims[3] * groups)
    table["kernel_size"] = .list([dims[1], dims[2]])
    let operands = [try n.image(0), w] + (n.count > 2 ? [try n.tensor(2)] : [])
    return [try n.inLayout(try n.emit1(.conv2DFusion, table, operands, results: [try n.channelsLast()]))]
  }

  /// Operands: image, kernel [I, O / group, h, w], the result's shape.
  private static func transposedConvolution(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let w = try kernel(n, 1)
    let dims = try n.b.knownDims(of: w)
    let groups = try group(n)
    var table = try attributes(n, .conv2dTransposeFusion, group: groups, outputs: dims[3] * groups)
    table["in_channel"] = .number(dims[0])
    table["kernel_size"] = .list([dims[1], dims[2]])
    let x = try n.image(0)
    table["output_paddings"] = try outputPadding(n, table, x, dims)
    return [try n.inLayout(try n.emit1(.conv2dTransposeFusion, table, [x, w], results: [try n.channelsLast()]))]
  }

  /// What the stated shape of the result has more than the operation gives by itself.
  private static func outputPadding(
    _ n: MindNode, _ table: [String: AttributeValue], _ x: Tensor, _ kernel: [Int]
  ) throws(EngineError) -> AttributeValue {
    guard n.count > 2, let stated = n.inputs[2].integers, stated.count == 4, let image = n.b.dims(of: x), !image.contains(where: { $0 < 0 }) else {
      return [0, 0]
    }
    let wanted = try n.isChannelsLast() ? [stated[1], stated[2]] : [stated[2], stated[3]]
    let stride = try pair(n, "stride", default: 1)
    let dilation = try pair(n, "dilation", default: 1)
    let (mode, pads) = try padding(n)
    var extra = [Int]()
    for i in 0..<2 {
      let reach = (kernel[1 + i] - 1) * dilation[i] + 1
      let size: Int
      switch mode {
      case 1: size = image[1 + i] * stride[i]
      case 2: size = (image[1 + i] - 1) * stride[i] + kernel[1 + i]
      default: size = (image[1 + i] - 1) * stride[i] + reach - pads[2 * i] - pads[2 * i + 1]
      }
      guard wanted[i] >= size, wanted[i] - size < max(stride[i], 1) else {
        throw EngineError(
          .notSupported, "the result's size \(Shape(wanted)) does not follow from the image's \(Shape(image)) and the kernel's \(Shape(kernel))")
      }
      extra.append(wanted[i] - size)
    }
    return .list(extra)
  }

  /// In an inference graph a transposed convolution; in a training graph the gradient with respect to the image.
  private static func inputGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    if !n.isTraining { return try transposedConvolution(n) }
    let w = try kernel(n, 1)
    var table = try attributes(n, .conv2DBackpropInputFusion, group: try group(n), outputs: try n.b.knownDims(of: w)[0])
    let groups = try group(n)
    table["in_channel"] = .number(try n.b.knownDims(of: w)[3] * groups)
    return [try n.inLayout(try n.emit1(.conv2DBackpropInputFusion, table, [try n.image(0), w, try n.tensor(2)], results: [try n.channelsLast()]))]
  }

  /// The gradient with respect to the kernel, [O, h, w, I] as kernels are stored.
  private static func filterGradient(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    let stated = try n.int("out_channel", default: 0)
    let outputs = n.results.first?.dims?.first ?? stated
    let table = try attributes(n, .conv2DBackpropFilterFusion, group: try group(n), outputs: outputs)
    let y = try n.emit1(.conv2DBackpropFilterFusion, table, [try n.image(0), try n.image(1), try n.tensor(2)], results: [try n.channelsLast()])
    return [try n.inLayout(y)]
  }

  private static func poolAttributes(_ n: MindNode) throws(EngineError) -> [String: AttributeValue] {
    let (mode, list) = try padding(n)
    if mode == 0 && list.contains(where: { $0 != 0 }) && n.isTraining {
      throw EngineError(.notSupported, "pooling with explicit padding cannot be part of a training graph")
    }
    return [
      "kernel_size": .list(try pair(n, "kernel_size")), "strides": .list(try pair(n, "strides", default: 1)), "pad_mode": .number(mode),
      "format": 1,
    ]
  }

  private static func pool(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    var table = try poolAttributes(n)
    let (mode, list) = try padding(n)
    table["pad"] = .list(mode == 0 ? list : [0, 0, 0, 0])
    table["round_mode"] = .number(try n.bool("ceil_mode") ? 1 : 0)
    table["global"] = false
    table["activation_type"] = 0
    if kind == .avgPoolFusion, mode == 0, list.contains(where: { $0 != 0 }), try n.bool("count_include_pad", default: true) {
      throw EngineError(.notSupported, "a mean that counts the padding cannot be converted")
    }
    return [try n.inLayout(try n.emit1(kind, table, [try n.image(0)], results: [try n.channelsLast()]))]
  }

  /// Operands: the image, the pooled image, the gradient of that.
  private static func poolGradient(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try ActivationPrimitives.requireTraining(n)
    guard n.count >= 3 else { throw EngineError(.notSupported, "has \(n.count) operands; image, result and gradient are needed") }
    let y = try n.emit1(
      kind, try poolAttributes(n), [try n.image(0), try n.image(1), try n.image(2)], results: [try n.channelsLast()])
    return [try n.inLayout(y)]
  }
}
