import Graph
import ModelFile
import System
import Testing

@testable import Runtime

/// Layers that run band by band give the bits that they give one after the other.
@Suite struct BandChainTests {
  private func convolution(
    _ n: inout Network, _ x: Tensor, _ from: Int, _ to: Int, _ size: [Int64], stride: Int64 = 1, pad: [Int64] = [0, 0, 0, 0]
  ) -> Tensor {
    n.op(
      "conv", .conv2DFusion,
      [1: .ints(size), 2: .ints([stride, stride]), 4: .int(0), 5: .ints(pad), 7: .int(1)],
      [x, n.constant([to, Int(size[0]), Int(size[1]), from]), n.constant([to])])
  }

  private func depthwise(_ n: inout Network, _ x: Tensor, _ channels: Int, stride: Int64) -> Tensor {
    n.op(
      "depthwise", .conv2DFusion,
      [1: .ints([3, 3]), 2: .ints([stride, stride]), 4: .int(0), 5: .ints([1, 1, 1, 1]), 7: .int(Int64(channels))],
      [x, n.constant([channels, 3, 3, 1]), n.constant([channels])])
  }

  private func pool(_ n: inout Network, _ x: Tensor, _ kind: OperatorKind, _ size: Int64, stride: Int64, pad: Int64, up: Bool = false) -> Tensor {
    n.op(
      "pool", kind,
      [0: .ints([size, size]), 1: .ints([stride, stride]), 2: .ints([pad, pad, pad, pad]), 3: .int(0), 4: .int(up ? 1 : 0)], [x])
  }

  private final class Watcher: RunObserver {}

  /// Builds the network for 1 to 3 threads and compares; at least `steps` of it must run in chains, so that there is something to compare.
  /// The same results come from any cache; the sizes of the networks are for one of 1 MiB.
  private func check(
    _ h: Int, _ w: Int, _ channels: Int, chained steps: Int, cache: Int = 1 << 20, _ build: (inout Network, Tensor) -> Tensor
  ) throws {
    var network = Network(.float32)
    let x = network.add(.float32, [1, h, w, channels])
    let y = build(&network, x)
    let file = try network.file([x], [y]), values = network.values(h * w * channels)
    var first: [Float]? = nil
    for threads in 1...3 {
      var options = SessionOptions()
      options.threads = threads
      options.secondLevelCache = cache
      let session = try file.withUnsafeBytes { bytes throws(EngineError) in
        try Session.open(ModelSource(bytes: bytes, directory: nil), options: options)
      }
      let input = Buffer(count: h * w * channels * 4)!
      for (i, v) in values.enumerated() { input.base.storeBytes(of: v, toByteOffset: i * 4, as: Float.self) }
      session.bindInput(0, input.base)
      #expect(session.chainedSteps >= steps)
      #expect(session.profile.count { $0.chain > 0 } == session.chainedSteps)
      var results = [[Float]]()
      for observer in [nil, Watcher()] {
        try session.run(observer: observer)
        let t = session.outputs[0]
        results.append((0..<t.count).map { t.floats[$0] })
        for i in 0..<t.count { t.floats[i] = .nan }
      }
      #expect(results[0] == results[1], "\(threads) threads")
      if let first { #expect(results[0] == first) } else { first = results[0] }
    }
  }

  @Test func firstLayerPoolDepthwiseAndPointwise() throws {
    try check(181, 150, 3, chained: 4) { n, x in
      var y = convolution(&n, x, 3, 32, [3, 3], pad: [1, 1, 1, 1])
      y = pool(&n, y, .maxPoolFusion, 3, stride: 2, pad: 1)
      y = depthwise(&n, y, 32, stride: 1)
      return convolution(&n, y, 32, 24, [1, 1])
    }
  }

  @Test(arguments: [1 << 18, 1 << 20, 1 << 22]) func winogradAndPoolsOfOddSizes(_ cache: Int) throws {
    // What lies between these layers stays in a cache of 4 MiB by itself.
    try check(131, 97, 5, chained: cache > 1 << 20 ? 0 : 3, cache: cache) { n, x in
      var y = convolution(&n, x, 5, 32, [5, 5], pad: [2, 2, 2, 2])
      y = convolution(&n, y, 32, 48, [3, 3], pad: [0, 0, 1, 1])
      y = convolution(&n, y, 48, 40, [3, 3], pad: [1, 1, 1, 1])
      return pool(&n, y, .avgPoolFusion, 2, stride: 2, pad: 0, up: true)
    }
  }

  /// Strides beyond the kernel leave rows out.
  @Test func rowsThatNobodyReads() throws {
    try check(200, 120, 4, chained: 3) { n, x in
      var y = convolution(&n, x, 4, 24, [1, 1])
      y = convolution(&n, y, 24, 40, [1, 1], stride: 2)
      return pool(&n, y, .maxPoolFusion, 2, stride: 3, pad: 0)
    }
  }

  /// The sum is written over what the depthwise layer reads, unless the planner keeps them apart.
  @Test func residualAroundAChain() throws {
    try check(90, 80, 3, chained: 2) { n, x in
      let a = convolution(&n, x, 3, 32, [3, 3], pad: [1, 1, 1, 1])
      var y = depthwise(&n, a, 32, stride: 1)
      y = convolution(&n, y, 32, 32, [1, 1])
      y = n.op("sum", .addFusion, [:], [y, a])
      return n.op("end", .activation, [0: .int(1)], [pool(&n, y, .maxPoolFusion, 90, stride: 90, pad: 0)])
    }
  }
}
