import CSystem
import Graph
import System

// Attributes: 0 paddings: rows of [before, after], used when there is no input 1; 1 padding_mode: 0 constant, 1 reflect,
// 2 symmetric; 2 constant_value: float, 0, in real units also for int8 tensors.
// Inputs: x, paddings (before and after of each axis), the constant.

/// Adds entries before and after each axis.
///
/// Reflect mirrors at the edge entry, symmetric behind it. A pad longer than one reflection repeats the farthest entry, as in the
/// original; an axis without entries cannot be mirrored.
final class PadOperator: Operator {
  private let attribute: [[Int]]
  private let mode: Int
  private let constant: Float
  private var pads: [Int] = []
  private var center = StridedCopy(counts: [0], from: [1], to: [1], elementSize: 1)
  /// Mirrored padding: byte offsets in the input of every index of the output, axis after axis; `first` finds an axis.
  private var table: [Int] = []
  private var first: [Int] = []

  override init(_ node: Node) throws(EngineError) {
    attribute = node.attributes.ints2D(0)
    mode = node.attributes.int(1, 0)
    constant = node.attributes.float(2, 0)
    try super.init(node)
    try requireInputs(1...3)
    try requireOutputs(1...1)
    try requireFixedSize(0)
    if inputs.count == 3 {
      try requireSameType(0, 2)
      if inputs[2].shape.checkedCount != 1 {
        throw EngineError(.inferError, "the value to pad with, input 2 (\(inputs[2])), must have one element")
      }
    }
    if inputs[0].type.bits(of: 0) == nil { throw EngineError(.notSupported, "cannot pad \(inputs[0])") }
  }

  override func infer() throws(EngineError) {
    var list = [Int]()
    if inputs.count > 1 {
      list = try requireSmallIntegers(1)
    } else {
      for row in attribute { list += row }
    }
    let shape = inputs[0].shape
    if list.count != 2 * shape.rank {
      throw EngineError(.inferError, "has \(list.count) paddings; input 0 (\(inputs[0])) needs \(2 * shape.rank)")
    }
    var dims = shape.dims
    var i = 0
    while i < dims.count {
      let (before, after) = (list[2 * i], list[2 * i + 1])
      if before < 0 || after < 0 {
        throw EngineError(.inferError, "paddings \(before) and \(after) of axis \(i) must not be negative")
      }
      if mode != 0 && dims[i] == 0 && before + after > 0 {
        throw EngineError(.inferError, "axis \(i) of input 0 (\(inputs[0])) has no entries to mirror")
      }
      dims[i] += before + after
      if mode != 0 && dims[i] > 1 << 24 {
        throw EngineError(.inferError, "axis \(i) would have \(dims[i]) entries; \(1 << 24) is the limit of mirrored pads")
      }
      i += 1
    }
    pads = list
    try setOutput(0, inputs[0].type, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let (x, y) = (inputs[0].shape, outputs[0].shape)
    let size = inputs[0].type.size
    let steps = y.steps
    table = []
    first = []
    var offset = 0
    var i = 0
    while i < x.rank {
      offset &+= pads[2 * i] &* steps[i]
      i += 1
    }
    center = StridedCopy(counts: x.dims, from: x.steps, to: steps, elementSize: size, toOffset: offset)
    if mode == 0 || y.count == 0 { return }
    let skip = mode == 1 ? 1 : 0
    let from = x.steps
    i = 0
    while i < x.rank {
      first.append(table.count)
      var k = 0
      while k < y[i] {
        var p = k - pads[2 * i]
        if p < 0 { p = -p - 1 + skip }
        if p >= x[i] && k >= pads[2 * i] { p = 2 * x[i] - 1 - skip - p }
        table.append(max(0, min(p, x[i] - 1)) * from[i] * size)
        k += 1
      }
      i += 1
    }
  }

  /// The bits of the constant: a value tensor's as they are, the attribute in the tensor's type.
  private var background: UInt64 {
    if inputs.count == 3, inputs[2].data != nil { return inputs[2].bits(0) }
    // The original takes such small constants for zero.
    let value = Double(constant > -1e-5 && constant < 1e-5 ? 0 : constant)
    if inputs[0].type == .int8 || inputs[0].type == .uint8, let q = inputs[0].quantParams.first {
      return inputs[0].type.bits(of: roundHalfAway(value / q.scale) + Double(q.zeroPoint)) ?? 0
    }
    return inputs[0].type.bits(of: value) ?? 0
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let output = outputs[0]
    guard output.count > 0, let target = output.data else { return }
    let size = output.type.size
    let rank = output.shape.rank
    if mode == 0 || rank == 0 {
      fillElements(context, target, output.count, elementSize: size, bits: background)
      center.run(context, from: inputs[0].data, to: target)
      return
    }
    guard let source = inputs[0].data else { return }
    let width = output.shape[rank - 1]
    var counts = Axes(repeating: 1)
    var i = 0
    while i < rank - 1 {
      counts[i] = output.shape[i]
      i += 1
    }
    table.withUnsafeBufferPointer { table in
      first.withUnsafeBufferPointer { first in
        context.parallelRows(
          output.count / width, elements: width,
          MirrorJob(
            x: UnsafeRawPointer(source), y: target, table: table.baseAddress.unsafelyUnwrapped,
            first: first.baseAddress.unsafelyUnwrapped, counts: counts, outer: rank - 1, width: width, size: size,
            before: pads[2 * rank - 2], middle: inputs[0].shape[rank - 1]))
      }
    }
  }

  /// One row of the output: mirrored left part, copied middle, mirrored right part.
  private struct MirrorJob: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let table: UnsafePointer<Int>, first: UnsafePointer<Int>
    let counts: Axes
    let outer: Int, width: Int, size: Int, before: Int, middle: Int
    func run(_ index: Int, worker: Int) {
      var rest = index
      var offset = 0
      var axis = outer - 1
      while axis >= 0 {
        offset += table[first[axis] + rest % counts[axis]]
        rest /= counts[axis]
        axis -= 1
      }
      let row = x + offset
      let to = y + index * width * size
      let columns = table + first[outer]
      var i = 0
      while i < width {
        if i == before {
          memcpy(to + i * size, row, middle * size)
          i += middle
        } else {
          memcpy(to + i * size, row + columns[i], size)
          i += 1
        }
      }
    }
  }
}
