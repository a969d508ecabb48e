import Graph
import System

// Attributes: as of StridedSlice. Inputs: dy, the shape of x, begin, end, strides.

/// StridedSliceGrad: the elements of dy at the places in x that the slice took them from, 0 elsewhere.
final class StridedSliceGradOperator: Operator {
  /// The slice, of a tensor of x's shape.
  private var slice: StridedSliceOperator? = nil
  private var copy: StridedCopy? = nil

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(5...5)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    let x = Tensor(name: inputs[0].name, type: inputs[0].type, shape: Shape())
    let y = Tensor(name: inputs[0].name, type: inputs[0].type, shape: Shape())
    slice = try StridedSliceOperator(
      Node(name: node.name, kind: .stridedSlice, attributes: node.attributes, inputs: [x] + inputs[2...], outputs: [y]))
  }

  override func infer() throws(EngineError) {
    let dims = try requireSmallIntegers(1)
    for d in dims where d < 0 { throw EngineError(.inferError, "the shape (\(inputs[1])) has the dimension \(d)") }
    try setOutput(0, inputs[0].type, dims)
    guard let slice else { return }
    slice.inputs[0].shape = Shape(dims)
    try slice.infer()
    if slice.outputs[0].count != inputs[0].count {
      throw EngineError(.inferError, "the gradient (\(inputs[0])) must have the shape \(slice.outputs[0].shape) of the slice")
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { copy = slice?.scatter() }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    fillElements(context, outputs[0].data, outputs[0].count, elementSize: outputs[0].type.size, bits: 0)
    copy?.run(context, from: inputs[0].data, to: outputs[0].data)
  }
}

// Attributes: 0 method (0 linear, 1 nearest), 1 align_corners (false).

/// ResizeGrad: the gradient of a resized image [N, H, W, C], float32. Inputs: dy; the image, or its size as two integers. Coordinates are
/// i * in / out, or those that align the corners.
final class ResizeGradOperator: Operator {
  private let isNearest: Bool, aligns: Bool

  override init(_ node: Node) throws(EngineError) {
    let method = node.attributes.int(0, 0)
    isNearest = method == ResizeMethod.nearest
    aligns = node.attributes.bool(1, false)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    if method != ResizeMethod.nearest && method != ResizeMethod.linear {
      throw EngineError(.notSupported, "resize method \(method); 0 (linear) and 1 (nearest) are accepted")
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    let dy = inputs[0].shape
    var size = [Int]()
    if inputs[1].shape.rank == 4 {
      try requireType(1, .float32)
      size = [inputs[1].shape[1], inputs[1].shape[2]]
    } else {
      size = try requireSmallIntegers(1)
    }
    guard size.count == 2, size[0] > 0, size[1] > 0, dy[1] > 0, dy[2] > 0, dy[1] <= 1 << 30, dy[2] <= 1 << 30 else {
      throw EngineError(.inferError, "the gradient (\(inputs[0])) and the size (\(inputs[1])) are not those of resized images")
    }
    try setOutput(0, .float32, [dy[0], size[0], size[1], dy[3]])
  }

  /// Where the values of a row or column come from: two positions, and the share of the second.
  private struct Axis {
    let size: Int
    let scale: Float
    let isNearest: Bool, aligns: Bool

    init(_ size: Int, _ out: Int, _ isNearest: Bool, _ aligns: Bool) {
      self.size = size
      (self.isNearest, self.aligns) = (isNearest, aligns)
      scale = aligns ? (out > 1 ? Float(size - 1) / Float(out - 1) : 0) : Float(size) / Float(out)
    }

    func callAsFunction(_ i: Int) -> (low: Int, high: Int, share: Float) {
      let c = Float(i) * scale
      let low = min(Int(isNearest && aligns ? c.rounded() : c.rounded(.down)), size - 1)
      return (low, min(low + 1, size - 1), isNearest ? 0 : c - Float(low))
    }
  }

  /// One image: the rows of the result get values of several rows of dy.
  private struct Job: ParallelJob {
    let dy: UnsafePointer<Float>, dx: UnsafeMutablePointer<Float>
    let rows: Axis, columns: Axis
    let outH: Int, outW: Int, channels: Int
    func run(_ image: Int, worker: Int) {
      let row = columns.size * channels
      let target = dx + image * rows.size * row
      target.update(repeating: 0, count: rows.size * row)
      var source = dy + image * outH * outW * channels
      for y in 0..<outH {
        let (top, bottom, down) = rows(y)
        for x in 0..<outW {
          let (left, right, across) = columns(x)
          let (a, b) = (target + top * row, target + bottom * row)
          for c in 0..<channels {
            let (upper, lower) = (source[c] * (1 - down), source[c] * down)
            a[left * channels + c] += upper * (1 - across)
            a[right * channels + c] += upper * across
            b[left * channels + c] += lower * (1 - across)
            b[right * channels + c] += lower * across
          }
          source += channels
        }
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let dy = inputs[0].shape, dx = outputs[0].shape
    let job = Job(
      dy: inputs[0].floats, dx: outputs[0].floats, rows: Axis(dx[1], dy[1], isNearest, aligns),
      columns: Axis(dx[2], dy[2], isNearest, aligns), outH: dy[1], outW: dy[2], channels: dy[3])
    context.parallel(dx[0], job)
  }
}
