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

  public init(name: String, kind: OperatorKind, attributes: Attributes = Attributes(), inputs: [Tensor], outputs: [Tensor]) {
    self.name = name
    self.kind = kind
    self.attributes = attributes
    self.inputs = inputs
    self.outputs = outputs
  }

  /// Conv2DFusion "name"
  public var text: String {
    @export(interface) get { "\(kind.name) \"\(name)\"" }
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

  public func addTensor(_ tensor: Tensor) {
    tensor.index = tensors.count
    tensors.append(tensor)
  }
}
