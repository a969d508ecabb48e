import CKernels
import Graph
import KernelSelection
import System

// Conv2DBackpropFilterFusion. Attributes: 1 kernel_size, 2 stride, 3 dilation [h, w], 4 pad_mode, 5 pad_list, 7 group; the others are
// not read. Inputs: dy, x [, shape of the weights]. DeConv2DGradFilter: 2 kernel_size, 3 pad_mode, 4 pad_list, 5 stride, 6 dilation, 7
// group; inputs dy, x [, shape], where the transposed convolution went from x to the larger image dy.

/// The gradient of a convolution's weights [O, kh, kw, I / group], float32, NHWC: dw[o, kh, kw, i] = sum over images and output pixels of
/// dy[.., o] x[.., i] under the kernel. Of a transposed convolution's weights [I, kh, kw, O / group] it is the same, with x and dy exchanged.
///
/// One product for each group, dy transposed times the gathered x. The sum over the pixels is cut into parts by the sizes alone; the parts
/// and blocks of output channels are the threads' tasks.
final class ConvolutionWeightGradOperator: Operator {
  private let isTransposed: Bool
  private var window = ConvolutionWindow()

  /// Output pixels of all images; values under the kernel.
  private var pixels = 0, k = 0
  /// Cuts of the sum over the pixels and of a group's output channels; channels in a block; pixels that are gathered at once.
  private var parts = 1, blocks = 1, blockRows = 1, chunk = 1
  private var kernels: KernelPointer? = nil
  /// Floats of a worker's scratch: gathered pixels, their panels, transposed dy.
  private var gathered = 0, panels = 0, workerFloats = 0

  override init(_ node: Node) throws(EngineError) {
    isTransposed = node.kind == .deConv2DGradFilter
    try super.init(node)
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
    if inputs.count == 3 { try requireType(2, .int32) }
    let a = node.attributes
    window =
      isTransposed
      ? ConvolutionWindow(kernel: a.ints(2), stride: a.ints(5), dilation: a.ints(6), mode: a.int(3), pads: a.ints(4), group: a.int(7))
      : ConvolutionWindow(kernel: a.ints(1), stride: a.ints(2), dilation: a.ints(3), mode: a.int(4), pads: a.ints(5), group: a.int(7))
  }

