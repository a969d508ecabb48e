import ConverterCore
import Graph

/// The weights that are trained.
struct Parameters {
  /// In the order in which the graph reads them first.
  private(set) var list: [Tensor] = []
  private var set: Set<ObjectIdentifier> = []

  func contains(_ tensor: Tensor) -> Bool { set.contains(ObjectIdentifier(tensor)) }

  /// The inputs of a node that are weights, whether they are constants or not.
  static func places(_ node: Node) -> [Int] {
    let n = node.inputs.count
    switch node.kind {
    case .conv2DFusion, .conv2dTransposeFusion, .fullConnection: return Array(1..<max(n, 1))
    case .matMulFusion: return Array(0..<n)
    case .biasAdd, .scaleFusion, .pReLUFusion, .layerNormFusion: return Array(1..<max(n, 1))
    case .fusedBatchNorm: return [1, 2]
    case .gather: return [0]
    case .addFusion, .subFusion, .mulFusion, .divFusion, .realDiv, .eltwise: return [0, 1]
    default: return []
    }
  }

  /// A layer of ``TrainingSettings/lastLayers``.
  static func isLayer(_ node: Node) -> Bool {
    switch node.kind {
    case .conv2DFusion, .conv2dTransposeFusion, .fullConnection: return node.inputs.count > 1 && node.inputs[1].isConstant
    case .matMulFusion: return node.inputs.contains { $0.isConstant && $0.shape.rank >= 2 }
    default: return false
    }
  }

  static func choose(_ builder: GraphBuilder, _ settings: TrainingSettings) throws(EngineError) -> Parameters {
    let nodes = builder.graph.nodes
    let chosen = try choice(nodes, settings)
    var parameters = Parameters()
    // Tensors that a layer has made: constants that are applied to the model's inputs before are a preparation of data, no weights.
    var isMade: Set<ObjectIdentifier> = []
    for (i, node) in nodes.enumerated() {
      let follows = node.inputs.contains { isMade.contains(ObjectIdentifier($0)) }
      var hasWeights = false
      for place in places(node) where place < node.inputs.count {
        let t = node.inputs[place]
        guard t.isConstant, t.type == .float32 || t.type == .float16 || !t.quantParams.isEmpty else { continue }
        if isArithmetic(node.kind) && (!follows || t.count < 2) { continue }
        // What an importer has made of attributes is no weight: the builder calls constants so that have no name of their own.
        if t.name.hasSuffix("/const") { continue }
        hasWeights = true
        guard chosen[i] else { continue }
        if !t.quantParams.isEmpty || (t.type != .float32 && t.type != .float16) {
          throw EngineError(.notSupported, "\(node): the weight \(t) is quantised; quantised weights can only stay as they are (train_last_layers, freeze_nodes)")
        }
        if parameters.set.insert(ObjectIdentifier(t)).inserted { parameters.list.append(t) }
      }
      if chosen[i], let what = untrainable(node) {
        builder.report.warn("\(node): \(what) stay as they are: there is no gradient for them")
      }
      if follows || hasWeights { for t in node.outputs { isMade.insert(ObjectIdentifier(t)) } }
    }
    if parameters.list.isEmpty {
      throw EngineError(.inputParameterInvalid, "config section [training]: no weight is left to be trained")
    }
    // Whoever gets and sets weights knows them by their names.
    var names: [String: Int] = [:]
    for t in parameters.list {
      if t.type == .float16 { try widen(t, builder) }
      let n = names[t.name, default: 0]
      names[t.name] = n + 1
      if n > 0 { t.name += "_\(n)" }
    }
    return parameters
  }

  /// Weights of operators that have no gradient; nil where there are none.
  private static func untrainable(_ node: Node) -> String? {
    switch node.kind {
    case .lstm, .gru, .instanceNorm, .attention, .custom, .embeddingLookupFusion:
      return node.inputs.contains { $0.isConstant && $0.type == .float32 && $0.count > 1 } ? "its weights" : nil
    default: return nil
    }
  }

  private static func isArithmetic(_ kind: OperatorKind) -> Bool {
    switch kind {
    case .addFusion, .subFusion, .mulFusion, .divFusion, .realDiv, .eltwise: return true
    default: return false
    }
  }

  /// Gives a float16 constant float32 elements.
  static func widen(_ t: Tensor, _ builder: GraphBuilder) throws(EngineError) {
    let wide = builder.constant(t.name, floats: try builder.floats(t, "a weight"), dims: t.shape.dims)
    guard let data = wide.data else { throw EngineError(.outOfMemory, "no memory for the weight \(t)") }
    t.type = .float32
    t.setConstant(data, owner: wide.owner)
  }

  // MARK: the nodes that the settings choose

