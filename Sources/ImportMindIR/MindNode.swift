import ConverterCore
import Graph

typealias MindPrimitive = @Sendable (MindNode) throws(EngineError) -> [Tensor]

/// One node of the file: its attributes, its operands, and what is known of its results.
struct MindNode {
  let scope: MindScope
  let name: String
  let type: String
  private let attributes: [String: MindIr_AttributeProto]
  /// The operands, without the tokens at the end.
  let inputs: [MindValue]
  let results: [MindShape]
  /// The result is a tuple, even if of one.
  let isTuple: Bool

  /// `stated`: the node's own attributes, among them the shape of its results; `attributes`: those of its primitive, which may have
  /// one of that name too.
  init(
    _ scope: MindScope, name: String, type: String, stated: [MindIr_AttributeProto], attributes: [MindIr_AttributeProto], inputs: [MindValue]
  ) {
    self.scope = scope
    self.name = name
    self.type = type
    var table: [String: MindIr_AttributeProto] = [:]
    for a in attributes + stated where table[a.name] == nil { table[a.name] = a }
    self.attributes = table
    var operands = inputs
    while case .nothing? = operands.last { operands.removeLast() }
    self.inputs = operands
    let shape = stated.first { $0.name == "shape" }
    results = shape.map { MindShape.results($0) } ?? [.unknown]
    isTuple = shape.map { $0.type == 20 || $0.type == 21 } ?? false
  }

  var b: GraphBuilder { scope.b }
  var count: Int { inputs.count }
  var isTraining: Bool { scope.isTraining }

  /// Runs the primitive's importer.
  func imported() throws(EngineError) -> [Tensor] {
    if let importer = PrimitiveTable.importers[type] { return try importer(self) }
    if let kind = PrimitiveTable.plain(type) {
      let operands = try tensors()
      if results.count <= 1 && !operands.isEmpty { return try elementwise(kind, [:], operands) }
      return try emit(kind, [:], operands, count: max(1, results.count))
    }
    throw EngineError(.unknownOperator, "nodes of this type cannot be converted")
  }

  // MARK: attributes

  /// An attribute, or the operand that newer files have in its place.
  func value(_ name: String, operand: Int? = nil) throws(EngineError) -> MindValue? {
    if let a = attributes[name] { return try MindValue(a, b, scope.file.tensors, name: "\(self.name).\(name)") }
    guard let operand, operand < inputs.count else { return nil }
    if case .nothing = inputs[operand] { return nil }
    return inputs[operand]
  }

  func has(_ name: String) -> Bool { attributes[name] != nil }

  private func refuse(_ name: String, _ wanted: StaticString) -> EngineError {
    EngineError(.formatError, "attribute \"\(name)\" must be \(wanted), and constant")
  }

  func int(_ name: String, operand: Int? = nil, default fallback: Int? = nil) throws(EngineError) -> Int {
    guard let value = try value(name, operand: operand) else {
      guard let fallback else { throw EngineError(.formatError, "attribute \"\(name)\" is missing") }
      return fallback
    }
    guard let list = value.integers, list.count == 1 else { throw refuse(name, "an integer") }
    return list[0]
  }

  /// Integers; one stands for a list of one.
  func ints(_ name: String, operand: Int? = nil) throws(EngineError) -> [Int]? {
    guard let value = try value(name, operand: operand) else { return nil }
    guard let list = value.integers else { throw refuse(name, "a list of integers") }
    return list
  }

  func bool(_ name: String, operand: Int? = nil, default fallback: Bool = false) throws(EngineError) -> Bool {
    try int(name, operand: operand, default: fallback ? 1 : 0) != 0
  }

  func float(_ name: String, operand: Int? = nil, default fallback: Double? = nil) throws(EngineError) -> Double {
    guard let value = try value(name, operand: operand) else {
      guard let fallback else { throw EngineError(.formatError, "attribute \"\(name)\" is missing") }
      return fallback
    }
    guard let number = value.number else { throw refuse(name, "a number") }
    return number
  }

  func text(_ name: String, default fallback: String) throws(EngineError) -> String {
    guard let value = try value(name) else { return fallback }
    guard case .text(let text) = value else { throw refuse(name, "a text") }
    return text
  }

  // MARK: operands

  /// Operand i as a tensor in the file's layout.
  func tensor(_ i: Int) throws(EngineError) -> Tensor { try scope.plain(try stored(i)) }

