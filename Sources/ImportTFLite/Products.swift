import ConverterCore
import Graph

extension OperatorTable {
  /// Convolutions and matrix products.
  static let products: [String: OperatorEntry] = [
    "CONV_2D": .one(.native(activation: 3), convolution),
    "DEPTHWISE_CONV_2D": .one(.native(activation: 4), depthwiseConvolution),
    "TRANSPOSE_CONV": .one(.native(activation: 3), transposedConvolution),
    "FULLY_CONNECTED": .one(.native(activation: 0), fullyConnected),
    "BATCH_MATMUL": .one(.native()) { (op) throws(EngineError) in
      try op.add1(
        .matMulFusion, ["transpose_a": .bool(try op.options.bool(0)), "transpose_b": .bool(try op.options.bool(1))],
        [try op.input(0), try op.input(1)])
    },
    "EMBEDDING_LOOKUP": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.gather, [:], [try op.input(1), try op.input(0), op.scalar(0)])
    },
  ]

  static let padSame = 1, padValid = 2, padExplicit = 0

  /// TFLite's padding (0 same, 1 valid) as the format's pad mode.
  static func padMode(_ padding: Int) throws(EngineError) -> Int {
    guard padding == 0 || padding == 1 else { throw EngineError(.graphFileError, "padding \(padding); 0 (same) and 1 (valid) are known") }
    return padding == 0 ? padSame : padValid
  }

  /// The padding [top, bottom, left, right] that SAME means for an image; zeros where its size is open.
  static func samePads(
    _ op: Operation, _ x: Tensor, kernel: [Int], stride: [Int], dilation: [Int], mode: Int
  ) -> AttributeValue {
    guard mode == padSame, let dims = op.graph.dims(of: x), dims.count == 4, dims[1] > 0, dims[2] > 0 else { return [0, 0, 0, 0] }
    var pads = [Int]()
    for a in 0..<2 {
      let size = dims[a + 1], s = max(stride[a], 1), span = (kernel[a] - 1) * dilation[a] + 1
      let total = max(((size + s - 1) / s - 1) * s + span - size, 0)
      pads += [total / 2, total - total / 2]
    }
    return .list(pads)
  }

  static func weightDims(_ op: Operation, _ w: Tensor) throws(EngineError) -> [Int] {
    guard let dims = op.graph.dims(of: w), dims.count == 4, dims.allSatisfy({ $0 > 0 && $0 < 1 << 24 }) else {
      throw EngineError(.notSupported, "the weights (\(w)) must have 4 known dimensions")
    }
    return dims
  }

  /// Weights with their axes in another order; the scales of channels stay with these.
  static func reordered(_ op: Operation, _ w: Tensor, _ order: [Int]) throws(EngineError) -> Tensor {
    let params = w.quantParams
    let result = try op.graph.transpose(w, order)
    result.quantParams = params
    if result.isConstant { result.name = "\(w.name)" }
    return result
  }

  /// Strides and dilations stand in the options as width, height; bounded so that sums of them cannot overflow.
  static func pair(_ op: Operation, height: Int, width: Int, default fallback: Int = 0) throws(EngineError) -> [Int] {
    let pair = [try op.options.int(height, fallback), try op.options.int(width, fallback)]
    for v in pair where v < 1 || v > 1 << 20 { throw EngineError(.graphFileError, "stride or dilation \(v) is impossible") }
    return pair
  }

  /// Field ids: 0 padding, 1 and 2 stride (w, h), 3 activation, 4 and 5 dilation (w, h). Weights [O, h, w, I / group].
  private static func convolution(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0), w = try op.input(1), dims = try weightDims(op, w)
    let stride = try pair(op, height: 2, width: 1), dilation = try pair(op, height: 5, width: 4, default: 1)
    var group = 1
    if let channels = op.graph.dims(of: x)?.last, channels > 0, channels % dims[3] == 0 { group = channels / dims[3] }
    return try product(
      op, x, w, try op.bias(2), kernel: [dims[1], dims[2]], stride: stride, dilation: dilation, group: group,
      channels: (dims[3] * group, dims[0]), activation: 3)
  }

  /// Field ids: 0 padding, 1 and 2 stride (w, h), 3 multiplier, 4 activation, 5 and 6 dilation (w, h). Weights [1, h, w, C m].
  private static func depthwiseConvolution(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0), w = try op.input(1), dims = try weightDims(op, w)
    let stride = try pair(op, height: 2, width: 1), dilation = try pair(op, height: 6, width: 5, default: 1)
    guard dims[0] == 1 else { throw EngineError(.notSupported, "depthwise weights (\(w)) have the first dimension \(dims[0])") }
    // The channel count decides: files leave the multiplier out or have it wrong.
    var channels = op.graph.dims(of: x)?.last ?? -1
    if channels <= 0 { channels = dims[3] / max(1, min(dims[3], try op.options.int(3, 1))) }
    guard channels > 0, dims[3] % channels == 0 else {
      throw EngineError(.graphFileError, "\(dims[3]) filters do not fit the \(channels) channels of \(x)")
    }
    return try product(
      op, x, try reordered(op, w, [3, 1, 2, 0]), try op.bias(2), kernel: [dims[1], dims[2]], stride: stride, dilation: dilation,
      group: channels, channels: (channels, dims[3]), activation: 4)
  }

  private static func product(
    _ op: Operation, _ x: Tensor, _ w: Tensor, _ bias: Tensor?, kernel: [Int], stride: [Int], dilation: [Int], group: Int,
    channels: (Int, Int), activation: Int
  ) throws(EngineError) -> Tensor {
    let mode = try padMode(try op.options.byte(0)), (fused, rest) = try op.fused(activation)
    let y = try op.add1(
      .conv2DFusion,
      [
        "format": 1, "kernel_size": .list(kernel), "stride": .list(stride), "dilation": .list(dilation), "pad_mode": .number(mode),
        "pad_list": samePads(op, x, kernel: kernel, stride: stride, dilation: dilation, mode: mode), "group": .number(group),
        "in_channel": .number(channels.0), "out_channel": .number(channels.1), "activation_type": fused,
      ], [x, w] + (bias.map { [$0] } ?? []))
    return try op.activate(y, rest)
  }

  /// Field ids: 0 padding, 1 and 2 stride (w, h), 3 activation. Inputs: the output's shape, weights [O, h, w, I], x, bias?.
  private static func transposedConvolution(_ op: Operation) throws(EngineError) -> Tensor {
    let stride = try pair(op, height: 2, width: 1), (fused, rest) = try op.fused(3)
    var size: [Int]? = nil
    if let shape = op.knownIntegers(0), shape.count == 4 { size = [shape[1], shape[2]] }
    let y = try transposed(
      op, try op.input(2), try op.input(1), try op.bias(3), stride: stride, mode: try padMode(try op.options.byte(0)), size: size,
      fused: fused)
    return try op.activate(y, rest)
  }

  /// A transposed convolution with weights [O, h, w, I]. `size`: height and width of the output, nil: what the mode gives.
  static func transposed(
    _ op: Operation, _ x: Tensor, _ w: Tensor, _ bias: Tensor?, stride: [Int], mode: Int, size: [Int]?, fused: AttributeValue
  ) throws(EngineError) -> Tensor {
    let dims = try weightDims(op, w), kernel = [dims[1], dims[2]]
    var pads = [0, 0, 0, 0], extra = [0, 0], mode = mode
    if let image = op.graph.dims(of: x), image.count == 4, image[1] > 0, image[2] > 0 {
      var wanted = size ?? []
      for a in 0..<2 {
        guard image[a + 1] < 1 << 30 else { throw EngineError(.graphFileError, "an image of \(image[a + 1]) pixels") }
        if size == nil { wanted.append(mode == padSame ? image[a + 1] * stride[a] : (image[a + 1] - 1) * stride[a] + kernel[a]) }
        guard wanted[a] > 0 && wanted[a] < 1 << 50 else {
          throw EngineError(.graphFileError, "an output of \(wanted[a]) pixels from \(image[a + 1])")
        }
        // The padding is that of the convolution that leads back from the output to this input.
        let s = stride[a], back = mode == padSame ? (wanted[a] + s - 1) / s : (wanted[a] - kernel[a] + s) / s
        let before = max((back - 1) * s + kernel[a] - wanted[a], 0) / 2
        let after = (image[a + 1] - 1) * s + kernel[a] - before - wanted[a]
        pads[2 * a] = before
        pads[2 * a + 1] = max(after, 0)
        extra[a] = max(-after, 0)
      }
      // Explicit unless it is what the mode means anyway.
      var isUsual = true
      for a in 0..<2 {
        let isSame = wanted[a] == image[a + 1] * stride[a] && kernel[a] >= stride[a]
        let isValid = extra[a] == 0 && pads[2 * a + 1] == 0
        if !(mode == padSame ? isSame : isValid) { isUsual = false }
      }
      if !isUsual { mode = padExplicit }
    } else if size != nil {
      throw EngineError(.inferError, "the size of \(x) is needed and not known; give the model's input shapes (--inputShape)")
    }
    return try op.add1(
      .conv2dTransposeFusion,
      [
        "format": 1, "kernel_size": .list(kernel), "stride": .list(stride), "dilation": [1, 1], "pad_mode": .number(mode),
        "pad_list": .list(pads), "group": 1, "in_channel": .number(dims[3]), "out_channel": .number(dims[0]),
        "activation_type": fused, "output_paddings": .list(mode == padExplicit ? extra : [0, 0]),
      ], [x, try reordered(op, w, [3, 1, 2, 0])] + (bias.map { [$0] } ?? []))
  }

  /// Field ids: 0 activation, 1 layout of the weights, 2 keep the dimensions before the last. Weights [O, K].
  private static func fullyConnected(_ op: Operation) throws(EngineError) -> Tensor {
    guard try op.options.byte(1) == 0 else { throw EngineError(.notSupported, "weights in the shuffled layout of quantised models") }
    let (fused, rest) = try op.fused(0), keep = try op.options.bool(2)
    let x = try op.input(0), w = try op.input(1), bias = try op.bias(2)
    let rank = try op.graph.rank(of: x)
    guard let shape = op.graph.dims(of: w), shape.count == 2 else {
      throw EngineError(.notSupported, "the weights (\(w)) must have the 2 dimensions [O, K]")
    }
    let operands = [x, w] + (bias.map { [$0] } ?? [])
    var y: Tensor
    if w.isConstant {
      let axis = keep && rank > 2 ? rank - 1 : 0
      y = try op.add1(
        .fullConnection,
        ["has_bias": .bool(bias != nil), "use_axis": .bool(axis > 0), "axis": .number(axis), "activation_type": fused], operands)
    } else {
      var rows = x
      if rank != 2 && !keep { rows = try op.graph.reshape(x, [-1, shape[1]]) }
      rows.quantParams = x.quantParams
      y = try op.add1(
        .matMulFusion, ["transpose_a": false, "transpose_b": true, "activation_type": fused],
        [rows] + operands.dropFirst())
    }
    return try op.activate(y, rest)
  }
}
