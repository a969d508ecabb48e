import Graph

// Transpose. Attributes: none. Input 1: the permutation; absent or empty reverses the axes. A permutation of another length
// than the rank leaves the input as it is, except that one of four entries on three dimensions means 0, 2, 1 (both as in the
// original: converters write the permutation of the layout, not of the tensor).

/// y[i0, i1, ...] has the axes of x in the order of the permutation.
final class TransposeOperator: MoveOperator {
  private var permutation: [Int] = []

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    let rank = shape.rank
    var order = inputs.count == 2 ? try requireSmallIntegers(1) : []
    var seen = [Bool](repeating: false, count: order.count)
    for p in order {
      if p < 0 || p >= order.count || seen[p] {
        throw EngineError(.inferError, "\(Shape(order)) is not a permutation")
      }
      seen[p] = true
    }
    let format = outputFormat(order)
    if order.isEmpty {
      order = [Int](repeating: 0, count: rank)
      var i = 0
      while i < rank {
        order[i] = rank - 1 - i
        i += 1
      }
    } else if order.count == 4 && rank == 3 {
      order = [0, 2, 1]
    } else if order.count != rank {
      order = [Int](0..<rank)
    }
    permutation = order
    var dims = [Int]()
    for p in order { dims.append(shape[p]) }
    try setOutput(0, inputs[0].type, dims, format: format)
  }

  /// The layout's name changes with the permutations that converters insert between layouts.
  private func outputFormat(_ order: [Int]) -> Format {
    let format = inputs[0].format
    if order.count == 4 {
      if format == .nchw && order[1] == 2 && order[2] == 3 && order[3] == 1 { return .nhwc }
      if (format == .nhwc || format == .khwc) && order[1] == 3 && order[2] == 1 && order[3] == 2 { return .nchw }
    }
    if order.count == 3 && order[0] == 0 && order[1] == 2 { return format == .nchw ? .nhwc : .nchw }
    return format
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    moveTransposed(permutation)
  }

  /// The axes that have more than one entry keep their order, so the bytes do too.
  override var isView: Bool {
    var last = -1
    for p in permutation where inputs[0].shape[p] != 1 {
      if p < last { return false }
      last = p
    }
    return true
  }
}

extension MoveOperator {
  /// One move from input 0 to output 0: the input's axes in the order of `permutation`.
  final func moveTransposed(_ permutation: [Int]) {
    let strides = inputs[0].shape.steps
    var from = [Int]()
    for p in permutation { from.append(strides[p]) }
    let shape = outputs[0].shape
    moves = [
      Move(
        input: 0, output: 0,
        copy: StridedCopy(counts: shape.dims, from: from, to: shape.steps, elementSize: inputs[0].type.size))
    ]
  }
}

// FormatTranspose. Attributes: 0 src_format: Format, NHWC; 1 dst_format: Format, NHWC.

/// Changes between NHWC and NCHW.
final class FormatTransposeOperator: MoveOperator {
  private let source: Int, target: Int

  override init(_ node: Node) throws(EngineError) {
    source = node.attributes.int(0, Int(Format.nhwc.rawValue))
    target = node.attributes.int(1, Int(Format.nhwc.rawValue))
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    let known = Int(Format.nchw.rawValue)...Int(Format.nhwc.rawValue)
    if !known.contains(source) || !known.contains(target) {
      throw EngineError(.notSupported, "changes format \(source) to \(target); 0 (NCHW) and 1 (NHWC) are accepted")
    }
  }

  private var permutation: [Int] {
    if source == target { return [0, 1, 2, 3] }
    return target == Int(Format.nchw.rawValue) ? [0, 3, 1, 2] : [0, 2, 3, 1]
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 4...4)
    var dims = [Int]()
    for p in permutation { dims.append(inputs[0].shape[p]) }
    try setOutput(0, inputs[0].type, dims, format: target == Int(Format.nchw.rawValue) ? .nchw : .nhwc)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { moveTransposed(permutation) }
}
