import CKernels
import Foundation
import Graph
import Testing

@testable import Operators

private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

@Suite struct MathLSTMTests {
  /// One direction in double precision. Weights in rows of gates i, o, f, g; the state is walked in the order of `times`.
  private func reference(
    _ x: [Float], _ times: [Int], batch: Int, input: Int, hidden: Int, w: [Float], r: [Float], bias: [Float], projection: [Float]?,
    h0: [Float], c0: [Float], zoneout: (c: Double, h: Double) = (0, 0)
  ) -> (y: [Int: [Double]], h: [Double], c: [Double]) {
    let state = h0.count / batch
    var h = h0.map { Double($0) }, c = c0.map { Double($0) }
    var y = [Int: [Double]]()
    for t in times {
      let old = h
      for b in 0..<batch {
        let gates = (0..<4 * hidden).map { g -> Double in
          var s = Double(bias[g]) + Double(bias[4 * hidden + g])
          for k in 0..<input { s += Double(w[g * input + k]) * Double(x[(t * batch + b) * input + k]) }
          for k in 0..<state { s += Double(r[g * state + k]) * old[b * state + k] }
          return s
        }
        var cell = [Double](repeating: 0, count: hidden)
        for i in 0..<hidden {
          let new = sigmoid(gates[2 * hidden + i]) * c[b * hidden + i] + sigmoid(gates[i]) * tanh(gates[3 * hidden + i])
          c[b * hidden + i] = zoneout.c * c[b * hidden + i] + (1 - zoneout.c) * new
          cell[i] = sigmoid(gates[hidden + i]) * tanh(new)
        }
        for i in 0..<state {
          var new = cell[i % hidden]
          if let projection { new = (0..<hidden).map { Double(projection[i * hidden + $0]) * cell[$0] }.reduce(0, +) }
          h[b * state + i] = zoneout.h * old[b * state + i] + (1 - zoneout.h) * new
        }
      }
      y[t] = h
    }
    return (y, h, c)
  }

