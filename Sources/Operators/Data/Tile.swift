import Graph

// TileFusion. Attributes: 0 dims: ints, the axes to repeat; absent = all, in order. Input 1: how often, one entry per axis.

/// Repeats the tensor along its axes.
final class TileOperator: MoveOperator {
  private let axes: [Int]

  override init(_ node: Node) throws(EngineError) {
    axes = node.attributes.ints(0)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let times = try requireSmallIntegers(1)
    let shape = inputs[0].shape
    if times.count > shape.rank || !axes.isEmpty && axes.count != times.count {
      throw EngineError(
        .inferError, "has \(times.count) multiples for \(axes.count) axes of input 0 (\(inputs[0]))")
    }
    var dims = shape.dims
    var i = 0
    while i < times.count {
      let a = axes.isEmpty ? i : try requireAxis(axes[i], of: 0)
      if times[i] < 0 { throw EngineError(.inferError, "cannot repeat axis \(a) \(times[i]) times") }
      let (product, overflow) = shape[a].multipliedReportingOverflow(by: times[i])
      if overflow { throw EngineError(.inferError, "cannot repeat axis \(a) of \(inputs[0]) \(times[i]) times") }
      dims[a] = product
      i += 1
    }
    try setOutput(0, inputs[0].type, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let (x, y) = (inputs[0].shape, outputs[0].shape)
    let (xSteps, ySteps) = (x.steps, y.steps)
    var counts = [Int]()
    var from = [Int]()
    var to = [Int]()
    var i = 0
    while i < x.rank {
      counts += [x[i] == 0 ? 0 : y[i] / x[i], x[i]]
      from += [0, xSteps[i]]
      to += [x[i] &* ySteps[i], ySteps[i]]
      i += 1
    }
    moves = [Move(input: 0, output: 0, copy: StridedCopy(counts: counts, from: from, to: to, elementSize: inputs[0].type.size))]
  }
}

// BroadcastTo. Attributes: 0 shape: ints, used when there is no input 1. Inputs: x, shape; there -1 keeps the input's dimension.

/// Repeats axes of 1 until the tensor has the given shape (NumPy rules; a shape entry of 1 keeps the input's dimension).
final class BroadcastToOperator: MoveOperator {
  private let shape: [Int]

  override init(_ node: Node) throws(EngineError) {
    shape = node.attributes.ints(0)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape
    var wanted = shape
    if inputs.count == 2 {
      try requireType(1, .int8, .int32, .int64, .float32, .uint32)
      wanted = try requireSmallIntegers(1)
    }
    // -1 counts from the left, as the original does; equal ranks are the usual case.
    var i = 0
    while i < wanted.count {
      if wanted[i] == -1 && i < x.rank { wanted[i] = x[i] }
      i += 1
    }
    guard wanted.count <= Shape.maximumRank, let result = broadcastShape(x, Shape(wanted)) else {
      throw EngineError(.inferError, "cannot broadcast input 0 (\(inputs[0])) to \(Shape(wanted))")
    }
    try setOutput(0, inputs[0].type, result.dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let y = outputs[0].shape
    moves = [
      Move(
        input: 0, output: 0,
        copy: StridedCopy(
          counts: y.dims, from: broadcastSteps(inputs[0].shape, to: y), to: y.steps, elementSize: inputs[0].type.size))
    ]
  }
}

/// Strides, in elements, with which a tensor of shape `x` is read as one of shape `y` that it broadcasts to.
func broadcastSteps(_ x: Shape, to y: Shape) -> [Int] {
  var steps = [Int](repeating: 0, count: y.rank)
  let own = x.steps
  var i = 0
  while i < x.rank {
    if x[i] != 1 { steps[y.rank - x.rank + i] = own[i] }
    i += 1
  }
  return steps
}
