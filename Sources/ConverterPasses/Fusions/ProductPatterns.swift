import ConverterCore
import Graph
import Operators

/// What surrounds matrix products and concatenations.
struct ProductPatterns {
  let editor: GraphEditor
  let switches: FusionSwitch

  func run() throws(EngineError) {
    for node in editor.nodes where !editor.isRemoved(node) && node.kind == .matMulFusion {
      transposesIntoFlags(node)
      tensorDot(node)
      try fullConnection(node)
    }
    // The last of a chain takes in all of it.
    for node in editor.nodes.reversed() where !editor.isRemoved(node) && node.kind == .concat { concatOfConcats(node) }
  }

  /// A Transpose of the last two axes before a product becomes its flag.
  private func transposesIntoFlags(_ node: Node) {
    guard switches.allows("TransposeMatMulFusion") else { return }
    for (i, flag) in [(0, "transpose_a"), (1, "transpose_b")] {
      let x = node.inputs[i]
      guard let before = editor.producer(of: x), let p = editor.permutation(of: before), p.rank >= 2, x.quantParams.isEmpty else { continue }
      let swap = Array(0..<p.rank - 2) + [p.rank - 1, p.rank - 2]
      // Both flags are ignored for vectors, and a product of a matrix with itself has one tensor in two places.
      guard p.order == swap, node.inputs[0] !== node.inputs[1] else { continue }
      let id = Attributes.id(.matMulFusion, flag)
      node.attributes[id] = .bool(!node.attributes.bool(id))
      editor.setInput(node, i, before.inputs[0])
      switches.count("TransposeMatMulFusion")
      editor.removeIfUnused(before)
    }
  }

  /// Reshape to a matrix, product with a constant matrix, Reshape back: the product takes more dimensions itself.
  private func tensorDot(_ node: Node) {
    guard switches.allows("TensorDotFusion"), node.inputs[1].isConstant, node.inputs[1].shape.rank == 2, !node.attributes.bool(0),
      let before = editor.producer(of: node.inputs[0], .reshape), let x = before.inputs.first, !x.isConstant,
      let after = editor.onlyReader(of: node.outputs[0]), after.kind == .reshape, after.inputs[0] === node.outputs[0],
      let from = editor.dims(of: x), let to = editor.dims(of: after.outputs[0]), let rows = editor.dims(of: node.inputs[0]), rows.count == 2,
      from.count == to.count, from.count > 2, from.last == rows.last, from.dropLast() == to.dropLast(),
      from.dropLast().filter({ $0 < 0 }).count <= 1, let n = editor.dims(of: node.outputs[0])?.last, n == to.last, n > 0,
      node.outputs[0].quantParams.isEmpty
    else { return }
    editor.setInput(node, 0, x)
    let result = after.outputs[0]
    editor.remove(after)
    editor.setOutput(node, 0, result)
    editor.removeIfUnused(before)
    switches.count("TensorDotFusion")
  }

  /// A matrix times a constant matrix: FullConnection, which has the constant transposed.
  private func fullConnection(_ node: Node) throws(EngineError) {
    let w = node.inputs[1]
    guard switches.allows("FullConnectedFusion"), w.isConstant, w.shape.rank == 2, w.quantParams.isEmpty, !node.attributes.bool(0),
      editor.dims(of: node.inputs[0])?.count == 2, !node.inputs[0].isConstant, node.quantType == 0,
      node.inputs.count == 2 || node.inputs[2].isConstant && node.inputs[2].shape.rank == 1
    else { return }
    let transposed = node.attributes.bool(1) ? w : try editor.permuted(w, Permutation([1, 0]))
    guard transposed.isConstant else { return }
    let activation = node.attributes.int(2)
    editor.replace(
      node, .fullConnection,
      ["has_bias": .bool(node.inputs.count == 3), "use_axis": false, "axis": 0, "activation_type": .number(activation)],
      [node.inputs[0], transposed] + node.inputs.dropFirst(2))
    switches.count("FullConnectedFusion")
  }

  /// A Concat that only feeds another one along the same axis.
  private func concatOfConcats(_ node: Node) {
    guard switches.allows("ConcatConcatFusion"), let rank = editor.dims(of: node.outputs[0])?.count, node.outputs[0].quantParams.isEmpty else { return }
    func axis(_ n: Node) -> Int { n.attributes.int(0) < 0 ? n.attributes.int(0) + rank : n.attributes.int(0) }
    func absorbed(_ t: Tensor, by reader: Node) -> Node? {
      guard let before = editor.producer(of: t, .concat), editor.onlyReader(of: t) === reader, axis(before) == axis(node) else { return nil }
      return before
    }
    var inputs = [Tensor](), taken = [Node]()
    // What is left to be listed, the last first.
    var rest = node.inputs.reversed().map { ($0, node) }
    while let (t, reader) = rest.popLast() {
      if let before = absorbed(t, by: reader) {
        taken.append(before)
        rest += before.inputs.reversed().map { ($0, before) }
      } else {
        inputs.append(t)
      }
    }
    if taken.isEmpty { return }
    editor.setInputs(node, inputs)
    for before in taken {
      editor.remove(before)
      switches.count("ConcatConcatFusion")
    }
  }
}
