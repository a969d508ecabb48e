import ConverterCore
import Graph

/// How an operator takes quantised values.
enum QuantisedForm {
  /// The format's operator computes them. `activation`: the id of the options' field of a fused activation, which then must be one
  /// that the format can fuse.
  case native(activation: Int? = nil)
  /// They are turned into real numbers before and back after.
  case real
}

/// One line of the operator table.
struct OperatorEntry: Sendable {
  let form: QuantisedForm
  let run: @Sendable (Operation) throws(EngineError) -> [Tensor]

  init(_ form: QuantisedForm, _ run: @escaping @Sendable (Operation) throws(EngineError) -> [Tensor]) {
    self.form = form
    self.run = run
  }

  /// For operators with one output.
  static func one(
    _ form: QuantisedForm, _ run: @escaping @Sendable (Operation) throws(EngineError) -> Tensor
  ) -> OperatorEntry {
    OperatorEntry(form) { (op) throws(EngineError) in [try run(op)] }
  }
}

/// Activations by their number in the TFLite schema.
enum TFLiteActivation {
  static let none = 0, relu = 1, reluN1To1 = 2, relu6 = 3, tanh = 4, signBit = 5
}

/// Activations by their number in the `.ms` schema.
enum Activation {
  static let none = 0, relu = 1, sigmoid = 2, relu6 = 3, elu = 4, leakyRelu = 5, tanh = 10, hswish = 12, hardTanh = 16, gelu = 19
}

/// One operation while it is imported.
struct Operation {
  let importer: SubgraphImporter
  let source: TFLiteOperator
  /// The node computes quantised values.
  let isNative: Bool

  var graph: GraphBuilder { importer.graph }
  var options: Record { source.options }

  /// Imports an operation: looks it up, gives it its operands, and brings the results into the form of the file's tensors.
  static func run(_ importer: SubgraphImporter, _ source: TFLiteOperator) throws(EngineError) -> [Tensor] {
    guard let entry = OperatorTable.entry(source) else {
      throw EngineError(.unknownOperator, "this operator (version \(source.version)) is not supported")
    }
    let tensors = importer.source.tensors
    var isNative = false
    if case .native(let activation) = entry.form {
      // Constants alone do not make an operation quantised: weights of float models are stored in 8 bits to save space.
      isNative =
        source.inputs.contains { $0 >= 0 && tensors[$0].isByteQuantised && !importer.isConstant($0) }
        && source.inputs.allSatisfy { $0 < 0 || !(tensors[$0].isQuantised && !tensors[$0].isByteQuantised) }
        && source.outputs.allSatisfy { !tensors[$0].isQuantised || tensors[$0].isByteQuantised }
      if let activation {
        let kind = try source.options.byte(activation)
        if kind != TFLiteActivation.none && kind != TFLiteActivation.relu && kind != TFLiteActivation.relu6 { isNative = false }
      }
    }
    let op = Operation(importer: importer, source: source, isNative: isNative)
    var results = try entry.run(op)
    for (k, index) in source.outputs.enumerated() where k < results.count {
      results[k] = try importer.quantised(results[k], as: index)
    }
    return results
  }

  // MARK: operands

  func has(_ i: Int) -> Bool { i < source.inputs.count && source.inputs[i] >= 0 }

  func index(_ i: Int) throws(EngineError) -> Int {
    guard has(i) else { throw EngineError(.graphFileError, "input \(i) is missing; there are \(source.inputs.count)") }
    return source.inputs[i]
  }

  /// What the file says of input `i`.
  func info(_ i: Int) throws(EngineError) -> TFLiteTensor { importer.source.tensors[try index(i)] }

  func outputInfo(_ i: Int) throws(EngineError) -> TFLiteTensor {
    guard i < source.outputs.count else {
      throw EngineError(.graphFileError, "output \(i) is missing; there are \(source.outputs.count)")
    }
    return importer.source.tensors[source.outputs[i]]
  }

  /// Input `i` in the form in which this operation computes.
  func input(_ i: Int) throws(EngineError) -> Tensor { isNative ? try importer.value(try index(i)) : try real(i) }

  /// Input `i` as real numbers, when it is quantised.
  func real(_ i: Int) throws(EngineError) -> Tensor { try importer.real(try index(i)) }

  func allInputs() throws(EngineError) -> [Tensor] {
    var list = [Tensor]()
    for i in 0..<source.inputs.count { list.append(try input(i)) }
    return list
  }

  /// The bias at input `i`: int32 steps for a quantised product, else real numbers.
  func bias(_ i: Int) throws(EngineError) -> Tensor? {
    guard has(i) else { return nil }
    let index = try index(i), info = try info(i)
    if isNative { return try importer.value(index) }
    guard let q = info.quantization, info.type == .int32 || info.type == .int64, importer.isConstant(index) else { return try real(i) }
    return try importer.dequantised(try importer.stored(index), q)
  }

