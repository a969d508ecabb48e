import Graph

// Attributes: 0 axis: int, 0; -1 = last. Inputs: indices, depth, on value, off value; or indices, depth, [off, on]. In the
// second form negative indices count from the end, as in the original.

/// A new axis of `depth` entries: the on value where the index points, the off value elsewhere. Indices outside give a row of off.
final class OneHotOperator: Operator {
  private let attribute: Int
  private var outer = 0, depth = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    attribute = node.attributes.int(0, 0)
    try super.init(node)
    try requireInputs(3...4)
    try requireOutputs(1...1)
    try requireIndices(0)
    try requireFixedSize(2)
    if inputs.count == 4 { try requireSameType(2, 3) }
  }

  override func infer() throws(EngineError) {
    let values = inputs.count == 3 ? 2 : 1
    for i in 2..<inputs.count where (inputs[i].shape.checkedCount ?? 0) < values {
      throw EngineError(.inferError, "input \(i) (\(inputs[i])) must hold \(values) values")
    }
    let shape = inputs[0].shape
    let axis = attribute < 0 ? attribute + shape.rank + 1 : attribute
    if axis < 0 || axis > shape.rank {
      throw EngineError(.inferError, "axis \(attribute) lies outside the output of \(shape.rank + 1) dimensions")
    }
    depth = try requireScalar(1)
    outer = shape.span(0..<axis)
    inner = shape.span(axis..<shape.rank)
    var dims = shape.dims
    dims.insert(depth, at: axis)
    try setOutput(0, inputs[2].type, dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let y = output.data, inputs[0].data != nil else { return }
    let size = output.type.size
    let pair = inputs.count == 3
    let (on, off) = pair ? (inputs[2].bits(1), inputs[2].bits(0)) : (inputs[2].bits(0), inputs[3].bits(0))
    fillElements(context, y, output.count, elementSize: size, bits: off)
    let indices = IndexList(inputs[0])
    var i = 0
    while i < outer * inner {
      let v = indices[i]
      let k = pair && v < 0 ? v &+ depth : v
      if k >= 0 && k < depth {
        fillElements(context, y + (i / inner * depth * inner + k * inner + i % inner) * size, 1, elementSize: size, bits: on)
      }
      i += 1
    }
  }
}
