import ConverterCore
import Graph

/// Einsum: products of tensors summed over named axes.
///
/// Operands are taken in two at a time, each pair as one matrix product: labels of both that live on are batches, labels of both that
/// do not are summed, the others are rows and columns.
struct Einsum {
  static let table: [String: ONNXOperator] = ["Einsum": run]

  private let f: Formula
  private let graph: GraphBuilder
  init(_ graph: GraphBuilder) {
    self.graph = graph
    f = Formula(graph)
  }

  /// A tensor whose axes have labels, all of them different.
  private struct Term {
    var tensor: Tensor
    var labels: [Character]
  }

  static func run(_ node: ONNXNode) throws(EngineError) -> [Tensor] {
    guard let equation = try node.optionalString("equation") else { throw EngineError(.formatError, "attribute \"equation\" is missing") }
    return [try Einsum(node.graph).evaluate(equation, node.allInputs())]
  }

  func evaluate(_ equation: String, _ operands: [Tensor]) throws(EngineError) -> Tensor {
    let text = equation.filter { $0 != " " }
    func wrong(_ what: String) -> EngineError { EngineError(.formatError, Message(text: "equation \"\(equation)\": \(what)")) }
    let sides = text.split(separator: ">", maxSplits: 1, omittingEmptySubsequences: false)
    var left = String(sides[0])
    if sides.count == 2 {
      guard left.hasSuffix("-") else { throw wrong("\">\" stands alone") }
      left.removeLast()
    }
    let names = left.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard names.count == operands.count, !operands.isEmpty else { throw wrong("it names \(names.count) operands; there are \(operands.count)") }
    // The axes of an ellipsis get digits, counted from the last one, which labels cannot be.
    var ellipsis = 0
    var terms = [Term]()
    for (name, operand) in zip(names, operands) {
      let rank = try graph.rank(of: operand)
      let dots = try expanded(name, rank: rank, wrong)
      ellipsis = max(ellipsis, dots.filter(\.isNumber).count)
      terms.append(try diagonal(operand, dots, wrong))
    }
    guard ellipsis <= 8 else { throw wrong("the ellipsis has \(ellipsis) axes") }
    let covered = digits(ellipsis)
    var result: [Character]
    if sides.count == 2 {
      result = Array(String(sides[1]).replacing("...", with: String(covered)))
    } else {
      let all = names.joined().filter(\.isLetter)
      result = covered + Set(all).filter { label in all.filter { $0 == label }.count == 1 }.sorted()
    }
    guard Set(result).count == result.count else { throw wrong("a label of the result stands twice") }
    for label in result where !terms.contains(where: { $0.labels.contains(label) }) {
      throw wrong("label \"\(label)\" of the result stands in no operand")
    }
    while terms.count > 1 {
      let (a, b) = (terms.removeFirst(), terms.removeFirst())
      let needed = Set(result + terms.flatMap(\.labels))
      terms.insert(try product(a, b, needed), at: 0)
    }
    let last = try summed(terms[0], Set(result))
    var order = [Int]()
    for label in result { if let place = last.labels.firstIndex(of: label) { order.append(place) } }
    return try graph.transpose(last.tensor, order)
  }

  private func digits(_ n: Int) -> [Character] { (0..<n).reversed().map { Character(String($0)) } }

  /// A term's labels with the ellipsis spelled out.
  private func expanded(_ name: String, rank: Int, _ wrong: (String) -> EngineError) throws(EngineError) -> [Character] {
    let letters = name.filter(\.isLetter).count
    let hasDots = name.contains("...")
    guard name.allSatisfy({ $0.isLetter || $0 == "." }), name.filter({ $0 == "." }).count == (hasDots ? 3 : 0),
      hasDots ? letters <= rank && rank - letters <= 8 : letters == rank
    else { throw wrong("\"\(name)\" does not fit an operand of rank \(rank)") }
    return Array(name.replacing("...", with: String(digits(rank - letters))))
  }

  /// Takes the diagonal of axes with the same label.
  private func diagonal(_ x: Tensor, _ labels: [Character], _ wrong: (String) -> EngineError) throws(EngineError) -> Term {
    var term = Term(tensor: x, labels: labels)
    while let first = term.labels.indices.first(where: { i in term.labels[..<i].contains(term.labels[i]) }) {
      guard let other = term.labels.firstIndex(of: term.labels[first]) else { break }
      let dims = try graph.knownDims(of: term.tensor)
      guard dims[first] == dims[other] else { throw wrong("label \"\(term.labels[first])\" stands for \(dims[other]) and \(dims[first])") }
      // Both axes to the front and into one, of which every (n + 1)-th entry is taken.
      let rest = (0..<dims.count).filter { $0 != first && $0 != other }
      let n = dims[first]
      guard n <= 1 << 20 else { throw wrong("the diagonal of label \"\(term.labels[first])\" has \(n) entries, which are too many") }
      let front = try graph.transpose(term.tensor, [other, first] + rest)
      let flat = try graph.reshape(front, [n * n] + rest.map { dims[$0] })
      let label = term.labels[first]
      let picked = try f.gather(flat, f.list((0..<n).map { $0 * (n + 1) }), axis: 0)
      term = Term(tensor: picked, labels: [label] + rest.map { term.labels[$0] })
    }
    return term
  }

