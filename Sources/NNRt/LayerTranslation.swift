import CNNRt
import CSystem
import Graph
import Operators

/// Convolutions, products, pooling, normalisation.
extension Translation {
  /// Biases are not optional there.
  private func zeroBias(_ channels: Int, like x: Tensor) -> Tensor? {
    let type: DataType = x.type == .int8 || x.type == .uint8 ? .int32 : x.type
    return Tensor.constant("", type, [channels]) { memset($0, 0, channels * type.size) }
  }

  /// x, weights and bias; a zero bias where there is none.
  private func withBias(_ inputs: [Tensor], _ channels: Int) -> [Tensor]? {
    if inputs.count == 3 { return inputs[2].count == channels ? inputs : nil }
    guard inputs.count == 2, let zeros = zeroBias(channels, like: inputs[0]) else { return nil }
    return inputs + [zeros]
  }

  private static func pair(_ list: [Int]) -> [Int] { [list.first ?? 1, list.last ?? 1] }

  /// Real numbers with real weights, or bytes with bytes; and so is the result, whose quantisation is known then.
  private func sameNumbers(_ inputs: [Tensor], _ result: Tensor) -> Bool {
    guard inputs.count > 1, inputs[0].type == inputs[1].type, inputs[0].type == result.type else { return false }
    if result.type != .int8 && result.type != .uint8 { return true }
    return !inputs[0].quantParams.isEmpty && !inputs[1].quantParams.isEmpty && !result.quantParams.isEmpty
  }

  private func setPads(_ op: inout DeviceOperation, mode: Int, _ pads: [Int], modeParameter: UInt32, padParameter: UInt32) {
    if mode == 1 {
      op.setByte(modeParameter, 0)
    } else {
      op.set(padParameter, pads.count == 4 ? pads : [0, 0, 0, 0])
    }
  }

  func convolution(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    guard sameNumbers(inputs, node.outputs[0]), inputs[0].shape.rank == 4, inputs[1].shape.rank == 4, let all = withBias(inputs, inputs[1].shape[0])
    else { return nil }
    let weights = inputs[1].shape, channels = inputs[0].shape[3]
    let group = channels / max(weights[3], 1)
    let isDepthwise = group > 1 && weights[3] == 1 && weights[0] == channels
    var op = DeviceOperation(isDepthwise ? 10 : 8, all, node.outputs)
    op.set(isDepthwise ? 24 : 11, Translation.pair(a.ints(2)))
    setPads(&op, mode: a.int(4), a.ints(5), modeParameter: isDepthwise ? 27 : 14, padParameter: isDepthwise ? 25 : 12)
    op.set(isDepthwise ? 26 : 13, Translation.pair(a.ints(3)))
    if !isDepthwise { op.set(16, [group]) }
    return finish(op, isDepthwise ? 28 : 15, a.int(10))
  }

  func transposedConvolution(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes, group = max(a.int(8, 1), 1)
    guard sameNumbers(inputs, node.outputs[0]), inputs[1].shape.rank == 4, let all = withBias(inputs, inputs[1].shape[3] * group) else { return nil }
    var op = DeviceOperation(9, all, node.outputs)
    op.set(17, Translation.pair(a.ints(2)))
    setPads(&op, mode: a.int(4), a.ints(6), modeParameter: 21, padParameter: 18)
    op.set(19, Translation.pair(a.ints(3)))
    op.set(20, a.ints(12).isEmpty ? [0, 0] : Translation.pair(a.ints(12)))
    op.set(23, [group])
    return finish(op, 22, a.int(11))
  }

  /// With every window's place spelled out: devices differ in how they round sizes up, and in what they make of "the whole image".
  func pool(
    _ node: Node, _ inputs: [Tensor], _ code: UInt32, kernel: UInt32, padMode: UInt32, pad: UInt32, activation: UInt32
  ) -> [DeviceOperation]? {
    let a = node.attributes
    guard inputs.count == 1, inputs[0].shape.rank == 4 else { return nil }
    let x = inputs[0].shape, y = node.outputs[0].shape
    var op = DeviceOperation(code, inputs, node.outputs)
    if a.bool(6) {
      op.set(kernel, [x[1], x[2]])
      op.set(kernel + 1, [1, 1])
      op.set(pad, [0, 0, 0, 0])
    } else {
      let size = a.ints(0), strides = a.ints(1)
      if size.count < 2 || strides.count < 2 { return nil }
      op.set(kernel, Array(size.prefix(2)))
      op.set(kernel + 1, Array(strides.prefix(2)))
      if a.int(3) == 1 {
        op.setByte(padMode, 0)
      } else {
        var pads = a.ints(2).count == 4 ? a.ints(2) : [0, 0, 0, 0]
        for i in 0..<2 {
          // What the last window reaches beyond the image when sizes are rounded up.
          let after = (y[1 + i] - 1) * strides[i] + size[i] - x[1 + i] - pads[2 * i]
          if after > pads[2 * i + 1] || a.int(4) == 1 { pads[2 * i + 1] = after }
          if pads[2 * i + 1] < 0 { return nil }
        }
        op.set(pad, pads)
      }
    }
    let type = a.int(7)
    return finish(op, activation, type == ActivationType.relu || type == ActivationType.relu6 ? type : 0)
  }

