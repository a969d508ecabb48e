import ConverterCore
import Graph

/// Section `data_preprocess_param`: where calibration data lies and what is done to it.
struct CalibrationSettings {
  enum Source { case raw, pictures }
  enum PixelOrder: String { case rgb = "RGB", bgr = "BGR", gray = "GRAY" }
  enum Interpolation: String { case linear = "LINEAR", nearest = "NEAREST", cubic = "CUBIC" }

  /// Input name and directory.
  private(set) var folders: [(input: String, path: String)] = []
  private(set) var size = 0
  private(set) var source = Source.raw
  private(set) var order: PixelOrder = .bgr
  /// Per channel, or one for all; empty: 0 and 1.
  private(set) var mean: [Double] = [], deviation: [Double] = []
  /// nil: as the picture is.
  private(set) var resize: (width: Int, height: Int)?
  private(set) var interpolation = Interpolation.linear
  private(set) var crop: (width: Int, height: Int)?

  static func read(_ c: ConfigFile, _ section: String) throws(EngineError) -> CalibrationSettings {
    var s = CalibrationSettings()
    func refuse(_ message: Message) -> EngineError { EngineError(.inputParameterInvalid, message) }
    for entry in c.list(section, "calibrate_path") {
      guard let colon = entry.lastIndex(of: ":"), colon != entry.startIndex, entry.index(after: colon) != entry.endIndex else {
        throw refuse("calibrate_path: \"\(entry)\" is not input:directory")
      }
      s.folders.append((String(entry[..<colon]), String(entry[entry.index(after: colon)...])))
    }
    if s.folders.isEmpty { throw refuse("section [\(section)] needs calibrate_path (input:directory, comma separated)") }
    guard c.string(section, "calibrate_size") != nil else { throw refuse("section [\(section)] needs calibrate_size (1 to 65535)") }
    s.size = try c.int(section, "calibrate_size", 1...65535, default: 1)
    guard c.string(section, "input_type") != nil else { throw refuse("section [\(section)] needs input_type (IMAGE or BIN)") }
    s.source = try c.choice(section, "input_type", ["IMAGE", "BIN"], default: "BIN") == "IMAGE" ? .pictures : .raw
    if let order = PixelOrder(rawValue: try c.choice(section, "image_to_format", ["RGB", "BGR", "GRAY"], default: "BGR")) { s.order = order }
    if let method = Interpolation(rawValue: try c.choice(section, "resize_method", ["LINEAR", "NEAREST", "CUBIC"], default: "LINEAR")) {
      s.interpolation = method
    }
    s.mean = try numbers(c, section, "normalize_mean")
    s.deviation = try numbers(c, section, "normalize_std")
    if s.deviation.contains(0) { throw refuse("normalize_std must not contain 0") }
    let channels = s.order == .gray ? 1 : 3
    for (key, list) in [("normalize_mean", s.mean), ("normalize_std", s.deviation)] where !list.isEmpty && list.count != 1 && list.count != channels {
      throw refuse("\(key) has \(list.count) values; 1 or \(channels) are needed, one per channel")
    }
    s.resize = try pair(c, section, "resize_width", "resize_height")
    s.crop = try pair(c, section, "center_crop_width", "center_crop_height")
    if let r = s.resize, let crop = s.crop, crop.width > r.width || crop.height > r.height {
      throw refuse("the centre crop \(crop.width) x \(crop.height) is larger than the resized picture \(r.width) x \(r.height)")
    }
    if s.source == .raw {
      for key in ["image_to_format", "normalize_mean", "normalize_std", "resize_width", "resize_height", "resize_method", "center_crop_width", "center_crop_height"]
      where c.string(section, key) != nil {
        throw refuse("\(key) is for input_type=IMAGE; BIN data is given to the model as it is")
      }
    }
    return s
  }

  private static func pair(_ c: ConfigFile, _ section: String, _ width: String, _ height: String) throws(EngineError) -> (width: Int, height: Int)? {
    let w = try c.int(section, width, 1...65535, default: 0), h = try c.int(section, height, 1...65535, default: 0)
    if (w == 0) != (h == 0) { throw EngineError(.inputParameterInvalid, "\(width) and \(height) must be given together") }
    return w == 0 ? nil : (w, h)
  }

  private static func numbers(_ c: ConfigFile, _ section: String, _ key: String) throws(EngineError) -> [Double] {
    var out = [Double]()
    for text in c.list(section, key) {
      guard let value = Double(text), value.isFinite else {
        throw EngineError(.inputParameterInvalid, "\(key): \"\(text)\" is not a number; a list such as [123.7, 116.3, 103.5] is needed")
      }
      out.append(value)
    }
    return out
  }
}
