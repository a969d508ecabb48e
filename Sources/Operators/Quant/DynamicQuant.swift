import CKernels
import Graph
import System

// DynamicQuant attributes: 0 symmetric (false)   1 dst_type: TypeId, int8 (32)   5 prefer_axes: the dimensions along which each
//   position gets parameters of its own (none)   2 activation_channel, 3 prefer_axis, 4 transpose: not read, as in the original.
// Input: x, float32.

/// Quantises x with parameters computed from its values, which the output's readers find with the output: asymmetric
/// scale = (max - min) / 255, zero = round(-128 - min / scale); symmetric scale = 2 max|x| / 254, zero = 0.
///
/// The range always includes 0, so that zero points stay in int8's range (the original lets them leave it). Values that are not
/// finite count as 0 in the range.
final class DynamicQuantOperator: Operator {
  private let symmetric: Bool
  private let preferred: [Int]
  /// The positions along the preferred axes; each has its own parameters.
  private var channels = 1
  /// x as [pieces of the outer axes]: strides of the preferred axes, outermost first.
  private var isPreferred = [Bool]()

  override init(_ node: Node) throws(EngineError) {
    symmetric = node.attributes.bool(0)
    preferred = node.attributes.ints(5)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    let target = node.attributes.int(1, Int(DataType.int8.rawValue))
    if target != Int(DataType.int8.rawValue) {
      throw EngineError(.notSupported, "quantises to data type \(target); 32 (int8) is accepted")
    }
  }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    isPreferred = [Bool](repeating: false, count: shape.rank)
    channels = 1
    for axis in preferred {
      let a = try requireAxis(axis, of: 0)
      if isPreferred[a] { continue }
      isPreferred[a] = true
      channels *= shape[a]
    }
    try setOutput(0, .int8, shape.dims)
    // Changed in place by every run.
    let any = QuantParam(scale: 1, zeroPoint: 0, bits: 8, varianceCorrection: 1, meanCorrection: 0)
    outputs[0].quantParams = [QuantParam](repeating: any, count: max(channels, 1))
  }

  private var tasks: Int { Elementwise.tasks(inputs[0].count) }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    // Smallest and largest value: of each task, or of each channel.
    workspaceBytes = max(tasks, channels) * 8
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = inputs[0].count
    guard n > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    let values = UnsafePointer(x.assumingMemoryBound(to: Float.self))
    let bounds = context.workspace.assumingMemoryBound(to: Float.self)
    if channels == 1 {
      context.parallel(tasks, BoundsJob(kernels: context.kernels, x: values, n: n, bounds: bounds))
      var low: Float = 0, high: Float = 0
      for task in 0..<tasks {
        low = min(low, bounds[2 * task])
        high = max(high, bounds[2 * task + 1])
      }
      let q = setParameters(0, low, high)
      context.parallel(
        tasks, QuantizeJob(kernels: context.kernels, x: values, y: y.assumingMemoryBound(to: UInt8.self), n: n, q: q))
      return
    }
    for c in 0..<2 * channels { bounds[c] = 0 }
    var i = 0
    while i < n {
      let c = channel(i)
      if values[i].isFinite {
        bounds[2 * c] = min(bounds[2 * c], values[i])
        bounds[2 * c + 1] = max(bounds[2 * c + 1], values[i])
      }
      i += 1
    }
    for c in 0..<channels { _ = setParameters(c, bounds[2 * c], bounds[2 * c + 1]) }
    let q = y.assumingMemoryBound(to: Int8.self)
    i = 0
    while i < n {
      let p = outputs[0].quantParams[channel(i)]
      q[i] = Int8(truncatingIfNeeded: Quantization(scale: p.scale, zero: p.zeroPoint).quantized(Double(values[i])))
      i += 1
    }
  }

  /// The channel of element i.
  private func channel(_ i: Int) -> Int {
    let dims = inputs[0].shape.dims
    var rest = i, channel = 0, step = 1
    var a = dims.count - 1
    while a >= 0 {
      if isPreferred[a] {
        channel += rest % dims[a] * step
        step *= dims[a]
      }
      rest /= dims[a]
      a -= 1
    }
    return channel
  }

  /// Writes the parameters for a range that includes 0 to the output.
  private func setParameters(_ channel: Int, _ low: Float, _ high: Float) -> Quantization {
    var scale: Double, zero: Int32 = 0
    if symmetric {
      scale = 2 * Double(max(high, -low)) / 254
      if !(scale > 0) { scale = 0.01 / 254 }
    } else {
      scale = (Double(high) - Double(low)) / 255
      if !(scale > 0) { scale = 0.01 / 255 }
      zero = Int32(max(-128, min(roundHalfAway(-128 - Double(low) / scale), 127)))
    }
    outputs[0].quantParams[channel].scale = scale
    outputs[0].quantParams[channel].zeroPoint = zero
    return Quantization(scale: scale, zero: zero)
  }

  /// The smallest and largest finite value of each task's piece.
  private struct BoundsJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>
    let n: Int
    let bounds: UnsafeMutablePointer<Float>

    func run(_ index: Int, worker: Int) {
      let start = index * Elementwise.grain
      let count = min(Elementwise.grain, n - start)
      kernels.pointee.reduce_rows(Int32(MS_REDUCE_MIN.rawValue), x + start, bounds + 2 * index, 1, count)
      kernels.pointee.reduce_rows(Int32(MS_REDUCE_MAX.rawValue), x + start, bounds + 2 * index + 1, 1, count)
      if bounds[2 * index].isFinite && bounds[2 * index + 1].isFinite { return }
      var low: Float = 0, high: Float = 0
      for i in start..<start + count where x[i].isFinite {
        low = min(low, x[i])
        high = max(high, x[i])
      }
      bounds[2 * index] = low
      bounds[2 * index + 1] = high
    }
  }
}
