import Graph

// Fill: inputs value, shape. FillV2: inputs shape, value. Attributes: none.

/// A tensor of one value, in the value's type.
final class FillOperator: Operator {
  private let value: Int

  override init(_ node: Node) throws(EngineError) {
    value = node.kind == .fill ? 0 : 1
    try super.init(node)
    try requireInputs(2...2)
    try requireOutputs(1...1)
    try requireFixedSize(value)
    if inputs[value].shape.checkedCount == 0 {
      throw EngineError(.inferError, "input \(value) (\(inputs[value])) must hold the value")
    }
  }

  override func infer() throws(EngineError) { try setOutput(0, inputs[value].type, try requireSmallIntegers(1 - value)) }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    guard inputs[value].count > 0, inputs[value].data != nil else { return }
    let output = outputs[0]
    fillElements(context, output.data, output.count, elementSize: output.type.size, bits: inputs[value].bits(0))
  }
}

// ConstantOfShape. Attributes: 0 data_type: TypeId; 1 value: floats, the first counts, 0. Input 0: the shape.
// ZerosLike and OnesLike. Attributes: none. Only the input's type and shape are used.

/// A tensor of one value that the model fixes.
final class ConstantFillOperator: Operator {
  private var type = DataType.unknown
  private var bits: UInt64 = 0

  override init(_ node: Node) throws(EngineError) {
    try super.init(node)
    var type = node.inputs.first?.type ?? .unknown
    var value = node.kind == .onesLike ? 1.0 : 0.0
    if node.kind == .constantOfShape {
      type = DataType(typeID: Int32(node.attributes.int(0, 0))) ?? .unknown
      value = Double(node.attributes.floats(1).first ?? 0)
    }
    guard let bits = type.bits(of: value) else {
      throw EngineError(.notSupported, "cannot make elements of the type \(type.name)")
    }
    self.type = type
    self.bits = bits
    try requireInputs(1...1)
    try requireOutputs(1...1)
  }

  override func infer() throws(EngineError) {
    if node.kind == .constantOfShape {
      try requireType(0, .int32, .int64)
      try setOutput(0, type, try requireSmallIntegers(0))
    } else {
      try setOutput(0, type, inputs[0].shape.dims)
    }
  }

  override func run(_ context: ExecutionContext) throws(EngineError) {
    fillElements(context, outputs[0].data, outputs[0].count, elementSize: type.size, bits: bits)
  }
}
