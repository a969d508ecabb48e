import ConverterCore
import Graph

/// Conv, ConvTranspose and their relatives.
enum NNConvolution {
  static let table: [String: ONNXOperator] = [
    "Conv": conv,
    "ConvTranspose": convTranspose,
    "com.microsoft.FusedConv": fusedConv,
  ]

  // MARK: Conv

  static func conv(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    [try convolution(node, node.input(0, "X"), node.input(1, "W"), node.optional(2))]
  }

  /// X and W with batch (or output channels) and channels first.
  static func convolution(_ node: ONNXNode, _ x: Tensor, _ w: Tensor, _ bias: Tensor?) throws(EngineError) -> Tensor {
    let graph = node.graph
    let weights = try graph.knownDims(of: w)
    let rank = try graph.rank(of: x)
    guard weights.count == rank, rank >= 3, rank <= 5 else {
      throw EngineError(
        .notSupported, "X has rank \(rank) and W rank \(weights.count); convolutions along one, two and three axes are accepted")
    }
    let dims = graph.dims(of: x) ?? []
    let window = try Window(node, dims: dims, kernel: Array(weights[2...]))
    let group = try node.int("group", 1)
    guard group >= 1, group <= weights[0], weights[0] % group == 0, dims[1] < 0 || dims[1] == weights[1] * group else {
      throw EngineError(
        .formatError, "group \(group) does not fit the weights \(Shape(weights)) and the \(dims[1]) channels of X")
    }
    if let bias, let b = graph.dims(of: bias), b != [weights[0]] {
      throw EngineError(.formatError, "the bias has the shape \(Shape(b)); [\(weights[0])] is needed")
    }
    switch rank {
    case 3:
      let y = try conv2D(Formula(node).unsqueeze(x, [2]), Formula(node).unsqueeze(w, [2]), bias, window, group, graph, parameters: w)
      return try Formula(node).squeeze(y, [2])
    case 4: return try conv2D(x, w, bias, window, group, graph, parameters: w)
    default: return try conv3D(x, w, bias, window, group, graph)
    }
  }

  /// `parameters`: the tensor that tells how constant weights were quantised.
  private static func conv2D(
    _ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ window: Window, _ group: Int, _ graph: GraphBuilder, parameters: Tensor
  ) throws(EngineError) -> Tensor {
    try graph.nchw(nhwcConv(graph.nhwc(x), w, bias, window, group, graph, parameters: parameters))
  }

  private static func nhwcConv(
    _ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ window: Window, _ group: Int, _ graph: GraphBuilder, parameters: Tensor
  ) throws(EngineError) -> Tensor {
    let weights = try graph.knownDims(of: w)
    let khwc = try graph.transpose(w, [0, 2, 3, 1])
    if khwc !== w { khwc.quantParams = parameters.quantParams }
    var attributes: [String: AttributeValue] = [
      "kernel_size": .list(window.imageKernel), "stride": .list(window.imageStrides), "dilation": .list(window.imageDilations),
      "group": .number(group), "in_channel": .number(weights[1] * group), "out_channel": .number(weights[0]), "activation_type": 0,
    ]
    attributes["pad_mode"] = window.isSame ? 1 : 0
    attributes["pad_list"] = .list(window.imagePads)
    return try graph.add1(.conv2DFusion, attributes, bias.map { [x, khwc, $0] } ?? [x, khwc])
  }

