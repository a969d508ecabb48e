import ConverterCore
import Graph

/// Pooling.
enum NNPool {
  static let table: [String: ONNXOperator] = [
    "MaxPool": maxPool,
    "AveragePool": averagePool,
    "LpPool": lpPool,
    "GlobalMaxPool": { node throws(EngineError) in [try global(node, ReduceNumber.max)] },
    "GlobalAveragePool": { node throws(EngineError) in [try global(node, ReduceNumber.mean)] },
    "GlobalLpPool": globalLpPool,
    "MaxUnpool": maxUnpool,
  ]

  /// The smallest float32, which padding of a maximum counts as.
  static let lowest = -Float.greatestFiniteMagnitude

  // MARK: the format's pools

  /// The format's pool of an image [N, C, H, W], or of one with a single spatial axis. The window is not dilated.
  private static func pool(_ kind: OperatorKind, _ x: Tensor, _ window: Window, _ graph: GraphBuilder) throws(EngineError) -> Tensor {
    let f = Formula(graph)
    let image = window.rank == 1 ? try f.unsqueeze(x, [2]) : x
    let y = try graph.nchw(
      graph.add1(
        kind,
        [
          "kernel_size": .list(window.imageKernel), "strides": .list(window.imageStrides), "pad": .list(window.imagePads),
          "pad_mode": .number(window.isSame ? 1 : 0), "round_mode": .number(window.roundsUp ? 1 : 0), "global": false, "activation_type": 0,
        ], [graph.nhwc(image)]))
    return window.rank == 1 ? try f.squeeze(y, [2]) : y
  }

  /// The same for more axes, which are pooled two at a time: a maximum of maxima, a mean of means.
  private static func pools(_ kind: OperatorKind, _ x: Tensor, _ window: Window, _ graph: GraphBuilder) throws(EngineError) -> Tensor {
    if window.rank <= 2 { return try pool(kind, x, window, graph) }
    let dims = graph.dims(of: x) ?? []
    guard window.rank == 3, !window.isSame, !dims.dropFirst().contains(where: { $0 < 0 }) else {
      throw EngineError(
        .notSupported, "pools along \(window.rank) axes of \(Shape(dims)); along three the shape must be known (--inputShape), more are not possible")
    }
    var plane = window, depth = window
    plane.kernel.removeFirst()
    plane.strides.removeFirst()
    plane.dilations.removeFirst()
    plane.before.removeFirst()
    plane.after.removeFirst()
    guard let rows = try window.positions(1, ceil: false), let columns = try window.positions(2, ceil: false),
      let steps = try window.positions(0, ceil: false)
    else { throw EngineError(.inferError, "the image's size is not known") }
    let planes = try pool(kind, graph.reshape(x, [-1, dims[1] * dims[2], dims[3], dims[4]]), plane, graph)
    (depth.kernel, depth.strides, depth.dilations) = ([window.kernel[0], 1], [window.strides[0], 1], [1, 1])
    (depth.before, depth.after) = ([window.before[0], 0], [window.after[0], 0])
    let y = try pool(kind, graph.reshape(planes, [-1, dims[1], dims[2], rows * columns]), depth, graph)
    return try graph.reshape(y, [-1, dims[1], steps, rows, columns])
  }

  private static func global(_ node: ONNXNode, _ mode: Int) throws(EngineError) -> Tensor {
    let graph = node.graph
    let x = try node.input(0, "X")
    let rank = try graph.rank(of: x)
    if rank == 4 {
      return try graph.nchw(
        graph.add1(
          mode == ReduceNumber.max ? .maxPoolFusion : .avgPoolFusion,
          ["kernel_size": [1, 1], "strides": [1, 1], "pad": [0, 0, 0, 0], "global": true, "pad_mode": 0, "round_mode": 0, "activation_type": 0],
          [graph.nhwc(x)]))
    }
    guard rank >= 3 else { return x }
    return try Formula(node).reduce(x, mode, Array(2..<rank))
  }

  // MARK: MaxPool

  static func maxPool(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let rank = try graph.rank(of: x)
    let dims = graph.dims(of: x) ?? [Int](repeating: -1, count: rank)
    var window = try Window(node, dims: dims)
    let roundsUp = try node.bool("ceil_mode", false)
    let columnMajor = try node.bool("storage_order", false)
    if roundsUp { try window.resolveCeil() }
    // Bytes have an order too, but the engine pools real numbers only.
    let type = x.type
    let values = type == .int8 || type == .uint8 || type == .int32 ? try f.cast(x, .float32) : x
    var y: Tensor
    if window.isDilated {
      try node.refuse(window.isSame || window.roundsUp, "auto_pad or ceil_mode with dilations needs the image's size; give the model's input shapes (--inputShape)")
      y = try f.fold(f.pad(values, window.pads, value: lowest), window) { (a, b) throws(EngineError) in try f.maximum(a, b) }
    } else {
      y = try pools(.maxPoolFusion, values, window, graph)
    }
    y = try f.cast(y, type)
    if !node.wants(1) { return [y] }
    return [y, try indices(of: values, window, columnMajor: columnMajor, node)]
  }

