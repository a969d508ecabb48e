import Graph
import KernelSelection
import System

/// What graphs are built for: kernels, threads, and the precision that the caller asks for.
struct BuildEnvironment {
  let kernels: KernelPointer
  let pool: ThreadPool
  /// Half precision is welcome.
  let float16: Bool
  /// Says it otherwise for single operators.
  let plan: ExecutionPlan

  /// The half-precision kernels that each node of a graph may choose; nil: it computes in float32.
  ///
  /// What computes directly from the model's inputs stays in float32: rounding them loses most (the bands of a spectrum, say, are
  /// orders of magnitude below the waveform), and first layers are a small part of a model's time.
  func halves(for graph: Graph, isMain: Bool) -> [HalfKernelPointer?] {
    var isRaw = [Bool](repeating: false, count: graph.tensors.count)
    if isMain { for t in graph.inputs { isRaw[t.index] = true } }
    var halves = [HalfKernelPointer?]()
    halves.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      var isFirst = false
      for t in node.inputs where isRaw[t.index] { isFirst = true }
      if isFirst && BuildEnvironment.movesData(node.kind) { for t in node.outputs { isRaw[t.index] = true } }
      let isWelcome = plan.type(of: node.name).map { $0 == .float16 } ?? (float16 && !isFirst)
      halves.append(isWelcome ? HalfKernels.active : nil)
    }
    return halves
  }

  /// The outputs hold values of the inputs, in another order or shape.
  private static func movesData(_ kind: OperatorKind) -> Bool {
    switch kind {
    case .reshape, .flatten, .squeeze, .unsqueeze, .expandDims, .transpose, .formatTranspose, .cast, .concat, .split, .padFusion, .sliceFusion,
      .stridedSlice, .gather:
      return true
    default: return false
    }
  }
}
