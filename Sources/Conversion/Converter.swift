import ConverterCore
import ConverterPasses
import Foundation
import Graph
import ImportCaffe
import ImportMindIR
import ImportONNX
import ImportTFLite
import ImportTensorFlow
import ModelFile
import Quantization

/// The converter: from a file of a source framework to a `.ms` file.
public enum Converter {
  /// Reads the source model. The graphs are as the importer made them: nothing is optimised, and every tensor has the layout and, where
  /// it has one, the name of the source. Problems are in the report; what makes the file unreadable as a whole is thrown.
  public static func importModel(_ options: ConversionOptions, _ report: Report) throws(EngineError) -> ModelBuilder {
    switch options.format {
    case .tf: return try load(.tensorFlow, options, report, TensorFlowImporter.load)
    case .tflite: return try load(.tfLite, options, report, TFLiteImporter.load)
    case .caffe: return try load(.caffe, options, report, CaffeImporter.load)
    case .mindir: return try load(.mindSpore, options, report, MindIRImporter.load)
    case .onnx: return try load(.onnx, options, report, ONNXImporter.load)
    }
  }

  private static func load(
    _ framework: Framework, _ options: ConversionOptions, _ report: Report, _ importer: (ModelBuilder) throws(EngineError) -> Void
  ) throws(EngineError) -> ModelBuilder {
    let model = ModelBuilder(framework, options: options.input, report: report)
    try importer(model)
    return model
  }

  /// Imports, rewrites and quantises. nil when the report has problems.
  public static func prepare(_ options: ConversionOptions, _ report: Report) throws(EngineError) -> ModelBuilder? {
    let model = try importModel(options, report)
    guard report.problems.isEmpty else { return nil }
    var passes = PassOptions()
    passes.optimise = options.optimise
    passes.inputFormat = options.inputFormat
    passes.outputFormat = options.outputFormat
    try PassPipeline.run(model, passes)
    try Quantizer.run(model, options.config)
    return model
  }

  /// Writes the graphs of a prepared model.
  public static func write(_ model: ModelBuilder, _ options: ConversionOptions) throws(EngineError) {
    let graphs = model.graphs.map { $0.graph }
    let bytes = ModelWriter.write(graphs, version: "1.0.0", framework: model.framework.rawValue)
    do {
      try Data(bytes).write(to: URL(fileURLWithPath: options.outputFile), options: .atomic)
    } catch { throw EngineError(.error, Message(text: "\(options.outputFile): \(error.localizedDescription)")) }
  }
}
