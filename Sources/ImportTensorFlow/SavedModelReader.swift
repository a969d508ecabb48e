import ConverterCore
import Graph

/// SavedModels: a graph with signatures, and variables in a checkpoint beside it.
enum SavedModelReader {
  static func load(_ proto: Tensorflow_SavedModel, folder: String?, into model: ModelBuilder) throws(EngineError) {
    guard let meta = proto.metaGraphs.first(where: { $0.metaInfoDef.tags.contains("serve") }) ?? proto.metaGraphs.first else {
      throw EngineError(.graphFileError, "not a SavedModel: it has no graph")
    }
    let signatures = meta.signatureDef.filter { $0.key != "__saved_model_init_op" && !$0.value.outputs.isEmpty }
    let names = signatures.keys.sorted()
    guard let name = names.contains("serving_default") ? "serving_default" : names.first, let signature = signatures[name] else {
      throw EngineError(.notSupported, "the SavedModel has no signature; freeze its graph and convert that")
    }
    if names.count > 1 { model.report.warn("of the signatures \(names.joined(separator: ", ")) only \(name) is converted") }
    let graph = meta.graphDef
    let run = TensorFlowImport(model, graph.library, nodes: graph.node.count)
    if let folder { run.checkpoint = Checkpoint(prefix: folder + "/variables/variables") }
    let table = try run.makeTable(graph.node)
    var inputs = [(name: String, node: String)]()
    for key in signature.inputs.keys.sorted() {
      guard let info = signature.inputs[key] else { continue }
      let node = try table.parse(info.name).node
      guard let found = table[node] else { throw EngineError(.formatError, "input \"\(key)\": no node is named \"\(node)\"") }
      guard GraphInputs.isInput(found) else { throw EngineError(.notSupported, "input \"\(key)\" is no placeholder but \(found.op)") }
      inputs.append((name: key, node: node))
    }
    var outputs = [(name: String, source: String)]()
    for key in signature.outputs.keys.sorted() {
      guard let info = signature.outputs[key] else { continue }
      outputs.append((name: key, source: info.name))
    }
    try TensorFlowImporter.build(run, table, inputs: inputs, outputs: outputs)
  }
}
