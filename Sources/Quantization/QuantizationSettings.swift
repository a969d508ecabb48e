import ConverterCore
import Graph

/// What the config file asks of the quantiser, checked.
public struct QuantizationSettings {
  public enum Kind { case none, weights, full, dynamic }
  enum RangeMethod: String { case minMax = "MAX_MIN", divergence = "KL", percentile = "REMOVAL_OUTLIER" }

  public private(set) var kind = Kind.none
  /// Bits of quantised weights; 0: mixed (an entropy code with a step of each tensor's own).
  private(set) var bits = 8
  /// Weights with no more elements than this stay as they are.
  private(set) var minimumSize = 0
  /// Convolution weights with no more output channels than this stay as they are.
  private(set) var minimumChannels = 16
  /// Nodes that stay as they are.
  private(set) var skipped: Set<String> = []
  /// Directory of the statistics; nil: none are written.
  private(set) var debugDirectory: String?
  private(set) var compresses = true
  // Weights.
  private(set) var perChannel = true
  private(set) var correctsBias = true
  /// Relative error that mixed-bit weights start from.
  private(set) var initialScale = 0.02
  // Activations.
  private(set) var rangeMethod = RangeMethod.minMax
  /// Share of a tensor's values that REMOVAL_OUTLIER keeps on either side.
  private(set) var percentile = 0.9999
  private(set) var calibration: CalibrationSettings?

  /// Reads the sections; everything that is wrong is in one error. What is ignored is a warning in `report`.
  public static func read(_ config: ConfigFile, _ report: Report) throws(EngineError) -> QuantizationSettings {
    var reader = SettingsReader(config)
    let settings = reader.settings(report)
    if let first = reader.errors.first {
      throw EngineError(first.code, Message(text: reader.errors.map { $0.message }.joined(separator: "\n")))
    }
    return settings
  }

  /// Collects the errors of all values.
  private struct SettingsReader {
    let config: ConfigFile
    var errors: [EngineError] = []

    init(_ config: ConfigFile) { self.config = config }

    mutating func get<T>(_ fallback: T, _ read: () throws(EngineError) -> T) -> T {
      do throws(EngineError) { return try read() } catch {
        errors.append(error)
        return fallback
      }
    }
    mutating func refuse(_ message: Message) { errors.append(EngineError(.inputParameterInvalid, message)) }

    mutating func settings(_ report: Report) -> QuantizationSettings {
      let c = config
      var s = QuantizationSettings()
      let common = "common_quant_param"
      let type = get("") { () throws(EngineError) in
        try c.choice(common, "quant_type", ["WEIGHT_QUANT", "FULL_QUANT", "DYNAMIC_QUANT"], default: "")
      }
      switch type {
      case "WEIGHT_QUANT": s.kind = .weights
      case "FULL_QUANT": s.kind = .full
      case "DYNAMIC_QUANT": s.kind = .dynamic
      default: if c.has(common) && c.string(common, "quant_type") == nil { refuse("section [\(common)] needs quant_type") }
      }
      s.bits = get(8) { () throws(EngineError) in try c.int(common, "bit_num", 0...16, default: 8) }
      if (s.kind == .full || s.kind == .dynamic) && s.bits != 8 {
        refuse("bit_num=\(s.bits): \(type) quantises to 8 bits; other widths are for WEIGHT_QUANT")
      }
      s.minimumSize = get(0) { () throws(EngineError) in try c.int(common, "min_quant_weight_size", 0...65535, default: 0) }
      s.minimumChannels = get(16) { () throws(EngineError) in try c.int(common, "min_quant_weight_channel", 0...65535, default: 16) }
      s.skipped = Set(c.list(common, "skip_quant_node"))
      s.debugDirectory = c.string(common, "debug_info_save_path").flatMap { $0.isEmpty ? nil : $0 }
      s.compresses = get(true) { () throws(EngineError) in try c.bool(common, "enable_encode", default: true) }
      weights(&s, report)
      activations(&s, report)
      let mode = get("QUANT") { () throws(EngineError) in
        try c.choice("transform_quant_param", "export_precision_mode", ["QUANT", "FLOAT32"], default: "QUANT")
      }
      if mode == "FLOAT32" { refuse("export_precision_mode=FLOAT32 is not supported: a quantised model stays quantised") }
      s.calibration = calibration(s, report)
      unused(s, report)
      return s
    }

