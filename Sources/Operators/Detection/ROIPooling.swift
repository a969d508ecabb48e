import CSystem
import Graph
import System

// Attributes: 0 pooled_h, 1 pooled_w: int, positive; 2 scale: float, 0.
// Inputs: images [n, h, w, c] float32, regions [r, 5] float32: image, first row, first column, last row, last column.

/// Maximum over each cell of a pooled_h x pooled_w grid laid over every region: [r, pooled_h, pooled_w, c], float32. Corners are
/// multiplied with the scale and rounded; the last row and column belong to the region; a cell goes from the floor of its start
/// to the ceiling of its end, cut to the image; a cell without pixels gives 0.
final class ROIPoolingOperator: Operator {
  private let height: Int, width: Int
  private let scale: Float

  override init(_ node: Node) throws(EngineError) {
    height = node.attributes.int(0, 0)
    width = node.attributes.int(1, 0)
    scale = node.attributes.float(2, 0)
    try super.init(node)
    if height <= 0 || width <= 0 {
      throw EngineError(.parameterInvalid, "pooled_h is \(height) and pooled_w \(width); both must be positive")
    }
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(1, 2...2)
    let regions = inputs[1].shape
    if regions[1] != 5 { throw EngineError(.inferError, "the regions (\(inputs[1])) must have the shape [regions, 5]") }
    try setOutput(0, .float32, [regions[0], height, width, inputs[0].shape[3]])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let x = inputs[0].shape
    if outputs[0].count == 0 { return }
    let regions = inputs[1].floats
    for i in 0..<inputs[1].shape[0] {
      let image = Int(saturated(Double(regions[i * 5]), Int32.self))
      if image < 0 || image >= x[0] {
        throw EngineError(.error, "region \(i) names image \(image); there are \(x[0])")
      }
    }
    context.parallel(
      outputs[0].shape[0] * height,
      Job(
        x: inputs[0].data.map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) }, regions: UnsafePointer(regions),
        y: outputs[0].floats, h: x[1], w: x[2], channels: x[3], height: height, width: width, scale: scale))
  }

  /// One row of cells of one region.
  private struct Job: ParallelJob {
    let x: UnsafePointer<Float>?, regions: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let h: Int, w: Int, channels: Int, height: Int, width: Int
    let scale: Float

    /// Pixels of cell `i` of `count` on an axis of `size` pixels.
    @inline(__always)
    func cell(_ i: Int, of count: Int, from first: Float, to last: Float, size: Int) -> Range<Int> {
      let start = Int(saturated(Double((first * scale).rounded()), Int32.self))
      let end = Int(saturated(Double((last * scale).rounded()), Int32.self))
      let step = Float(max(end - start + 1, 1)) / Float(count)
      let low = min(max(Int((Float(i) * step).rounded(.down)) + start, 0), size)
      let high = min(max(Int((Float(i + 1) * step).rounded(.up)) + start, 0), size)
      return low..<max(low, high)
    }

    func run(_ index: Int, worker: Int) {
      let region = regions + index / height * 5
      let image = Int(saturated(Double(region[0]), Int32.self)) * h * w * channels
      let rows = cell(index % height, of: height, from: region[1], to: region[3], size: h)
      for j in 0..<width {
        let columns = cell(j, of: width, from: region[2], to: region[4], size: w)
        let out = y + (index * width + j) * channels
        guard let x, !rows.isEmpty && !columns.isEmpty else {
          for c in 0..<channels { out[c] = 0 }
          continue
        }
        for c in 0..<channels { out[c] = -Float.greatestFiniteMagnitude }
        for row in rows {
          for column in columns {
            let pixel = x + image + (row * w + column) * channels
            for c in 0..<channels where pixel[c] > out[c] { out[c] = pixel[c] }
          }
        }
      }
    }
  }
}
