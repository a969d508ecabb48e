import Graph

// Custom ShapeFusion. Inputs: x, of which only the shape counts; for each output a constant float32 matrix [n, rank + 1], or one
// row [rank + 1] for a scalar.

/// Arithmetic on a shape: output i, int32, is the matrix times the dimensions of x plus the last column, each product cut to
/// an integer.
final class ShapeFusionOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...Int.max)
    try requireOutputs(inputs.count - 1...inputs.count - 1)
    for i in 1..<inputs.count { try requireType(i, .float32) }
  }

  override var needsShapesOnly: Bool {
    for i in 1..<inputs.count where !inputs[i].hasKnownValue { return false }
    return true
  }

  override func infer() throws(EngineError) {
    let columns = inputs[0].shape.rank + 1
    for i in outputs.indices {
      let matrix = inputs[i + 1].shape
      try requireRank(i + 1, 1...2)
      if matrix[matrix.rank - 1] != columns {
        throw EngineError(.inferError, "input \(i + 1) (\(inputs[i + 1])) must have \(columns) columns")
      }
      try setOutput(i, .int32, matrix.rank == 1 ? [] : [matrix[0]])
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let dims = inputs[0].shape.dims
    for i in outputs.indices {
      guard outputs[i].count > 0, inputs[i + 1].data != nil else { continue }
      let y = outputs[i].pointer(Int32.self)
      var matrix = inputs[i + 1].floats
      for row in 0..<outputs[i].count {
        var sum: Int32 = 0
        for d in dims {
          sum = sum &+ saturated(Double(Float(d) * matrix.pointee), Int32.self)
          matrix += 1
        }
        y[row] = sum &+ saturated(Double(matrix.pointee), Int32.self)
        matrix += 1
      }
    }
  }
}
