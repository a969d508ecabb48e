import ConverterCore
import Graph
import Operators

/// Gives the channels of a tensor about the same range, so that its one scale suits all of them: what makes a channel multiplies it by a
/// factor and what reads it divides by that. (Cross-layer equalisation; Nagel et al., "Data-Free Quantization Through Weight Equalization
/// and Bias Correction", 2019. Ranges come from calibration data here.)
///
/// Weights with a scale per output channel take the first factor without loss. The second one changes what shares a scale in dense
/// layers, so those get the square root of the imbalance.
struct ChannelEqualizer {
  private let graph: Graph
  private let plan: FullQuantizationPlan
  private var groups: [Group] = []

  /// Tensors that additions and the like tie together, the products that make them and those that read them.
  private struct Group {
    var tensors: [Tensor] = []
    var producers: [Node] = []
    var consumers: [Node] = []
    var channels = 0
  }

  init(_ graph: Graph, _ plan: FullQuantizationPlan) {
    self.graph = graph
    self.plan = plan
    find()
  }

  /// The tensors whose channels' ranges ``apply(_:)`` wants.
  var tensors: [Tensor] { groups.flatMap { $0.tensors } }

  // MARK: which tensors

  private mutating func find() {
    var parent: [ObjectIdentifier: ObjectIdentifier] = [:]
    func root(_ t: Tensor) -> ObjectIdentifier {
      var at = ObjectIdentifier(t)
      while let next = parent[at] { at = next }
      return at
    }
    func unite(_ a: Tensor, _ b: Tensor) {
      let x = root(a), y = root(b)
      if x != y { parent[y] = x }
    }
    var barred: Set<ObjectIdentifier> = []
    for (i, node) in graph.nodes.enumerated() {
      if ties(i) {
        for t in node.inputs where !t.isConstant { unite(t, node.outputs[0]) }
      } else {
        for (k, t) in node.inputs.enumerated() where !t.isConstant && !(k == 0 && divides(i)) { barred.insert(ObjectIdentifier(t)) }
        for t in node.outputs where !multiplies(i) { barred.insert(ObjectIdentifier(t)) }
      }
    }
    for t in graph.inputs + graph.outputs { barred.insert(ObjectIdentifier(t)) }
    var position: [ObjectIdentifier: Int] = [:]
    var isBarred: [Bool] = []
    func group(_ t: Tensor) -> Int {
      if let known = position[root(t)] { return known }
      position[root(t)] = groups.count
      groups.append(Group())
      isBarred.append(false)
      return groups.count - 1
    }
    for t in plan.tensors {
      let g = group(t)
      let channels = t.shape.rank == 4 ? t.shape[3] : 0
      if barred.contains(ObjectIdentifier(t)) || channels < 2 || (groups[g].channels != 0 && groups[g].channels != channels) { isBarred[g] = true }
      groups[g].channels = channels
      groups[g].tensors.append(t)
    }
    for (i, node) in graph.nodes.enumerated() where !ties(i) {
      if multiplies(i) { groups[group(node.outputs[0])].producers.append(node) }
      if divides(i), let x = node.inputs.first, !x.isConstant { groups[group(x)].consumers.append(node) }
    }
    groups = zip(groups, isBarred).filter { !$1 && !$0.producers.isEmpty && !$0.consumers.isEmpty }.map { $0.0 }
  }

  /// Adds or moves channels that stay what they are.
  private func ties(_ index: Int) -> Bool {
    let node = graph.nodes[index]
    guard plan.operators[index] != nil else { return false }
    switch node.kind {
    case .addFusion:
      return node.attributes.int(0) == ActivationType.none && node.inputs.allSatisfy { !$0.isConstant && $0.shape == node.outputs[0].shape }
    case .maxPoolFusion, .avgPoolFusion: return !QuantizedOperator.hasActivation(node)
    default: return false
    }
  }

  /// A product whose output channels can be multiplied by factors.
  private func multiplies(_ index: Int) -> Bool { plan.operators[index]?.role == .product && isConvolution(graph.nodes[index]) }
  /// A product whose input channels can be divided by factors.
  private func divides(_ index: Int) -> Bool { multiplies(index) }

  private func isConvolution(_ node: Node) -> Bool {
    guard node.kind == .conv2DFusion, let weights = node.inputs.dropFirst().first else { return false }
    return isDepthwise(node) || max(node.attributes.int(6), 1) == 1 && weights.shape.rank == 4
  }

  /// One input channel for each output channel.
  private func isDepthwise(_ node: Node) -> Bool {
    let group = node.attributes.int(6)
    return group > 1 && node.inputs[1].shape[3] == 1 && node.inputs[1].shape[0] == group
  }

  // MARK: the factors

