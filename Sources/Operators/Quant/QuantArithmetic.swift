import CKernels
import Graph
import System

// Attributes: as in Arithmetic.swift.

/// AddFusion, SubFusion, MulFusion, BiasAdd, Eltwise (PROD and SUM) on int8 and uint8, with broadcasting and RELU or RELU6: TFLite's
/// fixed-point arithmetic.
///
/// A sum is (A (a - a0) 2^20 + B (b - b0) 2^20) C + y0 with A and B the operands' scales over twice the larger one; a product
/// is (a - a0) (b - b0) M + y0.
final class QuantArithmeticOperator: Operator {
  private let isProduct: Bool, isDifference: Bool
  private var plan = BroadcastPlan(Shape(), Shape(), to: Shape())
  /// Their bytes are set by the run.
  private var left = MSQuantOperand(Quantization(scale: 1, zero: 0)), right = MSQuantOperand(Quantization(scale: 1, zero: 0))
  private var result = MSQuantOutput()

  override init(_ node: Node) throws(EngineError) {
    isProduct = node.kind == .mulFusion || node.kind == .eltwise && node.attributes.int(0, 0) == 0
    isDifference = node.kind == .subFusion
    try super.init(node)
    if node.kind == .eltwise && node.attributes.int(0, 0) > 1 {
      throw EngineError(.notSupported, "mode \(node.attributes.int(0, 0)); 0 (PROD), 1 (SUM) and 2 (MAXIMUM) are accepted")
    }
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try fillScales()
  }

  private func fillScales() throws(EngineError) {
    let a = try requireQuantization(input: 0), b = try requireQuantization(input: 1)
    let y = try requireQuantization(output: 0, type: inputs[0].type)
    // Field 0 of Eltwise is its mode, of BiasAdd its format.
    let hasActivation = node.kind == .addFusion || node.kind == .subFusion || node.kind == .mulFusion
    let activation = hasActivation ? node.attributes.int(0, 0) : ActivationType.none
    if hasActivation { _ = try fusedActivation(field: 0) }
    left = MSQuantOperand(a)
    right = MSQuantOperand(b)
    if isProduct {
      result = MSQuantOutput(a.scale * b.scale / y.scale, y, activation: activation)
    } else {
      let unit = 2 * max(a.scale, b.scale)
      left.scale = MSQuantScale(FixedMultiplier(a.scale / unit))
      right.scale = MSQuantScale(FixedMultiplier(isDifference ? -b.scale / unit : b.scale / unit))
      result = MSQuantOutput(unit / (0x1p20 * y.scale), y, activation: activation)
    }
  }

  override func infer() throws(EngineError) {
    let shape = try broadcastOfInputs()
    if node.kind == .biasAdd && shape != inputs[0].shape {
      throw EngineError(.inferError, "the bias (\(inputs[1])) does not fit input 0 (\(inputs[0]))")
    }
    try setOutput(0, inputs[0].type, shape.dims, format: binaryFormat)
  }

  override var inPlaceInputs: [Int] { inputsLikeOutput(0..<2) }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    plan = BroadcastPlan(inputs[0].shape, inputs[1].shape, to: outputs[0].shape)
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let isProduct: Bool
    let plan: BroadcastPlan
    let a: MSQuantOperand, b: MSQuantOperand
    let result: MSQuantOutput
    let y: UnsafeMutablePointer<UInt8>
    func run(_ index: Int, worker: Int) {
      var p = a, q = b, o = result
      p.step = plan.aStep
      q.step = plan.bStep
      plan.forEachRun(index) { i, j, k, n in
        p.x = a.x + i
        q.x = b.x + j
        if isProduct { kernels.pointee.int8.mul(&p, &q, &o, y + k, n) } else { kernels.pointee.int8.add(&p, &q, &o, y + k, n) }
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    var a = left, b = right
    a.x = UnsafePointer(inputs[0].pointer(UInt8.self))
    b.x = UnsafePointer(inputs[1].pointer(UInt8.self))
    context.parallel(
      plan.tasks,
      Job(
        kernels: context.kernels, isProduct: isProduct, plan: plan, a: a, b: b, result: result,
        y: outputs[0].pointer(UInt8.self)))
  }
}

extension MSQuantOperand {
  /// An operand whose bytes and scale are filled in later.
  fileprivate init(_ q: Quantization) {
    self.init(
      x: UnsafePointer(bitPattern: 1).unsafelyUnwrapped, step: 1, zero: q.zero, scale: MSQuantScale(multiplier: 0, shift: 0),
      flip: q.flip)
  }
}