  /// Where each window's maximum stands in X, counted through the whole of X: tap after tap, the first that is the greatest wins.
  private static func indices(
    of x: Tensor, _ window: Window, columnMajor: Bool, _ node: ONNXNode
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    let dims = try graph.knownDims(of: x)
    let taps = window.kernel.reduce(1) { min($0 * $1, 1 << 20) }
    try node.refuse(taps > 256, "the positions of maxima are accepted for kernels of at most 256 taps; this one has \(taps)")
    let padded = try f.pad(x, window.pads, value: lowest)
    var counts = [Int]()
    for i in 0..<window.rank { counts.append(try window.positions(i, ceil: false) ?? 0) }
    let image = dims[2...].reduce(1, *), outputs = counts.reduce(1, *), planes = dims[0] * dims[1]
    try node.refuse(image * planes > Int(Int32.max), "X is too large for positions of 32 bits")
    try node.refuse(
      max(outputs, planes) > 1 << 24, "positions of maxima in \(planes) planes of \(outputs) windows are too many; \(1 << 24) of either are accepted")
    var strides = [Int](repeating: 1, count: window.rank)
    if columnMajor {
      for i in 1..<max(window.rank, 1) { strides[i] = strides[i - 1] * dims[i + 1] }
    } else {
      for i in stride(from: window.rank - 2, through: 0, by: -1) { strides[i] = strides[i + 1] * dims[i + 3] }
    }
    var best: Tensor?, position: Tensor?
    for tap in 0..<taps {
      // The tap's place along each axis, and where it stands for the window at the origin.
      var place = [Int](repeating: 0, count: window.rank), rest = tap, start = 0
      for i in stride(from: window.rank - 1, through: 0, by: -1) {
        place[i] = rest % window.kernel[i] * window.dilations[i]
        rest /= window.kernel[i]
        start += (place[i] - window.before[i]) * strides[i]
      }
      var values = padded
      for i in 0..<window.rank {
        values = try f.slice(
          values, axis: i + 2, from: place[i], to: place[i] + (counts[i] - 1) * window.strides[i] + 1, step: window.strides[i])
      }
      let here = f.scalar(start)
      if let b = best, let p = position {
        let wins = try f.greater(values, b)
        position = try f.choose(wins, here, p)
        best = try f.choose(wins, values, b)
      } else {
        (best, position) = (values, graph.constant(ints: [start], dims: [Int](repeating: 1, count: dims.count)))
      }
    }
    // What a window's own place adds.
    var origins = [Int](repeating: 0, count: outputs)
    for o in 0..<outputs {
      var rest = o
      for i in stride(from: window.rank - 1, through: 0, by: -1) {
        origins[o] += rest % counts[i] * window.strides[i] * strides[i]
        rest /= counts[i]
      }
    }
    let images = (0..<planes).map { $0 * image }
    guard let position else { throw EngineError(.formatError, "the kernel has no taps") }
    let within = try f.add(position, graph.constant(ints: origins, dims: [1, 1] + counts))
    return try f.add(
      within, graph.constant(ints: images, dims: [dims[0], dims[1]] + [Int](repeating: 1, count: window.rank)))
  }

  // MARK: AveragePool and LpPool

  static func averagePool(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let rank = try graph.rank(of: x)
    var window = try Window(node, dims: graph.dims(of: x) ?? [Int](repeating: -1, count: rank))
    let countsPadding = try node.bool("count_include_pad", false)
    let roundsUp = try node.bool("ceil_mode", false)
    let isPadded = window.isSame || (window.before + window.after).contains { $0 > 0 }
    var image = x
    if countsPadding && isPadded {
      try node.refuse(
        window.isSame, "auto_pad with count_include_pad needs the image's size; give the model's input shapes (--inputShape)")
      image = try f.pad(x, window.pads)
      // What rounding up adds beyond the padding is not counted.
      var resolved = window
      if roundsUp { try resolved.resolveCeil() }
      try node.refuse(
        resolved.roundsUp, "ceil_mode with count_include_pad needs the image's size; give the model's input shapes (--inputShape)")
      let beyond = zip(resolved.after, window.after).map { $0 - $1 }
      window = try Window(node, dims: graph.dims(of: image) ?? [])
      (window.before, window.after) = ([Int](repeating: 0, count: window.rank), beyond.map { max($0, 0) })
    } else if roundsUp {
      try window.resolveCeil()
    }
    if !window.isDilated { return [try pools(.avgPoolFusion, image, window, graph)] }
    try node.refuse(window.isSame || window.roundsUp, "auto_pad or ceil_mode with dilations needs the image's size; give the model's input shapes (--inputShape)")
    let sum = try f.fold(f.pad(image, window.pads), window) { (a, b) throws(EngineError) in try f.add(a, b) }
    let taps = window.kernel.reduce(1, *)
    if !(window.before + window.after).contains(where: { $0 > 0 }) { return [try f.mul(sum, 1 / Float(taps))] }
    // How many taps of each window lie inside.
    var shape = [1, 1], counts: [Float] = [1]
    for i in 0..<window.rank {
      guard let n = try window.positions(i, ceil: false) else {
        throw EngineError(.inferError, "an average with dilations and pads needs the image's size; give the model's input shapes (--inputShape)")
      }
      try node.refuse(
        n > 1 << 20 || n * window.kernel[i] > 1 << 24 || n * counts.count > 1 << 24,
        "an average with dilations and pads of so many windows (\(n) along axis \(i + 2)) is too large")
      let inside = (0..<n).map { o in
        Float((0..<window.kernel[i]).filter { k in
          let p = o * window.strides[i] + k * window.dilations[i] - window.before[i]
          return p >= 0 && p < window.size[i]
        }.count)
      }
      counts = counts.flatMap { a in inside.map { a * $0 } }
      shape.append(n)
    }
    return [try f.div(sum, graph.constant(floats: counts, dims: shape))]
  }

