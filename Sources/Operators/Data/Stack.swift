import Graph

// Attributes: 0 axis: int, 0; negative counts from the end of the output's axes.

/// Joins tensors of the same shape along a new axis.
final class StackOperator: MoveOperator {
  private let axis: Int

  override init(_ node: Node) throws(EngineError) {
    axis = node.attributes.int(0, 0)
    try super.init(node)
    if inputs.isEmpty { throw EngineError(.error, "has no inputs; at least 1 is needed") }
    try requireOutputs(1...1)
    try requireFixedSize(0)
    var i = 1
    while i < inputs.count {
      try requireSameType(0, i)
      i += 1
    }
  }

  private func newAxis() throws(EngineError) -> Int {
    let rank = inputs[0].shape.rank
    let a = axis < 0 ? axis + rank + 1 : axis
    if a < 0 || a > rank {
      throw EngineError(.inferError, "axis \(axis) lies outside the output of \(rank + 1) dimensions")
    }
    return a
  }

  override func infer() throws(EngineError) {
    let a = try newAxis()
    var i = 1
    while i < inputs.count {
      if inputs[i].shape != inputs[0].shape {
        throw EngineError(.inferError, "inputs 0 (\(inputs[0])) and \(i) (\(inputs[i])) must have the same shape")
      }
      i += 1
    }
    var dims = inputs[0].shape.dims
    dims.insert(inputs.count, at: a)
    try setOutput(0, inputs[0].type, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let a = try newAxis()
    let shape = inputs[0].shape
    let outer = shape.span(0..<a)
    let inner = shape.span(a..<shape.rank)
    moves = []
    var i = 0
    while i < inputs.count {
      moves.append(
        Move(
          input: i, output: 0,
          copy: StridedCopy(
            counts: [outer, inner], from: [inner, 1], to: [inputs.count &* inner, 1], elementSize: inputs[0].type.size,
            toOffset: i &* inner)))
      i += 1
    }
  }
}
