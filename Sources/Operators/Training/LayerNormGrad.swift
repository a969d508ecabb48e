import CKernels
import Graph
import System

// Attributes: 0 begin_norm_axis (0), 1 begin_params_axis (0).

/// LayerNormGrad (x, dy, variance, mean, gamma) -> dx, dgamma, dbeta, float32. With r = 1 / sqrt(variance + 1e-12), h = (x - mean) r and g =
/// dy gamma: dgamma = sum dy h; dbeta = sum dy; dx = r (g - mean(g) - h mean(g h)), the means over a row.
final class LayerNormGradOperator: Operator {
  private let normAxis: Int, paramsAxis: Int
  private var rows = 0, n = 0, parameters = 0
  /// Blocks of rows, each with its own sums for gamma and beta. Their number follows from the size.
  private var blocks = 1

  override init(_ node: Node) throws(EngineError) {
    normAxis = node.attributes.int(0, 0)
    paramsAxis = node.attributes.int(1, 0)
    try super.init(node)
    try requireInputs(5...5)
    try requireOutputs(3...3)
    for i in 0..<5 { try requireType(i, .float32) }
  }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape
    let axis = try requireAxis(normAxis, of: 0), first = try requireAxis(paramsAxis, of: 0)
    if inputs[1].shape != x { throw EngineError(.inferError, "the gradient (\(inputs[1])) must have the shape of x (\(inputs[0]))") }
    if x.count > 0 {
      (rows, n, parameters) = (x.product(0..<axis), x.product(axis..<x.rank), x.product(first..<x.rank))
      try requireCount(2, rows, "one for each row")
      try requireCount(3, rows, "one for each row")
      try requireCount(4, parameters, "one for each position from begin_params_axis on")
    }
    try setOutput(0, .float32, x.dims)
    for i in 1..<3 { try setOutput(i, .float32, Array(x.dims[first...])) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    if outputs[0].count == 0 { return }
    blocks = max(1, min(16, rows, outputs[0].count / Elementwise.grain))
    let (floats, overflow) = (3 * context.threads).multipliedReportingOverflow(by: n)
    let (sums, overflow2) = (2 * blocks).multipliedReportingOverflow(by: parameters)
    if overflow || overflow2 || floats > 1 << 40 || sums > 1 << 40 { throw EngineError(.outOfMemory, "no memory for rows of \(inputs[0])") }
    workspaceBytes = (floats + sums) * 4
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>, dy: UnsafePointer<Float>, variance: UnsafePointer<Float>, mean: UnsafePointer<Float>
    let gamma: UnsafePointer<Float>
    let dx: UnsafeMutablePointer<Float>
    /// Sums for gamma, then for beta, of each block.
    let sums: UnsafeMutablePointer<Float>
    let rows: Int, n: Int, parameters: Int, blocks: Int
    let scratch: UnsafeMutablePointer<Float>

    private func combine(_ op: MSBinary, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
      kernels.pointee.binary(Int32(op.rawValue), a, 1, b, 1, y, n, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
    }

    private func affine(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ a: Float, _ b: Float) {
      kernels.pointee.unary(Int32(MS_UNARY_AFFINE.rawValue), x, y, n, a, b)
    }

    private func total(_ x: UnsafePointer<Float>) -> Float {
      var sum: Float = 0
      kernels.pointee.reduce_rows(Int32(MS_REDUCE_SUM.rawValue), x, &sum, 1, n)
      return sum
    }

    func run(_ block: Int, worker: Int) {
      let h = scratch + worker * 3 * n, g = h + n, part = g + n
      let dgamma = sums + block * 2 * parameters, dbeta = dgamma + parameters
      dgamma.update(repeating: 0, count: 2 * parameters)
      // Gamma repeats within a row, or goes on from row to row.
      let segment = min(n, parameters)
      for row in rows * block / blocks..<rows * (block + 1) / blocks {
        let gradient = dy + row * n
        let r = 1 / (variance[row] + 1e-12).squareRoot()
        affine(x + row * n, h, r, -mean[row] * r)
        combine(MS_BINARY_MUL, gradient, h, part, n)
        var at = 0
        while at < n {
          let p = (row * n + at) % parameters
          combine(MS_BINARY_ADD, part + at, dgamma + p, dgamma + p, segment)
          combine(MS_BINARY_ADD, gradient + at, dbeta + p, dbeta + p, segment)
          combine(MS_BINARY_MUL, gradient + at, gamma + p, g + at, segment)
          at += segment
        }
        let first = total(g) / Float(n)
        combine(MS_BINARY_MUL, g, h, part, n)
        let second = total(part) / Float(n)
        affine(h, part, -r * second, -r * first)
        affine(g, g, r, 0)
        combine(MS_BINARY_ADD, g, part, dx + row * n, n)
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 {
      for i in 1..<3 { fillElements(context, outputs[i].data, outputs[i].count, elementSize: 4, bits: 0) }
      return
    }
    let sums = scratch(context) + 3 * context.threads * n
    let job = Job(
      kernels: context.kernels, x: inputs[0].floats, dy: inputs[1].floats, variance: inputs[2].floats, mean: inputs[3].floats,
      gamma: inputs[4].floats, dx: outputs[0].floats, sums: sums, rows: rows, n: n, parameters: parameters, blocks: blocks,
      scratch: scratch(context))
    context.parallel(blocks, job)
    for i in 0..<2 {
      context.kernels.pointee.reduce_columns(
        Int32(MS_REDUCE_SUM.rawValue), sums + i * parameters, outputs[1 + i].floats, blocks, parameters, 2 * parameters)
    }
  }
}
