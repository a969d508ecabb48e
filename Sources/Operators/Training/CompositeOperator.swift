import CSystem
import Graph
import System

/// An operator that is computed by other operators: a subclass says in ``build()`` which, one after another. What they pass on lies in
/// the workspace.
class CompositeOperator: Operator {
  private var steps = [Operator]()
  private var temporaries = [Tensor]()
  /// Where the temporaries lie in the workspace, behind what the steps need themselves.
  private var offsets = [Int]()

  /// Sets up the steps for the inputs' present shapes; the last ones write the outputs.
  func build() throws(EngineError) {}

  /// Adds the step that computes `kind` of the inputs into `target`, or into a temporary, which is returned.
  @discardableResult
  final func step(
    _ kind: OperatorKind, _ inputs: [Tensor], _ attributes: Attributes = Attributes(), into target: Tensor? = nil
  ) throws(EngineError) -> Tensor {
    let result = target ?? Tensor(name: node.name, type: .float32, shape: Shape())
    let inner = Node(name: node.name, kind: kind, attributes: attributes, inputs: inputs, outputs: [result])
    guard let factory = Registry.factory(for: kind) else { throw EngineError(.notSupported, "needs \(kind.name)") }
    let op = try factory(inner)
    try op.infer()
    steps.append(op)
    if target == nil { temporaries.append(result) }
    return result
  }

  /// A number as a tensor.
  final func number(_ value: Float) throws(EngineError) -> Tensor {
    let buffer = try floatBuffer(1)
    buffer.floats[0] = value
    let t = Tensor(name: node.name, type: .float32, shape: Shape())
    t.setConstant(buffer.base, owner: buffer)
    return t
  }

  /// A list of numbers as a tensor.
  final func list(_ values: [Int]) throws(EngineError) -> Tensor {
    let buffer = try floatBuffer(values.count)
    for i in 0..<values.count { buffer.base.storeBytes(of: Int32(values[i]), toByteOffset: i * 4, as: Int32.self) }
    let t = Tensor(name: node.name, type: .int32, shape: Shape([values.count]))
    t.setConstant(buffer.base, owner: buffer)
    return t
  }

  final func product(_ a: Tensor, _ b: Tensor, into target: Tensor? = nil) throws(EngineError) -> Tensor {
    try step(.mulFusion, [a, b], into: target)
  }

  /// The sum of `x` over the axes along which `like` was broadcast to x's shape, into `target`, which has the shape of `like`.
  final func sum(_ x: Tensor, like: Tensor, into target: Tensor) throws(EngineError) {
    let missing = x.shape.rank - like.shape.rank
    var axes = [Int]()
    for i in 0..<x.shape.rank where i < missing || like.shape[i - missing] == 1 && x.shape[i] != 1 { axes.append(i) }
    if !axes.isEmpty {
      var attributes = Attributes()
      attributes[0] = .bool(true)
      attributes[1] = .int(Int64(ReduceMode.sum))
      try step(.reduceFusion, [x, try list(axes)], attributes, into: target)
    } else {
      try step(.reshape, [x], reshaping(like.shape), into: target)
    }
    // Sums keep the axes; the missing ones go.
    target.shape = like.shape
  }

  private func reshaping(_ shape: Shape) -> Attributes {
    var attributes = Attributes()
    var dims = [Int64]()
    for d in shape.dims { dims.append(Int64(d)) }
    attributes[1] = .ints(dims)
    return attributes
  }

  final override func infer() throws(EngineError) {
    steps = []
    temporaries = []
    try build()
  }

  final override func prepare(_ context: ExecutionContext) throws(EngineError) {
    var end = 0
    for op in steps {
      try op.prepare(context)
      end = max(end, op.workspaceBytes)
    }
    offsets = []
    for t in temporaries {
      end = (end + 63) & ~63
      offsets.append(end)
      let (sum, overflow) = end.addingReportingOverflow(t.byteCount)
      if overflow || sum > 1 << 46 { throw EngineError(.outOfMemory, "no memory for \(t)") }
      end = sum
    }
    workspaceBytes = end
  }

  final override func run(_ context: ExecutionContext) throws(EngineError) {
    for i in 0..<temporaries.count { temporaries[i].data = context.workspace + offsets[i] }
    for op in steps { try op.run(context) }
  }
}
