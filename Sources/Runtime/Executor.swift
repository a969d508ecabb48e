import CSystem
import Graph
import KernelSelection
import Operators
import System

/// Runs the steps of a graph, and of the subgraphs that it calls. Calls are kept on a stack of its own, and a graph that ends
/// with a call is left before the call begins: loops, which are subgraphs that call each other in a circle, need no more of it
/// the longer they run.
final class Executor {
  var main: GraphInstance
  /// By number; the main graph's place is not used.
  private let subgraphs: [Subgraph]
  let context: ExecutionContext
  private let environment: BuildEnvironment
  private var workspace: Buffer?
  private let arguments = BufferPool()
  /// Graphs that wait for a call, outermost first.
  private var waiting: [Frame] = []
  private var running: (instance: GraphInstance, subgraph: Int)
  private var calls = 0
  private var walks = 0
  var profiling = false

  private struct Frame {
    let instance: GraphInstance
    let subgraph: Int
    /// The call's place in the instance's steps.
    let call: Int
  }

  /// Calls in one run. A loop makes two per iteration; without a limit a loop whose condition never fails would hang.
  static let maximumCalls = 1_000_000
  /// A call whose subgraph must be planned counts as so many more, as it takes so much more time.
  static let callsPerPlan = 20
  /// Calls that wait for each other; loops do not count.
  static let maximumDepth = 100

  init(main: GraphInstance, subgraphs: [Subgraph], context: ExecutionContext, _ environment: BuildEnvironment) {
    self.main = main
    self.subgraphs = subgraphs
    self.context = context
    self.environment = environment
    running = (main, 0)
  }

  /// Makes room for `bytes` of scratch; with `exactly` it also gives up what is more than that.
  func reserveWorkspace(_ bytes: Int, exactly: Bool) throws(EngineError) {
    let present = workspace?.count ?? -1
    if present == bytes || present > bytes && !exactly { return }
    guard let buffer = Buffer(count: bytes) else { throw EngineError(.outOfMemory, "no memory for \(bytes) bytes of scratch") }
    workspace = buffer
    context.workspace = buffer.base
  }

  /// Plans subgraphs for arguments whose shapes follow from those of the model's inputs, so that the first run need not. What
  /// cannot be planned is left to the run, which may never get there.
  func planCalls() {
    var open = [main]
    while let instance = open.popLast() {
      for step in instance.steps {
        guard let callee = step.callee else { continue }
        walks += 1
        for target in callee.targets(walks) {
          if let made = try? subgraphs[target.subgraph].prepare(target.node.inputs, step.node.inputs, environment) {
            open.append(made)
          }
        }
      }
    }
    showResultShapes()
  }

  /// Gives the main graph's calls the shapes of their results, where these are the same whichever way the run takes. The
  /// model's users see them before the first run.
  private func showResultShapes() {
    for step in main.steps where step.action == .call {
      guard let shapes = resultShapes(step), shapes.count == step.node.outputs.count else { continue }
      for (t, shape) in zip(step.node.outputs, shapes) { t.shape = shape }
    }
  }

  private func resultShapes(_ call: Step) -> [Shape]? {
    walks += 1
    let walk = walks
    var shapes: [Shape]?
    var open = [call]
    while let step = open.popLast() {
      guard let callee = step.callee else { return nil }
      walks += 1
      for target in callee.targets(walks) {
        guard let next = subgraphs[target.subgraph].planned(for: target.node.inputs, step.node.inputs) else { return nil }
        if next.walk == walk { continue }
        next.walk = walk
        if let last = next.tailCall {
          open.append(last)
          continue
        }
        let results = next.graph.outputs.map { $0.shape }
        if results.contains(where: { !$0.isKnown }) || shapes.map({ $0 != results }) ?? false { return nil }
        shapes = results
      }
    }
    return shapes
  }

  // MARK: the run

  /// Runs the main graph, whose inputs and outputs are bound.
  func run(_ observer: RunObserver?) throws(EngineError) {
    calls = 0
    running = (main, 0)
    do throws(EngineError) {
      try runSteps(observer)
    } catch {
      abandon()
      throw error
    }
    main.dropLists()
  }

