import ConverterCore
import Graph

/// Elementwise functions of one operand.
enum FunctionOperators {
  static let table: [String: ONNXOperator] = [
    "Abs": number(.abs), "Neg": number(.neg), "Sqrt": float(.sqrt), "Log": float(.log), "Sin": float(.sin), "Cos": float(.cos),
    "Floor": float(.floor), "Ceil": float(.ceil), "Reciprocal": float(.reciprocal), "Erf": float(.erf),
    "Exp": function { f, x throws(EngineError) in try f.exp(x) },
    "Round": function { f, x throws(EngineError) in try f.roundToEven(x) },
    "Tan": function { f, x throws(EngineError) in try f.div(try f.unary(.sin, x), try f.unary(.cos, x)) },
    "Sinh": function { f, x throws(EngineError) in try f.mul(try f.sub(try f.exp(x), try f.exp(try f.neg(x))), 0.5) },
    "Cosh": function { f, x throws(EngineError) in try f.mul(try f.add(try f.exp(x), try f.exp(try f.neg(x))), 0.5) },
    "Asinh": function(asinh), "Acosh": function(acosh), "Atanh": function(atanh),
    "Asin": function(asin), "Acos": function(acos), "Atan": function(atan),
    "Sign": sign, "IsNaN": isNaN, "IsInf": isInf, "Cast": cast, "CastLike": castLike, "BitCast": bitCast, "Identity": identity, "Dropout": dropout,
  ]

  // MARK: plain functions

  private typealias Function = @Sendable (Formula, Tensor) throws(EngineError) -> Tensor

  /// A function of real numbers.
  private static func function(_ body: @escaping Function) -> ONNXOperator {
    return { node throws(EngineError) in
      let x = try node.input(0), f = Formula(node)
      return [try f.cast(try body(f, try f.float(x)), x.type)]
    }
  }
  private static func float(_ kind: OperatorKind) -> ONNXOperator { function { f, x throws(EngineError) in try f.unary(kind, x) } }

