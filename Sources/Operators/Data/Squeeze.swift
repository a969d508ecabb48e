import Graph

// Squeeze. Attributes: 0 axis: ints, absent = every axis of 1; ascending; negative counts from the end. Input 1 replaces it.

/// Drops axes of 1.
final class SqueezeOperator: ViewOperator {
  private let axes: [Int]

  override init(_ node: Node) throws(EngineError) {
    axes = node.attributes.ints(0)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    let axes = inputs.count == 2 ? try requireSmallIntegers(1) : self.axes
    var dims = [Int]()
    // The list is walked once along with the axes, as in the original: an entry that is smaller than the one before it has no
    // effect, and neither have those after it.
    var next = 0
    var i = 0
    while i < shape.rank {
      if axes.isEmpty {
        if shape[i] != 1 { dims.append(shape[i]) }
      } else if next < axes.count && (axes[next] < 0 ? axes[next] + shape.rank : axes[next]) == i {
        if shape[i] != 1 {
          throw EngineError(.inferError, "axis \(i) of input 0 (\(inputs[0])) has \(shape[i]) entries, so it must stay")
        }
        next += 1
      } else {
        dims.append(shape[i])
      }
      i += 1
    }
    try setOutput(0, inputs[0].type, dims)
  }
}

// Unsqueeze. Attributes: 0 axis: ints; places of the new axes among the output's; negative counts from the end. Absent: drops
// every axis of 1, as the original does.

/// Inserts axes of 1.
final class UnsqueezeOperator: ViewOperator {
  private let axes: [Int]

  override init(_ node: Node) throws(EngineError) {
    axes = node.attributes.ints(0)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    let rank = shape.rank + axes.count
    var dims = [Int]()
    if axes.isEmpty {
      for d in shape.dims where d != 1 { dims.append(d) }
    } else {
      var isNew = [Bool](repeating: false, count: rank)
      for axis in axes {
        let a = axis < 0 ? axis + rank : axis
        if a < 0 || a >= rank || isNew[a] {
          throw EngineError(.inferError, "cannot insert axis \(axis) into input 0 (\(inputs[0]))")
        }
        isNew[a] = true
      }
      var next = 0
      for new in isNew {
        if new {
          dims.append(1)
        } else {
          dims.append(shape[next])
          next += 1
        }
      }
    }
    try setOutput(0, inputs[0].type, dims)
  }
}

// ExpandDims. Attributes: none. Input 1: the place of the new axis; negative counts from the end of the output's axes.

/// Inserts one axis of 1.
final class ExpandDimsOperator: ViewOperator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) {
    let axis = try requireScalar(1)
    var dims = inputs[0].shape.dims
    let a = axis < 0 ? axis + dims.count + 1 : axis
    if a < 0 || a > dims.count {
      throw EngineError(.inferError, "cannot insert axis \(axis) into input 0 (\(inputs[0]))")
    }
    dims.insert(1, at: a)
    try setOutput(0, inputs[0].type, dims)
  }
}

// Flatten. Attributes: 0 axis: int, 1; negative counts from the end.

/// A matrix: the axes before `axis`, and those from it on.
final class FlattenOperator: ViewOperator {
  private let axis: Int

  override init(_ node: Node) throws(EngineError) {
    axis = node.attributes.int(0, 1)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    let shape = inputs[0].shape
    guard shape.checkedCount != nil else {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) has an impossible shape")
    }
    try setOutput(0, inputs[0].type, [shape.span(0..<a), shape.span(a..<shape.rank)])
  }
}
