import CSystem
import Graph
import System

// BinaryCrossEntropy (x, y [, weight]), BinaryCrossEntropyGrad (x, y, dloss [, weight]): attribute 0 reduction (0 sum, 1 mean, 2 none; 0,
// of the gradient 1). SigmoidCrossEntropyWithLogits (logits, labels), its Grad (logits, labels, dloss): attributes none. SmoothL1Loss
// (prediction, target), its Grad (prediction, target, dloss): attribute 0 beta (0: the absolute difference).

/// Losses that compare element by element, float32.
///
/// Binary cross entropy: -w (y log(x + 1e-12) + (1 - y) log(1 - x + 1e-12)); gradient w (x - y) / max(x (1 - x), 1e-12). With sigmoid:
/// max(x, 0) - x t + log(1 + exp(-|x|)); sigmoid(x) - t. Smooth L1: d^2 / (2 beta) below beta, else |d| - beta / 2; d / beta, or d's sign.
final class ElementLossOperator: Operator {
  private let reduction: Int
  private let beta: Float
  private let isGradient: Bool, isBinary: Bool
  private var weight: Int? = nil

  override init(_ node: Node) throws(EngineError) {
    let kind = node.kind
    isGradient = kind == .binaryCrossEntropyGrad || kind == .sigmoidCrossEntropyWithLogitsGrad || kind == .smoothL1LossGrad
    isBinary = kind == .binaryCrossEntropy || kind == .binaryCrossEntropyGrad
    reduction = isBinary ? node.attributes.int(0, isGradient ? LossReduction.mean : LossReduction.sum) : LossReduction.none
    beta = node.attributes.float(0, 0)
    try super.init(node)
    let count = isGradient ? 3 : 2
    try requireInputs(count...(isBinary ? count + 1 : count))
    try requireOutputs(1...1)
    for i in 0..<inputs.count { try requireType(i, .float32) }
    if inputs.count > count { weight = count }
    if !(0...2).contains(reduction) { throw EngineError(.parameterInvalid, "reduction \(reduction); 0 to 2 are accepted") }
  }

  private var reduces: Bool { !isGradient && reduction != LossReduction.none }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape
    try requireCount(1, x.count, "as many as input 0")
    if let weight { try requireCount(weight, x.count, "as many as input 0") }
    if isGradient && inputs[2].count != 1 { try requireCount(2, x.count, "as many as the loss") }
    try setOutput(0, .float32, reduces ? [1] : x.dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { workspaceBytes = reduces ? Job.tasks(inputs[0].count) * 8 : 0 }

  private struct Job: ParallelJob {
    static let grain = 2048
    static func tasks(_ n: Int) -> Int { (n + grain - 1) / grain }
    let kind: OperatorKind
    let a: UnsafePointer<Float>, b: UnsafePointer<Float>, weight: UnsafePointer<Float>?
    let dy: UnsafePointer<Float>?, dyStep: Int
    let factor: Float, beta: Float
    let y: UnsafeMutablePointer<Float>?
    /// One sum for each task, where the results are not wanted.
    let sums: UnsafeMutablePointer<Double>
    let n: Int

    private func value(_ i: Int) -> Float {
      let x = a[i], t = b[i]
      switch kind {
      case .binaryCrossEntropy: return -(t * logf(x + 1e-12) + (1 - t) * logf(1 - x + 1e-12))
      case .binaryCrossEntropyGrad: return (x - t) / max(x * (1 - x), 1e-12)
      case .sigmoidCrossEntropyWithLogits: return max(x, 0) - x * t + log1pf(expf(-abs(x)))
      case .sigmoidCrossEntropyWithLogitsGrad: return 1 / (1 + expf(-x)) - t
      case .smoothL1Loss:
        let d = abs(x - t)
        return d < beta ? 0.5 * d * d / beta : d - 0.5 * beta
      default:
        let d = x - t
        return abs(d) < beta ? d / beta : d > 0 ? 1 : d < 0 ? -1 : 0
      }
    }

    func run(_ index: Int, worker: Int) {
      var sum = 0.0
      for i in index * Job.grain..<min(n, (index + 1) * Job.grain) {
        var v = value(i) * (weight?[i] ?? 1)
        if let dy { v *= dy[i * dyStep] * factor }
        if let y { y[i] = v } else { sum += Double(v) }
      }
      if y == nil { sums[index] = sum }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = inputs[0].count
    if n == 0 {
      if reduces { outputs[0].floats[0] = 0 }
      return
    }
    let sums = context.workspace.assumingMemoryBound(to: Double.self)
    let job = Job(
      kind: node.kind, a: inputs[0].floats, b: inputs[1].floats, weight: weight.map { UnsafePointer(inputs[$0].floats) },
      dy: isGradient ? UnsafePointer(inputs[2].floats) : nil, dyStep: isGradient && inputs[2].count > 1 ? 1 : 0,
      factor: isGradient && reduction == LossReduction.mean ? 1 / Float(n) : 1, beta: beta, y: reduces ? nil : outputs[0].floats,
      sums: sums, n: n)
    context.parallel(Job.tasks(n), job)
    if !reduces { return }
    var sum = 0.0
    for i in 0..<Job.tasks(n) { sum += sums[i] }
    outputs[0].floats[0] = Float(reduction == LossReduction.mean ? sum / Double(n) : sum)
  }
}
