import Graph

/// Sums of products over named axes, as products of matrices: "bij,bjk->bik".
///
/// Operands are taken from left to right, two at a time. Of two operands, axes that both have and the result keeps become batch
/// dimensions, axes that only they share are summed over by a matrix product, and the others are its rows and columns. "..." stands
/// for any number of axes, which broadcast.
public enum Einsum {
  /// A tensor and the labels of its axes. Letters are their code points; the axes of "..." are numbered -1, -2, ... from the right.
  private struct Operand {
    var tensor: Tensor
    var labels: [Int]
  }

  /// Adds the nodes and returns the result. Float operands; each label at most once in an operand.
  public static func add(_ graph: GraphBuilder, _ equation: String, _ tensors: [Tensor]) throws(EngineError) -> Tensor {
    let text = equation.filter { $0 != " " }
    let sides = text.components("->")
    let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
    guard sides.count <= 2, terms.count == tensors.count, !tensors.isEmpty else {
      throw EngineError(.formatError, "equation \"\(equation)\" does not fit \(tensors.count) operands")
    }
    var operands = [Operand]()
    for (term, tensor) in zip(terms, tensors) {
      let labels = try self.labels(term, rank: graph.rank(of: tensor), equation)
      guard Set(labels).count == labels.count else {
        throw EngineError(.notSupported, "equation \"\(equation)\" names an axis twice in one operand")
      }
      operands.append(Operand(tensor: tensor, labels: labels))
    }
    let all = operands.flatMap { $0.labels }
    let broadcast = Set(all.filter { $0 < 0 }).sorted()
    var output: [Int]
    if sides.count == 2 {
      output = try self.labels(sides[1], rank: sides[1].filter { $0 != "." }.count + (sides[1].contains(".") ? broadcast.count : 0), equation)
    } else {
      output = broadcast + Set(all).filter { label in label > 0 && all.filter { $0 == label }.count == 1 }.sorted()
    }
    guard output.allSatisfy({ all.contains($0) }), Set(output).count == output.count else {
      throw EngineError(.formatError, "the result of equation \"\(equation)\" has axes that no operand has, or one twice")
    }
    var left = operands[0]
    for i in 1..<max(1, operands.count) {
      let kept = Set(output + operands[(i + 1)...].flatMap { $0.labels })
      left = try product(graph, left, operands[i], kept)
    }
    left = try summed(graph, left, keeping: Set(output))
    return try graph.transpose(left.tensor, output.compactMap { left.labels.firstIndex(of: $0) })
  }

  private static func labels(_ term: String, rank: Int, _ equation: String) throws(EngineError) -> [Int] {
    let parts = term.components("...")
    let letters = parts.map { $0.unicodeScalars.map { Int($0.value) } }
    let named = letters.reduce(0) { $0 + $1.count }
    guard parts.count <= 2, letters.allSatisfy({ $0.allSatisfy { ($0 | 32) >= 97 && ($0 | 32) <= 122 } }),
      parts.count == 2 ? named <= rank : named == rank
    else { throw EngineError(.formatError, "\"\(term)\" of equation \"\(equation)\" does not fit \(rank) dimensions") }
    if parts.count == 1 { return letters[0] }
    return letters[0] + (0..<rank - named).map { $0 - (rank - named) } + letters[1]
  }

  private static func summed(_ graph: GraphBuilder, _ x: Operand, keeping kept: Set<Int>) throws(EngineError) -> Operand {
    let axes = x.labels.indices.filter { !kept.contains(x.labels[$0]) }
    if axes.isEmpty { return x }
    let sum = try graph.add1(.reduceFusion, ["mode": 4, "keep_dims": false], [x.tensor, graph.constant(ints: axes)])
    return Operand(tensor: sum, labels: x.labels.filter { kept.contains($0) })
  }

