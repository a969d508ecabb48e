import Graph

/// Operators that move data.
extension Translation {
  func reshape(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    Tensor.constant(int32: node.outputs[0].shape.dims).map { [DeviceOperation(45, [inputs[0], $0], node.outputs)] }
  }

  /// Squeeze and Unsqueeze with the axes spelled out; more than one new axis is a reshape.
  func dropOrAddAxes(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let isDrop = node.kind == .squeeze
    let longer = isDrop ? inputs[0].shape : node.outputs[0].shape
    guard var axes = inputs.count > 1 ? Translation.integers(node, 1) : node.attributes.ints(0) else { return nil }
    for i in 0..<axes.count where axes[i] < 0 { axes[i] += longer.rank }
    if isDrop && axes.isEmpty { for i in 0..<longer.rank where longer[i] == 1 { axes.append(i) } }
    if !isDrop && axes.count != 1 || axes.isEmpty { return reshape(node, inputs) }
    var op = DeviceOperation(isDrop ? 35 : 55, [inputs[0]], node.outputs)
    op.set(isDrop ? 52 : 77, axes)
    return [op]
  }

  func blocks(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    guard let block = inputs.count == 3 ? Translation.integers(node, 1) : a.ints(0) else { return nil }
    var edges = [Int]()
    if inputs.count == 3 {
      guard let list = Translation.integers(node, 2) else { return nil }
      edges = list
    } else {
      for row in a.ints2D(1) { edges += row }
    }
    if block.count != 2 || edges.count != 4 { return nil }
    let spreads = node.kind == .spaceToBatchND
    var op = DeviceOperation(spreads ? 31 : 4, [inputs[0]], node.outputs)
    op.set(spreads ? 47 : 8, block)
    op.set(spreads ? 48 : 9, edges, dims: [2, 2])
    return [op]
  }

  func pad(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    var list = [Int]()
    if inputs.count > 1 {
      guard let values = Translation.integers(node, 1) else { return nil }
      list = values
    } else {
      for row in a.ints2D(0) { list += row }
    }
    var value = a.float(2)
    if inputs.count == 3 {
      guard inputs[2].type == .float32, inputs[2].hasKnownValue, let data = inputs[2].data else { return nil }
      value = data.loadUnaligned(as: Float.self)
    }
    let rank = inputs[0].shape.rank
    guard list.count == 2 * rank, let paddings = Tensor.constant(int32: list, [rank, 2]) else { return nil }
    var op = DeviceOperation(24, [inputs[0], paddings], node.outputs)
    op.setFloat(43, value)
    op.setInt32(116, a.int(1))
    return [op]
  }

  /// The block over all axes.
  func slice(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    guard let starts = Translation.integers(node, 1) else { return nil }
    let shape = inputs[0].shape, axes = node.attributes.ints(0)
    var begin = [Int](repeating: 0, count: shape.rank)
    for i in 0..<starts.count {
      guard let axis = shape.axis(axes.isEmpty ? i : i < axes.count ? axes[i] : shape.rank) else { return nil }
      let start = starts[i] < 0 ? starts[i] + shape[axis] : starts[i]
      if start < 0 || start + node.outputs[0].shape[axis] > shape[axis] { return nil }
      begin[axis] = start
    }
    guard let from = Tensor.constant(int32: begin), let sizes = Tensor.constant(int32: node.outputs[0].shape.dims) else { return nil }
    return [DeviceOperation(29, [inputs[0], from, sizes], node.outputs)]
  }
}
