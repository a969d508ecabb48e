import ConverterCore
import Graph

extension OperatorTable {
  /// Activation functions and normalisations.
  static let activations: [String: OperatorEntry] = [
    "RELU": activation(Activation.relu),
    "RELU6": activation(Activation.relu6),
    "RELU_N1_TO_1": activation(Activation.hardTanh, ["min_val": -1.0, "max_val": 1.0]),
    "RELU_0_TO_1": activation(Activation.hardTanh, ["min_val": 0.0, "max_val": 1.0]),
    "TANH": activation(Activation.tanh),
    "LOGISTIC": activation(Activation.sigmoid),
    "HARD_SWISH": activation(Activation.hswish),
    "ELU": activation(Activation.elu, ["alpha": 1.0]),
    "LEAKY_RELU": .one(.native()) { (op) throws(EngineError) in
      try op.add1(
        .activation, ["activation_type": .number(Activation.leakyRelu), "alpha": .float(Double(try op.options.float(0)))],
        [try op.input(0)])
    },
    "GELU": .one(.native()) { (op) throws(EngineError) in
      try op.add1(
        .activation, ["activation_type": .number(Activation.gelu), "approximate": .bool(try op.options.bool(0))], [try op.input(0)])
    },
    "PRELU": .one(.native(), prelu),
    "SOFTMAX": .one(.native(), softmax),
    "LOG_SOFTMAX": .one(.native()) { (op) throws(EngineError) in try op.add1(.logSoftmax, ["axis": -1], [try op.input(0)]) },
    "L2_NORMALIZATION": .one(.native(activation: 0)) { (op) throws(EngineError) in
      let (fused, rest) = try op.fused(0)
      let y = try op.add1(
        .l2NormalizeFusion, ["axis": [-1], "epsilon": 1e-6, "activation_type": fused], [try op.input(0)])
      return try op.activate(y, rest)
    },
    "LOCAL_RESPONSE_NORMALIZATION": .one(.real) { (op) throws(EngineError) in
      try op.add1(
        .lrn,
        [
          "depth_radius": .number(try op.options.int(0)), "bias": .float(Double(try op.options.float(1))),
          "alpha": .float(Double(try op.options.float(2))), "beta": .float(Double(try op.options.float(3))),
        ], [try op.input(0)])
    },
  ]

  private static func activation(_ type: Int, _ attributes: [String: AttributeValue] = [:]) -> OperatorEntry {
    .one(.native()) { (op) throws(EngineError) in
      let x = try op.input(0)
      if x.type == .int32 && (type == Activation.relu || type == Activation.relu6 || type == Activation.hardTanh) {
        return try op.activate(
          x, type == Activation.relu ? TFLiteActivation.relu : type == Activation.relu6 ? TFLiteActivation.relu6 : TFLiteActivation.reluN1To1)
      }
      return try op.add1(.activation, attributes.merging(["activation_type": .number(type)]) { a, _ in a }, [x])
    }
  }

  /// x > 0 ? x : slope x. The format takes one slope, or one for each index of the last axis; a slope of another shape is
  /// max(x, 0) + slope min(x, 0).
  private static func prelu(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0), slope = try op.input(1)
    let dims = op.graph.dims(of: slope) ?? [-1]
    let outer = dims.dropLast()
    if slope.isConstant, outer.allSatisfy({ $0 == 1 }), dims.last ?? 1 > 0 {
      let last = dims.last ?? 1
      let flat = dims.count == 1 ? slope : try reshapedConstant(op, slope, [last])
      return try op.add1(.pReLUFusion, ["channel_shared": .bool(last == 1)], [x, flat])
    }
    let px = op.isNative ? try op.real(0) : x, ps = op.isNative ? try op.real(1) : slope
    let zero = op.scalar(Float(0))
    let positive = try op.graph.add1(.maximum, [:], [px, zero]), negative = try op.graph.add1(.minimum, [:], [px, zero])
    return try op.graph.add1(.addFusion, [:], [positive, try op.graph.add1(.mulFusion, [:], [negative, ps])])
  }

  /// A constant in another shape, with its parameters.
  static func reshapedConstant(_ op: Operation, _ t: Tensor, _ dims: [Int]) throws(EngineError) -> Tensor {
    let params = t.quantParams
    let result = try op.graph.reshape(t, dims)
    result.quantParams = params
    return result
  }

  /// The exponentials are of beta x (field 0).
  private static func softmax(_ op: Operation) throws(EngineError) -> Tensor {
    let beta = try op.options.isPresent ? op.options.float(0) : 1
    if beta == 1 { return try op.add1(.softmax, ["axis": [-1]], [try op.input(0)]) }
    let x = try op.graph.add1(.mulFusion, [:], [try op.real(0), op.scalar(beta)])
    return try op.graph.add1(.softmax, ["axis": [-1]], [x])
  }
}
