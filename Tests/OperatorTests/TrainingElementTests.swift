import Foundation
import Graph
import Testing

@testable import Operators

private typealias B = TrainingBench

@Suite struct TrainingElementTests {
  /// Type, alpha, whether the gradient is computed from the result, the function.
  private static let activations: [(Int, Float, Bool, @Sendable (Double) -> Double)] = [
    (ActivationType.relu, 0, false, { max($0, 0) }), (ActivationType.relu, 0, true, { max($0, 0) }),
    (ActivationType.relu6, 0, false, { min(max($0, 0), 6) }), (ActivationType.relu6, 0, true, { min(max($0, 0), 6) }),
    (ActivationType.leakyRelu, 0.3, false, { $0 > 0 ? $0 : Double(Float(0.3)) * $0 }),
    (ActivationType.sigmoid, 0, true, { 1 / (1 + exp(-$0)) }), (ActivationType.tanh, 0, true, { tanh($0) }),
    (ActivationType.hswish, 0, false, { $0 * min(max($0 + 3, 0), 6) / 6 }), (ActivationType.hsigmoid, 0, false, { min(max($0 + 3, 0), 6) / 6 }),
    (ActivationType.elu, 0.7, true, { $0 > 0 ? $0 : Double(Float(0.7)) * expm1($0) }),
    (ActivationType.selu, 0, true, { 1.05070098 * ($0 > 0 ? $0 : 1.67326324 * expm1($0)) }),
    (ActivationType.swish, 0, false, { $0 / (1 + exp(-$0)) }), (ActivationType.gelu, 0, false, { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }),
    (ActivationType.fastGelu, 0, false, { 0.5 * $0 * (1 + tanh(0.79788456 * $0 + 0.035677408 * $0 * $0 * $0)) }),
    (ActivationType.softplus, 0, false, { log1p(exp($0)) }), (ActivationType.softsign, 0, false, { $0 / (1 + abs($0)) }),
    (ActivationType.abs, 0, false, { abs($0) }), (ActivationType.sign, 0, false, { _ in 1 }), (ActivationType.linear, 0, false, { $0 }),
    (ActivationType.none, 0, false, { $0 }), (ActivationType.relu1, 0, false, { min(max($0, -1), 1) }),
    (ActivationType.hardTanh, 0, false, { min(max($0, -1), 1) }), (ActivationType.thresholdRelu, 0.5, false, { $0 > 0.5 ? $0 : 0 }),
  ]

  @Test func activationGradients() throws {
    for (type, alpha, fromResult, f) in Self.activations {
      let dims = [3, 5, 37]
      // Away from the corners, where there is no derivative.
      let x = MathHarness.noise(555, seed: UInt64(type + 1), range: 8).map { v in
        [-3, -1, 0, 0.5, 1, 3, 6].contains { (v - $0).magnitude < 1e-3 } ? v + 0.01 : v
      }
      let dy = MathHarness.noise(555, seed: 99)
      let kept = fromResult ? x.map { Float(f(Double($0))) } : x
      let r = try B.run(.activationGrad, [0: .int(Int64(type)), 1: .float(Double(alpha))], 
        type == ActivationType.sigmoid || type == ActivationType.tanh ? [.floats(kept, dims), .floats(dy, dims)] : [.floats(dy, dims), .floats(kept, dims)])
      B.expect(r.outputs[0], B.gradient(x, dy) { $0.map(f) }, 1e-3, "activation \(type)")
    }
    #expect(B.refusal(.activationGrad, [0: .int(21)], [.noise([2], seed: 1), .noise([2], seed: 1)]).contains("activation type 21"))
    #expect(B.refusal(.activationGrad, [0: .int(1)], [.noise([2], seed: 1), .noise([3], seed: 1)]).contains("in1"))
  }

