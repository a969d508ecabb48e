import Graph
import System

// Attributes: 0 sorted: bool, true; 1 axis: int, 0; negative counts from the end; 2 largest: int, not used (the original always
// takes the largest, and files do not tell an absent flag from a cleared one). Inputs: x, k.

/// The k largest entries along an axis and their positions (int32), in descending order, equal ones by position; when not sorted,
/// in the order of their positions.
final class TopKOperator: Operator {
  private let sorted: Bool
  private let attribute: Int
  private var outer = 0, n = 0, inner = 0, k = 0

  override init(_ node: Node) throws(EngineError) {
    sorted = node.attributes.bool(0, true)
    attribute = node.attributes.int(1, 0)
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(2...2)
    try requireType(0, .float32, .float16, .float64, .int8, .uint8, .int32, .int64)
  }

  override func infer() throws(EngineError) {
    let axis = try requireAxis(attribute, of: 0)
    let shape = inputs[0].shape
    n = shape[axis]
    outer = shape.span(0..<axis)
    inner = shape.span(axis + 1..<shape.rank)
    k = try requireScalar(1)
    if k < 0 || k > n || n > Int(Int32.max) {
      throw EngineError(.inferError, "takes \(k) of the \(n) entries of axis \(axis) of input 0 (\(inputs[0]))")
    }
    var dims = shape.dims
    dims[axis] = k
    try setOutput(0, inputs[0].type, dims)
    try setOutput(1, .int32, dims)
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { workspaceBytes = context.threads * k * 4 }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let y = outputs[0].data, let positions = outputs[1].data, inputs[0].data != nil else { return }
    let x = UnsafeRawPointer(inputs[0].data.unsafelyUnwrapped)
    context.parallelRows(
      outer * inner, elements: n,
      Job(
        values: NumberList(inputs[0]), copy: ElementCopy(x: x, y: y, size: inputs[0].type.size),
        positions: positions.assumingMemoryBound(to: Int32.self),
        scratch: context.workspace.assumingMemoryBound(to: Int32.self), n: n, inner: inner, k: k, sorted: sorted))
  }

  private struct Job: ParallelJob {
    let values: NumberList
    let copy: ElementCopy
    let positions: UnsafeMutablePointer<Int32>, scratch: UnsafeMutablePointer<Int32>
    let n: Int, inner: Int, k: Int
    let sorted: Bool
    func run(_ index: Int, worker: Int) {
      let best = scratch + worker * k
      let (o, i) = (index / inner, index % inner)
      let start = o * n * inner + i
      selectBest(values, start: start, stride: inner, n: n, k: k, smallest: false, into: best)
      if !sorted { sortAscending(best) }
      var j = 0
      while j < k {
        let to = (o * k + j) * inner + i
        copy(start + Int(best[j]) * inner, to)
        positions[to] = best[j]
        j += 1
      }
    }

    /// Heap sort: in place, and never slow.
    private func sortAscending(_ p: UnsafeMutablePointer<Int32>) {
      func sift(_ root: Int, _ size: Int) {
        var parent = root
        let entry = p[root]
        while true {
          var child = 2 * parent + 1
          if child >= size { break }
          if child + 1 < size && p[child + 1] > p[child] { child += 1 }
          if p[child] <= entry { break }
          p[parent] = p[child]
          parent = child
        }
        p[parent] = entry
      }
      var i = k / 2 - 1
      while i >= 0 {
        sift(i, k)
        i -= 1
      }
      var size = k - 1
      while size > 0 {
        let largest = p[0]
        p[0] = p[size]
        p[size] = largest
        sift(0, size)
        size -= 1
      }
    }
  }
}
