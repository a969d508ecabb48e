import CKernels
import Graph
import System

/// ReduceMode numbers of the format.
enum ReduceMode {
  static let mean = 0, max = 1, min = 2, prod = 3, sum = 4, sumSquare = 5, absSum = 6, all = 7, l2 = 8
}

// Attributes: 0 keep_dims (false), 1 mode (0), 2 reduce_to_end (false), 3 coeff (0; a factor, used with reduce_to_end only).

// All. Attributes: 0 keep_dims: int, 0.

/// ReduceFusion, and All as its mode All. Inputs: x [, axes]; no axes, or an empty list of them, mean all.
///
/// Accepts float32 (every mode but All), int32 and int64 (every mode but All and L2; the mean truncates after each axis), bool
/// (All). Adjacent axes are reduced together; several groups of axes one after the other, the last first.
final class ReduceOperator: Operator {
  let mode: Int
  private let keepDims: Bool
  private let toEnd: Bool
  private let coefficient: Float

  /// One reduction of [outer, n, inner] over the middle.
  private struct Step {
    let outer: Int, n: Int, inner: Int
    var results: Int { outer * inner }
  }
  private var steps = [Step]()
  /// The one reduction of [outer, n, inner] that does it all; nil when it takes several.
  var singleStep: (outer: Int, n: Int, inner: Int)? {
    steps.count == 1 ? (steps[0].outer, steps[0].n, steps[0].inner) : nil
  }
  /// The result is multiplied by a factor.
  var hasFactor: Bool { toEnd && abs(coefficient) > 1e-5 }
  /// Product of all reduced dimensions.
  private var reduced = 1
  /// Elements between the two halves of the workspace that the steps use in turn.
  private var halfCount = 0

  override init(_ node: Node) throws(EngineError) {
    let attributes = node.attributes
    keepDims = attributes.bool(0, false)
    mode = node.kind == .all ? ReduceMode.all : attributes.int(1, 0)
    toEnd = attributes.bool(2, false)
    coefficient = attributes.float(3, 0)
    try super.init(node)
    try requireInputs(1...2)
    try requireOutputs(1...1)
    switch mode {
    case ReduceMode.all: try requireType(0, .bool)
    case ReduceMode.l2: try requireType(0, .float32)
    case ReduceMode.mean...ReduceMode.absSum: try requireType(0, .float32, .int32, .int64)
    default: throw EngineError(.notSupported, "reduce mode \(mode); 0 to 8 are accepted")
    }
  }

  /// The reduced axes in the order given, without repetitions.
  private func axes() throws(EngineError) -> [Int] {
    let rank = inputs[0].shape.rank
    let given = inputs.count == 2 ? try requireIntegers(1) : []
    var list = [Int]()
    if rank == 0 { return list }
    for axis in given {
      let a = try requireAxis(axis, of: 0)
      if !list.contains(a) { list.append(a) }
    }
    if toEnd {
      guard given.count == 1 else {
        throw EngineError(.inferError, "reduce_to_end needs exactly one axis; there are \(given.count)")
      }
      return Array(list[0]..<rank)
    }
    return list.isEmpty ? Array(0..<rank) : list
  }

