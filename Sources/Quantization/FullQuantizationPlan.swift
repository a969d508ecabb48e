import Graph

/// Which nodes of a graph compute on 8-bit values, and which of its tensors must share their parameters.
struct FullQuantizationPlan {
  let graph: Graph
  /// By node; nil: float32.
  private(set) var operators: [QuantizedOperator?]
  /// Which node makes a tensor, and which nodes read it.
  private var producer: [ObjectIdentifier: Int] = [:]
  private var readers: [ObjectIdentifier: [Int]] = [:]

  init(_ graph: Graph, skipping skipped: Set<String>) {
    self.graph = graph
    operators = graph.nodes.map { skipped.contains($0.name) ? nil : QuantizedOperator.make($0) }
    for (i, node) in graph.nodes.enumerated() {
      for t in node.outputs { producer[ObjectIdentifier(t)] = i }
      for t in node.inputs { readers[ObjectIdentifier(t), default: []].append(i) }
    }
    spread()
    trim()
  }

  var isEmpty: Bool { operators.allSatisfy { $0 == nil } }

  /// A tensor holds 8-bit values from its birth on.
  func isQuantized(_ tensor: Tensor) -> Bool {
    if let p = producer[ObjectIdentifier(tensor)] { return operators[p] != nil }
    // An input of the graph whose readers all want it so.
    guard !tensor.isConstant, tensor.type == .float32, graph.inputs.contains(where: { $0 === tensor }), let all = readers[ObjectIdentifier(tensor)]
    else { return false }
    return !graph.outputs.contains { $0 === tensor } && all.allSatisfy { reads($0, tensor) }
  }

  /// Node `index` takes the tensor as 8-bit values.
  func reads(_ index: Int, _ tensor: Tensor) -> Bool {
    guard let operation = operators[index] else { return false }
    let inputs = graph.nodes[index].inputs
    return operation.data.contains { inputs[$0] === tensor }
  }

  /// Products are quantised, and what follows them as long as all that it reads is quantised; then what only moves values on their way to
  /// quantised nodes.
  private mutating func spread() {
    let candidates = operators
    for (i, node) in graph.nodes.enumerated() {
      guard let operation = candidates[i], operation.role != .product else { continue }
      let fits = operation.data.allSatisfy { k in
        let t = node.inputs[k]
        return t.isConstant || producer[ObjectIdentifier(t)].map { operators[$0] != nil } == true
      }
      if !fits { operators[i] = nil }
    }
    for (i, node) in graph.nodes.enumerated().reversed() where operators[i] == nil {
      guard let operation = candidates[i], operation.role == .move, operation.data.count == 1 else { continue }
      let all = node.outputs.flatMap { readers[ObjectIdentifier($0)] ?? [] }
      let isOutput = node.outputs.contains { t in graph.outputs.contains { $0 === t } }
      if !all.isEmpty && !isOutput && node.outputs.allSatisfy({ t in (readers[ObjectIdentifier(t)] ?? []).allSatisfy { reads($0, t) } }) {
        operators[i] = operation
      }
    }
  }

  /// The last steps before float32 results gain precision and lose no time in float32, unless they shrink their input much or enlarge it.
  private mutating func trim() {
    for (i, node) in graph.nodes.enumerated().reversed() {
      guard let operation = operators[i], operation.role != .product else { continue }
      let isLast = node.outputs.allSatisfy { t in (readers[ObjectIdentifier(t)] ?? []).allSatisfy { operators[$0] == nil } }
      if !isLast { continue }
      let from = operation.data.reduce(0) { $0 + max(1, size(node.inputs[$1])) }
      let to = node.outputs.reduce(0) { $0 + max(1, size($1)) }
      if to <= from && from <= 2 * to { operators[i] = nil }
    }
  }

  /// Elements; open dimensions count as one.
  private func size(_ tensor: Tensor) -> Int { tensor.shape.dims.reduce(1) { $0 * max(1, $1) } }

  /// The variables that are 8-bit values somewhere.
  var tensors: [Tensor] {
    var seen: Set<ObjectIdentifier> = []
    var list = [Tensor]()
    for (i, node) in graph.nodes.enumerated() {
      guard let operation = operators[i] else { continue }
      for t in operation.data.map({ node.inputs[$0] }) + node.outputs where !t.isConstant && seen.insert(ObjectIdentifier(t)).inserted {
        list.append(t)
      }
    }
    return list
  }

  /// One range for each tensor: `ranges` widened so that nodes which move values need not convert them.
  func shared(_ ranges: [ObjectIdentifier: QuantizedRange]) -> [ObjectIdentifier: QuantizedRange] {
    var groups = TensorGroups(tensors, ranges)
    for (i, node) in graph.nodes.enumerated() {
      guard let operation = operators[i] else { continue }
      if let fixed = operation.fixedRange { groups.set(node.outputs[0], fixed) }
      guard operation.role == .move, !QuantizedOperator.hasActivation(node) else { continue }
      let joins = operation.data.count > 1
      for t in operation.data.map({ node.inputs[$0] }) where !t.isConstant {
        for y in node.outputs {
          // Joined tensors of very different ranges are converted: the finer one would lose too much.
          if joins && groups.ratio(t, y) > 3 { continue }
          groups.unite(t, y)
        }
      }
    }
    return groups.ranges
  }
}

/// Sets of tensors that share a range.
private struct TensorGroups {
  private var parent: [ObjectIdentifier: ObjectIdentifier] = [:]
  private var known: [ObjectIdentifier: QuantizedRange]
  private let tensors: [Tensor]

  init(_ tensors: [Tensor], _ ranges: [ObjectIdentifier: QuantizedRange]) {
    self.tensors = tensors
    known = ranges
  }

  private func root(_ id: ObjectIdentifier) -> ObjectIdentifier {
    var at = id
    while let next = parent[at] { at = next }
    return at
  }

  mutating func set(_ tensor: Tensor, _ range: QuantizedRange) { known[root(ObjectIdentifier(tensor))] = range }

  func ratio(_ a: Tensor, _ b: Tensor) -> Float {
    guard let x = known[root(ObjectIdentifier(a))], let y = known[root(ObjectIdentifier(b))] else { return 1 }
    let p = max(x.maximum, 0) - min(x.minimum, 0), q = max(y.maximum, 0) - min(y.minimum, 0)
    return p > 0 && q > 0 ? max(p / q, q / p) : 1
  }

  mutating func unite(_ a: Tensor, _ b: Tensor) {
    let x = root(ObjectIdentifier(a)), y = root(ObjectIdentifier(b))
    if x == y { return }
    parent[y] = x
    if let p = known[x], let q = known[y] { known[x] = p.union(q) } else { known[x] = known[x] ?? known[y] }
  }

  var ranges: [ObjectIdentifier: QuantizedRange] {
    var out: [ObjectIdentifier: QuantizedRange] = [:]
    for t in tensors { out[ObjectIdentifier(t)] = known[root(ObjectIdentifier(t))] }
    return out
  }
}
