import ConverterCore
import Graph

/// Operators that pick or place elements by their position.
enum IndexOperators {
  static let table: [String: ONNXOperator] = [
    "Gather": gather, "GatherElements": gatherElements, "GatherND": gatherND, "Scatter": scatterElements, "ScatterElements": scatterElements,
    "ScatterND": scatterND, "OneHot": oneHot, "TopK": topK, "Unique": unique, "NonZero": nonZero, "Compress": compress,
    "ReverseSequence": reverseSequence, "ArgMax": argBest(.argMaxFusion), "ArgMin": argBest(.argMinFusion), "Hardmax": hardmax,
    "Trilu": trilu, "CumSum": cumSum, "CumProd": cumProd, "TensorScatter": tensorScatter,
  ]

  // MARK: gather

  private static func gather(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0)
    let axis = try node.graph.axis(try node.int("axis", 0), of: x)
    return [try Formula(node).gather(x, Formula(node).int(node.input(1, "indices")), axis: axis)]
  }

  private static func gatherElements(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let axis = try node.graph.axis(try node.int("axis", 0), of: x)
    return [try node.graph.add1(.gatherD, [:], [x, f.scalar(axis), node.input(1, "indices")])]
  }

  /// With batch axes, the coordinates of the batch stand before each row of indices.
  private static func gatherND(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    var indices = try node.input(1, "indices")
    let batch = try node.int("batch_dims", 0)
    if batch > 0 {
      let rank = try graph.rank(of: indices)
      guard batch < rank, let dims = graph.dims(of: indices) else {
        throw EngineError(.inputParameterInvalid, "batch_dims is \(batch), but the indices have rank \(rank)")
      }
      let outer = Array(dims[0..<batch])
      guard let count = Shape(outer).checkedCount, count <= 1 << 20 else {
        throw EngineError(.inferError, "the batch dimensions of the indices (\(indices)) must be known; give the model's input shapes (--inputShape)")
      }
      var coordinates = [Int]()
      for i in 0..<count {
        var rest = i
        var row = [Int]()
        for d in outer.reversed() {
          row.append(rest % d)
          rest /= d
        }
        coordinates += row.reversed()
      }
      let ones = [Int](repeating: 1, count: rank - 1 - batch)
      let grid = graph.constant(ints: coordinates, dims: outer + ones + [batch])
      let shape = try f.joined([f.dims(indices, 0..<(rank - 1)), f.list([batch])])
      indices = try f.concat([f.expand(grid, shape), indices], rank - 1)
    }
    return [try graph.add1(.gatherNd, [:], [x, try f.nonNegative(indices, f.leadingDims(x, of: indices))])]
  }

  // MARK: scatter

  private static func scatterElements(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    let axis = try graph.axis(try node.int("axis", 0), of: x)
    let updates = try node.input(2, "updates")
    let indices = try f.nonNegative(node.input(1, "indices"), f.dims(x, axis..<(axis + 1)))
    let reduction = try node.choice("reduction", "none", "add", "mul", "max", "min")
    if reduction == "none" { return [try graph.add1(.scatterElements, ["axis": .number(axis)], [x, indices, updates])] }
    // The full coordinates of every update; then it is a matter of ScatterND.
    let dims = try graph.knownDims(of: indices)
    let strides = Shape(dims).strides
    guard let count = Shape(dims).checkedCount, count <= 1 << 22 else { throw EngineError(.notSupported, "\(indices) is too large for a reduction") }
    var columns = [Tensor]()
    for a in 0..<dims.count {
      let positions = graph.constant(ints: (0..<count).map { $0 / strides[a] % max(1, dims[a]) }, dims: [count, 1])
      columns.append(a == axis ? try graph.reshape(indices, [count, 1]) : positions)
    }
    return [try scatter(node, x, try f.concat(columns, 1), graph.reshape(updates, [count]), reduction)]
  }

  private static func scatterND(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0), raw = try node.input(1, "indices")
    let indices = try f.nonNegative(raw, f.leadingDims(x, of: raw))
    let reduction = try node.choice("reduction", "none", "add", "mul", "max", "min")
    return [try scatter(node, x, indices, try node.input(2, "updates"), reduction)]
  }

  /// The elements or slices of x that the rows of `indices` name, combined with the updates.
  private static func scatter(
    _ node: ONNXNode, _ x: Tensor, _ indices: Tensor, _ updates: Tensor, _ reduction: String
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    switch reduction {
    case "none": return try graph.add1(.scatterNdUpdate, [:], [x, indices, updates])
    case "add":
      return try f.cast(graph.add1(.tensorScatterAdd, [:], [f.widened(x), indices, f.widened(updates)]), x.type)
    default: return try scatterOneByOne(node, x, indices, updates, reduction)
    }
  }

  /// Products, maxima and minima: which update falls on which place as a matrix, then a reduction over the updates.
  private static func scatterOneByOne(
    _ node: ONNXNode, _ x: Tensor, _ indices: Tensor, _ updates: Tensor, _ reduction: String
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    let dims = try graph.knownDims(of: x), indexDims = try graph.knownDims(of: indices)
    guard let depth = indexDims.last, depth <= dims.count, let places = Shape(Array(dims[..<depth])).checkedCount,
      let rows = Shape(Array(indexDims.dropLast())).checkedCount, let inner = Shape(Array(dims[depth...])).checkedCount,
      places <= 1 << 24, rows <= 1 << 24, places * rows < 1 << 24, places * rows * inner <= 1 << 24
    else { throw EngineError(.notSupported, "reduction \"\(reduction)\" of \(x) by the indices \(indices) is too large to be expressed") }
    let strides = Shape(Array(dims[..<depth])).strides
    let weighted = try f.mul(graph.reshape(indices, [rows, depth]), graph.constant(ints: strides))
    let places1 = try f.reduce(weighted, ReduceNumber.sum, [1])
    let hits = try f.equal(places1, graph.constant(ints: Array(0..<places), dims: [1, places]))
    let values = try graph.reshape(f.widened(updates), [rows, 1, inner])
    let neutral: Tensor
    switch (reduction, values.type) {
    case ("mul", _): neutral = try f.scalar(1, values.type)
    case ("max", .float32): neutral = f.scalar(-Float.infinity)
    case ("min", .float32): neutral = f.scalar(Float.infinity)
    default: neutral = try f.scalar(Int(reduction == "max" ? Int32.min : Int32.max), values.type)
    }
    let spread = try f.choose(graph.reshape(hits, [rows, places, 1]), values, neutral)
    let mode = reduction == "mul" ? ReduceNumber.prod : reduction == "max" ? ReduceNumber.max : ReduceNumber.min
    let combined = try graph.reshape(f.reduce(spread, mode, [0], keep: false), dims)
    let operands = [try f.widened(x), combined]
    let result = try graph.add1(reduction == "mul" ? .mulFusion : reduction == "max" ? .maximum : .minimum, [:], operands)
    return try f.cast(result, x.type)
  }

  // MARK: the best, the different, the nonzero

  private static func oneHot(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let indices = try f.int(node.input(0, "indices")), depth = try f.int(node.input(1, "depth")), values = try node.input(2, "values")
    let axis = try node.int("axis", -1)
    let rank = try graph.rank(of: indices) + 1
    guard axis >= -rank && axis < rank else { throw EngineError(.inputParameterInvalid, "axis \(axis) lies outside the rank \(rank)") }
    // The format counts from the front, and -1 is the last axis.
    let place = axis == rank - 1 || axis == -1 ? -1 : axis < 0 ? axis + rank : axis
    return [try graph.add1(.oneHot, ["axis": .number(place)], [indices, f.squeezedToScalar(depth), values])]
  }

  private static func topK(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    // Any order will do when it need not be sorted.
    node.ignore("sorted")
    let x = try node.input(0)
    let k = try node.version < 10 ? graph.constant(ints: [node.int("k")]) : f.int(node.input(1, "K"))
    let axis = try graph.axis(try node.int("axis", -1), of: x)
    let isLargest = try node.bool("largest", true)
    let (values, indices) = try f.topK(f.widened(x), k, axis: axis, largest: isLargest)
    return [try f.cast(values, x.type), indices]
  }

  private static func argBest(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in
      let graph = node.graph, f = Formula(node)
      var x = try f.number(node.input(0))
      let axis = try graph.axis(try node.int("axis", 0), of: x)
      let isLast = try node.bool("select_last_index", false), keeps = try node.bool("keepdims", true)
      if isLast { x = try f.reverse(x, [axis]) }
      let best = try graph.add1(
        kind, ["axis": .number(axis), "top_k": 1, "keep_dims": .bool(keeps), "out_max_value": false], [x])
      if !isLast { return [best] }
      let extent = try f.squeezedToScalar(f.dims(x, axis..<(axis + 1)))
      return [try f.sub(f.sub(extent, f.scalar(1)), best)]
    }
  }

  /// 1 at the first of the largest along the axis, 0 elsewhere.
  private static func hardmax(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    return [
      try SoftmaxOperators.alongAxis(node) { (x, axis) throws(EngineError) in
        let best = try graph.add1(
          .argMaxFusion, ["axis": .number(axis), "top_k": 1, "keep_dims": false, "out_max_value": false], [x])
        let extent = try f.squeezedToScalar(f.dims(x, axis..<(axis + 1)))
        let last = try graph.rank(of: x) - 1
        return try graph.add1(
          .oneHot, ["axis": .number(axis == last ? -1 : axis)], [best, extent, graph.constant(floats: [0, 1])])
      }
    ]
  }

  /// The different values of all elements, and where they are.
  private static func unique(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let isSorted = try node.bool("sorted", true)
    let operand = try node.input(0)
    if let axis = try node.optionalInt("axis") {
      let found = try UniqueSlices(node, operand, axis: axis, isSorted: isSorted)
      return [found.slices, found.first, found.inverse, found.counts]
    }
    let x = try graph.reshape(f.widened(operand), [-1])
    let found = try graph.add(.unique, [:], [x], outputs: 2)
    var values = found[0]
    if isSorted {
      let count = try graph.add1(.size, [:], [values])
      values = try f.topK(values, count, axis: 0, largest: false).values
    }
    var results = [try f.cast(values, operand.type)]
    if node.outputNames.count > 1 {
      // Row i: which elements are the i-th value.
      let hits = try f.int(f.equal(f.unsqueeze(values, [1]), f.unsqueeze(x, [0])))
      func best(_ axis: Int) throws(EngineError) -> Tensor {
        try graph.add1(.argMaxFusion, ["axis": .number(axis), "top_k": 1, "keep_dims": false, "out_max_value": false], [hits])
      }
      results += [try best(1), try best(0), try f.reduce(hits, ReduceNumber.sum, [1], keep: false)]
    }
    return results
  }

  private static func nonZero(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try f.widened(node.input(0))
    return [try node.graph.add1(.nonZero, [:], [x.type == .int64 ? f.cast(x, .bool) : x])]
  }

  /// The entries along an axis (or of all elements) for which the condition holds.
  private static func compress(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    var x = try node.input(0)
    let axis = try node.optionalInt("axis").map { a throws(EngineError) in try graph.axis(a, of: x) }
    if axis == nil { x = try graph.reshape(x, [-1]) }
    let chosen = try graph.reshape(graph.add1(.nonZero, [:], [node.input(1, "condition")]), [-1])
    return [try f.gather(x, chosen, axis: axis ?? 0)]
  }

  // MARK: along an axis

  private static func reverseSequence(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0)
    let time = try node.graph.axis(try node.int("time_axis", 0), of: x), batch = try node.graph.axis(try node.int("batch_axis", 1), of: x)
    return [
      try node.graph.add1(
        .reverseSequence, ["seq_dim": .number(time), "batch_dim": .number(batch)], [x, Formula(node).int(node.input(1, "sequence_lens"))])
    ]
  }

  private static func trilu(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let isUpper = try node.bool("upper", true)
    var inputs = [try node.input(0)]
    if let k = node.optional(1) { inputs.append(try f.squeezedToScalar(k)) }
    return [try node.graph.add1(isUpper ? .triu : .tril, [:], inputs)]
  }

  private static func cumSum(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let axes = try node.graph.integers(node.input(1, "axis"), "the axis")
    guard axes.count == 1 else { throw EngineError(.inputParameterInvalid, "the axis is not one number") }
    let axis = try node.graph.axis(axes[0], of: x)
    let attributes: [String: AttributeValue] = [
      "exclusive": .bool(try node.bool("exclusive", false)), "reverse": .bool(try node.bool("reverse", false)),
    ]
    return [try f.cast(node.graph.add1(.cumSum, attributes, [f.widened(x), f.scalar(axis)]), x.type)]
  }

  /// Products of 1, 2, 4, ... numbers: each time the products that end where another begins are multiplied.
  private static func cumProd(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    let axes = try graph.integers(node.input(1, "axis"), "the axis")
    guard axes.count == 1 else { throw EngineError(.inputParameterInvalid, "the axis is not one number") }
    let axis = try graph.axis(axes[0], of: x), rank = try graph.rank(of: x)
    let extent = graph.dims(of: x)?[axis] ?? -1
    guard extent >= 0 else {
      throw EngineError(.inferError, "the length of \(x) along axis \(axis) is not known; give the model's input shapes (--inputShape)")
    }
    let isReversed = try node.bool("reverse", false), isExclusive = try node.bool("exclusive", false)
    var pads = [[Int]](repeating: [0, 0], count: rank)
    /// `y` moved towards the end, after ones.
    func moved(_ y: Tensor, by distance: Int) throws(EngineError) -> Tensor {
      pads[axis] = [distance, 0]
      return try f.slice(f.pad(y, pads, value: 1), axis: axis, from: 0, to: extent)
    }
    var y = try f.widened(x)
    if isReversed { y = try f.reverse(y, [axis]) }
    if isExclusive { y = try moved(y, by: 1) }
    var distance = 1
    while distance < extent {
      y = try f.mul(y, moved(y, by: distance))
      distance *= 2
    }
    if isReversed { y = try f.reverse(y, [axis]) }
    return [try f.cast(y, x.type)]
  }

  /// Operands: a cache [batch, ..., places, ...], entries for it, where the first entry of each batch goes (0 if absent). With mode
  /// "circular" what goes past the end begins again.
  private static func tensorScatter(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let cache = try node.input(0, "past_cache"), update = try node.input(1, "update")
    let isCircular = try node.choice("mode", "linear", "circular") == "circular"
    let axis = try graph.axis(try node.int("axis", -2), of: cache), rank = try graph.rank(of: cache)
    guard axis > 0, let dims = graph.dims(of: update), dims.count == rank, dims[0] > 0, dims[axis] > 0, dims[0] * dims[axis] <= 1 << 22 else {
      throw EngineError(.inferError, "the batch and the number of entries of \(update) must be known, and its axis not be the batch")
    }
    let order = [0, axis] + (1..<rank).filter { $0 != axis }
    var places = graph.constant(ints: Array(0..<dims[axis]), dims: [1, dims[axis], 1])
    if let start = node.optional(2) { places = try f.add(graph.reshape(f.int(start), [dims[0], 1, 1]), places) }
    if isCircular { places = try f.floorMod(places, f.dims(cache, axis..<(axis + 1))) }
    let pairs = f.list([dims[0], dims[axis], 1])
    let batch = graph.constant(ints: Array(0..<dims[0]), dims: [dims[0], 1, 1])
    let indices = try f.concat([f.expand(batch, pairs), f.expand(places, pairs)], 2)
    let filled = try graph.add1(.scatterNdUpdate, [:], [graph.transpose(cache, order), indices, graph.transpose(update, order)])
    return [try graph.transpose(filled, order.indices.map { i in order.firstIndex(of: i) ?? i })]
  }
}

