import CSystem
import Graph
import System

// TensorListFromTensor. Attributes: 0 element_dtype: int; 1 shape_type: int; the tensor says both.
// TensorListReserve. Attributes: 0 element_dtype: int, 0 (decided by the first item); 1 shape_type: int, not needed.
// TensorListGetItem, TensorListSetItem. Attributes: 0 element_dtype: int, 0 (the list's).
// TensorListStack. Attributes: 0 num_elements: int, -1 (any number); 1 element_dtype: int, 0 (the list's).

/// An operator on tensor lists. A list is a value like any other: an operator that changes one makes a new list, which shares
/// the items that stay. When nobody can see the old list it is changed in place.
class TensorListOperator: Operator {
  override final var isPure: Bool { false }

  /// The value of input `index`; deferred while the graph is prepared.
  final func requireList(_ index: Int) throws(EngineError) -> TensorListValue {
    guard let list = inputs[index].list else { throw EngineError.deferred }
    return list
  }

  final func requireListType(_ tensor: Tensor, _ place: StaticString) throws(EngineError) {
    if tensor.type != .tensorList && tensor.type != .unknown { throw EngineError(.notSupported, "\(place) (\(tensor)) must be a tensor list") }
  }

  /// The item types that the operators move.
  final func requireElements(_ type: DataType, _ tensor: Tensor) throws(EngineError) {
    switch type {
    case .float32, .float16, .int32, .int64, .bool, .unknown: return
    default:
      throw EngineError(
        .notSupported, "\(tensor) has items of type \(type.name); float32, float16, int32, int64 and bool are supported")
    }
  }

  /// The element type in attribute `id`; unknown when it has none.
  final func elementType(_ id: Int) -> DataType { DataType(typeID: Int32(truncatingIfNeeded: node.attributes.int(id))) ?? .unknown }

  /// The element shape in input `index`; a scalar of -1 says nothing.
  final func elementShape(_ index: Int) throws(EngineError) -> ElementShape {
    if inputs.count <= index { return ElementShape(nil) }
    let dims = try requireSmallIntegers(index)
    if inputs[index].shape.rank == 0 && dims.first.map({ $0 < 0 }) ?? true { return ElementShape(nil) }
    if dims.count > Shape.maximumRank {
      throw EngineError(.inferError, "input \(index) gives items \(dims.count) dimensions; \(Shape.maximumRank) is the limit")
    }
    return ElementShape(dims)
  }

  /// The item that input `index` numbers, below `limit`.
  final func requirePosition(_ index: Int, below limit: Int) throws(EngineError) -> Int {
    guard inputs[index].count == 1, inputs[index].data != nil else {
      throw EngineError(.inferError, "input \(index) (\(inputs[index])) must hold one index")
    }
    let i = IndexList(inputs[index])[0]
    if i < 0 || i >= limit { throw EngineError(.inferError, "index \(i) lies outside 0..<\(limit)") }
    return i
  }

  /// What the items of `list` agree on beyond `wanted`. Empty places get this shape.
  final func itemShape(_ list: TensorListValue, _ wanted: ElementShape) throws(EngineError) -> Shape {
    guard var shape = wanted.merged(with: list.elementShape) else {
      throw EngineError(
        .inferError, "items of shape \(list.elementShape.text) do not fit the shape \(wanted.text) that is asked for")
    }
    if shape.shape == nil {
      for item in list.items {
        guard let item else { continue }
        guard let both = shape.merged(with: ElementShape(item.shape.dims)) else {
          throw EngineError(.inferError, "an item of shape \(item.shape) does not fit \(shape.text)")
        }
        shape = both
      }
    }
    guard let known = shape.shape else {
      throw EngineError(.inferError, "the items' shape \(shape.text) is not known: none of the \(list.items.count) has been set")
    }
    return known
  }
}

/// A copy of `count` bytes as an item.
func makeItem(_ type: DataType, _ shape: Shape, _ bytes: UnsafeRawPointer?) throws(EngineError) -> TensorListItem {
  let count = shape.count * type.size
  guard let buffer = Buffer(count: count) else { throw EngineError(.outOfMemory, "no memory for an item of \(count) bytes") }
  if let bytes, count > 0 { buffer.base.copyMemory(from: bytes, byteCount: count) }
  return TensorListItem(type: type, shape: shape, data: buffer.base, owner: buffer)
}

/// The slices of input 0 along its first axis.
final class TensorListFromTensorOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireElements(inputs[0].type, inputs[0])
    if inputs.count == 2 { try requireIndices(1) }
    try requireListType(outputs[0], "output 0")
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 1...Shape.maximumRank)
    let rest = Shape(Array(inputs[0].shape.dims.dropFirst()))
    let wanted = try elementShape(1)
    if wanted.merged(with: ElementShape(rest.dims)) == nil {
      throw EngineError(.inferError, "slices of input 0 (\(inputs[0])) do not have the shape \(wanted.text)")
    }
    if inputs[0].shape[0] > TensorListValue.maximumCount {
      throw EngineError(.inferError, "\(inputs[0].shape[0]) items; \(TensorListValue.maximumCount) is the limit")
    }
    try setOutput(0, .tensorList, [inputs[0].shape[0]])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let source = inputs[0]
    let item = Shape(Array(source.shape.dims.dropFirst()))
    let bytes = item.count * source.type.size
    var items = [TensorListItem?]()
    items.reserveCapacity(source.shape[0])
    var i = 0
    while i < source.shape[0] {
      items.append(try makeItem(source.type, item, source.data.map { UnsafeRawPointer($0) + i * bytes }))
      i += 1
    }
    outputs[0].list = TensorListValue(elementType: source.type, elementShape: ElementShape(item.dims), items: items)
  }
}

