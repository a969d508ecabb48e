import Graph

/// Keys on the command line.
public enum KeyText {
  /// The bytes of a key of 32, 48 or 64 hexadecimal digits.
  public static func bytes(_ text: String) throws(EngineError) -> [UInt8] {
    let digits = text.compactMap { $0.isASCII ? $0.hexDigitValue : nil }
    guard digits.count == text.count, [32, 48, 64].contains(digits.count) else {
      throw EngineError(.inputParameterInvalid, "the key has \(text.count) characters; expected 32, 48 or 64 hexadecimal digits")
    }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(16 * digits[$0] + digits[$0 + 1]) }
  }
}

/// Input shapes on the command line.
public enum ShapeText {
  /// `name:1,2,3;other:4,5`, or `1,2,3` alone for the only input (the empty name).
  public static func parse(_ text: String) throws(EngineError) -> [String: [Int]] {
    var out: [String: [Int]] = [:]
    for part in text.split(separator: ";") {
      let colon = part.lastIndex(of: ":")
      let name = colon.map { String(part[..<$0]) } ?? ""
      let list = colon.map { part[part.index(after: $0)...] } ?? part
      var dims = [Int]()
      for word in list.split(separator: ",", omittingEmptySubsequences: false) {
        guard let d = Int(word.filter { $0 != " " }), d >= 0, d <= Int(Int32.max) else {
          throw EngineError(.inputParameterInvalid, "input shape \"\(String(part))\": \"\(String(word))\" is not a dimension; expected name:1,2,3")
        }
        dims.append(d)
      }
      guard out.updateValue(dims, forKey: name) == nil else {
        throw EngineError(.inputParameterInvalid, "input shapes name \"\(name)\" twice")
      }
    }
    return out
  }

  /// Gives a shape without a name to the only input.
  public static func named(_ shapes: [String: [Int]], inputs: [String]) throws(EngineError) -> [String: [Int]] {
    guard let dims = shapes[""] else { return shapes }
    guard shapes.count == 1, inputs.count == 1 else {
      throw EngineError(
        .inputParameterInvalid,
        "the model has \(inputs.count) inputs (\(inputs.joined(separator: ", "))); give shapes as name:1,2,3;other:4,5")
    }
    return [inputs[0]: dims]
  }
}
