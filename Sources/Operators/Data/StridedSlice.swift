import Graph

// Attributes: bit i of each stands for entry i of `begin`.
//   0 begin_mask, 1 end_mask: int, 0: the entry counts as 0, or as the dimension.
//   2 ellipsis_mask: int, 0: the one axis at the lowest set bit is taken whole.
//   3 new_axis_mask: int, 0: a 1 is inserted there.
//   4 shrink_axis_mask: int, 0: the one entry at `begin` is taken and the axis disappears.
// Inputs: x, begin, end, strides; or x, begin, end, axes, strides, which also clamps begin and end to the axis.

/// Every `stride`-th entry from `begin` to before `end`, per axis. Axes that `begin` does not mention are taken whole.
///
/// Differences from NumPy and TensorFlow are the original's: a set begin_mask bit means 0 also for negative strides, an ellipsis
/// is never widened to several axes, and without `axes` begin and end must lie inside the axis.
final class StridedSliceOperator: MoveOperator {
  private let beginMask: Int, endMask: Int, ellipsisMask: Int, newAxisMask: Int, shrinkMask: Int
  // The box, over the input's axes with the new axes among them.
  private var dims: [Int] = [], begins: [Int] = [], steps: [Int] = [], counts: [Int] = []

  override init(_ node: Node) throws(EngineError) {
    beginMask = node.attributes.int(0, 0)
    endMask = node.attributes.int(1, 0)
    ellipsisMask = node.attributes.int(2, 0)
    newAxisMask = node.attributes.int(3, 0)
    shrinkMask = node.attributes.int(4, 0)
    try super.init(node)
    try requireInputs(4...5)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let shape = inputs[0].shape
    dims = shape.dims
    var begin = try requireSmallIntegers(1)
    var end = try requireSmallIntegers(2)
    var stride = try requireSmallIntegers(inputs.count - 1)
    if end.count != begin.count || stride.count != begin.count {
      throw EngineError(.inferError, "has \(begin.count) begins, \(end.count) ends and \(stride.count) strides")
    }
    if inputs.count == 5 { try spread(&begin, &end, &stride) }
    if begin.count > Shape.maximumRank {
      throw EngineError(.inferError, "has \(begin.count) begins; \(Shape.maximumRank) is the limit")
    }
    let named = begin.count
    // New axes: the entry takes the whole of a dimension of 1; the other masks do not apply to it.
    var isNew = [Bool](repeating: false, count: named)
    var i = 0
    while i < named {
      if newAxisMask >> i & 1 != 0 && i <= dims.count {
        dims.insert(1, at: i)
        (begin[i], end[i], stride[i]) = (0, 1, 1)
        isNew[i] = true
      }
      i += 1
    }
    if dims.count < named {
      throw EngineError(.inferError, "has \(named) begins for the \(dims.count) dimensions of input 0 (\(inputs[0]))")
    }
    if dims.count > Shape.maximumRank {
      throw EngineError(.inferError, "would need \(dims.count) dimensions; \(Shape.maximumRank) is the limit")
    }
    let ellipsis = ellipsisMask == 0 ? -1 : ellipsisMask.trailingZeroBitCount
    i = 0
    while i < named {
      if !isNew[i] {
        if beginMask >> i & 1 != 0 { begin[i] = 0 }
        if endMask >> i & 1 != 0 { end[i] = dims[i] }
        if i == ellipsis { (begin[i], end[i]) = (0, dims[i]) }
        if begin[i] < 0 { begin[i] += dims[i] }
        if end[i] < 0 { end[i] += dims[i] }
      }
      if stride[i] == 0 { throw EngineError(.inferError, "stride \(i) is 0") }
      if begin[i] < 0 || begin[i] > dims[i] || end[i] < -1 || end[i] > dims[i] {
        throw EngineError(
          .inferError, "begin \(begin[i]) and end \(end[i]) lie outside the \(dims[i]) entries of axis \(i)")
      }
      i += 1
    }
    try setBox(begin, end, stride, isNew)
  }