  @Test func functionsOfOneVariable() throws {
    let x = MathHarness.noise(333, seed: 5, range: 1.4).map { $0.magnitude + 0.1 }, dy = MathHarness.noise(333, seed: 6)
    let dims = [9, 37]
    func result(_ f: (Double) -> Double) -> B.Input { .floats(x.map { Float(f(Double($0))) }, dims) }
    let gradient = B.Input.floats(dy, dims), argument = B.Input.floats(x, dims)
    func check(_ kind: OperatorKind, _ inputs: [B.Input], _ fields: [Int: AttributeValue] = [:], _ f: @escaping (Double) -> Double) throws {
      B.expect(try B.run(kind, fields, inputs).outputs[0], B.gradient(x, dy) { $0.map(f) }, 1e-3, kind.name)
    }
    try check(.logGrad, [gradient, argument]) { log($0) }
    try check(.negGrad, [gradient, argument]) { -$0 }
    try check(.sqrtGrad, [result { $0.squareRoot() }, gradient]) { $0.squareRoot() }
    try check(.rsqrtGrad, [result { 1 / $0.squareRoot() }, gradient]) { 1 / $0.squareRoot() }
    for power in [2.5, 3, 1, 0, -1] {
      try check(.powerGrad, [gradient, argument], [0: .float(power), 1: .float(1.5), 2: .float(0.25)]) { pow(1.5 * $0 + 0.25, power) }
    }
    let mixed = MathHarness.noise(333, seed: 7)
    B.expect(try B.run(.absGrad, [.floats(mixed, dims), gradient]).outputs[0], B.gradient(mixed, dy) { $0.map { abs($0) } })
    #expect(try B.run(.absGrad, [.floats([0, -0.0], [2]), .floats([3, 4], [2])]).outputs[0] == [0, 0])
    let mask = (0..<333).map { Float($0 % 3 == 0 ? 0 : 1) }
    B.expect(
      try B.run(.dropoutGrad, [0: .float(0.75)], [gradient, .floats(mask, dims)]).outputs[0],
      zip(dy, mask).map { Double($0 * $1) / 0.75 })
    #expect(B.refusal(.dropoutGrad, [0: .float(0)], [gradient, gradient]).contains("keep_prob"))
    #expect(B.refusal(.logGrad, [gradient, .noise([3], seed: 1)]).contains("in1"))
  }

  @Test func broadcastArithmetic() throws {
    let shapes: [([Int], [Int])] = [
      ([3, 5], [3, 5]), ([2, 3, 5], [5]), ([5], [2, 3, 5]), ([4, 1, 7], [1, 3, 7]), ([2, 3], [1]), ([], [3, 3]), ([2, 1, 3, 1], [1, 5, 1, 4]), ([], []),
      ([7, 1], [7, 33]),
    ]
    for (a, b) in shapes {
      guard let out = broadcastShape(Shape(a), Shape(b))?.dims else { continue }
      let n = out.reduce(1, *)
      let x1 = MathHarness.noise(a.reduce(1, *), seed: 3), dy = MathHarness.noise(n, seed: 5)
      let x2 = MathHarness.noise(b.reduce(1, *), seed: 4).map { $0 < 0 ? $0 - 0.5 : $0 + 0.5 }
      func at(_ c: [Int], _ dims: [Int]) -> Int {
        position(zip(c.suffix(dims.count), dims).map { $1 == 1 ? 0 : $0 }, dims)
      }
      let all = coordinates(out)
      func check(_ kind: OperatorKind, gradientLast: Bool = false, _ f: @escaping (Double, Double) -> Double) throws {
        let g = B.Input.floats(dy, out), p = B.Input.floats(x1, a), q = B.Input.floats(x2, b)
        let r = try B.run(kind, gradientLast ? [p, q, g] : [g, p, q], outputs: 2)
        #expect(r.shapes == [a, b])
        B.expect(r.outputs[0], B.gradient(x1, dy) { x in all.map { f(x[at($0, a)], Double(x2[at($0, b)])) } }, 1e-3, "\(kind.name) \(a) \(b)")
        B.expect(r.outputs[1], B.gradient(x2, dy) { x in all.map { f(Double(x1[at($0, a)]), x[at($0, b)]) } }, 1e-3, "\(kind.name) \(a) \(b)")
      }
      try check(.addGrad) { $0 + $1 }
      try check(.subGrad) { $0 - $1 }
      try check(.mulGrad) { $0 * $1 }
      try check(.divGrad) { $0 / $1 }
      try check(.maximumGrad, gradientLast: true) { max($0, $1) }
      try check(.minimumGrad, gradientLast: true) { min($0, $1) }
    }
    #expect(B.refusal(.addGrad, [.noise([3], seed: 1), .noise([3], seed: 1), .noise([2], seed: 1)], outputs: 2).contains("broadcast"))
    #expect(B.refusal(.addGrad, [.noise([4], seed: 1), .noise([3], seed: 1), .noise([3], seed: 1)], outputs: 2).contains("in0"))
  }

