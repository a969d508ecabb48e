import CKernels
import Graph
import System

// AdderFusion attributes: 1 kernel_size   2 stride   3 dilation   4 pad_mode   5 pad_list   6 group (1)   9 activation_type (none), as
//   Conv2DFusion's; 0 format, 7 in_channel, 8 out_channel: ignored.
// Inputs: x [N, H, W, I], weights [O, kh, kw, I], optional bias [O]; float32.

/// A convolution that compares instead of multiplying (AdderNet):
/// y[n, oh, ow, o] = act(bias[o] - sum |x[n, oh s + kh d - p, ..., i] - w[o, kh, kw, i]|), where x is 0 outside the image.
final class AdderOperator: Operator {
  private var layer = ConvolutionLayer()
  private var activation = FusedActivation.none
  /// Floats of one worker's scratch: the values under the kernel, and their differences from one output channel's weights.
  private var scratchFloats = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    layer = try ConvolutionLayer(self, groupField: 6)
    activation = try fusedActivation(field: 9)
    for i in 0..<inputs.count { try requireType(i, .float32) }
    if layer.group != 1 { throw EngineError(.notSupported, "group \(layer.group); 1 is accepted") }
  }

  override var acceptsFusedActivation: Bool { true }

  override func infer() throws(EngineError) {
    try layer.infer(self, .float32)
    if layer.group != 1 { throw EngineError(.notSupported, "group \(layer.group); 1 is accepted") }
  }

  private var depth: Int { layer.taps * layer.groupInChannels }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let (floats, overflow) = (depth + 16).multipliedReportingOverflow(by: 2 * context.threads)
    if overflow || floats > 1 << 40 { throw EngineError(.outOfMemory, "no memory for kernels of \(depth) values") }
    scratchFloats = 2 * ((depth + 15) & ~15)
    workspaceBytes = scratchFloats * 4 * context.threads
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let x = node.inputs[0], y = node.outputs[0]
    guard y.count > 0 else { return }
    context.parallel(
      y.shape[0] * y.shape[1],
      RowJob(
        kernels: context.kernels, layer: layer, depth: depth, x: x.floats, weights: node.inputs[1].floats,
        bias: layer.bias.map { UnsafePointer($0.floats) }, y: y.floats, inHeight: x.shape[1], inWidth: x.shape[2],
        scratch: context.workspace.assumingMemoryBound(to: Float.self), scratchFloats: scratchFloats, activation: activation))
  }

  /// One output row.
  private struct RowJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let layer: ConvolutionLayer
    let depth: Int
    let x: UnsafePointer<Float>, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>
    let inHeight: Int, inWidth: Int
    let scratch: UnsafeMutablePointer<Float>
    let scratchFloats: Int
    let activation: FusedActivation

    func run(_ index: Int, worker: Int) {
      let g = layer.geometry, channels = layer.outChannels
      let values = scratch + worker * scratchFloats
      let differences = values + scratchFloats / 2
      let row = y + index * g.outWidth * channels
      for ow in 0..<g.outWidth {
        gather(index / g.outHeight, index % g.outHeight, ow, values)
        for o in 0..<channels {
          kernels.pointee.binary(
            Int32(MS_BINARY_SUB.rawValue), values, 1, weights + o * depth, 1, differences, depth,
            Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
          var sum: Float = 0
          kernels.pointee.reduce_rows(Int32(MS_REDUCE_SUM_ABS.rawValue), differences, &sum, 1, depth)
          row[ow * channels + o] = (bias?[o] ?? 0) - sum
        }
      }
      if !activation.isNone {
        kernels.pointee.unary(activation.op, row, row, g.outWidth * channels, activation.alpha, activation.beta)
      }
    }

    /// The values under the kernel of one output pixel.
    private func gather(_ image: Int, _ oh: Int, _ ow: Int, _ target: UnsafeMutablePointer<Float>) {
      let g = layer.geometry, channels = layer.groupInChannels
      var next = target
      for kh in 0..<g.kernelHeight {
        let h = oh * g.strideHeight - g.padTop + kh * g.dilationHeight
        for kw in 0..<g.kernelWidth {
          let w = ow * g.strideWidth - g.padLeft + kw * g.dilationWidth
          if h >= 0 && h < inHeight && w >= 0 && w < inWidth {
            next.update(from: x + ((image * inHeight + h) * inWidth + w) * channels, count: channels)
          } else {
            next.update(repeating: 0, count: channels)
          }
          next += channels
        }
      }
    }
  }
}
