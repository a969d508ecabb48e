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
  /// Tensors that are other names of a graph input's bytes, by input position.
  let inputAliases: [[Tensor]]
  /// Tensors that are other names of a graph output's bytes, by output position.
  let outputAliases: [[Tensor]]
  /// What lies in the arena, and when.
  let places: [Place]

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

  // MARK: memory

  private func placeTensors(_ workspaceBytes: Int) throws(EngineError) -> Plan {
    let count = graph.tensors.count
    // The tensor whose memory each tensor shares; itself at first.
    var root = [Int](repeating: 0, count: count)
    var first = [Int](repeating: -1, count: count), last = [Int](repeating: -1, count: count)
    for i in 0..<count { root[i] = i }
    var isInput = [Bool](repeating: false, count: count), isOutput = [Bool](repeating: false, count: count)
    for t in graph.inputs { isInput[t.index] = true }
    for t in graph.outputs { isOutput[t.index] = true }
    // Last step that reads each tensor itself; a value that a dynamic step touches lives to the end. So does what a handle
    // binds, which is read when the call is reached.
    let end = steps.count
    var lastRead = [Int](repeating: -1, count: count)
    var s = 0
    // Steps of a chain run at the same time: what one of them reads must last until all are done. One more, so that the last step
    // does not write over what another one still reads.
    var chainEnd = -1
    while s < steps.count {
      let step = steps[s]
      if let chain = step.chain { chainEnd = s + chain.count - 1 }
      let readsLate = step.action == .runDynamic || step.action == .call || step.node.kind.makesHandle
      for t in step.node.inputs { lastRead[t.index] = readsLate ? end : max(lastRead[t.index], s < chainEnd ? chainEnd + 1 : s) }
      s += 1
    }
    s = 0
    while s < steps.count {
      let step = steps[s]
      if step.action == .run {
        for (position, output) in step.node.outputs.enumerated() {
          let o = output.index
          if isInput[o] || output.isConstant {
            throw EngineError(.error, "\(step.node): writes \(output), which is an input or a constant")
          }
          first[o] = s
          last[o] = max(lastRead[o], s)
          if position == 0, !isOutput[o], let source = shareable(step, root, last, isInput, isOutput, s) {
            root[o] = source
            last[source] = max(last[source], last[o])
          }
        }
      }
      s += 1
    }
    var requests = [MemoryPlan.Request](), owners = [Int]()
    for i in 0..<count where root[i] == i && first[i] >= 0 && !isOutput[i] {
      requests.append(MemoryPlan.Request(bytes: graph.tensors[i].byteCount, first: first[i], last: last[i]))
      owners.append(i)
    }
    guard let placement = MemoryPlan(requests), let arena = Buffer(count: placement.total) else {
      throw EngineError(.outOfMemory, "no memory for the intermediate tensors")
    }
    var places = [Plan.Place]()
    places.reserveCapacity(owners.count)
    for (k, i) in owners.enumerated() {
      graph.tensors[i].data = arena.base + placement.offsets[k]
      places.append(Plan.Place(tensor: i, offset: placement.offsets[k], first: first[i], last: last[i]))
    }
    var outputBuffers = [Buffer?](), outputAliases = [[Tensor]]()
    for t in graph.outputs {
      outputAliases.append([])
      guard first[t.index] >= 0, t.data == nil else {
        outputBuffers.append(nil)
        continue
      }
      guard let buffer = Buffer(count: t.byteCount) else { throw EngineError(.outOfMemory, "no memory for the output \(t)") }
      t.data = buffer.base
      outputBuffers.append(buffer)
    }
    var isDynamic = [Bool](repeating: false, count: count)
    for step in steps where step.action == .runDynamic || step.action == .call {
      for t in step.node.outputs { isDynamic[t.index] = true }
    }
    var inputAliases = [[Tensor]](repeating: [], count: graph.inputs.count)
    for i in 0..<count where root[i] != i {
      let owner = graph.tensors[root[i]], alias = graph.tensors[i]
      if let k = graph.inputs.firstIndex(where: { $0 === owner }) {
        inputAliases[k].append(alias)
      } else if let k = graph.outputs.firstIndex(where: { $0 === owner }) {
        outputAliases[k].append(alias)
        alias.data = owner.data
      } else {
        alias.data = owner.data
      }
    }
    return Plan(
      arena: arena, outputBuffers: outputBuffers, isDynamicOutput: graph.outputs.map { isDynamic[$0.index] },
      workspaceBytes: workspaceBytes, inputAliases: inputAliases,
      outputAliases: outputAliases, places: places)
  }

  /// The root of an input whose memory output 0 of `step` may share: any input for a view; for an in-place operator one that
  /// nobody needs afterwards and that belongs to the arena.
  private func shareable(
    _ step: Step, _ root: [Int], _ last: [Int], _ isInput: [Bool], _ isOutput: [Bool], _ s: Int
  ) -> Int? {
    let output = step.node.outputs[0]
    if step.op.isView, let source = step.node.inputs.first, source.byteCount == output.byteCount, !source.isConstant,
      !source.isFolded
    {
      return root[source.index]
    }
    for position in step.op.inPlaceInputs where position < step.node.inputs.count {
      let source = step.node.inputs[position]
      if source.isConstant || source.isFolded || source.byteCount != output.byteCount { continue }
      let r = root[source.index]
      // The memory is free after this step, is not the caller's, and no other input of the step reads it.
      if isInput[r] || isOutput[r] || last[r] != s || graph.tensors[r].isConstant { continue }
      var readTwice = false
      for (other, t) in step.node.inputs.enumerated() where other != position && root[t.index] == r { readTwice = true }
      if readTwice { continue }
      return r
    }
    return nil
  }
}
