import Graph
import ModelFile
import Operators
import System
import Testing

@testable import Runtime

/// Joins and splits whose copies the planner saves give what the copies give.
@Suite struct TensorPlacementTests {
  /// What an observer sees of the outputs of every node, by the node's position.
  private final class Watcher: RunObserver {
    var seen: [[Float]] = []
    override func after(_ node: Node) {
      for t in node.outputs { seen.append((0..<t.count).map { t.floats[$0] }) }
    }
  }

  private func relu(_ n: inout Network, _ x: Tensor) -> Tensor { n.op("relu", .activation, [0: .int(1)], [x]) }

  private func convolution(_ n: inout Network, _ x: Tensor, _ from: Int, _ to: Int, kernel: Int = 1) -> Tensor {
    let k = Int64(kernel), pad = Int64(kernel / 2)
    return n.op(
      "conv", .conv2DFusion,
      [1: .ints([k, k]), 2: .ints([1, 1]), 4: .int(0), 5: .ints([pad, pad, pad, pad]), 7: .int(1), 9: .int(1)],
      [x, n.constant([to, kernel, kernel, from]), n.constant([to])])
  }

  private func join(_ n: inout Network, _ parts: [Tensor], _ axis: Int64) -> Tensor { n.op("join", .concat, [0: .int(axis)], parts) }

  private func split(_ n: inout Network, _ x: Tensor, _ sizes: [Int64], _ axis: Int64) -> [Tensor] {
    n.ops("split", .split, [0: .int(Int64(sizes.count)), 1: .ints(sizes), 2: .int(axis)], [x], outputs: sizes.count)
  }

