import CSystem
import Graph
import Operators
import System

extension GraphOptimizer {
  /// What a node does to each channel (the last dimension) of its first input: y = x * scale + bias. A missing list is 1 or 0.
  private struct ChannelAffine {
    var scale: [Float]?
    var bias: [Float]?
    /// The variable input.
    var x: Tensor
    /// The name of the constant that is all of the bias.
    var biasName: String?
  }

  /// Moves per-channel scales and biases after a convolution or product with constant weights into its weights and bias.
  func fuseScaleAndBias() throws(EngineError) {
    var links = self.links()
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() {
      guard let affineInput = variableInput(node), let target = producer(of: affineInput, links),
        onlyReader(affineInput, links) === node, Self.hasNoActivation(target), let channels = outputChannels(target),
        let affine = channelAffine(node, channels, rank: resultRank(target)), affine.x === affineInput, node.outputs[0].type == .float32,
        allows(Self.scaleFusion(node, target))
      else { continue }
      try apply(affine, to: target, channels)
      moveActivation(from: node, to: target)
      target.outputs[0] = node.outputs[0]
      // The target stands where it stood; what follows the node finds it there.
      links.producer[node.outputs[0].index] = links.producer[affineInput.index]
      dead[i] = true
      count(Self.scaleFusion(node, target))
    }
    removeNodes(dead)
  }

  /// Dimensions of a target's result; nil when not known.
  private func resultRank(_ target: Node) -> Int? {
    if target.kind == .conv2DFusion || target.kind == .conv2dTransposeFusion { return 4 }
    let shape = target.outputs[0].shape
    // One open dimension may stand for a shape of which nothing is known.
    return shape.isKnown || (file != nil && shape.rank > 1) ? shape.rank : nil
  }

  private static func scaleFusion(_ node: Node, _ target: Node) -> GraphFusion {
    let isConvolution = target.kind == .conv2DFusion || target.kind == .conv2dTransposeFusion
    switch node.kind {
    case .biasAdd, .addFusion, .subFusion:
      return isConvolution ? .biasIntoConvolution : target.kind == .fullConnection ? .addIntoFullConnection : .addIntoProduct
    case .batchNorm, .fusedBatchNorm: return isConvolution ? .batchNormIntoConvolution : .batchNormIntoProduct
    default: return isConvolution ? .scaleIntoConvolution : .mulIntoProduct
    }
  }

  /// The one input of an affine candidate that is no constant.
  private func variableInput(_ node: Node) -> Tensor? {
    switch node.kind {
    case .biasAdd, .addFusion, .subFusion, .mulFusion, .divFusion, .realDiv, .scaleFusion, .batchNorm, .fusedBatchNorm: break
    default: return nil
    }
    guard node.outputs.count == 1 || node.kind == .fusedBatchNorm else { return nil }
    var found: Tensor? = nil
    for t in node.inputs where !t.isConstant {
      if found != nil { return nil }
      found = t
    }
    return found
  }

  /// Output channels of a node whose constant float weights can be rewritten; nil for others.
  private func outputChannels(_ node: Node) -> Int? {
    guard node.outputs.count == 1, !node.fused.addsResidual, node.inputs.count >= 2, node.inputs.count <= 3 else { return nil }
    let w = node.inputs[1]
    guard w.isConstant, w.type == .float32 || w.type == .float16, w.data != nil, w.count > 0 else { return nil }
    if node.inputs.count == 3 && !node.inputs[2].isConstant { return nil }
    switch node.kind {
    case .conv2DFusion: return w.shape.rank == 4 ? w.shape[0] : nil
    case .conv2dTransposeFusion: return w.shape.rank == 4 && node.attributes.int(8, 1) <= 1 ? w.shape[3] : nil
    case .fullConnection: return w.shape.rank == 2 ? w.shape[0] : nil
    case .matMulFusion:
      // A row vector times a matrix drops no channel; a matrix times a column does.
      return w.shape.rank == 2 ? (node.attributes.bool(1) ? w.shape[0] : w.shape[1]) : nil
    default: return nil
    }
  }

