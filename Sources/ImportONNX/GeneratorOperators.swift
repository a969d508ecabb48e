import ConverterCore
import Graph

/// Operators that make tensors of nothing, or of a shape.
enum GeneratorOperators {
  static let table: [String: ONNXOperator] = [
    "Constant": constant, "ConstantOfShape": constantOfShape, "Range": range, "EyeLike": eyeLike,
  ]

  private static func constant(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph
    if let value = try node.optionalTensor("value") { return [value] }
    if let value = try node.optionalFloat("value_float") { return [graph.constant(floats: [value], dims: [])] }
    if let values = try node.optionalFloats("value_floats") { return [graph.constant(floats: values)] }
    if let value = try node.optionalInt("value_int") { return [graph.constant(ints: [value], dims: [])] }
    if let values = try node.optionalInts("value_ints") { return [graph.constant(ints: values)] }
    if let value = try node.optionalSparseTensor("sparse_value") { return [value] }
    try node.refuse(node.has("value_string") || node.has("value_strings"), "it holds strings; the engine computes with numbers only")
    throw EngineError(.formatError, "it has no value")
  }

  /// A tensor of a given shape, filled with the value's one element (float 0 if there is none).
  private static func constantOfShape(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let value = try node.optionalTensor("value") ?? f.scalar(Float(0))
    guard value.count == 1 else { throw EngineError(.formatError, "the value has \(value.count) elements instead of one") }
    let shape = try node.input(0, "shape")
    return [try graph.add1(.fill, [:], [f.squeezedToScalar(value), shape])]
  }

  private static func range(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let start = try node.input(0, "start")
    var operands = [Tensor]()
    for i in 0..<3 { operands.append(try f.squeezedToScalar(f.widened(node.input(i)))) }
    let attributes: [String: AttributeValue] = [
      "d_type": .number(Int(operands[0].type.rawValue)), "start": 0, "limit": 0, "delta": 1,
    ]
    return [try f.cast(node.graph.add1(.range, attributes, operands), start.type)]
  }

  /// Ones on the k-th diagonal of a matrix of the operand's shape.
  private static func eyeLike(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    guard try node.graph.rank(of: x) == 2 else { throw EngineError(.inputParameterInvalid, "\(x) is not a matrix") }
    let k = try node.int("k", 0)
    let type = try node.optionalType("dtype") ?? x.type
    func positions(_ axis: Int) throws(EngineError) -> Tensor {
      try f.counting(f.squeezedToScalar(f.dims(x, axis..<(axis + 1))))
    }
    let rows = try f.unsqueeze(f.add(positions(0), f.scalar(k)), [1])
    return [try f.cast(f.equal(rows, f.unsqueeze(positions(1), [0])), type)]
  }
}
