import CKernels
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

/// Operators that pass tensor lists or array handles on: each is run on the tensors that earlier ones have made.
final class ControlBench {
  private let pool = ThreadPool(threadCount: 1)
  private var blocks: [Block] = []

  func tensor(_ v: Value) -> Tensor {
    let t = Tensor(name: "v", type: v.type, shape: Shape(v.dims))
    let block = Block(v.bytes.count)
    for (i, b) in v.bytes.enumerated() { block.data.storeBytes(of: b, toByteOffset: i, as: UInt8.self) }
    blocks.append(block)
    t.data = block.data
    return t
  }

  /// Runs a node as the executor does: the values of all inputs are known. `outputs` are the declared types.
  @discardableResult
  func run(_ kind: OperatorKind, _ inputs: [Tensor], _ attributes: Attributes = Attributes(), outputs: [DataType] = [.unknown]) throws
    -> [Tensor]
  {
    let results = outputs.map { Tensor(name: "out", type: $0, shape: Shape([-1])) }
    let node = Node(name: "n", kind: kind, attributes: attributes, inputs: inputs, outputs: results)
    for t in inputs { t.consumers += 1 }
    guard let factory = Registry.factory(for: kind) else { throw EngineError(.unknownOperator, "no operator") }
    let op = try factory(node)
    let variables = inputs.filter { !$0.isConstant }
    for t in variables { t.markKnown(true) }
    defer { for t in variables { t.markKnown(false) } }
    try op.infer()
    for t in results {
      let block = Block(t.byteCount)
      blocks.append(block)
      t.data = block.data
    }
    let context = ExecutionContext(kernels: Kernels.active, pool: pool, workspace: UnsafeMutableRawPointer(bitPattern: 64)!)
    try op.prepare(context)
    #expect(op.workspaceBytes == 0)
    // Before the run, because an operator may take its input's list away.
    OperatorCoverage.record(node)
    try op.run(context)
    for b in blocks { #expect(b.isIntact) }
    return results
  }

  func refusal(_ kind: OperatorKind, _ inputs: [Tensor], _ attributes: Attributes = Attributes(), outputs: [DataType] = [.unknown])
    -> String
  {
    do {
      _ = try run(kind, inputs, attributes, outputs: outputs)
      return "accepted"
    } catch let e as EngineError { return e.code == .deferred ? "deferred" : e.message } catch { return "\(error)" }
  }

  func value(_ t: Tensor) -> Value {
    Value(t.type, t.shape.dims, [UInt8](UnsafeRawBufferPointer(start: t.data, count: t.byteCount)))
  }
}
