import ConverterCore
import Graph

/// Shape arithmetic whose result is known although dimensions are open.
struct ShapeConstants {
  let editor: GraphEditor
  let switches: FusionSwitch

  func run() {
    guard switches.allows("ConstFoldPass") else { return }
    for node in editor.nodes where !editor.isRemoved(node) {
      switch node.kind {
      case .reshape: if node.inputs.count == 2 { fix(node, 1) { editor.target($0) } }
      case .broadcastTo: if node.inputs.count == 2 { fix(node, 1) { isKnown($0) ? $0 : nil } }
      case .constantOfShape, .randomStandardNormal: fix(node, 0) { isKnown($0) ? $0 : nil }
      case .fill: if node.inputs.count == 2 { fix(node, 1) { isKnown($0) ? $0 : nil } }
      default: break
      }
    }
  }

  private func isKnown(_ dims: [Int]) -> Bool { !dims.contains { $0 < 0 } }

  /// Gives a node whose output's dimensions are known the constant that says so, instead of a computed shape.
  private func fix(_ node: Node, _ i: Int, _ shape: ([Int]) -> [Int]?) {
    let old = node.inputs[i]
    guard !old.isConstant, let dims = editor.dims(of: node.outputs[0]), !dims.isEmpty, let values = shape(dims) else { return }
    let before = editor.producer(of: old)
    editor.builder.scope = node.name
    editor.setInput(node, i, editor.builder.constant(ints: values))
    if let before { editor.removeIfUnused(before) }
    switches.count("ConstFoldPass")
  }
}
