import Graph

// NonZero, and Where with one input. Attributes: none.

/// The coordinates (int32) of the elements that are not zero: NonZero as [rank, count], Where as [count, rank]. Their number is
/// known when the input's value is.
final class NonZeroOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(node.kind == .nonZero ? 1...2 : 1...1)
    try requireOutputs(1...1)
    try requireType(0, .bool, .int32, .float32)
  }

  override func infer() throws(EngineError) {
    guard inputs[0].hasKnownValue else { throw EngineError.deferred }
    let n = inputs[0].count
    var found = 0
    var i = 0
    while i < n {
      if isSet(i) { found += 1 }
      i += 1
    }
    let rank = inputs[0].shape.rank
    try setOutput(0, .int32, node.kind == .nonZero ? [rank, found] : [found, rank])
  }

  @inline(__always)
  private func isSet(_ i: Int) -> Bool {
    let bits = inputs[0].bits(i)
    // A float's sign does not make it differ from zero.
    return inputs[0].type == .float32 ? bits & 0x7fff_ffff != 0 : bits != 0
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let data = output.data, inputs[0].data != nil else { return }
    let y = data.assumingMemoryBound(to: Int32.self)
    let shape = inputs[0].shape
    let byAxis = node.kind == .nonZero
    let total = byAxis ? output.shape[1] : output.shape[0]
    let n = inputs[0].count
    var found = 0
    var i = 0
    while i < n && found < total {
      if isSet(i) {
        var rest = i
        var a = shape.rank - 1
        while a >= 0 {
          y[byAxis ? a * total + found : found * shape.rank + a] = Int32(truncatingIfNeeded: rest % shape[a])
          rest /= shape[a]
          a -= 1
        }
        found += 1
      }
      i += 1
    }
  }
}
