import Graph
import KernelSelection
import Operators
import System

/// Turns a graph with known input shapes into memory and ready operators: shape inference with folding of what is known, then
/// memory, then preparation. The result replaces an earlier plan only when everything has succeeded.
struct Plan {
  /// All intermediate values, at the offsets that their lifetimes allow.
  let arena: Buffer
  /// Memory of each graph output (by position; nil where the output's memory comes from elsewhere).
  let outputBuffers: [Buffer?]
  /// Whether each graph output's memory is found by the run: its size is known there only.
  let isDynamicOutput: [Bool]
  /// Scratch that the largest step needs.
  let workspaceBytes: Int
  /// Tensors that lie in a graph input's bytes, by input position.
  let inputAliases: [[Alias]]
  /// Tensors that lie in a graph output's bytes, by output position.
  let outputAliases: [[Alias]]
  /// What lies in the arena, and when.
  let places: [Place]

  /// A tensor that lies in the bytes of a graph input or output, `offset` bytes from their start.
  struct Alias {
    let tensor: Tensor
    let offset: Int

    /// Points the tensor to its part of `bytes`.
    func bind(_ bytes: UnsafeMutableRawPointer) { tensor.data = bytes + offset }
  }

  /// The memory of one tensor (of `graph.tensors`), which others may share: its first byte in the arena, and the first and last step
  /// at which it holds a value.
  struct Place {
    let tensor: Int
    let offset: Int
    let first: Int
    let last: Int
  }
}

struct Planner {
  let graph: Graph
  let steps: [Step]
  let environment: BuildEnvironment

  /// Plans for the input shapes that the graph's input tensors have now.
  func plan() throws(EngineError) -> Plan {
    countConsumers()
    clear()
    try inferAndFold()
    let context = ExecutionContext(
      kernels: environment.kernels, pool: environment.pool, workspace: UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped)
    context.secondLevelCache = environment.secondLevelCache
    for step in steps where step.action == .run { expectWeights(of: step.node, context.weights) }
    var workspaceBytes = 0
    for step in steps where step.action == .run {
      context.half = step.half
      do throws(EngineError) { try step.op.prepare(context) } catch { throw error.adding(step.node.text) }
      workspaceBytes = max(workspaceBytes, step.op.workspaceBytes)
    }
    for step in steps { step.chain = nil }
    for chain in BandChain.find(steps, outputs: graph.outputs, context) {
      steps[chain.first].chain = chain
      workspaceBytes = max(workspaceBytes, chain.workspaceBytes)
    }
    return try placeTensors(workspaceBytes)
  }

  /// Announces the weights that the operator will pack.
  private func expectWeights(of node: Node, _ memory: WeightMemory) {
    switch node.kind {
    case .conv2DFusion, .conv2dTransposeFusion, .fullConnection, .matMulFusion:
      guard node.inputs.count > 1, node.inputs[1].isConstant, node.inputs[1].data != nil else { return }
      let weights = node.inputs[1]
      // Winograd's algorithm has 36 numbers for 9; otherwise the last panel is filled up.
      let isTransformed = weights.type != .int8 && weights.shape.rank == 4 && weights.shape[1] == 3 && weights.shape[2] == 3
      memory.expect(weights.byteCount, room: weights.byteCount * (isTransformed ? 9 : 3) / 2 + 4096)
    default: return
    }
  }

  private func countConsumers() {
    for t in graph.tensors { t.consumers = 0 }
    for step in steps { for t in step.node.inputs { t.consumers += 1 } }
    for t in graph.outputs { t.consumers += 1 }
  }

  /// Forgets values, memory and shapes of an earlier plan.
  private func clear() {
    for step in steps {
      step.action = .run
      step.chosenFor = InputSnapshot()
      for t in step.node.outputs {
        t.clearFolded()
        if !t.isConstant {
          t.data = nil
          t.list = nil
        }
      }
    }
  }

  // MARK: shapes

  private func inferAndFold() throws(EngineError) {
    for step in steps {
      let node = step.node
      if node.inputs.contains(where: { !$0.shape.isKnown }) {
        markDynamic(step)
        continue
      }
      do throws(EngineError) { try step.op.infer() } catch {
        if error.code != .deferred { throw error.adding(node.text) }
        markDynamic(step)
        continue
      }
      if step.op.isPure && canFold(step) { try fold(step) }
    }
  }

  private func markDynamic(_ step: Step) {
    step.action = step.node.kind == .call ? .call : step.node.kind.makesHandle ? .skip : .runDynamic
    for t in step.node.outputs { t.shape = Shape([-1]) }
  }

  /// Every input's value is known; or only the shape matters and that is known.
  private func canFold(_ step: Step) -> Bool {
    if step.op.needsShapesOnly { return true }
    for t in step.node.inputs where !t.hasKnownValue { return false }
    return true
  }

  private func fold(_ step: Step) throws(EngineError) {
    try Folding.evaluate(step.op, kernels: environment.kernels, pool: environment.pool)
    step.action = .skip
  }
}
