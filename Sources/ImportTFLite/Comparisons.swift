import ConverterCore
import Graph

extension OperatorTable {
  /// Comparisons, truth values and choices.
  static let comparisons: [String: OperatorEntry] = [
    "EQUAL": pair(.equal),
    "NOT_EQUAL": pair(.notEqual),
    "GREATER": pair(.greater),
    "GREATER_EQUAL": pair(.greaterEqual),
    "LESS": pair(.less),
    "LESS_EQUAL": pair(.lessEqual),
    "LOGICAL_AND": pair(.logicalAnd),
    "LOGICAL_OR": pair(.logicalOr),
    "LOGICAL_NOT": .one(.real) { (op) throws(EngineError) in try op.add1(.logicalNot, [:], [try op.input(0)]) },
    "SELECT": .one(.native(), select),
    "SELECT_V2": .one(.native()) { (op) throws(EngineError) in try op.add1(.where, [:], try op.allInputs()) },
    "WHERE": .one(.real) { (op) throws(EngineError) in try op.add1(.where, [:], [try op.input(0)]) },
  ]

  private static func pair(_ kind: OperatorKind) -> OperatorEntry {
    .one(.native()) { (op) throws(EngineError) in try op.add1(kind, [:], [try op.input(0), try op.input(1)]) }
  }

  /// A condition of one axis chooses whole entries of the first axis.
  private static func select(_ op: Operation) throws(EngineError) -> Tensor {
    var inputs = try op.allInputs()
    guard inputs.count == 3 else { throw EngineError(.graphFileError, "has \(inputs.count) inputs; 3 are needed") }
    let rank = try op.graph.rank(of: inputs[1])
    if try op.graph.rank(of: inputs[0]) == 1 && rank > 1 {
      let n = op.graph.dims(of: inputs[0])?.first ?? -1
      inputs[0] = try op.graph.reshape(inputs[0], [n] + [Int](repeating: 1, count: rank - 1))
    }
    return try op.add1(.where, [:], inputs)
  }
}
