import ConverterCore
import Graph

/// Lists of tensors, which TensorFlow's second form of loops uses.
enum TensorListOperators {
  static let table: [String: TensorFlowOperator] = [
    "TensorListReserve": reserve,
    "EmptyTensorList": empty,
    "TensorListFromTensor": fromTensor,
    "TensorListGetItem": getItem,
    "TensorListSetItem": setItem,
    "TensorListStack": stack,
    "TensorListGather": gather,
    "TensorListConcatV2": concat,
    "TensorListLength": { n throws(EngineError) in
      guard let dims = try n.graph.dims(of: n.input(0)), dims.count == 1, dims[0] >= 0 else {
        throw EngineError(.notSupported, "the number of the list's items is not known before the run")
      }
      return [n.graph.constant(ints: dims, dims: [])]
    },
  ]

  /// The TypeId of the items, for the format's element_dtype.
  static func typeID(_ type: DataType?) -> AttributeValue { .number(Int(type?.rawValue ?? 0)) }

  private static func elementType(_ n: TensorFlowNode) throws(EngineError) -> DataType? { try n.type("element_dtype") }

  private static func reserve(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let attributes = ["element_dtype": typeID(try elementType(n)), "shape_type": typeID(.int32)]
    let list = try n.graph.add1(.tensorListReserve, attributes, [n.input(0), n.input(1)])
    list.type = .tensorList
    return [list]
  }

  /// A list without items: setting the item behind the end makes it longer.
  private static func empty(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let attributes = ["element_dtype": typeID(try elementType(n)), "shape_type": typeID(.int32)]
    return [try n.graph.add1(.tensorListReserve, attributes, [n.input(0), n.graph.constant(ints: [0], dims: [])])]
  }

  private static func fromTensor(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let attributes = ["element_dtype": typeID(try elementType(n)), "shape_type": typeID(.int32)]
    return [try n.graph.add1(.tensorListFromTensor, attributes, [n.input(0), n.input(1)])]
  }

  /// An item of a list. What is known of its shape: operand `shape`, when constant.
  static func item(
    _ n: TensorFlowNode, _ list: Tensor, _ index: Tensor, shape: Tensor, _ type: DataType?
  ) throws(EngineError) -> Tensor {
    let item = try n.graph.add1(.tensorListGetItem, ["element_dtype": typeID(type)], [list, index, shape])
    n.graph.declare(item, known(shape), type: type)
    return item
  }

  /// The dimensions that a constant operand gives; nil for a scalar, which says nothing, and when it is computed.
  private static func known(_ shape: Tensor) -> [Int]? {
    guard shape.isConstant, shape.shape.rank == 1, let dims = shape.knownIntegers() else { return nil }
    return dims.map { max($0, -1) }
  }

  private static func getItem(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    [try item(n, n.input(0), n.input(1), shape: n.input(2), elementType(n))]
  }

  /// The list with another item.
  static func setting(_ n: TensorFlowNode, _ list: Tensor, _ index: Tensor, _ item: Tensor, _ type: DataType?) throws(EngineError) -> Tensor {
    let result = try n.graph.add1(.tensorListSetItem, ["element_dtype": typeID(type)], [list, index, item])
    result.type = .tensorList
    return result
  }

  private static func setItem(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    [try setting(n, n.input(0), n.input(1), n.input(2), elementType(n))]
  }

  /// All items as one tensor. `count`: how many there must be; -1: any number.
  static func stacked(
    _ n: TensorFlowNode, _ list: Tensor, shape: Tensor, count: Int, _ type: DataType?
  ) throws(EngineError) -> Tensor {
    let result = try n.graph.add1(
      .tensorListStack, ["num_elements": .number(count), "element_dtype": typeID(type)], [list, shape])
    n.graph.declare(result, known(shape).map { [count < 0 ? -1 : count] + $0 }, type: type)
    return result
  }

  private static func stack(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    [try stacked(n, n.input(0), shape: n.input(1), count: n.int("num_elements", -1), elementType(n))]
  }

  private static func gather(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let all = try stacked(n, n.input(0), shape: n.input(2), count: -1, elementType(n))
    return [try n.graph.add1(.gather, [:], [all, n.input(1), n.graph.constant(ints: [0], dims: [])])]
  }

  /// Items of one shape joined along their first axis, and their lengths.
  static func joined(_ n: TensorFlowNode, _ all: Tensor, shape: [Int]?) throws(EngineError) -> [Tensor] {
    guard let shape, let first = shape.first, !shape.contains(where: { $0 < 0 }) else {
      throw EngineError(.notSupported, "items are joined only when their shape is known and the same for all")
    }
    let joined = try n.graph.reshape(all, [-1] + shape.dropFirst())
    let count = try n.graph.add1(.gather, [:], [
      n.graph.add1(.shape, [:], [all]), n.graph.constant(ints: [0]), n.graph.constant(ints: [0], dims: []),
    ])
    return [joined, try n.graph.add1(.fill, [:], [n.graph.constant(ints: [first], dims: []), count])]
  }

  private static func concat(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let all = try stacked(n, n.input(0), shape: n.input(1), count: -1, elementType(n))
    return try joined(n, all, shape: known(n.input(1)))
  }
}

/// What a TensorArray's handle stands for.
struct TensorArrayHandle {
  let type: DataType
  /// Shape of the items; nil when it is not known.
  let shape: [Int]?
  /// Number of items, a scalar of `graph`.
  let size: Tensor
  let graph: GraphBuilder

