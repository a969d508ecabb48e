import Graph
import Operators

extension GraphOptimizer {
  /// Makes one node of softmax(scale q k^T + mask) v: two products with a softmax over the last axis between them, and the transposes
  /// around them that separate the heads and join them again.
  func fuseAttention() {
    let links = self.links()
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes {
      guard isPlainProduct(node), !node.attributes.bool(1), let softmax = producer(of: node.inputs[0], links), softmax.kind == .softmax,
        onlyReader(softmax.outputs[0], links) === node, softmax.inputs[0].shape.rank == 4,
        let axis = softmax.attributes.ints(0).first, axis == 3 || axis == -1
      else { continue }
      guard let scores = scores(softmax, links) else { continue }
      var layout = AttentionLayout()
      layout.scale = scores.scale
      let keysAreColumns = !scores.product.attributes.bool(1)
      var queries = scores.product.inputs[0], keys = scores.product.inputs[1], values = node.inputs[1]
      if keysAreColumns { layout.keys = .depthFirst }
      if let source = separatedHeads(queries, [0, 2, 1, 3], links) { (queries, layout.queries) = (source, .positionsFirst) }
      if let source = separatedHeads(keys, keysAreColumns ? [0, 2, 3, 1] : [0, 2, 1, 3], links) {
        (keys, layout.keys) = (source, .positionsFirst)
      }
      if let source = separatedHeads(values, [0, 2, 1, 3], links) { (values, layout.values) = (source, .positionsFirst) }
      guard [queries, keys, values].allSatisfy({ $0.type == .float32 && $0.shape.rank == 4 && $0.shape.isKnown }) else { continue }
      if let joining = onlyReader(node.outputs[0], links), let perm = permutation(joining), perm == [0, 2, 1, 3] {
        dead[links.producer[joining.outputs[0].index]] = true
        layout.output = .positionsFirst
        node.outputs[0] = joining.outputs[0]
      }
      node.inputs = [queries, keys, values]
      if let mask = scores.mask { node.inputs.append(mask) }
      node.fused.attention = layout
    }
    removeNodes(dead)
    removeUnused()
  }

  /// A MatMulFusion of two inputs, nothing fused to it.
  private func isPlainProduct(_ node: Node) -> Bool {
    node.kind == .matMulFusion && node.inputs.count == 2 && !node.attributes.bool(0) && node.attributes.int(2) == 0
      && node.fused.activation == nil && node.fused.attention == nil && node.outputs[0].shape.rank == 4
      && node.outputs[0].shape.isKnown
  }

  /// What softmax is applied to: a product, scaled by a constant or not, with a mask added or not.
  private func scores(_ softmax: Node, _ links: Links) -> (product: Node, scale: Float, mask: Tensor?)? {
    guard var node = producer(of: softmax.inputs[0], links), onlyReader(node.outputs[0], links) === softmax else { return nil }
    var mask: Tensor? = nil, scale: Float = 1
    if node.kind == .addFusion, isPlainArithmetic(node) {
      let shape = node.outputs[0].shape
      // The other operand is the mask. Both may be variables: the one whose producer is a product has the scores.
      guard let side = (0...1).first(where: { isScores(node.inputs[$0], readBy: node, links) }), node.inputs[side].shape == shape,
        fits(node.inputs[1 - side], shape), let next = producer(of: node.inputs[side], links)
      else { return nil }
      mask = node.inputs[1 - side]
      node = next
    }
    if node.kind == .divFusion || node.kind == .mulFusion, isPlainArithmetic(node) {
      let isDivision = node.kind == .divFusion
      guard let side = (0...(isDivision ? 0 : 1)).first(where: { scalar(node.inputs[1 - $0]) != nil }),
        let factor = scalar(node.inputs[1 - side]), node.inputs[side].shape == node.outputs[0].shape,
        let next = producer(of: node.inputs[side], links), onlyReader(node.inputs[side], links) === node
      else { return nil }
      scale = isDivision ? 1 / factor : factor
      node = next
    }
    return isPlainProduct(node) && scale.isFinite ? (node, scale, mask) : nil
  }

  /// The product, or the product with its factor, and `reader` is the only one to read it.
  private func isScores(_ tensor: Tensor, readBy reader: Node, _ links: Links) -> Bool {
    guard onlyReader(tensor, links) === reader, let node = producer(of: tensor, links) else { return false }
    if isPlainProduct(node) { return true }
    guard node.kind == .divFusion || node.kind == .mulFusion else { return false }
    return node.inputs.contains { t in producer(of: t, links).map { isPlainProduct($0) } ?? false }
  }

  /// Without an activation.
  private func isPlainArithmetic(_ node: Node) -> Bool {
    node.inputs.count == 2 && node.attributes.int(0) == 0 && node.fused.activation == nil && node.outputs[0].shape.rank == 4
  }

  /// A float32 tensor that broadcasts to the scores.
  private func fits(_ mask: Tensor, _ scores: Shape) -> Bool {
    guard mask.type == .float32, mask.shape.isKnown, mask.shape.rank <= 4 else { return false }
    let missing = 4 - mask.shape.rank
    for axis in missing..<4 where mask.shape[axis - missing] != 1 && mask.shape[axis - missing] != scores[axis] { return false }
    return true
  }

  /// What a transpose by `wanted` made `tensor` of.
  private func separatedHeads(_ tensor: Tensor, _ wanted: [Int], _ links: Links) -> Tensor? {
    guard let transpose = producer(of: tensor, links), let perm = permutation(transpose), perm == wanted else { return nil }
    return transpose.inputs[0]
  }
}
