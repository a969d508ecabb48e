import Graph
import ModelFile
import System
import Testing

@testable import Runtime

/// Networks that compute in float32 and keep their weights as float16, for inputs of any length: what only moves weights gives float32 too.
struct HalfWeightTests {
  private func constant<T: BitwiseCopyable>(_ name: String, _ type: DataType, _ dims: [Int], _ values: [T]) -> Tensor {
    let t = Tensor(name: name, type: type, shape: Shape(dims))
    let buffer = Buffer(count: t.byteCount)!
    values.withUnsafeBytes { buffer.base.copyMemory(from: $0.baseAddress!, byteCount: t.byteCount) }
    t.setConstant(buffer.base, owner: buffer)
    return t
  }

  /// Rows of a table by number, a row put before them, another row added to each.
  private func network(_ length: Int) throws -> Session {
    let ids = Tensor(name: "ids", type: .int32, shape: Shape([length]))
    let table = constant("table", .float16, [4, 8], (0..<32).map { Float16($0) / 4 })
    let first = constant("first", .float16, [1, 8], (0..<8).map { Float16($0) * -3 })
    let bias = constant("bias", .float16, [8], (0..<8).map { Float16($0) * 64 })
    let axis = constant("axis", .int32, [], [Int32(0)])
    var tensors = [ids, table, first, bias, axis], nodes = [Node]()
    func op(_ name: String, _ kind: OperatorKind, _ fields: [Int: AttributeValue], _ inputs: [Tensor]) -> Tensor {
      var attributes = Attributes()
      for (id, value) in fields { attributes[id] = value }
      let y = Tensor(name: name, type: .float32, shape: Shape([-1]))
      tensors.append(y)
      nodes.append(Node(name: name, kind: kind, attributes: attributes, inputs: inputs, outputs: [y]))
      return y
    }
    let rows = op("rows", .gather, [:], [table, ids, axis])
    let all = op("all", .concat, [0: .int(0)], [first, rows])
    let sum = op("sum", .addFusion, [:], [all, bias])
    let graph = Graph(name: "main", nodes: nodes, tensors: tensors, inputs: [ids], outputs: [sum])
    graph.renumber()
    return try ModelWriter.write(ModelContent(graphs: [graph], framework: 3)).withUnsafeBytes {
      try Session.open(ModelSource(bytes: $0, directory: nil), options: SessionOptions())
    }
  }

  /// -1: the length comes with a resize.
  @Test(arguments: [3, -1]) func moved(length: Int) throws {
    let session = try network(length)
    for ids in [[2, 0, 3], [1, 1, 1, 9, -1]] as [[Int32]] where length < 0 || ids.count == length {
      try session.resize([[ids.count]])
      #expect(session.outputs[0].type == .float32 && session.outputs[0].shape == Shape([ids.count + 1, 8]))
      let memory = Buffer(count: ids.count * 4)!
      ids.withUnsafeBytes { memory.base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
      session.bindInput(0, memory.base)
      try session.run(observer: nil)
      var wanted = (0..<8).map { Float($0) * 61 }
      for id in ids {
        // What lies outside the table is zero.
        let row = id == -1 ? 3 : Int(id)
        for i in 0..<8 { wanted.append(Float(i) * 64 + (row < 4 ? Float(row * 8 + i) / 4 : 0)) }
      }
      #expect((0..<wanted.count).map { session.outputs[0].floats[$0] } == wanted)
    }
  }
}
