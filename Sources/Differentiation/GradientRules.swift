import Graph

/// Appends to the tape what the gradients of a node's outputs contribute to those of its inputs.
typealias GradientRule = @Sendable (GradientScope) throws(EngineError) -> Void

/// The rules of all operators, by kind; a field of operators has a table of its own.
enum GradientRules {
  private static let tables: [[(OperatorKind, GradientRule)]] = [
    ArithmeticRules.table, FunctionRules.table, ProductRules.table, WindowRules.table, NormalizationRules.table, ShapeRules.table,
    SelectionRules.table, LossRules.table,
  ]
  private static let byKind: [Int32: GradientRule] = {
    var rules: [Int32: GradientRule] = [:]
    for (kind, rule) in tables.joined() { rules[kind.rawValue] = rule }
    return rules
  }()

  /// nil: the operator has no gradient here.
  static func rule(_ kind: OperatorKind) -> GradientRule? { byKind[kind.rawValue] }
}
