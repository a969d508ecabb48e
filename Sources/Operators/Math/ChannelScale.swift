import CKernels
import CSystem
import Graph
import System

/// Operators that scale and shift by channel: FusedBatchNorm, BatchNorm, ScaleFusion, PReLUFusion.

/// y[r, c] = f(x[r, c] * scale[c] + bias[c]) over rows of `channels` elements.
private struct ScaleRowsJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let activation: FusedActivation
  let x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
  let rows: Int, channels: Int
  var rowsPerTask: Int { Elementwise.rowsPerTask(channels) }
  var tasks: Int { (rows + rowsPerTask - 1) / rowsPerTask }
  func run(_ index: Int, worker: Int) {
    let first = index * rowsPerTask, offset = first * channels
    kernels.pointee.scale_bias(
      x + offset, scale, bias, y + offset, min(rowsPerTask, rows - first), channels, activation.op, activation.alpha,
      activation.beta)
  }
}

extension ExecutionContext {
  func scaleRows(
    _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>,
    rows: Int, channels: Int, _ activation: FusedActivation = .none
  ) {
    let job = ScaleRowsJob(
      kernels: kernels, activation: activation, x: x, scale: scale, bias: bias, y: y, rows: rows, channels: channels)
    parallel(job.tasks, job)
  }
}

// Attributes. FusedBatchNorm: 0 epsilon (1e-4); 1 momentum, see TrainableBatchNormOperator; 2 mode is not read. BatchNorm: 0 epsilon (0).

/// FusedBatchNorm (x, scale, bias, mean, variance) and BatchNorm (x, mean, variance): scale * (x - mean) / sqrt(variance +
/// epsilon) + bias along the last axis, float32. Further outputs of FusedBatchNorm repeat inputs 1 to 4.
class BatchNormOperator: Operator {
  final let epsilon: Float
  private var parameters = [FloatInput]()
  /// Scale and bias of every channel, when all parameters are known before the run; else the workspace takes them.
  private var folded: Buffer? = nil
  private var isFused: Bool { node.kind == .fusedBatchNorm }

  override init(_ node: Node) throws(EngineError) {
    epsilon = node.attributes.float(0, node.kind == .fusedBatchNorm ? 0.0001 : 0)
    try super.init(node)
    let count = node.kind == .fusedBatchNorm ? 5 : 3
    try requireInputs(count...count)
    try requireOutputs(1...(node.kind == .fusedBatchNorm ? 6 : 1))
    try requireType(0, .float32)
    for i in 1..<count {
      try requireFloat(i)
      parameters.append(FloatInput(i))
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 1...8)
    let channels = inputs[0].shape[inputs[0].shape.rank - 1]
    for i in 1..<inputs.count { try requireCount(i, channels, "one for each channel") }
    try setOutput(0, .float32, inputs[0].shape.dims)
    for i in 1..<max(outputs.count, 1) { try setOutput(i, .float32, inputs[min(i, 4)].shape.dims) }
  }

  override var inPlaceInputs: [Int] { [0] }
  override var acceptsFusedActivation: Bool { true }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let channels = inputs[1].count
    folded = nil
    workspaceBytes = 2 * channels * 4
    if channels == 0 { return }
    var known = true
    for i in 0..<parameters.count {
      if inputs[i + 1].type == .float16 { try parameters[i].prepare(self, context) }
      if !inputs[i + 1].hasKnownValue { known = false }
    }
    if known {
      let buffer = try floatBuffer(2 * channels)
      fold(into: buffer.floats, channels)
      folded = buffer
      workspaceBytes = 0
    }
  }

  /// The values of input 1 + `index`.
  final func parameter(_ index: Int) -> UnsafePointer<Float> { parameters[index].pointer(self) }

  /// The activation that the optimiser has fused.
  final func activation() throws(EngineError) -> FusedActivation {
    node.fused.activation == nil ? .none : try fusedActivation(field: -1)
  }

  private func fold(into s: UnsafeMutablePointer<Float>, _ channels: Int) {
    let mean = parameters[parameters.count - 2].pointer(self), variance = parameters[parameters.count - 1].pointer(self)
    let scale = isFused ? parameters[0].pointer(self) : nil, bias = isFused ? parameters[1].pointer(self) : nil
    for c in 0..<channels {
      let factor = (scale?[c] ?? 1) / (variance[c] + epsilon).squareRoot()
      s[c] = factor
      s[channels + c] = (bias?[c] ?? 0) - mean[c] * factor
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let channels = inputs[1].count
    if channels == 0 { return }
    let s = folded?.floats ?? scratch(context)
    if folded == nil { fold(into: s, channels) }
    for i in 1..<max(outputs.count, 1) {
      context.unary(.none, parameters[min(i, 4) - 1].pointer(self), outputs[i].floats, channels)
    }
    if outputs[0].count == 0 { return }
    context.scaleRows(
      UnsafePointer(inputs[0].floats), scale: s, bias: s + channels, outputs[0].floats,
      rows: outputs[0].count / channels, channels: channels, try activation())
  }
}

// Attributes: 0 axis (0), 1 activation_type (0).

