import ConverterCore
import Graph

/// What takes parts of a tensor, or sets them into a larger one.
enum SelectionRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.split, split), (.unstack, unstack), (.sliceFusion, slice), (.stridedSlice, stridedSlice), (.padFusion, pad), (.gather, gather),
  ]

  /// The gradients of all outputs; zeros for those that nothing depends on.
  private static func all(_ s: GradientScope) throws(EngineError) -> [Tensor] {
    var list = [Tensor]()
    for (i, t) in s.node.outputs.enumerated() {
      if let d = s.gradients[i] {
        list.append(d)
      } else {
        list.append(try s.add(.zerosLike, [:], [t]))
      }
    }
    return list
  }

  private static func split(_ s: GradientScope) throws(EngineError) {
    try s.give(0, try s.add(.concat, ["axis": .number(try ShapeRules.axis(s.node.attributes.int(2), of: s.x, s))], try all(s)))
  }

  private static func unstack(_ s: GradientScope) throws(EngineError) {
    try s.give(0, try s.add(.stack, ["axis": .number(try ShapeRules.axis(s.node.attributes.int(0), of: s.x, s))], try all(s)))
  }

  /// dy with zeros before and after each axis.
  private static func padded(_ s: GradientScope, _ paddings: [Int]) throws(EngineError) {
    let rows = s.ints("paddings", paddings, dims: [paddings.count / 2, 2])
    try s.give(0, try s.add(.padFusion, ["padding_mode": 0, "constant_value": 0.0], [try s.dy(), rows]))
  }

  private static func slice(_ s: GradientScope) throws(EngineError) {
    let begin = try s.constantInts(1, "the begin of a slice"), size = try s.constantInts(2, "the size of a slice")
    var axes = s.node.attributes.ints(0)
    if axes.isEmpty { axes = Array(0..<begin.count) }
    guard axes.count == begin.count, size.count == begin.count else { throw s.refuse("a slice of \(begin.count) axes with \(size.count) sizes is not supported") }
    var paddings = [Int](repeating: 0, count: 2 * s.x.shape.rank)
    for (i, axis) in axes.enumerated() {
      let a = try ShapeRules.axis(axis, of: s.x, s)
      paddings[2 * a] = begin[i]
      if size[i] == -1 { continue }
      try s.known(s.x, a..<a + 1)
      paddings[2 * a + 1] = s.x.shape[a] - begin[i] - size[i]
    }
    guard paddings.allSatisfy({ $0 >= 0 }) else { throw s.refuse("the slice does not lie inside \(s.x)") }
    try padded(s, paddings)
  }

  private static func stridedSlice(_ s: GradientScope) throws(EngineError) {
    let node = s.node
    var bounds = Array(node.inputs.dropFirst())
    if bounds.count == 4 { bounds = try whole(s) }
    guard bounds.count == 3 else { throw s.refuse("the gradient wants begin, end and strides") }
    var attributes: [String: AttributeValue] = [:]
    for (i, name) in ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"].enumerated() {
      attributes[name] = .number(node.attributes.int(i))
    }
    let d = try s.add(.stridedSliceGrad, attributes, [try s.dy(), try s.tape.shape(of: s.x)] + bounds)
    d.shape = s.x.shape
    try s.give(0, d)
  }

  /// Begin, end and strides of all axes, for a slice that names its axes.
  private static func whole(_ s: GradientScope) throws(EngineError) -> [Tensor] {
    let begin = try s.constantInts(1, "the begin of a slice"), end = try s.constantInts(2, "the end of a slice")
    let axes = try s.constantInts(3, "the axes of a slice"), strides = try s.constantInts(4, "the strides of a slice")
    guard axes.count == begin.count, end.count == begin.count, strides.count == begin.count, strides.allSatisfy({ $0 > 0 }) else {
      throw s.refuse("the gradient wants as many begins, ends and strides, above 0, as axes")
    }
    let rank = s.x.shape.rank
    try s.known(s.x, 0..<rank)
    var first = [Int](repeating: 0, count: rank), last = s.x.shape.dims, step = [Int](repeating: 1, count: rank)
    for (i, axis) in axes.enumerated() {
      let a = try ShapeRules.axis(axis, of: s.x, s), size = s.x.shape[a]
      func place(_ v: Int) -> Int { min(max(v < 0 ? v + size : v, 0), size) }
      (first[a], last[a], step[a]) = (place(begin[i]), place(end[i]), strides[i])
    }
    return [s.ints("begin", first), s.ints("end", last), s.ints("strides", step)]
  }

  private static func pad(_ s: GradientScope) throws(EngineError) {
    guard s.node.attributes.int(1) == 0 else { throw s.refuse("the gradient of mirrored padding is not supported; that of constant padding is") }
    let rank = s.x.shape.rank
    let paddings = s.node.inputs.count > 1 ? try s.constantInts(1, "the padding") : s.node.attributes.ints2D(0).flatMap { $0 }
    guard paddings.count == 2 * rank, paddings.allSatisfy({ $0 >= 0 }) else { throw s.refuse("the padding \(Shape(paddings).text) is not one of \(s.x)") }
    var begin = [Int](), size = [Int]()
    for a in 0..<rank {
      begin.append(paddings[2 * a])
      if paddings[2 * a + 1] == 0 {
        size.append(-1)
      } else {
        try s.known(s.x, a..<a + 1)
        size.append(s.x.shape[a])
      }
    }
    try s.give(0, try s.add(.sliceFusion, ["axes": .list(Array(0..<rank))], [try s.dy(), s.ints("begin", begin), s.ints("size", size)]))
  }

  /// The rows of a table get the gradients of the places that name them. Indices must not be negative.
  private static func gather(_ s: GradientScope) throws(EngineError) {
    let axis = try s.constantInts(2, "the axis").first ?? 0
    guard axis == 0, s.wants(0) else { throw s.refuse("the gradient of indices along axis \(axis) is not supported; along axis 0 it is") }
    try s.known(s.x, 0..<1)
    try s.give(0, try s.add(.unsortedSegmentSum, [:], [try s.dy(), s.node.inputs[1], s.ints("rows", [s.x.shape[0]], dims: [])]))
  }
}
