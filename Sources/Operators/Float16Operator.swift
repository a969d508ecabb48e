import CKernels
import Graph
import System

/// An operator whose variables are float16, computed by the float32 operator: inputs are widened into the workspace, the float32
/// operator runs between tensors there, and what it gives is rounded to float16. Constants stay as they are.
///
/// An output is float16 unless the model declares it as another type; outputs that are not float32 (indices, truth values) pass.
final class Float16Operator: Operator {
  private let inner: Operator
  /// Positions of the inputs and outputs that have a float32 stand-in.
  private let wideInputs: [Int], wideOutputs: [Int]
  /// Where the stand-ins lie in the workspace, inputs first; the inner operator's own workspace comes before them.
  private var offsets = [Int]()

  /// The operator that `plain` makes. Nodes with float16 variables that it refuses get the detour through float32.
  static func make(_ node: Node, _ plain: OperatorFactory) throws(EngineError) -> Operator {
    var wide = [Int]()
    for (i, t) in node.inputs.enumerated() where t.type == .float16 && !t.isConstant { wide.append(i) }
    if wide.isEmpty { return try plain(node) }
    if let native = try? plain(node) { return native }
    let shadow = Node(name: node.name, kind: node.kind, attributes: node.attributes, inputs: node.inputs, outputs: node.outputs)
    shadow.quantType = node.quantType
    shadow.fused = node.fused
    for i in wide { shadow.inputs[i] = standIn(node.inputs[i]) }
    var wideOutputs = [Int]()
    for (i, t) in node.outputs.enumerated() where t.type == .float16 || t.type == .unknown {
      shadow.outputs[i] = standIn(t)
      wideOutputs.append(i)
    }
    return try Float16Operator(node, plain(shadow), wide, wideOutputs)
  }

  /// (A type that is not declared stays so: quantised operators decide by it.)
  private static func standIn(_ t: Tensor) -> Tensor {
    let wide = Tensor(name: t.name, type: t.type == .unknown ? .unknown : .float32, shape: t.shape, format: t.format)
    wide.quantParams = t.quantParams
    return wide
  }

  private init(_ node: Node, _ inner: Operator, _ wideInputs: [Int], _ wideOutputs: [Int]) throws(EngineError) {
    self.inner = inner
    self.wideInputs = wideInputs
    self.wideOutputs = wideOutputs
    try super.init(node)
    updatedInputs = inner.updatedInputs
    statisticsMomentum = inner.statisticsMomentum
  }

  override var acceptsFusedActivation: Bool { inner.acceptsFusedActivation }
  override var isPure: Bool { inner.isPure }

  override func infer() throws(EngineError) {
    for i in wideInputs {
      inner.inputs[i].shape = inputs[i].shape
      inner.inputs[i].format = inputs[i].format
    }
    try inner.infer()
    for i in wideOutputs {
      let wide = inner.outputs[i]
      outputs[i].type = wide.type == .float32 ? .float16 : wide.type
      outputs[i].shape = wide.shape
      outputs[i].format = wide.format
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    inner.trains = trains
    try inner.prepare(context)
    halfArithmetic = inner.halfArithmetic
    offsets = []
    var end = inner.workspaceBytes
    for i in wideInputs { end = try place(inner.inputs[i], end) }
    for i in wideOutputs { end = try place(inner.outputs[i], end) }
    workspaceBytes = end
  }

  /// Gives a stand-in its place from `start` on; returns the next free byte.
  private func place(_ t: Tensor, _ start: Int) throws(EngineError) -> Int {
    let offset = (start + 63) & ~63
    offsets.append(offset)
    let (end, overflow) = offset.addingReportingOverflow(t.byteCount)
    if overflow || end > 1 << 46 { throw EngineError(.outOfMemory, "no memory for \(t)") }
    return end
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    var k = 0
    for i in wideInputs {
      let wide = inner.inputs[i], n = wide.count
      let target = context.workspace + offsets[k]
      wide.data = target
      if n > 0, let data = inputs[i].data {
        context.parallel(
          Elementwise.tasks(n),
          WidenJob(
            kernels: context.kernels, x: data.assumingMemoryBound(to: UInt16.self), y: target.assumingMemoryBound(to: Float.self), n: n))
      }
      k += 1
    }
    for i in wideOutputs {
      // A result that is no float goes straight to its tensor.
      inner.outputs[i].data = outputs[i].type == .float16 ? context.workspace + offsets[k] : outputs[i].data
      k += 1
    }
    inner.trains = trains
    inner.statisticsMomentum = statisticsMomentum
    try inner.run(context)
    for i in inner.updatedInputs {
      guard let k = wideInputs.firstIndex(of: i), inputs[i].count > 0, let y = inputs[i].data else { continue }
      let x = (context.workspace + offsets[k]).assumingMemoryBound(to: Float.self)
      context.kernels.pointee.f32_to_f16(x, y.assumingMemoryBound(to: UInt16.self), inputs[i].count)
    }
    for i in wideOutputs where outputs[i].type == .float16 {
      let wide = inner.outputs[i], n = wide.count
      guard n > 0, let x = wide.data, let y = outputs[i].data else { continue }
      context.parallel(
        Elementwise.tasks(n),
        NarrowJob(kernels: context.kernels, x: x.assumingMemoryBound(to: Float.self), y: y.assumingMemoryBound(to: UInt16.self), n: n))
    }
  }
}

private struct WidenJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<UInt16>, y: UnsafeMutablePointer<Float>
  let n: Int
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.f16_to_f32(x + start, y + start, min(Elementwise.grain, n - start))
  }
}

private struct NarrowJob: ParallelJob {
  let kernels: UnsafePointer<MSKernels>
  let x: UnsafePointer<Float>, y: UnsafeMutablePointer<UInt16>
  let n: Int
  func run(_ index: Int, worker: Int) {
    let start = index * Elementwise.grain
    kernels.pointee.f32_to_f16(x + start, y + start, min(Elementwise.grain, n - start))
  }
}