/// ScaleFusion: activation(x * scale [+ offset]), float32. Scale and offset cover x's dimensions from `axis` on, as many as
/// scale has.
final class ScaleOperator: Operator {
  private let axisAttribute: Int
  private var activation = FusedActivation.none
  private var scale = FloatInput(1)
  private var offset = FloatInput(2)
  private var outer = 0, channels = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    axisAttribute = node.attributes.int(0, 0)
    try super.init(node)
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    for i in 1..<inputs.count { try requireFloat(i) }
    activation = try fusedActivation(field: 1)
  }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape, s = inputs[1].shape
    let axis = try requireAxis(axisAttribute, of: 0)
    // A single value scales everything.
    if (s.count == 1 && s.isKnown) || x.count == 0 {
      (outer, channels, inner) = (1, s.count, x.count)
    } else {
      var fits = axis + s.rank <= x.rank
      for i in 0..<s.rank where fits && s[i] != x[axis + i] { fits = false }
      if !fits {
        throw EngineError(
          .inferError, "the scale (\(inputs[1])) does not fit input 0 (\(inputs[0])) from axis \(axis) on")
      }
      outer = x.product(0..<axis)
      channels = s.count
      inner = x.product(axis + s.rank..<x.rank)
    }
    if inputs.count == 3 { try requireCount(2, channels, "as many as the scale") }
    try setOutput(0, .float32, x.dims)
  }

  override var inPlaceInputs: [Int] { [0] }
  override var acceptsFusedActivation: Bool { true }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if inputs[1].type == .float16 { try scale.prepare(self, context) }
    if inputs.count == 3 && inputs[2].type == .float16 { try offset.prepare(self, context) }
  }

  /// Each channel a contiguous run of `inner` elements.
  private struct RunsJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let activation: FusedActivation
    let x: UnsafePointer<Float>, scale: UnsafePointer<Float>, offset: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
    let channels: Int, inner: Int, pieces: Int
    func run(_ index: Int, worker: Int) {
      let (row, piece) = index.quotientAndRemainder(dividingBy: pieces)
      let start = row * inner + piece * Elementwise.grain, n = min(Elementwise.grain, inner - piece * Elementwise.grain)
      let c = row % channels
      kernels.pointee.unary(Int32(MS_UNARY_AFFINE.rawValue), x + start, y + start, n, scale[c], offset?[c] ?? 0)
      if !activation.isNone { kernels.pointee.unary(activation.op, y + start, y + start, n, activation.alpha, activation.beta) }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let x = UnsafePointer(inputs[0].floats), y = outputs[0].floats
    let s = scale.pointer(self), o = inputs.count == 3 ? offset.pointer(self) : nil
    if inner == 1 {
      context.scaleRows(x, scale: s, bias: o, y, rows: outer, channels: channels, activation)
      return
    }
    let pieces = Elementwise.tasks(inner)
    let job = RunsJob(
      kernels: context.kernels, activation: activation, x: x, scale: s, offset: o, y: y, channels: channels, inner: inner,
      pieces: pieces)
    context.parallel(outer * channels * pieces, job)
  }
}

// Attributes: 0 channel_shared (false): ignored, since converters set it beside one slope for each channel; the slope's size counts.

/// PReLUFusion: x > 0 ? x : x * slope, float32. One slope; one for each entry of the last axis, whatever its dimensions; or one for each
/// entry of several last axes, whose dimensions it then has.
final class PReLUOperator: Operator {
  private var slope = FloatInput(1)

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireFloat(1)
  }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape
    let count = inputs[1].count
    if count != 1 && (x.rank == 0 || count != x[x.rank - 1]) && !isSuffix(inputs[1].shape, of: x) {
      throw EngineError(
        .inferError, "the slope (\(inputs[1])) must have one element, or have the last dimensions of input 0 (\(inputs[0]))")
    }
    try setOutput(0, .float32, x.dims)
  }

  private func isSuffix(_ slope: Shape, of x: Shape) -> Bool {
    var leading = 0
    while leading < slope.rank && slope[leading] == 1 { leading += 1 }
    if slope.rank - leading > x.rank { return false }
    var i = 1
    while i <= slope.rank - leading {
      if slope[slope.rank - i] != x[x.rank - i] { return false }
      i += 1
    }
    return true
  }

  override var inPlaceInputs: [Int] { [0] }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if inputs[1].type == .float16 { try slope.prepare(self, context) }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>, slope: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let rows: Int, channels: Int, rowsPerTask: Int
    func run(_ index: Int, worker: Int) {
      let first = index * rowsPerTask
      kernels.pointee.prelu(x + first * channels, slope, y + first * channels, min(rowsPerTask, rows - first), channels)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    let x = UnsafePointer(inputs[0].floats), y = outputs[0].floats, s = slope.pointer(self)
    let channels = inputs[1].count
    if channels == 1 {
      context.unary(FusedActivation(MS_UNARY_LEAKY_RELU, s.pointee), x, y, n)
      return
    }
    let rows = n / channels, perTask = Elementwise.rowsPerTask(channels)
    let job = Job(kernels: context.kernels, x: x, slope: s, y: y, rows: rows, channels: channels, rowsPerTask: perTask)
    context.parallel((rows + perTask - 1) / perTask, job)
  }
}
