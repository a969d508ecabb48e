import Graph

/// What a Call's handle stands for: a subgraph with arguments, or a choice between such. Choices that several nodes share are
/// one object.
final class Callee {
  /// The node that makes the handle.
  let node: Node
  /// The subgraph to run; -1: a choice.
  let subgraph: Int
  /// Of a choice: what it chooses from, in the order of the node's inputs.
  let options: [Callee]
  /// Choices between the node and the subgraph.
  private let depth: Int

  /// For walks over all that a call can reach: the last walk that has been here.
  private var walk = 0

  /// Choices of choices end here: what the converters write has one level.
  private static let maximumDepth = 64

  private init(_ node: Node, subgraph: Int) {
    self.node = node
    self.subgraph = subgraph
    options = []
    depth = 0
  }

  private init(_ node: Node, _ options: [Callee], depth: Int) {
    self.node = node
    subgraph = -1
    self.options = options
    self.depth = depth
  }

  /// The callee of each Call in `graph`, by position in `graph.nodes`.
  static func find(in graph: Graph, subgraphCount: Int) throws(EngineError) -> [Callee?] {
    var ofTensor = [Callee?](repeating: nil, count: graph.tensors.count)
    var calls = [Callee?](repeating: nil, count: graph.nodes.count)
    var i = 0
    while i < graph.nodes.count {
      let node = graph.nodes[i]
      do throws(EngineError) {
        switch node.kind {
        case .partialFusion:
          let target = node.attributes.int(0)
          // Graph 0 is the model's own: its inputs are the caller's memory.
          if target < 1 || target >= subgraphCount {
            throw EngineError(.error, "there is no subgraph \(target) to call; expected 1 to \(subgraphCount - 1)")
          }
          if let handle = node.outputs.first { ofTensor[handle.index] = Callee(node, subgraph: target) }
        case .switch, .switchLayer:
          var options = [Callee]()
          var depth = 1
          for t in node.inputs.dropFirst() {
            let option = try handle(t, ofTensor)
            options.append(option)
            depth = max(depth, option.depth + 1)
          }
          if depth > maximumDepth { throw EngineError(.notSupported, "chooses between choices \(depth) levels deep") }
          if let handle = node.outputs.first { ofTensor[handle.index] = Callee(node, options, depth: depth) }
        case .call:
          if let t = node.inputs.first { calls[i] = try handle(t, ofTensor) }
          for t in node.inputs.dropFirst() { try refuseHandle(t, ofTensor) }
        default: break
        }
        if node.kind != .switch && node.kind != .switchLayer && node.kind != .call {
          for t in node.inputs { try refuseHandle(t, ofTensor) }
        }
      } catch { throw error.adding(node.text) }
      i += 1
    }
    for t in graph.outputs { try refuseHandle(t, ofTensor) }
    return calls
  }

  private static func handle(_ t: Tensor, _ ofTensor: [Callee?]) throws(EngineError) -> Callee {
    if let callee = ofTensor[t.index] { return callee }
    throw EngineError(
      .notSupported,
      "input \(t) is not the handle of a subgraph; expected the output of PartialFusion, Switch or SwitchLayer (the Switch of release 1.0, with Merge, is not supported)"
    )
  }

  private static func refuseHandle(_ t: Tensor, _ ofTensor: [Callee?]) throws(EngineError) {
    if ofTensor[t.index] != nil {
      throw EngineError(.notSupported, "\(t) is the handle of a subgraph; only Switch, SwitchLayer and Call can use it")
    }
  }

  /// Every subgraph that the call can reach, with its arguments; `walk` is a number that no walk before has had.
  func targets(_ walk: Int) -> [Callee] {
    var found = [Callee](), open = [self]
    while let next = open.popLast() {
      if next.walk == walk { continue }
      next.walk = walk
      if next.subgraph < 0 { open += next.options } else { found.append(next) }
    }
    return found
  }

  /// Follows the choices to a subgraph, by the conditions' values. Does not allocate.
  func resolve() throws(EngineError) -> Callee {
    var callee = self
    while callee.subgraph < 0 { callee = try callee.chosen() }
    return callee
  }

  private func chosen() throws(EngineError) -> Callee {
    let condition = node.inputs[0]
    guard condition.count == 1, let data = condition.data else {
      throw EngineError(.error, "input 0 (\(condition)) must hold one element").adding(node.text)
    }
    let value: Int
    switch condition.type {
    case .bool, .uint8: value = Int(data.load(as: UInt8.self))
    case .int8: value = Int(data.load(as: Int8.self))
    case .int32: value = Int(data.loadUnaligned(as: Int32.self))
    case .int64: value = Int(data.loadUnaligned(as: Int64.self))
    default: throw EngineError(.notSupported, "input 0 (\(condition)) must be bool or integer").adding(node.text)
    }
    if node.kind == .switch { return options[value != 0 ? 0 : 1] }
    if value < 0 || value >= options.count {
      throw EngineError(.error, "the index in \(condition) is \(value); expected 0 to \(options.count - 1)").adding(node.text)
    }
    return options[value]
  }
}
