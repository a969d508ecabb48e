import ConverterCore
import Graph

/// Full quantisation: the main graph computes on 8-bit values wherever it can, with ranges that calibration data has shown.
struct FullQuantizer {
  private let model: ModelBuilder
  private let settings: QuantizationSettings
  private(set) var statistics = QuantizationStatistics()
  private var builder: GraphBuilder { model.main }
  private var graph: Graph { model.main.graph }

  init(_ model: ModelBuilder, _ settings: QuantizationSettings) {
    self.model = model
    self.settings = settings
  }

  mutating func run() throws(EngineError) {
    guard let calibration = settings.calibration else { return }
    let data = try CalibrationData.open(calibration, graph, model.report)
    let plan = FullQuantizationPlan(graph, skipping: settings.skipped)
    if plan.isEmpty {
      model.report.warn("full quantisation: no node can be quantised")
      return
    }
    try equalise(data, plan)
    let tensors = plan.tensors
    let inner = tensors.filter { t in !graph.inputs.contains { $0 === t } }
    let runner = try GraphRunner(model, observing: inner)
    let ranges = plan.shared(try collect(data, tensors, runner))
    var parameters: [ObjectIdentifier: QuantParam] = [:]
    for t in tensors { parameters[ObjectIdentifier(t)] = ranges[ObjectIdentifier(t)]?.parameters(bits: 8, symmetric: false) }
    var products = ProductQuantizer(settings, graph)
    var rewriting = FullRewriting(builder, plan, parameters)
    try rewriting.run(&products)
    if settings.correctsBias {
      let correction = BiasCorrection(products, rewriting.products, parameters)
      try correction.run(data, runner, graph)
    }
    statistics = products.statistics
    if settings.debugDirectory != nil { try compare(data, inner.filter { $0.type == .int8 }, runner) }
  }

  private func equalise(_ data: CalibrationData, _ plan: FullQuantizationPlan) throws(EngineError) {
    let equalizer = ChannelEqualizer(graph, plan)
    let tensors = equalizer.tensors
    if tensors.isEmpty || !settings.perChannel { return }
    let runner = try GraphRunner(model, observing: tensors)
    var ranges = tensors.map { _ in ChannelRange() }
    for index in 0..<data.count {
      model.report.onProgress("equalising channels: \(index + 1) of \(data.count)")
      try runner.run(try data.sample(index))
      for (i, t) in tensors.enumerated() { ranges[i].observe(runner.floats(t), channels: t.shape[t.shape.rank - 1]) }
    }
    var out: [ObjectIdentifier: [Float]] = [:]
    for (t, r) in zip(tensors, ranges) { out[ObjectIdentifier(t)] = r.largest }
    try equalizer.apply(out)
  }

  private func collect(_ data: CalibrationData, _ tensors: [Tensor], _ runner: GraphRunner) throws(EngineError) -> [ObjectIdentifier: QuantizedRange] {
    var ranges = tensors.map { _ in ActivationRange(settings) }
    let passes = ActivationRange.needsSecondPass(settings) ? 2 : 1
    for pass in 0..<passes {
      for index in 0..<data.count {
        model.report.onProgress("calibrating: \(pass * data.count + index + 1) of \(passes * data.count)")
        let sample = try data.sample(index)
        try runner.run(sample)
        for (i, t) in tensors.enumerated() {
          FullQuantizer.values(t, sample, graph, runner) { if pass == 0 { ranges[i].observe($0) } else { ranges[i].count($0) } }
        }
      }
    }
    var out: [ObjectIdentifier: QuantizedRange] = [:]
    for (t, r) in zip(tensors, ranges) { out[ObjectIdentifier(t)] = r.range }
    return out
  }

  /// The real values of a tensor in the last run, which may be an input of the graph.
  static func values(
    _ tensor: Tensor, _ sample: [CalibrationValue], _ graph: Graph, _ runner: GraphRunner, _ use: (UnsafeBufferPointer<Float>) -> Void
  ) {
    if let i = graph.inputs.firstIndex(where: { $0 === tensor }) {
      sample[i].bytes.withUnsafeBytes { use($0.bindMemory(to: Float.self)) }
    } else {
      use(runner.floats(tensor))
    }
  }

  /// How close the quantised tensors are to the float ones, over a few samples.
  private mutating func compare(_ data: CalibrationData, _ tensors: [Tensor], _ runner: GraphRunner) throws(EngineError) {
    let quantised = try GraphRunner(model, observing: tensors)
    var comparisons = tensors.map { _ in Comparison() }
    for index in 0..<min(data.count, 8) {
      let sample = try data.sample(index)
      try runner.run(sample)
      try quantised.run(FullQuantizer.quantised(sample, graph))
      for (i, t) in tensors.enumerated() {
        guard let p = t.quantParams.first, let bytes = quantised.result(t)?.data else { continue }
        let q = bytes.assumingMemoryBound(to: Int8.self), n = runner.floats(t).count
        comparisons[i].add(runner.floats(t), (0..<n).map { Float((Double(q[$0]) - Double(p.zeroPoint)) * p.scale) })
      }
    }
    for (t, c) in zip(tensors, comparisons) { statistics.add(t.name, "activation", c, t.quantParams) }
  }

