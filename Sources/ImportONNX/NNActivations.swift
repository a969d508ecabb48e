import ConverterCore
import Graph

/// Activation functions.
enum NNActivations {
  static let table: [String: ONNXOperator] = [
    "Relu": { node throws(EngineError) in [try Formula(node).relu(node.input(0))] },
    "Sigmoid": { node throws(EngineError) in [try Formula(node).sigmoid(node.input(0))] },
    "Tanh": { node throws(EngineError) in [try Formula(node).tanh(node.input(0))] },
    "LeakyRelu": { node throws(EngineError) in
      [try Formula(node).activation(node.input(0), ActivationNumber.leakyRelu, alpha: node.float("alpha", 0.01))]
    },
    "Elu": { node throws(EngineError) in [try elu(Formula(node), node.input(0), node.float("alpha", 1))] },
    "Selu": selu,
    "Celu": celu,
    "Gelu": { node throws(EngineError) in
      let isTanh = try node.choice("approximate", "none", "tanh") == "tanh"
      return [try gelu(Formula(node), node.input(0), approximate: isTanh)]
    },
    "HardSigmoid": { node throws(EngineError) in
      [try hardSigmoid(Formula(node), node.input(0), node.float("alpha", 0.2), node.float("beta", 0.5))]
    },
    "HardSwish": { node throws(EngineError) in [try Formula(node).activation(node.input(0), ActivationNumber.hswish)] },
    "Softplus": { node throws(EngineError) in [try Formula(node).activation(node.input(0), ActivationNumber.softplus)] },
    "Softsign": { node throws(EngineError) in [try softsign(Formula(node), node.input(0))] },
    "ThresholdedRelu": { node throws(EngineError) in
      [try thresholdedRelu(Formula(node), node.input(0), node.float("alpha", 1))]
    },
    "Shrink": shrink,
    "Mish": { node throws(EngineError) in
      let f = Formula(node), x = try node.input(0)
      return [try f.mul(x, f.tanh(f.activation(x, ActivationNumber.softplus)))]
    },
    "SwiGLU": { node throws(EngineError) in
      let f = Formula(node)
      let gate = try node.input(0)
      return [try f.cast(f.mul(swish(f, f.float(gate), node.float("alpha", 1)), f.float(node.input(1))), gate.type)]
    },
    "Swish": { node throws(EngineError) in [try swish(Formula(node), node.input(0), node.float("alpha", 1))] },
    "PRelu": prelu,
    "com.microsoft.Gelu": { node throws(EngineError) in [try gelu(Formula(node), node.input(0), approximate: false)] },
    "com.microsoft.QuickGelu": { node throws(EngineError) in
      [try swish(Formula(node), node.input(0), node.float("alpha", 1.702))]
    },
    "com.microsoft.FastGelu": { node throws(EngineError) in
      var x = try node.input(0)
      if let bias = node.optional(1) { x = try Formula(node).add(x, bias) }
      return [try gelu(Formula(node), x, approximate: true)]
    },
    "com.microsoft.BiasGelu": { node throws(EngineError) in
      let f = Formula(node)
      return [try gelu(f, f.add(node.input(0), node.input(1)), approximate: false)]
    },
  ]

  static func elu(_ f: Formula, _ x: Tensor, _ alpha: Float) throws(EngineError) -> Tensor {
    // The format's function with alpha 0 would be another one in the original, which takes 0 for an absent attribute.
    alpha == 0 ? try f.relu(x) : try f.activation(x, ActivationNumber.elu, alpha: alpha)
  }

  /// gamma (x > 0 ? x : alpha (exp(x) - 1))
  static func selu(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let alpha = try node.float("alpha", 1.67326319217681884765625), gamma = try node.float("gamma", 1.05070102214813232421875)
    return [try f.mul(elu(f, node.input(0), alpha), gamma)]
  }

  /// max(0, x) + min(0, alpha (exp(x / alpha) - 1))
  static func celu(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let alpha = try node.float("alpha", 1)
    if alpha == 1 { return [try elu(f, x, 1)] }
    try node.refuse(alpha == 0, "attribute \"alpha\" is 0, by which x would be divided")
    let negative = try f.mul(f.add(f.exp(f.mul(x, 1 / alpha)), -1), alpha)
    return [try f.add(f.relu(x), f.minimum(negative, f.scalar(Float(0))))]
  }

