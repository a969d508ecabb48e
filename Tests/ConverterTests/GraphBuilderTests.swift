import ConverterCore
import Graph
import Testing

@Suite struct GraphBuilderTests {
  /// A constant that finds no memory is a problem of the model, with the node that wanted it, and the tensor that stands in is no
  /// constant.
  @Test func noMemoryForAConstant() throws {
    let report = Report()
    let model = ModelBuilder(.onnx, options: ImportOptions(modelFile: ""), report: report)
    defer { withExtendedLifetime(model) {} }
    let g = model.addGraph("main")
    let x = g.input("x", .float32, [2])
    let results = g.importNode("big", type: "Add", inputs: [x], outputs: 1) { () throws(EngineError) in
      // No machine has 2^49 bytes; the values are not looked at when there is no memory for them.
      [try g.add1(.addFusion, [:], [x, g.constant("huge", ints: [], dims: [1 << 47])])]
    }
    let problem = try #require(report.problems.first)
    #expect(problem.code == .outOfMemory && problem.node == "big")
    #expect(problem.text == "no memory for constant \"huge\" of 562949953421312 bytes")
    #expect(results.count == 1 && !results[0].isConstant)
  }
}
