import ConverterCore
import Graph

/// Turns operators between dequantisations and a quantisation into int8 operators.
///
/// An imported graph computes with real numbers between QuantDTypeCast nodes. First bytes that only such casts touch become int8;
/// then casts move past operators that only move values, so that they stand next to those that compute; then an operator whose
/// operands all come from dequantisations, and whose result only quantisations read, takes and gives the bytes.
final class QuantizedGraph {
  let builder: GraphBuilder
  private(set) var nodes: [Node]
  /// The node that makes a tensor, and those that read it.
  private var makers: [ObjectIdentifier: Node] = [:]
  private var readers: [ObjectIdentifier: [Node]] = [:]
  private var outputs: Set<ObjectIdentifier> = []

  static func run(_ model: ModelBuilder) throws(EngineError) {
    for builder in model.graphs {
      if builder.graph.nodes.contains(where: { $0.kind == .quantDTypeCast }) { try QuantizedGraph(builder).run() }
      for node in builder.graph.nodes {
        // Real constants have served as carriers of their parameters.
        for t in node.inputs where t.type == .float32 && t.isConstant { t.quantParams = [] }
      }
    }
  }

  private init(_ builder: GraphBuilder) {
    self.builder = builder
    nodes = builder.graph.nodes
    for t in builder.graph.outputs { outputs.insert(ObjectIdentifier(t)) }
  }

  private func run() throws(EngineError) {
    index()
    shiftBytes()
    try moveDown()
    try moveUp()
    dropPairs()
    try QuantizedFusion(self).run()
    dropPairs()
    sweep()
    builder.graph.nodes = nodes
  }

  // MARK: bookkeeping

  private func index() {
    makers = [:]
    readers = [:]
    for node in nodes {
      link(node)
    }
  }

  private func link(_ node: Node) {
    for t in node.outputs { makers[ObjectIdentifier(t)] = node }
    for t in node.inputs { readers[ObjectIdentifier(t), default: []].append(node) }
  }

  private func unlink(_ node: Node) {
    for t in node.outputs where makers[ObjectIdentifier(t)] === node { makers[ObjectIdentifier(t)] = nil }
    for t in node.inputs { readers[ObjectIdentifier(t)]?.removeAll { $0 === node } }
  }

  /// Changes what a node reads or makes.
  func change(_ node: Node, _ body: () -> Void) {
    unlink(node)
    body()
    link(node)
  }

  func remove(_ node: Node) {
    unlink(node)
    nodes.removeAll { $0 === node }
  }

  func maker(_ t: Tensor) -> Node? { makers[ObjectIdentifier(t)] }
  func readers(_ t: Tensor) -> [Node] { readers[ObjectIdentifier(t)] ?? [] }
  func isOutput(_ t: Tensor) -> Bool { outputs.contains(ObjectIdentifier(t)) }

  /// The tensor that a dequantisation has turned into `t`; nil when `t` is none's result. One scale for the whole tensor.
  func bytes(behind t: Tensor) -> Tensor? {
    guard let node = maker(t), isDequantisation(node), node.inputs[0].quantParams.count == 1 else { return nil }
    return node.inputs[0]
  }

  func isDequantisation(_ node: Node) -> Bool {
    node.kind == .quantDTypeCast && node.inputs[0].type == .int8 && node.outputs[0].type == .float32
  }
  func isQuantisation(_ node: Node) -> Bool {
    node.kind == .quantDTypeCast && node.inputs[0].type == .float32 && node.outputs[0].type == .int8
      && node.outputs[0].quantParams.count == 1
  }

  /// A new int8 variable with the dimensions of `t`.
  func bytesTensor(like t: Tensor, _ parameters: [QuantParam], _ suffix: String) -> Tensor {
    let tensor = Tensor(name: "\(t.name)\(suffix)", type: .int8, shape: t.shape, format: t.format)
    tensor.quantParams = parameters
    builder.graph.addTensor(tensor)
    builder.declare(tensor, builder.dims(of: t))
    return tensor
  }

  func cast(_ name: String, _ from: Tensor, _ to: Tensor) -> Node {
    let node = Node(
      name: name, kind: .quantDTypeCast,
      attributes: Attributes(
        .quantDTypeCast, ["src_t": .number(Int(from.type.rawValue)), "dst_t": .number(Int(to.type.rawValue)), "axis": 0]),
      inputs: [from], outputs: [to])
    return node
  }

  /// Reads `new` in place of `old` everywhere.
  func replace(_ old: Tensor, with new: Tensor) {
    for node in readers(old) {
      change(node) {
        for i in node.inputs.indices where node.inputs[i] === old { node.inputs[i] = new }
      }
    }
  }

  // MARK: uint8

