import ConverterCore
import Graph

/// The original runtime calls whatever a transposition to [0, 3, 1, 2] gives NCHW, and its convolutions and poolings refuse values of
/// that name. Where such a value is NHWC all the same (two transpositions of the source have become one), it is made by two
/// transpositions to [0, 2, 3, 1], whose results it calls NHWC.
public enum TransposeLabels {
  private static let layoutBound: [OperatorKind] = [
    .conv2DFusion, .conv2dTransposeFusion, .avgPoolFusion, .maxPoolFusion, .resize,
  ]

  public static func run(_ model: ModelBuilder) {
    for builder in model.graphs {
      let wrong = mislabelled(builder.graph)
      if wrong.isEmpty { continue }
      let nodes = builder.graph.nodes
      builder.graph.nodes = []
      for node in nodes {
        if wrong.contains(ObjectIdentifier(node)) {
          builder.scope = "\(node.name)_half"
          let order = builder.constant(ints: [0, 2, 3, 1])
          let half = builder.variable(permuting: node.inputs[0], [0, 2, 3, 1], name: "\(node.outputs[0].name)_half")
          let first = builder.node(.transpose, [:], [node.inputs[0], order], 1)
          first.outputs = [half]
          builder.graph.nodes.append(first)
          node.inputs = [half, order]
          node.outputs[0].format = .nhwc
        }
        builder.graph.nodes.append(node)
      }
    }
  }

  /// The transpositions whose results reach a layer that wants NHWC under the name of NCHW. Every other operator passes the name on.
  private static func mislabelled(_ graph: Graph) -> Set<ObjectIdentifier> {
    var makers: [ObjectIdentifier: Node] = [:]
    var wrong: Set<ObjectIdentifier> = []
    for node in graph.nodes {
      if node.kind == .transpose {
        if node.inputs.count == 2, node.inputs[1].isConstant, node.inputs[1].knownIntegers() == [0, 3, 1, 2] {
          makers[ObjectIdentifier(node.outputs[0])] = node
        }
        continue
      }
      guard let first = node.inputs.first, let maker = makers[ObjectIdentifier(first)] else { continue }
      if layoutBound.contains(node.kind) { wrong.insert(ObjectIdentifier(maker)) }
      if node.kind != .reshape { for t in node.outputs { makers[ObjectIdentifier(t)] = maker } }
    }
    return wrong
  }
}
