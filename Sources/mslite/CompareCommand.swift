import ArgumentParser
import Foundation
import Graph
import ModelTools

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare", abstract: "Runs two models on the same inputs and compares them layer by layer.",
    discussion: "The first model runs node by node as its file has it, the second one optimised. Exit code 0: they agree; 1: they do not; 2: a file cannot be read or run; 64: wrong arguments.")

  @Argument(help: "The original: .tflite, .onnx, .pb, .prototxt, .mindir or .ms.")
  var source: String
  @Argument(help: "The converted model (.ms).")
  var converted: String
  @OptionGroup var options: ModelOptions
  @Option(help: "Input as name=file.npy or name=file.bin (raw elements), in the original's layout; the name of an only input may be left out. Random otherwise. May be repeated.")
  var input: [String] = []
  @Option(help: "Largest difference, relative to the largest magnitude of the original's tensor.")
  var tolerance = 1e-4
  @Option(help: "Threads.")
  var threads = 1
  @Option(help: "Seed of random inputs.")
  var seed: UInt64 = 0
  @Option(help: "text or json.")
  var format = OutputFormat.text
  @Flag(help: "Show every tensor in the text.")
  var all = false

  func run() throws {
    let agrees: Bool
    do throws(EngineError) { agrees = try report() } catch { throw Ending.code(for: error, "compare") }
    if !agrees { throw Ending.different }
  }

  private func report() throws(EngineError) -> Bool {
    guard tolerance >= 0, tolerance.isFinite else { throw EngineError(.inputParameterInvalid, "--tolerance: expected a number from 0 up") }
    guard threads >= 1, threads <= 256 else { throw EngineError(.inputParameterInvalid, "--threads: expected 1 to 256") }
    var candidate = ModelRequest(path: converted)
    let reference = try options.request(source)
    candidate.decryptKey = reference.decryptKey
    candidate.decryptMode = reference.decryptMode
    var request = Comparison.Request(reference: reference, candidate: candidate)
    if !source.hasSuffix(".ms") && !source.hasSuffix(".mindir") { request.reference.decryptKey = [] }
    request.shapes = try ShapeText.parse(options.inputShape ?? "")
    for entry in input {
      let equals = entry.firstIndex(of: "=")
      let name = equals.map { String(entry[..<$0]) } ?? ""
      let path = equals.map { String(entry[entry.index(after: $0)...]) } ?? entry
      guard request.inputFiles.updateValue(path, forKey: name) == nil else {
        throw EngineError(.inputParameterInvalid, "--input names \"\(name)\" twice")
      }
    }
    request.tolerance = tolerance
    request.threads = threads
    request.seed = seed
    let comparison = try Comparison.run(request)
    print(format == .json ? comparison.json().text() : comparison.text(all: all), terminator: format == .json ? "\n" : "")
    return comparison.agrees
  }
}
