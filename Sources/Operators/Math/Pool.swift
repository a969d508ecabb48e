import CKernels
import Graph
import System

// Attributes: 0 kernel_size [h, w], 1 strides [h, w], 2 pad [top, bottom, left, right], 3 pad_mode (0 PAD, 1 SAME, 2 VALID),
// 4 round_mode (0 FLOOR, 1 CEIL), 6 global (false), 7 activation_type (0). 5, the format, is not read: data are NHWC.

/// AvgPoolFusion and MaxPoolFusion: NHWC, float32. The average counts the taps inside the image. `global` takes the whole
/// image as the window and needs neither kernel size nor strides.
class PoolOperator: Operator {
  final let isAverage: Bool
  final let isGlobal: Bool
  final let kernelSize: [Int]
  final let strides: [Int]
  private let pads: [Int]
  private let padMode: Int
  private let roundsUp: Bool
  private var activation = FusedActivation.none
  final var padTop = 0, padLeft = 0

  override init(_ node: Node) throws(EngineError) {
    let attributes = node.attributes
    isAverage = node.kind == .avgPoolFusion
    isGlobal = attributes.bool(6, false)
    kernelSize = attributes.ints(0)
    strides = attributes.ints(1)
    pads = attributes.ints(2)
    padMode = attributes.int(3, 0)
    roundsUp = attributes.int(4, 0) == 1
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireElements()
    let type = attributes.int(7, 0)
    // The original takes an activation it does not know for none here.
    if node.fused.activation != nil || type == ActivationType.relu || type == ActivationType.relu6 {
      activation = try fusedActivation(field: 7)
    }
    guard padMode >= 0 && padMode <= 2 else {
      throw EngineError(.parameterInvalid, "pad mode \(padMode); 0 (PAD), 1 (SAME) and 2 (VALID) are accepted")
    }
    if !isGlobal {
      try PoolOperator.require(kernelSize, "kernel_size", 2, 1)
      try PoolOperator.require(strides, "strides", 2, 1)
      if !pads.isEmpty { try PoolOperator.require(pads, "pad", 4, 0) }
    }
  }

  /// Checks the input's type; subclasses take others.
  func requireElements() throws(EngineError) { try requireType(0, .float32) }

  /// A list of at least `count` numbers from `low` to a million, so that positions never overflow.
  private static func require(_ list: [Int], _ name: StaticString, _ count: Int, _ low: Int) throws(EngineError) {
    if list.count < count { throw EngineError(.parameterInvalid, "\(name) has \(list.count) entries; \(count) are needed") }
    for v in list where v < low || v > 1_000_000 {
      throw EngineError(.parameterInvalid, "\(name) contains \(v); \(low) to 1000000 are accepted")
    }
  }

