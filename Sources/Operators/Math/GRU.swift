import CKernels
import CSystem
import Graph
import System

// Attributes: 0 bidirectional (false), 1 linear_before_reset (0).

/// GRU, float32, time first; weights may be float16 constants. Inputs: x [T, B, I], W [D, 3H, I], R [D, 3H, H], bias [D, 6H]
/// (input part, then recurrent part), h0 [D, B, H] [, sequence length, int32: its first entry counts for the whole batch]
/// -> y [T, D, B, H], hT [D, B, H]. Gates in the order z, r, n:
/// n = tanh(Wn x + Rn (r h) + b), or tanh(Wn x + bWn + r (Rn h + bRn)) with linear_before_reset; h' = z h + (1 - z) n.
final class GRUOperator: Operator {
  private let directions: Int
  private let resetsLast: Bool
  private var operands = [FloatInput]()
  private var steps = 0, batch = 0, inputSize = 0, hidden = 0

  private struct Direction {
    let input: PackedWeights
    /// Gates z and r, and the candidate n.
    let gates: PackedWeights, candidate: PackedWeights
    /// 3H that join the input product, then H that join the candidate's recurrent product.
    let bias: Buffer
  }
  private var weights = [Direction]()
  /// What the products need at the start of the workspace.
  private var scratchBytes = 0

  override init(_ node: Node) throws(EngineError) {
    directions = node.attributes.bool(0, false) ? 2 : 1
    resetsLast = node.attributes.int(1, 0) != 0
    try super.init(node)
    try requireInputs(5...6)
    try requireOutputs(1...2)
    try requireType(0, .float32)
    for i in 0..<5 {
      if i > 0 { try requireFloat(i) }
      operands.append(FloatInput(i))
    }
    if inputs.count == 6 { try requireType(5, .int32) }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    try requireRank(1, 3...3)
    let x = inputs[0].shape, w = inputs[1].shape
    (steps, batch, inputSize) = (x[0], x[1], x[2])
    hidden = w[1] / 3
    try requireRecurrentSizes(steps: steps, batch: batch, input: inputSize, hidden: hidden, state: hidden)
    guard w[0] == directions && w[1] == 3 * hidden && w[2] == inputSize else {
      throw EngineError(
        .inferError, "the input weights (\(inputs[1])) must have the shape [\(directions), 3 * hidden, \(inputSize)]")
    }
    try requireCount(2, directions * 3 * hidden * hidden, "the recurrent weights")
    try requireCount(3, directions * 6 * hidden, "two biases for each gate")
    try requireCount(4, directions * batch * hidden, "the first hidden state")
    if inputs.count == 6 && inputs[5].count == 0 {
      throw EngineError(.inferError, "the sequence length (\(inputs[5])) is empty")
    }
    try setOutput(0, .float32, [steps, directions, batch, hidden])
    if outputs.count > 1 { try setOutput(1, .float32, [directions, batch, hidden]) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    if outputs[0].count == 0 { return }
    let values = (steps * batch * 3 + batch * 2) * hidden * 4
    workspaceBytes = values + scratchBytes
    for i in 1..<5 where inputs[i].type == .float16 && (weights.isEmpty || i == 4) { try operands[i].prepare(self, context) }
    if !weights.isEmpty { return }
    for d in 0..<directions {
      let w = try knownWeights(operands[1]) + d * 3 * hidden * inputSize
      let r = try knownWeights(operands[2]) + d * 3 * hidden * hidden
      let b = try knownWeights(operands[3]) + d * 6 * hidden
      let bias = try floatBuffer(4 * hidden)
      for i in 0..<3 * hidden { bias.floats[i] = b[i] + (resetsLast && i >= 2 * hidden ? 0 : b[3 * hidden + i]) }
      for i in 0..<hidden { bias.floats[3 * hidden + i] = resetsLast ? b[5 * hidden + i] : 0 }
      weights.append(
        Direction(
          input: try packWeights(context, w, n: 3 * hidden, k: inputSize, &scratchBytes),
          gates: try packWeights(context, r, n: 2 * hidden, k: hidden, &scratchBytes),
          candidate: try packWeights(context, r + 2 * hidden * hidden, n: hidden, k: hidden, &scratchBytes),
          bias: bias))
    }
    workspaceBytes = values + scratchBytes
    // What is packed needs no float32 copy of the file's form.
    for i in 1..<4 { operands[i] = FloatInput(i) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 {
      if batch > 0 && outputs.count > 1 { context.unary(.none, operands[4].pointer(self), outputs[1].floats, outputs[1].count) }
      return
    }
    let x = UnsafePointer(inputs[0].floats), y = outputs[0].floats, kernels = context.kernels
    let width = 3 * hidden
    let all = (context.workspace + scratchBytes).assumingMemoryBound(to: Float.self), h = all + steps * batch * width, product = h + batch * hidden
    var length = steps
    if inputs.count == 6 { length = min(max(Int(inputs[5].pointer(Int32.self).pointee), 0), steps) }
    let mul = Int32(MS_BINARY_MUL.rawValue), none = Int32(MS_UNARY_IDENTITY.rawValue)
    for d in 0..<directions {
      let w = weights[d], bias = w.bias.floats
      memcpy(h, operands[4].pointer(self) + d * batch * hidden, batch * hidden * 4)
      context.product(x, lda: inputSize, w.input, all, ldc: width, m: length * batch, bias: bias, residual: nil, ldr: 0)
      for step in 0..<length {
        let t = d == 0 ? step : length - 1 - step
        let g = all + t * batch * width, candidate = g + 2 * hidden
        context.product(
          h, lda: hidden, w.gates, g, ldc: width, m: batch, bias: nil, residual: g, ldr: width, FusedActivation(MS_UNARY_SIGMOID))
        if resetsLast {
          context.product(
            h, lda: hidden, w.candidate, product, ldc: hidden, m: batch, bias: bias + width, residual: nil, ldr: 0)
          for b in 0..<batch {
            let row = g + b * width, n = row + 2 * hidden, p = product + b * hidden
            kernels.pointee.binary(mul, row + hidden, 1, p, 1, p, hidden, none, 0, 0)
            kernels.pointee.binary(Int32(MS_BINARY_ADD.rawValue), n, 1, p, 1, n, hidden, none, 0, 0)
            kernels.pointee.unary(Int32(MS_UNARY_TANH.rawValue), n, n, hidden, 0, 0)
          }
        } else {
          for b in 0..<batch {
            kernels.pointee.binary(
              mul, g + b * width + hidden, 1, h + b * hidden, 1, product + b * hidden, hidden, none, 0, 0)
          }
          context.product(
            product, lda: hidden, w.candidate, candidate, ldc: width, m: batch, bias: nil, residual: candidate, ldr: width,
            FusedActivation(MS_UNARY_TANH))
        }
        let target = y + (t * directions + d) * batch * hidden
        for b in 0..<batch {
          let z = g + b * width, n = z + 2 * hidden, old = h + b * hidden
          for i in 0..<hidden { old[i] = z[i] * old[i] + (1 - z[i]) * n[i] }
        }
        memcpy(target, h, batch * hidden * 4)
      }
      for t in length..<steps { memset(y + (t * directions + d) * batch * hidden, 0, batch * hidden * 4) }
      if outputs.count > 1 { memcpy(outputs[1].floats + d * batch * hidden, h, batch * hidden * 4) }
    }
  }
}
