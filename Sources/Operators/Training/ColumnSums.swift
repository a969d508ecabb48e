import CKernels
import Graph
import System

/// Sums down the columns of matrices of rows x columns, on all threads: blocks of rows, whose number the size alone decides, then the sum
/// of the blocks.
struct ColumnSums {
  private(set) var rows = 0, columns = 0
  private var blocks = 1

  init() {}

  init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
    blocks = max(1, min(64, rows, rows * columns / Elementwise.grain))
  }

  /// Floats of scratch that a run needs.
  var scratch: Int { blocks > 1 ? blocks * columns : 0 }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let a: UnsafePointer<Float>, a0: UnsafePointer<Float>?
    let b: UnsafePointer<Float>?, b0: UnsafePointer<Float>?
    let y: UnsafeMutablePointer<Float>
    let rows: Int, columns: Int, blocks: Int
    func run(_ index: Int, worker: Int) {
      let first = rows * index / blocks, count = rows * (index + 1) / blocks - first
      let start = first * columns, target = y + index * columns
      if let b {
        kernels.pointee.dot_columns(a + start, a0, b + start, b0, target, count, columns, columns)
      } else {
        kernels.pointee.reduce_columns(Int32(MS_REDUCE_SUM.rawValue), a + start, target, count, columns, columns)
      }
    }
  }

  /// y[c] = the sum of a[r, c], or of (a[r, c] - a0[c]) * (b[r, c] - b0[c]).
  func run(
    _ a: UnsafePointer<Float>, _ a0: UnsafePointer<Float>? = nil, times b: UnsafePointer<Float>? = nil, _ b0: UnsafePointer<Float>? = nil,
    into y: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>, _ context: ExecutionContext
  ) {
    let target = blocks > 1 ? scratch : y
    let job = Job(
      kernels: context.kernels, a: a, a0: a0, b: b, b0: b0, y: target, rows: rows, columns: columns, blocks: blocks)
    context.parallel(blocks, job)
    if blocks > 1 {
      context.kernels.pointee.reduce_columns(Int32(MS_REDUCE_SUM.rawValue), scratch, y, blocks, columns, columns)
    }
  }
}

/// BiasAddGrad: the sum of dy over all axes but the last, float32. Attributes: none.
final class BiasAddGradOperator: Operator {
  private var sums = ColumnSums()

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 1...Shape.maximumRank)
    try setOutput(0, .float32, [inputs[0].shape[inputs[0].shape.rank - 1]])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let columns = outputs[0].count
    sums = ColumnSums(rows: columns == 0 ? 0 : inputs[0].count / columns, columns: columns)
    workspaceBytes = sums.scratch * 4
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    guard inputs[0].count > 0 else {
      return fillElements(context, outputs[0].data, outputs[0].count, elementSize: 4, bits: 0)
    }
    sums.run(UnsafePointer(inputs[0].floats), into: outputs[0].floats, scratch: scratch(context), context)
  }
}
