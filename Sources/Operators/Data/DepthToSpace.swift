import Graph

// DepthToSpace. Attributes: 0 block_size: int, at least 2; 1 format: Format, not used, data are NHWC; 2 mode: string, "DCR" or
// absent: channels are ordered (dy, dx, c); "CRD": (c, dy, dx).
// SpaceToDepth. Attributes: 0 block_size: int, at least 1; 1 format, not used.

/// Channels become positions in blocks of the image: [N, H, W, b * b * C] to [N, H * b, W * b, C].
final class DepthToSpaceOperator: MoveOperator {
  private let block: Int
  private let channelFirst: Bool

  override init(_ node: Node) throws(EngineError) {
    block = node.attributes.int(0, 0)
    if let mode = node.attributes.string(2) { channelFirst = mode.utf8.elementsEqual("CRD".utf8) } else { channelFirst = false }
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    if block < 2 || block > 1 << 15 {
      throw EngineError(.notSupported, "has the block size \(block); 2 to \(1 << 15) are accepted")
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    let s = inputs[0].shape
    let (h, overflowH) = s[1].multipliedReportingOverflow(by: block)
    let (w, overflowW) = s[2].multipliedReportingOverflow(by: block)
    if s[3] % (block * block) != 0 || overflowH || overflowW {
      throw EngineError(
        .inferError, "the channels of input 0 (\(inputs[0])) are no multiple of \(block * block), the block's area")
    }
    try setOutput(0, inputs[0].type, [s[0], h, w, s[3] / (block * block)])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let (s, y) = (inputs[0].shape, outputs[0].shape)
    let (c, b) = (y[3], block)
    if s.count == 0 {
      moves = []
      return
    }
    // Axes of the output: n, h, dy, w, dx, c.
    let channel = channelFirst ? [b, 1, b * b] : [b * c, c, 1]
    moves = [
      Move(
        input: 0, output: 0,
        copy: StridedCopy(
          counts: [s[0], s[1], b, s[2], b, c],
          from: [s[1] * s[2] * s[3], s[2] * s[3], channel[0], s[3], channel[1], channel[2]],
          to: Shape([s[0], s[1], b, s[2], b, c]).steps, elementSize: inputs[0].type.size))
    ]
  }
}

/// Positions in blocks of the image become channels, in the order (dy, dx, c).
final class SpaceToDepthOperator: MoveOperator {
  private let block: Int

  override init(_ node: Node) throws(EngineError) {
    block = node.attributes.int(0, 0)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    if block < 1 || block > 1 << 15 {
      throw EngineError(.notSupported, "has the block size \(block); 1 to \(1 << 15) are accepted")
    }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    let s = inputs[0].shape
    let (c, overflow) = s[3].multipliedReportingOverflow(by: block * block)
    if s[1] % block != 0 || s[2] % block != 0 || overflow {
      throw EngineError(.inferError, "the image of input 0 (\(inputs[0])) does not divide into blocks of \(block)")
    }
    try setOutput(0, inputs[0].type, [s[0], s[1] / block, s[2] / block, c])
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let (s, y, b) = (inputs[0].shape, outputs[0].shape, block)
    let (c, row) = (s[3], s[2] &* s[3])
    let counts = [y[0], y[1], y[2], b, b, c]
    moves = [
      Move(
        input: 0, output: 0,
        copy: StridedCopy(
          counts: counts, from: [s[1] &* row, b &* row, b &* c, row, c, 1], to: Shape(counts).steps,
          elementSize: inputs[0].type.size))
    ]
  }
}
