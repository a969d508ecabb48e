import Graph
import KernelSelection
import Operators
import System

/// Builds one graph of the model from the nodes of a source framework.
///
/// Every node that is added gets its outputs' types and shapes from its operator at once, so that an importer can ask for the rank or
/// the dimensions of a tensor; what follows from constants alone (and, in a model without open dimensions, from shapes) is
/// computed at once and becomes a constant.
///
/// Tensors keep the source framework's layout and axis order, unless a helper says otherwise: the operators of the format that want
/// images channels-last are given them by ``nhwc(_:)`` and give them back by ``nchw(_:)``.
public final class GraphBuilder {
  public let graph: Graph
  /// Position in ``ModelBuilder/graphs``.
  public let index: Int
  public unowned let model: ModelBuilder
  /// The graph around this one, for frameworks whose subgraphs may use the tensors of the graph they stand in.
  public let parent: GraphBuilder?
  /// Name of the source node being imported: the nodes and tensors that are added are named after it.
  public var scope = "" {
    didSet { added = 0 }
  }

  private var added = 0
  /// The number of examples that the file's shapes are for, where ``ImportOptions/batch`` says another.
  private var fileBatch: Int?
  private var nodeNames: [String: Int] = [:]
  private var probes: [ShapeProbe] = [ShapeProbe(choice: 0), ShapeProbe(choice: 1)]
  private var symbolValues: [[String: Int]] = [[:], [:]]
  /// No input has an open dimension.
  private var isExact = true
  /// Tensors whose rank is not known.
  private var unranked: Set<ObjectIdentifier> = []
  /// Ranks of results that follow from the kind of their operator alone.
  private var operatorRanks: [ObjectIdentifier: Int] = [:]
  /// Tensors that stand in for the outputs of nodes that could not be imported.
  private var placeholders: Set<ObjectIdentifier> = []
  /// Channels-last versions of channels-first tensors and the other way round.
  private var channelsLast: [ObjectIdentifier: Tensor] = [:]
  private var channelsFirst: [ObjectIdentifier: Tensor] = [:]
  /// Keeps the keys of the tables above alive.
  private var retained: [Tensor] = []

  init(name: String, index: Int, model: ModelBuilder, parent: GraphBuilder?) {
    graph = Graph(name: name)
    self.index = index
    self.model = model
    self.parent = parent
  }

  public var report: Report { model.report }

  // MARK: inputs, outputs, constants

  /// A graph input. `dims` nil: rank unknown; -1: open dimension. `symbols` names open dimensions that are equal to each other.
  /// int64 and float64 inputs become int32 and float32.
  @discardableResult
  public func input(_ name: String, _ type: DataType, _ dims: [Int]?, symbols: [String?] = []) -> Tensor {
    var dims = dims
    if let batch = model.options.batch, index == 0, let first = dims?.first {
      dims?[0] = batch
      if first > 0 { fileBatch = first }
    }
    let tensor = variable(name, ModelBuilder.narrowed(type), dims, symbols: symbols)
    graph.inputs.append(tensor)
    return tensor
  }

  /// Makes tensors the graph's outputs, in this order. A constant, or an input that goes straight through, gets a node of its
  /// own, and so does a tensor that is listed twice.
  public func setOutputs(_ tensors: [Tensor], names: [String]) throws(EngineError) {
    var outputs = [Tensor]()
    let inputs = Set(graph.inputs.map { ObjectIdentifier($0) })
    var listed: Set<ObjectIdentifier> = []
    for (tensor, name) in zip(tensors, names) {
      var output = tensor
      let isInput = inputs.contains(ObjectIdentifier(tensor))
      let taken = !listed.insert(ObjectIdentifier(tensor)).inserted || isInput
      // Lists of tensors go straight through a subgraph: nothing copies them.
      let passes = isInput && tensor.type == .tensorList
      if tensor.isConstant || (taken && !passes) { output = copied(tensor) }
      if !output.isConstant && !passes { output.name = name }
      outputs.append(output)
    }
    graph.outputs = outputs
  }

