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

  private var product = MatMulShape()
  private var m: Int { product.m }
  private var n: Int { product.n }
  private var k: Int { product.k }
  private var matrix: PackedMatrix?
  /// Panels of a constant b, all its matrices one after another.
  private var packed: PackedBuffer?
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
    product = try MatMulShape(inputs[0], inputs[1], transposeA: transposeA, transposeB: transposeB)
    try setOutput(0, .float32, product.dims)
    if bias != nil, inputs[2].shape.checkedCount != n {
      throw EngineError(.inferError, "the bias (\(inputs[2])) must have \(n) elements")
    }
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
        matrix = shape
        if b.count > 0 {
          guard let data = b.data else { throw EngineError(.error, "\(b) has no data") }
          packed = shape.packed(
            data, count: product.matricesB, fromHalf: b.type == .float16, rowStride: strideB.row, columnStride: strideB.column,
            context)
        } else {
          packed = PackedBuffer.make(count: 0)
        }
        if packed == nil { throw EngineError(.outOfMemory, "no memory to pack \(b)") }
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
  private var rowsOfOneMatrix: Int { product.matricesB == 1 && !swapsA ? m * product.batch : m }
  private var swapsA: Bool { transposeA && node.inputs[0].shape.rank > 1 && m > 1 && k > 1 }

  private func floats(_ pointer: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
    pointer.assumingMemoryBound(to: Float.self)
  }

  private func packB(_ shape: PackedMatrix, index: Int, into target: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    let b = node.inputs[1]
    guard let data = b.data else { return }
    let half = b.type == .float16
    shape.pack(
      data + index * k * n * (half ? 2 : 4), fromHalf: half, rowStride: strideB.row, columnStride: strideB.column, into: target,
      context)
  }

  /// Elements of b from row to row and from column to column.
  private var strideB: (row: Int, column: Int) { transposeB && node.inputs[1].shape.rank > 1 ? (1, k) : (n, 1) }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    if y.count == 0 { return }
    guard let matrix else { return }
    let left = a.pointer(self)
    let transposed = floats(context.workspace)
    let panels = context.workspace + scratch + matrix.scratchBytes(context)
    var previousB = -1
    var i = 0
    while i < product.batch {
      let ia = product.batchA[i], ib = product.batchB[i]
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
        while i + merged < product.batch && product.batchB[i + merged] == ib && product.batchA[i + merged] == ia + merged { merged += 1 }
      }
      let gemm = MSGemm(
        a: rows, lda: k, b: b, c: y.floats + i * m * n, ldc: n, m: m * merged, n: n, k: k, bias: bias?.pointer(self), residual: nil,
        ldr: 0, activation: activation.op, alpha: activation.alpha, beta: activation.beta)
      context.multiply(gemm, matrix, scratch: scratch)
      i += merged
    }
  }
}
