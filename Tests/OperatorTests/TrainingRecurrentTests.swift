import Foundation
import Graph
import Testing

@testable import Operators

private typealias B = TrainingBench

@Suite struct TrainingRecurrentTests {
  private struct Sizes {
    let t: Int, b: Int, i: Int, h: Int, d: Int, biases: Int
    var weights: Int { d * 4 * h * (i + h + biases) }
    var fields: [Int: AttributeValue] {
      [0: .bool(d == 2), 1: .bool(biases > 0), 2: .int(Int64(i)), 3: .int(Int64(h))]
    }
  }

  /// y, hT and cT in double precision; the weights as MindIR has them.
  private func forward(_ s: Sizes, _ x: [Double], _ h0: [Double], _ c0: [Double], _ w: [Double]) -> [Double] {
    func sigmoid(_ v: Double) -> Double { 1 / (1 + exp(-v)) }
    let wi = 4 * s.h * s.i, wh = 4 * s.h * s.h
    var y = [Double](repeating: 0, count: s.t * s.b * s.d * s.h), hs = h0, cs = c0
    for d in 0..<s.d {
      let input = s.biases == 2 ? d * (wi + wh) : d * wi, recurrent = s.biases == 2 ? input + wi : s.d * wi + d * wh
      let bias = s.d * (wi + wh) + d * s.biases * 4 * s.h
      for step in 0..<s.t {
        let t = d == 0 ? step : s.t - 1 - step
        let old = hs
        for b in 0..<s.b {
          func gate(_ g: Int, _ j: Int) -> Double {
            let row = g * s.h + j
            var sum = 0.0
            for k in 0..<s.biases { sum += w[bias + k * 4 * s.h + row] }
            for k in 0..<s.i { sum += w[input + row * s.i + k] * x[(t * s.b + b) * s.i + k] }
            for k in 0..<s.h { sum += w[recurrent + row * s.h + k] * old[(d * s.b + b) * s.h + k] }
            return sum
          }
          for j in 0..<s.h {
            let e = (d * s.b + b) * s.h + j
            cs[e] = sigmoid(gate(1, j)) * cs[e] + sigmoid(gate(0, j)) * tanh(gate(2, j))
            hs[e] = sigmoid(gate(3, j)) * tanh(cs[e])
            y[((t * s.b + b) * s.d + d) * s.h + j] = hs[e]
          }
        }
      }
    }
    return y + hs + cs
  }

  @Test func gradients() throws {
    for s in [
      Sizes(t: 1, b: 1, i: 2, h: 3, d: 1, biases: 0), Sizes(t: 3, b: 2, i: 3, h: 5, d: 1, biases: 2), Sizes(t: 4, b: 3, i: 2, h: 3, d: 2, biases: 2),
      Sizes(t: 2, b: 1, i: 1, h: 2, d: 2, biases: 1), Sizes(t: 3, b: 2, i: 2, h: 2, d: 2, biases: 0),
    ] {
      let x = MathHarness.noise(s.t * s.b * s.i, seed: 1), w = MathHarness.noise(s.weights, seed: 2, range: 0.7)
      let h0 = MathHarness.noise(s.d * s.b * s.h, seed: 3, range: 1), c0 = MathHarness.noise(s.d * s.b * s.h, seed: 4, range: 1)
      let state = [s.d, s.b, s.h]
      let image = B.Input.floats(x, [s.t, s.b, s.i]), hidden = B.Input.floats(h0, state), cell = B.Input.floats(c0, state)
      let weights = B.Input.floats(w, [s.weights, 1, 1])
      let run = try B.run(.lstm, s.fields, [image, hidden, cell, weights], outputs: 4, trains: true, records: false)
      let exact = forward(s, x.map(Double.init), h0.map(Double.init), c0.map(Double.init), w.map(Double.init))
      let counts = [s.t * s.b * s.d * s.h, h0.count, c0.count]
      B.expect(run.outputs[0] + run.outputs[1] + run.outputs[2], exact, 1e-4)
      // Constant weights keep the same.
      let constant = try B.run(
        .lstm, s.fields, [image, hidden, cell, .floats(w, [s.weights, 1, 1], constant: true)], outputs: 4, trains: true, records: false)
      #expect(constant.outputs[3] == run.outputs[3])

      let dy = MathHarness.noise(counts[0], seed: 5), dh = MathHarness.noise(counts[1], seed: 6), dc = MathHarness.noise(counts[2], seed: 7)
      let all = dy + dh + dc
      func d(_ values: [Float], _ f: @escaping ([Double]) -> [Double]) -> [Double] { B.gradient(values, all, f) }
      let (xd, hd, cd, wd) = (x.map(Double.init), h0.map(Double.init), c0.map(Double.init), w.map(Double.init))
      let wanted = [
        d(x) { self.forward(s, $0, hd, cd, wd) }, d(h0) { self.forward(s, xd, $0, cd, wd) }, d(c0) { self.forward(s, xd, hd, $0, wd) },
        d(w) { self.forward(s, xd, hd, cd, $0) },
      ]
      let y = B.Input.floats(run.outputs[0], [s.t, s.b, s.d * s.h]), up = B.Input.floats(dy, [s.t, s.b, s.d * s.h])
      let kept = B.Input.floats(run.outputs[3], run.shapes[3])
      let dhT = B.Input.floats(dh, state), dcT = B.Input.floats(dc, state)
      let whole = try B.run(.lstmGrad, s.fields, [image, hidden, cell, weights, y, hidden, cell, up, dhT, dcT, kept], outputs: 4)
      for i in 0..<4 { B.expect(whole.outputs[i], wanted[i], 1e-3, "LSTMGrad \(i) of \(s)") }
      if s.biases == 1 { continue }
      let data = try B.run(.lstmGradData, s.fields, [y, up, dhT, dcT, weights, hidden, cell, kept, kept], outputs: 3)
      #expect(data.outputs == Array(whole.outputs[0..<3]))
      let weight = try B.run(
        .lstmGradWeight, s.fields, [image, hidden, y, .floats(data.inputs[7], run.shapes[3]), kept])
      #expect(weight.outputs[0] == whole.outputs[3])
      #expect(weight.shapes[0] == [s.weights, 1, 1])
    }
    let v = B.Input.noise([1, 1, 2], seed: 1)
    #expect(B.refusal(.lstmGradWeight, [3: .int(2)], [v, v, v, v, v]).contains("in3"))
    #expect(B.refusal(.lstmGradWeight, [3: .int(0)], [v, v, v, v, v]) != "accepted")
  }
}