    private mutating func weights(_ s: inout QuantizationSettings, _ report: Report) {
      let c = config
      let mixed = "mixed_bit_weight_quant_param", weight = "weight_quant_param"
      s.initialScale = get(0.02) { () throws(EngineError) in try c.float(mixed, "init_scale", 0...1, default: 0.02) }
      if s.initialScale == 0 || s.initialScale == 1 { refuse("init_scale=\(c.string(mixed, "init_scale") ?? "") must lie between 0 and 1") }
      if get(false, { () throws(EngineError) in try c.bool(mixed, "auto_tune", default: false) }) {
        refuse("auto_tune=true is not supported: init_scale says the error of the weights")
      }
      _ = get(false) { () throws(EngineError) in try c.bool(mixed, "use_cv_data", default: false) }
      _ = get(40) { () throws(EngineError) in try c.int(mixed, "max_iterations", 40...1_000_000, default: 40) }
      let dequantisation = get("DEFAULT") { () throws(EngineError) in
        try c.choice(weight, "dequant_strategy", ["DEFAULT", "ON_THE_FLY"], default: "DEFAULT")
      }
      if dequantisation == "ON_THE_FLY" { refuse("dequant_strategy=ON_THE_FLY is for Ascend devices; weights are dequantised when the model is loaded (DEFAULT)") }
      let strategy = get("MAX_MIN") { () throws(EngineError) in
        try c.choice(weight, "quant_strategy", ["MAX_MIN", "GPTQ"], default: "MAX_MIN")
      }
      if strategy == "GPTQ" { refuse("quant_strategy=GPTQ is not supported; MAX_MIN chooses the range with the least squared error per channel") }
      if get(1, { () throws(EngineError) in try c.int(weight, "max_segments", 1...65535, default: 1) }) > 1 {
        report.warn("max_segments is ignored: all output channels have a scale of their own")
      }
      if get(false, { () throws(EngineError) in try c.bool(weight, "update_mindir", default: false) }) {
        report.warn("update_mindir is ignored: only .ms files are written")
      }
      s.perChannel = get(true) { () throws(EngineError) in try c.bool(weight, "per_channel", default: true) }
      s.correctsBias = get(true) { () throws(EngineError) in try c.bool(weight, "bias_correction", default: true) }
    }

    private mutating func activations(_ s: inout QuantizationSettings, _ report: Report) {
      let c = config
      let full = "full_quant_param"
      let method = get("MAX_MIN") { () throws(EngineError) in
        try c.choice(full, "activation_quant_method", ["MAX_MIN", "KL", "REMOVAL_OUTLIER"], default: "MAX_MIN")
      }
      s.rangeMethod = RangeMethod(rawValue: method) ?? .minMax
      s.percentile = get(0.9999) { () throws(EngineError) in try c.float(full, "percentile", 0.5...1, default: 0.9999) }
      if c.string(full, "percentile") != nil && s.rangeMethod != .percentile { refuse("percentile is for activation_quant_method=REMOVAL_OUTLIER") }
      if s.kind == .full {
        s.perChannel = get(true) { () throws(EngineError) in try c.bool(full, "per_channel", default: true) }
        s.correctsBias = get(true) { () throws(EngineError) in try c.bool(full, "bias_correction", default: true) }
      }
      if let device = c.string(full, "target_device") {
        _ = get("") { () throws(EngineError) in try c.choice(full, "target_device", ["KIRIN", "NVGPU", "DSP", "ASCEND", "CPU"], default: "CPU") }
        if device != "CPU" { report.warn("target_device=\(device) is ignored: the model is quantised for the CPU") }
      }
      _ = get(0.5) { () throws(EngineError) in try c.float(full, "smooth_alpha", 0...1, default: 0.5) }
      if get(false, { () throws(EngineError) in try c.bool(full, "enable_smooth_shift", default: false) }) || c.string(full, "smooth_alpha") != nil {
        report.warn("smooth_alpha and enable_smooth_shift are ignored: they are for Ascend devices")
      }
      let strategy = get("ALWC") { () throws(EngineError) in
        try c.choice("dynamic_quant_param", "quant_strategy", ["ALWC", "ACWL"], default: "ALWC")
      }
      if strategy == "ACWL" { refuse("quant_strategy=ACWL: activations with a scale per channel have no kernels on the CPU; ALWC has") }
    }

    private mutating func calibration(_ s: QuantizationSettings, _ report: Report) -> CalibrationSettings? {
      let needs = s.kind == .full
      let section = "data_preprocess_param"
      guard config.has(section) else {
        if needs { refuse("calibration data is needed: a section [\(section)] with calibrate_path, calibrate_size and input_type") }
        return nil
      }
      let c = config
      let settings = get(nil) { () throws(EngineError) -> CalibrationSettings? in try CalibrationSettings.read(c, section) }
      return needs ? settings : nil
    }

    /// Templates of config files have all sections; those that do nothing are named.
    private mutating func unused(_ s: QuantizationSettings, _ report: Report) {
      var list = [String]()
      let sections: [(String, Bool)] = [
        ("mixed_bit_weight_quant_param", s.kind == .weights && s.bits == 0), ("weight_quant_param", s.kind == .weights),
        ("full_quant_param", s.kind == .full), ("dynamic_quant_param", s.kind == .dynamic),
        ("data_preprocess_param", s.kind == .full),
      ]
      for (name, isUsed) in sections where config.has(name) && !isUsed { list.append("[\(name)]") }
      if !list.isEmpty { report.warn("config: not used by this conversion: \(list.joined(separator: ", "))") }
    }
  }
}
