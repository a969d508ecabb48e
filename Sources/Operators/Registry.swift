import Graph

/// The operators by kind, one line each, in a table per folder. A kind that none of them has is refused with its name.
public enum Registry {
  /// nil when the CPU has no such operator. What it makes takes float16 values computed by the run too: natively where only bytes
  /// move, else by way of float32 (``Float16Operator``).
  @export(interface)
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    guard
      let plain = matrixFactory(for: kind) ?? mathFactory(for: kind) ?? dataFactory(for: kind) ?? controlFactory(for: kind)
        ?? detectionFactory(for: kind) ?? audioFactory(for: kind) ?? randomFactory(for: kind) ?? textFactory(for: kind)
        ?? sparseFactory(for: kind) ?? customFactory(for: kind)
    else { return nil }
    return { n throws(EngineError) in try Float16Operator.make(n, plain) }
  }
}
