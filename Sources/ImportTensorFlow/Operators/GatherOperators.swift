import ConverterCore
import Graph

/// Operators that read or write entries by their indices.
enum GatherOperators {
  static let table: [String: TensorFlowOperator] = [
    "Gather": { n throws(EngineError) in
      [try n.graph.add1(.gather, [:], [n.input(0), n.input(1), n.graph.constant(ints: [0], dims: [])])]
    },
    "GatherV2": gather,
    "GatherNd": { n throws(EngineError) in
      if try n.int("batch_dims", 0) != 0 { throw EngineError(.notSupported, "attribute \"batch_dims\" must be 0 here") }
      return [try n.graph.add1(.gatherNd, [:], [n.input(0), n.input(1)])]
    },
    "ScatterNd": scatterNd,
    "TensorScatterUpdate": { n throws(EngineError) in try scatter(n, .scatterNdUpdate) },
    "TensorScatterAdd": { n throws(EngineError) in try scatter(n, .tensorScatterAdd) },
    "TensorScatterSub": { n throws(EngineError) in
      let (x, indices) = (try n.input(0), try n.input(1))
      let negated = try n.graph.add1(.neg, [:], [n.input(2)])
      return [try write(n, .tensorScatterAdd, x, indices, negated)]
    },
    "Where": { n throws(EngineError) in [try n.graph.add1(.where, [:], [n.input(0)])] },
    "OneHot": { n throws(EngineError) in
      [try n.graph.add1(.oneHot, ["axis": .number(n.int("axis", -1))], n.inputs(0..<4))]
    },
    "ReverseV2": reverse,
    "ReverseSequence": { n throws(EngineError) in
      let attributes: [String: AttributeValue] = ["seq_dim": .number(try n.int("seq_dim", 0)), "batch_dim": .number(try n.int("batch_dim", 0))]
      return [try n.graph.add1(.reverseSequence, attributes, [n.input(0), n.input(1)])]
    },
    "Unique": { n throws(EngineError) in
      _ = try n.type("out_idx")
      return try n.graph.add(.unique, [:], [n.input(0)], outputs: 2)
    },
    "Roll": roll,
  ]

  /// params, indices, axis.
  private static func gather(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let (x, indices) = (try n.input(0), try n.input(1))
    let axis = try n.integer(2, "the axis")
    var batch = try n.int("batch_dims", 0)
    if batch < 0 { batch += try n.graph.rank(of: indices) }
    if batch == 0 { return [try n.graph.add1(.gather, [:], [x, indices, n.graph.constant(ints: [axis], dims: [])])] }
    return [try batched(n, x, indices, axis: axis, batch: batch)]
  }

  /// Every entry of the batch axes has its own indices: these axes and the one that is read become one, and the indices count
  /// in it.
  private static func batched(_ n: TensorFlowNode, _ x: Tensor, _ indices: Tensor, axis: Int, batch: Int) throws(EngineError) -> Tensor {
    let g = n.graph
    let axis = try g.axis(axis, of: x)
    let (p, i) = (try g.knownDims(of: x), try g.knownDims(of: indices))
    guard batch > 0, batch <= axis, batch <= i.count, Array(p[..<batch]) == Array(i[..<batch]), let total = Shape(p).checkedCount,
      let batches = Shape(Array(p[..<batch])).checkedCount, total <= Int(Int32.max), batches <= 1 << 24, batches > 0
    else { throw EngineError(.inferError, "\(batch) batch dimensions do not fit \(x) and \(indices)") }
    var order = Array(p.indices)
    order.remove(at: axis)
    order.insert(axis, at: batch)
    let rest = order[(batch + 1)...].map { p[$0] }
    let flat = try g.reshape(g.transpose(x, order), [batches * p[axis]] + rest)
    let offsets = g.constant(ints: (0..<batches).map { $0 * p[axis] }, dims: [batches, 1])
    let zero = g.constant(ints: [0], dims: [])
    // Negative indices count from the end of their own axis.
    let wrapped = try g.add1(.where, [:], [
      g.add1(.less, [:], [indices, zero]), g.add1(.addFusion, [:], [indices, g.constant(ints: [p[axis]], dims: [])]), indices,
    ])
    let positions = try g.add1(.addFusion, [:], [g.reshape(wrapped, [batches, -1]), offsets])
    let picked = try g.add1(.gather, [:], [flat, positions, zero])
    let inner = Array(i[batch...])
    let result = try g.reshape(picked, Array(p[..<batch]) + inner + rest)
    // The indices' axes go to where the axis was.
    let before = axis - batch
    let first = batch + inner.count
    let back = Array(0..<batch) + Array(first..<first + before) + Array(batch..<first) + Array(first + before..<first + rest.count)
    return try g.transpose(result, back)
  }

  private static func scatter(_ n: TensorFlowNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    [try write(n, kind, n.input(0), n.input(1), n.input(2))]
  }

  /// The format wants rows of indices.
  private static func write(
    _ n: TensorFlowNode, _ kind: OperatorKind, _ x: Tensor, _ indices: Tensor, _ updates: Tensor
  ) throws(EngineError) -> Tensor {
    guard try n.graph.rank(of: indices) == 1 else { return try n.graph.add1(kind, [:], [x, indices, updates]) }
    let axis = n.graph.constant(ints: [0], dims: [])
    return try n.graph.add1(
      kind, [:], [x, n.graph.add1(.expandDims, [:], [indices, axis]), n.graph.add1(.expandDims, [:], [updates, axis])])
  }

  /// indices, updates, shape. Updates of one place add up; the format's ScatterNd would keep the last.
  private static func scatterNd(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let updates = try n.input(1)
    guard updates.type == .float32 || updates.type == .int32 else {
      return [try n.graph.add1(.scatterNd, [:], [n.input(0), updates, n.input(2)])]
    }
    let zero = updates.type == .int32 ? n.graph.constant(ints: [0], dims: []) : n.graph.constant(floats: [0], dims: [])
    let zeros = try n.graph.add1(.fill, [:], [zero, n.input(2)])
    return [try write(n, .tensorScatterAdd, zeros, n.input(0), updates)]
  }

  private static func reverse(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    let axes = try n.integers(1, "the axes")
    if axes.isEmpty { return [try n.input(0)] }
    return [try n.graph.add1(.reverseV2, ["axis": .list(axes)], [n.input(0)])]
  }

  /// Entries moved along axes; those that leave at one end come back at the other.
  private static func roll(_ n: TensorFlowNode) throws(EngineError) -> [Tensor] {
    var x = try n.input(0)
    let (shifts, axes) = (try n.integers(1, "the shifts"), try n.integers(2, "the axes"))
    guard shifts.count == axes.count else { throw EngineError(.inferError, "\(shifts.count) shifts for \(axes.count) axes") }
    for (shift, axis) in zip(shifts, axes) {
      let a = try n.graph.axis(axis, of: x)
      let size = try n.graph.knownDims(of: x)[a]
      guard size > 0 else { continue }
      let k = (shift % size + size) % size
      if k == 0 { continue }
      let parts = try n.graph.add(
        .split, ["output_num": 2, "size_splits": .list([size - k, k]), "axis": .number(a)], [x], outputs: 2)
      x = try n.graph.add1(.concat, ["axis": .number(a)], [parts[1], parts[0]])
    }
    return [x]
  }
}
