import Graph
import Operators

extension GraphOptimizer {
  /// The permutation of a Transpose with a constant one; nil for other nodes and for the original's special cases (a permutation
  /// whose length differs from the rank).
  func permutation(_ node: Node) -> [Int]? {
    guard node.kind == .transpose, node.inputs.count == 2, let perm = node.inputs[1].knownIntegers(limit: Shape.maximumRank),
      perm.count == node.inputs[0].shape.rank, !requantises(node)
    else { return nil }
    for p in perm where p < 0 || p >= perm.count { return nil }
    return perm
  }

  /// The bytes change too, because output and input have different quantization parameters.
  private func requantises(_ node: Node) -> Bool {
    guard let x = node.inputs[0].quantParams.first, let y = node.outputs[0].quantParams.first else { return false }
    return x.scale != y.scale || x.zeroPoint != y.zeroPoint
  }

  /// Removes transposes that move nothing, and pairs that undo each other.
  func removeTransposes() {
    let links = self.links()
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    // What readers of a removed node's output read instead, by tensor index.
    var replacement = [Tensor?](repeating: nil, count: graph.tensors.count)
    for (i, node) in graph.nodes.enumerated() {
      for (k, t) in node.inputs.enumerated() {
        if let r = replacement[t.index] { node.inputs[k] = r }
      }
      guard let perm = permutation(node), let output = node.outputs.first, !graph.outputs.contains(where: { $0 === output })
      else { continue }
      if isIdentity(perm) {
        replacement[output.index] = node.inputs[0]
        dead[i] = true
        continue
      }
      if let before = producer(of: node.inputs[0], links), let first = permutation(before), first.count == perm.count {
        var combined = [Int]()
        for p in perm { combined.append(first[p]) }
        if isIdentity(combined) {
          // The first one goes too when nobody else reads it (see removeUnused).
          replacement[output.index] = before.inputs[0]
          dead[i] = true
        }
      }
    }
    removeNodes(dead)
  }

  private func isIdentity(_ perm: [Int]) -> Bool {
    for (i, p) in perm.enumerated() where i != p { return false }
    return true
  }
}