  func fullConnection(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    if !sameNumbers(inputs, node.outputs[0]) || inputs.count > 3 { return nil }
    var op = DeviceOperation(15, inputs, node.outputs)
    if a.bool(1) { op.set(31, [a.int(2)]) }
    if inputs.count == 3 { op.setBool(111, true) }
    return finish(op, 32, a.int(3))
  }

  /// The product, and its bias by an operator of its own.
  func matMul(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    if !sameNumbers(inputs, node.outputs[0]) || inputs[0].shape.rank < 2 || inputs[1].shape.rank < 2 { return nil }
    var op = DeviceOperation(19, Array(inputs.prefix(2)), node.outputs)
    op.setBool(33, a.bool(0))
    op.setBool(34, a.bool(1))
    if inputs.count == 2 { return finish(op, 35, a.int(2)) }
    let result = node.outputs[0]
    // The sum of a product and a bias in bytes would be rounded twice.
    guard inputs.count == 3, result.type == .float32 || result.type == .float16, inputs[2].type == result.type else { return nil }
    let product = Tensor(name: "", type: result.type, shape: result.shape)
    op.outputs = [product]
    return finish(DeviceOperation(1, [product, inputs[2]], node.outputs), 1, a.int(2)).map { [op] + $0 }
  }

  func layerNorm(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes, rank = inputs[0].shape.rank
    guard inputs.count == 3, node.outputs.count == 1, let axis = inputs[0].shape.axis(a.int(0)),
      let parameters = inputs[0].shape.axis(a.int(3)), axis > 0, axis == parameters
    else { return nil }
    for i in 1..<3 where inputs[i].shape.dims != Array(inputs[0].shape.dims[axis..<rank]) { return nil }
    var op = DeviceOperation(49, inputs, node.outputs)
    op.set(66, [axis], dims: [])
    op.setFloat(67, a.float(1, 0.00001), dims: [])
    op.set(68, [axis], dims: [])
    return [op]
  }

  func scale(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    var all = inputs
    if all.count == 2 {
      guard
        let zeros = Tensor.constant("", all[1].type, all[1].shape.dims, fill: { memset($0, 0, all[1].byteCount) })
      else { return nil }
      all.append(zeros)
    }
    if all.count != 3 { return nil }
    var op = DeviceOperation(26, all, node.outputs)
    op.set(45, [node.attributes.int(0)])
    return finish(op, 44, node.attributes.int(1))
  }

  func reduction(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    var axes = [Int](0..<inputs[0].shape.rank)
    if inputs.count > 1 {
      guard let list = Translation.integers(node, 1) else { return nil }
      if !list.isEmpty { axes = list }
    }
    guard let list = Tensor.constant(int32: axes) else { return nil }
    func operation(_ code: UInt32, _ keep: UInt32, _ toEnd: UInt32) -> [DeviceOperation] {
      var op = DeviceOperation(code, [inputs[0], list], node.outputs)
      op.setBool(keep, a.bool(0))
      op.setBool(toEnd, false)
      // Devices take a missing factor for 0.
      op.setFloat(toEnd + 1, 1)
      return [op]
    }
    if node.kind == .all {
      var op = DeviceOperation(77, [inputs[0], list], node.outputs)
      op.set(105, [a.bool(0) ? 1 : 0])
      return [op]
    }
    if a.bool(2) { return nil }
    switch a.int(1) {
    case 0: return operation(42, 60, 117)
    case 1: return operation(99, 151, 152)
    case 2: return operation(100, 154, 155)
    case 3: return operation(50, 70, 119)
    case 4: return operation(101, 157, 158)
    case 7: return operation(51, 71, 121)
    case 8: return operation(106, 160, 161)
    default: return nil
    }
  }

  func detection(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    if inputs.count != 3 || node.outputs.count != 4 || inputs[2].type != .float32 { return nil }
    var op = DeviceOperation(92, inputs, node.outputs)
    op.set(131, [a.int(1)])
    op.setFloats(132, a.floats(2))
    op.setFloat(133, a.float(3))
    op.setFloat(134, a.float(4))
    for (parameter, field) in [(135, 5), (136, 6), (137, 7), (138, 8)] as [(UInt32, Int)] { op.set(parameter, [a.int(field)]) }
    op.setBool(139, a.bool(9))
    op.setBool(140, a.bool(10))
    return [op]
  }
}
