import ConverterCore
import Graph

/// Chooses for every node that does not care in which order its tensors' axes are, so that the transposes that remain move as few
/// elements as possible.
///
/// For one permutation p each tensor can exist as it is (order 0) or with its axes permuted by p (order 1). Nodes that know only
/// order 0 are tied to the source of a flow network; a Transpose by p wants its input in order 1, one by the inverse of p gives its
/// output in order 1 for free, and so both disappear where their neighbours agree. A tensor that is made in one order and read in
/// the other costs the elements that move. The cheapest assignment is a minimum cut, so it is never worse than what was there.
struct TransposeMinimiser {
  let editor: GraphEditor
  private var builder: GraphBuilder { editor.builder }

  /// Permutations that are tried. Models have a few.
  private static let candidateLimit = 24
  /// What another node costs, in elements.
  private static let nodeCost = 4096
  private static let reshapeCost = 512

  init(_ editor: GraphEditor) { self.editor = editor }

  /// Rewrites until no permutation that occurs in the graph helps any more.
  func run() throws(EngineError) {
    try simplify()
    var changed = true
    var rounds = 0
    while changed && rounds < 8 {
      changed = false
      rounds += 1
      for p in candidates() {
        guard try improve(p) else { continue }
        changed = true
        try simplify()
      }
    }
    try becomeReshapes()
    editor.removeUnused()
  }

  private func candidates() -> [Permutation] {
    var list = [Permutation]()
    for node in editor.nodes {
      guard let p = editor.permutation(of: node), !node.inputs[0].isConstant else { continue }
      for q in [p, p.inverse] where !list.contains(q) { list.append(q) }
      if list.count >= Self.candidateLimit { break }
    }
    return list
  }

  // MARK: one by one

  /// Merges transposes of transposes and of the same tensor, and removes those that move nothing.
  func simplify() throws(EngineError) {
    var known: [ObjectIdentifier: [(Permutation, Node)]] = [:]
    for node in editor.nodes where !editor.isRemoved(node) {
      guard var p = editor.permutation(of: node) else { continue }
      while let before = editor.producer(of: node.inputs[0]), let q = editor.permutation(of: before) {
        p = q.followed(by: p)
        editor.setInputs(node, [before.inputs[0], builder.constant("\(node.name)/order", ints: p.order)])
        editor.report.count(fusion: "TransposeFusion")
        editor.removeIfUnused(before)
      }
      let x = node.inputs[0], y = node.outputs[0]
      if p.isIdentity {
        if editor.replaceUses(of: y, with: x) { editor.remove(node) }
        continue
      }
      if let twin = known[ObjectIdentifier(x)]?.first(where: { $0.0 == p })?.1, editor.replaceUses(of: y, with: twin.outputs[0]) {
        editor.remove(node)
        continue
      }
      known[ObjectIdentifier(x), default: []].append((p, node))
    }
  }

  /// Transposes that move only axes of 1.
  private func becomeReshapes() throws(EngineError) {
    for node in editor.nodes {
      guard let p = editor.permutation(of: node), let d = editor.dims(of: node.inputs[0]), p.movesOnlyUnits(d),
        let target = editor.target(p.apply(d))
      else { continue }
      builder.scope = node.name
      editor.replace(node, .reshape, [:], [node.inputs[0], builder.constant(ints: target)])
    }
  }

  // MARK: all at once

  private func cost(_ tensor: Tensor, _ p: Permutation) -> Int {
    guard let d = editor.dims(of: tensor) else { return 0 }
    if p.movesOnlyUnits(d) && editor.target(d) != nil { return Self.reshapeCost }
    var elements = 1
    for (axis, n) in d.enumerated() {
      let (product, overflow) = elements.multipliedReportingOverflow(by: n >= 0 ? max(n, 1) : axis == 0 ? 1 : 64)
      elements = overflow || product > 1 << 40 ? 1 << 40 : product
    }
    return elements + Self.nodeCost
  }

  /// What a tensor is for the network: the vertex that decides the order in which it is made, and those that decide in which order
  /// it is read.
  private struct Ends {
    var maker = MinimumCut.source
    var readers: Set<Int> = []
  }

