import ConverterCore
import Graph

/// Dynamic quantisation: 8-bit weights of matrix products and tables; the products' other operand is quantised when the model runs.
struct DynamicQuantizer {
  private let model: ModelBuilder
  private let settings: QuantizationSettings
  private(set) var statistics = QuantizationStatistics()

  init(_ model: ModelBuilder, _ settings: QuantizationSettings) {
    self.model = model
    self.settings = settings
  }

  mutating func run() throws(EngineError) {
    let targets = WeightTargets.find(model.graphs.map { $0.graph }, settings, DynamicQuantizer.weightInputs)
      .filter { $0.tensor.count > settings.minimumSize && DynamicQuantizer.isUniform($0) }
    var quantised: Set<ObjectIdentifier> = []
    for target in targets {
      let isTable = target.readers.allSatisfy { $0.kind == .gather }
      try quantise(target, symmetric: !isTable)
      for node in target.readers {
        node.quantType = 6
        if node.kind != .gather { quantised.insert(ObjectIdentifier(node)) }
      }
    }
    for builder in model.graphs {
      for node in builder.graph.nodes where quantised.contains(ObjectIdentifier(node)) { try node.widenConstants(in: builder.graph) }
      insert(builder, quantised)
    }
    if targets.isEmpty { model.report.warn("dynamic quantisation: no matrix product or table has constant weights") }
  }

  /// Weights that kernels with float32 results have 8-bit forms of.
  private static func weightInputs(_ node: Node) -> [Int] {
    switch node.kind {
    case .matMulFusion, .fullConnection:
      guard node.inputs.count >= 2, !node.inputs[0].isConstant, node.inputs[0].type == .float32, node.inputs[1].shape.rank >= 2 else { return [] }
      return [1]
    case .gather: return [0]
    default: return []
    }
  }

  /// A table that is also a matrix would need both forms.
  private static func isUniform(_ target: WeightTarget) -> Bool {
    let tables = target.readers.count { $0.kind == .gather }
    return tables == 0 || tables == target.readers.count
  }

  private mutating func quantise(_ target: WeightTarget, symmetric: Bool) throws(EngineError) {
    let tensor = target.tensor
    let values = tensor.realValues()
    let layout = ChannelLayout(tensor.shape, axis: target.axis)
    var integers = [Int32](repeating: 0, count: values.count)
    var parameters = [QuantParam]()
    var scratch = [Float](repeating: 0, count: values.count / max(layout.channels, 1))
    let top = Double(QuantizedRange.largest(8)), bottom = Double(QuantizedRange.smallest(8, symmetric: symmetric))
    for c in 0..<layout.channels {
      layout.gather(values, channel: c, into: &scratch)
      let p = RangeSearch.parameters(scratch, bits: 8, symmetric: symmetric)
      layout.scatter(scratch.map { p.quantized($0, bottom, top) }, channel: c, into: &integers)
      parameters.append(p)
    }
    statistics.add(tensor, values, integers, parameters, layout)
    tensor.quantParams = parameters
    try tensor.replace(.int8, with: integers.map { Int8(truncatingIfNeeded: $0) })
  }

  /// One DynamicQuant node for all products that share their left operand.
  private func insert(_ builder: GraphBuilder, _ quantised: Set<ObjectIdentifier>) {
    var results: [ObjectIdentifier: Tensor] = [:]
    var nodes = [Node]()
    for node in builder.graph.nodes {
      if quantised.contains(ObjectIdentifier(node)) {
        let x = node.inputs[0]
        if results[ObjectIdentifier(x)] == nil {
          builder.scope = "\(x.name)_dynamic"
          let cast = builder.node(.dynamicQuant, ["symmetric": false, "dst_type": .number(Int(DataType.int8.rawValue))], [x], 1)
          cast.quantType = 6
          cast.outputs[0].type = .int8
          cast.outputs[0].shape = x.shape
          cast.outputs[0].format = x.format
          nodes.append(cast)
          results[ObjectIdentifier(x)] = cast.outputs[0]
        }
        if let y = results[ObjectIdentifier(x)] { node.inputs[0] = y }
      }
      nodes.append(node)
    }
    builder.graph.nodes = nodes
  }
}
