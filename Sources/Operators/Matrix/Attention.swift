import CKernels
import CSystem
import Graph
import KernelSelection
import System

// Made by the optimiser from two MatMulFusion nodes with a Softmax between them. Inputs: q, k, v and an optional mask, float32 and of rank
// 4 (the mask: up to 4), laid out as `AttentionLayout` says. The batch and the heads of q, k, v and mask broadcast; the mask's last two
// axes are 1 or those of the scores.

/// y = softmax(scale q k^T + mask) v. The scores of a block of queries stay in the cache between the three steps, and are never in memory
/// all at once.
final class AttentionOperator: Operator {
  private let layout: AttentionLayout
  private var batch = 0, heads = 0
  /// Queries; keys and values; depth of queries and keys; depth of values.
  private var rows = 0, columns = 0, depth = 0, width = 0
  private var keys: PackedMatrix?, values: PackedMatrix?
  private var hasMask: Bool { node.inputs.count == 4 }

  // Where things lie in the workspace: packed keys and values of every head, then what each worker needs for itself.
  private var rowsPerBlock = 1
  private var scoreBytes = 0, workerBytes = 0

  /// Bytes of scores that stay in a core's own caches beside the packed keys and values.
  private static let blockBytes = 96 << 10

  init(_ node: Node, _ layout: AttentionLayout) throws(EngineError) {
    self.layout = layout
    try super.init(node)
    try requireInputs(3...4)
    try requireOutputs(1...1)
    for index in 0..<inputs.count { try requireType(index, .float32) }
  }

  /// Sizes of an operand in the order batch, heads, positions, depth.
  private func sizes(_ shape: Shape, _ axes: AttentionLayout.Axes) -> (batch: Int, heads: Int, positions: Int, depth: Int) {
    switch axes {
    case .headsFirst: (shape[0], shape[1], shape[2], shape[3])
    case .positionsFirst: (shape[0], shape[2], shape[1], shape[3])
    case .depthFirst: (shape[0], shape[1], shape[3], shape[2])
    }
  }

  /// The common size of two axes that broadcast.
  private func broadcast(_ a: Int, _ b: Int, _ index: Int) throws(EngineError) -> Int {
    if a == b || b == 1 { return a }
    if a == 1 { return b }
    throw EngineError(.inferError, "batch or heads of input \(index) (\(inputs[index])) do not fit those of the inputs before it")
  }

  override func infer() throws(EngineError) {
    for index in 0..<3 where inputs[index].shape.rank != 4 {
      throw EngineError(.inferError, "input \(index) (\(inputs[index])) must have 4 axes")
    }
    let q = sizes(inputs[0].shape, layout.queries), k = sizes(inputs[1].shape, layout.keys)
    let v = sizes(inputs[2].shape, layout.values)
    if q.depth != k.depth { throw EngineError(.inferError, "\(inputs[0]) and \(inputs[1]) differ in their inner size") }
    if k.positions != v.positions { throw EngineError(.inferError, "\(inputs[1]) and \(inputs[2]) differ in the number of positions") }
    batch = try broadcast(try broadcast(q.batch, k.batch, 1), v.batch, 2)
    heads = try broadcast(try broadcast(q.heads, k.heads, 1), v.heads, 2)
    (rows, columns, depth, width) = (q.positions, k.positions, q.depth, v.depth)
    if hasMask {
      let mask = inputs[3].shape
      if mask.rank > 4 { throw EngineError(.inferError, "the mask (\(inputs[3])) has more than 4 axes") }
      batch = try broadcast(batch, maskSize(0), 3)
      heads = try broadcast(heads, maskSize(1), 3)
      if maskSize(2) != 1 && maskSize(2) != rows || maskSize(3) != 1 && maskSize(3) != columns {
        throw EngineError(.inferError, "the mask (\(inputs[3])) does not fit scores of \(rows) x \(columns)")
      }
    }
    let dims = layout.output == .positionsFirst ? [batch, rows, heads, width] : [batch, heads, rows, width]
    try setOutput(0, .float32, dims)
  }

