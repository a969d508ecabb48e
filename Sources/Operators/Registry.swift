import Graph

/// The operators by kind: one line each. A kind that is not here is refused with its name.
public enum Registry {
  /// nil when the CPU has no such operator.
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .neg, .abs: return { n throws(EngineError) in try UnaryOperator(n) }
    default: return nil
    }
  }
}
