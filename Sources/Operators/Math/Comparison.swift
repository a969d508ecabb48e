import CKernels
import Graph
import System

// Attributes: none.

/// Equal, NotEqual, Greater, GreaterEqual, Less, LessEqual (bool results, of float32, int32, int64 or bool operands) and
/// LogicalAnd, LogicalOr (results of the operands' type, float32, int32 or bool: 1 or 0 from nonzero tests); with broadcasting.
final class ComparisonOperator: Operator {
  private let type: DataType
  private let isLogical: Bool
  private var left = FloatInput(0)
  private var right = FloatInput(1)
  private var plan = BroadcastPlan(Shape(), Shape(), to: Shape())

  override init(_ node: Node) throws(EngineError) {
    isLogical = node.kind == .logicalAnd || node.kind == .logicalOr
    type = node.inputs.first?.type == .float16 ? .float32 : node.inputs.first?.type ?? .unknown
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    _ = try operandType()
    if type == .float32 {
      for i in 0..<2 { try requireFloat(i) }
    } else {
      if isLogical { try requireType(0, .float32, .int32, .bool) } else { try requireType(0, .float32, .int32, .int64, .bool) }
    }
  }

  override func infer() throws(EngineError) {
    try setOutput(0, isLogical ? type : .bool, try broadcastOfInputs().dims, format: binaryFormat)
  }

  /// Results of a comparison are narrower than most operands; only equal types share memory.
  override var inPlaceInputs: [Int] { inputsLikeOutput(0..<2) }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    plan = BroadcastPlan(inputs[0].shape, inputs[1].shape, to: outputs[0].shape)
    if inputs[0].type == .float16 { try left.prepare(self, context) }
    if inputs[1].type == .float16 { try right.prepare(self, context) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    switch type {
    case .float32: run(context, left.pointer(self), right.pointer(self), context.kernels.pointee.compare_f32)
    case .int32:
      run(
        context, UnsafePointer(inputs[0].pointer(Int32.self)), UnsafePointer(inputs[1].pointer(Int32.self)),
        context.kernels.pointee.compare_i32)
    case .int64: run(context, UnsafePointer(inputs[0].pointer(Int64.self)), UnsafePointer(inputs[1].pointer(Int64.self)))
    default: run(context, UnsafePointer(inputs[0].pointer(UInt8.self)), UnsafePointer(inputs[1].pointer(UInt8.self)))
    }
  }

  /// For the types whose comparisons are kernels.
  private func run<T: Comparable & ExpressibleByIntegerLiteral>(
    _ context: ExecutionContext, _ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ compare: MSCompareFunction
  ) {
    if isLogical {
      combine(context, a, b)
    } else {
      context.parallel(
        plan.tasks, KernelJob<T>(compare: compare, kind: node.kind, plan: plan, a: a, b: b, y: outputs[0].pointer(UInt8.self)))
    }
  }

  private func run<T: Comparable & ExpressibleByIntegerLiteral>(_ context: ExecutionContext, _ a: UnsafePointer<T>, _ b: UnsafePointer<T>) {
    if isLogical {
      combine(context, a, b)
    } else {
      context.parallel(plan.tasks, ComparisonJob<T>(kind: node.kind, plan: plan, a: a, b: b, y: outputs[0].pointer(UInt8.self)))
    }
  }

  private func combine<T: Comparable & ExpressibleByIntegerLiteral>(
    _ context: ExecutionContext, _ a: UnsafePointer<T>, _ b: UnsafePointer<T>
  ) {
    let job = LogicalJob<T>(isAnd: node.kind == .logicalAnd, plan: plan, a: a, b: b, y: outputs[0].pointer(T.self))
    context.parallel(plan.tasks, job)
  }
}

/// A comparison by a kernel, which knows greater as less of exchanged operands.
private struct KernelJob<T>: ParallelJob {
  let compare: MSCompareFunction
  let kind: OperatorKind
  let plan: BroadcastPlan
  let a: UnsafePointer<T>, b: UnsafePointer<T>, y: UnsafeMutablePointer<UInt8>

  func run(_ index: Int, worker: Int) {
    let operation = Int32(bitPattern: self.operation.rawValue), isSwapped = kind == .greater || kind == .greaterEqual
    plan.forEachRun(index) { i, j, k, n in
      if isSwapped {
        compare(operation, b + j, plan.bStep, a + i, plan.aStep, y + k, n)
      } else {
        compare(operation, a + i, plan.aStep, b + j, plan.bStep, y + k, n)
      }
    }
  }

  private var operation: MSCompare {
    switch kind {
    case .equal: MS_COMPARE_EQUAL
    case .notEqual: MS_COMPARE_NOT_EQUAL
    case .greater, .less: MS_COMPARE_LESS
    default: MS_COMPARE_LESS_EQUAL
    }
  }
}

private struct ComparisonJob<T: Comparable>: ParallelJob {
  let kind: OperatorKind
  let plan: BroadcastPlan
  let a: UnsafePointer<T>, b: UnsafePointer<T>, y: UnsafeMutablePointer<UInt8>

  func run(_ index: Int, worker: Int) {
    plan.forEachRun(index) { i, j, k, n in run(a + i, b + j, y + k, n) }
  }

  /// One run of n elements. Not inlined, so that the loops exist once.
  @inline(never)
  private func run(_ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ y: UnsafeMutablePointer<UInt8>, _ n: Int) {
    switch kind {
    case .equal: each(a, b, y, n) { $0 == $1 }
    case .notEqual: each(a, b, y, n) { $0 != $1 }
    case .greater: each(a, b, y, n) { $0 > $1 }
    case .greaterEqual: each(a, b, y, n) { $0 >= $1 }
    case .less: each(a, b, y, n) { $0 < $1 }
    default: each(a, b, y, n) { $0 <= $1 }
    }
  }

  @inline(__always)
  private func each(
    _ a: UnsafePointer<T>, _ b: UnsafePointer<T>, _ y: UnsafeMutablePointer<UInt8>, _ n: Int, _ f: (T, T) -> Bool
  ) {
    // Pointers that step cost less than checked products of positions.
    var p = a, q = b, r = y
    let end = y + n
    while r < end {
      r.pointee = f(p.pointee, q.pointee) ? 1 : 0
      p += plan.aStep
      q += plan.bStep
      r += 1
    }
  }
}

private struct LogicalJob<T: Comparable & ExpressibleByIntegerLiteral>: ParallelJob {
  let isAnd: Bool
  let plan: BroadcastPlan
  let a: UnsafePointer<T>, b: UnsafePointer<T>, y: UnsafeMutablePointer<T>

  func run(_ index: Int, worker: Int) {
    plan.forEachRun(index) { i, j, k, n in
      for e in 0..<n {
        let p = a[i + e * plan.aStep] != 0, q = b[j + e * plan.bStep] != 0
        y[k + e] = (isAnd ? p && q : p || q) ? 1 : 0
      }
    }
  }
}
