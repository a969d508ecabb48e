import Graph
import Operators
import System

extension Planner {
  /// Gives every value that a step computes its memory: the graph outputs' own, or a part of the arena.
  func placeTensors(_ workspaceBytes: Int) throws(EngineError) -> Plan {
    let count = graph.tensors.count
    var sharing = Sharing(graph)
    for t in graph.tensors { t.rowPitch = nil }
    // Last step that reads each tensor itself; a value that a dynamic step touches lives to the end. So does what a handle
    // binds, which is read when the call is reached.
    let end = steps.count
    var lastRead = [Int](repeating: -1, count: count)
    var inChain = [Bool](repeating: false, count: steps.count)
    var s = 0
    // Steps of a chain run at the same time: what one of them reads must last until all are done. One more, so that the last step
    // does not write over what another one still reads.
    var chainEnd = -1
    while s < steps.count {
      let step = steps[s]
      if let chain = step.chain { chainEnd = s + chain.count - 1 }
      if s <= chainEnd { inChain[s] = true }
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
          if sharing.isInput[o] || output.isConstant {
            throw EngineError(.error, "\(step.node): writes \(output), which is an input or a constant")
          }
          sharing.first[o] = s
          sharing.last[o] = max(lastRead[o], s)
          if position == 0 { sharing.shareInput(step, s) }
        }
        if let mover = step.op as? MoveOperator {
          mover.moves.removeAll { move in sharing.place(move, of: mover) || sharing.spread(move, of: mover, steps, inChain) }
        }
      }
      s += 1
    }
    var requests = [MemoryPlan.Request](), owners = [Int]()
    for i in 0..<count where sharing.owner[i] == i && sharing.first[i] >= 0 && !sharing.isOutput[i] {
      if let home = graph.tensors[i].home {
        graph.tensors[i].data = home
        continue
      }
      requests.append(
        MemoryPlan.Request(bytes: graph.tensors[i].byteCount, first: sharing.first[i], last: sharing.last[i]))
      owners.append(i)
    }
    guard let placement = MemoryPlan(requests), let arena = Buffer(count: placement.total) else {
      throw EngineError(.outOfMemory, "no memory for the intermediate tensors")
    }
    var places = [Plan.Place]()
    places.reserveCapacity(owners.count)
    for (k, i) in owners.enumerated() {
      graph.tensors[i].data = arena.base + placement.offsets[k]
      places.append(
        Plan.Place(tensor: i, offset: placement.offsets[k], first: sharing.first[i], last: sharing.last[i]))
    }
    var isDeviceResult = [Bool](repeating: false, count: count)
    for step in steps where step.node.kind == .deviceSubgraph { for t in step.node.outputs { isDeviceResult[t.index] = true } }
    var outputBuffers = [Buffer?](), outputAliases = [[Plan.Alias]]()
    for t in graph.outputs {
      outputAliases.append([])
      if isDeviceResult[t.index] { t.data = t.home }
      guard sharing.first[t.index] >= 0, t.data == nil else {
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
    var inputAliases = [[Plan.Alias]](repeating: [], count: graph.inputs.count)
    for i in 0..<count where sharing.owner[i] != i {
      let (root, offset) = sharing.place(of: i)
      let owner = graph.tensors[root], alias = Plan.Alias(tensor: graph.tensors[i], offset: offset)
      if let k = graph.inputs.firstIndex(where: { $0 === owner }) {
        inputAliases[k].append(alias)
        continue
      }
      if let k = graph.outputs.firstIndex(where: { $0 === owner }) { outputAliases[k].append(alias) }
      if let bytes = owner.data { alias.bind(bytes) }
    }
    return Plan(
      arena: arena, outputBuffers: outputBuffers, isDynamicOutput: graph.outputs.map { isDynamic[$0.index] },
      workspaceBytes: workspaceBytes, inputAliases: inputAliases,
      outputAliases: outputAliases, places: places)
  }
}

/// Which tensors lie in the memory of others, and how long memory is needed.
private struct Sharing {
  private let tensors: [Tensor]
  let isInput: [Bool], isOutput: [Bool]
  /// The tensor that each tensor lies in; itself at first.
  private(set) var owner: [Int]
  /// Where it begins there, in bytes.
  private var offset: [Int]
  /// The first and last step that needs a tensor's memory, for those that lie in no other: also for what lies in it. -1: no step.
  var first: [Int], last: [Int]

