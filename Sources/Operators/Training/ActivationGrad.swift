import CKernels
import Graph
import System

// Attributes: 0 activation_type (0), 1 alpha (0).

/// ActivationGrad: dx = dy * f'. Inputs: dy, and what the forward pass has kept, float32: the result for SIGMOID, TANH, ELU and SELU; the
/// argument or the result for RELU, RELU6, RELU1, HARD_TANH (clamped to -1 and 1) and LEAKY_RELU; the argument for all others. SIGMOID and
/// TANH have them the other way round: the result, then dy.
final class ActivationGradOperator: Operator {
  private var f = FusedActivation.none
  /// The input that dy is.
  private var gradient = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
    let type = node.attributes.int(0, 0)
    f = try ActivationGradOperator.derivative(type, node.attributes.float(1, 0))
    gradient = type == ActivationType.sigmoid || type == ActivationType.tanh ? 1 : 0
  }

  private static func derivative(_ type: Int, _ alpha: Float) throws(EngineError) -> FusedActivation {
    func make(_ op: MSUnaryGrad, _ a: Float = 0, _ b: Float = 0) -> FusedActivation {
      FusedActivation(op: Int32(op.rawValue), alpha: a, beta: b)
    }
    switch type {
    case ActivationType.relu: return make(MS_GRAD_CLAMP, 0, .infinity)
    case ActivationType.relu6: return make(MS_GRAD_CLAMP, 0, 6)
    case ActivationType.relu1, ActivationType.hardTanh: return make(MS_GRAD_CLAMP, -1, 1)
    case ActivationType.thresholdRelu: return make(MS_GRAD_CLAMP, alpha, .infinity)
    case ActivationType.none, ActivationType.linear: return make(MS_GRAD_CLAMP, -.infinity, .infinity)
    case ActivationType.sign: return make(MS_GRAD_CLAMP, .infinity, .infinity)
    case ActivationType.leakyRelu: return make(MS_GRAD_LEAKY_RELU, alpha)
    case ActivationType.sigmoid: return make(MS_GRAD_SIGMOID)
    case ActivationType.tanh: return make(MS_GRAD_TANH)
    case ActivationType.hswish: return make(MS_GRAD_HSWISH)
    case ActivationType.hsigmoid: return make(MS_GRAD_HSIGMOID)
    case ActivationType.elu: return make(MS_GRAD_ELU, 1, alpha)
    case ActivationType.selu: return make(MS_GRAD_ELU, 1.05070098, 1.05070098 * 1.67326324)
    case ActivationType.swish: return make(MS_GRAD_SWISH)
    case ActivationType.gelu: return make(MS_GRAD_GELU)
    case ActivationType.fastGelu: return make(MS_GRAD_GELU_TANH)
    case ActivationType.softplus: return make(MS_GRAD_SOFTPLUS)
    case ActivationType.softsign: return make(MS_GRAD_SOFTSIGN)
    case ActivationType.abs: return make(MS_GRAD_ABS)
    default: throw EngineError(.notSupported, "activation type \(type); 0 to 20 are accepted")
    }
  }

  override func infer() throws(EngineError) {
    try requireCount(1, inputs[0].count, "as many as the gradient")
    try setOutput(0, .float32, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0, 1] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    context.derivative(f, UnsafePointer(inputs[gradient].floats), UnsafePointer(inputs[1 - gradient].floats), outputs[0].floats, n)
  }
}

private struct DerivativeJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let f: FusedActivation
  let dy: UnsafePointer<Float>, s: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
  let n: Int
  func run(_ index: Int, worker: Int) {
    let i = index * Elementwise.grain
    kernels.pointee.unary_grad(f.op, dy + i, s + i, dx + i, min(Elementwise.grain, n - i), f.alpha, f.beta)
  }
}

extension ExecutionContext {
  /// dx = dy * f'(s), f.op being a MSUnaryGrad.
  func derivative(
    _ f: FusedActivation, _ dy: UnsafePointer<Float>, _ s: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ n: Int
  ) {
    parallel(Elementwise.tasks(n), DerivativeJob(kernels: kernels, f: f, dy: dy, s: s, dx: dx, n: n))
  }
}

/// AbsGrad (x, dy): dy times the sign of x, float32. Attributes: none.
final class AbsGradOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
  }

  override func infer() throws(EngineError) {
    try requireCount(1, inputs[0].count, "as many as the argument")
    try setOutput(0, .float32, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0, 1] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    context.derivative(
      FusedActivation(op: Int32(MS_GRAD_ABS.rawValue), alpha: 0, beta: 0), UnsafePointer(inputs[1].floats),
      UnsafePointer(inputs[0].floats), outputs[0].floats, outputs[0].count)
  }
}
