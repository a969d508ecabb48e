import ConverterCore
import Foundation
import Graph

/// What a conversion has done, for the user.
public struct ConversionSummary {
  public var sourceNodes = 0
  public var nodes = 0
  /// Number of nodes of each operator, most frequent first.
  public var operators: [(name: String, count: Int)] = []
  public var sourceBytes = 0
  public var bytes = 0
  public var fusions: [(name: String, count: Int)] = []
  public var inputs: [String] = []
  public var outputs: [String] = []
  public var outputFile = ""
  public var seconds = 0.0

  init(_ model: ModelBuilder, _ options: ConversionOptions) {
    sourceNodes = model.report.sourceNodes
    var histogram: [String: Int] = [:]
    for graph in model.graphs {
      for node in graph.graph.nodes { histogram[node.kind.name, default: 0] += 1 }
      nodes += graph.graph.nodes.count
    }
    operators = ConversionSummary.ranked(histogram)
    fusions = ConversionSummary.ranked(model.report.fusions)
    sourceBytes = ConversionSummary.size(options.input.modelFile) + (options.input.weightFile.map(ConversionSummary.size) ?? 0)
    bytes = ConversionSummary.size(options.outputFile)
    inputs = model.main.graph.inputs.map { $0.text }
    outputs = model.main.graph.outputs.map { $0.text }
    outputFile = options.outputFile
  }

  private static func ranked(_ table: [String: Int]) -> [(name: String, count: Int)] {
    table.map { (name: $0.key, count: $0.value) }.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
  }

  private static func size(_ path: String) -> Int {
    ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.intValue ?? 0
  }

  private static func kilobytes(_ bytes: Int) -> String { String(format: "%.1f KiB", Double(bytes) / 1024) }

  public var text: String {
    let list = { (entries: [(name: String, count: Int)]) in entries.map { "\($0.name) \($0.count)" }.joined(separator: ", ") }
    var lines = [
      "\(outputFile): \(ConversionSummary.kilobytes(bytes)) from \(ConversionSummary.kilobytes(sourceBytes)), \(nodes) nodes from \(sourceNodes), \(String(format: "%.2f", seconds)) s",
      "  operators  \(list(operators))",
    ]
    if !fusions.isEmpty { lines.append("  fusions    \(list(fusions))") }
    lines += inputs.map { "  input      \($0)" }
    lines += outputs.map { "  output     \($0)" }
    return lines.joined(separator: "\n")
  }
}
