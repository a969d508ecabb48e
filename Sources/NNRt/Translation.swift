import CNNRt
import Graph
import KernelSelection
import Operators

/// Turns a graph's nodes into operators of the Neural Network Runtime, by one table. The shapes are known, and what does not depend on
/// the inputs is constant. nil stands for a node that the runtime has no operators for: it stays on the CPU.
struct Translation {
  let kernels: KernelPointer

  func operations(for node: Node) -> [DeviceOperation]? {
    for t in node.outputs where !t.fitsDevice || t.shape.rank == 0 { return nil }
    if node.fused.activation != nil || node.fused.addsResidual || !node.fused.padding.isEmpty { return nil }
    var inputs = [Tensor]()
    for (i, t) in node.inputs.enumerated() {
      // Scalars cross as nothing: a tensor of the runtime needs dimensions to have a size.
      if !t.fitsDevice || t.isVariable && t.shape.rank == 0 { return nil }
      for j in 0..<i where node.inputs[j] === t { return square(node) }
      guard let usable = widened(t, node) else { return nil }
      inputs.append(usable)
    }
    return operations(node, inputs)
  }

  /// A float16 constant beside float32 values as float32, which devices want to agree.
  private func widened(_ t: Tensor, _ node: Node) -> Tensor? {
    if t.type != .float16 || t.isVariable || node.outputs[0].type == .float16 || node.inputs[0].type == .float16 { return t }
    guard let data = t.data else { return nil }
    return Tensor.constant(t.name, .float32, t.shape.dims) { memory in
      kernels.pointee.f16_to_f32(
        data.assumingMemoryBound(to: UInt16.self), memory.assumingMemoryBound(to: Float.self), t.count)
    }
  }

  /// An operation takes no tensor twice; the one that often wants to is x * x.
  private func square(_ node: Node) -> [DeviceOperation]? {
    guard node.kind == .mulFusion, node.inputs.count == 2, node.attributes.int(0) == 0, node.outputs[0].type == .float32 else { return nil }
    return [DeviceOperation(63, [node.inputs[0]], node.outputs)]
  }

