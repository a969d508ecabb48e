import Graph

/// The operators by kind, one line each, in a table per folder. A kind that none of them has is refused with its name.
public enum Registry {
  /// nil when the CPU has no such operator.
  @export(interface)
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    matrixFactory(for: kind) ?? mathFactory(for: kind) ?? dataFactory(for: kind) ?? controlFactory(for: kind)
      ?? detectionFactory(for: kind) ?? audioFactory(for: kind) ?? randomFactory(for: kind) ?? textFactory(for: kind)
      ?? sparseFactory(for: kind) ?? customFactory(for: kind)
  }
}