  /// A sample for a graph some of whose inputs take 8-bit values now.
  static func quantised(_ sample: [CalibrationValue], _ graph: Graph) -> [CalibrationValue] {
    var out = sample
    for (i, t) in graph.inputs.enumerated() where t.type == .int8 {
      guard let p = t.quantParams.first else { continue }
      out[i].bytes = sample[i].bytes.withUnsafeBytes { bytes in
        bytes.bindMemory(to: Float.self).map { UInt8(bitPattern: Int8(truncatingIfNeeded: p.quantized($0, -128, 127))) }
      }
    }
    return out
  }
}

/// Rewrites the nodes that the plan has chosen.
struct FullRewriting {
  private let builder: GraphBuilder
  private let plan: FullQuantizationPlan
  private let parameters: [ObjectIdentifier: QuantParam]
  /// The other form of a tensor, where some node reads that.
  private var casts: [ObjectIdentifier: Tensor] = [:]
  /// Quantised products, with the tensors that they read and made before.
  private(set) var products: [(node: Node, input: Tensor, output: Tensor)] = []
  private var nodes: [Node] = []

  init(_ builder: GraphBuilder, _ plan: FullQuantizationPlan, _ parameters: [ObjectIdentifier: QuantParam]) {
    self.builder = builder
    self.plan = plan
    self.parameters = parameters
  }

  mutating func run(_ quantizer: inout ProductQuantizer) throws(EngineError) {
    let graph = builder.graph
    let born = plan.tensors.filter { plan.isQuantized($0) }
    for t in born {
      guard let p = parameters[ObjectIdentifier(t)] else { continue }
      t.type = .int8
      t.quantParams = [p]
    }
    for (i, node) in graph.nodes.enumerated() {
      if let operation = plan.operators[i] {
        let input = node.inputs[0]
        for k in operation.data { node.inputs[k] = try quantised(node.inputs[k]) }
        if operation.role == .product, let p = node.inputs[0].quantParams.first {
          try quantizer.quantise(node, input: p)
          products.append((node, input, node.outputs[0]))
        }
        if node.kind == .flatten { reshape(node) }
        try node.widenConstants(in: graph)
        node.quantType = 5
      } else {
        for (k, t) in node.inputs.enumerated() where t.type == .int8 && plan.isQuantized(t) && parameters[ObjectIdentifier(t)] != nil {
          node.inputs[k] = cast(t, to: .float32, [])
        }
      }
      nodes.append(node)
    }
    graph.nodes = nodes
  }

  /// The original runtime has Reshape for 8-bit values, but not Flatten.
  private func reshape(_ node: Node) {
    let dims = node.outputs[0].shape.dims
    guard dims.count(where: { $0 < 0 }) <= 1, !dims.contains(0) else { return }
    node.kind = .reshape
    node.attributes = Attributes()
    node.inputs = [node.inputs[0], builder.constant("\(node.name)/shape", ints: dims)]
  }

  /// The 8-bit form of a node's input.
  private mutating func quantised(_ tensor: Tensor) throws(EngineError) -> Tensor {
    if tensor.isConstant { return try constant(tensor) }
    if tensor.type == .int8 { return tensor }
    return cast(tensor, to: .int8, parameters[ObjectIdentifier(tensor)].map { [$0] } ?? [])
  }

  private mutating func cast(_ tensor: Tensor, to type: DataType, _ parameters: [QuantParam]) -> Tensor {
    if let known = casts[ObjectIdentifier(tensor)] { return known }
    builder.scope = "\(tensor.name)_\(type.name)"
    let node = builder.node(
      .quantDTypeCast, ["src_t": .number(Int(tensor.type.rawValue)), "dst_t": .number(Int(type.rawValue))], [tensor], 1)
    let result = node.outputs[0]
    result.type = type
    result.shape = tensor.shape
    result.format = tensor.format
    result.quantParams = parameters
    nodes.append(node)
    casts[ObjectIdentifier(tensor)] = result
    return result
  }

  private mutating func constant(_ tensor: Tensor) throws(EngineError) -> Tensor {
    if let known = casts[ObjectIdentifier(tensor)] { return known }
    let values = tensor.realValues()
    let p = values.withUnsafeBufferPointer { QuantizedRange(of: $0) }.parameters(bits: 8, symmetric: false)
    let result = Tensor(name: tensor.name, type: .int8, shape: tensor.shape, format: tensor.format)
    try result.replace(.int8, with: values.map { Int8(truncatingIfNeeded: p.quantized($0, -128, 127)) })
    result.quantParams = [p]
    builder.graph.addTensor(result)
    casts[ObjectIdentifier(tensor)] = result
    return result
  }
}
