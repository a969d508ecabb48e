import Graph
import System

// Custom GridSampler. Attributes by position: 0 interpolation, int64: 0 bilinear, 1 nearest; 1 padding, int64: 0 zeros, 1 border,
// 2 reflection; 2 align_corners, one byte. Inputs: x [n, c, h, w] float32, grid [n, rows, columns, 2] float32 (x, then y).

/// y [n, c, rows, columns], float32: x where the grid says, -1 and 1 being the centres of the outermost pixels with
/// align_corners, their outer edges without. Outside the image are zeros, its border, or its mirror image.
final class GridSamplerOperator: Operator {
  private let isNearest: Bool, aligned: Bool
  private let padding: Int

  override init(_ node: Node) throws(EngineError) {
    let mode = node.customNumber(0, size: 8) ?? -1
    padding = node.customNumber(1, size: 8) ?? -1
    isNearest = mode == 1
    aligned = node.customNumber(2, size: 1) ?? 0 != 0
    try super.init(node)
    if mode < 0 || mode > 1 || padding < 0 || padding > 2 || node.customNumber(2, size: 1) == nil {
      throw EngineError(
        .notSupported, "interpolation \(mode) with padding \(padding); 0 (bilinear) and 1 (nearest) with 0 (zeros), 1 (border) and 2 (reflection), and align_corners, are accepted")
    }
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(1, 4...4)
    let x = inputs[0].shape, grid = inputs[1].shape
    if grid[0] != x[0] || grid[3] != 2 || x[2] == 0 || x[3] == 0 {
      throw EngineError(.inferError, "the grid (\(inputs[1])) must have the shape [\(x[0]), rows, columns, 2], and \(inputs[0]) pixels")
    }
    try setOutput(0, .float32, [x[0], x[1], grid[1], grid[2]])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let x = inputs[0].shape, y = outputs[0].shape
    context.parallel(
      y[0] * y[2],
      Job(
        x: UnsafePointer(inputs[0].floats), grid: UnsafePointer(inputs[1].floats), y: outputs[0].floats, channels: x[1], h: x[2],
        w: x[3], rows: y[2], columns: y[3], isNearest: isNearest, aligned: aligned, padding: padding))
  }

  /// One row of all channels.
  private struct Job: ParallelJob {
    let x: UnsafePointer<Float>, grid: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let channels: Int, h: Int, w: Int, rows: Int, columns: Int
    let isNearest: Bool, aligned: Bool
    let padding: Int

    /// The pixel coordinate for `g` on an axis of `size` pixels, at most a few pixels outside.
    @inline(__always)
    func coordinate(_ g: Float, _ size: Int) -> Float {
      let last = Float(size - 1)
      var at = aligned ? (g + 1) / 2 * last : ((g + 1) * Float(size) - 1) / 2
      if !(abs(at) < 1e9) { at = -1e9 }
      if padding == 2 {
        let low: Float = aligned ? 0 : -0.5, span = aligned ? last : Float(size)
        if span == 0 { return 0 }
        let distance = abs(at - low)
        let turns = (distance / span).rounded(.down), rest = distance - turns * span
        at = turns.truncatingRemainder(dividingBy: 2) == 0 ? low + rest : low + span - rest
      }
      return padding == 0 ? min(max(at, -2), last + 2) : min(max(at, 0), last)
    }

    @inline(__always)
    func pixel(_ plane: UnsafePointer<Float>, _ row: Int, _ column: Int) -> Float {
      row >= 0 && row < h && column >= 0 && column < w ? plane[row * w + column] : 0
    }

    func run(_ index: Int, worker: Int) {
      let (image, row) = (index / rows, index % rows)
      for j in 0..<columns {
        let point = grid + (index * columns + j) * 2
        let across = coordinate(point[0], w), down = coordinate(point[1], h)
        for c in 0..<channels {
          let plane = x + (image * channels + c) * h * w
          let value: Float
          if isNearest {
            value = pixel(plane, Int(down.rounded(.toNearestOrEven)), Int(across.rounded(.toNearestOrEven)))
          } else {
            let left = across.rounded(.down), top = down.rounded(.down)
            let (dx, dy) = (across - left, down - top)
            let (r, k) = (Int(top), Int(left))
            value =
              (pixel(plane, r, k) * (1 - dx) + pixel(plane, r, k + 1) * dx) * (1 - dy)
              + (pixel(plane, r + 1, k) * (1 - dx) + pixel(plane, r + 1, k + 1) * dx) * dy
          }
          y[((image * channels + c) * rows + row) * columns + j] = value
        }
      }
    }
  }
}
