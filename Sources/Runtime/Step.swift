import CSystem
import Graph
import KernelSelection
import Operators

/// One operator of the execution order, with what the executor needs to know about it.
final class Step {
  enum Action {
    /// The outputs were computed while planning, or the node only makes a handle: the run passes it over.
    case skip
    /// Everything is prepared.
    case run
    /// Shapes are known only when the run reaches it: shapes, memory and kernels are chosen then.
    case runDynamic
    /// A subgraph runs; the node's outputs are its results.
    case call
  }

  let node: Node
  let op: Operator
  var action = Action.run
  /// Of a call: how to find the subgraph.
  var callee: Callee?
  /// Of a call: nothing follows it and its results are the graph's, so that the graph need not wait for them.
  var isTail = false
  /// Of a dynamic step: the inputs that shapes and kernels were last chosen for.
  var chosenFor = InputSnapshot()

  /// The chain that begins with this step: it computes the steps behind it too.
  var chain: BandChain?

  var isFolded: Bool { action == .skip }

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
    guard let factory = Registry.factory(for: node) else {
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

/// What a dynamic step's output shapes and preparation depend on.
struct InputSnapshot {
  enum Contents {
    /// Nothing recorded: choose again on every run.
    case nothing
    /// The inputs' shapes.
    case shapes
    /// Shapes, and the values of the small inputs.
    case smallValues
  }

  private(set) var contents = Contents.nothing
  private var shapes: [Shape] = []
  private var values: [UInt8] = []

  /// Inputs of up to this many bytes are compared by value.
  static let smallBytes = 256

  init() {}

  /// Records the inputs of `node`.
  init(_ node: Node, _ contents: Contents) {
    self.contents = contents
    for t in node.inputs {
      shapes.append(t.shape)
      guard contents == .smallValues, InputSnapshot.isSmall(t), let data = t.data else { continue }
      values.append(contentsOf: UnsafeRawBufferPointer(start: data, count: t.byteCount))
    }
  }

  /// A variable whose value is worth comparing.
  static func isSmall(_ t: Tensor) -> Bool { !t.isConstant && t.data != nil && t.byteCount <= smallBytes }

  /// The inputs are as they were when this was recorded. Does not allocate.
  func describes(_ node: Node) -> Bool {
    if contents == .nothing { return false }
    var position = 0
    var i = 0
    while i < node.inputs.count {
      let t = node.inputs[i]
      if t.shape != shapes[i] { return false }
      if contents == .smallValues, InputSnapshot.isSmall(t), let data = t.data {
        let count = t.byteCount
        if position + count > values.count { return false }
        let same = values.withUnsafeBytes { bytes in
          count == 0 || memcmp(bytes.baseAddress.unsafelyUnwrapped + position, data, count) == 0
        }
        if !same { return false }
        position += count
      }
      i += 1
    }
    return position == values.count
  }
}
