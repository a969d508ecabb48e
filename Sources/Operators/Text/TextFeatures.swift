import CSystem
import Graph

// CustomExtractFeatures. Attributes: none. Input: strings.

/// For each string the number hash mod 1 000 000 (int32) and the number of its words, which is that of its spaces plus one
/// (float32); both 0 for the marks "<S>", "<E>" and "<S> <E>". No strings give one pair of zeros.
final class TextFeaturesOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(2...2)
    try requireType(0, .string)
  }

  override func infer() throws(EngineError) {
    guard inputs[0].hasKnownValue else { throw EngineError.deferred }
    let n = max(try StringTensor(inputs[0], input: 0).count, 1)
    try setOutput(0, .int32, [n])
    try setOutput(1, .float32, [n])
  }

  private func isMark(_ s: UnsafeBufferPointer<UInt8>) -> Bool {
    let mark: StaticString = s.count == 7 ? "<S> <E>" : s.count == 3 && s[1] == UInt8(ascii: "S") ? "<S>" : "<E>"
    return mark.utf8CodeUnitCount == s.count && memcmp(mark.utf8Start, s.baseAddress.unsafelyUnwrapped, s.count) == 0
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let strings = try StringTensor(inputs[0], input: 0)
    let labels = outputs[0].pointer(Int32.self), weights = outputs[1].floats
    (labels[0], weights[0]) = (0, 0)
    for i in 0..<strings.count {
      let s = strings[i]
      if isMark(s) {
        (labels[i], weights[i]) = (0, 0)
        continue
      }
      var words = 1
      for c in s where c == UInt8(ascii: " ") { words += 1 }
      labels[i] = Int32(truncatingIfNeeded: StringHash.of(s) % 1_000_000)
      weights[i] = Float(words)
    }
  }
}
