import Graph

/// The operators by kind, one line each, in a table per folder. A kind that none of them has is refused with its name.
public enum Registry {
  /// nil when the CPU has no such operator. What it makes takes float16 values computed by the run too: natively where only bytes
  /// move, else by way of float32 (``Float16Operator``).
  @export(interface)
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    // Lists and handles travel with the tensors themselves.
    if let control = controlFactory(for: kind) { return control }
    if let updating = updatingFactory(for: kind) { return updating }
    guard let plain = plainFactory(for: kind) else { return nil }
    return { n throws(EngineError) in try Float16Operator.make(n, plain) }
  }

  private static func plainFactory(for kind: OperatorKind) -> OperatorFactory? {
    if let matrix = matrixFactory(for: kind) { return matrix }
    if let math = mathFactory(for: kind) { return byQuantization(kind, math) }
    if let data = dataFactory(for: kind) { return movingQuantised(kind, data) }
    return detectionFactory(for: kind) ?? audioFactory(for: kind) ?? randomFactory(for: kind) ?? textFactory(for: kind)
      ?? sparseFactory(for: kind) ?? trainingFactory(for: kind) ?? customFactory(for: kind)
  }
}