  private func runSteps(_ observer: RunObserver?) throws(EngineError) {
    let watched = observer != nil || profiling
    var instance = main
    var position = 0
    while true {
      while position < instance.steps.count {
        let step = instance.steps[position]
        switch step.action {
        case .skip: break
        case .run, .runDynamic:
          if observer == nil, let chain = step.chain {
            if profiling { chain.runTimed(context, instance.steps) } else { chain.run(context) }
            position += chain.count
            continue
          }
          if watched {
            try runWatched(step, observer)
          } else if step.action == .run {
            do throws(EngineError) { try step.op.run(context) } catch { throw placed(error, step) }
          } else {
            try runDynamic(step)
          }
        case .call:
          try call(step, at: position)
          instance = running.instance
          position = 0
          continue
        }
        position += 1
      }
      guard let frame = waiting.popLast() else { return }
      let finished = running
      running = (frame.instance, frame.subgraph)
      try takeResults(of: finished.instance, finished.subgraph, frame.instance.steps[frame.call])
      leave(finished.instance, finished.subgraph)
      instance = frame.instance
      position = frame.call + 1
    }
  }

  private func runWatched(_ step: Step, _ observer: RunObserver?) throws(EngineError) {
    if let observer { show(step.node.inputs) { observer.before(step.node) } }
    let start = mssys_nanoseconds()
    if step.action == .run {
      do throws(EngineError) { try step.op.run(context) } catch { throw placed(error, step) }
    } else {
      try runDynamic(step)
    }
    if profiling {
      step.runs += 1
      step.nanoseconds &+= mssys_nanoseconds() &- start
    }
    if let observer { show(step.node.inputs + step.node.outputs) { observer.after(step.node) } }
  }

  /// Calls `look` while values whose rows lie within those of others are shown as copies whose rows follow each other.
  private func show(_ tensors: [Tensor], _ look: () -> Void) {
    var shown: [(tensor: Tensor, data: UnsafeMutableRawPointer, copy: Buffer)] = []
    for t in tensors {
      guard let pitch = t.rowPitch, let data = t.data, let copy = Buffer(count: t.byteCount) else { continue }
      let row = (t.shape.dims.last ?? 0) * t.type.size
      var offset = 0
      while offset < t.byteCount {
        (copy.base + offset).copyMemory(from: data + offset / row * pitch * t.type.size, byteCount: row)
        offset += row
      }
      shown.append((t, data, copy))
      t.data = copy.base
    }
    look()
    for (tensor, data, _) in shown { tensor.data = data }
  }

  /// `error` with the node and, outside the main graph, the subgraph.
  private func placed(_ error: EngineError, _ step: Step) -> EngineError {
    let placed = error.adding(step.node.text)
    return running.subgraph == 0 ? placed : placed.adding(subgraphs[running.subgraph].text)
  }

  // MARK: calls

  /// Makes the subgraph of a call the running one.
  private func call(_ step: Step, at position: Int) throws(EngineError) {
    let caller = running
    do throws(EngineError) {
      guard let handle = step.callee else { throw EngineError(.error, "has no subgraph to call") }
      calls += 1
      if calls > Executor.maximumCalls {
        throw EngineError(.error, "\(Executor.maximumCalls) calls in one run: a loop that does not end, or one that is too long")
      }
      let callee = try handle.resolve()
      let isTail = step.isTail && caller.subgraph != 0
      if !isTail && waiting.count >= Executor.maximumDepth {
        throw EngineError(.error, "\(Executor.maximumDepth) calls wait for each other; that is the limit of recursion")
      }
      let target = subgraphs[callee.subgraph]
      let given = callee.node.inputs.count + step.node.inputs.count - 1
      if given != target.source.inputs.count {
        throw EngineError(.error, "\(given) arguments for \(target.text), which has \(target.source.inputs.count) inputs")
      }
      let plans = target.planCount
      let instance = try target.take(callee.node.inputs, step.node.inputs, environment)
      calls += (target.planCount - plans) * Executor.callsPerPlan
      do throws(EngineError) {
        try reserveWorkspace(instance.plan?.workspaceBytes ?? 0, exactly: false)
        try passArguments(callee.node.inputs, step.node.inputs, to: instance, isTail: isTail)
      } catch {
        leave(instance, callee.subgraph)
        throw error
      }
      if isTail {
        leave(caller.instance, caller.subgraph)
      } else {
        waiting.append(Frame(instance: caller.instance, subgraph: caller.subgraph, call: position))
      }
      running = (instance, callee.subgraph)
    } catch { throw placed(error, step) }
  }

