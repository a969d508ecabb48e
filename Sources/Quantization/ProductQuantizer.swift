import ConverterCore
import Graph

/// Weights and biases of fully quantised products.
struct ProductQuantizer {
  let settings: QuantizationSettings
  let graph: Graph
  var statistics = QuantizationStatistics()

  /// Sums stay below this number of steps, so that biases leave room for products.
  private static let largestBias = 0x1p29

  init(_ settings: QuantizationSettings, _ graph: Graph) {
    self.settings = settings
    self.graph = graph
  }

  /// Puts 8-bit weights and a 32-bit bias in the place of the node's constants. `input`: the parameters of what it multiplies them by.
  mutating func quantise(_ node: Node, input: QuantParam) throws(EngineError) {
    let weights = node.inputs[1]
    let values = weights.realValues()
    let axis = settings.perChannel ? QuantizedOperator.channelAxis(node) : nil
    let layout = ChannelLayout(weights.shape, axis: axis)
    let bias = node.inputs.count > 2 ? node.inputs[2].realValues() : []
    var integers = [Int32](repeating: 0, count: values.count)
    var parameters = [QuantParam]()
    var scratch = [Float](repeating: 0, count: values.count / max(layout.channels, 1))
    // One range for all channels may as well use the whole of the integers.
    let symmetric = axis != nil
    let top = Double(QuantizedRange.largest(8)), bottom = Double(QuantizedRange.smallest(8, symmetric: symmetric))
    for c in 0..<layout.channels {
      layout.gather(values, channel: c, into: &scratch)
      var p = RangeSearch.parameters(scratch, bits: 8, symmetric: symmetric)
      let largest = axis == nil ? bias.map { $0.magnitude }.max() ?? 0 : c < bias.count ? bias[c].magnitude : 0
      let least = Double(largest) / (ProductQuantizer.largestBias * input.scale)
      if p.scale < least { p.scale = least }
      layout.scatter(scratch.map { p.quantized($0, bottom, top) }, channel: c, into: &integers)
      parameters.append(p)
    }
    statistics.add(weights, values, integers, parameters, layout)
    let packed = Tensor(name: weights.name, type: .int8, shape: weights.shape, format: weights.format)
    try packed.replace(.int8, with: integers.map { Int8(truncatingIfNeeded: $0) })
    packed.quantParams = parameters
    graph.addTensor(packed)
    node.inputs[1] = packed
    if node.inputs.count > 2 { try setBias(node, bias, input: input) }
  }

  /// The bias in units of the product of the scales.
  func setBias(_ node: Node, _ bias: [Float], input: QuantParam) throws(EngineError) {
    let weights = node.inputs[1].quantParams
    var steps = [Int32]()
    var parameters = [QuantParam]()
    for (c, b) in bias.enumerated() {
      let scale = weights[weights.count == 1 ? 0 : c % weights.count].scale * input.scale
      steps.append(Int32(clamping: Int64(max(-0x1p31, min(QuantizedRange.rounded(Double(b) / scale), 0x1p31)))))
      if parameters.count < weights.count {
        parameters.append(QuantParam(scale: scale, zeroPoint: 0, bits: 32, varianceCorrection: 1, meanCorrection: 0))
      }
    }
    let name = node.inputs.count > 2 ? node.inputs[2].name : "\(node.name)/bias"
    let tensor = Tensor(name: name, type: .int32, shape: Shape([bias.count]))
    try tensor.replace(.int32, with: steps)
    tensor.quantParams = parameters
    graph.addTensor(tensor)
    if node.inputs.count > 2 { node.inputs[2] = tensor } else { node.inputs.append(tensor) }
  }
}
