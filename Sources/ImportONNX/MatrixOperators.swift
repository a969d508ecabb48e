import ConverterCore
import Graph

/// Products and determinants of matrices.
enum MatrixOperators {
  static let table: [String: ONNXOperator] = ["MatMul": matMul, "Gemm": gemm, "Det": det, "com.microsoft.FusedMatMul": fusedMatMul]

  private static func matMul(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let a = try node.input(0), b = try node.input(1)
    return [try f.cast(f.matmul(f.float(a), f.float(b)), a.type)]
  }

  /// alpha a b + beta c, where c broadcasts to the product.
  private static func gemm(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let graph = node.graph, f = Formula(node)
    let source = try node.input(0)
    let a = try f.float(source)
    var b = try f.float(node.input(1))
    let alpha = try node.float("alpha", 1), beta = try node.float("beta", 1)
    let transposeA = try node.bool("transA", false), transposeB = try node.bool("transB", false)
    guard try graph.rank(of: a) == 2, try graph.rank(of: b) == 2 else { throw EngineError(.inputParameterInvalid, "\(a) and \(b) must be matrices") }
    // A factor of constant weights is folded into them.
    if b.isConstant { b = try f.mul(b, alpha) }
    let factor = b.isConstant ? 1 : alpha
    guard let c = node.optional(2), beta != 0 else {
      return [try f.cast(f.mul(f.matmul(a, b, transposeA: transposeA, transposeB: transposeB), factor), source.type)]
    }
    let offset = try f.mul(f.float(c), beta)
    let columns = graph.dims(of: b)?[transposeB ? 0 : 1] ?? -1
    let dims = graph.dims(of: offset) ?? []
    if factor == 1, offset.isConstant, columns > 0, dims == [columns] || dims == [1, columns] {
      let bias = dims.count == 1 ? offset : try graph.reshape(offset, [columns])
      return [try f.cast(f.matmul(a, b, transposeA: transposeA, transposeB: transposeB, bias: bias), source.type)]
    }
    let product = try f.mul(f.matmul(a, b, transposeA: transposeA, transposeB: transposeB), factor)
    return [try f.cast(f.add(product, offset), source.type)]
  }

  /// alpha a b, either with its last two axes swapped.
  private static func fusedMatMul(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let swaps = (try node.bool("transBatchA", false), try node.bool("transBatchB", false))
    try node.refuse(swaps.0 || swaps.1, "transBatchA and transBatchB cannot be expressed")
    let product = try f.matmul(
      node.input(0), node.input(1), transposeA: node.bool("transA", false), transposeB: node.bool("transB", false))
    return [try f.mul(product, node.float("alpha", 1))]
  }

  /// Determinants of matrices of up to 4 rows, by expansion along the first row.
  private static func det(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    let f = Formula(node)
    let x = try node.input(0)
    let dims = node.graph.dims(of: x) ?? []
    guard let n = dims.last, dims.count >= 2, dims[dims.count - 2] == n else {
      throw EngineError(.inferError, "\(x) is not known to be of square matrices")
    }
    try node.refuse(n < 1 || n > 4, "determinants of \(n) rows cannot be expressed; up to 4 rows can")
    let rank = dims.count
    func entry(_ row: Int, _ column: Int) throws(EngineError) -> Tensor {
      let line = try f.gather(x, f.scalar(row), axis: rank - 2)
      return try f.gather(line, f.scalar(column), axis: rank - 2)
    }
    func minor(_ row: Int, _ columns: [Int]) throws(EngineError) -> Tensor {
      if columns.count == 1 { return try entry(row, columns[0]) }
      var sum: Tensor?
      for (i, column) in columns.enumerated() {
        let term = try f.mul(entry(row, column), minor(row + 1, columns.filter { $0 != column }))
        if let known = sum { sum = try i % 2 == 0 ? f.add(known, term) : f.sub(known, term) } else { sum = term }
      }
      guard let sum else { throw EngineError(.formatError, "a matrix without columns") }
      return sum
    }
    return [try minor(0, Array(0..<n))]
  }
}
