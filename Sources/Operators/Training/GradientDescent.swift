import CKernels
import Graph
import System

// SGD. Attributes: 0 nesterov (false), 1 dampening (0), 2 weight_decay (0). Inputs: weights, gradient, learning rate, accumulator,
// momentum, state (a number, or as many as the weights; above 0 before the first step).
// ApplyMomentum. Attributes: 0 use_nesterov (false), 1 use_locking, 2 gradient_scale (both without effect). Inputs: weights,
// accumulator, learning rate, gradient, momentum.

/// d = g + weight_decay * w; accumulator = momentum * accumulator + (1 - dampening) d; w -= learning rate * accumulator, with nesterov *
/// (d + momentum * accumulator). SGD's first step sets the accumulator to d; without momentum it is d itself that is taken off.
final class GradientDescentOperator: OptimizerOperator {
  private let isSGD: Bool
  private let nesterov: Bool
  private let dampening: Float, decay: Float

  init(_ node: Node) throws(EngineError) {
    isSGD = node.kind == .sgd
    nesterov = node.attributes.bool(0, false)
    dampening = isSGD ? node.attributes.float(1, 0) : 0
    decay = isSGD ? node.attributes.float(2, 0) : 0
    if isSGD {
      try super.init(node, gradient: 1, rate: 2, inputs: 6...6)
    } else {
      try super.init(node, gradient: 3, rate: 2, inputs: 5...5)
    }
    updatedInputs = isSGD ? [0, 3, 5] : [0, 1]
    if nesterov && dampening > 0 { throw EngineError(.parameterInvalid, "nesterov and dampening exclude each other") }
  }

  private var accumulator: Int { isSGD ? 3 : 1 }

  override func infer() throws(EngineError) {
    try requireShapes(moments: [accumulator], numbers: [4])
    if isSGD && inputs[5].count != inputs[0].count { try requireCount(5, 1, "the state of the first step") }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let w: UnsafeMutablePointer<Float>, accumulator: UnsafeMutablePointer<Float>?, g: UnsafePointer<Float>
    let n: Int
    let step: MSMomentum
    func run(_ index: Int, worker: Int) {
      let i = index * Elementwise.grain
      withUnsafePointer(to: step) {
        kernels.pointee.momentum(w + i, accumulator.map { $0 + i }, g + i, min(Elementwise.grain, n - i), $0)
      }
    }
  }

  override func update(_ g: UnsafePointer<Float>, _ n: Int, _ context: ExecutionContext) throws(EngineError) {
    let momentum = number(4)
    var step = MSMomentum(rate: learningRate, momentum: momentum, share: 1 - dampening, decay: decay, nesterov: nesterov ? 1 : 0)
    var accumulates = true
    if isSGD {
      accumulates = momentum > 0
      if number(5) > 0 {
        // What is in the accumulator so far does not count.
        if accumulates { context.unary(FusedActivation(MS_UNARY_AFFINE, 0), g, inputs[3].floats, n) }
        step.share = 1
        for i in 0..<inputs[5].count { inputs[5].floats[i] = 0 }
      }
    }
    let job = Job(
      kernels: context.kernels, w: inputs[0].floats, accumulator: accumulates ? inputs[accumulator].floats : nil, g: g, n: n, step: step)
    context.parallel(Elementwise.tasks(n), job)
  }
}