  /// Sums over the axes whose labels nobody needs.
  private func summed(_ term: Term, _ needed: Set<Character>) throws(EngineError) -> Term {
    let axes = term.labels.indices.filter { !needed.contains(term.labels[$0]) }
    if axes.isEmpty { return term }
    return Term(tensor: try f.reduce(term.tensor, ReduceNumber.sum, Array(axes), keep: false), labels: term.labels.filter(needed.contains))
  }

  private func product(_ left: Term, _ right: Term, _ needed: Set<Character>) throws(EngineError) -> Term {
    // What only one of them has, and nobody needs, is summed first.
    let a = try summed(left, needed.union(right.labels)), b = try summed(right, needed.union(left.labels))
    let common = a.labels.filter(b.labels.contains)
    let batch = common.filter(needed.contains), inner = common.filter { !needed.contains($0) }
    let rows = a.labels.filter { !common.contains($0) }, columns = b.labels.filter { !common.contains($0) }
    if inner.isEmpty { return try elementwise(a, b) }
    // A summed axis that is 1 on one side only broadcasts, which matrix products do not do.
    if let da = graph.dims(of: a.tensor), let db = graph.dims(of: b.tensor) {
      for label in inner {
        let (x, y) = (dim(a, da, label), dim(b, db, label))
        if x != y && (x == 1 || y == 1) { return try summed(elementwise(a, b), needed) }
      }
    }
    let x = try grouped(a, [batch, rows, inner]), y = try grouped(b, [batch, inner, columns])
    let z = try f.matmul(x.tensor, y.tensor)
    // Back to one axis for each label.
    let labels = batch + rows + columns
    var tensor = z
    if rows.count == 1 && columns.count == 1 { return Term(tensor: tensor, labels: labels) }
    var drop = [Int]()
    if rows.isEmpty { drop.append(batch.count) }
    if columns.isEmpty { drop.append(batch.count + 1) }
    if rows.count <= 1 && columns.count <= 1 { return Term(tensor: try f.squeeze(tensor, drop), labels: labels) }
    var dims = batch.indices.map { _ in 0 }
    for label in rows { dims.append(dim(a, graph.dims(of: a.tensor) ?? [], label)) }
    for label in columns { dims.append(dim(b, graph.dims(of: b.tensor) ?? [], label)) }
    guard dims.filter({ $0 < 0 }).count <= 1 else { throw unknownSizes(labels) }
    tensor = try graph.reshape(tensor, dims)
    return Term(tensor: tensor, labels: labels)
  }

  private func dim(_ term: Term, _ dims: [Int], _ label: Character) -> Int {
    guard let i = term.labels.firstIndex(of: label), i < dims.count else { return -1 }
    return dims[i]
  }

  private func unknownSizes(_ labels: [Character]) -> EngineError {
    EngineError(.inferError, Message(text: "the sizes of the axes \(String(labels)) are needed; give the model's input shapes (--inputShape)"))
  }

  /// The axes in the order of the groups: one axis for each label of the first group, one axis for the whole of each other.
  private func grouped(_ term: Term, _ groups: [[Character]]) throws(EngineError) -> Term {
    let labels = groups.flatMap { $0 }
    let dims = graph.dims(of: term.tensor) ?? []
    var tensor = try graph.transpose(term.tensor, labels.map { label in term.labels.firstIndex(of: label) ?? 0 })
    if groups[1].count == 1 && groups[2].count == 1 { return Term(tensor: tensor, labels: labels) }
    if groups[1].count <= 1 && groups[2].count <= 1 {
      if groups[1].isEmpty { tensor = try f.unsqueeze(tensor, [groups[0].count]) }
      if groups[2].isEmpty { tensor = try f.unsqueeze(tensor, [groups[0].count + 1]) }
      return Term(tensor: tensor, labels: labels)
    }
    var shape = groups[0].map { _ in 0 }
    for group in groups[1...] {
      let sizes = group.map { dim(term, dims, $0) }
      shape.append(sizes.contains { $0 < 0 } ? -1 : sizes.reduce(1, *))
    }
    guard shape.filter({ $0 < 0 }).count <= 1 else { throw unknownSizes(labels) }
    return Term(tensor: try graph.reshape(tensor, shape), labels: labels)
  }

  /// Nothing is summed: a product with broadcasting.
  private func elementwise(_ a: Term, _ b: Term) throws(EngineError) -> Term {
    let labels = a.labels + b.labels.filter { !a.labels.contains($0) }
    return Term(tensor: try f.mul(aligned(a, labels), aligned(b, labels)), labels: labels)
  }

  private func aligned(_ term: Term, _ labels: [Character]) throws(EngineError) -> Tensor {
    let own = labels.filter(term.labels.contains)
    let ordered = try graph.transpose(term.tensor, own.map { label in term.labels.firstIndex(of: label) ?? 0 })
    return try f.unsqueeze(ordered, labels.indices.filter { !own.contains(labels[$0]) })
  }
}
