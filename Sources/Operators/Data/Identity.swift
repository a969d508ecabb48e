import Graph

// Depend. Attributes: none. Inputs after the first only order the graph.

/// Its first input.
final class DependOperator: ViewOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    if inputs.isEmpty { throw EngineError(.error, "has no inputs; at least 1 is needed") }
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }
}
