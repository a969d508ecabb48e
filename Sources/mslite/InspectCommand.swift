import ArgumentParser
import Foundation
import Graph
import ModelTools

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Shows what is in a model, .ms or of a source framework.",
    discussion: "Exit code 0: the engine accepts the model; 1: it does not; 2: the file cannot be read; 64: wrong arguments.")

  @Argument(help: "The model: .ms, .tflite, .onnx, .pb, .prototxt or .mindir.")
  var model: String
  @OptionGroup var options: ModelOptions
  @Option(help: "text or json.")
  var format = OutputFormat.text
  @Flag(help: "Leave the list of nodes out of the text.")
  var summary = false
  @Flag(help: "List every constant in the text.")
  var weights = false
  @Option(help: "Draw the graph to a file: .svg or .dot (may be given twice).")
  var graph: [String] = []

  func run() throws {
    do throws(EngineError) {
      guard try report() else { throw EngineError(.error, "") }
    } catch {
      if error.message.isEmpty { throw Ending.different }
      throw Ending.code(for: error, "inspect")
    }
  }

  /// Whether the engine accepts the model.
  private func report() throws(EngineError) -> Bool {
    for path in graph where !path.hasSuffix(".svg") && !path.hasSuffix(".dot") {
      throw EngineError(.inputParameterInvalid, "--graph \(path): expected a name that ends with .svg or .dot")
    }
    var request = try options.request(model)
    let given = try ShapeText.parse(options.inputShape ?? "")
    request.inputShapes = given.filter { !$0.key.isEmpty }
    var loaded = try LoadedModel.load(request)
    let shapes = try ShapeText.named(given, inputs: loaded.main.inputs.map { $0.name })
    if loaded.isSource && given[""] != nil {
      request.inputShapes = shapes
      loaded = try LoadedModel.load(request)
    }
    let inspection = try Inspection.inspect(loaded, shapes: shapes)
    switch format {
    case .text:
      var detail = Inspection.Detail()
      detail.nodes = !summary
      detail.weights = weights
      print(inspection.text(detail), terminator: "")
    case .json: print(inspection.json().text())
    }
    for path in graph { try OutputFile.write(inspection.picture(for: path), to: path) }
    return inspection.problems.isEmpty
  }
}
