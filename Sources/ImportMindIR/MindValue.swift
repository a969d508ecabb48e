import ConverterCore
import Graph

/// What a name of the file stands for while the model is imported.
indirect enum MindValue {
  case tensor(Tensor)
  case tuple([MindValue])
  case integer(Int)
  case real(Double)
  case boolean(Bool)
  case text(String)
  /// None, and the tokens that order side effects.
  case nothing
  /// A function with the values of its first arguments.
  case closure(MindFunction, [MindValue])
  /// What Switch and SwitchLayer choose from.
  case choice(Tensor, [MindValue])

  /// The integers of a number or a (nested) tuple of numbers; nil for anything else.
  var integers: [Int]? {
    switch self {
    case .integer(let v): return [v]
    case .boolean(let v): return [v ? 1 : 0]
    case .tensor(let t): return t.isConstant ? t.knownIntegers() : nil
    case .tuple(let list):
      var all = [Int]()
      for v in list {
        guard let part = v.integers else { return nil }
        all += part
      }
      return all
    default: return nil
    }
  }

  var number: Double? {
    switch self {
    case .integer(let v): return Double(v)
    case .real(let v): return v
    case .boolean(let v): return v ? 1 : 0
    case .tensor(let t):
      guard t.isConstant, t.count == 1, let data = t.data else { return nil }
      if t.type == .float32 { return Double(data.loadUnaligned(as: Float.self)) }
      return t.knownIntegers()?.first.map { Double($0) }
    default: return nil
    }
  }
}

/// Numbers of AttributeProto.type.
private enum ValueKind {
  static let float: Int32 = 1, string: Int32 = 8, bool: Int32 = 9, double: Int32 = 11, tensor: Int32 = 17, tensors: Int32 = 19
  static let tuple: Int32 = 20, list: Int32 = 21
  static let integers: Set<Int32> = [2, 3, 4, 5, 6, 7, 12, 13]
  /// Tokens, None and null types.
  static let nothing: Set<Int32> = [23, 24, 25, 36]
}

extension MindValue {
  /// It has tensors inside, which belong to one graph.
  var holdsTensors: Bool {
    switch self {
    case .tensor, .choice: true
    case .tuple(let values), .closure(_, let values): values.contains { $0.holdsTensors }
    default: false
    }
  }

  /// The value of an attribute. Tensors become constants of `b`.
  init(_ a: MindIr_AttributeProto, _ b: GraphBuilder, _ tensors: MindTensors, name: String) throws(EngineError) {
    switch a.type {
    case ValueKind.float: self = a.hasF || a.floats.isEmpty ? .real(Double(a.f)) : Self.listOf(a.floats.map { .real(Double($0)) })
    case ValueKind.double: self = a.hasD || a.doubles.isEmpty ? .real(a.d) : Self.listOf(a.doubles.map { .real($0) })
    case ValueKind.bool: self = .boolean((a.ints.first ?? a.i) != 0)
    case ValueKind.string: self = .text(String(decoding: a.hasS ? a.s : a.strings.first ?? a.s, as: UTF8.self))
    case ValueKind.tensor: self = .tensor(try tensors.constant(b, a.hasT ? a.t : a.tensors.first ?? a.t, name: name))
    case ValueKind.tensors:
      var list = [MindValue]()
      for t in a.tensors { list.append(.tensor(try tensors.constant(b, t, name: name))) }
      self = Self.listOf(list)
    case ValueKind.tuple, ValueKind.list:
      var list = [MindValue]()
      for v in a.values { list.append(try MindValue(v, b, tensors, name: name)) }
      self = .tuple(list)
    case let kind where ValueKind.integers.contains(kind):
      self = a.hasI || a.ints.isEmpty ? .integer(Int(a.i)) : Self.listOf(a.ints.map { .integer(Int($0)) })
    case let kind where ValueKind.nothing.contains(kind): self = .nothing
    default: throw EngineError(.notSupported, "value \"\(name)\" is of the kind \(a.type), which cannot be converted")
    }
  }

  /// One value is written like a list of one.
  private static func listOf(_ values: [MindValue]) -> MindValue { values.count == 1 ? values[0] : .tuple(values) }
}

/// Type and dimensions of a node's result, as the file states them; nil where it does not.
struct MindShape {
  var dims: [Int]?
  var type: DataType?

  /// The results that an attribute "shape" describes.
  static func results(_ a: MindIr_AttributeProto, depth: Int = 0) -> [MindShape] {
    if a.type == ValueKind.tensors || !a.tensors.isEmpty { return a.tensors.map { MindShape($0) } }
    if depth < 4, a.type == ValueKind.tuple || a.type == ValueKind.list {
      var all = [MindShape]()
      for v in a.values { all += results(v, depth: depth + 1) }
      return all
    }
    return [MindShape(dims: nil, type: nil)]
  }

  /// Negative dimensions are open; -2 stands for an unknown rank.
  init(_ proto: MindIr_TensorProto) {
    let isKnown = proto.dims.count <= Shape.maximumRank && !proto.dims.contains(-2)
    self.init(
      dims: isKnown ? proto.dims.map { $0 < 0 || $0 > Int64(Int32.max) ? -1 : Int($0) } : nil, type: MindType.dataType(proto.dataType))
  }
}

/// A function of the file.
final class MindFunction {
  let proto: MindIr_GraphProto
  init(_ proto: MindIr_GraphProto) { self.proto = proto }
  var name: String { proto.name }
}
