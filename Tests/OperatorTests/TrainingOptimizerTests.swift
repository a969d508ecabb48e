import Foundation
import Graph
import Testing

@testable import Operators

private typealias B = TrainingBench

@Suite struct TrainingOptimizerTests {
  private static let sizes = [[1], [3, 5, 7], [40_000]]

  /// Several steps by an independent formula in double precision; `step` changes the state.
  private func check(
    _ kind: OperatorKind, _ fields: [Int: AttributeValue], dims: [Int], moments: [Int], gradient: Int, numbers: [(Int, Float)],
    count: Int, positive: Int? = nil, _ step: (inout [[Double]], [Double], Int) -> Void
  ) throws {
    let n = dims.reduce(1, *)
    var state = moments.map { MathHarness.noise(n, seed: UInt64($0 + 10)) }
    if let positive { state[positive] = state[positive].map(\.magnitude) }
    var exact = state.map { $0.map(Double.init) }
    var inputs = [B.Input](repeating: .number(0), count: count)
    for (i, v) in numbers { inputs[i] = .number(v) }
    for round in 0..<3 {
      let g = MathHarness.noise(n, seed: UInt64(round + 50))
      for (i, m) in moments.enumerated() { inputs[m] = .floats(state[i], dims) }
      inputs[gradient] = .floats(g, dims)
      let r = try B.run(kind, fields, inputs)
      step(&exact, g.map(Double.init), round)
      for (i, m) in moments.enumerated() {
        state[i] = r.inputs[m]
        B.expect(state[i], exact[i], 1e-4, "\(kind.name) input \(m), round \(round)")
      }
      #expect(r.inputs[gradient] == g)
      #expect(r.outputs == [[0]])
      // States that are numbers.
      for (i, _) in numbers { inputs[i] = .number(r.inputs[i][0]) }
    }
  }

  @Test func adam() throws {
    for dims in Self.sizes {
      for nesterov in [false, true] {
        let rate = 0.01, b1 = Double(Float(0.9)), b2 = Double(Float(0.99)), e = Double(Float(1e-3)), p1 = Double(Float(0.81)), p2 = Double(Float(0.98))
        try check(
          .adam, [1: .bool(nesterov)], dims: dims, moments: [0, 1, 2], gradient: 9,
          numbers: [(3, Float(p1)), (4, Float(p2)), (5, Float(rate)), (6, Float(b1)), (7, Float(b2)), (8, Float(e))], count: 10, positive: 2
        ) { s, g, _ in
          let alpha = Double(Float(rate)) * (1 - p2).squareRoot() / (1 - p1)
          for i in g.indices {
            s[1][i] = b1 * s[1][i] + (1 - b1) * g[i]
            s[2][i] = b2 * s[2][i] + (1 - b2) * g[i] * g[i]
            let m = nesterov ? b1 * s[1][i] + (1 - b1) * g[i] : s[1][i]
            s[0][i] -= alpha * m / (s[2][i].squareRoot() + e)
          }
        }
      }
      let rate = Double(Float(0.02)), b1 = Double(Float(0.8)), b2 = Double(Float(0.95)), e = Double(Float(1e-2)), decay = Double(Float(0.1))
      try check(
        .adamWeightDecay, [:], dims: dims, moments: [0, 1, 2], gradient: 8,
        numbers: [(3, Float(rate)), (4, Float(b1)), (5, Float(b2)), (6, Float(e)), (7, Float(decay))], count: 9, positive: 2
      ) { s, g, _ in
        for i in g.indices {
          s[1][i] = b1 * s[1][i] + (1 - b1) * g[i]
          s[2][i] = b2 * s[2][i] + (1 - b2) * g[i] * g[i]
          s[0][i] -= rate * (s[1][i] / (s[2][i].squareRoot() + e) + decay * s[0][i])
        }
      }
    }
    let w = B.Input.noise([3], seed: 1), one = B.Input.number(1), half = B.Input.number(0.5)
    #expect(B.refusal(.adam, [w, w, w, one, half, half, half, half, half, w]).contains("in3"))
    #expect(B.refusal(.adam, [w, w, .noise([4], seed: 1), half, half, half, half, half, half, w]).contains("in2"))
    #expect(B.refusal(.adam, [w, w, w, half, half, w, half, half, half, w]).contains("in5"))
    let constant = B.Input.floats([1, 2, 3], [3], constant: true)
    #expect(B.refusal(.adam, [constant, w, w, half, half, half, half, half, half, w]).contains("in0"))
  }

