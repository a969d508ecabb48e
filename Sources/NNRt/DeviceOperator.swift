import CNNRt
import CSystem
import Graph
import Operators

/// What the programs of one session share: the device, and whether it can still be relied on.
public final class DeviceState {
  let thread = DeviceThread()
  /// A run has failed, or did not come back in time.
  public internal(set) var hasFailed = false

  public init() {}

  /// Has the device do something; throws when it takes longer than it may.
  func run(_ job: DeviceJob, what: StaticString, milliseconds: Int) throws(EngineError) {
    if !thread.run(job, milliseconds: milliseconds) {
      throw EngineError(
        .operatorFailed, "the device has not ended \(what) within \(milliseconds) ms (MSLITE_NNRT_TIMEOUT sets the limit)")
    }
  }
}

/// A program with the values that it reads and computes: what a node of the graph stands for.
final class DeviceSubgraph: OperatorSource {
  let program: DeviceProgram
  let state: DeviceState
  let inputs: [DeviceTensor], outputs: [DeviceTensor]
  let inputShapes: [Shape], outputShapes: [Shape]

  init(
    _ program: DeviceProgram, _ state: DeviceState, _ border: (inputs: [Tensor], outputs: [Tensor]), inputs: [DeviceTensor],
    outputs: [DeviceTensor]
  ) {
    self.program = program
    self.state = state
    self.inputs = inputs
    self.outputs = outputs
    inputShapes = border.inputs.map { $0.shape }
    outputShapes = border.outputs.map { $0.shape }
  }

  override func make(_ node: Node) throws(EngineError) -> Operator { try DeviceOperator(node, self) }
}

/// Runs a program on its device. Shapes are those that it was compiled for.
final class DeviceOperator: Operator {
  private let subgraph: DeviceSubgraph
  private var job: DeviceRun

  init(_ node: Node, _ subgraph: DeviceSubgraph) throws(EngineError) {
    self.subgraph = subgraph
    job = DeviceRun(subgraph.program)
    try super.init(node)
  }

  override var isPure: Bool { false }

  override func infer() throws(EngineError) {
    for (i, t) in inputs.enumerated() where t.shape != subgraph.inputShapes[i] {
      throw EngineError(.inferError, "input \(i) (\(t)) must have the shape \(subgraph.inputShapes[i]), which it was compiled for")
    }
    for (i, t) in outputs.enumerated() { t.shape = subgraph.outputShapes[i] }
  }

  /// Values are computed right where the device wants them, as far as others allow it.
  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    for (i, t) in inputs.enumerated() { place(t, subgraph.inputs[i]) }
    for (i, t) in outputs.enumerated() { place(t, subgraph.outputs[i]) }
  }

  private func place(_ t: Tensor, _ memory: DeviceTensor) {
    // Kernels count on it.
    if UInt(bitPattern: memory.data) % 64 == 0 { t.home = memory.data }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    var i = 0
    while i < node.inputs.count {
      let t = node.inputs[i], target = subgraph.inputs[i].data
      if let data = t.data, data != target { target.copyMemory(from: data, byteCount: t.byteCount) }
      i += 1
    }
    do throws(EngineError) {
      try subgraph.state.run(job, what: "a run", milliseconds: DeviceThread.timeout)
      if job.code != OH_NN_SUCCESS {
        var failure = NNRtError.refused("OH_NNExecutor_RunSync", job.code)
        if job.code == OH_NN_UNAVAILABLE_DEVICE { failure.code = .operatorFailed }
        throw failure
      }
      try subgraph.program.checkOutputs()
    } catch {
      subgraph.state.hasFailed = true
      // The device may hold the old one for as long as it likes.
      job = DeviceRun(subgraph.program)
      throw error
    }
    i = 0
    while i < node.outputs.count {
      let t = node.outputs[i], source = subgraph.outputs[i].data
      if let data = t.data, data != source { data.copyMemory(from: source, byteCount: t.byteCount) }
      i += 1
    }
  }
}
