import Graph

/// The element types of results whose shapes only a run can tell. (A tensor of the format states its type in any case.)
enum OutputTypes {
  static func type(_ node: Node, _ output: Int) -> DataType {
    func input(_ i: Int) -> DataType { i < node.inputs.count ? node.inputs[i].type : .unknown }
    switch node.kind {
    case .equal, .notEqual, .greater, .greaterEqual, .less, .lessEqual, .isFinite: return .bool
    case .shape, .size, .nonZero, .nonMaxSuppression, .invertPermutation: return .int32
    case .argMaxFusion, .argMinFusion:
      return node["out_max_value"].map { if case .bool(true) = $0 { true } else { false } } == true || output == 1 ? input(0) : .int32
    case .topKFusion, .unique: return output == 0 ? input(0) : .int32
    case .cast: return node.inputs.count > 1 ? node.inputs[1].knownIntegers()?.first.flatMap { DataType(typeID: Int32(clamping: $0)) } ?? .unknown : .unknown
    case .where: return node.inputs.count == 1 ? .int32 : input(1)
    case .select, .scatterNd: return input(1)
    case .oneHot, .sparseToDense: return input(2)
    case .fillV2: return input(1)
    case .constantOfShape: return number(node["data_type"])
    case .quantDTypeCast: return number(node["dst_t"])
    case .tensorListGetItem, .tensorListStack: return number(node["element_dtype"])
    // The type of a handle of a graph says nothing.
    case .partialFusion, .switch, .switchLayer: return .int32
    case .call: return .unknown
    default: return input(0)
    }
  }

  private static func number(_ value: AttributeValue?) -> DataType {
    if case .int(let id) = value { return DataType(typeID: Int32(clamping: id)) ?? .unknown }
    return .unknown
  }
}