  @Test func momentumAndSGD() throws {
    for dims in Self.sizes {
      let rate = Double(Float(0.05)), mu = Double(Float(0.7))
      for nesterov in [false, true] {
        try check(
          .applyMomentum, [0: .bool(nesterov)], dims: dims, moments: [0, 1], gradient: 3, numbers: [(2, Float(rate)), (4, Float(mu))], count: 5
        ) { s, g, _ in
          for i in g.indices {
            s[1][i] = mu * s[1][i] + g[i]
            s[0][i] -= rate * (nesterov ? g[i] + mu * s[1][i] : s[1][i])
          }
        }
        for (dampening, decay, momentum, isFirst) in [
          (0.0, 0.0, 0.7, true), (0.3, 0.0, 0.7, true), (0.0, 0.2, 0.7, true), (0.3, 0.2, 0.7, true), (0.0, 0.0, 0.0, true),
          (0.0, 0.2, 0.0, false), (0.3, 0.2, 0.7, false),
        ] where !(nesterov && dampening > 0) {
          let m = Double(Float(momentum)), d = Double(Float(dampening)), w = Double(Float(decay))
          try check(
            .sgd, [0: .bool(nesterov), 1: .float(dampening), 2: .float(decay)], dims: dims, moments: [0, 3], gradient: 1,
            numbers: [(2, Float(rate)), (4, Float(m)), (5, isFirst ? 1 : 0)], count: 6
          ) { s, g, round in
            for i in g.indices {
              let step = g[i] + w * s[0][i]
              if m == 0 {
                s[0][i] -= rate * step
                continue
              }
              s[1][i] = isFirst && round == 0 ? step : m * s[1][i] + (1 - d) * step
              s[0][i] -= rate * (nesterov ? step + m * s[1][i] : s[1][i])
            }
          }
        }
      }
    }
    let w = B.Input.noise([3], seed: 1), half = B.Input.number(0.5)
    #expect(B.refusal(.sgd, [0: .bool(true), 1: .float(0.5)], [w, w, half, w, half, half]).contains("dampening"))
    #expect(B.refusal(.sgd, [w, .noise([2], seed: 1), half, w, half, half]).contains("in1"))
    #expect(B.refusal(.sgd, [w, w, half, w, half, .noise([2], seed: 1)]).contains("in5"))
    #expect(B.refusal(.applyMomentum, [w, w, half, w]).contains("4 inputs"))
    // A state for each weight.
    let r = try B.run(.sgd, [w, w, half, w, half, .floats([1, 1, 1], [3])])
    #expect(r.inputs[5] == [0, 0, 0])
  }

  /// A large batch out of three small ones, and learning rates that the session sets.
  @Test func accumulation() throws {
    let n = 20_000
    let w = MathHarness.noise(n, seed: 1), a = MathHarness.noise(n, seed: 2)
    let gradients = (0..<3).map { MathHarness.noise(n, seed: UInt64(3 + $0)) }
    func inputs(_ g: [Float]) -> [B.Input] { [.floats(w, [n]), .floats(a, [n]), .number(0.1), .floats(g, [n]), .number(0.5)] }
    func split(_ scale: Float?) throws -> B.Result {
      try B.run(.applyMomentum, [:], inputs(gradients[0])) { op, context in
        let optimizer = try #require(op.optimizer)
        #expect(optimizer.gradientInput == 3 && optimizer.rateInput == 2 && op.updatedInputs == [0, 1])
        // Nothing accumulated yet: nothing happens.
        try optimizer.setMode(.accumulate)
        try optimizer.applyAccumulated(context)
        for g in gradients {
          op.inputs[3].floats.update(from: g, count: n)
          try op.run(context)
        }
        #expect(optimizer.accumulated == 3)
        #expect((0..<n).allSatisfy { op.inputs[0].floats[$0] == w[$0] })
        try optimizer.applyAccumulated(context, scale: scale)
        #expect(optimizer.accumulated == 0)
      }
    }
    for scale in [nil, 1] as [Float?] {
      let factor = scale ?? 1 / 3
      let large = (0..<n).map { (gradients[0][$0] + gradients[1][$0] + gradients[2][$0]) * factor }
      let whole = try B.run(.applyMomentum, [:], inputs(large)), parts = try split(scale)
      B.expect(parts.inputs[0], whole.inputs[0].map(Double.init), 1e-5)
      B.expect(parts.inputs[1], whole.inputs[1].map(Double.init), 1e-5)
    }
    let fast = try B.run(.applyMomentum, [:], inputs(gradients[0])) { op, context in
      let optimizer = try #require(op.optimizer)
      #expect(optimizer.learningRate == 0.1)
      optimizer.learningRate = 0.25
      #expect(optimizer.learningRate == 0.25)
      try op.run(context)
      optimizer.restoreLearningRate()
      #expect(optimizer.learningRate == 0.1)
    }
    B.expect(fast.inputs[0], (0..<n).map { Double(w[$0]) - 0.25 * (0.5 * Double(a[$0]) + Double(gradients[0][$0])) }, 1e-4)
  }

  @Test func assignments() throws {
    let r = try B.run(.assign, [.floats([1, 2, 3], [3]), .floats([4, 5, 6], [3])])
    #expect(r.inputs[0] == [4, 5, 6] && r.shapes == [[1]])
    let s = try B.run(.assignAdd, [.floats([1, 2, 3], [3]), .floats([4, 5, 6], [3])])
    #expect(s.inputs[0] == [5, 7, 9] && s.outputs == [[5, 7, 9]])
    #expect(B.refusal(.assign, [.floats([1, 2, 3], [3]), .floats([4, 5], [2])]).contains("in1"))
    #expect(B.refusal(.assign, [.floats([1], [1], constant: true), .floats([4], [1])]).contains("training session"))
  }
}
