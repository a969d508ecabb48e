import ConverterCore
import Graph
import ModelFile
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
      for (i, tensor) in graph.inputs.enumerated() {
        if let dims = model.options.inputShapes[tensor.name], graph === model.main.graph { graph.inputs[i].shape = Shape(dims) }
      }
      for tensor in graph.tensors where !tensor.isConstant { builder.declare(tensor, tensor.shape.dims) }
      model.report.sourceNodes += graph.nodes.count
    }
  }
}
