import CSystem
import Graph
import KernelSelection
import ModelFile
import NNRt
import Operators
import Optimizer
import System

/// What the caller asks for before a model is built.
public struct SessionOptions {
  /// Threads that compute, the caller of ``Session/run(observer:)`` included; at least 1.
  public var threads = 1
  /// Processors to pin the threads to (thread i to entry i modulo count); empty: not pinned.
  public var cores: [Int32] = []
  /// Half-precision arithmetic is welcome. The float32 kernels run all the same where it would not be faster.
  public var float16 = false
  /// Nodes that are to run in float32 or in half precision whatever ``float16`` says.
  public var plan = ExecutionPlan()
  /// Rewrite the graphs into faster ones. Without that every node of the file runs as it is and every tensor gets its value, which
  /// is what a comparison layer by layer wants.
  public var optimises = true
  /// Bytes of a core's second-level cache, which blocks of work are to fit into.
  public var secondLevelCache = CacheSize.secondLevel
  /// A device of the Neural Network Runtime that comes before the CPU; nil: none does.
  public var nnrt: NNRtSettings?
  public init() {}
}

/// Sees every operator of a run, in execution order. Both functions are called on the thread that called
/// ``Session/run(observer:)``. Subclass it; the base class does nothing.
open class RunObserver {
  public init() {}
  /// About to run `node`; its inputs are bound and filled.
  open func before(_ node: Node) {}
  /// `node` has run; its outputs are filled.
  open func after(_ node: Node) {}
}

/// One entry of the profile.
public struct NodeProfile {
  public let name: String
  public let kind: String
  /// Runs counted, and their total time.
  public let runs: Int
  public let nanoseconds: UInt64
  /// "float32", "bfloat16" or "float16": what it multiplies in; "" for an operator without floats.
  public let arithmetic: StaticString
  /// See ``Operator/algorithm``.
  public let algorithm: StaticString
  /// The chain of layers that it runs in band by band, counted from 1; 0: none.
  public let chain: Int
}

/// A model that is ready to run: graph, operators, memory and threads. Not thread-safe; see the C API's busy flag.
public final class Session {
  /// The graph's inputs and outputs in the model's order: name, type, format, shape (with -1 for dimensions unknown until
  /// ``resize(_:)`` or, for outputs of data-dependent shape, until a run).
  public var inputs: [Tensor] { graph.inputs }
  public var outputs: [Tensor] { graph.outputs }

  /// Times every operator from now on (or stops to).
  public var profiling = false {
    didSet {
      executor.profiling = profiling
      if !profiling || oldValue { return }
      for step in allSteps {
        step.runs = 0
        step.nanoseconds = 0
      }
    }
  }

  /// Another one after a resize, or after a failure, of a device: ``inputs`` and ``outputs`` are then other tensors too.
  private(set) var main: GraphInstance
  /// nil: everything runs on the CPU.
  private let device: DevicePlacement?
  /// What went otherwise than the caller has asked for, while the call succeeded; see ``takeNotices()``.
  private var notices: [String] = []
  private let subgraphs: [Subgraph]
  let executor: Executor
  private let environment: BuildEnvironment
  private var inputBindings: [UnsafeMutableRawPointer?]
  private var outputBindings: [UnsafeMutableRawPointer?]

  private var graph: Graph { main.graph }

  /// Builds a session for a model.
  @export(interface)
  public static func open(_ source: ModelSource, options: SessionOptions) throws(EngineError) -> Session {
    try make(source.read(), options)
  }

  /// (Functions that make sessions rather than initialisers, because in Embedded Swift 6.3 an initialiser that throws leaks.)
  static func make(_ description: ModelDescription, _ options: SessionOptions) throws(EngineError) -> Session {
    if let inner = description.embeddedModel {
      do throws(EngineError) {
        return try make(ModelReader.read(inner, owner: nil, copyConstants: true), options)
      } catch { throw error.adding("model inside the ThirdPartyModel node") }
    }
    return try make(description.graphs, options)
  }

  /// Steps of the main graph that run band by band, see ``BandChain``.
  var chainedSteps: Int { main.steps.reduce(0) { $0 + ($1.chain?.count ?? 0) } }

