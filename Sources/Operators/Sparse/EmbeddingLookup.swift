import CSystem
import Graph
import System

// Attributes: 0 max_norm: float, 0 = rows stay as they are. Inputs: one or more tables float32 of equal row shapes, row numbers
// int32 or int64.

/// Rows of the tables, which count as one table: y [numbers' axes, row's axes], float32. With max_norm each row is multiplied
/// with max_norm / (sum of the row), unless that sum is 0; the original uses the sum there, not the norm.
final class EmbeddingLookupOperator: Operator {
  private let norm: Float
  private var width = 0

  override init(_ node: Node) throws(EngineError) {
    norm = node.attributes.float(0, 0)
    try super.init(node)
    try requireInputs(2...Int.max)
    try requireOutputs(1...1)
    for i in 0..<inputs.count - 1 { try requireType(i, .float32) }
    try requireIndices(inputs.count - 1)
  }

  private var numbers: Tensor { inputs[inputs.count - 1] }

  override func infer() throws(EngineError) {
    var row = [Int]()
    for i in 0..<inputs.count - 1 {
      try requireRank(i, 1...Shape.maximumRank)
      let dims = [Int](inputs[i].shape.dims[1...])
      if i > 0 && dims != row {
        throw EngineError(.inferError, "input \(i) (\(inputs[i])) must have rows like those of input 0 (\(inputs[0]))")
      }
      row = dims
    }
    width = Shape(row).count
    try setOutput(0, .float32, numbers.shape.dims + row)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, var y = outputs[0].data?.assumingMemoryBound(to: Float.self) else { return }
    let list = IndexList(numbers)
    for i in 0..<numbers.count {
      var row = list[i], table = 0
      while row >= 0 && table < inputs.count - 1 && row >= inputs[table].shape[0] {
        row -= inputs[table].shape[0]
        table += 1
      }
      if row < 0 || table == inputs.count - 1 {
        throw EngineError(.error, "row number \(list[i]) lies outside the tables")
      }
      let x = inputs[table].floats + row * width
      var sum: Float = 0
      if norm != 0 { for j in 0..<width { sum += x[j] } }
      let factor = sum != 0 ? norm / sum : 1
      for j in 0..<width { y[j] = sum != 0 ? x[j] * factor : x[j] }
      y += width
    }
  }
}
