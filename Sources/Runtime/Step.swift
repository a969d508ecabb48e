import Graph
import Operators

/// One operator of the execution order, with what the executor needs to know about it.
final class Step {
  let node: Node
  let op: Operator
  /// The outputs were computed while planning; the run passes it over.
  var isFolded = false
  /// Shapes are known only when the run reaches it: shapes, memory and kernels are chosen then, every time.
  var isDynamic = false

  // Profile.
  var runs = 0
  var nanoseconds: UInt64 = 0

  private init(_ node: Node, _ op: Operator) {
    self.node = node
    self.op = op
  }

  static func make(_ node: Node) throws(EngineError) -> Step {
    guard let factory = Registry.factory(for: node) else {
      throw EngineError(.error, "\(node): the operator is not supported")
    }
    do throws(EngineError) { return Step(node, try factory(node)) } catch { throw error.adding(node.text) }
  }
}
