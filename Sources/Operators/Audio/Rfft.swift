import CSystem
import Graph
import System

// Attributes: 0 fft_length: int, 0 = input 1's number, or the length of the last axis. Input 1 (may be missing) counts only then.

/// The Fourier transform of real rows, float32: x [..., m] -> y [..., n / 2 + 1, 2], the last axis holding real and imaginary
/// part. A row is cut, or filled up with zeros, to n = fft_length.
final class RfftOperator: Operator {
  private var plan: FourierTransform? = nil
  private var n = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 1...Shape.maximumRank - 1)
    var dims = inputs[0].shape.dims
    let length = node.attributes.int(0, 0)
    n = length != 0 ? length : inputs.count > 1 ? try requireScalar(1) : dims[dims.count - 1]
    if n < 1 || n > FourierTransform.longest {
      throw EngineError(.inferError, "fft_length is \(n); 1 to \(FourierTransform.longest) are accepted")
    }
    dims[dims.count - 1] = n / 2 + 1
    try setOutput(0, .float32, dims + [2])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if plan?.n != n { plan = FourierTransform.plan(n) }
    guard let plan else { throw EngineError(.outOfMemory, "no memory for a Fourier transform of \(n) numbers") }
    workspaceBytes = context.threads * plan.workspaceCount * 8
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let plan, let y = outputs[0].data else { return }
    let m = inputs[0].shape.dims.last ?? 0
    let rows = outputs[0].count / (n / 2 + 1) / 2
    context.parallel(
      rows,
      Job(
        plan: .passUnretained(plan), x: UnsafeRawPointer(inputs[0].data ?? y).assumingMemoryBound(to: Float.self),
        y: y.assumingMemoryBound(to: Float.self), work: context.workspace.assumingMemoryBound(to: Double.self), m: m, n: n))
  }

  private struct Job: ParallelJob {
    let plan: Unmanaged<FourierTransform>
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let work: UnsafeMutablePointer<Double>
    let m: Int, n: Int
    func run(_ index: Int, worker: Int) {
      let plan = plan.takeUnretainedValue()
      let row = work + worker * plan.workspaceCount
      for j in 0..<n { (row[2 * j], row[2 * j + 1]) = (j < m ? Double(x[index * m + j]) : 0, 0) }
      plan.run(row)
      let out = y + index * (n / 2 + 1) * 2
      for k in 0..<(n / 2 + 1) * 2 { out[k] = Float(row[k]) }
    }
  }
}

// Attributes: none.

/// FftReal, FftImag: the real or the imaginary parts, float32: x [..., 2] -> y [...].
final class ComplexPartOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 1...Shape.maximumRank)
    let dims = inputs[0].shape.dims
    if dims[dims.count - 1] != 2 {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) must end in an axis of 2 (real and imaginary part)")
    }
    try setOutput(0, .float32, [Int](dims[0..<dims.count - 1]))
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    let x = inputs[0].floats + (node.kind == .fftImag ? 1 : 0), y = outputs[0].floats
    for i in 0..<n { y[i] = x[2 * i] }
  }
}
