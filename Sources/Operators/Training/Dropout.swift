import CKernels
import Graph
import System

// Dropout. Attributes: 0 keep_prob (0.5). Outputs: y [, mask].

/// In training: keeps each element with probability keep_prob, times 1 / keep_prob, and makes the others 0; the mask has 1 and 0. Else its
/// input, and a mask that keeps everything. float32, and float16 when not in training.
final class DropoutOperator: Operator {
  private let keep: Float
  private let seed: UInt64
  /// Counts the runs: each has random numbers of its own.
  private var draws: UInt64 = 0

  override init(_ node: Node) throws(EngineError) {
    var system = SystemRandomNumberGenerator()
    seed = system.next()
    keep = node.attributes.float(0, 0.5)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...2)
    try requireType(0, .float32, .float16)
  }

  override var isView: Bool { !trains }
  override var isPure: Bool { !trains }

  override func infer() throws(EngineError) {
    for i in 0..<outputs.count { try setOutput(i, inputs[0].type, inputs[0].shape.dims) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if !trains { return }
    try requireType(0, .float32)
    _ = try keepProbability(of: node, 0.5)
  }

  private struct Job: ParallelJob {
    static let grain = 4096
    let philox: Philox
    let keep: Float
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, mask: UnsafeMutablePointer<Float>?
    let n: Int
    func run(_ index: Int, worker: Int) {
      var i = index * Job.grain
      let end = min(n, i + Job.grain)
      while i < end {
        let bits = philox(i / 4)
        for k in 0..<min(4, end - i) {
          let isKept = Philox.uniform(bits[k]) < keep
          y[i + k] = isKept ? x[i + k] / keep : 0
          mask?[i + k] = isKept ? 1 : 0
        }
        i += 4
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    if trains && inputs[0].type == .float32 {
      draws += 1
      let job = Job(
        philox: Philox(seed: seed, seed2: draws), keep: keep, x: UnsafePointer(inputs[0].floats), y: outputs[0].floats,
        mask: outputs.count == 2 ? outputs[1].floats : nil, n: n)
      context.parallel((n + Job.grain - 1) / Job.grain, job)
      return
    }
    if x != y { copyBytes(context, x, y, outputs[0].byteCount) }
    if outputs.count == 2, let one = outputs[1].type.bits(of: 1) {
      fillElements(context, outputs[1].data, outputs[1].count, elementSize: outputs[1].type.size, bits: one)
    }
  }
}
