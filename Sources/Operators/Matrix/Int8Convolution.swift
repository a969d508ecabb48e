import CKernels
import Graph
import System

/// 2-D convolution of int8 or uint8 values with int8 or uint8 weights, sums in int32.
///
/// q[n, oh, ow, o] = clamp(M[o] (bias[o] + sum (qx - zx)(qw - zw)) + z), M[o] = sx sw[o] / s, computed in fixed point; or, where the
/// file says that the output is float32, y = act(sx sw[o] sum (qx - zx)(qw - zw) + bias[o]).
final class Int8ConvolutionOperator: Operator {
  private var layer = ConvolutionLayer()
  private var result = Int8Result()
  private var matrix: Int8Matrix?
  private var depthwiseWeights: Buffer?
  /// See `MSInt8Conv.pads_runs`.
  private var padsRuns = false
  private var x = Quantization(scale: 1, zero: 0)

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    layer = try ConvolutionLayer(self)
    try requireType(0, .int8, .uint8)
    try requireQuantizedWeights(1, channels: layer.outChannels)
    if !inputs[1].isConstant { throw EngineError(.notSupported, "the weights (\(inputs[1])) must be constant") }
    if node.fused.addsResidual { throw EngineError(.notSupported, "an 8-bit convolution adds no residual") }
    result = try Int8Result(self, bias: layer.bias, activationField: ConvolutionLayer.activationField)
  }

  override func infer() throws(EngineError) {
    x = try requireQuantization(input: 0)
    try layer.infer(self, result.type)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let kernels = context.int8Kernels
    observesRowPitch = !layer.isDepthwise && !result.finishesFloats
    if matrix == nil && depthwiseWeights == nil { try pack(context) }
    if layer.isDepthwise {
      var d = depthwise(image: nil)
      workspaceBytes = ((kernels.pointee.depthwise_scratch(&d) + 63) & ~63) * context.threads
    } else if let c = convolution(image: nil, group: 0) {
      workspaceBytes = Int8ConvolutionJob.scratchBytes(c, kernels) * context.threads
    }
  }

  override var algorithm: StaticString { layer.isDepthwise ? "depthwise" : "gathered matrix product" }

  private func pack(_ context: ExecutionContext) throws(EngineError) {
    let weights = inputs[1]
    guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
    if layer.isDepthwise {
      depthwiseWeights = try Int8Matrix.packDepthwise(
        weights, channels: layer.outChannels, taps: layer.taps, x, result, context.int8Kernels)
    } else {
      let run = layer.geometry.kernelWidth * layer.groupInChannels, flip = weights.type == .uint8 ? 0x80 : 0 as UInt8
      padsRuns =
        context.int8Kernels.pointee.takes_padded_runs != 0 && run % 4 != 0 && layer.taps > 1 && layer.group == 1
        && layer.geometry.dilationWidth == 1
        && weights.quantParams.allSatisfy { $0.zeroPoint == Int32(flip) }
      let padded = padsRuns ? (run + 3) & ~3 : run
      let m = try Int8Matrix(
        weights, k: layer.geometry.kernelHeight * padded, n: layer.groupOutChannels, groups: layer.group,
        kernels: context.int8Kernels)
      if padsRuns {
        let copy = try Self.padRuns(data, run, padded, layer.geometry.kernelHeight * m.n, flip)
        try withExtendedLifetime(copy) { () throws(EngineError) in
          try m.packConstant(copy.base, rowStride: 1, columnStride: m.k, context)
        }
      } else {
        try m.packConstant(data, rowStride: 1, columnStride: m.k, context)
      }
      m.update(x, result)
      matrix = m
    }
    if weights.consumers == 1 { weights.releaseConstant() }
  }

  /// `count` runs of `run` bytes, each followed by zeros (bytes of `flip`) up to `padded`.
  private static func padRuns(
    _ data: UnsafeRawPointer, _ run: Int, _ padded: Int, _ count: Int, _ flip: UInt8
  ) throws(EngineError) -> Buffer {
    guard let buffer = Buffer(count: count * padded) else { throw EngineError(.outOfMemory, "no memory to pack the weights") }
    buffer.base.initializeMemory(as: UInt8.self, repeating: flip, count: count * padded)
    for i in 0..<count { (buffer.base + i * padded).copyMemory(from: data + i * run, byteCount: run) }
    return buffer
  }

  /// A pointer for descriptions that only sizes are asked of.
  private static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped }

  /// The kernels' description of one image and group; nil for the image: of its sizes.
  private func convolution(image: Int?, group g: Int) -> MSInt8Conv? {
    guard let matrix else { return nil }
    let input = node.inputs[0], geometry = layer.geometry
    // Elements from one pixel of the output to the next.
    let pitch = node.outputs[0].rowPitch ?? layer.outChannels
    let channels = input.shape[3], perGroup = layer.groupOutChannels
    var xp = Self.nowhere, yp = Self.nowhere
    if let image, let xd = input.data, let yd = node.outputs[0].data {
      xp = xd + image * input.shape[1] * input.shape[2] * channels + g * layer.groupInChannels
      let size = result.isFloat ? 4 : 1
      yp = yd + (image * geometry.outHeight * geometry.outWidth * pitch + g * perGroup) * size
    }
    let output = matrix.output(result, group: g, y: yp, ldc: pitch)
    return MSInt8Conv(
      x: xp.assumingMemoryBound(to: Int8.self), weights: matrix.packedWeights(g), in_h: input.shape[1], in_w: input.shape[2],
      in_channels: layer.groupInChannels, pixel_stride: channels, out_h: geometry.outHeight, out_w: geometry.outWidth,
      out_channels: perGroup, kernel_h: Int32(geometry.kernelHeight), kernel_w: Int32(geometry.kernelWidth),
      stride_h: Int32(geometry.strideHeight), stride_w: Int32(geometry.strideWidth), dilation_h: Int32(geometry.dilationHeight),
      dilation_w: Int32(geometry.dilationWidth), pad_top: Int32(geometry.padTop), pad_left: Int32(geometry.padLeft),
      x_zero: x.zero, flip: Int32(x.flip), pads_runs: padsRuns ? 1 : 0, output: output)
  }

  private func depthwise(image: Int?) -> MSInt8Depthwise {
    let input = node.inputs[0], geometry = layer.geometry, channels = layer.outChannels
    var xp = Self.nowhere, yp = Self.nowhere
    if let image, let xd = input.data, let yd = node.outputs[0].data {
      xp = xd + image * input.shape[1] * input.shape[2] * channels
      yp = yd + image * geometry.outHeight * geometry.outWidth * channels * (result.isFloat ? 4 : 1)
    }
    // The vectors are in the packing.
    let output = result.output(yp, channels, offsets: UnsafePointer(Self.nowhere.assumingMemoryBound(to: Int32.self)))
    return MSInt8Depthwise(
      x: xp.assumingMemoryBound(to: Int8.self), weights: depthwiseWeights?.base ?? Self.nowhere, in_h: input.shape[1],
      in_w: input.shape[2], out_h: geometry.outHeight, out_w: geometry.outWidth, channels: channels,
      kernel_h: Int32(geometry.kernelHeight), kernel_w: Int32(geometry.kernelWidth), stride_h: Int32(geometry.strideHeight),
      stride_w: Int32(geometry.strideWidth), dilation_h: Int32(geometry.dilationHeight),
      dilation_w: Int32(geometry.dilationWidth), pad_top: Int32(geometry.padTop), pad_left: Int32(geometry.padLeft),
      x_zero: x.zero, flip: Int32(x.flip), output: output)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    if y.count == 0 { return }
    for image in 0..<y.shape[0] {
      if layer.isDepthwise {
        let job = Int8DepthwiseJob(depthwise(image: image), scratch: context.workspace, context)
        context.parallel(job.bands, job)
        continue
      }
      guard let matrix else { return }
      for g in 0..<layer.group {
        guard let c = convolution(image: image, group: g) else { return }
        let job = Int8ConvolutionJob(c, matrix, scratch: context.workspace, context)
        context.parallel(job.grid.tasks, job)
      }
    }
    result.finishFloats(y, context)
  }
}

