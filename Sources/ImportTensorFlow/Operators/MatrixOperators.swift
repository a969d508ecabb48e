import ConverterCore
import Graph

/// Products of matrices.
enum MatrixOperators {
  static let table: [String: TensorFlowOperator] = [
    "MatMul": { n throws(EngineError) in [try product(n, n.bool("transpose_a"), n.bool("transpose_b"))] },
    "BatchMatMul": batch, "BatchMatMulV2": batch, "BatchMatMulV3": batch,
    "_FusedMatMul": { n throws(EngineError) in
      let y = try product(n, n.bool("transpose_a"), n.bool("transpose_b"))
      return [try ConvolutionOperators.finish(n, y, n.strings("fused_ops"), next: 2)]
    },
    "Einsum": { n throws(EngineError) in [try Einsum.add(n.graph, n.string("equation", ""), n.inputs())] },
    "MatrixBandPart": band,
    "LowerBound": { n throws(EngineError) in try bound(n, .less) },
    "UpperBound": { n throws(EngineError) in try bound(n, .lessEqual) },
  ]

  private static func product(_ n: TensorFlowNode, _ a: Bool, _ b: Bool) throws(EngineError) -> Tensor {
    try n.graph.add1(.matMulFusion, ["transpose_a": .bool(a), "transpose_b": .bool(b)], [n.input(0), n.input(1)])
  }

  private static func batch(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] { [try product(n, n.bool("adj_x"), n.bool("adj_y"))] }

  /// What lies at most `lower` below and `upper` above the diagonal; negative: everything.
  private static func band(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    var x = try n.input(0)
    let (lower, upper) = (try n.integer(1, "the number of diagonals below"), try n.integer(2, "the number of diagonals above"))
    if lower >= 0 { x = try n.graph.add1(.triu, [:], [x, n.graph.constant(ints: [-lower], dims: [])]) }
    if upper >= 0 { x = try n.graph.add1(.tril, [:], [x, n.graph.constant(ints: [upper], dims: [])]) }
    return [x]
  }

  /// How many entries of each sorted row lie below (or not above) each value.
  private static func bound(_ n: TensorFlowNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    let g = n.graph
    let rows = try g.add1(.unsqueeze, ["axis": [1]], [n.input(0)])
    let values = try g.add1(.unsqueeze, ["axis": [2]], [n.input(1)])
    let below = try g.add1(.cast, [:], [g.add1(kind, [:], [rows, values]), g.constant(ints: [Int(DataType.int32.rawValue)], dims: [])])
    return [try g.add1(.reduceFusion, ["mode": 4, "keep_dims": false], [below, g.constant(ints: [2])])]
  }
}
