import Graph

/// Generators of random numbers.
extension Registry {
  static func randomFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .randomNormal, .randomStandardNormal, .uniformReal: return { n throws(EngineError) in try RandomOperator(n) }
    default: return nil
    }
  }
}