/// One image's depthwise convolution: bands of output rows, or of channels where the image is low.
private struct Int8DepthwiseJob: ParallelJob {
  let kernels: UnsafePointer<MSInt8MatrixKernels>
  let depthwise: MSInt8Depthwise
  let scratch: UnsafeMutableRawPointer, scratchStride: Int
  let bands: Int
  let byChannel: Bool
  let channelStep: Int

  init(_ depthwise: MSInt8Depthwise, scratch: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    kernels = context.int8Kernels
    self.depthwise = depthwise
    self.scratch = scratch
    var d = depthwise
    scratchStride = (kernels.pointee.depthwise_scratch(&d) + 63) & ~63
    let taps = Int(depthwise.kernel_h) * Int(depthwise.kernel_w)
    let work = depthwise.out_h * depthwise.out_w * depthwise.channels * taps
    let useful = min(context.threads, max(work / WorkGrid.smallestShare, 1))
    let wanted = useful <= 1 ? 1 : useful * 4
    byChannel = depthwise.out_h < wanted
    let width = Int(kernels.pointee.channel_block)
    if byChannel {
      let blocks = max((depthwise.channels + width - 1) / width, 1)
      channelStep = (blocks + min(blocks, wanted) - 1) / min(blocks, wanted) * width
      bands = max((depthwise.channels + channelStep - 1) / channelStep, 1)
    } else {
      channelStep = depthwise.channels
      bands = wanted
    }
  }

  func run(_ index: Int, worker: Int) {
    let own = scratch + worker * scratchStride
    withUnsafePointer(to: depthwise) {
      if byChannel {
        kernels.pointee.depthwise(
          $0, 0, depthwise.out_h, index * channelStep, min((index + 1) * channelStep, depthwise.channels), own)
      } else {
        kernels.pointee.depthwise(
          $0, depthwise.out_h * index / bands, depthwise.out_h * (index + 1) / bands, 0, depthwise.channels, own)
      }
    }
  }
}
