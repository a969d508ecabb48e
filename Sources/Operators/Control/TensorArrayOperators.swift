import CSystem
import Graph
import System

// TensorArray. Attributes: 0 dynamic_size: bool, false; 1 identical_element_shapes: bool, false; 2 element_shape: ints, absent
// (any shape); 3 data_type: int, 0 (float32). Input: the number of items. Outputs: the handle and, perhaps, the flow.
// TensorArrayRead. Attributes: none. Inputs: handle, index, flow. Output: the item.
// TensorArrayWrite. Attributes: none. Inputs: handle, index, item, flow. Output: the flow.
//
// Unlike a tensor list, an array is one object that its handle stands for and that writing changes. The flow is a number
// without meaning that makes readers wait for writers; the handle's own elements mean nothing either, its type is the items'.

private func clear(_ t: Tensor) {
  if let data = t.data { memset(data, 0, t.byteCount) }
}

/// An array of items that are not set. Every run makes a new one.
final class TensorArrayOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...2)
    try requireIndices(0)
    try requireElements(itemType, outputs[0])
    if node.attributes.ints(2).count > Shape.maximumRank {
      throw EngineError(.error, "its items have \(node.attributes.ints(2).count) dimensions; \(Shape.maximumRank) is the limit")
    }
  }

  private var itemType: DataType {
    let type = elementType(3)
    return type == .unknown ? .float32 : type
  }

  override func infer() throws(EngineError) {
    try setOutput(0, itemType, [])
    if outputs.count == 2 { try setOutput(1, .float32, []) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard inputs[0].count >= 1, inputs[0].data != nil else {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) must hold the number of items")
    }
    let count = IndexList(inputs[0])[0]
    if count < 0 || count > TensorListValue.maximumCount {
      throw EngineError(.inferError, "\(count) items; 0 to \(TensorListValue.maximumCount) are possible")
    }
    let hasShape = node.attributes[2] != nil
    let array = TensorListValue(
      elementType: itemType, elementShape: ElementShape(hasShape ? node.attributes.ints(2) : nil),
      items: [TensorListItem?](repeating: nil, count: count))
    array.grows = node.attributes.bool(0)
    outputs[0].list = array
    for t in outputs { clear(t) }
  }
}

/// One item; zeros where none has been written.
final class TensorArrayReadOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireElements(inputs[0].type, inputs[0])
    try requireIndices(1)
    if inputs.count == 3 { try requireType(2, .float32) }
  }

  override func infer() throws(EngineError) {
    let list = try requireList(0)
    guard inputs[1].hasKnownValue else { throw EngineError.deferred }
    let position = try requirePosition(1, below: list.items.count)
    if let item = list.items[position] {
      try setOutput(0, item.type, item.shape.dims)
    } else {
      try setOutput(0, list.elementType, itemShape(list, ElementShape(nil)).dims)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let list = try requireList(0)
    guard let target = outputs[0].data else { return }
    let position = try requirePosition(1, below: list.items.count)
    if let item = list.items[position] {
      target.copyMemory(from: item.data, byteCount: item.byteCount)
    } else {
      memset(target, 0, outputs[0].byteCount)
    }
  }
}

/// Sets one item; with dynamic_size an index behind the end makes the array longer.
final class TensorArrayWriteOperator: TensorListOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...4)
    try requireOutputs(0...1)
    try requireElements(inputs[0].type, inputs[0])
    try requireIndices(1)
    try requireSameType(0, 2)
    if inputs.count == 4 { try requireType(3, .float32) }
  }

  override func infer() throws(EngineError) {
    if outputs.count == 1 { try setOutput(0, .float32, []) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let list = inputs[0].list else { throw EngineError(.error, "input 0 (\(inputs[0])) is no array's handle") }
    let value = inputs[2]
    let position = try requirePosition(1, below: list.grows ? TensorListValue.maximumCount : list.items.count)
    if list.elementType != value.type {
      throw EngineError(.inferError, "input 2 (\(value)) does not fit an array of \(list.elementType.name)")
    }
    if list.elementShape.merged(with: ElementShape(value.shape.dims)) == nil {
      throw EngineError(.inferError, "input 2 (\(value)) does not fit items of shape \(list.elementShape.text)")
    }
    let item = try makeItem(value.type, value.shape, value.data)
    while list.items.count <= position { list.items.append(nil) }
    list.items[position] = item
    if outputs.count == 1 { clear(outputs[0]) }
  }
}
