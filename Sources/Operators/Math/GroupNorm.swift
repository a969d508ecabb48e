import CKernels
import CSystem
import Graph
import System

// Attributes. InstanceNorm: 0 epsilon (0). GroupNormFusion: 0 num_groups (0), 1 epsilon (1e-5).

/// InstanceNorm and GroupNormFusion: gamma * (x - mean) / sqrt(variance + epsilon) + beta with the statistics of one image's
/// group of channels; an instance norm has one channel to a group. float32. Inputs: x [, gamma, beta]. Channels are the second
/// axis of an NCHW tensor, else the last one.
final class GroupNormOperator: Operator {
  private let epsilon: Float
  private let groupsAttribute: Int
  private var gamma = FloatInput(1)
  private var beta = FloatInput(2)
  private var images = 0, channels = 0, pixels = 0, groups = 1
  private var isPlanar: Bool { inputs[0].format == .nchw || inputs[0].format == .ncw || inputs[0].format == .ncdhw }

  override init(_ node: Node) throws(EngineError) {
    let isInstance = node.kind == .instanceNorm
    groupsAttribute = isInstance ? 0 : node.attributes.int(0, 0)
    epsilon = isInstance ? node.attributes.float(0, 0) : node.attributes.float(1, 0.00001)
    try super.init(node)
    try requireInputs(1...3)
    try requireOutputs(1...1)
    if inputs.count == 2 { throw EngineError(.error, "has 2 inputs; 1 or 3 are accepted") }
    try requireType(0, .float32)
    for i in 1..<max(inputs.count, 1) { try requireFloat(i) }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...8)
    let x = inputs[0].shape
    images = x[0]
    channels = isPlanar ? x[1] : x[x.rank - 1]
    if x.count > 0 { pixels = x.count / (images * channels) }
    groups = node.kind == .instanceNorm ? channels : groupsAttribute
    if x.count > 0 && (groups <= 0 || channels % groups != 0) {
      throw EngineError(.inferError, "\(groups) groups do not divide the \(channels) channels of input 0 (\(inputs[0]))")
    }
    if inputs.count == 3 {
      try requireCount(1, channels, "one for each channel")
      try requireCount(2, channels, "one for each channel")
    }
    try setOutput(0, .float32, x.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  private var chunkRows: Int { Elementwise.rowsPerTask(channels) }
  private var chunks: Int { (pixels + chunkRows - 1) / chunkRows }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if inputs.count == 3 {
      if inputs[1].type == .float16 { try gamma.prepare(self, context) }
      if inputs[2].type == .float16 { try beta.prepare(self, context) }
    }
    workspaceBytes = isPlanar || outputs[0].count == 0 ? 0 : (chunks + 2) * channels * 4
  }

  /// One group of one image, [channels of the group, pixels] in one piece.
  private struct PlanarJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>, gamma: UnsafePointer<Float>?, beta: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
    let groups: Int, width: Int, pixels: Int
    let epsilon: Float
    func run(_ index: Int, worker: Int) {
      let n = width * pixels, offset = index * n
      kernels.pointee.layer_norm(x + offset, nil, nil, y + offset, 1, n, epsilon, nil, nil)
      guard let gamma, let beta else { return }
      for i in 0..<width {
        let c = index % groups * width + i, plane = y + (offset + i * pixels)
        kernels.pointee.unary(Int32(MS_UNARY_AFFINE.rawValue), plane, plane, pixels, gamma[c], beta[c])
      }
    }
  }

  /// Sums of the channels over one chunk of pixels: of x, or of the squares of y = x + shift.
  private struct SumJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>, shift: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
    let sums: UnsafeMutablePointer<Float>
    let pixels: Int, channels: Int, chunkRows: Int
    func run(_ index: Int, worker: Int) {
      let first = index * chunkRows, rows = min(chunkRows, pixels - first), offset = first * channels
      var source = x + offset
      if let shift {
        kernels.pointee.scale_bias(source, nil, shift, y + offset, rows, channels, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
        source = UnsafePointer(y + offset)
      }
      kernels.pointee.reduce_columns(
        Int32((shift == nil ? MS_REDUCE_SUM : MS_REDUCE_SUM_SQUARE).rawValue), source, sums + index * channels, rows, channels,
        channels)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let g = inputs.count == 3 ? gamma.pointer(self) : nil, b = inputs.count == 3 ? beta.pointer(self) : nil
    let x = UnsafePointer(inputs[0].floats), y = outputs[0].floats
    if isPlanar {
      let job = PlanarJob(
        kernels: context.kernels, x: x, gamma: g, beta: b, y: y, groups: groups, width: channels / groups, pixels: pixels,
        epsilon: epsilon)
      context.parallel(images * groups, job)
      return
    }
    // Sums in fixed chunks of pixels, combined in order: the same bits on any number of threads.
    let factors = scratch(context), shifts = factors + channels, sums = shifts + channels
    for image in 0..<images {
      let offset = image * pixels * channels
      var job = SumJob(
        kernels: context.kernels, x: x + offset, shift: nil, y: y + offset, sums: sums, pixels: pixels, channels: channels,
        chunkRows: chunkRows)
      context.parallel(chunks, job)
      combine(context, sums, into: shifts)
      for c in 0..<channels { shifts[c] = -shifts[c] }
      job = SumJob(
        kernels: context.kernels, x: x + offset, shift: UnsafePointer(shifts), y: y + offset, sums: sums, pixels: pixels,
        channels: channels, chunkRows: chunkRows)
      context.parallel(chunks, job)
      combine(context, sums, into: factors)
      for c in 0..<channels { factors[c] = (g?[c] ?? 1) / (factors[c] + epsilon).squareRoot() }
      context.scaleRows(
        UnsafePointer(y + offset), scale: factors, bias: b, y + offset, rows: pixels, channels: channels)
    }
  }

  /// Means by group of the chunks' sums, written for every channel.
  private func combine(_ context: ExecutionContext, _ sums: UnsafeMutablePointer<Float>, into means: UnsafeMutablePointer<Float>) {
    context.kernels.pointee.reduce_columns(Int32(MS_REDUCE_SUM.rawValue), sums, means, chunks, channels, channels)
    let width = channels / groups
    for group in 0..<groups {
      var sum = 0.0
      for c in group * width..<(group + 1) * width { sum += Double(means[c]) }
      let mean = Float(sum / Double(width * pixels))
      for c in group * width..<(group + 1) * width { means[c] = mean }
    }
  }
}
