import CKernels
import Graph
import KernelSelection
import System

// Attributes: 1 kernel_size, 2 stride, 3 dilation [h, w], 4 pad_mode, 5 pad or 6 pad_list [top, bottom, left, right], 8 group; the others
// are not read. Inputs: dy, weights [O, kh, kw, I / group], the shape of the image.

/// Conv2DBackpropInputFusion: the gradient of a convolution's image, float32, NHWC.
///
/// A product for each group, [pixels, O] x [O, kh kw I], whose rows are added to the pixels under the kernel. The tasks are bands of image
/// rows, which compute the output rows that reach into them, a few at a time.
final class ConvolutionInputGradOperator: Operator {
  private var window = ConvolutionWindow()
  private var kernels: KernelPointer? = nil
  /// Columns of a group's product, floats of its packed weights, output rows that are multiplied at once.
  private var n = 0, packedFloats = 0, rowsAtOnce = 1
  private var bands = 1
  /// Of all groups' packed weights.
  private var packedBytes: Int { (packedFloats * window.group * 4 + 63) & ~63 }
  private var workerFloats = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
    let a = node.attributes
    let list = a.ints(6)
    window = ConvolutionWindow(
      kernel: a.ints(1), stride: a.ints(2), dilation: a.ints(3), mode: a.int(4), pads: list.count == 4 ? list : a.ints(5), group: a.int(8))
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(1, 4...4)
    let dy = inputs[0].shape, w = inputs[1].shape
    if w[0] != dy[3] {
      throw EngineError(.inferError, "the weights (\(inputs[1])) must have as many output channels as the gradient (\(inputs[0]))")
    }
    let (channels, overflow) = w[3].multipliedReportingOverflow(by: window.group)
    if overflow { throw EngineError(.inferError, "group \(window.group) is impossible for the weights (\(inputs[1]))") }
    let shape = try requireIntegers(2)
    // The shape is given as the file's format has it, which its tensor does not always say: that of which the gradient is one.
    if shape.count == 4 && shape[0] == dy[0] {
      for (h, w0, c) in [(1, 2, 3), (2, 3, 1)] where shape[c] == channels && shape[h] > 0 && shape[w0] > 0 {
        try window.place(height: shape[h], width: shape[w0], channels: channels, inputs[0], kernel: [w[1], w[2]])
        if window.outHeight == dy[1] && window.outWidth == dy[2] {
          return try setOutput(0, .float32, [dy[0], shape[h], shape[w0], channels], format: .nhwc)
        }
      }
    }
    throw EngineError(
      .inferError, "the gradient (\(inputs[0])) and the weights (\(inputs[1])) do not belong to an image of the shape that input 2 holds")
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = 0
    if outputs[0].count == 0 || inputs[0].count == 0 { return }
    let weights = inputs[1].count, image = outputs[0].shape
    // Each thread some bands, unless there are images enough; narrow bands would compute too many output rows twice.
    let reach = window.kernelHeight
    bands = max(1, min(4 * context.threads / image[0], image[1] / max(4 * reach, 8)))
    if context.threads == 1 { bands = 1 }
    let (row, overflow) = window.outWidth.multipliedReportingOverflow(by: window.taps * window.groupInChannels)
    if overflow || row > 1 << 40 || weights > 1 << 40 {
      throw EngineError(.outOfMemory, "the products of \(inputs[0]) and \(inputs[1]) do not fit in memory")
    }
    if window.isDepthwise {
      workspaceBytes = weights * 4
      return
    }
    n = window.taps * window.groupInChannels
    let kernels = Kernels.narrowed(context.kernels, columns: n)
    self.kernels = kernels
    let width = Int(kernels.pointee.gemm_nr)
    packedFloats = (n + width - 1) / width * width * window.groupOutChannels
    // The products stay in the second-level cache.
    rowsAtOnce = max(1, min(window.outHeight, 131_072 / row))
    workerFloats = (rowsAtOnce * row + 15) & ~15
    workspaceBytes = (packedBytes / 4 + context.threads * workerFloats) * 4
  }

  private struct PackJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let weights: UnsafePointer<Float>, packed: UnsafeMutablePointer<Float>
    let k: Int, n: Int, packedFloats: Int
    func run(_ group: Int, worker: Int) {
      let width = Int(kernels.pointee.gemm_nr)
      kernels.pointee.gemm_pack_b(packed + group * packedFloats, weights + group * k * n, k, n, n, 1, 0, (n + width - 1) / width)
    }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let window: ConvolutionWindow
    let conv: MSConv
    let dy: UnsafePointer<Float>, packed: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
    let n: Int, packedFloats: Int, rowsAtOnce: Int, bands: Int
    let scratch: UnsafeMutablePointer<Float>
    let workerFloats: Int

    func run(_ index: Int, worker: Int) {
      let (image, band) = index.quotientAndRemainder(dividingBy: bands)
      let width = conv.out_w, k = conv.out_channels, columns = conv.pixel_stride * conv.in_w
      let y0 = conv.in_h * band / bands, y1 = conv.in_h * (band + 1) / bands
      let target = dx + image * conv.in_h * columns, source = dy + image * conv.out_h * width * conv.ldc
      let products = scratch + worker * workerFloats
      let panels = (n + Int(kernels.pointee.gemm_nr) - 1) / Int(kernels.pointee.gemm_nr)
      (target + y0 * columns).update(repeating: 0, count: (y1 - y0) * columns)
      let rows = window.rows(reaching: y0, y1)
      for g in 0..<window.group {
        var row = rows.lowerBound
        while row < rows.upperBound {
          let last = min(row + rowsAtOnce, rows.upperBound), m = (last - row) * width
          var product = MSGemm(
            a: source + row * width * conv.ldc + g * k, lda: conv.ldc, b: packed + g * packedFloats, c: products, ldc: n, m: m, n: n, k: k,
            bias: nil, residual: nil, ldr: 0, activation: FusedActivation.none.op, alpha: 0, beta: 0)
          kernels.pointee.gemm(&product, 0, m, 0, panels)
          withUnsafePointer(to: conv) {
            kernels.pointee.conv_scatter($0, products, target + g * conv.in_channels, row, last, y0, y1)
          }
          row = last
        }
      }
    }
  }

  private struct DepthwiseJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    /// Of the first image.
    let layer: MSDepthwise
    let dx: UnsafeMutablePointer<Float>
    let bands: Int
    func run(_ index: Int, worker: Int) {
      let (image, band) = index.quotientAndRemainder(dividingBy: bands)
      var l = layer
      l.y += image * l.out_h * l.out_w * l.channels
      kernels.pointee.depthwise_input_grad(
        &l, dx + image * l.in_h * l.in_w * l.channels, l.in_h * band / bands, l.in_h * (band + 1) / bands)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let dx = outputs[0].floats
    if inputs[0].count == 0 { return dx.update(repeating: 0, count: outputs[0].count) }
    let dy = inputs[0].floats, weights = UnsafePointer(inputs[1].floats)
    let packed = scratch(context)
    let images = outputs[0].shape[0]
    if window.isDepthwise {
      // [C, taps] -> [taps, C]
      context.kernels.pointee.transpose_32(
        inputs[1].pointer(UInt32.self), window.taps, UnsafeMutableRawPointer(packed).assumingMemoryBound(to: UInt32.self),
        window.outChannels, window.outChannels, window.taps)
      let job = DepthwiseJob(
        kernels: context.kernels, layer: window.depthwise(weights, weights: packed, dy), dx: dx, bands: bands)
      return context.parallel(images * bands, job)
    }
    let kernels = kernels ?? context.kernels, k = window.groupOutChannels
    context.parallel(
      window.group, PackJob(kernels: kernels, weights: weights, packed: packed, k: k, n: n, packedFloats: packedFloats))
    let job = Job(
      kernels: kernels, window: window, conv: window.convolution(dy), dy: dy, packed: packed, dx: dx, n: n, packedFloats: packedFloats,
      rowsAtOnce: rowsAtOnce, bands: bands, scratch: packed + packedBytes / 4, workerFloats: workerFloats)
    context.parallel(images * bands, job)
  }
}
