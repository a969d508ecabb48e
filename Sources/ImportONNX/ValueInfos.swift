import ConverterCore
import Graph

/// What a graph states of the types and shapes of its values.
struct ValueInfos {
  struct Value {
    var type: DataType
    /// nil: rank unknown; -1: open dimension.
    var dims: [Int]?
    /// Names of open dimensions.
    var symbols: [String?] = []
  }
  private var values: [String: Onnx_ValueInfoProto] = [:]

  init() {}

  init(_ graph: Onnx_GraphProto) {
    for info in graph.valueInfo { values[info.name] = info }
    for info in graph.output { values[info.name] = info }
  }

  /// Type and shape that the file states; throws where it states none that a tensor can have.
  static func read(_ info: Onnx_ValueInfoProto) throws(EngineError) -> Value {
    let type = info.type
    if type.hasSequenceType { throw EngineError(.notSupported, "it is a sequence of tensors, which the engine does not have") }
    if type.hasOptionalType { throw EngineError(.notSupported, "it is an optional value, which the engine does not have") }
    if type.hasMapType { throw EngineError(.notSupported, "it is a map, which the engine does not have") }
    if type.hasSparseTensorType { throw EngineError(.notSupported, "it is a sparse tensor, which the engine does not have") }
    guard type.hasTensorType else { throw EngineError(.formatError, "it has no type") }
    let tensor = type.tensorType
    let element = try ElementType.dataType(tensor.elemType, of: "it")
    if element == .string { throw EngineError(.notSupported, "it holds strings; the engine computes with numbers only") }
    guard tensor.hasShape else { return Value(type: element, dims: nil) }
    guard tensor.shape.dim.count <= Shape.maximumRank else {
      throw EngineError(.notSupported, "it has rank \(tensor.shape.dim.count); at most \(Shape.maximumRank) is possible")
    }
    var value = Value(type: element, dims: [])
    for dim in tensor.shape.dim {
      guard dim.dimValue <= Int64(Int32.max) else { throw EngineError(.formatError, "it has the dimension \(dim.dimValue)") }
      value.dims?.append(dim.hasDimValue && dim.dimValue >= 0 ? Int(dim.dimValue) : -1)
      value.symbols.append(dim.hasDimParam && !dim.dimParam.isEmpty ? dim.dimParam : nil)
    }
    let dims = value.dims ?? []
    guard Shape(dims.filter { $0 >= 0 }).checkedCount != nil else {
      throw EngineError(.formatError, "it has the shape \(Shape(dims)), which is too large")
    }
    return value
  }

  /// Tells the graph what the file states of a value whose shape does not follow from the operators.
  func declare(_ name: String, _ tensor: Tensor, _ graph: GraphBuilder) {
    guard let info = values[name], let value = try? ValueInfos.read(info) else { return }
    graph.declare(tensor, value.dims, type: ElementType.held(value.type), symbols: value.symbols)
  }
}
