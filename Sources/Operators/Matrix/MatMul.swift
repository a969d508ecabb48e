import CKernels
import CSystem
import Graph
import System

// MatMulFusion attributes: 0 transpose_a (false)   1 transpose_b (false)   2 activation_type (none).
// Inputs: a [..., M, K], b [..., K, N] (last two swapped when transposed), optional bias [N]. A rank-1 a is a row, a rank-1 b a
// column; the added dimension is dropped from the result. Batch dimensions broadcast.

/// y = act(a b + bias), float32; constant operands may be float16.
final class MatMulOperator: Operator {
  private let transposeA: Bool, transposeB: Bool
  private var activation = FusedActivation.none
  private var a = FloatInput(0)
  private var bias: FloatInput? = nil

  // Sizes of one product, and the batches.
  private var m = 0, n = 0, k = 0
  private var batch = 1
  /// For each batch, which matrix of a and of b it takes.
  private var batchA = [Int](), batchB = [Int]()
  private var matrix: PackedMatrix?
  /// Panels of a constant b, all its matrices one after another.
  private var packed: Buffer?
  private var matricesB = 1
  /// Where the product's scratch lies in the workspace: behind a transposed a, before panels that the run packs.
  private var scratch = 0

  override init(_ node: Node) throws(EngineError) {
    let attributes = node.attributes
    transposeA = attributes.bool(0)
    transposeB = attributes.bool(1)
    try super.init(node)
    guard node.inputs.count == 2 || node.inputs.count == 3 else {
      throw EngineError(.error, "has \(node.inputs.count) inputs; two matrices and an optional bias are needed")
    }
    activation = try Operators.fusedActivation(of: node, field: 2)
    bias = node.inputs.count == 3 ? FloatInput(2) : nil
    try requireOutputs(1...1)
    for index in 0..<inputs.count { try requireFloat(index) }
  }

  override var acceptsFusedActivation: Bool { true }

  override func infer() throws(EngineError) {
    var sa = inputs[0].shape.dims, sb = inputs[1].shape.dims
    if sa.isEmpty || sb.isEmpty { throw EngineError(.inferError, "a scalar is no matrix: \(inputs[0]), \(inputs[1])") }
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
    if k != kb {
      throw EngineError(.inferError, "inner sizes differ: \(inputs[0]) gives \(k), \(inputs[1]) gives \(kb)")
    }
    var dims = [Int](), leadA = [Int](), leadB = [Int]()
    for i in 0..<(r - 2) {
      let x = sa[i], y = sb[i]
      // The original also takes batch sizes of which one divides the other, repeating the smaller; 1 is the usual case.
      guard x == y || x == 1 || y == 1 || (x > 0 && y > 0 && (x % y == 0 || y % x == 0)) else {
        throw EngineError(.inferError, "batch sizes do not fit: \(inputs[0]), \(inputs[1])")
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
    var out = dims
    if !rowVector { out.append(m) }
    if !columnVector { out.append(n) }
    try setOutput(0, .float32, out)
    if bias != nil, inputs[2].shape.checkedCount != n {
      throw EngineError(.inferError, "the bias (\(inputs[2])) must have \(n) elements")
    }
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

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try a.prepare(self, context)
    try bias?.prepare(self, context)
    let b = inputs[1]
    // A constant's panels stay as they were packed for the first shape.
    let shape: PackedMatrix
    if let matrix, packed != nil { shape = matrix } else { shape = try PackedMatrix(k: k, n: n, packedFor: b.isConstant ? nil : rowsOfOneMatrix, context) }
    halfArithmetic = 0
    noteArithmetic(shape)
    scratch = transposedBytes
    workspaceBytes = transposedBytes + shape.scratchBytes(context)
    if b.isConstant {
      // A resize can change the batch, not a constant's own sizes: packed panels stay valid.
      if packed == nil {
        let (bytes, overflow) = shape.bytes.multipliedReportingOverflow(by: matricesB)
        guard !overflow, let buffer = Buffer(count: bytes) else {
          throw EngineError(.outOfMemory, "no memory to pack \(b)")
        }
        matrix = shape
        packed = buffer
        if b.count > 0 {
          guard b.data != nil else { throw EngineError(.error, "\(b) has no data") }
          for i in 0..<matricesB { packB(shape, index: i, into: buffer.base + i * shape.bytes, context) }
        }
        if b.consumers == 1 { b.releaseConstant() }
      }
    } else {
      matrix = shape
      workspaceBytes += shape.bytes
    }
  }

  /// Bytes of one transposed a (the kernel reads rows of a in place), rounded up to a cache line.
  private var transposedBytes: Int { swapsA ? (m * k * 4 + 63) & ~63 : 0 }
  /// Rows that one matrix of b is multiplied with.
  private var rowsOfOneMatrix: Int { matricesB == 1 && !swapsA ? m * batch : m }
  private var swapsA: Bool { transposeA && node.inputs[0].shape.rank > 1 && m > 1 && k > 1 }

  private func floats(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
    pointer.assumingMemoryBound(to: Float.self)
  }

  private func packB(_ shape: PackedMatrix, index: Int, into target: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    let b = node.inputs[1]
    guard let data = b.data else { return }
    let half = b.type == .float16
    let swap = transposeB && b.shape.rank > 1
    shape.pack(
      data + index * k * n * (half ? 2 : 4), fromHalf: half, rowStride: swap ? 1 : n, columnStride: swap ? k : 1, into: target,
      context)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    if y.count == 0 { return }
    guard let matrix else { return }
    let left = a.pointer(self)
    let transposed = floats(context.workspace)
    let panels = context.workspace + scratch + matrix.scratchBytes(context)
    var previousB = -1
    var i = 0
    while i < batch {
      let ia = batchA[i], ib = batchB[i]
      let b: UnsafePointer<Float>
      if let packed {
        b = UnsafePointer(floats(packed.base + ib * matrix.bytes))
      } else {
        if ib != previousB { packB(matrix, index: ib, into: panels, context) }
        previousB = ib
        b = UnsafePointer(floats(panels))
      }
      var rows = left + ia * m * k
      if swapsA {
        context.kernels.pointee.transpose_32(
          UnsafeRawPointer(rows).assumingMemoryBound(to: UInt32.self), m,
          UnsafeMutableRawPointer(transposed).assumingMemoryBound(to: UInt32.self), k, k, m)
        rows = UnsafePointer(transposed)
      }
      // All rows that share one b are one product.
      var merged = 1
      if !swapsA {
        while i + merged < batch && batchB[i + merged] == ib && batchA[i + merged] == ia + merged { merged += 1 }
      }
      let gemm = MSGemm(
        a: rows, lda: k, b: b, c: y.floats + i * m * n, ldc: n, m: m * merged, n: n, k: k, bias: bias?.pointer(self), residual: nil,
        ldr: 0, activation: activation.op, alpha: activation.alpha, beta: activation.beta)
      context.multiply(gemm, matrix, scratch: scratch)
      i += merged
    }
  }
}