  /// Turns entries for the axes that input 3 names into entries for all axes, clamped to them.
  private func spread(_ begin: inout [Int], _ end: inout [Int], _ stride: inout [Int]) throws(EngineError) {
    let axes = try requireSmallIntegers(3)
    if !axes.isEmpty && axes.count != begin.count {
      throw EngineError(.inferError, "has \(axes.count) axes for \(begin.count) begins")
    }
    let n = dims.count
    var (b, e, s) = ([Int](repeating: 0, count: n), dims, [Int](repeating: 1, count: n))
    // The first entry that names an axis wins; entries that name no axis are passed over.
    var i = begin.count - 1
    while i >= 0 {
      let named = axes.isEmpty ? i : axes[i] < 0 ? axes[i] + n : axes[i]
      if named >= 0 && named < n {
        let dim = dims[named]
        b[named] = max(begin[i], -dim)
        e[named] = max(min(end[i], dim), -dim - 1)
        s[named] = stride[i]
      }
      i -= 1
    }
    (begin, end, stride) = (b, e, s)
  }

  /// Sets the box and the output's shape from entries that lie inside their axes.
  private func setBox(_ begin: [Int], _ end: [Int], _ stride: [Int], _ isNew: [Bool]) throws(EngineError) {
    begins = [Int](repeating: 0, count: dims.count)
    steps = [Int](repeating: 1, count: dims.count)
    counts = dims
    var output = [Int]()
    var i = 0
    while i < dims.count {
      if i >= begin.count {
        output.append(dims[i])
      } else {
        begins[i] = begin[i]
        if shrinkMask >> i & 1 != 0 && !isNew[i] {
          if begin[i] >= dims[i] {
            throw EngineError(.inferError, "entry \(begin[i]) lies outside the \(dims[i]) entries of axis \(i)")
          }
          counts[i] = 1
        } else {
          steps[i] = stride[i]
          let n = (end[i] - begin[i] + stride[i] + (stride[i] < 0 ? 1 : -1)) / stride[i]
          counts[i] = max(n, 0)
          // A begin at the end of the axis with a negative stride starts at the last entry that exists.
          if counts[i] > 0 && begin[i] == dims[i] {
            throw EngineError(.inferError, "begin \(begin[i]) lies outside the \(dims[i]) entries of axis \(i)")
          }
          output.append(counts[i])
        }
      }
      i += 1
    }
    try setOutput(0, inputs[0].type, output)
  }

  /// Where the entries stand in the input: the box's strides and the place of its first entry.
  private func place() -> (from: [Int], offset: Int) {
    var (begin, step) = (begins, steps)
    // The original takes a short cut when input and output have the same rank and differ in one dimension only: it copies all
    // other axes as they are, also those with a negative stride. Files were made and checked with that result.
    let (x, y) = (inputs[0].shape, outputs[0].shape)
    if x.rank == y.rank {
      var differing = 0
      var i = 0
      while i < x.rank {
        if x[i] != y[i] { differing += 1 }
        i += 1
      }
      i = 0
      while differing == 1 && dims.count == x.rank && i < x.rank {
        if x[i] == y[i] { (begin[i], step[i]) = (0, 1) }
        i += 1
      }
    }
    let strides = Shape(dims).steps
    var from = strides
    var offset = 0
    var i = 0
    while i < dims.count {
      from[i] = strides[i] &* step[i]
      offset &+= strides[i] &* begin[i]
      i += 1
    }
    return (from, offset)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let (from, offset) = place()
    moves = [
      Move(
        input: 0, output: 0,
        copy: StridedCopy(
          counts: counts, from: from, to: Shape(counts).steps, elementSize: inputs[0].type.size, fromOffset: offset))
    ]
  }

  /// The way back: every entry of a tensor like the output to its place in one like the input.
  func scatter() -> StridedCopy {
    let (to, offset) = place()
    return StridedCopy(
      counts: counts, from: Shape(counts).steps, to: to, elementSize: inputs[0].type.size, toOffset: offset)
  }
}