  /// A function of integers too.
  private static func number(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in
      let x = try node.input(0), f = Formula(node)
      return [try f.cast(try f.unary(kind, try f.widened(x)), x.type)]
    }
  }

  // Inverse functions, from logarithms that are exact near 1: log1p(t) = log(1 + t).

  @Sendable private static func asinh(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    let a = try f.unary(.abs, x)
    let square = try f.unary(.square, a)
    let root = try f.unary(.sqrt, try f.add(square, 1))
    let y = try f.log1p(try f.add(a, try f.div(square, try f.add(root, 1))))
    return try f.mul(y, try f.sign(x))
  }

  @Sendable private static func acosh(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    let t = try f.add(x, -1)
    return try f.log1p(try f.add(t, try f.unary(.sqrt, try f.mul(t, try f.add(t, 2)))))
  }

  @Sendable private static func atanh(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    try f.mul(try f.sub(try f.log1p(x), try f.log1p(try f.neg(x))), 0.5)
  }

  // The arc functions: atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))) brings every number to [-tan(pi/8), tan(pi/8)] in two steps, where a
  // polynomial has float32's precision.

  /// 2 atan(x) for |x| <= 1.
  private static func twiceAtan(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    let root = try f.unary(.sqrt, try f.add(try f.unary(.square, x), 1))
    let t = try f.div(x, try f.add(root, 1))
    let z = try f.unary(.square, t)
    var p = f.scalar(Float(8.05374449538e-2))
    for coefficient: Float in [-1.38776856032e-1, 1.99777106478e-1, -3.33329491539e-1, 1] { p = try f.add(try f.mul(p, z), coefficient) }
    return try f.mul(try f.mul(p, t), 4)
  }

  @Sendable private static func atan(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    // Beyond 10^18 the square would be infinite, and the result does not change any more.
    let bounded = try f.clamp(x, -1e18, 1e18)
    let root = try f.unary(.sqrt, try f.add(try f.unary(.square, bounded), 1))
    return try twiceAtan(f, try f.div(bounded, try f.add(root, 1)))
  }

  @Sendable private static func asin(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    let root = try f.unary(.sqrt, try f.mul(try f.sub(f.scalar(Float(1)), x), try f.add(x, 1)))
    return try twiceAtan(f, try f.div(x, try f.add(root, 1)))
  }

  @Sendable private static func acos(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    let ratio = try f.div(try f.sub(f.scalar(Float(1)), x), try f.add(x, 1))
    return try f.mul(try atan(f, try f.unary(.sqrt, ratio)), 2)
  }

  // MARK: tests and types

  private static func sign(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try node.input(0), f = Formula(node)
    return [try f.cast(try f.sign(try f.widened(x)), x.type)]
  }

  private static func isNaN(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let x = try Formula(node).float(try node.input(0))
    return [try node.graph.add1(.notEqual, [:], [x, x])]
  }

  private static func isInf(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try f.float(try node.input(0))
    let negative = try node.bool("detect_negative", true), positive = try node.bool("detect_positive", true)
    if negative && positive { return [try f.equal(try f.unary(.abs, x), f.scalar(Float.infinity))] }
    // Neither: no number equals NaN.
    return [try f.equal(x, f.scalar(positive ? Float.infinity : negative ? -Float.infinity : Float.nan))]
  }

  private static func cast(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    // Both concern the eight-bit floats only.
    node.ignore("saturate", "round_mode")
    guard let type = try node.optionalType("to") else { throw EngineError(.formatError, "attribute \"to\" is missing") }
    try node.refuse(type == .string, "the engine has no numbers as text")
    let code = Int32(clamping: try node.int("to"))
    let f = Formula(node)
    let x = try node.input(0)
    if code == ElementType.int4 || code == ElementType.uint4 { return [try f.wrappedToFourBits(x, code)] }
    return [try f.cast(x, type)]
  }

  private static func castLike(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    node.ignore("saturate", "round_mode")
    let x = try node.input(0), like = try node.input(1)
    if let code = node.scope.importer.fourBitType(of: like) { return [try Formula(node).wrappedToFourBits(x, code)] }
    return [try Formula(node).cast(x, like.type)]
  }

  /// The same bits as integers of the same size with another sign: what a cast that wraps around gives.
  private static func bitCast(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    guard let type = try node.optionalType("to") else { throw EngineError(.formatError, "attribute \"to\" is missing") }
    let x = try node.input(0)
    let small: Set<DataType> = [.bool, .int8, .uint8, .int16, .uint16]
    // Numbers of 32 bits can be 64-bit ones of the source model, which are held in fewer bits.
    try node.refuse(
      x.type.size != type.size || !small.contains(x.type) || !small.contains(type) || type == .bool,
      "the bits of \(x) as \(Message(text: type.name).text) cannot be expressed; those of integers of up to 16 bits can")
    return [try Formula(node).cast(Formula(node).int(x), type)]
  }

  private static func identity(_ node: ONNXNode) throws(EngineError) -> [Tensor] { [try node.input(0)] }

  /// Nothing is dropped outside training; the mask is true everywhere.
  private static func dropout(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    node.ignore("ratio", "seed", "is_test")
    let f = Formula(node)
    let x = try node.input(0)
    if let mode = node.optional(2) {
      let training = try node.graph.integers(mode, "the training mode").contains { $0 != 0 }
      let ratio = try node.optional(1).map { ratio throws(EngineError) in try node.graph.floats(ratio, "the ratio").first ?? 0 } ?? 0.5
      try node.refuse(training && ratio != 0, "it drops numbers at random (training mode with the ratio \(Message(text: "\(ratio)").text))")
    }
    if !node.wants(1) { return [try kept(node, x)] }
    let mask = try node.graph.add1(.fill, [:], [node.graph.constant(bools: [true], dims: []), try f.shape(x)])
    return [x, mask]
  }
}

extension FunctionOperators {
  /// A model that will be trained drops numbers then.
  private static func kept(_ node: ONNXNode, _ x: Tensor) throws(EngineError) -> Tensor {
    guard node.graph.model.options.differentiates else { return x }
    let ratio: Float
    if let operand = node.optional(1) {
      ratio = try node.graph.floats(operand, "the ratio").first ?? 0.5
    } else {
      ratio = try node.float("ratio", 0.5)
    }
    return ratio > 0 && ratio < 1 ? try node.graph.add1(.dropout, ["keep_prob": .float(Double(1 - ratio))], [x]) : x
  }
}

extension Formula {
  /// Four-bit integers keep the lowest four bits of a number.
  func wrappedToFourBits(_ x: Tensor, _ code: Int32) throws(EngineError) -> Tensor {
    let low = try floorMod(cast(x, .int32), scalar(16))
    if code == ElementType.uint4 { return try cast(low, .uint8) }
    return try cast(sub(low, mul(cast(greater(low, scalar(7)), .int32), scalar(16))), .int8)
  }

  /// -1, 0 or 1 (0 for NaN), in the type of x.
  func sign(_ x: Tensor) throws(EngineError) -> Tensor {
    let zero = try scalar(0, x.type)
    return try sub(try cast(try greater(x, zero), x.type), try cast(try less(x, zero), x.type))
  }
}
