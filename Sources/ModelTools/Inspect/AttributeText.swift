import Graph
import ModelFile

/// Attributes by the names that the `.ms` schema gives them and their enums.
enum AttributeText {
  /// The attributes that a node states, in the schema's order.
  static func list(_ node: Node) -> [(name: String, value: AttributeValue)] {
    var out: [(String, AttributeValue)] = []
    for id in 0..<PrimitiveSchema.fieldCount(node.kind) {
      guard let value = node.attributes[id] else { continue }
      out.append((PrimitiveSchema.fieldName(node.kind, id) ?? "field \(id)", value))
    }
    return out
  }

  /// "kernel_size=3,3 stride=2,2 activation_type=RELU6": what is not a zero, an empty list or false.
  static func line(_ node: Node) -> String {
    list(node).filter { !isDefault($0.value) }.map { "\($0.name)=\(text($0.name, $0.value, node.kind))" }.joined(separator: " ")
  }

  private static func isDefault(_ value: AttributeValue) -> Bool {
    switch value {
    case .int(let v): return v == 0
    case .float(let v): return v == 0
    case .bool(let v): return !v
    case .string(let v): return v.isEmpty
    case .ints(let v): return v.isEmpty
    case .floats(let v): return v.isEmpty
    case .ints2D(let v): return v.isEmpty
    case .named(let v): return v.isEmpty
    }
  }

  static func text(_ name: String, _ value: AttributeValue, _ kind: OperatorKind) -> String {
    switch value {
    case .int(let v): return enumName(name, v, kind) ?? "\(v)"
    case .float(let v): return "\(Float(v))"
    case .bool(let v): return v ? "true" : "false"
    case .string(let v): return v
    case .ints(let v): return v.map { "\($0)" }.joined(separator: ",")
    case .floats(let v): return v.map { "\($0)" }.joined(separator: ",")
    case .ints2D(let rows): return rows.map { "[" + $0.map { "\($0)" }.joined(separator: ",") + "]" }.joined()
    case .named(let v): return v.map { "\($0.name):\($0.bytes.count)B" }.joined(separator: ",")
    }
  }

  static func json(_ name: String, _ value: AttributeValue, _ kind: OperatorKind) -> JSON {
    switch value {
    case .int(let v): return enumName(name, v, kind).map { .string($0) } ?? .int(Int(v))
    case .float(let v): return .double(v)
    case .bool(let v): return .bool(v)
    case .string(let v): return .string(v)
    case .ints(let v): return .array(v.map { .int(Int($0)) })
    case .floats(let v): return .array(v.map { .double(Double($0)) })
    case .ints2D(let rows): return .array(rows.map { .array($0.map { .int(Int($0)) }) })
    case .named(let v): return .object(v.map { ($0.name, text($0.bytes)) })
    }
  }

  /// Named bytes are texts as a rule.
  private static func text(_ bytes: [UInt8]) -> JSON {
    let isText = !bytes.contains { $0 < 32 || $0 > 126 }
    return isText ? .string(String(decoding: bytes, as: UTF8.self)) : .array(bytes.prefix(64).map { .int(Int($0)) })
  }

  private static let activations = [
    "NO_ACTIVATION", "RELU", "SIGMOID", "RELU6", "ELU", "LEAKY_RELU", "ABS", "RELU1", "SOFTSIGN", "SOFTPLUS", "TANH", "SELU",
    "HSWISH", "HSIGMOID", "THRESHOLDRELU", "LINEAR", "HARD_TANH", "SIGN", "SWISH", "GELU", "FAST_GELU",
  ]
  private static let enums: [String: [String]] = [
    "activation_type": activations, "pad_mode": ["PAD", "SAME", "VALID"], "padding_mode": ["CONSTANT", "REFLECT", "SYMMETRIC"],
    "round_mode": ["FLOOR", "CEIL"], "method": ["LINEAR", "NEAREST", "CUBIC"],
    "coordinate_transform_mode": ["ASYMMETRIC", "ALIGN_CORNERS", "HALF_PIXEL"],
    "nearest_mode": ["NORMAL", "ROUND_HALF_DOWN", "ROUND_HALF_UP", "FLOOR", "CEIL"],
    "reduce_mode": reductions, "reduction": ["SUM", "MEAN", "NONE"], "eltwise_mode": ["PROD", "SUM", "MAXIMUM"],
  ]
  private static let reductions = ["Mean", "Max", "Min", "Prod", "Sum", "SumSquare", "ASum", "All", "L2"]

  /// The name of an enum's value; nil for numbers.
  static func enumName(_ attribute: String, _ value: Int64, _ kind: OperatorKind) -> String? {
    var names = enums[attribute] ?? []
    if attribute == "mode" && kind == .reduceFusion { names = reductions }
    if attribute == "mode" && kind == .eltwise { names = ["PROD", "SUM", "MAXIMUM"] }
    if attribute.hasSuffix("format") { return Format(rawValue: Int32(truncatingIfNeeded: value)).map(Units.format) }
    if attribute == "src_t" || attribute == "dst_t" || attribute == "dst_type" || attribute.hasSuffix("_dtype")
      || attribute == "data_type" || attribute == "d_type"
    {
      return DataType(typeID: Int32(truncatingIfNeeded: value)).map { $0 == .unknown ? "0" : $0.name }
    }
    return value >= 0 && value < Int64(names.count) ? names[Int(value)] : nil
  }
}
