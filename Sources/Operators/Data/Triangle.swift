import CSystem
import Graph
import System

// Triu, Tril. Attributes: none. Inputs: x [, diagonal: int32 or int64 scalar, 0].

/// Keeps the entries of each matrix (the last two axes) on and above (Triu) or below (Tril) a diagonal; the others become zero.
final class TriangleOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    if inputs.count == 2 {
      try requireIndices(1)
      if inputs[1].shape.checkedCount == 0 { throw EngineError(.inferError, "input 1 (\(inputs[1])) must hold a number") }
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...Shape.maximumRank)
    try setOutput(0, inputs[0].type, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let x = inputs[0].data, let y = output.data else { return }
    let rank = output.shape.rank
    let (rows, columns) = (output.shape[rank - 2], output.shape[rank - 1])
    var diagonal = inputs.count == 2 && inputs[1].data != nil ? IndexList(inputs[1])[0] : 0
    diagonal = max(-rows, min(diagonal, columns))
    context.parallelRows(
      output.count / columns, elements: columns,
      Job(
        x: UnsafeRawPointer(x), y: y, rows: rows, columns: columns, size: output.type.size, diagonal: diagonal,
        upper: node.kind == .triu))
  }

  /// One row: zeros and copied entries meet at a column.
  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let rows: Int, columns: Int, size: Int, diagonal: Int
    let upper: Bool
    func run(_ index: Int, worker: Int) {
      let row = index % rows
      // Entries before `split` are zero (upper) or kept (lower).
      let split = max(0, min(columns, row + diagonal + (upper ? 0 : 1)))
      let start = index * columns * size
      let (kept, cleared) = upper ? (split..<columns, 0..<split) : (0..<split, split..<columns)
      if x != UnsafeRawPointer(y) {
        memcpy(y + start + kept.lowerBound * size, x + start + kept.lowerBound * size, kept.count * size)
      }
      memset(y + start + cleared.lowerBound * size, 0, cleared.count * size)
    }
  }
}
