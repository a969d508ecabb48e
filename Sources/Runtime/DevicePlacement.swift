import Graph
import KernelSelection
import NNRt
import Operators
import Optimizer
import System

/// A device for the main graph of a session, and the graph as the model has it, from which the session is built again for other shapes
/// or without the device.
final class DevicePlacement {
  let settings: NNRtSettings
  private let found: (library: NNRtLibrary, device: NNRtDevice)
  /// Its constants stay where they are, in the mapped file or in memory.
  private let source: Graph
  /// Of the instance that runs.
  var state = DeviceState()

  private init(_ settings: NNRtSettings, _ found: (library: NNRtLibrary, device: NNRtDevice), _ source: Graph) {
    self.settings = settings
    self.found = found
    self.source = source
  }

  /// nil: the model runs on the CPU, which `notice` hears of where a device was asked for.
  static func make(
    _ graph: Graph, _ environment: BuildEnvironment, notice: (String) -> Void
  ) throws(EngineError) -> DevicePlacement? {
    guard let settings = environment.nnrt, environment.trains == nil, let found = try DeviceBuild.find(settings, notice: notice) else {
      return nil
    }
    return DevicePlacement(settings, found, graph.copy())
  }

  /// The model's graph anew, with the inputs' shapes.
  func graph(_ shapes: [Shape]) -> Graph {
    let graph = source.copy()
    for (t, shape) in zip(graph.inputs, shapes) { t.shape = shape }
    return graph
  }

  /// Moves what the device can run to it. A graph whose inputs' shapes are not known yet stays as it is. Returns notices.
  func place(_ graph: Graph, _ environment: BuildEnvironment, _ state: DeviceState) throws(EngineError) -> [String] {
    for t in graph.inputs where !t.shape.isKnown { return [] }
    let isOffline = DeviceBuild.isOffline(graph)
    if environment.optimises && !isOffline {
      let kernels = environment.kernels, pool = environment.pool
      try GraphOptimizer(graph: graph, kernels: kernels, pool: pool).simplify()
      // What files can express, devices know.
      try GraphOptimizer(
        graph: graph, kernels: kernels, pool: pool, file: FileFusions(allows: { _ in true }, onFusion: { _ in })
      ).run()
    }
    if !isOffline { foldShapes(graph, environment) }
    return try DeviceBuild.apply(to: graph, kernels: environment.kernels, settings, found, state)
  }

  /// Computes what depends on the inputs' shapes only, and sets the shapes of everything that does not depend on values of a run. Errors
  /// are left to the planner.
  private func foldShapes(_ graph: Graph, _ environment: BuildEnvironment) {
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() {
      guard !node.inputs.contains(where: { !$0.shape.isKnown }), let op = try? Registry.factory(for: node)?(node), (try? op.infer()) != nil
      else {
        for t in node.outputs { t.shape = Shape([-1]) }
        continue
      }
      let isResult = node.outputs.contains { t in graph.outputs.contains { $0 === t } }
      if !op.isPure || isResult || node.inputs.isEmpty { continue }
      if !op.needsShapesOnly && node.inputs.contains(where: { !$0.hasKnownValue }) { continue }
      guard (try? Folding.evaluate(op, kernels: environment.kernels, pool: environment.pool)) != nil else { continue }
      for t in node.outputs { t.keepFolded() }
      dead[i] = true
    }
    var kept = [Node]()
    for (i, node) in graph.nodes.enumerated() where !dead[i] { kept.append(node) }
    graph.nodes = kept
    GraphOptimizer(graph: graph, kernels: environment.kernels, pool: environment.pool).removeUnused()
  }
}
