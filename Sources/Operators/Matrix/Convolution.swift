import CKernels
import Graph
import KernelSelection
import System

// Conv2DFusion: attributes and inputs stand with ConvolutionLayer.

/// 2-D convolution, NHWC, float32 activations, float32 or float16 weights.
///
/// y[n, oh, ow, o] = act(bias[o] + sum x[n, oh s + kh d - p, ..., g I/G + i] w[o, kh, kw, i] + residual)
final class ConvolutionOperator: Operator {
  private var layer = ConvolutionLayer()
  private var activation = FusedActivation.none
  private var bias: FloatInput? = nil

  private var geometry: ConvolutionGeometry { layer.geometry }
  private var group: Int { layer.group }
  private var outChannels: Int { layer.outChannels }
  private var groupInChannels: Int { layer.groupInChannels }

  private enum Path { case pointwise, general, depthwise, winograd }
  private var path = Path.general
  private var matrix: PackedMatrix?
  private var packed: PackedBuffer?
  private var winograd: WinogradConvolution?
  /// The graph computes the weights.
  private var packsEveryRun = false
  /// Bytes of a worker's scratch on the general path.
  private var scratchStride = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    layer = try ConvolutionLayer(self)
    bias = layer.bias == nil ? nil : FloatInput(2)
    activation = try Operators.fusedActivation(of: node, field: ConvolutionLayer.activationField)
    try requireType(0, .float32)
    try requireFloat(1)
    if bias != nil { try requireFloat(2) }
  }

  override var acceptsFusedActivation: Bool { true }
  override var inPlaceInputs: [Int] { node.fused.addsResidual ? [inputs.count - 1] : [] }
  private var residual: Tensor? { node.fused.addsResidual ? node.inputs[node.inputs.count - 1] : nil }

  override func infer() throws(EngineError) {
    try layer.infer(self, .float32)
    if let residual, residual.shape != outputs[0].shape {
      throw EngineError(.inferError, "the added tensor (\(residual)) must have the shape \(outputs[0].shape)")
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try bias?.prepare(self, context)
    // Weights that are packed for Winograd's algorithm are released: it stays, whatever the image's size becomes.
    if winograd == nil {
      path = layer.isDepthwise ? .depthwise : (group == 1 && geometry.isPointwise && !rowsCollide ? .pointwise : .general)
      if packed == nil { try allocateAndPack(context) }
    }
    workspaceBytes = 0
    scratchStride = 0
    observesRowPitch = path != .depthwise
    if path == .depthwise { return }
    if path == .winograd {
      winograd?.place(convolution(image: 0, group: 0, bound: false), context)
      workspaceBytes = (winograd?.scratchStride ?? 0) * context.threads
    } else if path == .general {
      var c = convolution(image: 0, group: 0, bound: false)
      let bytes = matrix?.half.map { $0.pointee.conv_scratch(&c) } ?? (matrix?.kernels ?? context.kernels).pointee.conv_scratch(&c) * 4
      scratchStride = (bytes + 63) & ~63
      workspaceBytes = scratchStride * context.threads
    } else {
      workspaceBytes = matrix?.scratchBytes(context) ?? 0
    }
  }

  /// Elements from one pixel of the output to the next.
  private var pitch: Int { node.outputs[0].rowPitch ?? outChannels }

  /// Pixels a multiple of 4 KB apart want the same few lines of the first-level cache: the kernel that gathers them spreads them.
  private var rowsCollide: Bool { groupInChannels % 1024 == 0 }

  /// Constant weights are packed here, once; weights that the graph computes are packed by every run.
  private func allocateAndPack(_ context: ExecutionContext) throws(EngineError) {
    let weights = inputs[1]
    let taps = geometry.kernelHeight * geometry.kernelWidth
    let bytes: Int
    if path == .depthwise {
      bytes = taps * outChannels * 4
    } else {
      let rows = geometry.outHeight * geometry.outWidth * (path == .pointwise ? inputs[0].shape[0] : 1)
      let m = try PackedMatrix(
        k: taps * groupInChannels, n: outChannels / group, packedFor: weights.isConstant ? nil : rows, context)
      noteArithmetic(m)
      if path == .general, m.half == nil, weights.isConstant, WinogradConvolution.pays(layer, context) {
        winograd = try WinogradConvolution(layer, weights, context)
        path = .winograd
        if weights.consumers == 1 { weights.releaseConstant() }
        return
      }
      matrix = m
      bytes = m.bytes * group
    }
    packsEveryRun = !weights.isConstant
    if packsEveryRun {
      packed = PackedBuffer.make(count: bytes)
    } else {
      guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
      packed = packedConstant(data, weights, bytes, context)
    }
    if packed == nil { throw EngineError(.outOfMemory, "no memory to pack the weights (\(weights))") }
    if weights.isConstant && weights.consumers == 1 { weights.releaseConstant() }
  }

  private func packedConstant(
    _ data: UnsafeRawPointer, _ weights: Tensor, _ bytes: Int, _ context: ExecutionContext
  ) -> PackedBuffer? {
    let half = weights.type == .float16
    if let matrix {
      return matrix.packed(data, count: group, fromHalf: half, rowStride: 1, columnStride: matrix.k, context)
    }
    let key = PackingKey(
      .channelsLast, context.kernels, sizes: (geometry.kernelHeight * geometry.kernelWidth, outChannels, 1), variant: half ? 1 : 0)
    return PackedBuffer.make(key, of: UnsafeRawBufferPointer(start: data, count: weights.byteCount), count: bytes, in: context.weights) {
      pack(into: $0, context)
    }
  }

  private func pack(into memory: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    guard let data = inputs[1].data else { return }
    let half = inputs[1].type == .float16
    let taps = geometry.kernelHeight * geometry.kernelWidth
    if path == .depthwise {
      // [C, taps] -> [taps, C]
      let target = memory.assumingMemoryBound(to: Float.self)
      if half {
        let source = data.assumingMemoryBound(to: UInt16.self)
        var t = 0
        while t < taps {
          var c = 0
          while c < outChannels {
            context.kernels.pointee.f16_to_f32(source + c * taps + t, target + t * outChannels + c, 1)
            c += 1
          }
          t += 1
        }
      } else {
        context.kernels.pointee.transpose_32(
          data.assumingMemoryBound(to: UInt32.self), taps, UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt32.self),
          outChannels, outChannels, taps)
      }
      return
    }
    guard let matrix else { return }
    let perGroup = matrix.n * matrix.k
    var g = 0
    while g < group {
      matrix.pack(
        data + g * perGroup * (half ? 2 : 4), fromHalf: half, rowStride: 1, columnStride: matrix.k,
        into: memory + g * matrix.bytes, context)
      g += 1
    }
  }

  /// The kernel's arguments for one image and group. Unbound: for sizes only, with pointers that are never followed.
  private func convolution(image: Int, group g: Int, bound: Bool) -> MSConv {
    let x = node.inputs[0], y = node.outputs[0]
    let dummy = UnsafeMutablePointer<Float>(bitPattern: 64).unsafelyUnwrapped
    let channels = x.shape[3], perGroup = outChannels / group
    let inImage = x.shape[1] * x.shape[2] * channels, outPixels = geometry.outHeight * geometry.outWidth
    let weights =
      winograd?.packed ?? packed.map { UnsafePointer(($0.base + g * (matrix?.bytes ?? 0)).assumingMemoryBound(to: Float.self)) }
      ?? UnsafePointer(dummy)
    let xp = bound ? x.floats + image * inImage + g * groupInChannels : dummy
    let yp = bound ? y.floats + image * outPixels * pitch + g * perGroup : dummy
    var residualPointer: UnsafePointer<Float>? = nil
    if bound, let residual { residualPointer = UnsafePointer(residual.floats + image * outPixels * outChannels + g * perGroup) }
    var biasPointer: UnsafePointer<Float>? = nil
    if bound, let bias { biasPointer = bias.pointer(self) + g * perGroup }
    return MSConv(
      x: xp, weights: weights, y: yp, ldc: pitch, bias: biasPointer,
      residual: residualPointer, ldr: outChannels, in_h: x.shape[1], in_w: x.shape[2], in_channels: groupInChannels,
      pixel_stride: channels, out_h: geometry.outHeight, out_w: geometry.outWidth, out_channels: perGroup,
      kernel_h: Int32(geometry.kernelHeight), kernel_w: Int32(geometry.kernelWidth), stride_h: Int32(geometry.strideHeight),
      stride_w: Int32(geometry.strideWidth), dilation_h: Int32(geometry.dilationHeight), dilation_w: Int32(geometry.dilationWidth),
      pad_top: Int32(geometry.padTop), pad_left: Int32(geometry.padLeft), activation: activation.op, alpha: activation.alpha,
      beta: activation.beta)
  }

  override var algorithm: StaticString {
    switch path {
    case .pointwise: "matrix product"
    case .general: "gathered matrix product"
    case .depthwise: "depthwise"
    case .winograd: "Winograd F(4x4, 3x3)"
    }
  }

  override var rowBands: RowBands? {
    let x = inputs[0].shape
    guard x[0] == 1, outputs[0].count > 0, inputs[0].count > 0, !packsEveryRun, matrix?.half == nil,
      path == .depthwise || group == 1
    else { return nil }
    return RowBands(
      rows: geometry.outHeight, rowFloats: geometry.outWidth * outChannels, inRows: x[1], inRowFloats: x[2] * x[3],
      stride: geometry.strideHeight, pad: geometry.padTop, reach: (geometry.kernelHeight - 1) * geometry.dilationHeight + 1,
      step: path == .winograd ? 4 : 1, scratchBytes: path == .winograd ? winograd?.scratchStride ?? 0 : scratchStride)
  }

  override func runRows(
    _ first: Int, _ last: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutableRawPointer,
    _ context: ExecutionContext
  ) {
    let width = geometry.outWidth
    switch path {
    case .pointwise:
      guard let matrix else { return }
      withUnsafePointer(to: product(x, y)) { matrix.kernels.pointee.gemm($0, first * width, last * width, 0, matrix.panels) }
    case .depthwise:
      let kernels = Kernels.narrowed(context.kernels, columns: outChannels)
      withUnsafePointer(to: depthwise(x, y)) { kernels.pointee.depthwise($0, first, last, 0, outChannels) }
    case .general, .winograd:
      var c = convolution(image: 0, group: 0, bound: true)
      c.x = x
      c.y = y
      if path == .winograd {
        winograd?.runRows(c, first, last, scratch, context)
      } else if let matrix {
        matrix.kernels.pointee.conv(
          &c, first * width, last * width, 0, matrix.panels, scratch.assumingMemoryBound(to: Float.self))
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    if packsEveryRun, let packed { pack(into: packed.base, context) }
    switch path {
    case .pointwise: runPointwise(context)
    case .general: runGeneral(context)
    case .depthwise: runDepthwise(context)
    case .winograd:
      var image = 0
      while image < node.inputs[0].shape[0] {
        winograd?.run(convolution(image: image, group: 0, bound: true), context)
        image += 1
      }
    }
  }

  /// The product that a pointwise convolution is.
  private func product(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) -> MSGemm {
    let shape = node.inputs[0].shape
    let weights = packed.map { UnsafePointer($0.floats) } ?? UnsafePointer(y)
    return MSGemm(
      a: x, lda: groupInChannels, b: weights, c: y, ldc: pitch, m: shape[0] * shape[1] * shape[2], n: outChannels,
      k: groupInChannels, bias: bias?.pointer(self), residual: residual.map { UnsafePointer($0.floats) }, ldr: outChannels,
      activation: activation.op, alpha: activation.alpha, beta: activation.beta)
  }

  private func runPointwise(_ context: ExecutionContext) {
    guard let matrix, packed != nil else { return }
    context.multiply(product(UnsafePointer(node.inputs[0].floats), node.outputs[0].floats), matrix, scratch: 0)
  }

  private func runGeneral(_ context: ExecutionContext) {
    guard let matrix else { return }
    let rows = geometry.outHeight * geometry.outWidth, work = rows * matrix.k * matrix.n
    let span = BatchSpan(images: node.inputs[0].shape[0] * group, work: work, threads: context.threads)
    let job = ConvolutionJob(
      kernels: matrix.kernels, half: matrix.half, convolution: convolution(image: 0, group: 0, bound: true), groups: group,
      groupWeights: matrix.bytes / 4, span: span,
      grid: WorkGrid(
        rows: rows, panels: matrix.panels, work: work, rowTile: matrix.rowTile, threads: span.threadsPerImage,
        cut: matrix.isLarge(context) ? .sharesOfPanels : .rows),
      scratch: context.workspace, scratchStride: scratchStride)
    context.parallel(job.tasks, job)
  }

  /// The depthwise convolution of an image.
  private func depthwise(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) -> MSDepthwise {
    let shape = node.inputs[0].shape
    let weights = packed.map { UnsafePointer($0.floats) } ?? UnsafePointer(y)
    return MSDepthwise(
      x: x, weights: weights, y: y, bias: bias?.pointer(self), in_h: shape[1], in_w: shape[2], out_h: geometry.outHeight,
      out_w: geometry.outWidth, channels: outChannels, kernel_h: Int32(geometry.kernelHeight),
      kernel_w: Int32(geometry.kernelWidth), stride_h: Int32(geometry.strideHeight), stride_w: Int32(geometry.strideWidth),
      dilation_h: Int32(geometry.dilationHeight), dilation_w: Int32(geometry.dilationWidth), pad_top: Int32(geometry.padTop),
      pad_left: Int32(geometry.padLeft), activation: activation.op, alpha: activation.alpha, beta: activation.beta)
  }

  private func runDepthwise(_ context: ExecutionContext) {
    guard packed != nil else { return }
    let x = UnsafePointer(node.inputs[0].floats)
    let job = DepthwiseJob(depthwise(x, node.outputs[0].floats), images: node.inputs[0].shape[0], context)
    context.parallel(job.tasks, job)
  }
}

/// The convolution can add a tensor of its output's shape before the activation: every path but the depthwise one can.
public func acceptsResidual(_ node: Node) -> Bool {
  guard node.kind == .conv2DFusion, node.inputs.count >= 2, node.inputs[0].type == .float32, node.inputs[1].shape.rank == 4
  else { return false }
  // Without a group number, weights of one input channel may turn out to be depthwise.
  return node.attributes.int(7, 0) == 1 || node.inputs[1].shape[3] > 1
}
