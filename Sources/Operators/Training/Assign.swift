import Graph
import System

// Assign and AssignAdd. Attributes: none. Inputs: the variable, a value of as many elements.

/// The variable takes the value (Assign, any type of fixed size), or is added to (AssignAdd, float32 and int32, in wrapping
/// arithmetic). The output, where there is one: a number of no meaning (Assign), the new value (AssignAdd).
final class AssignOperator: Operator {
  private var adds: Bool { node.kind == .assignAdd }

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(0...1)
    if node.kind == .assignAdd { try requireType(0, .float32, .int32) } else { try requireFixedSize(0) }
    try requireSameType(0, 1)
    updatedInputs = [0]
  }

  override var isPure: Bool { false }

  override func infer() throws(EngineError) {
    try requireCount(1, inputs[0].count, "as many as the variable")
    if outputs.count == 1 { try setOutput(0, inputs[0].type, adds ? inputs[0].shape.dims : [1]) }
  }

  override func prepare(_ context: ExecutionContext) throws(EngineError) { try requireWritable() }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    let n = inputs[0].count
    if let target = inputs[0].data, let value = inputs[1].data, n > 0 {
      if !adds {
        copyBytes(context, value, target, inputs[0].byteCount)
      } else if inputs[0].type == .float32 {
        context.add(UnsafePointer(inputs[1].floats), to: inputs[0].floats, n)
      } else {
        let a = inputs[0].pointer(Int32.self), b = inputs[1].pointer(Int32.self)
        for i in 0..<n { a[i] = a[i] &+ b[i] }
      }
      if adds, outputs.count == 1, let y = outputs[0].data { copyBytes(context, target, y, outputs[0].byteCount) }
    }
    if !adds, outputs.count == 1, let y = outputs[0].data { fillElements(context, y, 1, elementSize: outputs[0].type.size, bits: 0) }
  }
}
