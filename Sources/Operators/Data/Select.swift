import CSystem
import Graph
import System

/// Writes x or y element by element, by a condition of bytes. The three may repeat along axes of the output.
struct ChooseJob: ParallelJob {
  let condition: UnsafePointer<UInt8>
  let x: UnsafeRawPointer, y: UnsafeRawPointer, output: UnsafeMutableRawPointer
  /// The output's dimensions but the last, and the three inputs' strides in elements.
  let counts: Axes, conditionSteps: Axes, xSteps: Axes, ySteps: Axes
  let rank: Int, width: Int, size: Int

  /// One row of the output's last axis.
  func run(_ index: Int, worker: Int) {
    var (c, p, q, rest) = (0, 0, 0, index)
    var a = rank - 2
    while a >= 0 {
      let i = rest % counts[a]
      rest /= counts[a]
      c += i * conditionSteps[a]
      p += i * xSteps[a]
      q += i * ySteps[a]
      a -= 1
    }
    let last = rank - 1
    let (cs, xs, ys) = (conditionSteps[last], xSteps[last], ySteps[last])
    let row = index * width
    switch size {
    case 1: choose(UInt8.self, c, cs, p, xs, q, ys, row)
    case 2: choose(UInt16.self, c, cs, p, xs, q, ys, row)
    case 4: choose(UInt32.self, c, cs, p, xs, q, ys, row)
    default: choose(UInt64.self, c, cs, p, xs, q, ys, row)
    }
  }

  @inline(__always)
  private func choose<T: FixedWidthInteger & BitwiseCopyable>(
    _ type: T.Type, _ c: Int, _ cs: Int, _ p: Int, _ xs: Int, _ q: Int, _ ys: Int, _ row: Int
  ) {
    let bytes = MemoryLayout<T>.size
    var i = 0
    while i < width {
      let a = x.loadUnaligned(fromByteOffset: (p + i * xs) * bytes, as: T.self)
      let b = y.loadUnaligned(fromByteOffset: (q + i * ys) * bytes, as: T.self)
      output.storeBytes(of: condition[c + i * cs] != 0 ? a : b, toByteOffset: (row + i) * bytes, as: T.self)
      i += 1
    }
  }
}

// Where with three inputs. Attributes: none. Inputs: condition (bool), x, y.

/// x where the condition holds, y elsewhere, with NumPy broadcasting. (The original broadcasts only tensors of one element.)
final class WhereOperator: Operator {
  private var conditionSteps = Axes(repeating: 0), xSteps = Axes(repeating: 0), ySteps = Axes(repeating: 0)
  private var counts = Axes(repeating: 1)
  private var rank = 1, width = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(3...3)
    try requireOutputs(1...1)
    try requireType(0, .bool, .int8, .uint8)
    try requireFixedSize(1)
    try requireSameType(1, 2)
  }

  override func infer() throws(EngineError) {
    guard let xy = broadcastShape(inputs[1].shape, inputs[2].shape), let shape = broadcastShape(inputs[0].shape, xy) else {
      throw EngineError(
        .inferError, "the shapes of \(inputs[0]), \(inputs[1]) and \(inputs[2]) do not broadcast")
    }
    try setOutput(0, inputs[1].type, shape.dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let shape = outputs[0].shape
    let same = inputs[0].shape == shape && inputs[1].shape == shape && inputs[2].shape == shape
    // Without broadcasting the tensors are one row, cut into pieces of 16 K elements where that divides them evenly.
    let pieces = same && shape.count % 16384 == 0 ? max(shape.count / 16384, 1) : 1
    let y = same ? Shape([pieces, shape.count / pieces]) : shape.rank == 0 ? Shape([1]) : shape
    let steps = [0, 1, 2].map { broadcastSteps(same ? y : inputs[$0].shape, to: y) }
    rank = y.rank
    width = y[rank - 1]
    for i in 0..<rank {
      counts[i] = y[i]
      conditionSteps[i] = steps[0][i]
      xSteps[i] = steps[1][i]
      ySteps[i] = steps[2][i]
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let c = inputs[0].data, let x = inputs[1].data, let y = inputs[2].data, let z = outputs[0].data
    else { return }
    context.parallelRows(
      outputs[0].count / width, elements: width,
      ChooseJob(
        condition: UnsafePointer(c.assumingMemoryBound(to: UInt8.self)), x: UnsafeRawPointer(x), y: UnsafeRawPointer(y),
        output: z, counts: counts, conditionSteps: conditionSteps, xSteps: xSteps, ySteps: ySteps, rank: rank, width: width,
        size: outputs[0].type.size))
  }
}

// Select. Attributes: none. Inputs: condition (bool), n tensors for true, n tensors for false. Outputs: n tensors.

/// A condition of one element takes all tensors of one side; a larger one chooses element by element and has their shape.
final class SelectOperator: Operator {
  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    if outputs.isEmpty || inputs.count != 2 * outputs.count + 1 {
      throw EngineError(.error, "has \(inputs.count) inputs for \(outputs.count) outputs; \(2 * outputs.count + 1) are needed")
    }
    try requireType(0, .bool)
    var i = 0
    while i < outputs.count {
      try requireFixedSize(1 + i)
      try requireSameType(1 + i, 1 + outputs.count + i)
      i += 1
    }
  }

  override func infer() throws(EngineError) {
    let n = outputs.count
    var i = 0
    while i < n {
      let (x, y) = (inputs[1 + i], inputs[1 + n + i])
      if x.shape != y.shape || inputs[0].shape.checkedCount != 1 && inputs[0].shape != x.shape {
        throw EngineError(
          .inferError, "the condition (\(inputs[0])) does not choose between \(x) and \(y)")
      }
      try setOutput(i, x.type, x.shape.dims)
      i += 1
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let condition = inputs[0].data else { return }
    let c = UnsafePointer(condition.assumingMemoryBound(to: UInt8.self))
    let n = outputs.count
    var i = 0
    while i < n {
      if outputs[i].count > 0, let x = inputs[1 + i].data, let y = inputs[1 + n + i].data, let z = outputs[i].data {
        if inputs[0].count == 1 {
          let chosen = c[0] != 0 ? x : y
          if chosen != z { copyBytes(context, chosen, z, outputs[i].byteCount) }
        } else {
          let one = Axes(repeating: 1)
          ChooseJob(
            condition: c, x: UnsafeRawPointer(x), y: UnsafeRawPointer(y), output: z, counts: one, conditionSteps: one,
            xSteps: one, ySteps: one, rank: 1, width: outputs[i].count, size: outputs[i].type.size
          ).run(0, worker: 0)
        }
      }
      i += 1
    }
  }
}
