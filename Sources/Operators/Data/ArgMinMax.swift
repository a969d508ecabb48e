import Graph
import System

// ArgMaxFusion, ArgMinFusion. Attributes: 0 axis: int, 0; negative counts from the end; 1 top_k: int, 1 (0, the schema's default
// for ArgMinFusion, counts as 1); 2 keep_dims: bool, false; 3 out_max_value: bool, false.

/// The positions (int32) of the largest or smallest entries along an axis, best first, equal ones by position. A second output
/// holds their values; with out_max_value a single output does.
final class ArgMinMaxOperator: Operator {
  private let attribute: Int, k: Int
  private let keepsAxis: Bool, givesValue: Bool
  private var outer = 0, n = 0, inner = 0

  override init(_ node: Node) throws(EngineError) {
    attribute = node.attributes.int(0, 0)
    let count = node.attributes.int(1, 1)
    k = count == 0 ? 1 : count
    keepsAxis = node.attributes.bool(2)
    givesValue = node.attributes.bool(3)
    try super.init(node)
    try requireInputs(1...1)
    try requireOutputs(1...2)
    try requireType(0, .float32, .float16, .float64, .int8, .uint8, .int32, .int64)
  }

  override func infer() throws(EngineError) {
    let axis = try requireAxis(attribute, of: 0)
    let shape = inputs[0].shape
    n = shape[axis]
    outer = shape.span(0..<axis)
    inner = shape.span(axis + 1..<shape.rank)
    if k < 1 || k > n || n > Int(Int32.max) {
      throw EngineError(.inferError, "takes \(k) of the \(n) entries of axis \(axis) of input 0 (\(inputs[0]))")
    }
    var dims = shape.dims
    if k == 1 && !keepsAxis { dims.remove(at: axis) } else { dims[axis] = k }
    if outputs.count == 2 {
      try setOutput(0, .int32, dims)
      try setOutput(1, inputs[0].type, dims)
    } else {
      try setOutput(0, givesValue ? inputs[0].type : .int32, dims)
    }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { workspaceBytes = context.threads * k * 4 }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let x = inputs[0].data, let first = outputs[0].data else { return }
    let values = outputs.count == 2 ? outputs[1].data : givesValue ? first : nil
    let positions = outputs.count == 2 || !givesValue ? first.assumingMemoryBound(to: Int32.self) : nil
    context.parallelRows(
      outer * inner, elements: n,
      Job(
        list: NumberList(inputs[0]), x: UnsafeRawPointer(x), values: values, positions: positions,
        scratch: context.workspace.assumingMemoryBound(to: Int32.self), size: inputs[0].type.size, n: n, inner: inner, k: k,
        smallest: node.kind == .argMinFusion))
  }

  private struct Job: ParallelJob {
    let list: NumberList
    let x: UnsafeRawPointer
    let values: UnsafeMutableRawPointer?, positions: UnsafeMutablePointer<Int32>?
    let scratch: UnsafeMutablePointer<Int32>
    let size: Int, n: Int, inner: Int, k: Int
    let smallest: Bool
    func run(_ index: Int, worker: Int) {
      let best = scratch + worker * k
      let (o, i) = (index / inner, index % inner)
      let start = o * n * inner + i
      selectBest(list, start: start, stride: inner, n: n, k: k, smallest: smallest, into: best)
      var j = 0
      while j < k {
        let to = (o * k + j) * inner + i
        if let values { ElementCopy(x: x, y: values, size: size)(start + Int(best[j]) * inner, to) }
        if let positions { positions[to] = best[j] }
        j += 1
      }
    }
  }
}