  /// The integers of a constant input; `what` names it in the error.
  func integers(_ i: Int, _ what: String) throws(EngineError) -> [Int] {
    try graph.integers(try importer.value(try index(i)), what)
  }

  /// The integers of an input when it is constant.
  func knownIntegers(_ i: Int) -> [Int]? {
    guard has(i), let t = try? importer.value(source.inputs[i]), t.isConstant else { return nil }
    return t.knownIntegers()
  }

  func integer(_ i: Int, _ what: String) throws(EngineError) -> Int {
    guard let value = try integers(i, what).first else { throw EngineError(.graphFileError, "\(what) is empty") }
    return value
  }

  // MARK: nodes

  /// Adds the node that gives the operation's results; in a quantised operation they have the parameters of the file.
  func add(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor], outputs: Int
  ) throws(EngineError) -> [Tensor] {
    let node = graph.node(kind, attributes, inputs, outputs)
    if isNative {
      node.quantType = 5
      for (t, index) in zip(node.outputs, source.outputs) where importer.source.tensors[index].isByteQuantised {
        t.quantParams = try importer.quantParams(index, shifted: true) ?? []
      }
    }
    let params = node.outputs.map { $0.quantParams }
    let results = try graph.add(node)
    for (t, p) in zip(results, params) where t.type == .int8 { t.quantParams = p }
    return results
  }

  func add1(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor]
  ) throws(EngineError) -> Tensor {
    try add(kind, attributes, inputs, outputs: 1)[0]
  }

  func scalar(_ value: Float) -> Tensor { graph.constant(floats: [value], dims: []) }
  func scalar(_ value: Int) -> Tensor { graph.constant(ints: [value], dims: []) }

  func cast(_ x: Tensor, _ type: DataType) throws(EngineError) -> Tensor {
    let type = ModelBuilder.narrowed(type)
    if x.type == type { return x }
    return try graph.add1(.cast, [:], [x, scalar(Int(type.rawValue))])
  }

  // MARK: activations

  /// The fused activation in field `id` of the options: what a node can fuse, and what must follow it.
  func fused(_ id: Int) throws(EngineError) -> (fused: AttributeValue, rest: Int) {
    let kind = try options.byte(id)
    switch kind {
    case TFLiteActivation.none: return (0, 0)
    case TFLiteActivation.relu: return (.number(Activation.relu), 0)
    case TFLiteActivation.relu6: return (.number(Activation.relu6), 0)
    case TFLiteActivation.reluN1To1, TFLiteActivation.tanh, TFLiteActivation.signBit: return (0, kind)
    default: throw EngineError(.notSupported, "fused activation \(kind); 0 to 5 are accepted")
    }
  }

  /// The activation `kind` (TFLite's number) as nodes of its own.
  func activate(_ x: Tensor, _ kind: Int) throws(EngineError) -> Tensor {
    let isFloat = x.type == .float32 || x.type == .float16
    switch kind {
    case TFLiteActivation.none: return x
    case TFLiteActivation.signBit: return try cast(try graph.add1(.less, [:], [x, isFloat ? scalar(Float(0)) : scalar(0)]), x.type)
    case TFLiteActivation.tanh: return try graph.add1(.activation, ["activation_type": .number(Activation.tanh)], [x])
    case TFLiteActivation.relu, TFLiteActivation.relu6, TFLiteActivation.reluN1To1:
      let low = kind == TFLiteActivation.reluN1To1 ? -1 : 0
      if isFloat {
        if kind == TFLiteActivation.relu { return try graph.add1(.activation, ["activation_type": .number(Activation.relu)], [x]) }
        if kind == TFLiteActivation.relu6 { return try graph.add1(.activation, ["activation_type": .number(Activation.relu6)], [x]) }
        return try clamped(x, -1, 1)
      }
      let y = try graph.add1(.maximum, [:], [x, scalar(low)])
      if kind == TFLiteActivation.relu { return y }
      return try graph.add1(.minimum, [:], [y, scalar(kind == TFLiteActivation.relu6 ? 6 : 1)])
    default: throw EngineError(.notSupported, "fused activation \(kind); 0 to 5 are accepted")
    }
  }

  func clamped(_ x: Tensor, _ low: Float, _ high: Float) throws(EngineError) -> Tensor {
    try graph.add1(
      .activation,
      ["activation_type": .number(Activation.hardTanh), "min_val": .float(Double(low)), "max_val": .float(Double(high))], [x])
  }
}
