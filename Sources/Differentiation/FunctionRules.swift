import ConverterCore
import Foundation
import Graph
import Operators

/// Functions of one operand, element by element, and softmax.
enum FunctionRules {
  static let table: [(OperatorKind, GradientRule)] = [
    (.activation, activation), (.elu, elu), (.leakyRelu, leakyRelu), (.pReLUFusion, prelu), (.clip, clip), (.softmax, softmax),
    (.logSoftmax, logSoftmax), (.expFusion, exponential), (.powFusion, power), (.erf, erf), (.square, square), (.reciprocal, reciprocal),
    (.sin, sine), (.cos, cosine), (.dropout, dropout), (.cast, cast),
    (.log, { s throws(EngineError) in try s.give(0, try s.add(.logGrad, [:], [try s.dy(), s.x])) }),
    (.neg, { s throws(EngineError) in try s.give(0, try s.add(.neg, [:], [try s.dy()])) }),
    (.abs, { s throws(EngineError) in try s.give(0, try s.add(.absGrad, [:], [s.x, try s.dy()])) }),
    (.sqrt, { s throws(EngineError) in try s.give(0, try s.add(.sqrtGrad, [:], [s.y, try s.dy()])) }),
    (.rsqrt, { s throws(EngineError) in try s.give(0, try s.add(.rsqrtGrad, [:], [s.y, try s.dy()])) }),
    // Steps: the gradient is zero wherever there is one.
    (.floor, { (_) throws(EngineError) in }), (.ceil, { (_) throws(EngineError) in }), (.round, { (_) throws(EngineError) in }),
  ]

  /// ActivationType numbers beside those that the engine's own code names.
  private static let linear = 15, selu = 11

  private static func activation(_ s: GradientScope) throws(EngineError) {
    let type = s.node.attributes.int(0)
    let alpha = s.node.attributes.float(1)
    switch type {
    case ActivationType.none, linear: return try s.give(0, try s.dy())
    case ActivationType.hardTanh:
      let a = s.node.attributes
      return try clamp(s, a.float(2), a.float(3))
    case ActivationType.gelu where s.node.attributes.bool(4): return try derivative(s, ActivationType.fastGelu, 0, of: s.x)
    case ActivationType.relu, ActivationType.relu6, ActivationType.leakyRelu, ActivationType.sigmoid, ActivationType.tanh,
      ActivationType.elu, selu:
      // What follows keeps the result in any case.
      try derivative(s, type, alpha, of: s.y)
    default: try derivative(s, type, alpha, of: s.x)
    }
  }

  private static func derivative(_ s: GradientScope, _ type: Int, _ alpha: Float, of kept: Tensor) throws(EngineError) {
    let dy = try s.dy()
    let isFirst = type == ActivationType.sigmoid || type == ActivationType.tanh
    try s.give(
      0,
      try s.add(
        .activationGrad, ["activation_type": .number(type), "alpha": .float(Double(alpha))], isFirst ? [kept, dy] : [dy, kept]))
  }

  private static func elu(_ s: GradientScope) throws(EngineError) {
    try derivative(s, ActivationType.elu, s.node.attributes.float(0), of: s.y)
  }
  private static func leakyRelu(_ s: GradientScope) throws(EngineError) {
    try derivative(s, ActivationType.leakyRelu, s.node.attributes.float(0), of: s.x)
  }

  private static func clamp(_ s: GradientScope, _ low: Float, _ high: Float) throws(EngineError) {
    var d = try s.dy()
    if low > -.infinity { d = try s.product(d, try s.mask(.greater, s.x, s.number(low))) }
    if high < .infinity { d = try s.product(d, try s.mask(.less, s.x, s.number(high))) }
    try s.give(0, d)
  }

  private static func clip(_ s: GradientScope) throws(EngineError) {
    let a = s.node.attributes
    func bound(_ i: Int, _ field: Int) throws(EngineError) -> Float {
      i < s.node.inputs.count ? try s.tape.builder.floats(s.node.inputs[i], "a bound").first ?? 0 : a.float(field)
    }
    try clamp(s, try bound(1, 1), try bound(2, 0))
  }

