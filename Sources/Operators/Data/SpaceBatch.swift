import Graph

// SpaceToBatch: attributes 0 block_size: ints, 1 paddings: [[top, bottom], [left, right]].
// SpaceToBatchND: attributes 0 block_shape, 1 paddings, the same; or as inputs 1 and 2.
// BatchToSpace: attributes 0 block_size, 1 crops. BatchToSpaceND: attributes 0 block_shape, 1 crops. Or as inputs 1 and 2.

/// What the four operators share: NHWC data, a block of one number (height) or two (height, width), and four edges.
class BlockOperator: MoveOperator {
  private let blockAttribute: [Int]
  private let edgeAttribute: [[Int]]
  final var blockHeight = 1, blockWidth = 1
  /// Padding or crop: top, bottom, left, right.
  final var edges: [Int] = [0, 0, 0, 0]

  override init(_ node: Node) throws(EngineError) {
    blockAttribute = node.attributes.ints(0)
    edgeAttribute = node.attributes.ints2D(1)
    try super.init(node)
    if inputs.count != 1 && inputs.count != 3 {
      throw EngineError(.error, "has \(inputs.count) inputs; 1 or 3 are needed")
    }
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  final func readBlock() throws(EngineError) {
    try requireRank(0, 4...4)
    var block = blockAttribute
    var list = [Int]()
    if inputs.count == 3 {
      block = try requireSmallIntegers(1)
      list = try requireSmallIntegers(2)
    } else {
      for row in edgeAttribute { list += row }
    }
    if block.count < 1 || block.count > 2 || list.count < 2 * block.count || list.count > 4 {
      throw EngineError(.inferError, "has \(block.count) block sizes and \(list.count) edges; 1 and 2 or 2 and 4 are accepted")
    }
    for v in block where v < 1 || v > 256 {
      throw EngineError(.inferError, "has the block size \(v); 1 to 256 are accepted")
    }
    for v in list where v < 0 { throw EngineError(.inferError, "has the edge \(v); it must not be negative") }
    blockHeight = block[0]
    blockWidth = block.count == 2 ? block[1] : 1
    // A block of one number has no width; edges that are given for it all the same do not count.
    edges = block.count == 2 ? list : [list[0], list[1], 0, 0]
  }

  /// The entries i, below `small`, for which i * block + offset - edge lies in 0..<large.
  final func range(_ offset: Int, _ block: Int, _ edge: Int, _ small: Int, _ large: Int) -> Range<Int> {
    let first = offset >= edge ? 0 : (edge - offset + block - 1) / block
    let room = large - 1 - offset + edge
    let last = room < 0 ? -1 : min(small - 1, room / block)
    return last < first ? 0..<0 : first..<last + 1
  }

  /// One move per position in the block, between the image with the large extent and the batch of small ones.
  final func moveBlocks(large: Shape, small: Shape, toSmall: Bool) {
    let (largeSteps, smallSteps) = (large.steps, small.steps)
    moves = []
    // No images, no channels, no pixels: nothing to move, and the steps may be meaningless.
    if large.count == 0 || small.count == 0 { return }
    var i = 0
    while i < blockHeight * blockWidth {
      let (dy, dx) = (i / blockWidth, i % blockWidth)
      let rows = range(dy, blockHeight, edges[0], small[1], large[1])
      let columns = range(dx, blockWidth, edges[2], small[2], large[2])
      if !rows.isEmpty && !columns.isEmpty {
        let largeAxes = [largeSteps[0], blockHeight * largeSteps[1], blockWidth * largeSteps[2], 1]
        let largeOffset =
          (rows.lowerBound * blockHeight + dy - edges[0]) * largeSteps[1]
          + (columns.lowerBound * blockWidth + dx - edges[2]) * largeSteps[2]
        let smallOffset =
          i * large[0] * smallSteps[0] + rows.lowerBound * smallSteps[1] + columns.lowerBound * smallSteps[2]
        moves.append(
          Move(
            input: 0, output: 0,
            copy: StridedCopy(
              counts: [large[0], rows.count, columns.count, large[3]], from: toSmall ? largeAxes : smallSteps,
              to: toSmall ? smallSteps : largeAxes, elementSize: inputs[0].type.size,
              fromOffset: toSmall ? largeOffset : smallOffset, toOffset: toSmall ? smallOffset : largeOffset)))
      }
      i += 1
    }
  }
}

/// Moves the positions of each block of the (padded) image to the batch: out[(dy * bw + dx) * N + n, h, w] =
/// x[n, h * bh + dy - top, w * bw + dx - left]. Rows and columns that fill no block are dropped.
final class SpaceToBatchOperator: BlockOperator {
  override func infer() throws(EngineError) {
    try readBlock()
    let s = inputs[0].shape
    let (n, overflow) = s[0].multipliedReportingOverflow(by: blockHeight * blockWidth)
    if overflow { throw EngineError(.inferError, "cannot cut \(inputs[0]) into so many blocks") }
    try setOutput(
      0, inputs[0].type,
      [n, (s[1] + edges[0] + edges[1]) / blockHeight, (s[2] + edges[2] + edges[3]) / blockWidth, s[3]])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    var zero: UInt64 = 0
    if inputs[0].type == .int8 || inputs[0].type == .uint8, let q = inputs[0].quantParams.first {
      zero = inputs[0].type.bits(of: Double(q.zeroPoint)) ?? 0
    }
    background = edges[0] + edges[1] + edges[2] + edges[3] == 0 ? nil : zero
    moveBlocks(large: inputs[0].shape, small: outputs[0].shape, toSmall: true)
  }
}

/// The inverse of SpaceToBatch, without the cropped edges.
final class BatchToSpaceOperator: BlockOperator {
  override func infer() throws(EngineError) {
    try readBlock()
    let s = inputs[0].shape
    let block = blockHeight * blockWidth
    if s[0] % block != 0 {
      throw EngineError(.inferError, "the \(s[0]) images of input 0 (\(inputs[0])) do not make blocks of \(block)")
    }
    let (h, overflowH) = s[1].multipliedReportingOverflow(by: blockHeight)
    let (w, overflowW) = s[2].multipliedReportingOverflow(by: blockWidth)
    if overflowH || overflowW || edges[0] + edges[1] > h || edges[2] + edges[3] > w {
      throw EngineError(.inferError, "crops \(Shape(edges)) do not fit the blocks of input 0 (\(inputs[0]))")
    }
    try setOutput(0, inputs[0].type, [s[0] / block, h - edges[0] - edges[1], w - edges[2] - edges[3], s[3]])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    moveBlocks(large: outputs[0].shape, small: inputs[0].shape, toSmall: false)
  }
}