  /// Size of axis `axis` of the mask as if it had 4.
  private func maskSize(_ axis: Int) -> Int {
    let shape = node.inputs[3].shape, missing = 4 - shape.rank
    return axis < missing ? 1 : shape[axis - missing]
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let k = try PackedMatrix(k: depth, n: columns, packedFor: rows, context)
    let v = try PackedMatrix(k: columns, n: width, packedFor: rows, context)
    (keys, values) = (k, v)
    halfArithmetic = 0
    noteArithmetic(k)
    noteArithmetic(v)
    let tile = k.rowTile
    // A block for every share of the work, and not more scores than the cache holds.
    let cached = Self.blockBytes / (max(columns, 1) * 4), share = rows * batch * heads / max(context.threads * 4, 1)
    rowsPerBlock = max(tile, min(cached, max(share, 4 * tile)) / tile * tile)
    scoreBytes = (min(rowsPerBlock, rows) * columns * 4 + 63) & ~63
    workerBytes = scoreBytes + max(k.scratchStride, v.scratchStride)
    let (packed, o1) = (batch * heads).multipliedReportingOverflow(by: k.bytes + v.bytes)
    let (own, o2) = workerBytes.multipliedReportingOverflow(by: context.threads)
    if o1 || o2 || packed > 1 << 40 { throw EngineError(.outOfMemory, "\(batch * heads) heads of \(columns) positions are too large") }
    workspaceBytes = packed + own
  }

  override var algorithm: StaticString { "attention" }

  /// Distances of an operand: from batch to batch, head to head, position to position, and from one number of a position to the next.
  private struct Strides {
    let batch: Int, head: Int, position: Int, depth: Int

    /// Of sizes (batch, heads, positions, depth); a batch or head of which there is one only stands for all.
    init(_ s: (batch: Int, heads: Int, positions: Int, depth: Int), _ axes: AttentionLayout.Axes) {
      batch = s.batch == 1 ? 0 : s.heads * s.positions * s.depth
      switch axes {
      case .headsFirst: (head, position, depth) = (s.positions * s.depth, s.depth, 1)
      case .positionsFirst: (head, position, depth) = (s.depth, s.heads * s.depth, 1)
      case .depthFirst: (head, position, depth) = (s.positions * s.depth, 1, s.positions)
      }
      heads = s.heads
    }
    private let heads: Int
    func start(_ b: Int, _ h: Int) -> Int { b * batch + (heads == 1 ? 0 : h * head) }
  }

  /// Packs keys and values, each of one batch and head a task.
  private struct PackJob: ParallelJob {
    let keys: PackedMatrix, values: PackedMatrix
    let k: UnsafePointer<Float>, v: UnsafePointer<Float>
    let kStrides: Strides, vStrides: Strides
    let heads: Int
    let target: UnsafeMutableRawPointer

    func run(_ index: Int, worker: Int) {
      let item = index / 2, b = item / heads, h = item % heads
      let own = target + item * (keys.bytes + values.bytes)
      if index % 2 == 0 {
        keys.packPanels(
          k + kStrides.start(b, h), fromHalf: false, rowStride: kStrides.depth, columnStride: kStrides.position, into: own, 0, keys.panels)
      } else {
        values.packPanels(
          v + vStrides.start(b, h), fromHalf: false, rowStride: vStrides.position, columnStride: vStrides.depth,
          into: own + keys.bytes, 0, values.panels)
      }
    }
  }

  /// The mask, with distances that are 0 along axes of size 1.
  private struct Mask {
    let data: UnsafePointer<Float>
    let batch: Int, head: Int, row: Int, column: Int
  }

