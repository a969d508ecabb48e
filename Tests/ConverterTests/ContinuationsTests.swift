import ConverterCore
import Graph
import ModelFile
import Runtime
import System
import Testing

@testable import ConverterPasses

/// A model of scalars in vectors of one element, whose control flow is brought into the form of files.
private final class Program {
  let model = ModelBuilder(.onnx, options: ImportOptions(modelFile: ""), report: Report())

  /// `body` makes the outputs from the main graph's input x.
  init(_ body: (Program, GraphBuilder, Tensor) throws -> [Tensor]) throws {
    let main = model.addGraph("main")
    let outputs = try body(self, main, main.input("x", .float32, [1]))
    try main.setOutputs(outputs, names: outputs.indices.map { "y\($0)" })
    try PassPipeline.run(model, PassOptions())
    PassThrough.run(model)
    Continuations.run(model)
  }

  private func subgraph(_ name: String, _ arguments: [Tensor], of outer: GraphBuilder, _ body: (GraphBuilder, [Tensor]) throws -> [Tensor]) throws -> GraphBuilder {
    let graph = model.addGraph(name)
    graph.scope = name
    let inputs = arguments.map { graph.input(like: $0, of: outer) }
    let outputs = try body(graph, inputs)
    try graph.setOutputs(outputs, names: outputs.indices.map { "\(name)_\($0)" })
    return graph
  }

  /// The results of one of two subgraphs of `arguments`: the first where the first argument is greater than `limit`.
  func branch(
    _ name: String, _ g: GraphBuilder, _ arguments: [Tensor], above limit: Float, _ then: (GraphBuilder, [Tensor]) throws -> [Tensor],
    else otherwise: (GraphBuilder, [Tensor]) throws -> [Tensor]
  ) throws -> [Tensor] {
    let condition = try g.add1(.greater, [:], [arguments[0], g.constant(floats: [limit])])
    return g.branch(
      condition, then: Branch(try subgraph(name + "_then", arguments, of: g, then), arguments),
      else: Branch(try subgraph(name + "_else", arguments, of: g, otherwise), arguments))
  }

  /// Repeats `body` while x is less than `limit`.
  func loop(_ name: String, _ g: GraphBuilder, _ x: Tensor, below limit: Float, _ body: (GraphBuilder, Tensor) throws -> Tensor) throws -> Tensor {
    let condition = try subgraph(name + "_condition", [x], of: g) { g, v in [try g.add1(.less, [:], [v[0], g.constant(floats: [limit])])] }
    let inner = try subgraph(name + "_body", [x], of: g) { g, v in [try body(g, v[0])] }
    g.scope = name
    return g.loop([x], condition: condition, body: inner)[0]
  }

  func run(_ x: Float) throws -> [Float] {
    let bytes = try ModelWriter.write(ModelContent(graphs: model.graphs.map { $0.graph }, framework: 2))
    let session = try bytes.withUnsafeBytes { try Session.open(ModelSource(bytes: $0, directory: nil), options: SessionOptions()) }
    let buffer = try #require(Buffer(count: 4))
    buffer.base.storeBytes(of: x, as: Float.self)
    session.bindInput(0, buffer.base)
    try session.run(observer: nil)
    return withExtendedLifetime(buffer) { session.outputs.map { $0.floats[0] } }
  }

  /// Every branch is the end of its graph, gives its outputs, and says so; behind a loop there are nodes that make the outputs. Nothing
  /// that only the engine of this project has is left.
  var hasFileForm: Bool {
    model.graphs.allSatisfy { builder in
      let graph = builder.graph
      return graph.nodes.enumerated().allSatisfy { i, node in
        if node.kind == .depend { return false }
        guard node.kind == .call else { return true }
        let isTail = node.attributes.bool(Attributes.id(.call, "is_tail_call"), true)
        if !isTail {
          let isLoop = graph.nodes.contains { $0.kind == .partialFusion && $0.outputs[0] === node.inputs[0] }
          return isLoop && graph.outputs.allSatisfy { t in graph.nodes[(i + 1)...].contains { $0.outputs.contains { $0 === t } } }
        }
        return i == graph.nodes.count - 1 && node.outputs.count == graph.outputs.count
          && zip(node.outputs, graph.outputs).allSatisfy { $0 === $1 }
      }
    }
  }
}

private func times(_ g: GraphBuilder, _ x: Tensor, _ factor: Float) throws -> Tensor {
  try g.add1(.mulFusion, [:], [x, g.constant(floats: [factor])])
}

private func plus(_ g: GraphBuilder, _ x: Tensor, _ term: Float) throws -> Tensor {
  try g.add1(.addFusion, [:], [x, g.constant(floats: [term])])
}

