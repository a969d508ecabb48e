import Graph

extension Registry {
  static func customFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    default: return nil
    }
  }
}
