import CKernels
import Graph
import System

// Attributes. AddFusion, SubFusion, MulFusion, DivFusion: 0 activation_type (0). Eltwise: 0 mode (0 PROD, 1 SUM, 2 MAXIMUM).
// The others: none that counts (BiasAdd's format says nothing that the shapes do not).

/// y = activation(a op b) with broadcasting: AddFusion, SubFusion, MulFusion, DivFusion, RealDiv, Maximum, Minimum, Eltwise,
/// FloorDiv, FloorMod, Mod, SquaredDifference, BiasAdd.
///
/// Accepts float32 (with float16 constants); int32 and int64 in wrapping arithmetic, where a zero divisor fails the run; bool
/// for AddFusion (logical or). Activations are for float32 only.
final class ArithmeticOperator: Operator {
  private var op = MS_BINARY_ADD
  private let type: DataType
  private var activation = FusedActivation.none
  private var left = FloatInput(0)
  private var right = FloatInput(1)
  private var plan = BroadcastPlan(Shape(), Shape(), to: Shape())
  /// The operands change places, so that one that broadcasts stands on the right (commutative operations only).
  private var swapped = false
  /// SubFusion of a constant vector adds its negation.
  private var negated: Buffer? = nil

  override init(_ node: Node) throws(EngineError) {
    if node.inputs.count == 2 && node.inputs[0].type == .float16 {
      type = .float32
    } else {
      type = node.inputs.first?.type ?? .unknown
    }
    try super.init(node)
    op = try ArithmeticOperator.operation(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    switch node.kind {
    case .addFusion, .subFusion, .mulFusion, .divFusion: activation = try fusedActivation(field: 0)
    // Field 0 of the others, where there is one, is no activation.
    default: if node.fused.activation != nil { activation = try fusedActivation(field: 0) }
    }
    let common = try operandType()
    switch common {
    case .float32: break
    case .int32, .int64, .bool:
      if common == .bool && node.kind != .addFusion { try requireType(0, .float32, .int32, .int64) }
      if !activation.isNone { throw EngineError(.notSupported, "has an activation, which only float32 results can have") }
    default: try requireType(0, .float32, .int32, .int64)
    }
  }

  private static func operation(_ node: Node) throws(EngineError) -> MSBinary {
    switch node.kind {
    case .addFusion, .biasAdd: return MS_BINARY_ADD
    case .subFusion: return MS_BINARY_SUB
    case .mulFusion: return MS_BINARY_MUL
    case .divFusion, .realDiv: return MS_BINARY_DIV
    case .maximum: return MS_BINARY_MAX
    case .minimum: return MS_BINARY_MIN
    case .squaredDifference: return MS_BINARY_SQUARED_DIFFERENCE
    case .floorDiv: return MS_BINARY_FLOOR_DIV
    case .floorMod: return MS_BINARY_FLOOR_MOD
    case .mod: return MS_BINARY_MOD
    case .eltwise:
      switch node.attributes.int(0, 0) {
      case 0: return MS_BINARY_MUL
      case 1: return MS_BINARY_ADD
      case 2: return MS_BINARY_MAX
      default: throw EngineError(.notSupported, "mode \(node.attributes.int(0, 0)); 0 (PROD), 1 (SUM) and 2 (MAXIMUM) are accepted")
      }
    default: throw EngineError(.notSupported, "is no arithmetic operation")
    }
  }

  override func infer() throws(EngineError) {
    let shape = try broadcastOfInputs()
    if node.kind == .biasAdd && shape != inputs[0].shape {
      throw EngineError(.inferError, "the bias (\(inputs[1])) does not fit input 0 (\(inputs[0]))")
    }
    try setOutput(0, type, shape.dims, format: binaryFormat)
  }

  override var inPlaceInputs: [Int] { inputsLikeOutput(0..<2) }
  override var acceptsFusedActivation: Bool { type == .float32 }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let a = inputs[0].shape, b = inputs[1].shape, y = outputs[0].shape
    negated = nil
    swapped = false
    plan = BroadcastPlan(a, b, to: y)
    if type != .float32 { return }
    if inputs[0].type == .float16 { try left.prepare(self, context) }
    if inputs[1].type == .float16 { try right.prepare(self, context) }
    let commutative = op == MS_BINARY_ADD || op == MS_BINARY_MUL || op == MS_BINARY_MAX || op == MS_BINARY_MIN
    if commutative && a != y {
      swapped = true
      plan = BroadcastPlan(b, a, to: y)
    }
    if op == MS_BINARY_SUB && plan.vectorRows > 0, let vector = right.known(self) {
      let n = inputs[1].count
      let buffer = try floatBuffer(n)
      context.kernels.pointee.unary(Int32(MS_UNARY_NEG.rawValue), vector, buffer.floats, n, 0, 0)
      negated = buffer
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    switch type {
    case .float32:
      let a = swapped ? right.pointer(self) : left.pointer(self)
      let b = swapped ? left.pointer(self) : negated.map { UnsafePointer($0.floats) } ?? right.pointer(self)
      let job = FloatArithmeticJob(
        kernels: context.kernels, op: negated == nil ? op : MS_BINARY_ADD, activation: activation, plan: plan, a: a, b: b,
        y: outputs[0].floats)
      context.parallel(plan.tasks, job)
    case .int32: try runIntegers(context, Int32.self)
    case .int64: try runIntegers(context, Int64.self)
    default:
      let a = inputs[0].pointer(UInt8.self), b = inputs[1].pointer(UInt8.self), y = outputs[0].pointer(UInt8.self)
      let plan = plan
      for task in 0..<plan.tasks {
        plan.forEachRun(task) { i, j, k, n in
          for e in 0..<n { y[k + e] = a[i + e * plan.aStep] != 0 || b[j + e * plan.bStep] != 0 ? 1 : 0 }
        }
      }
    }
  }

  private func runIntegers<T: FixedWidthInteger & SignedInteger>(_ context: ExecutionContext, _: T.Type) throws(EngineError) {
    let b = inputs[1].pointer(T.self)
    switch op {
    case MS_BINARY_DIV, MS_BINARY_FLOOR_DIV, MS_BINARY_FLOOR_MOD, MS_BINARY_MOD:
      for i in 0..<inputs[1].count where b[i] == 0 {
        throw EngineError(.error, "division by zero: input 1 (\(inputs[1])) is 0 at position \(i)")
      }
    default: break
    }
    context.parallel(
      plan.tasks,
      IntegerArithmeticJob<T>(op: op, plan: plan, a: inputs[0].pointer(T.self), b: b, y: outputs[0].pointer(T.self)))
  }
}

/// One broadcast float operation, with the activation applied while the run is in cache.
struct FloatArithmeticJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let op: MSBinary
  let activation: FusedActivation
  let plan: BroadcastPlan
  let a: UnsafePointer<Float>, b: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>

