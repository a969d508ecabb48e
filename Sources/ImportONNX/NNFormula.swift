import ConverterCore
import Graph

/// Numbers of the format's activations.
enum ActivationNumber {
  static let none = 0, relu = 1, sigmoid = 2, relu6 = 3, elu = 4, leakyRelu = 5, softplus = 9, tanh = 10, hswish = 12, hsigmoid = 13
  static let hardTanh = 16, swish = 18, gelu = 19
}

/// Numbers of the format's reductions.
enum ReduceNumber {
  static let mean = 0, max = 1, min = 2, prod = 3, sum = 4, sumSquare = 5, absSum = 6, l2 = 8
}

/// Short names for the nodes that layers are put together from, for operators that the format has no node for.
struct Formula {
  let graph: GraphBuilder
  init(_ graph: GraphBuilder) { self.graph = graph }
  init(_ node: ONNXNode) { graph = node.graph }

  // MARK: constants

  /// A rank-0 constant, which broadcasts to everything without changing a rank.
  func scalar(_ value: Float) -> Tensor { graph.constant(floats: [value], dims: []) }
  func scalar(_ value: Int) -> Tensor { graph.constant(ints: [value], dims: []) }
  /// The constant 1-D tensor of these integers.
  func list(_ values: [Int]) -> Tensor { graph.constant(ints: values) }

  // MARK: elementwise

