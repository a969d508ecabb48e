import ArgumentParser
import Conversion
import Foundation
import Graph
import ModelTools

/// How a tool ends. The numbers are documented in docs/tools.md.
enum Ending {
  /// The comparison found a difference, or a measured value missed its threshold.
  static let different = ExitCode(1)
  /// A file cannot be read, or is not a model.
  static let unreadable = ExitCode(2)
  /// Wrong arguments.
  static let arguments = ExitCode(64)

  /// Prints the error and gives the code to leave with.
  static func code(for error: EngineError, _ command: String) -> ExitCode {
    FileHandle.standardError.write(Data("mslite \(command): \(error.message)\n".utf8))
    return error.code == .inputParameterInvalid || error.code == .parameterInvalid ? arguments : unreadable
  }
}

enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case text, json }

/// The options that say how a model is read.
struct ModelOptions: ParsableArguments {
  @Option(name: [.customLong("fmk")], help: "Source format (TFLITE, ONNX, TF, CAFFE, MINDIR) when the file's suffix does not tell it.")
  var framework: String?
  @Option(name: [.customLong("weightFile"), .customLong("weight-file")], help: "Weights of a Caffe model.")
  var weightFile: String?
  @Option(
    name: [.customLong("inputShape"), .customLong("input-shape")],
    help: "Shapes of inputs: \"name:1,224,224,3;other:1,10\". Where there is one input, its name may be left out.")
  var inputShape: String?
  @Option(name: [.customLong("decryptKey"), .customLong("decrypt-key")], help: "Key of an encrypted model, in hexadecimal.")
  var decryptKey: String?
  @Option(name: [.customLong("decryptMode"), .customLong("decrypt-mode")], help: "AES-GCM or AES-CBC.")
  var decryptMode = "AES-GCM"

  func request(_ path: String) throws(EngineError) -> ModelRequest {
    var request = ModelRequest(path: path)
    request.weightFile = weightFile
    if let framework {
      guard let format = ConversionOptions.SourceFormat(rawValue: framework.uppercased()) else {
        throw EngineError(.inputParameterInvalid, "--fmk=\(framework): expected one of TF, TFLITE, CAFFE, MINDIR, ONNX")
      }
      request.format = format
    }
    if let decryptKey { request.decryptKey = try KeyText.bytes(decryptKey) }
    guard decryptMode == "AES-GCM" || decryptMode == "AES-CBC" else {
      throw EngineError(.inputParameterInvalid, "--decryptMode=\(decryptMode): expected AES-GCM or AES-CBC")
    }
    request.decryptMode = decryptMode
    return request
  }
}
