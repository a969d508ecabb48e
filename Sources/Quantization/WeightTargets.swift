import Graph

/// A constant that is to be quantised, and the nodes that read it.
struct WeightTarget {
  let tensor: Tensor
  /// The dimension whose entries have parameters of their own.
  let axis: Int
  let readers: [Node]
  /// Convolution weights: `min_quant_weight_channel` applies to them.
  let isConvolution: Bool
}

enum WeightTargets {
  /// The constants of the graphs that can be quantised. `positions`: which inputs of a node are weights. A constant all of whose readers
  /// are such nodes is a target; when they need the parameters along different axes, it is none.
  static func find(_ graphs: [Graph], _ settings: QuantizationSettings, _ positions: (Node) -> [Int]) -> [WeightTarget] {
    var order = [Tensor]()
    var axes: [ObjectIdentifier: Int] = [:], readers: [ObjectIdentifier: [Node]] = [:]
    var excluded: Set<ObjectIdentifier> = [], convolutions: Set<ObjectIdentifier> = []
    for graph in graphs {
      for t in graph.outputs { excluded.insert(ObjectIdentifier(t)) }
      for node in graph.nodes {
        let mine = settings.skipped.contains(node.name) || node.quantType != 0 ? [] : positions(node)
        for (i, tensor) in node.inputs.enumerated() where tensor.isFloatConstant {
          let id = ObjectIdentifier(tensor)
          guard mine.contains(i), tensor.shape.rank >= 2, let axis = axis(node, i) else {
            excluded.insert(id)
            continue
          }
          if let known = axes[id], known != axis { excluded.insert(id) }
          if readers[id] == nil { order.append(tensor) }
          axes[id] = axis
          readers[id, default: []].append(node)
          if node.kind == .conv2DFusion || node.kind == .conv2dTransposeFusion { convolutions.insert(id) }
        }
      }
    }
    return order.compactMap { tensor in
      let id = ObjectIdentifier(tensor)
      guard !excluded.contains(id), let axis = axes[id], let nodes = readers[id] else { return nil }
      return WeightTarget(tensor: tensor, axis: axis, readers: nodes, isConvolution: convolutions.contains(id))
    }
  }

  /// Inputs that are weights of operators with float activations.
  static func weightInputs(_ node: Node) -> [Int] {
    switch node.kind {
    case .conv2DFusion, .conv2dTransposeFusion, .fullConnection: return [1]
    case .matMulFusion: return [0, 1]
    case .gather: return [0]
    // Input and state weights; the packed form has both in one.
    case .lstm: return node.inputs.count >= 6 ? [1, 2] : [3]
    case .gru: return [1, 2]
    default: return []
    }
  }

  /// The dimension that parameters of input `position` run along, as readers of the format have it; nil when there is none.
  static func axis(_ node: Node, _ position: Int) -> Int? {
    let rank = node.inputs[position].shape.rank
    switch node.kind {
    case .matMulFusion:
      let isLast = position == 0 ? node.attributes.bool(0) : !node.attributes.bool(1)
      return isLast ? rank - 1 : rank - 2
    case .conv2dTransposeFusion:
      let group = node.attributes.int(8)
      return group == node.attributes.int(9) && group == node.attributes.int(10) ? 0 : rank - 1
    case .gather:
      guard node.inputs.count > 2, let list = node.inputs[2].knownIntegers(limit: 1), let axis = list.first else { return nil }
      let a = axis < 0 ? axis + rank : axis
      return a >= 0 && a < rank ? a : nil
    default: return 0
    }
  }
}
