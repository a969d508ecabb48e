import ConverterCore
import Graph

extension OperatorTable {
  /// Operators that arrange elements, and those that make tensors of shapes.
  static let shapes: [String: OperatorEntry] = [
    "RESHAPE": .one(.native(), reshape),
    "SQUEEZE": .one(.native(), squeeze),
    "EXPAND_DIMS": .one(.native()) { (op) throws(EngineError) in
      var axis = try op.integer(1, "the axis")
      // Complex numbers are pairs along one more axis.
      if try op.info(0).type == .complex64 && axis < 0 { axis -= 1 }
      return try op.add1(.expandDims, [:], [try op.input(0), op.scalar(axis)])
    },
    "TRANSPOSE": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.transpose, [:], [try op.input(0), op.graph.constant(ints: try op.integers(1, "the permutation"))])
    },
    "CONCATENATION": .one(.native(), concatenate),
    "PACK": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.stack, ["axis": .number(try op.options.int(1))], try op.allInputs())
    },
    "UNPACK": OperatorEntry(.native()) { (op) throws(EngineError) in
      try op.add(.unstack, ["axis": .number(try op.options.int(1))], [try op.input(0)], outputs: op.source.outputs.count)
    },
    "SPLIT": OperatorEntry(.native()) { (op) throws(EngineError) in
      try op.add(
        .split, ["output_num": .number(op.source.outputs.count), "axis": .number(try op.integer(0, "the axis"))],
        [try op.input(1)], outputs: op.source.outputs.count)
    },
    "SPLIT_V": OperatorEntry(.native()) { (op) throws(EngineError) in
      try op.add(
        .split,
        [
          "output_num": .number(op.source.outputs.count), "size_splits": .list(try op.integers(1, "the sizes")),
          "axis": .number(try op.integer(2, "the axis")),
        ], [try op.input(0)], outputs: op.source.outputs.count)
    },
    "TILE": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.tileFusion, [:], [try op.input(0), try op.importer.value(try op.index(1))])
    },
    "PAD": .one(.native()) { (op) throws(EngineError) in try pad(op, mode: 0, value: 0) },
    "PADV2": .one(.native(), padWithValue),
    "MIRROR_PAD": .one(.native()) { (op) throws(EngineError) in try pad(op, mode: try op.options.byte(0) == 0 ? 1 : 2, value: 0) },
    "BROADCAST_TO": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.broadcastTo, [:], [try op.input(0), try op.importer.value(try op.index(1))])
    },
    "BROADCAST_ARGS": .one(.real, broadcastShape),
    "REVERSE_V2": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.reverseV2, ["axis": .list(try op.integers(1, "the axes"))], [try op.input(0)])
    },
    "REVERSE_SEQUENCE": .one(.native()) { (op) throws(EngineError) in
      try op.add1(
        .reverseSequence, ["seq_dim": .number(try op.options.int(0)), "batch_dim": .number(try op.options.int(1))],
        [try op.input(0), try op.importer.value(try op.index(1))])
    },
    "SHAPE": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.shape, [:], [try op.importer.value(try op.index(0))])
    },
    // The format's Rank has its input's type, and its value as the only entry of a vector.
    "RANK": .one(.real) { (op) throws(EngineError) in
      op.scalar(try op.graph.rank(of: try op.importer.value(try op.index(0))))
    },
    "FILL": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.fill, [:], [try op.input(1), try op.importer.value(try op.index(0))])
    },
    "ZEROS_LIKE": .one(.real) { (op) throws(EngineError) in try op.add1(.zerosLike, [:], [try op.input(0)]) },
    "RANGE": .one(.real) { (op) throws(EngineError) in try op.add1(.range, ["d_type": 0], try op.allInputs()) },
    "MATRIX_DIAG": .one(.real) { (op) throws(EngineError) in
      let x = try op.input(0)
      guard let n = op.graph.dims(of: x)?.last, n > 0 else { throw EngineError(.inferError, "the last dimension of \(x) is needed") }
      let rows = try op.graph.add1(.expandDims, [:], [x, op.scalar(-1)])
      return try op.add1(.mulFusion, ["activation_type": 0], [rows, try op.cast(try diagonal(op, n, n), x.type)])
    },
    "MATRIX_SET_DIAG": .one(.real) { (op) throws(EngineError) in
      let x = try op.input(0), dims = op.graph.dims(of: x) ?? []
      guard dims.count >= 2, let n = dims.last, n > 0, dims[dims.count - 2] > 0 else {
        throw EngineError(.inferError, "the last two dimensions of \(x) are needed")
      }
      var line = try op.input(1)
      // The diagonal of a matrix with more columns than rows ends early.
      let m = dims[dims.count - 2]
      line = try op.graph.add1(.expandDims, [:], [line, op.scalar(n <= m ? -2 : -1)])
      return try op.add1(.where, [:], [try diagonal(op, m, n), line, x])
    },
    "DENSIFY": .one(.real) { (op) throws(EngineError) in
      // Sparse constants are filled out where they are read.
      let x = try op.importer.value(try op.index(0))
      guard x.isConstant else { throw EngineError(.notSupported, "the sparse tensor \(x) must be constant") }
      return x
    },
  ]

  /// The shape is input 1, or field 0 of the options.
  private static func reshape(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0)
    var shape: Tensor
    if op.has(1) {
      shape = try op.importer.value(try op.index(1))
      // Old files have the shape twice, and here as a tensor of another rank.
      if let dims = op.graph.dims(of: shape), dims.count != 1 { shape = try op.graph.reshape(shape, [-1]) }
    } else {
      shape = op.graph.constant(ints: try op.options.ints(0) ?? [])
    }
    if try op.info(0).type == .complex64 {
      shape = try op.graph.add1(.concat, ["axis": 0], [shape, op.graph.constant(ints: [2])])
    }
    return try op.add1(.reshape, [:], [x, shape])
  }

  /// Field ids: 0 axis, 1 activation, which the format cannot fuse here.
  private static func concatenate(_ op: Operation) throws(EngineError) -> Tensor {
    let axis = try op.options.int(0), kind = try op.options.byte(1)
    if kind == TFLiteActivation.none { return try op.add1(.concat, ["axis": .number(axis)], try op.allInputs()) }
    var parts = [Tensor]()
    for i in 0..<op.source.inputs.count { parts.append(try op.real(i)) }
    return try op.activate(try op.graph.add1(.concat, ["axis": .number(axis)], parts), kind)
  }

  private static func squeeze(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0)
    let isComplex = try op.info(0).type == .complex64
    var axes = [Int]()
    for a in try op.options.ints(0) ?? [] {
      axes.append(try op.graph.axis(isComplex && a < 0 ? a - 1 : a, of: x))
    }
    if axes.isEmpty { return try op.add1(.squeeze, [:], [x]) }
    return try op.add1(.squeeze, ["axis": .list(Set(axes).sorted())], [x])
  }

  static func pad(_ op: Operation, mode: Int, value: Float) throws(EngineError) -> Tensor {
    try op.add1(
      .padFusion, ["padding_mode": .number(mode), "constant_value": .float(Double(value))],
      [try op.input(0), try op.importer.value(try op.index(1))])
  }

  private static func padWithValue(_ op: Operation) throws(EngineError) -> Tensor {
    let value = try op.real(2)
    if value.isConstant { return try pad(op, mode: 0, value: try op.graph.floats(value, "the padding's value").first ?? 0) }
    return try op.add1(
      .padFusion, ["padding_mode": 0], [try op.input(0), try op.importer.value(try op.index(1)), try op.input(2)])
  }

  /// The shape that two shapes broadcast to: where one has 1 (or nothing), the other's dimension.
  private static func broadcastShape(_ op: Operation) throws(EngineError) -> Tensor {
    var shapes = [try op.input(0), try op.input(1)]
    let counts = [try op.graph.knownDims(of: shapes[0]).first ?? 0, try op.graph.knownDims(of: shapes[1]).first ?? 0]
    guard counts.allSatisfy({ $0 <= Shape.maximumRank }) else { throw EngineError(.notSupported, "a shape of \(counts.max() ?? 0) dimensions") }
    for i in 0..<2 where counts[i] < counts[1 - i] {
      let ones = [Int](repeating: 1, count: counts[1 - i] - counts[i])
      shapes[i] = try op.graph.add1(.concat, ["axis": 0], [op.graph.constant(ints: ones), shapes[i]])
    }
    let isOne = try op.graph.add1(.equal, [:], [shapes[0], op.scalar(1)])
    return try op.add1(.where, [:], [isOne, shapes[1], shapes[0]])
  }

  /// Which elements of an m x n matrix lie on its diagonal.
  private static func diagonal(_ op: Operation, _ m: Int, _ n: Int) throws(EngineError) -> Tensor {
    guard m * n <= 1 << 24 else { throw EngineError(.notSupported, "a diagonal of \(m) x \(n) elements") }
    return op.graph.constant(bools: (0..<m * n).map { $0 / n == $0 % n }, dims: [m, n])
  }
}
