import CKernels
import Graph
import System

// FullConnection and MatMulFusion of int8 or uint8 values; their attributes stand with the float operators.
//
// Where the file says that the output is float32 (dynamic quantisation: a DynamicQuant node makes the int8 input, whose parameters are
// known only when it has run), the sums are scaled to real numbers and a float bias is added.

/// q[m, o] = clamp(M[o] (bias[o] + sum (qx - zx)(qw - zw)) + z), x taken as rows of K.
final class Int8FullConnectionOperator: Operator {
  private let useAxis: Bool
  private let axis: Int
  private var result = Int8Result()
  private var matrix: Int8Matrix?
  private var x = Quantization(scale: 1, zero: 0)
  private var rows = 0

  override init(_ node: Node) throws(EngineError) {
    useAxis = node.attributes.bool(1)
    axis = node.attributes.int(2)
    try super.init(node)
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireType(0, .int8, .uint8)
    let weights = node.inputs[1]
    guard weights.shape.rank == 2, weights.shape.checkedCount != nil else {
      throw EngineError(.error, "the weights (\(weights)) must have the 2 dimensions [O, K]")
    }
    try requireQuantizedWeights(1, channels: weights.shape[0])
    if !weights.isConstant { throw EngineError(.notSupported, "the weights (\(weights)) must be constant") }
    let bias = node.inputs.count == 3 ? node.inputs[2] : nil
    try requireBias(bias, channels: weights.shape[0])
    result = try Int8Result(self, bias: bias, activationField: 3)
  }

  override func infer() throws(EngineError) {
    x = try requireQuantization(input: 0)
    let weights = inputs[1].shape
    let lead = try fullConnectionRows(useAxis ? axis : nil, depth: weights[1])
    rows = Shape(lead).count
    try setOutput(0, result.type, lead + [weights[0]])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let weights = inputs[1]
    if matrix == nil {
      let m = try Int8Matrix(weights, k: weights.shape[1], n: weights.shape[0], groups: 1, kernels: context.int8Kernels)
      if weights.count > 0 {
        guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
        try m.packConstant(data, rowStride: 1, columnStride: m.k, context)
      }
      matrix = m
      if weights.consumers == 1 { weights.releaseConstant() }
    }
    guard let matrix else { return }
    matrix.update(x, result)
    workspaceBytes = matrix.productScratch(rows, x, result, context)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    guard y.count > 0, let matrix, let xd = node.inputs[0].data, let yd = y.data else { return }
    let x = node.inputs[0].currentQuantization(self.x)
    matrix.update(x, result)
    matrix.multiply(xd, rows: rows, x, group: 0, result, into: yd, scratch: context.workspace, context)
    result.finishFloats(y, context)
  }
}

/// q = clamp(M[n] (bias[n] + sum (qa - za)(qb - zb)) + z) for each pair of matrices; b may be a variable.
final class Int8MatMulOperator: Operator {
  private var product = MatMulShape()
  private let transposeA: Bool, transposeB: Bool
  private var result = Int8Result()
  private var a = Quantization(scale: 1, zero: 0)
  private var matrix: Int8Matrix?

  override init(_ node: Node) throws(EngineError) {
    transposeA = node.attributes.bool(0)
    transposeB = node.attributes.bool(1)
    try super.init(node)
    try requireInputs(2...3)
    try requireOutputs(1...1)
    try requireType(0, .int8, .uint8)
    try requireType(1, .int8, .uint8)
    result = try Int8Result(self, bias: node.inputs.count == 3 ? node.inputs[2] : nil, activationField: 2)
  }

  override func infer() throws(EngineError) {
    a = try requireQuantization(input: 0)
    product = try MatMulShape(inputs[0], inputs[1], transposeA: transposeA, transposeB: transposeB)
    try requireQuantizedWeights(1, channels: product.n)
    try requireBias(node.inputs.count == 3 ? node.inputs[2] : nil, channels: product.n)
    try setOutput(0, result.type, product.dims)
  }

  private var swapsA: Bool { transposeA && node.inputs[0].shape.rank > 1 && product.m > 1 && product.k > 1 }
  /// Bytes of one transposed a, rounded up to a cache line.
  private var transposedBytes: Int { swapsA ? (product.m * product.k + 63) & ~63 : 0 }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let b = inputs[1]
    // Each matrix of a constant b is packed once; the kernels' vectors are the same for all of them but for the sums.
    if matrix == nil || !b.isConstant {
      let m = try Int8Matrix(
        b, k: product.k, n: product.n, groups: b.isConstant ? product.matricesB : 1, kernels: context.int8Kernels,
        sharesParameters: true)
      matrix = m
      if b.isConstant && b.count > 0 {
        guard let data = b.data else { throw EngineError(.error, "\(b) has no data") }
        try m.packConstant(data, rowStride: strideB.row, columnStride: strideB.column, context)
        if b.consumers == 1 { b.releaseConstant() }
      }
    }
    guard let matrix else { return }
    workspaceBytes = transposedBytes + matrix.productScratch(product.m * product.batch, a, result, context)
  }

  /// Elements of b from row to row and from column to column.
  private var strideB: (row: Int, column: Int) {
    transposeB && node.inputs[1].shape.rank > 1 ? (1, product.k) : (product.n, 1)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    guard y.count > 0, let matrix, let left = node.inputs[0].data, let yd = y.data else { return }
    let a = node.inputs[0].currentQuantization(self.a)
    let isConstant = node.inputs[1].isConstant
    if isConstant { matrix.update(a, result) }
    let m = product.m, n = product.n, k = product.k, size = result.isFloat ? 4 : 1
    var previousB = -1
    var i = 0
    while i < product.batch {
      let ia = product.batchA[i], ib = product.batchB[i]
      if !isConstant && ib != previousB, let data = node.inputs[1].data {
        matrix.packVariable(data + ib * k * n, rowStride: strideB.row, columnStride: strideB.column, context)
        matrix.reset()
        matrix.update(a, result)
        previousB = ib
      }
      var rows = UnsafeRawPointer(left) + ia * m * k
      if swapsA {
        transposeBytes(rows, context.workspace, rows: k, columns: m)
        rows = UnsafeRawPointer(context.workspace)
      }
      // All rows that share one b are one product.
      var merged = 1
      if !swapsA {
        while i + merged < product.batch && product.batchB[i + merged] == ib && product.batchA[i + merged] == ia + merged {
          merged += 1
        }
      }
      matrix.multiply(
        rows, rows: m * merged, a, group: isConstant ? ib : 0, result, into: yd + i * m * n * size,
        scratch: context.workspace + transposedBytes, context)
      i += merged
    }
    result.finishFloats(y, context)
  }

  /// target[c, r] = source[r, c]
  private func transposeBytes(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, rows: Int, columns: Int) {
    let from = source.assumingMemoryBound(to: UInt8.self), to = target.assumingMemoryBound(to: UInt8.self)
    for r in 0..<rows {
      for c in 0..<columns { to[c * rows + r] = from[r * columns + c] }
    }
  }
}
