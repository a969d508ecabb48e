import CKernels
import CSystem
import Graph
import System

// Custom CustomGRU. Inputs: x [T, B, I], input weights [3H, I], recurrent weights [3H, H], input bias [3H], recurrent bias [3H],
// all constant, h0 of B * H elements; float32.

/// The GRU of PyTorch: y [T, B, H], gates in the order r, z, n. r = sigmoid(Wr x + Rr h), z = sigmoid(Wz x + Rz h), n = tanh(Wn x
/// + r (Rn h)), each product with its bias; h' = n + z (h - n).
final class CustomGRUOperator: Operator {
  private var steps = 0, batch = 0, inputSize = 0, hidden = 0
  /// Bytes of the products' scratch, at the start of the workspace.
  private var productScratch = 0
  private var input: PackedWeights? = nil, recurrent: PackedWeights? = nil

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(6...6)
    try requireOutputs(1...1)
    for i in inputs.indices { try requireType(i, .float32) }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    try requireRank(1, 2...2)
    let x = inputs[0].shape, w = inputs[1].shape
    (steps, batch, inputSize, hidden) = (x[0], x[1], x[2], w[0] / 3)
    try requireRecurrentSizes(steps: steps, batch: batch, input: inputSize, hidden: hidden, state: hidden)
    if w[0] != 3 * hidden || w[1] != inputSize {
      throw EngineError(.inferError, "the input weights (\(inputs[1])) must have the shape [3 * hidden, \(inputSize)]")
    }
    try requireCount(2, 3 * hidden * hidden, "the recurrent weights")
    try requireCount(3, 3 * hidden, "one bias for each gate")
    try requireCount(4, 3 * hidden, "one bias for each gate")
    try requireCount(5, batch * hidden, "the first hidden state")
    try setOutput(0, .float32, [steps, batch, hidden])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    if outputs[0].count == 0 { return }
    if input == nil {
      input = try packWeights(context, try knownWeights(FloatInput(1)), n: 3 * hidden, k: inputSize, &productScratch)
      recurrent = try packWeights(context, try knownWeights(FloatInput(2)), n: 3 * hidden, k: hidden, &productScratch)
      productScratch = (productScratch + 63) & ~63
    }
    workspaceBytes = productScratch + (steps + 1) * batch * 3 * hidden * 4
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let input, let recurrent else { return }
    let width = 3 * hidden, kernels = context.kernels
    let all = (context.workspace + productScratch).assumingMemoryBound(to: Float.self), product = all + steps * batch * width
    context.product(
      inputs[0].floats, lda: inputSize, input, all, ldc: width, m: steps * batch, bias: inputs[3].floats, residual: nil, ldr: 0)
    var h = UnsafePointer(inputs[5].floats), y = outputs[0].floats
    for t in 0..<steps {
      context.product(h, lda: hidden, recurrent, product, ldc: width, m: batch, bias: inputs[4].floats, residual: nil, ldr: 0)
      for b in 0..<batch {
        let g = all + (t * batch + b) * width, r = product + b * width
        for i in 0..<2 * hidden { g[i] += r[i] }
        kernels.pointee.unary(Int32(MS_UNARY_SIGMOID.rawValue), g, g, 2 * hidden, 0, 0)
        let n = g + 2 * hidden
        for i in 0..<hidden { n[i] += g[i] * r[2 * hidden + i] }
        kernels.pointee.unary(Int32(MS_UNARY_TANH.rawValue), n, n, hidden, 0, 0)
        let old = h + b * hidden, out = y + b * hidden
        for i in 0..<hidden { out[i] = n[i] + g[hidden + i] * (old[i] - n[i]) }
      }
      h = UnsafePointer(y)
      y += batch * hidden
    }
  }
}