  func add(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.addFusion, [:], [a, b]) }
  func sub(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.subFusion, [:], [a, b]) }
  func mul(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.mulFusion, [:], [a, b]) }
  func div(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.divFusion, [:], [a, b]) }
  func maximum(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.maximum, [:], [a, b]) }
  func minimum(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.minimum, [:], [a, b]) }
  func add(_ a: Tensor, _ b: Float) throws(EngineError) -> Tensor { b == 0 ? a : try add(a, scalar(b)) }
  func mul(_ a: Tensor, _ b: Float) throws(EngineError) -> Tensor { b == 1 ? a : try mul(a, scalar(b)) }

  func unary(_ kind: OperatorKind, _ x: Tensor) throws(EngineError) -> Tensor { try graph.add1(kind, [:], [x]) }
  func exp(_ x: Tensor) throws(EngineError) -> Tensor { try graph.add1(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [x]) }
  func pow(_ x: Tensor, _ exponent: Float) throws(EngineError) -> Tensor {
    try graph.add1(.powFusion, ["scale": 1.0, "shift": 0.0], [x, scalar(exponent)])
  }

  func activation(
    _ x: Tensor, _ type: Int, alpha: Float = 0, range: (low: Float, high: Float)? = nil, approximate: Bool = false
  ) throws(EngineError) -> Tensor {
    var attributes: [String: AttributeValue] = ["activation_type": .number(type)]
    if alpha != 0 { attributes["alpha"] = .float(Double(alpha)) }
    if let range {
      attributes["min_val"] = .float(Double(range.low))
      attributes["max_val"] = .float(Double(range.high))
    }
    if type == ActivationNumber.gelu { attributes["approximate"] = .bool(approximate) }
    return try graph.add1(.activation, attributes, [x])
  }
  func sigmoid(_ x: Tensor) throws(EngineError) -> Tensor { try activation(x, ActivationNumber.sigmoid) }
  func tanh(_ x: Tensor) throws(EngineError) -> Tensor { try activation(x, ActivationNumber.tanh) }
  func relu(_ x: Tensor) throws(EngineError) -> Tensor { try activation(x, ActivationNumber.relu) }
  func clamp(_ x: Tensor, _ low: Float, _ high: Float) throws(EngineError) -> Tensor {
    try activation(x, ActivationNumber.hardTanh, range: (low, high))
  }

  /// `a` where the condition holds, `b` elsewhere.
  func choose(_ condition: Tensor, _ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor {
    try graph.add1(.where, [:], [condition, a, b])
  }
  func greater(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.greater, [:], [a, b]) }
  func less(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.less, [:], [a, b]) }

  func cast(_ x: Tensor, _ type: DataType) throws(EngineError) -> Tensor {
    if x.type == type { return x }
    return try graph.add1(.cast, [:], [x, scalar(Int(type.rawValue))])
  }

  /// To the nearest integer, halves to the even one. (The format's Round takes halves away from zero in the original runtime.)
  func roundToEven(_ x: Tensor) throws(EngineError) -> Tensor {
    let low = try unary(.floor, x)
    let rest = try sub(x, low)
    let half = try mul(low, 0.5)
    let isOdd = try greater(try sub(half, try unary(.floor, half)), scalar(Float(0.25)))
    let up = try graph.add1(.logicalOr, [:], [
      try greater(rest, scalar(Float(0.5))),
      try graph.add1(.logicalAnd, [:], [try graph.add1(.equal, [:], [rest, scalar(Float(0.5))]), isOdd]),
    ])
    return try add(low, try cast(up, .float32))
  }

  // MARK: shape

  func shape(_ x: Tensor) throws(EngineError) -> Tensor { try graph.add1(.shape, [:], [x]) }
  func unsqueeze(_ x: Tensor, _ axes: [Int]) throws(EngineError) -> Tensor {
    if axes.isEmpty { return x }
    return try graph.add1(.unsqueeze, ["axis": .list(axes)], [x])
  }
  func squeeze(_ x: Tensor, _ axes: [Int]) throws(EngineError) -> Tensor {
    if axes.isEmpty { return x }
    return try graph.add1(.squeeze, ["axis": .list(axes)], [x])
  }
  func reverse(_ x: Tensor, _ axes: [Int]) throws(EngineError) -> Tensor {
    try graph.add1(.reverseV2, ["axis": .list(axes)], [x])
  }
  /// A tensor of `dims`, which the graph computes, filled with one value.
  func fill(_ value: Float, _ dims: Tensor) throws(EngineError) -> Tensor { try graph.add1(.fill, [:], [scalar(value), dims]) }

  func concat(_ parts: [Tensor], _ axis: Int) throws(EngineError) -> Tensor {
    if parts.count == 1 { return parts[0] }
    return try graph.add1(.concat, ["axis": .number(axis)], parts)
  }

  func split(_ x: Tensor, _ axis: Int, sizes: [Int]) throws(EngineError) -> [Tensor] {
    if sizes.count == 1 { return [x] }
    return try graph.add(
      .split, ["axis": .number(axis), "output_num": .number(sizes.count), "size_splits": .list(sizes)], [x], outputs: sizes.count)
  }

  /// The largest number a slice can end with: to the end of the axis.
  static let end = Int(Int32.max)

  func slice(_ x: Tensor, axis: Int, from start: Int, to end: Int, step: Int = 1) throws(EngineError) -> Tensor {
    try graph.add1(.stridedSlice, [:], [x, list([start]), list([end]), list([axis]), list([step])])
  }

  func gather(_ x: Tensor, _ indices: Tensor, axis: Int) throws(EngineError) -> Tensor {
    try graph.add1(.gather, [:], [x, indices, scalar(axis)])
  }

  /// Pads each axis by [before, after].
  func pad(_ x: Tensor, _ pads: [[Int]], value: Float = 0) throws(EngineError) -> Tensor {
    if pads.allSatisfy({ $0.allSatisfy { $0 == 0 } }) { return x }
    return try graph.add1(
      .padFusion, ["padding_mode": 0, "constant_value": .float(Double(value))],
      [x, graph.constant(ints: pads.flatMap { $0 }, dims: [pads.count, 2])])
  }

  // MARK: sums

  func reduce(_ x: Tensor, _ mode: Int, _ axes: [Int], keep: Bool = true) throws(EngineError) -> Tensor {
    try graph.add1(.reduceFusion, ["keep_dims": .bool(keep), "mode": .number(mode)], [x, list(axes)])
  }

  func matmul(
    _ a: Tensor, _ b: Tensor, transposeA: Bool = false, transposeB: Bool = false, bias: Tensor? = nil
  ) throws(EngineError) -> Tensor {
    try graph.add1(
      .matMulFusion, ["transpose_a": .bool(transposeA), "transpose_b": .bool(transposeB)], bias.map { [a, b, $0] } ?? [a, b])
  }
}

extension ONNXNode {
  /// The statement of a layer's rank that the converter cannot express.
  func refuseRank(_ rank: Int) -> EngineError {
    EngineError(.notSupported, "the operand has rank \(rank); the engine has this layer for images, and for what can be taken for one")
  }
}
