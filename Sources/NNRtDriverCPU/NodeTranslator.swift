import CNeuralNetworkRuntime
import Graph
import ModelFile
import System

/// Makes the engine's nodes of one operation: the operator that computes it, and what brings its results into the form that the model
/// declares.
struct NodeTranslator {
  let source: NNRt_Node
  let name: String
  private(set) var inputs: [Tensor]
  let outputs: [Tensor]
  private(set) var kind = OperatorKind(rawValue: 0)
  private var attributes = Attributes()

  /// Throws when the CPU cannot run the operation.
  static func translate(
    _ source: NNRt_Node, _ name: String, _ inputs: [Tensor], _ outputs: [Tensor]
  ) throws(EngineError) -> [Node] {
    var translator = NodeTranslator(source: source, name: name, inputs: inputs, outputs: outputs)
    try translator.choose()
    let node = Node(
      name: name, kind: translator.kind, attributes: translator.attributes, inputs: translator.inputs, outputs: outputs)
    node.quantType = source.quantised ? 5 : 0
    return try OutputForm.fit(node)
  }

  private init(source: NNRt_Node, name: String, inputs: [Tensor], outputs: [Tensor]) {
    self.source = source
    self.name = name
    self.inputs = inputs
    self.outputs = outputs
  }

  // MARK: parameters

  func parameter(_ type: OH_NN_TensorType) -> NNRt_Attribute? {
    var i = 0
    while i < Int(source.attributeCount) {
      if source.attributes[i].type == type && source.attributes[i].count > 0 { return source.attributes[i] }
      i += 1
    }
    return nil
  }

  /// The parameter was given, rather than left at its default.
  func isGiven(_ type: OH_NN_TensorType) -> Bool { parameter(type)?.given ?? false }

  func integer(_ type: OH_NN_TensorType, _ fallback: Int64 = 0) -> Int64 { parameter(type)?.integer(0) ?? fallback }

  mutating func use(_ kind: OperatorKind) { self.kind = kind }

  mutating func set(_ field: Int, _ value: AttributeValue) { attributes[field] = value }

  /// The parameter becomes attribute `field`, in the type that the file format has for it.
  mutating func copy(_ type: OH_NN_TensorType, _ field: Int) throws(EngineError) {
    guard let p = parameter(type) else { return }
    switch PrimitiveSchema.fieldType(kind, field) {
    case .bool: set(field, .bool(p.integer(0) != 0))
    case .float32: set(field, .float(p.number(0)))
    case .int8, .int32, .int64: set(field, .int(p.integer(0)))
    case .int64s, .int32s:
      var list = [Int64]()
      while list.count < Int(p.count) { list.append(p.integer(list.count)) }
      set(field, .ints(list))
    case .float32s:
      var list = [Float]()
      while list.count < Int(p.count) { list.append(Float(p.number(list.count))) }
      set(field, .floats(list))
    case .ints2D:
      var rows = [[Int64]]()
      while 2 * rows.count + 1 < Int(p.count) { rows.append([p.integer(2 * rows.count), p.integer(2 * rows.count + 1)]) }
      set(field, .ints2D(rows))
    default: throw EngineError(.error, "parameter \(type.rawValue) has no place in \(kind.name)")
    }
  }

  /// Parameters that become attributes 0, 1, ... in this order.
  mutating func copy(_ types: OH_NN_TensorType...) throws(EngineError) {
    for (field, type) in types.enumerated() { try copy(type, field) }
  }

  /// OH_NN_FuseType to ActivationType.
  mutating func activation(_ type: OH_NN_TensorType, _ field: Int) throws(EngineError) {
    switch integer(type) {
    case 0: set(field, .int(0))
    case 1: set(field, .int(1))
    case 2: set(field, .int(3))
    default: throw EngineError(.notSupported, "activation \(integer(type)) is none of 0, 1 and 2")
    }
  }

  /// Padding by mode (0 SAME, 1 and 2 VALID) or by numbers; the format has 1, 2 and 0 for these.
  mutating func padding(_ mode: OH_NN_TensorType, _ pads: OH_NN_TensorType, modeField: Int, padField: Int) throws(EngineError) {
    guard let m = parameter(mode) else {
      set(modeField, .int(0))
      return try copy(pads, padField)
    }
    switch m.integer(0) {
    case 0: set(modeField, .int(1))
    case 1, 2: set(modeField, .int(2))
    default: throw EngineError(.notSupported, "padding mode \(m.integer(0)) is none of 0, 1 and 2")
    }
  }

  // MARK: inputs

  mutating func swapInputs(_ a: Int, _ b: Int) { inputs.swapAt(a, b) }

  /// Input `index` names a data type, by an OH_NN_DataType or a TypeId; the engine wants a TypeId.
  mutating func translateType(ofInput index: Int) throws(EngineError) {
    guard index < inputs.count, let number = inputs[index].knownIntegers(limit: 1)?.first else {
      throw EngineError(.notSupported, "input \(index), the data type, must be a constant of one number")
    }
    inputs[index] = try OutputForm.constant(try typeID(Int64(number)), name: inputs[index].name)
  }

  /// Parameter `type` names a data type.
  mutating func copyType(_ type: OH_NN_TensorType, _ field: Int) throws(EngineError) {
    set(field, .int(Int64(try typeID(integer(type)))))
  }

  private func typeID(_ number: Int64) throws(EngineError) -> Int32 {
    guard let type = DataType(runtime: number) else { throw EngineError(.notSupported, "there is no data type \(number)") }
    return type.rawValue
  }
}

extension NNRt_Attribute {
  /// Value `i` as an integer. Floats are not asked for.
  func integer(_ i: Int) -> Int64 {
    guard let data else { return 0 }
    switch dataType {
    case OH_NN_BOOL, OH_NN_UINT8: return Int64(data.load(fromByteOffset: i, as: UInt8.self))
    case OH_NN_INT8: return Int64(data.load(fromByteOffset: i, as: Int8.self))
    case OH_NN_INT32: return Int64(data.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self))
    case OH_NN_INT64: return data.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self)
    default: return 0
    }
  }

  func number(_ i: Int) -> Double {
    guard let data, dataType == OH_NN_FLOAT32 else { return Double(integer(i)) }
    return Double(data.loadUnaligned(fromByteOffset: 4 * i, as: Float.self))
  }
}
