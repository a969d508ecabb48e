import CKernels
import Graph

/// The window of a convolution whose gradient is computed: what the attributes say, and how it lies on an image.
struct ConvolutionWindow {
  /// [h, w], or empty.
  private(set) var kernel: [Int] = []
  private var stride: [Int] = [], dilation: [Int] = [], mode = 0, pads: [Int] = []
  private(set) var group = 1
  private var geometry = ConvolutionGeometry()
  private var imageHeight = 0, imageWidth = 0
  private(set) var inChannels = 0, outChannels = 0

  init() {}

  /// The lists as files have them: two entries, or four for [N, C, H, W].
  init(kernel: [Int], stride: [Int], dilation: [Int], mode: Int, pads: [Int], group: Int) {
    func last(_ list: [Int]) -> [Int] { list.count == 4 ? [list[2], list[3]] : list }
    self.kernel = last(kernel)
    self.stride = last(stride)
    self.dilation = last(dilation)
    self.mode = mode
    self.pads = pads
    self.group = max(group, 1)
  }

  var kernelHeight: Int { geometry.kernelHeight }
  var kernelWidth: Int { geometry.kernelWidth }
  var outHeight: Int { geometry.outHeight }
  var outWidth: Int { geometry.outWidth }
  var taps: Int { kernelHeight * kernelWidth }
  var groupInChannels: Int { inChannels / group }
  var groupOutChannels: Int { outChannels / group }
  var isDepthwise: Bool { group > 1 && group == inChannels && group == outChannels }

  /// Lays the window on `image` [N, H, W, C]; its positions must be the pixels of `positions`.
  mutating func place(_ image: Tensor, _ positions: Tensor, kernel: [Int], _ op: Operator) throws(EngineError) {
    let x = image.shape, y = positions.shape
    try place(height: x[1], width: x[2], channels: x[3], positions, kernel: kernel)
    if x[0] != y[0] { throw EngineError(.inferError, "\(image) and \(positions) must have the same number of images") }
    if geometry.outHeight != y[1] || geometry.outWidth != y[2] {
      throw EngineError(
        .inferError, "\(positions) must have \(geometry.outHeight) x \(geometry.outWidth) pixels for the image \(image)")
    }
  }

  mutating func place(height: Int, width: Int, channels: Int, _ positions: Tensor, kernel: [Int]) throws(EngineError) {
    let limit = ConvolutionGeometry.limit
    guard let h = kernel.first, let w = kernel.last, h > 0, w > 0, h <= limit, w <= limit else {
      throw EngineError(.parameterInvalid, "the kernel's size must lie between 1 and \(limit)")
    }
    geometry = try ConvolutionGeometry(
      kernel: [], stride: stride, dilation: dilation, padMode: mode, pads: pads, weightKernel: (h, w))
    (imageHeight, imageWidth, inChannels, outChannels) = (height, width, channels, positions.shape[3])
    if inChannels % group != 0 || outChannels % group != 0 {
      throw EngineError(.inferError, "group \(group) does not divide the channels, \(inChannels) and those of \(positions)")
    }
    // Strides of an image that has overflowed would be nonsense.
    if height > 1 << 30 || width > 1 << 30 { throw EngineError(.inferError, "an image of \(height) x \(width) pixels is impossible") }
    try geometry.place(height: height, width: width, extra: [])
  }

  /// The kernels' arguments for one image and the first group.
  func convolution(_ x: UnsafePointer<Float>) -> MSConv {
    let g = geometry
    return MSConv(
      x: x, weights: x, y: UnsafeMutablePointer(mutating: x), ldc: outChannels, bias: nil, residual: nil, ldr: 0, in_h: imageHeight,
      in_w: imageWidth, in_channels: groupInChannels, pixel_stride: inChannels, out_h: g.outHeight, out_w: g.outWidth,
      out_channels: groupOutChannels, kernel_h: Int32(g.kernelHeight), kernel_w: Int32(g.kernelWidth), stride_h: Int32(g.strideHeight),
      stride_w: Int32(g.strideWidth), dilation_h: Int32(g.dilationHeight), dilation_w: Int32(g.dilationWidth),
      pad_top: Int32(g.padTop), pad_left: Int32(g.padLeft), activation: FusedActivation.none.op, alpha: 0, beta: 0)
  }

  func depthwise(_ x: UnsafePointer<Float>, weights: UnsafePointer<Float>, _ dy: UnsafeMutablePointer<Float>) -> MSDepthwise {
    let g = geometry
    return MSDepthwise(
      x: x, weights: weights, y: dy, bias: nil, in_h: imageHeight, in_w: imageWidth, out_h: g.outHeight, out_w: g.outWidth,
      channels: inChannels, kernel_h: Int32(g.kernelHeight), kernel_w: Int32(g.kernelWidth), stride_h: Int32(g.strideHeight),
      stride_w: Int32(g.strideWidth), dilation_h: Int32(g.dilationHeight), dilation_w: Int32(g.dilationWidth),
      pad_top: Int32(g.padTop), pad_left: Int32(g.padLeft), activation: FusedActivation.none.op, alpha: 0, beta: 0)
  }

  /// Output rows that reach into image rows y0..<y1.
  func rows(reaching y0: Int, _ y1: Int) -> Range<Int> {
    let g = geometry
    let low = y0 + g.padTop - (g.kernelHeight - 1) * g.dilationHeight, high = y1 - 1 + g.padTop
    let first = low <= 0 ? 0 : (low + g.strideHeight - 1) / g.strideHeight
    let last = high < 0 ? 0 : min(high / g.strideHeight + 1, g.outHeight)
    return min(first, last)..<last
  }
}
