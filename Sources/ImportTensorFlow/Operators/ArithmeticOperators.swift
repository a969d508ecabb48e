import ConverterCore
import Graph

/// Operators on two or more tensors, element by element, with NumPy's broadcasting.
enum ArithmeticOperators {
  static let table: [String: TensorFlowOperator] = [
    "Add": pair(.addFusion), "AddV2": pair(.addFusion), "Sub": pair(.subFusion), "Mul": pair(.mulFusion), "RealDiv": pair(.realDiv),
    "Div": division, "TruncateDiv": division, "FloorDiv": floorDivision, "FloorMod": pair(.floorMod), "Mod": pair(.mod),
    "TruncateMod": pair(.mod), "Maximum": pair(.maximum), "Minimum": pair(.minimum), "SquaredDifference": pair(.squaredDifference),
    "Pow": pair(.powFusion), "Equal": pair(.equal), "NotEqual": pair(.notEqual), "Greater": pair(.greater),
    "GreaterEqual": pair(.greaterEqual), "Less": pair(.less), "LessEqual": pair(.lessEqual), "LogicalAnd": pair(.logicalAnd),
    "LogicalOr": pair(.logicalOr), "LogicalXor": pair(.notEqual),
    "DivNoNan": divNoNan, "MulNoNan": { n throws(EngineError) in try zeroWhere(n, 1, .mulFusion, nil) },
    "Xdivy": { n throws(EngineError) in try zeroWhere(n, 0, .realDiv, nil) },
    "Xlogy": { n throws(EngineError) in try zeroWhere(n, 0, .mulFusion, .log) },
    "Xlog1py": { n throws(EngineError) in try zeroWhere(n, 0, .mulFusion, .log1p) },
    "ApproximateEqual": { n throws(EngineError) in
      let distance = try n.graph.add1(.abs, [:], [n.graph.add1(.subFusion, [:], [n.input(0), n.input(1)])])
      return [try n.graph.add1(.less, [:], [distance, n.graph.constant(floats: [n.float("tolerance", 1e-5)], dims: [])])]
    },
    "AddN": addN, "AccumulateNV2": addN,
    "Select": { n throws(EngineError) in [try select(n, extend: true)] },
    "SelectV2": { n throws(EngineError) in [try select(n, extend: false)] },
    "Assert": check,
  ]

  private static func pair(_ kind: OperatorKind) -> TensorFlowOperator {
    { n throws(EngineError) in [try n.graph.add1(kind, [:], [n.input(0), n.input(1)])] }
  }

  /// Division of floats; of integers the quotient without its fraction.
  private static func division(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let (x, y) = (try n.input(0), try n.input(1))
    return [try n.graph.add1(x.type == .float32 ? .realDiv : .divFusion, [:], [x, y])]
  }

  /// The quotient rounded down. Of integers the format's operator leaves the fraction out, whatever the sign: the rest is taken off
  /// first.
  private static func floorDivision(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let (x, y) = (try n.input(0), try n.input(1))
    if x.type == .float32 { return [try n.graph.add1(.floorDiv, [:], [x, y])] }
    let whole = try n.graph.add1(.subFusion, [:], [x, n.graph.add1(.floorMod, [:], [x, y])])
    return [try n.graph.add1(.divFusion, [:], [whole, y])]
  }

  private static func zero(_ n: TensorFlowNode, like x: Tensor) -> Tensor {
    x.type == .int32 ? n.graph.constant(ints: [0], dims: []) : n.graph.constant(floats: [0], dims: [])
  }

  /// x op f(y), but 0 where operand `tested` is 0.
  private static func zeroWhere(
    _ n: TensorFlowNode, _ tested: Int, _ kind: OperatorKind, _ function: OperatorKind?
  ) throws(EngineError) -> [Tensor] {
    let (x, g) = (try n.input(0), n.graph)
    var y = try n.input(1)
    if let function { y = try g.add1(function, [:], [y]) }
    let isZero = try g.add1(.equal, [:], [n.input(tested), zero(n, like: x)])
    return [try g.add1(.where, [:], [isZero, zero(n, like: x), g.add1(kind, [:], [x, y])])]
  }

  /// x / y, 0 where y is 0.
  private static func divNoNan(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] { try zeroWhere(n, 1, .realDiv, nil) }

  private static func addN(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let inputs = try n.inputs()
    guard var sum = inputs.first else { throw EngineError(.formatError, "there is nothing to add") }
    if inputs.count == 1 { return [sum] }
    if sum.type == .float32 { return [try n.graph.add1(.addN, [:], inputs)] }
    for term in inputs.dropFirst() { sum = try n.graph.add1(.addFusion, [:], [sum, term]) }
    return [sum]
  }

  /// The second operand where the first holds, else the third. `extend`: a vector of conditions chooses whole rows.
  private static func select(_ n: TensorFlowNode, extend: Bool) throws(EngineError) -> Tensor {
    var condition = try n.input(0)
    let (x, y) = (try n.input(1), try n.input(2))
    if extend, try n.graph.rank(of: condition) == 1 {
      let rank = try n.graph.rank(of: x)
      if rank > 1 { condition = try n.graph.reshape(condition, [-1] + [Int](repeating: 1, count: rank - 1)) }
    }
    return try n.graph.add1(.where, [:], [condition, x, y])
  }

  /// Fails the run when the condition does not hold. The texts among the data are left out.
  private static func check(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let condition = try n.input(0)
    if condition.isConstant, let value = condition.knownIntegers()?.first {
      if value == 0 { throw EngineError(.inputParameterInvalid, "the condition is false for every input") }
      return []
    }
    let data = try n.inputs(1..<max(1, n.count)).filter { $0.type != .string }
    return [try n.graph.add(.assert, ["summarize": .number(n.int("summarize", 3))], [condition] + data, outputs: 1)[0]]
  }
}