  private func operations(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    let a = node.attributes
    if let code = Translation.plainCode(node.kind) {
      return inputs.count == Translation.plainInputs(node.kind) ? [DeviceOperation(code, inputs, node.outputs)] : nil
    }
    var op = DeviceOperation(0, inputs, node.outputs)
    switch node.kind {
    case .addFusion: return binary(node, inputs, 1, 1)
    case .subFusion: return binary(node, inputs, 38, 59)
    case .mulFusion: return binary(node, inputs, 22, 41)
    case .divFusion: return binary(node, inputs, 11, 29)
    case .activation:
      return activation(a.int(0), a.float(1), a.float(2), a.float(3), a.bool(4), inputs, node.outputs).map { [$0] }
    case .leakyRelu: return activation(ActivationType.leakyRelu, a.float(0), 0, 0, false, inputs, node.outputs).map { [$0] }
    case .clip: return clip(node, inputs)
    case .conv2DFusion: return convolution(node, inputs)
    case .conv2dTransposeFusion: return transposedConvolution(node, inputs)
    case .avgPoolFusion: return pool(node, inputs, 2, kernel: 2, padMode: 4, pad: 5, activation: 6)
    case .maxPoolFusion: return pool(node, inputs, 21, kernel: 36, padMode: 38, pad: 39, activation: 40)
    case .fullConnection: return fullConnection(node, inputs)
    case .matMulFusion: return matMul(node, inputs)
    case .reduceFusion, .all: return reduction(node, inputs)
    case .reshape: return reshape(node, inputs)
    case .squeeze, .unsqueeze: return dropOrAddAxes(node, inputs)
    case .eltwise:
      op = DeviceOperation(12, inputs, node.outputs)
      op.setByte(30, a.int(0))
      return inputs.count == 2 ? [op] : nil
    case .argMaxFusion:
      op = DeviceOperation(54, inputs, node.outputs)
      if node.outputs.count != 1 { return nil }
      op.set(75, [a.int(0)])
      op.setBool(76, a.bool(2))
      op.set(124, [max(a.int(1, 1), 1)])
      op.setBool(125, a.bool(3))
    case .fusedBatchNorm:
      op = DeviceOperation(3, inputs, node.outputs)
      if inputs.count != 5 || node.outputs.count != 1 { return nil }
      op.setFloat(7, a.float(0, 0.0001))
    case .broadcastTo:
      op = DeviceOperation(69, [inputs[0]], node.outputs)
      op.set(87, node.outputs[0].shape.dims)
    case .cast:
      guard let type = node.outputs[0].type.deviceType, let number = Tensor.constant(int32: [Int(type.rawValue)]) else { return nil }
      op = DeviceOperation(6, [inputs[0], number], node.outputs)
    case .concat:
      op = DeviceOperation(7, inputs, node.outputs)
      if inputs.count < 2 { return nil }
      op.set(10, [a.int(0)])
    case .stack:
      op = DeviceOperation(36, inputs, node.outputs)
      if inputs.count < 2 { return nil }
      op.set(53, [a.int(0)])
    case .unstack:
      op = DeviceOperation(57, inputs, node.outputs)
      op.set(78, [a.int(0)])
    case .split:
      guard let axis = inputs[0].shape.axis(a.int(2)) else { return nil }
      op = DeviceOperation(32, [inputs[0]], node.outputs)
      op.set(49, [axis])
      op.set(50, [node.outputs.count])
      op.set(51, node.outputs.map { $0.shape[axis] })
    case .expandDims:
      guard let axis = Translation.integers(node, 1)?.first, let number = Tensor.constant(int32: [axis]) else { return nil }
      op = DeviceOperation(13, [inputs[0], number], node.outputs)
    case .flatten:
      op = DeviceOperation(64, inputs, node.outputs)
      if node.outputs[0].shape.rank != 2 { return nil }
      op.set(79, [a.int(0, 1)])
    case .depthToSpace:
      op = DeviceOperation(65, inputs, node.outputs)
      op.set(80, [a.int(0)])
      op.setInt32(81, a.string(2).map { $0.utf8.elementsEqual("CRD".utf8) } ?? false ? 1 : 0)
    case .spaceToDepth:
      op = DeviceOperation(104, inputs, node.outputs)
      op.set(150, [a.int(0)])
    case .spaceToBatchND, .batchToSpaceND: return blocks(node, inputs)
    case .expFusion:
      op = DeviceOperation(60, inputs, node.outputs)
      op.setFloat(89, a.float(0, -1))
      op.setFloat(90, a.float(1, 1))
      op.setFloat(91, a.float(2, 0))
    case .powFusion:
      op = DeviceOperation(25, inputs, node.outputs)
      op.setFloat(107, a.float(0, 1))
      op.setFloat(108, a.float(1, 0))
      return inputs.count == 2 ? [op] : nil
    case .gather:
      // The table of a quantised node becomes real numbers on the way, which the runtime's operator does not do.
      guard let axis = Translation.integers(node, 2)?.first, let number = Tensor.constant(int32: [axis]), inputs[0].type == node.outputs[0].type,
        inputs[1].type != .float32
      else { return nil }
      op = DeviceOperation(16, [inputs[0], inputs[1], number], node.outputs)
    case .instanceNorm:
      op = DeviceOperation(67, inputs, node.outputs)
      if inputs.count != 3 || Translation.isPlanar(inputs[0]) { return nil }
      op.setFloat(88, a.float(0))
    case .layerNormFusion: return layerNorm(node, inputs)
    case .lrn:
      op = DeviceOperation(96, inputs, node.outputs)
      op.set(145, [a.int(0)])
      op.setFloat(146, a.float(1))
      op.setFloat(147, a.float(2))
      op.setFloat(148, a.float(3))
      op.setInt32(149, 0)
    case .l2NormalizeFusion:
      op = DeviceOperation(94, inputs, node.outputs)
      op.set(141, a.ints(0).isEmpty ? [Int](0..<inputs[0].shape.rank) : a.ints(0))
      op.setFloat(142, a.float(1))
      return finish(op, 143, a.int(2))
    case .scaleFusion: return scale(node, inputs)
    case .oneHot:
      op = DeviceOperation(23, inputs, node.outputs)
      if inputs.count != 4 { return nil }
      op.set(42, [a.int(0)])
    case .padFusion: return pad(node, inputs)
    case .quantDTypeCast:
      let bytes = inputs[0].type == .float32 ? node.outputs[0] : inputs[0]
      if bytes.quantParams.isEmpty { return nil }
      op = DeviceOperation(52, inputs, node.outputs)
      op.set(72, [Int(inputs[0].type.rawValue)])
      op.set(73, [Int(node.outputs[0].type.rawValue)])
      op.set(126, [a.int(2)])
    case .resize:
      // Nearest and cubic have no operator.
      if a.int(1) != 0 || node.outputs[0].shape.rank != 4 || Translation.isPlanar(inputs[0]) { return nil }
      op = DeviceOperation(43, [inputs[0]], node.outputs)
      op.set(61, [node.outputs[0].shape[1]])
      op.set(62, [node.outputs[0].shape[2]])
      op.setBool(63, false)
      op.setByte(64, a.int(5))
      op.set(65, [0])
    case .select:
      op = DeviceOperation(62, inputs, node.outputs)
      return inputs.count == 3 && inputs[0].shape == inputs[1].shape ? [op] : nil
    case .sliceFusion: return slice(node, inputs)
    case .softmax:
      op = DeviceOperation(30, inputs, node.outputs)
      op.set(46, Array(a.ints(0).prefix(1)))
    case .logSoftmax:
      op = DeviceOperation(95, inputs, node.outputs)
      op.set(144, [a.int(0)])
    case .stridedSlice:
      if inputs.count != 4 { return nil }
      for i in 1..<4 where inputs[i].isVariable { return nil }
      op = DeviceOperation(37, inputs, node.outputs)
      for i in 0..<5 { op.set(54 + UInt32(i), [a.int(i)]) }
      return [op]
    case .tileFusion:
      guard let times = Translation.integers(node, 1), let list = Tensor.constant(int32: times) else { return nil }
      op = DeviceOperation(40, [inputs[0], list], node.outputs)
      op.set(128, a.ints(0).isEmpty ? [Int](0..<times.count) : a.ints(0))
    case .topKFusion:
      guard let k = Translation.integers(node, 1)?.first, let number = Tensor.constant(int32: [k]) else { return nil }
      op = DeviceOperation(53, [inputs[0], number], node.outputs)
      op.setBool(74, a.bool(0, true))
      op.set(123, [a.int(1)])
    case .transpose:
      guard let order = Translation.integers(node, 1), order.count == inputs[0].shape.rank, let list = Tensor.constant(int32: order) else {
        return nil
      }
      op = DeviceOperation(41, [inputs[0], list], node.outputs)
    case .detectionPostProcess: return detection(node, inputs)
    default: return nil
    }
    // All of these have one variable at least, and none but the first needs to be one.
    return inputs.isEmpty ? nil : [op]
  }