@Suite struct ContinuationsTests {
  private func check(_ program: Program, graphs: Int, _ expected: (Float) -> [Float]) throws {
    #expect(program.hasFileForm)
    #expect(program.model.graphs.count == graphs)
    for x: Float in [-3, 0.5, 2, 7] { #expect(try program.run(x) == expected(x)) }
  }

  @Test func branchAtTheEnd() throws {
    let program = try Program { p, g, x in
      try p.branch("b", g, [x], above: 1) { g, v in [try times(g, v[0], 2)] } else: { g, v in [try plus(g, v[0], 1)] }
    }
    // Nothing follows: no graph is added.
    try check(program, graphs: 3) { [$0 > 1 ? 2 * $0 : $0 + 1] }
  }

  @Test func branchInTheMiddle() throws {
    let program = try Program { p, g, x in
      let before = try times(g, x, 3)
      let y = try p.branch("b", g, [x], above: 1) { g, v in [try times(g, v[0], 2)] } else: { g, v in [try plus(g, v[0], 1)] }
      return [try g.add1(.addFusion, [:], [plus(g, y[0], 0.5), before])]
    }
    try check(program, graphs: 4) { [($0 > 1 ? 2 * $0 : $0 + 1) + 0.5 + 3 * $0] }
    // The value from before goes through both sides.
    #expect(program.model.graphs[1].graph.inputs.count == 2 && program.model.graphs[2].graph.inputs.count == 2)
  }

  /// Outputs from before, of the branch itself, and from after it; one of the branch's results is not used.
  @Test func outputsOfEveryKind() throws {
    let program = try Program { p, g, x in
      let before = try times(g, x, 3)
      let y = try p.branch("b", g, [x], above: 1) { g, v in [v[0], try times(g, v[0], 2), v[0]] } else: { g, v in
        [try plus(g, v[0], 1), v[0], try plus(g, v[0], 9)]
      }
      return [before, y[0], try times(g, y[1], -1)]
    }
    try check(program, graphs: 4) { [3 * $0, $0 > 1 ? $0 : $0 + 1, $0 > 1 ? -2 * $0 : -$0] }
  }

  @Test func twoInARow() throws {
    let program = try Program { p, g, x in
      let y = try p.branch("a", g, [x], above: 1) { g, v in [try times(g, v[0], 2)] } else: { g, v in [try plus(g, v[0], 1)] }
      let z = try p.branch("b", g, [plus(g, y[0], -1), x], above: 0) { g, v in [try times(g, v[1], 5)] } else: { g, v in [try plus(g, v[0], -4)] }
      return [try g.add1(.addFusion, [:], [z[0], x])]
    }
    try check(program, graphs: 7) { x in
      let y = (x > 1 ? 2 * x : x + 1) - 1
      return [(y > 0 ? 5 * x : y - 4) + x]
    }
  }

  /// A branch that is the end of a branch, which is not the end of the graph.
  @Test func nested() throws {
    let program = try Program { p, g, x in
      let y = try p.branch("a", g, [x], above: 0) { g, v in
        try p.branch("b", g, v, above: 1) { g, v in [try times(g, v[0], 2)] } else: { g, v in [try times(g, v[0], 3)] }
      } else: { g, v in [try plus(g, v[0], 1)] }
      return [try g.add1(.addFusion, [:], [y[0], x])]
    }
    // The inner sides call what follows the outer branch themselves.
    try check(program, graphs: 6) { [($0 > 1 ? 2 * $0 : $0 > 0 ? 3 * $0 : $0 + 1) + $0] }
  }

  @Test func branchInALoop() throws {
    let program = try Program { p, g, x in
      let y = try p.loop("l", g, x, below: 20) { g, v in
        let w = try p.branch("b", g, [v], above: 4) { g, v in [try times(g, v[0], 2)] } else: { g, v in [try plus(g, v[0], 3)] }
        return try plus(g, w[0], 0.25)
      }
      return [try g.add1(.addFusion, [:], [y, x]), y]
    }
    // Main, condition, body, what the loop ends with, two sides, the rest of the body.
    try check(program, graphs: 7) { x in
      var v = x
      while v < 20 { v = (v > 4 ? 2 * v : v + 3) + 0.25 }
      return [v + x, v]
    }
  }

  @Test func loopAtTheEndAndLoopInABranch() throws {
    let program = try Program { p, g, x in
      let y = try p.branch("b", g, [x], above: 1) { g, v in [try p.loop("m", g, v[0], below: 9) { g, v in try plus(g, v, 2) }] } else: { g, v in v }
      return [try p.loop("l", g, y[0], below: 30) { g, v in try plus(g, v, 7) }]
    }
    try check(program, graphs: 10) { x in
      var v = x
      while x > 1 && v < 9 { v += 2 }
      while v < 30 { v += 7 }
      return [v]
    }
  }

  /// A graph that is called from two places is left as it is, and runs.
  @Test func sharedGraphs() throws {
    let program = try Program { p, g, x in
      let shared = try p.branch("b", g, [x], above: 1) { g, v in [try times(g, v[0], 2)] } else: { g, v in [try plus(g, v[0], 1)] }
      let condition = try g.add1(.less, [:], [x, g.constant(floats: [0])])
      let sides = p.model.graphs[1...2].map { Branch($0, [x]) }
      let again = g.branch(condition, then: sides[0], else: sides[1])
      return [try g.add1(.addFusion, [:], [shared[0], again[0]])]
    }
    #expect(!program.hasFileForm && program.model.graphs.count == 3)
    for x: Float in [-3, 0.5, 2] { #expect(try program.run(x) == [(x > 1 ? 2 * x : x + 1) + (x < 0 ? 2 * x : x + 1)]) }
  }
}
