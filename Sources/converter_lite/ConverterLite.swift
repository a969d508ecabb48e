import ArgumentParser
import Conversion
import ConverterCore
import Foundation
import Graph

/// `converter_lite`, with the options of the original's tool.
@main
struct ConverterLite: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "converter_lite", abstract: "Converts TFLite, ONNX, Caffe, TensorFlow and MindIR models to .ms files.")

  @Option(name: .customLong("fmk")) var framework: String?
  @Option(name: .customLong("modelFile")) var modelFile: String
  @Option(name: .customLong("weightFile")) var weightFile: String?
  @Option(name: .customLong("outputFile")) var outputFile: String
  @Option(name: .customLong("configFile")) var configFile: String?
  @Option(name: .customLong("inputShape")) var inputShape: String?

  func run() throws {
    let format = framework.flatMap { ConversionOptions.SourceFormat(rawValue: $0.uppercased()) } ?? .guess(modelFile)!
    var input = ImportOptions(modelFile: modelFile)
    input.weightFile = weightFile
    for part in (inputShape ?? "").split(separator: ";") {
      let halves = part.split(separator: ":")
      input.inputShapes[String(halves[0])] = halves[1].split(separator: ",").map { Int($0)! }
    }
    var options = ConversionOptions(format: format, input: input)
    options.outputFile = outputFile
    let report = Report()
    do throws(EngineError) {
      if let configFile { options.config = try ConfigFile.read(configFile) }
      if let model = try Converter.prepare(options, report) {
        try Converter.write(model, options)
        print("CONVERT RESULT SUCCESS:0")
        return
      }
    } catch { report.add(error) }
    for problem in report.problems { FileHandle.standardError.write(Data("converter_lite: \(problem.description)\n".utf8)) }
    throw ExitCode(Int32(report.problems.first?.code.rawValue ?? 1) & 0xff)
  }
}
