import ConverterCore
import Graph

/// The different slices of a tensor along an axis.
struct UniqueSlices {
  let slices: Tensor
  /// Where each stands first.
  let first: Tensor
  /// Which of them each slice of the operand is.
  let inverse: Tensor
  let counts: Tensor
  private static let limit = 1 << 24

  /// Compares every slice with every other. `isSorted`: in lexicographic order; otherwise in that of their first places.
  init(_ node: ONNXNode, _ operand: Tensor, axis: Int, isSorted: Bool) throws(EngineError) {
    let graph = node.graph, f = Formula(node)
    let dims = try graph.knownDims(of: operand)
    let axis = try graph.axis(axis, of: operand)
    let n = dims[axis]
    guard let all = Shape(dims).checkedCount, all > 0, all <= Self.limit, all * n <= Self.limit else {
      throw EngineError(.notSupported, "the slices of \(operand) along axis \(axis) are too many to be compared")
    }
    func best(_ x: Tensor, _ axis: Int) throws(EngineError) -> Tensor {
      try graph.add1(.argMaxFusion, ["axis": .number(axis), "top_k": 1, "keep_dims": false, "out_max_value": false], [x])
    }
    let order = [axis] + dims.indices.filter { $0 != axis }
    var rows = try f.number(operand)
    if axis != 0 { rows = try graph.transpose(rows, order) }
    rows = try graph.reshape(rows, [n, all / n])
    let (a, b) = (try f.unsqueeze(rows, [1]), try f.unsqueeze(rows, [0]))
    let isLess = try f.int(f.less(a, b)), isGreater = try f.int(f.greater(a, b))
    let differs = try f.add(isLess, isGreater)
    let same = try f.equal(f.reduce(differs, ReduceNumber.sum, [2], keep: false), f.scalar(0))
    let origin = try best(f.int(same), 1)
    let numbers = f.list(Array(0..<n))
    let isFirst = try f.equal(origin, numbers)
    var key = numbers
    if isSorted {
      // Slices that are smaller at the first place where two differ, counted once each.
      let place = try f.unsqueeze(best(differs, 2), [2])
      let smaller = try graph.reshape(graph.add1(.gatherD, [:], [isGreater, f.scalar(2), place]), [n, n])
      key = try f.reduce(f.mul(smaller, f.int(isFirst)), ReduceNumber.sum, [1], keep: false)
    }
    let ranked = try f.float(f.choose(isFirst, key, f.scalar(n)))
    let count = try f.reduce(f.int(isFirst), ReduceNumber.sum, [0], keep: false)
    first = try f.topK(ranked, count, axis: 0, largest: false).indices
    slices = try f.gather(operand, first, axis: axis)
    let hits = try f.int(f.equal(f.unsqueeze(first, [1]), f.unsqueeze(origin, [0])))
    inverse = try best(hits, 0)
    counts = try f.reduce(hits, ReduceNumber.sum, [1], keep: false)
  }
}
