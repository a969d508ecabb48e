import CKernels
import Graph
import System

// FullConnection attributes: 0 has_bias (false)   1 use_axis (false)   2 axis (0)   3 activation_type (none).
// Inputs: x, weights [O, K] (always the transposed form), bias [O] when has_bias.

/// y = act(x w^T + bias): x is taken as rows of K, after `axis` where use_axis is set. float32; weights may be float16.
final class FullConnectionOperator: Operator {
  private let useAxis: Bool
  private let axis: Int
  private var activation = FusedActivation.none
  private var bias: FloatInput? = nil
  private var o = 0, k = 0
  private var rows = 0
  private var matrix: PackedMatrix?
  private var packed: PackedBuffer?

  override init(_ node: Node) throws(EngineError) {
    let attributes = node.attributes
    useAxis = attributes.bool(1)
    axis = attributes.int(2)
    try super.init(node)
    guard node.inputs.count == 2 || node.inputs.count == 3 else {
      throw EngineError(.error, "has \(node.inputs.count) inputs; x, weights and an optional bias are needed")
    }
    let weights = node.inputs[1]
    guard weights.shape.rank == 2, weights.shape.checkedCount != nil else {
      throw EngineError(.error, "the weights (\(weights)) must have the 2 dimensions [O, K]")
    }
    (o, k) = (weights.shape[0], weights.shape[1])
    activation = try Operators.fusedActivation(of: node, field: 3)
    bias = node.inputs.count == 3 ? FloatInput(2) : nil
    if bias != nil, node.inputs[2].shape.checkedCount != o {
      throw EngineError(.error, "the bias (\(node.inputs[2])) must have \(o) elements")
    }
    try requireOutputs(1...1)
    try requireType(0, .float32)
    for index in 1..<inputs.count { try requireFloat(index) }
  }

  override var acceptsFusedActivation: Bool { true }

  override func infer() throws(EngineError) {
    let dims = try fullConnectionRows(useAxis ? axis : nil, depth: k)
    rows = Shape(dims).count
    try setOutput(0, .float32, dims + [o])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try bias?.prepare(self, context)
    let weights = inputs[1]
    if packed != nil { return }
    let m = try PackedMatrix(k: k, n: o, packedFor: weights.isConstant ? nil : rows, context)
    noteArithmetic(m)
    matrix = m
    workspaceBytes = m.scratchBytes(context) + (weights.isConstant ? 0 : m.bytes)
    if !weights.isConstant { return }
    if weights.count > 0 {
      guard let data = weights.data else { throw EngineError(.error, "the weights (\(weights)) have no data") }
      packed = m.packed(data, fromHalf: weights.type == .float16, rowStride: 1, columnStride: k, context)
    } else {
      packed = PackedBuffer.make(count: m.bytes)
    }
    if packed == nil { throw EngineError(.outOfMemory, "no memory to pack \(weights)") }
    if weights.consumers == 1 { weights.releaseConstant() }
  }

  private func pack(_ m: PackedMatrix, into target: UnsafeMutableRawPointer, _ context: ExecutionContext) {
    let weights = node.inputs[1]
    guard let data = weights.data else { return }
    m.pack(data, fromHalf: weights.type == .float16, rowStride: 1, columnStride: k, into: target, context)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let y = node.outputs[0]
    guard y.count > 0, let matrix else { return }
    // The scratch of the product, then panels that the run packs.
    let panels = packed?.base ?? context.workspace + matrix.scratchBytes(context)
    if packed == nil { pack(matrix, into: panels, context) }
    let gemm = MSGemm(
      a: node.inputs[0].floats, lda: k, b: panels.assumingMemoryBound(to: Float.self), c: y.floats, ldc: o, m: rows, n: o, k: k,
      bias: bias?.pointer(self), residual: nil, ldr: 0, activation: activation.op, alpha: activation.alpha, beta: activation.beta)
    context.multiply(gemm, matrix, scratch: 0)
  }
}