  /// A block of queries of one batch and head a task.
  private struct BlockJob: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let keys: PackedMatrix, values: PackedMatrix
    let q: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let qStrides: Strides, yStrides: Strides
    let mask: Mask?
    let scale: Float
    let heads: Int, rows: Int, columns: Int, rowsPerBlock: Int, blocks: Int
    let packed: UnsafeMutableRawPointer
    let scratch: UnsafeMutableRawPointer
    let scoreBytes: Int, workerBytes: Int

    func run(_ index: Int, worker: Int) {
      let item = index / blocks, b = item / heads, h = item % heads
      let first = index % blocks * rowsPerBlock, count = min(rowsPerBlock, rows - first)
      let own = packed + item * (keys.bytes + values.bytes)
      let scores = (scratch + worker * workerBytes).assumingMemoryBound(to: Float.self)
      let rest = scratch + (worker * workerBytes + scoreBytes)
      keys.multiplyRows(
        MSGemm(
          a: q + (qStrides.start(b, h) + first * qStrides.position), lda: qStrides.position, b: own.assumingMemoryBound(to: Float.self),
          c: scores, ldc: columns, m: count, n: columns, k: keys.k, bias: nil, residual: nil, ldr: 0,
          activation: Int32((scale == 1 ? MS_UNARY_IDENTITY : MS_UNARY_AFFINE).rawValue), alpha: scale, beta: 0),
        0, count, scratch: rest)
      if let mask {
        let rowMask = mask.data + (b * mask.batch + h * mask.head + first * mask.row)
        var r = 0
        while r < count {
          let row = scores + r * columns
          kernels.pointee.binary(
            Int32(MS_BINARY_ADD.rawValue), row, 1, rowMask + r * mask.row, mask.column, row, columns,
            Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
          r += 1
        }
      }
      kernels.pointee.softmax(scores, scores, count, columns, 0)
      values.multiplyRows(
        MSGemm(
          a: scores, lda: columns, b: (own + keys.bytes).assumingMemoryBound(to: Float.self),
          c: y + (yStrides.start(b, h) + first * yStrides.position), ldc: yStrides.position, m: count, n: values.n, k: columns,
          bias: nil, residual: nil, ldr: 0, activation: Int32(MS_UNARY_IDENTITY.rawValue), alpha: 0, beta: 0),
        0, count, scratch: rest)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let keys, let values else { return }
    let items = batch * heads
    let scratch = context.workspace + items * (keys.bytes + values.bytes)
    context.parallel(
      items * 2,
      PackJob(
        keys: keys, values: values, k: UnsafePointer(inputs[1].floats), v: UnsafePointer(inputs[2].floats),
        kStrides: Strides(sizes(inputs[1].shape, layout.keys), layout.keys),
        vStrides: Strides(sizes(inputs[2].shape, layout.values), layout.values), heads: heads, target: context.workspace))
    var mask: Mask? = nil
    if hasMask {
      let (b, h, r, c) = (maskSize(0), maskSize(1), maskSize(2), maskSize(3))
      mask = Mask(
        data: UnsafePointer(inputs[3].floats), batch: b == 1 ? 0 : h * r * c, head: h == 1 ? 0 : r * c, row: r == 1 ? 0 : c,
        column: c == 1 ? 0 : 1)
    }
    let blocks = (rows + rowsPerBlock - 1) / rowsPerBlock
    context.parallel(
      items * blocks,
      BlockJob(
        kernels: context.kernels, keys: keys, values: values, q: UnsafePointer(inputs[0].floats), y: outputs[0].floats,
        qStrides: Strides(sizes(inputs[0].shape, layout.queries), layout.queries),
        yStrides: Strides((batch, heads, rows, width), layout.output), mask: mask, scale: layout.scale, heads: heads, rows: rows,
        columns: columns, rowsPerBlock: rowsPerBlock, blocks: blocks, packed: context.workspace, scratch: scratch,
        scoreBytes: scoreBytes, workerBytes: workerBytes))
  }
}
