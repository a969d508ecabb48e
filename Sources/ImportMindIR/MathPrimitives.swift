import ConverterCore
import Graph

/// Arithmetic, matrix products and reductions.
enum MathPrimitives {
  static let table: [String: MindPrimitive] = [
    "BiasAdd": biasAdd, "AddN": addN, "Pow": power, "Exp": exponential, "Expm1": exponentialMinus1, "Round": round, "DivNoNan": divideOrZero,
    "Cast": cast, "MatMul": matMul, "BatchMatMul": matMul, "CumSum": cumulativeSum, "Select": select, "Where": select,
    "ReduceMean": { n throws(EngineError) in try reduce(n, 0) }, "ReduceMax": { n throws(EngineError) in try reduce(n, 1) },
    "ReduceMin": { n throws(EngineError) in try reduce(n, 2) }, "ReduceProd": { n throws(EngineError) in try reduce(n, 3) },
    "ReduceSum": { n throws(EngineError) in try reduce(n, 4) }, "ReduceSumSquare": { n throws(EngineError) in try reduce(n, 5) },
    "ReduceASum": { n throws(EngineError) in try reduce(n, 6) }, "ReduceAll": { n throws(EngineError) in try reduce(n, 7) },
    "Argmax": { n throws(EngineError) in try best(n, .argMaxFusion, values: false) },
    "ArgMax": { n throws(EngineError) in try best(n, .argMaxFusion, values: false) },
    "Argmin": { n throws(EngineError) in try best(n, .argMinFusion, values: false) },
    "ArgMaxWithValue": { n throws(EngineError) in try best(n, .argMaxFusion, values: true) },
    "ArgMinWithValue": { n throws(EngineError) in try best(n, .argMinFusion, values: true) },
    "TopK": topK, "L2Normalize": l2Normalize,
  ]

  /// Bias along axis 1 of an image or a matrix.
  private static func biasAdd(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let bias = try n.tensor(1)
    let rank = try n.b.rank(of: x)
    let attributes: [String: AttributeValue] = ["format": 1]
    let isLast = try n.isChannelsLast()
    if rank <= 2 || isLast { return try n.emit(.biasAdd, attributes, [x, bias]) }
    if rank == 4 {
      return [try n.b.nchw(try n.emit1(.biasAdd, attributes, [try n.b.nhwc(x), bias], results: [try n.channelsLast()]))]
    }
    let ones = [Int](repeating: 1, count: rank - 2)
    return [try n.compose(.addFusion, [:], [x, try n.compose(.reshape, [:], [bias, n.b.constant(ints: [-1] + ones)])])]
  }

  private static func addN(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let terms = try n.tensors()
    if terms.count == 1 { return terms }
    return try n.emit(.addN, [:], terms)
  }

