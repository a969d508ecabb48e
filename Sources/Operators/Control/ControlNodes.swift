import Graph

// PartialFusion. Attributes: 0 sub_graph_index: int, the subgraph that the handle stands for. Inputs: the arguments.
// Switch, SwitchLayer. Attributes: none. Inputs: the condition or index, then the handles.
// Call. Attributes: 0 is_tail_call: bool, true; not needed, the graph shows it. Inputs: a handle, and further arguments.

/// A node that the executor carries out itself: nothing is computed, only the way through the graphs is chosen. Its operator
/// checks the node.
class ControlOperator: Operator {
  override var isPure: Bool { false }

  /// Where a call leads, and so what it gives, is known when the run is there.
  override final func infer() throws(EngineError) { throw EngineError.deferred }

  override final func run(_ context: ExecutionContext) throws(EngineError) {}
}

/// Binds arguments to a subgraph.
final class PartialOperator: ControlOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireOutputs(1...1)
  }
}

/// Chooses one of several handles: Switch the first when the condition holds and the second otherwise, SwitchLayer the one
/// with the index's number.
final class SwitchOperator: ControlOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(node.kind == .switch ? 3...3 : 2...Int(Int32.max))
    try requireOutputs(1...1)
    try requireType(0, .bool, .int8, .uint8, .int32, .int64)
  }
}

/// Runs the subgraph of a handle; its outputs are the subgraph's.
final class CallOperator: ControlOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    if inputs.isEmpty { throw EngineError(.error, "has no inputs; a subgraph's handle is needed") }
  }
}
