import CKernels
import Graph
import System

/// What the mathematical operators share: cutting elementwise work into tasks, and inputs that may be float16 constants.

enum Elementwise {
  /// Elements of one task: operand and result stay in the second-level cache, and handing the task out costs little beside it.
  /// A fixed number, so that the cut (and with it every bit of the result) does not depend on the number of threads.
  static let grain = 16384

  /// Tasks that `count` elements make.
  static func tasks(_ count: Int) -> Int { (count + grain - 1) / grain }

  /// How many rows of `length` elements make a task.
  static func rowsPerTask(_ length: Int) -> Int { max(1, grain / max(length, 1)) }
}

/// y = f(x) over n contiguous elements.
private struct UnaryJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let f: FusedActivation
  let x: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
  let n: Int
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.unary(f.op, x + start, y + start, min(Elementwise.grain, n - start), f.alpha, f.beta)
  }
}

extension ExecutionContext {
  /// y = f(x) over n elements; y may be x.
  func unary(_ f: FusedActivation, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
    parallel(Elementwise.tasks(n), UnaryJob(kernels: kernels, f: f, x: x, y: y, n: n))
  }
}

extension FusedActivation {
  init(_ op: MSUnary, _ alpha: Float = 0, _ beta: Float = 0) {
    self.init(op: Int32(op.rawValue), alpha: alpha, beta: beta)
  }

  /// The function is one that the elementwise kernels apply themselves.
  var isClampOrNone: Bool { isNone || op == Int32(MS_UNARY_CLAMP.rawValue) }
}

/// An input of float32 values: a variable, a constant, or a float16 constant that `prepare` has converted.
struct FloatInput {
  let index: Int
  private var converted: Buffer? = nil

  init(_ index: Int) { self.index = index }

  /// Converts a float16 constant. Call from the operator's `prepare`.
  mutating func prepare(_ op: Operator, _ context: ExecutionContext) throws(EngineError) {
    let tensor = op.inputs[index]
    converted = nil
    if tensor.type == .float32 { return }
    guard tensor.hasKnownValue else {
      throw EngineError(.notSupported, "input \(index) (\(tensor)) is computed by the run and must be float32")
    }
    guard let buffer = Buffer(count: tensor.count * 4) else {
      throw EngineError(.outOfMemory, "no memory for input \(index) (\(tensor)) as float32")
    }
    if let data = tensor.data, tensor.count > 0 {
      context.kernels.pointee.f16_to_f32(
        UnsafePointer(data.assumingMemoryBound(to: UInt16.self)), buffer.base.assumingMemoryBound(to: Float.self), tensor.count)
    }
    converted = buffer
  }

  /// The values.
  func pointer(_ op: Operator) -> UnsafePointer<Float> {
    if let converted { return UnsafePointer(converted.base.assumingMemoryBound(to: Float.self)) }
    // A tensor of no elements may have no memory; nothing reads there.
    guard let data = op.inputs[index].data else { return UnsafePointer(bitPattern: 64).unsafelyUnwrapped }
    return UnsafePointer(data.assumingMemoryBound(to: Float.self))
  }

  /// The values while the graph is being prepared; nil when they are computed by the run.
  func known(_ op: Operator) -> UnsafePointer<Float>? {
    let tensor = op.inputs[index]
    return tensor.hasKnownValue && tensor.count > 0 ? pointer(op) : nil
  }
}

extension Operator {
  /// Input `index` is float32, or a float16 constant (see ``FloatInput``).
  func requireFloat(_ index: Int) throws(EngineError) {
    let type = inputs[index].type
    if type == .float32 || (type == .float16 && inputs[index].isConstant) { return }
    throw EngineError(.notSupported, "input \(index) (\(inputs[index])) must be float32, or a constant of float16")
  }

  /// Input `index` has exactly `count` elements.
  func requireCount(_ index: Int, _ count: Int, _ meaning: StaticString) throws(EngineError) {
    if inputs[index].count != count || !inputs[index].shape.isKnown {
      throw EngineError(.inferError, "input \(index) (\(inputs[index])) must have \(count) elements, \(meaning)")
    }
  }

  /// Memory for `count` floats that an operator keeps between runs.
  func floatBuffer(_ count: Int) throws(EngineError) -> Buffer {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 4)
    guard !overflow, let buffer = Buffer(count: bytes) else {
      throw EngineError(.outOfMemory, "no memory for \(count) prepared values")
    }
    return buffer
  }

  /// The workspace as floats.
  @inline(__always)
  func scratch(_ context: ExecutionContext) -> UnsafeMutablePointer<Float> {
    context.workspace.assumingMemoryBound(to: Float.self)
  }

  /// Inputs of output 0's shape and type: those whose memory the output may take over elementwise.
  func inputsLikeOutput(_ range: Range<Int>) -> [Int] {
    var list = [Int]()
    for i in range where i < inputs.count && inputs[i].type == outputs[0].type && inputs[i].shape == outputs[0].shape {
      list.append(i)
    }
    return list
  }
}

extension PackedBuffer {
  var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
}

extension Buffer {
  var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }
}
