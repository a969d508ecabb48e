import ConverterCore
import Foundation
import Graph

/// Imports one node: adds what computes its outputs and returns them, in the node's order.
typealias TensorFlowOperator = @Sendable (TensorFlowNode) throws(EngineError) -> [Tensor]

/// What an output of a node stands for while the model is imported.
enum Value {
  case tensor(Tensor)
  /// A variable whose value a checkpoint holds.
  case variable(String)
  /// A TensorArray; its items travel with the flow.
  case array(TensorArrayHandle)

  var tensor: Tensor? {
    if case .tensor(let tensor) = self { return tensor }
    return nil
  }
}

/// A node of the source model while it is imported.
final class TensorFlowNode {
  let proto: Tensorflow_NodeDef
  /// The node's operands, without those that only order the run.
  let values: [Value]
  let scope: TensorFlowScope
  /// The graph that nodes are added to.
  var graph: GraphBuilder { scope.graph }
  var name: String { proto.name }
  var op: String { proto.op }

  init(_ proto: Tensorflow_NodeDef, _ values: [Value], _ scope: TensorFlowScope) {
    self.proto = proto
    self.values = values
    self.scope = scope
  }

  // MARK: operands

  var count: Int { values.count }

  func input(_ i: Int) throws(EngineError) -> Tensor {
    guard i >= 0 && i < values.count else { throw EngineError(.formatError, "operand \(i) is missing; the node has \(values.count)") }
    guard case .tensor(let tensor) = values[i] else { throw EngineError(.formatError, "operand \(i) is a resource; a tensor is needed") }
    return tensor
  }

  func inputs(_ range: Range<Int>) throws(EngineError) -> [Tensor] {
    var tensors = [Tensor]()
    for i in range { tensors.append(try input(i)) }
    return tensors
  }
  func inputs() throws(EngineError) -> [Tensor] { try inputs(0..<values.count) }

  /// The integers of a constant operand. `what` names it in the error.
  func integers(_ i: Int, _ what: String) throws(EngineError) -> [Int] {
    try graph.integers(input(i), what).map { Int(Int32(clamping: $0)) }
  }
  func integer(_ i: Int, _ what: String) throws(EngineError) -> Int {
    let values = try integers(i, what)
    guard values.count == 1 else { throw EngineError(.formatError, "\(what) has \(values.count) values; 1 is needed") }
    return values[0]
  }
  func number(_ i: Int, _ what: String) throws(EngineError) -> Float {
    let values = try graph.floats(input(i), what)
    guard values.count == 1 else { throw EngineError(.formatError, "\(what) has \(values.count) values; 1 is needed") }
    return values[0]
  }

  // MARK: attributes

  private func wrong(_ name: String, _ kind: String) -> EngineError {
    EngineError(.formatError, "attribute \"\(name)\" is not \(kind)")
  }

  /// An integer saturated to int32's range, so that arithmetic on it cannot overflow.
  func int(_ name: String, _ fallback: Int) throws(EngineError) -> Int {
    guard let value = proto.attr[name]?.value else { return fallback }
    guard case .i(let i) = value else { throw wrong(name, "an integer") }
    return Int(Int32(clamping: i))
  }

  /// An integer with all its bits, for seeds.
  func int64(_ name: String) -> Int64 { proto.attr[name]?.i ?? 0 }

  func bool(_ name: String, _ fallback: Bool = false) throws(EngineError) -> Bool {
    guard let value = proto.attr[name]?.value else { return fallback }
    guard case .b(let b) = value else { throw wrong(name, "a truth value") }
    return b
  }

  func float(_ name: String, _ fallback: Float) throws(EngineError) -> Float {
    guard let value = proto.attr[name]?.value else { return fallback }
    guard case .f(let f) = value else { throw wrong(name, "a number") }
    return f
  }

  func string(_ name: String, _ fallback: String) throws(EngineError) -> String {
    guard let value = proto.attr[name]?.value else { return fallback }
    guard case .s(let s) = value else { throw wrong(name, "a string") }
    return String(decoding: s, as: UTF8.self)
  }

  /// A string that must be one of `values`; the first is the default.
  func choice(_ name: String, _ values: [String]) throws(EngineError) -> String {
    let value = try string(name, values[0])
    guard values.contains(value) else {
      throw EngineError(.notSupported, "attribute \"\(name)\" is \"\(value)\"; it can be \(values.joined(separator: ", "))")
    }
    return value
  }

  func ints(_ name: String) throws(EngineError) -> [Int] {
    guard let value = proto.attr[name]?.value else { return [] }
    guard case .list(let list) = value else { throw wrong(name, "a list") }
    return list.i.map { Int(Int32(clamping: $0)) }
  }

  func strings(_ name: String) throws(EngineError) -> [String] {
    guard let value = proto.attr[name]?.value else { return [] }
    guard case .list(let list) = value else { throw wrong(name, "a list") }
    return list.s.map { String(decoding: $0, as: UTF8.self) }
  }

  /// An element type, narrowed to what the engine computes with.
  func type(_ name: String) throws(EngineError) -> DataType? {
    guard let value = proto.attr[name]?.value else { return nil }
    guard case .type(let type) = value else { throw wrong(name, "an element type") }
    return ModelBuilder.narrowed(try ElementTypes.required(type, "attribute \"\(name)\""))
  }

  /// A shape; nil when the attribute is absent or says that the rank is unknown.
  func shape(_ name: String) throws(EngineError) -> [Int]? {
    guard let value = proto.attr[name]?.value else { return nil }
    guard case .shape(let shape) = value else { throw wrong(name, "a shape") }
    return try shape.dims("attribute \"\(name)\"")
  }

  func function(_ name: String) throws(EngineError) -> String {
    guard case .func(let function)? = proto.attr[name]?.value else { throw wrong(name, "a function") }
    return function.name
  }

  // MARK: layout

  /// Whether the images are channels-first.
  func isChannelsFirst() throws(EngineError) -> Bool { try choice("data_format", ["NHWC", "NCHW"]) == "NCHW" }

  /// Height and width of a list with one entry per axis of the images; the other entries must be 1.
  func spatial(_ values: [Int], _ name: String, channelsFirst: Bool) throws(EngineError) -> [Int] {
    if values.isEmpty { return [1, 1] }
    let (h, w) = channelsFirst ? (2, 3) : (1, 2)
    guard values.count == 4 else { throw EngineError(.formatError, "attribute \"\(name)\" has \(values.count) entries; 4 are needed") }
    for i in 0..<4 where i != h && i != w && values[i] != 1 {
      throw EngineError(.notSupported, "attribute \"\(name)\" is \(Shape(values)): only height and width may differ from 1")
    }
    guard values[h] > 0 && values[w] > 0 else { throw EngineError(.formatError, "attribute \"\(name)\" is \(Shape(values))") }
    return [values[h], values[w]]
  }
}
