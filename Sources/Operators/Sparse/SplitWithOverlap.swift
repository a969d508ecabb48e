import CSystem
import Graph

// Attributes: 0 split_dim: int, 0; 1 number_split: int; 2 ratio: ints; 3 extend_top: ints; 4 extend_bottom: ints, each with
// number_split entries.

/// Parts of x along one axis that overlap. The borders divide the axis in the ratio given, rounded up; part i goes from
/// extend_top[i] before its border to extend_bottom[i] behind the next one.
final class SplitWithOverlapOperator: Operator {
  private let parts: Int
  private var starts: [Int] = []
  private var axis = 0

  override init(_ node: Node) throws(EngineError) {
    let a = node.attributes
    parts = a.int(1, 0)
    try super.init(node)
    try requireInputs(1...1)
    if parts < 1 || outputs.count != parts || a.ints(2).count != parts || a.ints(3).count != parts || a.ints(4).count != parts {
      throw EngineError(
        .parameterInvalid,
        "number_split is \(parts); there must be as many outputs (\(outputs.count)) and entries of ratio, extend_top and extend_bottom")
    }
    for r in a.ints(2) where r <= 0 { throw EngineError(.parameterInvalid, "ratio has the entry \(r); all must be positive") }
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    let a = node.attributes
    axis = try requireAxis(a.int(0, 0), of: 0)
    var dims = inputs[0].shape.dims
    let size = dims[axis]
    let ratio = a.ints(2), top = a.ints(3), bottom = a.ints(4)
    var total = 0
    for r in ratio { total += r }
    if size >= 1 << 30 || total >= 1 << 31 { throw EngineError(.inferError, "axis \(axis) of \(inputs[0]) is too long to split") }
    var border = 0, seen = 0
    starts = []
    for i in 0..<parts {
      seen += ratio[i]
      let next = i == parts - 1 ? size : min((size * seen + total - 1) / total, size)
      let start = border - top[i], end = next + bottom[i]
      if start < 0 || end > size || start > end {
        throw EngineError(.inferError, "part \(i) goes from \(start) to \(end) on axis \(axis) of \(inputs[0])")
      }
      starts.append(start)
      dims[axis] = end - start
      try setOutput(i, inputs[0].type, dims)
      border = next
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard let x = inputs[0].data else { return }
    let shape = inputs[0].shape
    let inner = shape.span(axis + 1..<shape.rank) * inputs[0].type.size, outer = shape.span(0..<axis)
    for i in 0..<parts {
      guard outputs[i].count > 0, let y = outputs[i].data else { continue }
      let bytes = outputs[i].shape[axis] * inner
      for o in 0..<outer { memcpy(y + o * bytes, x + (o * shape[axis] + starts[i]) * inner, bytes) }
    }
  }
}
