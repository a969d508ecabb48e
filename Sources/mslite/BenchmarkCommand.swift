import ArgumentParser
import Foundation
import Graph
import ModelTools

/// A switch that may be written `--name`, `--name=true` or `--name=0`.
struct Switch: ExpressibleByArgument {
  let isOn: Bool
  init(_ isOn: Bool) { self.isOn = isOn }
  init?(argument: String) {
    switch argument.lowercased() {
    case "true", "1", "on", "yes": isOn = true
    case "false", "0", "off", "no": isOn = false
    default: return nil
    }
  }
  var defaultValueDescription: String { isOn ? "true" : "false" }
}

struct BenchmarkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "benchmark", abstract: "Times a .ms model, with the options of the original's benchmark tool.",
    discussion: "Exit code 0: done; 1: the outputs miss the golden data's threshold; 2: a file cannot be read or run; 64: wrong arguments. Options that have no meaning for this engine are refused when they ask for something.")

  @OptionGroup(title: "Model and data") var data: DataOptions
  @OptionGroup(title: "Run") var runOptions: RunOptions
  @OptionGroup(title: "Results") var results: ResultOptions
  @OptionGroup(title: "Options for what this engine does not have") var foreign: ForeignOptions

  struct DataOptions: ParsableArguments {
    @Option(name: names("modelFile"), help: "The .ms model.") var modelFile: String
    @Option(name: names("inDataFile"), help: "Input files, separated by commas: raw elements (.bin) or NumPy (.npy). Random when absent.") var inDataFile: String?
    @Option(name: names("configFile"), help: "Configuration file for OH_AI_ModelLoadConfig.") var configFile: String?
    @Option(name: names("inputShapes"), help: "New shapes of the inputs: \"1,224,224,3:1,10\"; or by name: \"x:1,224,224,3;y:1,10\".") var inputShapes: String?
    @Option(name: names("inputShape"), help: "New shapes by name: \"x:1,224,224,3;y:1,10\".") var inputShape: String?
    @Option(name: names("decryptKey"), help: "Key of an encrypted model, in hexadecimal.") var decryptKey: String?
    @Option(name: names("decryptMode"), help: "AES-GCM or AES-CBC.") var decryptMode = "AES-GCM"
    @Option(name: names("cryptoLibPath"), help: "Not needed: libcrypto is found by the system's search path.") var cryptoLibPath: String?
    @Option(name: names("modelType"), help: "MindIR.") var modelType = "MindIR"
  }

  struct RunOptions: ParsableArguments {
    @Option(help: "The engine's library (libmslite.so); default: beside the tool, ../lib, build/lib, the system's.") var library: String?
    @Option(name: names("device"), help: "CPU or Auto; NNRT or NNRT:NAME: a device of the Neural Network Runtime, the first one or the first with NAME in its name, and the CPU for what it cannot do.") var device = "CPU"
    @Option(name: names("cpuBindMode"), help: "0: threads are not pinned; 1: to the fastest processors; 2: to the others.") var cpuBindMode = 1
    @Option(name: names("cpuCoreList"), help: "Processors to pin the threads to, separated by commas.") var cpuCoreList: String?
    @Option(name: names("loopCount"), help: "Runs that are timed.") var loopCount = 10
    @Option(name: names("warmUpLoopCount"), help: "Runs before those.") var warmUpLoopCount = 3
    @Option(name: names("numThreads"), help: "Threads.") var numThreads = 2
    @Option(name: names("enableFp16"), help: "Allow half precision.") var enableFp16 = Switch(false)
    @Option(name: names("enableParallel"), help: "Stored in the context.") var enableParallel = Switch(false)
  }

  struct ResultOptions: ParsableArguments {
    @Option(name: names("timeProfiling"), help: "Time every operator.") var timeProfiling = Switch(false)
    @Option(help: "Write a page with the profile (.html).") var profile: String?
    @Option(help: "Write one run as Chrome trace events, for Perfetto (.json).") var trace: String?
    @Option(help: "text or json.") var format = OutputFormat.text
    @Option(name: names("benchmarkDataFile"), help: "Golden outputs, as text: name, rank, dimensions, values.") var benchmarkDataFile: String?
    @Option(name: names("benchmarkDataType"), help: "FLOAT, INT32, INT8 or UINT8.") var benchmarkDataType = "FLOAT"
    @Option(name: names("accuracyThreshold"), help: "Largest mean relative error of the outputs, in percent.") var accuracyThreshold = 0.5
    @Option(name: names("cosineDistanceThreshold"), help: "Smallest mean cosine of the outputs; above -1 it takes the error's place.") var cosineDistanceThreshold = -1.1
  }

  func run() throws {
    let met: Bool
    do throws(EngineError) { met = try execute() } catch { throw Ending.code(for: error, "benchmark") }
    if !met { throw Ending.different }
  }

  private func execute() throws(EngineError) -> Bool {
    try foreign.refuse()
    let options = try options()
    let isText = results.format == .text
    if isText { print("ModelPath = \(options.model)\nLoopCount = \(options.loops)\nWarmUpLoopCount = \(options.warmUps)\nNumThreads = \(options.threads)\nFp16Priority = \(options.half ? 1 : 0)\nCpuBindMode = \(options.affinity)") }
    let measurement = try Benchmark.run(options) { if isText { print($0) } }
    let report = BenchmarkReport(options, measurement)
    print(isText ? report.text() : report.json().text() + "\n", terminator: "")
    if let path = results.profile { try OutputFile.write(report.page(), to: path) }
    if let path = results.trace { try OutputFile.write(report.trace().text(), to: path) }
    return measurement.meetsGolden
  }

  private func options() throws(EngineError) -> BenchmarkOptions {
    func range(_ name: String, _ value: Int, _ allowed: ClosedRange<Int>) throws(EngineError) {
      guard allowed.contains(value) else {
        throw EngineError(.inputParameterInvalid, "--\(name)=\(value): expected \(allowed.lowerBound) to \(allowed.upperBound)")
      }
    }
    try range("loopCount", runOptions.loopCount, 1...1_000_000)
    try range("warmUpLoopCount", runOptions.warmUpLoopCount, 0...1_000_000)
    try range("numThreads", runOptions.numThreads, 1...256)
    try range("cpuBindMode", runOptions.cpuBindMode, 0...2)
    let device = runOptions.device.split(separator: ":", maxSplits: 1)
    guard let kind = device.first?.uppercased(), ["CPU", "AUTO", "NNRT"].contains(kind), kind == "NNRT" || device.count == 1 else {
      throw EngineError(
        .inputParameterInvalid, "--device=\(runOptions.device): expected CPU, Auto, NNRT or NNRT: and a part of a device's name")
    }
    guard data.modelType.uppercased() == "MINDIR" else {
      throw EngineError(.inputParameterInvalid, "--modelType=\(data.modelType): the engine runs .ms files, which the original calls MindIR")
    }
    guard data.decryptMode == "AES-GCM" || data.decryptMode == "AES-CBC" else {
      throw EngineError(.inputParameterInvalid, "--decryptMode=\(data.decryptMode): expected AES-GCM or AES-CBC")
    }
    for suffix in [".tflite", ".onnx", ".pb", ".prototxt", ".mindir"] where data.modelFile.hasSuffix(suffix) {
      throw EngineError(.inputParameterInvalid, "\(data.modelFile): the engine runs .ms files; convert the model first (converter_lite)")
    }
    var options = BenchmarkOptions()
    options.model = data.modelFile
    options.library = runOptions.library
    options.configFile = data.configFile
    options.inputFiles = (data.inDataFile ?? "").split(separator: ",").map(String.init)
    if let text = data.inputShapes {
      if text.contains(";") || text.contains(where: { $0.isLetter || $0 == "_" }) {
        options.namedShapes = try ShapeText.parse(text)
      } else {
        for part in text.split(separator: ":") { options.shapes.append(try ShapeText.parse(String(part))[""] ?? []) }
      }
    }
    if let text = data.inputShape {
      guard data.inputShapes == nil else { throw EngineError(.inputParameterInvalid, "give --inputShape or --inputShapes, not both") }
      options.namedShapes = try ShapeText.parse(text)
    }
    options.loops = runOptions.loopCount
    options.warmUps = runOptions.warmUpLoopCount
    options.threads = runOptions.numThreads
    options.affinity = runOptions.cpuBindMode
    for word in (runOptions.cpuCoreList ?? "").split(separator: ",") {
      guard let core = Int32(word), core >= 0 else {
        throw EngineError(.inputParameterInvalid, "--cpuCoreList: \"\(String(word))\" is not a processor's number")
      }
      options.cores.append(core)
    }
    options.half = runOptions.enableFp16.isOn
    if kind == "NNRT" { options.nnrtDevice = device.count > 1 ? String(device[1]) : "" }
    options.parallel = runOptions.enableParallel.isOn
    options.profiling = results.timeProfiling.isOn || results.profile != nil || results.trace != nil
    if let key = data.decryptKey { options.decryptKey = try KeyText.bytes(key) }
    options.decryptMode = data.decryptMode
    if let file = results.benchmarkDataFile {
      var golden = GoldenOptions(file: file)
      golden.type = results.benchmarkDataType.uppercased()
      golden.threshold = results.accuracyThreshold
      golden.cosine = results.cosineDistanceThreshold
      guard ["FLOAT", "INT32", "INT8", "UINT8"].contains(golden.type) else {
        throw EngineError(.inputParameterInvalid, "--benchmarkDataType=\(results.benchmarkDataType): expected FLOAT, INT32, INT8 or UINT8")
      }
      options.golden = golden
    }
    return options
  }
}

