import ConverterCore
import Graph

extension OperatorTable {
  /// Reductions along axes, searches, and sums of segments.
  static let reductions: [String: OperatorEntry] = [
    "MEAN": reduction(0),
    "REDUCE_MAX": reduction(1),
    "REDUCE_MIN": reduction(2),
    "REDUCE_PROD": reduction(3),
    "SUM": reduction(4),
    "REDUCE_ALL": reduction(7),
    // Any is the opposite of all opposites.
    "REDUCE_ANY": .one(.real) { (op) throws(EngineError) in
      let opposite = try op.graph.add1(.logicalNot, [:], [try op.input(0)])
      return try op.add1(.logicalNot, [:], [try reduce(op, 7, opposite)])
    },
    "ARG_MAX": extreme(.argMaxFusion),
    "ARG_MIN": extreme(.argMinFusion),
    "TOPK_V2": OperatorEntry(.native()) { (op) throws(EngineError) in
      try op.add(.topKFusion, ["sorted": true, "axis": -1, "largest": 1], [try op.input(0), try op.input(1)], outputs: 2)
    },
    "CUMSUM": .one(.real) { (op) throws(EngineError) in
      try op.add1(
        .cumSum, ["exclusive": .bool(try op.options.bool(0)), "reverse": .bool(try op.options.bool(1))],
        [try op.input(0), op.scalar(try op.integer(1, "the axis"))])
    },
    "UNIQUE": OperatorEntry(.native()) { (op) throws(EngineError) in try op.add(.unique, [:], [try op.input(0)], outputs: 2) },
    // The last of the ascending segment numbers tells how many there are.
    "SEGMENT_SUM": .one(.real) { (op) throws(EngineError) in
      let ids = try op.input(1)
      let last = try op.graph.add1(.gather, [:], [ids, op.graph.constant(ints: [-1]), op.scalar(0)])
      let count = try op.graph.add1(.addFusion, ["activation_type": 0], [last, op.graph.constant(ints: [1])])
      return try op.add1(.unsortedSegmentSum, [:], [try op.input(0), ids, count])
    },
    "UNSORTED_SEGMENT_SUM": .one(.real) { (op) throws(EngineError) in
      try op.add1(.unsortedSegmentSum, [:], [try op.input(0), try op.input(1), try op.input(2)])
    },
    "NON_MAX_SUPPRESSION_V4": OperatorEntry(.real) { (op) throws(EngineError) in try suppression(op, withScores: false) },
    "NON_MAX_SUPPRESSION_V5": OperatorEntry(.real) { (op) throws(EngineError) in try suppression(op, withScores: true) },
  ]

  /// Field id 0: keep the dimensions.
  private static func reduction(_ mode: Int) -> OperatorEntry {
    .one(.native()) { (op) throws(EngineError) in try reduce(op, mode, try op.input(0)) }
  }

  private static func reduce(_ op: Operation, _ mode: Int, _ x: Tensor) throws(EngineError) -> Tensor {
    var axes = try op.importer.value(try op.index(1))
    if axes.isConstant {
      let list = try op.graph.integers(axes, "the axes")
      // No axes: nothing is reduced. In the format an empty list means all.
      if list.isEmpty { return x }
      axes = op.graph.constant(ints: list)
    }
    return try op.add1(.reduceFusion, ["mode": .number(mode), "keep_dims": .bool(try op.options.bool(0))], [x, axes])
  }

  private static func extreme(_ kind: OperatorKind) -> OperatorEntry {
    .one(.native()) { (op) throws(EngineError) in
      try op.add1(
        kind, ["axis": .number(try op.integer(1, "the axis")), "top_k": 1, "keep_dims": false, "out_max_value": false],
        [try op.input(0)])
    }
  }

  /// The chosen boxes' numbers (and scores), filled up with zeros to the greatest number, and how many they are.
  private static func suppression(_ op: Operation, withScores: Bool) throws(EngineError) -> [Tensor] {
    let graph = op.graph, boxes = try op.input(0), scores = try op.input(1)
    guard let limit = op.knownIntegers(2)?.first, limit >= 0, limit < 1 << 24 else {
      throw EngineError(.notSupported, "the greatest number of results must be a constant")
    }
    if withScores, op.has(5) {
      let sigma = try graph.floats(try op.input(5), "the sigma of the soft suppression").first ?? 0
      if sigma != 0 { throw EngineError(.notSupported, Message(text: "soft suppression (sigma \(sigma))")) }
    }
    func one(_ i: Int) throws(EngineError) -> Tensor { try graph.reshape(try op.input(i), [1]) }
    let rows = try graph.add1(.expandDims, [:], [try graph.add1(.expandDims, [:], [scores, op.scalar(0)]), op.scalar(0)])
    let batch = try graph.add1(.expandDims, [:], [boxes, op.scalar(0)])
    let found = try graph.add1(
      .nonMaxSuppression, ["center_point_box": 0],
      [batch, rows, graph.constant(ints: [limit]), try one(3), try one(4)])
    if graph.dims(of: found) == nil { graph.declare(found, [-1, 3], type: .int32) }
    // Rows are (batch, class, box).
    let columns = try graph.add1(.gather, [:], [found, graph.constant(ints: [2]), op.scalar(1)])
    let chosen = try graph.reshape(columns, [-1])
    let count = try graph.add1(.shape, [:], [chosen])
    let rest = try graph.add1(.subFusion, ["activation_type": 0], [graph.constant(ints: [limit]), count])
    let pads = try graph.add1(.stack, ["axis": 1], [graph.constant(ints: [0]), rest])
    func filled(_ x: Tensor) throws(EngineError) -> Tensor {
      let y = try graph.add1(.padFusion, ["padding_mode": 0, "constant_value": 0.0], [x, pads])
      graph.declare(y, [limit])
      return y
    }
    let indices = try filled(chosen), number = try graph.reshape(count, [])
    if !withScores { return [indices, number] }
    return [indices, try filled(try graph.add1(.gather, [:], [scores, chosen, op.scalar(0)])), number]
  }
}
