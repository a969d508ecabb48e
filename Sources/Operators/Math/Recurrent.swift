import CKernels
import CSystem
import Graph
import System

/// What LSTM and GRU share: packed weights and the products with them.

/// A weight matrix [n, k] (transposed), or [k, n], packed for gemm.
struct PackedWeights {
  let buffer: Buffer
  let k: Int, n: Int

  init(_ op: Operator, _ context: ExecutionContext, _ values: UnsafePointer<Float>, n: Int, k: Int, transposed: Bool = true)
    throws(EngineError)
  {
    self.k = k
    self.n = n
    let width = Int(context.kernels.pointee.gemm_nr), panels = (n + width - 1) / width
    buffer = try op.floatBuffer(panels * width * k)
    context.kernels.pointee.gemm_pack_b(buffer.floats, values, k, n, transposed ? 1 : n, transposed ? k : 1, 0, panels)
  }
}

extension ExecutionContext {
  /// C[m, w.n] = f(A[m, w.k] * w + bias (+ residual)). Small products stay on the calling thread.
  func product(
    _ a: UnsafePointer<Float>, lda: Int, _ w: PackedWeights, _ c: UnsafeMutablePointer<Float>, ldc: Int, m: Int,
    bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, ldr: Int, _ f: FusedActivation = .none
  ) {
    let width = Int(kernels.pointee.gemm_nr)
    let g = MSGemm(
      a: a, lda: lda, b: w.buffer.floats, c: c, ldc: ldc, m: m, n: w.n, k: w.k, bias: bias, residual: residual, ldr: ldr,
      activation: f.op, alpha: f.alpha, beta: f.beta)
    let job = GemmJob(g, panels: (w.n + width - 1) / width, self)
    parallel(job.grid.tasks, job)
  }
}

extension Operator {
  /// Refuses sizes whose products could overflow, and weights of nothing.
  func requireRecurrentSizes(steps: Int, batch: Int, input: Int, hidden: Int, state: Int) throws(EngineError) {
    let limit = 1 << 20
    if !(1...limit).contains(input) || !(1...limit).contains(hidden) || !(1...limit).contains(state) {
      throw EngineError(
        .inferError, "input size \(input), hidden size \(hidden) and state size \(state) must lie between 1 and \(limit)")
    }
    if steps > limit || batch > limit {
      throw EngineError(.inferError, "input 0 (\(inputs[0])) is too long: at most \(limit) steps and \(limit) rows are accepted")
    }
  }

  /// The values of a constant weight input, which `prepare` packs.
  func knownWeights(_ input: FloatInput) throws(EngineError) -> UnsafePointer<Float> {
    guard let values = input.known(self) else {
      throw EngineError(.notSupported, "input \(input.index) (\(inputs[input.index].text)) must be a constant with values")
    }
    return values
  }
}
