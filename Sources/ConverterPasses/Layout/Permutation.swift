import ConverterCore
import Graph

/// An order of axes: axis i of the result is axis `order[i]` of the operand.
struct Permutation: Hashable {
  let order: [Int]
  init(_ order: [Int]) { self.order = order }

  /// Layout of images: channels-first to channels-last, and back.
  static let toChannelsLast = Permutation([0, 2, 3, 1])
  static let toChannelsFirst = Permutation([0, 3, 1, 2])

  var rank: Int { order.count }
  var isIdentity: Bool { order == Array(0..<order.count) }

  var inverse: Permutation {
    var result = [Int](repeating: 0, count: order.count)
    for (i, axis) in order.enumerated() { result[axis] = i }
    return Permutation(result)
  }

  /// First this one, then `next`.
  func followed(by next: Permutation) -> Permutation { Permutation(next.order.map { order[$0] }) }

  /// A list with one entry per axis, in the new order.
  func apply<T>(_ list: [T]) -> [T] { order.map { list[$0] } }

  /// Where axis `axis` (negative: from the end) comes to lie; nil when there is no such axis.
  func place(of axis: Int) -> Int? {
    let a = axis < 0 ? axis + rank : axis
    return order.firstIndex(of: a)
  }

  /// The axes that may have more than one entry keep their order, so that the elements stay where they are.
  func movesOnlyUnits(_ dims: [Int]) -> Bool {
    let kept = order.filter { dims[$0] != 1 }
    return kept == kept.sorted()
  }

  /// The axes other than `axes` keep their order.
  func keepsOrder(without axes: Set<Int>) -> Bool {
    let kept = order.filter { !axes.contains($0) }
    return kept == kept.sorted()
  }
}

extension GraphEditor {
  /// The permutation of a Transpose node with a constant one; nil for other nodes, for the format's special cases (a permutation
  /// whose length differs from the rank), and for one that requantises.
  func permutation(of node: Node) -> Permutation? {
    guard node.kind == .transpose, node.inputs.count == 2, let rank = dims(of: node.inputs[0])?.count, node.inputs[1].isConstant,
      let order = node.inputs[1].knownIntegers(limit: Shape.maximumRank), order.count == rank, order.sorted() == Array(0..<rank)
    else { return nil }
    let x = node.inputs[0].quantParams, y = node.outputs[0].quantParams
    if let p = x.first, let q = y.first, x.count > 1 || y.count > 1 || p.scale != q.scale || p.zeroPoint != q.zeroPoint { return nil }
    return Permutation(order)
  }

  /// A shape for Reshape that gives `dims`: at most one of them may be open.
  func target(_ dims: [Int]) -> [Int]? { dims.filter { $0 < 0 }.count <= 1 && !dims.contains(0) ? dims : nil }

  /// A constant with its axes in another order.
  func permuted(_ constant: Tensor, _ p: Permutation) throws(EngineError) -> Tensor {
    if p.isIdentity { return constant }
    if p.movesOnlyUnits(constant.shape.dims) { return self.constant(constant, dims: p.apply(constant.shape.dims)) }
    return try add(.transpose, [:], [constant, builder.constant(ints: p.order)], scope: constant.name)
  }
}
