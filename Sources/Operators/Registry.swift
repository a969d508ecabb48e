import Graph

/// The operators by kind, one line each, in a table per room: Data, Math and Matrix. A kind that none of them has is refused with
/// its name.
public enum Registry {
  /// nil when the CPU has no such operator. What it makes takes float16 values computed by the run too: natively where only bytes
  /// move, else by way of float32 (``Float16Operator``).
  @export(interface)
  public static func factory(for kind: OperatorKind) -> OperatorFactory? {
    let plain: OperatorFactory
    if let matrix = matrixFactory(for: kind) {
      plain = matrix
    } else if let math = mathFactory(for: kind) {
      plain = byQuantization(kind, math)
    } else if let data = dataFactory(for: kind) {
      plain = movingQuantised(kind, data)
    } else {
      return nil
    }
    return { n throws(EngineError) in try Float16Operator.make(n, plain) }
  }
}
