import ConverterCore
import Graph

/// The graph of an attribute, imported as a graph of its own.
final class Subgraph {
  let graph: GraphBuilder
  let scope: ONNXScope
  let inputs: [Tensor]
  let outputs: [Tensor]
  private let names: [String]

  /// Imports `proto` as a new graph. `inputs`: type and shape of each input.
  init(_ node: ONNXNode, _ proto: Onnx_GraphProto, _ what: String, inputs shapes: [ValueInfos.Value]) throws(EngineError) {
    let outer = node.scope
    let graph = outer.graph.model.addGraph("\(node.name)_\(what)", parent: outer.graph)
    let scope = try ONNXScope(graph, outer.importer, parent: outer, opsets: outer.opsets, depth: outer.innerDepth(), attributes: outer.attributes)
    scope.addInitializers(of: proto)
    var inputs = [Tensor]()
    for (info, value) in zip(proto.input, shapes) {
      let tensor = graph.input("\(node.name)/\(info.name)", value.type, value.dims)
      scope.bindOperand(info.name, tensor)
      inputs.append(tensor)
    }
    try outer.importer.addNodes(proto.node, scope, ValueInfos(proto))
    var outputs = [Tensor]()
    for output in proto.output { outputs.append(try scope.value(output.name)) }
    self.graph = graph
    self.scope = scope
    self.inputs = inputs
    self.outputs = outputs
    names = proto.output.map(\.name)
  }

  /// Values of the graph around it that it reads; it has an input for each, after its own.
  var captures: [Tensor] { scope.captures }

  /// Sets the graph's outputs.
  func finish(_ outputs: [Tensor]) throws(EngineError) {
    try graph.setOutputs(outputs, names: outputs.indices.map { "\(graph.graph.name)/\($0 < names.count ? names[$0] : "value \($0)")" })
  }

  /// Adds the nodes of `proto` to the graph that `node` stands in, and returns the values of its outputs.
  static func inline(_ node: ONNXNode, _ proto: Onnx_GraphProto, _ inputs: [Tensor]) throws(EngineError) -> [Tensor] {
    let outer = node.scope
    let scope = try ONNXScope(
      outer.graph, outer.importer, parent: outer, opsets: outer.opsets, depth: outer.innerDepth(), attributes: outer.attributes)
    scope.addInitializers(of: proto)
    guard inputs.count == proto.input.count else {
      throw EngineError(.formatError, "its body has \(proto.input.count) inputs; \(inputs.count) are given")
    }
    for (info, tensor) in zip(proto.input, inputs) { scope.bindOperand(info.name, tensor) }
    try outer.importer.addNodes(proto.node, scope, ValueInfos())
    var outputs = [Tensor]()
    for output in proto.output { outputs.append(try scope.value(output.name)) }
    return outputs
  }
}
