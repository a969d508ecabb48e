import ConverterCore
import Graph
import Operators

/// Replaces the last layer with weights by one for another number of classes, with random weights.
struct NewHead {
  let builder: GraphBuilder
  let settings: TrainingSettings

  /// `prediction`: what the loss is computed from.
  func run(from prediction: Tensor) throws(EngineError) {
    let links = GraphLinks(builder.graph), nodes = builder.graph.nodes
    var t = prediction
    while let p = links.producer[ObjectIdentifier(t)], !Parameters.isLayer(nodes[p]), let source = nodes[p].inputs.first(where: { !$0.isConstant }) {
      t = source
    }
    guard let first = links.producer[ObjectIdentifier(t)], Parameters.isLayer(nodes[first]) else {
      throw refuse("there is no layer with weights before \(prediction)")
    }
    let old = try replaceLayer(nodes[first])
    // What follows the layer goes on with the same classes.
    var changed: Set<ObjectIdentifier> = []
    for node in nodes[first...] {
      if node !== nodes[first] {
        if !node.inputs.contains(where: { changed.contains(ObjectIdentifier($0)) }) { continue }
        guard NewHead.passesClasses(node) else {
          throw refuse("\(node) follows the last layer with weights, and is not known to keep the classes apart")
        }
        adapt(node, old)
      }
      for y in node.outputs {
        changed.insert(ObjectIdentifier(y))
        y.shape = Shape(y.shape.dims.map { $0 == old ? settings.classes : $0 })
      }
      try infer(node)
    }
  }

  private func refuse(_ text: Message) -> EngineError {
    EngineError(.notSupported, "config section [training]: classes=\(settings.classes): \(text.text)")
  }

  private static func passesClasses(_ node: Node) -> Bool {
    switch node.kind {
    case .biasAdd, .addFusion, .activation, .softmax, .logSoftmax, .reshape, .flatten, .squeeze, .unsqueeze, .expandDims, .transpose,
      .avgPoolFusion, .maxPoolFusion, .reduceFusion, .dropout, .depend:
      return true
    default: return false
    }
  }

  /// Returns the old number of classes.
  private func replaceLayer(_ node: Node) throws(EngineError) -> Int {
    let place = node.inputs.indices.first { $0 > 0 && node.inputs[$0].isConstant && node.inputs[$0].shape.rank >= 2 }
    guard let place, place == 1, node.kind != .conv2dTransposeFusion else { throw refuse("\(node) is no layer whose outputs can be replaced") }
    let w = node.inputs[1]
    guard w.quantParams.isEmpty else { throw refuse("the weights \(w) of \(node) are quantised") }
    guard w.shape.rank == (node.kind == .conv2DFusion ? 4 : 2) else { throw refuse("the weights \(w) of \(node) are no matrix and no kernel") }
    var dims = w.shape.dims
    // The axis of the outputs.
    let axis = node.kind == .matMulFusion && !node.attributes.bool(1) ? 1 : 0
    if node.kind == .conv2DFusion {
      guard node.attributes.int(Attributes.id(.conv2DFusion, "group")) <= 1 else { throw refuse("\(node) is a convolution of groups") }
      node["out_channel"] = .number(settings.classes)
    }
    let old = dims[axis]
    dims[axis] = settings.classes
    let taps = node.kind == .conv2DFusion ? dims[1] * dims[2] : 1
    let sources = node.kind == .conv2DFusion ? dims[3] : dims[1 - axis]
    node.inputs[1] = builder.constant(w.name, floats: random(Shape(dims).count, sources * taps, settings.classes * taps), dims: dims)
    if node.inputs.count > 2 { node.inputs[2] = zeros(node.inputs[2]) }
    return old
  }

  private func zeros(_ old: Tensor) -> Tensor {
    builder.constant(old.name, floats: [Float](repeating: 0, count: settings.classes), dims: [settings.classes])
  }

  /// Uniformly distributed, of the variance 2 / (sources + results) (Glorot and Bengio).
  private func random(_ count: Int, _ sources: Int, _ results: Int) -> [Float] {
    let limit = (6 / Double(sources + results)).squareRoot()
    var state = UInt64(settings.seed)
    var list = [Float]()
    list.reserveCapacity(count)
    for _ in 0..<count {
      // SplitMix64: the same numbers on every machine.
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      list.append(Float((Double(z >> 11) / 9007199254740992 * 2 - 1) * limit))
    }
    return list
  }

  /// Constants of a node behind the layer that have the old number of classes get the new one.
  private func adapt(_ node: Node, _ old: Int) {
    switch node.kind {
    case .biasAdd, .addFusion:
      for (i, t) in node.inputs.enumerated() where t.isConstant && t.count == old && t.count > 1 { node.inputs[i] = zeros(t) }
    case .reshape:
      guard node.inputs.count > 1, let dims = node.inputs[1].knownIntegers(), let place = dims.firstIndex(of: old) else { return }
      var changed = dims
      changed[place] = settings.classes
      node.inputs[1] = builder.constant("\(node.name)/shape", ints: changed)
    default: break
    }
  }

  /// The shapes that follow from those of the inputs, where these are known.
  private func infer(_ node: Node) throws(EngineError) {
    guard node.inputs.allSatisfy({ $0.shape.isKnown }), let factory = Registry.factory(for: node) else { return }
    do throws(EngineError) { try factory(node).infer() } catch {
      if error.code != .deferred { throw refuse("\(node): \(error.message)") }
    }
  }
}