  /// The items' shape as an operand.
  func shapeOperand(_ graph: GraphBuilder) -> Tensor {
    if let shape { return graph.constant(ints: shape) }
    return graph.constant(ints: [-1], dims: [])
  }
}

/// TensorArrays of TensorFlow's first form. The flow, there a number that only orders the run, is the list of the items here: so
/// every operator on arrays is one on lists.
enum TensorArrays {
  /// nil for operators that do not concern arrays.
  static func evaluate(_ n: TensorFlowNode) throws(EngineError) -> [Value]? {
    guard n.op.hasPrefix("TensorArray"), n.op.hasSuffix("V3") else { return nil }
    if n.op == "TensorArrayV3" { return try make(n) }
    guard case .array(let array)? = n.values.first else { throw EngineError(.formatError, "operand 0 is no array's handle") }
    let graph = n.graph
    func tensor(_ i: Int) throws(EngineError) -> Tensor { try n.input(i) }
    switch n.op {
    case "TensorArrayReadV3":
      return [.tensor(try TensorListOperators.item(n, tensor(2), tensor(1), shape: array.shapeOperand(graph), array.type))]
    case "TensorArrayWriteV3":
      return [.tensor(try TensorListOperators.setting(n, tensor(3), tensor(1), tensor(2), array.type))]
    case "TensorArrayScatterV3": return [.tensor(try scatter(n, array))]
    case "TensorArrayGatherV3":
      let given = try n.shape("element_shape")
      let shape = given.map { graph.constant(ints: $0) } ?? array.shapeOperand(graph)
      let all = try TensorListOperators.stacked(n, tensor(2), shape: shape, count: -1, array.type)
      if isRange(n, all: array) { return [.tensor(all)] }
      return [.tensor(try graph.add1(.gather, [:], [all, tensor(1), graph.constant(ints: [0], dims: [])]))]
    case "TensorArrayConcatV3":
      let all = try TensorListOperators.stacked(n, tensor(1), shape: array.shapeOperand(graph), count: -1, array.type)
      return try TensorListOperators.joined(n, all, shape: array.shape).map { .tensor($0) }
    case "TensorArraySizeV3":
      if array.size.isConstant { return [.tensor(graph.constant(copying: array.size))] }
      guard array.graph === graph else { throw EngineError(.notSupported, "the array's size is not known inside a branch or loop") }
      return [.tensor(array.size)]
    default: throw EngineError(.unknownOperator, "TensorFlow's operator \(n.op) is not known to the converter")
    }
  }

  private static func make(_ n: TensorFlowNode) throws(EngineError) -> [Value] {
    guard let type = try n.type("dtype") else { throw EngineError(.formatError, "attribute \"dtype\" is missing") }
    let array = TensorArrayHandle(type: type, shape: try n.shape("element_shape"), size: try n.input(0), graph: n.graph)
    let attributes = [
      "element_dtype": TensorListOperators.typeID(type), "shape_type": TensorListOperators.typeID(.int32),
    ]
    let list = try n.graph.add1(.tensorListReserve, attributes, [array.shapeOperand(n.graph), array.size])
    list.type = .tensorList
    return [.array(array), .tensor(list)]
  }

  /// Whether operand 1 of a node lists the array's items in order: all of them are meant.
  private static func isRange(_ n: TensorFlowNode, all array: TensorArrayHandle) -> Bool {
    guard n.proto.input.count > 1, let reference = try? n.scope.table.parse(n.proto.input[1]), let range = n.scope.table[reference.node] else {
      return false
    }
    if range.op == "Range" && range.input.count >= 3, let start = try? n.scope.value(range.input[0]).tensor,
      let step = try? n.scope.value(range.input[2]).tensor, let end = range.input.dropFirst().first,
      start.knownIntegers() == [0], step.knownIntegers() == [1]
    {
      // To the array's size, or to the number of entries that are scattered.
      return (try? n.scope.value(end).tensor) === array.size || n.op == "TensorArrayScatterV3" || isSize(n, end)
    }
    guard let indices = try? n.input(1), let values = indices.isConstant ? indices.knownIntegers() : nil else { return false }
    return values == Array(0..<values.count) && (array.size.knownIntegers() == [values.count] || n.op == "TensorArrayScatterV3")
  }

  private static func isSize(_ n: TensorFlowNode, _ input: String) -> Bool {
    guard let reference = try? n.scope.table.parse(input), let node = n.scope.table[reference.node] else { return false }
    return node.op == "TensorArraySizeV3"
  }

  /// The array with the slices of operand 2 at the indices.
  private static func scatter(_ n: TensorFlowNode, _ array: TensorArrayHandle) throws(EngineError) -> Tensor {
    let values = try n.input(2)
    if isRange(n, all: array) {
      let attributes = [
        "element_dtype": TensorListOperators.typeID(array.type), "shape_type": TensorListOperators.typeID(.int32),
      ]
      let list = try n.graph.add1(.tensorListFromTensor, attributes, [values, array.shapeOperand(n.graph)])
      list.type = .tensorList
      return list
    }
    let indices = try n.integers(1, "the indices")
    guard indices.count <= 4096 else { throw EngineError(.notSupported, "\(indices.count) scattered items; 4096 are possible") }
    var list = try n.input(3)
    let axis = n.graph.constant(ints: [0], dims: [])
    for (k, index) in indices.enumerated() {
      let slice = try n.graph.add1(.gather, [:], [values, n.graph.constant(ints: [k], dims: []), axis])
      list = try TensorListOperators.setting(n, list, n.graph.constant(ints: [index], dims: []), slice, array.type)
    }
    return list
  }
}