  func run(_ index: Int, worker: Int) {
    let vectorRows = plan.vectorRows
    if vectorRows > 0 && (op == MS_BINARY_ADD || op == MS_BINARY_MUL) && plan.inner < Elementwise.grain {
      // Bias or scale per channel: one call for all rows up to the next change of the vector.
      let range = plan.rowRange(index)
      var row = range.lowerBound
      while row < range.upperBound {
        let rows = min(vectorRows - row % vectorRows, range.upperBound - row)
        let (i, j) = plan.offsets(row)
        kernels.pointee.scale_bias(
          a + i, op == MS_BINARY_MUL ? b + j : nil, op == MS_BINARY_ADD ? b + j : nil, y + row * plan.inner, rows, plan.inner,
          activation.op, activation.alpha, activation.beta)
        row += rows
      }
      return
    }
    let direct = activation.isClampOrNone
    plan.forEachRun(index) { i, j, k, n in
      kernels.pointee.binary(
        Int32(op.rawValue), a + i, plan.aStep, b + j, plan.bStep, y + k, n,
        direct ? activation.op : Int32(MS_UNARY_IDENTITY.rawValue), activation.alpha, activation.beta)
      if !direct { kernels.pointee.unary(activation.op, y + k, y + k, n, activation.alpha, activation.beta) }
    }
  }
}

/// One broadcast integer operation; divisors are not zero.
private struct IntegerArithmeticJob<T: FixedWidthInteger & SignedInteger>: ParallelJob {
  let op: MSBinary
  let plan: BroadcastPlan
  let a: UnsafeMutablePointer<T>, b: UnsafeMutablePointer<T>, y: UnsafeMutablePointer<T>

