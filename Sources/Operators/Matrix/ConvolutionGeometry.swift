import Graph

/// PadMode of the format.
enum PadMode {
  static let explicit = 0, same = 1, valid = 2
}

/// The window of a 2-D convolution: sizes in pixels, [height, width] order, and how it lies on the image.
struct ConvolutionGeometry {
  var kernelHeight = 1, kernelWidth = 1
  var strideHeight = 1, strideWidth = 1
  var dilationHeight = 1, dilationWidth = 1
  var padMode = PadMode.explicit
  /// Explicit padding: top, bottom, left, right.
  var pads = [0, 0, 0, 0]

  // What `place` computes for an image size.
  var outHeight = 0, outWidth = 0
  var padTop = 0, padLeft = 0

  /// The largest kernel, stride, dilation or padding taken from a file; larger ones are nonsense and would overflow.
  static let limit = 1 << 20

  init() {}

  /// Reads the lists as files have them: absent or empty means the default, one entry stands for both.
  init(kernel: [Int], stride: [Int], dilation: [Int], padMode: Int, pads: [Int], weightKernel: (Int, Int)) throws(EngineError) {
    (kernelHeight, kernelWidth) = weightKernel
    if let h = kernel.first, let w = kernel.last, h != kernelHeight || w != kernelWidth {
      throw EngineError(.error, "kernel_size \(h) x \(w) disagrees with the weights' \(kernelHeight) x \(kernelWidth)")
    }
    strideHeight = stride.first ?? 1
    strideWidth = stride.last ?? 1
    dilationHeight = dilation.first ?? 1
    dilationWidth = dilation.last ?? 1
    self.padMode = padMode
    if pads.count == 4 { self.pads = pads }
    if !pads.isEmpty && pads.count != 4 { throw EngineError(.error, "pad_list has \(pads.count) entries; 4 are needed") }
    if padMode < PadMode.explicit || padMode > PadMode.valid { throw EngineError(.error, "pad_mode \(padMode) is unknown") }
    for v in [kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth] where v < 1 || v > Self.limit {
      throw EngineError(.error, "kernel, stride and dilation must lie in 1...\(Self.limit); found \(v)")
    }
    for v in self.pads where v < 0 || v > Self.limit { throw EngineError(.error, "padding \(v) is outside 0...\(Self.limit)") }
  }

  var effectiveKernelHeight: Int { (kernelHeight - 1) * dilationHeight + 1 }
  var effectiveKernelWidth: Int { (kernelWidth - 1) * dilationWidth + 1 }
  /// One tap, one step, nothing around: the convolution is a matrix product.
  var isPointwise: Bool {
    kernelHeight == 1 && kernelWidth == 1 && strideHeight == 1 && strideWidth == 1 && padTop == 0 && padLeft == 0
  }

  /// Computes output size and padding for an image. `extra`: padding (top, bottom, left, right) that a fused Pad contributes.
  mutating func place(height: Int, width: Int, extra: [Int]) throws(EngineError) {
    let e = extra.count == 4 ? extra : [0, 0, 0, 0]
    let (h, top) = try Self.axis(
      height + e[0] + e[1], effectiveKernelHeight, strideHeight, padMode, pads[0], pads[1])
    let (w, left) = try Self.axis(
      width + e[2] + e[3], effectiveKernelWidth, strideWidth, padMode, pads[2], pads[3])
    (outHeight, padTop, outWidth, padLeft) = (h, top + e[0], w, left + e[2])
  }

  /// Output size and leading padding along one axis; the formulas of the original's shape rules (SAME puts the odd pixel
  /// of padding at the end; VALID adds the stored padding, normally none).
  private static func axis(_ size: Int, _ kernel: Int, _ stride: Int, _ mode: Int, _ before: Int, _ after: Int) throws(EngineError)
    -> (Int, Int)
  {
    if mode == PadMode.same {
      let out = (size + stride - 1) / stride
      return (out, max((out - 1) * stride + kernel - size, 0) / 2)
    }
    let span = size + before + after - kernel
    if span < 0 {
      throw EngineError(.inferError, "the kernel spans \(kernel) pixels but the padded image has only \(size + before + after)")
    }
    return (span / stride + 1, before)
  }
}
