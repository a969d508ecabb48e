import ConverterCore
import Graph

/// Operators that change shapes, join and split tensors, or ask for shapes.
enum ShapeOperators {
  static let table: [String: TensorFlowOperator] = [
    "Reshape": { n throws(EngineError) in [try n.graph.add1(.reshape, [:], [n.input(0), n.input(1)])] },
    "Squeeze": squeeze, "ExpandDims": expandDims,
    "Transpose": { n throws(EngineError) in [try n.graph.add1(.transpose, [:], [n.input(0), n.input(1)])] },
    "ConjugateTranspose": { n throws(EngineError) in [try n.graph.add1(.transpose, [:], [n.input(0), n.input(1)])] },
    "Tile": { n throws(EngineError) in [try n.graph.add1(.tileFusion, [:], [n.input(0), n.input(1)])] },
    "BroadcastTo": { n throws(EngineError) in [try n.graph.add1(.broadcastTo, [:], [n.input(0), n.input(1)])] },
    "EnsureShape": { n throws(EngineError) in
      _ = try n.shape("shape")
      return [try n.input(0)]
    },
    "ConcatV2": { n throws(EngineError) in
      try concat(n, n.inputs(0..<max(0, n.count - 1)), axis: n.integer(n.count - 1, "the axis"))
    },
    "Concat": { n throws(EngineError) in try concat(n, n.inputs(1..<max(1, n.count)), axis: n.integer(0, "the axis")) },
    "Pack": { n throws(EngineError) in [try n.graph.add1(.stack, ["axis": .number(n.int("axis", 0))], n.inputs())] },
    "ParallelConcat": { n throws(EngineError) in [try n.graph.add1(.concat, ["axis": 0], n.inputs())] },
    "Unpack": unpack, "Split": split, "SplitV": splitV,
    "Shape": { n throws(EngineError) in
      _ = try n.type("out_type")
      return [try n.graph.add1(.shape, [:], [n.input(0)])]
    },
    "ShapeN": { n throws(EngineError) in
      var shapes = [Tensor]()
      for x in try n.inputs() { shapes.append(try n.graph.add1(.shape, [:], [x])) }
      return shapes
    },
    "Size": { n throws(EngineError) in [try n.graph.add1(.size, [:], [n.input(0)])] },
    "Rank": rank,
    "Fill": { n throws(EngineError) in [try n.graph.add1(.fill, [:], [n.input(1), n.input(0)])] },
    "Range": { n throws(EngineError) in
      [try n.graph.add1(.range, ["d_type": 0, "start": 0, "limit": 0, "delta": 1], n.inputs(0..<3))]
    },
    "LinSpace": { n throws(EngineError) in [try n.graph.add1(.linSpace, [:], n.inputs(0..<3))] },
    "InvertPermutation": { n throws(EngineError) in [try n.graph.add1(.invertPermutation, [:], [n.input(0)])] },
    "BroadcastArgs": broadcastArguments,
  ]

  private static func concat(_ n: TensorFlowNode, _ parts: [Tensor], axis: Int) throws(EngineError) -> [Tensor] {
    guard let first = parts.first else { throw EngineError(.formatError, "there is nothing to join") }
    if parts.count == 1 { return [first] }
    return [try n.graph.add1(.concat, ["axis": .number(axis)], parts)]
  }

  private static func squeeze(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let x = try n.input(0)
    let axes = try n.ints("squeeze_dims") + n.ints("axis")
    if axes.isEmpty { return [try n.graph.add1(.squeeze, [:], [x])] }
    // The format wants the axes in ascending order.
    var sorted = axes
    if axes.contains(where: { $0 < 0 }) {
      let rank = try n.graph.rank(of: x)
      sorted = axes.map { $0 < 0 ? $0 + rank : $0 }
    }
    return [try n.graph.add1(.squeeze, ["axis": .list(Array(Set(sorted)).sorted())], [x])]
  }

  private static func expandDims(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let axis = n.graph.constant(ints: [try n.integer(1, "the axis")], dims: [])
    return [try n.graph.add1(.expandDims, [:], [n.input(0), axis])]
  }

  private static func unpack(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let count = try n.int("num", 0)
    guard count > 0 && count <= 1 << 16 else { throw EngineError(.notSupported, "attribute \"num\" is \(count)") }
    return try n.graph.add(.unstack, ["axis": .number(n.int("axis", 0))], [n.input(0)], outputs: count)
  }

  private static func split(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let count = try n.int("num_split", 0)
    guard count > 0 && count <= 1 << 16 else { throw EngineError(.notSupported, "attribute \"num_split\" is \(count)") }
    let (axis, x) = (try n.integer(0, "the axis"), try n.input(1))
    if let dims = n.graph.dims(of: x) {
      let a = try n.graph.axis(axis, of: x)
      if dims[a] >= 0 && dims[a] % count != 0 {
        throw EngineError(.inferError, "axis \(a) of \(x) cannot be split into \(count) equal parts")
      }
    }
    return try n.graph.add(.split, ["output_num": .number(count), "axis": .number(axis)], [x], outputs: count)
  }

  private static func splitV(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    var sizes = try n.integers(1, "the sizes")
    if let rest = sizes.firstIndex(where: { $0 < 0 }), rest + 1 < sizes.count {
      // The format lets only the last part be what is left.
      let axis = try n.graph.axis(n.integer(2, "the axis"), of: n.input(0))
      let size = n.graph.dims(of: try n.input(0))?[axis] ?? -1
      if size < 0 { throw EngineError(.inferError, "the size of axis \(axis) is needed and not known; give the model's input shapes (--inputShape)") }
      sizes[rest] = size - sizes.enumerated().reduce(0) { $0 + ($1.offset == rest ? 0 : $1.element) }
      guard sizes[rest] >= 0 else { throw EngineError(.inferError, "the sizes add up to more than the \(size) entries of the axis") }
    }
    let attributes: [String: AttributeValue] = [
      "output_num": .number(sizes.count), "size_splits": .list(sizes), "axis": .number(try n.integer(2, "the axis")),
    ]
    return try n.graph.add(.split, attributes, [n.input(0)], outputs: sizes.count)
  }

  /// A constant where the rank is known; the number of dimensions otherwise. (The format's Rank has the input's type.)
  private static func rank(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let x = try n.input(0)
    if let dims = n.graph.dims(of: x) { return [n.graph.constant(ints: [dims.count], dims: [])] }
    return [try n.graph.add1(.size, [:], [n.graph.add1(.shape, [:], [x])])]
  }

  /// The shape that two shapes broadcast to.
  private static func broadcastArguments(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let g = n.graph
    func ones(_ shape: Tensor) throws(EngineError) -> Tensor { try g.add1(.fill, [:], [g.constant(floats: [1], dims: []), shape]) }
    return [try g.add1(.shape, [:], [g.add1(.addFusion, [:], [ones(n.input(0)), ones(n.input(1))])])]
  }
}
