import CKernels
import Graph
import System

// Conv2dTransposeFusion: attributes and inputs stand with TransposedConvolutionLayer.

/// Transposed 2-D convolution, NHWC: each input pixel adds x * w to out[ih s - p + kh d]. float32; weights may be float16.
///
/// Computed as one matrix product per image and group, [H W, I] x [I, kh kw O], whose result is then gathered by output row.
final class TransposedConvolutionOperator: Operator {
  private var layer = TransposedConvolutionLayer()
  private var activation = FusedActivation.none
  private var bias: FloatInput? = nil

  private var geometry: ConvolutionGeometry { layer.geometry }
  private var group: Int { layer.group }
  private var inChannels: Int { layer.inChannels }
  private var groupOutChannels: Int { layer.groupOutChannels }
  private var outHeight: Int { layer.outHeight }
  private var outWidth: Int { layer.outWidth }
  private var padTop: Int { layer.padTop }
  private var padLeft: Int { layer.padLeft }
  private var matrix: PackedMatrix?
  private var packed: PackedBuffer?
  /// The graph computes the weights, or training changes them.
  private var packsEveryRun = false

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    layer = try TransposedConvolutionLayer(self)
    bias = layer.bias == nil ? nil : FloatInput(2)
    activation = try Operators.fusedActivation(of: node, field: TransposedConvolutionLayer.activationField)
    try requireType(0, .float32)
    for index in 1..<inputs.count { try requireFloat(index) }
  }

  override var acceptsFusedActivation: Bool { true }

  override func infer() throws(EngineError) { try layer.infer(self, .float32) }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try bias?.prepare(self, context)
    let taps = geometry.kernelHeight * geometry.kernelWidth
    let weights = inputs[1]
    if packed == nil {
      let m = try PackedMatrix(k: inChannels / group, n: taps * groupOutChannels, context)
      noteArithmetic(m)
      packsEveryRun = !weights.isConstant
      if packsEveryRun {
        let (bytes, overflow) = m.bytes.multipliedReportingOverflow(by: group)
        packed = overflow ? nil : PackedBuffer.make(count: bytes)
      } else {
        guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
        packed = m.packed(data, count: group, fromHalf: weights.type == .float16, rowStride: m.n, columnStride: 1, context)
      }
      if packed == nil { throw EngineError(.outOfMemory, "no memory to pack the weights (\(weights))") }
      matrix = m
      if weights.isConstant && weights.consumers == 1 { weights.releaseConstant() }
    }
    let x = inputs[0].shape
    let (columns, overflow) = (x[1] * x[2]).multipliedReportingOverflow(by: taps * groupOutChannels * 4)
    if overflow || columns > 1 << 40 { throw EngineError(.outOfMemory, "the products of \(inputs[0]) do not fit in memory") }
    // The scratch of the product, then what it gives.
    workspaceBytes = columns + (matrix?.scratchBytes(context) ?? 0)
  }

  private func pack(_ context: ExecutionContext) {
    guard let matrix, let packed, let data = inputs[1].data else { return }
    let half = inputs[1].type == .float16
    for g in 0..<group {
      matrix.pack(
        data + g * matrix.k * matrix.n * (half ? 2 : 4), fromHalf: half, rowStride: matrix.n, columnStride: 1,
        into: packed.base + g * matrix.bytes, context)
    }
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
      if isTiling && oh < inHeight * geometry.strideHeight {
        tile(oh, row)
        return
      }
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
                add(target, source, target)
              }
              kw += 1
            }
          }
          kh += 1
        }
        if !activation.isNone && !isWholeRow {
          kernels.pointee.unary(activation.op, target, target, channels, activation.alpha, activation.beta)
        }
        ow += 1
      }
      if !activation.isNone && isWholeRow {
        kernels.pointee.unary(activation.op, row, row, outWidth * channels, activation.alpha, activation.beta)
      }
    }

    /// Every output element is one product: the kernel moves by its own size, and nothing is cut off.
    private var isTiling: Bool {
      let g = geometry
      return isWholeRow && g.kernelHeight == g.strideHeight && g.kernelWidth == g.strideWidth && g.dilationHeight == 1
        && g.dilationWidth == 1 && padTop == 0 && padLeft == 0 && outWidth == inWidth * g.strideWidth
    }

    private func tile(_ oh: Int, _ row: UnsafeMutablePointer<Float>) {
      let g = geometry
      let run = g.kernelWidth * channels
      var target = row
      var source = products + (oh / g.strideHeight * inWidth * g.kernelHeight + oh % g.strideHeight) * run
      var w = 0
      while w < inWidth {
        if let bias {
          var kw = 0
          while kw < g.kernelWidth {
            add(source + kw * channels, bias, target + kw * channels)
            kw += 1
          }
        } else {
          target.update(from: source, count: run)
        }
        target += run
        source += g.kernelHeight * run
        w += 1
      }
      if !activation.isNone {
        kernels.pointee.unary(activation.op, row, row, outWidth * channels, activation.alpha, activation.beta)
      }
    }

    /// target = a + b, `channels` values.
    private func add(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
      if channels >= Self.fewChannels {
        kernels.pointee.binary(
          Int32(MS_BINARY_ADD.rawValue), a, 1, b, 1, target, channels, Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
        return
      }
      var c = 0
      while c < channels {
        target[c] = a[c] + b[c]
        c += 1
      }
    }

    /// The group's channels are all of a pixel's, so that a row is one piece of memory.
    private var isWholeRow: Bool { pixelStride == channels }
    /// Below this a kernel's call costs more than the additions.
    private static let fewChannels = 8
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let x = node.inputs[0], y = node.outputs[0]
    guard y.count > 0, let matrix, let packed else { return }
    if packsEveryRun { pack(context) }
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
