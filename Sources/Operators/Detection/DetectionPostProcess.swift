import CSystem
import Graph

// Attributes: 2 scale: floats h, w, x, y, all four needed; 3 nms_iou_threshold: float, 0; 4 nms_score_threshold: float, 0;
// 5 max_detections: int, 0; 6 detections_per_class: int, 0 (regular suppression only); 7 max_classes_per_detection: int, 0;
// 8 num_classes: int, 0; 9 use_regular_nms: bool, false. Not used: 0 format, 1 input_size, 10 out_quantized.

/// TensorFlow Lite's detection head. Inputs: box encodings [1, n, 4] (y, x, h, w), scores [1, n, classes or classes + 1 with the
/// background first], anchors [n, 4] (y, x, h, w), each float32, or int8 or uint8 with one scale. Outputs, all float32, d =
/// max_detections * max_classes_per_detection: boxes [1, d, 4] (top, left, bottom, right), classes [1, d], scores [1, d], number
/// of detections [1]; entries behind that number are 0.
///
/// A box is centre = encoding / scale * anchor size + anchor centre and size = exp(encoding / scale) * anchor size. Boxes whose
/// score reaches the threshold are taken from the best on unless they overlap one taken before by more than the threshold.
/// Fast: once, by each box's best score; a box that is taken gives its best classes. Regular: class by class; the best of all
/// classes are kept. A score that is not a number reaches no threshold.
final class DetectionPostProcessOperator: Operator {
  private let scale: [Float]
  private let overlapThreshold: Float, scoreThreshold: Float
  private let maxDetections: Int, perClass: Int, classesPerBox: Int, classes: Int
  private let isRegular: Bool
  private var n = 0, columns = 0

  override init(_ node: Node) throws(EngineError) {
    let a = node.attributes
    scale = a.floats(2)
    overlapThreshold = a.float(3, 0)
    scoreThreshold = a.float(4, 0)
    maxDetections = a.int(5, 0)
    perClass = a.int(6, 0)
    classesPerBox = a.int(7, 0)
    classes = a.int(8, 0)
    isRegular = a.bool(9, false)
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(4...4)
    for i in 0..<3 { try requireRealValues(i) }
    if scale.count < 4 { throw EngineError(.parameterInvalid, "scale has \(scale.count) entries; 4 (h, w, x, y) are needed") }
    let limit = 1 << 24
    guard classes > 0 && maxDetections >= 0 && classesPerBox >= 0 && perClass >= 0 && maxDetections < limit && classesPerBox < limit
      && maxDetections * classesPerBox < limit
    else {
      throw EngineError(
        .parameterInvalid,
        "max_detections \(maxDetections), max_classes_per_detection \(classesPerBox), detections_per_class \(perClass) and num_classes \(classes) must not be negative, num_classes not 0, and give fewer than \(limit) detections")
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    try requireRank(1, 3...3)
    try requireRank(2, 2...2)
    let boxes = inputs[0].shape, scores = inputs[1].shape, anchors = inputs[2].shape
    (n, columns) = (boxes[1], scores[2])
    guard boxes[0] == 1 && scores[0] == 1 && boxes[2] == 4 && anchors[1] == 4 && anchors[0] == n && scores[1] == n && n < 1 << 30 else {
      throw EngineError(
        .inferError,
        "boxes (\(inputs[0])), scores (\(inputs[1])) and anchors (\(inputs[2])) must have the shapes [1, n, 4], [1, n, classes] and [n, 4]")
    }
    guard columns == classes || columns == classes + 1 else {
      throw EngineError(.inferError, "scores (\(inputs[1])) must have \(classes) or \(classes + 1) classes")
    }
    if n.multipliedReportingOverflow(by: columns).partialValue >= 1 << 31 {
      throw EngineError(.inferError, "scores (\(inputs[1])) are too many")
    }
    let d = maxDetections * classesPerBox
    try setOutput(0, .float32, [1, d, 4])
    try setOutput(1, .float32, [1, d])
    try setOutput(2, .float32, [1, d])
    try setOutput(3, .float32, [1])
  }

  /// Where the parts of the workspace begin, in units of four bytes.
  private var scoresAt: Int { n * 4 }
  private var bestAt: Int { scoresAt + (inputs[1].type == .float32 ? 0 : n * columns) }
  private var orderAt: Int { bestAt + max(n, classes) }
  private var selectedAt: Int { orderAt + max(n, classes) }
  private var mergedAt: Int { selectedAt + n }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    // Regular suppression merges a class's results into the best so far: two lists of both, as scores and as positions.
    workspaceBytes = (mergedAt + (isRegular ? 4 * (n + maxDetections) : 0)) * 4
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    for output in outputs where output.byteCount > 0 {
      if let data = output.data { memset(data, 0, output.byteCount) }
    }
    if n == 0 { return }
    let base = context.workspace.assumingMemoryBound(to: Float.self)
    decode(base)
    var scores = base + scoresAt
    if inputs[1].type == .float32 { scores = inputs[1].floats } else { RealValues(inputs[1]).copy(n * columns, to: scores) }
    let found = isRegular ? runRegular(base, scores) : runFast(base, scores)
    outputs[3].floats.pointee = Float(found)
  }

