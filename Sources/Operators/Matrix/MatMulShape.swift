import Graph

/// The sizes of a MatMulFusion, whatever its data type: m x k times k x n for each of `batch` pairs of matrices.
///
/// A rank-1 a is a row, a rank-1 b a column; the added dimension is dropped from the result. Batch dimensions broadcast.
struct MatMulShape {
  private(set) var m = 0, n = 0, k = 0
  private(set) var batch = 1
  /// For each batch, which matrix of a and of b it takes.
  private(set) var batchA = [Int](), batchB = [Int]()
  /// Matrices of b.
  private(set) var matricesB = 1
  /// The result's dimensions.
  private(set) var dims = [Int]()

  init() {}

  init(_ a: Tensor, _ b: Tensor, transposeA: Bool, transposeB: Bool) throws(EngineError) {
    var sa = a.shape.dims, sb = b.shape.dims
    if sa.isEmpty || sb.isEmpty { throw EngineError(.inferError, "a scalar is no matrix: \(a), \(b)") }
    let rowVector = sa.count == 1, columnVector = sb.count == 1
    if rowVector { sa = [1] + sa }
    if columnVector { sb = sb + [1] }
    while sa.count < sb.count { sa = [1] + sa }
    while sb.count < sa.count { sb = [1] + sb }
    let r = sa.count
    let swapA = transposeA && !rowVector, swapB = transposeB && !columnVector
    (m, k) = swapA ? (sa[r - 1], sa[r - 2]) : (sa[r - 2], sa[r - 1])
    let kb: Int
    (kb, n) = swapB ? (sb[r - 1], sb[r - 2]) : (sb[r - 2], sb[r - 1])
    if k != kb { throw EngineError(.inferError, "inner sizes differ: \(a) gives \(k), \(b) gives \(kb)") }
    var leadA = [Int](), leadB = [Int]()
    for i in 0..<(r - 2) {
      let x = sa[i], y = sb[i]
      // The original also takes batch sizes of which one divides the other, repeating the smaller; 1 is the usual case.
      guard x == y || x == 1 || y == 1 || (x > 0 && y > 0 && (x % y == 0 || y % x == 0)) else {
        throw EngineError(.inferError, "batch sizes do not fit: \(a), \(b)")
      }
      dims.append(x == 1 ? y : (y == 1 ? x : max(x, y)))
      leadA.append(x)
      leadB.append(y)
    }
    guard let count = Shape(dims).checkedCount, count < 1 << 24 else {
      throw EngineError(.inferError, "too many matrices: \(Shape(dims))")
    }
    batch = count
    batchA = Self.batchTable(dims, leadA)
    batchB = Self.batchTable(dims, leadB)
    matricesB = Shape(leadB).count
    if !rowVector { dims.append(m) }
    if !columnVector { dims.append(n) }
  }

  /// Index of the matrix that each batch of `dims` takes from a tensor with batch dimensions `lead`.
  private static func batchTable(_ dims: [Int], _ lead: [Int]) -> [Int] {
    let total = Shape(dims).count
    let strides = Shape(dims).strides, own = Shape(lead).strides
    var table = [Int](repeating: 0, count: total)
    var index = 0
    while index < total {
      var position = 0
      var i = 0
      while i < dims.count {
        position += (index / strides[i] % dims[i]) % max(lead[i], 1) * own[i]
        i += 1
      }
      table[index] = position
      index += 1
    }
    return table
  }
}

extension Operator {
  /// The dimensions of a FullConnection's rows of `depth` values: those before `axis`, or, without one, a single one.
  @inline(never)
  func fullConnectionRows(_ axis: Int?, depth: Int) throws(EngineError) -> [Int] {
    let x = inputs[0].shape
    guard let axis else {
      if depth == 0 || x.count % depth != 0 {
        throw EngineError(.inferError, "input 0 (\(inputs[0])) cannot be cut into rows of \(depth)")
      }
      return [x.count / depth]
    }
    let a = try requireAxis(axis, of: 0)
    if x.product(a..<x.rank) != depth {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) must have \(depth) elements from dimension \(a) on")
    }
    return Array(x.dims[0..<a])
  }
}