/// A list of places without items. Input 0 is the element shape, input 1 their number.
final class TensorListReserveOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireIndices(0)
    try requireIndices(1)
    try requireElements(elementType(0), outputs[0])
    try requireListType(outputs[0], "output 0")
  }

  override func infer() throws(EngineError) {
    _ = try elementShape(0)
    let count = try requireScalar(1)
    if count < 0 || count > TensorListValue.maximumCount {
      throw EngineError(.inferError, "\(count) items; 0 to \(TensorListValue.maximumCount) are possible")
    }
    try setOutput(0, .tensorList, [count])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    outputs[0].list = TensorListValue(
      elementType: elementType(0), elementShape: try elementShape(0),
      items: [TensorListItem?](repeating: nil, count: outputs[0].shape[0]))
  }
}

/// One item; zeros where none has been set.
final class TensorListGetItemOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireListType(inputs[0], "input 0")
    try requireIndices(1)
    if inputs.count == 3 { try requireIndices(2) }
    try requireElements(outputs[0].type, outputs[0])
  }

  override func infer() throws(EngineError) {
    let list = try requireList(0)
    guard inputs[1].hasKnownValue else { throw EngineError.deferred }
    let position = try requirePosition(1, below: list.items.count)
    let declared = list.elementType != .unknown ? list.elementType : elementType(0)
    if let item = list.items[position] {
      if try elementShape(2).merged(with: ElementShape(item.shape.dims)) == nil {
        throw EngineError(.inferError, "item \(position) has the shape \(item.shape), not the one that is asked for")
      }
      try setOutput(0, item.type, item.shape.dims)
    } else {
      try setOutput(0, declared == .unknown ? outputs[0].type : declared, itemShape(list, elementShape(2)).dims)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let list = try requireList(0)
    guard let target = outputs[0].data else { return }
    let position = try requirePosition(1, below: list.items.count)
    if let item = list.items[position] {
      if item.byteCount > 0 { target.copyMemory(from: item.data, byteCount: item.byteCount) }
    } else {
      memset(target, 0, outputs[0].byteCount)
    }
  }
}

/// The list with item `input 1` replaced by input 2. The index behind the last item appends one.
final class TensorListSetItemOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireListType(inputs[0], "input 0")
    try requireIndices(1)
    try requireElements(inputs[2].type, inputs[2])
    try requireListType(outputs[0], "output 0")
  }

  override func infer() throws(EngineError) {
    let list = try requireList(0)
    guard inputs[1].hasKnownValue else { throw EngineError.deferred }
    let position = try requirePosition(1, below: min(list.items.count + 1, TensorListValue.maximumCount))
    if list.elementType != .unknown && list.elementType != inputs[2].type {
      throw EngineError(.inferError, "input 2 (\(inputs[2])) does not fit a list of \(list.elementType.name)")
    }
    if list.elementShape.merged(with: ElementShape(inputs[2].shape.dims)) == nil {
      throw EngineError(.inferError, "input 2 (\(inputs[2])) does not fit items of shape \(list.elementShape.text)")
    }
    try setOutput(0, .tensorList, [max(list.items.count, position + 1)])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let value = inputs[2]
    var list = try requireList(0)
    let position = try requirePosition(1, below: list.items.count + 1)
    // The tensor gives its list away when this is its last reader; if it was the only one to hold it, it is changed in place.
    if inputs[0].consumers == 1 && !inputs[0].isConstant { inputs[0].list = nil }
    if !isKnownUniquelyReferenced(&list) { list = list.copy() }
    if list.elementType == .unknown { list.elementType = value.type }
    let item = try makeItem(value.type, value.shape, value.data)
    if position == list.items.count { list.items.append(item) } else { list.items[position] = item }
    outputs[0].list = list
  }
}

/// All items as one tensor with a new first axis; zeros where none has been set.
final class TensorListStackOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireListType(inputs[0], "input 0")
    if inputs.count == 2 { try requireIndices(1) }
    try requireElements(outputs[0].type, outputs[0])
  }

  override func infer() throws(EngineError) {
    let list = try requireList(0)
    let wanted = node.attributes.int(0, -1)
    if wanted >= 0 && wanted != list.items.count {
      throw EngineError(.inferError, "the list has \(list.items.count) items; \(wanted) are asked for")
    }
    let shape = try itemShape(list, elementShape(1))
    for item in list.items {
      if let item, item.shape != shape {
        throw EngineError(.inferError, "an item has the shape \(item.shape), another one \(shape); they cannot be stacked")
      }
    }
    let type = list.elementType != .unknown ? list.elementType : elementType(1)
    try setOutput(0, type == .unknown ? outputs[0].type : type, [list.items.count] + shape.dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let list = try requireList(0)
    guard let target = outputs[0].data, !list.items.isEmpty else { return }
    let bytes = outputs[0].byteCount / list.items.count
    var i = 0
    while i < list.items.count {
      if let item = list.items[i] {
        (target + i * bytes).copyMemory(from: item.data, byteCount: bytes)
      } else {
        memset(target + i * bytes, 0, bytes)
      }
      i += 1
    }
  }
}
