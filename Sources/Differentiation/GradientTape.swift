import ConverterCore
import Graph
import Operators
import System

/// Appends nodes to a graph and computes with them the gradient of one of its numbers with respect to the trained weights.
///
/// Shapes are read when the graph runs wherever they may change: a batch of another size than the file's is differentiated rightly.
/// (The engine computes what follows from shapes when it plans, not in every step.)
final class GradientTape {
  let builder: GraphBuilder
  let parameters: Parameters
  var graph: Graph { builder.graph }

  private var names: [String: Int] = [:]
  /// The values of Shape nodes, which what is added may ask for; they are no constants of the file.
  private var known: [Tensor] = []
  private var shapes: [ObjectIdentifier: Tensor] = [:]
  /// Tensors whose value depends on a trained weight.
  private var varying: Set<ObjectIdentifier> = []
  private var contributions: [ObjectIdentifier: [Tensor]] = [:]
  /// The derivative of the loss with respect to itself, and what is equal to it.
  private var ones: Set<ObjectIdentifier> = []

  init(_ builder: GraphBuilder, _ parameters: Parameters) {
    self.builder = builder
    self.parameters = parameters
    for node in graph.nodes { names[node.name] = 1 }
  }

  // MARK: nodes

  /// Adds a node; its outputs are float32, and have their shapes where those follow from known ones.
  @discardableResult
  func emit(
    _ name: String, _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor], outputs: Int = 1
  ) throws(EngineError) -> [Tensor] {
    let unique = uniqueName(name)
    var results = [Tensor]()
    for i in 0..<outputs {
      let t = Tensor(name: i == 0 ? unique : "\(unique):\(i)", type: .float32, shape: Shape([-1]))
      graph.addTensor(t)
      results.append(t)
    }
    let node = Node(name: unique, kind: kind, attributes: Attributes(kind, attributes), inputs: inputs, outputs: results)
    guard let factory = Registry.factory(for: node) else {
      throw EngineError(.notSupported, "\(node): the operator has no implementation on the CPU")
    }
    if inputs.allSatisfy({ $0.shape.isKnown }) {
      do throws(EngineError) { try factory(node).infer() } catch { if error.code != .deferred { throw error.adding(node.text) } }
    } else {
      for t in results where kind == .shape || kind == .size { t.type = .int32 }
    }
    graph.nodes.append(node)
    return results
  }

  private func uniqueName(_ name: String) -> String {
    let n = names[name, default: 0]
    names[name] = n + 1
    return n == 0 ? name : uniqueName("\(name)_\(n)")
  }

  /// The dimensions of `x`, as the run has them.
  func shape(of x: Tensor) throws(EngineError) -> Tensor {
    if let shape = shapes[ObjectIdentifier(x)] { return shape }
    if x.isConstant { return builder.constant("\(x.name)/shape", ints: x.shape.dims) }
    let shape = try emit("Gradients/\(x.name)/Shape", .shape, [:], [x])[0]
    shape.type = .int32
    if x.shape.isKnown, let buffer = Buffer(count: 4 * max(1, x.shape.rank)) {
      for (i, d) in x.shape.dims.enumerated() { buffer.base.storeBytes(of: Int32(clamping: d), toByteOffset: 4 * i, as: Int32.self) }
      shape.shape = Shape([x.shape.rank])
      shape.setFolded(buffer.base, owner: buffer)
      known.append(shape)
    }
    shapes[ObjectIdentifier(x)] = shape
    return shape
  }

  /// A number.
  func number(_ value: Float) -> Tensor { builder.constant(uniqueName("Gradients/number"), floats: [value], dims: []) }

  /// One divided by the number of elements along some axes of `x`, as the run has them.
  func reciprocalCount(_ x: Tensor, _ axes: [Int], _ name: String) throws(EngineError) -> Tensor {
    let shape = try shape(of: x)
    let axis = builder.constant("\(name)/axis", ints: [0], dims: [])
    let sizes = try emit("\(name)/Gather", .gather, [:], [shape, builder.constant("\(name)/axes", ints: axes), axis])[0]
    sizes.type = .int32
    let type = builder.constant("\(name)/type", ints: [Int(DataType.float32.rawValue)], dims: [])
    let floats = try emit("\(name)/Cast", .cast, [:], [sizes, type])[0]
    floats.type = .float32
    let count = try emit(
      "\(name)/ReduceFusion", .reduceFusion, ["mode": .number(Reduction.product), "keep_dims": false],
      [floats, builder.constant("\(name)/all", ints: [0])])[0]
    return try emit("\(name)/Reciprocal", .reciprocal, [:], [count])[0]
  }

  // MARK: the sweep

  func isVarying(_ t: Tensor) -> Bool { varying.contains(ObjectIdentifier(t)) || parameters.contains(t) }
  func isOne(_ t: Tensor) -> Bool { ones.contains(ObjectIdentifier(t)) }

  /// Appends the gradients of `loss`, which is one number. One for each of ``parameters``, in their order; nil where the loss does not
  /// depend on it.
  func differentiate(_ loss: Tensor) throws(EngineError) -> [Tensor?] {
    let nodes = graph.nodes
    for node in nodes where node.inputs.contains(where: { isVarying($0) }) {
      for t in node.outputs where t.type == .float32 { varying.insert(ObjectIdentifier(t)) }
    }
    let one = number(1)
    one.shape = loss.shape
    ones.insert(ObjectIdentifier(one))
    contributions[ObjectIdentifier(loss)] = [one]
    for node in nodes.reversed() where node.outputs.contains(where: { isVarying($0) }) {
      var gradients = [Tensor?]()
      for t in node.outputs { gradients.append(try gradient(of: t)) }
      if gradients.allSatisfy({ $0 == nil }) { continue }
      do throws(EngineError) {
        guard let rule = GradientRules.rule(node.kind) else {
          throw EngineError(
            .notSupported,
            "there is no gradient for this operator, and trained weights are before it; train only what follows it (train_last_layers, train_from)")
        }
        try rule(GradientScope(tape: self, node: node, gradients: gradients))
      } catch { throw error.adding(node.text) }
    }
    var result = [Tensor?]()
    for t in parameters.list { result.append(try gradient(of: t)) }
    return result
  }

  /// The sum of what the readers of a tensor have contributed.
  private func gradient(of t: Tensor) throws(EngineError) -> Tensor? {
    guard let parts = contributions.removeValue(forKey: ObjectIdentifier(t)) else { return nil }
    if parts.count == 1 { return parts[0] }
    let sum = try emit("Gradients/\(t.name)/AddN", .addN, [:], parts)[0]
    sum.shape = t.shape
    return sum
  }

  func contribute(_ value: Tensor, to t: Tensor) throws(EngineError) {
    if value.shape.isKnown && t.shape.isKnown && value.shape.count != t.shape.count {
      throw EngineError(.error, "the gradient \(value) does not fit \(t)")
    }
    if !value.isConstant && !value.shape.isKnown { value.shape = t.shape }
    contributions[ObjectIdentifier(t), default: []].append(value)
  }

  /// Forgets the values of shapes, which the engine computes again.
  func finish() {
    for t in known { t.clearFolded() }
  }
}

