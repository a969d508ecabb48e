import Graph
import System

/// The memory that a planned model uses for a run, besides its weights.
public struct MemoryUse {
  /// A value in the arena.
  public struct Value {
    public let tensor: Tensor
    /// Bytes, and the first of them in the arena.
    public let bytes: Int
    public let offset: Int
    /// The first and last node (by position in the main graph's list) at which it is needed, both included.
    public let firstStep: Int
    public let lastStep: Int
  }

  /// The block that holds all intermediate values.
  public let arenaBytes: Int
  /// Outputs of the model that have memory of their own.
  public let outputBytes: Int
  /// Scratch of the operator that needs the most.
  public let workspaceBytes: Int
  /// What lies in the arena. A value that others share (views, operators that work in place) is here once, with the lifetime of all.
  public let values: [Value]
  /// Nodes of the main graph.
  public let stepCount: Int

  init(_ plan: Plan, _ graph: Graph) {
    arenaBytes = plan.arena.count
    workspaceBytes = plan.workspaceBytes
    var outputs = 0
    for buffer in plan.outputBuffers { outputs += buffer.map { $0.count } ?? 0 }
    outputBytes = outputs
    var values = [Value]()
    values.reserveCapacity(plan.places.count)
    for place in plan.places {
      let tensor = graph.tensors[place.tensor]
      values.append(
        Value(
          tensor: tensor, bytes: tensor.byteCount, offset: place.offset, firstStep: place.first,
          lastStep: min(place.last, max(graph.nodes.count - 1, 0))))
    }
    self.values = values
    stepCount = graph.nodes.count
  }
}