  private static func choice(_ nodes: [Node], _ settings: TrainingSettings) throws(EngineError) -> [Bool] {
    var first = [Bool](repeating: false, count: nodes.count)
    var limits = false
    if settings.lastLayers > 0 {
      let layers = nodes.indices.filter { isLayer(nodes[$0]) }
      if layers.count < settings.lastLayers {
        throw EngineError(
          .inputParameterInvalid,
          "config section [training]: train_last_layers=\(settings.lastLayers), but the model has \(layers.count) layers with weights")
      }
      for i in layers.suffix(settings.lastLayers) { first[i] = true }
      limits = true
    } else if !settings.firstNode.isEmpty {
      for (i, node) in nodes.enumerated() where node.name == settings.firstNode { first[i] = true }
      if !first.contains(true) {
        throw EngineError(.inputParameterInvalid, "config section [training]: train_from=\(settings.firstNode): the model has no such node")
      }
      limits = true
    }
    var chosen = limits ? following(first, nodes) : [Bool](repeating: true, count: nodes.count)
    if !settings.trained.isEmpty {
      let named = try matching(settings.trained, "train_nodes", nodes)
      for i in nodes.indices where !named[i] { chosen[i] = false }
    }
    if !settings.frozen.isEmpty {
      let named = try matching(settings.frozen, "freeze_nodes", nodes)
      for i in nodes.indices where named[i] { chosen[i] = false }
    }
    return chosen
  }

  /// The nodes marked in `first`, and all that depend on them.
  private static func following(_ first: [Bool], _ nodes: [Node]) -> [Bool] {
    var marked = first
    var made: Set<ObjectIdentifier> = []
    for (i, node) in nodes.enumerated() {
      if node.inputs.contains(where: { made.contains(ObjectIdentifier($0)) }) { marked[i] = true }
      if marked[i] { for t in node.outputs { made.insert(ObjectIdentifier(t)) } }
    }
    return marked
  }

  private static func matching(_ patterns: [String], _ key: String, _ nodes: [Node]) throws(EngineError) -> [Bool] {
    var marked = [Bool](repeating: false, count: nodes.count)
    for pattern in patterns {
      var found = false
      for (i, node) in nodes.enumerated() where matches(Array(node.name.utf8), Array(pattern.utf8)) {
        marked[i] = true
        found = true
      }
      if !found {
        throw EngineError(.inputParameterInvalid, "config section [training]: \(key): no node's name is like \"\(pattern)\"")
      }
    }
    return marked
  }

  /// `*` stands for any text, an empty one included.
  static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
    let star = UInt8(ascii: "*")
    var t = 0, p = 0
    // Where the last star was met, and how far the text had come.
    var back: (p: Int, t: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == star {
        back = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = back {
        back = (last.p, last.t + 1)
        p = last.p + 1
        t = last.t + 1
      } else {
        return false
      }
    }
    while p < pattern.count, pattern[p] == star { p += 1 }
    return p == pattern.count
  }
}

/// The nodes that run as in inference, and the others.
struct Freezing {
  /// No trained weight is before these.
  let nodes: [Node]
  /// What depends on trained weights, and what lies between a Dropout behind the last frozen layer and the first trained one.
  let rest: [Node]

  /// Dropout among the frozen nodes is gone: its readers read its input.
  static func split(_ graph: Graph, _ parameters: Parameters) -> Freezing {
    var depends = [Bool](repeating: false, count: graph.nodes.count)
    var made: Set<ObjectIdentifier> = []
    for (i, node) in graph.nodes.enumerated() {
      depends[i] = node.inputs.contains { made.contains(ObjectIdentifier($0)) || parameters.contains($0) }
      if depends[i] { for t in node.outputs { made.insert(ObjectIdentifier(t)) } }
    }
    // From the trained nodes upwards to the next weights: a Dropout there belongs to the trained layer, and so does what follows it.
    var isRead: Set<ObjectIdentifier> = []
    var leads = depends
    for i in graph.nodes.indices.reversed() {
      let node = graph.nodes[i]
      if !leads[i], !hasWeights(node), node.outputs.contains(where: { isRead.contains(ObjectIdentifier($0)) }) { leads[i] = true }
      if leads[i] { for t in node.inputs { isRead.insert(ObjectIdentifier(t)) } }
    }
    var belongs = depends
    made = []
    for (i, node) in graph.nodes.enumerated() where leads[i] {
      if node.kind == .dropout || node.inputs.contains(where: { made.contains(ObjectIdentifier($0)) }) { belongs[i] = true }
      if belongs[i] { for t in node.outputs { made.insert(ObjectIdentifier(t)) } }
    }
    var replacement: [ObjectIdentifier: Tensor] = [:]
    var frozen = [Node](), rest = [Node]()
    for (i, node) in graph.nodes.enumerated() {
      for (k, t) in node.inputs.enumerated() { if let other = replacement[ObjectIdentifier(t)] { node.inputs[k] = other } }
      if belongs[i] {
        rest.append(node)
      } else if node.kind == .dropout, !graph.outputs.contains(where: { $0 === node.outputs[0] }) {
        replacement[ObjectIdentifier(node.outputs[0])] = node.inputs[0]
      } else {
        frozen.append(node)
      }
    }
    return Freezing(nodes: frozen, rest: rest)
  }

  private static func hasWeights(_ node: Node) -> Bool {
    Parameters.places(node).contains { $0 < node.inputs.count && node.inputs[$0].isConstant && node.inputs[$0].count > 1 }
  }

  /// What `readers` and the graph's outputs take of the frozen nodes.
  func boundary(_ readers: [Node], _ graph: Graph) -> [Tensor] {
    var made: Set<ObjectIdentifier> = []
    for node in nodes { for t in node.outputs { made.insert(ObjectIdentifier(t)) } }
    var list = [Tensor]()
    for t in readers.flatMap({ $0.inputs }) + graph.outputs where made.remove(ObjectIdentifier(t)) != nil { list.append(t) }
    return list
  }
}