  init(_ graph: Graph) {
    let count = graph.tensors.count
    tensors = graph.tensors
    var isInput = [Bool](repeating: false, count: count), isOutput = [Bool](repeating: false, count: count)
    for t in graph.inputs { isInput[t.index] = true }
    for t in graph.outputs { isOutput[t.index] = true }
    self.isInput = isInput
    self.isOutput = isOutput
    owner = [Int](repeating: 0, count: count)
    for i in 0..<count { owner[i] = i }
    offset = [Int](repeating: 0, count: count)
    first = [Int](repeating: -1, count: count)
    last = [Int](repeating: -1, count: count)
  }

  /// The tensor that lies in no other and has tensor `i`'s bytes, and where in it they begin.
  func place(of i: Int) -> (root: Int, offset: Int) {
    var i = i, total = 0
    while owner[i] != i {
      total += offset[i]
      i = owner[i]
    }
    return (i, total)
  }

  /// Puts tensor `i`, which lies in no other, into tensor `j`, `at` bytes from its start.
  private mutating func put(_ i: Int, into j: Int, at: Int) {
    let (root, start) = place(of: j)
    owner[i] = root
    offset[i] = start + at
    if first[root] >= 0 && first[i] >= 0 { first[root] = min(first[root], first[i]) }
    last[root] = max(last[root], last[i])
  }

  /// Lets output 0 of step number `s` lie in the bytes of an input where the operator allows it: any input for a view; for an in-place
  /// operator one that nobody needs afterwards and whose memory is the plan's.
  mutating func shareInput(_ step: Step, _ s: Int) {
    let output = step.node.outputs[0]
    if isOutput[output.index] || output.home != nil { return }
    if step.op.isView, let source = step.node.inputs.first, source.byteCount == output.byteCount, !source.isConstant,
      !source.isFolded
    {
      return put(output.index, into: source.index, at: 0)
    }
    for position in step.op.inPlaceInputs where position < step.node.inputs.count {
      let source = step.node.inputs[position]
      if source.isConstant || source.isFolded || source.byteCount != output.byteCount { continue }
      let r = place(of: source.index).root
      // The memory is free after this step, is not the caller's, and no other input of the step reads it.
      if isInput[r] || isOutput[r] || last[r] != s || tensors[r].isConstant { continue }
      var readTwice = false
      for (other, t) in step.node.inputs.enumerated() where other != position && place(of: t.index).root == r { readTwice = true }
      if readTwice { continue }
      return put(output.index, into: source.index, at: 0)
    }
  }

  /// Saves the copy of a whole tensor: an output that is one run of an input's bytes lies in the input (a split along the first axis),
  /// an input that becomes one run of an output is computed there (a join along the first axis). False: the move is needed.
  mutating func place(_ move: Move, of mover: MoveOperator) -> Bool {
    guard let run = move.wholeRun, mayPlace(move, mover) else { return false }
    let input = mover.inputs[move.input], output = mover.outputs[move.output]
    if run.to == 0 && run.bytes == output.byteCount && !isOutput[output.index] && output.home == nil {
      put(output.index, into: input.index, at: run.from)
    } else if run.from == 0 && run.bytes == input.byteCount && isOwnPlace(input) {
      put(input.index, into: output.index, at: run.to)
    } else {
      return false
    }
    return true
  }

  /// Saves the copy of rows into longer ones (a join along the last axis): the operator that computes them writes them there, when it can
  /// and nobody else reads them. False: the move is needed.
  mutating func spread(_ move: Move, of mover: MoveOperator, _ steps: [Step], _ inChain: [Bool]) -> Bool {
    guard let rows = move.spreadRows, mayPlace(move, mover) else { return false }
    let input = mover.inputs[move.input], size = input.type.size
    guard isOwnPlace(input), input.consumers == 1, let row = input.shape.dims.last, row * size == rows.bytes,
      rows.count * rows.bytes == input.byteCount
    else { return false }
    let producer = first[input.index]
    guard !inChain[producer], steps[producer].op.observesRowPitch, steps[producer].node.outputs[0] === input else { return false }
    input.rowPitch = rows.pitch / size
    put(input.index, into: mover.outputs[move.output].index, at: rows.to)
    return true
  }

  private func mayPlace(_ move: Move, _ mover: MoveOperator) -> Bool {
    let input = mover.inputs[move.input], output = mover.outputs[move.output].index
    return mover.background == nil && !mover.isView && !input.isConstant && !input.isFolded && owner[output] == output
  }

  /// The tensor is computed by a step, into memory of the arena that is no other tensor's part.
  private func isOwnPlace(_ t: Tensor) -> Bool {
    owner[t.index] == t.index && first[t.index] >= 0 && !isInput[t.index] && !isOutput[t.index] && t.home == nil
  }
}
