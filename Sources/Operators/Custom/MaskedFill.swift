import Graph

// Custom MaskedFill. Inputs: x float32, mask bool of x's shape, value float32, one element.

/// y = the value where the mask is set, x elsewhere.
final class MaskedFillOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireType(1, .bool)
    try requireType(2, .float32)
  }

  override func infer() throws(EngineError) {
    if inputs[1].shape != inputs[0].shape || inputs[2].count != 1 {
      throw EngineError(
        .inferError, "the mask (\(inputs[1])) must have the shape of \(inputs[0]), and the value (\(inputs[2])) one element")
    }
    try setOutput(0, .float32, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    let x = inputs[0].floats, y = outputs[0].floats, mask = inputs[1].pointer(UInt8.self), value = inputs[2].floats.pointee
    for i in 0..<n { y[i] = mask[i] != 0 ? value : x[i] }
  }
}

// Custom IsInf. Input: x float32.

/// y = x is plus or minus infinity, bool.
final class IsInfOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) { try setOutput(0, .bool, inputs[0].shape.dims) }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = outputs[0].count
    if n == 0 { return }
    let x = inputs[0].floats, y = outputs[0].pointer(UInt8.self)
    for i in 0..<n { y[i] = x[i].isInfinite ? 1 : 0 }
  }
}
