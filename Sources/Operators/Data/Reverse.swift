import CSystem
import Graph
import System

// ReverseV2. Attributes: 0 axis: ints; negative counts from the end. Input 1, which converted TFLite files keep, counts only
// where the attribute is absent.

/// Reverses the order of the entries along the axes.
final class ReverseOperator: MoveOperator {
  private var axes: [Int]

  override init(_ node: Node) throws(EngineError) {
    axes = node.attributes.ints(0)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    if inputs.count == 2 && node.attributes[0] == nil { axes = try requireSmallIntegers(1) }
    for axis in axes { _ = try requireAxis(axis, of: 0) }
    try setOutput(0, inputs[0].type, inputs[0].shape.dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let shape = inputs[0].shape
    var begin = [Int](repeating: 0, count: shape.rank)
    var steps = [Int](repeating: 1, count: shape.rank)
    for axis in axes {
      let a = try requireAxis(axis, of: 0)
      begin[a] = shape[a] - 1
      steps[a] = -1
    }
    moveBox(begin: begin, steps: steps, counts: shape.dims)
  }
}

// ReverseSequence. Attributes: 0 seq_dim: int, 0; 1 batch_dim: int, 0. Input 1: entries to reverse, one number per batch.

/// Reverses the first entries along one axis, a different number for each entry of the batch axis; the others stay.
final class ReverseSequenceOperator: Operator {
  private let sequenceAxis: Int, batchAxis: Int
  /// The tensor as [outer, a, middle, b, inner]; a is the batch axis when `batchFirst`, else the sequence axis.
  private var outer = 0, a = 0, middle = 0, b = 0, inner = 0
  private var batchFirst = true

  override init(_ node: Node) throws(EngineError) {
    sequenceAxis = node.attributes.int(0, 0)
    batchAxis = node.attributes.int(1, 0)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    try requireIndices(1)
  }

  override func infer() throws(EngineError) {
    let s = try requireAxis(sequenceAxis, of: 0)
    let n = try requireAxis(batchAxis, of: 0)
    let shape = inputs[0].shape
    if s == n { throw EngineError(.inferError, "has axis \(s) both as sequence and as batch") }
    if inputs[1].shape.checkedCount != shape[n] {
      throw EngineError(.inferError, "needs \(shape[n]) lengths; input 1 is \(inputs[1])")
    }
    batchFirst = n < s
    let (low, high) = (min(s, n), max(s, n))
    outer = shape.span(0..<low)
    a = shape[low]
    middle = shape.span(low + 1..<high)
    b = shape[high]
    inner = shape.span(high + 1..<shape.rank)
    try setOutput(0, inputs[0].type, shape.dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    let lengths = IndexList(inputs[1])
    let limit = batchFirst ? b : a
    var i = 0
    while i < (batchFirst ? a : b) {
      if lengths[i] < 0 || lengths[i] > limit {
        throw EngineError(.error, "length \(i) is \(lengths[i]); the axis has \(limit) entries")
      }
      i += 1
    }
    context.parallelRows(
      outer * a, elements: middle * b * inner,
      Job(
        x: UnsafeRawPointer(x), y: y, lengths: lengths, a: a, middle: middle, b: b, bytes: inner * inputs[0].type.size,
        batchFirst: batchFirst))
  }

  /// One entry of axis a: all of middle, b and inner.
  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let lengths: IndexList
    let a: Int, middle: Int, b: Int, bytes: Int
    let batchFirst: Bool
    func run(_ index: Int, worker: Int) {
      let base = index - index % a
      let i = index % a
      var m = 0
      while m < middle {
        var j = 0
        while j < b {
          let length = lengths[batchFirst ? i : j]
          let (fromA, fromB) = batchFirst ? (i, j < length ? length - 1 - j : j) : (i < length ? length - 1 - i : i, j)
          memcpy(
            y + ((index * middle + m) * b + j) * bytes, x + (((base + fromA) * middle + m) * b + fromB) * bytes, bytes)
          j += 1
        }
        m += 1
      }
    }
  }
}
