import CSystem
import Graph

// Attributes: 0 min_sizes: ints; 1 max_sizes: ints, none or as many; 2 aspect_ratios: floats; 3 variances: four floats;
// 4 image_size_w, 5 image_size_h: int, 0 = input 1's; 6 step_w, 7 step_h: float, 0 = image size / map size; 8 clip: not used, as
// in the original; 9 flip: bool, false; 10 offset: float, 0. Inputs: feature map, image, both NHWC; only their sizes count.

/// Caffe's prior boxes, float32 [1, height * width * boxes * 4, 1, 2]: first the boxes (left, top, right, bottom as fractions of
/// the map), then the four variances for each.
///
/// For every cell and every smallest size: a square of it, a square of sqrt(smallest * largest), and for each aspect ratio r
/// but 1 a box of width size * sqrt(r) and height size / sqrt(r). Every ratio counts once; with flip its reciprocal follows.
final class PriorBoxOperator: Operator {
  private let smallest: [Int], largest: [Int]
  private let variances: [Float]
  private var ratios: [Float] = []

  override init(_ node: Node) throws(EngineError) {
    let a = node.attributes
    smallest = a.ints(0)
    largest = a.ints(1)
    variances = a.floats(3)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    var known: [Float] = [1]
    for ratio in a.floats(2) {
      if !(ratio > 1e-5) { throw EngineError(.parameterInvalid, "every entry of aspect_ratios must be positive") }
      var isNew = true
      for r in known where abs(ratio - r) < 1e-6 { isNew = false }
      if !isNew { continue }
      for r in a.bool(9, false) ? [ratio, 1 / ratio] : [ratio] {
        known.append(r)
        if abs(r - 1) >= 1e-6 { ratios.append(r) }
      }
    }
    if variances.count != 4 { throw EngineError(.parameterInvalid, "variances has \(variances.count) entries; 4 are needed") }
    if !largest.isEmpty && largest.count != smallest.count {
      throw EngineError(
        .parameterInvalid, "max_sizes has \(largest.count) entries; none or \(smallest.count) (as many as min_sizes) are accepted")
    }
    for i in largest.indices where smallest[i].multipliedReportingOverflow(by: largest[i]).partialValue <= 0 {
      throw EngineError(.parameterInvalid, "min_sizes and max_sizes must be positive")
    }
  }

  override var needsShapesOnly: Bool { true }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    try requireRank(1, 4...4)
    let x = inputs[0].shape
    let boxes = smallest.count * (1 + (largest.isEmpty ? 0 : 1) + ratios.count)
    guard let cells = Shape([x[1], x[2], boxes, 4]).checkedCount, cells > 0 else {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) with \(boxes) boxes for each cell gives no or too many boxes")
    }
    try setOutput(0, .float32, [1, cells, 1, 2])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let a = node.attributes, map = inputs[0].shape, image = inputs[1].shape
    let width = Float(map[2]), height = Float(map[1])
    let imageWidth = a.int(4, 0) > 0 ? a.int(4, 0) : image[2], imageHeight = a.int(5, 0) > 0 ? a.int(5, 0) : image[1]
    let stepX = a.float(6, 0) > 0 ? a.float(6, 0) : Float(imageWidth) / width
    let stepY = a.float(7, 0) > 0 ? a.float(7, 0) : Float(imageHeight) / height
    let offset = a.float(10, 0)
    var y = outputs[0].floats
    func put(_ x: Float, _ row: Float, _ w: Float, _ h: Float) {
      y[0] = (x - w / stepX * 0.5) / width
      y[1] = (row - h / stepY * 0.5) / height
      y[2] = (x + w / stepX * 0.5) / width
      y[3] = (row + h / stepY * 0.5) / height
      y += 4
    }
    for i in 0..<map[1] {
      let row = Float(i) + offset
      for j in 0..<map[2] {
        let x = Float(j) + offset
        for k in smallest.indices {
          let size = Float(smallest[k])
          put(x, row, size, size)
          if !largest.isEmpty {
            let middle = (size * Float(largest[k])).squareRoot()
            put(x, row, middle, middle)
          }
          for ratio in ratios {
            let root = ratio.squareRoot()
            put(x, row, size * root, size / root)
          }
        }
      }
    }
    for i in 0..<outputs[0].shape[1] { y[i] = variances[i & 3] }
  }
}
