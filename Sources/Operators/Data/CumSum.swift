import Graph
import System

// Attributes: 0 exclusive: bool, false; 1 reverse: bool, false. Inputs: x, axis.

/// Running sums along an axis; exclusive ones leave out the entry itself, reverse ones start at the end.
final class CumSumOperator: Operator {
  private let exclusive: Bool, reverse: Bool
  private var outer = 0, n = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    exclusive = node.attributes.bool(0)
    reverse = node.attributes.bool(1)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireType(0, .float32, .int32, .int64)
  }

  override func infer() throws(EngineError) {
    let axis = try requireAxis(try requireScalar(1), of: 0)
    let shape = inputs[0].shape
    outer = shape.span(0..<axis)
    n = shape[axis]
    inner = shape.span(axis + 1..<shape.rank)
    try setOutput(0, inputs[0].type, shape.dims)
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let x = inputs[0].data, let y = outputs[0].data else { return }
    context.parallelRows(
      outer, elements: n * inner,
      Job(
        x: UnsafeRawPointer(x), y: y, n: n, inner: inner, exclusive: exclusive, reverse: reverse,
        type: inputs[0].type))
  }

  private struct Job: ParallelJob {
    let x: UnsafeRawPointer, y: UnsafeMutableRawPointer
    let n: Int, inner: Int
    let exclusive: Bool, reverse: Bool
    let type: DataType
    func run(_ index: Int, worker: Int) {
      let start = index * n * inner
      switch type {
      case .float32:
        sum(x.assumingMemoryBound(to: Float.self) + start, y.assumingMemoryBound(to: Float.self) + start, 0) { $0 + $1 }
      case .int32:
        sum(x.assumingMemoryBound(to: Int32.self) + start, y.assumingMemoryBound(to: Int32.self) + start, 0) { $0 &+ $1 }
      default:
        sum(x.assumingMemoryBound(to: Int64.self) + start, y.assumingMemoryBound(to: Int64.self) + start, 0) { $0 &+ $1 }
      }
    }

    @inline(__always)
    private func sum<T>(_ x: UnsafePointer<T>, _ y: UnsafeMutablePointer<T>, _ zero: T, _ add: (T, T) -> T) {
      let first = reverse ? (n - 1) * inner : 0
      let step = reverse ? -inner : inner
      var j = 0
      while j < inner {
        y[first + j] = exclusive ? zero : x[first + j]
        j += 1
      }
      var k = 1
      while k < n {
        let row = first + k * step
        j = 0
        while j < inner {
          y[row + j] = add(x[(exclusive ? row - step : row) + j], y[row - step + j])
          j += 1
        }
        k += 1
      }
    }
  }
}
