import ConverterCore
import Graph

/// How a node can work on tensors whose axes are in another order.
///
/// `apply` rewrites the node's attributes and constants; the tensors themselves are exchanged by the caller.
struct LayoutRule {
  /// Inputs that are then wanted in the other order.
  var inputs: [Int]
  /// Outputs that then come in the other order.
  var outputs: [Int]
  var apply: () throws(EngineError) -> Void

  init(_ inputs: [Int], _ outputs: [Int], _ apply: @escaping () throws(EngineError) -> Void = {}) {
    self.inputs = inputs
    self.outputs = outputs
    self.apply = apply
  }
}

/// The rules of one permutation.
struct LayoutRules {
  let editor: GraphEditor
  let p: Permutation
  private var builder: GraphBuilder { editor.builder }

  init(_ editor: GraphEditor, _ p: Permutation) {
    self.editor = editor
    self.p = p
  }

  /// The rules of a node, independent of each other; none: it needs its tensors as they are.
  func rules(_ node: Node) -> [LayoutRule] {
    for t in node.inputs + node.outputs where t.quantParams.count > 1 && !t.isConstant { return [] }
    if let rule = elementwise(node) ?? alongAxis(node) ?? boxes(node) { return [rule] }
    return views(node)
  }

  /// The dimensions of a tensor of the permutation's rank.
  private func dims(_ tensor: Tensor) -> [Int]? {
    guard let d = editor.dims(of: tensor), d.count == p.rank else { return nil }
    return d
  }

  private func integers(_ node: Node, _ i: Int) -> [Int]? {
    guard i < node.inputs.count, node.inputs[i].isConstant else { return nil }
    return node.inputs[i].knownIntegers(limit: 64)
  }

  private func setIntegers(_ node: Node, _ i: Int, _ values: [Int], dims: [Int]? = nil) {
    builder.scope = node.name
    editor.setInput(node, i, builder.constant(ints: values, dims: dims))
  }

  // MARK: element by element

  /// How many of its first inputs an elementwise operator broadcasts against each other; nil for other operators.
  private static func operands(_ node: Node) -> Int? {
    switch node.kind {
    case .abs, .activation, .cast, .ceil, .clip, .cos, .depend, .dropout, .elu, .erf, .expFusion, .fakeQuantWithMinMaxVars, .floor,
      .isFinite, .leakyRelu, .log, .log1p, .logicalNot, .neg, .onesLike, .quantDTypeCast, .reciprocal, .round, .rsqrt, .sin, .sqrt,
      .square, .zerosLike:
      return 1
    case .pReLUFusion: return node.inputs.count == 2 && node.inputs[1].isConstant && node.inputs[1].count == 1 ? 1 : nil
    case .addFusion, .subFusion, .mulFusion, .divFusion, .realDiv, .maximum, .minimum, .eltwise, .squaredDifference, .floorDiv, .floorMod,
      .mod, .powFusion, .equal, .notEqual, .greater, .greaterEqual, .less, .lessEqual, .logicalAnd, .logicalOr:
      return 2
    case .select: return 3
    case .where: return node.inputs.count == 3 ? 3 : nil
    case .addN: return node.inputs.count
    default: return nil
    }
  }

  private func elementwise(_ node: Node) -> LayoutRule? {
    guard let operands = Self.operands(node), node.inputs.count >= min(operands, 1), node.outputs.count == 1, dims(node.outputs[0]) != nil
    else { return nil }
    if node.kind == .depend && node.inputs.count > 1 { return nil }
    if node.kind == .quantDTypeCast && node.attributes.int(2, 0) != 0 && node.inputs[0].quantParams.count > 1 { return nil }
    var followers = [Int](), constants = [Int]()
    for (i, t) in node.inputs.prefix(operands).enumerated() {
      guard let d = editor.dims(of: t) else { return nil }
      if t.isConstant {
        if d.count > p.rank || t.quantParams.count > 1 { return nil }
        if t.count != 1 { constants.append(i) }
      } else if d.count == p.rank {
        followers.append(i)
      } else if d.contains(where: { $0 != 1 }) {
        return nil
      }
    }
    if followers.isEmpty { return nil }
    return LayoutRule(followers, [0]) { () throws(EngineError) in
      for i in constants { try relay(node, i) }
    }
  }

  /// Gives a constant operand of at most the permutation's rank its axes in the new order.
  private func relay(_ node: Node, _ i: Int) throws(EngineError) {
    let t = node.inputs[i]
    let dims = [Int](repeating: 1, count: p.rank - t.shape.rank) + t.shape.dims
    let full = dims.count == t.shape.rank ? t : editor.constant(t, dims: dims)
    editor.setInput(node, i, try editor.permuted(full, p))
  }

