import Graph

/// Checks on the whole model that need no tensor's contents: all indices of the lists at its top and of its nodes are in range
/// afterwards.
enum ModelChecks {
  static func check(_ model: ModelRecord) throws(EngineError) {
    if model.inputs.isEmpty { throw EngineError(.error, "the model has no inputs") }
    if model.outputs.isEmpty { throw EngineError(.error, "the model has no outputs") }
    try checkIndices(model.inputs, model, "the model's inputs")
    try checkIndices(model.outputs, model, "the model's outputs")
    if model.inputs == model.outputs { throw EngineError(.error, "the model's inputs are its outputs") }
    if model.subgraphs.isEmpty { throw EngineError(.error, "the model has an empty list of subgraphs") }
    if model.subgraphs[0].inputs.isEmpty { throw EngineError(.error, "the main graph has no inputs") }
    if model.subgraphs[0].outputs.isEmpty { throw EngineError(.error, "the main graph has no outputs") }
    if model.outputs.count == 1 && model.subgraphs[0].outputs.count != 1 {
      throw EngineError(.error, "the model has one output and its main graph \(model.subgraphs[0].outputs.count)")
    }
    try checkMembership(model)
    for i in 0..<model.nodes.count { try check(model.nodes[i], i, model) }
  }

  private static func checkIndices(_ list: [UInt32], _ model: ModelRecord, _ place: @autoclosure () -> String) throws(EngineError) {
    for index in list where index >= UInt32(truncatingIfNeeded: model.tensors.count) {
      throw EngineError(.error, "\(place()): there is no tensor \(index); the model has \(model.tensors.count)")
    }
  }

  /// Every input and output of the model is one of some subgraph.
  private static func checkMembership(_ model: ModelRecord) throws(EngineError) {
    var isInput = [Bool](repeating: false, count: model.tensors.count)
    var isOutput = isInput
    for i in 0..<model.subgraphs.count {
      try checkIndices(model.subgraphs[i].inputs, model, "subgraph \(i), inputs")
      try checkIndices(model.subgraphs[i].outputs, model, "subgraph \(i), outputs")
      for index in model.subgraphs[i].inputs { isInput[Int(index)] = true }
      for index in model.subgraphs[i].outputs { isOutput[Int(index)] = true }
    }
    for index in model.inputs where !isInput[Int(index)] {
      throw EngineError(.error, "the model's input, \(model.tensors[Int(index)].text(Int(index))), is an input of no subgraph")
    }
    for index in model.outputs where !isOutput[Int(index)] {
      throw EngineError(.error, "the model's output, \(model.tensors[Int(index)].text(Int(index))), is an output of no subgraph")
    }
  }

  private static func check(_ node: NodeRecord, _ index: Int, _ model: ModelRecord) throws(EngineError) {
    // Made for a refusal only: a model has hundreds of nodes.
    var place: String { text(node, index) }
    if node.kind == .genOP {
      throw EngineError(.error, "\(place): GenOP stands for an operator that obfuscation has hidden; use the model as it was before that step")
    }
    if let name = V0Conversion.lostOperator(node.kind) {
      throw EngineError(
        .notSupported,
        "\(place): the operator \(name) of the old file format has no counterpart; convert the model again with release 1.1 or newer")
    }
    if node.quantType < 0 || node.quantType > 6 {
      throw EngineError(.error, "\(place): quantisation type \(node.quantType) is none of 0...6")
    }
    try checkIndices(node.inputs, model, "\(place), inputs")
    try checkIndices(node.outputs, model, "\(place), outputs")
  }

  /// node 3 Conv2DFusion "conv1" at byte 1234
  static func text(_ node: NodeRecord, _ index: Int) -> String {
    "node \(index) \(node.kind.name) \"\(node.name)\" at byte \(node.position)"
  }
}
