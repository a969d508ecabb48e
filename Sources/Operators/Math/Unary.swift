import CKernels
import CSystem
import Graph
import System

// Attributes.
// ExpFusion: 0 base (-1: e), 1 scale (1), 2 shift (0): base^(scale * x + shift).
// Elu: 0 alpha (0). LeakyRelu: 0 negative_slope (0). The others: none.

/// y = f(x), elementwise: Abs, Neg, Sqrt, Rsqrt, Square, Log, ExpFusion, Sin, Cos, Floor, Ceil, Round, Reciprocal, Erf, Elu,
/// LeakyRelu. Accepts float32; Abs, Neg and Square also int32, with wrapping arithmetic. Outside a function's domain the result
/// is what IEEE 754 says (NaN, infinity).
final class UnaryOperator: Operator {
  private var f = FusedActivation.none

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    f = try UnaryOperator.function(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    if node.kind == .abs || node.kind == .neg || node.kind == .square {
      try requireType(0, .float32, .int32)
    } else {
      try requireType(0, .float32)
    }
  }

  /// The function that the node names.
  static func function(_ node: Node) throws(EngineError) -> FusedActivation {
    let attributes = node.attributes
    switch node.kind {
    case .abs: return FusedActivation(MS_UNARY_ABS)
    case .neg: return FusedActivation(MS_UNARY_NEG)
    case .sqrt: return FusedActivation(MS_UNARY_SQRT)
    case .rsqrt: return FusedActivation(MS_UNARY_RSQRT)
    case .square: return FusedActivation(MS_UNARY_SQUARE)
    case .log: return FusedActivation(MS_UNARY_LOG)
    case .sin: return FusedActivation(MS_UNARY_SIN)
    case .cos: return FusedActivation(MS_UNARY_COS)
    case .floor: return FusedActivation(MS_UNARY_FLOOR)
    case .ceil: return FusedActivation(MS_UNARY_CEIL)
    case .round: return FusedActivation(MS_UNARY_ROUND)
    case .reciprocal: return FusedActivation(MS_UNARY_RECIPROCAL)
    case .erf: return FusedActivation(MS_UNARY_ERF)
    case .elu: return FusedActivation(MS_UNARY_ELU, attributes.float(0, 0))
    case .leakyRelu: return FusedActivation(MS_UNARY_LEAKY_RELU, attributes.float(0, 0))
    case .expFusion:
      let base = attributes.float(0, -1)
      guard base == -1 || base > 0 else {
        throw EngineError(.parameterInvalid, "base must be positive, or -1 for e")
      }
      let factor = base == -1 ? 1 : logf(base)
      return FusedActivation(MS_UNARY_EXP, factor * attributes.float(1, 1), factor * attributes.float(2, 0))
    default: throw EngineError(.notSupported, "is no function of one variable")
    }
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    if inputs[0].type == .float32 {
      context.unary(f, UnsafePointer(inputs[0].floats), outputs[0].floats, n)
      return
    }
    let x = inputs[0].pointer(Int32.self), y = outputs[0].pointer(Int32.self)
    var i = 0
    while i < n {
      let v = x[i]
      if node.kind == .square {
        y[i] = v &* v
      } else {
        y[i] = node.kind == .neg || v < 0 ? 0 &- v : v
      }
      i += 1
    }
  }
}

/// Log1p: log(1 + x), exact for small x too. float32.
final class Log1pOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) { try setOutput(0, .float32, inputs[0].shape.dims) }

  override var inPlaceInputs: [Int] { [0] }

  private struct Job: ParallelJob {
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let n: Int
    func run(_ index: Int, worker: Int) {
      var i = index * Elementwise.grain
      let end = min(i + Elementwise.grain, n)
      while i < end {
        y[i] = log1pf(x[i])
        i += 1
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    context.parallel(Elementwise.tasks(n), Job(x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, n: n))
  }
}

/// LogicalNot: 1 where x is zero, else 0; in the input's type, bool or float32.
final class LogicalNotOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .bool, .float32)
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    var i = 0
    if inputs[0].type == .float32 {
      let x = inputs[0].floats, y = outputs[0].floats
      while i < n {
        y[i] = x[i] == 0 ? 1 : 0
        i += 1
      }
    } else {
      let x = inputs[0].pointer(UInt8.self), y = outputs[0].pointer(UInt8.self)
      while i < n {
        y[i] = x[i] == 0 ? 1 : 0
        i += 1
      }
    }
  }
}
