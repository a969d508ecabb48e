import Graph
import ModelFile
import Operators

/// A training graph and what it is made of: the part that predicts, losses, the backward pass, and operators that update weights.
///
/// Nodes are told apart by the names that the exporter gives them: a loss's contain one of a list of texts, and what belongs to the
/// backward pass contains "Gradients".
struct TrainingGraph {
  /// As the model has it, but in an order in which weights are updated after the step has read them. Constants are the current
  /// weights.
  let graph: Graph
  /// By tensor: a constant of the model that a training step changes.
  let isUpdated: [Bool]
  /// What the losses compare with the labels, or the model's outputs where there is no loss.
  let evaluationOutputs: [Tensor]
  /// The model's outputs without those of optimisers.
  let trainingOutputs: [Tensor]
  /// By node: it can belong to a model for inference, because no loss, gradient or update is before it.
  let canPredict: [Bool]
  /// By tensor: the node that makes it, or -1.
  private let producer: [Int]

  /// nil: the graph has no optimiser, so it is for inference.
  static func make(_ graph: Graph, lossNames: [[UInt8]]) throws(EngineError) -> TrainingGraph? {
    graph.renumber()
    var operators = [Operator?]()
    operators.reserveCapacity(graph.nodes.count)
    var trains = false
    for node in graph.nodes {
      // A kind that is not known is refused when the session is made, with all others of the graph.
      let op = try operatorForInspection(node)
      if op?.optimizer != nil { trains = true }
      operators.append(op)
    }
    if !trains { return nil }
    var isUpdated = [Bool](repeating: false, count: graph.tensors.count)
    for (i, node) in graph.nodes.enumerated() {
      for k in operators[i]?.updatedInputs ?? [] where k < node.inputs.count && node.inputs[k].isConstant {
        isUpdated[node.inputs[k].index] = true
      }
    }
    sort(graph, &operators, isUpdated)
    return TrainingGraph(graph, operators, isUpdated, lossNames)
  }

  private static func operatorForInspection(_ node: Node) throws(EngineError) -> Operator? {
    guard let factory = Registry.factory(for: node) else { return nil }
    do throws(EngineError) { return try factory(node) } catch { throw error.adding(node.text) }
  }

  private init(_ graph: Graph, _ operators: [Operator?], _ isUpdated: [Bool], _ lossNames: [[UInt8]]) {
    self.graph = graph
    self.isUpdated = isUpdated
    var producer = [Int](repeating: -1, count: graph.tensors.count)
    for (i, node) in graph.nodes.enumerated() { for t in node.outputs { producer[t.index] = i } }
    self.producer = producer

    var isLoss = [Bool](), isBackward = [Bool]()
    let backward: StaticString = "Gradients"
    let backwardName = [UInt8](UnsafeBufferPointer(start: backward.utf8Start, count: backward.utf8CodeUnitCount))
    for node in graph.nodes {
      isLoss.append(lossNames.contains { !$0.isEmpty && TrainingGraph.contains(node.name, $0) })
      isBackward.append(TrainingGraph.contains(node.name, backwardName))
    }
    var canPredict = [Bool]()
    for (i, node) in graph.nodes.enumerated() {
      var can = !isLoss[i] && !isBackward[i] && !node.kind.updatesWeights
      for t in node.inputs where producer[t.index] >= 0 && !canPredict[producer[t.index]] { can = false }
      canPredict.append(can)
    }
    self.canPredict = canPredict
    var predictions = [Tensor]()
    for (i, node) in graph.nodes.enumerated() where isLoss[i] && !isBackward[i] {
      for t in node.inputs {
        let p = producer[t.index]
        if p < 0 || isLoss[p] || isBackward[p] || predictions.contains(where: { $0 === t }) { continue }
        // What follows a loss is no prediction.
        if graph.nodes[p].inputs.contains(where: { producer[$0.index] >= 0 && isLoss[producer[$0.index]] }) { continue }
        predictions.append(t)
      }
    }
    evaluationOutputs = predictions.isEmpty ? graph.outputs : predictions

    var results = [Tensor]()
    for t in graph.outputs {
      let p = producer[t.index]
      if p < 0 || operators[p]?.optimizer != nil || graph.nodes[p].kind == .assign { continue }
      if let first = graph.nodes[p].outputs.first, !results.contains(where: { $0 === first }) { results.append(first) }
    }
    trainingOutputs = results.isEmpty ? graph.outputs : results
  }

  static func contains(_ text: String, _ part: [UInt8]) -> Bool {
    var text = text
    return text.withUTF8 { letters in
      var i = 0
      while i + part.count <= letters.count {
        var k = 0
        while k < part.count && letters[i + k] == part[k] { k += 1 }
        if k == part.count { return true }
        i += 1
      }
      return false
    }
  }