  /// Operand i as it is stored: kernels of a training graph as [O, h, w, I].
  func stored(_ i: Int) throws(EngineError) -> Tensor {
    guard i < inputs.count else { throw EngineError(.formatError, "has \(inputs.count) operands; \(i + 1) are needed") }
    return try scope.tensor(inputs[i])
  }

  /// The operands as tensors, tuples taken apart, tokens and None left out.
  func tensors(from first: Int = 0) throws(EngineError) -> [Tensor] {
    var all = [Tensor]()
    for value in inputs.dropFirst(first) {
      if case .nothing = value { continue }
      for t in try scope.flat(value) { all.append(try scope.plain(t)) }
    }
    return all
  }

  /// The members of a tuple operand; an operand that is none counts as one of one.
  func members(_ i: Int) throws(EngineError) -> [Tensor] {
    guard i < inputs.count else { throw EngineError(.formatError, "has \(inputs.count) operands; \(i + 1) are needed") }
    if case .tuple(let list) = inputs[i] {
      var all = [Tensor]()
      for v in list { all.append(try scope.plain(try scope.tensor(v))) }
      return all
    }
    return [try tensor(i)]
  }

  func axis(_ axis: Int, of x: Tensor) throws(EngineError) -> Int { try b.axis(axis, of: x) }

  // MARK: nodes

  /// Adds a node. In a training graph nothing is computed ahead, since weights change there, and the shapes are those of the file:
  /// `results`, or the node's own.
  func emit(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue], _ operands: [Tensor], count: Int = 1, results shapes: [MindShape]? = nil
  ) throws(EngineError) -> [Tensor] {
    if !isTraining { return try b.add(kind, attributes, operands, outputs: count) }
    let outputs = b.append(kind, attributes, operands, count)
    for (t, shape) in zip(outputs, shapes ?? results) { b.declare(t, shape.dims, type: shape.type) }
    return outputs
  }

  func emit1(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue], _ operands: [Tensor], results shapes: [MindShape]? = nil
  ) throws(EngineError) -> Tensor {
    try emit(kind, attributes, operands, results: shapes)[0]
  }

  /// A node whose results follow element by element from operands of one shape. In a training graph images go through it with
  /// their channels last, so that the layout does not change between it and the convolutions around it.
  func elementwise(_ kind: OperatorKind, _ attributes: [String: AttributeValue], _ operands: [Tensor]) throws(EngineError) -> [Tensor] {
    guard isTraining, let dims = b.dims(of: operands[0]), dims.count == 4, !(try isChannelsLast()),
      operands.allSatisfy({ !$0.isConstant && b.dims(of: $0) == dims })
    else { return try emit(kind, attributes, operands) }
    var images = [Tensor]()
    for x in operands { images.append(try b.nhwc(x)) }
    return [try b.nchw(try emit1(kind, attributes, images, results: [try channelsLast()]))]
  }

  /// Part of a result that is put together of several nodes. Weights that a training run changes cannot take part.
  func compose(_ kind: OperatorKind, _ attributes: [String: AttributeValue], _ operands: [Tensor]) throws(EngineError) -> Tensor {
    if isTraining, operands.allSatisfy({ $0.isConstant }), operands.contains(where: { scope.isParameter($0) }) {
      throw EngineError(.notSupported, "this operation on weights cannot be part of a training graph")
    }
    return try b.add1(kind, attributes, operands)
  }

  func number(_ value: Double) -> Tensor { b.constant(floats: [Float(value)], dims: []) }

  // MARK: layout

  /// The operation's images have their channels last.
  func isChannelsLast() throws(EngineError) -> Bool {
    try text("format", default: try text("data_format", default: "NCHW")) == "NHWC"
  }

  /// An image operand with the channels last.
  func image(_ i: Int) throws(EngineError) -> Tensor {
    let x = try tensor(i)
    return try isChannelsLast() ? x : try b.nhwc(x)
  }

  /// A result with the channels last, in the operation's layout.
  func inLayout(_ y: Tensor) throws(EngineError) -> Tensor { try isChannelsLast() ? y : try b.nchw(y) }

  /// Result i of the file with the channels last.
  func channelsLast(_ i: Int = 0) throws(EngineError) -> MindShape {
    guard i < results.count else { return .unknown }
    var shape = results[i]
    if !(try isChannelsLast()), let d = shape.dims, d.count == 4 { shape.dims = [d[0], d[2], d[3], d[1]] }
    return shape
  }
}

extension MindShape {
  static var unknown: MindShape { MindShape(dims: nil, type: nil) }
  init(dims: [Int]?, type: DataType?) {
    self.dims = dims
    self.type = type
  }
}
