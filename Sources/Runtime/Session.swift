import CSystem
import Graph
import KernelSelection
import ModelFile
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
      for step in steps where profiling && !oldValue {
        step.runs = 0
        step.nanoseconds = 0
      }
    }
  }

  private let graph: Graph
  private let steps: [Step]
  private let pool: ThreadPool
  private let context: ExecutionContext
  /// nil while an input's shape is unknown.
  private var plan: Plan?
  private var inputBindings: [UnsafeMutableRawPointer?]
  private var outputBindings: [UnsafeMutableRawPointer?]
  /// Memory of the outputs of dynamic steps, by tensor index; grows and is kept.
  private var dynamicBuffers: [Buffer?]
  private var dynamicWorkspace: Buffer?

  /// Builds from a model in memory; nothing of `bytes` is used after the call returns.
  @export(interface)
  public static func open(bytes: UnsafeRawBufferPointer, options: SessionOptions) throws(EngineError) -> Session {
    try make(ModelReader.read(bytes, owner: nil, copyConstants: true), options)
  }

  /// Builds from a file (NUL-terminated path), which is mapped for as long as the session lives. Errors do not name the path:
  /// the caller adds it.
  @export(interface)
  public static func open(path: UnsafePointer<CChar>, options: SessionOptions) throws(EngineError) -> Session {
    let file: MappedFile
    do throws(FileFailure) { file = try MappedFile.open(path: path) } catch {
      switch error {
      case .notRegular: throw EngineError(.error, "is not a regular file")
      case .empty: throw EngineError(.error, "is empty")
      case .system(let number): throw EngineError(.error, "cannot be read: \(errorText(number))")
      }
    }
    return try make(ModelReader.read(file.bytes, owner: file, copyConstants: false), options)
  }

  /// (Functions that make sessions rather than initialisers, because in Embedded Swift 6.3 an initialiser that throws leaks.)
  private static func make(_ description: ModelDescription, _ options: SessionOptions) throws(EngineError) -> Session {
    let graph = try Self.mainGraph(of: description)
    try Self.refuseUnknownOperators(graph)
    let pool = ThreadPool(threadCount: options.threads, cores: options.cores)
    let kernels = Kernels.active
    try GraphOptimizer(graph: graph, kernels: kernels, pool: pool).run()
    graph.renumber()
    var steps = [Step]()
    steps.reserveCapacity(graph.nodes.count)
    let half = HalfPlan(graph, options)
    for (i, node) in graph.nodes.enumerated() { steps.append(try Step.make(node, half: half.kernels[i])) }
    let session = Session(graph, steps, pool, kernels)
    try session.planFirst()
    return session
  }

  private init(_ graph: Graph, _ steps: [Step], _ pool: ThreadPool, _ kernels: KernelPointer) {
    self.graph = graph
    self.steps = steps
    self.pool = pool
    inputBindings = [UnsafeMutableRawPointer?](repeating: nil, count: graph.inputs.count)
    outputBindings = [UnsafeMutableRawPointer?](repeating: nil, count: graph.outputs.count)
    dynamicBuffers = [Buffer?](repeating: nil, count: graph.tensors.count)
    context = ExecutionContext(
      kernels: kernels, pool: pool, workspace: UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped)
  }

  private func planFirst() throws(EngineError) {
    if graph.inputs.contains(where: { !$0.shape.isKnown }) {
      for step in steps { for t in step.node.outputs { t.shape = Shape(t.shape.dims.map { _ in -1 }) } }
    } else {
      adopt(try Planner(graph: graph, steps: steps, kernels: context.kernels, pool: pool).plan())
    }
  }

  /// The graph to run: the model's first one, or that of a model which a third-party node merely wraps.
  private static func mainGraph(of description: ModelDescription) throws(EngineError) -> Graph {
    if let inner = description.embeddedModel {
      do throws(EngineError) {
        return try mainGraph(of: ModelReader.read(inner, owner: nil, copyConstants: true))
      } catch { throw error.adding("model inside the ThirdPartyModel node") }
    }
    guard let graph = description.graphs.first else { throw EngineError(.error, "the model has no graph") }
    if description.graphs.count > 1 {
      throw EngineError(.notSupported, "the model has \(description.graphs.count) subgraphs; control flow is not supported")
    }
    return graph
  }

  /// Names every node that the CPU cannot run, all in one error.
  private static func refuseUnknownOperators(_ graph: Graph) throws(EngineError) {
    var list = "", count = 0
    for node in graph.nodes where Registry.factory(for: node.kind) == nil {
      count += 1
      list += (list.isEmpty ? "" : ", ") + node.text
      if node.kind == .custom, let type = node.attributes.string(0) { list += " of type \(type)" }
    }
    if count > 0 { throw EngineError(.error, "\(count) of \(graph.nodes.count) nodes are not supported: \(list)") }
  }

  private func adopt(_ plan: Plan) {
    self.plan = plan
    context.workspace = plan.workspace.base
    for i in 0..<dynamicBuffers.count { dynamicBuffers[i] = nil }
  }

  // MARK: shapes

  /// Gives the inputs new shapes (one list of dimensions per input, in order) and plans again. On failure everything is as it
  /// was before. Bindings of inputs and outputs are dropped on success.
  @export(interface)
  public func resize(_ shapes: [[Int]]) throws(EngineError) {
    if shapes.count != graph.inputs.count {
      throw EngineError(.inputParameterInvalid, "\(shapes.count) shapes for \(graph.inputs.count) inputs")
    }
    let before = graph.inputs.map { $0.shape }
    for (tensor, dims) in zip(graph.inputs, shapes) {
      let shape = Shape(dims)
      guard dims.count <= Shape.maximumRank, shape.checkedCount != nil else {
        restoreInputs(before)
        throw EngineError(.error, "input \"\(tensor.name)\" cannot have the shape \(shape)")
      }
      // A static model states its inputs' rank; its operators cannot take another.
      if tensor.shape.rank > 0 && dims.count != tensor.shape.rank {
        restoreInputs(before)
        throw EngineError(
          .error, "input \"\(tensor.name)\" has \(tensor.shape.rank) dimensions; the new shape \(shape) has \(dims.count)")
      }
      tensor.shape = shape
    }
    let planner = Planner(graph: graph, steps: steps, kernels: context.kernels, pool: pool)
    do throws(EngineError) {
      adopt(try planner.plan())
    } catch {
      restoreInputs(before)
      // These shapes have been planned before; only a lack of memory can fail now.
      plan = nil
      if before.allSatisfy({ $0.isKnown }), let again = try? planner.plan() { adopt(again) }
      throw error
    }
    for i in 0..<inputBindings.count { inputBindings[i] = nil }
    for i in 0..<outputBindings.count { outputBindings[i] = nil }
  }

  private func restoreInputs(_ shapes: [Shape]) {
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

  /// Runs the graph once. Every input must be bound.
  @export(interface)
  public func run(observer: RunObserver?) throws(EngineError) {
    guard let plan else {
      for t in graph.inputs where !t.shape.isKnown {
        throw EngineError(.error, "input \"\(t.name)\" has the unknown shape \(t.shape); resize the model first")
      }
      throw EngineError(.error, "the model has no memory plan; resize it first")
    }
    try bind(plan)
    var mask = mssys_mask()
    let pinned = pool.pinCaller(saving: &mask)
    defer { if pinned { mssys_mask_restore(&mask) } }
    if observer == nil && !profiling {
      for step in steps where !step.isFolded {
        if step.isDynamic {
          try runDynamic(step)
        } else {
          do throws(EngineError) { try step.op.run(context) } catch { throw error.adding(step.node.text) }
        }
      }
    } else {
      for step in steps where !step.isFolded {
        observer?.before(step.node)
        let start = mssys_nanoseconds()
        if step.isDynamic {
          try runDynamic(step)
        } else {
          do throws(EngineError) { try step.op.run(context) } catch { throw error.adding(step.node.text) }
        }
        if profiling {
          step.runs += 1
          step.nanoseconds &+= mssys_nanoseconds() &- start
        }
        observer?.after(step.node)
      }
    }
    copyIndirectOutputs(plan)
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
      for alias in plan.inputAliases[i] { alias.data = bytes }
      i += 1
    }
    i = 0
    while i < graph.outputs.count {
      // Only outputs that a static step writes have a buffer here; others are copied at the end.
      if let own = plan.outputBuffers[i] {
        let bytes = outputBindings[i] ?? own.base
        graph.outputs[i].data = bytes
        for alias in plan.outputAliases[i] { alias.data = bytes }
      }
      i += 1
    }
  }

  /// Outputs that are an input, a constant, a folded value or listed twice lie elsewhere: copies them to where the caller wants.
  private func copyIndirectOutputs(_ plan: Plan) {
    var i = 0
    while i < graph.outputs.count {
      let t = graph.outputs[i]
      if let wanted = outputBindings[i], let data = t.data, wanted != data, t.shape.isKnown, !isDynamicOutput(t) {
        wanted.copyMemory(from: data, byteCount: t.byteCount)
      }
      i += 1
    }
  }

  private func isDynamicOutput(_ tensor: Tensor) -> Bool { dynamicBuffers[tensor.index] != nil }

  /// Runs a step whose shapes depend on values: infers, allocates (growing buffers that are kept), prepares, runs.
  private func runDynamic(_ step: Step) throws(EngineError) {
    let node = step.node
    // Inputs have their values now; `infer` may read them.
    var temporarily = [Tensor]()
    for t in node.inputs where !t.isConstant && !t.isFolded {
      t.markKnown(true)
      temporarily.append(t)
    }
    defer { for t in temporarily { t.markKnown(false) } }
    do throws(EngineError) {
      try step.op.infer()
      for t in node.outputs {
        let bytes = t.byteCount
        if dynamicBuffers[t.index].map({ $0.count < bytes }) ?? true {
          guard let buffer = Buffer(count: bytes) else { throw EngineError(.outOfMemory, "no memory for \(t)") }
          dynamicBuffers[t.index] = buffer
        }
        t.data = dynamicBuffers[t.index]?.base
      }
      context.half = step.half
      try step.op.prepare(context)
      if step.op.workspaceBytes > (dynamicWorkspace?.count ?? 0) && step.op.workspaceBytes > (plan?.workspace.count ?? 0) {
        guard let buffer = Buffer(count: step.op.workspaceBytes) else { throw EngineError(.outOfMemory, "no memory for scratch") }
        dynamicWorkspace = buffer
      }
      let planned = context.workspace
      if step.op.workspaceBytes > (plan?.workspace.count ?? 0), let own = dynamicWorkspace { context.workspace = own.base }
      defer { context.workspace = planned }
      try step.op.run(context)
    } catch {
      let shown = error.code == .deferred ? EngineError(.error, "its output shape cannot be computed") : error
      throw shown.adding(node.text)
    }
  }

  /// One entry per operator in execution order since profiling was switched on.
  public var profile: [NodeProfile] {
    var out = [NodeProfile]()
    for step in steps where !step.isFolded {
      out.append(
        NodeProfile(
          name: step.node.name, kind: step.node.kind.name, runs: step.runs, nanoseconds: step.nanoseconds,
          arithmetic: step.arithmetic))
    }
    return out
  }
}

/// The system's text for an errno value.
private func errorText(_ number: Int32) -> String {
  switch number {
  case ENOENT: return "no such file or directory"
  case EACCES: return "permission denied"
  case EISDIR: return "it is a directory"
  case ENOTDIR: return "a part of the path is not a directory"
  case ENAMETOOLONG: return "the path is too long"
  case ENOMEM: return "out of memory"
  default: return "error number \(number)"
  }
}
