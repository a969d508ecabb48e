/// A JSON value whose objects keep the order of their keys.
public enum JSON {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSON])
  case object([(String, JSON)])

  public static func ints(_ values: [Int]) -> JSON { .array(values.map { .int($0) }) }
  public static func strings(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }

  /// The text, indented by two spaces; arrays of numbers stay on one line. With `compact` all of it does.
  public func text(compact: Bool = false) -> String {
    var out = ""
    write(to: &out, indent: compact ? nil : 0)
    return out
  }

  private func write(to out: inout String, indent: Int?) {
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .int(let value): out += "\(value)"
    // JSON has no infinity and no NaN.
    case .double(let value): out += value.isFinite ? "\(value)" : "null"
    case .string(let value): JSON.quote(value, to: &out)
    case .array(let values):
      JSON.list(values.map { (nil, $0) }, "[", "]", to: &out, indent: values.allSatisfy { $0.isScalar } ? nil : indent)
    case .object(let members):
      JSON.list(members.map { ($0.0, $0.1) }, "{", "}", to: &out, indent: members.isEmpty ? nil : indent)
    }
  }

  private var isScalar: Bool {
    switch self {
    case .array, .object: return false
    default: return true
    }
  }

  private static func list(_ members: [(String?, JSON)], _ open: String, _ close: String, to out: inout String, indent: Int?) {
    out += open
    let inner = indent.map { $0 + 2 }
    for (i, (key, value)) in members.enumerated() {
      if i > 0 { out += inner == nil ? ", " : "," }
      if let inner { out += "\n" + String(repeating: " ", count: inner) }
      if let key {
        quote(key, to: &out)
        out += ": "
      }
      value.write(to: &out, indent: inner)
    }
    if let indent { out += "\n" + String(repeating: " ", count: indent) }
    out += close
  }

  private static func quote(_ text: String, to out: inout String) {
    out += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      default:
        // "<" is written so that the text can stand inside a page's script.
        if scalar.value < 32 || scalar == "<" || scalar.value == 0x2028 || scalar.value == 0x2029 {
          let digits = String(scalar.value, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          out.unicodeScalars.append(scalar)
        }
      }
    }
    out += "\""
  }
}
