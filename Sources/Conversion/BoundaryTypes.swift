import ConverterCore
import Graph

/// Element types of the model's inputs and outputs.
///
/// A quantised input or output is float32 for the caller, unless another type is asked for: a QuantDTypeCast stands between. Other
/// inputs and outputs keep their type, and get a Cast when another one is asked for.
enum BoundaryTypes {
  static func apply(_ builder: GraphBuilder, input: DataType?, output: DataType?) throws(EngineError) {
    let graph = builder.graph
    graph.nodes.insert(contentsOf: try wrap(\.inputs, of: builder, as: input, { ($0, $1) }), at: 0)
    graph.nodes += try wrap(\.outputs, of: builder, as: output, { ($1, $0) })
  }

  /// Puts tensors of the wanted types in place of the graph's inputs or outputs, and returns the nodes that cast between. `direction`
  /// orders an outer and its inner tensor as the data goes.
  private static func wrap(
    _ boundary: ReferenceWritableKeyPath<Graph, [Tensor]>, of builder: GraphBuilder, as asked: DataType?,
    _ direction: (_ outer: Tensor, _ inner: Tensor) -> (from: Tensor, to: Tensor)
  ) throws(EngineError) -> [Node] {
    let graph = builder.graph
    var casts = [Node]()
    for (i, inner) in graph[keyPath: boundary].enumerated() {
      guard let wanted = wantedType(inner, asked), wanted != inner.type else { continue }
      let outer = Tensor(name: inner.name, type: wanted, shape: inner.shape, format: inner.format)
      inner.name += "_inner"
      outer.quantParams = parameters(of: inner, as: wanted)
      graph.addTensor(outer)
      graph[keyPath: boundary][i] = outer
      builder.scope = "\(outer.name)_cast"
      let (from, to) = direction(outer, inner)
      casts.append(try cast(builder, from: from, to: to))
    }
    return casts
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
