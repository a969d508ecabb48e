import ConverterCore
import Graph

/// A transposed convolution along three axes: one of the planes for each tap of the first axis, and those added up where they belong.
struct TransposedVolume {
  let graph: GraphBuilder
  let window: TransposedWindow
  let group: Int
  private static let tapLimit = 1 << 10

  /// x [N, I, D, H, W] with the kernel w [I, O / group, d, h, w].
  func result(_ x: Tensor, _ w: Tensor, _ bias: Tensor?) throws(EngineError) -> Tensor {
    let f = Formula(graph)
    let dims = graph.dims(of: x) ?? [], weights = try graph.knownDims(of: w)
    guard dims.count == 5, weights.count == 5, dims[1...].allSatisfy({ $0 > 0 }) else {
      throw EngineError(.inferError, "a transposed convolution along three axes needs the shape of X; give the model's input shapes (--inputShape)")
    }
    guard window.kernel[0] <= Self.tapLimit else {
      throw EngineError(.notSupported, "a kernel of \(window.kernel[0]) planes is too large; it can have up to \(Self.tapLimit)")
    }
    var plane = window
    plane.kernel.removeFirst()
    plane.strides.removeFirst()
    plane.dilations.removeFirst()
    plane.before.removeFirst()
    plane.after.removeFirst()
    plane.extra.removeFirst()
    let layer = TransposedLayer(graph: graph, window: plane, group: group, parameters: [])
    var size = [Int]()
    for i in 0..<3 {
      let extent = (window.kernel[i] - 1) * window.dilations[i] + 1
      let cut = window.before[i] + window.after[i] - window.extra[i]
      size.append(window.strides[i] * (dims[i + 2] - 1) + extent - cut)
    }
    guard size.allSatisfy({ $0 > 0 }) else { throw EngineError(.inputParameterInvalid, "the padding leaves nothing of the result") }
    let planes = try graph.nhwc(graph.reshape(graph.transpose(x, [0, 2, 1, 3, 4]), [-1, dims[1], dims[3], dims[4]]))
    let channels = weights[1] * group
    guard Shape([channels] + size).checkedCount != nil else {
      throw EngineError(.inputParameterInvalid, "the result would have the shape \(Shape([channels] + size)), which is too large")
    }
    let stride = window.strides[0], depth = stride * (dims[2] - 1) + 1
    let full = depth + (window.kernel[0] - 1) * window.dilations[0]
    var sum: Tensor?
    for k in 0..<window.kernel[0] {
      let tap = try graph.reshape(f.slice(w, axis: 2, from: k, to: k + 1), [weights[0], weights[1], weights[3], weights[4]])
      let part = try tap.isConstant ? layer.constant(planes, tap, nil) : layer.computed(planes, tap, nil)
      // [N, D, 1, ...] with as many planes of zeros after each as the stride skips.
      var spread = try graph.reshape(graph.nchw(part), [-1, dims[2], 1, channels * size[1] * size[2]])
      if stride > 1 {
        spread = try f.pad(spread, [[0, 0], [0, 0], [0, stride - 1], [0, 0]])
      }
      spread = try f.slice(graph.reshape(spread, [-1, dims[2] * stride, channels * size[1] * size[2]]), axis: 1, from: 0, to: depth)
      let start = k * window.dilations[0]
      spread = try f.pad(spread, [[0, 0], [start, full - depth - start], [0, 0]])
      sum = try sum.map { t throws(EngineError) in try f.add(t, spread) } ?? spread
    }
    guard var y = sum else { throw EngineError(.formatError, "the kernel has no taps") }
    y = try f.slice(f.pad(y, [[0, 0], [0, window.extra[0]], [0, 0]]), axis: 1, from: window.before[0], to: window.before[0] + size[0])
    y = try graph.transpose(graph.reshape(y, [-1, size[0], channels, size[1], size[2]]), [0, 2, 1, 3, 4])
    guard let bias else { return y }
    return try f.add(y, graph.reshape(bias, [1, channels, 1, 1, 1]))
  }
}
