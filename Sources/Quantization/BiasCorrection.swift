import ConverterCore
import Graph

/// Corrects the mean errors that rounding weights and inputs brings into the output channels of quantised products.
///
/// Every product gets the float model's values, quantised, as its input, so that what is measured is its own error and not what
/// products before it have made; those are corrected themselves.
struct BiasCorrection {
  private let quantizer: ProductQuantizer
  private let products: [(node: Node, input: Tensor, output: Tensor)]
  private let parameters: [ObjectIdentifier: QuantParam]

  init(_ quantizer: ProductQuantizer, _ products: [(node: Node, input: Tensor, output: Tensor)], _ parameters: [ObjectIdentifier: QuantParam]) {
    self.quantizer = quantizer
    self.parameters = parameters
    // A layer without a bias gets one only where that is another input and nothing else.
    self.products = products.filter { $0.node.inputs.count > 2 || $0.node.kind == .conv2DFusion }
  }

  /// Samples that the means are taken over.
  private static let samples = 32

  func run(_ data: CalibrationData, _ runner: GraphRunner, _ graph: Graph) throws(EngineError) {
    if products.isEmpty { return }
    var sums = [[Double]](), counts = [[Double]]()
    var local: GraphRunner?
    var outputs = [Tensor]()
    for index in 0..<min(data.count, BiasCorrection.samples) {
      let sample = try data.sample(index)
      try runner.run(sample)
      var inputs = [CalibrationValue]()
      for p in products {
        var value = CalibrationValue(shape: runner.result(p.input)?.shape.dims ?? p.input.shape.dims, bytes: [])
        if let i = graph.inputs.firstIndex(where: { $0 === p.input }) { value.shape = sample[i].shape }
        let q = parameters[ObjectIdentifier(p.input)]
        FullQuantizer.values(p.input, sample, graph, runner) { reals in
          value.bytes = reals.map { UInt8(bitPattern: Int8(truncatingIfNeeded: q?.quantized($0, -128, 127) ?? 0)) }
        }
        inputs.append(value)
      }
      if local == nil {
        let (graph, results) = alone(inputs.map { $0.shape })
        outputs = results
        local = try GraphRunner([graph], observing: results)
      }
      guard let local else { return }
      try local.run(inputs)
      for (i, p) in products.enumerated() {
        guard let y = local.result(outputs[i]), let data = y.data, let q = outputs[i].quantParams.first else { continue }
        let channels = y.shape.dims.last ?? 1
        if sums.count == i {
          sums.append([Double](repeating: 0, count: channels))
          counts.append(sums[i])
        }
        let reals = runner.floats(p.output), bytes = data.assumingMemoryBound(to: Int8.self)
        guard reals.count == y.count, sums[i].count == channels else { continue }
        BiasCorrection.add(reals, bytes, q, clamps: BiasCorrection.clamps(p.node), &sums[i], &counts[i])
      }
    }
    for (i, p) in products.enumerated() where i < sums.count { try correct(p.node, p.input, sums[i], counts[i]) }
  }

  /// A graph in which every product stands alone, with an 8-bit input.
  private func alone(_ shapes: [[Int]]) -> (Graph, [Tensor]) {
    let graph = Graph(name: "products")
    var results = [Tensor]()
    for (p, shape) in zip(products, shapes) {
      let x = Tensor(name: "x\(results.count)", type: .int8, shape: Shape(shape), format: p.input.format)
      x.quantParams = parameters[ObjectIdentifier(p.input)].map { [$0] } ?? []
      let y = Tensor(name: "y\(results.count)", type: .int8, shape: p.output.shape, format: p.output.format)
      y.quantParams = p.output.quantParams
      let constants = p.node.inputs.dropFirst().map { $0.copy() }
      for t in [x, y] + constants { graph.addTensor(t) }
      let node = Node(name: p.node.name, kind: p.node.kind, attributes: p.node.attributes, inputs: [x] + constants, outputs: [y])
      node.quantType = 5
      graph.nodes.append(node)
      graph.inputs.append(x)
      results.append(y)
    }
    graph.outputs = results
    return (graph, results)
  }

  private static func clamps(_ node: Node) -> Bool { node.attributes.int(Attributes.id(node.kind, "activation_type")) != 0 }

  /// Differences by channel, which is the last dimension. Values that an activation has cut off say nothing about the bias.
  private static func add(
    _ reals: UnsafeBufferPointer<Float>, _ bytes: UnsafePointer<Int8>, _ q: QuantParam, clamps: Bool, _ sums: inout [Double], _ counts: inout [Double]
  ) {
    var channel = 0
    let zero = Float(q.zeroPoint), scale = Float(q.scale)
    for i in 0..<reals.count {
      // Saturated results have another error than that of the product.
      if !clamps || (reals[i] > 0 && bytes[i] > Int8(truncatingIfNeeded: q.zeroPoint)) {
        if bytes[i] > -128 && bytes[i] < 127 {
          sums[channel] += Double(reals[i] - (Float(bytes[i]) - zero) * scale)
          counts[channel] += 1
        }
      }
      channel = channel + 1 == sums.count ? 0 : channel + 1
    }
  }

  private func correct(_ node: Node, _ input: Tensor, _ sums: [Double], _ counts: [Double]) throws(EngineError) {
    guard let x = parameters[ObjectIdentifier(input)] else { return }
    let weights = node.inputs[1].quantParams
    var bias = [Float](repeating: 0, count: sums.count)
    if node.inputs.count > 2, let data = node.inputs[2].data {
      guard node.inputs[2].count == sums.count else { return }
      for c in 0..<bias.count {
        let scale = weights[weights.count == 1 ? 0 : c].scale * x.scale
        bias[c] = Float(Double(data.loadUnaligned(fromByteOffset: 4 * c, as: Int32.self)) * scale)
      }
    }
    for c in 0..<bias.count where counts[c] >= 16 { bias[c] += Float(sums[c] / counts[c]) }
    try quantizer.setBias(node, bias, input: x)
  }
}
