import CSystem
import Graph

// Attributes: 0 context: ints, of which only the number counts; 1 forward_indexes: ints; 2 output_dim: int.

/// Rows of x [b, t, f] side by side: y [b, rows, output_dim]. Row r is the rows of x that forward_indexes names at r * n to
/// r * n + n - 1, n being the number of context entries; output_dim is n * f.
final class SpliceOperator: Operator {
  private let indices: [Int]
  private let context: Int

  override init(_ node: Node) throws(EngineError) {
    indices = node.attributes.ints(1)
    context = node.attributes.ints(0).count
    try super.init(node)
    if context == 0 || indices.isEmpty || indices.count % context != 0 {
      throw EngineError(
        .parameterInvalid,
        "forward_indexes has \(indices.count) entries, which must be a multiple of the \(context) entries of context")
    }
    try requireInputs(1...1)
    try requireOutputs(1...1)
    try requireFixedSize(0)
  }

  override func infer() throws(EngineError) {
    try requireRank(0, 3...3)
    let x = inputs[0].shape, width = node.attributes.int(2, 0)
    if x[2].multipliedReportingOverflow(by: context) != (width, false) {
      throw EngineError(.inferError, "output_dim is \(width); it must be \(context) times the width of input 0 (\(inputs[0]))")
    }
    for i in indices where i < 0 || i >= x[1] {
      throw EngineError(.inferError, "forward_indexes names row \(i); input 0 (\(inputs[0])) has \(x[1])")
    }
    try setOutput(0, inputs[0].type, [x[0], indices.count / context, width])
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard outputs[0].count > 0, let x = inputs[0].data, var y = outputs[0].data else { return }
    let shape = inputs[0].shape, bytes = shape[2] * inputs[0].type.size
    for b in 0..<shape[0] {
      for i in indices {
        memcpy(y, x + (b * shape[1] + i) * bytes, bytes)
        y += bytes
      }
    }
  }
}
