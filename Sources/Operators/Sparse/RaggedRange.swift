import Graph

// Attributes: none. Inputs: starts, limits, steps, all int32 or all float32, each a number or [n].

/// TensorFlow's RaggedRange: the numbers from each start on in its steps up to its limit, all in one list, and where each range
/// begins in it (int32 [n + 1]). A single number counts for every range. The list's length is known when the inputs are.
final class RaggedRangeOperator: Operator {
  private var rows = 0
  private static let limit = 1 << 28

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(2...2)
    try requireType(0, .int32, .float32)
    try requireSameType(0, 1)
    try requireSameType(0, 2)
  }

  private var isFloat: Bool { inputs[0].type == .float32 }

  /// Where the entry of range `i` of input `index` stands.
  private func at(_ index: Int, _ i: Int) -> Int { inputs[index].shape.rank == 0 ? 0 : i }

  /// How many numbers range `i` has; -1 when that cannot be said.
  private func length(_ i: Int) -> Int {
    if isFloat {
      let (start, end) = (inputs[0].floats[at(0, i)], inputs[1].floats[at(1, i)])
      let n = ((end - start) / inputs[2].floats[at(2, i)]).rounded(.up)
      if !(n <= 1e9) { return -1 }
      return n > 0 ? Int(n) : 0
    }
    let start = Int(inputs[0].pointer(Int32.self)[at(0, i)]), end = Int(inputs[1].pointer(Int32.self)[at(1, i)])
    let step = Int(inputs[2].pointer(Int32.self)[at(2, i)])
    if step == 0 { return -1 }
    return max((end - start + step - step.signum()) / step, 0)
  }

  override func infer() throws(EngineError) {
    rows = 1
    var isFirst = true
    for i in 0..<3 {
      try requireRank(i, 0...1)
      if inputs[i].shape.rank == 0 { continue }
      if !isFirst && inputs[i].shape[0] != rows {
        throw EngineError(.inferError, "input \(i) (\(inputs[i])) must be a number or \(rows) numbers")
      }
      rows = inputs[i].shape[0]
      isFirst = false
    }
    for input in inputs where !input.hasKnownValue { throw EngineError.deferred }
    var total = 0
    for i in 0..<rows {
      let n = length(i)
      total += n
      if n < 0 || total > RaggedRangeOperator.limit {
        throw EngineError(
          .error, "range \(i) has a step of 0, or its length is no number, or the ranges have more than \(RaggedRangeOperator.limit) numbers")
      }
    }
    try setOutput(0, .int32, [rows + 1])
    try setOutput(1, inputs[0].type, [total])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let splits = outputs[0].pointer(Int32.self)
    splits[0] = 0
    var total = 0
    for i in 0..<rows {
      let n = length(i)
      if n > 0 && isFloat {
        let step = inputs[2].floats[at(2, i)]
        var value = inputs[0].floats[at(0, i)]
        for j in 0..<n {
          outputs[1].floats[total + j] = value
          value += step
        }
      } else if n > 0 {
        let step = inputs[2].pointer(Int32.self)[at(2, i)]
        var value = inputs[0].pointer(Int32.self)[at(0, i)]
        for j in 0..<n {
          outputs[1].pointer(Int32.self)[total + j] = value
          value = value &+ step
        }
      }
      total += n
      splits[i + 1] = Int32(truncatingIfNeeded: total)
    }
  }
}
