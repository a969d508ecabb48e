import ConverterCore
import Graph

/// Softmax and LogSoftmax.
enum SoftmaxOperators {
  static let table: [String: ONNXOperator] = [
    "Softmax": { node throws(EngineError) in
      let f = Formula(node)
      return [
        try alongAxis(node) { (x, axis) throws(EngineError) in
          try f.cast(f.graph.add1(.softmax, ["axis": .list([axis])], [f.float(x)]), x.type)
        }
      ]
    },
    "LogSoftmax": { node throws(EngineError) in
      let f = Formula(node)
      return [
        try alongAxis(node) { (x, axis) throws(EngineError) in
          try f.cast(f.graph.add1(.logSoftmax, ["axis": .number(axis)], [f.float(x)]), x.type)
        }
      ]
    },
  ]

  /// Applies `body` along the node's axis (default: the last). Up to version 12 the default is axis 1, and all axes from it on count as
  /// one.
  static func alongAxis(
    _ node: ONNXNode, _ body: (Tensor, Int) throws(EngineError) -> Tensor
  ) throws(EngineError) -> Tensor {
    let graph = node.graph, f = Formula(node)
    let x = try node.input(0)
    let rank = try graph.rank(of: x)
    let given = try node.int("axis", node.version < 13 ? 1 : -1)
    // A scalar is one entry; and before version 13 an axis behind the last makes columns of one entry.
    let axis = given < 0 ? given + rank : given
    guard rank > 0, axis >= 0, axis < rank else {
      if rank == 0 || (node.version < 13 && axis == rank) {
        let column = try body(graph.reshape(x, [-1, 1]), 1)
        return try graph.add1(.reshape, [:], [column, f.shape(x)])
      }
      throw EngineError(.inputParameterInvalid, "axis \(given) lies outside the rank \(rank) of \(x)")
    }
    if node.version >= 13 || axis == rank - 1 { return try body(x, axis) }
    let dims = graph.dims(of: x) ?? []
    if dims[(axis + 1)...].allSatisfy({ $0 == 1 }) { return try body(x, axis) }
    let matrix: Tensor
    if let n = Shape(Array(dims[axis...])).checkedCount, n > 0 {
      matrix = try graph.reshape(x, [-1, n])
    } else if let n = Shape(Array(dims[..<axis])).checkedCount, n > 0 {
      matrix = try graph.reshape(x, [n, -1])
    } else {
      matrix = try graph.add1(.flatten, ["axis": .number(axis)], [x])
    }
    return try graph.add1(.reshape, [:], [try body(matrix, 1), f.shape(x)])
  }
}
