internal import CMindSpore
import CSystem
import Foundation
import Graph

/// What `mslite benchmark` is asked to do; defaults are the original tool's.
public struct BenchmarkOptions {
  public var model = ""
  /// The engine's library; nil: searched for.
  public var library: String?
  public var configFile: String?
  /// One per input, in the model's order; empty: random.
  public var inputFiles: [String] = []
  /// By position, or by name; at most one of the two is set.
  public var shapes: [[Int]] = []
  public var namedShapes: [String: [Int]] = [:]
  public var loops = 10
  public var warmUps = 3
  public var threads = 2
  public var affinity = 1
  public var cores: [Int32] = []
  public var half = false
  /// A part of the name of an NNRt device that comes before the CPU; nil: the CPU alone.
  public var nnrtDevice: String?
  public var parallel = false
  /// Time every operator, and record one run.
  public var profiling = false
  public var decryptKey: [UInt8] = []
  public var decryptMode = "AES-GCM"
  public var golden: GoldenOptions?
  public init() {}
}

/// What the runs have shown.
public struct Measurement {
  public var library = ""
  public var version = ""
  public var inputs: [String] = []
  /// Loading and building, in nanoseconds.
  public var prepare = 0.0
  /// Each run, in nanoseconds; without profiling.
  public var runs: [Double] = []
  /// One entry per operator, and the runs they were timed in.
  public var operators: [OperatorTime] = []
  public var profiledRuns = 0
  /// One run in full: start and end of each operator, in nanoseconds from the run's begin, and the end of the run.
  public var timeline: [Span] = []
  public var timelineEnd = 0.0
  /// Resident memory of the process, in bytes: before the library was loaded, and the most there has been.
  public var residentBefore = 0
  public var residentPeak = 0
  /// Lines about golden data, and whether it was met.
  public var goldenText = ""
  public var meetsGolden = true

  public struct OperatorTime {
    public let name: String
    public let kind: String
    public let arithmetic: String
    /// How it computes, and the chain that it runs in band by band (0: none), as in `MSLite_NodeProfile`.
    public let algorithm: String
    public let chain: Int
    public let calls: Int
    /// All calls, in nanoseconds.
    public let nanoseconds: Double
  }
  public struct Span {
    public let name: String
    public let kind: String
    public let start: Double
    public let end: Double
  }

  /// The time below which a share of the runs stayed (nearest rank).
  public func percentile(_ share: Double) -> Double {
    let sorted = runs.sorted()
    guard !sorted.isEmpty else { return 0 }
    return sorted[min(sorted.count - 1, max(0, Int((share * Double(sorted.count)).rounded(.up)) - 1))]
  }
  public var mean: Double { runs.isEmpty ? 0 : runs.reduce(0, +) / Double(runs.count) }
  public var deviation: Double {
    guard runs.count > 1 else { return 0 }
    let m = mean
    return (runs.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(runs.count - 1)).squareRoot()
  }
}

/// The operators of a run as the callbacks see them. The C interface passes no pointer to callbacks, so this is one for the process.
private final class Recorder {
  nonisolated(unsafe) static let shared = Recorder()
  var spans: [Measurement.Span] = []
  var origin: UInt64 = 0
  private var open: UInt64 = 0

  func begin() {
    spans.removeAll(keepingCapacity: true)
    origin = mssys_nanoseconds()
  }
  func before() { open = mssys_nanoseconds() }
  func after(_ info: OH_AI_CallBackParam) {
    let now = mssys_nanoseconds()
    func text(_ p: UnsafeMutablePointer<CChar>?) -> String { p.map { String(cString: $0) } ?? "" }
    spans.append(
      Measurement.Span(
        name: text(info.node_name), kind: text(info.node_type), start: Double(open &- origin), end: Double(now &- origin)))
  }
}

/// Runs a model through the engine's C interface, as an application does.
public final class Benchmark {
  private let options: BenchmarkOptions
  private let engine: EngineLibrary
  private var context: OH_AI_ContextHandle?
  private var model: OH_AI_ModelHandle?
  private var result = Measurement()