/// An option's name as the original writes it, and in the GNU style.
func spellings(_ camel: String) -> [String] {
  var dashed = ""
  for c in camel { dashed += c.isUppercase && !dashed.isEmpty ? "-\(c.lowercased())" : c.lowercased() }
  return dashed == camel ? [camel] : [camel, dashed]
}

func names(_ camel: String) -> NameSpecification { NameSpecification(spellings(camel).map { .customLong($0) }) }

/// Options of the original that concern hardware or features this engine does not have. Their defaults are accepted; a value that asks
/// for something is an error that says so.
struct ForeignOptions: ParsableArguments {
  @Option(name: names("perfProfiling"), help: .hidden) var perfProfiling = Switch(false)
  @Option(name: names("perfEvent"), help: .hidden) var perfEvent = "CYCLE"
  @Option(name: names("enableParallelPredict"), help: .hidden) var enableParallelPredict = Switch(false)
  @Option(name: names("parallelNum"), help: .hidden) var parallelNum = 2
  @Option(name: names("parallelTaskNum"), help: .hidden) var parallelTaskNum = 2
  @Option(name: names("workersNum"), help: .hidden) var workersNum = 2
  @Option(name: names("interOpParallelNum"), help: .hidden) var interOpParallelNum = 1
  @Option(name: names("enableGLTexture"), help: .hidden) var enableGLTexture = Switch(false)
  @Option(name: names("delegateMode"), help: .hidden) var delegateMode = ""
  @Option(name: names("enableSharedThreadPool"), help: .hidden) var enableSharedThreadPool = Switch(false)
  @Option(name: names("threadNumLimitPerWorker"), help: .hidden) var threadNumLimitPerWorker = ""
  @Option(name: names("threadNumRemainingPerWorker"), help: .hidden) var threadNumRemainingPerWorker = ""
  @Option(name: names("provider"), help: .hidden) var provider = "litert"
  @Option(name: names("GroupInfoFile"), help: .hidden) var groupInfoFile = ""

