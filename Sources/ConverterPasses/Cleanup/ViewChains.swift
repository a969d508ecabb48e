import ConverterCore
import Graph

/// Makes one node of consecutive reshapes (Reshape, Squeeze, Unsqueeze, ExpandDims, Flatten) and of consecutive casts.
struct ViewChains {
  let editor: GraphEditor
  let switches: FusionSwitch

  func run() {
    for node in editor.nodes where !editor.isRemoved(node) {
      if Self.isView(node.kind) { mergeViews(node) } else if node.kind == .cast { mergeCasts(node) }
    }
  }

  static func isView(_ kind: OperatorKind) -> Bool {
    switch kind {
    case .reshape, .squeeze, .unsqueeze, .expandDims, .flatten: return true
    default: return false
    }
  }

  private func fusionName(_ first: OperatorKind, _ second: OperatorKind) -> String {
    switch (first, second) {
    case (.reshape, .reshape), (.flatten, _), (_, .flatten): return "ReshapeReshapeFusion"
    case (.squeeze, .squeeze): return "SqueezeFusion"
    case (.squeeze, _): return "SqueezeExpandDimsFusion"
    default: return "ExpandDimsReshapeFusion"
    }
  }

  private func mergeViews(_ node: Node) {
    while let before = editor.producer(of: node.inputs[0]), Self.isView(before.kind), !before.inputs[0].isConstant {
      let name = fusionName(before.kind, node.kind)
      guard switches.allows(name), before.outputs[0].quantParams.count == before.inputs[0].quantParams.count else { return }
      if node.kind == .reshape, node.inputs.count == 2 {
        if let shape = node.inputs[1].isConstant ? node.inputs[1].knownIntegers(limit: 16) : [], !shape.contains(0), node.inputs[1].isConstant {
          editor.setInput(node, 0, before.inputs[0])
        } else if !rewrite(node, before.inputs[0]) {
          return
        }
      } else if !rewrite(node, before.inputs[0]) {
        return
      }
      switches.count(name)
      editor.removeIfUnused(before)
    }
  }

  /// Makes a view of `x` with the output's shape.
  private func rewrite(_ node: Node, _ x: Tensor) -> Bool {
    guard let dims = editor.dims(of: node.outputs[0]), let target = editor.target(dims) else { return false }
    editor.builder.scope = node.name
    editor.replace(node, .reshape, [:], [x, editor.builder.constant(ints: target)])
    return true
  }

  /// A cast of a cast, when the first one keeps every value.
  private func mergeCasts(_ node: Node) {
    while let before = editor.producer(of: node.inputs[0], .cast), switches.allows("CastFusion"), keeps(before.inputs[0].type, before.outputs[0].type),
      !before.inputs[0].isConstant
    {
      editor.setInput(node, 0, before.inputs[0])
      switches.count("CastFusion")
      editor.removeIfUnused(before)
    }
  }

  private func keeps(_ from: DataType, _ to: DataType) -> Bool {
    switch (from, to) {
    case (.bool, .int8), (.bool, .uint8), (.bool, .int32), (.bool, .float32), (.int8, .int32), (.uint8, .int32), (.int8, .float32),
      (.uint8, .float32), (.int16, .int32), (.int16, .float32), (.float16, .float32):
      return true
    default: return from == to && from != .unknown
    }
  }
}