  public static func run(_ options: BenchmarkOptions, progress: (String) -> Void) throws(EngineError) -> Measurement {
    let before = Benchmark.status("VmRSS")
    let benchmark = Benchmark(options, try EngineLibrary.open(options.library))
    benchmark.result.residentBefore = before
    do throws(EngineError) {
      try benchmark.prepare()
      try benchmark.resize()
      try benchmark.fillInputs()
      if let golden = options.golden {
        try benchmark.compare(golden, progress)
      }
      if options.golden == nil || options.profiling {
        try benchmark.measure(progress)
        if options.profiling { try benchmark.profile(progress) }
      }
      benchmark.result.residentPeak = Benchmark.status("VmHWM")
      return benchmark.result
    } catch { throw error.adding(options.model) }
  }

  private init(_ options: BenchmarkOptions, _ engine: EngineLibrary) {
    self.options = options
    self.engine = engine
    result.library = engine.path
    result.version = engine.version ?? "not stated"
  }

  deinit {
    engine.modelDestroy(&model)
    // A build has taken the context.
    if context != nil { engine.contextDestroy(&context) }
  }

  /// A line of /proc/self/status in bytes.
  private static func status(_ key: String) -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else { return 0 }
    for line in text.split(separator: "\n") where line.hasPrefix(key + ":") {
      return 1024 * (Int(line.filter { $0.isNumber }) ?? 0)
    }
    return 0
  }

  // MARK: preparation

  private func prepare() throws(EngineError) {
    context = engine.contextCreate()
    engine.contextSetThreads(context, Int32(clamping: options.threads))
    engine.contextSetAffinity(context, Int32(options.affinity))
    if !options.cores.isEmpty { engine.contextSetCores(context, options.cores, options.cores.count) }
    engine.contextSetParallel(context, options.parallel)
    if let part = options.nnrtDevice {
      let device = try engine.nnrtDevice(part)
      engine.deviceSetHalf(device, options.half)
      engine.contextAddDevice(context, device)
    }
    let device = engine.deviceCreate(OH_AI_DEVICETYPE_CPU)
    engine.deviceSetHalf(device, options.half)
    engine.contextAddDevice(context, device)
    model = engine.modelCreate()
    guard model != nil, context != nil, device != nil else { throw EngineError(.outOfMemory, "no memory for the model") }
    if !options.decryptKey.isEmpty {
      guard let setKey = engine.setKey else {
        throw EngineError(.notSupported, "\(engine.path) cannot be given a key (it has no MSLite_ModelSetDecryptionKey)")
      }
      try engine.check(setKey(model, options.decryptKey, options.decryptKey.count, options.decryptMode), "MSLite_ModelSetDecryptionKey")
    }
    if let config = options.configFile { try engine.check(engine.modelLoadConfig(model, config), "OH_AI_ModelLoadConfig") }
    let start = mssys_nanoseconds()
    let status = engine.modelBuild(model, options.model, OH_AI_MODELTYPE_MINDIR, context)
    result.prepare = Double(mssys_nanoseconds() - start)
    // The model owns the context from here on.
    context = nil
    try engine.check(status, "OH_AI_ModelBuildFromFile")
  }

  private func inputs() -> [OH_AI_TensorHandle?] {
    let array = engine.modelInputs(model)
    return (0..<array.handle_num).map { array.handle_list?[$0] }
  }

  private func name(_ tensor: OH_AI_TensorHandle?) -> String { engine.tensorName(tensor).map { String(cString: $0) } ?? "" }

  private func dims(_ tensor: OH_AI_TensorHandle?) -> [Int] {
    var rank = 0
    guard let shape = engine.tensorShape(tensor, &rank) else { return [] }
    return (0..<rank).map { Int(shape[$0]) }
  }

  private func resize() throws(EngineError) {
    let inputs = inputs()
    var shapes = inputs.map { dims($0) }
    if !options.shapes.isEmpty {
      guard options.shapes.count == inputs.count else {
        throw EngineError(.inputParameterInvalid, "--inputShapes has \(options.shapes.count) shapes; the model has \(inputs.count) inputs")
      }
      shapes = options.shapes
    }
    let names = inputs.map { name($0) }
    let named = try ShapeText.named(options.namedShapes, inputs: names)
    for key in named.keys.sorted() where !names.contains(key) {
      throw EngineError(.inputParameterInvalid, "no input is named \"\(key)\"; there are \(names.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
    for (i, key) in names.enumerated() { shapes[i] = named[key] ?? shapes[i] }
    for (shape, key) in zip(shapes, names) where !Shape(shape).isKnown {
      throw EngineError(.inputParameterInvalid, "input \"\(key)\" has the open shape \(Shape(shape)); give all shapes with --inputShapes")
    }
    for shape in shapes where shape.count > Int(OH_AI_MAX_SHAPE_NUM) {
      throw EngineError(.inputParameterInvalid, "a shape of \(shape.count) dimensions; at most \(Int(OH_AI_MAX_SHAPE_NUM)) are possible")
    }
    if zip(inputs, shapes).contains(where: { dims($0) != $1 }) {
      var infos = shapes.map { shape -> OH_AI_ShapeInfo in
        var info = OH_AI_ShapeInfo()
        info.shape_num = shape.count
        withUnsafeMutableBytes(of: &info.shape) { bytes in
          for (k, d) in shape.enumerated() { bytes.storeBytes(of: Int64(d), toByteOffset: 8 * k, as: Int64.self) }
        }
        return info
      }
      try engine.check(engine.modelResize(model, engine.modelInputs(model), &infos, infos.count), "OH_AI_ModelResize")
    }
  }

  private func fillInputs() throws(EngineError) {
    let inputs = inputs()
    if !options.inputFiles.isEmpty && options.inputFiles.count != inputs.count {
      throw EngineError(.inputParameterInvalid, "--inDataFile names \(options.inputFiles.count) files; the model has \(inputs.count) inputs")
    }
    for (i, handle) in inputs.enumerated() {
      let type = DataType(typeID: Int32(engine.tensorType(handle).rawValue)) ?? .unknown
      let tensor = Tensor(name: name(handle), type: type, shape: Shape(dims(handle)))
      var value: TensorValue
      if i < options.inputFiles.count {
        value = try InputData.read(options.inputFiles[i], for: tensor).converted(to: type, quantParams: [])
        result.inputs.append("\(tensor.name) \(type.name) \(Units.shape(tensor.shape.dims)): \(options.inputFiles[i])")
      } else {
        value = try InputData.random(tensor, seed: 0, position: i)
        result.inputs.append("\(tensor.name) \(type.name) \(Units.shape(tensor.shape.dims)): random")
      }
      guard value.bytes.count == engine.tensorBytes(handle), let data = engine.tensorData(handle) else {
        throw EngineError(
          .inputParameterInvalid,
          "\(value.bytes.count) bytes for input \(tensor), which needs \(engine.tensorBytes(handle)) (a NumPy file's shape must be the input's; see --inputShapes)")
      }
      value.bytes.withUnsafeBytes { if let base = $0.baseAddress { data.copyMemory(from: base, byteCount: $0.count) } }
    }
  }

  // MARK: runs

  private func predict(observed: Bool = false) throws(EngineError) -> OH_AI_TensorHandleArray {
    var outputs = OH_AI_TensorHandleArray()
    let before: OH_AI_KernelCallBack = { _, _, _ in
      Recorder.shared.before()
      return true
    }
    let after: OH_AI_KernelCallBack = { _, _, info in
      Recorder.shared.after(info)
      return true
    }
    let status = engine.modelPredict(model, engine.modelInputs(model), &outputs, observed ? before : nil, observed ? after : nil)
    try engine.check(status, "OH_AI_ModelPredict")
    return outputs
  }

  private func measure(_ progress: (String) -> Void) throws(EngineError) {
    progress("Running warm up loops...")
    for _ in 0..<options.warmUps { _ = try predict() }
    progress("Running benchmark loops...")
    result.runs.reserveCapacity(options.loops)
    for _ in 0..<options.loops {
      let start = mssys_nanoseconds()
      _ = try predict()
      result.runs.append(Double(mssys_nanoseconds() - start))
    }
  }

  /// Times the operators: by the engine's own profile, or by the callbacks where the library has none.
  private func profile(_ progress: (String) -> Void) throws(EngineError) {
    progress("Timing operators...")
    let loops = max(options.loops, 1)
    if let setProfiling = engine.setProfiling, let getProfile = engine.getProfile {
      try engine.check(setProfiling(model, true), "MSLite_ModelSetProfiling")
      for _ in 0..<loops { _ = try predict() }
      var count = 0
      try engine.check(getProfile(model, nil, &count), "MSLite_ModelGetProfile")
      var entries = [MSLite_NodeProfile](repeating: MSLite_NodeProfile(), count: count)
      try engine.check(getProfile(model, &entries, &count), "MSLite_ModelGetProfile")
      try engine.check(setProfiling(model, false), "MSLite_ModelSetProfiling")
      result.operators = entries.prefix(count).map { entry in
        Measurement.OperatorTime(
          name: Benchmark.text(entry.name), kind: Benchmark.text(entry.type), arithmetic: Benchmark.text(entry.arithmetic),
          algorithm: Benchmark.text(entry.algorithm), chain: Int(entry.chain),
          calls: Int(clamping: entry.runs), nanoseconds: Double(entry.nanoseconds))
      }
    }
    // Of the observed runs the fastest is kept: what else the machine did has disturbed it least.
    var sums = OperatorSums()
    result.timelineEnd = .infinity
    for _ in 0..<loops {
      Recorder.shared.begin()
      _ = try predict(observed: true)
      let end = Double(mssys_nanoseconds() - Recorder.shared.origin)
      if result.operators.isEmpty { sums.add(Recorder.shared.spans) }
      if end < result.timelineEnd {
        result.timelineEnd = end
        result.timeline = Recorder.shared.spans
      }
    }
    if result.operators.isEmpty { result.operators = sums.operators }
    result.profiledRuns = loops
  }

  /// Operators of several runs, in the first one's order.
  private struct OperatorSums {
    private var order: [String] = []
    private var sums: [String: (kind: String, calls: Int, time: Double)] = [:]

    mutating func add(_ run: [Measurement.Span]) {
      for span in run {
        if sums[span.name] == nil { order.append(span.name) }
        let old = sums[span.name] ?? (span.kind, 0, 0)
        sums[span.name] = (old.kind, old.calls + 1, old.time + span.end - span.start)
      }
    }

    var operators: [Measurement.OperatorTime] {
      order.map {
        let sum = sums[$0] ?? ("", 0, 0)
        return Measurement.OperatorTime(name: $0, kind: sum.kind, arithmetic: "", algorithm: "", chain: 0, calls: sum.calls, nanoseconds: sum.time)
      }
    }
  }

  /// A C array of characters up to its NUL.
  private static func text<T>(_ field: T) -> String {
    withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  // MARK: golden data

  private func compare(_ golden: GoldenOptions, _ progress: (String) -> Void) throws(EngineError) {
    progress("MarkAccuracy")
    let expected = try GoldenData.read(golden)
    let outputs = try predict()
    var values: [(name: String, value: TensorValue)] = []
    for i in 0..<outputs.handle_num {
      guard let handle = outputs.handle_list?[i] else { continue }
      let type = DataType(typeID: Int32(engine.tensorType(handle).rawValue)) ?? .unknown
      let tensor = Tensor(name: name(handle), type: type, shape: Shape(dims(handle)))
      tensor.data = engine.tensorData(handle)
      guard let value = TensorValue(tensor) else { throw EngineError(.notSupported, "output \(tensor) cannot be compared") }
      values.append((tensor.name, value))
    }
    (result.goldenText, result.meetsGolden) = try GoldenData.compare(expected, values, golden)
  }
}
