import ConverterCore
import Graph

/// Operators on sparse tensors, segments and ragged ranges.
enum SparseOperators {
  static let table: [String: TensorFlowOperator] = [
    "SparseToDense": { n throws(EngineError) in
      _ = try n.bool("validate_indices", true)
      return [try n.graph.add1(.sparseToDense, [:], n.inputs(0..<4))]
    },
    "SparseFillEmptyRows": { n throws(EngineError) in try n.graph.add(.sparseFillEmptyRows, [:], n.inputs(0..<4), outputs: 4) },
    "SparseReshape": { n throws(EngineError) in try n.graph.add(.sparseReshape, [:], n.inputs(0..<3), outputs: 2) },
    "SparseSegmentSum": { n throws(EngineError) in [try n.graph.add1(.sparseSegmentSum, [:], n.inputs(0..<3))] },
    "SparseSegmentMean": sparseSegmentMean,
    "UnsortedSegmentSum": { n throws(EngineError) in [try n.graph.add1(.unsortedSegmentSum, [:], n.inputs(0..<3))] },
    "SegmentSum": segmentSum,
    "RaggedRange": { n throws(EngineError) in
      // TensorFlow gives the places of the ranges first, the format the numbers.
      let results = try n.graph.add(.raggedRange, [:], n.inputs(0..<3), outputs: 2)
      return [results[0], results[1]]
    },
  ]

  /// Sums of the rows divided by how many each segment has.
  private static func sparseSegmentMean(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let g = n.graph
    let (x, rows, segments) = (try n.input(0), try n.input(1), try n.input(2))
    let sum = try g.add1(.sparseSegmentSum, [:], [x, rows, segments])
    let counts = try g.add1(.sparseSegmentSum, [:], [g.add1(.onesLike, [:], [x]), rows, segments])
    let atLeastOne = try g.add1(.maximum, [:], [counts, g.constant(floats: [1], dims: [])])
    return [try g.add1(.realDiv, [:], [sum, atLeastOne])]
  }

  /// Segments in ascending order: there are as many as the last number says.
  private static func segmentSum(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let g = n.graph
    let segments = try n.input(1)
    let last = try g.add1(.gather, [:], [segments, g.constant(ints: [-1], dims: []), g.constant(ints: [0], dims: [])])
    let count = try g.add1(.addFusion, [:], [last, g.constant(ints: [1], dims: [])])
    return [try g.add1(.unsortedSegmentSum, [:], [n.input(0), segments, count])]
  }
}
