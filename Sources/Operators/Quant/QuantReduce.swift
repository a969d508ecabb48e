import CKernels
import Graph
import System

// Attributes: as in Reduce.swift.

/// ReduceFusion on int8 and uint8.
///
/// The mean and the sum over adjacent axes are integer sums and one fixed-point multiplication, as in TFLite; the maximum and the
/// minimum are taken on bytes and requantised. Everything else (other modes, axes that are not adjacent, a factor) is computed in
/// float32.
final class QuantReduceOperator: Operator {
  private let general: DequantizedOperator
  private let reduce: ReduceOperator
  private var from = Quantization(scale: 1, zero: 0), to = Quantization(scale: 1, zero: 0)
  /// Requantisation of the maximum and the minimum.
  private var table: [UInt8] = []
  /// [outer, n, inner] is reduced over n; nil when the general way is taken.
  private var extent: (outer: Int, n: Int, inner: Int)? = nil

  static func make(_ node: Node) throws(EngineError) -> Operator {
    var reduce: ReduceOperator? = nil
    let general = try DequantizedOperator.make(node) { n throws(EngineError) in
      let op = try ReduceOperator(n)
      reduce = op
      return op
    }
    guard let reduce else { return general }
    let op = try QuantReduceOperator(node, general, reduce)
    op.from = try op.requireQuantization(input: 0)
    op.to = try op.quantization(output: 0, type: node.inputs[0].type, like: op.from)
    op.table = op.from.requantization(to: op.to)
    return op
  }

  private init(_ node: Node, _ general: DequantizedOperator, _ reduce: ReduceOperator) throws(EngineError) {
    self.general = general
    self.reduce = reduce
    try super.init(node)
  }

  override func infer() throws(EngineError) { try general.infer() }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try general.prepare(context)
    extent = reduce.singleStep
    switch reduce.mode {
    case ReduceMode.mean, ReduceMode.sum, ReduceMode.max, ReduceMode.min: break
    default: extent = nil
    }
    if inputs[0].count == 0 || outputs[0].count == 0 || reduce.hasFactor { extent = nil }
    guard let extent else {
      workspaceBytes = general.workspaceBytes
      return
    }
    workspaceBytes = context.threads * extent.inner * 4
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let mode: Int
    let x: UnsafePointer<UInt8>, y: UnsafeMutablePointer<UInt8>, sums: UnsafeMutablePointer<Int32>
    let n: Int, inner: Int
    let table: UnsafePointer<UInt8>
    let flip: UInt8
    let offset: Int32
    let result: MSQuantOutput

    /// One index of the outer axes.
    func run(_ index: Int, worker: Int) {
      let from = x + index * n * inner, result = y + index * inner
      if mode == ReduceMode.max || mode == ReduceMode.min {
        // With all bits flipped the order is reversed.
        let order = mode == ReduceMode.max ? flip : flip ^ 0xff
        for i in 0..<inner { result[i] = 0x80 ^ order }
        kernels.pointee.int8.max_columns(from, result, n, inner, inner, order)
        kernels.pointee.int8.map(result, result, inner, table)
        return
      }
      let sums = sums + worker * inner
      var output = self.result
      if inner == 1 {
        sums[0] = Int32(truncatingIfNeeded: kernels.pointee.int8.sum(from, n, flip))
      } else {
        for i in 0..<inner { sums[i] = 0 }
        kernels.pointee.int8.sum_columns(from, sums, n, inner, inner, flip)
      }
      kernels.pointee.int8.requantize(sums, offset, result, inner, &output)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let extent else { return try general.run(context) }
    var result = MSQuantOutput(from.scale / to.scale, to)
    if reduce.mode == ReduceMode.mean { meanScale(&result.scale, count: extent.n) }
    table.withUnsafeBufferPointer { table in
      context.parallelRows(
        extent.outer, elements: extent.n * extent.inner,
        Job(
          kernels: context.kernels, mode: reduce.mode, x: UnsafePointer(inputs[0].pointer(UInt8.self)),
          y: outputs[0].pointer(UInt8.self), sums: context.workspace.assumingMemoryBound(to: Int32.self), n: extent.n,
          inner: extent.inner, table: table.baseAddress.unsafelyUnwrapped, flip: from.flip,
          offset: 0 &- Int32(truncatingIfNeeded: extent.n) &* from.zero, result: result))
    }
  }
}
