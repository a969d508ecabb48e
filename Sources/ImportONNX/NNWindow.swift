import ConverterCore
import Graph

/// How a kernel moves over the spatial axes of an image, from the attributes that convolutions and pools share.
struct Window {
  var kernel: [Int]
  var strides: [Int]
  var dilations: [Int]
  /// Padding before and after each spatial axis.
  var before: [Int]
  var after: [Int]
  /// The padding depends on a dimension that is open: it is what PadMode SAME says (more at the end than at the start).
  var isSame = false
  /// The number of windows is rounded up, which for open sizes is left to the format's operator.
  var roundsUp = false
  /// Spatial dimensions of the image, -1 where open.
  let size: [Int]

  var rank: Int { kernel.count }

  /// Reads the attributes of a node whose operand has `dims`, batch and channels first. `kernel` replaces a missing kernel_shape.
  init(_ node: ONNXNode, dims: [Int], kernel weights: [Int]? = nil) throws(EngineError) {
    let n = dims.count - 2
    guard n >= 1 else { throw EngineError(.formatError, "the operand has the shape \(Shape(dims)); batch, channels and at least one more axis are needed") }
    size = Array(dims.dropFirst(2))
    let given = try node.optionalInts("kernel_shape")
    if let given, let weights, given != weights {
      throw EngineError(.formatError, "attribute \"kernel_shape\" is \(Shape(given)), but the weights have \(Shape(weights))")
    }
    guard let kernel = given ?? weights else { throw EngineError(.formatError, "attribute \"kernel_shape\" is missing") }
    func list(_ name: String, _ fallback: Int, _ count: Int) throws(EngineError) -> [Int] {
      let values = try node.ints(name, [])
      if values.isEmpty { return [Int](repeating: fallback, count: count) }
      guard values.count == count else {
        throw EngineError(.formatError, "attribute \"\(name)\" has \(values.count) entries; \(count) are needed")
      }
      return values
    }
    self.kernel = kernel
    strides = try list("strides", 1, n)
    dilations = try list("dilations", 1, n)
    let pads = try list("pads", 0, 2 * n)
    before = Array(pads[0..<n])
    after = Array(pads[n...])
    guard kernel.count == n else {
      throw EngineError(.formatError, "the kernel has \(kernel.count) axes; the image has \(n)")
    }
    for v in kernel + strides + dilations where v < 1 || v > 1 << 20 {
      throw EngineError(.formatError, "kernel, strides and dilations must lie in 1...\(1 << 20); found \(v)")
    }
    for v in pads where v < 0 || v > 1 << 20 { throw EngineError(.formatError, "pads must lie in 0...\(1 << 20); found \(v)") }
    let auto = try node.choice("auto_pad", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
    if auto == "NOTSET" { return }
    before = [Int](repeating: 0, count: n)
    after = before
    if auto == "VALID" { return }
    for i in 0..<n {
      let total: Int
      if size[i] >= 0 {
        total = max(((size[i] + strides[i] - 1) / strides[i] - 1) * strides[i] + extent(i) - size[i], 0)
      } else if strides[i] == 1 {
        total = extent(i) - 1
      } else {
        isSame = true
        continue
      }
      before[i] = auto == "SAME_UPPER" ? total / 2 : total - total / 2
      after[i] = total - before[i]
    }
    if isSame && auto == "SAME_LOWER" {
      throw EngineError(
        .inferError, "auto_pad SAME_LOWER with strides needs the image's size (\(Shape(size))); give the model's input shapes (--inputShape)")
    }
  }

  /// Pixels that the kernel covers along axis `i`.
  func extent(_ i: Int) -> Int { (kernel[i] - 1) * dilations[i] + 1 }

  var isDilated: Bool { zip(kernel, dilations).contains { $0 > 1 && $1 > 1 } }

  /// Positions of the kernel along axis `i`, the last partial one included with `ceil`; nil when the size is open.
  func positions(_ i: Int, ceil: Bool) throws(EngineError) -> Int? {
    guard size[i] >= 0 else { return nil }
    let span = size[i] + before[i] + after[i] - extent(i)
    guard span >= 0 else {
      throw EngineError(.inferError, "the kernel spans \(extent(i)) pixels but the padded image has only \(size[i] + before[i] + after[i])")
    }
    var count = (ceil ? span + strides[i] - 1 : span) / strides[i] + 1
    // A window must start inside the image or its leading padding.
    if ceil && (count - 1) * strides[i] >= size[i] + before[i] { count -= 1 }
    return count
  }

  /// Makes the trailing padding such that rounding down gives the number of windows that rounding up gave.
  mutating func resolveCeil() throws(EngineError) {
    if isSame { return }
    for i in 0..<rank {
      if let count = try positions(i, ceil: true) {
        after[i] = max(after[i], (count - 1) * strides[i] + extent(i) - size[i] - before[i])
        // Fewer windows than the padding has room for.
        if (size[i] + before[i] + after[i] - extent(i)) / strides[i] + 1 > count {
          after[i] = max((count - 1) * strides[i] + extent(i) - size[i] - before[i], 0)
        }
      } else if after[i] + strides[i] <= extent(i) {
        // The last window cannot start behind the image, which is all that the format's rounding does not mind.
        roundsUp = roundsUp || strides[i] > 1
      } else if strides[i] > 1 {
        throw EngineError(
          .inferError, "ceil_mode needs the image's size (\(Shape(size))); give the model's input shapes (--inputShape)")
      }
    }
  }

  /// The window of the two innermost axes with a first one of no extent where there is only one.
  var imageKernel: [Int] { rank == 1 ? [1] + kernel : kernel }
  var imageStrides: [Int] { rank == 1 ? [1] + strides : strides }
  var imageDilations: [Int] { rank == 1 ? [1] + dilations : dilations }
  /// top, bottom, left, right.
  var imagePads: [Int] { rank == 1 ? [0, 0, before[0], after[0]] : [before[0], after[0], before[1], after[1]] }

  /// Pads for the axes of an operand with batch and channels first.
  var pads: [[Int]] { [[0, 0], [0, 0]] + zip(before, after).map { [$0, $1] } }
}

extension Formula {
  /// The values under each tap of a kernel along one axis of `x`, which has its padding already: strided slices, one for each tap.
  func taps(_ x: Tensor, axis: Int, kernel: Int, stride: Int, dilation: Int) throws(EngineError) -> [Tensor] {
    if kernel == 1 && stride == 1 { return [x] }
    guard kernel <= 1 << 10 else {
      throw EngineError(.notSupported, "a kernel of \(kernel) taps along axis \(axis) is too large to be taken apart; it can have up to \(1 << 10)")
    }
    let extent = (kernel - 1) * dilation + 1
    var result = [Tensor]()
    for k in 0..<kernel {
      // All slices end so that they have the same number of entries, counted from the end, whose position may be open.
      let rest = extent - 1 - k * dilation
      result.append(try slice(x, axis: axis, from: k * dilation, to: rest == 0 ? Formula.end : -rest, step: stride))
    }
    return result
  }

  /// One value of the taps along each spatial axis in turn.
  func fold(
    _ x: Tensor, _ window: Window, _ combine: (Tensor, Tensor) throws(EngineError) -> Tensor
  ) throws(EngineError) -> Tensor {
    var y = x
    for i in 0..<window.rank {
      let parts = try taps(y, axis: i + 2, kernel: window.kernel[i], stride: window.strides[i], dilation: window.dilations[i])
      y = parts[0]
      for part in parts.dropFirst() { y = try combine(y, part) }
    }
    return y
  }
}
