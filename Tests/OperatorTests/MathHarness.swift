import CKernels
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

/// Runs one operator outside a graph.
enum MathHarness {
  /// A tensor whose bytes live as long as the process: tests are short.
  static func tensor<T>(_ values: [T], _ dims: [Int], _ type: DataType, constant: Bool = false, format: Format = .nhwc) -> Tensor {
    let t = Tensor(name: "t", type: type, shape: Shape(dims), format: format)
    let memory = UnsafeMutablePointer<T>.allocate(capacity: max(values.count, 1))
    memory.initialize(from: values, count: values.count)
    if constant { t.setConstant(memory, owner: nil) } else if !values.isEmpty { t.data = UnsafeMutableRawPointer(memory) }
    return t
  }

  static func floats(_ values: [Float], _ dims: [Int], constant: Bool = false, format: Format = .nhwc) -> Tensor {
    tensor(values, dims, .float32, constant: constant, format: format)
  }

  static func halves(_ values: [Float], _ dims: [Int]) -> Tensor {
    var bits = [UInt16](repeating: 0, count: values.count)
    Kernels.active.pointee.f32_to_f16(values, &bits, values.count)
    return tensor(bits, dims, .float16, constant: true)
  }

  static func ints(_ values: [Int32], _ dims: [Int], constant: Bool = true) -> Tensor {
    tensor(values, dims, .int32, constant: constant)
  }

  static func attributes(_ fields: [Int: AttributeValue]) -> Attributes {
    var a = Attributes()
    for (id, value) in fields { a[id] = value }
    return a
  }

  static func node(
    _ kind: OperatorKind, _ fields: [Int: AttributeValue], _ inputs: [Tensor], outputs: Int = 1,
    activation: FusedOperations = FusedOperations()
  ) -> Node {
    let node = Node(
      name: "n", kind: kind, attributes: attributes(fields), inputs: inputs,
      outputs: (0..<outputs).map { Tensor(name: "y\($0)", type: .unknown, shape: Shape()) })
    node.fused = activation
    return node
  }

  /// Runs the node on pools of one and of two threads, checks that the bits agree, and returns the node.
  @discardableResult
  static func run(_ node: Node) throws -> Node {
    var bytes = [[UInt8]]()
    for threads in [1, 2] {
      let pool = ThreadPool(threadCount: threads)
      guard let make = Registry.factory(for: node.kind) else { throw EngineError(.unknownOperator, "no factory") }
      let op = try make(node)
      let context = ExecutionContext(kernels: Kernels.active, pool: pool, workspace: UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 64))
      try op.infer()
      try op.prepare(context)
      context.workspace = UnsafeMutableRawPointer.allocate(byteCount: op.workspaceBytes + 64, alignment: 64)
      for t in node.outputs where t.count > 0 {
        t.data = UnsafeMutableRawPointer.allocate(byteCount: t.byteCount + 64, alignment: 64)
        // A run must write every byte of its output, and none behind it.
        t.data?.initializeMemory(as: UInt8.self, repeating: 0xA5, count: t.byteCount + 64)
      }
      try op.run(context)
      var all = [UInt8]()
      for t in node.outputs where t.count > 0 {
        let p = t.pointer(UInt8.self)
        all += UnsafeBufferPointer(start: p, count: t.byteCount)
        for i in 0..<64 { #expect(p[t.byteCount + i] == 0xA5) }
      }
      bytes.append(all)
    }
    #expect(bytes[0] == bytes[1], "one thread and two threads differ")
    OperatorCoverage.record(node)
    try Float16Twin.check(node)
    return node
  }

  static func run(
    _ kind: OperatorKind, _ fields: [Int: AttributeValue] = [:], _ inputs: [Tensor], outputs: Int = 1
  ) throws -> Node {
    try run(node(kind, fields, inputs, outputs: outputs))
  }

  /// The message with which the node is refused; nil when it is not.
  static func refusal(_ kind: OperatorKind, _ fields: [Int: AttributeValue] = [:], _ inputs: [Tensor], outputs: Int = 1) -> String? {
    do {
      _ = try run(kind, fields, inputs, outputs: outputs)
      return nil
    } catch { return (error as? EngineError)?.message ?? "?" }
  }

  /// Reproducible values in -range...range.
  static func noise(_ count: Int, seed: UInt64 = 1, range: Float = 2) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return (Float(state >> 40) / Float(1 << 24) * 2 - 1) * range
    }
  }

  static func expect(_ tensor: Tensor, _ wanted: [Double], _ tolerance: Double = 2e-6, _ name: String = "") {
    #expect(tensor.count == wanted.count, "\(name)")
    guard tensor.count == wanted.count, tensor.count > 0 else { return }
    for i in 0..<wanted.count {
      let got = Double(tensor.floats[i])
      if got.isNaN && wanted[i].isNaN || got == wanted[i] { continue }
      // Not-a-number on one side only fails the comparison too.
      if !(abs(got - wanted[i]) <= tolerance * max(1, abs(wanted[i]))) {
        Issue.record("\(name)[\(i)] is \(got), not \(wanted[i])")
        return
      }
    }
  }

  static func values<T>(_ tensor: Tensor, _ type: T.Type) -> [T] {
    tensor.count == 0 ? [] : Array(UnsafeBufferPointer(start: tensor.pointer(type), count: tensor.count))
  }
}

/// Row-major index of `position` (as long as `dims` or longer, right-aligned) in a shape that broadcasts.
func broadcastIndex(_ position: [Int], _ dims: [Int]) -> Int {
  var index = 0
  for (axis, d) in dims.enumerated() {
    index = index * d + (d == 1 ? 0 : position[axis + position.count - dims.count])
  }
  return index
}

/// Every position of a shape in row-major order.
func positions(_ dims: [Int]) -> [[Int]] {
  var all: [[Int]] = [[]]
  for d in dims { all = all.flatMap { p in (0..<d).map { p + [$0] } } }
  return all
}