  /// max(x, 0) + slope min(x, 0).
  private static func prelu(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy(), slope = s.node.inputs[1]
    let positive = try s.mask(.greater, s.x, s.number(0))
    if s.wants(0) {
      let factor = try s.add(.addFusion, [:], [positive, try s.product(slope, try s.add(.subFusion, [:], [s.number(1), positive]))])
      try s.give(0, try s.product(dy, factor))
    }
    if s.wants(1) {
      let d = try s.product(dy, try s.add(.minimum, [:], [s.x, s.number(0)]))
      try s.give(1, try s.summed(d, 1, whole: s.y))
    }
  }

  private static func total(_ s: GradientScope, _ t: Tensor, _ axis: Int) throws(EngineError) -> Tensor {
    try s.add(.reduceFusion, ["mode": .number(Reduction.sum), "keep_dims": true], [t, s.ints("axis", [axis])])
  }

  /// y (dy - sum dy y).
  private static func softmax(_ s: GradientScope) throws(EngineError) {
    let axis = s.node.attributes.ints(0).first ?? -1
    let weighted = try s.product(try s.dy(), s.y)
    let mean = try s.product(s.y, try total(s, weighted, axis))
    try s.give(0, try s.add(.subFusion, [:], [weighted, mean]))
  }

  /// dy - e^y sum dy.
  private static func logSoftmax(_ s: GradientScope) throws(EngineError) {
    let dy = try s.dy()
    let share = try s.product(try s.add(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [s.y]), try total(s, dy, s.node.attributes.int(0)))
    try s.give(0, try s.add(.subFusion, [:], [dy, share]))
  }

  private static func exponential(_ s: GradientScope) throws(EngineError) {
    let a = s.node.attributes
    let base = a.float(0, -1), scale = a.float(1, 1)
    let factor = base == -1 ? scale : scale * log(base)
    let d = try s.product(try s.dy(), s.y)
    try s.give(0, factor == 1 ? d : try s.product(d, s.number(factor)))
  }

  private static func power(_ s: GradientScope) throws(EngineError) {
    let exponent = s.node.inputs[1], a = s.node.attributes
    guard exponent.isConstant, exponent.count == 1, !s.wants(1) else { throw s.refuse("the gradient wants a constant exponent, one number") }
    let power = try s.tape.builder.floats(exponent, "the exponent")[0]
    try s.give(
      0,
      try s.add(
        .powerGrad,
        ["power": .float(Double(power)), "scale": .float(Double(a.float(0, 1))), "shift": .float(Double(a.float(1, 0)))], [try s.dy(), s.x]))
  }

  /// 2 / sqrt(pi) e^(-x^2).
  private static func erf(_ s: GradientScope) throws(EngineError) {
    let square = try s.add(.neg, [:], [try s.add(.square, [:], [s.x])])
    let bell = try s.product(try s.add(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [square]), s.number(1.1283791671))
    try s.give(0, try s.product(try s.dy(), bell))
  }

  private static func square(_ s: GradientScope) throws(EngineError) {
    try s.give(0, try s.product(try s.product(try s.dy(), s.x), s.number(2)))
  }

  private static func reciprocal(_ s: GradientScope) throws(EngineError) {
    try s.give(0, try s.add(.neg, [:], [try s.product(try s.dy(), try s.add(.square, [:], [s.y]))]))
  }

  private static func sine(_ s: GradientScope) throws(EngineError) {
    try s.give(0, try s.product(try s.dy(), try s.add(.cos, [:], [s.x])))
  }

  private static func cosine(_ s: GradientScope) throws(EngineError) {
    try s.give(0, try s.add(.neg, [:], [try s.product(try s.dy(), try s.add(.sin, [:], [s.x]))]))
  }

  private static func dropout(_ s: GradientScope) throws(EngineError) {
    let keep = s.node.attributes.float(0, 0.5)
    try s.give(0, try s.add(.dropoutGrad, ["keep_prob": .float(Double(keep))], [try s.dy(), s.node.outputs[1]]))
  }

  /// Casts of numbers to themselves; integers have no gradient.
  private static func cast(_ s: GradientScope) throws(EngineError) {
    if s.x.type == .float32 && s.y.type == .float32 { try s.give(0, try s.dy()) }
  }
}