extension Formula {
  /// The k best along an axis, best first, and their positions.
  func topK(_ x: Tensor, _ k: Tensor, axis: Int, largest: Bool) throws(EngineError) -> (values: Tensor, indices: Tensor) {
    // The format's operator takes the largest: the smallest are the largest of the negated numbers.
    let attributes: [String: AttributeValue] = ["sorted": true, "axis": .number(axis), "largest": 1]
    let found = try graph.add(.topKFusion, attributes, [largest ? x : neg(x), k], outputs: 2)
    return (largest ? found[0] : try neg(found[0]), found[1])
  }

  /// Indices that may count from the end, as positions. `dims`: what they count in, broadcast to the indices.
  func nonNegative(_ indices: Tensor, _ dims: Tensor) throws(EngineError) -> Tensor {
    if indices.isConstant, let values = indices.knownIntegers(), !values.contains(where: { $0 < 0 }) { return indices }
    return try floorMod(int(indices), dims)
  }

  /// The dimensions of x that the rows of `indices` have coordinates for.
  func leadingDims(_ x: Tensor, of indices: Tensor) throws(EngineError) -> Tensor {
    guard let depth = graph.dims(of: indices)?.last, depth >= 0 else {
      throw EngineError(.inferError, "the length of the rows of \"\(indices.name)\" is needed and not known")
    }
    guard depth <= (try graph.rank(of: x)) else {
      throw EngineError(.inputParameterInvalid, "rows of \(depth) indices for \(x)")
    }
    return try dims(x, 0..<depth)
  }
}
