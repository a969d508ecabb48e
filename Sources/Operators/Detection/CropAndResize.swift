import CSystem
import Graph
import System

// Attributes: 0 method: ResizeMethod, 0 (LINEAR) or 1 (NEAREST); 1 extrapolation_value: float, 0.
// Inputs: images [n, h, w, c] float32; boxes [b, 4] float32 (top, left, bottom, right as fractions of h - 1 and w - 1); the image
// of each box, int32 [b]; height and width of the crops, int32 [2].

/// Cuts each box out of its image and scales it: [b, crop height, crop width, c], float32. Row i of a crop of several rows lies
/// at top * (h - 1) + i * (bottom - top) * (h - 1) / (crop height - 1), a single row in the middle of the box; columns alike.
/// What lies outside the image has the extrapolation value. The original computes LINEAR whatever the method says.
final class CropAndResizeOperator: Operator {
  private let isNearest: Bool
  private let outside: Float

  override init(_ node: Node) throws(EngineError) {
    let method = node.attributes.int(0, 0)
    isNearest = method == 1
    outside = node.attributes.float(1, 0)
    try super.init(node)
    if method != 0 && method != 1 {
      throw EngineError(.notSupported, "method \(method); 0 (LINEAR) and 1 (NEAREST) are accepted")
    }
    try requireInputs(4...4)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
    try requireType(2, .int32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(1, 2...2)
    let boxes = inputs[1].shape
    if boxes[1] != 4 { throw EngineError(.inferError, "the boxes (\(inputs[1])) must have the shape [boxes, 4]") }
    if inputs[2].count != boxes[0] {
      throw EngineError(.inferError, "the image numbers (\(inputs[2])) must be one for each of the \(boxes[0]) boxes")
    }
    let size = try requireSmallIntegers(3)
    if size.count < 2 || size[0] <= 0 || size[1] <= 0 {
      throw EngineError(.inferError, "the crop size (\(inputs[3])) must be two positive numbers")
    }
    try setOutput(0, .float32, [boxes[0], size[0], size[1], inputs[0].shape[3]])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let x = inputs[0].shape, y = outputs[0].shape
    if outputs[0].count == 0 { return }
    let images = inputs[2].pointer(Int32.self)
    for i in 0..<y[0] where images[i] < 0 || Int(images[i]) >= x[0] {
      throw EngineError(.error, "box \(i) names image \(images[i]); there are \(x[0])")
    }
    guard inputs[0].data != nil else { return }
    context.parallel(
      y[0] * y[1],
      Job(
        x: UnsafePointer(inputs[0].floats), boxes: UnsafePointer(inputs[1].floats), images: UnsafePointer(images),
        y: outputs[0].floats, h: x[1], w: x[2], channels: x[3], rows: y[1], columns: y[2], isNearest: isNearest, outside: outside))
  }

  /// One row of one crop.
  private struct Job: ParallelJob {
    let x: UnsafePointer<Float>, boxes: UnsafePointer<Float>
    let images: UnsafePointer<Int32>
    let y: UnsafeMutablePointer<Float>
    let h: Int, w: Int, channels: Int, rows: Int, columns: Int
    let isNearest: Bool
    let outside: Float

    /// Where position `i` of `count` of a side from `start` to `end` lies in `size` pixels; nil outside.
    @inline(__always)
    func coordinate(_ i: Int, _ count: Int, _ start: Float, _ end: Float, _ size: Int) -> Float? {
      let last = Float(size - 1)
      let at =
        count > 1
        ? start * last + Float(i) * (end - start) * last / Float(count - 1) : 0.5 * (start + end) * last
      return at >= 0 && at <= last ? at : nil
    }

    func run(_ index: Int, worker: Int) {
      let box = boxes + index / rows * 4
      let image = x + Int(images[index / rows]) * h * w * channels
      let target = y + index * columns * channels
      let row = coordinate(index % rows, rows, box[0], box[2], h)
      for i in 0..<columns {
        let out = target + i * channels
        guard let row, let column = coordinate(i, columns, box[1], box[3], w) else {
          for c in 0..<channels { out[c] = outside }
          continue
        }
        if isNearest {
          let source = image + (Int(row.rounded()) * w + Int(column.rounded())) * channels
          memcpy(out, source, channels * 4)
          continue
        }
        let (top, left) = (Int(row), Int(column))
        let bottom = min(top + 1, h - 1), right = min(left + 1, w - 1)
        let (down, across) = (row - Float(top), column - Float(left))
        let a = image + (top * w + left) * channels, b = image + (top * w + right) * channels
        let c = image + (bottom * w + left) * channels, d = image + (bottom * w + right) * channels
        for k in 0..<channels {
          let upper = a[k] + (b[k] - a[k]) * across, lower = c[k] + (d[k] - c[k]) * across
          out[k] = upper + (lower - upper) * down
        }
      }
    }
  }
}
