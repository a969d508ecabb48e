import ConverterCore
import Graph

/// Gives branches the form that the original runtime takes: what follows a branch stands in a graph of its own, which both sides end by
/// calling.
///
///     main:  ... Switch(condition, Partial(then, a), Partial(else, b)) -> Call, x -> rest
///
/// becomes
///
///     main:  ... Switch(condition, Partial(then, a, x), Partial(else, b, x)) -> tail Call
///     then:  ... -> Partial(rest, results, x) -> tail Call          (else likewise)
///     rest:  what followed the Call, with main's outputs
///
/// The original runtime cuts a graph that goes on from a Call in two by itself, but loses outputs that come from elsewhere and crashes
/// where the graph is a side of another branch. Loops stay as they are but for outputs, which nodes behind the loop must make: see
/// docs/compatibility.md.
public struct Continuations {
  private let model: ModelBuilder
  /// How many PartialFusion nodes name each graph.
  private var uses: [Int: Int] = [:]

  /// Rewrites all graphs of a model. No pass that looks at the main graph as a whole can follow.
  public static func run(_ model: ModelBuilder) {
    for builder in model.graphs {
      if let last = builder.graph.nodes.last, isBranch(last, in: builder.graph), same(last.outputs, builder.graph.outputs) {
        last["is_tail_call"] = true
      }
    }
    var pass = Continuations(model)
    // A graph before those that it calls: what it has them do at their ends is split again there.
    var order = [0]
    var seen: Set<Int> = [0]
    var next = 0
    while next < order.count {
      let builder = model.graphs[order[next]]
      pass.split(builder)
      for node in builder.graph.nodes where node.kind == .partialFusion {
        let callee = Continuations.callee(of: node)
        if model.graphs.indices.contains(callee), seen.insert(callee).inserted { order.append(callee) }
      }
      next += 1
    }
    for builder in model.graphs { pass.moveOutputsBehindLoops(builder) }
  }

  private init(_ model: ModelBuilder) {
    self.model = model
    for builder in model.graphs {
      for node in builder.graph.nodes where node.kind == .partialFusion { uses[Continuations.callee(of: node), default: 0] += 1 }
    }
  }

  private static func callee(of partial: Node) -> Int { partial.attributes.int(Attributes.id(.partialFusion, "sub_graph_index")) }

  private static func isTail(_ call: Node) -> Bool { call.attributes.bool(Attributes.id(.call, "is_tail_call"), true) }

  /// A Call of what a Switch chooses.
  private static func isBranch(_ node: Node, in graph: Graph) -> Bool {
    node.kind == .call && (partials(of: node, in: graph)?.count ?? 0) > 1
  }

  private static func same(_ a: [Tensor], _ b: [Tensor]) -> Bool { a.count == b.count && zip(a, b).allSatisfy { $0 === $1 } }

  // MARK: finding calls

  /// A branch that its graph goes on from, and the graphs that run before it does: its sides, and those of branches that they end with.
  private struct Stage {
    let position: Int
    let call: Node
    var members: [Int] = []
    /// The members that give the results themselves.
    var exits: [Int] = []
    /// The nodes that name members, with the graph in which they stand.
    var handles: [(node: Node, owner: Int)] = []
  }

  /// The first stage of a graph whose members nothing else calls.
  private func stage(of builder: GraphBuilder) -> Stage? {
    for (i, node) in builder.graph.nodes.enumerated()
    where Continuations.isBranch(node, in: builder.graph) && !Continuations.isTail(node) {
      if let stage = stage(of: builder, node, at: i) { return stage }
    }
    return nil
  }

  private func stage(of builder: GraphBuilder, _ call: Node, at position: Int) -> Stage? {
    var stage = Stage(position: position, call: call)
    guard let first = Continuations.partials(of: call, in: builder.graph) else { return nil }
    stage.handles = first.map { ($0, builder.index) }
    var next = 0
    while next < stage.handles.count {
      let (node, _) = stage.handles[next]
      next += 1
      let index = Continuations.callee(of: node)
      guard index != builder.index, model.graphs.indices.contains(index) else { return nil }
      let graph = model.graphs[index].graph
      guard graph.inputs.count == node.inputs.count, graph.outputs.count == call.outputs.count else { return nil }
      if stage.members.contains(index) { continue }
      stage.members.append(index)
      if let last = Continuations.tailCall(of: graph) {
        guard let further = Continuations.partials(of: last, in: graph) else { return nil }
        stage.handles += further.map { ($0, index) }
      } else {
        stage.exits.append(index)
      }
    }
    let named = Dictionary(grouping: stage.handles) { Continuations.callee(of: $0.node) }
    return !stage.exits.isEmpty && stage.members.allSatisfy { named[$0]?.count == uses[$0] } ? stage : nil
  }