  func refuse() throws(EngineError) {
    func check(_ isAsked: Bool, _ option: String, _ reason: String) throws(EngineError) {
      if isAsked { throw EngineError(.inputParameterInvalid, Message(text: "--\(option): \(reason)")) }
    }
    try check(perfProfiling.isOn, "perfProfiling", "processor events are not read here; use `perf stat` on this tool, or --timeProfiling for times")
    let several = "this tool runs one model at a time; start it several times, or use --numThreads"
    try check(enableParallelPredict.isOn, "enableParallelPredict", several)
    try check(enableSharedThreadPool.isOn, "enableSharedThreadPool", several)
    try check(!threadNumLimitPerWorker.isEmpty, "threadNumLimitPerWorker", several)
    try check(!threadNumRemainingPerWorker.isEmpty, "threadNumRemainingPerWorker", several)
    try check(interOpParallelNum > 1, "interOpParallelNum", "operators run one after another, each on all threads; use --numThreads")
    try check(enableGLTexture.isOn, "enableGLTexture", "the engine computes on the CPU and has no OpenGL textures")
    try check(!delegateMode.isEmpty, "delegateMode", "this tool runs models on the CPU and takes no delegates")
    try check(provider != "litert", "provider", "this engine is the only provider")
    try check(!groupInfoFile.isEmpty, "GroupInfoFile", "models are not distributed over devices")
  }
}
