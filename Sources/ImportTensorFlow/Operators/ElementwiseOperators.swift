import ConverterCore
import Graph

/// Operators on one tensor, element by element.
enum ElementwiseOperators {
  static let table: [String: TensorFlowOperator] = [
    "Abs": same(.abs), "Neg": same(.neg), "Sqrt": same(.sqrt), "Rsqrt": same(.rsqrt), "Square": same(.square), "Log": same(.log),
    "Sin": same(.sin), "Cos": same(.cos), "Floor": same(.floor), "Ceil": same(.ceil), "Erf": same(.erf), "Log1p": same(.log1p),
    "LogicalNot": same(.logicalNot), "IsFinite": same(.isFinite), "ZerosLike": same(.zerosLike), "OnesLike": same(.onesLike),
    "Reciprocal": same(.reciprocal), "Inv": same(.reciprocal),
    "Exp": { n throws(EngineError) in [try n.graph.add1(.expFusion, exponential, [n.input(0)])] },
    "Expm1": { n throws(EngineError) in [try expm1(n, n.input(0))] },
    "Rint": round, "Round": round,
    "Sign": sign, "IsNan": isNan, "IsInf": isInfinite,
    "Tan": { n throws(EngineError) in
      let x = try n.input(0)
      return [try n.graph.add1(.realDiv, [:], [n.graph.add1(.sin, [:], [x]), n.graph.add1(.cos, [:], [x])])]
    },
    "Sinh": hyperbolic(.subFusion), "Cosh": hyperbolic(.addFusion),
    "Erfc": { n throws(EngineError) in
      [try n.graph.add1(.subFusion, [:], [n.graph.constant(floats: [1], dims: []), n.graph.add1(.erf, [:], [n.input(0)])])]
    },
    "Relu": activation(1), "Relu6": activation(3), "Sigmoid": activation(2), "Tanh": activation(10), "Softplus": activation(9),
    "Elu": { n throws(EngineError) in [try n.graph.add1(.activation, ["activation_type": 4, "alpha": 1.0], [n.input(0)])] },
    "LeakyRelu": { n throws(EngineError) in [try leakyRelu(n, n.input(0), n.float("alpha", 0.2))] },
    "Selu": selu, "Softsign": softsign,
    "Softmax": { n throws(EngineError) in [try n.graph.add1(.softmax, ["axis": [-1]], [n.input(0)])] },
    "LogSoftmax": { n throws(EngineError) in [try n.graph.add1(.logSoftmax, ["axis": -1], [n.input(0)])] },
    "Cast": cast, "Bitcast": bitcast,
    "ClipByValue": { n throws(EngineError) in
      [try n.graph.add1(.minimum, [:], [n.graph.add1(.maximum, [:], [n.input(0), n.input(1)]), n.input(2)])]
    },
    "FakeQuantWithMinMaxVars": fakeQuantization(.fakeQuantWithMinMaxVars),
    "FakeQuantWithMinMaxVarsPerChannel": fakeQuantization(.fakeQuantWithMinMaxVarsPerChannel),
    "FakeQuantWithMinMaxArgs": { n throws(EngineError) in
      let range = [
        n.graph.constant(floats: [try n.float("min", -6)], dims: []), n.graph.constant(floats: [try n.float("max", 6)], dims: []),
      ]
      return [try n.graph.add1(.fakeQuantWithMinMaxVars, fakeQuantizationAttributes(n), [n.input(0)] + range)]
    },
  ]

  private static let exponential: [String: AttributeValue] = ["base": -1.0, "scale": 1.0, "shift": 0.0]

  /// The operator of the same meaning.
  private static func same(_ kind: OperatorKind) -> TensorFlowOperator {
    { n throws(EngineError) in [try n.graph.add1(kind, [:], [n.input(0)])] }
  }

  static func activate(_ n: TensorFlowNode, _ x: Tensor, _ type: Int) throws(EngineError) -> Tensor {
    try n.graph.add1(.activation, ["activation_type": .number(type)], [x])
  }

  private static func activation(_ type: Int) -> TensorFlowOperator {
    { n throws(EngineError) in [try activate(n, n.input(0), type)] }
  }

  static func leakyRelu(_ n: TensorFlowNode, _ x: Tensor, _ alpha: Float) throws(EngineError) -> Tensor {
    try n.graph.add1(.activation, ["activation_type": 5, "alpha": .float(Double(alpha))], [x])
  }

  private static func scalar(_ n: TensorFlowNode, _ value: Float) -> Tensor { n.graph.constant(floats: [value], dims: []) }

