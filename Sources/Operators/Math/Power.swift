import CKernels
import CSystem
import Graph
import System

// Attributes: 0 scale (1), 1 shift (0).

/// PowFusion: (scale * x + shift) ^ exponent, with broadcasting; integer exponents by repeated squaring.
///
/// Accepts float32 (with float16 constants), and int32 x with an int32 or float32 exponent: int32 results, saturated.
final class PowerOperator: Operator {
  private let scale: Float
  private let shift: Float
  private var exponent = FloatInput(1)
  private var plan = BroadcastPlan(Shape(), Shape(), to: Shape())

  override init(_ node: Node) throws(EngineError) {
    scale = node.attributes.float(0, 1)
    shift = node.attributes.float(1, 0)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32, .int32)
    if !(inputs[0].type == .int32 && inputs[1].type == .int32) { try requireFloat(1) }
  }

  override func infer() throws(EngineError) {
    try setOutput(0, inputs[0].type, try broadcastOfInputs().dims, format: binaryFormat)
  }

  override var inPlaceInputs: [Int] { inputsLikeOutput(0..<1) }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    plan = BroadcastPlan(inputs[0].shape, inputs[1].shape, to: outputs[0].shape)
    if inputs[1].type == .float16 { try exponent.prepare(self, context) }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    if inputs[0].type == .int32 {
      runIntegers()
      return
    }
    let job = PowerJob(
      plan: plan, scale: scale, shift: shift, x: UnsafePointer(inputs[0].floats), exponent: exponent.pointer(self),
      y: outputs[0].floats)
    context.parallel(plan.tasks, job)
  }

  private func runIntegers() {
    let x = inputs[0].pointer(Int32.self), y = outputs[0].pointer(Int32.self)
    let integers = inputs[1].type == .int32 ? inputs[1].pointer(Int32.self) : nil
    let floats = integers == nil ? exponent.pointer(self) : nil
    let plan = plan, scale = Double(scale), shift = Double(shift)
    for task in 0..<plan.tasks {
      plan.forEachRun(task) { i, j, k, n in
        for e in 0..<n {
          let at = j + e * plan.bStep
          let power = integers.map { Double($0[at]) } ?? floats.map { Double($0[at]) } ?? 1
          let value = pow(scale * Double(x[i + e * plan.aStep]) + shift, power)
          y[k + e] = Int32(exactly: value.rounded(.towardZero)) ?? (value < 0 ? .min : .max)
        }
      }
    }
  }
}

private struct PowerJob: ParallelJob {
  let plan: BroadcastPlan
  let scale: Float, shift: Float
  let x: UnsafePointer<Float>, exponent: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>

  func run(_ index: Int, worker: Int) {
    plan.forEachRun(index) { i, j, k, n in
      if plan.bStep == 0 {
        let e = exponent[j]
        if let integer = PowerJob.integer(e) {
          // Eight values at a time through the same squarings.
          var p = 0
          while p + 8 <= n {
            var v = SIMD8<Float>(repeating: x[i + p * plan.aStep])
            if plan.aStep == 1 { v = UnsafeRawPointer(x + i + p).loadUnaligned(as: SIMD8<Float>.self) }
            let r = PowerJob.power(v * scale + shift, integer)
            UnsafeMutableRawPointer(y + k + p).storeBytes(of: r, as: SIMD8<Float>.self)
            p += 8
          }
          while p < n {
            y[k + p] = PowerJob.power(SIMD8<Float>(repeating: x[i + p * plan.aStep] * scale + shift), integer)[0]
            p += 1
          }
          return
        }
      }
      for p in 0..<n {
        let e = exponent[j + p * plan.bStep], base = x[i + p * plan.aStep] * scale + shift
        if let integer = PowerJob.integer(e) {
          y[k + p] = PowerJob.power(SIMD8<Float>(repeating: base), integer)[0]
        } else {
          y[k + p] = powf(base, e)
        }
      }
    }
  }

  /// `e` as an integer, when it is one of a size that squaring suits.
  static func integer(_ e: Float) -> Int? {
    e.rounded(.towardZero) == e && abs(e) <= 0x1p24 ? Int(e) : nil
  }

  @inline(__always)
  static func power(_ base: SIMD8<Float>, _ exponent: Int) -> SIMD8<Float> {
    var result = SIMD8<Float>(repeating: 1), square = base
    var bits = exponent.magnitude
    while bits != 0 {
      if bits & 1 != 0 { result *= square }
      bits >>= 1
      if bits != 0 { square *= square }
    }
    return exponent >= 0 ? result : 1 / result
  }
}
