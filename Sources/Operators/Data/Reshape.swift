import Graph

// Attributes: 1 shape: ints, absent. Only files of the 1.0 format carry it; later ones give the shape as input 1.

/// The same elements in another shape. In the shape -1 stands for what is left and 0 for the input's dimension at that place.
final class ReshapeOperator: ViewOperator {
  private let shape: [Int]

  override init(_ node: Node) throws(EngineError) {
    shape = node.attributes.ints(1)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) {
    let input = inputs[0]
    guard let count = input.shape.checkedCount else {
      throw EngineError(.inferError, "input 0 (\(input)) has the impossible shape \(input.shape)")
    }
    var dims = shape
    if inputs.count == 2 {
      try requireType(1, .int8, .int32, .int64, .float32, .uint32)
      dims = try requireSmallIntegers(1)
    }
    if dims.count > Shape.maximumRank {
      throw EngineError(.inferError, "the shape has \(dims.count) dimensions; \(Shape.maximumRank) is the limit")
    }
    var rest = -1
    var known = 1
    var i = 0
    while i < dims.count {
      if dims[i] == -1 && rest < 0 {
        rest = i
      } else {
        if dims[i] == 0 && i < input.shape.rank && count != 0 { dims[i] = input.shape[i] }
        let (product, overflow) = known.multipliedReportingOverflow(by: dims[i])
        if dims[i] < 0 || overflow {
          throw EngineError(.inferError, "cannot give \(input) the shape \(Shape(dims))")
        }
        known = product
      }
      i += 1
    }
    if rest >= 0 && known > 0 && count % known == 0 {
      dims[rest] = count / known
      known = count
    }
    if known != count || rest >= 0 && dims[rest] < 0 {
      throw EngineError(.inferError, "cannot give the \(count) elements of \(input) the shape \(Shape(dims))")
    }
    try setOutput(0, input.type, dims)
  }
}
