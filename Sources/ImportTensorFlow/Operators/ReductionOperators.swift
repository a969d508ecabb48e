import ConverterCore
import Graph

/// Reductions, running sums, positions of extremes.
enum ReductionOperators {
  static let table: [String: TensorFlowOperator] = [
    "Mean": { n throws(EngineError) in try mean(n) },
    "Max": reduction(1), "Min": reduction(2), "Prod": reduction(3), "Sum": reduction(4), "All": reduction(7), "EuclideanNorm": reduction(8),
    "Any": { n throws(EngineError) in
      let none = try reduce(n, n.graph.add1(.logicalNot, [:], [n.input(0)]), 7)
      return [try n.graph.add1(.logicalNot, [:], [none])]
    },
    "ArgMax": extreme(.argMaxFusion), "ArgMin": extreme(.argMinFusion),
    "Cumsum": { n throws(EngineError) in
      let attributes = ["exclusive": AttributeValue.bool(try n.bool("exclusive")), "reverse": .bool(try n.bool("reverse"))]
      return [try n.graph.add1(.cumSum, attributes, [n.input(0), n.input(1)])]
    },
    "TopK": { n throws(EngineError) in try topK(n, n.graph.constant(ints: [n.int("k", 1)], dims: [])) },
    "TopKV2": { n throws(EngineError) in try topK(n, n.input(1)) },
    "L2Loss": { n throws(EngineError) in
      let sum = try n.graph.add1(.reduceFusion, ["mode": 5, "keep_dims": false], [n.input(0)])
      return [try n.graph.add1(.mulFusion, [:], [sum, n.graph.constant(floats: [0.5], dims: [])])]
    },
  ]

  private static func reduction(_ mode: Int) -> TensorFlowOperator {
    { n throws(EngineError) in [try reduce(n, n.input(0), mode)] }
  }

  /// An empty list of axes reduces nothing, where the format's operator would reduce everything.
  private static func reduce(_ n: TensorFlowNode, _ x: Tensor, _ mode: Int) throws(EngineError) -> Tensor {
    let axes = try n.input(1)
    if let dims = n.graph.dims(of: axes), dims == [0] { return x }
    let keep = try n.bool("keep_dims", n.bool("keepdims"))
    return try n.graph.add1(.reduceFusion, ["mode": .number(mode), "keep_dims": .bool(keep)], [x, axes])
  }

  /// The mean of integers is their sum divided once, without its fraction.
  private static func mean(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let x = try n.input(0)
    if x.type == .float32 || x.type == .unknown { return [try reduce(n, x, 0)] }
    let dims = try n.graph.knownDims(of: x)
    let sum = try reduce(n, x, 4)
    var count = 1
    for axis in Set(try n.integers(1, "the axes").map { $0 < 0 ? $0 + dims.count : $0 }) {
      guard axis >= 0 && axis < dims.count else { throw EngineError(.inferError, "axis \(axis) lies outside the rank \(dims.count)") }
      count = count.multipliedReportingOverflow(by: dims[axis]).partialValue
    }
    if count < 1 || count > Int(Int32.max) { throw EngineError(.inferError, "the mean of \(x) is one of \(count) elements") }
    return [try n.graph.add1(.divFusion, [:], [sum, n.graph.constant(ints: [count], dims: [])])]
  }

  private static func extreme(_ kind: OperatorKind) -> TensorFlowOperator {
    { n throws(EngineError) in
      let axis = n.count > 1 ? try n.integer(1, "the axis") : 0
      _ = try n.type("output_type")
      return [
        try n.graph.add1(kind, ["axis": .number(axis), "top_k": 1, "keep_dims": false, "out_max_value": false], [n.input(0)])
      ]
    }
  }

  /// Values and positions, always in descending order: without `sorted` TensorFlow promises no order.
  private static func topK(_ n: TensorFlowNode, _ k: Tensor) throws(EngineError) -> [Tensor] {
    _ = try n.bool("sorted", true)
    return try n.graph.add(.topKFusion, ["sorted": true, "axis": -1, "largest": 1], [n.input(0), k], outputs: 2)
  }
}
