import Foundation
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

private typealias B = TrainingBench

@Suite struct TrainingNormTests {
  @Test func biasGradients() throws {
    for dims in [[3], [1, 5], [4, 7, 33], [2, 3, 3, 6], [1000, 70], [40_000, 3]] {
      let n = dims[dims.count - 1], dy = MathHarness.noise(dims.reduce(1, *), seed: 1)
      var wanted = [Double](repeating: 0, count: n)
      for (i, v) in dy.enumerated() { wanted[i % n] += Double(v) }
      B.expect(try B.run(.biasAddGrad, [.floats(dy, dims)]).outputs[0], wanted, 1e-3, "\(dims)")
    }
    #expect(try B.run(.biasAddGrad, [.floats([], [0, 3])]).outputs[0] == [0, 0, 0])
    #expect(B.refusal(.biasAddGrad, [.floats([1], [])]).contains("in0"))
  }

  /// Batch normalisation in double precision: x [rows, c], scale, bias.
  private static func normalised(_ x: [Double], _ scale: [Double], _ bias: [Double], _ epsilon: Double) -> [Double] {
    let c = scale.count, rows = x.count / c
    var y = x
    for j in 0..<c {
      let column = (0..<rows).map { x[$0 * c + j] }
      let mean = column.reduce(0, +) / Double(rows), variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
      for r in 0..<rows { y[r * c + j] = scale[j] * (x[r * c + j] - mean) / (variance + epsilon).squareRoot() + bias[j] }
    }
    return y
  }

  @Test func batchNormInTraining() throws {
    for dims in [[6, 5], [2, 3, 4, 7], [3, 40, 40, 19], [1, 2, 2, 33]] {
      let c = dims[dims.count - 1], count = dims.reduce(1, *), rows = count / c
      // A mean far from 0 must not cost the variance its digits.
      let x = MathHarness.noise(count, seed: 1).map { $0 + 30 }
      let scale = MathHarness.noise(c, seed: 2), bias = MathHarness.noise(c, seed: 3)
      let mean0 = MathHarness.noise(c, seed: 4), variance0 = MathHarness.noise(c, seed: 5).map { $0.magnitude + 0.1 }
      let momentum: Float = 0.3, epsilon = Double(Float(1e-3))
      let fields: [Int: AttributeValue] = [0: .float(epsilon), 1: .float(Double(momentum)), 2: .int(1)]
      let inputs = [B.Input.floats(x, dims), .floats(scale, [c]), .floats(bias, [c]), .floats(mean0, [c]), .floats(variance0, [c])]
      let r = try B.run(.fusedBatchNorm, fields, inputs, outputs: 5, trains: true)
      let exact = x.map(Double.init)
      B.expect(r.outputs[0], Self.normalised(exact, scale.map(Double.init), bias.map(Double.init), epsilon), 1e-3, "\(dims)")
      var means = [Double](), variances = [Double]()
      for j in 0..<c {
        let column = (0..<rows).map { exact[$0 * c + j] }
        means.append(column.reduce(0, +) / Double(rows))
        variances.append(column.reduce(0) { $0 + ($1 - means[j]) * ($1 - means[j]) } / Double(rows))
      }
      B.expect(r.outputs[3], means, 1e-5)
      B.expect(r.outputs[4], variances, 1e-3)
      let m = Double(momentum)
      B.expect(r.inputs[3], (0..<c).map { (1 - m) * Double(mean0[$0]) + m * means[$0] }, 1e-5)
      B.expect(r.inputs[4], (0..<c).map { (1 - m) * Double(variance0[$0]) + m * variances[$0] }, 1e-3)

      // Not in training: the running statistics, which stay as they are.
      let still = try B.run(.fusedBatchNorm, fields, inputs, outputs: 5)
      #expect(still.inputs[3] == mean0 && still.inputs[4] == variance0)
      B.expect(
        still.outputs[0],
        x.indices.map { Double(scale[$0 % c]) * (exact[$0] - Double(mean0[$0 % c])) / (Double(variance0[$0 % c]) + epsilon).squareRoot() + Double(bias[$0 % c]) },
        1e-4)
      // Another share, as virtual batches want it.
      let other = try B.run(.fusedBatchNorm, fields, inputs, outputs: 5, trains: true) { op, context in
        #expect(op.statisticsMomentum == momentum)
        op.statisticsMomentum = 1
        try op.run(context)
      }
      B.expect(other.inputs[3], means, 1e-5)
    }
    let constants = (0..<5).map { B.Input.floats([1], [1], constant: $0 > 2) }
    let message: String
    do {
      _ = try B.run(.fusedBatchNorm, [:], constants, outputs: 5, trains: true)
      message = "accepted"
    } catch { message = (error as? EngineError)?.message ?? "" }
    #expect(message.contains("in3"))
  }

