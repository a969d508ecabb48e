import Graph

// AllGather. Attributes: 0 group: not used; 1 rank_size: int. ReduceScatter. Attributes: 0 group: not used; 1 mode: ReduceMode, 0;
// 2 rank_size: int.

/// What one process of many does with the others' data. There is one process here: rank_size must be 1, and y = x.
final class CollectiveOperator: ViewOperator {
  override init(_ node: Node) throws(EngineError) {
    let ranks = node.attributes.int(node.kind == .allGather ? 1 : 2, 0)
    try super.init(node)
    if ranks != 1 {
      throw EngineError(.notSupported, "rank_size is \(ranks); 1 is accepted, because the model runs in one process")
    }
    // The mean, greatest, least, product and sum of one value are that value.
    if node.kind == .reduceScatter && node.attributes.int(1, 0) > 4 {
      throw EngineError(.notSupported, "mode \(node.attributes.int(1, 0)); 0 (mean) to 4 (sum) are accepted")
    }
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[0].type, inputs[0].shape.dims) }
}
