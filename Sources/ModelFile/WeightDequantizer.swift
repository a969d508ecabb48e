import Graph
import System

/// Turns the integer weights of weight-quantised nodes into the float32 values they stand for.
struct WeightDequantizer {
  let release: Release

  /// Whether a node that does not say so is weight-quantised. Files from before release 1.3 leave it to their tensors: some input
  /// has parameters in use, and none that has no data does.
  func isWeightQuantised(_ node: NodeRecord, _ tensors: [TensorRecord]) -> Bool {
    if release.isAtLeast(1, 3) || node.inputs.count < 2 { return false }
    var isQuantised = false
    for index in node.inputs where tensors[Int(index)].isInited {
      if !tensors[Int(index)].hasData { return false }
      isQuantised = true
    }
    return isQuantised
  }

  /// Dequantises the integer constants among the inputs of a node of quantType 4. Constants without parameters stay as they are:
  /// training exports mark float nodes so.
  func dequantizeWeights(_ node: NodeRecord, _ inputs: [Tensor], _ records: [TensorRecord]) throws(EngineError) {
    for position in 0..<inputs.count {
      let tensor = inputs[position]
      guard tensor.isConstant, tensor.type == .int8 || tensor.type == .int16 || tensor.type == .int32 else { continue }
      let clusters = records[Int(node.inputs[position])].clusters
      if !tensor.quantParams.isEmpty {
        try dequantize(tensor, axis: axis(node, inputs, position))
      } else if !clusters.isEmpty && tensor.type == .int8 {
        try lookUp(tensor, clusters)
      }
    }
    for tensor in inputs { tensor.quantParams = [] }
  }

  /// k-means weights: q stands for cluster q + 128.
  private func lookUp(_ tensor: Tensor, _ clusters: [Float]) throws(EngineError) {
    let count = tensor.shape.count
    guard let source = tensor.data, let buffer = Buffer(count: count * 4) else {
      throw EngineError(.outOfMemory, "tensor \(tensor): no memory for \(count * 4) bytes")
    }
    let out = buffer.base.assumingMemoryBound(to: Float.self)
    let q = source.assumingMemoryBound(to: Int8.self)
    for i in 0..<count {
      let cluster = Int(q[i]) + 128
      if cluster >= clusters.count {
        throw EngineError(.error, "tensor \(tensor): element \(i) is of cluster \(cluster); there are \(clusters.count)")
      }
      out[i] = clusters[cluster]
    }
    tensor.type = .float32
    tensor.setConstant(buffer.base, owner: buffer)
  }

  /// Along which dimension the parameters of input `position` run; it is outside the rank when there is no such dimension.
  private func axis(_ node: NodeRecord, _ inputs: [Tensor], _ position: Int) -> Int {
    let rank = inputs[position].shape.rank
    switch node.kind {
    case .matMulFusion:
      let isLast: Bool
      switch position {
      case 0: isLast = node.attributes.bool(0)  // transpose_a
      case 1: isLast = !node.attributes.bool(1)  // transpose_b
      default: return 0
      }
      if !release.isAtLeast(1, 6) { return isLast ? 1 : 0 }
      return isLast ? rank - 1 : rank - 2
    case .conv2dTransposeFusion where release.isAtLeast(1, 8):
      let group = node.attributes.int(8)
      let isDepthwise = group == node.attributes.int(9) && group == node.attributes.int(10)
      return isDepthwise ? 0 : rank - 1
    case .gather where release.isAtLeast(1, 6):
      if inputs.count > 2, let list = inputs[2].knownIntegers(limit: 1), let axis = list.first {
        return inputs[position].shape.axis(axis) ?? -1
      }
      return 0
    default: return 0
    }
  }

  private func dequantize(_ tensor: Tensor, axis: Int) throws(EngineError) {
    let parameters = tensor.quantParams
    let shape = tensor.shape
    // Parameter of element i: i / inner % parameters.count.
    var inner = shape.count
    if parameters.count > 1 {
      guard axis >= 0 && axis < shape.rank && shape[axis] == parameters.count else {
        throw EngineError(
          .error,
          "tensor \(tensor): \(parameters.count) quantisation parameters do not match dimension \(axis) of its shape")
      }
      inner = shape.product(axis + 1..<shape.rank)
    }
    let count = shape.count
    guard let source = tensor.data, let buffer = Buffer(count: count * 4) else {
      throw EngineError(.outOfMemory, "tensor \(tensor): no memory for \(count * 4) bytes")
    }
    let out = buffer.base.assumingMemoryBound(to: Float.self)
    var start = 0
    var channel = 0
    while start < count {
      let p = parameters[channel]
      // The corrections belong to the per-channel form only.
      var gain = 1.0
      var shift = 0.0
      if parameters.count > 1 {
        gain = p.varianceCorrection < 0 || p.varianceCorrection > 10 ? 1 : Double(p.varianceCorrection)
        shift = Double(p.meanCorrection)
      }
      let zero = Double(p.zeroPoint)
      switch tensor.type {
      case .int8:
        let q = source.assumingMemoryBound(to: Int8.self)
        for i in start..<start + inner { out[i] = Float((Double(q[i]) - zero) * p.scale * gain + shift) }
      case .int16:
        let q = source.assumingMemoryBound(to: Int16.self)
        for i in start..<start + inner { out[i] = Float((Double(q[i]) - zero) * p.scale * gain + shift) }
      default:
        let q = source.assumingMemoryBound(to: Int32.self)
        for i in start..<start + inner { out[i] = Float((Double(q[i]) - zero) * p.scale * gain + shift) }
      }
      start += inner
      channel = channel + 1 == parameters.count ? 0 : channel + 1
    }
    tensor.type = .float32
    tensor.setConstant(buffer.base, owner: buffer)
  }
}