  @Test func elementLosses() throws {
    let n = 4133, dims = [n]
    let targets = MathHarness.noise(n, seed: 2, range: 0.5).map { $0 + 0.5 }
    // The absolute difference has no derivative at 0.
    let logits = zip(MathHarness.noise(n, seed: 1, range: 4), targets).map { ($0 - $1).magnitude < 1e-3 ? $0 + 0.01 : $0 }
    let weights = MathHarness.noise(n, seed: 3, range: 0.4).map { $0 + 1 }, dy = MathHarness.noise(n, seed: 4)
    let probabilities = logits.map { 1 / (1 + exp(-$0)) }
    // Element by element the gradient needs no other element.
    func slope(_ x: [Float], _ f: (Double, Int) -> Double) -> [Double] {
      x.indices.map { (f(Double(x[$0]) + 1e-5, $0) - f(Double(x[$0]) - 1e-5, $0)) / 2e-5 }
    }
    func entropy(_ x: Double, _ i: Int, _ w: Double) -> Double {
      let t = Double(targets[i])
      return -w * (t * log(x + 1e-12) + (1 - t) * log(1 - x + 1e-12))
    }
    for weighted in [false, true] {
      let w = weighted ? [B.Input.floats(weights, dims)] : []
      func f(_ x: Double, _ i: Int) -> Double { entropy(x, i, weighted ? Double(weights[i]) : 1) }
      let values = probabilities.indices.map { f(Double(probabilities[$0]), $0) }
      let total = values.reduce(0, +)
      for (reduction, wanted) in [(0, [total]), (1, [total / Double(n)]), (2, values)] {
        let inputs = [B.Input.floats(probabilities, dims), .floats(targets, dims)]
        B.expect(try B.run(.binaryCrossEntropy, [0: .int(Int64(reduction))], inputs + w).outputs[0], wanted, 1e-4)
        let d = reduction == 2 ? B.Input.floats(dy, dims) : .number(1.5)
        let factor = { (i: Int) in reduction == 2 ? Double(dy[i]) : reduction == 1 ? 1.5 / Double(n) : 1.5 }
        let r = try B.run(.binaryCrossEntropyGrad, [0: .int(Int64(reduction))], inputs + [d] + w)
        B.expect(r.outputs[0], slope(probabilities, f).enumerated().map { $1 * factor($0) }, 1e-3)
      }
    }
    let inputs = [B.Input.floats(logits, dims), .floats(targets, dims)]
    func crossEntropy(_ x: Double, _ i: Int) -> Double { max(x, 0) - x * Double(targets[i]) + log1p(exp(-abs(x))) }
    B.expect(try B.run(.sigmoidCrossEntropyWithLogits, inputs).outputs[0], logits.indices.map { crossEntropy(Double(logits[$0]), $0) }, 1e-5)
    B.expect(
      try B.run(.sigmoidCrossEntropyWithLogitsGrad, inputs + [.floats(dy, dims)]).outputs[0],
      slope(logits, crossEntropy).enumerated().map { $1 * Double(dy[$0]) })
    for beta in [0, 0.5, 2.0] {
      func smooth(_ x: Double, _ i: Int) -> Double {
        let d = abs(x - Double(targets[i]))
        return d < beta ? 0.5 * d * d / beta : d - 0.5 * beta
      }
      B.expect(try B.run(.smoothL1Loss, [0: .float(beta)], inputs).outputs[0], logits.indices.map { smooth(Double(logits[$0]), $0) }, 1e-4)
      B.expect(
        try B.run(.smoothL1LossGrad, [0: .float(beta)], inputs + [.floats(dy, dims)]).outputs[0],
        slope(logits, smooth).enumerated().map { $1 * Double(dy[$0]) })
    }
    #expect(B.refusal(.smoothL1Loss, [.noise([3], seed: 1), .noise([2], seed: 1)]).contains("in1"))
    #expect(B.refusal(.binaryCrossEntropy, [0: .int(3)], [.noise([3], seed: 1), .noise([3], seed: 1)]).contains("reduction 3"))
    #expect(try B.run(.binaryCrossEntropy, [0: .int(1)], [.floats([], [0]), .floats([], [0])]).outputs[0] == [0])
  }

