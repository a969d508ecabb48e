import ConverterCore
import Graph

/// Elementwise operators of two or more operands, with NumPy broadcasting.
enum ArithmeticOperators {
  static let table: [String: ONNXOperator] = [
    "Add": binary(.addFusion), "Sub": binary(.subFusion), "Mul": binary(.mulFusion), "Div": binary(.divFusion),
    "Max": chained(.maximum), "Min": chained(.minimum), "Sum": chained(.addFusion), "Mean": mean, "Mod": mod, "Pow": pow,
    "Equal": comparison(.equal), "Greater": comparison(.greater), "GreaterOrEqual": comparison(.greaterEqual), "Less": comparison(.less),
    "LessOrEqual": comparison(.lessEqual), "And": logical(.logicalAnd), "Or": logical(.logicalOr), "Xor": logical(.notEqual), "Not": not,
    "BitShift": bitShift, "BitwiseAnd": bitwise(.minimum), "BitwiseOr": bitwise(.maximum), "BitwiseXor": bitwise(.notEqual),
    "BitwiseNot": bitwiseNot, "Where": whereOperator, "Clip": clip,
  ]

  private static func attributes(_ kind: OperatorKind) -> [String: AttributeValue] {
    switch kind {
    case .addFusion, .subFusion, .mulFusion, .divFusion: return ["activation_type": 0]
    default: return [:]
    }
  }

