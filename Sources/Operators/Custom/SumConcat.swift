import CSystem
import Graph
import System

// Custom ReduceConcatFusion. Inputs: [batch, n, width] each with its own n and the same width; last, [batch, ...] as it is.

/// The sums of every input but the last over axis 1, and behind them the last one: [batch, 1, all widths], float32.
final class SumConcatOperator: Operator {
  private var width = 0, rest = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...Int.max)
    try requireOutputs(1...1)
    for i in inputs.indices { try requireType(i, .float32) }
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    let batch = inputs[0].shape[0]
    width = inputs[0].shape[2]
    for i in 0..<inputs.count - 1 {
      try requireRank(i, 3...3)
      if inputs[i].shape[0] != batch || inputs[i].shape[2] != width {
        throw EngineError(.inferError, "input \(i) (\(inputs[i])) must have the shape [\(batch), n, \(width)]")
      }
    }
    let last = inputs[inputs.count - 1].shape
    if last.rank < 1 || last[0] != batch {
      throw EngineError(.inferError, "the last input (\(inputs[inputs.count - 1])) must have \(batch) entries on axis 0")
    }
    rest = last.span(1..<last.rank)
    let (sums, overflow) = width.multipliedReportingOverflow(by: inputs.count - 1)
    if overflow { throw EngineError(.inferError, "input 0 (\(inputs[0])) is too wide") }
    try setOutput(0, .float32, [batch, 1, sums + rest])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, var y = outputs[0].data?.assumingMemoryBound(to: Float.self) else { return }
    for b in 0..<outputs[0].shape[0] {
      for i in 0..<inputs.count - 1 {
        let n = inputs[i].shape[1]
        for k in 0..<width { y[k] = 0 }
        for j in 0..<n {
          let x = inputs[i].floats + (b * n + j) * width
          for k in 0..<width { y[k] = j == 0 ? x[k] : y[k] + x[k] }
        }
        y += width
      }
      if rest > 0 { memcpy(y, inputs[inputs.count - 1].floats + b * rest, rest * 4) }
      y += rest
    }
  }
}

// Custom SplitReduceConcatFusion. Attributes by position: 0 the original's split parameters as its 64-bit build holds them in
// memory (the number of parts at byte 128, the axis at byte 144); 1 the parts' sizes, int32.

/// The sums of the parts into which an axis is cut: the axis has as many entries as there are parts. float32.
final class SplitSumOperator: Operator {
  private var sizes: [Int] = []
  private var axis = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    var i = 0
    while let size = node.customNumber(1, at: 4 * i, size: 4) {
      sizes.append(size)
      i += 1
    }
    guard let parts = node.customNumber(0, at: 128, size: 4), node.customNumber(0, at: 144, size: 4) != nil, parts == sizes.count
    else {
      throw EngineError(
        .parameterInvalid, "attribute 0 must hold the split parameters of 148 or more bytes for the \(sizes.count) sizes of attribute 1")
    }
  }

  override func infer() throws(EngineError) {
    axis = try requireAxis(node.customNumber(0, at: 144, size: 4) ?? 0, of: 0)
    var dims = inputs[0].shape.dims
    var total = 0
    for size in sizes {
      if size < 0 { throw EngineError(.parameterInvalid, "attribute 1 has the size \(size)") }
      total += size
    }
    if total != dims[axis] {
      throw EngineError(.inferError, "the parts have \(total) entries; axis \(axis) of input 0 (\(inputs[0])) has \(dims[axis])")
    }
    dims[axis] = sizes.count
    try setOutput(0, .float32, dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, var y = outputs[0].data?.assumingMemoryBound(to: Float.self) else { return }
    let shape = inputs[0].shape
    let inner = shape.span(axis + 1..<shape.rank)
    var from = 0
    for _ in 0..<shape.span(0..<axis) {
      for size in sizes {
        for k in 0..<inner { y[k] = 0 }
        for _ in 0..<size {
          for k in 0..<inner { y[k] += inputs[0].floats[from + k] }
          from += inner
        }
        y += inner
      }
    }
  }
}

// Custom CastGatherReduceFusion. Inputs: table [rows, width] float32, row numbers [n, m] int32 or int64.

/// The sums of m rows each: [n, width], float32.
final class GatherSumOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...Int.max)
    try requireOutputs(1...1)
    try requireType(0, .float32)
    try requireIndices(1)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 2...2)
    try requireRank(1, 2...2)
    try setOutput(0, .float32, [inputs[1].shape[0], inputs[0].shape[1]])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, var y = outputs[0].data?.assumingMemoryBound(to: Float.self) else { return }
    let rows = inputs[0].shape[0], width = inputs[0].shape[1], m = inputs[1].shape[1]
    for i in 0..<inputs[1].shape[0] {
      for k in 0..<width { y[k] = 0 }
      for j in 0..<m {
        let row = IndexList(inputs[1])[i * m + j]
        if row < 0 || row >= rows { throw EngineError(.error, "row \(row) lies outside \(inputs[0])") }
        let x = inputs[0].floats + row * width
        for k in 0..<width { y[k] += x[k] }
      }
      y += width
    }
  }
}
