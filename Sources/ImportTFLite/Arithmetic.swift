import ConverterCore
import Graph

extension OperatorTable {
  /// Operators that compute element by element, and what belongs to quantisation itself.
  static let arithmetic: [String: OperatorEntry] = [
    "ABS": unary(.abs),
    "SQRT": unary(.sqrt),
    "RSQRT": unary(.rsqrt),
    "SQUARE": unary(.square),
    "SIN": unary(.sin),
    "COS": unary(.cos),
    "LOG": unary(.log),
    "ROUND": unary(.round),
    "CEIL": unary(.ceil),
    "FLOOR": unary(.floor),
    "NEG": unary(.neg),
    "EXP": unary(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0]),
    "SIGN": .one(.real, sign),
    "ATAN2": .one(.real, arcTangent),
    "ADD": fusing(.addFusion),
    "SUB": fusing(.subFusion),
    "MUL": fusing(.mulFusion),
    "DIV": fusing(.divFusion),
    "FLOOR_DIV": .one(.native(), floorDivision),
    "FLOOR_MOD": binary(.floorMod),
    "SQUARED_DIFFERENCE": binary(.squaredDifference),
    "MAXIMUM": binary(.maximum),
    "MINIMUM": binary(.minimum),
    "POW": binary(.powFusion, ["scale": 1.0, "shift": 0.0]),
    "ADD_N": .one(.native()) { (op) throws(EngineError) in
      let terms = try op.allInputs()
      guard let first = terms.first else { throw EngineError(.graphFileError, "there is nothing to add") }
      return terms.count == 1 ? first : try op.add1(.addN, [:], terms)
    },
    "CAST": .one(.native(), cast),
    "QUANTIZE": .one(.native(), quantize),
    "DEQUANTIZE": .one(.real, dequantize),
    "FAKE_QUANT": .one(.real, fakeQuantize),
    "BUCKETIZE": .one(.real, bucketize),
  ]

  private static func unary(_ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:]) -> OperatorEntry {
    .one(.native()) { (op) throws(EngineError) in try op.add1(kind, attributes, [try op.input(0)]) }
  }

  private static func binary(_ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:]) -> OperatorEntry {
    .one(.native()) { (op) throws(EngineError) in try op.add1(kind, attributes, [try op.input(0), try op.input(1)]) }
  }

  /// Operators with a fused activation in field 0.
  private static func fusing(_ kind: OperatorKind) -> OperatorEntry {
    .one(.native(activation: 0)) { (op) throws(EngineError) in
      let a = try op.input(0), b = try op.input(1)
      // The format fuses activations of real numbers only.
      if a.type == .int32 && b.type == .int32 {
        return try op.activate(try op.add1(kind, ["activation_type": 0], [a, b]), try op.options.byte(0))
      }
      let (fused, rest) = try op.fused(0)
      return try op.activate(try op.add1(kind, ["activation_type": fused], [a, b]), rest)
    }
  }

  /// Integers: what is left without the remainder divides exactly; the format's operator cuts off towards 0.
  private static func floorDivision(_ op: Operation) throws(EngineError) -> Tensor {
    let a = try op.input(0), b = try op.input(1)
    guard a.type == .int32 else { return try op.add1(.floorDiv, [:], [a, b]) }
    let whole = try op.graph.add1(.subFusion, ["activation_type": 0], [a, try op.graph.add1(.floorMod, [:], [a, b])])
    return try op.add1(.divFusion, ["activation_type": 0], [whole, b])
  }

  /// (x > 0) - (x < 0), in x's type.
  private static func sign(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0), zero = x.type == .float32 ? op.scalar(Float(0)) : op.scalar(0)
    let above = try op.cast(try op.graph.add1(.greater, [:], [x, zero]), x.type)
    let below = try op.cast(try op.graph.add1(.less, [:], [x, zero]), x.type)
    return try op.graph.add1(.subFusion, [:], [above, below])
  }

  /// The angle of the point (x, y): the arc tangent of the smaller coordinate over the greater one by a polynomial, then the octant.
  /// Error below 3e-7.
  private static func arcTangent(_ op: Operation) throws(EngineError) -> Tensor {
    let graph = op.graph, y = try op.input(0), x = try op.input(1)
    let ay = try graph.add1(.abs, [:], [y]), ax = try graph.add1(.abs, [:], [x])
    let big = try graph.add1(.maximum, [:], [ay, ax]), small = try graph.add1(.minimum, [:], [ay, ax])
    // 0 / 0 is to be 0.
    let t = try graph.add1(.divFusion, [:], [small, try graph.add1(.maximum, [:], [big, op.scalar(Float(1e-37))])])
    // Above tan(pi / 8), atan t = pi / 4 + atan((t - 1) / (t + 1)); below, the polynomial in t squared is exact to single precision.
    let isSteep = try graph.add1(.greater, [:], [t, op.scalar(Float(0.414_213_56))])
    let turned = try graph.add1(
      .divFusion, [:],
      [try graph.add1(.subFusion, [:], [t, op.scalar(Float(1))]), try graph.add1(.addFusion, [:], [t, op.scalar(Float(1))])])
    let u = try graph.add1(.where, [:], [isSteep, turned, t])
    let s = try graph.add1(.square, [:], [u])
    // The polynomial of the Cephes library: (atan u - u) / u^3 in powers of u^2, for u up to tan(pi / 8).
    var p = op.scalar(Float(8.053_744_5e-2))
    for c: Float in [-1.387_768_6e-1, 1.997_771_1e-1, -3.333_294_9e-1] {
      p = try graph.add1(.addFusion, [:], [try graph.add1(.mulFusion, [:], [p, s]), op.scalar(c)])
    }
    p = try graph.add1(.mulFusion, [:], [try graph.add1(.mulFusion, [:], [p, s]), u])
    var angle = try graph.add1(.addFusion, [:], [p, u])
    let quarter = try graph.add1(.addFusion, [:], [angle, op.scalar(Float.pi / 4)])
    angle = try graph.add1(.where, [:], [isSteep, quarter, angle])
    let beyond = try graph.add1(.subFusion, [:], [op.scalar(Float.pi / 2), angle])
    angle = try graph.add1(.where, [:], [try graph.add1(.greater, [:], [ay, ax]), beyond, angle])
    let opposite = try graph.add1(.subFusion, [:], [op.scalar(Float.pi), angle])
    angle = try graph.add1(.where, [:], [try graph.add1(.less, [:], [x, op.scalar(Float(0))]), opposite, angle])
    return try graph.add1(
      .where, [:],
      [try graph.add1(.less, [:], [y, op.scalar(Float(0))]), try graph.add1(.neg, [:], [angle]), angle])
  }

  /// The numbers as they are stored, in the type of the output's tensor.
  private static func cast(_ op: Operation) throws(EngineError) -> Tensor {
    let info = try op.info(0), out = try op.outputInfo(0)
    guard info.type != .complex64, out.type != .complex64, let type = out.type.dataType else {
      throw EngineError(.notSupported, "converts \(info.type.name) to \(out.type.name)")
    }
    var x = try op.importer.value(try op.index(0))
    if info.type == .uint8 && x.type == .int8 { x = try op.importer.cast(x, to: .uint8, params: []) }
    return try op.cast(x, type)
  }

  private static func quantize(_ op: Operation) throws(EngineError) -> Tensor {
    guard op.isNative, let params = try op.importer.quantParams(try op.importer.outputIndex(op, 0), shifted: true) else {
      // The result's form is the file's: it is quantised where every operation's results are.
      return try op.real(0)
    }
    return try op.importer.cast(try op.input(0), to: .int8, params: params)
  }

  private static func dequantize(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0)
    return x.type == .float16 ? try op.cast(x, .float32) : x
  }

  /// Field ids: 0 min, 1 max, 2 bits, 3 narrow range.
  private static func fakeQuantize(_ op: Operation) throws(EngineError) -> Tensor {
    try op.add1(
      .fakeQuantWithMinMaxVars, ["num_bits": .number(try op.options.int(2)), "narrow_range": .bool(try op.options.bool(3))],
      [try op.input(0), op.scalar(try op.options.float(0)), op.scalar(try op.options.float(1))])
  }

  /// How many boundaries (field 0) each element reaches.
  private static func bucketize(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.cast(try op.input(0), .float32), boundaries = try op.options.floats(0) ?? []
    let rows = try op.graph.add1(.expandDims, [:], [x, op.scalar(-1)])
    let reached = try op.graph.add1(.greaterEqual, [:], [rows, op.graph.constant(floats: boundaries)])
    return try op.add1(.reduceFusion, ["mode": 4, "keep_dims": false], [try op.cast(reached, .int32), op.graph.constant(ints: [-1])])
  }
}

extension SubgraphImporter {
  func outputIndex(_ op: Operation, _ i: Int) throws(EngineError) -> Int {
    _ = try op.outputInfo(i)
    return op.source.outputs[i]
  }
}
