import Graph

/// The operators by kind, one line each, in a table per room: Data, Math and Matrix. A kind that none of them has is refused with
/// its name.
public enum Registry {
  /// nil when the CPU has no such operator.
  @export(interface)
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    if let matrix = matrixFactory(for: kind) { return matrix }
    if let math = mathFactory(for: kind) { return byQuantization(kind, math) }
    if let data = dataFactory(for: kind) { return movingQuantised(kind, data) }
    return nil
  }
}
