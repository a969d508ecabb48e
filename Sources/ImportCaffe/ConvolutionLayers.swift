import ConverterCore
import Graph

/// Layers with a window over the image, and the fully connected layer.
enum ConvolutionLayers {
  static let table: [String: LayerImporter] = [
    "Convolution": convolution, "DepthwiseConv": depthwise, "DepthwiseConvolution": depthwise, "ConvolutionDepthwise": depthwise,
    "Deconvolution": deconvolution, "InnerProduct": innerProduct,
  ]

  /// Kernel, stride, padding and dilation, [h, w] each.
  private struct Window {
    var kernel = [0, 0], stride = [1, 1], pad = [0, 0], dilation = [1, 1]

    /// Of an image with one or two axes; the second axis of a line has the size 1.
    init(_ c: LayerContext, _ p: Caffe_ConvolutionParameter, axes: Int) throws(EngineError) {
      kernel = try Self.pair(c, p.kernelSize, p.hasKernelH, p.kernelH, p.hasKernelW, p.kernelW, axes, "kernel_size", 0)
      stride = try Self.pair(c, p.stride, p.hasStrideH, p.strideH, p.hasStrideW, p.strideW, axes, "stride", 1)
      pad = try Self.pair(c, p.pad, p.hasPadH, p.padH, p.hasPadW, p.padW, axes, "pad", 0)
      dilation = try Self.pair(c, p.dilation, false, 0, false, 0, axes, "dilation", 1)
      for v in kernel + stride + dilation where v < 1 {
        throw EngineError(.formatError, "kernel size, stride and dilation must be at least 1 (kernel size \(Shape(kernel)))")
      }
      if axes == 1 { (kernel[1], stride[1], pad[1], dilation[1]) = (1, 1, 0, 1) }
    }

    private static func pair(
      _ c: LayerContext, _ list: [UInt32], _ hasH: Bool, _ h: UInt32, _ hasW: Bool, _ w: UInt32, _ axes: Int, _ what: String,
      _ fallback: UInt32
    ) throws(EngineError) -> [Int] {
      if hasH || hasW {
        guard axes == 2, list.isEmpty else {
          throw EngineError(.formatError, "\(what): either a list, or _h and _w for an image with two axes")
        }
        return [try c.size(hasH ? h : fallback, what), try c.size(hasW ? w : fallback, what)]
      }
      guard list.count <= 1 || list.count == axes else {
        throw EngineError(.formatError, "\(what) has \(list.count) entries; 1 or \(axes) are accepted")
      }
      return [try c.size(list.first ?? fallback, what), try c.size(list.last ?? fallback, what)]
    }
  }

  /// An image with the channels on axis 1 as [N, C, H, W]: lines get a second axis of size 1.
  private static func image(_ c: LayerContext, _ x: Tensor, axis: Int32) throws(EngineError) -> (Tensor, axes: Int) {
    let rank = try c.b.rank(of: x)
    let channels = try c.b.axis(Int(axis), of: x)
    guard channels == 1, rank == 3 || rank == 4 else {
      throw EngineError(
        .notSupported, "channels on axis \(channels) of \(rank) cannot be converted; axis 1 of 3 or 4 is accepted")
    }
    if rank == 4 { return (x, 2) }
    return (try c.b.reshape(x, try c.b.knownDims(of: x) + [1]), 1)
  }

  private static func lines(_ c: LayerContext, _ y: Tensor, axes: Int) throws(EngineError) -> Tensor {
    axes == 2 ? y : try c.b.reshape(y, Array(try c.b.knownDims(of: y).prefix(3)))
  }

  private static func convolution(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    [try convolve(c, try c.size(c.parameters.convolutionParam.group, "group"))]
  }

  /// Forks have layers of their own for a convolution in which every channel is a group, stated or not.
  private static func depthwise(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.convolutionParam
    if p.hasGroup { return try convolution(c) }
    guard let channels = c.b.dims(of: try c.input())?.dropFirst().first else {
      throw EngineError(.inferError, "the number of channels is not known")
    }
    return [try convolve(c, channels)]
  }

