import Graph
import KernelSelection

/// Which nodes of a graph may compute in half precision.
struct HalfPlan {
  /// By node: the kernels that it may choose; nil: float32.
  private(set) var kernels: [HalfKernelPointer?]

  /// Nodes that the plan names follow it. Of the others, where half precision is welcome, those stay in float32 that compute directly
  /// from an input of the model: rounding inputs loses most (the bands of a spectrum, say, are orders of magnitude below the
  /// waveform), and first layers are a small part of a model's time. (Keeping the last ones too was tried; it gains no accuracy.)
  init(_ graph: Graph, isMain: Bool, _ environment: BuildEnvironment) {
    kernels = [HalfKernelPointer?](repeating: nil, count: graph.nodes.count)
    guard let half = HalfKernels.active, environment.float16 || !environment.plan.entries.isEmpty else { return }
    var isRaw = [Bool](repeating: false, count: graph.tensors.count)
    for t in graph.inputs where isMain { isRaw[t.index] = true }
    for (i, node) in graph.nodes.enumerated() {
      let isFirst = node.inputs.contains { isRaw[$0.index] }
      if isFirst && Self.movesData(node.kind) { for t in node.outputs { isRaw[t.index] = true } }
      let isForward = environment.trains.map { $0[i] } ?? true
      let wanted = environment.plan.type(of: node.name).map { $0 == .float16 } ?? (environment.float16 && !isFirst && isForward)
      if wanted { kernels[i] = half }
    }
  }

  /// The outputs hold values of the inputs, in another order or shape.
  private static func movesData(_ kind: OperatorKind) -> Bool {
    switch kind {
    case .reshape, .flatten, .squeeze, .unsqueeze, .expandDims, .transpose, .formatTranspose, .cast, .concat, .split, .padFusion,
      .sliceFusion, .stridedSlice, .gather:
      return true
    default: return false
    }
  }
}