  static func lpPool(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X")
    let rank = try graph.rank(of: x)
    var window = try Window(node, dims: graph.dims(of: x) ?? [Int](repeating: -1, count: rank))
    if try node.bool("ceil_mode", false) { try window.resolveCeil() }
    try node.refuse(window.isSame || window.roundsUp, "auto_pad or ceil_mode needs the image's size here; give the model's input shapes (--inputShape)")
    let p = Float(try node.int("p", 2))
    let powers = try f.pad(power(f, x, p), window.pads)
    if window.isDilated {
      let sum = try f.fold(powers, window) { (a, b) throws(EngineError) in try f.add(a, b) }
      return [try root(f, sum, p)]
    }
    var inner = try Window(node, dims: graph.dims(of: powers) ?? [])
    (inner.before, inner.after) = ([Int](repeating: 0, count: inner.rank), [Int](repeating: 0, count: inner.rank))
    let mean = try pools(.avgPoolFusion, powers, inner, graph)
    return [try root(f, f.mul(mean, Float(window.kernel.reduce(1, *))), p)]
  }

  static func globalLpPool(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0, "X")
    let rank = try node.graph.rank(of: x)
    let p = Float(try node.int("p", 2))
    guard rank >= 3 else { throw node.refuseRank(rank) }
    return [try root(f, f.reduce(power(f, x, p), ReduceNumber.sum, Array(2..<rank)), p)]
  }

  /// |x|^p
  static func power(_ f: Formula, _ x: Tensor, _ p: Float) throws(EngineError) -> Tensor {
    if p == 2 { return try f.unary(.square, x) }
    let magnitude = try f.unary(.abs, x)
    return p == 1 ? magnitude : try f.pow(magnitude, p)
  }

  /// x^(1/p)
  static func root(_ f: Formula, _ x: Tensor, _ p: Float) throws(EngineError) -> Tensor {
    if p == 1 { return x }
    return p == 2 ? try f.unary(.sqrt, x) : try f.pow(x, 1 / p)
  }

  // MARK: MaxUnpool

  /// Zeros of the result's shape, into which the values are written at their positions.
  static func maxUnpool(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X"), indices = try node.input(1, "I")
    let dims = try graph.knownDims(of: x)
    guard dims.count >= 3, graph.dims(of: indices) == dims else {
      throw EngineError(.formatError, "the positions must have X's shape \(Shape(dims)), which must have at least 3 axes")
    }
    let window = try Window(node, dims: dims)
    var shape = Array(dims[0..<2])
    // Positions count through the image before it was pooled, which a given shape may only enlarge.
    for i in 0..<window.rank {
      shape.append((dims[i + 2] - 1) * window.strides[i] + window.kernel[i] - window.before[i] - window.after[i])
    }
    guard let count = Shape(shape).checkedCount, count <= 1 << 26 else { throw node.unsupported("the result would have the shape \(Shape(shape))") }
    var result = shape
    if let wanted = node.optional(2) { result = try graph.integers(wanted, "output_shape") }
    guard result.count == shape.count, zip(result, shape).allSatisfy({ $0 >= $1 }) else {
      throw EngineError(.formatError, "output_shape \(Shape(result)) is smaller than \(Shape(shape)), which the pooled image had")
    }
    let flat = try graph.add1(.scatterNd, [:], [
      try graph.reshape(f.cast(indices, .int32), [-1, 1]), try graph.reshape(x, [-1]), f.list([count]),
    ])
    let y = try graph.reshape(flat, shape)
    return [try f.pad(y, zip(result, shape).map { [0, $0 - $1] })]
  }
}
