import CKernels
import Graph
import System

// FusedBatchNorm in training: attribute 1 momentum (0.9), the share of the batch's statistics in the running ones.

/// FusedBatchNorm whose node has the outputs of training. In training it normalises by the mean and the variance of the batch,
/// which are outputs 3 and 4, and moves the running ones, inputs 3 and 4, towards them, as MindSpore does. (The original's runtime takes
/// the unbiased variance of images.) Else it is the ordinary operator.
final class TrainableBatchNormOperator: BatchNormOperator {
  private var sums = ColumnSums()

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    updatedInputs = [3, 4]
    statisticsMomentum = node.attributes.float(1, 0.9)
  }

  override var isPure: Bool { !trains }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try super.prepare(context)
    if !trains { return }
    try requireWritable()
    let channels = inputs[1].count
    sums = ColumnSums(rows: channels == 0 ? 0 : inputs[0].count / channels, columns: channels)
    workspaceBytes = max(workspaceBytes, (2 * channels + sums.scratch) * 4)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let channels = inputs[1].count
    guard trains, sums.rows > 0, channels > 0 else { return try super.run(context) }
    let x = UnsafePointer(inputs[0].floats), factor = scratch(context), shift = factor + channels
    let mean = outputs[3].floats, variance = outputs[4].floats
    let rows = Float(sums.rows), momentum = statisticsMomentum ?? 0
    sums.run(x, into: mean, scratch: shift + channels, context)
    for c in 0..<channels { mean[c] /= rows }
    sums.run(x, mean, times: x, mean, into: variance, scratch: shift + channels, context)
    let scale = parameter(0), bias = parameter(1)
    for c in 0..<channels {
      variance[c] /= rows
      factor[c] = scale[c] / (variance[c] + epsilon).squareRoot()
      shift[c] = bias[c] - mean[c] * factor[c]
      inputs[3].floats[c] += momentum * (mean[c] - inputs[3].floats[c])
      inputs[4].floats[c] += momentum * (variance[c] - inputs[4].floats[c])
    }
    context.unary(.none, scale, outputs[1].floats, channels)
    context.unary(.none, bias, outputs[2].floats, channels)
    if outputs.count > 5 { context.unary(.none, UnsafePointer(variance), outputs[5].floats, channels) }
    context.scaleRows(
      x, scale: factor, bias: shift, outputs[0].floats, rows: sums.rows, channels: channels, try activation())
  }
}

// BatchNormGrad. Attributes: 0 epsilon (0), 1 is_training (false).

/// BatchNormGrad (dy, x, scale, mean, variance [, more]) -> dx, dscale, dbias, along the last axis, float32. In training mean and variance
/// are the batch's own and have gradients too; else they are constants.
///
/// dbias = sum dy; dscale = sum dy (x - mean) r, r = 1 / sqrt(variance + epsilon); dx = scale r (dy - dbias / M - (x - mean) r dscale / M),
/// or scale r dy.
final class BatchNormGradOperator: Operator {
  private let epsilon: Float
  private let isOfBatch: Bool
  private var sums = ColumnSums()

  override init(_ node: Node) throws(EngineError) {
    epsilon = node.attributes.float(0, 0)
    isOfBatch = node.attributes.bool(1, false)
    try super.init(node)
    try requireInputs(5...9)
    try requireOutputs(3...3)
    for i in 0..<inputs.count { try requireType(i, .float32) }
  }

  override func infer() throws(EngineError) {
    try requireRank(1, 1...8)
    let x = inputs[1].shape, channels = x[x.rank - 1]
    if inputs[0].shape != x { throw EngineError(.inferError, "the gradient (\(inputs[0])) must have the shape of x (\(inputs[1]))") }
    for i in 2..<5 { try requireCount(i, channels, "one for each channel") }
    try setOutput(0, .float32, x.dims)
    for i in 1..<3 { try setOutput(i, .float32, inputs[2].shape.dims) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let channels = inputs[2].count
    sums = ColumnSums(rows: channels == 0 ? 0 : inputs[1].count / channels, columns: channels)
    workspaceBytes = (3 * channels + sums.scratch + context.threads * rowsPerTask * channels) * 4
  }

  private var rowsPerTask: Int { Elementwise.rowsPerTask(4 * inputs[2].count) }

  /// dx = a x + b + c dy, by channel.
  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let dy: UnsafePointer<Float>, x: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
    let a: UnsafePointer<Float>, b: UnsafePointer<Float>, c: UnsafePointer<Float>
    let rows: Int, channels: Int, rowsPerTask: Int
    let scratch: UnsafeMutablePointer<Float>
    func run(_ index: Int, worker: Int) {
      let first = index * rowsPerTask, count = min(rowsPerTask, rows - first), start = first * channels
      let none = Int32(MS_UNARY_IDENTITY.rawValue)
      let part = scratch + worker * rowsPerTask * channels
      kernels.pointee.scale_bias(dy + start, c, nil, part, count, channels, none, 0, 0)
      kernels.pointee.scale_bias(x + start, a, b, dx + start, count, channels, none, 0, 0)
      kernels.pointee.binary(
        Int32(MS_BINARY_ADD.rawValue), UnsafePointer(dx + start), 1, UnsafePointer(part), 1, dx + start, count * channels, none, 0, 0)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let channels = inputs[2].count
    if channels == 0 { return }
    let dscale = outputs[1].floats, dbias = outputs[2].floats
    if sums.rows == 0 {
      for c in 0..<channels { (dscale[c], dbias[c]) = (0, 0) }
      return
    }
    let dy = UnsafePointer(inputs[0].floats), x = UnsafePointer(inputs[1].floats), scale = inputs[2].floats
    let mean = UnsafePointer(inputs[3].floats), variance = inputs[4].floats
    let a = scratch(context), b = a + channels, c = b + channels, partial = c + channels
    sums.run(dy, into: dbias, scratch: partial, context)
    sums.run(dy, times: x, mean, into: dscale, scratch: partial, context)
    let rows = Float(sums.rows)
    for i in 0..<channels {
      let r = 1 / (variance[i] + epsilon).squareRoot()
      dscale[i] *= r
      c[i] = scale[i] * r
      a[i] = isOfBatch ? -c[i] * r * dscale[i] / rows : 0
      b[i] = isOfBatch ? -c[i] * dbias[i] / rows - a[i] * mean[i] : 0
    }
    if !isOfBatch {
      return context.scaleRows(dy, scale: c, bias: nil, outputs[0].floats, rows: sums.rows, channels: channels)
    }
    let job = Job(
      kernels: context.kernels, dy: dy, x: x, dx: outputs[0].floats, a: a, b: b, c: c, rows: sums.rows, channels: channels,
      rowsPerTask: rowsPerTask, scratch: partial + sums.scratch)
    context.parallel((sums.rows + rowsPerTask - 1) / rowsPerTask, job)
  }
}
