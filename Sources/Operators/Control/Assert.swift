import Graph

// Attributes: 0 summarize: int, 0; how many elements of each tensor the text shows (less than 1: 3, as TensorFlow does).

/// Fails the run when its condition, the first element of input 0, is false. The text shows the other inputs.
final class AssertOperator: Operator {
  private let shown: Int

  override init(_ node: Node) throws(EngineError) {
    let summarize = node.attributes.int(0)
    shown = summarize < 1 ? 3 : min(summarize, 1000)
    try super.init(node)
    try requireInputs(1...Int(Int32.max))
    try requireOutputs(0...1)
    try requireType(0, .bool, .float32, .float16)
  }

  override var isPure: Bool { false }

  override func infer() throws(EngineError) {
    if inputs[0].count < 1 { throw EngineError(.inferError, "input 0 (\(inputs[0])) must hold the condition") }
    if outputs.count == 1 { try setOutput(0, .bool, []) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let bits = inputs[0].bits(0)
    // A float's sign does not make it differ from zero.
    let holds = inputs[0].type == .bool ? bits != 0 : bits << UInt64(65 - 8 * inputs[0].type.size) != 0
    if !holds { throw EngineError(.error, "the condition does not hold\(summary())") }
    if outputs.count == 1, let data = outputs[0].data { data.storeBytes(of: 1, as: UInt8.self) }
  }

  /// The first elements of every tensor after the condition: `; "x" float32 [4] = 1 2 3 ...`
  private func summary() -> String {
    var text = ""
    var k = 1
    while k < inputs.count {
      let t = inputs[k]
      text += "; " + t.text + " ="
      var i = 0
      while i < min(t.count, shown) && t.data != nil && t.type.size > 0 {
        text += " " + elementText(t, i)
        i += 1
      }
      if t.count > shown { text += " ..." }
      k += 1
    }
    return text
  }
}

/// Element `i` of a tensor with data, for a text.
private func elementText(_ t: Tensor, _ i: Int) -> String {
  let bits = t.bits(i)
  switch t.type {
  case .bool: return bits != 0 ? "true" : "false"
  case .float32: return decimal(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
  case .float16: return decimal(Double(floatFromHalf(UInt16(truncatingIfNeeded: bits))))
  case .float64: return decimal(Double(bitPattern: bits))
  case .int8: return "\(Int(Int8(truncatingIfNeeded: bits)))"
  case .int16: return "\(Int(Int16(truncatingIfNeeded: bits)))"
  case .int32: return "\(Int(Int32(truncatingIfNeeded: bits)))"
  case .int64: return "\(Int(Int64(bitPattern: bits)))"
  default: return "\(UInt(truncatingIfNeeded: bits))"
  }
}

/// Six significant digits, as C's %g writes them. (The standard library's description of floats would add its tables.)
private func decimal(_ value: Double) -> String {
  if value != value { return "nan" }
  let sign = value < 0 ? "-" : ""
  var v = value < 0 ? -value : value
  if v == 0 { return "0" }
  if v > Double.greatestFiniteMagnitude { return sign + "inf" }
  var exponent = 0
  while v >= 1_000_000 {
    v /= 10
    exponent += 1
  }
  while v < 100_000 {
    v *= 10
    exponent -= 1
  }
  var digits = Int(v.rounded())
  while digits % 10 == 0 {
    digits /= 10
    exponent += 1
  }
  var mantissa = "\(digits)"
  let point = mantissa.utf8.count + exponent
  if exponent >= 0 && point <= 6 {
    for _ in 0..<exponent { mantissa += "0" }
    return sign + mantissa
  }
  if point > 0 && exponent < 0 { return sign + mantissa.prefix(point) + "." + mantissa.dropFirst(point) }
  if point > -4 && exponent < 0 {
    var zeros = "0."
    for _ in 0..<(-point) { zeros += "0" }
    return sign + zeros + mantissa
  }
  let fraction = mantissa.dropFirst(1)
  return sign + mantissa.prefix(1) + (fraction.isEmpty ? "" : "." + fraction) + "e\(point - 1)"
}
