import CSystem
import Graph

// Attributes: none. Inputs: indices [n, rank] int32 or int64, values [n], dense shape, value for empty rows.

/// TensorFlow's SparseFillEmptyRows. Outputs: indices and values with one entry more for every row that had none, ordered by
/// row; which rows were empty (bool); for every entry of the input its place in the output (int32; may be missing). The number
/// of entries is known when the inputs' values are.
final class SparseFillEmptyRowsOperator: Operator {
  /// Where each row's entries begin in the output, and its end.
  private var starts: [Int32] = []

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(4...4)
    try requireOutputs(3...4)
    try requireIndices(0)
    try requireFixedSize(1)
    try requireIndices(2)
    try requireSameType(1, 3)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    let n = inputs[0].shape[0], rank = inputs[0].shape[1]
    if inputs[1].count != n || rank == 0 || inputs[3].count == 0 || n > 1 << 28 {
      throw EngineError(
        .inferError,
        "indices (\(inputs[0])) and values (\(inputs[1])) must have the shapes [n, rank] and [n], and the default (\(inputs[3])) one element")
    }
    for input in inputs where !input.hasKnownValue { throw EngineError.deferred }
    let rows = try requireScalar(2)
    if rows < 0 || rows > 1 << 26 { throw EngineError(.inferError, "the dense shape (\(inputs[2])) begins with \(rows) rows") }
    starts = [Int32](repeating: 0, count: rows + 1)
    if n > 0 {
      let indices = IndexList(inputs[0])
      for i in 0..<n {
        let row = indices[i * rank]
        if row < 0 || row >= rows { throw EngineError(.error, "entry \(i) lies in row \(row); there are \(rows)") }
        starts[row + 1] += 1
      }
    }
    for row in 0..<rows { starts[row + 1] = starts[row] + max(starts[row + 1], 1) }
    let total = Int(starts[rows])
    try setOutput(0, inputs[0].type, [total, rank])
    try setOutput(1, inputs[1].type, [total])
    try setOutput(2, .bool, [rows])
    if outputs.count == 4 { try setOutput(3, .int32, [n]) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { workspaceBytes = starts.count * 4 }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let rows = starts.count - 1, n = inputs[0].shape[0], rank = inputs[0].shape[1]
    guard rows > 0, let y = outputs[0].data, let values = outputs[1].data, let empty = outputs[2].data else { return }
    let size = inputs[0].type.size, valueSize = inputs[1].type.size
    let filled = context.workspace.assumingMemoryBound(to: Int32.self)
    for row in 0..<rows { filled[row] = starts[row] }
    let map = outputs.count == 4 ? outputs[3].data?.assumingMemoryBound(to: Int32.self) : nil
    if n > 0, let x = inputs[0].data, let source = inputs[1].data {
      let indices = IndexList(inputs[0])
      for i in 0..<n {
        let row = indices[i * rank], at = Int(filled[row])
        filled[row] += 1
        memcpy(y + at * rank * size, x + i * rank * size, rank * size)
        memcpy(values + at * valueSize, source + i * valueSize, valueSize)
        map?[i] = Int32(truncatingIfNeeded: at)
      }
    }
    guard let filler = inputs[3].data else { return }
    for row in 0..<rows {
      let isEmpty = filled[row] == starts[row]
      empty.storeBytes(of: isEmpty ? 1 : 0, toByteOffset: row, as: UInt8.self)
      if !isEmpty { continue }
      let at = Int(starts[row])
      memset(y + at * rank * size, 0, rank * size)
      if size == 4 {
        y.storeBytes(of: Int32(truncatingIfNeeded: row), toByteOffset: at * rank * 4, as: Int32.self)
      } else {
        y.storeBytes(of: Int64(row), toByteOffset: at * rank * 8, as: Int64.self)
      }
      memcpy(values + at * valueSize, filler, valueSize)
    }
  }
}