  @Test func batchNormGradients() throws {
    for dims in [[5, 3], [2, 3, 2, 7], [2, 20, 30, 17]] {
      let c = dims[dims.count - 1], count = dims.reduce(1, *), rows = count / c
      let x = MathHarness.noise(count, seed: 1), dy = MathHarness.noise(count, seed: 2)
      let scale = MathHarness.noise(c, seed: 3), epsilon = Double(Float(1e-3))
      let exact = x.map(Double.init)
      let zero = [Double](repeating: 0, count: c)
      let mean = (0..<c).map { j in (0..<rows).reduce(0) { $0 + exact[$1 * c + j] } / Double(rows) }
      let variance = (0..<c).map { j in (0..<rows).reduce(0) { $0 + (exact[$1 * c + j] - mean[j]) * (exact[$1 * c + j] - mean[j]) } / Double(rows) }
      let inputs = [
        B.Input.floats(dy, dims), .floats(x, dims), .floats(scale, [c]), .floats(mean.map { Float($0) }, [c]),
        .floats(variance.map { Float($0) }, [c]), .floats(variance.map { Float($0) }, [c]),
      ]
      let r = try B.run(.batchNormGrad, [0: .float(epsilon), 1: .bool(true)], inputs, outputs: 3)
      let s = scale.map(Double.init)
      if count < 200 { B.expect(r.outputs[0], B.gradient(x, dy) { Self.normalised($0, s, zero, epsilon) }) }
      // Gradients of x that come from the batch's statistics cancel.
      for j in 0..<c { #expect((0..<rows).reduce(0) { $0 + r.outputs[0][$1 * c + j] }.magnitude < 1e-3) }
      let hat = Self.normalised(exact, [Double](repeating: 1, count: c), zero, epsilon)
      B.expect(r.outputs[1], (0..<c).map { j in (0..<rows).reduce(0) { $0 + Double(dy[$1 * c + j]) * hat[$1 * c + j] } })
      B.expect(r.outputs[2], (0..<c).map { j in (0..<rows).reduce(0) { $0 + Double(dy[$1 * c + j]) } })
      // Statistics that are constants.
      let still = try B.run(.batchNormGrad, [0: .float(epsilon)], inputs, outputs: 3)
      B.expect(still.outputs[0], x.indices.map { Double(dy[$0]) * s[$0 % c] / (variance[$0 % c] + epsilon).squareRoot() })
      #expect(still.outputs[1] == r.outputs[1] && still.outputs[2] == r.outputs[2])
    }
    let v = B.Input.noise([3], seed: 1)
    #expect(B.refusal(.batchNormGrad, [.noise([2, 3], seed: 1), .noise([3, 3], seed: 1), v, v, v, v], outputs: 3).contains("in0"))
    #expect(B.refusal(.batchNormGrad, [.noise([2, 4], seed: 1), .noise([2, 4], seed: 1), v, v, v, v], outputs: 3).contains("in2"))
  }

  @Test func layerNormGradients() throws {
    for (dims, norm, params) in [([4, 7], 1, 1), ([3, 2, 5], 1, 1), ([3, 2, 5], 2, 1), ([3, 4, 5], 1, 2), ([2, 37], -1, -1), ([2, 3], 0, 0)] {
      let count = dims.reduce(1, *)
      func from(_ axis: Int) -> Int { dims[(axis < 0 ? axis + dims.count : axis)...].reduce(1, *) }
      let n = from(norm), p = from(params), rows = count / n
      let x = MathHarness.noise(count, seed: 1), dy = MathHarness.noise(count, seed: 2), gamma = MathHarness.noise(p, seed: 3)
      func forward(_ x: [Double], _ gamma: [Double], _ beta: [Double]) -> [Double] {
        (0..<rows).flatMap { r -> [Double] in
          let row = x[r * n..<(r + 1) * n], mean = row.reduce(0, +) / Double(n)
          let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
          return row.enumerated().map { i, v in
            (v - mean) / (variance + 1e-12).squareRoot() * gamma[(r * n + i) % p] + beta[(r * n + i) % p]
          }
        }
      }
      let exact = x.map(Double.init), g = gamma.map(Double.init), zero = [Double](repeating: 0, count: p)
      let means = (0..<rows).map { exact[$0 * n..<($0 + 1) * n].reduce(0, +) / Double(n) }
      let variances = (0..<rows).map { r in exact[r * n..<(r + 1) * n].reduce(0) { $0 + ($1 - means[r]) * ($1 - means[r]) } / Double(n) }
      let r = try B.run(
        .layerNormGrad, [0: .int(Int64(norm)), 1: .int(Int64(params))],
        [
          .floats(x, dims), .floats(dy, dims), .floats(variances.map { Float($0) }, [rows]), .floats(means.map { Float($0) }, [rows]),
          .floats(gamma, [p]),
        ], outputs: 3)
      B.expect(r.outputs[0], B.gradient(x, dy) { forward($0, g, zero) }, 1e-3, "\(dims)")
      B.expect(r.outputs[1], B.gradient(gamma, dy) { forward(exact, $0, zero) }, 1e-3, "\(dims)")
      B.expect(r.outputs[2], B.gradient([Float](repeating: 0, count: p), dy) { forward(exact, g, $0) }, 1e-3, "\(dims)")
    }
    let v = B.Input.noise([2], seed: 1)
    #expect(B.refusal(.layerNormGrad, [0: .int(1), 1: .int(1)], [.noise([2, 3], seed: 1), .noise([2, 3], seed: 1), v, v, v], outputs: 3).contains("in4"))
    #expect(B.refusal(.layerNormGrad, [0: .int(5)], [.noise([2, 3], seed: 1), .noise([2, 3], seed: 1), v, v, v], outputs: 3).contains("in0"))
    // Blocks of rows.
    let dy = MathHarness.noise(500 * 90, seed: 1)
    let many = try B.run(
      .layerNormGrad, [0: .int(1), 1: .int(1)],
      [.noise([500, 90], seed: 2), .floats(dy, [500, 90]), .noise([500], seed: 3).positive, .noise([500], seed: 4), .noise([90], seed: 5)],
      outputs: 3)
    B.expect(many.outputs[2], (0..<90).map { j in (0..<500).reduce(0) { $0 + Double(dy[$1 * 90 + j]) } })
  }

  @Test func dropoutInTraining() throws {
    let x = [Float](repeating: 3, count: 30_001)
    for keep in [0.5, 0.9, 1] {
      var seen = [Float]()
      for threads in 0..<2 {
        _ = threads
        let t = MathHarness.floats(x, [x.count])
        let node = MathHarness.node(.dropout, [0: .float(keep)], [t], outputs: 2)
        let op = try DropoutOperator(node)
        op.trains = true
        try op.infer()
        for out in node.outputs { out.data = .allocate(byteCount: out.byteCount, alignment: 64) }
        let context = ExecutionContext(
          kernels: Kernels.active, pool: ThreadPool(threadCount: 2), workspace: UnsafeMutableRawPointer(bitPattern: 64)!)
        try op.prepare(context)
        #expect(!op.isView)
        try op.run(context)
        let y = node.outputs[0].floats, mask = node.outputs[1].floats
        var kept = 0
        for i in 0..<x.count {
          #expect(mask[i] == 0 || mask[i] == 1)
          #expect((y[i] - 3 * mask[i] / Float(keep)).magnitude < 1e-5)
          kept += Int(mask[i])
        }
        let share = Double(kept) / Double(x.count), deviation = (keep * (1 - keep) / Double(x.count)).squareRoot()
        #expect((share - keep).magnitude <= 5 * deviation)
        let first = (0..<200).map { mask[$0] }
        if keep < 1 { #expect(first != seen) }
        seen = first
        // The next run drops others.
        try op.run(context)
        if keep < 1 { #expect(first != (0..<200).map { mask[$0] }) }
      }
    }
    let still = try B.run(.dropout, [0: .float(0.5)], [.floats([1, 2], [2])], outputs: 2)
    #expect(still.outputs == [[1, 2], [1, 1]])
  }
}

extension TrainingBench.Input {
  var positive: TrainingBench.Input { .floats(floats.map { $0.magnitude + 0.1 }, dims) }
}
