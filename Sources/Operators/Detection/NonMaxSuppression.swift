import CSystem
import Graph

// Attributes: 0 center_point_box: int, 0 (corners in any order: y, x, y, x) or 1 (centre x, centre y, width, height).
// Inputs: boxes [batches, n, 4], scores [batches, classes, n] [, greatest number of results: int32, 0 when absent] [, greatest
// overlap: float32, 0] [, smallest score: float32, 0].

/// The boxes with the best scores that overlap no better one of their class by more than the threshold (intersection over
/// union): rows (batch, class, box), int32, batch by batch, class by class, best first, equal scores by position. Boxes of rank
/// 2 (one batch) give the box numbers only.
///
/// As in the original, the number of results is limited as a whole and not for each class. The number of rows is known when the
/// inputs' values are.
final class NonMaxSuppressionOperator: Operator {
  private let isCentered: Bool
  private var rows: [Int32] = []

  override init(_ node: Node) throws(EngineError) {
    let form = node.attributes.int(0, 0)
    isCentered = form == 1
    try super.init(node)
    if form != 0 && form != 1 {
      throw EngineError(.parameterInvalid, "center_point_box is \(form); 0 (corners) and 1 (centre and size) are accepted")
    }
    try requireInputs(2...5)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
    if inputs.count > 2 { try requireType(2, .int32, .int64) }
    for i in 3..<max(inputs.count, 3) { try requireType(i, .float32) }
  }

  /// The dimensions of input `index` with ones in front up to rank 3.
  private func dims(_ index: Int) throws(EngineError) -> [Int] {
    try requireRank(index, 1...3)
    let dims = inputs[index].shape.dims
    return [Int](repeating: 1, count: 3 - dims.count) + dims
  }

  /// A threshold; 0 when there is none.
  private func threshold(_ index: Int) -> Float {
    index < inputs.count && inputs[index].count > 0 ? inputs[index].floats.pointee : 0
  }

  override func infer() throws(EngineError) {
    let boxes = try dims(0), scores = try dims(1)
    guard boxes[2] == 4 && boxes[0] == scores[0] && boxes[1] == scores[2] && boxes[1] < 1 << 30 else {
      throw EngineError(
        .inferError,
        "boxes (\(inputs[0])) and scores (\(inputs[1])) must have the shapes [batches, n, 4] and [batches, classes, n]")
    }
    for input in inputs where !input.hasKnownValue { throw EngineError.deferred }
    var limit = 0
    if inputs.count > 2, let values = inputs[2].knownIntegers(), let first = values.first {
      limit = min(max(first, 0), Int(Int32.max))
    }
    rows = []
    if limit > 0 && inputs[0].count > 0 && inputs[1].count > 0 {
      for batch in 0..<boxes[0] {
        for kind in 0..<scores[1] where rows.count < limit * 3 {
          select(batch, kind, classes: scores[1], n: boxes[1], limit: limit)
        }
      }
    }
    if inputs[0].shape.rank == 3 {
      try setOutput(0, .int32, [rows.count / 3, 3])
    } else {
      try setOutput(0, .int32, [rows.count / 3])
    }
  }

  private func box(_ batch: Int, _ i: Int, n: Int) -> Box {
    let p = inputs[0].floats + (batch * n + i) * 4
    if isCentered {
      return Box(top: p[1] - p[3] / 2, left: p[0] - p[2] / 2, bottom: p[1] + p[3] / 2, right: p[0] + p[2] / 2)
    }
    return Box(top: min(p[0], p[2]), left: min(p[1], p[3]), bottom: max(p[0], p[2]), right: max(p[1], p[3]))
  }

  /// Appends the results of one class; there are fewer than `limit` rows.
  private func select(_ batch: Int, _ kind: Int, classes: Int, n: Int, limit: Int) {
    let start = (batch * classes + kind) * n
    let scores = inputs[1].floats + start
    let (overlap, smallest) = (threshold(3), threshold(4))
    var candidates = 0
    for i in 0..<n where scores[i] > smallest { candidates += 1 }
    if candidates == 0 { return }
    var order = [Int32](repeating: 0, count: candidates)
    order.withUnsafeMutableBufferPointer {
      if let p = $0.baseAddress {
        selectBest(NumberList(inputs[1]), start: start, stride: 1, n: n, k: candidates, smallest: false, into: p)
      }
    }
    var kept = [Box]()
    for i in order {
      if rows.count >= limit * 3 { return }
      let candidate = box(batch, Int(i), n: n)
      var isFree = true
      for other in kept {
        let common = candidate.intersection(other)
        if common > 0 && common / (candidate.area + other.area - common) > overlap {
          isFree = false
          break
        }
      }
      if !isFree { continue }
      kept.append(candidate)
      rows.append(Int32(truncatingIfNeeded: batch))
      rows.append(Int32(truncatingIfNeeded: kind))
      rows.append(i)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, outputs[0].data != nil else { return }
    let y = outputs[0].pointer(Int32.self)
    let isFull = inputs[0].shape.rank == 3
    var i = 0
    while i < (isFull ? rows.count : rows.count / 3) {
      y[i] = isFull ? rows[i] : rows[i * 3 + 2]
      i += 1
    }
  }
}
