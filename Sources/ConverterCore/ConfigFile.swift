import Graph
import System

/// The converter's config file: `[section]` lines, `key=value` lines, comments after `#`.
public struct ConfigFile {
  /// Section name to its keys. Later lines win.
  public private(set) var sections: [String: [String: String]] = [:]
  /// The line each section and key stands in, for error texts: "section" or "section/key".
  private var lines: [String: Int] = [:]

  public init() {}

  /// Sections and their keys that a config file may have; a key not listed is an error.
  public static let known: [String: Set<String>] = [
    "common_quant_param": [
      "quant_type", "bit_num", "min_quant_weight_size", "min_quant_weight_channel", "skip_quant_node", "debug_info_save_path",
      "enable_encode", "workspace",
    ],
    "mixed_bit_weight_quant_param": ["init_scale", "auto_tune", "use_cv_data", "max_iterations"],
    "weight_quant_param": ["dequant_strategy", "quant_strategy", "update_mindir", "max_segments", "per_channel", "bias_correction"],
    "full_quant_param": [
      "activation_quant_method", "bias_correction", "per_channel", "target_device", "smooth_alpha", "enable_smooth_shift",
      "percentile",
    ],
    "dynamic_quant_param": ["quant_strategy"],
    "transform_quant_param": ["export_precision_mode"],
    "data_preprocess_param": [
      "calibrate_path", "calibrate_size", "input_type", "image_to_format", "normalize_mean", "normalize_std", "resize_width",
      "resize_height", "resize_method", "center_crop_width", "center_crop_height",
    ],
    "training": [
      "loss", "beta", "output", "label", "optimizer", "learning_rate", "momentum", "dampening", "nesterov", "weight_decay", "beta1", "beta2",
      "epsilon", "train_last_layers", "train_from", "train_nodes", "freeze_nodes", "batch_norm", "classes", "seed", "batch_size",
    ],
    "registry": ["plugin_path", "disable_fusion", "fusion_blacklists"],
    "third_party_model": [
      "input_names", "input_dtypes", "input_shapes", "input_formats", "output_names", "output_dtypes", "output_shapes",
      "output_formats", "extended_parameters",
    ],
  ]
  /// Sections of the original that concern other hardware or code generation.
  private static let foreign: Set<String> = [
    "micro_param", "cpu_option_cfg_param", "custom_opp_path", "ascend_context", "acl_option_cfg_param", "graph_kernel_param",
  ]

  public static func read(_ path: String) throws(EngineError) -> ConfigFile {
    let file = try InputFile.open(path)
    return try parse(String(decoding: file.bytes, as: UTF8.self), name: path)
  }

  public static func parse(_ text: String, name: String) throws(EngineError) -> ConfigFile {
    var config = ConfigFile()
    var section = ""
    var number = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      let content = trimmed(line.prefix { $0 != "#" })
      if content.isEmpty { continue }
      if content.hasPrefix("[") {
        guard content.hasSuffix("]") else { throw EngineError(.inputParameterInvalid, "\(name):\(number): a section ends with \"]\"") }
        section = String(content.dropFirst().dropLast())
        if foreign.contains(section) {
          throw EngineError(.notSupported, "\(name):\(number): section [\(section)] concerns other hardware or code generation")
        }
        guard known[section] != nil else {
          throw EngineError(
            .inputParameterInvalid,
            "\(name):\(number): no section is named [\(section)]; there are \(known.keys.sorted().joined(separator: ", "))")
        }
        config.lines[section] = number
        config.sections[section] = config.sections[section] ?? [:]
        continue
      }
      guard let equals = content.firstIndex(of: "=") else {
        throw EngineError(.inputParameterInvalid, "\(name):\(number): not \"key=value\": \(content)")
      }
      let key = trimmed(content[..<equals])
      guard let keys = known[section] else {
        throw EngineError(.inputParameterInvalid, "\(name):\(number): \"\(key)\" stands before the first section")
      }
      guard keys.contains(key) else {
        throw EngineError(
          .inputParameterInvalid,
          "\(name):\(number): section [\(section)] has no key \"\(key)\"; there are \(keys.sorted().joined(separator: ", "))")
      }
      config.sections[section]![key] = trimmed(content[content.index(after: equals)...])
      config.lines["\(section)/\(key)"] = number
    }
    return config
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    var t = Substring(text)
    while let c = t.first, c.isWhitespace { t.removeFirst() }
    while let c = t.last, c.isWhitespace { t.removeLast() }
    return String(t)
  }

  public func has(_ section: String) -> Bool { sections[section] != nil }
  public func string(_ section: String, _ key: String) -> String? { sections[section]?[key] }

  private func refuse(_ section: String, _ key: String, _ wanted: String) -> EngineError {
    EngineError(
      .inputParameterInvalid,
      "config line \(lines["\(section)/\(key)"] ?? 0): \(key)=\(string(section, key) ?? "") must be \(wanted)")
  }

  /// The value if it is one of `choices`; `fallback` when absent.
  public func choice(_ section: String, _ key: String, _ choices: [String], default fallback: String) throws(EngineError) -> String {
    guard let text = string(section, key) else { return fallback }
    guard choices.contains(text) else { throw refuse(section, key, "one of \(choices.joined(separator: ", "))") }
    return text
  }
  public func int(_ section: String, _ key: String, _ range: ClosedRange<Int>, default fallback: Int) throws(EngineError) -> Int {
    guard let text = string(section, key) else { return fallback }
    guard let value = Int(text), range.contains(value) else {
      throw refuse(section, key, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
  public func float(_ section: String, _ key: String, _ range: ClosedRange<Double>, default fallback: Double) throws(EngineError) -> Double {
    guard let text = string(section, key) else { return fallback }
    guard let value = Double(text), range.contains(value) else {
      throw refuse(section, key, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
  /// `true`/`false` or `on`/`off`.
  public func bool(_ section: String, _ key: String, default fallback: Bool) throws(EngineError) -> Bool {
    switch string(section, key) {
    case nil: return fallback
    case "true", "on": return true
    case "false", "off": return false
    default: throw refuse(section, key, "true or false")
    }
  }
  /// Comma separated entries; empty when absent. Brackets around the list are optional.
  public func list(_ section: String, _ key: String) -> [String] {
    guard var text = string(section, key) else { return [] }
    if text.hasPrefix("[") && text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
    return text.split(separator: ",").map { ConfigFile.trimmed($0) }
  }
}
