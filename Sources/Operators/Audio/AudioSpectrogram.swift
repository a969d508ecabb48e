import CSystem
import Graph
import System

// Attributes: 0 window_size: int, at least 2; 1 stride: int, at least 1; 2 mag_square: bool, false.

/// TensorFlow's spectrogram, float32: x [samples, channels] -> y [channels, windows, bins]. Each window of the signal is weighted
/// by a periodic Hann window, filled up with zeros to a power of two n, and transformed; y is the squared magnitude (its root
/// without mag_square) of bins 0 to n / 2.
final class AudioSpectrogramOperator: Operator {
  private let window: Int, stride: Int
  private let isSquared: Bool
  private var plan: FourierTransform? = nil
  private var weights: Buffer? = nil

  override init(_ node: Node) throws(EngineError) {
    window = node.attributes.int(0, 0)
    stride = node.attributes.int(1, 0)
    isSquared = node.attributes.bool(2, false)
    try super.init(node)
    if window < 2 || window > FourierTransform.longest || stride < 1 {
      throw EngineError(
        .parameterInvalid,
        "window_size is \(window) and stride \(stride); 2 to \(FourierTransform.longest) and at least 1 are accepted")
    }
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  private var length: Int {
    var n = 1
    while n < window { n *= 2 }
    return n
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    let x = inputs[0].shape
    try setOutput(0, .float32, [x[1], x[0] < window ? 0 : 1 + (x[0] - window) / stride, length / 2 + 1])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if plan == nil {
      plan = FourierTransform.plan(length)
      weights = Buffer(count: window * 8)
      if let w = weights?.base.assumingMemoryBound(to: Double.self) {
        for i in 0..<window { w[i] = 0.5 - 0.5 * cos(2 * Double.pi * Double(i) / Double(window)) }
      }
    }
    guard let plan, weights != nil else { throw EngineError(.outOfMemory, "no memory for windows of \(window) samples") }
    workspaceBytes = context.threads * plan.workspaceCount * 8
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let plan, let weights else { return }
    let y = outputs[0].shape
    context.parallel(
      y[0] * y[1],
      Job(
        plan: .passUnretained(plan), x: UnsafePointer(inputs[0].floats), y: outputs[0].floats,
        weights: UnsafePointer(weights.base.assumingMemoryBound(to: Double.self)),
        work: context.workspace.assumingMemoryBound(to: Double.self), window: window, stride: stride, channels: y[0],
        windows: y[1], isSquared: isSquared))
  }

  /// One window of one channel.
  private struct Job: ParallelJob {
    let plan: Unmanaged<FourierTransform>
    let x: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let weights: UnsafePointer<Double>
    let work: UnsafeMutablePointer<Double>
    let window: Int, stride: Int, channels: Int, windows: Int
    let isSquared: Bool
    func run(_ index: Int, worker: Int) {
      let plan = plan.takeUnretainedValue()
      let row = work + worker * plan.workspaceCount
      memset(row, 0, plan.n * 16)
      let start = x + index % windows * stride * channels + index / windows
      for i in 0..<window { row[2 * i] = Double(start[i * channels]) * weights[i] }
      plan.run(row)
      let bins = plan.n / 2 + 1
      for k in 0..<bins {
        let power = Float(row[2 * k] * row[2 * k] + row[2 * k + 1] * row[2 * k + 1])
        y[index * bins + k] = isSquared ? power : power.squareRoot()
      }
    }
  }
}
