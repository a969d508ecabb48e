import CKernels
import CSystem
import Graph
import System

// Attributes: 0 context: ints, row offsets; 1 output_dim: int, the number of context entries times f; 2 activation_type:
// ActivationType, 0; 3 transpose_a: not accepted; 4 transpose_b: bool, false. Inputs: x [b, t, f], weights [output_dim, n], or
// [n, output_dim] with transpose_b, constant; with four inputs the bias [n], constant; the last input is not used.

/// y [b, rows, n] = activation(splice(x) * weights + bias), float32, where row r of splice(x) is the rows r - least + c of x side
/// by side, c being the context's entries and `least` the smallest of them; there are t - (largest - least) rows.
///
/// The original computes all rows in its first run only. From then on it takes x for the former one moved up by a row: it moves
/// its former result up and computes the last row. Where that holds, all rows computed anew are the same; this operator does so.
final class AffineOperator: Operator {
  private let offsets: [Int]
  private let transposed: Bool
  private var f = FusedActivation.none
  private var weights: PackedWeights? = nil
  /// Bytes of the product's scratch, which lies before the spliced rows in the workspace.
  private var splicedOffset = 0
  private var bias = FloatInput(2), matrix = FloatInput(1)
  private var least = 0, width = 0, n = 0

  override init(_ node: Node) throws(EngineError) {
    let a = node.attributes
    offsets = a.ints(0)
    transposed = a.bool(4, false)
    try super.init(node)
    try requireInputs(3...4)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireFloat(1)
    if inputs.count == 4 { try requireFloat(2) }
    let type = a.int(2, 0)
    switch type {
    case ActivationType.none, ActivationType.relu, ActivationType.sigmoid, ActivationType.relu6, ActivationType.softplus,
      ActivationType.tanh, ActivationType.hswish, ActivationType.hsigmoid, ActivationType.swish:
      f = FusedActivation(type: type) ?? .none
    default:
      throw EngineError(
        .notSupported,
        "activation type \(type); accepted are 0 (none), 1 (RELU), 2 (SIGMOID), 3 (RELU6), 9 (SOFTPLUS), 10 (TANH), 12 (HSWISH), 13 (HSIGMOID) and 18 (SWISH)")
    }
    if offsets.isEmpty { throw EngineError(.parameterInvalid, "context is empty") }
    if a.bool(3, false) { throw EngineError(.notSupported, "transpose_a is set; only rows of x can be put side by side") }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    try requireRank(1, 2...2)
    let x = inputs[0].shape, w = inputs[1].shape
    least = offsets[0]
    var largest = offsets[0]
    for c in offsets { (least, largest) = (min(least, c), max(largest, c)) }
    let rows = x[1] - (largest - least)
    let limit = 1 << 30
    guard rows >= 0 && x[2] > 0 && x[2] < limit && offsets.count < limit && x[2] * offsets.count < limit else {
      throw EngineError(
        .inferError, "input 0 (\(inputs[0])) must have \(largest - least) rows or more, and elements in every row")
    }
    width = x[2] * offsets.count
    n = w[transposed ? 0 : 1]
    guard node.attributes.int(1, 0) == width && w[transposed ? 1 : 0] == width && n < limit else {
      throw EngineError(
        .inferError,
        "output_dim (\(node.attributes.int(1, 0))) and the weights (\(inputs[1])) must fit the \(width) numbers of \(offsets.count) rows of input 0 (\(inputs[0]))")
    }
    if inputs.count == 4 && inputs[2].count != n {
      throw EngineError(.inferError, "the bias (\(inputs[2])) must have \(n) elements")
    }
    if Shape([x[0], rows, width]).checkedCount == nil {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) with \(offsets.count) rows side by side is too large")
    }
    try setOutput(0, .float32, [x[0], rows, n])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    if inputs.count == 4 { try bias.prepare(self, context) }
    let rows = outputs[0].shape[0] * outputs[0].shape[1]
    try matrix.prepare(self, context)
    splicedOffset = 0
    weights = try packWeights(
      context, try knownWeights(matrix), n: n, k: width, transposed: transposed, &splicedOffset)
    splicedOffset = (splicedOffset + 63) & ~63
    workspaceBytes = splicedOffset + rows * width * 4
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let weights, inputs[0].data != nil else { return }
    let x = inputs[0].shape, rows = outputs[0].shape[1]
    let spliced = (context.workspace + splicedOffset).assumingMemoryBound(to: Float.self)
    var target = spliced
    for b in 0..<x[0] {
      for r in 0..<rows {
        for c in offsets {
          memcpy(target, inputs[0].floats + (b * x[1] + r - least + c) * x[2], x[2] * 4)
          target += x[2]
        }
      }
    }
    context.product(
      spliced, lda: width, weights, outputs[0].floats, ldc: n, m: x[0] * rows, bias: inputs.count == 4 ? bias.pointer(self) : nil,
      residual: nil, ldr: 0, f)
  }
}