  private func check(_ steps: Int, _ batch: Int, _ input: Int, _ hidden: Int, _ directions: Int, projected: Int?, mindIR: Int?) throws {
    let state = projected ?? hidden, gates = 4 * hidden
    let x = H.noise(steps * batch * input, seed: 1)
    let w = H.noise(directions * gates * input, seed: 2, range: 0.4), r = H.noise(directions * gates * state, seed: 3, range: 0.4)
    var bias = H.noise(directions * 2 * gates, seed: 4, range: 0.4)
    let p = H.noise(directions * state * hidden, seed: 5, range: 0.5)
    let h0 = H.noise(directions * batch * state, seed: 6, range: 1), c0 = H.noise(directions * batch * hidden, seed: 7, range: 1)
    let node: Node
    if let biases = mindIR {
      // One bias stands for the sum of two, the second of which is zero then.
      for i in bias.indices where biases < 2 && (biases == 0 || i / gates % 2 == 1) { bias[i] = 0 }
      func reordered(_ m: [Float], _ k: Int) -> [Float] {
        // i, f, g, o from i, o, f, g
        [0, 2, 3, 1].flatMap { m[$0 * hidden * k..<($0 + 1) * hidden * k] }
      }
      func part(_ m: [Float], _ d: Int) -> [Float] { let n = m.count / directions; return Array(m[d * n..<(d + 1) * n]) }
      var packed = [Float]()
      let each = 0..<directions
      if biases == 2 {
        for d in each { packed += reordered(part(w, d), input) + reordered(part(r, d), state) }
      } else {
        for d in each { packed += reordered(part(w, d), input) }
        for d in each { packed += reordered(part(r, d), state) }
      }
      if projected != nil { packed += p }
      for d in each {
        let b = part(bias, d)
        if biases > 0 { packed += reordered(Array(b[0..<gates]), 1) }
        if biases > 1 { packed += reordered(Array(b[gates...]), 1) }
      }
      node = try H.run(
        .lstm,
        [0: .bool(directions == 2), 1: .bool(biases > 0), 3: .int(Int64(hidden)), 7: .float(0.125), 8: .float(0.25), 9: .int(Int64(projected ?? 0))],
        [H.floats(x, [steps, batch, input]), H.floats(h0, [directions, batch, state]), H.floats(c0, [directions, batch, hidden]),
          H.floats(packed, [packed.count], constant: true)], outputs: 3)
    } else {
      var inputs = [
        H.floats(x, [steps, batch, input]), H.floats(w, [directions, gates, input], constant: true),
        H.floats(r, [directions, gates, state], constant: true), H.floats(bias, [directions, 2 * gates], constant: true),
        H.floats(h0, [directions, batch, state]), H.floats(c0, [directions, batch, hidden]),
      ]
      if projected != nil { inputs.append(H.floats(p, [directions, state, hidden], constant: true)) }
      node = try H.run(.lstm, [0: .bool(directions == 2), 7: .float(0.125), 8: .float(0.25)], inputs, outputs: 3)
    }
    var y = [Double](repeating: 0, count: steps * directions * batch * state), h = [Double](), c = [Double]()
    for d in 0..<directions {
      func part(_ m: [Float]) -> [Float] { let n = m.count / directions; return Array(m[d * n..<(d + 1) * n]) }
      let result = reference(
        x, d == 0 ? Array(0..<steps) : Array((0..<steps).reversed()), batch: batch, input: input, hidden: hidden, w: part(w), r: part(r),
        bias: part(bias), projection: projected == nil ? nil : part(p), h0: part(h0), c0: part(c0), zoneout: (0.125, 0.25))
      for (t, row) in result.y {
        for b in 0..<batch {
          for i in 0..<state {
            let at = mindIR == nil ? ((t * directions + d) * batch + b) * state + i : ((t * batch + b) * directions + d) * state + i
            y[at] = row[b * state + i]
          }
        }
      }
      h += result.h
      c += result.c
    }
    let name = "lstm \(steps) \(batch) \(input) \(hidden) \(directions) \(String(describing: projected)) \(String(describing: mindIR))"
    #expect(node.outputs[0].shape.dims == (mindIR == nil ? [steps, directions, batch, state] : [steps, batch, directions * state]))
    H.expect(node.outputs[0], y, 1e-5, name)
    H.expect(node.outputs[1], h, 1e-5, name + " h")
    H.expect(node.outputs[2], c, 1e-5, name + " c")
  }

  @Test func forms() throws {
    for directions in [1, 2] {
      for projected in [nil, 5] as [Int?] {
        for mindIR in [nil, 0, 1, 2] as [Int?] {
          try check(5, 2, 3, 9, directions, projected: projected, mindIR: mindIR)
          try check(1, 1, 1, 1, directions, projected: projected, mindIR: mindIR)
        }
      }
    }
    // Large enough for the products to be shared among threads.
    try check(40, 3, 50, 200, 2, projected: nil, mindIR: nil)
  }

  @Test func halfWeightsAndRefusals() throws {
    let x = H.floats([1, 2], [2, 1, 1])
    let node = try H.run(
      .lstm, [:],
      [x, H.halves([1, 1, 1, 1], [1, 4, 1]), H.halves([0, 0, 0, 0], [1, 4, 1]), H.halves([Float](repeating: 0, count: 8), [1, 8]), H.halves([0], [1, 1, 1]), H.halves([0], [1, 1, 1])])
    let c1 = sigmoid(1) * tanh(1.0), c2 = sigmoid(2) * c1 + sigmoid(2) * tanh(2.0)
    H.expect(node.outputs[0], [sigmoid(1) * tanh(c1), sigmoid(2) * tanh(c2)])
    #expect(H.refusal(.lstm, [:], [x, x, x]) == "has 3 inputs; 6 to 7 are needed")
    let w = H.floats([1, 1, 1, 1], [1, 4, 1])
    #expect(H.refusal(.lstm, [:], [x, w, w, H.floats([0], [1]), x, x])?.contains("must have 8 elements") == true)
    let four = [x, H.floats([0], [1]), H.floats([0], [1]), H.floats([0, 0], [2], constant: true)]
    #expect(H.refusal(.lstm, [3: .int(1)], four)?.contains("fit no layout") == true)
    #expect(H.refusal(.lstm, [:], four)?.contains("must lie between 1 and") == true)
  }
}

