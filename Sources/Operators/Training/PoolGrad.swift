import CKernels
import Graph
import System

// Attributes: 0 kernel_size [h, w], 1 strides [h, w], 2 pad_mode (0 PAD, without padding; 1 SAME; 2 VALID). 3, the format, is not read.

/// MaxPoolGrad and AvgPoolGrad (x, y, dy), float32, NHWC: the gradient of the first largest tap is dy's; or each tap inside the image gets
/// an equal share. Windows may overlap.
final class PoolGradOperator: Operator {
  private let kernel: [Int], strides: [Int]
  private let isSame: Bool
  private var padTop = 0, padLeft = 0
  /// Bands of output rows, of windows that do not overlap; blocks of channels.
  private var bands = 1, blocks = 1
  private static let blockChannels = 64

  override init(_ node: Node) throws(EngineError) {
    kernel = node.attributes.ints(0)
    strides = node.attributes.ints(1)
    isSame = node.attributes.int(2, 0) == PadMode.same
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    for i in 0..<3 { try requireType(i, .float32) }
    for list in [kernel, strides] {
      if list.count < 2 { throw EngineError(.parameterInvalid, "kernel_size and strides must have 2 entries") }
      for v in list where v < 1 || v > 1_000_000 {
        throw EngineError(.parameterInvalid, "kernel_size or strides contain \(v); 1 to 1000000 are accepted")
      }
    }
  }

  /// Leading padding along one axis; nil when that many windows do not lie on the image.
  private func padding(_ size: Int, _ out: Int, _ kernel: Int, _ stride: Int) -> Int? {
    if isSame { return out == max((size + stride - 1) / stride, 1) ? max((out - 1) * stride + kernel - size, 0) / 2 : nil }
    let span = max(size - kernel, 0)
    return out >= span / stride + 1 && out <= (span + stride - 1) / stride + 1 ? 0 : nil
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(2, 4...4)
    let x = inputs[0].shape, dy = inputs[2].shape
    if x[1] > 1 << 30 || x[2] > 1 << 30 { throw EngineError(.inferError, "input 0 (\(inputs[0])) has no image to pool") }
    guard dy[0] == x[0], dy[3] == x[3], let top = padding(x[1], dy[1], kernel[0], strides[0]),
      let left = padding(x[2], dy[2], kernel[1], strides[1])
    else { throw EngineError(.inferError, "the gradient (\(inputs[2])) is not that of pooling \(inputs[0])") }
    (padTop, padLeft) = (top, left)
    try setOutput(0, .float32, x.dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let dy = inputs[2].shape
    blocks = (dy[3] + Self.blockChannels - 1) / Self.blockChannels
    bands = strides[0] >= kernel[0] ? max(1, min(dy[1] / 8, 8)) : 1
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    /// Of the first image.
    let layer: MSPoolGrad
    let bands: Int, blocks: Int
    func run(_ index: Int, worker: Int) {
      let (rest, block) = index.quotientAndRemainder(dividingBy: blocks)
      let (image, band) = rest.quotientAndRemainder(dividingBy: bands)
      var l = layer
      l.x += image * l.in_h * l.in_w * l.channels
      l.dx += image * l.in_h * l.in_w * l.channels
      l.dy += image * l.out_h * l.out_w * l.channels
      let first = block * PoolGradOperator.blockChannels
      kernels.pointee.pool_grad(
        &l, l.out_h * band / bands, l.out_h * (band + 1) / bands, first, min(first + PoolGradOperator.blockChannels, l.channels))
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    fillElements(context, outputs[0].data, n, elementSize: 4, bits: 0)
    if inputs[2].count == 0 { return }
    let x = inputs[0].shape, dy = inputs[2].shape
    let layer = MSPoolGrad(
      x: inputs[0].floats, dy: inputs[2].floats, dx: outputs[0].floats, in_h: x[1], in_w: x[2], out_h: dy[1], out_w: dy[2],
      channels: x[3], kernel_h: Int32(kernel[0]), kernel_w: Int32(kernel[1]), stride_h: Int32(strides[0]), stride_w: Int32(strides[1]),
      pad_top: Int32(padTop), pad_left: Int32(padLeft), average: node.kind == .avgPoolGrad ? 1 : 0)
    context.parallel(x[0] * bands * blocks, Job(kernels: context.kernels, layer: layer, bands: bands, blocks: blocks))
  }
}
