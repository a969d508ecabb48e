import Graph
import Operators

/// Computes shapes, and the values of shape arithmetic, for one choice of the dimensions that the model leaves open.
///
/// Shape rules live in the operators, and those want known dimensions. So a model with open dimensions is inferred for two choices
/// of them; dimensions in which the two agree are facts, the others stay open. A model without open dimensions needs one probe,
/// and what that says is exact.
final class ShapeProbe {
  /// The tensors of the real graph under this probe's choice. A tensor without an entry has an unknown shape.
  private var shadows: [ObjectIdentifier: Tensor] = [:]
  /// Constants made from values that the probe has computed keep their tensor alive, so that identifiers stay unique.
  private var retained: [Tensor] = []
  private let choice: Int

  init(choice: Int) { self.choice = choice }

  /// The value an open dimension takes. Multiples of 64 divide evenly wherever strides and windows halve images.
  private func value(axis: Int, position: Int) -> Int {
    axis == 0 ? 1 + choice : 64 * (3 + 2 * choice + position % 3)
  }

  func shadow(of tensor: Tensor) -> Tensor? {
    if let known = shadows[ObjectIdentifier(tensor)] { return known }
    return tensor.isConstant ? tensor : nil
  }

  /// Declares a tensor whose shape is given, with open dimensions as -1. `symbols` names open dimensions that are equal.
  func declare(_ tensor: Tensor, dims: [Int], symbols: [String?] = [], symbolValues: inout [String: Int]) {
    var known = dims
    for (axis, d) in dims.enumerated() where d < 0 {
      if axis < symbols.count, let symbol = symbols[axis], !symbol.isEmpty {
        if symbolValues[symbol] == nil { symbolValues[symbol] = value(axis: axis, position: symbolValues.count) }
        known[axis] = symbolValues[symbol]!
      } else {
        known[axis] = value(axis: axis, position: axis)
      }
    }
    set(tensor, Tensor(name: tensor.name, type: tensor.type, shape: Shape(known), format: tensor.format))
  }

  func set(_ tensor: Tensor, _ shadow: Tensor) {
    if shadows.updateValue(shadow, forKey: ObjectIdentifier(tensor)) == nil { retained.append(tensor) }
  }

  func forget(_ tensor: Tensor) { shadows[ObjectIdentifier(tensor)] = nil }

  /// Infers the outputs of `node`, and their values where they follow from known ones. Returns the shadows of the outputs, or
  /// nil when the shapes cannot be told before a run.
  func infer(_ node: Node, _ model: ModelBuilder) throws(EngineError) -> [Tensor]? {
    guard let factory = Registry.factory(for: node) else {
      throw EngineError(.notSupported, "\(node.kind.name) has no implementation on the CPU")
    }
    var inputs = [Tensor]()
    for t in node.inputs {
      guard let shadow = shadow(of: t) else { return nil }
      // Parameters may have been stated after the tensor was made.
      if shadow !== t { shadow.quantParams = t.quantParams }
      inputs.append(shadow)
    }
    let copy = Node(
      name: node.name, kind: node.kind, attributes: node.attributes, inputs: inputs,
      outputs: node.outputs.map {
        let t = Tensor(name: $0.name, type: $0.type, shape: Shape())
        t.quantParams = $0.quantParams
        return t
      })
    copy.quantType = node.quantType
    let op: Operator
    do throws(EngineError) {
      op = try factory(copy)
      try op.infer()
      try ShapeProbe.check(copy.outputs)
    } catch {
      if error.code == .deferred { return nil }
      throw error
    }
    for (t, shadow) in zip(node.outputs, copy.outputs) { set(t, shadow) }
    let known = copy.inputs.allSatisfy { $0.hasKnownValue } || op.needsShapesOnly
    if op.isPure && known && copy.outputs.allSatisfy({ $0.count <= ShapeProbe.valueLimit && model.budget.take($0.byteCount) }) {
      _ = try? Folding.evaluate(op, kernels: model.kernels, pool: model.pool)
    }
    return copy.outputs
  }

  /// The format holds dimensions of 32 bits, and importers multiply two of them.
  static func check(_ outputs: [Tensor]) throws(EngineError) {
    for t in outputs {
      for d in t.shape.dims where d > Int(Int32.max) {
        throw EngineError(.inferError, "\(t) would have the dimension \(d); at most \(Int32.max) is possible")
      }
    }
  }

  /// Shape arithmetic is small; larger values are not computed for a probe.
  static let valueLimit = 1 << 16
}
