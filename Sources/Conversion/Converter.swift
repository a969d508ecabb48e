import ConverterCore
import ConverterPasses
import Differentiation
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
    case .mslite: return try load(.msLite, options, report, MSLiteImporter.load)
    case .onnx: return try load(.onnx, options, report, ONNXImporter.load)
    case .thirdParty:
      let config = options.config
      return try load(.thirdParty, options, report) { model throws(EngineError) in try ThirdPartyModel.load(model, config) }
    }
  }

  private static func load(
    _ framework: Framework, _ options: ConversionOptions, _ report: Report, _ importer: (ModelBuilder) throws(EngineError) -> Void
  ) throws(EngineError) -> ModelBuilder {
    let model = ModelBuilder(framework, options: options.input, report: report)
    try importer(model)
    return model
  }

  /// Looks for everything that keeps the model from being converted; it is in the report afterwards.
  public static func check(_ options: ConversionOptions, _ report: Report) throws(EngineError) {
    _ = try prepare(options, report)
  }

  /// Converts the model and writes ``ConversionOptions/outputFile``, which appears complete or not at all. nil, and nothing
  /// written, when the report has problems.
  public static func convert(_ options: ConversionOptions, _ report: Report) throws(EngineError) -> ConversionSummary? {
    let start = DispatchTime.now().uptimeNanoseconds
    guard let model = try prepare(options, report) else { return nil }
    report.onProgress("writing \(options.outputFile)")
    try write(model, options)
    var summary = ConversionSummary(model, options)
    summary.seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    return summary
  }

  /// Imports, rewrites and quantises. nil when the report has problems.
  static func prepare(_ options: ConversionOptions, _ report: Report) throws(EngineError) -> ModelBuilder? {
    report.onProgress("reading \(options.input.modelFile)")
    let model = try importModel(options, report)
    for name in options.input.inputShapes.keys.sorted() where !model.main.graph.inputs.contains(where: { $0.name == name }) {
      let names = model.main.graph.inputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
      report.add(EngineError(.inputParameterInvalid, "--inputShape: the model has no input \"\(name)\"; its inputs are \(names)"))
    }
    guard report.problems.isEmpty else { return nil }
    report.onProgress("optimising \(report.sourceNodes) nodes")
    var passes = PassOptions()
    passes.optimise = options.optimise
    passes.inputFormat = options.inputFormat
    passes.outputFormat = options.outputFormat
    if try options.config.bool("registry", "disable_fusion", default: false) {
      passes.optimise = false
    } else {
      passes.disabledFusions = Set(options.config.list("registry", "fusion_blacklists"))
    }
    if let plugins = options.config.string("registry", "plugin_path"), !plugins.isEmpty {
      report.warn("plugin_path is ignored: plug-ins of the original converter cannot be loaded")
    }
    try PassPipeline.run(model, passes)
    if let training = options.training {
      report.onProgress("differentiating")
      try TrainingModel.make(model, training) { nodes, results throws(EngineError) in
        try PassPipeline.fuse(nodes, results: results, of: model, passes)
      }
    }
    report.onProgress("quantising")
    try Quantizer.run(model, options.config)
    if options.halfWeights { try HalfWeights.run(model) }
    if !options.input.training && options.training == nil { try BoundaryTypes.apply(model.main, input: options.inputType, output: options.outputType) }
    TransposeLabels.run(model)
    PassThrough.run(model)
    Continuations.run(model)
    // What has been added since the import may have found no memory.
    guard report.problems.isEmpty else { return nil }
    return model
  }

  /// Writes the graphs of a prepared model: to a temporary file beside the target, which then takes its place.
  static func write(_ model: ModelBuilder, _ options: ConversionOptions) throws(EngineError) {
    let content = ModelContent(
      graphs: model.graphs.map { $0.graph }, framework: model.framework.rawValue, packing: model.packedForm)
    if options.encryptKey.isEmpty { return try ModelWriter.save(content, path: options.outputFile) }
    try ModelEncryption.save(content, path: options.outputFile, key: options.encryptKey)
  }
}
