/// The operators that are imported, by their name in the TFLite schema; custom ones by their own name.
enum OperatorTable {
  static func entry(_ op: TFLiteOperator) -> OperatorEntry? {
    op.code == TFLiteCodes.custom ? custom[op.customCode] : builtin[op.name]
  }

  private static let builtin: [String: OperatorEntry] = {
    var table = [String: OperatorEntry]()
    for part in [
      arithmetic, activations, comparisons, products, images, reductions, shapes, slices, indices, recurrent, control, text,
    ] {
      table.merge(part) { a, _ in a }
    }
    return table
  }()
}
