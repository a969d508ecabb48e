import Graph

/// The operators by kind, one line each, in a table per room: Data, Math, Matrix and Control. A kind that none of them has is refused with
/// its name.
public enum Registry {
  /// nil when the CPU has no such operator.
  @export(interface)
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    matrixFactory(for: kind) ?? mathFactory(for: kind) ?? dataFactory(for: kind) ?? controlFactory(for: kind)
  }
}
