import ConverterCore
import Graph

/// Reductions over axes, and what is made of them.
enum ReductionOperators {
  static let table: [String: ONNXOperator] = [
    "ReduceSum": plain(ReduceNumber.sum), "ReduceMean": plain(ReduceNumber.mean), "ReduceMax": plain(ReduceNumber.max),
    "ReduceMin": plain(ReduceNumber.min), "ReduceProd": plain(ReduceNumber.prod), "ReduceSumSquare": plain(ReduceNumber.sumSquare),
    "ReduceL1": plain(ReduceNumber.absSum), "ReduceL2": reduceL2, "ReduceLogSum": reduceLogSum, "ReduceLogSumExp": reduceLogSumExp,
    "MeanVarianceNormalization": meanVarianceNormalization, "NegativeLogLikelihoodLoss": negativeLogLikelihoodLoss,
    "SoftmaxCrossEntropyLoss": softmaxCrossEntropyLoss,
  ]

  /// What a node reduces over. `axes` nil: nothing.
  private struct Reduction {
    var axes: Tensor?
    var keep: Bool

    func callAsFunction(_ f: Formula, _ mode: Int, _ x: Tensor, keep: Bool? = nil) throws(EngineError) -> Tensor {
      guard let axes else { return x }
      return try f.graph.add1(.reduceFusion, ["keep_dims": .bool(keep ?? self.keep), "mode": .number(mode)], [x, axes])
    }
  }

  /// Axes from the attribute or, in later versions, from operand 1. None, or an empty list: all, or with noop_with_empty_axes nothing.
  private static func reduction(_ node: ONNXNode, of x: Tensor) throws(EngineError) -> Reduction {
    let graph = node.graph
    let keep = try node.bool("keepdims", true), isNoop = try node.bool("noop_with_empty_axes", false)
    var axes = try node.optionalInts("axes").map { graph.constant(ints: $0) }
    axes = axes ?? node.optional(1)
    if let axes, !axes.isConstant {
      // A list without entries cannot be told from one with entries before the run.
      if graph.dims(of: axes) != [0] { return Reduction(axes: axes, keep: keep) }
    }
    let list = try axes.map { t throws(EngineError) in t.isConstant ? try graph.integers(t, "the list of axes") : [] } ?? []
    if list.isEmpty && isNoop { return Reduction(axes: nil, keep: keep) }
    if list.isEmpty, let rank = graph.dims(of: x)?.count { return Reduction(axes: graph.constant(ints: Array(0..<rank)), keep: keep) }
    var counted = [Int]()
    for axis in list { counted.append(try graph.axis(axis, of: x)) }
    return Reduction(axes: graph.constant(ints: counted), keep: keep)
  }

  private static func plain(_ mode: Int) -> ONNXOperator {
    return { node throws(EngineError) in
      let f = Formula(node)
      let source = try node.input(0)
      var x = try f.number(source)
      let reduce = try reduction(node, of: x)
      if reduce.axes == nil {
        if mode == ReduceNumber.sumSquare { x = try f.unary(.square, x) }
        if mode == ReduceNumber.absSum { x = try f.unary(.abs, x) }
      }
      return [try f.cast(reduce(f, mode, x), source.type)]
    }
  }

  private static func reduceL2(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let source = try node.input(0)
    let x = try f.float(source)
    let reduce = try reduction(node, of: x)
    return [try f.cast(reduce.axes == nil ? f.unary(.abs, x) : reduce(f, ReduceNumber.l2, x), source.type)]
  }

  private static func reduceLogSum(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let source = try node.input(0)
    let x = try f.float(source)
    return [try f.cast(f.unary(.log, reduction(node, of: x)(f, ReduceNumber.sum, x)), source.type)]
  }

  /// log(sum(exp(x - m))) + m with m the maximum, which keeps the exponentials from overflowing.
  private static func reduceLogSumExp(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let source = try node.input(0)
    let x = try f.float(source)
    let reduce = try reduction(node, of: x)
    guard reduce.axes != nil else { return [source] }
    // Of no numbers the maximum is minus infinity, which would give NaN.
    let limit = Float.greatestFiniteMagnitude
    let m = try f.clamp(reduce(f, ReduceNumber.max, x, keep: true), -limit, limit)
    let sum = try reduce(f, ReduceNumber.sum, f.exp(f.sub(x, m)))
    let shift = reduce.keep ? m : try f.clamp(reduce(f, ReduceNumber.max, x), -limit, limit)
    return [try f.cast(f.add(f.unary(.log, sum), shift), source.type)]
  }

  /// (x - mean) / (standard deviation + 1e-9) over the axes.
  private static func meanVarianceNormalization(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let axes = try node.ints("axes", [0, 2, 3])
    let mean = try f.reduce(x, ReduceNumber.mean, axes)
    let centred = try f.sub(x, mean)
    let variance = try f.reduce(f.unary(.square, centred), ReduceNumber.mean, axes)
    return [try f.div(centred, f.add(f.unary(.sqrt, variance), 1e-9))]
  }

  // MARK: losses

  private static func negativeLogLikelihoodLoss(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    [try loss(node, logarithms: node.input(0))]
  }

  private static func softmaxCrossEntropyLoss(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let logarithms = try node.graph.add1(.logSoftmax, ["axis": 1], [node.input(0)])
    return [try loss(node, logarithms: logarithms), logarithms]
  }

  /// -weight[t] x[n, t, ...] for the labels t [n, ...], summed up, averaged with the weights, or as it is. Entries whose label is
  /// ignore_index count nothing.
  private static func loss(_ node: ONNXNode, logarithms x: Tensor) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    let target = try f.int(node.input(1, "target"))
    let reduction = try node.choice("reduction", "mean", "sum", "none")
    let ignored = try node.optionalInt("ignore_index")
    guard let classes = graph.dims(of: x).flatMap({ $0.count > 1 ? $0[1] : nil }), classes > 0 else {
      throw EngineError(.inferError, "the number of classes of \(x) must be known")
    }
    try node.refuse(classes > 1 << 22, "\(classes) classes are too many")
    // The picked entry as a sum over a one-hot mask, which no label outside the classes can disturb.
    let on = node.optional(2)
    var hits = try f.equal(f.unsqueeze(target, [1]), classNumbers(graph, classes, rank: graph.rank(of: x)))
    if let ignored {
      let counted = try graph.add1(.notEqual, [:], [f.unsqueeze(target, [1]), f.scalar(ignored)])
      hits = try graph.add1(.logicalAnd, [:], [hits, counted])
    }
    var mask = try f.float(hits)
    if let on {
      let rank = try graph.rank(of: x)
      mask = try f.mul(mask, graph.reshape(on, [classes] + [Int](repeating: 1, count: rank - 2)))
    }
    // Minus infinity times 0 would be NaN.
    let picked = try f.choose(hits, x, f.scalar(Float(0)))
    let losses = try f.neg(f.reduce(f.mul(picked, mask), ReduceNumber.sum, [1], keep: false))
    if reduction == "none" { return losses }
    let axes = Array(0..<(try graph.rank(of: x) - 1))
    let total = try f.reduce(losses, ReduceNumber.sum, axes, keep: false)
    if reduction == "sum" { return total }
    return try f.div(total, f.reduce(mask, ReduceNumber.sum, Array(0...axes.count), keep: false))
  }

  private static func classNumbers(_ graph: GraphBuilder, _ count: Int, rank: Int) -> Tensor {
    graph.constant(ints: Array(0..<count), dims: [1, count] + [Int](repeating: 1, count: max(0, rank - 2)))
  }
}
