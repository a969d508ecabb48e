import Graph
import System

// Attributes: none.

/// Which elements are neither infinite nor NaN.
final class IsFiniteOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) { try setOutput(0, .bool, inputs[0].shape.dims) }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    let grain = 16384
    context.parallel(
      (n + grain - 1) / grain,
      Job(
        x: UnsafePointer(x.assumingMemoryBound(to: UInt32.self)), y: y.assumingMemoryBound(to: UInt8.self), n: n, grain: grain))
  }

  private struct Job: ParallelJob {
    let x: UnsafePointer<UInt32>, y: UnsafeMutablePointer<UInt8>
    let n: Int, grain: Int
    func run(_ index: Int, worker: Int) {
      var i = index * grain
      let end = min(n, i + grain)
      while i < end {
        y[i] = x[i] & 0x7f80_0000 != 0x7f80_0000 ? 1 : 0
        i += 1
      }
    }
  }
}
