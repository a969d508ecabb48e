import ConverterCore
import Graph

/// Caffe's pooling: what its windows cover differs from other frameworks at the lower and right border.
enum PoolingLayer {
  /// How the windows lie along one axis.
  private struct Axis {
    let kernel: Int, stride: Int, pad: Int
    let output: Int
    /// Padding behind the image that the last window needs.
    let after: Int

    /// `roundsUp`: a window that begins inside the image and ends outside counts too. A window must begin before the padding
    /// at the end does.
    init(size: Int, kernel: Int, stride: Int, pad: Int, roundsUp: Bool) throws(EngineError) {
      (self.kernel, self.stride, self.pad) = (kernel, stride, pad)
      let span = size + 2 * pad - kernel
      guard kernel >= 1, stride >= 1, pad < kernel, span >= 0 else {
        throw EngineError(
          .formatError,
          "a window of \(kernel), stride \(stride), padding \(pad) does not fit the \(size) entries of the image")
      }
      var output = (roundsUp ? span + stride - 1 : span) / stride + 1
      if pad > 0 && (output - 1) * stride >= size + pad { output -= 1 }
      self.output = output
      after = max(0, (output - 1) * stride + kernel - size - pad)
    }
  }

  static func pool(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.poolingParam
    let x = try c.input()
    guard p.pool != .stochastic else {
      throw EngineError(.notSupported, "stochastic pooling cannot be converted; MAX and AVE are accepted")
    }
    let dims = try c.b.knownDims(of: x)
    guard dims.count == 4 else { throw EngineError(.formatError, "the input has the shape \(Shape(dims)); [N, C, H, W] is needed") }
    if p.globalPooling {
      let kind: OperatorKind = p.pool == .max ? .maxPoolFusion : .avgPoolFusion
      let y = try c.b.add1(
        kind,
        [
          "kernel_size": .list([dims[2], dims[3]]), "strides": [1, 1], "pad": [0, 0, 0, 0], "pad_mode": 0, "round_mode": 0,
          "format": 1, "global": true, "activation_type": 0,
        ], [try c.b.nhwc(x)])
      return [try c.b.nchw(y)]
    }
    let kernel = [p.hasKernelH ? p.kernelH : p.kernelSize, p.hasKernelW ? p.kernelW : p.kernelSize]
    let stride = [p.hasStrideH ? p.strideH : p.stride, p.hasStrideW ? p.strideW : p.stride]
    let pad = [p.hasPadH ? p.padH : p.pad, p.hasPadW ? p.padW : p.pad]
    let roundsUp = p.hasRoundMode ? p.roundMode == .ceil : p.ceilMode
    var axes = [Axis]()
    for i in 0..<2 {
      axes.append(
        try Axis(
          size: dims[2 + i], kernel: try c.size(kernel[i], "kernel_size"), stride: try c.size(stride[i], "stride"),
          pad: try c.size(pad[i], "pad"), roundsUp: roundsUp))
    }
    return [try pool(c, x, axes, isAverage: p.pool == .ave)]
  }

  /// The mean over a square window around each pixel, zeros outside the image counted.
  static func average(_ c: LayerContext, _ x: Tensor, window: Int) throws(EngineError) -> Tensor {
    let dims = try c.b.knownDims(of: x)
    guard dims.count == 4 else { throw EngineError(.formatError, "the input has the shape \(Shape(dims)); [N, C, H, W] is needed") }
    var axes = [Axis]()
    for size in dims[2...] {
      axes.append(try Axis(size: size, kernel: window, stride: 1, pad: (window - 1) / 2, roundsUp: true))
    }
    return try pool(c, x, axes, isAverage: true)
  }

  /// The operators average over what lies inside the image. Caffe divides by what lies inside the image with its padding: the
  /// padding in front becomes part of the image, and as much of it behind.
  private static func pool(_ c: LayerContext, _ x: Tensor, _ axes: [Axis], isAverage: Bool) throws(EngineError) -> Tensor {
    let (h, w) = (axes[0], axes[1])
    var image = try c.b.nhwc(x)
    var pads = [h.pad, h.after, w.pad, w.after]
    if isAverage && (h.pad > 0 || w.pad > 0) {
      let rows = [[0, 0], [h.pad, h.pad], [w.pad, w.pad], [0, 0]]
      image = try c.b.add1(
        .padFusion, ["paddings": .rows(rows), "padding_mode": 0, "constant_value": 0.0],
        [image, c.b.constant(ints: rows.flatMap { $0 }, dims: [4, 2])])
      pads = [0, max(0, h.after - h.pad), 0, max(0, w.after - w.pad)]
    }
    let y = try c.b.add1(
      isAverage ? .avgPoolFusion : .maxPoolFusion,
      [
        "kernel_size": .list([h.kernel, w.kernel]), "strides": .list([h.stride, w.stride]), "pad": .list(pads), "pad_mode": 0,
        "round_mode": 0, "format": 1, "global": false, "activation_type": 0,
      ], [image])
    return try c.b.nchw(y)
  }
}
