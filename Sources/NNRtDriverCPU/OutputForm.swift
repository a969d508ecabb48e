import Graph
import Operators
import System

/// Results in the form that the model declares. The operators have types and shapes of their own for some (indices are int32, an LSTM's
/// directions are a dimension); what follows the operator here makes the declared ones of them.
enum OutputForm {
  /// The node, and what has to follow it. Throws when it cannot run, or when its results cannot have the declared form.
  static func fit(_ node: Node) throws(EngineError) -> [Node] {
    var nodes = [node]
    if node.kind == .lstm { nodes += try joinDirections(node) }
    guard let trial = try Trial.run(node) else { return nodes }
    var i = 0
    while i < node.outputs.count {
      let declared = node.outputs[i]
      let (type, shape) = (trial.types[i], trial.shapes[i])
      if trial.isExact && shape.isKnown && declared.shape.isKnown && shape.count != declared.shape.count {
        throw EngineError(.inferError, "result \(i) has the shape \(shape); the model declares \(declared)")
      }
      if type != declared.type && type != .unknown {
        if !isNumber(type) || !isNumber(declared.type) || !declared.quantParams.isEmpty {
          throw EngineError(.notSupported, "result \(i) is of the type \(type.name); the model declares \(declared)")
        }
        let result = Tensor(name: declared.name + "/" + type.name, type: type, shape: declared.shape, format: declared.format)
        node.outputs[i] = result
        nodes.insert(try follow(node, .cast, result, constant(declared.type.rawValue, name: declared.name + "/type"), declared), at: 1)
      }
      i += 1
    }
    return nodes
  }

  private static func isNumber(_ type: DataType) -> Bool { type.size > 0 && type != .string }

  /// An LSTM gives [time, direction, batch, state]; a model that declares three dimensions wants [time, batch, direction * state].
  private static func joinDirections(_ node: Node) throws(EngineError) -> [Node] {
    guard let declared = node.outputs.first, declared.shape.rank == 3 else { return [] }
    let apart = Tensor(name: declared.name + "/apart", type: declared.type, shape: Shape([-1, -1, -1, -1]))
    let moved = Tensor(name: declared.name + "/moved", type: declared.type, shape: Shape([-1, -1, -1, -1]))
    node.outputs[0] = apart
    return [
      follow(node, .transpose, apart, try constant([0, 2, 1, 3], name: declared.name + "/order"), moved),
      follow(node, .reshape, moved, try constant([0, 0, -1], name: declared.name + "/shape"), declared),
    ]
  }

  private static func follow(_ node: Node, _ kind: OperatorKind, _ x: Tensor, _ parameter: Tensor, _ y: Tensor) -> Node {
    Node(name: node.name + "/" + kind.name, kind: kind, inputs: [x, parameter], outputs: [y])
  }

  // MARK: constants

  static func constant(_ value: Int32, name: String) throws(EngineError) -> Tensor { try constant([value], name: name) }

  static func constant(_ values: [Int32], name: String) throws(EngineError) -> Tensor {
    let tensor = Tensor(name: name, type: .int32, shape: Shape([values.count]))
    guard let memory = Buffer(count: tensor.byteCount) else { throw EngineError(.outOfMemory, "no memory for \(tensor)") }
    for (i, value) in values.enumerated() { memory.base.storeBytes(of: value, toByteOffset: 4 * i, as: Int32.self) }
    tensor.setConstant(memory.base, owner: memory)
    return tensor
  }
}

/// What an operator makes of a node's inputs, found out on copies of its tensors.
struct Trial {
  private(set) var types: [DataType] = []
  private(set) var shapes: [Shape] = []
  /// All sizes of the inputs were known, so that the shapes are those of every run.
  let isExact: Bool

  /// Sizes that stand for those which are not known, one after the other until the operator accepts one.
  private static let guesses = [1, 2, 4, 8, 3, 16, 32, 64, 224]

  /// Makes the operator and infers its outputs. nil: they depend on sizes or values that only a run knows. Throws when the CPU cannot
  /// run the node.
  static func run(_ node: Node) throws(EngineError) -> Trial? {
    var isExact = true
    for t in node.inputs where !t.shape.isKnown { isExact = false }
    if isExact { return try attempt(node, guess: 0, isExact: true) }
    for guess in guesses {
      do throws(EngineError) { return try attempt(node, guess: guess, isExact: false) } catch { continue }
    }
    // No single number fits all open sizes; whether the run's do is found out then.
    _ = try make(node)
    return nil
  }

  private static func attempt(_ node: Node, guess: Int, isExact: Bool) throws(EngineError) -> Trial? {
    let copy = Node(name: node.name, kind: node.kind, attributes: node.attributes, inputs: [], outputs: [])
    copy.quantType = node.quantType
    for t in node.inputs {
      let input = t.copy()
      input.shape = Shape(t.shape.dims.map { $0 < 0 ? guess : $0 })
      copy.inputs.append(input)
    }
    for t in node.outputs { copy.outputs.append(t.copy()) }
    let op = try make(copy)
    do throws(EngineError) { try op.infer() } catch {
      if error.code == .deferred { return nil }
      throw error
    }
    var trial = Trial(isExact: isExact)
    for t in copy.outputs {
      trial.types.append(t.type)
      trial.shapes.append(t.shape)
    }
    return trial
  }

  private init(isExact: Bool) { self.isExact = isExact }

  private static func make(_ node: Node) throws(EngineError) -> Operator {
    guard let factory = Registry.factory(for: node) else {
      throw EngineError(.notSupported, "the CPU has no operator \(node.kind.name)\(Registry.reason(against: node))")
    }
    return try factory(node)
  }
}