  /// exp(x) - 1.
  private static func expm1(_ n: TensorFlowNode, _ x: Tensor) throws(EngineError) -> Tensor {
    try n.graph.add1(.subFusion, [:], [n.graph.add1(.expFusion, exponential, [x]), scalar(n, 1)])
  }

  /// To the nearest integer, halves to the even one. The format's Round takes halves away from zero; of half the number it gives
  /// half the even neighbour.
  private static func round(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let (x, g) = (try n.input(0), n.graph)
    if x.type == .int32 { return [x] }
    let away = try g.add1(.round, [:], [x])
    let even = try g.add1(.mulFusion, [:], [g.add1(.round, [:], [g.add1(.mulFusion, [:], [x, scalar(n, 0.5)])]), scalar(n, 2)])
    let distance = try g.add1(.abs, [:], [g.add1(.subFusion, [:], [away, x])])
    return [try g.add1(.where, [:], [g.add1(.equal, [:], [distance, scalar(n, 0.5)]), even, away])]
  }

  /// -1, 0 or 1.
  private static func sign(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let (x, g) = (try n.input(0), n.graph)
    let zero = x.type == .int32 ? g.constant(ints: [0], dims: []) : scalar(n, 0)
    let type = g.constant(ints: [Int(x.type.rawValue)], dims: [])
    let above = try g.add1(.cast, [:], [g.add1(.greater, [:], [x, zero]), type])
    let below = try g.add1(.cast, [:], [g.add1(.less, [:], [x, zero]), type])
    return [try g.add1(.subFusion, [:], [above, below])]
  }

  private static func isNan(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    [try n.graph.add1(.notEqual, [:], [n.input(0), n.input(0)])]
  }

  private static func isInfinite(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    [try n.graph.add1(.equal, [:], [n.graph.add1(.abs, [:], [n.input(0)]), scalar(n, .infinity)])]
  }

  /// (exp(x) - exp(-x)) / 2, or with a plus.
  private static func hyperbolic(_ kind: OperatorKind) -> TensorFlowOperator {
    { n throws(EngineError) in
      let (x, g) = (try n.input(0), n.graph)
      let up = try g.add1(.expFusion, exponential, [x])
      let down = try g.add1(.expFusion, exponential, [g.add1(.neg, [:], [x])])
      return [try g.add1(.mulFusion, [:], [g.add1(kind, [:], [up, down]), scalar(n, 0.5)])]
    }
  }

  /// scale * elu(x, alpha), with the constants of self-normalising networks.
  private static func selu(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let elu = try n.graph.add1(.activation, ["activation_type": 4, "alpha": 1.6732632423543772], [n.input(0)])
    return [try n.graph.add1(.mulFusion, [:], [elu, scalar(n, 1.0507009873554805)])]
  }

  /// x / (1 + |x|).
  private static func softsign(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let (x, g) = (try n.input(0), n.graph)
    return [try g.add1(.realDiv, [:], [x, g.add1(.addFusion, [:], [g.add1(.abs, [:], [x]), scalar(n, 1)])])]
  }

  /// To another element type, as the engine narrows it.
  static func cast(_ n: TensorFlowNode, _ x: Tensor, to type: DataType) throws(EngineError) -> Tensor {
    if x.type == type { return x }
    return try n.graph.add1(.cast, [:], [x, n.graph.constant(ints: [Int(type.rawValue)], dims: [])])
  }

  /// `Truncate` concerns only how floats lose digits of their fraction.
  private static func cast(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    guard let type = try n.type("DstT") else { throw EngineError(.formatError, "attribute \"DstT\" is missing") }
    if type == .string { throw EngineError(.notSupported, "numbers cannot be converted to strings") }
    return [try cast(n, n.input(0), to: type)]
  }

  /// The bits as another type: possible where the engine has one type for both.
  private static func bitcast(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let x = try n.input(0)
    guard let type = try n.type("type"), type == x.type else {
      throw EngineError(.notSupported, "the bits of \(x) cannot be taken as another type")
    }
    return [x]
  }

  private static func fakeQuantizationAttributes(_ n: TensorFlowNode) throws(EngineError) -> [String: AttributeValue] {
    ["num_bits": .number(try n.int("num_bits", 8)), "narrow_range": .bool(try n.bool("narrow_range"))]
  }

  private static func fakeQuantization(_ kind: OperatorKind) -> TensorFlowOperator {
    { n throws(EngineError) in [try n.graph.add1(kind, fakeQuantizationAttributes(n), n.inputs(0..<3))] }
  }
}