  private func decode(_ base: UnsafeMutablePointer<Float>) {
    let boxes = RealValues(inputs[0]), anchors = RealValues(inputs[2])
    for i in 0..<n {
      let at = i * 4
      let (anchorHeight, anchorWidth) = (anchors[at + 2], anchors[at + 3])
      let y = boxes[at] / scale[3] * anchorHeight + anchors[at]
      let x = boxes[at + 1] / scale[2] * anchorWidth + anchors[at + 1]
      let height = 0.5 * expf(boxes[at + 2] / scale[0]) * anchorHeight
      let width = 0.5 * expf(boxes[at + 3] / scale[1]) * anchorWidth
      let box = base + at
      (box[0], box[1], box[2], box[3]) = (y - height, x - width, y + height, x + width)
    }
  }

  /// The `k` best of `count` floats, `stride` apart.
  private func best(
    _ values: UnsafeMutablePointer<Float>, start: Int, stride: Int, count: Int, k: Int, _ order: UnsafeMutablePointer<Int32>
  ) {
    selectBest(NumberList(values), start: start, stride: stride, n: count, k: k, smallest: false, into: order)
  }

  /// Takes at most `limit` of the n boxes by the scores `stride` apart, and writes their numbers; returns how many.
  private func suppress(
    _ base: UnsafeMutablePointer<Float>, _ scores: UnsafeMutablePointer<Float>, start: Int, stride: Int, limit: Int
  ) -> Int {
    let order = UnsafeMutableRawPointer(base + orderAt).assumingMemoryBound(to: Int32.self)
    let selected = UnsafeMutableRawPointer(base + selectedAt).assumingMemoryBound(to: Int32.self)
    let boxes = UnsafeRawPointer(base).assumingMemoryBound(to: Box.self)
    var candidates = 0
    for i in 0..<n where scores[start + i * stride] >= scoreThreshold { candidates += 1 }
    if candidates == 0 || limit == 0 { return 0 }
    best(scores, start: start, stride: stride, count: n, k: candidates, order)
    var count = 0, i = 0
    while i < candidates && count < limit {
      let candidate = boxes[Int(order[i])]
      var j = 0
      while j < count && !(candidate.overlap(boxes[Int(selected[j])]) > overlapThreshold) { j += 1 }
      if j == count {
        selected[count] = order[i]
        count += 1
      }
      i += 1
    }
    return count
  }

  private func write(_ base: UnsafeMutablePointer<Float>, _ at: Int, box: Int, kind: Int, score: Float) {
    memcpy(outputs[0].floats + at * 4, base + box * 4, 16)
    outputs[1].floats[at] = Float(kind)
    outputs[2].floats[at] = score
  }

  private func runFast(_ base: UnsafeMutablePointer<Float>, _ scores: UnsafeMutablePointer<Float>) -> Int {
    let first = columns - classes
    let bestScores = base + bestAt
    let order = UnsafeMutableRawPointer(base + orderAt).assumingMemoryBound(to: Int32.self)
    let selected = UnsafeMutableRawPointer(base + selectedAt).assumingMemoryBound(to: Int32.self)
    for i in 0..<n {
      best(scores, start: i * columns + first, stride: 1, count: classes, k: 1, order)
      bestScores[i] = scores[i * columns + first + Int(order[0])]
    }
    let count = suppress(base, bestScores, start: 0, stride: 1, limit: maxDetections)
    let kinds = min(classesPerBox, classes)
    var found = 0
    for i in 0..<count {
      let box = Int(selected[i])
      best(scores, start: box * columns + first, stride: 1, count: classes, k: kinds, order)
      for k in 0..<kinds {
        write(base, found, box: box, kind: Int(order[k]), score: scores[box * columns + first + Int(order[k])])
        found += 1
      }
    }
    return found
  }

  private func runRegular(_ base: UnsafeMutablePointer<Float>, _ scores: UnsafeMutablePointer<Float>) -> Int {
    let first = columns - classes, room = n + maxDetections
    let selected = UnsafeMutableRawPointer(base + selectedAt).assumingMemoryBound(to: Int32.self)
    // The best of the classes so far, then the class at hand: scores and score positions, and the same again in order.
    let merged = base + mergedAt, ordered = merged + 2 * room
    let mergedAt = UnsafeMutableRawPointer(merged + room).assumingMemoryBound(to: Int32.self)
    let orderedAt = UnsafeMutableRawPointer(ordered + room).assumingMemoryBound(to: Int32.self)
    var kept = 0
    for kind in first..<columns {
      let count = suppress(base, scores, start: kind, stride: columns, limit: min(perClass, n))
      for i in 0..<count {
        let at = Int(selected[i]) * columns + kind
        merged[kept + i] = scores[at]
        mergedAt[kept + i] = Int32(truncatingIfNeeded: at)
      }
      let total = kept + count
      kept = min(total, maxDetections)
      if kept == 0 { continue }
      best(merged, start: 0, stride: 1, count: total, k: kept, orderedAt)
      for i in 0..<kept {
        ordered[i] = merged[Int(orderedAt[i])]
        orderedAt[i] = mergedAt[Int(orderedAt[i])]
      }
      memcpy(merged, ordered, kept * 4)
      memcpy(mergedAt, orderedAt, kept * 4)
    }
    let found = min(kept, outputs[1].count)
    for i in 0..<found {
      let at = Int(mergedAt[i])
      write(base, i, box: at / columns, kind: at % columns - first, score: merged[i])
    }
    return found
  }
}
