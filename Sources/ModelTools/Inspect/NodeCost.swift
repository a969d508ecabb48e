import Graph

/// The arithmetic of a node, from its shapes.
///
/// Multiply-accumulates (MACs) count for matrix products, convolutions and recurrent layers; floating point operations (FLOPs)
/// are two for each of those, and for other operators the usual number per element. Operators that only move data have none.
struct NodeCost {
  var macs = 0
  var flops = 0
  /// Bytes that the node reads and writes when nothing stays in a cache: inputs, weights and outputs.
  var bytes = 0

  static func + (a: NodeCost, b: NodeCost) -> NodeCost {
    NodeCost(
      macs: saturated(a.macs.addingReportingOverflow(b.macs)), flops: saturated(a.flops.addingReportingOverflow(b.flops)),
      bytes: saturated(a.bytes.addingReportingOverflow(b.bytes)))
  }

  /// nil while a shape that it takes is not known.
  static func of(_ node: Node) -> NodeCost? {
    let tensors = node.inputs + node.outputs
    if tensors.contains(where: { $0.shape.checkedCount == nil }) { return nil }
    var cost = NodeCost()
    for t in tensors { cost.bytes = saturated(cost.bytes.addingReportingOverflow(t.byteCount)) }
    guard let macs = macs(node) else {
      cost.flops = flops(node)
      return cost
    }
    cost.macs = macs
    cost.flops = product(macs, 2)
    return cost
  }

  private static func saturated(_ result: (Int, Bool)) -> Int { result.1 ? Int.max : result.0 }
  private static func product(_ a: Int, _ b: Int) -> Int { saturated(a.multipliedReportingOverflow(by: b)) }

  /// nil for operators that are not made of products.
  private static func macs(_ node: Node) -> Int? {
    guard let output = node.outputs.first, node.inputs.count >= 2 else { return nil }
    let x = node.inputs[0], w = node.inputs[1]
    switch node.kind {
    case .conv2DFusion, .adderFusion:
      // Each output pixel takes every weight once.
      guard let channels = w.shape.dims.first, channels > 0 else { return nil }
      return product(output.count / channels, w.count)
    case .conv2dTransposeFusion:
      guard let channels = w.shape.dims.first, channels > 0 else { return nil }
      return product(x.count / channels, w.count)
    case .fullConnection:
      guard let units = w.shape.dims.first, units > 0 else { return nil }
      return product(output.count / units, w.count)
    case .matMulFusion:
      guard let depth = node.attributes.bool(0) ? x.shape.dims.dropLast().last : x.shape.dims.last else { return nil }
      return product(output.count, depth)
    case .lstm, .gru:
      guard x.shape.rank == 3 else { return nil }
      let positions = product(x.shape[0], x.shape[1])
      if node.inputs.count >= 5 { return product(positions, w.count + node.inputs[2].count) }
      // MindIR's form has all weights in one vector.
      return product(positions, node.inputs[3].count)
    default: return nil
    }
  }

  private static func flops(_ node: Node) -> Int {
    guard let output = node.outputs.first else { return 0 }
    let n = output.count
    let x = node.inputs.first?.count ?? 0
    switch node.kind {
    case .addFusion, .subFusion, .mulFusion, .divFusion, .realDiv, .maximum, .minimum, .eltwise, .biasAdd, .abs, .neg, .square,
      .squaredDifference, .clip, .floor, .ceil, .round, .floorDiv, .floorMod, .mod, .reciprocal, .equal, .notEqual, .less,
      .lessEqual, .greater, .greaterEqual, .logicalAnd, .logicalOr, .logicalNot, .leakyRelu, .pReLUFusion, .cumSum:
      return n
    case .addN: return product(n, max(node.inputs.count - 1, 1))
    case .scaleFusion, .batchNorm, .fusedBatchNorm: return product(n, 2)
    case .activation, .sqrt, .rsqrt, .expFusion, .log, .log1p, .sin, .cos, .powFusion, .erf, .elu: return product(n, 4)
    case .softmax, .logSoftmax: return product(n, 6)
    case .layerNormFusion, .instanceNorm, .groupNormFusion, .l2NormalizeFusion, .lpNormalization, .lrn: return product(n, 8)
    case .reduceFusion, .argMaxFusion, .argMinFusion, .all: return x
    case .avgPoolFusion, .maxPoolFusion:
      if node.attributes.bool(6) { return x }
      return product(n, node.attributes.ints(0).reduce(1) { product($0, max($1, 1)) })
    case .resize, .cropAndResize: return product(n, 7)
    default: return 0
    }
  }
}
