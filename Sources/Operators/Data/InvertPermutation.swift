import Graph

// Attributes: none.

/// y[x[i]] = i for a list of int32.
final class InvertPermutationOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .int32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 1...1)
    try setOutput(0, .int32, inputs[0].shape.dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    guard n > 0, let data = outputs[0].data, inputs[0].data != nil else { return }
    let x = IndexList(inputs[0])
    let y = data.assumingMemoryBound(to: Int32.self)
    var i = 0
    while i < n {
      y[i] = -1
      i += 1
    }
    i = 0
    while i < n {
      let p = x[i]
      if p < 0 || p >= n || y[p] >= 0 {
        throw EngineError(.error, "entry \(i) is \(p); a permutation has every number below \(n) once")
      }
      y[p] = Int32(truncatingIfNeeded: i)
      i += 1
    }
  }
}