  /// uint8 tensors between casts become int8, 128 less.
  private func shiftBytes() {
    for node in nodes where node.kind == .quantDTypeCast && node.inputs[0].type == .float32 && node.outputs[0].type == .uint8 {
      let t = node.outputs[0]
      let uses = readers(t)
      guard !isOutput(t), !uses.isEmpty, uses.allSatisfy({ $0.kind == .quantDTypeCast && $0.outputs[0].type == .float32 }) else { continue }
      t.type = .int8
      for i in t.quantParams.indices { t.quantParams[i].zeroPoint -= 128 }
      node["dst_t"] = .number(Int(DataType.int8.rawValue))
      for use in uses { use["src_t"] = .number(Int(DataType.int8.rawValue)) }
    }
  }

  // MARK: operators that move values

  /// The operator gives values of its first operand only, in another order or shape.
  private func moves(_ node: Node) -> Bool {
    switch node.kind {
    case .transpose, .reshape, .squeeze, .unsqueeze, .flatten, .expandDims, .stridedSlice, .sliceFusion, .depthToSpace, .spaceToDepth,
      .tileFusion, .broadcastTo, .reverseV2: return node.outputs.count == 1
    case .gather: return node.outputs.count == 1 && !node.inputs[0].isConstant
    // The greatest real number has the greatest byte.
    case .maxPoolFusion: return (node["activation_type"].map { value in if case .int(let v) = value { return v == 0 } else { return false } }) ?? true
    default: return false
    }
  }

  /// Dequantisations move behind operators that move values.
  private func moveDown() throws(EngineError) {
    var result = [Node]()
    for node in nodes {
      result.append(node)
      guard moves(node), let q = bytes(behind: node.inputs[0]) else { continue }
      let y = node.outputs[0]
      let moved = bytesTensor(like: y, q.quantParams, "/int8")
      node.inputs[0] = q
      node.outputs[0] = moved
      node.quantType = QuantizedFusion.all
      makers[ObjectIdentifier(moved)] = node
      let back = cast("\(node.name)/real", moved, y)
      makers[ObjectIdentifier(y)] = back
      result.append(back)
    }
    nodes = result
    index()
  }

  /// Quantisations move before operators that move values, and before clamps that the bytes' range is already.
  private func moveUp() throws(EngineError) {
    var position = nodes.count - 1
    while position >= 0 {
      let node = nodes[position]
      position -= 1
      guard node.outputs.count == 1, let y = node.outputs.first, !isOutput(y), node.inputs.first?.type == .float32 else { continue }
      let uses = readers(y)
      guard uses.count == 1, let use = uses.first, isQuantisation(use) else { continue }
      let q = use.outputs[0], x = node.inputs[0]
      if isClamp(node, within: q.quantParams[0]) {
        remove(node)
        change(use) { use.inputs[0] = x }
      } else if moves(node) {
        let early = bytesTensor(like: x, q.quantParams, "/int8")
        remove(use)
        change(node) {
          node.inputs[0] = early
          node.outputs[0] = q
        }
        node.quantType = QuantizedFusion.all
        let quantisation = cast("\(node.name)/quantize", x, early)
        nodes.insert(quantisation, at: position + 1)
        link(quantisation)
      }
    }
  }

  /// A RELU or RELU6 after which the same bytes follow as without it.
  private func isClamp(_ node: Node, within p: QuantParam) -> Bool {
    guard node.kind == .activation, case .int(let type)? = node["activation_type"], p.zeroPoint == -128 else { return false }
    return type == 1 || type == 3 && 255 * p.scale <= 6.0001
  }

  // MARK: pairs

  /// A quantisation of dequantised bytes with the same parameters is those bytes; with others, a cast of bytes.
  private func dropPairs() {
    index()
    for node in nodes where isQuantisation(node) {
      guard let q = bytes(behind: node.inputs[0]) else { continue }
      let y = node.outputs[0]
      if QuantizedForm.same(q.quantParams, y.quantParams) && !isOutput(y) {
        replace(y, with: q)
        remove(node)
      } else {
        change(node) { node.inputs[0] = q }
        node["src_t"] = .number(Int(DataType.int8.rawValue))
      }
    }
  }

  /// Removes nodes whose results nobody reads any more.
  private func sweep() {
    index()
    var unread: Set<ObjectIdentifier> = []
    // The readers of a node stand behind it.
    for node in nodes.reversed() where node.kind == .quantDTypeCast && node.outputs.allSatisfy({ !isOutput($0) && readers($0).isEmpty }) {
      unlink(node)
      unread.insert(ObjectIdentifier(node))
    }
    nodes.removeAll { unread.contains(ObjectIdentifier($0)) }
  }
}