  /// Builds a session for graphs in memory: graph 0 is the main one, the others are what `sub_graph_index` of PartialFusion nodes
  /// counts. They belong to the session from here on, which changes them and may give up their constants' bytes; their tensors have
  /// the planned shapes afterwards.
  @export(interface)
  public static func open(_ graphs: [Graph], options: SessionOptions) throws(EngineError) -> Session {
    guard graphs.first != nil else { throw EngineError(.inputParameterInvalid, "a model of no graphs") }
    return try make(graphs, options)
  }

  private static func make(_ graphs: [Graph], _ options: SessionOptions) throws(EngineError) -> Session {
    try make(graphs, BuildEnvironment(options))
  }

  static func make(_ graphs: [Graph], _ environment: BuildEnvironment) throws(EngineError) -> Session {
    let isReached = reachable(graphs)
    try refuseLists(graphs[0])
    var notices = [String]()
    let device = try DevicePlacement.make(graphs[0], environment) { notices.append($0) }
    if let device { notices += try device.place(graphs[0], environment, device.state) }
    try refuseUnknownOperators(graphs, isReached)
    var subgraphs = [Subgraph]()
    for graph in graphs { subgraphs.append(Subgraph(graph, subgraphCount: graphs.count)) }
    for i in 1..<max(graphs.count, 1) where isReached[i] { try subgraphs[i].check(environment) }
    let main = try GraphInstance.make(
      graphs[0], isMain: true, isForShapes: false, subgraphCount: graphs.count, environment)
    let session = Session(main, subgraphs, environment, device, notices)
    try session.planFirst()
    return session
  }

  private init(
    _ main: GraphInstance, _ subgraphs: [Subgraph], _ environment: BuildEnvironment, _ device: DevicePlacement?, _ notices: [String]
  ) {
    self.device = device
    self.notices = notices
    self.main = main
    self.subgraphs = subgraphs
    self.environment = environment
    inputBindings = [UnsafeMutableRawPointer?](repeating: nil, count: main.graph.inputs.count)
    outputBindings = [UnsafeMutableRawPointer?](repeating: nil, count: main.graph.outputs.count)
    let context = ExecutionContext(
      kernels: environment.kernels, pool: environment.pool, workspace: UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped)
    executor = Executor(main: main, subgraphs: subgraphs, context: context, environment)
  }

  private func planFirst() throws(EngineError) {
    if graph.inputs.contains(where: { !$0.shape.isKnown }) {
      main.forgetShapes()
    } else {
      try plan()
      executor.planCalls()
    }
  }

  /// Messages since the last call: devices that failed and whose work the CPU did.
  public func takeNotices() -> [String] {
    if notices.isEmpty { return [] }
    let all = notices
    notices = []
    return all
  }

  /// Builds the main graph again for inputs of the given shapes, with the device or without. On failure everything stays as it was.
  private func rebuild(_ device: DevicePlacement, _ shapes: [Shape], onDevice: Bool) throws(EngineError) {
    let graph = device.graph(shapes)
    // An earlier instance's device may still hang.
    let state = DeviceState()
    let news = onDevice ? try device.place(graph, environment, state) : []
    try Session.refuseUnknownOperators([graph], [true])
    let instance = try GraphInstance.make(
      graph, isMain: true, isForShapes: false, subgraphCount: subgraphs.count, environment)
    let plan = try instance.planned(environment)
    try executor.reserveWorkspace(plan.workspaceBytes, exactly: false)
    instance.adopt(plan)
    main = instance
    executor.main = instance
    device.state = state
    notices += news
  }

  /// Plans the main graph for the shapes that its inputs have now.
  private func plan() throws(EngineError) {
    let plan = try main.planned(environment)
    try executor.reserveWorkspace(plan.workspaceBytes, exactly: true)
    main.adopt(plan)
  }

  /// The graphs that the main graph calls, or that those call.
  private static func reachable(_ graphs: [Graph]) -> [Bool] {
    var isReached = [Bool](repeating: false, count: graphs.count)
    var open = [0]
    isReached[0] = true
    while let next = open.popLast() {
      for node in graphs[next].nodes where node.kind == .partialFusion {
        let target = node.attributes.int(0)
        if target < 0 || target >= graphs.count || isReached[target] { continue }
        isReached[target] = true
        open.append(target)
      }
    }
    return isReached
  }

