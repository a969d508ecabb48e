import CKernels
import Foundation
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

/// Runs one operator of training outside a graph, and differentiates what it should compute.
enum TrainingBench {
  /// What an input holds.
  struct Input {
    var dims: [Int]
    var floats: [Float] = []
    var ints: [Int32]? = nil
    var isLong = false
    /// The value comes with the model.
    var constant = false
    var format = Format.nhwc

    static func floats(_ values: [Float], _ dims: [Int], constant: Bool = false) -> Input {
      Input(dims: dims, floats: values, constant: constant)
    }
    static func noise(_ dims: [Int], seed: UInt64, range: Float = 2) -> Input {
      Input(dims: dims, floats: MathHarness.noise(dims.reduce(1, *), seed: seed, range: range))
    }
    static func number(_ value: Float) -> Input { Input(dims: [1], floats: [value]) }
    static func ints(_ values: [Int32], format: Format = .nhwc) -> Input {
      Input(dims: [values.count], ints: values, constant: true, format: format)
    }
    static func labels(_ values: [Int32], long: Bool = false) -> Input { Input(dims: [values.count], ints: values, isLong: long) }
  }

  struct Result {
    var outputs: [[Float]], shapes: [[Int]]
    /// The inputs after the run.
    var inputs: [[Float]]
  }

  private static func tensor(_ input: Input, _ index: Int) -> Tensor {
    let t = Tensor(
      name: "in\(index)", type: input.ints == nil ? .float32 : input.isLong ? .int64 : .int32, shape: Shape(input.dims),
      format: input.format)
    let count = input.ints?.count ?? input.floats.count
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count * 8, 8), alignment: 64)
    if let ints = input.ints, input.isLong {
      for (i, v) in ints.enumerated() { memory.storeBytes(of: Int64(v), toByteOffset: i * 8, as: Int64.self) }
    } else if let ints = input.ints {
      ints.withUnsafeBytes { if let p = $0.baseAddress { memory.copyMemory(from: p, byteCount: $0.count) } }
    } else {
      input.floats.withUnsafeBytes { if let p = $0.baseAddress { memory.copyMemory(from: p, byteCount: $0.count) } }
    }
    if input.constant { t.setConstant(memory, owner: nil) } else { t.data = memory }
    return t
  }

  /// Runs the operator on 1, 2 and 3 threads, which must give the same bits. `body` may do something else with it than to run it.
  static func run(
    _ kind: OperatorKind, _ fields: [Int: AttributeValue] = [:], _ inputs: [Input], outputs: Int = 1, trains: Bool = false,
    records: Bool = true, _ body: (Operator, ExecutionContext) throws -> Void = { try $0.run($1) }
  ) throws -> Result {
    var results = [Result]()
    for threads in 1...3 {
      let tensors = inputs.enumerated().map { tensor($1, $0) }
      let node = Node(
        name: "n", kind: kind, attributes: MathHarness.attributes(fields), inputs: tensors,
        outputs: (0..<outputs).map { Tensor(name: "out\($0)", type: .unknown, shape: Shape()) })
      guard let make = Registry.factory(for: kind) else { throw EngineError(.unknownOperator, "no factory") }
      let op = try make(node)
      op.trains = trains
      try op.infer()
      let context = ExecutionContext(
        kernels: Kernels.active, pool: ThreadPool(threadCount: threads),
        workspace: UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 64))
      try op.prepare(context)
      let workspace = Block(op.workspaceBytes)
      // What another operator has left there.
      memset(workspace.data, 0xC3, op.workspaceBytes)
      context.workspace = workspace.data
      var blocks = [Block]()
      for t in node.outputs {
        let block = Block(t.byteCount)
        memset(block.data, 0xA5, t.byteCount)
        t.data = block.data
        blocks.append(block)
      }
      try body(op, context)
      for b in blocks + [workspace] { #expect(b.isIntact, "\(kind.name)") }
      results.append(
        Result(
          outputs: node.outputs.map { t in (0..<t.count).map { t.floats[$0] } }, shapes: node.outputs.map { $0.shape.dims },
          inputs: tensors.map { t in t.type == .float32 ? (0..<t.count).map { t.floats[$0] } : [] }))
      if records && threads == 3 {
        OperatorCoverage.record(node)
        if op.updatedInputs.isEmpty { try Float16Twin.check(node) }
      }
    }
    for r in results[1...] {
      #expect(r.outputs.map { $0.map(\.bitPattern) } == results[0].outputs.map { $0.map(\.bitPattern) }, "\(kind.name): threads differ")
      #expect(r.inputs.map { $0.map(\.bitPattern) } == results[0].inputs.map { $0.map(\.bitPattern) }, "\(kind.name): threads differ")
    }
    return results[0]
  }

  /// The message with which the node is refused.
  static func refusal(_ kind: OperatorKind, _ fields: [Int: AttributeValue] = [:], _ inputs: [Input], outputs: Int = 1) -> String {
    do {
      _ = try run(kind, fields, inputs, outputs: outputs, records: false)
      return "accepted"
    } catch { return (error as? EngineError)?.message ?? "\(error)" }
  }

  /// Central differences of the sum of `dy` times what `f` computes in double precision.
  static func gradient(_ x: [Float], _ dy: [Float], _ f: ([Double]) -> [Double]) -> [Double] {
    let h = 1e-5
    var at = x.map(Double.init)
    func loss() -> Double { zip(f(at), dy).reduce(0) { $0 + $1.0 * Double($1.1) } }
    return x.indices.map { i in
      let value = at[i]
      at[i] = value + h
      let up = loss()
      at[i] = value - h
      let down = loss()
      at[i] = value
      return (up - down) / (2 * h)
    }
  }

  /// Relative to the values, and to a hundredth of the largest one.
  static func expect(_ got: [Float], _ wanted: [Double], _ tolerance: Double = 1e-3, _ name: String = "", line: Int = #line) {
    #expect(got.count == wanted.count, "\(name), line \(line)")
    let largest = wanted.map(\.magnitude).max() ?? 0
    for (i, (g, w)) in zip(got, wanted).enumerated() where !((Double(g) - w).magnitude <= tolerance * (w.magnitude + 0.01 * largest) + 1e-9) {
      Issue.record("\(name)[\(i)] is \(g), not \(w); line \(line)")
      return
    }
  }
}
