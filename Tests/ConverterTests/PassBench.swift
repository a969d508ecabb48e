import ConverterCore
import ConverterPasses
import Graph
import ModelFile
import Runtime
import System
import Testing

/// Builds a model twice, runs the passes on one of them, runs both without the engine's own optimiser, and compares.
struct PassBench {
  var framework = Framework.onnx
  var options = PassOptions()
  /// Input dimensions of the run where the model's are open.
  var runShapes: [[Int]]? = nil

  /// Values that depend on the position only, so that both models get the same.
  static func values(_ count: Int, seed: Int, positive: Bool = false) -> [Float] {
    (0..<count).map { i in
      let v = Float((i &* 7919 &+ seed &* 104729) % 1009) / 252 - 2
      return positive ? abs(v) + 0.1 : v
    }
  }

  private func build(_ body: (GraphBuilder) throws -> [Tensor]) throws -> ModelBuilder {
    let model = ModelBuilder(framework, options: ImportOptions(modelFile: ""), report: Report())
    let graph = model.addGraph("main")
    graph.scope = "n"
    let outputs = try body(graph)
    try graph.setOutputs(outputs, names: outputs.indices.map { "y\($0)" })
    return model
  }

  private func run(_ model: ModelBuilder) throws -> [[Float]] {
    let bytes = try ModelWriter.write(ModelContent(graphs: model.graphs.map { $0.graph }, framework: model.framework.rawValue))
    var sessionOptions = SessionOptions()
    sessionOptions.optimises = false
    let session = try bytes.withUnsafeBytes { try Session.open(ModelSource(bytes: $0, directory: nil), options: sessionOptions) }
    if let runShapes { try session.resize(runShapes) }
    var buffers = [Buffer]()
    for (i, t) in session.inputs.enumerated() {
      let buffer = try #require(Buffer(count: max(t.byteCount, 4)))
      for (k, v) in Self.values(t.count, seed: i + 1).enumerated() { buffer.base.storeBytes(of: v, toByteOffset: 4 * k, as: Float.self) }
      buffers.append(buffer)
      session.bindInput(i, buffer.base)
    }
    try session.run(observer: nil)
    return withExtendedLifetime(buffers) { session.outputs.map { t in (0..<t.count).map { t.floats[$0] } } }
  }

  /// The kinds of the nodes after the passes, in order; checks that the results stay the same.
  @discardableResult
  func kinds(tolerance: Float = 1e-5, _ body: (GraphBuilder) throws -> [Tensor]) throws -> [String] {
    var plain = options
    plain.optimise = false
    let before = try build(body), after = try build(body)
    try PassPipeline.run(before, plain)
    try PassPipeline.run(after, options)
    let a = try run(before), b = try run(after)
    #expect(a.count == b.count)
    for (x, y) in zip(a, b) {
      #expect(x.count == y.count)
      let peak = x.reduce(Float(1e-20)) { max($0, abs($1)) }
      let difference = zip(x, y).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(difference <= peak * tolerance, "difference \(difference) of \(peak)")
    }
    return after.main.graph.nodes.map { $0.kind.name }
  }
}

extension GraphBuilder {
  func weights(_ dims: [Int], seed: Int = 5, positive: Bool = false) -> Tensor {
    constant(floats: PassBench.values(Shape(dims).count, seed: seed, positive: positive), dims: dims)
  }

  /// A convolution as the importers of channels-first frameworks make it.
  func convolution(_ x: Tensor, _ input: Int, _ output: Int, kernel: Int = 3) throws -> Tensor {
    let pad = kernel / 2
    let y = try add1(
      .conv2DFusion,
      [
        "kernel_size": .list([kernel, kernel]), "stride": [1, 1], "dilation": [1, 1], "pad_mode": 0, "pad_list": .list([pad, pad, pad, pad]),
        "group": 1, "in_channel": .number(input), "out_channel": .number(output),
      ], [nhwc(x), weights([output, kernel, kernel, input])])
    return try nchw(y)
  }

  func activation(_ x: Tensor, _ type: Int) throws -> Tensor { try add1(.activation, ["activation_type": .number(type)], [x]) }
  func scalar(_ value: Float) -> Tensor { constant(floats: [value], dims: []) }
}
