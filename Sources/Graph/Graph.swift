/// One operation of the graph.
public final class Node {
  public var name: String
  public var kind: OperatorKind
  public var attributes: Attributes
  public var inputs: [Tensor]
  public var outputs: [Tensor]
  /// QuantType of the file: 0 none, 4 weights only, 5 all, 6 dynamic (the deprecated 1, 2, 3 are read as 5, 4, 5).
  public var quantType: Int32 = 0
  /// Set by the optimiser: a function applied to the result in the operator's last step (see `Operators`, FusedActivation).
  public var fused = FusedOperations()
  /// Of a ``OperatorKind/deviceSubgraph``: what makes its operator (an `OperatorSource` of `Operators`).
  public var source: AnyObject?

  public init(name: String, kind: OperatorKind, attributes: Attributes = Attributes(), inputs: [Tensor], outputs: [Tensor]) {
    self.name = name
    self.kind = kind
    self.attributes = attributes
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The same operation on the tensors that stand at the same places in `tensors`.
  func copy(_ tensors: [Tensor]) -> Node {
    let node = Node(
      name: name, kind: kind, attributes: attributes, inputs: Graph.select(inputs, tensors),
      outputs: Graph.select(outputs, tensors))
    node.quantType = quantType
    node.fused = fused
    node.source = source
    return node
  }

  /// Conv2DFusion "name"
  public var text: String {
    @export(interface) get {
      // The name of a device's part lists all of its nodes.
      let limit = 160
      let shown = kind == .deviceSubgraph && name.utf8.count > limit ? String(decoding: Array(name.utf8.prefix(limit)), as: UTF8.self) + " ..." : name
      return "\(kind.name) \"\(shown)\""
    }
  }
}

/// What the optimiser has moved into a node; operators that accept it say so with `Operator.acceptsFusedActivation` and the like.
public struct FusedOperations {
  /// Activation applied last, instead of the node's own activation attribute: the ActivationType number and its parameters.
  public var activation: (type: Int, alpha: Float, minimum: Float, maximum: Float, approximate: Bool)? = nil
  /// The node's last input is a tensor of the output's shape that is added before the activation.
  public var addsResidual = false
  /// Zero padding (top, bottom, left, right) that a removed PadFusion contributes.
  public var padding: [Int] = []
  /// The node computes softmax(scale q k^T + mask) v from its inputs q, k, v and, where there is one, mask.
  public var attention: AttentionLayout? = nil
  public init() {}
}

/// How the inputs and the output of an attention lie in memory.
public struct AttentionLayout {
  /// The four axes of an operand: heads before positions, positions before heads, or (keys only) positions last.
  public enum Axes {
    /// [batch, heads, positions, depth]
    case headsFirst
    /// [batch, positions, heads, depth]
    case positionsFirst
    /// [batch, heads, depth, positions]
    case depthFirst
  }
  public var queries = Axes.headsFirst, keys = Axes.headsFirst, values = Axes.headsFirst, output = Axes.headsFirst
  /// Factor of the scores, before the mask is added.
  public var scale: Float = 1
  public init() {}
}

/// Nodes in execution order, and the tensors that connect them.
public final class Graph {
  public var name: String
  public var nodes: [Node]
  public var tensors: [Tensor]
  public var inputs: [Tensor]
  public var outputs: [Tensor]

  public init(name: String, nodes: [Node] = [], tensors: [Tensor] = [], inputs: [Tensor] = [], outputs: [Tensor] = []) {
    self.name = name
    self.nodes = nodes
    self.tensors = tensors
    self.inputs = inputs
    self.outputs = outputs
    renumber()
  }

  public func renumber() {
    var i = 0
    for t in tensors {
      t.index = i
      i += 1
    }
  }

  /// A graph of its own with the same nodes; constants share their bytes.
  @export(interface)
  public func copy() -> Graph {
    renumber()
    var copies = [Tensor]()
    copies.reserveCapacity(tensors.count)
    for t in tensors { copies.append(t.copy()) }
    var copiedNodes = [Node]()
    copiedNodes.reserveCapacity(nodes.count)
    for node in nodes { copiedNodes.append(node.copy(copies)) }
    return Graph(
      name: name, nodes: copiedNodes, tensors: copies, inputs: Graph.select(inputs, copies),
      outputs: Graph.select(outputs, copies))
  }

  static func select(_ list: [Tensor], _ copies: [Tensor]) -> [Tensor] {
    var out = [Tensor]()
    out.reserveCapacity(list.count)
    for t in list { out.append(copies[t.index]) }
    return out
  }

  public func addTensor(_ tensor: Tensor) {
    tensor.index = tensors.count
    tensors.append(tensor)
  }
}
