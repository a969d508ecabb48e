import CKernels
import Graph
import System

/// Any float32 operator on quantised tensors: the inputs are turned into real numbers in the workspace, the operator computes on
/// those, its results are quantised. For operators that quantised models hardly have.
final class DequantizedOperator: Operator {
  /// The node that the float operator sees: float32 in place of quantised tensors, the others as they are.
  private let shadow: Node
  let float: Operator
  private var workspaceOfFloat = 0
  /// Quantisations of the shadowed inputs and outputs; nil where the tensor itself takes part.
  private var inputForms: [Quantization?] = []
  private var outputForms: [Quantization?] = []

  static func make(_ node: Node, _ factory: OperatorFactory) throws(EngineError) -> DequantizedOperator {
    let shadow = Node(name: node.name, kind: node.kind, attributes: node.attributes, inputs: [], outputs: [])
    for t in node.inputs {
      shadow.inputs.append(t.type.isByteInteger ? Tensor(name: t.name, type: .float32, shape: t.shape, format: t.format) : t)
    }
    for t in node.outputs { shadow.outputs.append(Tensor(name: t.name, type: .unknown, shape: Shape())) }
    let op = try DequantizedOperator(node, shadow, try factory(shadow))
    try op.fillForms()
    return op
  }

  private init(_ node: Node, _ shadow: Node, _ float: Operator) throws(EngineError) {
    self.shadow = shadow
    self.float = float
    try super.init(node)
  }

  private func fillForms() throws(EngineError) {
    for i in 0..<inputs.count {
      let t = inputs[i]
      guard t.type.isByteInteger else {
        inputForms.append(nil)
        continue
      }
      let q = try requireQuantization(input: i)
      inputForms.append(q)
      if t.isConstant, let data = t.data {
        let buffer = try floatBuffer(t.count)
        let bytes = data.assumingMemoryBound(to: UInt8.self)
        for k in 0..<t.count {
          buffer.floats[k] = Float(q.scale) * Float(Int32(Int8(bitPattern: bytes[k] ^ q.flip)) - q.zero)
        }
        shadow.inputs[i].setConstant(buffer.base, owner: buffer)
      }
    }
    // An output that the file declares float32, or that has no parameters while no result of its kind needs any, stays as it is.
    for i in 0..<outputs.count {
      let t = outputs[i]
      if t.quantParams.isEmpty && !t.type.isByteInteger {
        outputForms.append(nil)
      } else {
        outputForms.append(try requireQuantization(output: i, type: t.type.isByteInteger ? t.type : inputs[0].type))
      }
    }
  }

  override func infer() throws(EngineError) {
    for i in 0..<inputs.count where inputForms[i] != nil {
      shadow.inputs[i].shape = inputs[i].shape
      shadow.inputs[i].format = inputs[i].format
    }
    try float.infer()
    for i in 0..<outputs.count {
      let result = shadow.outputs[i]
      if result.type != .float32 { outputForms[i] = nil }
      let type: DataType = outputForms[i].map { $0.flip == 0 ? .int8 : .uint8 } ?? result.type
      try setOutput(i, type, result.shape.dims, format: result.format)
    }
  }

  override var isPure: Bool { float.isPure }

  /// Calls `body` for each tensor that has floats in the workspace, with its shadow and quantisation.
  @inline(__always)
  private func forEachShadow(_ body: (Tensor, Tensor, Quantization, _ isInput: Bool) -> Void) {
    for i in 0..<inputs.count {
      if let q = inputForms[i], !shadow.inputs[i].isConstant { body(inputs[i], shadow.inputs[i], q, true) }
    }
    for i in 0..<outputs.count { if let q = outputForms[i] { body(outputs[i], shadow.outputs[i], q, false) } }
  }

  private func bytes(_ t: Tensor) -> Int { (t.count * 4 + 63) / 64 * 64 }

  override func prepare(_ context: ExecutionContext) throws(EngineError) {
    try float.prepare(context)
    workspaceOfFloat = (float.workspaceBytes + 63) / 64 * 64
    var total = workspaceOfFloat
    forEachShadow { t, _, _, _ in total += bytes(t) }
    workspaceBytes = total
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    var offset = workspaceOfFloat
    forEachShadow { t, floats, q, isInput in
      floats.data = context.workspace + offset
      offset += bytes(t)
      if isInput, let x = t.data {
        context.parallel(
          Elementwise.tasks(t.count),
          DequantizeJob(
            kernels: context.kernels, x: UnsafePointer(x.assumingMemoryBound(to: UInt8.self)), y: floats.floats, n: t.count, q: q))
      }
    }
    for i in 0..<outputs.count where outputForms[i] == nil { shadow.outputs[i].data = outputs[i].data }
    try float.run(context)
    forEachShadow { t, floats, q, isInput in
      if !isInput, let y = t.data {
        context.parallel(
          Elementwise.tasks(t.count),
          QuantizeJob(
            kernels: context.kernels, x: UnsafePointer(floats.floats), y: y.assumingMemoryBound(to: UInt8.self), n: t.count, q: q))
      }
    }
  }
}
