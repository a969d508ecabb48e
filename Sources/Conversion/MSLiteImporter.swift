import ConverterCore
import ConverterPasses
import Graph
import ModelFile
import Operators
import System

/// Takes a `.ms` file as the source: to quantise it, to optimise it again, or to bring an old one to the current schema.
enum MSLiteImporter {
  /// The file's graphs as they are; compressed and quantised weights come as the numbers they stand for.
  static func load(_ model: ModelBuilder) throws(EngineError) {
    let path = model.options.modelFile
    let file = try InputFile.open(path)
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let directory = slash.map { [UInt8](path.utf8[...$0]) } ?? [UInt8(ascii: ".")]
    let description: ModelDescription
    do throws(EngineError) {
      description = try ModelReader.read(file.bytes, owner: file, copyConstants: false, directory: directory)
    } catch { throw error.adding(path) }
    for source in description.graphs {
      let builder = model.addGraph(source.name)
      let graph = builder.graph
      for tensor in source.tensors { graph.addTensor(tensor) }
      graph.nodes = source.nodes
      graph.inputs = source.inputs
      graph.outputs = source.outputs
      if graph === model.main.graph {
        for input in graph.inputs {
          if let dims = model.options.inputShapes[input.name] { input.shape = Shape(dims) }
          if let batch = model.options.batch { builder.setBatch(batch, of: input) }
        }
        if model.options.batch != nil || !model.options.inputShapes.isEmpty { try inferShapes(builder) }
      }
      for tensor in graph.tensors where !tensor.isConstant { builder.declare(tensor, tensor.shape.dims) }
      model.report.sourceNodes += graph.nodes.count
    }
    if model.options.differentiates { separate(model.main) }
  }

  /// The shapes of everything from those of the inputs, where these are known.
  private static func inferShapes(_ builder: GraphBuilder) throws(EngineError) {
    for node in builder.graph.nodes {
      builder.followBatch(node)
      guard node.inputs.allSatisfy({ $0.shape.isKnown }), let factory = Registry.factory(for: node) else { continue }
      do throws(EngineError) { try factory(node).infer() } catch {
        if error.code != .deferred { throw error.adding(node.text) }
      }
    }
  }

  /// Whoever wrote the file may have stored equal weights once. Those that are small are trained apart.
  private static func separate(_ builder: GraphBuilder) {
    var isTaken: Set<ObjectIdentifier> = []
    for node in builder.graph.nodes {
      for (i, t) in node.inputs.enumerated() where t.isConstant && t.type != .int32 && t.count > 1 && t.count <= CommonNodes.constantLimit {
        if !isTaken.insert(ObjectIdentifier(t)).inserted { node.inputs[i] = builder.constant(copying: t) }
      }
    }
  }
}
