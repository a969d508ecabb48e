import ConverterCore
import Foundation
import Graph

/// Quantises the weights or the whole of an imported and optimised model, as the config file says.
public enum Quantizer {
  public static func run(_ model: ModelBuilder, _ config: ConfigFile) throws(EngineError) {
    let settings = try QuantizationSettings.read(config, model.report)
    if settings.kind == .none { return }
    if model.options.training { throw EngineError(.inputParameterInvalid, "a training model cannot be quantised") }
    checkNames(model, settings)
    var statistics = QuantizationStatistics()
    switch settings.kind {
    case .none: return
    case .weights:
      var quantizer = WeightQuantizer(model, settings)
      try quantizer.run()
      statistics = quantizer.statistics
    case .full:
      var quantizer = FullQuantizer(model, settings)
      try quantizer.run()
      statistics = quantizer.statistics
    case .dynamic:
      var quantizer = DynamicQuantizer(model, settings)
      try quantizer.run()
      statistics = quantizer.statistics
    }
    if let directory = settings.debugDirectory { try save(statistics.csv, in: directory) }
  }

  /// Names that no node has are mistakes.
  private static func checkNames(_ model: ModelBuilder, _ settings: QuantizationSettings) {
    var missing = settings.skipped
    for builder in model.graphs { for node in builder.graph.nodes { missing.remove(node.name) } }
    for name in missing.sorted() { model.report.warn("skip_quant_node: no node is named \"\(name)\" after optimisation") }
  }

  private static func save(_ text: String, in directory: String) throws(EngineError) {
    let path = directory + "/quantization.csv"
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch { throw EngineError(.error, Message(text: "debug_info_save_path: \(path): \(error.localizedDescription)")) }
  }
}
