import ConverterCore
import Foundation
import Graph

/// Functions of single elements, and of elements at the same place of several blobs.
enum ElementwiseLayers {
  static let table: [String: LayerImporter] = [
    "ReLU": relu, "ReLU6": relu6, "Sigmoid": sigmoid, "TanH": tanh, "Elu": elu, "ELU": elu, "AbsVal": abs, "BNLL": softplus,
    "Exp": exponential, "Log": logarithm, "Power": power, "Threshold": threshold, "Swish": swish, "Clip": clip, "Eltwise": eltwise,
    "Dropout": dropout,
  ]

  private enum Function { static let relu = 1, sigmoid = 2, relu6 = 3, elu = 4, leakyRelu = 5, tanh = 10 }

  private static func activation(_ c: LayerContext, _ type: Int, alpha: Float? = nil) throws(EngineError) -> [Tensor] {
    var attributes: [String: AttributeValue] = ["activation_type": .number(type)]
    if let alpha { attributes["alpha"] = .float(Double(alpha)) }
    return [try c.b.add1(.activation, attributes, [try c.input()])]
  }

  private static func relu(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let slope = c.parameters.reluParam.negativeSlope
    return slope == 0 ? try activation(c, Function.relu) : try activation(c, Function.leakyRelu, alpha: slope)
  }

  private static func relu6(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.relu6Param
    guard p.threshold == 6, p.negativeSlope == 0 else {
      throw EngineError(.notSupported, "relu6_param with another threshold or slope cannot be converted")
    }
    return try activation(c, Function.relu6)
  }

  private static func sigmoid(_ c: LayerContext) throws(EngineError) -> [Tensor] { try activation(c, Function.sigmoid) }
  private static func tanh(_ c: LayerContext) throws(EngineError) -> [Tensor] { try activation(c, Function.tanh) }
  private static func elu(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    try activation(c, Function.elu, alpha: c.parameters.eluParam.alpha)
  }
  private static func abs(_ c: LayerContext) throws(EngineError) -> [Tensor] { [try c.b.add1(.abs, [:], [try c.input()])] }
  /// Dropout does nothing outside training; a model that will be trained keeps it.
  private static func dropout(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let keep = 1 - c.parameters.dropoutParam.dropoutRatio
    guard c.b.model.options.differentiates, keep > 0, keep < 1 else { return [try c.input()] }
    return [try c.b.add1(.dropout, ["keep_prob": .float(Double(keep))], [try c.input()])]
  }

  /// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which does not overflow.
  private static func softplus(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let x = try c.input()
    let size = try c.b.add1(.abs, [:], [x])
    let small = try exponential(c, try c.b.add1(.neg, [:], [size]))
    let rest = try c.b.add1(.log, [:], [try c.affine(small, scale: 1, shift: 1)])
    return [try c.b.add1(.addFusion, [:], [try c.b.add1(.activation, ["activation_type": .number(Function.relu)], [x]), rest])]
  }

  /// base ^ (scale * x + shift); base -1 stands for e.
  private static func exponential(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.expParam
    guard p.base == -1 || p.base > 0 else { throw EngineError(.formatError, "the base must be positive, or -1 for e") }
    // Base, scale and shift go into the exponent: not every runtime reads them from the operator.
    let factor = p.base == -1 ? 1 : logarithm(p.base)
    return [try exponential(c, try c.affine(try c.input(), scale: p.scale * factor, shift: p.shift * factor))]
  }

  /// e^x.
  private static func exponential(_ c: LayerContext, _ x: Tensor) throws(EngineError) -> Tensor {
    try c.b.add1(.expFusion, ["base": -1.0, "scale": 1.0, "shift": 0.0], [x])
  }

  /// The logarithm to the base of scale * x + shift; base -1 stands for e.
  private static func logarithm(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.logParam
    guard p.base == -1 || (p.base > 0 && p.base != 1) else {
      throw EngineError(.formatError, "the base must be positive and not 1, or -1 for e")
    }
    let natural = try c.b.add1(.log, [:], [try c.affine(try c.input(), scale: p.scale, shift: p.shift)])
    return [p.base == -1 ? natural : try c.affine(natural, scale: 1 / logarithm(p.base), shift: 0)]
  }

  private static func logarithm(_ base: Float) -> Float { Float(Foundation.log(Double(base))) }

  /// (scale * x + shift) ^ power.
  private static func power(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.powerParam
    let x = try c.input()
    if p.power == 1 { return [try c.affine(x, scale: p.scale, shift: p.shift)] }
    return [
      try c.b.add1(.powFusion, ["scale": .float(Double(p.scale)), "shift": .float(Double(p.shift))], [x, c.number(p.power)])
    ]
  }

  /// 1 above the threshold, 0 elsewhere.
  private static func threshold(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let isAbove = try c.b.add1(.greater, [:], [try c.input(), c.number(c.parameters.thresholdParam.threshold)])
    return [try c.b.add1(.cast, [:], [isAbove, c.b.constant(ints: [Int(DataType.float32.rawValue)], dims: [])])]
  }

  /// x * sigmoid(beta * x).
  private static func swish(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let x = try c.input()
    let gate = try c.b.add1(
      .activation, ["activation_type": .number(Function.sigmoid)], [try c.affine(x, scale: c.parameters.swishParam.beta, shift: 0)])
    return [try c.b.add1(.mulFusion, [:], [x, gate])]
  }

  private static func clip(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.clipParam
    guard p.hasMin, p.hasMax, p.min <= p.max else { throw EngineError(.formatError, "min and max are needed, in this order") }
    let low = try c.b.add1(.maximum, [:], [try c.input(), c.number(p.min)])
    return [try c.b.add1(.minimum, [:], [low, c.number(p.max)])]
  }

  /// Product, weighted sum or maximum of blobs of one shape.
  private static func eltwise(_ c: LayerContext) throws(EngineError) -> [Tensor] {
    let p = c.parameters.eltwiseParam
    let inputs = try c.inputs(1...Int.max)
    guard p.coeff.isEmpty || p.coeff.count == inputs.count else {
      throw EngineError(.formatError, "has \(p.coeff.count) coefficients for \(inputs.count) bottoms")
    }
    guard p.coeff.isEmpty || p.operation == .sum else { throw EngineError(.formatError, "only sums have coefficients") }
    let dims = try c.b.knownDims(of: inputs[0])
    for x in inputs.dropFirst() where c.b.dims(of: x) ?? dims != dims {
      throw EngineError(.formatError, "the bottoms must have one shape; \(inputs[0]) and \(x) differ")
    }
    let kind: OperatorKind = p.operation == .prod ? .mulFusion : p.operation == .sum ? .addFusion : .maximum
    var result: Tensor? = nil
    for (i, x) in inputs.enumerated() {
      let term = p.coeff.isEmpty ? x : try c.affine(x, scale: p.coeff[i], shift: 0)
      if let sum = result { result = try c.b.add1(kind, [:], [sum, term]) } else { result = term }
    }
    return result.map { [$0] } ?? []
  }
}
