import ConverterCore
import Graph

/// Removes nodes that give back their input.
struct RedundantNodes {
  let editor: GraphEditor
  let switches: FusionSwitch

  func run() {
    guard switches.allows("RemoveRedundantOp") else { return }
    for node in editor.nodes where !editor.isRemoved(node) && isRedundant(node) {
      guard let x = source(node), x.quantParams.count == node.outputs[0].quantParams.count || node.kind == .depend else { continue }
      if node.outputs.dropFirst().contains(where: { !editor.readers(of: $0).isEmpty || editor.isGraphOutput($0) }) { continue }
      if editor.replaceUses(of: node.outputs[0], with: x) {
        editor.remove(node)
        switches.count("RemoveRedundantOp")
      }
    }
  }

  private func source(_ node: Node) -> Tensor? {
    switch node.kind {
    case .addFusion, .mulFusion: return node.inputs[0].isConstant ? node.inputs[1] : node.inputs[0]
    default: return node.inputs.first
    }
  }

  private func integers(_ node: Node, _ i: Int) -> [Int]? {
    guard i < node.inputs.count, node.inputs[i].isConstant else { return nil }
    return node.inputs[i].knownIntegers(limit: 64)
  }

  /// Input 0 and output 0 have the same shape: when one dimension is open, the element count settles it.
  private func keepsShape(_ node: Node, open: Int = 1) -> Bool {
    guard let x = editor.dims(of: node.inputs[0]), let y = editor.dims(of: node.outputs[0]) else { return false }
    return x == y && x.filter { $0 < 0 }.count <= open
  }

  private func isRedundant(_ node: Node) -> Bool {
    guard !node.inputs.isEmpty, !node.outputs.isEmpty else { return false }
    switch node.kind {
    case .depend: return node.inputs.count == 1
    case .dropout: return !editor.builder.model.options.differentiates
    case .reshape, .squeeze, .unsqueeze, .expandDims, .flatten: return keepsShape(node)
    case .cast: return node.inputs[0].type == node.outputs[0].type && node.outputs[0].type != .unknown
    case .concat, .addN: return node.inputs.count == 1
    case .split: return node.outputs.count == 1
    case .sliceFusion, .broadcastTo: return keepsShape(node, open: 0)
    case .stridedSlice: return takesAll(node)
    case .padFusion: return integers(node, 1).map { $0.allSatisfy { $0 == 0 } } ?? false
    case .tileFusion: return integers(node, 1).map { $0.allSatisfy { $0 == 1 } } ?? false
    case .mulFusion: return isNeutral(node, 1, 0) || isNeutral(node, 1, 1)
    case .divFusion, .realDiv: return isNeutral(node, 1, 1)
    case .addFusion: return isNeutral(node, 0, 0) || isNeutral(node, 0, 1)
    case .subFusion: return isNeutral(node, 0, 1)
    default: return false
    }
  }

  private func takesAll(_ node: Node) -> Bool {
    guard (2...4).allSatisfy({ node.attributes.int($0) == 0 }), let step = integers(node, node.inputs.count - 1),
      step.allSatisfy({ $0 == 1 })
    else { return false }
    if keepsShape(node, open: 0) { return true }
    guard node.inputs.count == 5, let begin = integers(node, 1), let end = integers(node, 2) else { return false }
    return begin.allSatisfy { $0 == 0 } && end.allSatisfy { $0 >= Int(Int32.max) }
  }

  /// Operand `i` is the constant `value`, of one element and no more dimensions than the other.
  private func isNeutral(_ node: Node, _ value: Float, _ i: Int) -> Bool {
    guard node.inputs.count == 2, node.inputs[i].isConstant, node.inputs[i].count == 1, node.outputs[0].quantParams.isEmpty,
      !node.inputs[1 - i].isConstant, let rank = editor.dims(of: node.inputs[1 - i])?.count, node.inputs[i].shape.rank <= rank,
      node.kind == .realDiv || node.attributes.int(0) == 0
    else { return false }
    return editor.scalar(node.inputs[i]) == value
  }
}