  /// Output size and leading pad along one dimension.
  private func extent(_ size: Int, _ kernel: Int, _ stride: Int, _ before: Int, _ after: Int) -> (out: Int, pad: Int) {
    if padMode == 1 {
      let out = (size + stride - 1) / stride
      return (max(out, 1), max((out - 1) * stride + kernel - size, 0) / 2)
    }
    let span = size + before + after - kernel
    let steps = roundsUp ? (max(span, 0) + stride - 1) / stride : max(span, 0) / stride
    return (span < 0 ? 1 : steps + 1, before)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    let s = inputs[0].shape
    if s[1] == 0 || s[2] == 0 || s[1] > 1 << 30 || s[2] > 1 << 30 {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) has no image to pool: [N, H, W, C] is needed")
    }
    if isGlobal {
      try setOutput(0, inputs[0].type, [s[0], 1, 1, s[3]])
      return
    }
    let p = pads.isEmpty ? [0, 0, 0, 0] : pads
    let h = extent(s[1], kernelSize[0], strides[0], p[0], p[1]).out, w = extent(s[2], kernelSize[1], strides[1], p[2], p[3]).out
    try setOutput(0, inputs[0].type, [s[0], h, w, s[3]])
  }

  override var acceptsFusedActivation: Bool { true }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if isGlobal { return }
    let s = inputs[0].shape
    let p = pads.isEmpty ? [0, 0, 0, 0] : pads
    padTop = extent(s[1], kernelSize[0], strides[0], p[0], p[1]).pad
    padLeft = extent(s[2], kernelSize[1], strides[1], p[2], p[3]).pad
  }

  private struct WindowJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    /// For the first image.
    let layer: MSPool
    let rowsPerTask: Int, tasksPerImage: Int
    func run(_ index: Int, worker: Int) {
      let (image, part) = index.quotientAndRemainder(dividingBy: tasksPerImage)
      var l = layer
      l.x += image * l.in_h * l.in_w * l.channels
      l.y += image * l.out_h * l.out_w * l.channels
      kernels.pointee.pool(&l, part * rowsPerTask, min(l.out_h, (part + 1) * rowsPerTask))
    }
  }

  /// The whole image as one window: columns of [H * W, C].
  private struct GlobalJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let isAverage: Bool
    let activation: FusedActivation
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let pixels: Int, channels: Int, block: Int, blocks: Int
    func run(_ index: Int, worker: Int) {
      let (image, part) = index.quotientAndRemainder(dividingBy: blocks)
      let start = part * block, n = min(block, channels - start)
      let output = y + image * channels + start
      kernels.pointee.reduce_columns(
        Int32((isAverage ? MS_REDUCE_SUM : MS_REDUCE_MAX).rawValue), x + image * pixels * channels + start, output, pixels, n,
        channels)
      if isAverage { kernels.pointee.unary(Int32(MS_UNARY_AFFINE.rawValue), output, output, n, 1 / Float(pixels), 0) }
      if !activation.isNone { kernels.pointee.unary(activation.op, output, output, n, activation.alpha, activation.beta) }
    }
  }

  private func windows(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) -> MSPool {
    let s = inputs[0].shape, out = outputs[0].shape
    return MSPool(
      x: x, y: y, in_h: s[1], in_w: s[2], out_h: out[1], out_w: out[2], channels: s[3], kernel_h: Int32(kernelSize[0]),
      kernel_w: Int32(kernelSize[1]), stride_h: Int32(strides[0]), stride_w: Int32(strides[1]), pad_top: Int32(padTop),
      pad_left: Int32(padLeft), average: isAverage ? 1 : 0, activation: activation.op, alpha: activation.alpha,
      beta: activation.beta)
  }

  override var rowBands: RowBands? {
    let s = inputs[0].shape, out = outputs[0].shape
    guard !isGlobal, s[0] == 1, inputs[0].type == .float32, inputs[0].count > 0, outputs[0].count > 0 else { return nil }
    return RowBands(
      rows: out[1], rowFloats: out[2] * out[3], inRows: s[1], inRowFloats: s[2] * s[3], stride: strides[0], pad: padTop,
      reach: kernelSize[0])
  }

  override func runRows(
    _ first: Int, _ last: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutableRawPointer,
    _ context: ExecutionContext
  ) {
    withUnsafePointer(to: windows(x, y)) { context.kernels.pointee.pool($0, first, last) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let s = inputs[0].shape
    let x = UnsafePointer(inputs[0].floats), y = outputs[0].floats
    if isGlobal {
      let block = (Elementwise.rowsPerTask(s[1] * s[2]) + 15) / 16 * 16
      let blocks = (s[3] + block - 1) / block
      let job = GlobalJob(
        kernels: context.kernels, isAverage: isAverage, activation: activation, x: x, y: y, pixels: s[1] * s[2],
        channels: s[3], block: block, blocks: blocks)
      context.parallel(s[0] * blocks, job)
      return
    }
    let layer = windows(x, y)
    let taps = min(Int(layer.kernel_h), layer.in_h) * min(Int(layer.kernel_w), layer.in_w)
    let rows = max(1, Elementwise.rowsPerTask(layer.out_w * layer.channels) / taps)
    let perImage = (layer.out_h + rows - 1) / rows
    let job = WindowJob(kernels: context.kernels, layer: layer, rowsPerTask: rows, tasksPerImage: perImage)
    context.parallel(s[0] * perImage, job)
  }
}
