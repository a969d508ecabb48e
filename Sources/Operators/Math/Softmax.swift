import CKernels
import Graph
import System

// Attributes. Softmax: 0 axis, a list of exactly one entry. LogSoftmax: 0 axis (0).

/// Softmax and LogSoftmax over one axis, float32.
class SoftmaxOperator: Operator {
  private let isLog: Bool
  private let axisAttribute: Int
  final var outer = 0, n = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    isLog = node.kind == .logSoftmax
    let list = node.attributes.ints(0)
    axisAttribute = isLog ? node.attributes.int(0, 0) : list.first ?? 0
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireElements()
    if !isLog && list.count != 1 {
      throw EngineError(.parameterInvalid, "the axis attribute has \(list.count) entries; exactly one is needed")
    }
  }

  /// Checks the input's type; subclasses take others.
  func requireElements() throws(EngineError) { try requireType(0, .float32) }

  override func infer() throws(EngineError) {
    _ = try requireAxis(axisAttribute, of: 0)
    try setOutput(0, inputs[0].type, inputs[0].shape.dims)
  }

  override var inPlaceInputs: [Int] { [0] }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let shape = inputs[0].shape
    let axis = try requireAxis(axisAttribute, of: 0)
    outer = shape.product(0..<axis)
    n = shape[axis]
    inner = shape.product(axis + 1..<shape.rank)
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    let outer: Int, n: Int, inner: Int, grain: Int
    let log: Int32
    func run(_ index: Int, worker: Int) {
      let first = index * grain, count = min(grain, outer - first), offset = first * n * inner
      if inner == 1 {
        kernels.pointee.softmax(x + offset, y + offset, count, n, log)
      } else {
        kernels.pointee.softmax_strided(x + offset, y + offset, count, n, inner, log)
      }
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    // An exponential costs several times what the simplest functions cost: smaller tasks.
    let grain = max(1, Elementwise.rowsPerTask(n * inner) / 4)
    let job = Job(
      kernels: context.kernels, x: UnsafePointer(inputs[0].floats), y: outputs[0].floats, outer: outer, n: n, inner: inner,
      grain: grain, log: isLog ? 1 : 0)
    context.parallel((outer + grain - 1) / grain, job)
  }
}
