import CKernels
import Graph
import System

// Adam. Attributes: 0 use_locking (without effect), 1 use_nesterov (false). Inputs: weights, m, v, beta1^t, beta2^t, learning rate,
// beta1, beta2, epsilon, gradient.
// AdamWeightDecay. Attributes: 0 use_locking. Inputs: weights, m, v, learning rate, beta1, beta2, epsilon, decay, gradient.

/// m += (1 - beta1)(g - m); v += (1 - beta2)(g^2 - v); w -= rate * m / (sqrt(v) + epsilon). Adam corrects the moments' bias, rate =
/// learning rate * sqrt(1 - beta2^t) / (1 - beta1^t), and with use_nesterov takes beta1 * m + (1 - beta1) g for m. AdamWeightDecay
/// corrects nothing and adds decay * w to the quotient. Nodes of the graph keep the powers of beta.
final class AdamOperator: OptimizerOperator {
  private let decays: Bool
  private let nesterov: Bool

  init(_ node: Node) throws(EngineError) {
    decays = node.kind == .adamWeightDecay
    nesterov = !decays && node.attributes.bool(1, false)
    let count = decays ? 9 : 10
    try super.init(node, gradient: count - 1, rate: decays ? 3 : 5, inputs: count...count)
    updatedInputs = [0, 1, 2]
  }

  override func infer() throws(EngineError) {
    try requireShapes(moments: [1, 2], numbers: decays ? [4, 5, 6, 7] : [3, 4, 6, 7, 8])
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let w: UnsafeMutablePointer<Float>, m: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>, g: UnsafePointer<Float>
    let n: Int
    let step: MSAdam
    func run(_ index: Int, worker: Int) {
      let i = index * Elementwise.grain
      withUnsafePointer(to: step) { kernels.pointee.adam(w + i, m + i, v + i, g + i, min(Elementwise.grain, n - i), $0) }
    }
  }

  override func update(_ g: UnsafePointer<Float>, _ n: Int, _ context: ExecutionContext) throws(EngineError) {
    var rate = learningRate
    if !decays {
      let rest1 = 1 - number(3), rest2 = 1 - number(4)
      if !(rest1 > 0) || !(rest2 >= 0) {
        throw EngineError(.error, "the powers of beta, \(inputs[3]) and \(inputs[4]), must be less than 1")
      }
      rate *= rest2.squareRoot() / rest1
    }
    let first = decays ? 4 : 6
    let job = Job(
      kernels: context.kernels, w: inputs[0].floats, m: inputs[1].floats, v: inputs[2].floats, g: g, n: n,
      step: MSAdam(
        rate: rate, beta1: number(first), beta2: number(first + 1), epsilon: number(first + 2), decay: decays ? number(7) : 0,
        nesterov: nesterov ? 1 : 0))
    context.parallel(Elementwise.tasks(n), job)
  }
}