  private static func binary(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in
      let f = Formula(node)
      let a = try node.input(0), b = try node.input(1)
      return [try f.cast(try node.graph.add1(kind, attributes(kind), [try f.number(a), try f.number(b)]), a.type)]
    }
  }

  /// One operand or more, combined one after the other.
  private static func chained(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in
      let f = Formula(node)
      let operands = try node.allInputs()
      guard let first = operands.first else { throw EngineError(.formatError, "it has no operands") }
      if operands.count == 1 { return [first] }
      var result = try f.number(first)
      for operand in operands.dropFirst() {
        result = try node.graph.add1(kind, attributes(kind), [result, try f.number(operand)])
      }
      return [try f.cast(result, first.type)]
    }
  }

  private static func mean(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let sum = try chained(.addFusion)(node)
    return node.inputs.count == 1 ? sum : [try Formula(node).div(sum[0], Formula(node).scalar(Float(node.inputs.count)))]
  }

  /// fmod 0: the sign of the divisor; fmod 1: that of the dividend.
  private static func mod(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    if try node.bool("fmod", false) { return try binary(.mod)(node) }
    let f = Formula(node)
    let x = try node.input(0)
    guard x.type == .float32 else { return try binary(.floorMod)(node) }
    // From the other remainder, which is exact, also for infinite divisors.
    let divisor = try f.float(node.input(1)), zero = f.scalar(Float(0))
    let rest = try f.graph.add1(.mod, [:], [x, divisor])
    let differs = try f.less(f.mul(f.sign(rest), f.sign(divisor)), zero)
    return [try f.choose(differs, f.add(rest, divisor), rest)]
  }

  /// x ^ y in the type of x.
  private static func pow(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let base = try f.number(x)
    var exponent = try f.number(try node.input(1))
    if base.type == .float32 || exponent.type == .int64 { exponent = try f.float(exponent) }
    return [try f.cast(try node.graph.add1(.powFusion, ["scale": 1.0, "shift": 0.0], [base, exponent]), x.type)]
  }

  private static func comparison(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in
      let f = Formula(node)
      return [try node.graph.add1(kind, [:], [try f.widened(try node.input(0)), try f.widened(try node.input(1))])]
    }
  }

  private static func logical(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in [try node.graph.add1(kind, [:], [try node.input(0), try node.input(1)])] }
  }

  private static func not(_ node: ONNXNode) throws(EngineError) -> [Tensor] { [try node.graph.add1(.logicalNot, [:], [try node.input(0)])] }

  // MARK: bits

  /// x * 2^y, wrapping, or x / 2^y rounded down. Shifts of the type's width or more, which also negative ones count as, leave no bit of x
  /// but copies of its sign.
  private static func bitShift(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let direction = try node.choice("direction", "LEFT", "RIGHT")
    let bits = 8 * x.type.size
    let wide: DataType = bits < 32 ? .int32 : .int64
    let shift = try f.float(node.input(1))
    let width = f.scalar(Float(bits))
    let isInside = try f.graph.add1(
      .logicalAnd, [:], [f.less(shift, width), f.graph.add1(.greaterEqual, [:], [shift, f.scalar(Float(0))])])
    let bounded = try f.choose(isInside, shift, f.scalar(Float(0)))
    let power = try f.cast(f.graph.add1(.powFusion, ["scale": 1.0, "shift": 0.0], [f.scalar(Float(2)), bounded]), wide)
    let value = try f.cast(x, wide)
    let shifted = try direction == "LEFT" ? f.mul(value, power) : f.floorDiv(value, power)
    let zero = try f.scalar(0, wide)
    let outside = try direction == "LEFT" ? zero : f.minimum(f.sign(value), zero)
    return [try f.cast(f.choose(isInside, shifted, outside), x.type)]
  }

  private static func bitwiseNot(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let wide = try f.widened(x)
    return [try f.cast(try f.sub(try f.scalar(-1, wide.type), wide), x.type)]
  }

  /// And, or, xor of integers: their bits along a new last axis, combined as numbers 0 and 1, and put together again.
  private static func bitwise(_ kind: OperatorKind) -> ONNXOperator {
    return { node throws(EngineError) in
      let f = Formula(node)
      let a = try node.input(0), b = try node.input(1)
      let bits = 8 * a.type.size
      let wide: DataType = bits < 32 ? .int32 : .int64
      let graph = node.graph
      // Two's complement: the highest bit counts negatively. Dividing by 2^63 - 1 instead of 2^63 tells the sign of 64 bits.
      let weights = (0..<bits).map { powerOfTwo($0) * ($0 == bits - 1 ? -1 : 1) }
      let divisors = try f.cast(graph.constant(floats: (0..<bits).map { powerOfTwo($0) }), wide)
      let two = try f.scalar(2, wide)
      var sides = [Tensor]()
      for x in [a, b] {
        let column = try f.unsqueeze(try f.cast(x, wide), [try graph.rank(of: x)])
        sides.append(try f.floorMod(try f.floorDiv(column, divisors), two))
      }
      let combined = try f.cast(try graph.add1(kind, [:], sides), wide)
      let weighted = try f.mul(combined, try f.cast(graph.constant(floats: weights), wide))
      let axis = max(try graph.rank(of: a), try graph.rank(of: b))
      return [try f.cast(try f.reduce(weighted, ReduceNumber.sum, [axis], keep: false), a.type)]
    }
  }

  private static func powerOfTwo(_ exponent: Int) -> Float { Float(sign: .plus, exponent: exponent, significand: 1) }

  // MARK: choice

  private static func whereOperator(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    [try Formula(node).choose(try node.input(0), try node.input(1), try node.input(2))]
  }

  /// min(max(x, low), high); a bound that is left out does not bind. Bounds are attributes before version 11.
  private static func clip(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let low: Tensor?, high: Tensor?
    if node.version < 11 {
      low = try node.optionalFloat("min").map { f.scalar($0) }
      high = try node.optionalFloat("max").map { f.scalar($0) }
    } else {
      (low, high) = (node.optional(1), node.optional(2))
    }
    if low == nil && high == nil { return [x] }
    if x.type == .float32, let range = try constantRange(node, low, high), range.high > range.low {
      if range == (0, .infinity) { return [try f.relu(x)] }
      if range == (0, 6) { return [try f.activation(x, ActivationNumber.relu6)] }
      return [try f.clamp(x, max(range.low, -.greatestFiniteMagnitude), min(range.high, .greatestFiniteMagnitude))]
    }
    var y = try f.widened(x)
    if let low { y = try f.maximum(y, try f.widened(low)) }
    if let high { y = try f.minimum(y, try f.widened(high)) }
    return [try f.cast(y, x.type)]
  }

  /// The bounds, when they are constants (or absent).
  private static func constantRange(_ node: ONNXNode, _ low: Tensor?, _ high: Tensor?) throws(EngineError) -> (low: Float, high: Float)? {
    func value(_ bound: Tensor?, _ fallback: Float) throws(EngineError) -> Float? {
      guard let bound else { return fallback }
      guard bound.isConstant else { return nil }
      let values = try node.graph.floats(bound, "a bound")
      guard values.count == 1 else { throw EngineError(.formatError, "the bound \(bound) is not one number") }
      return values[0]
    }
    guard let a = try value(low, -.infinity), let b = try value(high, .infinity), !a.isNaN, !b.isNaN else { return nil }
    return (a, b)
  }
}
