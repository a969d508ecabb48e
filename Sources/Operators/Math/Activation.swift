import CKernels
import Graph
import System

// Attributes: 0 activation_type (0), 1 alpha (0), 2 min_val (0), 3 max_val (0), 4 approximate (false).

/// Activation: y = f(x), elementwise, float32; RELU also int32.
final class ActivationOperator: Operator {
  private var f = FusedActivation.none
  private let type: Int

  override init(_ node: Node) throws(EngineError) {
    type = node.attributes.int(0, 0)
    try super.init(node)
    f = try ActivationOperator.function(node) ?? .none
    try requireInputs(1...1)
    try requireOutputs(1...1)
    if type == ActivationType.relu {
      try requireType(0, .float32, .int32)
    } else {
      try requireType(0, .float32)
    }
  }

  /// The function that the node names; nil for those that ``ScalarActivation`` computes.
  static func function(_ node: Node) throws(EngineError) -> FusedActivation? {
    let attributes = node.attributes
    let type = attributes.int(0, 0)
    let minimum = attributes.float(2, 0), maximum = attributes.float(3, 0)
    let f = FusedActivation(
      type: type, alpha: attributes.float(1, 0), minimum: minimum, maximum: maximum, approximate: attributes.bool(4, false))
    guard type != ActivationType.none && (f != nil || ScalarActivation.accepts(type)) else {
      throw EngineError(
        .notSupported, "activation type \(type); 1 (RELU) to 20 (FAST_GELU) are accepted")
    }
    if type == ActivationType.hardTanh && !(maximum > minimum) {
      throw EngineError(.parameterInvalid, "HARD_TANH needs max_val greater than min_val")
    }
    return f
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    if ScalarActivation.accepts(type) {
      let job = ScalarActivation(
        type: type, alpha: node.attributes.float(1, 0), x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, n: n)
      return context.parallel((n + ScalarActivation.grain - 1) / ScalarActivation.grain, job)
    }
    if inputs[0].type == .float32 {
      context.unary(f, UnsafePointer(inputs[0].floats), outputs[0].floats, n)
      return
    }
    let x = inputs[0].pointer(Int32.self), y = outputs[0].pointer(Int32.self)
    var i = 0
    while i < n {
      y[i] = max(x[i], 0)
      i += 1
    }
  }
}

// Attributes: 0 max (0), 1 min (0); used only for bounds that no input gives.

/// Clip: min(max(x, min), max), float32 or int32. Inputs: x [, min [, max]], the bounds being one-element tensors of x's type.
final class ClipOperator: Operator {
  private var bounds = [FloatInput(1), FloatInput(2)]

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...3)
    try requireOutputs(1...1)
    try requireType(0, .float32, .int32)
    var i = 1
    while i < inputs.count {
      if inputs[0].type == .float32 { try requireFloat(i) } else { try requireType(i, .int32) }
      i += 1
    }
  }

  override func infer() throws(EngineError) {
    var i = 1
    while i < inputs.count {
      if inputs[i].count > 1 {
        throw EngineError(.inferError, "input \(i) (\(inputs[i])) must have one element, the bound")
      }
      i += 1
    }
    try setOutput(0, inputs[0].type, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    var i = 1
    while i < inputs.count {
      if inputs[i].type == .float16 { try bounds[i - 1].prepare(self, context) }
      i += 1
    }
  }

  /// The attributes win when the file has any of them, as in the original, even beside inputs; an absent one is 0 as in the
  /// schema. Without attributes the inputs count, and a side without an input is open.
  private func floatBound(_ index: Int, attribute: Int, open: Float) -> Float {
    if hasAttributes || inputs.count == 1 { return node.attributes.float(attribute, 0) }
    return index < inputs.count && inputs[index].count == 1 ? bounds[index - 1].pointer(self).pointee : open
  }

  private var hasAttributes: Bool { node.attributes[0] != nil || node.attributes[1] != nil }

  private func integerBound(_ index: Int, attribute: Int, open: Int32) -> Int32 {
    if !hasAttributes && index < inputs.count && inputs[index].count == 1 { return inputs[index].pointer(Int32.self).pointee }
    let value = floatBound(3, attribute: attribute, open: open < 0 ? -.infinity : .infinity)
    return Int32(exactly: value.rounded(.towardZero)) ?? (value < 0 ? Int32.min : Int32.max)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    if inputs[0].type == .float32 {
      let low = floatBound(1, attribute: 1, open: -.infinity), high = floatBound(2, attribute: 0, open: .infinity)
      context.unary(FusedActivation(MS_UNARY_CLAMP, low, high), UnsafePointer(inputs[0].floats), outputs[0].floats, n)
      return
    }
    let low = integerBound(1, attribute: 1, open: .min), high = integerBound(2, attribute: 0, open: .max)
    let x = inputs[0].pointer(Int32.self), y = outputs[0].pointer(Int32.self)
    var i = 0
    while i < n {
      y[i] = min(max(x[i], low), high)
      i += 1
    }
  }
}