  /// The values of a constant as floats, repeated to `channels` entries when it has one; nil when it does not lie along the last
  /// dimension.
  private func channelValues(_ tensor: Tensor, _ channels: Int) -> [Float]? {
    guard tensor.isConstant, let data = tensor.data, tensor.type == .float32 || tensor.type == .float16 else { return nil }
    let n = tensor.count
    guard n == 1 || (n == channels && tensor.shape.rank > 0 && tensor.shape[tensor.shape.rank - 1] == channels) else { return nil }
    // More dimensions than the result has would add dimensions.
    if tensor.shape.rank > 4 { return nil }
    var values = [Float](repeating: 0, count: n)
    values.withUnsafeMutableBufferPointer { out in
      guard let base = out.baseAddress else { return }
      if tensor.type == .float16 {
        kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), base, n)
      } else {
        UnsafeMutableRawPointer(base).copyMemory(from: data, byteCount: n * 4)
      }
    }
    return n == channels ? values : [Float](repeating: values[0], count: channels)
  }

  private func channelAffine(_ node: Node, _ channels: Int, rank: Int?) -> ChannelAffine? {
    let inputs = node.inputs
    func other(_ x: Tensor) -> Tensor? { inputs.count == 2 ? (inputs[0] === x ? inputs[1] : inputs[0]) : nil }
    guard let x = variableInput(node) else { return nil }
    // A constant of higher rank than x would change the shape of the result.
    for t in inputs where t !== x {
      if t.shape.rank > rank ?? 1 { return nil }
    }
    switch node.kind {
    case .biasAdd, .addFusion:
      guard let c = other(x), let v = channelValues(c, channels) else { return nil }
      return ChannelAffine(scale: nil, bias: v, x: x, biasName: c.name)
    case .subFusion:
      guard let c = other(x), let v = channelValues(c, channels) else { return nil }
      if inputs[0] === x { return ChannelAffine(scale: nil, bias: v.map { -$0 }, x: x) }
      return ChannelAffine(scale: [Float](repeating: -1, count: channels), bias: v, x: x)
    case .mulFusion:
      guard let c = other(x), let v = channelValues(c, channels) else { return nil }
      return ChannelAffine(scale: v, bias: nil, x: x)
    case .divFusion, .realDiv:
      guard inputs.count == 2, inputs[0] === x, let v = channelValues(inputs[1], channels) else { return nil }
      for d in v where d == 0 { return nil }
      return ChannelAffine(scale: v.map { 1 / $0 }, bias: nil, x: x)
    case .scaleFusion:
      guard inputs.count >= 2, inputs[0] === x, let rank, rank > 0,
        node.attributes.int(0) == rank - 1 || node.attributes.int(0) == -1, inputs[1].count == channels,
        let scale = channelValues(inputs[1], channels)
      else { return nil }
      var bias: [Float]? = nil
      if inputs.count == 3 {
        guard let b = channelValues(inputs[2], channels) else { return nil }
        bias = b
      }
      return ChannelAffine(scale: scale, bias: bias, x: x)
    case .batchNorm:
      guard inputs.count == 3, inputs[0] === x, let mean = channelValues(inputs[1], channels),
        let variance = channelValues(inputs[2], channels)
      else { return nil }
      return normalisation(x, nil, nil, mean, variance, node.attributes.float(0, 0))
    case .fusedBatchNorm:
      guard inputs.count == 5, inputs[0] === x, let scale = channelValues(inputs[1], channels),
        let bias = channelValues(inputs[2], channels), let mean = channelValues(inputs[3], channels),
        let variance = channelValues(inputs[4], channels)
      else { return nil }
      return normalisation(x, scale, bias, mean, variance, node.attributes.float(0, 0.0001))
    default: return nil
    }
  }

  /// scale * (x - mean) / sqrt(variance + epsilon) + bias as one affine function.
  private func normalisation(
    _ x: Tensor, _ scale: [Float]?, _ bias: [Float]?, _ mean: [Float], _ variance: [Float], _ epsilon: Float
  ) -> ChannelAffine {
    var s = mean, b = mean
    for c in 0..<mean.count {
      s[c] = (scale?[c] ?? 1) / (variance[c] + epsilon).squareRoot()
      b[c] = (bias?[c] ?? 0) - mean[c] * s[c]
    }
    return ChannelAffine(scale: s, bias: b, x: x)
  }

  /// A new constant of the graph with memory of its own.
  func makeConstant(_ name: String, _ dims: [Int]) throws(EngineError) -> Tensor {
    let t = Tensor(name: name, type: .float32, shape: Shape(dims))
    guard let buffer = Buffer(count: t.byteCount) else { throw EngineError(.outOfMemory, "no memory for \(t)") }
    t.setConstant(buffer.base, owner: buffer)
    graph.addTensor(t)
    return t
  }

  private func apply(_ affine: ChannelAffine, to node: Node, _ channels: Int) throws(EngineError) {
    if let scale = affine.scale { node.inputs[1] = try scaledWeights(node, scale, channels) }
    if affine.bias == nil && node.inputs.count < 3 { return }
    // A bias that only moves keeps its name, by which training and generated code find it.
    let moved = node.inputs.count == 3 ? nil : affine.biasName
    let bias = try makeConstant(moved ?? node.name + "/bias", [channels])
    let old = node.inputs.count == 3 ? channelValues(node.inputs[2], channels) : nil
    if node.inputs.count == 3 && old == nil {
      throw EngineError(.error, "\(node): the bias (\(node.inputs[2])) must have \(channels) elements")
    }
    for c in 0..<channels {
      bias.floats[c] = (old?[c] ?? 0) * (affine.scale?[c] ?? 1) + (affine.bias?[c] ?? 0)
    }
    if node.inputs.count == 3 { node.inputs[2] = bias } else { node.inputs.append(bias) }
    if node.kind == .fullConnection { node.attributes[0] = .bool(true) }
  }

  private func scaledWeights(_ node: Node, _ scale: [Float], _ channels: Int) throws(EngineError) -> Tensor {
    let w = node.inputs[1]
    let result = try makeConstant(w.name, w.shape.dims)
    let n = w.count
    guard let data = w.data else { throw EngineError(.error, "\(w) has no data") }
    let out = result.floats
    if w.type == .float16 {
      kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), out, n)
    } else {
      UnsafeMutableRawPointer(out).copyMemory(from: data, byteCount: n * 4)
    }
    let channelIsFirst = node.kind == .conv2DFusion || node.kind == .fullConnection || (node.kind == .matMulFusion && node.attributes.bool(1))
    let run = n / channels
    var i = 0
    while i < n {
      out[i] *= scale[channelIsFirst ? i / run : i % channels]
      i += 1
    }
    return result
  }
}