  /// `ranges`: for each of ``tensors`` the largest absolute value of every channel. Changes the weights in the graph.
  func apply(_ ranges: [ObjectIdentifier: [Float]]) throws(EngineError) {
    for group in groups {
      var range = [Float](repeating: 0, count: group.channels)
      for t in group.tensors {
        guard let r = ranges[ObjectIdentifier(t)], r.count == range.count else { return }
        for c in 0..<range.count { range[c] = max(range[c], r[c]) }
      }
      guard let factors = factors(group, range) else { continue }
      for node in group.producers { try scaleOutputs(node, factors) }
      for node in group.consumers { try scaleInputs(node, factors) }
    }
  }

  /// A rectifier that cuts off at 6 must not cut off more than what calibration has seen, with some room.
  private static let room: Float = 0.85
  private static let largest: Float = 32

  private func factors(_ group: Group, _ range: [Float]) -> [Float]? {
    let top = range.max() ?? 0
    if !(top > 0 && top < .infinity) { return nil }
    let dense = group.consumers.filter { !isDepthwise($0) }
    var reach = [Float](repeating: 0, count: range.count)
    for node in dense { columnReach(node, &reach) }
    let largestReach = reach.max() ?? 0
    var factors = range.map { top / max($0, top / ChannelEqualizer.largest) }
    if !dense.isEmpty {
      guard largestReach > 0 else { return nil }
      for c in 0..<factors.count {
        let share = max(reach[c] / largestReach, 1 / ChannelEqualizer.largest)
        factors[c] = (factors[c] * share).squareRoot()
      }
      // The largest channel keeps the tensor's range.
      var highest: Float = 0
      for c in 0..<factors.count { highest = max(highest, factors[c] * range[c]) }
      for c in 0..<factors.count { factors[c] *= top / max(highest, top / 1024) }
    }
    if group.producers.contains(where: { $0.attributes.int(Attributes.id($0.kind, "activation_type")) == ActivationType.relu6 }) {
      for c in 0..<factors.count { factors[c] = max(1, min(factors[c], 6 * ChannelEqualizer.room / max(range[c], 0.01))) }
    }
    return factors.allSatisfy({ $0 == 1 }) ? nil : factors
  }

  /// The largest weight that an input channel has, in proportion to the largest one of the same output channel.
  private func columnReach(_ node: Node, _ reach: inout [Float]) {
    let values = node.inputs[1].realValues()
    let outputs = node.inputs[1].shape[0], channels = reach.count
    guard outputs > 0, channels > 0, values.count % (outputs * channels) == 0 else { return }
    let row = values.count / outputs
    for o in 0..<outputs {
      var largest: Float = 0
      for i in o * row..<(o + 1) * row { largest = max(largest, values[i].magnitude) }
      if largest == 0 { continue }
      for i in 0..<row { reach[i % channels] = max(reach[i % channels], values[o * row + i].magnitude / largest) }
    }
  }

  private func scaleOutputs(_ node: Node, _ factors: [Float]) throws(EngineError) {
    var values = node.inputs[1].realValues()
    let row = values.count / factors.count
    for i in 0..<values.count { values[i] *= factors[i / row] }
    try setConstant(node, 1, values)
    if node.inputs.count > 2 {
      var bias = node.inputs[2].realValues()
      for c in 0..<min(bias.count, factors.count) { bias[c] *= factors[c] }
      try setConstant(node, 2, bias)
    }
  }

  private func scaleInputs(_ node: Node, _ factors: [Float]) throws(EngineError) {
    var values = node.inputs[1].realValues()
    if isDepthwise(node) {
      let row = values.count / factors.count
      for i in 0..<values.count { values[i] /= factors[i / row] }
    } else {
      for i in 0..<values.count { values[i] /= factors[i % factors.count] }
    }
    try setConstant(node, 1, values)
  }

  /// A constant of this node's own.
  private func setConstant(_ node: Node, _ index: Int, _ values: [Float]) throws(EngineError) {
    let tensor = node.inputs[index].copy()
    try tensor.replace(.float32, with: values)
    graph.addTensor(tensor)
    node.inputs[index] = tensor
  }
}

/// The largest absolute value of every channel, which is the last dimension.
struct ChannelRange {
  private(set) var largest: [Float] = []

  mutating func observe(_ values: UnsafeBufferPointer<Float>, channels: Int) {
    if largest.isEmpty { largest = [Float](repeating: 0, count: channels) }
    guard channels > 0, largest.count == channels else { return }
    var c = 0
    for v in values {
      if v.magnitude > largest[c] && v.isFinite { largest[c] = v.magnitude }
      c = c + 1 == channels ? 0 : c + 1
    }
  }
}