  /// Gives the arguments (`bound`, then those of `further` after its first) to a subgraph.
  ///
  /// Memory that nobody writes to before the subgraph has ended is lent. A graph that ends with this call may soon run again and
  /// write to its own: its arguments that the subgraph is to have are handed over, and what it has computed is copied.
  private func passArguments(
    _ bound: [Tensor], _ further: [Tensor], to instance: GraphInstance, isTail: Bool
  ) throws(EngineError) {
    let caller = running.instance
    let count = instance.graph.inputs.count
    var i = 0
    while i < count {
      let argument = i < bound.count ? bound[i] : further[i - bound.count + 1]
      let input = instance.graph.inputs[i]
      if argument.type != input.type {
        throw EngineError(.error, "argument \(i) (\(argument)) does not fit the input \(input) of \(instance.graph.name)")
      }
      input.list = argument.list
      let bytes = argument.byteCount
      guard let data = argument.data else {
        if bytes > 0 { throw EngineError(.error, "argument \(i) (\(argument)) has no value") }
        i += 1
        continue
      }
      if !isTail {
        instance.bindInput(i, data)
      } else if let k = own(argument, caller) {
        if caller.argumentBuffers[k] == nil {
          instance.bindInput(i, data)
        } else if isNeeded(argument, bound, further, after: i) {
          try copyArgument(data, bytes, i, instance)
        } else {
          instance.argumentBuffers[i] = caller.argumentBuffers[k]
          caller.argumentBuffers[k] = nil
          instance.bindInput(i, data)
        }
      } else {
        try copyArgument(data, bytes, i, instance)
      }
      i += 1
    }
  }

  /// The input of the caller that the argument is.
  private func own(_ argument: Tensor, _ caller: GraphInstance) -> Int? {
    var k = 0
    while k < caller.graph.inputs.count {
      if caller.graph.inputs[k] === argument { return k }
      k += 1
    }
    return nil
  }

  private func isNeeded(_ argument: Tensor, _ bound: [Tensor], _ further: [Tensor], after index: Int) -> Bool {
    var i = index + 1
    while i < bound.count + further.count - 1 {
      if (i < bound.count ? bound[i] : further[i - bound.count + 1]) === argument { return true }
      i += 1
    }
    return false
  }

  private func copyArgument(
    _ data: UnsafeMutableRawPointer, _ bytes: Int, _ index: Int, _ instance: GraphInstance
  ) throws(EngineError) {
    guard let buffer = arguments.take(bytes) else { throw EngineError(.outOfMemory, "no memory for argument \(index)") }
    instance.argumentBuffers[index] = buffer
    buffer.base.copyMemory(from: data, byteCount: bytes)
    instance.bindInput(index, buffer.base)
  }

  /// Copies the results of a subgraph that has ended to the outputs of the call that waits for it.
  private func takeResults(of instance: GraphInstance, _ subgraph: Int, _ step: Step) throws(EngineError) {
    let results = instance.graph.outputs
    let outputs = step.node.outputs
    do throws(EngineError) {
      if results.count != outputs.count {
        throw EngineError(
          .error, "\(subgraphs[subgraph].text) gives \(results.count) results; the call has \(outputs.count) outputs")
      }
      var i = 0
      while i < results.count {
        let result = results[i], output = outputs[i]
        if result.type != output.type {
          throw EngineError(.error, "result \(i) of \(subgraphs[subgraph].text) is \(result); the call's output is \(output)")
        }
        if output.shape != result.shape { output.shape = result.shape }
        output.list = result.list
        let bytes = result.byteCount
        output.data = try dynamicMemory(running.instance, output, bytes)
        if bytes > 0, let source = result.data { output.data?.copyMemory(from: source, byteCount: bytes) }
        i += 1
      }
    } catch {
      leave(instance, subgraph)
      throw placed(error, step)
    }
  }

