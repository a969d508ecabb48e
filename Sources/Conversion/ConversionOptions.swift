import ConverterCore
import Differentiation
import Graph

/// Everything a caller can ask of a conversion.
public struct ConversionOptions {
  /// The source format.
  public enum SourceFormat: String, CaseIterable, Sendable {
    case tf = "TF", tflite = "TFLITE", caffe = "CAFFE", mindir = "MINDIR", onnx = "ONNX", mslite = "MSLITE", thirdParty = "THIRDPARTY"

    /// The format a file's suffix tells; nil when it does not.
    public static func guess(_ path: String) -> SourceFormat? {
      if path.hasSuffix(".tflite") { return .tflite }
      if path.hasSuffix(".onnx") { return .onnx }
      if path.hasSuffix(".prototxt") { return .caffe }
      if path.hasSuffix(".mindir") { return .mindir }
      if path.hasSuffix(".ms") { return .mslite }
      return path.hasSuffix(".pb") ? .tf : nil
    }
  }

  public var format: SourceFormat
  public var input: ImportOptions
  /// Path of the file to write, with its suffix.
  public var outputFile = ""
  public var config = ConfigFile()
  /// Store float32 constants as float16.
  public var halfWeights = false
  /// `none`: leave optimisation to the engine that loads the file.
  public var optimise = true
  public var inputFormat: Format? = .nhwc
  public var outputFormat: Format? = nil
  /// Element types of graph inputs and outputs; nil: float32 for quantised ones, the model's own otherwise.
  public var inputType: DataType? = nil
  public var outputType: DataType? = nil
  /// Make a training model of the source's graph for inference; nil: convert it as it is.
  public var training: TrainingSettings? = nil
  /// AES-GCM key of the written file; empty: not encrypted.
  public var encryptKey: [UInt8] = []

  public init(format: SourceFormat, input: ImportOptions) {
    self.format = format
    self.input = input
  }
}