  @Test func classLosses() throws {
    for (rows, n) in [(1, 2), (5, 7), (3, 41), (300, 10)] {
      let logits = MathHarness.noise(rows * n, seed: 1, range: 3), raw = MathHarness.noise(rows * n, seed: 2, range: 1).map { $0.magnitude }
      let targets = raw.indices.map { i in raw[i] / raw[i / n * n..<i / n * n + n].reduce(0, +) }
      func losses(_ x: [Double], _ t: [Double]) -> [Double] {
        (0..<rows).map { r in
          let row = x[r * n..<(r + 1) * n], top = row.max() ?? 0, sum = log(row.reduce(0) { $0 + exp($1 - top) }) + top
          return zip(row, t[r * n..<(r + 1) * n]).reduce(0) { $0 - $1.1 * ($1.0 - sum) }
        }
      }
      let r = try B.run(.softmaxCrossEntropyWithLogits, [.floats(logits, [rows, n]), .floats(targets, [rows, n])], outputs: 2)
      #expect(r.shapes == [[rows, 1], [rows, n]])
      B.expect(r.outputs[0], losses(logits.map(Double.init), targets.map(Double.init)), 1e-5)
      let small = rows * n < 200
      let ones = [Float](repeating: 1, count: rows)
      if small { B.expect(r.outputs[1], B.gradient(logits, ones) { losses($0, targets.map(Double.init)) }) }
      let single = try B.run(.softmaxCrossEntropyWithLogits, [.floats(logits, [rows, n]), .floats(targets, [rows, n])])
      #expect(single.outputs[0] == r.outputs[0])

      let labels = (0..<rows).map { Int32(($0 * 5 + 1) % n) }
      let hot = (0..<rows * n).map { Double(Int(labels[$0 / n]) == $0 % n ? 1 : 0) }
      let inputs = [B.Input.floats(logits, [rows, n]), .labels(labels)]
      B.expect(
        try B.run(.sparseSoftmaxCrossEntropyWithLogits, inputs).outputs[0],
        [losses(logits.map(Double.init), hot).reduce(0, +) / Double(rows)], 1e-5)
      let g = try B.run(.sparseSoftmaxCrossEntropyWithLogits, [0: .bool(true)], inputs)
      let long = try B.run(.sparseSoftmaxCrossEntropyWithLogits, [0: .bool(true)], [inputs[0], .labels(labels, long: true)])
      #expect(long.outputs == g.outputs)
      if small { B.expect(g.outputs[0], B.gradient(logits, ones) { losses($0, hot).map { $0 / Double(rows) } }) }

      let weights = MathHarness.noise(n, seed: 8, range: 0.5).map { $0 + 1 }
      let w = labels.map { Double(weights[Int($0)]) }, total = w.reduce(0, +)
      let each = (0..<rows).map { -w[$0] * Double(logits[$0 * n + Int(labels[$0])]) }
      for (reduction, wanted) in [(0, [each.reduce(0, +)]), (1, [each.reduce(0, +) / total]), (2, each)] {
        let fields: [Int: AttributeValue] = [0: .int(Int64(reduction))]
        let loss = try B.run(.nllLoss, fields, inputs + [.floats(weights, [n])], outputs: 2)
        let long = try B.run(.nllLoss, fields, [inputs[0], .labels(labels, long: true), .floats(weights, [n])], outputs: 2)
        #expect(long.outputs == loss.outputs)
        B.expect(loss.outputs[0], wanted, 1e-5)
        B.expect(loss.outputs[1], [total], 1e-5)
        let dy = MathHarness.noise(rows, seed: 9)
        let grad = try B.run(
          .nllLossGrad, fields,
          [inputs[0], reduction == 2 ? .floats(dy, [rows]) : .number(2), inputs[1], .floats(weights, [n]), .number(Float(total))])
        let factor = { (r: Int) in reduction == 2 ? Double(dy[r]) : reduction == 1 ? 2 / total : 2 }
        let longGrad = try B.run(
          .nllLossGrad, fields,
          [inputs[0], reduction == 2 ? .floats(dy, [rows]) : .number(2), .labels(labels, long: true), .floats(weights, [n]), .number(Float(total))])
        #expect(longGrad.outputs == grad.outputs)
        B.expect(grad.outputs[0], (0..<rows * n).map { hot[$0] * -w[$0 / n] * factor($0 / n) })
      }
    }
    // A class that is impossible and has no weight.
    let r = try B.run(.softmaxCrossEntropyWithLogits, [.floats([0, -.infinity], [1, 2]), .floats([1, 0], [1, 2])], outputs: 2)
    #expect(r.outputs == [[0], [0, 0]])
    let bad = B.refusal(.sparseSoftmaxCrossEntropyWithLogits, [.noise([2, 3], seed: 1), .labels([1, 3])])
    #expect(bad.contains("label 3 of row 1"))
    #expect(B.refusal(.sparseSoftmaxCrossEntropyWithLogits, [.noise([2, 3], seed: 1), .labels([1, -1])]).contains("label -1"))
    #expect(B.refusal(.sparseSoftmaxCrossEntropyWithLogits, [.noise([2, 3], seed: 1), .labels([1])]).contains("in1"))
    #expect(B.refusal(.softmaxCrossEntropyWithLogits, [.noise([2, 3], seed: 1), .noise([3, 2], seed: 1)]).contains("in1"))
    #expect(B.refusal(.nllLoss, [.noise([2, 3], seed: 1), .labels([0, 5]), .noise([3], seed: 2)]).contains("label 5"))
  }
}

extension TrainingBench {
  /// An operator without attributes.
  static func run(_ kind: OperatorKind, _ inputs: [Input], outputs: Int = 1, trains: Bool = false) throws -> Result {
    try run(kind, [:], inputs, outputs: outputs, trains: trains)
  }
  static func refusal(_ kind: OperatorKind, _ inputs: [Input], outputs: Int = 1) -> String { refusal(kind, [:], inputs, outputs: outputs) }
}
