import Graph

// Shape, Size and Rank. Attributes: none. Only the input's shape is used.

/// The dimensions of the input (Shape, int32 [rank]), their product (Size, int32 scalar) or their number (Rank, [1] in the
/// input's type, as in the original).
final class ShapeOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    if node.kind == .rank { try requireType(0, .float32, .float16, .int32, .int64) }
  }

  override var needsShapesOnly: Bool { true }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    if node.kind == .rank { return try setOutput(0, inputs[0].type, [1]) }
    guard let count = shape.checkedCount, count <= Int(Int32.max) || node.kind == .shape else {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) has too many elements to count")
    }
    for d in shape.dims where d > Int(Int32.max) {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) has a dimension that int32 cannot hold")
    }
    try setOutput(0, .int32, node.kind == .shape ? [shape.rank] : [])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let y = outputs[0].data else { return }
    let shape = inputs[0].shape
    if node.kind == .rank {
      let type = outputs[0].type
      fillElements(context, y, 1, elementSize: type.size, bits: type.bits(of: Double(shape.rank)) ?? 0)
    } else if node.kind == .size {
      y.storeBytes(of: Int32(truncatingIfNeeded: shape.count), as: Int32.self)
    } else {
      var i = 0
      while i < shape.rank {
        y.storeBytes(of: Int32(truncatingIfNeeded: shape[i]), toByteOffset: i * 4, as: Int32.self)
        i += 1
      }
    }
  }
}
