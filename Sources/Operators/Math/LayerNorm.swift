import CKernels
import Graph
import System

// Attributes: 0 begin_norm_axis (0), 1 epsilon (1e-5), 3 begin_params_axis (0). 2, elementwise_affine, is not read: the number
// of inputs says it.

/// LayerNormFusion: (x - mean) / sqrt(variance + epsilon) [* gamma + beta] over the axes from begin_norm_axis on, float32.
/// Inputs: x [, gamma, beta], the latter of the shape of x from begin_params_axis on. Outputs: y [, mean, variance].
final class LayerNormOperator: Operator {
  private let normAxis: Int
  private let paramsAxis: Int
  private let epsilon: Float
  private var gamma = FloatInput(1)
  private var beta = FloatInput(2)
  private var rows = 0, n = 0, parameters = 0

  override init(_ node: Node) throws(EngineError) {
    normAxis = node.attributes.int(0, 0)
    epsilon = node.attributes.float(1, 0.00001)
    paramsAxis = node.attributes.int(3, 0)
    try super.init(node)
    try requireInputs(1...3)
    try requireOutputs(1...3)
    if inputs.count == 2 || outputs.count == 2 {
      throw EngineError(.error, "has \(inputs.count) inputs and \(outputs.count) outputs; 1 or 3 of each are accepted")
    }
    try requireType(0, .float32)
    for i in 1..<max(inputs.count, 1) { try requireFloat(i) }
  }

  override func infer() throws(EngineError) {
    let x = inputs[0].shape
    let axis = try requireAxis(normAxis, of: 0)
    if inputs.count == 3 && x.count > 0 {
      let first = try requireAxis(paramsAxis, of: 0)
      parameters = x.product(first..<x.rank)
      try requireCount(1, parameters, "one for each position from begin_params_axis on")
      try requireCount(2, parameters, "one for each position from begin_params_axis on")
    }
    if x.count > 0 {
      rows = x.product(0..<axis)
      n = x.product(axis..<x.rank)
    }
    try setOutput(0, .float32, x.dims)
    for i in 1..<max(outputs.count, 1) { try setOutput(i, .float32, Array(x.dims[0..<axis])) }
  }

  override var inPlaceInputs: [Int] { [0] }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    if inputs.count < 3 { return }
    if inputs[1].type == .float16 { try gamma.prepare(self, context) }
    if inputs[2].type == .float16 { try beta.prepare(self, context) }
  }

  private struct Job: ParallelJob {
    let kernels: UnsafePointer<MSKernels>
    let x: UnsafePointer<Float>, gamma: UnsafePointer<Float>?, beta: UnsafePointer<Float>?, y: UnsafeMutablePointer<Float>
    let mean: UnsafeMutablePointer<Float>?, variance: UnsafeMutablePointer<Float>?
    let rows: Int, n: Int, parameters: Int, rowsPerTask: Int
    let epsilon: Float

    func run(_ index: Int, worker: Int) {
      let first = index * rowsPerTask, last = min(rows, first + rowsPerTask)
      if parameters > n {
        // Gamma and beta change from row to row.
        for row in first..<last {
          let p = row % (parameters / n) * n
          normalise(row, 1, gamma.map { $0 + p }, beta.map { $0 + p })
        }
      } else if parameters == n || gamma == nil {
        normalise(first, last - first, gamma, beta)
      } else {
        // Gamma and beta repeat within a row.
        normalise(first, last - first, nil, nil)
        kernels.pointee.scale_bias(
          y + first * n, gamma, beta, y + first * n, (last - first) * n / parameters, parameters,
          Int32(MS_UNARY_IDENTITY.rawValue), 0, 0)
      }
    }

    private func normalise(_ row: Int, _ count: Int, _ gamma: UnsafePointer<Float>?, _ beta: UnsafePointer<Float>?) {
      kernels.pointee.layer_norm(
        x + row * n, gamma, beta, y + row * n, count, n, epsilon, mean.map { $0 + row }, variance.map { $0 + row })
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    if outputs[0].count == 0 { return }
    let hasParameters = inputs.count == 3, hasStatistics = outputs.count == 3
    let perTask = Elementwise.rowsPerTask(n)
    let job = Job(
      kernels: context.kernels, x: UnsafePointer(inputs[0].floats), gamma: hasParameters ? gamma.pointer(self) : nil,
      beta: hasParameters ? beta.pointer(self) : nil, y: outputs[0].floats, mean: hasStatistics ? outputs[1].floats : nil,
      variance: hasStatistics ? outputs[2].floats : nil, rows: rows, n: n, parameters: parameters, rowsPerTask: perTask,
      epsilon: epsilon)
    context.parallel((rows + perTask - 1) / perTask, job)
  }
}