  /// Operators without parameters that mean the same.
  private static func plainCode(_ kind: OperatorKind) -> UInt32? {
    switch kind {
    case .abs: return 58
    case .biasAdd: return 5
    case .ceil: return 90
    case .cos: return 79
    case .equal: return 70
    case .erf: return 59
    case .floor: return 93
    case .gatherNd: return 108
    case .greater: return 71
    case .greaterEqual: return 73
    case .less: return 61
    case .lessEqual: return 18
    case .log: return 80
    case .logicalAnd: return 81
    case .logicalNot: return 82
    case .logicalOr: return 89
    case .maximum: return 20
    case .minimum: return 97
    case .mod: return 83
    case .neg: return 84
    case .notEqual: return 72
    case .pReLUFusion: return 46
    case .realDiv: return 11
    case .reciprocal: return 85
    case .round: return 102
    case .rsqrt: return 44
    case .scatterNd: return 103
    case .sin: return 86
    case .sqrt: return 33
    case .square: return 63
    case .squaredDifference: return 34
    case .where: return 87
    default: return nil
    }
  }

  private static func plainInputs(_ kind: OperatorKind) -> Int {
    switch kind {
    case .abs, .ceil, .cos, .erf, .floor, .log, .logicalNot, .neg, .reciprocal, .round, .rsqrt, .sin, .sqrt, .square: return 1
    case .scatterNd, .where: return 3
    default: return 2
    }
  }

