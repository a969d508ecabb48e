import CKernels
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

/// Every run of a float32 operator in these tests has a twin in float16: the same node on the same values, rounded to float16, once as
/// float32 and once as float16 tensors. The float16 run must give what the float32 run gives, rounded.
enum Float16Twin {
  static func check(_ node: Node) throws {
    guard node.inputs.contains(where: { $0.type == .float32 && $0.count > 0 && $0.data != nil }) else { return }
    let wide = copy(node, .float32), half = copy(node, .float16)
    // What float32 refuses (a rounded size that fits no longer, say) has no twin; nor has what no float16 value can say.
    guard (try? run(wide)) != nil, (try? run(half)) != nil else { return }
    OperatorCoverage.record(half)
    for (a, b) in zip(half.outputs, wide.outputs) {
      #expect(a.shape == b.shape, "\(node.text)")
      guard a.count > 0, a.shape == b.shape, let x = a.data, let y = b.data else { continue }
      var same = true
      for i in 0..<a.count {
        if a.type == .float16 && b.type == .float32 {
          let got = x.load(fromByteOffset: i * 2, as: Float16.self), wanted = Float16(y.load(fromByteOffset: i * 4, as: Float.self))
          same = same && (got == wanted || (got.isNaN && wanted.isNaN))
        } else {
          same = same && a.type == b.type
          for k in 0..<a.type.size where same {
            same = x.load(fromByteOffset: i * a.type.size + k, as: UInt8.self) == y.load(fromByteOffset: i * a.type.size + k, as: UInt8.self)
          }
        }
      }
      #expect(same, "float16 gives something else than float32 rounded: \(node.text)")
    }
  }

  /// The node on the values that float16 has, its float32 and float16 inputs in `type`; one tensor that is two inputs stays one.
  private static func copy(_ node: Node, _ type: DataType) -> Node {
    var made = [(Tensor, Tensor)]()
    let inputs = node.inputs.map { t -> Tensor in
      if let twin = made.first(where: { $0.0 === t }) { return twin.1 }
      let isFloat = t.type == .float32 || t.type == .float16
      let twin = Tensor(name: t.name, type: isFloat ? type : t.type, shape: t.shape, format: t.format)
      twin.quantParams = t.quantParams
      twin.consumers = 2
      made.append((t, twin))
      guard let data = t.data else { return twin }
      let bytes = Buffer(count: max(twin.byteCount, 4))!
      for i in 0..<t.count where isFloat {
        let value =
          t.type == .float16
          ? data.loadUnaligned(fromByteOffset: i * 2, as: Float16.self) : Float16(data.loadUnaligned(fromByteOffset: i * 4, as: Float.self))
        if type == .float16 {
          bytes.base.storeBytes(of: value, toByteOffset: i * 2, as: Float16.self)
        } else {
          bytes.base.storeBytes(of: Float(value), toByteOffset: i * 4, as: Float.self)
        }
      }
      if !isFloat { bytes.base.copyMemory(from: data, byteCount: t.byteCount) }
      keep(bytes)
      if t.isConstant { twin.setConstant(bytes.base, owner: bytes) } else { twin.data = bytes.base }
      return twin
    }
    let outputs = node.outputs.map { t -> Tensor in
      let twin = Tensor(name: t.name, type: .unknown, shape: Shape())
      twin.quantParams = t.quantParams
      return twin
    }
    let twin = Node(name: node.name, kind: node.kind, attributes: node.attributes, inputs: inputs, outputs: outputs)
    twin.quantType = node.quantType
    twin.fused = node.fused
    return twin
  }

  /// Keeps memory for as long as the process lives: tests are short.
  private static func keep(_ buffer: Buffer) { _ = Unmanaged.passRetained(buffer) }

  private static func run(_ node: Node) throws {
    guard let factory = Registry.factory(for: node.kind) else { throw EngineError(.unknownOperator, "no operator") }
    let op = try factory(node)
    try op.infer()
    let pool = ThreadPool(threadCount: 2)
    let context = ExecutionContext(kernels: Kernels.active, pool: pool, workspace: UnsafeMutableRawPointer(bitPattern: 64)!)
    try op.prepare(context)
    let workspace = Buffer(count: op.workspaceBytes + 64)!
    context.workspace = workspace.base
    for t in node.outputs {
      let bytes = Buffer(count: max(t.byteCount, 4))!
      keep(bytes)
      t.data = bytes.base
    }
    try op.run(context)
  }
}