  /// Names every node that the CPU cannot run, all in one error.
  private static func refuseUnknownOperators(_ graphs: [Graph], _ isReached: [Bool]) throws(EngineError) {
    var list = "", count = 0, total = 0
    for i in 0..<graphs.count where isReached[i] {
      total += graphs[i].nodes.count
      for node in graphs[i].nodes where Registry.factory(for: node) == nil {
        count += 1
        list += (list.isEmpty ? "" : ", ") + node.text
        if node.kind == .custom, let type = node.attributes.string(0) { list += " of type \(type)" }
        list += "\(Registry.reason(against: node))"
      }
    }
    if count > 0 { throw EngineError(.error, "\(count) of \(total) nodes are not supported: \(list)") }
  }

  /// A list has no form that the caller could give or take.
  private static func refuseLists(_ graph: Graph) throws(EngineError) {
    for t in graph.inputs where t.type == .tensorList {
      throw EngineError(.notSupported, "input \(t) is a tensor list; inputs of a model are tensors")
    }
    for t in graph.outputs where t.type == .tensorList {
      throw EngineError(.notSupported, "output \(t) is a tensor list; outputs of a model are tensors (see TensorListStack)")
    }
  }

  // MARK: shapes

  /// Gives the inputs new shapes (one list of dimensions per input, in order) and plans again. On failure everything is as it
  /// was before. Bindings of inputs and outputs are dropped on success.
  @export(interface)
  public func resize(_ shapes: [[Int]]) throws(EngineError) {
    if shapes.count != graph.inputs.count {
      throw EngineError(.inputParameterInvalid, "\(shapes.count) shapes for \(graph.inputs.count) inputs")
    }
    for (tensor, dims) in zip(graph.inputs, shapes) {
      let shape = Shape(dims)
      guard dims.count <= Shape.maximumRank, shape.checkedCount != nil else {
        throw EngineError(.error, "input \"\(tensor.name)\" cannot have the shape \(shape)")
      }
      // A static model states its inputs' rank; its operators cannot take another.
      if tensor.shape.rank > 0 && dims.count != tensor.shape.rank {
        throw EngineError(
          .error, "input \"\(tensor.name)\" has \(tensor.shape.rank) dimensions; the new shape \(shape) has \(dims.count)")
      }
    }
    if let device {
      try rebuild(device, shapes.map { Shape($0) }, onDevice: true)
    } else {
      try planAgain(shapes)
    }
    for subgraph in subgraphs { subgraph.reset() }
    executor.planCalls()
    for i in 0..<inputBindings.count { inputBindings[i] = nil }
    for i in 0..<outputBindings.count { outputBindings[i] = nil }
  }

  private func planAgain(_ shapes: [[Int]]) throws(EngineError) {
    let before = graph.inputs.map { $0.shape }
    setInputs(shapes.map { Shape($0) })
    do throws(EngineError) {
      try plan()
    } catch {
      setInputs(before)
      // These shapes have been planned before; only a lack of memory can fail now.
      main.adopt(nil)
      if before.allSatisfy({ $0.isKnown }) { try? plan() }
      throw error
    }
  }

  private func setInputs(_ shapes: [Shape]) {
    for (tensor, shape) in zip(graph.inputs, shapes) { tensor.shape = shape }
  }

  // MARK: running

  /// The bytes that the next runs read for input `index`: `inputs[index].byteCount` bytes which stay the caller's. nil takes the
  /// binding back.
  public func bindInput(_ index: Int, _ bytes: UnsafeMutableRawPointer?) { inputBindings[index] = bytes }

  /// Where the next runs write output `index`: `outputs[index].byteCount` bytes of the caller's; nil: memory of the session, which
  /// `outputs[index].data` points to after a run, valid until the next run, resize or the session's end. For outputs whose
  /// shape is known only after a run the binding is ignored.
  public func bindOutput(_ index: Int, _ bytes: UnsafeMutableRawPointer?) { outputBindings[index] = bytes }

  /// Whether the memory bound to output `index` is used. It is not for an output whose size only a run can tell.
  public func usesBinding(ofOutput index: Int) -> Bool { main.plan.map { !$0.isDynamicOutput[index] } ?? true }