  /// A convolution along three axes as a sum of plane convolutions, one for each tap of the first axis.
  private static func conv3D(
    _ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ window: Window, _ group: Int, _ graph: GraphBuilder
  ) throws(EngineError) -> Tensor {
    let f = Formula(graph)
    let dims = graph.dims(of: x) ?? []
    if window.isSame || dims.dropFirst().contains(where: { $0 < 0 }) {
      throw EngineError(.inferError, "a convolution along three axes needs the shape of X; give the model's input shapes (--inputShape)")
    }
    let weights = try graph.knownDims(of: w)
    var plane = window
    plane.kernel.removeFirst()
    plane.strides.removeFirst()
    plane.dilations.removeFirst()
    plane.before.removeFirst()
    plane.after.removeFirst()
    // [N, C, D, H, W] to planes [N, D, C, H, W].
    let padded = try f.pad(x, [[0, 0], [0, 0], [window.before[0], window.after[0]], [0, 0], [0, 0]])
    let planes = try graph.transpose(padded, [0, 2, 1, 3, 4])
    let slices = try f.taps(planes, axis: 1, kernel: window.kernel[0], stride: window.strides[0], dilation: window.dilations[0])
    var sum: Tensor?
    for (k, slice) in slices.enumerated() {
      let images = try graph.nhwc(graph.reshape(slice, [-1, dims[1], dims[3], dims[4]]))
      let tap = try graph.reshape(f.slice(w, axis: 2, from: k, to: k + 1), [weights[0], weights[1], weights[3], weights[4]])
      let part = try nhwcConv(images, tap, k == 0 ? bias : nil, plane, group, graph, parameters: tap)
      if let before = sum { sum = try f.add(before, part) } else { sum = part }
    }
    guard let sum, let depth = try window.positions(0, ceil: false), let height = try window.positions(1, ceil: false),
      let width = try window.positions(2, ceil: false)
    else { throw EngineError(.formatError, "the kernel has no taps") }
    let y = try graph.reshape(graph.nchw(sum), [-1, depth, weights[0], height, width])
    return try graph.transpose(y, [0, 2, 1, 3, 4])
  }

  /// com.microsoft.FusedConv: a convolution, optionally a tensor added to it, an activation.
  static func fusedConv(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    var y = try convolution(node, node.input(0, "X"), node.input(1, "W"), node.optional(2))
    if let z = node.optional(3) { y = try Formula(node).add(y, z) }
    let name = try node.string("activation", "")
    let values = try node.optionalFloats("activation_params") ?? []
    return [try NNActivations.named(name, values, y, node)]
  }

  // MARK: ConvTranspose

  static func convTranspose(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X"), w = try node.input(1, "W"), bias = node.optional(2)
    let weights = try graph.knownDims(of: w)
    let rank = try graph.rank(of: x)
    guard weights.count == rank, rank >= 3 && rank <= 5 else {
      throw EngineError(
        .notSupported, "X has rank \(rank) and W rank \(weights.count); transposed convolutions along one to three axes are accepted")
    }
    let dims = graph.dims(of: x) ?? []
    let group = try node.int("group", 1)
    guard group >= 1, group <= weights[0], weights[0] % group == 0, dims[1] < 0 || dims[1] == weights[0] else {
      throw EngineError(.formatError, "group \(group) does not fit the weights \(Shape(weights)) and the \(dims[1]) channels of X")
    }
    let window = try TransposedWindow(node, dims: dims, kernel: Array(weights[2...]))
    if rank == 5 { return [try TransposedVolume(graph: graph, window: window, group: group).result(x, w, bias)] }
    let image = rank == 3 ? try f.unsqueeze(x, [2]) : x
    let kernel = rank == 3 ? try f.unsqueeze(w, [2]) : w
    let layer = TransposedLayer(graph: graph, window: window, group: group, parameters: w.quantParams)
    let y = kernel.isConstant ? try layer.constant(graph.nhwc(image), kernel, bias) : try layer.computed(graph.nhwc(image), kernel, bias)
    let result = try graph.nchw(y)
    return [rank == 3 ? try f.squeeze(result, [2]) : result]
  }
}

/// How a transposed convolution lies on its result: `before` is cut off at the start of each axis, `after` at the end, where `extra`
/// is added instead when the result is longer than what the kernel reaches.
struct TransposedWindow {
  var kernel: [Int], strides: [Int], dilations: [Int], before: [Int], after: [Int], extra: [Int]

