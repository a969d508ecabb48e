/// A table in plain text: columns as wide as their widest cell, numbers aligned to the right.
struct TextTable {
  enum Alignment { case left, right }
  private let header: [String]
  private let alignment: [Alignment]
  private var rows: [[String]] = []
  /// Cells longer than this are cut in the middle, so that one name does not push all columns off the screen.
  private let widest: Int

  init(_ columns: [(String, Alignment)], widest: Int = 60) {
    header = columns.map { $0.0 }
    alignment = columns.map { $0.1 }
    self.widest = widest
  }

  mutating func add(_ cells: [String]) {
    // The last column may be as long as it likes.
    rows.append(cells.enumerated().map { $0.offset == header.count - 1 ? $0.element : TextTable.shortened($0.element, widest) })
  }

  var isEmpty: Bool { rows.isEmpty }

  /// `indent` spaces before each line.
  func text(indent: Int = 2) -> String {
    var widths = header.map { $0.count }
    for row in rows { for (i, cell) in row.enumerated() where i < widths.count { widths[i] = max(widths[i], cell.count) } }
    let margin = String(repeating: " ", count: indent)
    func line(_ cells: [String]) -> String {
      var out = margin
      for (i, cell) in cells.enumerated() {
        let space = String(repeating: " ", count: max(0, widths[i] - cell.count))
        let isLast = i == cells.count - 1
        out += alignment[i] == .right ? space + cell : isLast ? cell : cell + space
        if !isLast { out += "  " }
      }
      return out + "\n"
    }
    var out = line(header)
    out += margin + widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ") + "\n"
    for row in rows { out += line(row) }
    return out
  }

  /// "a/very/…/name"
  static func shortened(_ text: String, _ limit: Int) -> String {
    if text.count <= limit { return text }
    let head = (limit - 1) / 3
    return text.prefix(head) + "…" + text.suffix(limit - 1 - head)
  }
}