  /// Runs the graph once. Every input must be bound.
  @export(interface)
  public func run(observer: RunObserver?) throws(EngineError) {
    guard let plan = main.plan else {
      for t in graph.inputs where !t.shape.isKnown {
        throw EngineError(.error, "input \"\(t.name)\" has the unknown shape \(t.shape); resize the model first")
      }
      throw EngineError(.error, "the model has no memory plan; resize it first")
    }
    try bind(plan)
    var mask = mssys_mask()
    let pinned = environment.pool.pinCaller(saving: &mask)
    defer { if pinned { mssys_mask_restore(&mask) } }
    if let device {
      try run(device, observer)
    } else {
      try executor.run(observer)
    }
    if let plan = main.plan { copyIndirectOutputs(plan) }
  }

  /// A run of which the device does a part. When it fails, and the settings allow it, the CPU runs the whole graph, from the inputs on: it
  /// stays the one that runs until the next resize.
  private func run(_ device: DevicePlacement, _ observer: RunObserver?) throws(EngineError) {
    do throws(EngineError) { try executor.run(observer) } catch {
      if !device.state.hasFailed || !device.settings.allowsCPU { throw error }
      do throws(EngineError) {
        try rebuild(device, graph.inputs.map { $0.shape }, onDevice: false)
        if let plan = main.plan { try bind(plan) }
        try executor.run(observer)
      } catch let second {
        throw EngineError(second.code, "\(error.message); on the CPU instead: \(second.message)")
      }
      notices.append("\(error.message); the CPU has run the model instead, and will until it is resized")
    }
  }

  /// Points the graph's inputs and outputs, and their other names, to the bound memory.
  private func bind(_ plan: Plan) throws(EngineError) {
    var i = 0
    while i < graph.inputs.count {
      let t = graph.inputs[i]
      guard let bytes = inputBindings[i] ?? (t.byteCount == 0 ? plan.arena.base : nil) else {
        throw EngineError(.inputTensorError, "input \"\(t.name)\" has no data")
      }
      t.data = bytes
      for alias in plan.inputAliases[i] { alias.bind(bytes) }
      i += 1
    }
    i = 0
    while i < graph.outputs.count {
      // Only outputs that a static step writes have a buffer here; others are copied at the end.
      if let own = plan.outputBuffers[i] {
        let bytes = outputBindings[i] ?? own.base
        graph.outputs[i].data = bytes
        for alias in plan.outputAliases[i] { alias.bind(bytes) }
      }
      i += 1
    }
  }

  /// Outputs that are an input, a constant, a folded value or listed twice lie elsewhere: copies them to where the caller wants.
  private func copyIndirectOutputs(_ plan: Plan) {
    var i = 0
    while i < graph.outputs.count {
      let t = graph.outputs[i]
      if let wanted = outputBindings[i], let data = t.data, wanted != data, t.shape.isKnown, !plan.isDynamicOutput[i] {
        wanted.copyMemory(from: data, byteCount: t.byteCount)
      }
      i += 1
    }
  }

  /// How the memory of a run is laid out; nil while an input's shape is unknown.
  public var memory: MemoryUse? {
    guard let plan = main.plan else { return nil }
    return MemoryUse(plan, graph)
  }

  /// The steps of the main graph, then those of the subgraphs' instances.
  private var allSteps: [Step] {
    var steps = main.steps
    for subgraph in subgraphs { for instance in subgraph.all { steps += instance.steps } }
    return steps
  }

  /// One entry per operator since profiling was switched on: the main graph's in execution order, then those of the subgraphs
  /// that have run. An operator of a subgraph has an entry for each set of shapes that is planned apart.
  public var profile: [NodeProfile] {
    var out = [NodeProfile]()
    let mainCount = main.steps.count
    var chain = 0, chained = 0
    for (i, step) in allSteps.enumerated() where step.action == .run || step.action == .runDynamic {
      if let next = step.chain {
        chain += 1
        chained = next.count
      }
      let isChained = chained > 0
      chained = max(chained - 1, 0)
      if i >= mainCount && step.runs == 0 { continue }
      out.append(
        NodeProfile(
          name: step.node.name, kind: step.node.kind.name, runs: step.runs, nanoseconds: step.nanoseconds,
          arithmetic: step.arithmetic, algorithm: step.op.algorithm, chain: isChained ? chain : 0))
    }
    return out
  }
}