@Suite struct MathGRUTests {
  @Test func forms() throws {
    for (steps, batch, input, hidden, directions, length) in [
      (4, 2, 3, 7, 1, nil), (4, 2, 3, 7, 2, nil), (5, 1, 2, 8, 2, 3), (1, 1, 1, 1, 1, nil), (12, 3, 60, 130, 2, nil), (3, 1, 2, 3, 1, 0),
    ] as [(Int, Int, Int, Int, Int, Int32?)] {
      for resetsLast in [false, true] {
        let x = H.noise(steps * batch * input, seed: 1), w = H.noise(directions * 3 * hidden * input, seed: 2, range: 0.4)
        let r = H.noise(directions * 3 * hidden * hidden, seed: 3, range: 0.4), bias = H.noise(directions * 6 * hidden, seed: 4, range: 0.4)
        let h0 = H.noise(directions * batch * hidden, seed: 5, range: 1)
        var inputs = [
          H.floats(x, [steps, batch, input]), H.floats(w, [directions, 3 * hidden, input], constant: true),
          H.floats(r, [directions, 3 * hidden, hidden], constant: true), H.floats(bias, [directions, 6 * hidden], constant: true),
          H.floats(h0, [directions, batch, hidden]),
        ]
        if let length { inputs.append(H.ints([length], [1])) }
        let node = try H.run(.gru, [0: .bool(directions == 2), 1: .int(resetsLast ? 1 : 0)], inputs, outputs: 2)
        var y = [Double](repeating: 0, count: steps * directions * batch * hidden), last = [Double]()
        let count = Int(length ?? Int32(steps))
        for d in 0..<directions {
          var h = h0[d * batch * hidden..<(d + 1) * batch * hidden].map { Double($0) }
          for step in 0..<count {
            let t = d == 0 ? step : count - 1 - step, old = h
            for b in 0..<batch {
              func fromInput(_ g: Int) -> Double {
                (0..<input).map { Double(w[(d * 3 * hidden + g) * input + $0]) * Double(x[(t * batch + b) * input + $0]) }.reduce(Double(bias[d * 6 * hidden + g]), +)
              }
              func fromState(_ g: Int, _ v: [Double]) -> Double {
                (0..<hidden).map { Double(r[(d * 3 * hidden + g) * hidden + $0]) * v[$0] }.reduce(Double(bias[(d * 6 + 3) * hidden + g]), +)
              }
              let row = Array(old[b * hidden..<(b + 1) * hidden])
              let z = (0..<hidden).map { sigmoid(fromInput($0) + fromState($0, row)) }
              let reset = (0..<hidden).map { sigmoid(fromInput(hidden + $0) + fromState(hidden + $0, row)) }
              let masked = (0..<hidden).map { reset[$0] * row[$0] }
              for i in 0..<hidden {
                let recurrent = resetsLast ? reset[i] * fromState(2 * hidden + i, row) : fromState(2 * hidden + i, masked)
                h[b * hidden + i] = z[i] * row[i] + (1 - z[i]) * tanh(fromInput(2 * hidden + i) + recurrent)
                y[((t * directions + d) * batch + b) * hidden + i] = h[b * hidden + i]
              }
            }
          }
          last += h
        }
        H.expect(node.outputs[0], y, 1e-5, "gru \(steps) \(batch) \(hidden) \(resetsLast)")
        H.expect(node.outputs[1], last, 1e-5, "gru h")
      }
    }
  }

  @Test func refusals() {
    let x = H.floats([1], [1, 1, 1])
    #expect(H.refusal(.gru, [:], [x]) == "has 1 inputs; 5 to 6 are needed")
    #expect(H.refusal(.gru, [:], [x, x, x, x, x])?.contains("must lie between") == true)
  }
}