  /// A node that copies its input, which no optimisation may remove: what it makes is a variable even of a constant.
  private func copied(_ tensor: Tensor) -> Tensor {
    let shape = constant(scopeName("shape"), ints: tensor.isConstant ? tensor.shape.dims : [])
    if !tensor.isConstant { return append(.depend, [:], [tensor], 1)[0] }
    let copy = append(.reshape, [:], [tensor, shape], 1)[0]
    declare(copy, tensor.shape.dims, type: tensor.type)
    return copy
  }

  private func variable(_ name: String, _ type: DataType, _ dims: [Int]?, symbols: [String?] = []) -> Tensor {
    let tensor = Tensor(name: name, type: type, shape: Shape(dims ?? [-1]), format: model.framework.format)
    graph.addTensor(tensor)
    declare(tensor, dims, symbols: symbols)
    return tensor
  }

  /// States type and shape of a tensor whose operator cannot tell them (see ``dims(of:)``); facts that are known already win.
  /// A shape of another rank than the operator makes is reported.
  public func declare(_ tensor: Tensor, _ dims: [Int]?, type: DataType? = nil, symbols: [String?] = []) {
    if let type, tensor.type == .unknown { tensor.type = ModelBuilder.narrowed(type) }
    if tensor.isConstant || probes.allSatisfy({ $0.shadow(of: tensor) != nil }) { return }
    guard let dims else {
      mark(tensor, in: \.unranked)
      return
    }
    if let known = operatorRanks[ObjectIdentifier(tensor)], known != dims.count {
      report.add(
        EngineError(.formatError, "the file states the shape \(Shape(dims).text) for \"\(tensor.name)\", but its operator makes rank \(known)"), node: scope)
      return
    }
    if dims.contains(where: { $0 < 0 }) { isExact = false }
    tensor.shape = Shape(dims)
    unranked.remove(ObjectIdentifier(tensor))
    for i in 0..<probes.count { probes[i].declare(tensor, dims: dims, symbols: symbols, symbolValues: &symbolValues[i]) }
  }

  /// An input of this graph that stands for `outer`, a tensor of the graph around it. Its value is not known here.
  public func input(like outer: Tensor, of graph: GraphBuilder, name: String? = nil) -> Tensor {
    input(name ?? outer.name, outer.type, graph.dims(of: outer))
  }