  // MARK: along one axis

  private func alongAxis(_ node: Node) -> LayoutRule? {
    guard let x = node.inputs.first, let d = node.kind == .concat ? dims(node.outputs[0]) : dims(x) else { return nil }
    func number(_ name: String, outputs: [Int]) -> LayoutRule? {
      let id = Attributes.id(node.kind, name)
      guard let a = p.place(of: node.attributes.int(id)) else { return nil }
      return LayoutRule([0], outputs) { () throws(EngineError) in node.attributes[id] = .number(a) }
    }
    switch node.kind {
    case .concat:
      let id = Attributes.id(.concat, "axis")
      guard let a = p.place(of: node.attributes.int(id)), node.inputs.allSatisfy({ dims($0) != nil }) else { return nil }
      let constants = node.inputs.indices.filter { node.inputs[$0].isConstant }
      return LayoutRule(node.inputs.indices.filter { !node.inputs[$0].isConstant }, [0]) { () throws(EngineError) in
        node.attributes[id] = .number(a)
        for i in constants { try relay(node, i) }
      }
    case .split: return number("axis", outputs: Array(node.outputs.indices))
    case .logSoftmax: return number("axis", outputs: [0])
    case .softmax, .reverseV2, .l2NormalizeFusion:
      let id = Attributes.id(node.kind, "axis")
      let axes = node.attributes.ints(id)
      let placed = axes.compactMap { p.place(of: $0) }
      // Softmax without an axis takes the last one.
      guard placed.count == axes.count, !axes.isEmpty else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in node.attributes[id] = .list(placed) }
    case .scaleFusion:
      guard node.inputs.dropFirst().allSatisfy({ $0.shape.rank == 1 && $0.isConstant }) else { return nil }
      return number("axis", outputs: [0])
    case .topKFusion: return number("axis", outputs: [0, 1])
    case .argMaxFusion, .argMinFusion:
      if node.attributes.bool(2) { return number("axis", outputs: Array(node.outputs.indices)) }
      let axis = node.attributes.int(0)
      guard node.attributes.int(1, 1) <= 1, p.keepsOrder(without: [axis < 0 ? axis + p.rank : axis]) else { return nil }
      return number("axis", outputs: [])
    case .cumSum:
      guard let axes = integers(node, 1), axes.count == 1, let a = p.place(of: axes[0]) else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in setIntegers(node, 1, [a], dims: node.inputs[1].shape.dims) }
    case .gather:
      guard node.inputs.count == 3, let axes = integers(node, 2), axes.count == 1, let a = p.place(of: axes[0]),
        let indices = editor.dims(of: node.inputs[1]), !x.isConstant, x.quantParams.isEmpty
      else { return nil }
      let axis = axes[0] < 0 ? axes[0] + p.rank : axes[0]
      if indices.count > 1 || indices.isEmpty && !p.keepsOrder(without: [axis]) { return nil }
      return LayoutRule([0], indices.isEmpty ? [] : [0]) { () throws(EngineError) in
        setIntegers(node, 2, [a], dims: node.inputs[2].shape.dims)
      }
    case .reduceFusion, .all: return reduction(node, d)
    case .layerNormFusion:
      // Trailing axes that stay where they are.
      let axis = node.attributes.int(0), parameters = node.inputs.count == 3 ? node.attributes.int(3) : axis
      let first = min(axis < 0 ? axis + p.rank : axis, parameters < 0 ? parameters + p.rank : parameters)
      guard first >= 0, first < p.rank, Array(p.order[first...]) == Array(first..<p.rank), node.outputs.count == 1 else { return nil }
      return LayoutRule([0], [0])
    default: return nil
    }
  }

  private func reduction(_ node: Node, _ d: [Int]) -> LayoutRule? {
    if node.kind == .reduceFusion, node.attributes.bool(2) { return nil }
    var axes = Array(0..<p.rank)
    if node.inputs.count == 2 {
      guard let given = integers(node, 1) else { return nil }
      if !given.isEmpty { axes = given.map { $0 < 0 ? $0 + p.rank : $0 } }
    }
    let placed = axes.compactMap { p.place(of: $0) }.sorted()
    guard placed.count == axes.count else { return nil }
    let keeps = node.attributes.bool(0)
    if !keeps && !p.keepsOrder(without: Set(axes)) { return nil }
    return LayoutRule([0], keeps ? [0] : []) { () throws(EngineError) in
      if node.inputs.count == 2 && !(integers(node, 1)?.isEmpty ?? true) { setIntegers(node, 1, placed) }
    }
  }

  // MARK: boxes

  private func boxes(_ node: Node) -> LayoutRule? {
    guard let x = node.inputs.first, dims(x) != nil, !x.isConstant else { return nil }
    switch node.kind {
    case .padFusion:
      if node.inputs.count > 1 {
        guard let list = integers(node, 1), list.count == 2 * p.rank else { return nil }
        let rows = p.apply((0..<p.rank).map { [list[2 * $0], list[2 * $0 + 1]] })
        return LayoutRule([0], [0]) { () throws(EngineError) in setIntegers(node, 1, rows.flatMap { $0 }, dims: node.inputs[1].shape.dims) }
      }
      let rows = node.attributes.ints2D(0)
      guard rows.count == p.rank else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in node.attributes[0] = .rows(p.apply(rows)) }
    case .sliceFusion:
      guard node.inputs.count == 3 else { return nil }
      var axes = node.attributes.ints(0)
      if axes.isEmpty {
        guard let n = editor.dims(of: node.inputs[1]), n.count == 1, n[0] > 0, n[0] <= p.rank else { return nil }
        axes = Array(0..<n[0])
      }
      let placed = axes.compactMap { p.place(of: $0) }
      guard placed.count == axes.count else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in node.attributes[0] = .list(placed) }
    case .stridedSlice: return stridedSlice(node)
    case .tileFusion:
      guard node.inputs.count == 2, node.attributes.ints(0).isEmpty, let times = integers(node, 1), times.count == p.rank else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in setIntegers(node, 1, p.apply(times)) }
    case .broadcastTo:
      if node.inputs.count > 1 {
        guard let shape = integers(node, 1), shape.count == p.rank else { return nil }
        return LayoutRule([0], [0]) { () throws(EngineError) in setIntegers(node, 1, p.apply(shape)) }
      }
      let shape = node.attributes.ints(0)
      guard shape.count == p.rank else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in node.attributes[0] = .list(p.apply(shape)) }
    default: return nil
    }
  }

  private func stridedSlice(_ node: Node) -> LayoutRule? {
    if (2...4).contains(where: { node.attributes.int($0) != 0 }) { return nil }
    if node.inputs.count == 5 {
      guard node.attributes.int(0) == 0, node.attributes.int(1) == 0, let axes = integers(node, 3) else { return nil }
      let placed = axes.compactMap { p.place(of: $0) }
      guard placed.count == axes.count else { return nil }
      return LayoutRule([0], [0]) { () throws(EngineError) in setIntegers(node, 3, placed) }
    }
    guard node.inputs.count == 4, var begin = integers(node, 1), var end = integers(node, 2), var step = integers(node, 3),
      begin.count == end.count, end.count == step.count, begin.count <= p.rank
    else { return nil }
    var fromStart = (0..<begin.count).map { node.attributes.int(0) >> $0 & 1 }
    var toEnd = (0..<begin.count).map { node.attributes.int(1) >> $0 & 1 }
    while begin.count < p.rank {
      begin.append(0)
      end.append(0)
      step.append(1)
      fromStart.append(1)
      toEnd.append(1)
    }
    func mask(_ bits: [Int]) -> AttributeValue { .number(p.apply(bits).enumerated().reduce(0) { $0 | $1.element << $1.offset }) }
    return LayoutRule([0], [0]) { [begin, end, step, fromStart, toEnd] () throws(EngineError) in
      setIntegers(node, 1, p.apply(begin))
      setIntegers(node, 2, p.apply(end))
      setIntegers(node, 3, p.apply(step))
      node.attributes[0] = mask(fromStart)
      node.attributes[1] = mask(toEnd)
    }
  }

  // MARK: views

  /// Operators that keep the bytes and change the shape: where the permutation moves only axes of 1, they take or give the other
  /// order as Reshape. Before a product with constant weights the weights can take the order over.
  private func views(_ node: Node) -> [LayoutRule] {
    switch node.kind {
    case .reshape, .squeeze, .unsqueeze, .expandDims, .flatten: break
    case .shape: return shapeOf(node)
    case .transpose: return otherTranspose(node)
    default: return []
    }
    var rules = [LayoutRule]()
    let x = node.inputs[0], y = node.outputs[0]
    if x.isConstant { return [] }
    if let d = dims(x) {
      if p.movesOnlyUnits(d), let out = editor.dims(of: y), let target = editor.target(out) {
        rules.append(
          LayoutRule([0], []) { () throws(EngineError) in
            // When the output's layout has changed too, the node is a Reshape to that already.
            if node.kind == .reshape, let shape = integers(node, 1), !shape.contains(0) { return }
            reshape(node, target)
          })
      } else if let rule = beforeProduct(node, d) {
        rules.append(rule)
      }
    }
    if let d = dims(y), p.movesOnlyUnits(d), let target = editor.target(p.apply(d)) {
      rules.insert(LayoutRule([], [0]) { () throws(EngineError) in reshape(node, target) }, at: 0)
    }
    return rules
  }

  private func reshape(_ node: Node, _ dims: [Int]) {
    builder.scope = node.name
    editor.replace(node, .reshape, [:], [node.inputs[0], builder.constant(ints: dims)])
  }

  /// A Transpose by another permutation takes and gives either order.
  private func otherTranspose(_ node: Node) -> [LayoutRule] {
    guard let q = editor.permutation(of: node), q.rank == p.rank, !node.inputs[0].isConstant else { return [] }
    func change(_ compose: (Permutation) -> Permutation) {
      if let now = integers(node, 1) { setIntegers(node, 1, compose(Permutation(now)).order) }
    }
    return [
      LayoutRule([], [0]) { () throws(EngineError) in change { $0.followed(by: p) } },
      LayoutRule([0], []) { () throws(EngineError) in change { p.inverse.followed(by: $0) } },
    ]
  }

  /// The dimensions of a tensor in the other order, put back by a Gather.
  private func shapeOf(_ node: Node) -> [LayoutRule] {
    guard dims(node.inputs[0]) != nil, node.inputs.count == 1, !node.inputs[0].isConstant else { return [] }
    return [
      LayoutRule([0], []) { () throws(EngineError) in
        let y = node.outputs[0]
        let shape = builder.variable(permuting: y, [0], name: y.name + "_permuted")
        editor.setOutput(node, 0, shape)
        builder.scope = node.name
        let order = builder.constant(ints: p.inverse.order)
        editor.add(.gather, [:], [shape, order, builder.constant(ints: [0], dims: [])], making: y)
      }
    ]
  }

  /// [N, C, H, W] made a matrix [N, C H W] that is only multiplied with constant weights.
  private func beforeProduct(_ node: Node, _ d: [Int]) -> LayoutRule? {
    let y = node.outputs[0]
    guard node.kind == .reshape || node.kind == .flatten, p.order[0] == 0, let out = editor.dims(of: y), out.count == 2,
      !d[1...].contains(where: { $0 <= 0 }), out[1] == d[1...].reduce(1, *), !editor.isGraphOutput(y)
    else { return nil }
    if node.kind == .reshape {
      guard let shape = integers(node, 1), shape.count == 2, shape[1] != 0 else { return nil }
    }
    let readers = editor.readers(of: y)
    for reader in readers {
      guard reader.inputs[0] === y, reader.inputs.count >= 2, reader.inputs[1] !== y else { return nil }
      let w = reader.inputs[1]
      guard w.isConstant, w.shape.rank == 2, w.quantParams.isEmpty, w.type == .float32 || w.type == .float16 else { return nil }
      // In a model with open dimensions nothing says yet that the product is possible.
      let kIsLast = reader.kind == .fullConnection || reader.attributes.bool(1)
      guard w.shape[kIsLast ? 1 : 0] == out[1] else { return nil }
      switch reader.kind {
      case .matMulFusion: if reader.attributes.bool(0) { return nil }
      case .fullConnection: if reader.attributes.bool(1) && reader.attributes.int(2) != 1 { return nil }
      default: return nil
      }
    }
    if readers.isEmpty { return nil }
    return LayoutRule([0], []) { () throws(EngineError) in
      for reader in readers {
        let w = reader.inputs[1]
        let kIsLast = reader.kind == .fullConnection || reader.attributes.bool(1)
        let (k, o) = kIsLast ? (w.shape[1], w.shape[0]) : (w.shape[0], w.shape[1])
        let inner = p.order[1...].map { $0 - 1 }
        let order = kIsLast ? [0] + inner.map { $0 + 1 } : inner + [inner.count]
        let full = editor.constant(w, dims: kIsLast ? [o] + d[1...] : Array(d[1...]) + [o])
        let moved = try editor.permuted(full, Permutation(Array(order)))
        let dims = kIsLast ? [o, k] : [k, o]
        // What is too large to be computed now is no constant.
        let flat = try moved.isConstant
          ? editor.constant(moved, dims: dims) : editor.add(.reshape, [:], [moved, builder.constant(ints: dims)], scope: w.name)
        editor.setInput(reader, 1, flat)
      }
    }
  }
}