  init(_ node: ONNXNode, dims: [Int], kernel weights: [Int]) throws(EngineError) {
    let n = weights.count
    func list(_ name: String, _ fallback: Int, _ count: Int) throws(EngineError) -> [Int] {
      let values = try node.ints(name, [])
      if values.isEmpty { return [Int](repeating: fallback, count: count) }
      // Some exporters count batch and channels in output_shape.
      if name == "output_shape" && values.count == count + 2 { return Array(values[2...]) }
      guard values.count == count else {
        throw EngineError(.formatError, "attribute \"\(name)\" has \(values.count) entries; \(count) are needed")
      }
      return values
    }
    kernel = try list("kernel_shape", 1, n)
    if try node.optionalInts("kernel_shape") == nil { kernel = weights }
    guard kernel == weights else {
      throw EngineError(.formatError, "attribute \"kernel_shape\" is \(Shape(kernel)), but the weights have \(Shape(weights))")
    }
    strides = try list("strides", 1, n)
    dilations = try list("dilations", 1, n)
    let pads = try list("pads", 0, 2 * n)
    let padding = try list("output_padding", 0, n)
    let shape = try list("output_shape", -1, n)
    for v in kernel + strides + dilations where v < 1 || v > 1 << 20 {
      throw EngineError(.formatError, "kernel, strides and dilations must lie in 1...\(1 << 20); found \(v)")
    }
    for v in pads + padding where v < 0 || v > 1 << 20 {
      throw EngineError(.formatError, "pads and output_padding must lie in 0...\(1 << 20); found \(v)")
    }
    let auto = try node.choice("auto_pad", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
    before = Array(pads[0..<n])
    after = Array(pads[n...])
    extra = [Int](repeating: 0, count: n)
    for i in 0..<n {
      let extent = (kernel[i] - 1) * dilations[i] + 1
      var total: Int?
      if shape[i] >= 0 {
        let size = dims[i + 2]
        guard size >= 0 else {
          throw EngineError(.inferError, "output_shape needs the image's size (\(Shape(dims))); give the model's input shapes (--inputShape)")
        }
        total = strides[i] * (size - 1) + padding[i] + extent - shape[i]
      } else if auto == "SAME_UPPER" || auto == "SAME_LOWER" {
        // The result has the image's size times the stride.
        total = extent - strides[i] + padding[i]
      } else if auto == "VALID" {
        (before[i], after[i]) = (0, 0)
      }
      if let total {
        let cut = max(total, 0)
        before[i] = auto == "SAME_UPPER" ? cut / 2 : cut - cut / 2
        after[i] = total - before[i]
      }
      // output_padding takes back what the end loses.
      after[i] -= padding[i]
      if after[i] < 0 { (after[i], extra[i]) = (0, -after[i]) }
    }
  }

  private func image(_ list: [Int], _ first: Int) -> [Int] { list.count == 1 ? [first] + list : list }
  var imageKernel: [Int] { image(kernel, 1) }
  var imageStrides: [Int] { image(strides, 1) }
  var imageDilations: [Int] { image(dilations, 1) }
  var imageBefore: [Int] { image(before, 0) }
  var imageAfter: [Int] { image(after, 0) }
  var imageExtra: [Int] { image(extra, 0) }
}

/// A transposed convolution of an image [N, H, W, I] with a kernel [I, O / group, h, w].
struct TransposedLayer {
  let graph: GraphBuilder
  let window: TransposedWindow
  let group: Int
  /// How constant weights were quantised.
  let parameters: [QuantParam]