  // MARK: order

  /// The file's order says what depends on what, but not when a weight may be changed: an optimiser waits until everything else has
  /// read it. Assignments stay where the file has them, between the readers of the old and of the new value.
  private static func sort(_ graph: Graph, _ operators: inout [Operator?], _ isUpdated: [Bool]) {
    // The weight whose bytes a tensor shows, under its own name or another shape.
    var weight = [Int](repeating: -1, count: graph.tensors.count)
    for i in 0..<isUpdated.count where isUpdated[i] { weight[i] = i }
    var producer = [Int](repeating: -1, count: graph.tensors.count)
    var users = [[Int]](repeating: [], count: graph.tensors.count)
    for (i, node) in graph.nodes.enumerated() {
      for t in node.inputs {
        let w = weight[t.index]
        if w >= 0 && users[w].last != i { users[w].append(i) }
      }
      for t in node.outputs { producer[t.index] = i }
      if let op = operators[i], op.isView, let source = node.inputs.first, let output = node.outputs.first {
        weight[output.index] = weight[source.index]
      }
    }
    var needed = [[Int]]()
    needed.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      var list = [Int]()
      for t in node.inputs where producer[t.index] >= 0 { list.append(producer[t.index]) }
      needed.append(list)
    }
    for (i, node) in graph.nodes.enumerated() {
      for k in operators[i]?.updatedInputs ?? [] where k < node.inputs.count && isUpdated[node.inputs[k].index] {
        let w = node.inputs[k].index
        for other in users[w] where other != i {
          let alsoUpdates = (operators[other]?.updatedInputs ?? []).contains {
            $0 < graph.nodes[other].inputs.count && graph.nodes[other].inputs[$0].index == w
          }
          if other < i || (operators[i]?.optimizer != nil && !alsoUpdates) {
            needed[i].append(other)
          } else {
            needed[other].append(i)
          }
        }
      }
    }
    var stuck = 0
    // Where weights are read again after their update, the file's order is the only one.
    guard let order = TopologicalOrder.order(needed, stuck: &stuck) else { return }
    let nodes = graph.nodes, unsorted = operators
    for (position, i) in order.enumerated() {
      graph.nodes[position] = nodes[i]
      operators[position] = unsorted[i]
    }
  }

  // MARK: parts

  /// By node: whether `outputs` depend on it.
  func isNeeded(for outputs: [Tensor]) -> [Bool] {
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    var open = [Int]()
    for t in outputs where producer[t.index] >= 0 { open.append(producer[t.index]) }
    while let i = open.popLast() {
      if isNeeded[i] { continue }
      isNeeded[i] = true
      for t in graph.nodes[i].inputs where producer[t.index] >= 0 { open.append(producer[t.index]) }
    }
    return isNeeded
  }

  /// A graph of its own that computes `outputs` only, with the current weights as its constants. Dropout is gone from it.
  func inference(_ outputs: [Tensor]) -> Graph {
    let isNeeded = self.isNeeded(for: outputs)
    let copy = graph.copy()
    copy.outputs = outputs.map { copy.tensors[$0.index] }
    // What readers of a removed node's output read instead, by tensor.
    var replacement = [Tensor?](repeating: nil, count: copy.tensors.count)
    var nodes = [Node]()
    for (i, node) in copy.nodes.enumerated() where isNeeded[i] {
      for (k, t) in node.inputs.enumerated() {
        if let other = replacement[t.index] { node.inputs[k] = other }
      }
      if node.kind == .dropout, let source = node.inputs.first, let output = node.outputs.first,
        !copy.outputs.contains(where: { $0 === output })
      {
        replacement[output.index] = source
        continue
      }
      nodes.append(node)
    }
    copy.nodes = nodes
    dropUnread(copy)
    return copy
  }

  /// Leaves out the statistics that only the backward pass reads, and the tensors that nobody uses any more.
  private func dropUnread(_ copy: Graph) {
    var isRead = [Bool](repeating: false, count: copy.tensors.count)
    for node in copy.nodes { for t in node.inputs { isRead[t.index] = true } }
    for t in copy.outputs { isRead[t.index] = true }
    for node in copy.nodes where node.kind == .fusedBatchNorm {
      while node.outputs.count > 1, let last = node.outputs.last, !isRead[last.index] { node.outputs.removeLast() }
    }
    for node in copy.nodes { for t in node.outputs { isRead[t.index] = true } }
    for t in copy.inputs { isRead[t.index] = true }
    var kept = [Tensor]()
    for t in copy.tensors where isRead[t.index] { kept.append(t) }
    copy.tensors = kept
    copy.renumber()
  }
}
