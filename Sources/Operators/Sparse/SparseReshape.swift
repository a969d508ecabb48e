import Graph

// Attributes: none. Inputs: indices [n, rank] int32 or int64, shape [rank], new shape [new rank] with at most one -1.

/// TensorFlow's SparseReshape: the entries' indices in the new shape [n, new rank], and the new shape without -1.
final class SparseReshapeOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(2...2)
    for i in 0..<3 { try requireIndices(i) }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    if inputs[1].count != inputs[0].shape[1] {
      throw EngineError(.inferError, "the shape (\(inputs[1])) must have one entry for each column of the indices (\(inputs[0]))")
    }
    try setOutput(0, inputs[0].type, [inputs[0].shape[0], inputs[2].count])
    try setOutput(1, inputs[2].type, [inputs[2].count])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    workspaceBytes = (inputs[1].count + inputs[2].count) * 8
  }

  private func store(_ output: Int, _ at: Int, _ value: Int) {
    guard let y = outputs[output].data else { return }
    if outputs[output].type == .int32 {
      y.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: at * 4, as: Int32.self)
    } else {
      y.storeBytes(of: Int64(value), toByteOffset: at * 8, as: Int64.self)
    }
  }

  /// The product of the entries that are not negative; nil when it is too large.
  private func product(_ index: Int) -> Int? {
    var n = 1
    for i in 0..<inputs[index].count {
      let d = IndexList(inputs[index])[i]
      if d < 0 { continue }
      let (next, overflow) = n.multipliedReportingOverflow(by: d)
      if overflow { return nil }
      n = next
    }
    return n
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let rank = inputs[1].count, newRank = inputs[2].count
    let strides = context.workspace.assumingMemoryBound(to: Int.self), newStrides = strides + rank
    guard let dense = product(1), var size = product(2) else {
      throw EngineError(.error, "the number of elements of the dense tensor is too large")
    }
    var missing = -1
    for i in 0..<newRank where IndexList(inputs[2])[i] < 0 {
      if IndexList(inputs[2])[i] != -1 || missing >= 0 {
        throw EngineError(.error, "entry \(i) of the new shape is \(IndexList(inputs[2])[i]); at most one -1 is accepted")
      }
      missing = i
    }
    let rest = missing >= 0 && size > 0 ? dense / size : 1
    if missing >= 0 { size *= rest }
    for i in 0..<rank where IndexList(inputs[1])[i] < 0 {
      throw EngineError(.error, "entry \(i) of the shape is \(IndexList(inputs[1])[i])")
    }
    if size != dense {
      throw EngineError(.error, "the new shape has \(size) elements in place of \(dense)")
    }
    var step = 1
    var i = newRank - 1
    while i >= 0 {
      let d = i == missing ? rest : IndexList(inputs[2])[i]
      store(1, i, d)
      newStrides[i] = step
      step = step &* d
      i -= 1
    }
    step = 1
    i = rank - 1
    while i >= 0 {
      strides[i] = step
      step = step &* IndexList(inputs[1])[i]
      i -= 1
    }
    if inputs[0].count == 0 || newRank == 0 { return }
    let indices = IndexList(inputs[0])
    for n in 0..<inputs[0].shape[0] {
      var at = 0
      for j in 0..<rank { at = at &+ indices[n * rank + j] &* strides[j] }
      for j in 0..<newRank {
        let stride = newStrides[j]
        store(0, n * newRank + j, stride == 0 ? 0 : at / stride)
        if stride != 0 { at %= stride }
      }
    }
  }
}
