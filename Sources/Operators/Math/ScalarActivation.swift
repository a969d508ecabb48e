import CSystem
import Graph
import System

/// The activation types of the format that the original's runtime does not load, float32, element by element:
/// ABS |x|; RELU1 min(max(x, -1), 1); SOFTSIGN x / (1 + |x|); SELU 1.0507 (x > 0 ? x : 1.67326 (exp x - 1)); THRESHOLDRELU x > alpha
/// ? x : 0; LINEAR x; SIGN -1, 0 or 1 (NaN stays).
struct ScalarActivation: ParallelJob {
  let type: Int
  let alpha: Float
  let x: UnsafePointer<Float>
  let y: UnsafeMutablePointer<Float>
  let n: Int

  static let grain = 4096
  static func accepts(_ type: Int) -> Bool {
    switch type {
    case ActivationType.abs, ActivationType.relu1, ActivationType.softsign, ActivationType.selu, ActivationType.thresholdRelu,
      ActivationType.linear, ActivationType.sign:
      return true
    default: return false
    }
  }

  @inline(__always)
  private func value(_ v: Float) -> Float {
    switch type {
    case ActivationType.abs: return abs(v)
    case ActivationType.relu1: return v > 1 ? 1 : v < -1 ? -1 : v
    case ActivationType.softsign: return abs(v) == .infinity ? (v < 0 ? -1 : 1) : v / (1 + abs(v))
    case ActivationType.selu: return 1.05070098 * (v > 0 ? v : 1.67326324 * expm1f(v))
    case ActivationType.thresholdRelu: return v > alpha ? v : 0
    case ActivationType.sign: return v > 0 ? 1 : v < 0 ? -1 : v
    default: return v
    }
  }

  func run(_ index: Int, worker: Int) {
    for i in index * ScalarActivation.grain..<min(n, (index + 1) * ScalarActivation.grain) { y[i] = value(x[i]) }
  }
}
