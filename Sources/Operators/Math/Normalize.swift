import CKernels
import Graph
import System

// Attributes: 0 axis (absent: all), 1 epsilon (0), 2 activation_type (0).

/// L2NormalizeFusion: activation(x / sqrt(max(sum of squares, epsilon))), the sum over adjacent axes, float32.
final class L2NormalizeOperator: Operator {
  private let axesAttribute: [Int]
  private let epsilon: Float
  private var activation = FusedActivation.none
  private var outer = 0, n = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    axesAttribute = node.attributes.ints(0)
    epsilon = node.attributes.float(1, 0)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    activation = try fusedActivation(field: 2)
  }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape
    var first = x.rank, last = -1
    var axes = [Int]()
    for axis in axesAttribute {
      let a = try requireAxis(axis, of: 0)
      if !axes.contains(a) { axes.append(a) }
      first = min(first, a)
      last = max(last, a)
    }
    if axes.isEmpty { (first, last) = (0, x.rank - 1) } else if axes.count != last - first + 1 {
      throw EngineError(.notSupported, "normalises over axes that are not adjacent; adjacent ones are accepted")
    }
    if x.count > 0 {
      outer = x.product(0..<first)
      n = x.product(first..<last + 1)
      inner = x.product(last + 1..<x.rank)
    }
    try setOutput(0, .float32, x.dims)
  }

  override var inPlaceInputs: [Int] { [0] }
  override var acceptsFusedActivation: Bool { true }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = inner > 1 && outputs[0].count > 0 ? context.threads * inner * 4 : 0
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let activation: FusedActivation
    let epsilon: Float
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    let outer: Int, n: Int, inner: Int, perTask: Int

    func run(_ index: Int, worker: Int) {
      let op = Int32(MS_REDUCE_SUM_SQUARE.rawValue)
      for i in index * perTask..<min(outer, (index + 1) * perTask) {
        let source = x + i * n * inner, result = y + i * n * inner
        if inner == 1 {
          var sum: Float = 0
          kernels.pointee.reduce_rows(op, source, &sum, 1, n)
          kernels.pointee.unary(Int32(MS_UNARY_AFFINE.rawValue), source, result, n, factor(sum), 0)
          if !activation.isNone { kernels.pointee.unary(activation.op, result, result, n, activation.alpha, activation.beta) }
        } else {
          let sums = scratch + worker * inner
          kernels.pointee.reduce_columns(op, source, sums, n, inner, inner)
          for c in 0..<inner { sums[c] = factor(sums[c]) }
          kernels.pointee.scale_bias(source, sums, nil, result, n, inner, activation.op, activation.alpha, activation.beta)
        }
      }
    }

    private func factor(_ sum: Float) -> Float { 1 / max(sum, epsilon).squareRoot() }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let perTask = Elementwise.rowsPerTask(n * inner)
    let job = Job(
      kernels: context.kernels, activation: activation, epsilon: epsilon, x: UnsafePointer(inputs[0].floats),
      y: outputs[0].floats, scratch: scratch(context), outer: outer, n: n, inner: inner, perTask: perTask)
    context.parallel((outer + perTask - 1) / perTask, job)
  }
}

// Attributes: 0 depth_radius (0), 1 bias (0), 2 alpha (0), 3 beta (0), 4 norm_region (absent: ACROSS_CHANNELS).

/// LRN: x * (bias + alpha * s) ^ -beta, where s sums the squares of the channels at most depth_radius away. float32, channels
/// last.
final class LRNOperator: Operator {
  private let radius: Int
  private let bias: Float, alpha: Float, beta: Float
  private var channels = 0

  override init(_ node: Node) throws(EngineError) {
    let attributes = node.attributes
    radius = attributes.int(0, 0)
    bias = attributes.float(1, 0)
    alpha = attributes.float(2, 0)
    beta = attributes.float(3, 0)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    if radius < 0 { throw EngineError(.parameterInvalid, "depth_radius \(radius) is negative") }
    if let region = attributes.string(4), !region.utf8.elementsEqual("ACROSS_CHANNELS".utf8) && !region.utf8.isEmpty {
      throw EngineError(.notSupported, "norm_region \"\(region)\"; ACROSS_CHANNELS is accepted")
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    channels = inputs[0].shape[3]
    try setOutput(0, .float32, inputs[0].shape.dims)
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let radius: Int
    let bias: Float, alpha: Float, beta: Float
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let rows: Int, channels: Int, rowsPerTask: Int

    /// Above it the sum slides along, since one sum per window would take time quadratic in the channels.
    static let directRadius = 64

    /// result[c] = bias + alpha * the sum of squares around c. The sum is a Double, which loses nothing that a Float shows;
    /// infinities and what is no number are counted apart, so that they leave the window again.
    private func slide(_ source: UnsafePointer<Float>, _ result: UnsafeMutablePointer<Float>) {
      var sum = 0.0, infinities = 0, others = 0
      func add(_ k: Int, _ sign: Int) {
        let v = source[k]
        if v.isFinite { sum += Double(sign) * Double(v) * Double(v) } else if v.isInfinite { infinities += sign } else { others += sign }
      }
      for k in 0..<min(radius, channels) { add(k, 1) }
      for c in 0..<channels {
        if c + radius < channels { add(c + radius, 1) }
        if c - radius > 0 { add(c - radius - 1, -1) }
        result[c] = bias + alpha * (others > 0 ? .nan : infinities > 0 ? .infinity : Float(sum))
      }
    }

    func run(_ index: Int, worker: Int) {
      let first = index * rowsPerTask, last = min(rows, first + rowsPerTask)
      for row in first..<last {
        let source = x + row * channels, result = y + row * channels
        if radius > Job.directRadius {
          slide(source, result)
          continue
        }
        for c in 0..<channels {
          var sum: Float = 0
          for k in max(0, c - radius)...min(channels - 1, c + radius) { sum += source[k] * source[k] }
          result[c] = bias + alpha * sum
        }
      }
      // The power as exp(-beta * log(..)), a vector at a time.
      let offset = first * channels, n = (last - first) * channels
      kernels.pointee.unary(Int32(MS_UNARY_LOG.rawValue), y + offset, y + offset, n, 0, 0)
      kernels.pointee.unary(Int32(MS_UNARY_EXP.rawValue), y + offset, y + offset, n, -beta, 0)
      kernels.pointee.binary(
        Int32(MS_BINARY_MUL.rawValue), x + offset, 1, y + offset, 1, y + offset, n, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let rows = outputs[0].count / channels, perTask = Elementwise.rowsPerTask(channels)
    let job = Job(
      kernels: context.kernels, radius: radius, bias: bias, alpha: alpha, beta: beta, x: UnsafePointer(inputs[0].floats),
      y: outputs[0].floats, rows: rows, channels: channels, rowsPerTask: perTask)
    context.parallel((rows + perTask - 1) / perTask, job)
  }
}
