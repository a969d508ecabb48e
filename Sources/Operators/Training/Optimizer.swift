import CKernels
import Graph
import System

/// What the run of an optimiser does with its gradient.
public enum OptimizerMode {
  /// Updates the weights.
  case update
  /// Adds it to a sum, for ``OptimizerOperator/applyAccumulated(_:scale:)``: a large batch out of small ones.
  case accumulate
}

/// An operator that updates weights by their gradient. Subclasses say how, for a range of the elements.
///
/// A session finds them by ``Operator/optimizer``. The output, where there is one, is a number of no meaning.
open class OptimizerOperator: Operator {
  /// The inputs that hold the gradient and the learning rate.
  public final let gradientInput: Int, rateInput: Int
  private var rate: Float? = nil
  public private(set) final var mode = OptimizerMode.update
  /// The sum of gradients.
  private var sum: Buffer? = nil
  /// Gradients in the sum.
  public private(set) final var accumulated = 0

  init(_ node: Node, gradient: Int, rate: Int, inputs count: ClosedRange<Int>) throws(EngineError) {
    gradientInput = gradient
    rateInput = rate
    try super.init(node)
    try requireInputs(count)
    try requireOutputs(0...1)
    for i in 0..<inputs.count { try requireType(i, .float32) }
    isOptimizer = true
  }

  public final override var isPure: Bool { false }

  /// The learning rate that runs use: the one that was set, else the value of input ``rateInput`` (0 while a graph that computes it
  /// has not run).
  public final var learningRate: Float {
    get { rate ?? inputs[rateInput].data.map { $0.loadUnaligned(as: Float.self) } ?? 0 }
    set { rate = newValue }
  }

  /// Back to the model's own learning rate.
  public final func restoreLearningRate() { rate = nil }

  /// Changes what runs do; call it after `prepare`. Gradients that were summed up and not applied are forgotten. Throws when there is
  /// no memory for the sum.
  public final func setMode(_ mode: OptimizerMode) throws(EngineError) {
    if mode == .accumulate && sum == nil { sum = try floatBuffer(inputs[0].count) }
    self.mode = mode
    accumulated = 0
  }

  /// Updates the weights by the sum of the accumulated gradients times `scale` (by default their mean) and begins a new sum. Nothing
  /// happens where no run has added to the sum.
  public final func applyAccumulated(_ context: ExecutionContext, scale: Float? = nil) throws(EngineError) {
    guard let sum, accumulated > 0 else { return }
    let n = inputs[0].count
    let factor = scale ?? 1 / Float(accumulated)
    accumulated = 0
    if n == 0 { return }
    if factor != 1 { context.unary(FusedActivation(MS_UNARY_AFFINE, factor), UnsafePointer(sum.floats), sum.floats, n) }
    try update(UnsafePointer(sum.floats), n, context)
  }

  /// The weights have the shape of the gradient, and so have the `moments`; the `numbers` are inputs of one element.
  final func requireShapes(moments: [Int], numbers: [Int]) throws(EngineError) {
    let n = inputs[0].count
    for i in moments + [gradientInput] { try requireCount(i, n, "as many as the weights") }
    for i in numbers + [rateInput] { try requireCount(i, 1, "a number") }
    if outputs.count == 1 { try setOutput(0, .float32, [1]) }
  }

  /// The value of input `index`, a number.
  final func number(_ index: Int) -> Float { inputs[index].data.map { $0.loadUnaligned(as: Float.self) } ?? 0 }

  /// Updates the n weights by the gradient `g`, on all threads.
  /// (Public because in Embedded Swift 6.3 other modules would make a stub of their own for it, which does not link.)
  open func update(_ g: UnsafePointer<Float>, _ n: Int, _ context: ExecutionContext) throws(EngineError) {}

  /// Constants cannot be written to: the graph has to be run by a training session.
  public final override func prepare(_ context: ExecutionContext) throws(EngineError) { try requireWritable() }

  public final override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs.count == 1, let data = outputs[0].data { data.storeBytes(of: 0, as: Float.self) }
    let n = inputs[0].count
    guard let data = inputs[gradientInput].data, n > 0 else { return }
    let g = UnsafePointer(data.assumingMemoryBound(to: Float.self))
    guard mode == .accumulate, let sum else { return try update(g, n, context) }
    if accumulated == 0 {
      sum.base.copyMemory(from: data, byteCount: n * 4)
    } else {
      context.add(g, to: sum.floats, n)
    }
    accumulated += 1
  }
}

/// y += x.
private struct AddJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
  let n: Int
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.binary(
      Int32(MS_BINARY_ADD.rawValue), x + start, 1, UnsafePointer(y + start), 1, y + start, min(Elementwise.grain, n - start),
      Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
  }
}

extension Operator {
  /// The inputs that the operator updates are variables.
  final func requireWritable() throws(EngineError) {
    for i in updatedInputs where inputs[i].isConstant {
      throw EngineError(.notSupported, "input \(i) (\(inputs[i])) is a constant, which only a training session can change")
    }
  }
}

extension ExecutionContext {
  /// y += x, n elements.
  func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ n: Int) {
    parallel(Elementwise.tasks(n), AddJob(kernels: kernels, x: x, y: y, n: n))
  }
}
