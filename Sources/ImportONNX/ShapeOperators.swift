import ConverterCore
import Graph

/// Operators that change the shape of a tensor, cut it, or join tensors.
enum ShapeOperators {
  static let table: [String: ONNXOperator] = [
    "Shape": shape, "Size": size, "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Expand": expand,
    "Tile": tile, "Concat": concat, "Split": split, "Slice": slice, "Transpose": transpose, "CenterCropPad": centerCropPad,
  ]

  /// The dimensions from `start` to before `end`, which are clamped to the rank.
  private static func shape(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let all = try f.shape(x)
    let start = try node.int("start", 0), end = try node.optionalInt("end")
    if start == 0 && end == nil { return [all] }
    return [try f.slice(all, axis: 0, from: start, to: end ?? Formula.end)]
  }

  private static func size(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let count = try node.graph.add1(.size, [:], [try node.input(0)])
    return [try f.squeezedToScalar(count)]
  }

  /// 0 in the shape keeps the dimension (with allowzero: is 0), -1 is what is left.
  private static func reshape(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let keepsZeros = try node.bool("allowzero", false)
    let shape = try shapeOperand(node)
    if keepsZeros {
      if shape.isConstant {
        let dims = try graph.integers(shape, "the shape")
        if dims.contains(0) {
          try node.refuse(dims.contains(-1), "a shape with both 0 and -1 (\(Shape(dims))) says nothing with allowzero")
          let zero = try Formula(node).scalar(0, x.type)
          return [try graph.add1(.fill, [:], [zero, graph.constant(ints: dims)])]
        }
      } else {
        graph.report.warn(Message(text: "Reshape \"\(node.name)\": dimensions of 0 in its computed shape keep those of the operand").text)
      }
    }
    return [try graph.add1(.reshape, [:], [x, shape])]
  }

  /// An attribute up to version 4, an operand after that.
  private static func shapeOperand(_ node: ONNXNode) throws(EngineError) -> Tensor {
    if let dims = try node.optionalInts("shape") { return node.graph.constant(ints: dims) }
    return try node.input(1, "shape")
  }

  /// A matrix: the axes before `axis`, and those from it on.
  private static func flatten(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let given = try node.int("axis", 1)
    let rank = try graph.rank(of: x)
    let axis = given < 0 ? given + rank : given
    guard axis >= 0 && axis <= rank else { throw EngineError(.inputParameterInvalid, "axis \(given) lies outside the rank \(rank)") }
    let dims = graph.dims(of: x) ?? []
    for (range, isLeft) in [(0..<axis, true), (axis..<rank, false)] {
      if let n = Shape(Array(dims[range])).checkedCount, n > 0 { return [try graph.reshape(x, isLeft ? [n, -1] : [-1, n])] }
    }
    return [try graph.add1(.flatten, ["axis": .number(axis)], [x])]
  }

  /// Axes of an attribute (up to version 12) or an operand, counted from the front of `rank` axes, ascending.
  static func axes(_ node: ONNXNode, operand: Int, rank: Int) throws(EngineError) -> [Int]? {
    var given = try node.optionalInts("axes")
    if let tensor = node.optional(operand) { given = try node.graph.integers(tensor, "the list of axes") }
    guard let given else { return nil }
    var axes = Set<Int>()
    for axis in given {
      let a = axis < 0 ? axis + rank : axis
      guard a >= 0 && a < rank else { throw EngineError(.inputParameterInvalid, "axis \(axis) lies outside the rank \(rank)") }
      guard axes.insert(a).inserted else { throw EngineError(.inputParameterInvalid, "axis \(axis) is given twice") }
    }
    return axes.sorted()
  }

