import Graph
import KernelSelection
import Operators
import Optimizer
import System

/// A graph with its operators and, once planned, its memory: what runs. The main graph has one; a subgraph has one for each set
/// of argument shapes that keeps coming, and more while it is called from within itself.
final class GraphInstance {
  let graph: Graph
  let steps: [Step]
  /// nil while an input's shape is unknown.
  private(set) var plan: Plan?
  /// Memory of the outputs of dynamic steps and calls, by tensor index; grows and is kept.
  var dynamicBuffers: [Buffer?]
  /// Of a subgraph: the memory of its arguments, by input. nil: it belongs to someone who keeps it as it is until the instance
  /// has run.
  var argumentBuffers: [Buffer?]
  /// Tensors that carry lists.
  private let lists: [Tensor]
  /// For walks over instances: the last walk that has been here.
  var walk = 0
  /// It is running, or waits for a call.
  var isBusy = false
  /// The optimiser has relied on the shapes: the instance is for these alone.
  let isForShapes: Bool

  private init(_ graph: Graph, _ steps: [Step], isForShapes: Bool) {
    self.graph = graph
    self.steps = steps
    self.isForShapes = isForShapes
    dynamicBuffers = [Buffer?](repeating: nil, count: graph.tensors.count)
    argumentBuffers = [Buffer?](repeating: nil, count: graph.inputs.count)
    var lists = [Tensor]()
    for t in graph.tensors where t.type == .tensorList && !t.isConstant { lists.append(t) }
    for node in graph.nodes where node.kind == .tensorArray { lists += node.outputs }
    // The handle of an array looks like a number.
    for t in graph.inputs where t.type != .tensorList { lists.append(t) }
    self.lists = lists
  }

  /// Optimises `graph` and makes its operators. With `isForShapes` the inputs' shapes are the only ones that the instance will
  /// see.
  static func make(
    _ graph: Graph, isMain: Bool, isForShapes: Bool, subgraphCount: Int, _ environment: BuildEnvironment
  ) throws(EngineError) -> GraphInstance {
    if environment.optimises { try GraphOptimizer(graph: graph, kernels: environment.kernels, pool: environment.pool).run() }
    graph.renumber()
    var steps = [Step]()
    steps.reserveCapacity(graph.nodes.count)
    let half = HalfPlan(graph, isMain: isMain, environment)
    for (i, node) in graph.nodes.enumerated() {
      let step = try Step.make(node, half: half.kernels[i])
      step.op.trains = environment.trains != nil
      if !step.op.trains { try refuseUpdate(step) }
      steps.append(step)
    }
    let callees = try Callee.find(in: graph, subgraphCount: subgraphCount)
    var i = 0
    while i < steps.count {
      steps[i].callee = callees[i]
      steps[i].isTail = callees[i] != nil && endsWith(steps[i].node, at: i, graph)
      i += 1
    }
    return GraphInstance(graph, steps, isForShapes: isForShapes)
  }

  /// Constants may lie in a file that is mapped for reading.
  private static func refuseUpdate(_ step: Step) throws(EngineError) {
    // Operators that keep statistics do so only where they train.
    if step.op.statisticsMomentum != nil { return }
    for i in step.op.updatedInputs where step.node.inputs[i].isConstant {
      throw EngineError(
        .error, "\(step.node): changes the weight \(step.node.inputs[i]); build the model for training (OH_AI_TrainModelBuild)")
    }
  }

  /// Nothing that computes follows the call at `position`, and its results are the graph's.
  private static func endsWith(_ call: Node, at position: Int, _ graph: Graph) -> Bool {
    var i = position + 1
    while i < graph.nodes.count {
      if !graph.nodes[i].kind.makesHandle { return false }
      i += 1
    }
    if call.outputs.count != graph.outputs.count { return false }
    i = 0
    while i < call.outputs.count {
      if call.outputs[i] !== graph.outputs[i] { return false }
      i += 1
    }
    return true
  }

  /// The call that the graph ends with.
  var tailCall: Step? {
    for step in steps where step.isTail { return step }
    return nil
  }

  // MARK: planning

  /// Plans for the shapes that the inputs have now. On failure the old plan stays, but no longer fits the shapes.
  func planned(_ environment: BuildEnvironment) throws(EngineError) -> Plan {
    try Planner(graph: graph, steps: steps, environment: environment).plan()
  }

  func adopt(_ plan: Plan?) {
    self.plan = plan
    for i in 0..<dynamicBuffers.count { dynamicBuffers[i] = nil }
  }

  /// Marks all results as unknown, while the inputs are.
  func forgetShapes() {
    for step in steps { for t in step.node.outputs { t.shape = Shape(t.shape.dims.map { _ in -1 }) } }
  }

  func hasPlan(for arguments: [Tensor], _ further: [Tensor]) -> Bool {
    if plan == nil || arguments.count + further.count - 1 != graph.inputs.count { return false }
    var i = 0
    while i < graph.inputs.count {
      let argument = i < arguments.count ? arguments[i] : further[i - arguments.count + 1]
      if argument.shape != graph.inputs[i].shape { return false }
      i += 1
    }
    return true
  }

  // MARK: running

