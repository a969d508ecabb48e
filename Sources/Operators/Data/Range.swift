import Graph

// Range. Attributes: 0 d_type: not used; 1 start: int, 0; 2 limit: int, 0; 3 delta: int, 1. They count when there is one input
// (whose value is not used); with three inputs those are start, limit and delta.

/// start, start + delta, ... before limit. float32 values are summed up one after the other, as in the original.
final class RangeOperator: Operator {
  private let attributes: (start: Int, limit: Int, delta: Int)

  override init(_ node: Node) throws(EngineError) {
    attributes = (node.attributes.int(1, 0), node.attributes.int(2, 0), node.attributes.int(3, 1))
    try super.init(node)
    try requireOutputs(1...1)
    if inputs.count != 1 && inputs.count != 3 { throw EngineError(.error, "has \(inputs.count) inputs; 1 or 3 are needed") }
    if inputs.count == 3 {
      try requireType(0, .int32, .int64, .float32)
      try requireSameType(0, 1)
      try requireSameType(0, 2)
      for t in inputs where t.shape.checkedCount == 0 { throw EngineError(.inferError, "\(t) must hold a number") }
    }
  }

  override func infer() throws(EngineError) {
    if inputs.count == 1 {
      return try setOutput(
        0, .int32, [try length(Double(attributes.start), Double(attributes.limit), Double(attributes.delta))])
    }
    for t in inputs where !t.hasKnownValue { throw EngineError.deferred }
    try setOutput(0, inputs[0].type, [try length(first(0), first(1), first(2))])
  }

  /// The first element of an input with a value.
  private func first(_ index: Int) -> Double {
    guard inputs[index].data != nil else { return 0 }
    let bits = inputs[index].bits(0)
    switch inputs[index].type {
    case .float32: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .int32: return Double(Int32(truncatingIfNeeded: bits))
    default: return Double(Int64(bitPattern: bits))
    }
  }

  private func length(_ start: Double, _ limit: Double, _ delta: Double) throws(EngineError) -> Int {
    // The original counts in float32.
    let steps = Double(Float(limit - start) / Float(delta))
    if delta == 0 || !(steps < 1e9) {
      throw EngineError(.inferError, "cannot count from \(text(start)) to \(text(limit)) in steps of \(text(delta))")
    }
    if steps <= 0 { return 0 }
    let whole = Int(steps)
    return Double(whole) < steps ? whole + 1 : whole
  }

  /// A number in an error text: its whole part.
  private func text(_ value: Double) -> String { "\(saturated(value, Int64.self))" }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let y = output.data else { return }
    let n = output.count
    var i = 0
    if output.type == .float32 {
      let delta = Float(first(2))
      var value = Float(first(0))
      while i < n {
        y.storeBytes(of: value, toByteOffset: i * 4, as: Float.self)
        value += delta
        i += 1
      }
      return
    }
    let is64 = output.type == .int64
    var value = Int64(attributes.start)
    var delta = Int64(attributes.delta)
    if inputs.count == 3 {
      value = IndexList(inputs[0]).wide
      delta = IndexList(inputs[2]).wide
    }
    while i < n {
      if is64 {
        y.storeBytes(of: value, toByteOffset: i * 8, as: Int64.self)
      } else {
        y.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: i * 4, as: Int32.self)
      }
      value = value &+ delta
      i += 1
    }
  }
}

extension IndexList {
  /// The first element.
  fileprivate var wide: Int64 { Int64(self[0]) }
}

// LinSpace. Attributes: none. Inputs: start, stop, number of values.

/// Values at equal distances from start to stop, both included.
final class LinSpaceOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .float32)
    for i in 0..<2 where inputs[i].shape.checkedCount == 0 {
      throw EngineError(.inferError, "input \(i) (\(inputs[i])) must hold a number")
    }
  }

  override func infer() throws(EngineError) {
    let n = try requireScalar(2)
    if n < 1 { throw EngineError(.inferError, "makes \(n) values; at least 1 is needed") }
    try setOutput(0, .float32, [n])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let y = outputs[0].data else { return }
    let (start, stop) = (inputs[0].floats[0], inputs[1].floats[0])
    let n = outputs[0].count
    let step = n > 1 ? (stop - start) / Float(n - 1) : 0
    var i = 0
    while i < n {
      y.storeBytes(of: i == n - 1 && n > 1 ? stop : start + Float(i) * step, toByteOffset: i * 4, as: Float.self)
      i += 1
    }
  }
}
