import CKernels
import Graph
import System

// Attributes: those of the float operators (Unary.swift, Activation.swift).

/// Functions of one variable on int8 and uint8: a table of the 256 results, made when the graph is prepared.
///
/// RELU, RELU6, LEAKY_RELU and HSWISH are TFLite's integer arithmetic; the others are the float function of the real value,
/// rounded (as TFLite does for those it has).
final class QuantUnaryOperator: Operator {
  private var f = FusedActivation.none
  private var table: [UInt8] = []

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    f = node.kind == .activation ? try ActivationOperator.function(node) ?? .none : try UnaryOperator.function(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    _ = try requireQuantization(input: 0)
    _ = try requireQuantization(output: 0, type: inputs[0].type)
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }

  override var inPlaceInputs: [Int] { [0] }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let x = try requireQuantization(input: 0), y = try requireQuantization(output: 0, type: inputs[0].type)
    let type = node.kind == .activation ? node.attributes.int(0, 0) : ActivationType.none
    if type == ActivationType.hswish {
      table = QuantUnaryOperator.hardSwish(x, y)
    } else if type == ActivationType.relu || type == ActivationType.relu6 {
      let factor = FixedMultiplier(x.scale / y.scale), range = y.range(after: type)
      table = x.table { q in y.byte(max(range.lowerBound, min(factor(q - x.zero) &+ y.zero, range.upperBound))) }
    } else if type == ActivationType.leakyRelu || node.kind == .leakyRelu {
      let positive = FixedMultiplier(x.scale / y.scale), negative = FixedMultiplier(x.scale * Double(f.alpha) / y.scale)
      table = x.table { q in
        y.byte(max(-128, min((q >= x.zero ? positive : negative)(q - x.zero) &+ y.zero, 127)))
      }
    } else {
      let reals = try floatBuffer(256)
      _ = x.table { q in
        reals.floats[Int(q) + 128] = Float(x.scale) * Float(q - x.zero)
        return 0
      }
      if ScalarActivation.accepts(type) {
        ScalarActivation(type: type, alpha: node.attributes.float(1, 0), x: UnsafePointer(reals.floats), y: reals.floats, n: 256)
          .run(0, worker: 0)
      } else {
        context.kernels.pointee.unary(f.op, reals.floats, reals.floats, 256, f.alpha, f.beta)
      }
      let inverse = 1 / Float(y.scale)
      table = x.table { q in
        let rounded = roundHalfAway(Double(reals.floats[Int(q) + 128] * inverse)) + Double(y.zero)
        return y.byte(rounded >= 127 ? 127 : rounded <= -128 ? -128 : rounded == rounded ? Int32(rounded) : y.zero)
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    context.map(inputs[0].pointer(UInt8.self), outputs[0].pointer(UInt8.self), outputs[0].count, table)
  }

  /// x * relu6(x + 3) / 6 in 16-bit fixed point: x with 7 more bits, the second factor in units of 3 / 2^15.
  private static func hardSwish(_ x: Quantization, _ y: Quantization) -> [UInt8] {
    let fine = x.scale / 128
    let output = FixedMultiplier(fine / y.scale), relu = FixedMultiplier(fine / (3.0 / 32768))
    return x.table { q in
      let value = (q - x.zero) << 7
      let scaled = doublingHigh16(value, half(output.multiplier))
      var factor = value
      if relu.shift > 0 { factor = saturated16(factor &<< min(relu.shift - 1, 15)) }
      factor = doublingHigh16(factor, half(relu.multiplier))
      if relu.shift > 0 { factor = saturated16(factor << 1) }
      if relu.shift < 0 { factor = roundingShiftRight(factor, 0 - relu.shift) }
      // From -1...1 to 0...1.
      factor = (factor + 32768) >> 1
      let product = saturated16(factor * scaled / 32768)
      let shifted = output.shift > 0 ? saturated16(product &<< min(output.shift, 15)) : roundingShiftRight(product, 0 - output.shift)
      return y.byte(max(-128, min(shifted + y.zero, 127)))
    }
  }

  private static func saturated16(_ v: Int32) -> Int32 { max(-32768, min(v, 32767)) }

  /// The upper 16 bits of a multiplier, rounded.
  private static func half(_ multiplier: Int32) -> Int32 { multiplier >= 0x7fff_8000 ? 0x7fff : (multiplier + 0x8000) >> 16 }

  private static func doublingHigh16(_ a: Int32, _ b: Int32) -> Int32 { saturated16((a * b + 0x4000) >> 15) }
}