  /// Points input `index`, and its other names, to `bytes`.
  func bindInput(_ index: Int, _ bytes: UnsafeMutableRawPointer) {
    graph.inputs[index].data = bytes
    guard let plan else { return }
    for alias in plan.inputAliases[index] { alias.bind(bytes) }
  }

  /// Lets go of the lists of a run.
  func dropLists() {
    for t in lists { t.list = nil }
  }
}

/// A subgraph of the model and its instances.
final class Subgraph {
  /// As the file has it; instances are made of copies.
  let source: Graph
  private var instances: [GraphInstance] = []
  private let subgraphCount: Int

  /// Plans made so far.
  private(set) var planCount = 0

  /// Instances that are optimised for their shapes. Further shapes share instances that can be planned anew for any.
  static let shapesKept = 3
  /// Instances that are kept while nobody runs them.
  static let idleKept = 4

  init(_ source: Graph, subgraphCount: Int) {
    self.source = source
    self.subgraphCount = subgraphCount
  }

  /// Makes an instance, which finds the mistakes that do not depend on shapes.
  func check(_ environment: BuildEnvironment) throws(EngineError) {
    _ = try makeInstance(shapes: nil, environment)
  }

  /// Every instance, for the profile.
  var all: [GraphInstance] { instances }

  /// Forgets the plans: the model's inputs have other shapes.
  func reset() {
    instances.removeAll { $0.isForShapes }
    for instance in instances { instance.adopt(nil) }
  }

  /// An idle instance whose plan fits the arguments: `arguments`, then those of `further` after its first. It is busy until
  /// ``release(_:)``.
  func take(
    _ arguments: [Tensor], _ further: [Tensor], _ environment: BuildEnvironment
  ) throws(EngineError) -> GraphInstance {
    for instance in instances where !instance.isBusy && instance.hasPlan(for: arguments, further) {
      instance.isBusy = true
      return instance
    }
    let shapes = Subgraph.shapes(arguments, further)
    let instance: GraphInstance
    if hasRoomForShapes {
      instance = try makePlanned(shapes, environment)
    } else {
      if let idle = idleForAnyShape() { instance = idle } else { instance = try makeInstance(shapes: nil, environment) }
      instance.adopt(nil)
      for (t, shape) in zip(instance.graph.inputs, shapes) { t.shape = shape }
      do throws(EngineError) { instance.adopt(try instance.planned(environment)) } catch { throw error.adding(text) }
    }
    planCount += 1
    instance.isBusy = true
    return instance
  }

  /// A new instance for arguments whose shapes are known before the run; nil when there is one already, or no room for more.
  func prepare(
    _ arguments: [Tensor], _ further: [Tensor], _ environment: BuildEnvironment
  ) throws(EngineError) -> GraphInstance? {
    if !hasRoomForShapes || arguments.count + further.count - 1 != source.inputs.count { return nil }
    if planned(for: arguments, further) != nil { return nil }
    let shapes = Subgraph.shapes(arguments, further)
    for shape in shapes where !shape.isKnown { return nil }
    return try makePlanned(shapes, environment)
  }

  /// The instance that is planned for the arguments.
  func planned(for arguments: [Tensor], _ further: [Tensor]) -> GraphInstance? {
    for instance in instances where instance.hasPlan(for: arguments, further) { return instance }
    return nil
  }

  private static func shapes(_ arguments: [Tensor], _ further: [Tensor]) -> [Shape] {
    var shapes = [Shape]()
    for t in arguments { shapes.append(t.shape) }
    for t in further.dropFirst() { shapes.append(t.shape) }
    return shapes
  }

  private var hasRoomForShapes: Bool {
    var count = 0
    for instance in instances where instance.isForShapes { count += 1 }
    return count < Subgraph.shapesKept
  }

  private func makePlanned(_ shapes: [Shape], _ environment: BuildEnvironment) throws(EngineError) -> GraphInstance {
    let instance = try makeInstance(shapes: shapes, environment)
    do throws(EngineError) { instance.adopt(try instance.planned(environment)) } catch { throw error.adding(text) }
    instances.append(instance)
    return instance
  }

  private func idleForAnyShape() -> GraphInstance? {
    for instance in instances where !instance.isBusy && !instance.isForShapes { return instance }
    return nil
  }

  /// The instance has run.
  func release(_ instance: GraphInstance) {
    instance.isBusy = false
    instance.dropLists()
    if instances.count <= Subgraph.idleKept { return }
    var idle = 0
    for other in instances where !other.isBusy { idle += 1 }
    if idle > Subgraph.idleKept { instances.removeAll { $0 === instance } }
  }

  private func makeInstance(shapes: [Shape]?, _ environment: BuildEnvironment) throws(EngineError) -> GraphInstance {
    let graph = source.copy()
    var i = 0
    while i < graph.inputs.count {
      graph.inputs[i].shape = shapes.map { $0[i] } ?? Shape([-1])
      i += 1
    }
    do throws(EngineError) {
      let instance = try GraphInstance.make(
        graph, isMain: false, isForShapes: shapes != nil, subgraphCount: subgraphCount, environment)
      if shapes == nil { instances.append(instance) }
      return instance
    } catch { throw error.adding(text) }
  }

  var text: String { "subgraph \"\(source.name)\"" }
}