/// ReduceMode numbers of the format.
enum Reduction {
  static let mean = 0, largest = 1, smallest = 2, product = 3, sum = 4, sumOfSquares = 5
}

/// What a gradient rule works with: a node, and the gradients of its outputs.
struct GradientScope {
  let tape: GradientTape
  let node: Node
  /// By output; nil where nothing depends on it.
  let gradients: [Tensor?]

  /// The gradient of the first output.
  func dy() throws(EngineError) -> Tensor {
    guard let dy = gradients[0] else { throw EngineError(.notSupported, "the loss depends on an output that has no gradient") }
    return dy
  }
  var x: Tensor { node.inputs[0] }
  var y: Tensor { node.outputs[0] }

  /// The gradient of input `i` is needed.
  func wants(_ i: Int) -> Bool { i < node.inputs.count && tape.isVarying(node.inputs[i]) }

  /// States a contribution to the gradient of input `i`, of as many elements.
  func give(_ i: Int, _ value: Tensor) throws(EngineError) { try tape.contribute(value, to: node.inputs[i]) }

  func emit(
    _ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor], outputs: Int = 1
  ) throws(EngineError) -> [Tensor] {
    try tape.emit("Gradients/\(node.name)/\(kind.name)", kind, attributes, inputs, outputs: outputs)
  }
  func add(_ kind: OperatorKind, _ attributes: [String: AttributeValue] = [:], _ inputs: [Tensor]) throws(EngineError) -> Tensor {
    try emit(kind, attributes, inputs)[0]
  }
  func product(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor {
    if tape.isOne(a) { return b }
    return tape.isOne(b) ? a : try add(.mulFusion, [:], [a, b])
  }
  func number(_ value: Float) -> Tensor { tape.number(value) }
  func ints(_ what: String, _ values: [Int], dims: [Int]? = nil) -> Tensor {
    tape.builder.constant("Gradients/\(node.name)/\(what)", ints: values, dims: dims)
  }

  /// 1 where a condition holds, else 0.
  func mask(_ kind: OperatorKind, _ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor {
    let condition = try add(kind, [:], [a, b])
    condition.type = .bool
    let mask = try add(.cast, [:], [condition, ints("type", [Int(DataType.float32.rawValue)], dims: [])])
    mask.type = .float32
    return mask
  }

  /// `t` with the dimensions of `like`, which has as many elements.
  func reshaped(_ t: Tensor, like: Tensor) throws(EngineError) -> Tensor {
    let result = try add(.reshape, [:], [t, try tape.shape(of: like)])
    result.shape = like.shape
    return result
  }

  /// `t` as a matrix of rows of `columns` elements.
  func matrix(_ t: Tensor, _ columns: Int) throws(EngineError) -> Tensor {
    if t.shape.rank == 2 { return t }
    return try add(.reshape, [:], [t, ints("rows", [-1, columns])])
  }

  /// A gradient of the shape of `whole`, summed up over the axes along which input `i` was repeated.
  func summed(_ t: Tensor, _ i: Int, whole: Tensor) throws(EngineError) -> Tensor {
    let x = node.inputs[i]
    if x.shape.isKnown && whole.shape.isKnown && x.shape.dims == whole.shape.dims { return t }
    if x.isConstant, x.shape.rank == 1, whole.shape.rank > 1, whole.shape.dims.last == x.count { return try add(.biasAddGrad, [:], [t]) }
    // The second gradient is nobody's.
    return try emit(.addGrad, [:], [t, x, whole], outputs: 2)[0]
  }

  /// Throws unless these dimensions of `t` are known.
  func known(_ t: Tensor, _ axes: Range<Int>) throws(EngineError) {
    for axis in axes where t.shape.rank <= axis || t.shape[axis] < 0 {
      throw EngineError(.inferError, "dimension \(axis) of \(t) must be known for the gradient; give the model's input shapes (--inputShape)")
    }
  }

  /// The integers of a constant input.
  func constantInts(_ i: Int, _ what: String) throws(EngineError) -> [Int] {
    guard i < node.inputs.count, node.inputs[i].isConstant, let values = node.inputs[i].knownIntegers() else {
      throw EngineError(.notSupported, "\(what) must be constant for the gradient")
    }
    return values
  }

  func refuse(_ text: Message) -> EngineError { EngineError(.notSupported, text) }
}
