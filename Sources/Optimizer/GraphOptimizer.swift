import Graph
import KernelSelection
import Operators
import System

/// What the optimiser does, as far as a caller may want to forbid or count it.
public enum GraphFusion: Int, CaseIterable {
  case biasIntoConvolution, batchNormIntoConvolution, scaleIntoConvolution
  case addIntoProduct, mulIntoProduct, addIntoFullConnection, batchNormIntoProduct
  case activationIntoConvolution, activationIntoProduct, activationIntoAdd, activationIntoMul, activationIntoScale
  case hardSwish, sigmoidMul, padIntoConvolution
}

/// For optimising a graph that will be written to a file: what is allowed, and what was done.
public final class FileFusions {
  private let isAllowed: (GraphFusion) -> Bool
  private let onFusion: (GraphFusion) -> Void
  public init(allows: @escaping (GraphFusion) -> Bool, onFusion: @escaping (GraphFusion) -> Void) {
    isAllowed = allows
    self.onFusion = onFusion
  }
  func allows(_ fusion: GraphFusion) -> Bool { isAllowed(fusion) }
  func count(_ fusion: GraphFusion) { onFusion(fusion) }
}

/// Rewrites a graph into one that computes the same with fewer and larger operators. Runs once, when a model is built; what it
/// relies on (constants, single readers) holds for every later shape of the inputs.
///
/// Tensors that are the graph's inputs or outputs are never replaced.
///
/// For a file (`file` is not nil) only what the format can express is done, and the tensors' shapes are taken as they are: -1 for an
/// open dimension.
public struct GraphOptimizer {
  let graph: Graph
  let kernels: KernelPointer
  let pool: ThreadPool
  let file: FileFusions?

  public init(graph: Graph, kernels: KernelPointer, pool: ThreadPool, file: FileFusions? = nil) {
    self.graph = graph
    self.kernels = kernels
    self.pool = pool
    self.file = file
  }

  func allows(_ fusion: GraphFusion) -> Bool {
    guard let file else { return true }
    return file.allows(fusion)
  }

  func count(_ fusion: GraphFusion) {
    if let file { file.count(fusion) }
  }

  @export(interface)
  public func run() throws(EngineError) {
    if file == nil {
      try simplify()
      fuseAttention()
    }
    fuseActivationChains()
    try fuseScaleAndBias()
    fuseActivations()
    fusePadding()
    if file == nil { fuseResiduals() }
    removeUnused()
  }

  /// Computes what does not depend on the inputs, and drops transposes that undo each other. A part of ``run()`` where the graph is
  /// not for a file; one that is must have the shapes of its inputs.
  @export(interface)
  public func simplify() throws(EngineError) {
    try foldConstants()
    try widenMovedConstants()
    inferShapes()
    removeTransposes()
  }

  // MARK: what passes ask of the graph

  /// Reader and producer of each tensor, by tensor index. Valid until a pass changes the graph.
  struct Links {
    /// Index of the producing node in `graph.nodes`, or -1.
    var producer: [Int]
    /// Indices of the reading nodes, one entry per reading input; an output of the graph counts as the reader -1.
    var readers: [[Int]]
  }

  func links() -> Links {
    graph.renumber()
    var links = Links(
      producer: [Int](repeating: -1, count: graph.tensors.count), readers: [[Int]](repeating: [], count: graph.tensors.count))
    for (i, node) in graph.nodes.enumerated() {
      for t in node.outputs { links.producer[t.index] = i }
      for t in node.inputs { links.readers[t.index].append(i) }
    }
    for t in graph.outputs { links.readers[t.index].append(-1) }
    return links
  }

  /// The only reader of a tensor that nothing else needs; nil otherwise.
  func onlyReader(_ tensor: Tensor, _ links: Links) -> Node? {
    let r = links.readers[tensor.index]
    return r.count == 1 && r[0] >= 0 ? graph.nodes[r[0]] : nil
  }

  func producer(of tensor: Tensor, _ links: Links) -> Node? {
    let p = links.producer[tensor.index]
    return p >= 0 ? graph.nodes[p] : nil
  }

  /// Removes the nodes for which `dead` says so.
  func removeNodes(_ dead: [Bool]) {
    var kept = [Node]()
    kept.reserveCapacity(graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() where !dead[i] { kept.append(node) }
    graph.nodes = kept
  }

  /// The value of a float constant with exactly one element.
  func scalar(_ tensor: Tensor) -> Float? {
    guard tensor.isConstant, tensor.count == 1, let data = tensor.data else { return nil }
    switch tensor.type {
    case .float32: return data.loadUnaligned(as: Float.self)
    case .float16:
      var value: Float = 0
      kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), &value, 1)
      return value
    default: return nil
    }
  }

  // MARK: shapes and constants

  /// Computes nodes whose inputs are all constants, once and for all.
  private func foldConstants() throws(EngineError) {
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() {
      if node.inputs.isEmpty || node.inputs.contains(where: { !$0.hasKnownValue }) { continue }
      if node.outputs.contains(where: { t in graph.outputs.contains { $0 === t } }) { continue }
      guard let factory = Registry.factory(for: node) else { continue }
      // A node that cannot be folded stays; if it is wrong, building its operator will say so.
      guard let op = try? factory(node), op.isPure, (try? op.infer()) != nil else { continue }
      guard (try? Folding.evaluate(op, kernels: kernels, pool: pool)) != nil else { continue }
      for t in node.outputs { t.keepFolded() }
      dead[i] = true
    }
    removeNodes(dead)
  }

  /// Fills in the shapes that follow from the inputs' shapes, where those are known; passes that compare shapes need them.
  private func inferShapes() {
    if graph.inputs.contains(where: { !$0.shape.isKnown }) {
      for node in graph.nodes { for t in node.outputs { t.shape = Shape([-1]) } }
      return
    }
    for node in graph.nodes {
      if node.inputs.contains(where: { !$0.shape.isKnown }) || (try? Registry.factory(for: node)?(node).infer()) == nil {
        for t in node.outputs { t.shape = Shape([-1]) }
      }
    }
  }

  /// Drops nodes whose results nobody reads, from the end.
  @export(interface)
  public func removeUnused() {
    let links = self.links()
    var readers = links.readers.map { $0.count }
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    var i = graph.nodes.count - 1
    while i >= 0 {
      let node = graph.nodes[i]
      if !node.kind.hasSideEffect && node.outputs.allSatisfy({ readers[$0.index] == 0 }) {
        dead[i] = true
        for t in node.inputs { readers[t.index] -= 1 }
      }
      i -= 1
    }
    removeNodes(dead)
  }
}
