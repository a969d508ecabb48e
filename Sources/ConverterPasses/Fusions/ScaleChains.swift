import ConverterCore
import Graph
import Operators

/// Chains of products and sums with constants.
struct ScaleChains {
  let editor: GraphEditor
  let switches: FusionSwitch
  /// Channels for which two single numbers are written out.
  private static let spreadLimit = 1 << 12

  func run() {
    for node in editor.nodes where !editor.isRemoved(node) && node.outputs.count == 1 {
      if node.outputs[0].type != .float32 || !node.outputs[0].quantParams.isEmpty { continue }
      mergeScalars(node)
      scaleAndShift(node)
    }
  }

  /// The variable and the constant of a two-operand node.
  private func split(_ node: Node) -> (x: Tensor, c: Tensor)? {
    guard node.inputs.count == 2 else { return nil }
    if node.inputs[1].isConstant, !node.inputs[0].isConstant { return (node.inputs[0], node.inputs[1]) }
    if node.inputs[0].isConstant, !node.inputs[1].isConstant, node.kind == .addFusion || node.kind == .mulFusion {
      return (node.inputs[1], node.inputs[0])
    }
    return nil
  }

  /// (x * a) * b and (x + a) + b with scalars; quotients by scalars are products.
  private func mergeScalars(_ node: Node) {
    guard switches.allows("MulConstant"), let own = step(node), let before = editor.producer(of: own.x), let first = step(before),
      first.isSum == own.isSum, editor.onlyReader(of: own.x) === node, before.kind == .realDiv || before.attributes.int(0) == ActivationType.none
    else { return }
    let value = own.isSum ? first.value + own.value : first.value * own.value
    guard value.isFinite, first.c.shape.rank <= own.c.shape.rank || first.c.shape.rank == 0 else { return }
    let activation = node.kind == .realDiv ? 0 : node.attributes.int(0)
    editor.builder.scope = node.name
    let c = editor.builder.constant(floats: [value], dims: own.c.shape.dims)
    editor.rewrite(node, own.isSum ? .addFusion : .mulFusion, ["activation_type": .number(activation)], [first.x, c])
    switches.count("MulConstant")
  }

  private func step(_ node: Node) -> (x: Tensor, c: Tensor, value: Float, isSum: Bool)? {
    guard let (x, c) = split(node), let v = editor.scalar(c), c.type == .float32, node.outputs[0].quantParams.isEmpty else { return nil }
    switch node.kind {
    case .addFusion: return (x, c, v, true)
    case .subFusion: return (x, c, -v, true)
    case .mulFusion: return (x, c, v, false)
    case .divFusion, .realDiv: return v == 0 ? nil : (x, c, 1 / v, false)
    default: return nil
    }
  }

  /// x * a + b with one a and one b per entry of the last axis: ScaleFusion.
  private func scaleAndShift(_ node: Node) {
    guard switches.allows("MulAddFusion"), node.kind == .addFusion || node.kind == .subFusion, let (product, b) = split(node),
      node.kind == .addFusion || node.inputs[0] === product, let mul = editor.plain(product, .mulFusion), editor.onlyReader(of: product) === node,
      let (x, a) = split(mul), let d = editor.dims(of: x), d.count >= 2, let channels = d.last, channels > 1,
      var scale = perChannel(a, channels, d.count), var bias = perChannel(b, channels, d.count),
      scale.count > 1 || bias.count > 1 || channels <= Self.spreadLimit
    else { return }
    if node.kind == .subFusion { bias = bias.map { -$0 } }
    if scale.count == 1 { scale = [Float](repeating: scale[0], count: channels) }
    if bias.count == 1 { bias = [Float](repeating: bias[0], count: channels) }
    let activation = node.attributes.int(0)
    editor.builder.scope = node.name
    let inputs = [x, editor.builder.constant(floats: scale), editor.builder.constant(floats: bias)]
    editor.rewrite(node, .scaleFusion, ["axis": .number(d.count - 1), "activation_type": .number(activation)], inputs)
    switches.count("MulAddFusion")
  }

  /// Constants along the last axis, or one for all.
  private func perChannel(_ t: Tensor, _ channels: Int, _ rank: Int) -> [Float]? {
    guard t.type == .float32, t.shape.rank <= rank, t.count == 1 || t.count == channels && t.shape.dims.last == channels else { return nil }
    return editor.floats(t)
  }
}