  /// The nodes that make the handles among which a Call's is chosen; nil when they are not plain to see.
  private static func partials(of call: Node, in graph: Graph) -> [Node]? {
    func producer(_ t: Tensor) -> Node? { graph.nodes.first { node in node.outputs.contains { $0 === t } } }
    guard call.inputs.count == 1, let handle = producer(call.inputs[0]) else { return nil }
    if handle.kind == .partialFusion { return [handle] }
    guard handle.kind == .switch || handle.kind == .switchLayer else { return nil }
    let found = handle.inputs.dropFirst().compactMap(producer).filter { $0.kind == .partialFusion }
    return found.count == handle.inputs.count - 1 ? found : nil
  }

  /// The Call that gives a graph's outputs.
  private static func tailCall(of graph: Graph) -> Node? {
    graph.nodes.last { $0.kind == .call && isTail($0) && same($0.outputs, graph.outputs) }
  }

  // MARK: splitting

  private mutating func split(_ builder: GraphBuilder) {
    guard let stage = stage(of: builder) else { return }
    let graph = builder.graph
    let call = stage.call
    var rest = Array(graph.nodes[(stage.position + 1)...])
    call["is_tail_call"] = true

    // Handles of later calls belong to the nodes that use them.
    let readByRest = Set(rest.flatMap { $0.inputs }.map { ObjectIdentifier($0) })
    rest = graph.nodes[..<stage.position].filter { node in
      node.kind.makesHandle && node.outputs.contains { readByRest.contains(ObjectIdentifier($0)) }
    } + rest
    let moved = Set(rest.map { ObjectIdentifier($0) })
    graph.nodes.removeAll { moved.contains(ObjectIdentifier($0)) }

    let made = Set(rest.flatMap { $0.outputs }.map { ObjectIdentifier($0) })
    var carried = [Tensor]()
    for t in rest.flatMap({ $0.inputs }) + graph.outputs
    where !t.isConstant && !made.contains(ObjectIdentifier(t)) && !carried.contains(where: { $0 === t }) { carried.append(t) }

    let outputs = graph.outputs
    let onward: Continuation
    if rest.count == 2, let last = rest.last, rest[0].kind == .partialFusion, last.kind == .call, Continuations.isTail(last),
      last.inputs[0] === rest[0].outputs[0], Continuations.same(last.outputs, outputs)
    {
      // The rest does nothing but call a graph: those that give the results can do that themselves.
      let target = Continuations.callee(of: rest[0])
      onward = Continuation(target: target, arguments: rest[0].inputs)
      uses[target, default: 0] += stage.exits.count - 1
    } else {
      onward = Continuation(target: graphOf(rest, after: builder, carried: carried).index, arguments: carried)
      uses[onward.target] = stage.exits.count
    }
    extend(stage, from: builder, by: carried, with: onward, like: outputs)
    graph.outputs = outputs.map { stand(in: graph, for: $0) }
    call.outputs = graph.outputs
    Continuations.dropUnused(graph)
  }

  /// Outputs of a graph that runs a loop are made after it.
  private func moveOutputsBehindLoops(_ builder: GraphBuilder) {
    let graph = builder.graph
    guard let loop = graph.nodes.lastIndex(where: { $0.kind == .call && !Continuations.isTail($0) }) else { return }
    let behind = Set(graph.nodes[(loop + 1)...].flatMap { $0.outputs }.map { ObjectIdentifier($0) })
    for (i, t) in graph.outputs.enumerated() where t.type != .tensorList && !t.isConstant && !behind.contains(ObjectIdentifier(t)) {
      builder.scope = t.name
      let copy = PassThrough.copy(t, in: builder)
      swap(&copy.name, &t.name)
      graph.outputs[i] = copy
    }
  }

  /// The graph that is called when a stage has ended, and its arguments: tensors of the graph that was split, or constants.
  private struct Continuation {
    let target: Int
    let arguments: [Tensor]
  }

