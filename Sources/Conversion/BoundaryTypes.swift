import ConverterCore
import Graph

/// Element types of the model's inputs and outputs.
///
/// A quantised input or output is float32 for the caller, unless another type is asked for: a QuantDTypeCast stands between. Other
/// inputs and outputs keep their type, and get a Cast when another one is asked for.
enum BoundaryTypes {
  static func apply(_ builder: GraphBuilder, input: DataType?, output: DataType?) throws(EngineError) {
    let graph = builder.graph
    var casts = [Node]()
    for (i, tensor) in graph.inputs.enumerated() {
      guard let wanted = wantedType(tensor, input), wanted != tensor.type else { continue }
      let outer = Tensor(name: tensor.name, type: wanted, shape: tensor.shape, format: tensor.format)
      tensor.name += "_inner"
      outer.quantParams = parameters(of: tensor, as: wanted)
      graph.addTensor(outer)
      graph.inputs[i] = outer
      builder.scope = "\(outer.name)_cast"
      casts.append(try cast(builder, from: outer, to: tensor))
    }
    graph.nodes.insert(contentsOf: casts, at: 0)
    for (i, tensor) in graph.outputs.enumerated() {
      guard let wanted = wantedType(tensor, output), wanted != tensor.type else { continue }
      let outer = Tensor(name: tensor.name, type: wanted, shape: tensor.shape, format: tensor.format)
      tensor.name += "_inner"
      outer.quantParams = parameters(of: tensor, as: wanted)
      graph.addTensor(outer)
      graph.outputs[i] = outer
      builder.scope = "\(outer.name)_cast"
      graph.nodes.append(try cast(builder, from: tensor, to: outer))
    }
  }

  private static func isQuantised(_ tensor: Tensor) -> Bool { !tensor.quantParams.isEmpty && isInteger(tensor.type) }

  private static func isInteger(_ type: DataType) -> Bool {
    switch type {
    case .int8, .uint8, .int16: return true
    default: return false
    }
  }

  private static func wantedType(_ tensor: Tensor, _ asked: DataType?) -> DataType? {
    asked ?? (isQuantised(tensor) ? .float32 : nil)
  }

  /// Quantization parameters of the tensor that the caller sees: uint8 values lie 128 above the int8 values of the same reals.
  private static func parameters(of tensor: Tensor, as type: DataType) -> [QuantParam] {
    guard isQuantised(tensor), isInteger(type) else { return [] }
    var shift: Int32 = 0
    if tensor.type == .int8 && type == .uint8 { shift = 128 }
    if tensor.type == .uint8 && type == .int8 { shift = -128 }
    return tensor.quantParams.map {
      var p = $0
      p.zeroPoint += shift
      return p
    }
  }

  private static func cast(_ builder: GraphBuilder, from: Tensor, to: Tensor) throws(EngineError) -> Node {
    let quantised = isQuantised(to) || isQuantised(from)
    guard !quantised || from.type == .float32 || to.type == .float32 || (isInteger(from.type) && isInteger(to.type)) else {
      throw EngineError(
        .inputParameterInvalid,
        "\"\(from.name)\" is quantised: its values can be float32, int8 or uint8 for the caller, not \(isQuantised(to) ? from.type.name : to.type.name)")
    }
    let node: Node
    if quantised {
      node = builder.node(
        .quantDTypeCast, ["src_t": .number(Int(from.type.rawValue)), "dst_t": .number(Int(to.type.rawValue))], [from], 0)
    } else {
      node = builder.node(.cast, [:], [from, builder.constant(ints: [Int(to.type.rawValue)], dims: [])], 0)
    }
    node.outputs = [to]
    return node
  }
}