  private func improve(_ p: Permutation) throws(EngineError) -> Bool {
    let rules = LayoutRules(editor, p)
    let list = editor.nodes
    let inverse = p.inverse
    var network = MinimumCut()
    var choices: [(node: Node, rule: LayoutRule, vertex: Int)] = []
    var ends: [Int: Ends] = [:]
    func follows(_ t: Tensor) -> Bool { !t.isConstant && editor.dims(of: t)?.count == p.rank }

    // A Transpose by p, unless it is by the inverse as well and has no counterpart that it could cancel with.
    var isForward: Set<ObjectIdentifier> = [], isBackward: Set<ObjectIdentifier> = []
    for node in list {
      guard let q = editor.permutation(of: node), follows(node.inputs[0]) else { continue }
      if q == p { isForward.insert(ObjectIdentifier(node)) } else if q == inverse { isBackward.insert(ObjectIdentifier(node)) }
    }
    if p == inverse {
      // The first of two that undo each other gives order 1, the second wants it.
      var isBehind: [ObjectIdentifier: Bool] = [:]
      for node in list {
        let isAfter = node.inputs.contains { t in editor.producer(of: t).flatMap { isBehind[ObjectIdentifier($0)] } ?? false }
        if isForward.contains(ObjectIdentifier(node)) {
          if !isAfter {
            isForward.remove(ObjectIdentifier(node))
            isBackward.insert(ObjectIdentifier(node))
          }
          isBehind[ObjectIdentifier(node)] = !isAfter
        } else {
          isBehind[ObjectIdentifier(node)] = isAfter
        }
      }
    }

    for node in list {
      if isForward.contains(ObjectIdentifier(node)) {
        ends[node.inputs[0].index, default: Ends()].readers.insert(MinimumCut.sink)
        continue
      }
      if isBackward.contains(ObjectIdentifier(node)) {
        ends[node.inputs[0].index, default: Ends()].readers.insert(MinimumCut.source)
        ends[node.outputs[0].index, default: Ends()].maker = MinimumCut.sink
        continue
      }
      var decided: [Int: Int] = [:]
      // A file may state a shape of another rank than the operator gives; the shape rules will say so.
      func fits(_ t: Tensor) -> Bool { t.isConstant || (editor.dims(of: t).map { $0.count == p.rank } ?? true) }
      for rule in rules.rules(node) where rule.inputs.allSatisfy({ fits(node.inputs[$0]) }) && rule.outputs.allSatisfy({ fits(node.outputs[$0]) }) {
        let vertex = network.addVertex()
        choices.append((node, rule, vertex))
        for i in rule.inputs { decided[i] = vertex }
        for i in rule.outputs { ends[node.outputs[i].index, default: Ends()].maker = vertex }
      }
      for (i, t) in node.inputs.enumerated() where follows(t) {
        ends[t.index, default: Ends()].readers.insert(decided[i] ?? MinimumCut.source)
      }
    }
    for t in editor.graph.outputs where follows(t) { ends[t.index, default: Ends()].readers.insert(MinimumCut.source) }

    for (index, e) in ends.sorted(by: { $0.key < $1.key }) {
      let weight = cost(editor.graph.tensors[index], p)
      // Made in order 0 and read in order 1, however often; and the other way round.
      if e.readers.count == 1, let reader = e.readers.first {
        network.addEdge(e.maker, reader, weight)
        network.addEdge(reader, e.maker, weight)
        continue
      }
      if e.readers.isEmpty { continue }
      let permuted = network.addVertex(), restored = network.addVertex()
      network.addEdge(e.maker, permuted, weight)
      network.addEdge(restored, e.maker, weight)
      for reader in e.readers {
        network.addEdge(permuted, reader, MinimumCut.unlimited)
        network.addEdge(reader, restored, MinimumCut.unlimited)
      }
    }

    func total(_ side: [Bool]) -> Int {
      var sum = 0
      for (index, e) in ends where e.readers.contains(where: { side[$0] != side[e.maker] }) { sum += cost(editor.graph.tensors[index], p) }
      return sum
    }
    let side = network.solve()
    var before = [Bool](repeating: false, count: side.count)
    before[MinimumCut.sink] = true
    if total(side) >= total(before) { return false }
    try apply(p, choices.filter { side[$0.vertex] }.map { ($0.node, $0.rule) }, isForward, isBackward)
    return true
  }

  private func apply(
    _ p: Permutation, _ chosen: [(node: Node, rule: LayoutRule)], _ isForward: Set<ObjectIdentifier>, _ isBackward: Set<ObjectIdentifier>
  ) throws(EngineError) {
    let transposes = editor.nodes.filter { isForward.contains(ObjectIdentifier($0)) || isBackward.contains(ObjectIdentifier($0)) }
    // The tensors in order 1, by the index of what they are in order 0.
    var permuted: [Int: Tensor] = [:]
    for node in transposes where isBackward.contains(ObjectIdentifier(node)) { permuted[node.outputs[0].index] = node.inputs[0] }
    for (node, rule) in chosen {
      for i in rule.outputs {
        let t = node.outputs[i]
        let other = builder.variable(permuting: t, p.order, name: "\(t.name)_\(p.order == [0, 2, 3, 1] ? "nhwc" : "permuted")")
        permuted[t.index] = other
      }
    }
    for (_, rule) in chosen { try rule.apply() }
    // What was made in order 0 is now made in order 1, and put back where somebody still reads it.
    for (node, rule) in chosen {
      for i in rule.outputs {
        let t = node.outputs[i]
        guard let other = permuted[t.index] else { continue }
        editor.setOutput(node, i, other)
        add(p.inverse, other, making: t)
      }
    }
    // Readers that want order 1.
    for (node, rule) in chosen {
      for i in rule.inputs {
        let t = node.inputs[i]
        if permuted[t.index] == nil {
          let other = builder.variable(permuting: t, p.order, name: "\(t.name)_\(p.order == [0, 2, 3, 1] ? "nhwc" : "permuted")")
          add(p, t, making: other)
          permuted[t.index] = other
        }
        if let other = permuted[t.index] { editor.setInput(node, i, other) }
      }
    }
    for node in transposes where isForward.contains(ObjectIdentifier(node)) {
      guard let known = permuted[node.inputs[0].index], known !== node.outputs[0] else { continue }
      if editor.replaceUses(of: node.outputs[0], with: known) { editor.remove(node) }
    }
    editor.removeUnused()
    try editor.commit()
  }

  private func add(_ p: Permutation, _ x: Tensor, making y: Tensor) {
    let order = builder.constant("\(y.name)/order", ints: p.order)
    editor.add(.transpose, [:], [x, order], making: y)
  }
}
