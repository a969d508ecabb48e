import ConverterCore
import Graph
import ModelFile

/// A graph while passes rewrite it: who makes and who reads each tensor, kept up to date by every change, so that a change takes
/// time in proportion to what it touches. Nodes that are added come at the end of the list; ``commit()`` sorts it.
final class GraphEditor {
  let builder: GraphBuilder
  var graph: Graph { builder.graph }
  var report: Report { builder.report }

  private var producers: [Node?] = []
  private var readerLists: [[Node]] = []
  private var isOutput: [Bool] = []
  private var removed: Set<ObjectIdentifier> = []

  init(_ builder: GraphBuilder) {
    self.builder = builder
    graph.renumber()
    grow()
    for node in graph.nodes { register(node) }
    for t in graph.outputs { isOutput[t.index] = true }
  }

  private func grow() {
    while producers.count < graph.tensors.count {
      producers.append(nil)
      readerLists.append([])
      isOutput.append(false)
    }
  }

  private func register(_ node: Node) {
    grow()
    for t in node.outputs { producers[t.index] = node }
    for t in node.inputs { read(t, by: node) }
  }

  // A constant may have thousands of readers, and nobody asks for them.
  private func read(_ tensor: Tensor, by node: Node) {
    if !tensor.isConstant { readerLists[tensor.index].append(node) }
  }

  private func unread(_ tensor: Tensor, by node: Node) {
    if tensor.isConstant { return }
    if let i = readerLists[tensor.index].firstIndex(where: { $0 === node }) { readerLists[tensor.index].remove(at: i) }
  }

  // MARK: questions

  /// The nodes that are still there, in the order of the list.
  var nodes: [Node] { graph.nodes.filter { !isRemoved($0) } }
  func isRemoved(_ node: Node) -> Bool { removed.contains(ObjectIdentifier(node)) }

  func producer(of tensor: Tensor) -> Node? {
    grow()
    return producers[tensor.index]
  }
  /// One entry per reading input of a variable.
  func readers(of tensor: Tensor) -> [Node] {
    grow()
    return readerLists[tensor.index]
  }
  func isGraphOutput(_ tensor: Tensor) -> Bool {
    grow()
    return isOutput[tensor.index]
  }
  func isGraphInput(_ tensor: Tensor) -> Bool { graph.inputs.contains { $0 === tensor } }

  /// The only input that reads a tensor which nothing else needs.
  func onlyReader(of tensor: Tensor) -> Node? {
    let list = readers(of: tensor)
    return list.count == 1 && !isGraphOutput(tensor) ? list[0] : nil
  }

  /// The node of this kind that makes `tensor`.
  func producer(of tensor: Tensor, _ kind: OperatorKind) -> Node? {
    guard let node = producer(of: tensor), node.kind == kind else { return nil }
    return node
  }

  func dims(of tensor: Tensor) -> [Int]? { builder.dims(of: tensor) }

  // MARK: changes

  func setInput(_ node: Node, _ i: Int, _ tensor: Tensor) {
    grow()
    unread(node.inputs[i], by: node)
    node.inputs[i] = tensor
    read(tensor, by: node)
  }

  func setInputs(_ node: Node, _ tensors: [Tensor]) {
    grow()
    for t in node.inputs { unread(t, by: node) }
    node.inputs = tensors
    for t in tensors { read(t, by: node) }
  }

  func setOutput(_ node: Node, _ i: Int, _ tensor: Tensor) {
    grow()
    if producers[node.outputs[i].index] === node { producers[node.outputs[i].index] = nil }
    node.outputs[i] = tensor
    producers[tensor.index] = node
  }

