import ConverterCore
import Graph
import Operators

/// Activations that source frameworks spell with several nodes.
struct ActivationPatterns {
  let editor: GraphEditor
  let switches: FusionSwitch

  func run() {
    for node in editor.nodes where !editor.isRemoved(node) && node.outputs.count == 1 && node.outputs[0].type == .float32 {
      if node.outputs[0].quantParams.isEmpty { _ = gelu(node) || leakyRelu(node) || prelu(node) }
    }
  }

  /// x / 2 (1 + erf(x / sqrt 2)), and x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
  private func gelu(_ node: Node) -> Bool {
    guard node.kind == .mulFusion || node.kind == .divFusion, node.attributes.int(0) == ActivationType.none else { return false }
    let product = editor.factors(node.outputs[0])
    guard product.variables.count == 2, abs(product.scale - 0.5) < 1e-4 else { return false }
    for (x, gate) in [(product.variables[0], product.variables[1]), (product.variables[1], product.variables[0])] {
      guard x.shape == node.outputs[0].shape, let curve = editor.sum(gate, with: 1) else { continue }
      if let erf = editor.plain(curve, .erf) {
        let argument = editor.factors(erf.inputs[0])
        guard argument.variables.count == 1, argument.variables[0] === x, abs(argument.scale - 0.70710678) < 1e-4,
          switches.allows("OnnxGeLUFusion")
        else { continue }
        editor.rewrite(node, .activation, ["activation_type": .number(ActivationType.gelu), "approximate": false], [x])
        switches.count("OnnxGeLUFusion")
        return true
      }
      if let argument = editor.activated(curve, ActivationType.tanh), isGeluArgument(argument, of: x), switches.allows("TfGeLUFusion") {
        editor.rewrite(node, .activation, ["activation_type": .number(ActivationType.gelu), "approximate": true], [x])
        switches.count("TfGeLUFusion")
        return true
      }
    }
    return false
  }

  private func isGeluArgument(_ tensor: Tensor, of x: Tensor) -> Bool {
    let product = editor.factors(tensor)
    guard abs(product.scale - 0.79788456) < 1e-4 else { return false }
    func isCubic(_ t: Tensor, _ power: Int) -> Bool {
      let f = editor.factors(t)
      return f.variables.count == power && f.variables.allSatisfy { $0 === x } && abs(f.scale - 0.044715) < 1e-5
    }
    if product.variables.count == 1, let sum = editor.plain(product.variables[0], .addFusion) {
      return editor.operands(sum).contains { $0.0 === x && isCubic($0.1, 3) }
    }
    if product.variables.count == 2, let i = product.variables.firstIndex(where: { $0 === x }),
      let squares = editor.sum(product.variables[1 - i], with: 1)
    {
      return isCubic(squares, 2)
    }
    return false
  }

  /// max(x, a x) for 0 <= a <= 1.
  private func leakyRelu(_ node: Node) -> Bool {
    guard node.kind == .maximum, switches.allows("LeakyReluFusion") else { return false }
    for (x, scaled) in editor.operands(node) {
      let product = editor.factors(scaled, depth: 1)
      guard product.variables.count == 1, product.variables[0] === x, product.scale >= 0, product.scale <= 1, scaled !== x else { continue }
      makeLeaky(node, x, product.scale)
      switches.count("LeakyReluFusion")
      return true
    }
    return false
  }

  private func makeLeaky(_ node: Node, _ x: Tensor, _ alpha: Float) {
    editor.rewrite(
      node, .activation, ["activation_type": .number(ActivationType.leakyRelu), "alpha": .float(Double(alpha))], [x])
  }

  /// relu(x) - a relu(-x), and relu(x) + c relu(-x) with c = -a; a is a scalar or a constant along the last axis.
  private func prelu(_ node: Node) -> Bool {
    guard node.kind == .addFusion || node.kind == .subFusion, node.attributes.int(0) == ActivationType.none, node.inputs.count == 2 else {
      return false
    }
    let pairs = node.kind == .addFusion ? editor.operands(node) : [(node.inputs[0], node.inputs[1])]
    for (positive, negative) in pairs {
      guard let x = editor.activated(positive, ActivationType.relu), let mul = editor.plain(negative, .mulFusion) else { continue }
      for (slope, part) in editor.operands(mul) {
        guard let mirrored = editor.activated(part, ActivationType.relu), let neg = editor.plain(mirrored, .neg), neg.inputs[0] === x,
          let values = editor.floats(slope)
        else { continue }
        let sign: Float = node.kind == .addFusion ? -1 : 1
        if values.count == 1 {
          guard switches.allows("LeakyReluFusion"), slope.shape.rank <= x.shape.rank else { continue }
          makeLeaky(node, x, sign * values[0])
          switches.count("LeakyReluFusion")
          return true
        }
        guard switches.allows("PReluFusion"), let d = editor.dims(of: x), let channels = d.last, values.count == channels,
          slope.shape.dims.last == channels, slope.shape.rank <= d.count, d.count == 4
        else { continue }
        editor.builder.scope = node.name
        let a = editor.builder.constant(floats: values.map { sign * $0 })
        editor.rewrite(node, .pReLUFusion, ["channel_shared": false], [x, a])
        switches.count("PReluFusion")
        return true
      }
    }
    return false
  }
}