  private static func power(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.powFusion, ["scale": 1.0, "shift": 0.0], [try n.tensor(0), try n.tensor(1)])
  }

  private static func exponential(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [try n.tensor(0)])
  }

  private static func exponentialMinus1(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let e = try n.compose(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [try n.tensor(0)])
    return [try n.compose(.subFusion, [:], [e, n.number(1)])]
  }

  /// Halves go to the even neighbour; the operator of the format sends them away from zero.
  private static func round(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    guard x.type == .float32 || x.type == .float16 else { return [x] }
    let lower = try n.compose(.floor, [:], [x])
    let rest = try n.compose(.subFusion, [:], [x, lower])
    let half = try n.compose(.mulFusion, [:], [lower, n.number(0.5)])
    let isOdd = try n.compose(.notEqual, [:], [half, try n.compose(.floor, [:], [half])])
    let isHalf = try n.compose(.equal, [:], [rest, n.number(0.5)])
    let isMore = try n.compose(.greater, [:], [rest, n.number(0.5)])
    let isUp = try n.compose(.logicalOr, [:], [isMore, try n.compose(.logicalAnd, [:], [isHalf, isOdd])])
    let step = try n.compose(.cast, [:], [isUp, n.b.constant(ints: [Int(DataType.float32.rawValue)], dims: [])])
    return [try n.compose(.addFusion, [:], [lower, step])]
  }

  /// x / y, and 0 where y is 0.
  private static func divideOrZero(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let (x, y) = (try n.tensor(0), try n.tensor(1))
    let isZero = try n.compose(.equal, [:], [y, n.number(0)])
    let one = try n.compose(.onesLike, [:], [y])
    let divisor = try n.compose(.where, [:], [isZero, one, y])
    let quotient = try n.compose(.divFusion, [:], [x, divisor])
    let keep = try n.compose(
      .cast, [:], [try n.compose(.logicalNot, [:], [isZero]), n.b.constant(ints: [Int(DataType.float32.rawValue)], dims: [])])
    return [try n.compose(.mulFusion, [:], [quotient, keep])]
  }

  private static func cast(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    var type = n.results.first?.type
    if type == nil, let number = try n.value("dst_type", operand: 1)?.integers?.first { type = MindType.typeID(number) }
    guard let type else { throw EngineError(.notSupported, "the type to cast to is not known") }
    let target = ModelBuilder.narrowed(type)
    if target == x.type { return [x] }
    return try n.emit(.cast, [:], [x, n.b.constant(ints: [Int(target.rawValue)], dims: [])])
  }

  private static func matMul(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let a = try n.bool("transpose_a", operand: 2, default: try n.bool("transpose_x1"))
    let b = try n.bool("transpose_b", operand: 3, default: try n.bool("transpose_x2"))
    return try n.emit(
      .matMulFusion, ["transpose_a": .bool(a), "transpose_b": .bool(b), "activation_type": 0], [try n.tensor(0), try n.tensor(1)])
  }

  private static func cumulativeSum(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("axis", operand: 1), of: x)
    return try n.emit(
      .cumSum, ["exclusive": .bool(try n.bool("exclusive", operand: 2)), "reverse": .bool(try n.bool("reverse", operand: 3))],
      [x, n.b.constant(ints: [axis])])
  }

  private static func select(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(.where, [:], [try n.tensor(0), try n.tensor(1), try n.tensor(2)])
  }

  private static func reduce(_ n: MindNode, _ mode: Int) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let rank = try n.b.rank(of: x)
    var axes = [Int]()
    for a in try n.ints("axis", operand: 1) ?? [] { axes.append(try n.axis(a, of: x)) }
    // No axes are all of them.
    if axes.isEmpty { axes = Array(0..<rank) }
    return try n.emit(
      .reduceFusion,
      [
        "keep_dims": .bool(try n.bool("keep_dims", operand: 2)), "mode": .number(mode), "reduce_to_end": false, "coeff": 1.0,
      ], [x, n.b.constant(ints: axes)])
  }

  /// Positions along an axis; with values, (positions, values).
  private static func best(_ n: MindNode, _ kind: OperatorKind, values: Bool) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("axis", operand: 1, default: values ? 0 : -1), of: x)
    return try n.emit(
      kind,
      [
        "axis": .number(axis), "top_k": 1, "keep_dims": .bool(try n.bool("keep_dims", operand: 2)), "out_max_value": .bool(values),
      ], [x], count: values ? 2 : 1)
  }

  /// (values, positions) of the largest along the last axis.
  private static func topK(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(
      .topKFusion, ["sorted": .bool(try n.bool("sorted", operand: 2, default: true)), "axis": -1, "largest": 1],
      [try n.tensor(0), try n.tensor(1)], count: 2)
  }

  private static func l2Normalize(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    var axes = [Int]()
    for a in try n.ints("axis") ?? [0] { axes.append(try n.axis(a, of: x)) }
    return try n.emit(
      .l2NormalizeFusion, ["axis": .list(axes), "epsilon": .float(try n.float("epsilon", default: 1e-4)), "activation_type": 0], [x])
  }
}