  /// With the format's own operator, whose weights are constant. Groups that are no depthwise convolution are computed apart, since
  /// the original knows no others.
  func constant(_ x: Tensor, _ w: Tensor, _ bias: Tensor?) throws(EngineError) -> Tensor {
    let f = Formula(graph)
    let dims = try graph.knownDims(of: w)
    if group == 1 || (group == dims[0] && dims[1] == 1) { return try one(x, w, bias, group) }
    let images = try f.split(x, 3, sizes: [Int](repeating: dims[0] / group, count: group))
    var parts = [Tensor]()
    for (g, image) in images.enumerated() {
      let kernel = try f.slice(w, axis: 0, from: g * (dims[0] / group), to: (g + 1) * (dims[0] / group))
      var part: Tensor?
      if let bias { part = try f.slice(bias, axis: 0, from: g * dims[1], to: (g + 1) * dims[1]) }
      parts.append(try one(image, kernel, part, 1))
    }
    return try f.concat(parts, 3)
  }

  private func one(_ x: Tensor, _ w: Tensor, _ bias: Tensor?, _ group: Int) throws(EngineError) -> Tensor {
    let dims = try graph.knownDims(of: w)
    let kernel = try graph.transpose(w, [0, 2, 3, 1])
    if kernel !== w { kernel.quantParams = parameters }
    let (before, after) = (window.imageBefore, window.imageAfter)
    return try graph.add1(
      .conv2dTransposeFusion,
      [
        "kernel_size": .list(window.imageKernel), "stride": .list(window.imageStrides), "dilation": .list(window.imageDilations),
        "pad_mode": 0, "pad_list": .list([before[0], after[0], before[1], after[1]]), "group": .number(group),
        "in_channel": .number(dims[0]), "out_channel": .number(dims[1] * group), "activation_type": 0,
        "output_paddings": .list(window.imageExtra),
      ], bias.map { [x, kernel, $0] } ?? [x, kernel])
  }

  /// With weights that the graph computes: a convolution with the mirrored kernel over the image with zeros between its pixels.
  func computed(_ x: Tensor, _ w: Tensor, _ bias: Tensor?) throws(EngineError) -> Tensor {
    let f = Formula(graph)
    let dims = try graph.knownDims(of: w), image = try graph.knownDims(of: x)
    let strides = window.imageStrides, dilations = window.imageDilations, size = window.imageKernel
    var spread = x
    if strides != [1, 1] {
      spread = try graph.reshape(x, [image[0], image[1], 1, image[2], 1, image[3]])
      spread = try f.pad(spread, [[0, 0], [0, 0], [0, strides[0] - 1], [0, 0], [0, strides[1] - 1], [0, 0]])
      spread = try graph.reshape(spread, [image[0], image[1] * strides[0], image[2] * strides[1], image[3]])
    }
    var pads = [[0, 0]]
    for i in 0..<2 {
      let reach = (size[i] - 1) * dilations[i]
      // The zeros after the last pixel are padding already.
      let (start, end) = (reach - window.imageBefore[i], reach - window.imageAfter[i] + window.imageExtra[i] - (strides[i] - 1))
      if start < 0 { spread = try f.slice(spread, axis: i + 1, from: -start, to: Formula.end) }
      if end < 0 { spread = try f.slice(spread, axis: i + 1, from: 0, to: end) }
      pads.append([max(start, 0), max(end, 0)])
    }
    spread = try f.pad(spread, pads + [[0, 0]])
    let perGroup = dims[0] / group
    var kernel = try f.reverse(w, [2, 3])
    kernel = try graph.reshape(kernel, [group, perGroup, dims[1], dims[2], dims[3]])
    kernel = try graph.transpose(kernel, [0, 2, 3, 4, 1])
    kernel = try graph.reshape(kernel, [group * dims[1], dims[2], dims[3], perGroup])
    return try graph.add1(
      .conv2DFusion,
      [
        "kernel_size": .list(size), "stride": [1, 1], "dilation": .list(dilations), "group": .number(group), "pad_mode": 0,
        "pad_list": [0, 0, 0, 0], "in_channel": .number(dims[0]), "out_channel": .number(dims[1] * group), "activation_type": 0,
      ], bias.map { [spread, kernel, $0] } ?? [spread, kernel])
  }
}
