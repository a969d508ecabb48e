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

// Dropout. Attributes: 0 keep_prob: float, 0.5; used in training only.

/// Its input: nothing is dropped when a model is only run. The mask, when the node has one, keeps everything.
final class DropoutOperator: ViewOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...2)
    try requireType(0, .float32, .float16)
  }

  override func infer() throws(EngineError) {
    var i = 0
    while i < outputs.count {
      try setOutput(i, inputs[0].type, inputs[0].shape.dims)
      i += 1
    }
  }

  override func runOthers(_ context: ExecutionContext) {
    if outputs.count == 2, let one = outputs[1].type.bits(of: 1) {
      fillElements(context, outputs[1].data, outputs[1].count, elementSize: outputs[1].type.size, bits: one)
    }
  }
}