  private static func squeeze(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0)
    let hasAxes = node.has("axes") || node.optional(1) != nil
    let rank = hasAxes ? try node.graph.rank(of: x) : 0
    guard let axes = try axes(node, operand: 1, rank: rank) else { return [try node.graph.add1(.squeeze, [:], [x])] }
    return [try Formula(node).squeeze(x, axes)]
  }

  private static func unsqueeze(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0)
    let axes = try node.optional(1).map { t throws(EngineError) in try node.graph.integers(t, "the list of axes") } ?? []
    let rank = try node.graph.rank(of: x) + (node.optional(1) == nil ? node.ints("axes").count : axes.count)
    guard rank <= Shape.maximumRank else {
      throw EngineError(.notSupported, "the result has rank \(rank); at most \(Shape.maximumRank) is possible")
    }
    return [try Formula(node).unsqueeze(x, self.axes(node, operand: 1, rank: rank) ?? [])]
  }

  /// Broadcasting to a shape, of which dimensions of 1 keep the operand's.
  private static func expand(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    [try Formula(node).expand(try node.input(0), try node.input(1, "shape"))]
  }

  private static func tile(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0), repeats = try node.input(1, "repeats")
    var attributes: [String: AttributeValue] = [:]
    if let rank = node.graph.dims(of: x)?.count { attributes["dims"] = .list(Array(0..<rank)) }
    return [try node.graph.add1(.tileFusion, attributes, [x, repeats])]
  }

  private static func concat(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let operands = try node.allInputs()
    let axis = try node.int("axis")
    if operands.count == 1 { return [operands[0]] }
    guard let first = operands.first else { throw EngineError(.formatError, "it has no operands") }
    return [try Formula(node).concat(operands, axis < 0 ? try node.graph.axis(axis, of: first) : axis)]
  }

  /// Sizes from the attribute `split` (up to version 12) or operand 1; else equal parts, of which the last may be smaller (version 18).
  private static func split(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let count = node.outputNames.count
    let axis = try graph.axis(try node.int("axis", 0), of: x)
    var sizes = try node.optionalInts("split")
    if let tensor = node.optional(1) { sizes = try graph.integers(tensor, "the list of sizes") }
    let parts = try node.int("num_outputs", count)
    guard parts == count else { throw EngineError(.formatError, "num_outputs is \(parts), but it has \(count) results") }
    if let sizes, sizes.count != count {
      throw EngineError(.formatError, "there are \(sizes.count) sizes for \(count) results")
    }
    let extent = graph.dims(of: x).map { $0[axis] } ?? -1
    if sizes == nil && extent >= 0 && count > 0 {
      let size = (extent + count - 1) / count
      sizes = (0..<count).map { max(0, min(size, extent - $0 * size)) }
    }
    if count == 1 { return [x] }
    var attributes: [String: AttributeValue] = ["axis": .number(axis), "output_num": .number(count)]
    if let sizes { attributes["size_splits"] = .list(sizes) }
    return try graph.add(.split, attributes, [x], outputs: count)
  }

  /// Attributes up to version 9, operands after that.
  private static func slice(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let starts: Tensor, ends: Tensor
    var axes: Tensor?, steps: Tensor?
    if node.version < 10 {
      starts = graph.constant(ints: try node.ints("starts"))
      ends = graph.constant(ints: try node.ints("ends"))
      axes = try node.optionalInts("axes").map { graph.constant(ints: $0) }
    } else {
      (starts, ends) = (try node.input(1, "starts"), try node.input(2, "ends"))
      (axes, steps) = (node.optional(3), node.optional(4))
    }
    guard let count = (graph.dims(of: starts)?.first { _ in true }) ?? graph.dims(of: ends)?.first, count >= 0 else {
      throw EngineError(.inferError, "the number of starts (\(starts)) is not known")
    }
    guard count <= Shape.maximumRank else { throw EngineError(.formatError, "there are \(count) starts; a tensor has at most \(Shape.maximumRank) axes") }
    let axisList = axes ?? graph.constant(ints: Array(0..<count))
    let stepList = steps ?? graph.constant(ints: [Int](repeating: 1, count: count))
    if count == 0 { return [x] }
    let begins = try clampedStarts(node, x, starts, axisList, stepList)
    return [try graph.add1(.stridedSlice, [:], [x, begins, ends, axisList, stepList])]
  }

  /// The format's operator clamps ends to the axis, but not starts behind its last entry.
  private static func clampedStarts(
    _ node: ONNXNode, _ x: Tensor, _ starts: Tensor, _ axes: Tensor, _ steps: Tensor
  ) throws(EngineError) -> Tensor {
    let graph = node.graph
    guard starts.isConstant, axes.isConstant, steps.isConstant, let dims = graph.dims(of: x) else { return starts }
    let axisList = try graph.integers(axes, "the axes"), stepList = try graph.integers(steps, "the steps")
    var values = try graph.integers(starts, "the starts")
    guard axisList.count == values.count, stepList.count == values.count else {
      throw EngineError(.inputParameterInvalid, "there are \(values.count) starts, \(axisList.count) axes and \(stepList.count) steps")
    }
    var isChanged = false
    for (i, axis) in axisList.enumerated() {
      let extent = dims[try graph.axis(axis, of: x)]
      // With a negative step the first entry is the last of the axis; otherwise there is none.
      let last = stepList[i] < 0 ? extent - 1 : extent
      if extent > 0 && values[i] > last {
        values[i] = last
        isChanged = true
      } else if extent < 0 && stepList[i] < 0 && values[i] == Formula.end {
        values[i] = -1
        isChanged = true
      }
    }
    return isChanged ? graph.constant(ints: values) : starts
  }

  private static func transpose(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    let x = try node.input(0)
    let given = try node.optionalInts("perm")
    let rank: Int
    if let known = graph.dims(of: x)?.count ?? given?.count { rank = known } else { rank = try graph.rank(of: x) }
    let order = given ?? Array((0..<rank).reversed())
    guard order.sorted() == Array(0..<rank) else {
      throw EngineError(.inputParameterInvalid, "perm \(Shape(order)) is not an order of the \(rank) axes of \(x)")
    }
    return [try graph.transpose(x, order)]
  }

  /// Crops or pads around the centre to a shape; odd rests go to the end.
  private static func centerCropPad(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    let dims = try graph.knownDims(of: x)
    let axes = try axes(node, operand: .max, rank: dims.count) ?? Array(0..<dims.count)
    let order = try node.optionalInts("axes")?.map { $0 < 0 ? $0 + dims.count : $0 } ?? axes
    let wanted = try graph.integers(try node.input(1, "shape"), "the shape")
    guard wanted.count == order.count else {
      throw EngineError(.inputParameterInvalid, "the shape has \(wanted.count) entries for \(order.count) axes")
    }
    var y = x
    var pads = [[Int]](repeating: [0, 0], count: dims.count)
    for (axis, size) in zip(order, wanted) {
      let extent = dims[axis]
      if size < extent {
        let start = (extent - size) / 2
        y = try f.slice(y, axis: axis, from: start, to: start + size)
      } else {
        pads[axis] = [(size - extent) / 2, size - extent - (size - extent) / 2]
      }
    }
    return [try f.pad(y, pads)]
  }
}

extension Formula {
  /// A tensor of one element as a scalar of rank 0.
  func squeezedToScalar(_ x: Tensor) throws(EngineError) -> Tensor {
    graph.dims(of: x)?.isEmpty == true ? x : try graph.reshape(x, [])
  }

  /// `x` broadcast to `shape`, of which dimensions of 1 keep those of x.
  func expand(_ x: Tensor, _ shape: Tensor) throws(EngineError) -> Tensor {
    var shape = shape
    let rank = try graph.rank(of: x)
    if let entries = graph.dims(of: shape)?.first, entries >= 0, entries < rank {
      shape = try joined([list([Int](repeating: 1, count: rank - entries)), shape])
    }
    if shape.isConstant, let dims = graph.dims(of: x), dims == (try graph.integers(shape, "the shape")) { return x }
    return try graph.add1(.broadcastTo, [:], [x, shape])
  }
}
