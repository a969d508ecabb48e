import ConverterCore
import Graph
import ModelFile
import Operators

/// Makes a training model of an inference model: appends the loss, the gradients of what the loss depends on, as far as they are needed,
/// and an optimiser for each weight that is trained.
///
/// Nodes get the names by which the engine tells the parts of a training model apart: those of the loss begin with `loss_fct`, those
/// of the backward pass with `Gradients`.
public struct TrainingModel {
  let settings: TrainingSettings
  let builder: GraphBuilder
  private var graph: Graph { builder.graph }

  /// `fuse` optimises nodes of the main graph that are not trained, given the tensors that others read of them, and returns the nodes
  /// that take their place.
  public static func make(
    _ model: ModelBuilder, _ settings: TrainingSettings, fuse: ([Node], [Tensor]) throws(EngineError) -> [Node]
  ) throws(EngineError) {
    if model.graphs.count > 1 {
      throw EngineError(.notSupported, "the model has loops or branches; only a model without control flow can be trained")
    }
    try TrainingModel(settings: settings, builder: model.main).run(fuse)
  }

  private func run(_ fuse: ([Node], [Tensor]) throws(EngineError) -> [Node]) throws(EngineError) {
    let links = GraphLinks(graph)
    let head = try LossHead.find(graph, links, settings)
    keep(head.results, links)
    freeBatch()
    if settings.classes > 0 { try NewHead(builder: builder, settings: settings).run(from: head.prediction) }
    let parameters = try Parameters.choose(builder, settings)
    let frozen = Freezing.split(graph, parameters)
    let unfused = try Unfusing(builder: builder, parameters: parameters, settings: settings).run(frozen.rest)
    graph.nodes = try fuse(frozen.nodes, frozen.boundary(unfused, graph)) + unfused
    graph.renumber()

    let tape = GradientTape(builder, parameters)
    let loss = try tape.appendLoss(head, settings)
    let gradients = try tape.differentiate(loss)
    try Updates(tape: tape, settings: settings).append(gradients)
    tape.finish()
    graph.outputs = [loss] + head.results.filter { $0 !== head.prediction }
    var isUsed: Set<ObjectIdentifier> = []
    for t in graph.inputs + graph.outputs { isUsed.insert(ObjectIdentifier(t)) }
    for node in graph.nodes { for t in node.inputs + node.outputs { isUsed.insert(ObjectIdentifier(t)) } }
    graph.tensors.removeAll { !isUsed.contains(ObjectIdentifier($0)) }
    graph.renumber()
  }

  /// Lets a Reshape that states the number of examples take it from its input: who has trained with many wants to predict with one.
  private func freeBatch() {
    guard let batch = graph.inputs.first?.shape.dims.first, batch > 0 else { return }
    for node in graph.nodes where node.kind == .reshape && node.inputs.count == 2 && node.inputs[1].isConstant {
      guard var target = node.inputs[1].knownIntegers(), target.first == batch, node.inputs[0].shape.dims.first == batch else { continue }
      // 0 stands for the input's dimension.
      target[0] = target.contains(-1) ? 0 : -1
      node.inputs[1] = builder.constant("\(node.name)/shape", ints: target)
    }
  }

  /// Drops what these tensors do not depend on.
  private func keep(_ results: [Tensor], _ links: GraphLinks) {
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    var open = results
    while let t = open.popLast() {
      guard let p = links.producer[ObjectIdentifier(t)], !isNeeded[p] else { continue }
      isNeeded[p] = true
      open += graph.nodes[p].inputs
    }
    graph.nodes = graph.nodes.enumerated().filter { isNeeded[$0.offset] }.map { $0.element }
    graph.outputs = results
  }
}

/// Who makes and who reads each tensor of a graph, by place in the list of nodes; valid until the list changes.
struct GraphLinks {
  private(set) var producer: [ObjectIdentifier: Int] = [:]
  private(set) var readers: [ObjectIdentifier: [Int]] = [:]

  init(_ graph: Graph) {
    for (i, node) in graph.nodes.enumerated() {
      for t in node.outputs { producer[ObjectIdentifier(t)] = i }
      for t in node.inputs where readers[ObjectIdentifier(t)]?.last != i { readers[ObjectIdentifier(t), default: []].append(i) }
    }
  }
}

/// Where the loss is attached.
struct LossHead {
  /// What is compared with the labels.
  let prediction: Tensor
  /// The prediction, and the model's own output where an activation that the loss contains makes it.
  let results: [Tensor]

  /// A softmax or sigmoid that the loss contains stays outside of it.
  static func find(_ graph: Graph, _ links: GraphLinks, _ settings: TrainingSettings) throws(EngineError) -> LossHead {
    let names = graph.outputs.map { "\"\($0.name)\"" }.joined(separator: ", ")
    let output: Tensor
    if settings.output.isEmpty {
      guard graph.outputs.count == 1 else {
        throw EngineError(.inputParameterInvalid, "config section [training]: output= must name one of the model's outputs \(names)")
      }
      output = graph.outputs[0]
    } else {
      guard let named = graph.outputs.first(where: { $0.name == settings.output }) else {
        throw EngineError(.inputParameterInvalid, "config section [training]: output=\(settings.output) is none of the model's outputs \(names)")
      }
      output = named
    }
    guard output.type == .float32 else { throw EngineError(.notSupported, "a loss is computed from float32; the output is \(output)") }
    var outer = output
    // A view of the probabilities, or something that copies them, changes nothing.
    while let p = links.producer[ObjectIdentifier(outer)], isView(graph.nodes[p].kind) { outer = graph.nodes[p].inputs[0] }
    guard let p = links.producer[ObjectIdentifier(outer)] else { return LossHead(prediction: output, results: [output]) }
    let last = graph.nodes[p]
    let isContained: Bool
    switch settings.loss {
    case .softmaxCrossEntropy, .sparseSoftmaxCrossEntropy:
      isContained = last.kind == .softmax || last.kind == .logSoftmax
      if isContained, !isLastAxis(last) {
        throw EngineError(.notSupported, "\(last): the loss \(settings.loss.rawValue) is along the last axis, the node is not")
      }
    case .sigmoidCrossEntropy:
      isContained = last.kind == .activation && last.attributes.int(0) == ActivationType.sigmoid
    default: isContained = false
    }
    if !isContained { return LossHead(prediction: output, results: [output]) }
    return LossHead(prediction: last.inputs[0], results: [last.inputs[0], output])
  }

  private static func isView(_ kind: OperatorKind) -> Bool {
    kind == .reshape || kind == .flatten || kind == .squeeze || kind == .depend
  }

  private static func isLastAxis(_ node: Node) -> Bool {
    let axis = node.kind == .softmax ? node.attributes.ints(0).first ?? -1 : node.attributes.int(0)
    let shape = node.inputs[0].shape
    if axis == -1 || axis == shape.rank - 1 { return true }
    // Channels of an image of one pixel.
    let a = axis < 0 ? axis + shape.rank : axis
    return a >= 0 && a < shape.rank && shape.dims[(a + 1)...].allSatisfy { $0 == 1 }
  }
}
