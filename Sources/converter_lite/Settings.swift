import Conversion
import ConverterCore
import Differentiation
import Foundation
import Graph

/// The command line, checked.
struct Settings {
  var options: ConversionOptions
  var check = false
  var quiet = false
  var infer = false
  var warnings: [String] = []

  /// Everything that is wrong with the command line.
  struct Mistakes: Error {
    var texts: [String] = []
    mutating func add(_ text: String) { texts.append(text) }
  }

  init(_ a: Arguments) throws(Mistakes) {
    var wrong = Mistakes()
    let path = a.modelFile ?? ""
    if path.isEmpty { wrong.add("--modelFile is missing") }
    var format = ConversionOptions.SourceFormat.guess(path)
    if let name = a.framework {
      format = ConversionOptions.SourceFormat(rawValue: name.uppercased())
      if format == nil { wrong.add(Settings.refusal(framework: name)) }
    } else if format == nil && !path.isEmpty {
      wrong.add("--fmk is missing, and the suffix of \(path) does not tell the format")
    }
    if !path.isEmpty, let text = Settings.unreadable(path) { wrong.add("--modelFile: \(text)") }

    var input = ImportOptions(modelFile: path)
    if let weights = a.weightFile {
      if format != nil && format != .caffe { wrong.add("--weightFile is for CAFFE models only") }
      if let text = Settings.unreadable(weights) { wrong.add("--weightFile: \(text)") }
      input.weightFile = weights
    } else if format == .caffe {
      wrong.add("--weightFile is missing: a CAFFE model has its weights in a .caffemodel file")
    }
    var config = ConfigFile()
    if let path = a.configFile {
      do throws(EngineError) { config = try ConfigFile.read(path) } catch { wrong.add("--configFile: \(error.message)") }
    }
    let trains = Settings.bool("trainModel", a.trainModel, &wrong)
    let training = Settings.training(config, trains, format, &input, &wrong)
    if let text = a.inputShape { input.inputShapes = Settings.shapes(text, &wrong) }
    input.decryptMode = a.decryptMode.uppercased()
    if !["AES-GCM", "AES-CBC"].contains(input.decryptMode) { wrong.add("--decryptMode=\(a.decryptMode) is neither AES-GCM nor AES-CBC") }
    if let hex = a.decryptKey {
      if format != nil && format != .mindir { wrong.add("--decryptKey is for MINDIR models only") }
      input.decryptKey = Settings.key("decryptKey", hex, [16, 24, 32], &wrong)
    }

    options = ConversionOptions(format: format ?? .onnx, input: input)
    options.outputFile = Settings.output(a.outputFile, check: a.check, &wrong)
    options.halfWeights = Settings.bool("fp16", a.fp16, &wrong)
    options.inputFormat = Settings.layout("inputDataFormat", a.inputDataFormat, &wrong)
    if let layout = a.outputDataFormat { options.outputFormat = Settings.layout("outputDataFormat", layout, &wrong) }
    options.inputType = Settings.type("inputDataType", a.inputDataType, &wrong)
    options.outputType = Settings.type("outputDataType", a.outputDataType, &wrong)
    options.config = config
    options.training = training
    if trains {
      for (name, type) in [("inputDataType", options.inputType), ("outputDataType", options.outputType)] where type != nil && type != .float32 {
        wrong.add("--\(name) must be FLOAT or DEFAULT with --trainModel=true")
      }
      if options.halfWeights { wrong.add("--fp16=on and --trainModel=true exclude each other") }
    }
    switch a.optimize {
    case "general": options.optimise = true
    case "none": options.optimise = false
    default: wrong.add("--optimize=\(a.optimize): general and none are possible here; the others make files for GPU or Ascend only")
    }
    if Settings.bool("optimizeTransformer", a.optimizeTransformer, &wrong) {
      warnings.append("--optimizeTransformer has no effect: the CPU runs attention as plain operators")
    }
    if a.saveType.uppercased() != "MINDIR_LITE" { wrong.add("--saveType=\(a.saveType): only MINDIR_LITE (.ms) is written") }
    if !a.device.isEmpty { wrong.add("--device=\(a.device): no file is made for one device") }
    if Settings.bool("encryption", a.encryption, &wrong) {
      if let hex = a.encryptKey { options.encryptKey = Settings.key("encryptKey", hex, [16], &wrong) }
      else { wrong.add("--encryption=true needs --encryptKey") }
    } else if a.encryptKey != nil {
      wrong.add("--encryptKey without --encryption=true")
    }
    infer = Settings.bool("infer", a.infer, &wrong)
    check = a.check
    quiet = a.quiet
    if !wrong.texts.isEmpty { throw wrong }
  }

