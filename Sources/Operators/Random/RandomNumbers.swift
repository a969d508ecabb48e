import CSystem
import Graph
import System

// UniformReal and RandomStandardNormal. Attributes: 0 seed, 1 seed2: int, 0. Input: the output's shape.
// RandomNormal. Attributes: 0 seed: float, 0, whose integer part counts; 1 mean: float, 0; 2 scale: float, 0. Input: a tensor
// whose shape and type the output takes.

/// Random numbers: uniform in [0, 1), normal with mean 0 and deviation 1, or normal with the given mean and deviation; float32,
/// RandomNormal also float16.
///
/// With a seed other than zero every run gives the same numbers, those of TensorFlow's generators in a session's first run. With
/// seeds of zero every run gives others, from a seed that the operating system supplies.
final class RandomOperator: Operator {
  private let seed: UInt64, seed2: UInt64
  private let mean: Float, scale: Float

  override init(_ node: Node) throws(EngineError) {
    let a = node.attributes
    func seed(_ id: Int) -> UInt64 {
      if case .int(let value) = a[id] { return UInt64(bitPattern: value) }
      return 0
    }
    if node.kind == .randomNormal {
      self.seed = UInt64(bitPattern: saturated(Double(a.float(0, 0)), Int64.self))
      (seed2, mean, scale) = (0, a.float(1, 0), a.float(2, 0))
    } else {
      (self.seed, seed2, mean, scale) = (seed(0), seed(1), 0, 1)
    }
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    if node.kind == .randomNormal { try requireType(0, .float32, .float16) } else { try requireType(0, .int32, .int64) }
  }

  override var isPure: Bool { false }

  override func infer() throws(EngineError) {
    if node.kind == .randomNormal {
      try setOutput(0, inputs[0].type, inputs[0].shape.dims)
    } else {
      try setOutput(0, .float32, try requireSmallIntegers(0))
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let y = outputs[0].data else { return }
    var seeds = (seed, seed2)
    if seeds == (0, 0) {
      var system = SystemRandomNumberGenerator()
      seeds = (system.next(), system.next())
    }
    let job = Job(
      philox: Philox(seed: seeds.0, seed2: seeds.1), y: y, n: n, isUniform: node.kind == .uniformReal,
      isHalf: outputs[0].type == .float16, mean: mean, scale: scale)
    context.parallel((n + Job.grain - 1) / Job.grain, job)
  }

  private struct Job: ParallelJob {
    static let grain = 4096
    let philox: Philox
    let y: UnsafeMutableRawPointer
    let n: Int
    let isUniform: Bool, isHalf: Bool
    let mean: Float, scale: Float
    func run(_ index: Int, worker: Int) {
      var i = index * Job.grain
      let end = min(n, i + Job.grain)
      while i < end {
        let bits = philox(i / 4)
        var v = SIMD4<Float>()
        if isUniform {
          for k in 0..<4 { v[k] = Philox.uniform(bits[k]) }
        } else {
          (v[0], v[1]) = Philox.normal(bits[0], bits[1])
          (v[2], v[3]) = Philox.normal(bits[2], bits[3])
          v = v * scale + mean
        }
        for k in 0..<min(4, end - i) {
          if isHalf {
            y.storeBytes(of: halfBits(v[k]), toByteOffset: (i + k) * 2, as: UInt16.self)
          } else {
            y.storeBytes(of: v[k], toByteOffset: (i + k) * 4, as: Float.self)
          }
        }
        i += 4
      }
    }
  }
}
