import Graph

/// Builds a Graph of each subgraph of a file and checks how nodes and tensors fit together.
///
/// A tensor that several subgraphs list becomes an object of its own in each, sharing the constant's bytes.
struct GraphAssembler {
  private let model: ModelRecord
  /// One per tensor of the file; the first subgraph that lists it takes the object itself.
  private let prototypes: [Tensor]
  private let noBytes: UnsafeRawPointer

  /// What the subgraph under construction knows of each tensor of the file. An entry counts only while its `subgraph` is the
  /// current one, so that nothing has to be cleared between subgraphs.
  private struct Role {
    var subgraph = -1
    var tensor: Tensor
    var isInput = false
    /// Position of the producing node in the subgraph's list, -1 when there is none.
    var producer = -1
  }
  private var roles: [Role] = []
  private var isTaken: [Bool]
  /// The last subgraph that listed each node.
  private var nodeSubgraph: [Int]

  /// `noBytes` is what constants without elements point to.
  init(_ model: ModelRecord, _ prototypes: [Tensor], noBytes: UnsafeRawPointer) {
    self.model = model
    self.prototypes = prototypes
    self.noBytes = noBytes
    roles.reserveCapacity(prototypes.count)
    for tensor in prototypes { roles.append(Role(tensor: tensor)) }
    isTaken = [Bool](repeating: false, count: prototypes.count)
    nodeSubgraph = [Int](repeating: -1, count: model.nodes.count)
  }

  mutating func assemble(_ subgraph: Int) throws(EngineError) -> Graph {
    let record = model.subgraphs[subgraph]
    let place = "subgraph \(subgraph) \"\(record.name)\""
    let graph = Graph(name: record.name)
    do throws(EngineError) {
      for index in record.tensors { _ = try tensor(index, subgraph, graph) }
    } catch { throw error.adding(place) }
    try addInputs(record, subgraph, graph, place)
    try addNodes(record, subgraph, graph, place)
    try sortNodes(record.nodes, graph, place)
    try addOutputs(record, subgraph, graph, place)
    return graph
  }

  /// The subgraph's object for tensor `index`, made and added to the graph when it is needed for the first time.
  private mutating func tensor(_ index: UInt32, _ subgraph: Int, _ graph: Graph) throws(EngineError) -> Tensor {
    guard index < UInt32(truncatingIfNeeded: roles.count) else {
      throw EngineError(.error, "there is no tensor \(index); the model has \(roles.count)")
    }
    let i = Int(index)
    if roles[i].subgraph == subgraph { return roles[i].tensor }
    let prototype = prototypes[i]
    var tensor = prototype
    if isTaken[i] {
      tensor = prototype.copy()
    }
    isTaken[i] = true
    roles[i] = Role(subgraph: subgraph, tensor: tensor)
    graph.addTensor(tensor)
    return tensor
  }

  private mutating func addInputs(
    _ record: SubgraphRecord, _ subgraph: Int, _ graph: Graph, _ place: String
  ) throws(EngineError) {
    // The main graph's inputs are shown in the model's order, and nothing else is ever fed.
    for index in subgraph == 0 ? model.inputs : record.inputs {
      let tensor = try tensor(index, subgraph, graph)
      if roles[Int(index)].isInput { throw EngineError(.error, "\(place): tensor \(tensor) is listed as an input twice") }
      if tensor.isConstant {
        throw EngineError(.error, "\(place): input \(tensor) has data; an input is fed from outside")
      }
      roles[Int(index)].isInput = true
      graph.inputs.append(tensor)
    }
  }

  /// Adds the nodes in file order.
  private mutating func addNodes(
    _ record: SubgraphRecord, _ subgraph: Int, _ graph: Graph, _ place: String
  ) throws(EngineError) {
    for index in record.nodes {
      guard index < UInt32(truncatingIfNeeded: model.nodes.count) else {
        throw EngineError(.error, "\(place): there is no node \(index); the model has \(model.nodes.count)")
      }
      let listed = model.nodes[Int(index)]
      let node = Node(name: listed.name, kind: listed.kind, attributes: listed.attributes, inputs: [], outputs: [])
      if nodeSubgraph[Int(index)] == subgraph { throw EngineError(.error, "\(place): node \(node) is listed twice") }
      nodeSubgraph[Int(index)] = subgraph
      node.quantType = listed.quantType
      do throws(EngineError) {
        try connect(node, listed, subgraph, graph)
      } catch {
        // Made only now: a long subgraph name in the text of every node would be work out of proportion.
        throw error.adding("\(place), node \(node.text)")
      }
      graph.nodes.append(node)
    }
  }

  private mutating func connect(
    _ node: Node, _ listed: NodeRecord, _ subgraph: Int, _ graph: Graph
  ) throws(EngineError) {
    for output in listed.outputs {
      let tensor = try tensor(output, subgraph, graph)
      let role = roles[Int(output)]
      if tensor.isConstant {
        throw EngineError(.error, "its output \(tensor) is a constant")
      }
      if role.isInput { throw EngineError(.error, "its output \(tensor) is an input of the graph") }
      if role.producer == graph.nodes.count {
        throw EngineError(.error, "tensor \(tensor) is listed as an output twice")
      }
      if role.producer >= 0 {
        throw EngineError(.error, "its output \(tensor) is also the output of \(graph.nodes[role.producer].text)")
      }
      roles[Int(output)].producer = graph.nodes.count
      node.outputs.append(tensor)
    }
    for input in listed.inputs { node.inputs.append(try tensor(input, subgraph, graph)) }
    try checkTensorLists(node)
    try checkPartial(node, subgraph)
  }