  private static func convolve(_ c: LayerContext, _ group: Int) throws(EngineError) -> Tensor {
    let p = c.parameters.convolutionParam
    let (x, axes) = try image(c, try c.input(), axis: p.axis)
    let window = try Window(c, p, axes: axes)
    let outputs = try c.positive(p.numOutput, "num_output")
    let channels = try c.b.knownDims(of: x)[1]
    guard group >= 1, channels % group == 0, outputs % group == 0 else {
      throw EngineError(.formatError, "group \(group) does not divide \(channels) input and \(outputs) output channels")
    }
    let count = p.biasTerm ? 2 : 1
    let weights = try c.weight(0, of: count, "weight", [outputs, channels / group] + (axes == 1 ? [window.kernel[0]] : window.kernel))
    var operands = [try c.b.nhwc(x), try khwc(c, weights, window.kernel)]
    if p.biasTerm { operands.append(try c.weight(1, of: count, "bias", [outputs])) }
    let y = try c.b.add1(
      .conv2DFusion,
      [
        "kernel_size": .list(window.kernel), "stride": .list(window.stride), "dilation": .list(window.dilation), "pad_mode": 0,
        "pad_list": .list([window.pad[0], window.pad[0], window.pad[1], window.pad[1]]), "group": .number(group),
        "in_channel": .number(channels), "out_channel": .number(outputs), "format": 1, "activation_type": 0,
      ], operands)
    return try lines(c, try c.b.nchw(y), axes: axes)
  }

  /// [A, B, h, w] as [A, h, w, B].
  private static func khwc(_ c: LayerContext, _ weights: Tensor, _ kernel: [Int]) throws(EngineError) -> Tensor {
    let dims = weights.shape.dims
    let square = dims.count == 4 ? weights : try c.b.reshape(weights, [dims[0], dims[1]] + kernel)
    let turned = try c.b.transpose(square, [0, 2, 3, 1])
    turned.name = weights.name
    turned.format = .khwc
    return turned
  }

  private static func deconvolution(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.convolutionParam
    let (x, axes) = try image(c, try c.input(), axis: p.axis)
    let window = try Window(c, p, axes: axes)
    let outputs = try c.positive(p.numOutput, "num_output")
    let channels = try c.b.knownDims(of: x)[1]
    let group = try c.size(p.group, "group")
    guard group >= 1, channels % group == 0, outputs % group == 0 else {
      throw EngineError(.formatError, "group \(group) does not divide \(channels) input and \(outputs) output channels")
    }
    let count = p.biasTerm ? 2 : 1
    let weights = try c.weight(0, of: count, "weight", [channels, outputs / group] + (axes == 1 ? [window.kernel[0]] : window.kernel))
    var operands = [try c.b.nhwc(x), try khwc(c, weights, window.kernel)]
    if p.biasTerm { operands.append(try c.weight(1, of: count, "bias", [outputs])) }
    let y = try c.b.add1(
      .conv2dTransposeFusion,
      [
        "kernel_size": .list(window.kernel), "stride": .list(window.stride), "dilation": .list(window.dilation), "pad_mode": 0,
        "pad_list": .list([window.pad[0], window.pad[0], window.pad[1], window.pad[1]]), "group": .number(group),
        "in_channel": .number(channels), "out_channel": .number(outputs), "output_paddings": [0, 0], "format": 1, "activation_type": 0,
      ], operands)
    return [try lines(c, try c.b.nchw(y), axes: axes)]
  }

  /// y = x w^T + bias, x taken as rows of everything from `axis` on.
  private static func innerProduct(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.innerProductParam
    let x = try c.input()
    let outputs = try c.positive(p.numOutput, "num_output")
    let axis = try c.b.axis(Int(p.axis), of: x)
    let dims = try c.b.knownDims(of: x)
    let depth = Shape(Array(dims[axis...])).count
    let count = p.biasTerm ? 2 : 1
    var weights = try c.weight(0, of: count, "weight", p.transpose ? [depth, outputs] : [outputs, depth])
    if p.transpose {
      let name = weights.name
      weights = try c.b.transpose(weights, [1, 0])
      weights.name = name
    }
    var operands = [x, weights]
    if p.biasTerm { operands.append(try c.weight(1, of: count, "bias", [outputs])) }
    return [
      try c.b.add1(
        .fullConnection, ["has_bias": .bool(p.biasTerm), "use_axis": true, "axis": .number(axis), "activation_type": 0], operands)
    ]
  }
}
