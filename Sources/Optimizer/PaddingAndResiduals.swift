import Graph
import Operators

extension GraphOptimizer {
  /// Lets convolutions read past the image's border instead of padding a copy of it with zeros.
  func fusePadding() {
    guard allows(.padIntoConvolution) else { return }
    let links = self.links()
    for node in graph.nodes {
      guard node.kind == .padFusion, let pads = zeroPadding(node) else { continue }
      let output = node.outputs[0]
      let readers = links.readers[output.index]
      var all = !readers.isEmpty
      for r in readers {
        guard r >= 0, graph.nodes[r].kind == .conv2DFusion, graph.nodes[r].inputs[0] === output,
          graph.nodes[r].fused.padding.isEmpty, graph.nodes[r].inputs.dropFirst().allSatisfy({ $0 !== output }),
          file == nil || takesPadding(graph.nodes[r])
        else {
          all = false
          break
        }
      }
      if !all { continue }
      for r in readers {
        graph.nodes[r].inputs[0] = node.inputs[0]
        if file == nil { graph.nodes[r].fused.padding = pads } else { addPadding(pads, to: graph.nodes[r]) }
      }
      count(.padIntoConvolution)
    }
    removeUnused()
  }

  // Conv2DFusion attributes: 4 pad_mode (0 PAD, 1 SAME, 2 VALID), 5 pad_list (top, bottom, left, right).

  private func takesPadding(_ node: Node) -> Bool {
    let list = node.attributes.ints(5)
    if node.attributes.int(4) == 2 { return true }
    return node.attributes.int(4) == 0 && (list.isEmpty || list.count == 4)
  }

  private func addPadding(_ pads: [Int], to node: Node) {
    let own = node.attributes.int(4) == 0 ? node.attributes.ints(5) : []
    var list = [Int64]()
    for i in 0..<4 { list.append(Int64(pads[i]) + (own.count == 4 ? Int64(own[i]) : 0)) }
    node.attributes[4] = .int(0)
    node.attributes[5] = .ints(list)
  }

  /// Top, bottom, left, right of a Pad that adds zeros around height and width of an NHWC image and nothing else.
  private func zeroPadding(_ node: Node) -> [Int]? {
    guard node.attributes.int(1) == 0, node.attributes.float(2) == 0, node.inputs.count >= 1, node.inputs[0].shape.rank == 4,
      node.inputs[0].type == .float32
    else { return nil }
    var list = [Int]()
    if node.inputs.count >= 2 {
      guard node.inputs[1].isConstant, let values = node.inputs[1].knownIntegers(limit: 16) else { return nil }
      list = values
    } else {
      for row in node.attributes.ints2D(0) { list += row }
    }
    if node.inputs.count == 3, scalar(node.inputs[2]) != 0 { return nil }
    guard list.count == 8, list[0] == 0, list[1] == 0, list[6] == 0, list[7] == 0 else { return nil }
    let pads = [list[2], list[3], list[4], list[5]]
    for p in pads where p < 0 || p > 1 << 20 { return nil }
    return pads
  }

  /// Lets a convolution add the other operand of the addition that follows it, before it applies the addition's activation.
  func fuseResiduals() {
    let links = self.links()
    // A node that has taken part in a fusion is left alone: `links` no longer describes it.
    var touched = [Bool](repeating: false, count: graph.nodes.count)
    var dead = [Bool](repeating: false, count: graph.nodes.count)
    for (i, node) in graph.nodes.enumerated() {
      guard node.kind == .addFusion, node.inputs.count == 2, node.inputs[0] !== node.inputs[1],
        node.inputs[0].shape == node.inputs[1].shape, node.inputs[0].shape.isKnown, node.inputs[0].type == .float32,
        !node.inputs[0].isConstant, !node.inputs[1].isConstant
      else { continue }
      for k in 0..<2 {
        let own = node.inputs[k], other = node.inputs[1 - k]
        let p = links.producer[own.index]
        guard p >= 0, !touched[p], graph.nodes[p].kind == .conv2DFusion, onlyReader(own, links) === node,
          Self.hasNoActivation(graph.nodes[p]), !graph.nodes[p].fused.addsResidual, acceptsResidual(graph.nodes[p]),
          links.producer[other.index] < p
        else { continue }
        let convolution = graph.nodes[p]
        convolution.inputs.append(other)
        convolution.fused.addsResidual = true
        moveActivation(from: node, to: convolution)
        convolution.outputs[0] = node.outputs[0]
        touched[p] = true
        touched[i] = true
        dead[i] = true
        break
      }
    }
    removeNodes(dead)
  }
}