  /// Tensor lists are understood by few operators.
  private func checkTensorLists(_ node: Node) throws(EngineError) {
    switch node.kind {
    case .tensorListFromTensor, .tensorListGetItem, .tensorListReserve, .tensorListSetItem, .tensorListStack, .partialFusion,
      .call:
      return
    default: break
    }
    for tensor in node.inputs where tensor.type == .tensorList {
      throw EngineError(.error, "input \(tensor) is a tensor list, which this operator does not take")
    }
    for tensor in node.outputs where tensor.type == .tensorList {
      throw EngineError(.error, "output \(tensor) is a tensor list, which this operator does not make")
    }
  }

  /// A PartialFusion names another subgraph.
  private func checkPartial(_ node: Node, _ subgraph: Int) throws(EngineError) {
    guard node.kind == .partialFusion else { return }
    let target = node.attributes.int(0)
    if target < 0 || target >= model.subgraphs.count {
      throw EngineError(.error, "there is no subgraph \(target); the model has \(model.subgraphs.count)")
    }
    if target == subgraph { throw EngineError(.error, "calls the subgraph it is in") }
  }

  /// Finds the producer of every input and puts the nodes in an order in which each runs after them. `listed` are the nodes'
  /// numbers in the file.
  private mutating func sortNodes(_ listed: [UInt32], _ graph: Graph, _ place: String) throws(EngineError) {
    var producers = [[Int]]()
    producers.reserveCapacity(listed.count)
    for position in 0..<listed.count {
      var needed = [Int]()
      for input in model.nodes[Int(listed[position])].inputs {
        let role = roles[Int(input)]
        if role.tensor.isConstant || role.isInput { continue }
        if role.producer >= 0 {
          needed.append(role.producer)
        } else if model.tensors[Int(input)].nodeType == 0 && role.tensor.shape.checkedCount == 0 {
          // A constant without elements: writers leave empty vectors out.
          role.tensor.setConstant(noBytes, owner: nil)
        } else {
          throw EngineError(
            .error,
            "\(place), node \(graph.nodes[position].text): nothing produces its input \(role.tensor.text), which is neither constant nor an input of the graph"
          )
        }
      }
      producers.append(needed)
    }
    var stuck = 0
    guard let order = TopologicalOrder.order(producers, stuck: &stuck) else {
      throw EngineError(.error, "\(place): node \(graph.nodes[stuck].text) depends on its own output")
    }
    var sorted = [Node]()
    sorted.reserveCapacity(order.count)
    for position in order { sorted.append(graph.nodes[position]) }
    graph.nodes = sorted
  }

  private mutating func addOutputs(
    _ record: SubgraphRecord, _ subgraph: Int, _ graph: Graph, _ place: String
  ) throws(EngineError) {
    for index in record.outputs { try checkOutput(index, subgraph, graph, place) }
    if subgraph > 0 {
      for index in record.outputs { graph.outputs.append(roles[Int(index)].tensor) }
      return
    }
    // The model's outputs are the main graph's, in the order of the model's list; or those of the subgraph that runs last.
    var areOwn = true
    for index in model.outputs where roles[Int(index)].subgraph != subgraph { areOwn = false }
    if areOwn {
      for index in model.outputs {
        try checkOutput(index, subgraph, graph, place)
        graph.outputs.append(named(roles[Int(index)].tensor, index))
      }
    } else {
      try addResultsOfCall(record, graph, place)
    }
  }

  /// The main graph ends with a call whose results are the model's. In the file that call has one output, whatever the number of
  /// results; here it gets one for each.
  private func addResultsOfCall(_ record: SubgraphRecord, _ graph: Graph, _ place: String) throws(EngineError) {
    let first = roles[Int(record.outputs[0])]
    guard first.producer >= 0 else {
      throw EngineError(.error, "\(place): the model's outputs are another subgraph's, but no call ends the main graph")
    }
    var call: Node?
    for node in graph.nodes where node.outputs.contains(where: { $0 === first.tensor }) { call = node }
    guard let call, call.kind == .call, call.outputs.count == record.outputs.count else {
      throw EngineError(.error, "\(place): the model's outputs are another subgraph's, but no call ends the main graph")
    }
    for i in 0..<call.outputs.count where roles[Int(record.outputs[i])].tensor !== call.outputs[i] {
      throw EngineError(.error, "\(place): its outputs are not those of \(call), in the same order")
    }
    call.outputs = []
    for index in model.outputs {
      let result = prototypes[Int(index)]
      if result.isConstant {
        // Its value is the subgraph's to give.
        throw EngineError(.error, "\(place): the model's output \(result) is a constant of another subgraph")
      }
      let tensor = named(result.copy(), index)
      graph.addTensor(tensor)
      graph.outputs.append(tensor)
      call.outputs.append(tensor)
    }
  }

  /// `tensor` under the name that the model's users see.
  private func named(_ tensor: Tensor, _ index: UInt32) -> Tensor {
    let name = model.tensors[Int(index)].name
    tensor.name = name.isEmpty ? "\(index)" : name
    return tensor
  }

  private mutating func checkOutput(
    _ index: UInt32, _ subgraph: Int, _ graph: Graph, _ place: String
  ) throws(EngineError) {
    let tensor = try tensor(index, subgraph, graph)
    let role = roles[Int(index)]
    if !role.isInput && role.producer < 0 && !tensor.isConstant {
      throw EngineError(.error, "\(place): nothing produces output \(tensor)")
    }
  }
}
