import Graph
import System

// Attributes: 0 axis: int, 0; 1 p: int, 1 or 2.

/// y = x / (sum of |x| ^ p along the axis) ^ (1 / p), float32; x where the norm is 0.
final class LpNormalizationOperator: Operator {
  private let p: Int
  private var outer = 0, n = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    p = node.attributes.int(1, 0)
    try super.init(node)
    if p != 1 && p != 2 { throw EngineError(.notSupported, "p is \(p); 1 and 2 are accepted") }
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    let axis = try requireAxis(node.attributes.int(0, 0), of: 0)
    try setOutput(0, .float32, shape.dims)
    (outer, n, inner) = (shape.span(0..<axis), shape[axis], shape.span(axis + 1..<shape.rank))
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    context.parallel(
      outer, Job(x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, n: n, inner: inner, squares: p == 2))
  }

  private struct Job: ParallelJob {
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let n: Int, inner: Int
    let squares: Bool
    func run(_ index: Int, worker: Int) {
      for k in 0..<inner {
        let from = x + index * n * inner + k, to = y + index * n * inner + k
        var sum = 0.0
        for j in 0..<n {
          let v = Double(from[j * inner])
          sum += squares ? v * v : abs(v)
        }
        let norm = Float(squares ? sum.squareRoot() : sum)
        for j in 0..<n { to[j * inner] = norm == 0 ? from[j * inner] : from[j * inner] / norm }
      }
    }
  }
}