  /// Turns a node into another operation; its outputs stay.
  func replace(_ node: Node, _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor]) {
    node.kind = kind
    node.attributes = Attributes(kind, attributes)
    setInputs(node, inputs)
  }

  /// Adds a node and returns its output (see ``GraphBuilder/add(_:_:_:outputs:)``). `scope` names it.
  func add(_ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor], scope: String) throws(EngineError) -> Tensor {
    let count = graph.nodes.count
    builder.scope = scope
    let output = try builder.add1(kind, attributes, inputs)
    for node in graph.nodes[count...] { register(node) }
    return output
  }

  /// Adds a node that makes `output`, whose type and shape are known already.
  @discardableResult
  func add(_ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor], making output: Tensor) -> Node {
    let node = Node(name: output.name, kind: kind, attributes: Attributes(kind, attributes), inputs: inputs, outputs: [output])
    graph.nodes.append(node)
    register(node)
    return node
  }

  func remove(_ node: Node) {
    guard removed.insert(ObjectIdentifier(node)).inserted else { return }
    for t in node.inputs { unread(t, by: node) }
    for t in node.outputs where producers[t.index] === node { producers[t.index] = nil }
  }

  /// Lets everybody who reads `old` read `new` instead, outputs of the graph included. False, and nothing changed, when `old` is an
  /// output of the graph and `new` cannot be one in its place.
  @discardableResult
  func replaceUses(of old: Tensor, with new: Tensor) -> Bool {
    if isGraphOutput(old) {
      guard !new.isConstant, !isGraphOutput(new), !isGraphInput(new), producer(of: new) != nil else { return false }
      for i in 0..<graph.outputs.count where graph.outputs[i] === old { graph.outputs[i] = new }
      let name = old.name
      if old.format != new.format { old.format = new.format }
      old.name = name + "_replaced"
      new.name = name
      isOutput[old.index] = false
      isOutput[new.index] = true
    }
    for node in readers(of: old) {
      for i in 0..<node.inputs.count where node.inputs[i] === old { setInput(node, i, new) }
    }
    return true
  }

  /// Removes nodes whose results nobody reads.
  func removeUnused() {
    for node in graph.nodes.reversed() where !isRemoved(node) { removeIfUnused(node) }
  }

  /// Removes a node whose results nobody reads, and those before it that only it has read.
  func removeIfUnused(_ node: Node) {
    var stack = [node]
    while let n = stack.popLast() {
      if isRemoved(n) || n.kind.hasSideEffect { continue }
      if n.outputs.contains(where: { !readers(of: $0).isEmpty || isGraphOutput($0) }) { continue }
      let before = n.inputs.compactMap { producer(of: $0) }
      remove(n)
      stack += before
    }
  }

  /// Writes the list of nodes back, each after the producers of its inputs.
  func commit() throws(EngineError) {
    let list = nodes
    var position: [ObjectIdentifier: Int] = [:]
    for (i, node) in list.enumerated() { position[ObjectIdentifier(node)] = i }
    let needs = list.map { node in node.inputs.compactMap { t in producer(of: t).flatMap { position[ObjectIdentifier($0)] } } }
    var stuck = 0
    guard let order = TopologicalOrder.order(needs, stuck: &stuck) else {
      throw EngineError(.error, "\(list[stuck]): its inputs depend on its own output")
    }
    graph.nodes = order.map { list[$0] }
    removed = []
  }

  // MARK: constants

  /// The value of a float32, float16 or integer constant with exactly one element.
  func scalar(_ tensor: Tensor) -> Float? {
    guard tensor.isConstant, tensor.count == 1 else { return nil }
    return floats(tensor)?.first
  }

  /// The values of a constant; nil for variables and types that are no numbers.
  func floats(_ tensor: Tensor) -> [Float]? {
    guard tensor.isConstant, tensor.quantParams.isEmpty else { return nil }
    return try? builder.floats(tensor, "")
  }

  /// A new constant of `source`'s bytes with another shape.
  func constant(_ source: Tensor, dims: [Int]) -> Tensor {
    let copy = builder.constant(copying: source)
    copy.shape = Shape(dims)
    return copy
  }
}
