import CKernels
import Graph

extension GraphOptimizer {
  /// Brings to float32 the float16 constants whose elements a node passes on, when the model says that its result is float32: weights of
  /// a float32 network that are stored as float16. Operators that compute widen such weights themselves; those that move bytes would
  /// pass halves on to nodes that expect floats, or have operands of two types. (Gather reads a table of which it needs a few rows, and
  /// widens those.)
  func widenMovedConstants() throws(EngineError) {
    graph.renumber()
    var wide = [Tensor?](repeating: nil, count: graph.tensors.count)
    for node in graph.nodes where passesElementsOn(node.kind) && node.outputs.first?.type == .float32 {
      for (i, t) in node.inputs.enumerated() where t.isConstant && t.type == .float16 {
        if wide[t.index] == nil { wide[t.index] = try widened(t) }
        if let w = wide[t.index] { node.inputs[i] = w }
      }
    }
  }

  private func passesElementsOn(_ kind: OperatorKind) -> Bool {
    switch kind {
    case .batchToSpace, .batchToSpaceND, .broadcastTo, .concat, .crop, .cumSum, .depend, .depthToSpace, .expandDims, .fill, .fillV2, .flatten,
      .formatTranspose, .gatherD, .gatherNd, .oneHot, .padFusion, .reshape, .reverseSequence, .reverseV2, .scatterElements, .scatterNd,
      .scatterNdUpdate, .select, .sliceFusion, .spaceToBatch, .spaceToBatchND, .spaceToDepth, .sparseToDense, .split, .squeeze, .stack,
      .stridedSlice, .tensorScatterAdd, .tileFusion, .topKFusion, .transpose, .triu, .tril, .unsqueeze, .unstack, .where:
      return true
    default: return false
    }
  }

  private func widened(_ t: Tensor) throws(EngineError) -> Tensor? {
    guard let data = t.data else { return nil }
    let wide = try makeConstant(t.name, t.shape.dims)
    wide.format = t.format
    if let target = wide.data, t.count > 0 {
      kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), target.assumingMemoryBound(to: Float.self), t.count)
    }
    return wide
  }
}