  // MARK: what several need

  /// The integers of a constant input; nil when there is none.
  static func integers(_ node: Node, _ index: Int) -> [Int]? {
    index < node.inputs.count ? node.inputs[index].knownIntegers(limit: 1 << 16) : nil
  }

  static func isPlanar(_ t: Tensor) -> Bool { t.format == .nchw || t.format == .ncw || t.format == .ncdhw }

  /// `op` with an activation: RELU and RELU6 as its parameter, others as an operator behind it.
  func finish(_ op: DeviceOperation, _ parameter: UInt32, _ type: Int) -> [DeviceOperation]? {
    var op = op
    switch type {
    case ActivationType.none: return [op]
    case ActivationType.relu, ActivationType.relu6:
      op.setByte(parameter, type == ActivationType.relu ? 1 : 2)
      return [op]
    default:
      let result = op.outputs[0]
      let between = Tensor(name: "", type: result.type, shape: result.shape, format: result.format)
      between.quantParams = result.quantParams
      op.outputs = [between]
      return activation(type, 0, 0, 0, false, [between], [result]).map { [op, $0] }
    }
  }

  private func binary(_ node: Node, _ inputs: [Tensor], _ code: UInt32, _ parameter: UInt32) -> [DeviceOperation]? {
    if inputs.count != 2 || inputs[0].type == .bool { return nil }
    return finish(DeviceOperation(code, inputs, node.outputs), parameter, node.attributes.int(0))
  }

  private func activation(
    _ type: Int, _ alpha: Float, _ minimum: Float, _ maximum: Float, _ approximate: Bool, _ inputs: [Tensor], _ outputs: [Tensor]
  ) -> DeviceOperation? {
    if inputs.count != 1 { return nil }
    let code: UInt32
    switch type {
    case ActivationType.relu: code = 47
    case ActivationType.relu6: code = 48
    case ActivationType.sigmoid: code = 28
    case ActivationType.tanh: code = 39
    case ActivationType.hswish: code = 17
    case ActivationType.hsigmoid: code = 107
    case ActivationType.swish: code = 105
    case ActivationType.leakyRelu:
      var op = DeviceOperation(74, inputs, outputs)
      op.setFloat(92, alpha)
      return op
    case ActivationType.gelu, ActivationType.fastGelu:
      var op = DeviceOperation(56, inputs, outputs)
      op.setBool(113, approximate || type == ActivationType.fastGelu)
      return op
    case ActivationType.hardTanh: return clipping(minimum, maximum, inputs, outputs)
    default: return nil
    }
    return DeviceOperation(code, inputs, outputs)
  }

  private func clipping(_ minimum: Float, _ maximum: Float, _ inputs: [Tensor], _ outputs: [Tensor]) -> DeviceOperation {
    var op = DeviceOperation(76, inputs, outputs)
    op.setFloat(103, maximum)
    op.setFloat(104, minimum)
    return op
  }

  private func clip(_ node: Node, _ inputs: [Tensor]) -> [DeviceOperation]? {
    if inputs[0].type != .float32 { return nil }
    var bounds = [node.attributes.float(1), node.attributes.float(0)]
    for i in 1..<max(inputs.count, 1) {
      guard inputs[i].type == .float32, inputs[i].count == 1, inputs[i].hasKnownValue, let data = inputs[i].data, i < 3 else { return nil }
      bounds[i - 1] = data.loadUnaligned(as: Float.self)
    }
    return [clipping(bounds[0], bounds[1], [inputs[0]], node.outputs)]
  }
}