  /// The image under the kernel, and the tensor whose pixels the kernel's positions are.
  private var image: Tensor { inputs[isTransposed ? 0 : 1] }
  private var positions: Tensor { inputs[isTransposed ? 1 : 0] }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(1, 4...4)
    var kernel = window.kernel
    if kernel.isEmpty {
      guard inputs.count == 3 else { throw EngineError(.parameterInvalid, "has neither a kernel_size nor the weights' shape") }
      let shape = try requireIntegers(2)
      if shape.count != 4 { throw EngineError(.inferError, "the weights' shape (\(inputs[2])) must have 4 entries") }
      let first = inputs[2].format == .nchw || inputs[2].format == .kchw ? 2 : 1
      kernel = [shape[first], shape[first + 1]]
    }
    try window.place(image, positions, kernel: kernel, self)
    try setOutput(0, .float32, [window.outChannels, window.kernelHeight, window.kernelWidth, window.groupInChannels], format: .khwc)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    let weights = outputs[0].count
    pixels = 0
    if weights == 0 || positions.count == 0 || image.count == 0 { return }
    pixels = positions.shape[0] * window.outHeight * window.outWidth
    k = window.taps * window.groupInChannels
    let (work, overflow) = pixels.multipliedReportingOverflow(by: weights)
    if overflow || weights > 1 << 40 { throw EngineError(.outOfMemory, "the sizes of \(inputs[0]) and \(inputs[1]) are impossible") }
    // Small products are over before a second thread has started; of large weights every part takes memory.
    let wanted = work < 400_000 ? 1 : 8
    if window.isDepthwise {
      parts = min(wanted, image.shape[0])
      blockRows = 64
      blocks = (window.outChannels + 63) / 64
      workspaceBytes = parts * weights * 4
      return
    }
    chunk = max(32, min(1024, 98304 / k, pixels))
    parts = max(1, min(wanted, (pixels + chunk - 1) / chunk, (1 << 20) / weights))
    // A multiple of every register tile's height.
    let tiles = (window.groupOutChannels + 23) / 24
    blocks = max(1, min(tiles, wanted / (parts * window.group)))
    blockRows = (tiles + blocks - 1) / blocks * 24
    blocks = (window.groupOutChannels + blockRows - 1) / blockRows
    let kernels = Kernels.narrowed(context.kernels, columns: k)
    self.kernels = kernels
    let width = Int(kernels.pointee.gemm_nr)
    gathered = chunk * k + width
    panels = (k + width - 1) / width * width * chunk
    workerFloats = (gathered + panels + chunk * min(blockRows, window.groupOutChannels) + 15) & ~15
    workspaceBytes = (context.threads * workerFloats + (parts > 1 ? parts * weights : 0)) * 4
  }

  /// Part, block and group of a task, in one number.
  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    /// Of the first image and group.
    let conv: MSConv
    let dy: UnsafePointer<Float>
    let imageFloats: Int, outPixels: Int, pixels: Int
    let k: Int, group: Int, groupOut: Int
    let parts: Int, blocks: Int, blockRows: Int, chunk: Int
    let weights: Int
    let target: UnsafeMutablePointer<Float>
    let scratch: UnsafeMutablePointer<Float>
    let workerFloats: Int, gathered: Int, panels: Int

    func run(_ index: Int, worker: Int) {
      let (part, rest) = index.quotientAndRemainder(dividingBy: blocks * group)
      let (g, block) = rest.quotientAndRemainder(dividingBy: blocks)
      let rows = scratch + worker * workerFloats, packed = rows + gathered, transposed = packed + panels
      let first = block * blockRows, count = min(blockRows, groupOut - first)
      let outChannels = groupOut * group
      let result = target + part * weights + (g * groupOut + first) * k
      let end = pixels * (part + 1) / parts
      let start = pixels * part / parts
      var pixel = start
      while pixel < end {
        let n = min(chunk, end - pixel)
        gather(g, pixel, n, rows)
        kernels.pointee.gemm_pack_b(packed, rows, n, k, k, 1, 0, (k + Int(kernels.pointee.gemm_nr) - 1) / Int(kernels.pointee.gemm_nr))
        let source = dy + pixel * outChannels + g * groupOut + first
        kernels.pointee.transpose_32(
          UnsafeRawPointer(source).assumingMemoryBound(to: UInt32.self), outChannels,
          UnsafeMutableRawPointer(transposed).assumingMemoryBound(to: UInt32.self), n, n, count)
        var product = MSGemm(
          a: transposed, lda: n, b: packed, c: result, ldc: k, m: count, n: k, k: n, bias: nil,
          residual: pixel == start ? nil : UnsafePointer(result), ldr: k, activation: FusedActivation.none.op, alpha: 0, beta: 0)
        kernels.pointee.gemm(&product, 0, count, 0, (k + Int(kernels.pointee.gemm_nr) - 1) / Int(kernels.pointee.gemm_nr))
        pixel += n
      }
    }

    /// The values under the kernel for `count` pixels, which may lie in several images.
    private func gather(_ g: Int, _ pixel: Int, _ count: Int, _ rows: UnsafeMutablePointer<Float>) {
      var done = 0
      while done < count {
        let (image, first) = (pixel + done).quotientAndRemainder(dividingBy: outPixels)
        let n = min(outPixels - first, count - done)
        var c = conv
        c.x += image * imageFloats + g * c.in_channels
        kernels.pointee.conv_gather(&c, first, first + n, rows + done * k)
        done += n
      }
    }
  }

  private struct DepthwiseJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    /// Of the first image.
    let layer: MSDepthwise
    let images: Int, parts: Int, blocks: Int
    let target: UnsafeMutablePointer<Float>
    func run(_ index: Int, worker: Int) {
      let (part, block) = index.quotientAndRemainder(dividingBy: blocks)
      let first = block * 64, last = min(first + 64, layer.channels)
      let taps = Int(layer.kernel_h) * Int(layer.kernel_w)
      let dw = target + part * taps * layer.channels
      for t in 0..<taps { (dw + t * layer.channels + first).update(repeating: 0, count: last - first) }
      for image in images * part / parts..<images * (part + 1) / parts {
        var l = layer
        l.x += image * l.in_h * l.in_w * l.channels
        l.y += image * l.out_h * l.out_w * l.channels
        kernels.pointee.depthwise_weight_grad(&l, dw, first, last)
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let weights = outputs[0].count
    if weights == 0 { return }
    let y = outputs[0].floats
    if pixels == 0 { return y.update(repeating: 0, count: weights) }
    let x = UnsafePointer(image.floats), dy = positions.floats
    if window.isDepthwise {
      let partial = scratch(context)
      let job = DepthwiseJob(
        kernels: context.kernels, layer: window.depthwise(x, weights: x, dy), images: image.shape[0], parts: parts, blocks: blocks,
        target: partial)
      context.parallel(parts * blocks, job)
      context.kernels.pointee.reduce_columns(Int32(MS_REDUCE_SUM.rawValue), partial, partial, parts, weights, weights)
      // [taps, C] -> [C, taps]
      context.kernels.pointee.transpose_32(
        UnsafeRawPointer(partial).assumingMemoryBound(to: UInt32.self), window.outChannels, outputs[0].pointer(UInt32.self), window.taps,
        window.taps, window.outChannels)
      return
    }
    let partial = scratch(context) + context.threads * workerFloats
    let job = Job(
      kernels: kernels ?? context.kernels, conv: window.convolution(x), dy: dy, imageFloats: image.count / image.shape[0],
      outPixels: window.outHeight * window.outWidth, pixels: pixels, k: k, group: window.group, groupOut: window.groupOutChannels,
      parts: parts, blocks: blocks, blockRows: blockRows, chunk: chunk, weights: weights, target: parts > 1 ? partial : y,
      scratch: scratch(context), workerFloats: workerFloats, gathered: gathered, panels: panels)
    context.parallel(parts * blocks * window.group, job)
    if parts > 1 {
      ColumnTotal(kernels: context.kernels, x: partial, y: y, rows: parts, columns: weights).run(context)
    }
  }
}

/// The sum of a few rows that are long, on all threads.
private struct ColumnTotal: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
  let rows: Int, columns: Int
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.reduce_columns(
      Int32(MS_REDUCE_SUM.rawValue), x + start, y + start, rows, min(Elementwise.grain, columns - start), columns)
  }
  func run(_ context: ExecutionContext) { context.parallel(Elementwise.tasks(columns), self) }
}
