import ConverterCore
import Graph

/// Ranks that follow from an operator where the dimensions do not.
enum KnownRanks {
  /// Operators whose first result has the rank of their first operand.
  private static let keeping: Set<String> = [
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization", "Resize", "Upsample",
    "Pad", "Slice", "Concat", "Softmax", "LogSoftmax", "Clip", "Cast", "Relu", "Sigmoid", "Tile", "CumSum", "Trilu", "DepthToSpace", "SpaceToDepth",
    "Split", "TopK", "Compress", "GatherElements",
  ]

  /// Tells the graph the ranks of a node's results whose rank is not known.
  static func declare(_ node: Onnx_NodeProto, _ inputs: [Tensor?], _ results: [Tensor], _ graph: GraphBuilder) {
    guard let result = results.first, graph.dims(of: result) == nil, let rank = rank(node, inputs, graph), rank >= 0, rank <= Shape.maximumRank
    else { return }
    for (i, t) in results.enumerated() where graph.dims(of: t) == nil && (i == 0 || node.opType == "Split" || node.opType == "TopK") {
      graph.declare(t, [Int](repeating: -1, count: rank))
    }
  }

  private static func rank(_ node: Onnx_NodeProto, _ inputs: [Tensor?], _ graph: GraphBuilder) -> Int? {
    func dims(_ i: Int) -> [Int]? { i < inputs.count ? inputs[i].flatMap { graph.dims(of: $0) } : nil }
    switch node.opType {
    case "Reshape", "Expand", "ConstantOfShape":
      // As many dimensions as the shape has entries.
      guard let entries = dims(node.opType == "ConstantOfShape" ? 0 : 1)?.first, entries >= 0 else { return nil }
      return node.opType == "Expand" ? dims(0).map { max($0.count, entries) } : entries
    case "Transpose": return node.attribute.first { $0.name == "perm" }?.ints.count ?? dims(0)?.count
    case "Shape", "NonMaxSuppression", "NonZero": return node.opType == "Shape" ? 1 : 2
    case "Compress" where !node.attribute.contains { $0.name == "axis" }: return 1
    case "Range": return 1
    case "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Sum":
      var rank = 0
      for i in inputs.indices {
        guard let known = dims(i) else { return nil }
        rank = max(rank, known.count)
      }
      return rank
    case "MatMul":
      guard let a = dims(0), let b = dims(1), a.count > 1, b.count > 1 else { return nil }
      return max(a.count, b.count)
    case "Gather":
      guard let a = dims(0), let b = dims(1) else { return nil }
      return a.count + b.count - 1
    default: return keeping.contains(node.opType) ? dims(0)?.count : nil
    }
  }
}
