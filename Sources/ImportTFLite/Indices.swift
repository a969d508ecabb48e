import ConverterCore
import Graph

extension OperatorTable {
  /// Elements that indices name, random numbers, and Fourier transforms.
  static let indices: [String: OperatorEntry] = [
    "GATHER": .one(.native(), gather),
    "GATHER_ND": .one(.native()) { (op) throws(EngineError) in
      try op.add1(.gatherNd, [:], [try op.input(0), try op.importer.value(try op.index(1))])
    },
    "SCATTER_ND": .one(.real) { (op) throws(EngineError) in try op.add1(.scatterNd, [:], [try op.input(0), try op.input(1), try op.input(2)]) },
    "ONE_HOT": .one(.real) { (op) throws(EngineError) in
      try op.add1(.oneHot, ["axis": .number(try op.options.int(0))], try op.allInputs())
    },
    "SPARSE_TO_DENSE": .one(.real) { (op) throws(EngineError) in try op.add1(.sparseToDense, [:], try op.allInputs()) },
    "RANDOM_STANDARD_NORMAL": random(.randomStandardNormal),
    "RANDOM_UNIFORM": random(.uniformReal),
    "RFFT2D": .one(.real, fourier),
    "REAL": .one(.real) { (op) throws(EngineError) in try op.add1(.fftReal, [:], [try op.input(0)]) },
    "IMAG": .one(.real) { (op) throws(EngineError) in try op.add1(.fftImag, [:], [try op.input(0)]) },
    "COMPLEX_ABS": .one(.real) { (op) throws(EngineError) in
      let squares = try op.graph.add1(.square, [:], [try op.input(0)])
      let sums = try op.graph.add1(.reduceFusion, ["mode": 4, "keep_dims": false], [squares, op.graph.constant(ints: [-1])])
      return try op.graph.add1(.sqrt, [:], [sums])
    },
  ]

  /// Field ids: 0 axis, 1 number of leading axes that x and the indices share.
  private static func gather(_ op: Operation) throws(EngineError) -> Tensor {
    let x = try op.input(0), ids = try op.importer.value(try op.index(1))
    let axis = try op.graph.axis(try op.options.int(0), of: x)
    var shared = try op.options.int(1)
    let idsRank = try op.graph.rank(of: ids)
    if shared < 0 { shared += idsRank }
    if shared == 0 { return try op.add1(.gather, [:], [x, ids, op.scalar(axis)]) }
    guard shared > 0, shared <= axis, shared <= idsRank else {
      throw EngineError(.graphFileError, "batch_dims \(shared) with axis \(axis) and indices (\(ids))")
    }
    // The gathered axis comes right after the shared ones; then index tuples name slices.
    let graph = op.graph, rank = try graph.rank(of: x)
    let between = Array(shared..<axis), behind = Array(axis + 1..<rank)
    let moved = try graph.transpose(x, Array(0..<shared) + [axis] + between + behind)
    if moved !== x { moved.quantParams = x.quantParams }
    let dims = try graph.knownDims(of: ids), count = Shape(dims).count
    guard count <= 1 << 22 else { throw EngineError(.notSupported, "\(count) indices with batch_dims") }
    var batch = [Int]()
    batch.reserveCapacity(count * shared)
    for i in 0..<count {
      for a in 0..<shared { batch.append(i / max(1, Shape(Array(dims[(a + 1)...])).count) % dims[a]) }
    }
    let column = try graph.add1(.expandDims, [:], [ids, op.scalar(-1)])
    let tuples = try graph.add1(.concat, ["axis": .number(idsRank)], [graph.constant(ints: batch, dims: dims + [shared]), column])
    let y = try op.add1(.gatherNd, [:], [moved, tuples])
    if between.isEmpty { return y }
    // Shared axes, then those of the indices, then the rest: the axes between belong before the indices'.
    let own = idsRank - shared
    let order =
      Array(0..<shared) + Array(idsRank..<idsRank + between.count) + Array(shared..<shared + own)
      + Array(idsRank + between.count..<idsRank + between.count + behind.count)
    return try op.add1(.transpose, [:], [y, graph.constant(ints: order)])
  }

  /// Field ids: 0 and 1 the seeds.
  private static func random(_ kind: OperatorKind) -> OperatorEntry {
    .one(.real) { (op) throws(EngineError) in
      try op.add1(kind, ["seed": .int(try op.options.int64(0)), "seed2": .int(try op.options.int64(1))], [try op.input(0)])
    }
  }

  /// The transform of real rows, [..., H, W] to complex [..., h, w / 2 + 1] for the lengths (h, w): along the last axis by the format's
  /// operator, along the one before it by products with a cosine and a sine matrix.
  private static func fourier(_ op: Operation) throws(EngineError) -> Tensor {
    let graph = op.graph, lengths = try op.integers(1, "the lengths"), x = try op.input(0)
    guard lengths.count == 2, lengths[0] > 0, lengths[1] > 0, lengths[0] <= 4096 else {
      throw EngineError(.notSupported, "lengths of \(lengths.count) axes; two, of which the first is at most 4096, are accepted")
    }
    let rank = try graph.rank(of: x)
    guard rank >= 2, rank < Shape.maximumRank else { throw EngineError(.notSupported, "transforms \(x); 2 to 7 dimensions are accepted") }
    let rows = try graph.add1(.rfft, ["fft_length": .number(lengths[1])], [x])
    let height = graph.dims(of: x)?[rank - 2] ?? -1, n = lengths[0]
    if n == 1 && height == 1 { return rows }
    guard height > 0 else { throw EngineError(.inferError, "the shape of \(x) is needed and not known; give --inputShape") }
    let used = min(height, n)
    guard height == used else { throw EngineError(.notSupported, "a transform of length \(n) of \(height) rows, which would be cut") }
    // X[k] = sum over j of x[j] (cos - i sin)(2 pi j k / n).
    func matrix(_ function: (Double) -> Double) -> Tensor {
      graph.constant(
        floats: (0..<n * used).map { Float(function(2 * Double.pi * Double($0 / used * ($0 % used) % n) / Double(n))) }, dims: [n, used])
    }
    let cosines = matrix { cosine($0) }, sines = matrix { sine($0) }
    let re = try graph.add1(.fftReal, [:], [rows]), im = try graph.add1(.fftImag, [:], [rows])
    func product(_ m: Tensor, _ x: Tensor) throws(EngineError) -> Tensor {
      try graph.add1(.matMulFusion, ["transpose_a": false, "transpose_b": false, "activation_type": 0], [m, x])
    }
    let real = try graph.add1(.addFusion, ["activation_type": 0], [try product(cosines, re), try product(sines, im)])
    let imaginary = try graph.add1(.subFusion, ["activation_type": 0], [try product(cosines, im), try product(sines, re)])
    return try graph.add1(.stack, ["axis": .number(rank)], [real, imaginary])
  }
}
