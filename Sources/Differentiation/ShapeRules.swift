import ConverterCore
import Graph

/// What only arranges elements anew, repeats them or sums them up.
enum ShapeRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.reshape, view), (.flatten, view), (.squeeze, view), (.unsqueeze, view), (.expandDims, view), (.transpose, transpose),
    (.depend, { s throws(EngineError) in try s.give(0, try s.dy()) }), (.reduceFusion, reduce), (.broadcastTo, broadcast),
    (.concat, concat), (.stack, stack),
  ]

  private static func view(_ s: GradientScope) throws(EngineError) { try s.give(0, try s.reshaped(try s.dy(), like: s.x)) }

  private static func transpose(_ s: GradientScope) throws(EngineError) {
    let order = try s.constantInts(1, "the permutation")
    var inverse = [Int](repeating: 0, count: order.count)
    for (i, axis) in order.enumerated() {
      guard axis >= 0 && axis < order.count, order.count == s.x.shape.rank else { throw s.refuse("the permutation \(Shape(order).text) is not one of \(s.x)") }
      inverse[axis] = i
    }
    try s.give(0, try s.add(.transpose, [:], [try s.dy(), s.ints("order", inverse)]))
  }

  private static func reduce(_ s: GradientScope) throws(EngineError) {
    let node = s.node, rank = s.x.shape.rank, mode = node.attributes.int(1)
    let isExtreme = mode == Reduction.largest || mode == Reduction.smallest
    guard isExtreme || mode == Reduction.mean || mode == Reduction.sum || mode == Reduction.sumOfSquares else {
      throw s.refuse("the gradient of a reduction of mode \(mode) is not supported; those of means (0), maxima (1), minima (2), sums (4) and sums of squares (5) are")
    }
    var axes = node.inputs.count > 1 ? try s.constantInts(1, "the axes") : []
    axes = Set(axes.map { $0 < 0 ? $0 + rank : $0 }).sorted()
    if axes.isEmpty { axes = Array(0..<rank) }
    guard axes.allSatisfy({ $0 >= 0 && $0 < rank }) else { throw s.refuse("the axes \(Shape(axes).text) lie outside \(s.x)") }
    if node.attributes.bool(2), let first = axes.first {
      axes = Array(first..<rank)
      if node.attributes.float(3, 1) != 1 { throw s.refuse("the gradient of a reduction with a factor (coeff) is not supported") }
    }
    var d = try s.dy()
    if mode == Reduction.mean { d = try s.product(d, try s.tape.reciprocalCount(s.x, axes, "Gradients/\(node.name)/mean")) }
    d = try kept(s, d, axes)
    if isExtreme {
      // The largest or smallest elements share.
      let mask = try s.mask(.equal, s.x, try kept(s, s.y, axes))
      let count = try s.add(.reduceFusion, ["mode": .number(Reduction.sum), "keep_dims": true], [mask, s.ints("axes", axes)])
      return try s.give(0, try s.product(mask, try s.add(.realDiv, [:], [d, count])))
    }
    d = try s.add(.broadcastTo, [:], [d, try s.tape.shape(of: s.x)])
    d.shape = s.x.shape
    if mode == Reduction.sumOfSquares { d = try s.product(try s.product(d, s.x), s.number(2)) }
    try s.give(0, d)
  }

  /// What has been reduced, or is one number, with 1 for each axis that is gone.
  private static func kept(_ s: GradientScope, _ t: Tensor, _ axes: [Int]) throws(EngineError) -> Tensor {
    let rank = s.x.shape.rank
    if axes.count == rank { return try s.add(.reshape, [:], [t, s.ints("one", [Int](repeating: 1, count: rank))]) }
    return s.node.attributes.bool(0) ? t : try s.add(.unsqueeze, ["axis": .list(axes)], [t])
  }

  private static func broadcast(_ s: GradientScope) throws(EngineError) { try s.give(0, try s.summed(try s.dy(), 0, whole: s.y)) }

  private static func concat(_ s: GradientScope) throws(EngineError) {
    let axis = try axis(s.node.attributes.int(0), of: s.y, s)
    for t in s.node.inputs { try s.known(t, axis..<axis + 1) }
    let sizes = s.node.inputs.map { $0.shape[axis] }
    let parts = try s.emit(
      .split, ["output_num": .number(sizes.count), "size_splits": .list(sizes), "axis": .number(axis)], [try s.dy()], outputs: sizes.count)
    for i in sizes.indices where s.wants(i) { try s.give(i, parts[i]) }
  }

  private static func stack(_ s: GradientScope) throws(EngineError) {
    let parts = try s.emit(.unstack, ["axis": .number(try axis(s.node.attributes.int(0), of: s.y, s))], [try s.dy()], outputs: s.node.inputs.count)
    for i in s.node.inputs.indices where s.wants(i) { try s.give(i, parts[i]) }
  }

  /// An axis counted from the front.
  static func axis(_ axis: Int, of t: Tensor, _ s: GradientScope) throws(EngineError) -> Int {
    let a = axis < 0 ? axis + t.shape.rank : axis
    guard a >= 0 && a < t.shape.rank else { throw s.refuse("axis \(axis) lies outside \(t)") }
    return a
  }
}
