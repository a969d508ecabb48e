import CKernels
import CSystem
import Graph
import System

/// What LSTM and GRU share: products with packed weights.

extension ExecutionContext {
  /// C[m, n] = f(A[m, k] * w + bias (+ residual)). Small products stay on the calling thread. The scratch of the products is at the
  /// start of the workspace.
  func product(
    _ a: UnsafePointer<Float>, lda: Int, _ w: PackedWeights, _ c: UnsafeMutablePointer<Float>, ldc: Int, m: Int,
    bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, ldr: Int, _ f: FusedActivation = .none
  ) {
    let g = MSGemm(
      a: a, lda: lda, b: w.panels.floats, c: c, ldc: ldc, m: m, n: w.matrix.n, k: w.matrix.k, bias: bias, residual: residual,
      ldr: ldr, activation: f.op, alpha: f.alpha, beta: f.beta)
    multiply(g, w.matrix, scratch: 0)
  }
}

extension Operator {
  /// The transpose of `values` [n, k] (or `values` [k, n] themselves) packed on all threads. `scratch` grows to what products with it
  /// need.
  func packWeights(
    _ context: ExecutionContext, _ values: UnsafePointer<Float>, n: Int, k: Int, transposed: Bool = true, _ scratch: inout Int
  ) throws(EngineError) -> PackedWeights {
    let weights = try PackedWeights(values, n: n, k: k, transposed: transposed, context)
    noteArithmetic(weights.matrix)
    scratch = max(scratch, weights.matrix.scratchBytes(context))
    return weights
  }

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