  func run(_ index: Int, worker: Int) {
    plan.forEachRun(index) { i, j, k, n in run(a + i, b + j, y + k, n) }
  }

  /// One run of n elements. Not inlined, so that the loops exist once.
  @inline(never)
  private func run(_ a: UnsafeMutablePointer<T>, _ b: UnsafeMutablePointer<T>, _ y: UnsafeMutablePointer<T>, _ n: Int) {
    switch op {
    case MS_BINARY_ADD: each(a, b, y, n) { $0 &+ $1 }
    case MS_BINARY_SUB: each(a, b, y, n) { $0 &- $1 }
    case MS_BINARY_MUL: each(a, b, y, n) { $0 &* $1 }
    case MS_BINARY_MAX: each(a, b, y, n) { max($0, $1) }
    case MS_BINARY_MIN: each(a, b, y, n) { min($0, $1) }
    case MS_BINARY_SQUARED_DIFFERENCE: each(a, b, y, n) { ($0 &- $1) &* ($0 &- $1) }
    case MS_BINARY_MOD: each(a, b, y, n) { $0.remainderReportingOverflow(dividingBy: $1).partialValue }
    case MS_BINARY_FLOOR_MOD:
      each(a, b, y, n) {
        let r = $0.remainderReportingOverflow(dividingBy: $1).partialValue
        return r != 0 && (r < 0) != ($1 < 0) ? r &+ $1 : r
      }
    // Both divisions truncate, as the original's integer kernels do.
    default: each(a, b, y, n) { $0.dividedReportingOverflow(by: $1).partialValue }
    }
  }

  @inline(__always)
  private func each(
    _ a: UnsafeMutablePointer<T>, _ b: UnsafeMutablePointer<T>, _ y: UnsafeMutablePointer<T>, _ n: Int, _ f: (T, T) -> T
  ) {
    for e in 0..<n { y[e] = f(a[e * plan.aStep], b[e * plan.bStep]) }
  }
}

// Attributes: none.

/// AddN: the sum of its inputs, float32. Every input broadcasts to the common shape, or has its element count.
final class AddNOperator: Operator {
  private var operands = [FloatInput]()
  /// Plan k adds input k + 1; the first one also reads input 0, the others the sum so far.
  private var plans = [BroadcastPlan]()

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(1...1024)
    try requireOutputs(1...1)
    for i in 0..<inputs.count {
      try requireFloat(i)
      operands.append(FloatInput(i))
    }
  }

  override func infer() throws(EngineError) {
    var shape = inputs[0].shape
    for i in 1..<max(inputs.count, 1) {
      if let common = broadcastShape(shape, inputs[i].shape) {
        shape = common
      } else if inputs[i].count != shape.count {
        throw EngineError(.inferError, "the shape of input \(i) (\(inputs[i])) does not fit \(shape)")
      }
    }
    for i in 0..<inputs.count where broadcastShape(inputs[i].shape, shape) != shape && inputs[i].count != shape.count {
      throw EngineError(.inferError, "the shape of input \(i) (\(inputs[i])) does not fit \(shape)")
    }
    try setOutput(0, .float32, shape.dims)
  }

  /// Only the first two: later ones are read after the output has been written.
  override var inPlaceInputs: [Int] { inputsLikeOutput(0..<2) }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    let y = outputs[0].shape
    // A shape that does not broadcast has the output's element count: the same elements in order.
    func operand(_ t: Tensor) -> Shape { broadcastShape(t.shape, y) == y ? t.shape : y }
    plans = []
    for i in 0..<inputs.count {
      if inputs[i].type == .float16 { try operands[i].prepare(self, context) }
      if i > 0 { plans.append(BroadcastPlan(i == 1 ? operand(inputs[0]) : y, operand(inputs[i]), to: y)) }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let y = outputs[0].floats
    if inputs.count == 1 {
      context.unary(.none, operands[0].pointer(self), y, outputs[0].count)
      return
    }
    for i in 1..<inputs.count {
      let job = FloatArithmeticJob(
        kernels: context.kernels, op: MS_BINARY_ADD, activation: .none, plan: plans[i - 1],
        a: i == 1 ? operands[0].pointer(self) : UnsafePointer(y), b: operands[i].pointer(self), y: y)
      context.parallel(plans[i - 1].tasks, job)
    }
  }
}
