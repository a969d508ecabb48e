import CKernels
import Graph
import System

// Attributes: none (Abs, Neg, Sqrt, Rsqrt, Square, Log, Sin, Cos, Floor, Ceil, Round, Reciprocal, Erf).

/// y = f(x), elementwise, float32.
final class UnaryOperator: Operator {
  private let op: Int32

  override init(_ node: Node) throws(EngineError) {
    op = Int32((node.kind == .abs ? MS_UNARY_ABS : MS_UNARY_NEG).rawValue)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }

  override var inPlaceInputs: [Int] { [0] }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let op: Int32
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let n: Int, grain: Int
    func run(_ index: Int, worker: Int) {
      let start = index * grain
      kernels.pointee.unary(op, x + start, y + start, min(grain, n - start), 0, 0)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    let grain = 16384
    context.parallel(
      (n + grain - 1) / grain,
      Job(kernels: context.kernels, op: op, x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, n: n, grain: grain))
  }
}
