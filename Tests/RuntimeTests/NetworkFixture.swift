import Graph
import ModelFile
import System

/// A small network as a model file, with its tensors in float32 or in float16.
struct Network {
  var type = DataType.float32
  private var state: UInt64 = 7
  private var tensors = [Tensor](), nodes = [Node]()

  init(_ type: DataType) { self.type = type }

  /// Values that both types have.
  mutating func values(_ n: Int) -> [Float] {
    (0..<n).map { _ in
      state = state &* 6364136223846793005 &+ 1442695040888963407
      return Float(Float16(Float(Int(state >> 40) & 0xffff) / 65536 - 0.5))
    }
  }

  mutating func add(_ type: DataType, _ dims: [Int]) -> Tensor {
    let t = Tensor(name: "t\(tensors.count)", type: type, shape: Shape(dims))
    add(t)
    return t
  }

  mutating func add(_ t: Tensor) { tensors.append(t) }

  mutating func constant(_ dims: [Int]) -> Tensor {
    let t = add(type, dims)
    let buffer = Buffer(count: t.byteCount)!
    for (i, v) in values(t.count).map({ $0 / 8 }).enumerated() {
      if type == .float16 {
        buffer.base.storeBytes(of: Float16(v), toByteOffset: i * 2, as: Float16.self)
      } else {
        buffer.base.storeBytes(of: v, toByteOffset: i * 4, as: Float.self)
      }
    }
    t.setConstant(buffer.base, owner: buffer)
    return t
  }

  mutating func op(_ name: String, _ kind: OperatorKind, _ fields: [Int: AttributeValue], _ inputs: [Tensor]) -> Tensor {
    ops(name, kind, fields, inputs, outputs: 1)[0]
  }

  /// A node of several outputs.
  mutating func ops(
    _ name: String, _ kind: OperatorKind, _ fields: [Int: AttributeValue], _ inputs: [Tensor], outputs: Int
  ) -> [Tensor] {
    var a = Attributes()
    for (id, v) in fields { a[id] = v }
    let ys = (0..<outputs).map { _ in add(type, [-1]) }
    nodes.append(Node(name: name, kind: kind, attributes: a, inputs: inputs, outputs: ys))
    return ys
  }

  /// The file of a graph from `inputs` to `outputs`.
  func file(_ inputs: [Tensor], _ outputs: [Tensor]) throws -> [UInt8] {
    try ModelWriter.write(
      ModelContent(graphs: [Graph(name: "main", nodes: nodes, tensors: tensors, inputs: inputs, outputs: outputs)], framework: 3))
  }
}
