import ConverterCore
import ConverterPasses
import Graph
import Testing

@Suite struct TransposeLabelsTests {
  /// x is transposed to [0, 3, 1, 2], negated, and read by `reader`. Returns the orders of the transpositions after the pass.
  private func orders(reader: (GraphBuilder, Tensor) throws(EngineError) -> Tensor) throws -> [[Int]] {
    let model = ModelBuilder(.onnx, options: ImportOptions(modelFile: ""), report: Report())
    defer { withExtendedLifetime(model) {} }
    let g = model.addGraph("main")
    let x = g.input("x", .float32, [1, 4, 5, 6])
    let turned = try g.add1(.transpose, [:], [x, g.constant(ints: [0, 3, 1, 2])])
    g.graph.outputs = [try reader(g, try g.add1(.neg, [:], [turned]))]
    TransposeLabels.run(model)
    #expect(g.dims(of: turned) == [1, 6, 4, 5])
    return g.graph.nodes.filter { $0.kind == .transpose }.map { $0.inputs[1].knownIntegers() ?? [] }
  }

  /// A pooling wants NHWC, whatever the runtime calls the result of the transposition.
  @Test func twoTranspositionsBeforeAPooling() throws {
    let orders = try orders { (g, t) throws(EngineError) in
      try g.add1(.maxPoolFusion, ["kernel_size": .list([2, 2]), "strides": .list([2, 2]), "pad": .list([0, 0, 0, 0])], [t])
    }
    #expect(orders == [[0, 2, 3, 1], [0, 2, 3, 1]])
  }

  @Test func oneBeforeWhatTakesAnyLayout() throws {
    #expect(try orders { (g, t) throws(EngineError) in try g.add1(.softmax, ["axis": .list([1])], [t]) } == [[0, 3, 1, 2]])
    let flat = try orders { (g, t) throws(EngineError) in
      let rows = try g.reshape(t, [1, 6, 20, 1])
      return try g.add1(.maxPoolFusion, ["kernel_size": .list([1, 1]), "strides": .list([1, 1]), "pad": .list([0, 0, 0, 0])], [rows])
    }
    #expect(flat == [[0, 3, 1, 2]])
  }
}
