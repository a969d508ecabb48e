import CKernels
import Graph
import System

/// Transposed 2-D convolution of int8 or uint8 values: every input pixel adds (qx - zx)(qw - zw) to the sums of the outputs it reaches;
/// the sums become quantised values or float32 as in ``Int8ConvolutionOperator``. Weights have one scale, or one per output channel.
///
/// One product per image and group, [H W, I] x [I, kh kw O], whose int32 results are then gathered by output row.
final class Int8TransposedConvolutionOperator: Operator {
  private var layer = TransposedConvolutionLayer()
  private var result = Int8Result()
  private var x = Quantization(scale: 1, zero: 0)
  /// Packed with one column per tap and output channel of a group; its results stay sums.
  private var products: Int8Matrix?
  /// The last step's vectors: a matrix without depth, whose columns are the output channels.
  private var last: Int8Matrix?
  private var productBytes = 0, rowStride = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    layer = try TransposedConvolutionLayer(self)
    try requireType(0, .int8, .uint8)
    try requireQuantizedWeights(1, channels: layer.outChannels)
    result = try Int8Result(self, bias: layer.bias, activationField: TransposedConvolutionLayer.activationField)
  }

  override func infer() throws(EngineError) {
    x = try requireQuantization(input: 0)
    try layer.infer(self, result.type)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let kernels = context.int8Kernels
    let columns = layer.taps * layer.groupOutChannels
    if products == nil {
      let weights = inputs[1]
      guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
      let m = try Int8Matrix(
        weights, k: layer.inChannels / layer.group, n: columns, groups: layer.group, kernels: kernels,
        period: layer.groupOutChannels)
      try m.packConstant(data, rowStride: columns, columnStride: 1, context)
      m.update(x, Int8Result())
      let l = try Int8Matrix(weights, k: 0, n: layer.groupOutChannels, groups: layer.group, kernels: kernels)
      l.update(x, result)
      products = m
      last = l
      if weights.consumers == 1 { weights.releaseConstant() }
    }
    guard let products else { return }
    let pixels = inputs[0].shape[1] * inputs[0].shape[2]
    let (bytes, overflow) = pixels.multipliedReportingOverflow(by: columns * 4)
    // One row of sums per worker, and what the kernels read behind it.
    let spare = 2 * Int(kernels.pointee.vector_lanes)
    rowStride = (layer.outWidth * layer.groupOutChannels + spare + 15) & ~15
    let (rows, overflow2) = (rowStride * 4).multipliedReportingOverflow(by: context.threads)
    if overflow || overflow2 || bytes > 1 << 40 || rows > 1 << 40 {
      throw EngineError(.outOfMemory, "the products of \(inputs[0]) do not fit in memory")
    }
    productBytes = (bytes + 63) & ~63
    workspaceBytes = productBytes + max(rows, products.productScratch(pixels, x, Int8Result(), context))
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    guard y.count > 0, let products, let last, let xd = node.inputs[0].data, let yd = y.data else { return }
    let shape = node.inputs[0].shape, pixels = shape[1] * shape[2]
    let size = result.isFloat ? 4 : 1
    let sums = context.workspace.assumingMemoryBound(to: Int32.self)
    for image in 0..<shape[0] {
      for g in 0..<layer.group {
        products.multiply(
          xd + image * pixels * layer.inChannels + g * products.k, stride: layer.inChannels, rows: pixels, x, group: g,
          Int8Result(), sums: true, into: context.workspace, scratch: context.workspace + productBytes, context)
        let target = yd + (image * layer.outHeight * layer.outWidth * layer.outChannels + g * layer.groupOutChannels) * size
        context.parallel(
          layer.outHeight,
          GatherJob(
            kernels: context.int8Kernels, products: sums, layer: layer, inHeight: shape[1], inWidth: shape[2],
            rows: (context.workspace + productBytes).assumingMemoryBound(to: Int32.self), rowStride: rowStride,
            output: last.output(result, group: g, y: target, ldc: layer.outChannels)))
      }
    }
    result.finishFloats(y, context)
  }

  /// Adds up the products of one output row, and finishes it.
  private struct GatherJob: ParallelJob {
    let kernels: UnsafePointer<MSInt8MatrixKernels>
    let products: UnsafePointer<Int32>
    let layer: TransposedConvolutionLayer
    let inHeight: Int, inWidth: Int
    let rows: UnsafeMutablePointer<Int32>
    let rowStride: Int
    let output: MSInt8Output

    func run(_ oh: Int, worker: Int) {
      let g = layer.geometry, channels = layer.groupOutChannels
      let row = rows + worker * rowStride
      row.update(repeating: 0, count: layer.outWidth * channels)
      for kh in 0..<g.kernelHeight {
        let h = oh + layer.padTop - kh * g.dilationHeight
        if h < 0 || h % g.strideHeight != 0 || h / g.strideHeight >= inHeight { continue }
        for kw in 0..<g.kernelWidth {
          for iw in 0..<inWidth {
            let ow = iw * g.strideWidth - layer.padLeft + kw * g.dilationWidth
            if ow < 0 || ow >= layer.outWidth { continue }
            let source = products + ((h / g.strideHeight * inWidth + iw) * layer.taps + kh * g.kernelWidth + kw) * channels
            let target = row + ow * channels
            for c in 0..<channels { target[c] = target[c] &+ source[c] }
          }
        }
      }
      withUnsafePointer(to: output) {
        kernels.pointee.finish(row, channels, layer.outWidth, channels, oh * layer.outWidth, $0)
      }
    }
  }
}
