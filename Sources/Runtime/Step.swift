import Graph
import KernelSelection
import Operators

/// One operator of the execution order, with what the executor needs to know about it.
final class Step {
  let node: Node
  let op: Operator
  /// The outputs were computed while planning; the run passes it over.
  var isFolded = false
  /// Shapes are known only when the run reaches it: shapes, memory and kernels are chosen then, every time.
  var isDynamic = false

  /// Half-precision kernels that the operator may choose; nil: it computes in float32.
  let half: HalfKernelPointer?

  // Profile.
  var runs = 0
  var nanoseconds: UInt64 = 0

  private init(_ node: Node, _ op: Operator, _ half: HalfKernelPointer?) {
    self.node = node
    self.op = op
    self.half = half
  }

  static func make(_ node: Node, half: HalfKernelPointer?) throws(EngineError) -> Step {
    guard let factory = Registry.factory(for: node.kind) else {
      throw EngineError(.error, "\(node): the operator is not supported")
    }
    do throws(EngineError) { return Step(node, try factory(node), half) } catch { throw error.adding(node.text) }
  }

  /// The arithmetic that the operator computes in, for the profile.
  var arithmetic: StaticString {
    if op.halfArithmetic != 0 { return HalfKernels.name(op.halfArithmetic) }
    var isFloat = false
    for t in node.inputs where t.type == .float32 || t.type == .float16 { isFloat = true }
    for t in node.outputs where t.type == .float32 || t.type == .float16 { isFloat = true }
    return isFloat ? "float32" : ""
  }
}
