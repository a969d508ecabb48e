import ConverterCore
import Graph

/// Subgraphs that hand an input on as an output need a node between. While a model is imported that is a Depend, for which the
/// original runtime has no kernel; in the file it is a pair of nodes that every runtime has: an axis is added and taken away.
public enum PassThrough {
  /// Puts what files hold in place of every Depend.
  public static func run(_ model: ModelBuilder) {
    for builder in model.graphs {
      let nodes = builder.graph.nodes
      builder.graph.nodes = []
      for node in nodes {
        guard node.kind == .depend, node.inputs.count == 1, node.outputs[0].type != .tensorList else {
          builder.graph.nodes.append(node)
          continue
        }
        builder.scope = node.name
        let copy = nodesOfCopy(node.inputs[0], in: builder)
        copy[1].outputs = node.outputs
        builder.graph.nodes += copy
      }
    }
  }

  /// A copy of `tensor` that nodes at the end of the graph make.
  static func copy(_ tensor: Tensor, in builder: GraphBuilder) -> Tensor {
    let nodes = nodesOfCopy(tensor, in: builder)
    builder.graph.nodes += nodes
    return nodes[1].outputs[0]
  }

  private static func nodesOfCopy(_ tensor: Tensor, in builder: GraphBuilder) -> [Node] {
    let longer = builder.node(.unsqueeze, ["axis": .list([0])], [tensor], 1)
    let same = builder.node(.squeeze, ["axis": .list([0])], longer.outputs, 1)
    for (t, shape) in [(longer.outputs[0], Shape([1] + tensor.shape.dims)), (same.outputs[0], tensor.shape)] {
      t.type = tensor.type
      t.shape = shape
      t.format = tensor.format
      t.quantParams = tensor.quantParams
    }
    return [longer, same]
  }
}