  /// The instance has run, or never will: its arguments' memory is free.
  private func leave(_ instance: GraphInstance, _ subgraph: Int) {
    var i = 0
    while i < instance.argumentBuffers.count {
      if let buffer = instance.argumentBuffers[i] {
        arguments.give(buffer)
        instance.argumentBuffers[i] = nil
      }
      i += 1
    }
    subgraphs[subgraph].release(instance)
  }

  /// After a failure.
  private func abandon() {
    if running.subgraph != 0 { leave(running.instance, running.subgraph) }
    while let frame = waiting.popLast() {
      if frame.subgraph != 0 { leave(frame.instance, frame.subgraph) }
    }
    main.dropLists()
  }

  // MARK: dynamic steps

  /// Memory for an output whose size only the run knows.
  private func dynamicMemory(
    _ instance: GraphInstance, _ t: Tensor, _ bytes: Int
  ) throws(EngineError) -> UnsafeMutableRawPointer {
    if let buffer = instance.dynamicBuffers[t.index], buffer.count >= bytes { return buffer.base }
    // Room to grow: a loop may ask for a little more each time.
    let grown = instance.dynamicBuffers[t.index] == nil ? bytes : bytes + bytes / 4
    guard let buffer = Buffer(count: grown) else { throw EngineError(.outOfMemory, "no memory for \(t)") }
    instance.dynamicBuffers[t.index] = buffer
    return buffer.base
  }

  /// Runs a step whose shapes depend on values. They, its memory and its kernels are chosen anew only when something that they
  /// depend on has changed.
  private func runDynamic(_ step: Step) throws(EngineError) {
    let node = step.node
    do throws(EngineError) {
      if step.chosenFor.describes(node) {
        let needsValues = step.chosenFor.contents == .smallValues
        if needsValues { markKnown(node, smallOnly: true) }
        try reserveWorkspace(step.op.workspaceBytes, exactly: false)
        try step.op.run(context)
        if needsValues { unmark(node) }
        return
      }
      step.chosenFor = InputSnapshot()
      let contents = try infer(step)
      for t in node.outputs { t.data = try dynamicMemory(running.instance, t, t.byteCount) }
      context.half = step.half
      try step.op.prepare(context)
      try reserveWorkspace(step.op.workspaceBytes, exactly: false)
      try step.op.run(context)
      unmark(node)
      if contents != .nothing { step.chosenFor = InputSnapshot(node, contents) }
    } catch {
      unmark(node)
      let shown = error.code == .deferred ? EngineError(.error, "its output shape cannot be computed") : error
      throw placed(shown, step)
    }
  }

  /// Infers with as few of the inputs' values as are needed, and says which these are. Those inputs stay marked as known.
  private func infer(_ step: Step) throws(EngineError) -> InputSnapshot.Contents {
    let node = step.node
    var hasList = false
    for t in node.inputs where t.list != nil { hasList = true }
    if !hasList {
      if try infersNow(step) { return .shapes }
      markKnown(node, smallOnly: true)
      if try infersNow(step) { return .smallValues }
    }
    markKnown(node, smallOnly: false)
    try step.op.infer()
    return .nothing
  }

  /// false when a value is missing.
  private func infersNow(_ step: Step) throws(EngineError) -> Bool {
    do throws(EngineError) {
      try step.op.infer()
      return true
    } catch {
      if error.code == .deferred { return false }
      throw error
    }
  }

  /// Lets `infer` and `prepare` read the values of the node's variables. (Folded values, which have an owner, are known anyway.)
  private func markKnown(_ node: Node, smallOnly: Bool) {
    for t in node.inputs where !t.isConstant && t.owner == nil && (!smallOnly || InputSnapshot.isSmall(t)) { t.markKnown(true) }
  }

  private func unmark(_ node: Node) {
    for t in node.inputs where !t.isConstant && t.owner == nil { t.markKnown(false) }
  }
}
