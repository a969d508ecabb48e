import Graph

extension MoveOperator {
  /// One move from input 0 to output 0: the box of the output's shape that starts at `begin` and takes every `steps`-th entry.
  /// Input and output have the same number of axes here; `counts` are the output's dimensions.
  final func moveBox(begin: [Int], steps: [Int], counts: [Int]) {
    let strides = inputs[0].shape.steps
    var from = strides
    var offset = 0
    var i = 0
    while i < begin.count {
      from[i] = strides[i] &* steps[i]
      offset &+= strides[i] &* begin[i]
      i += 1
    }
    moves = [
      Move(
        input: 0, output: 0,
        copy: StridedCopy(
          counts: counts, from: from, to: Shape(counts).steps, elementSize: inputs[0].type.size, fromOffset: offset))
    ]
  }
}

// SliceFusion. Attributes: 0 axes: ints, default 0, 1, 2, ...; negative counts from the end.
// Inputs: x, begin, size (-1: to the end).

/// The box that starts at `begin` and has the extent `size`.
final class SliceOperator: MoveOperator {
  private let axes: [Int]
  private var begin: [Int] = []

  override init(_ node: Node) throws(EngineError) {
    axes = node.attributes.ints(0)
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let starts = try requireSmallIntegers(1)
    let sizes = try requireSmallIntegers(2)
    let input = inputs[0]
    if starts.count != sizes.count || !axes.isEmpty && axes.count < starts.count {
      throw EngineError(.inferError, "has \(starts.count) starts, \(sizes.count) sizes and \(axes.count) axes")
    }
    begin = [Int](repeating: 0, count: input.shape.rank)
    var dims = input.shape.dims
    var i = 0
    while i < starts.count {
      let a = try requireAxis(axes.isEmpty ? i : axes[i], of: 0)
      let dim = input.shape[a]
      if starts[i] < 0 || starts[i] > dim || sizes[i] < -1 || sizes[i] > dim - starts[i] {
        throw EngineError(
          .inferError, "start \(starts[i]) and size \(sizes[i]) lie outside axis \(a) of input 0 (\(input))")
      }
      begin[a] = starts[i]
      dims[a] = sizes[i] < 0 ? dim - starts[i] : sizes[i]
      i += 1
    }
    try setOutput(0, input.type, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let rank = inputs[0].shape.rank
    moveBox(begin: begin, steps: [Int](repeating: 1, count: rank), counts: outputs[0].shape.dims)
  }
}

// Crop. Attributes: 0 axis: int, 0: the first axis to crop; 1 offsets: ints: none, one for all cropped axes, or one for each.
// Inputs: x, a tensor of which only the shape is used.

/// The box of input 1's shape at the given offsets (Caffe's Crop). Axes before `axis` start at 0.
final class CropOperator: MoveOperator {
  private let axis: Int
  private let offsets: [Int]
  private var begin: [Int] = []

  override init(_ node: Node) throws(EngineError) {
    axis = node.attributes.int(0, 0)
    offsets = node.attributes.ints(1)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let first = try requireAxis(axis, of: 0)
    let (shape, wanted) = (inputs[0].shape, inputs[1].shape)
    if wanted.rank != shape.rank || offsets.count > 1 && offsets.count != shape.rank - first {
      throw EngineError(
        .inferError, "cannot crop \(inputs[0]) to \(inputs[1]) from axis \(first) with \(offsets.count) offsets")
    }
    begin = [Int](repeating: 0, count: shape.rank)
    var i = 0
    while i < shape.rank {
      if i >= first && !offsets.isEmpty { begin[i] = offsets.count == 1 ? offsets[0] : offsets[i - first] }
      if begin[i] < 0 || begin[i] > shape[i] || wanted[i] > shape[i] - begin[i] {
        throw EngineError(
          .inferError, "offset \(begin[i]) and size \(wanted[i]) lie outside axis \(i) of input 0 (\(inputs[0]))")
      }
      i += 1
    }
    try setOutput(0, inputs[0].type, wanted.dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    moveBox(begin: begin, steps: [Int](repeating: 1, count: begin.count), counts: outputs[0].shape.dims)
  }
}