  /// Runs the network with `results` as outputs, and with `kept` besides: values that are outputs have memory of their own, so that all
  /// copies are made. `moves`: how many copies are left where they can be saved, and with the values kept.
  private func check(
    _ dims: [Int], moves: (saved: Int, kept: Int), resized: [Int]? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ build: (inout Network, Tensor) -> (results: [Tensor], kept: [Tensor])
  ) throws {
    var expected: [[Float]] = []
    for keeps in [true, false] {
      var network = Network(.float32)
      let x = network.add(.float32, dims)
      let (results, kept) = build(&network, x)
      let file = try network.file([x], keeps ? results + kept : results)
      var outputs: [[Float]] = []
      for threads in 1...2 {
        var options = SessionOptions()
        options.threads = threads
        options.optimises = false
        let session = try file.withUnsafeBytes { bytes throws(EngineError) in
          try Session.open(ModelSource(bytes: bytes, directory: nil), options: options)
        }
        for shape in [dims, resized ?? dims] {
          try session.resize([shape])
          let copies = session.main.steps.reduce(0) { $0 + (($1.op as? MoveOperator)?.moves.count ?? 0) }
          #expect(copies == (keeps ? moves.kept : moves.saved), "kept: \(keeps)", sourceLocation: sourceLocation)
          let values = network.values(Shape(shape).count)
          let input = Buffer(count: values.count * 4)!
          for (i, v) in values.enumerated() { input.base.storeBytes(of: v, toByteOffset: i * 4, as: Float.self) }
          session.bindInput(0, input.base)
          for _ in 0..<2 {
            try session.run(observer: nil)
            for t in session.outputs.prefix(results.count) { outputs.append((0..<t.count).map { t.floats[$0] }) }
          }
          let watcher = Watcher()
          try session.run(observer: watcher)
          outputs += watcher.seen
        }
      }
      if keeps { expected = outputs } else { #expect(outputs == expected, sourceLocation: sourceLocation) }
    }
  }

  @Test func aJoinAlongTheFirstAxis() throws {
    try check([1, 3, 5], moves: (0, 2), resized: [1, 3, 4]) { n, x in
      let a = relu(&n, x), b = n.op("abs", .abs, [:], [x])
      return ([relu(&n, join(&n, [a, b], 0))], [a, b])
    }
  }

  @Test func aJoinAlongAMiddleAxisOfOneImage() throws {
    // One run for an image; two for two images, which stay copies.
    try check([1, 3, 5, 7], moves: (0, 2)) { n, x in
      let a = relu(&n, x), b = n.op("abs", .abs, [:], [x])
      return ([relu(&n, join(&n, [a, b], 1))], [a, b])
    }
    try check([2, 3, 5, 7], moves: (2, 2)) { n, x in
      let a = relu(&n, x), b = n.op("abs", .abs, [:], [x])
      return ([relu(&n, join(&n, [a, b], 1))], [a, b])
    }
  }

  @Test func inputsConstantsAndRepetitionsAreCopied() throws {
    try check([1, 3, 5], moves: (3, 4)) { n, x in
      let a = relu(&n, x)
      return ([relu(&n, join(&n, [x, a, a, n.constant([1, 3, 5])], 1))], [a])
    }
  }

  @Test func aPartThatIsReadAfterwards() throws {
    // The activations behind the join may not write over parts of what others still read.
    try check([1, 8, 9], moves: (0, 2)) { n, x in
      let a = relu(&n, x), b = n.op("abs", .abs, [:], [x])
      let joined = join(&n, [a, b], 0)
      let c = n.op("neg", .neg, [:], [joined]), d = n.op("neg", .neg, [:], [a])
      return ([c, n.op("add", .addFusion, [:], [d, b])], [a, b])
    }
  }

  @Test func joinsOfJoins() throws {
    try check([1, 4, 6], moves: (0, 4)) { n, x in
      let a = relu(&n, x), b = n.op("abs", .abs, [:], [x]), c = n.op("neg", .neg, [:], [x])
      let inner = join(&n, [a, b], 1)
      return ([join(&n, [inner, c], 1)], [a, b, c, inner])
    }
  }

  @Test func aPartInTwoJoinsIsCopiedToOne() throws {
    try check([1, 4, 6], moves: (2, 4)) { n, x in
      let a = relu(&n, x), b = n.op("abs", .abs, [:], [x])
      return ([join(&n, [a, b], 1), join(&n, [b, a], 1)], [a, b])
    }
  }

  @Test func partsOfASplitStayWhereTheyAre() throws {
    try check([1, 6, 5], moves: (0, 3)) { n, x in
      let parts = split(&n, relu(&n, x), [1, 3, 2], 1)
      return ([relu(&n, parts[1]), n.op("neg", .neg, [:], [parts[2]]), n.op("abs", .abs, [:], [parts[0]])], parts)
    }
    // Of the caller's memory, too.
    try check([6, 5], moves: (0, 2), resized: [6, 4]) { n, x in
      let parts = split(&n, x, [2, 4], 0)
      return ([n.op("neg", .neg, [:], [parts[0]]), n.op("abs", .abs, [:], [parts[1]])], parts)
    }
  }

  @Test func splitAndJoin() throws {
    // Parts are in the split tensor already: they are copied into the join.
    try check([1, 6, 5], moves: (2, 4)) { n, x in
      let parts = split(&n, relu(&n, x), [2, 4], 1)
      return ([n.op("neg", .neg, [:], [join(&n, [parts[1], parts[0]], 1)])], parts)
    }
  }

  @Test(arguments: [1, 3, 16, 17, 33]) func convolutionsWriteTheirRowsIntoAJoin(channels: Int) throws {
    // Pointwise, gathered and Winograd's; the pooling between cannot, and is copied.
    try check([1, 9, 11, 8], moves: (1, 4), resized: [1, 7, 6, 8]) { n, x in
      let a = convolution(&n, x, 8, channels), b = convolution(&n, x, 8, channels + 2, kernel: 3), c = relu(&n, x)
      let d = convolution(&n, x, 8, 5, kernel: 5)
      return ([relu(&n, join(&n, [a, b, c, d], 3))], [a, b, c, d])
    }
    try check([2, 9, 11, 8], moves: (0, 2)) { n, x in
      let a = convolution(&n, x, 8, channels), b = convolution(&n, x, 8, 64, kernel: 3)
      return ([join(&n, [a, b], 3)], [a, b])
    }
  }

  @Test func aConvolutionThatOthersReadIsCopied() throws {
    try check([1, 9, 11, 8], moves: (1, 2)) { n, x in
      let a = convolution(&n, x, 8, 12), b = convolution(&n, x, 8, 12)
      return ([join(&n, [a, b], 3), n.op("abs", .abs, [:], [a])], [a, b])
    }
  }
}