  /// What to make of a model for inference: config section `training`. Without that section a training graph is kept as it is.
  private static func training(
    _ config: ConfigFile, _ trains: Bool, _ format: ConversionOptions.SourceFormat?, _ input: inout ImportOptions, _ wrong: inout Mistakes
  ) -> TrainingSettings? {
    do throws(EngineError) {
      if let settings = try TrainingSettings(config) {
        if !trains { wrong.add("the config section [\(TrainingSettings.section)] needs --trainModel=true") }
        if format == .thirdParty { wrong.add("--fmk=THIRDPARTY: there is no graph to train") }
        for section in config.sections.keys.sorted() where section.hasSuffix("_quant_param") {
          wrong.add("the config sections [\(TrainingSettings.section)] and [\(section)] exclude each other: a trained model is quantised by its export")
        }
        input.differentiates = true
        let batch = try config.int(TrainingSettings.section, "batch_size", 0...Int(Int32.max), default: 0)
        input.batch = batch > 0 ? batch : nil
        return settings
      }
    } catch { wrong.add("--configFile: \(error.message)") }
    if trains && format != nil && format != .mindir {
      wrong.add("--trainModel=true needs --fmk=MINDIR, or the section [\(TrainingSettings.section)] in the config file")
    }
    input.training = trains
    return nil
  }

  private static func refusal(framework: String) -> String {
    switch framework.uppercased() {
    case "PYTORCH": return "--fmk=PYTORCH: export the model to ONNX first"
    case "OM": return "--fmk=OM is for Ascend hardware; a model compiled for another device is wrapped by --fmk=THIRDPARTY"
    default:
      let names = ConversionOptions.SourceFormat.allCases.map { $0.rawValue }.joined(separator: ", ")
      return "--fmk=\(framework) is none of \(names)"
    }
  }

  private static func unreadable(_ path: String) -> String? {
    var isFolder: ObjCBool = false
    if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) { return "there is no file \(path)" }
    // A SavedModel is a folder.
    if isFolder.boolValue { return FileManager.default.fileExists(atPath: path + "/saved_model.pb") ? nil : "\(path) is a folder" }
    return FileManager.default.isReadableFile(atPath: path) ? nil : "\(path) cannot be read"
  }

  private static func bool(_ name: String, _ text: String, _ wrong: inout Mistakes) -> Bool {
    switch text.lowercased() {
    case "true", "on": return true
    case "false", "off": return false
    default:
      wrong.add("--\(name)=\(text) must be true or false (on or off)")
      return false
    }
  }

  private static func layout(_ name: String, _ text: String, _ wrong: inout Mistakes) -> Format? {
    switch text.uppercased() {
    case "NHWC": return .nhwc
    case "NCHW": return .nchw
    default:
      wrong.add("--\(name)=\(text) is neither NHWC nor NCHW")
      return nil
    }
  }

  private static func type(_ name: String, _ text: String, _ wrong: inout Mistakes) -> DataType? {
    if text.uppercased() == "DEFAULT" { return nil }
    if let type = ElementTypes.named(text), [.float32, .float16, .int8, .uint8, .int32, .int64].contains(type) { return type }
    wrong.add("--\(name)=\(text) is none of FLOAT, FLOAT16, INT8, UINT8, INT32, INT64, DEFAULT")
    return nil
  }

  private static func key(_ name: String, _ hex: String, _ lengths: [Int], _ wrong: inout Mistakes) -> [UInt8] {
    var bytes = [UInt8]()
    var digits = Substring(hex)
    while digits.count >= 2, let byte = UInt8(digits.prefix(2), radix: 16) {
      bytes.append(byte)
      digits = digits.dropFirst(2)
    }
    if !digits.isEmpty || !lengths.contains(bytes.count) {
      wrong.add("--\(name) must be \(lengths.map { "\(2 * $0)" }.joined(separator: " or ")) hexadecimal digits")
    }
    return bytes
  }

  private static func shapes(_ text: String, _ wrong: inout Mistakes) -> [String: [Int]] {
    var result: [String: [Int]] = [:]
    for part in text.split(separator: ";") {
      // Names may hold colons ("x:0"): the last one separates.
      guard let colon = part.lastIndex(of: ":"), colon != part.startIndex else {
        wrong.add("--inputShape: \"\(part)\" is not name:dimension,dimension,...")
        continue
      }
      let name = String(part[..<colon])
      let dims = part[part.index(after: colon)...].split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
      if dims.contains(where: { ($0 ?? -1) < 0 || ($0 ?? 0) > Int(Int32.max) }) || dims.count > Shape.maximumRank {
        wrong.add("--inputShape: the dimensions of \"\(name)\" must be numbers from 0 on, at most \(Shape.maximumRank) of them")
        continue
      }
      result[name] = dims.compactMap { $0 }
    }
    return result
  }

  private static func output(_ path: String?, check: Bool, _ wrong: inout Mistakes) -> String {
    guard let path, !path.isEmpty else {
      if !check { wrong.add("--outputFile is missing") }
      return ""
    }
    var isFolder: ObjCBool = false
    if path.hasSuffix("/") || (FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue) {
      wrong.add("--outputFile: \(path) is a folder; give a file's name")
    }
    let full = path.hasSuffix(".ms") ? path : path + ".ms"
    let folder = URL(fileURLWithPath: full).deletingLastPathComponent().path
    if !FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) || !isFolder.boolValue {
      wrong.add("--outputFile: there is no folder \(folder)")
    }
    return full
  }
}
