import Graph

// Attributes: none. Inputs: indices (scalar, [n] or [n, rank]), shape, values (one for all or n), default value (absent: 0).

/// A tensor of the default value with the values at the places that the rows of the indices name. A row that lies outside is an
/// error. The element type is the values' (the original labels the result with the type of the shape).
final class SparseToDenseOperator: Operator {
  private var coordinates = Coordinates()

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...4)
    try requireOutputs(1...1)
    try requireIndices(0)
    try requireFixedSize(2)
    if inputs.count == 4 {
      try requireSameType(2, 3)
      if inputs[3].shape.checkedCount == 0 {
        throw EngineError(.inferError, "input 3 (\(inputs[3].text)) must hold the default")
      }
    }
  }

  override func infer() throws(EngineError) {
    let shape = Shape(try requireSmallIntegers(1))
    try setOutput(0, inputs[2].type, shape.dims)
    try requireRank(0, 0...2)
    // A list of indices stands for rows of one entry each.
    let rows = Tensor(name: inputs[0].name, type: inputs[0].type, shape: inputs[0].shape)
    if rows.shape.rank < 2 { rows.shape = Shape([rows.shape.count, 1]) }
    coordinates = try Coordinates(rows, into: shape)
    let values = inputs[2].count
    if coordinates.depth != shape.rank || values != 1 && values != coordinates.rows {
      throw EngineError(
        .inferError,
        "the indices (\(inputs[0].text)) and values (\(inputs[2].text)) do not fit the shape \(shape.text)")
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let y = output.data else { return }
    let size = output.type.size
    fillElements(context, y, output.count, elementSize: size, bits: inputs.count == 4 ? inputs[3].bits(0) : 0)
    guard inputs[0].count > 0, inputs[0].data != nil, inputs[2].data != nil else { return }
    let indices = IndexList(inputs[0])
    try coordinates.check(indices, output.shape)
    let one = inputs[2].count == 1
    var row = 0
    while row < coordinates.rows {
      let place = coordinates.offset(indices, row) ?? 0
      fillElements(context, y + place * size, 1, elementSize: size, bits: inputs[2].bits(one ? 0 : row))
      row += 1
    }
  }
}
