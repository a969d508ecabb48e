import Graph

extension Comparison {
  /// The report for a terminal. Without `all`, only the model's outputs, what is over the tolerance and what comes close to it.
  public func text(all: Bool) -> String {
    var out = "reference  \(reference)\ncandidate  \(candidate)\n"
    for input in inputs { out += "input      \(input)\n" }
    out += "\(rows.count) tensors compared, \(unmatched.count) of the reference are not computed by the candidate (fused, folded or renamed)\n\n"
    var table = TextTable([
      ("", .left), ("operator", .left), ("tensor", .left), ("shape", .left), ("max abs", .right), ("of peak", .right), ("cosine", .right), ("", .left),
    ])
    for row in rows where all || row.isOutput || fails(row) || row.difference.relative > tolerance / 10 {
      let remarks = [
        row.isOutput ? "output" : "", row.difference.layout, row.occurrences > 1 ? "worst of \(row.occurrences)" : "", row.mismatch,
      ].filter { !$0.isEmpty }
      table.add([
        fails(row) ? "!" : "", row.kind, row.tensor, Units.shape(row.dims), Units.scientific(row.difference.maximum),
        Units.scientific(row.difference.relative), Units.fixed(row.difference.cosine, 6), remarks.joined(separator: ", "),
      ])
    }
    if !table.isEmpty { out += table.text() + "\n" }
    guard let first else {
      let worst = rows.max { $0.difference.relative < $1.difference.relative }
      let text = worst.map { "; the largest difference is \(Units.scientific($0.difference.relative)) of the peak, in \"\($0.tensor)\"" } ?? ""
      return out + "The models agree within \(Units.scientific(tolerance)) of the peak\(text).\n"
    }
    out += "First difference: \(first.kind) \"\(first.node)\", tensor \"\(first.tensor)\""
    out += first.mismatch.isEmpty ? ": \(Units.scientific(first.difference.relative)) of the peak, tolerance \(Units.scientific(tolerance))\n" : ": \(first.mismatch)\n"
    if suspects.count > 1 {
      out += "Between it and the last tensors that agree:\n" + suspects.map { "  \($0)\n" }.joined()
    }
    out += "\(rows.filter { fails($0) }.count) of \(rows.count) tensors are over the tolerance.\n"
    return out
  }

  public func json() -> JSON {
    .object([
      ("reference", .string(reference)), ("candidate", .string(candidate)), ("tolerance", .double(tolerance)), ("agrees", .bool(agrees)),
      ("firstDifference", first.map { .object([("node", .string($0.node)), ("operator", .string($0.kind)), ("tensor", .string($0.tensor))]) } ?? .null),
      ("suspects", .strings(suspects)), ("inputs", .strings(inputs)),
      ("tensors", .array(rows.map { json($0) })), ("unmatched", .strings(unmatched)),
    ])
  }

  private func json(_ row: Row) -> JSON {
    .object([
      ("node", .string(row.node)), ("operator", .string(row.kind)), ("tensor", .string(row.tensor)), ("shape", .ints(row.dims)),
      ("maxAbs", .double(row.difference.maximum)), ("peak", .double(row.difference.peak)),
      ("relative", .double(row.difference.relative)), ("cosine", .double(row.difference.cosine)),
      ("layout", .string(row.difference.layout)), ("occurrences", .int(row.occurrences)), ("output", .bool(row.isOutput)),
      ("ok", .bool(!fails(row))), ("mismatch", row.mismatch.isEmpty ? .null : .string(row.mismatch)),
    ])
  }
}