  /// A new graph of `nodes`, which takes `carried` and gives what `builder`'s graph gives.
  private func graphOf(_ nodes: [Node], after builder: GraphBuilder, carried: [Tensor]) -> GraphBuilder {
    let rest = model.addGraph("\(builder.graph.name)_rest")
    let graph = rest.graph
    var replacement: [ObjectIdentifier: Tensor] = [:]
    for t in carried {
      let input = stand(in: graph, for: t)
      graph.inputs.append(input)
      replacement[ObjectIdentifier(t)] = input
    }
    func inside(_ t: Tensor) -> Tensor {
      if let known = replacement[ObjectIdentifier(t)] { return known }
      guard t.isConstant else { return t }
      let copy = constant(t, in: rest)
      replacement[ObjectIdentifier(t)] = copy
      return copy
    }
    for node in nodes {
      node.inputs = node.inputs.map(inside)
      for t in node.outputs { graph.addTensor(t) }
    }
    graph.nodes = nodes
    for t in builder.graph.outputs {
      var output = inside(t)
      // A graph's outputs are made by its nodes.
      if graph.inputs.contains(where: { $0 === output }) && output.type != .tensorList {
        rest.scope = t.name
        output = PassThrough.copy(output, in: rest)
      }
      graph.outputs.append(output)
    }
    return rest
  }

  /// Hands `carried` on through the members of a stage, and makes those that give the results call what follows instead.
  private func extend(_ stage: Stage, from builder: GraphBuilder, by carried: [Tensor], with onward: Continuation, like outputs: [Tensor]) {
    let extra = carried.filter { t in !stage.call.outputs.contains { $0 === t } }
    // What stands for a tensor of the split graph in each member.
    var inside: [Int: [ObjectIdentifier: Tensor]] = [:]
    var added: [Int: [Tensor]] = [:]
    for index in stage.members {
      let graph = model.graphs[index].graph
      let callers = stage.handles.filter { Continuations.callee(of: $0.node) == index }
      for t in extra {
        // Only what is called once, and from here, sees an argument's value unchanged.
        if callers.count == 1, callers[0].owner == builder.index, let known = callers[0].node.inputs.firstIndex(where: { $0 === t }) {
          inside[index, default: [:]][ObjectIdentifier(t)] = graph.inputs[known]
          continue
        }
        let input = stand(in: graph, for: t)
        graph.inputs.append(input)
        inside[index, default: [:]][ObjectIdentifier(t)] = input
        added[index, default: []].append(t)
      }
    }
    for (node, owner) in stage.handles {
      for t in added[Continuations.callee(of: node)] ?? [] {
        node.inputs.append(owner == builder.index ? t : inside[owner]?[ObjectIdentifier(t)] ?? t)
      }
    }
    for index in stage.members {
      let member = model.graphs[index]
      let graph = member.graph
      if let last = Continuations.tailCall(of: graph) {
        graph.outputs = outputs.map { stand(in: graph, for: $0) }
        last.outputs = graph.outputs
        Continuations.dropUnused(graph)
        continue
      }
      var known = inside[index] ?? [:]
      for (result, made) in zip(stage.call.outputs, graph.outputs) { known[ObjectIdentifier(result)] = made }
      member.scope = "\(graph.name)_rest"
      let handle = member.append(
        .partialFusion, ["sub_graph_index": .number(onward.target)],
        onward.arguments.map { known[ObjectIdentifier($0)] ?? constant($0, in: member) }, 1)
      let last = member.node(.call, ["is_tail_call": true], handle, 0)
      graph.outputs = outputs.map { stand(in: graph, for: $0) }
      last.outputs = graph.outputs
      graph.nodes.append(last)
    }
  }

  /// A new variable of `graph` with the facts of another graph's.
  private func stand(in graph: Graph, for tensor: Tensor) -> Tensor {
    let copy = Tensor(name: tensor.name, type: tensor.type, shape: tensor.shape, format: tensor.format)
    copy.quantParams = tensor.quantParams
    graph.addTensor(copy)
    return copy
  }

  private func constant(_ tensor: Tensor, in builder: GraphBuilder) -> Tensor {
    let copy = builder.constant(copying: tensor)
    if let form = model.packedForm(of: tensor) { model.pack(copy, form) }
    return copy
  }

  /// A tensor belongs to one graph: those that have gone elsewhere are taken off the list.
  private static func dropUnused(_ graph: Graph) {
    let used = Set((graph.nodes.flatMap { $0.inputs + $0.outputs } + graph.inputs + graph.outputs).map { ObjectIdentifier($0) })
    graph.tensors.removeAll { !used.contains(ObjectIdentifier($0)) }
    graph.renumber()
  }
}