  static func gelu(_ f: Formula, _ x: Tensor, approximate: Bool) throws(EngineError) -> Tensor {
    try f.activation(x, ActivationNumber.gelu, approximate: approximate)
  }

  /// max(0, min(1, alpha x + beta)). The format's HSIGMOID is the one with 1/6 and 1/2.
  static func hardSigmoid(_ f: Formula, _ x: Tensor, _ alpha: Float, _ beta: Float) throws(EngineError) -> Tensor {
    if abs(alpha - 1 / 6) < 1e-6 && beta == 0.5 { return try f.activation(x, ActivationNumber.hsigmoid) }
    return try f.clamp(f.add(f.mul(x, alpha), beta), 0, 1)
  }

  static func softsign(_ f: Formula, _ x: Tensor) throws(EngineError) -> Tensor {
    try f.div(x, f.add(f.unary(.abs, x), 1))
  }

  static func thresholdedRelu(_ f: Formula, _ x: Tensor, _ alpha: Float) throws(EngineError) -> Tensor {
    try f.choose(f.greater(x, f.scalar(alpha)), x, f.scalar(Float(0)))
  }

  static func swish(_ f: Formula, _ x: Tensor, _ alpha: Float) throws(EngineError) -> Tensor {
    if alpha == 1 { return try f.activation(x, ActivationNumber.swish) }
    return try f.mul(x, f.sigmoid(f.mul(x, alpha)))
  }

  static func shrink(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let source = try node.input(0)
    let x = try f.cast(source, .float32)
    let bias = try node.float("bias", 0), limit = try node.float("lambd", 0.5)
    let positive = try f.choose(f.greater(x, f.scalar(limit)), f.add(x, -bias), f.scalar(Float(0)))
    return [try f.cast(f.choose(f.less(x, f.scalar(-limit)), f.add(x, bias), positive), source.type)]
  }

  /// x > 0 ? x : slope x, the slope broadcasting to x. One slope for each channel of an image is the format's own operator.
  static func prelu(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0, "X"), slope = try node.input(1, "slope")
    let dims = graph.dims(of: x), slopes = graph.dims(of: slope)
    if let dims, let slopes, dims.count == 4, slope.isConstant, slope.type == .float32 {
      let count = slopes.reduce(1, *)
      let perChannel = slopes.count >= 3 && slopes.suffix(3) == [count, 1, 1]
      if count == 1 || (perChannel && count == dims[1]) {
        let flat = try graph.reshape(slope, [count])
        return [try graph.nchw(graph.add1(.pReLUFusion, ["channel_shared": .bool(count == 1)], [graph.nhwc(x), flat]))]
      }
    }
    if x.type == .int32 {
      return [try f.choose(f.less(x, f.scalar(0)), f.mul(x, slope), x)]
    }
    return [try f.add(f.relu(x), f.mul(f.minimum(x, f.scalar(Float(0))), slope))]
  }

  /// An activation that another operator names, with its parameters in the order of the ONNX activation functions.
  static func named(_ name: String, _ values: [Float], _ x: Tensor, _ node: ONNXNode) throws(EngineError) -> Tensor {
    let f = Formula(node)
    func value(_ i: Int, _ fallback: Float) -> Float { i < values.count ? values[i] : fallback }
    switch name.lowercased() {
    case "", "linear", "identity": return x
    case "relu": return try f.relu(x)
    case "sigmoid": return try f.sigmoid(x)
    case "tanh": return try f.tanh(x)
    case "leakyrelu": return try f.activation(x, ActivationNumber.leakyRelu, alpha: value(0, 0.01))
    case "thresholdedrelu": return try thresholdedRelu(f, x, value(0, 1))
    case "hardsigmoid": return try hardSigmoid(f, x, value(0, 0.2), value(1, 0.5))
    case "hardswish": return try f.activation(x, ActivationNumber.hswish)
    case "elu": return try elu(f, x, value(0, 1))
    case "softsign": return try softsign(f, x)
    case "softplus": return try f.activation(x, ActivationNumber.softplus)
    case "affine": return try f.add(f.mul(x, value(0, 1)), value(1, 0))
    case "scaledtanh": return try f.mul(f.tanh(f.mul(x, value(1, 1))), value(0, 1))
    case "clip": return try f.clamp(x, value(0, -Float.greatestFiniteMagnitude), value(1, Float.greatestFiniteMagnitude))
    default: throw EngineError(.notSupported, "the activation \"\(name)\" is not known")
    }
  }
}
