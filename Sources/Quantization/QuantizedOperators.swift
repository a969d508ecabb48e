import ConverterCore
import Graph
import Operators

/// What an operator is to full quantisation.
enum QuantizedRole {
  /// Multiplies weights: what quantisation is for.
  case product
  /// Computes on 8-bit values about as fast as it moves them.
  case function
  /// Moves values: results have the input's parameters. (Pools and resizing are of this kind too.)
  case move
}

struct QuantizedOperator {
  let role: QuantizedRole
  /// Inputs that become 8-bit values: variables, or constants that are no weights.
  let data: [Int]
  /// The results' range where the operator itself says it.
  var fixedRange: QuantizedRange?

  /// nil for nodes that stay in float32.
  static func make(_ node: Node) -> QuantizedOperator? {
    guard node.quantType == 0, !node.outputs.isEmpty, let operation = describe(node) else { return nil }
    for i in operation.data {
      guard i < node.inputs.count else { return nil }
      let t = node.inputs[i]
      if !(t.isConstant ? t.isFloatConstant : t.type == .float32) { return nil }
    }
    if operation.data.allSatisfy({ node.inputs[$0].isConstant }) { return nil }
    return node.outputs.allSatisfy({ $0.type == .float32 && !$0.isConstant }) ? operation : nil
  }

  private static func describe(_ node: Node) -> QuantizedOperator? {
    let count = node.inputs.count
    switch node.kind {
    case .conv2DFusion, .conv2dTransposeFusion:
      guard clamps(node), (2...3).contains(count), node.inputs[1].isFloatConstant, node.inputs[1].shape.rank == 4, bias(node) else { return nil }
      return QuantizedOperator(role: .product, data: [0])
    case .fullConnection, .matMulFusion:
      guard clamps(node), (2...3).contains(count), node.inputs[1].isFloatConstant, node.inputs[1].shape.rank >= 2, bias(node) else { return nil }
      return QuantizedOperator(role: .product, data: [0])
    case .addFusion, .subFusion, .mulFusion:
      return clamps(node) && count == 2 ? QuantizedOperator(role: .function, data: [0, 1]) : nil
    case .activation: return activation(node)
    case .softmax: return QuantizedOperator(role: .function, data: [0], fixedRange: unit)
    case .pReLUFusion, .leakyRelu: return QuantizedOperator(role: .function, data: [0])
    case .reduceFusion:
      // Mean, maximum and minimum.
      guard (0...2).contains(node.attributes.int(1)), !node.attributes.bool(2) else { return nil }
      return QuantizedOperator(role: .function, data: [0])
    case .avgPoolFusion, .maxPoolFusion: return clamps(node) ? QuantizedOperator(role: .move, data: [0]) : nil
    // The cubic method overshoots.
    case .resize: return node.attributes.int(1) <= 1 ? QuantizedOperator(role: .move, data: [0]) : nil
    case .padFusion:
      guard count <= 2, node.attributes.int(1) != 0 || node.attributes.float(2) == 0 else { return nil }
      return QuantizedOperator(role: .move, data: [0])
    case .reshape, .transpose, .flatten, .squeeze, .unsqueeze, .expandDims, .split, .sliceFusion, .stridedSlice, .unstack, .depthToSpace,
      .spaceToDepth, .tileFusion, .broadcastTo, .gather, .reverseV2:
      return QuantizedOperator(role: .move, data: [0])
    case .concat, .stack: return QuantizedOperator(role: .move, data: Array(0..<count))
    default: return nil
    }
  }

  private static var unit: QuantizedRange { QuantizedRange(minimum: 0, maximum: 255.0 / 256) }

  private static func activation(_ node: Node) -> QuantizedOperator? {
    switch node.attributes.int(0) {
    case ActivationType.sigmoid, ActivationType.hsigmoid: return QuantizedOperator(role: .function, data: [0], fixedRange: unit)
    case ActivationType.tanh:
      return QuantizedOperator(role: .function, data: [0], fixedRange: QuantizedRange(minimum: -1, maximum: 127.0 / 128))
    default: return QuantizedOperator(role: .function, data: [0])
    }
  }

  /// Its activation is a clamp, which 8-bit kernels have in their last step.
  private static func clamps(_ node: Node) -> Bool {
    switch node.attributes.int(Attributes.id(node.kind, "activation_type")) {
    case ActivationType.none, ActivationType.relu, ActivationType.relu6: return true
    default: return false
    }
  }

  static func hasActivation(_ node: Node) -> Bool {
    switch node.kind {
    case .avgPoolFusion, .maxPoolFusion: return node.attributes.int(7) != ActivationType.none
    default: return false
    }
  }

  private static func bias(_ node: Node) -> Bool { node.inputs.count < 3 || node.inputs[2].isFloatConstant }

  /// The dimension of a product's weights that counts its output channels; nil when kernels take one scale only.
  static func channelAxis(_ node: Node) -> Int? {
    let rank = node.inputs[1].shape.rank
    switch node.kind {
    case .conv2dTransposeFusion:
      let group = max(node.attributes.int(8), 1)
      if group == 1 { return rank - 1 }
      return group == node.attributes.int(9) && group == node.attributes.int(10) ? 0 : nil
    case .matMulFusion: return node.attributes.bool(1) ? rank - 2 : rank - 1
    default: return 0
    }
  }
}