  private static func product(_ graph: GraphBuilder, _ x: Operand, _ y: Operand, _ kept: Set<Int>) throws(EngineError) -> Operand {
    let a = try summed(graph, x, keeping: kept.union(y.labels))
    let b = try summed(graph, y, keeping: kept.union(x.labels))
    let shared = a.labels.filter { b.labels.contains($0) }
    let batch = shared.filter { kept.contains($0) }
    let contracted = shared.filter { !kept.contains($0) }
    let rows = a.labels.filter { !shared.contains($0) }
    let columns = b.labels.filter { !shared.contains($0) }
    func ordered(_ operand: Operand, _ labels: [Int]) throws(EngineError) -> Tensor {
      try graph.transpose(operand.tensor, labels.compactMap { operand.labels.firstIndex(of: $0) })
    }
    if contracted.isEmpty {
      // Nothing to sum: every element with every one.
      var p = try ordered(a, batch + rows)
      var q = try ordered(b, batch + columns)
      let places = { (first: Int, count: Int) in AttributeValue.list(Array(first..<first + count)) }
      if !columns.isEmpty && !(batch + rows).isEmpty { p = try graph.add1(.unsqueeze, ["axis": places(batch.count + rows.count, columns.count)], [p]) }
      if !rows.isEmpty && !batch.isEmpty { q = try graph.add1(.unsqueeze, ["axis": places(batch.count, rows.count)], [q]) }
      return Operand(tensor: try graph.add1(.mulFusion, [:], [p, q]), labels: batch + rows + columns)
    }
    var sizes: [Int: Int] = [:]
    for operand in [a, b] {
      for (label, d) in zip(operand.labels, graph.dims(of: operand.tensor) ?? []) where d > 1 || sizes[label] == nil { sizes[label] = d }
    }
    let p = try grouped(graph, ordered(a, batch + rows + contracted), batch.count, [rows, contracted], sizes)
    let q = try grouped(graph, ordered(b, batch + contracted + columns), batch.count, [contracted, columns], sizes)
    let result = try graph.add1(.matMulFusion, ["transpose_a": false, "transpose_b": false], [p, q])
    return Operand(
      tensor: try ungrouped(graph, result, batch.count, [rows, columns], sizes), labels: batch + rows + columns)
  }

  /// The product of the labels' sizes; -1 when one is not known.
  private static func size(_ labels: [Int], _ sizes: [Int: Int]) -> Int {
    var n = 1
    for label in labels {
      guard let d = sizes[label], d >= 0, !n.multipliedReportingOverflow(by: d).overflow else { return -1 }
      n *= d
    }
    return n
  }

  /// Makes one axis of each group of axes behind the batch axes.
  private static func grouped(
    _ graph: GraphBuilder, _ x: Tensor, _ batch: Int, _ groups: [[Int]], _ sizes: [Int: Int]
  ) throws(EngineError) -> Tensor {
    if groups.allSatisfy({ $0.count == 1 }) { return x }
    if groups.allSatisfy({ $0.count <= 1 }) {
      return try graph.add1(.unsqueeze, ["axis": [Int64(batch + (groups[0].isEmpty ? 0 : 1))]], [x])
    }
    return try reshape(graph, x, batch, groups.map { size($0, sizes) })
  }

  /// The inverse of ``grouped(_:_:_:_:_:)``.
  private static func ungrouped(
    _ graph: GraphBuilder, _ x: Tensor, _ batch: Int, _ groups: [[Int]], _ sizes: [Int: Int]
  ) throws(EngineError) -> Tensor {
    if groups.allSatisfy({ $0.count == 1 }) { return x }
    if groups.allSatisfy({ $0.count <= 1 }) {
      let empty = groups.indices.filter { groups[$0].isEmpty }.map { $0 + batch }
      return try graph.add1(.squeeze, ["axis": .list(empty)], [x])
    }
    return try reshape(graph, x, batch, groups.flatMap { $0.map { size([$0], sizes) } })
  }

  /// Keeps the batch axes and gives the others these sizes, of which one may be unknown.
  private static func reshape(_ graph: GraphBuilder, _ x: Tensor, _ batch: Int, _ sizes: [Int]) throws(EngineError) -> Tensor {
    guard sizes.filter({ $0 < 0 }).count <= 1 else {
      throw EngineError(.inferError, "the sizes of several axes of \(x) are not known; give the model's input shapes (--inputShape)")
    }
    return try graph.reshape(x, [Int](repeating: 0, count: batch) + sizes)
  }
}

extension String {
  /// The pieces between occurrences of `separator`.
  fileprivate func components(_ separator: String) -> [String] {
    var pieces = [""]
    var rest = Substring(self)
    while !rest.isEmpty {
      if rest.hasPrefix(separator) {
        pieces.append("")
        rest.removeFirst(separator.count)
      } else if let c = rest.popFirst() {
        pieces[pieces.count - 1].append(c)
      }
    }
    return pieces
  }
}
