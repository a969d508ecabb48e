import ConverterCore
import Graph

/// Resize and Upsample.
enum NNResize {
  static let table: [String: ONNXOperator] = ["Resize": resize, "Upsample": upsample]

  /// Entries of a resized axis. The rules are compared one entry after the other.
  private static let sizeLimit = 1 << 22

  static func upsample(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0, "X")
    let mode = try node.choice("mode", "nearest", "linear", "bilinear", "cubic", "bicubic")
    var rules = ResizeRules()
    rules.method = mode.hasSuffix("linear") ? .linear : mode.hasSuffix("cubic") ? .cubic : .nearest
    rules.coordinates = "asymmetric"
    rules.nearest = "floor"
    let rank = try node.graph.rank(of: x)
    if let given = try node.optionalFloats("scales") {
      return [try resized(x, Array(0..<rank), scales: given.map { Double($0) }, rules, node)]
    }
    if node.has("height_scale") || node.has("width_scale") {
      guard rank == 4 else { throw node.refuseRank(rank) }
      let scales = [1, 1, Double(try node.float("height_scale", 1)), Double(try node.float("width_scale", 1))]
      return [try resized(x, [0, 1, 2, 3], scales: scales, rules, node)]
    }
    let scales = try node.graph.floats(node.input(1, "scales"), "scales")
    return [try resized(x, Array(0..<rank), scales: scales.map { Double($0) }, rules, node)]
  }

  static func resize(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0, "X")
    let rank = try graph.rank(of: x)
    var rules = ResizeRules()
    let mode = try node.choice("mode", "nearest", "linear", "cubic")
    rules.method = mode == "linear" ? .linear : mode == "cubic" ? .cubic : .nearest
    if node.version < 11 {
      rules.coordinates = "asymmetric"
      rules.nearest = "floor"
      let scales = try graph.floats(node.input(1, "scales"), "scales")
      return [try resized(x, Array(0..<rank), scales: scales.map { Double($0) }, rules, node)]
    }
    rules.coordinates = try node.choice(
      "coordinate_transformation_mode", "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
      "tf_half_pixel_for_nn", "tf_crop_and_resize")
    rules.nearest = try node.choice("nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    rules.coefficient = Double(try node.float("cubic_coeff_a", -0.75))
    rules.excludesOutside = try node.bool("exclude_outside", false)
    rules.antialias = try node.bool("antialias", false)
    rules.extrapolation = try node.float("extrapolation_value", 0)
    let policy = try node.choice("keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller")
    var axes = [Int]()
    for axis in try node.optionalInts("axes") ?? Array(0..<rank) { axes.append(try graph.axis(axis, of: x)) }
    guard Set(axes).count == axes.count else { throw EngineError(.formatError, "attribute \"axes\" names an axis twice") }
    if rules.coordinates == "tf_crop_and_resize" {
      let roi = try graph.floats(node.input(1, "roi"), "roi")
      guard roi.count == 2 * axes.count else { throw EngineError(.formatError, "roi has \(roi.count) entries; \(2 * axes.count) are needed") }
      guard roi.allSatisfy(\.isFinite) else { throw EngineError(.formatError, "roi has entries that are not finite") }
      for (i, axis) in axes.enumerated() { rules.region[axis] = (Double(roi[i]), Double(roi[i + axes.count])) }
    }
    if let scales = node.optional(2), graph.dims(of: scales) != [0] {
      guard scales.isConstant else { return [try computedSize(x, scales, axes, rules, node)] }
      let values = try graph.floats(scales, "scales")
      return [try resized(x, axes, scales: values.map { Double($0) }, rules, node)]
    }
    let sizes = try node.input(3, "sizes")
    guard sizes.isConstant else { return [try computedSize(x, sizes, axes, rules, node)] }
    return [try resized(x, axes, sizes: graph.integers(sizes, "sizes"), policy: policy, rules, node)]
  }

  // MARK: by scales or sizes

  private static func resized(
    _ x: Tensor, _ axes: [Int], scales: [Double], _ rules: ResizeRules, _ node: ONNXNode
  ) throws(EngineError) -> Tensor {
    let dims = node.graph.dims(of: x) ?? []
    guard scales.count == axes.count else { throw EngineError(.formatError, "there are \(scales.count) scales for \(axes.count) axes") }
    var samplings = [ResizeAxis]()
    for (axis, scale) in zip(axes, scales) where scale != 1 || rules.region[axis] != nil {
      guard scale > 0, scale < 0x1p20 else { throw EngineError(.formatError, Message(text: "scale \(scale) is impossible")) }
      if dims[axis] < 0 { return try openSize(x, axes, scales, rules, node) }
      samplings.append(ResizeAxis(axis: axis, size: dims[axis], out: Int((Float(dims[axis]) * Float(scale)).rounded(.down)), scale: scale))
    }
    return try resample(x, samplings, rules, node)
  }

  private static func resized(
    _ x: Tensor, _ axes: [Int], sizes: [Int], policy: String, _ rules: ResizeRules, _ node: ONNXNode
  ) throws(EngineError) -> Tensor {
    let dims = node.graph.dims(of: x) ?? []
    guard sizes.count == axes.count else { throw EngineError(.formatError, "there are \(sizes.count) sizes for \(axes.count) axes") }
    for size in sizes where size < 1 || size > sizeLimit { throw EngineError(.formatError, "size \(size) is impossible") }
    let open = axes.contains { dims[$0] < 0 }
    if open && policy == "stretch" {
      let values = node.graph.constant(ints: sizes)
      return try computedSize(x, values, axes, rules, node)
    }
    guard !open else {
      throw EngineError(.inferError, "keep_aspect_ratio_policy needs the image's size; give the model's input shapes (--inputShape)")
    }
    let ratios = zip(axes, sizes).map { Double($1) / Double(max(dims[$0], 1)) }
    let common = policy == "not_larger" ? ratios.min() : ratios.max()
    var samplings = [ResizeAxis]()
    for (i, axis) in axes.enumerated() {
      var scale = ratios[i], out = sizes[i]
      if policy != "stretch", let common {
        scale = common
        out = Int((common * Double(dims[axis]) + 0.5).rounded(.down))
      }
      if out != dims[axis] || rules.region[axis] != nil {
        samplings.append(ResizeAxis(axis: axis, size: dims[axis], out: out, scale: scale))
      }
    }
    return try resample(x, samplings, rules, node)
  }

  /// Applies samplings of known sizes: with the format's operator where that gives the same, else axis by axis.
  private static func resample(
    _ x: Tensor, _ axes: [ResizeAxis], _ rules: ResizeRules, _ node: ONNXNode
  ) throws(EngineError) -> Tensor {
    if axes.isEmpty { return x }
    let graph = node.graph, f = Formula(node)
    let dims = graph.dims(of: x) ?? []
    for a in axes where a.size < 1 || a.out < 1 || a.out > sizeLimit {
      throw EngineError(.inferError, "axis \(a.axis) would get \(a.out) entries out of \(a.size)")
    }
    let type = x.type
    let real = rules.method == .nearest ? x : try f.cast(x, .float32)
    if dims.count == 4, dims[2] >= 0, dims[3] >= 0, axes.allSatisfy({ $0.axis >= 2 }) {
      let size = (2..<4).map { axis in axes.first { $0.axis == axis } ?? ResizeAxis(axis: axis, size: dims[axis], out: dims[axis], scale: 1) }
      if let mode = rules.primitiveMode(size) {
        return try f.cast(graph.nchw(primitive(graph.nhwc(real), f.list(size.map(\.out)), mode, rules, graph)), type)
      }
    }
    var y = real
    for a in axes {
      // An axis without entries, for one.
      guard (0..<a.out).allSatisfy({ rules.coordinate(a, $0).isFinite }) else {
        throw EngineError(.formatError, "axis \(a.axis) of \(a.size) entries cannot become \(a.out)")
      }
      if rules.method == .nearest {
        y = try f.gather(y, f.list((0..<a.out).map { rules.nearestIndex(a, $0) }), axis: a.axis)
      } else {
        guard a.size * a.out <= 1 << 22 else {
          throw node.unsupported("\(a.size) entries become \(a.out) in a way that takes a matrix of more than \(1 << 22) numbers")
        }
        y = try apply(rules.matrix(a), a, to: y, f)
      }
    }
    // Positions outside the image.
    for a in axes where rules.region[a.axis] != nil {
      let inside = (0..<a.out).map { i in
        let at = rules.coordinate(a, i)
        return at >= 0 && at <= Double(a.size - 1)
      }
      if inside.contains(false) {
        var shape = [Int](repeating: 1, count: dims.count)
        shape[a.axis] = a.out
        y = try f.choose(graph.constant(bools: inside, dims: shape), y, f.scalar(rules.extrapolation))
      }
    }
    return try f.cast(y, type)
  }

  /// Multiplies an axis with a matrix [out, size].
  private static func apply(_ matrix: [Float], _ a: ResizeAxis, to x: Tensor, _ f: Formula) throws(EngineError) -> Tensor {
    let graph = f.graph
    let rank = try graph.rank(of: x)
    let weights = graph.constant(floats: matrix, dims: [a.out, a.size])
    if a.axis == rank - 1 && rank > 1 { return try f.matmul(x, weights, transposeB: true) }
    if a.axis == rank - 2 { return try f.matmul(weights, x) }
    if rank == 1 { return try f.squeeze(f.matmul(weights, f.unsqueeze(x, [1])), [1]) }
    var order = Array(0..<rank)
    order.swapAt(a.axis, rank - 1)
    let y = try f.matmul(graph.transpose(x, order), weights, transposeB: true)
    return try graph.transpose(y, order)
  }

  // MARK: the format's operator

  /// `size`: [h, w] as int32, or scales as float32.
  private static func primitive(
    _ x: Tensor, _ size: Tensor, _ mode: Int, _ rules: ResizeRules, _ graph: GraphBuilder
  ) throws(EngineError) -> Tensor {
    try graph.add1(
      .resize,
      [
        "method": .number(rules.method.rawValue), "coordinate_transform_mode": .number(mode),
        "cubic_coeff": .float(rules.coefficient), "nearest_mode": .number(mode == 1 ? 2 : 3),
      ], [x, size])
  }

  /// Images whose size is open: scales that do not depend on it.
  private static func openSize(
    _ x: Tensor, _ axes: [Int], _ scales: [Double], _ rules: ResizeRules, _ node: ONNXNode
  ) throws(EngineError) -> Tensor {
    let graph = node.graph
    var pair: [Double] = [1, 1]
    for (axis, scale) in zip(axes, scales) where scale != 1 {
      guard (try graph.rank(of: x)) == 4, axis >= 2 else {
        throw EngineError(.inferError, "resizing axis \(axis) needs its size; give the model's input shapes (--inputShape)")
      }
      pair[axis - 2] = scale
    }
    guard let mode = rules.openMode(scales: pair), pair.allSatisfy({ $0 == $0.rounded() }) else {
      throw EngineError(
        .inferError, "resizing by these rules needs the image's size (\(Shape(graph.dims(of: x) ?? []))); give the model's input shapes (--inputShape)")
    }
    return try graph.nchw(primitive(graph.nhwc(x), graph.constant(floats: pair.map { Float($0) }), mode, rules, graph))
  }

  /// A size that the model computes: sizes or scales of all axes in order, or of the image's alone.
  private static func computedSize(
    _ x: Tensor, _ size: Tensor, _ axes: [Int], _ rules: ResizeRules, _ node: ONNXNode
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    let isSize = size.type != .float32
    guard try graph.rank(of: x) == 4, axes == [0, 1, 2, 3] || axes == [2, 3] || axes == [3, 2] else {
      throw node.unsupported("a size that the model computes is supported for images with both axes resized, not for axes \(Shape(axes))")
    }
    guard let mode = rules.openMode(scales: isSize ? nil : [0.5, 0.5]) else {
      throw EngineError(
        .inferError, "resizing by these rules needs the sizes before the run; give the model's input shapes (--inputShape)")
    }
    var pair = axes.count == 4 ? try f.slice(size, axis: 0, from: 2, to: 4) : size
    if axes == [3, 2] { pair = try f.reverse(size, [0]) }
    var image = try graph.nhwc(x)
    if rules.coordinates == "pytorch_half_pixel" && rules.method == .linear && isSize {
      // A single row or column is the first one there.
      for i in 0..<2 {
        let wanted = try f.slice(pair, axis: 0, from: i, to: i + 1)
        let isSingle = try graph.add1(.equal, [:], [f.cast(wanted, .int32), f.list([1])])
        image = try f.choose(isSingle, f.slice(image, axis: i + 1, from: 0, to: 1), image)
      }
    }
    let y = try primitive(image, pair, mode, rules, graph)
    if let dims = graph.dims(of: x) { graph.declare(y, [dims[0], -1, -1, dims[1]], type: x.type) }
    return try graph.nchw(y)
  }
}
