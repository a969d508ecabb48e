import Graph

// Split. Attributes: 0 output_num: int, 0 = the number of outputs; 1 size_splits: ints, absent = equal parts, the last may be
// -1 for the rest; 2 axis: int, 0; negative counts from the end. Input 1, when present, replaces size_splits.

/// Cuts a tensor along one axis.
final class SplitOperator: MoveOperator {
  private let outputNumber: Int
  private let sizes: [Int]
  private let axis: Int

  override init(_ node: Node) throws(EngineError) {
    outputNumber = node.attributes.int(0, 0)
    sizes = node.attributes.ints(1)
    axis = node.attributes.int(2, 0)
    try super.init(node)
    try requireInputs(1...2)
    try requireFixedSize(0)
    if outputs.isEmpty || outputNumber != 0 && outputNumber != outputs.count {
      throw EngineError(.error, "has \(outputs.count) outputs; output_num is \(outputNumber)")
    }
  }

  override func infer() throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    let dim = inputs[0].shape[a]
    var parts = inputs.count == 2 ? try requireSmallIntegers(1) : sizes
    let n = outputs.count
    if parts.isEmpty {
      if dim % n != 0 {
        throw EngineError(.inferError, "cannot cut \(dim) entries of axis \(a) of \(inputs[0]) into \(n) equal parts")
      }
      parts = [Int](repeating: dim / n, count: n)
    }
    if parts.count < n { throw EngineError(.inferError, "has \(n) outputs but \(parts.count) sizes") }
    var used = 0
    var i = 0
    while i < n {
      if i == n - 1 && parts[i] == -1 { parts[i] = dim - used }
      if parts[i] < 0 || parts[i] > dim - used {
        throw EngineError(
          .inferError, "part \(i) has the size \(parts[i]); \(dim - used) entries of axis \(a) of \(inputs[0]) are left")
      }
      var dims = inputs[0].shape.dims
      dims[a] = parts[i]
      try setOutput(i, inputs[0].type, dims)
      used += parts[i]
      i += 1
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    let shape = inputs[0].shape
    let outer = shape.span(0..<a)
    let stride = shape.span(a..<shape.rank)
    moves = []
    var offset = 0
    var i = 0
    while i < outputs.count {
      let run = outputs[i].shape.span(a..<shape.rank)
      moves.append(
        Move(
          input: 0, output: i,
          copy: StridedCopy(
            counts: [outer, run], from: [stride, 1], to: [run, 1], elementSize: inputs[0].type.size, fromOffset: offset)))
      offset &+= run
      i += 1
    }
  }
}

// Unstack. Attributes: 0 axis: int, 0; negative counts from the end. A second input is not used.

/// Cuts a tensor into its slices along one axis, which disappears.
final class UnstackOperator: MoveOperator {
  private let axis: Int

  override init(_ node: Node) throws(EngineError) {
    axis = node.attributes.int(0, 0)
    try super.init(node)
    try requireInputs(1...2)
    try requireFixedSize(0)
    if outputs.isEmpty { throw EngineError(.error, "has no outputs; at least 1 is needed") }
  }

  override func infer() throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    var dims = inputs[0].shape.dims
    // Fewer outputs than slices is what a file may have whose last slices nobody uses.
    if outputs.count > dims[a] {
      throw EngineError(.inferError, "has \(outputs.count) outputs; axis \(a) of \(inputs[0]) has \(dims[a]) entries")
    }
    dims.remove(at: a)
    var i = 0
    while i < outputs.count {
      try setOutput(i, inputs[0].type, dims)
      i += 1
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let a = try requireAxis(axis, of: 0)
    let shape = inputs[0].shape
    let outer = shape.span(0..<a)
    let inner = shape.span(a + 1..<shape.rank)
    moves = []
    var i = 0
    while i < outputs.count {
      moves.append(
        Move(
          input: 0, output: i,
          copy: StridedCopy(
            counts: [outer, inner], from: [shape[a] &* inner, 1], to: [inner, 1], elementSize: inputs[0].type.size,
            fromOffset: i &* inner)))
      i += 1
    }
  }
}
