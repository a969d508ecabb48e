import CKernels
import Graph
import System

// Attributes: 0 axis: int, -1.

/// Gated linear unit, float32: y = a * sigmoid(b), a and b being the halves of x along the axis.
final class GLUOperator: Operator {
  private var outer = 0, half = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) {
    let axis = try requireAxis(node.attributes.int(0, -1), of: 0)
    var dims = inputs[0].shape.dims
    if dims[axis] % 2 != 0 {
      throw EngineError(.inferError, "axis \(axis) of input 0 (\(inputs[0])) must have an even number of entries")
    }
    dims[axis] /= 2
    try setOutput(0, .float32, dims)
    outer = outputs[0].shape.span(0..<axis)
    half = outputs[0].shape.span(axis..<dims.count)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let grain = min(half, 8192), parts = (half + grain - 1) / grain
    context.parallel(
      outer * parts,
      Job(kernels: context.kernels, x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, half: half, grain: grain, parts: parts))
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let half: Int, grain: Int, parts: Int
    func run(_ index: Int, worker: Int) {
      let row = index / parts, start = index % parts * grain
      let a = x + row * 2 * half + start, out = y + row * half + start
      let n = min(grain, half - start)
      kernels.pointee.unary(Int32(MS_UNARY_SIGMOID.rawValue), a + half, out, n, 0, 0)
      kernels.pointee.binary(Int32(MS_BINARY_MUL.rawValue), a, 1, out, 1, out, n, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
    }
  }
}