  /// A constant with these bytes, row-major, which `owner` keeps alive (nil: they are copied). int64 and float64 become int32 and
  /// float32: integers outside that range are clamped (that is what "to the end" in a slice means), floats are rounded. `isComputed`: the
  /// bytes are not a value of the file, but made of others; the caller asks ``ModelBuilder/budget`` for them.
  public func constant(
    _ name: String, _ type: DataType, _ dims: [Int], bytes: UnsafeRawBufferPointer, owner: AnyObject?, isComputed: Bool = false
  ) throws(EngineError) -> Tensor {
    if !isComputed { model.budget.extend(byValues: bytes.count) }
    let tensor = Tensor(name: name, type: ModelBuilder.narrowed(type), shape: Shape(dims), format: .nhwc)
    guard let count = tensor.shape.checkedCount, count * type.size == bytes.count else {
      throw EngineError(
        .formatError, "constant \"\(name)\" has \(bytes.count) bytes, but \(type.name) \(Shape(dims)) needs \(Shape(dims).count * type.size)")
    }
    let misaligned = Int(bitPattern: bytes.baseAddress) % max(1, tensor.type.size) != 0
    if type == tensor.type, owner != nil, !misaligned, let base = bytes.baseAddress {
      tensor.setConstant(base, owner: owner)
    } else {
      guard let buffer = Buffer(count: max(1, tensor.byteCount)) else {
        throw EngineError(.outOfMemory, "no memory for constant \"\(name)\"")
      }
      for i in 0..<(type == tensor.type ? 0 : count) {
        if type == .int64 {
          let value = bytes.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self)
          buffer.base.storeBytes(of: Int32(clamping: value), toByteOffset: 4 * i, as: Int32.self)
        } else {
          let value = bytes.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)
          buffer.base.storeBytes(of: Float(value), toByteOffset: 4 * i, as: Float.self)
        }
      }
      if type == tensor.type, let base = bytes.baseAddress { buffer.base.copyMemory(from: base, byteCount: bytes.count) }
      tensor.setConstant(buffer.base, owner: buffer)
    }
    graph.addTensor(tensor)
    return tensor
  }

  /// An int32 constant; a vector unless `dims` says otherwise. Values outside int32 are clamped.
  public func constant(_ name: String? = nil, ints: [Int], dims: [Int]? = nil) -> Tensor {
    filled(name, .int32, dims ?? [ints.count]) { $0.storeBytes(of: Int32(clamping: ints[$1]), toByteOffset: 4 * $1, as: Int32.self) }
  }

  /// A float32 constant; a vector unless `dims` says otherwise.
  public func constant(_ name: String? = nil, floats: [Float], dims: [Int]? = nil) -> Tensor {
    filled(name, .float32, dims ?? [floats.count]) { $0.storeBytes(of: floats[$1], toByteOffset: 4 * $1, as: Float.self) }
  }

  public func constant(_ name: String? = nil, bools: [Bool], dims: [Int]? = nil) -> Tensor {
    filled(name, .bool, dims ?? [bools.count]) { $0.storeBytes(of: bools[$1] ? 1 : 0, toByteOffset: $1, as: UInt8.self) }
  }

  private func filled(_ name: String?, _ type: DataType, _ dims: [Int], _ store: (UnsafeMutableRawPointer, Int) -> Void) -> Tensor {
    let tensor = Tensor(name: name ?? scopeName("const"), type: type, shape: Shape(dims))
    guard model.budget.take(tensor.byteCount), let buffer = Buffer(count: max(1, tensor.byteCount)) else {
      // Reported instead of thrown, for the many who add small constants: a model with problems is not written.
      model.budget.isOverdrawn = true
      report.add(EngineError(.outOfMemory, "no memory for constant \"\(tensor.name)\" of \(tensor.byteCount) bytes"), node: scope)
      return placeholder()
    }
    for i in 0..<tensor.count { store(buffer.base, i) }
    tensor.setConstant(buffer.base, owner: buffer)
    graph.addTensor(tensor)
    return tensor
  }

  /// This graph's copy of a constant of another graph (their bytes are shared).
  public func constant(copying outer: Tensor) -> Tensor {
    let copy = outer.copy()
    graph.addTensor(copy)
    return copy
  }

  // MARK: nodes

  /// Adds a node and returns its outputs; they are constants when its inputs are. `attributes` by the names of the `.ms` schema.
  /// Throws what the operator refuses.
  @discardableResult
  public func add(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor], outputs: Int = 1
  ) throws(EngineError) -> [Tensor] {
    try add(node(kind, attributes, inputs, outputs))
  }

  /// The same for the many nodes with one output.
  @discardableResult
  public func add1(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor]
  ) throws(EngineError) -> Tensor {
    try add(kind, attributes, inputs)[0]
  }

  /// Adds a node that was made by ``node(_:_:_:_:)`` and then completed (quantization parameters of outputs, types).
  public func add(_ node: Node) throws(EngineError) -> [Tensor] {
    followBatch(node)
    if try fold(node) { return node.outputs }
    var inferred: [[Tensor]?] = []
    for probe in isExact ? [probes[0]] : probes {
      do throws(EngineError) {
        inferred.append(try probe.infer(node, model))
      } catch {
        // With open dimensions the choice may be what does not fit.
        if isExact || error.code == .notSupported { throw error }
        inferred.append(nil)
      }
    }
    if isExact, let shadows = inferred[0] {
      // The second probe follows in case a later tensor has open dimensions.
      for (t, shadow) in zip(node.outputs, shadows) { probes[1].set(t, shadow) }
      if !node.kind.hasSideEffect && !shadows.isEmpty && shadows.allSatisfy({ $0.hasKnownValue }) {
        for (t, shadow) in zip(node.outputs, shadows) { become(t, constant: shadow) }
        return node.outputs
      }
    }
    graph.nodes.append(node)
    for (i, t) in node.outputs.enumerated() {
      settle(t, inferred.map { $0?[i] })
      if i == 0, let rank = rank(ofResultOf: node) { operatorRanks[ObjectIdentifier(t)] = rank }
      if t.type == .unknown { t.type = OutputTypes.type(node, i) }
    }
    return node.outputs
  }

  /// Gives an input of the main graph another number of examples. What reads it must be inferred afterwards.
  public func setBatch(_ batch: Int, of input: Tensor) {
    guard let first = input.shape.dims.first else { return }
    if first > 0 { fileBatch = first }
    input.shape.dims[0] = batch
  }

  /// Lets a Reshape to a constant shape of the file's number of examples follow another number of them.
  public func followBatch(_ node: Node) {
    guard node.kind == .reshape, let batch = model.options.batch, let old = fileBatch, old != batch, node.inputs.count == 2,
      node.inputs[1].isConstant, var target = node.inputs[1].knownIntegers(), node.inputs[0].shape.dims.first == batch, target.first == old
    else { return }
    if !target.contains(-1) {
      target[0] = -1
    } else {
      // 0 stands for the input's dimension.
      target[0] = 0
    }
    node.inputs[1] = constant("\(node.name)/shape", ints: target)
  }

  /// Adds a node whose outputs' shapes are not inferred, such as the nodes of control flow; types and shapes can be declared.
  public func append(_ kind: OperatorKind, _ attributes: [String: AttributeValue], _ inputs: [Tensor], _ outputs: Int) -> [Tensor] {
    let node = node(kind, attributes, inputs, outputs)
    graph.nodes.append(node)
    if kind == .depend, let input = inputs.first {
      node.outputs[0].type = input.type
      declare(node.outputs[0], dims(of: input))
    } else {
      for (i, t) in node.outputs.enumerated() {
        t.type = OutputTypes.type(node, i)
        mark(t, in: \.unranked)
      }
    }
    return node.outputs
  }

  /// A node that is not in the graph yet, with new output tensors in the graph.
  public func node(_ kind: OperatorKind, _ attributes: [String: AttributeValue], _ inputs: [Tensor], _ outputs: Int) -> Node {
    let name = added == 0 ? unique(scope) : unique("\(scope)/\(kind.name)")
    added += 1
    var results = [Tensor]()
    for i in 0..<outputs {
      let tensor = Tensor(name: i == 0 ? name : "\(name):\(i)", type: .unknown, shape: Shape([-1]))
      graph.addTensor(tensor)
      results.append(tensor)
    }
    return Node(name: name, kind: kind, attributes: Attributes(kind, attributes), inputs: inputs, outputs: results)
  }

  private func unique(_ name: String) -> String {
    let base = name.isEmpty ? "node" : name
    let n = nodeNames[base, default: 0]
    nodeNames[base] = n + 1
    return n == 0 ? base : unique("\(base)_\(n)")
  }

  private func scopeName(_ what: String) -> String { "\(scope)/\(what)" }

  /// Computes a node of constants. Large results of small inputs (filling, tiling) are left to the run.
  private func fold(_ node: Node) throws(EngineError) -> Bool {
    guard !node.inputs.isEmpty, node.inputs.allSatisfy({ $0.isConstant }), !node.kind.makesHandle, !node.kind.hasSideEffect else {
      return false
    }
    guard let factory = Registry.factory(for: node) else { return false }
    let op: Operator
    do throws(EngineError) {
      op = try factory(node)
      try op.infer()
      try ShapeProbe.check(node.outputs)
    } catch {
      if error.code == .deferred { return false }
      throw error
    }
    let size = node.outputs.reduce(0) { $0 + $1.byteCount }
    let source = node.inputs.reduce(0) { $0 + $1.byteCount }
    guard op.isPure, size <= max(GraphBuilder.foldingLimit, 2 * source), model.budget.take(size), (try? Folding.evaluate(op, kernels: model.kernels, pool: model.pool)) != nil
    else { return false }
    for t in node.outputs { become(t, constant: t) }
    return true
  }
  private static let foldingLimit = 1 << 20

  /// Gives `tensor` the known value of `source`.
  private func become(_ tensor: Tensor, constant source: Tensor) {
    tensor.type = source.type
    tensor.shape = source.shape
    guard let data = source.data ?? Buffer(count: 1)?.base else { return }
    let owner = source.owner
    source.markKnown(false)
    tensor.setConstant(data, owner: owner)
    for probe in probes { probe.forget(tensor) }
    unranked.remove(ObjectIdentifier(tensor))
  }

  /// Combines what the probes say of an output.
  private func settle(_ tensor: Tensor, _ found: [Tensor?]) {
    let known = found.compactMap { $0 }
    guard let first = known.first else {
      mark(tensor, in: \.unranked)
      for probe in probes { probe.forget(tensor) }
      return
    }
    tensor.type = first.type
    tensor.format = first.format
    let sameRank = known.allSatisfy { $0.shape.rank == first.shape.rank }
    if !sameRank {
      mark(tensor, in: \.unranked)
      return
    }
    var dims = first.shape.dims
    for (axis, d) in dims.enumerated() {
      // A dimension that only one probe could tell may depend on the choice.
      if known.count < found.count || known.contains(where: { $0.shape[axis] != d }) { dims[axis] = -1 }
    }
    tensor.shape = Shape(dims)
  }

  /// The rank that an operator's result has whatever its operands are: what a file states of it can be checked against that.
  private func rank(ofResultOf node: Node) -> Int? {
    switch node.kind {
    case .transpose: return node.inputs.count > 1 && node.inputs[1].isConstant ? node.inputs[1].count : nil
    case .conv2DFusion, .conv2dTransposeFusion, .avgPoolFusion, .maxPoolFusion: return 4
    case .shape: return 1
    default: return nil
    }
  }

  private func mark(_ tensor: Tensor, in table: ReferenceWritableKeyPath<GraphBuilder, Set<ObjectIdentifier>>) {
    if self[keyPath: table].insert(ObjectIdentifier(tensor)).inserted { retained.append(tensor) }
  }

  // MARK: what is known of tensors

  /// The dimensions, -1 where open; nil when the rank is not known.
  public func dims(of tensor: Tensor) -> [Int]? { unranked.contains(ObjectIdentifier(tensor)) ? nil : tensor.shape.dims }

  /// The rank; throws when it is not known.
  public func rank(of tensor: Tensor) throws(EngineError) -> Int {
    guard let dims = dims(of: tensor) else {
      throw EngineError(.inferError, "the rank of \"\(tensor.name)\" is needed and not known; give the model's input shapes (--inputShape)")
    }
    return dims.count
  }

  /// The dimensions, all of them known; throws otherwise.
  public func knownDims(of tensor: Tensor) throws(EngineError) -> [Int] {
    guard let dims = dims(of: tensor), !dims.contains(where: { $0 < 0 }) else {
      throw EngineError(
        .inferError,
        "the shape of \"\(tensor.name)\" is needed and not known (\(dims(of: tensor).map { Shape($0).text } ?? "rank unknown")); give the model's input shapes (--inputShape)")
    }
    return dims
  }

  /// An axis counted from the front; throws when it lies outside the rank.
  public func axis(_ axis: Int, of tensor: Tensor) throws(EngineError) -> Int {
    let rank = try rank(of: tensor)
    let a = axis < 0 ? axis + rank : axis
    guard a >= 0 && a < rank else { throw EngineError(.inputParameterInvalid, "axis \(axis) lies outside the rank \(rank) of \"\(tensor.name)\"") }
    return a
  }

  /// A constant's integers, saturated to int32's range, so that arithmetic on them cannot overflow; throws when it is none. `what`
  /// names the operand in the error.
  public func integers(_ tensor: Tensor, _ what: String) throws(EngineError) -> [Int] {
    guard tensor.isConstant, let values = tensor.knownIntegers() else {
      throw EngineError(.notSupported, "\(what) (\"\(tensor.name)\") must be constant; it is computed by the model")
    }
    return values.map { Int(Int32(clamping: $0)) }
  }

  /// A float32 or float16 constant's values; throws when it is none.
  public func floats(_ tensor: Tensor, _ what: String) throws(EngineError) -> [Float] {
    guard tensor.isConstant, let data = tensor.data else {
      throw EngineError(.notSupported, "\(what) (\"\(tensor.name)\") must be constant; it is computed by the model")
    }
    switch tensor.type {
    case .float32: return (0..<tensor.count).map { data.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    case .float16:
      var values = [Float](repeating: 0, count: tensor.count)
      model.kernels.pointee.f16_to_f32(data.assumingMemoryBound(to: UInt16.self), &values, values.count)
      return values
    default:
      if let integers = tensor.knownIntegers() { return integers.map { Float($0) } }
      throw EngineError(.notSupported, "\(what) (\(tensor)) must be a float constant")
    }
  }

  // MARK: layout

  /// `x` with its axes in another order.
  public func transpose(_ x: Tensor, _ order: [Int]) throws(EngineError) -> Tensor {
    if order == Array(0..<order.count) { return x }
    // A weight that is turned is no node.
    if x.isConstant { return try turned(x, order) }
    return try add1(.transpose, [:], [x, constant(ints: order)])
  }

  public func reshape(_ x: Tensor, _ dims: [Int]) throws(EngineError) -> Tensor {
    try add1(.reshape, [:], [x, constant(ints: dims)])
  }

  /// A channels-first image [N, C, H, W] as [N, H, W, C].
  public func nhwc(_ x: Tensor) throws(EngineError) -> Tensor {
    if let known = channelsLast[ObjectIdentifier(x)] { return known }
    let y = try turned(x, [0, 2, 3, 1])
    y.format = .nhwc
    pair(first: x, last: y)
    return y
  }

  /// A channels-last image [N, H, W, C] as [N, C, H, W].
  public func nchw(_ x: Tensor) throws(EngineError) -> Tensor {
    if let known = channelsFirst[ObjectIdentifier(x)] { return known }
    let y = try turned(x, [0, 3, 1, 2])
    y.format = .nchw
    pair(first: y, last: x)
    return y
  }

  /// A transpose that does not take the source node's name, which is for the operator that it is made for.
  private func turned(_ x: Tensor, _ order: [Int]) throws(EngineError) -> Tensor {
    let earlier = added
    if added == 0 { added = 1 }
    let y = try add1(.transpose, [:], [x, constant(ints: order)])
    added = earlier
    return y
  }

  private func pair(first: Tensor, last: Tensor) {
    channelsLast[ObjectIdentifier(first)] = last
    channelsFirst[ObjectIdentifier(last)] = first
    retained += [first, last]
  }

  /// A new variable, with no producer yet, that stands for `tensor` with its axes in another order: `order[i]` is the axis of
  /// `tensor` that becomes axis i. Type, quantization and what is known of the shape are those of `tensor`.
  public func variable(permuting tensor: Tensor, _ order: [Int], name: String) -> Tensor {
    // A file may state a shape of another rank than the operator makes of it; the shape rules find that out.
    let shape = tensor.shape.rank == order.count ? Shape(order.map { tensor.shape[$0] }) : tensor.shape
    let result = Tensor(name: name, type: tensor.type, shape: shape, format: tensor.format)
    result.quantParams = tensor.quantParams
    if order == [0, 2, 3, 1] { result.format = .nhwc }
    if order == [0, 3, 1, 2] { result.format = .nchw }
    graph.addTensor(result)
    for probe in probes {
      guard let shadow = probe.shadow(of: tensor), shadow.shape.rank == order.count else { continue }
      probe.set(result, Tensor(name: name, type: shadow.type, shape: Shape(order.map { shadow.shape[$0] }), format: result.format))
    }
    return result
  }

  // MARK: importing node by node

  /// Imports one node of the source model: runs `body` with the scope set. When it throws, the problem is reported and stand-ins
  /// take the outputs' place, so that the nodes after it are looked at too; problems that only follow from an earlier one
  /// (a stand-in's shape is unknown) are not reported.
  public func importNode(
    _ name: String, type: String, inputs: [Tensor], outputs: Int, _ body: () throws(EngineError) -> [Tensor]
  ) -> [Tensor] {
    report.sourceNodes += 1
    scope = name
    let follows = inputs.contains { placeholders.contains(ObjectIdentifier($0)) }
    do throws(EngineError) {
      var results = try body()
      while results.count < outputs { results.append(placeholder()) }
      if follows { for t in results where dims(of: t) == nil { mark(t, in: \.placeholders) } }
      return results
    } catch {
      if !(follows && (error.code == .inferError || error.code == .deferred)) { report.add(error, node: name, type: type) }
      return (0..<max(outputs, 1)).map { _ in placeholder() }
    }
  }

  private func placeholder() -> Tensor {
    let tensor = Tensor(name: scopeName("missing"), type: .unknown, shape: Shape([-1]))
    graph.addTensor(tensor)
    mark(tensor, in: \.unranked)
    mark(tensor, in: \.placeholders)
    return tensor
  }
}
