import ConverterCore
import Graph

/// Operations on two operands that broadcast, and sums.
enum ArithmeticRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.addFusion, sum), (.biasAdd, sum), (.subFusion, difference), (.mulFusion, product), (.divFusion, quotient), (.realDiv, quotient),
    (.maximum, { s throws(EngineError) in try routed(s, .maximumGrad) }), (.minimum, { s throws(EngineError) in try routed(s, .minimumGrad) }),
    (.squaredDifference, squaredDifference), (.addN, addN),
    (.eltwise, eltwise),
  ]

  private static func sum(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy()
    for i in 0..<2 where s.wants(i) { try s.give(i, try s.summed(dy, i, whole: s.y)) }
  }

  private static func difference(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy()
    if s.wants(0) { try s.give(0, try s.summed(dy, 0, whole: s.y)) }
    if s.wants(1) { try s.give(1, try s.add(.neg, [:], [try s.summed(dy, 1, whole: s.y)])) }
  }

  private static func product(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy()
    for i in 0..<2 where s.wants(i) { try s.give(i, try s.summed(try s.product(dy, s.node.inputs[1 - i]), i, whole: s.y)) }
  }

  private static func quotient(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy(), b = s.node.inputs[1]
    if s.wants(0) { try s.give(0, try s.summed(try s.add(.realDiv, [:], [dy, b]), 0, whole: s.y)) }
    if s.wants(1) {
      let d = try s.add(.realDiv, [:], [try s.product(dy, s.y), b])
      try s.give(1, try s.add(.neg, [:], [try s.summed(d, 1, whole: s.y)]))
    }
  }

  private static func routed(_ s: GradientScope, _ kind: OperatorKind) throws(EngineError) {
    let both = try s.emit(kind, ["grad_x": true, "grad_y": true], [s.x, s.node.inputs[1], try s.dy()], outputs: 2)
    for i in 0..<2 where s.wants(i) { try s.give(i, both[i]) }
  }

  private static func squaredDifference(_ s: GradientScope) throws(EngineError) {
    let difference = try s.add(.subFusion, [:], [s.x, s.node.inputs[1]])
    let d = try s.product(try s.product(try s.dy(), difference), s.number(2))
    if s.wants(0) { try s.give(0, try s.summed(d, 0, whole: s.y)) }
    if s.wants(1) { try s.give(1, try s.add(.neg, [:], [try s.summed(d, 1, whole: s.y)])) }
  }

  private static func addN(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy()
    for i in s.node.inputs.indices where s.wants(i) { try s.give(i, try s.summed(dy, i, whole: s.y)) }
  }

  private static func eltwise(_ s: GradientScope) throws(EngineError) {
    if s.node.inputs.count != 2 { throw s.refuse("the gradient of \(s.node.inputs.count) operands is not known; 2 are accepted") }
    switch s.node.attributes.int(0) {
    case 0: try product(s)
    case 1: try sum(s)
    default: try routed(s, .maximumGrad)
    }
  }
}
