import CKernels
import Graph
import System

// Conv2dTransposeFusion attributes: 1 kernel_size   2 stride   3 dilation   4 pad_mode 0 PAD 1 SAME 2 VALID
//   6 pad_list [top, bottom, left, right]   8 group   11 activation_type   12 output_paddings [h, w]
// Inputs: x [N, H, W, I], weights [I, kh, kw, O / group], optional bias [O].

/// Transposed 2-D convolution, NHWC: each input pixel adds x * w to out[ih s - p + kh d]. float32; weights may be float16.
///
/// Computed as one matrix product per image and group, [H W, I] x [I, kh kw O], whose result is then gathered by output row.
final class TransposedConvolutionOperator: Operator {
  private var geometry = ConvolutionGeometry()
  private var group = 1
  private var outputPadding = (0, 0)
  private var activation = FusedActivation.none
  private var bias: FloatInput? = nil
  private var inChannels = 0, groupOutChannels = 0
  private var outHeight = 0, outWidth = 0, padTop = 0, padLeft = 0
  private var matrix: PackedMatrix?
  private var packed: Buffer?

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    let a = node.attributes
    guard node.inputs.count == 2 || node.inputs.count == 3 else {
      throw EngineError(.error, "has \(node.inputs.count) inputs; an image, weights and an optional bias are needed")
    }
    let weights = node.inputs[1]
    guard weights.shape.rank == 4, let elements = weights.shape.checkedCount, elements > 0 else {
      throw EngineError(.error, "the weights (\(weights)) must have the 4 dimensions [I, kh, kw, O / group], none of them 0")
    }
    geometry = try ConvolutionGeometry(
      kernel: a.ints(1), stride: a.ints(2), dilation: a.ints(3), padMode: a.int(4), pads: a.ints(6),
      weightKernel: (weights.shape[1], weights.shape[2]))
    inChannels = weights.shape[0]
    groupOutChannels = weights.shape[3]
    group = max(a.int(8, 1), 1)
    if inChannels % group != 0 {
      throw EngineError(.error, "group \(group) does not divide the \(inChannels) input channels of \(weights)")
    }
    let extra = a.ints(12)
    outputPadding = (extra.first ?? 0, extra.last ?? 0)
    for v in [outputPadding.0, outputPadding.1] where v < 0 || v > ConvolutionGeometry.limit {
      throw EngineError(.error, "output padding \(v) is outside 0...\(ConvolutionGeometry.limit)")
    }
    activation = try Operators.fusedActivation(of: node, field: 11)
    bias = node.inputs.count == 3 ? FloatInput(2) : nil
    if bias != nil, node.inputs[2].shape.checkedCount != groupOutChannels * group {
      throw EngineError(.error, "the bias (\(node.inputs[2])) must have \(groupOutChannels * group) elements")
    }
    try requireOutputs(1...1)
    try requireType(0, .float32)
    for index in 1..<inputs.count { try requireFloat(index) }
    if !weights.isConstant { throw EngineError(.notSupported, "the weights (\(weights)) must be constant") }
  }

  override var acceptsFusedActivation: Bool { true }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    let x = inputs[0].shape
    if x[3] != inChannels {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) must have \(inChannels) channels for the weights (\(inputs[1]))")
    }
    let g = geometry
    (outHeight, padTop) = Self.axis(
      x[1], g.kernelHeight, g.effectiveKernelHeight, g.strideHeight, g.padMode, g.pads[0], g.pads[1], outputPadding.0)
    (outWidth, padLeft) = Self.axis(
      x[2], g.kernelWidth, g.effectiveKernelWidth, g.strideWidth, g.padMode, g.pads[2], g.pads[3], outputPadding.1)
    if outHeight < 1 || outWidth < 1 {
      throw EngineError(.inferError, "the output would have \(outHeight) x \(outWidth) pixels")
    }
    try setOutput(0, .float32, [x[0], outHeight, outWidth, groupOutChannels * group], format: .nhwc)
  }

  /// Output size and leading padding along one axis, by the original's shape rule: VALID counts the kernel without dilation.
  private static func axis(
    _ size: Int, _ kernel: Int, _ effective: Int, _ stride: Int, _ mode: Int, _ before: Int, _ after: Int, _ extra: Int
  ) -> (Int, Int) {
    switch mode {
    case PadMode.same:
      let out = size * stride + extra
      return (out, ((size - 1) * stride + effective - out) / 2)
    case PadMode.valid: return ((size - 1) * stride + kernel + extra, 0)
    default: return ((size - 1) * stride + effective - before - after + extra, before)
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try bias?.prepare(self, context)
    let taps = geometry.kernelHeight * geometry.kernelWidth
    let weights = inputs[1]
    if packed == nil {
      let m = try PackedMatrix(k: inChannels / group, n: taps * groupOutChannels, context)
      noteArithmetic(m)
      guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
      guard let buffer = Buffer(count: m.bytes * group) else {
        throw EngineError(.outOfMemory, "no memory to pack the weights (\(weights))")
      }
      let half = weights.type == .float16
      for g in 0..<group {
        m.pack(
          data + g * m.k * m.n * (half ? 2 : 4), fromHalf: half, rowStride: m.n, columnStride: 1, into: buffer.base + g * m.bytes,
          context)
      }
      matrix = m
      packed = buffer
      if weights.consumers == 1 { weights.releaseConstant() }
    }
    let x = inputs[0].shape
    let (columns, overflow) = (x[1] * x[2]).multipliedReportingOverflow(by: taps * groupOutChannels * 4)
    if overflow || columns > 1 << 40 { throw EngineError(.outOfMemory, "the products of \(inputs[0]) do not fit in memory") }
    // The scratch of the product, then what it gives.
    workspaceBytes = columns + (matrix?.scratchBytes(context) ?? 0)
  }

  /// Adds up the products of one output row, and finishes it with bias and activation.
  private struct GatherJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let products: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let bias: UnsafePointer<Float>?
    let geometry: ConvolutionGeometry
    let inHeight: Int, inWidth: Int, outWidth: Int, padTop: Int, padLeft: Int
    /// Channels of the group, and floats from one output pixel to the next.
    let channels: Int, pixelStride: Int
    let activation: FusedActivation

    func run(_ oh: Int, worker: Int) {
      let row = y + oh * outWidth * pixelStride
      let g = geometry
      var ow = 0
      while ow < outWidth {
        let target = row + ow * pixelStride
        if let bias { target.update(from: bias, count: channels) } else { target.update(repeating: 0, count: channels) }
        var kh = 0
        while kh < g.kernelHeight {
          let h = oh + padTop - kh * g.dilationHeight
          if h >= 0 && h % g.strideHeight == 0 && h / g.strideHeight < inHeight {
            var kw = 0
            while kw < g.kernelWidth {
              let w = ow + padLeft - kw * g.dilationWidth
              if w >= 0 && w % g.strideWidth == 0 && w / g.strideWidth < inWidth {
                let pixel = h / g.strideHeight * inWidth + w / g.strideWidth
                let source = products + ((pixel * g.kernelHeight + kh) * g.kernelWidth + kw) * channels
                kernels.pointee.binary(
                  Int32(MS_BINARY_ADD.rawValue), target, 1, source, 1, target, channels, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
              }
              kw += 1
            }
          }
          kh += 1
        }
        if !activation.isNone {
          kernels.pointee.unary(activation.op, target, target, channels, activation.alpha, activation.beta)
        }
        ow += 1
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let x = node.inputs[0], y = node.outputs[0]
    guard y.count > 0, let matrix, let packed else { return }
    let pixels = x.shape[1] * x.shape[2], outChannels = groupOutChannels * group
    let products = (context.workspace + matrix.scratchBytes(context)).assumingMemoryBound(to: Float.self)
    var image = 0
    while image < x.shape[0] {
      var g = 0
      while g < group {
        let gemm = MSGemm(
          a: x.floats + image * pixels * inChannels + g * matrix.k, lda: inChannels,
          b: (packed.base + g * matrix.bytes).assumingMemoryBound(to: Float.self), c: products, ldc: matrix.n, m: pixels,
          n: matrix.n, k: matrix.k, bias: nil, residual: nil, ldr: 0, activation: FusedActivation.none.op, alpha: 0, beta: 0)
        context.multiply(gemm, matrix, scratch: 0)
        let gather = GatherJob(
          kernels: context.kernels, products: UnsafePointer(products),
          y: y.floats + image * outHeight * outWidth * outChannels + g * groupOutChannels,
          bias: bias.map { $0.pointer(self) + g * groupOutChannels }, geometry: geometry, inHeight: x.shape[1], inWidth: x.shape[2],
          outWidth: outWidth, padTop: padTop, padLeft: padLeft, channels: groupOutChannels, pixelStride: outChannels,
          activation: activation)
        context.parallel(outHeight, gather)
        g += 1
      }
      image += 1
    }
  }
}