  override func infer() throws(EngineError) {
    let axes = try axes()
    var dims = [Int]()
    for i in 0..<inputs[0].shape.rank {
      if !axes.contains(i) {
        dims.append(inputs[0].shape[i])
      } else if keepDims && !toEnd {
        dims.append(1)
      }
    }
    try setOutput(0, inputs[0].type, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if inputs[0].count == 0 || outputs[0].count == 0 { return }
    let axes = try axes()
    var dims = inputs[0].shape.dims
    steps = []
    reduced = 1
    for a in axes { reduced *= dims[a] }
    if inputs[0].type == .int32 || inputs[0].type == .int64 {
      for a in axes {
        let shape = Shape(dims)
        steps.append(Step(outer: shape.product(0..<a), n: dims[a], inner: shape.product(a + 1..<dims.count)))
        dims[a] = 1
      }
    } else {
      var end = dims.count, inner = 1
      while end > 0 {
        var start = end - 1
        let isReduced = axes.contains(start)
        while start > 0 && (axes.contains(start - 1) == isReduced || dims[start - 1] == 1) { start -= 1 }
        let n = Shape(dims).product(start..<end)
        if !isReduced {
          inner *= n
        } else if n != 1 {
          steps.append(Step(outer: Shape(dims).product(0..<start), n: n, inner: inner))
        }
        end = start
      }
    }
    // Nothing to reduce: the step that applies the mode to single elements.
    if steps.isEmpty { steps.append(Step(outer: 1, n: 1, inner: outputs[0].count)) }
    halfCount = 0
    for step in steps.dropLast() { halfCount = max(halfCount, step.results) }
    workspaceBytes = (steps.count > 2 ? 2 : steps.count > 1 ? 1 : 0) * halfCount * inputs[0].type.size
  }

  /// Calls `body(step, source, destination, is the first)` for the steps, through the workspace to the output.
  @inline(__always)
  private func forEachStep<T>(
    _ context: ExecutionContext, _: T.Type,
    _ body: (Step, UnsafePointer<T>, UnsafeMutablePointer<T>, Bool) -> Void
  ) {
    var source = UnsafePointer(inputs[0].pointer(T.self))
    let half = context.workspace.assumingMemoryBound(to: T.self)
    for i in 0..<steps.count {
      let destination = i == steps.count - 1 ? outputs[0].pointer(T.self) : half + i % 2 * halfCount
      body(steps[i], source, destination, i == 0)
      source = UnsafePointer(destination)
    }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let op: Int32
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let outer: Int, n: Int, inner: Int
    /// Columns of a task, tasks side by side, outer positions of a task. One of the last two is 1.
    let block: Int, blocks: Int, outerPerTask: Int

    init(_ kernels: UnsafePointer<MSKernels>, _ op: Int32, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ s: Step) {
      (self.kernels, self.op, self.x, self.y) = (kernels, op, x, y)
      (outer, n, inner) = (s.outer, s.n, s.inner)
      let wanted = (Elementwise.rowsPerTask(n) + 15) / 16 * 16
      block = max(1, min(inner, wanted))
      blocks = (inner + block - 1) / block
      outerPerTask = blocks > 1 ? 1 : Elementwise.rowsPerTask(n * inner)
    }

    var tasks: Int { (outer + outerPerTask - 1) / outerPerTask * blocks }

    func run(_ index: Int, worker: Int) {
      let (part, column) = index.quotientAndRemainder(dividingBy: blocks)
      let first = part * outerPerTask, count = min(outerPerTask, outer - first)
      if inner == 1 {
        kernels.pointee.reduce_rows(op, x + first * n, y + first, count, n)
        return
      }
      let start = column * block
      for i in first..<first + count {
        kernels.pointee.reduce_columns(op, x + i * n * inner + start, y + i * inner + start, n, min(block, inner - start), inner)
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let count = outputs[0].count
    if count == 0 { return }
    if inputs[0].count == 0 {
      try fillEmpty(count)
      return
    }
    switch inputs[0].type {
    case .int32: runIntegers(context, Int32.self)
    case .int64: runIntegers(context, Int64.self)
    case .bool:
      forEachStep(context, UInt8.self) { s, x, y, _ in
        for i in 0..<s.outer {
          for k in 0..<s.inner {
            var all: UInt8 = 1
            for j in 0..<s.n where x[(i * s.n + j) * s.inner + k] == 0 { all = 0 }
            y[i * s.inner + k] = all
          }
        }
      }
    default: runFloats(context, count)
    }
  }

  private func runFloats(_ context: ExecutionContext, _ count: Int) {
    let first: MSReduce, later: MSReduce
    switch mode {
    case ReduceMode.max: (first, later) = (MS_REDUCE_MAX, MS_REDUCE_MAX)
    case ReduceMode.min: (first, later) = (MS_REDUCE_MIN, MS_REDUCE_MIN)
    case ReduceMode.prod: (first, later) = (MS_REDUCE_PROD, MS_REDUCE_PROD)
    case ReduceMode.sumSquare, ReduceMode.l2: (first, later) = (MS_REDUCE_SUM_SQUARE, MS_REDUCE_SUM)
    case ReduceMode.absSum: (first, later) = (MS_REDUCE_SUM_ABS, MS_REDUCE_SUM)
    default: (first, later) = (MS_REDUCE_SUM, MS_REDUCE_SUM)
    }
    forEachStep(context, Float.self) { s, x, y, isFirst in
      let job = Job(context.kernels, Int32((isFirst ? first : later).rawValue), x, y, s)
      context.parallel(job.tasks, job)
    }
    let y = outputs[0].floats
    func apply(_ f: FusedActivation) { context.unary(f, UnsafePointer(y), y, count) }
    if mode == ReduceMode.mean { apply(FusedActivation(MS_UNARY_AFFINE, 1 / Float(reduced))) }
    if mode == ReduceMode.l2 { apply(FusedActivation(MS_UNARY_SQRT)) }
    if hasFactor { apply(FusedActivation(MS_UNARY_AFFINE, coefficient)) }
  }

  private func runIntegers<T: FixedWidthInteger & SignedInteger>(_ context: ExecutionContext, _: T.Type) {
    let mode = mode
    forEachStep(context, T.self) { s, x, y, isFirst in
      for i in 0..<s.outer {
        for k in 0..<s.inner {
          let column = x + (i * s.n * s.inner + k)
          var result: T = mode == ReduceMode.max ? .min : mode == ReduceMode.min ? .max : mode == ReduceMode.prod ? 1 : 0
          for j in 0..<s.n {
            let v = column[j * s.inner]
            switch mode {
            case ReduceMode.max: result = max(result, v)
            case ReduceMode.min: result = min(result, v)
            case ReduceMode.prod: result = result &* v
            case ReduceMode.sumSquare: result = result &+ (isFirst ? v &* v : v)
            case ReduceMode.absSum: result = result &+ (v < 0 ? 0 &- v : v)
            default: result = result &+ v
            }
          }
          y[i * s.inner + k] = mode == ReduceMode.mean ? result / T(truncatingIfNeeded: s.n) : result
        }
      }
    }
  }

  /// The result of reducing no elements.
  private func fillEmpty(_ count: Int) throws(EngineError) {
    switch inputs[0].type {
    case .float32:
      var value: Float = 0
      switch mode {
      case ReduceMode.mean: value = .nan
      case ReduceMode.max: value = -.infinity
      case ReduceMode.min: value = .infinity
      case ReduceMode.prod: value = 1
      default: break
      }
      for i in 0..<count { outputs[0].floats[i] = value }
    case .bool: for i in 0..<count { outputs[0].pointer(UInt8.self)[i] = 1 }
    default: throw EngineError(.error, "cannot reduce the empty input 0 (\(inputs[0]))")
    }
  }
}
