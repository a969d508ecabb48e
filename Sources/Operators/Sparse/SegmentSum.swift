import CSystem
import Graph

// SparseSegmentSum. Attributes: none. Inputs: x [rows, ...] float32 or int32, row numbers [m], segments [m] that do not descend.
// UnsortedSegmentSum. Attributes: none. Inputs: x, segments of the shape of x's first axes, number of segments.

/// Sums of rows by segment: y [segments, ...]. SparseSegmentSum adds the rows that the numbers name and has as many segments as
/// the last entry says; UnsortedSegmentSum adds every row to its segment, none when that lies outside. Segments without rows
/// are 0. Sums are formed in the rows' order.
final class SegmentSumOperator: Operator {
  private let picksRows: Bool
  private var width = 0

  override init(_ node: Node) throws(EngineError) {
    picksRows = node.kind == .sparseSegmentSum
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireType(0, .float32, .int32)
    try requireIndices(1)
    try requireIndices(2)
  }

  private var segments: Int { picksRows ? 2 : 1 }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape, ids = inputs[segments].shape
    var count = 0
    if picksRows {
      try requireRank(0, 1...Shape.maximumRank)
      if inputs[1].count != inputs[2].count {
        throw EngineError(.inferError, "row numbers (\(inputs[1])) and segments (\(inputs[2])) must be equally many")
      }
      guard inputs[2].hasKnownValue else { throw EngineError.deferred }
      let m = inputs[2].count
      count = m == 0 ? 0 : IndexList(inputs[2])[m - 1] &+ 1
      width = x.span(1..<x.rank)
      // More segments than rows are legal, but not at any size.
      guard count >= 0, let total = Shape([count] + x.dims[1...]).checkedCount, count <= m || total <= 1 << 28 else {
        throw EngineError(.inferError, "the segments (\(inputs[2])) end with \(count - 1)")
      }
      try setOutput(0, inputs[0].type, [count] + x.dims[1...])
    } else {
      guard ids.rank <= x.rank && Shape([Int](x.dims[0..<ids.rank])) == ids else {
        throw EngineError(.inferError, "the segments (\(inputs[1])) must have the shape of the first axes of \(inputs[0])")
      }
      count = try requireScalar(2)
      width = x.span(ids.rank..<x.rank)
      try setOutput(0, inputs[0].type, [count] + x.dims[ids.rank...])
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let y = outputs[0].data else { return }
    memset(y, 0, outputs[0].byteCount)
    let m = inputs[segments].count, count = outputs[0].shape[0]
    guard m > 0, let x = inputs[0].data else { return }
    let ids = IndexList(inputs[segments]), numbers = IndexList(inputs[1])
    let isFloat = inputs[0].type == .float32
    var last = 0
    for i in 0..<m {
      let id = ids[i]
      var row = i
      if picksRows {
        row = numbers[i]
        if id < last || id >= count {
          throw EngineError(.error, "segment \(id) follows segment \(last); segments must not descend or be negative")
        }
        if row < 0 || row >= inputs[0].shape[0] {
          throw EngineError(.error, "row \(row) lies outside \(inputs[0])")
        }
        last = id
      } else if id < 0 || id >= count {
        continue
      }
      let from = x + row * width * 4, to = y + id * width * 4
      if isFloat {
        let a = from.assumingMemoryBound(to: Float.self), b = to.assumingMemoryBound(to: Float.self)
        for j in 0..<width { b[j] += a[j] }
      } else {
        let a = from.assumingMemoryBound(to: Int32.self), b = to.assumingMemoryBound(to: Int32.self)
        for j in 0..<width { b[j] = b[j] &+ a[j] }
      }
    }
  }
}
