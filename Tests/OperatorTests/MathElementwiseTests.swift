import CKernels
import Foundation
import Graph
import Testing

@testable import Operators

typealias H = MathHarness

@Suite struct MathUnaryTests {
  static let sizes = [0, 1, 3, 7, 8, 9, 17, 33, 16384, 16385, 40001]

  @Test func functions() throws {
    let cases: [(OperatorKind, [Int: AttributeValue], Bool, (Double) -> Double)] = [
      (.abs, [:], false, { abs($0) }), (.neg, [:], false, { -$0 }), (.sqrt, [:], true, { $0.squareRoot() }),
      (.rsqrt, [:], true, { 1 / $0.squareRoot() }), (.square, [:], false, { $0 * $0 }), (.log, [:], true, { log($0) }),
      (.log1p, [:], true, { log1p($0) }), (.expFusion, [:], false, { exp($0) }),
      (.expFusion, [0: .float(2), 1: .float(1.5), 2: .float(-0.5)], false, { pow(2, 1.5 * $0 - 0.5) }),
      (.sin, [:], false, { sin($0) }), (.cos, [:], false, { cos($0) }), (.floor, [:], false, { $0.rounded(.down) }),
      (.ceil, [:], false, { $0.rounded(.up) }), (.round, [:], false, { $0.rounded(.toNearestOrEven) }),
      (.reciprocal, [:], true, { 1 / $0 }), (.erf, [:], false, { erf($0) }),
      (.elu, [0: .float(0.5)], false, { $0 > 0 ? $0 : 0.5 * expm1($0) }),
      (.leakyRelu, [0: .float(0.25)], false, { $0 > 0 ? $0 : 0.25 * $0 }),
    ]
    for (kind, fields, positive, f) in cases {
      for n in Self.sizes {
        var x = H.noise(n, seed: UInt64(n + 1), range: 4)
        if positive { x = x.map { abs($0) + 0.01 } }
        let node = try H.run(kind, fields, [H.floats(x, [n])])
        H.expect(node.outputs[0], x.map { f(Double($0)) }, 4e-6, kind.name)
      }
    }
  }

  @Test func integersWrap() throws {
    let x: [Int32] = [.min, -3, 0, 5, 70000]
    #expect(H.values(try H.run(.abs, [:], [H.ints(x, [5])]).outputs[0], Int32.self) == [.min, 3, 0, 5, 70000])
    #expect(H.values(try H.run(.neg, [:], [H.ints(x, [5])]).outputs[0], Int32.self) == [.min, 3, 0, -5, -70000])
    #expect(H.values(try H.run(.square, [:], [H.ints(x, [5])]).outputs[0], Int32.self) == x.map { $0 &* $0 })
    #expect(H.refusal(.sqrt, [:], [H.ints(x, [5])]) == "input 0 (\"t\" int32 [5]) must be float32")
  }

  @Test func logicalNot() throws {
    let y = try H.run(.logicalNot, [:], [H.tensor([0, 1, 7] as [UInt8], [3], .bool)]).outputs[0]
    #expect(H.values(y, UInt8.self) == [1, 0, 0])
    H.expect(try H.run(.logicalNot, [:], [H.floats([0, 1, -2], [3])]).outputs[0], [1, 0, 0])
  }

  @Test func activations() throws {
    let x = H.noise(1001, range: 8)
    let cases: [(Int, [Int: AttributeValue], (Double) -> Double)] = [
      (1, [:], { max($0, 0) }), (2, [:], { 1 / (1 + exp(-$0)) }), (3, [:], { min(max($0, 0), 6) }),
      (4, [1: .float(1.5)], { $0 > 0 ? $0 : 1.5 * expm1($0) }), (5, [1: .float(0.1)], { $0 > 0 ? $0 : Double(Float(0.1)) * $0 }),
      (9, [:], { log1p(exp($0)) }), (10, [:], { tanh($0) }), (12, [:], { $0 * min(max($0 + 3, 0), 6) / 6 }),
      (13, [:], { min(max($0 + 3, 0), 6) / 6 }), (16, [2: .float(-1), 3: .float(2)], { min(max($0, -1), 2) }),
      (18, [:], { $0 / (1 + exp(-$0)) }), (19, [:], { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }),
      (19, [4: .bool(true)], { 0.5 * $0 * (1 + tanh(0.79788456 * $0 + 0.035677408 * $0 * $0 * $0)) }),
    ]
    for (type, fields, f) in cases {
      var fields = fields
      fields[0] = .int(Int64(type))
      H.expect(try H.run(.activation, fields, [H.floats(x, [7, 143])]).outputs[0], x.map { f(Double($0)) }, 5e-6, "activation \(type)")
    }
    let relu = try H.run(.activation, [0: .int(1)], [H.ints([-4, 0, 9], [3])])
    #expect(H.values(relu.outputs[0], Int32.self) == [0, 0, 9])
    #expect(H.refusal(.activation, [0: .int(21)], [H.floats([1], [1])])?.hasPrefix("activation type 21; 1 (RELU) to 20 (FAST_GELU)") == true)
    #expect(H.refusal(.activation, [:], [H.floats([1], [1])])?.hasPrefix("activation type 0;") == true)
    #expect(H.refusal(.activation, [0: .int(16)], [H.floats([1], [1])]) == "HARD_TANH needs max_val greater than min_val")
  }

  @Test func clip() throws {
    let x = H.floats([-3, -1, 0.5, 9], [4])
    H.expect(try H.run(.clip, [0: .float(6)], [x]).outputs[0], [0, 0, 0.5, 6])
    H.expect(try H.run(.clip, [:], [x, H.floats([-2], [])]).outputs[0], [-2, -1, 0.5, 9])
    H.expect(try H.run(.clip, [:], [x, H.halves([-2], [1]), H.floats([.infinity], [])]).outputs[0], [-2, -1, 0.5, 9])
    let i = try H.run(.clip, [:], [H.ints([-5, 5], [2]), H.ints([-1], []), H.ints([3], [])])
    #expect(H.values(i.outputs[0], Int32.self) == [-1, 3])
    let j = try H.run(.clip, [0: .float(1e20), 1: .float(-2)], [H.ints([-5, 5], [2])])
    #expect(H.values(j.outputs[0], Int32.self) == [-2, 5])
  }
}

@Suite struct MathArithmeticTests {
  static let shapes: [([Int], [Int])] = [
    ([5], [5]), ([2, 3, 17], [2, 3, 17]), ([33], [1]), ([], [9]), ([4, 7], [7]), ([3, 5, 9], [5, 1]), ([2, 3, 4, 5], [2, 1, 4, 1]),
    ([1, 6], [5, 1]), ([2, 1, 3], [4, 1]), ([2, 9, 1, 8], [2, 1, 3, 8]), ([130, 129], [129]), ([129], [130, 129]), ([3, 16400], [3, 1]),
    ([20000], [20000]), ([0, 3], [3]), ([1, 3], [0, 1]), ([1], [1]), ([2, 1, 1, 3], [1, 5, 4, 1]), ([40, 1, 5], [1, 60, 5]),
  ]

  @Test func floatBroadcasts() throws {
    let cases: [(OperatorKind, [Int: AttributeValue], (Double, Double) -> Double)] = [
      (.addFusion, [:], { $0 + $1 }), (.subFusion, [:], { $0 - $1 }), (.mulFusion, [:], { $0 * $1 }), (.divFusion, [:], { $0 / $1 }),
      (.realDiv, [:], { $0 / $1 }), (.maximum, [:], { max($0, $1) }), (.minimum, [:], { min($0, $1) }),
      (.squaredDifference, [:], { ($0 - $1) * ($0 - $1) }), (.eltwise, [:], { $0 * $1 }), (.eltwise, [0: .int(1)], { $0 + $1 }),
      (.eltwise, [0: .int(2)], { max($0, $1) }), (.addFusion, [0: .int(1)], { max($0 + $1, 0) }),
      (.subFusion, [0: .int(3)], { min(max($0 - $1, 0), 6) }), (.mod, [:], { fmod($0, $1) }),
    ]
    for (kind, fields, f) in cases {
      for (a, b) in Self.shapes {
        for constant in [false, true] {
          let x = H.noise(a.reduce(1, *), seed: 3), z = H.noise(b.reduce(1, *), seed: 5).map { $0 + ($0 < 0 ? -0.5 : 0.5) }
          let node = try H.run(kind, fields, [H.floats(x, a), H.floats(z, b, constant: constant)])
          let out = node.outputs[0].shape.dims
          let wanted = positions(out).map { p in f(Double(x[broadcastIndex(p, a)]), Double(z[broadcastIndex(p, b)])) }
          H.expect(node.outputs[0], wanted, 3e-6, "\(kind.name) \(a) \(b)")
        }
      }
    }
  }

  @Test func halfConstantAndFusedActivation() throws {
    var fused = FusedOperations()
    fused.activation = (10, 0, 0, 0, false)
    let x = H.noise(400)
    for dims in [[100, 4], [400]] {
      let z = H.noise(dims.last ?? 1, seed: 9).map { Float(Float16($0)) }
      let node = try H.run(
        H.node(.subFusion, [0: .int(1)], [H.floats(x, dims), H.halves(z, [z.count])], activation: fused))
      H.expect(node.outputs[0], (0..<400).map { tanh(Double(x[$0]) - Double(z[$0 % z.count])) }, 4e-6)
    }
  }

  @Test func integers() throws {
    let a: [Int32] = [7, -7, 7, -7, .min], b: [Int32] = [3, 3, -3, -3, -1]
    func run(_ kind: OperatorKind) throws -> [Int32] {
      H.values(try H.run(kind, [:], [H.ints(a, [5]), H.ints(b, [5])]).outputs[0], Int32.self)
    }
    #expect(try run(.addFusion) == [10, -4, 4, -10, .max])
    #expect(try run(.divFusion) == [2, -2, -2, 2, .min])
    #expect(try run(.floorDiv) == [2, -2, -2, 2, .min])
    #expect(try run(.floorMod) == [1, 2, -2, -1, 0])
    #expect(try run(.mod) == [1, -1, 1, -1, 0])
    #expect(try run(.maximum) == [7, 3, 7, -3, -1])
    let long = try H.run(.mulFusion, [:], [H.tensor([1 << 40, -3] as [Int64], [2], .int64), H.tensor([4] as [Int64], [1], .int64)])
    #expect(H.values(long.outputs[0], Int64.self) == [1 << 42, -12])
    let or = try H.run(.addFusion, [:], [H.tensor([0, 0, 2] as [UInt8], [3], .bool), H.tensor([0, 1, 1] as [UInt8], [3], .bool)])
    #expect(H.values(or.outputs[0], UInt8.self) == [0, 1, 1])
    #expect(H.refusal(.divFusion, [:], [H.ints(a, [5]), H.ints([1, 0], [2, 1])]) == "division by zero: input 1 (\"t\" int32 [2, 1]) is 0 at position 1")
  }

  @Test func refusals() {
    let x = H.floats([1, 2], [2])
    #expect(H.refusal(.addFusion, [:], [x]) == "has 1 inputs; 2 are needed")
    #expect(H.refusal(.addFusion, [:], [x, H.floats([1, 2, 3], [3])]) == "the shapes of input 0 (\"t\" float32 [2]) and input 1 (\"t\" float32 [3]) do not broadcast")
    #expect(H.refusal(.addFusion, [:], [x, H.ints([1], [1])]) == "input 0 (\"t\" float32 [2]) and input 1 (\"t\" int32 [1]) must have the same type")
    #expect(H.refusal(.addFusion, [0: .int(10)], [x, x])?.hasPrefix("fused activation type 10") == true)
    #expect(H.refusal(.eltwise, [0: .int(3)], [x, x]) == "mode 3; 0 (PROD), 1 (SUM) and 2 (MAXIMUM) are accepted")
    #expect(H.refusal(.biasAdd, [:], [x, H.floats([1, 2, 3, 4], [2, 2])])?.hasPrefix("the bias") == true)
  }

  @Test func sumOfMany() throws {
    let a = H.noise(12, seed: 1), b = H.noise(4, seed: 2), c = H.noise(12, seed: 3)
    let node = try H.run(.addN, [:], [H.floats(b, [1, 4]), H.floats(a, [3, 4]), H.floats(c, [12])])
    H.expect(node.outputs[0], (0..<12).map { Double(a[$0]) + Double(b[$0 % 4]) + Double(c[$0]) })
    #expect(H.refusal(.addN, [:], [H.floats(b, [4]), H.floats(b, [2, 2]), H.floats(a, [3, 2, 2])]) != nil)
    H.expect(try H.run(.addN, [:], [H.floats([4], [1])]).outputs[0], [4])
  }

  @Test func comparisons() throws {
    let a: [Float] = [1, 2, .nan, 4, -0.0], b: [Float] = [2, 2, 1, 3, 0]
    func run(_ kind: OperatorKind) throws -> [UInt8] {
      let node = try H.run(kind, [:], [H.floats(a, [5]), H.floats(b, [5])])
      #expect(node.outputs[0].type == .bool)
      return H.values(node.outputs[0], UInt8.self)
    }
    #expect(try run(.equal) == [0, 1, 0, 0, 1])
    #expect(try run(.notEqual) == [1, 0, 1, 1, 0])
    #expect(try run(.greater) == [0, 0, 0, 1, 0])
    #expect(try run(.greaterEqual) == [0, 1, 0, 1, 1])
    #expect(try run(.less) == [1, 0, 0, 0, 0])
    #expect(try run(.lessEqual) == [1, 1, 0, 0, 1])
    let wide = try H.run(.less, [:], [H.ints([1, 5, 3], [3, 1]), H.ints([2, 4], [1, 2])])
    #expect(H.values(wide.outputs[0], UInt8.self) == [1, 1, 0, 0, 0, 1])
    let and = try H.run(.logicalAnd, [:], [H.ints([0, 2, 3], [3]), H.ints([1], [1])])
    #expect(H.values(and.outputs[0], Int32.self) == [0, 1, 1])
    H.expect(try H.run(.logicalOr, [:], [H.floats([0, 2], [2]), H.floats([0], [1])]).outputs[0], [0, 1])
  }

  @Test func powers() throws {
    let x = H.noise(41, range: 2)
    for e in [0, 1, 2, 3, -1, -2, 7] as [Float] {
      H.expect(try H.run(.powFusion, [:], [H.floats(x, [41]), H.floats([e], [])]).outputs[0], x.map { pow(Double($0), Double(e)) }, 1e-5, "pow \(e)")
    }
    let p = x.map { abs($0) }
    H.expect(try H.run(.powFusion, [0: .float(2), 1: .float(1)], [H.floats(p, [41]), H.halves([0.5], [1])]).outputs[0], p.map { pow(2 * Double($0) + 1, 0.5) })
    H.expect(try H.run(.powFusion, [:], [H.floats(p, [41]), H.floats(p, [41])]).outputs[0], p.map { pow(Double($0), Double($0)) })
    #expect(H.values(try H.run(.powFusion, [:], [H.ints([2, -3, 0], [3]), H.ints([3], [])]).outputs[0], Int32.self) == [8, -27, 0])
  }

  @Test func softmax() throws {
    for (dims, axis) in [([7], 0), ([3, 5], -1), ([2, 5, 3], 1), ([4, 3, 2, 9], 0), ([300, 100], 1), ([0, 3], 1), ([1, 1], 1)] {
      let x = H.noise(dims.reduce(1, *), range: 20)
      for log in [false, true] {
        let field: AttributeValue = log ? .int(Int64(axis)) : .ints([Int64(axis)])
        let node = try H.run(log ? .logSoftmax : .softmax, [0: field], [H.floats(x, dims)])
        let a = axis < 0 ? axis + dims.count : axis
        let inner = dims[(a + 1)...].reduce(1, *), n = dims[a]
        let wanted = x.indices.map { i -> Double in
          let start = i / (inner * n) * inner * n + i % inner
          let line = (0..<n).map { Double(x[start + $0 * inner]) }
          let sum = line.map { exp($0 - line.max()!) }.reduce(0, +)
          return log ? Double(x[i]) - line.max()! - Foundation.log(sum) : exp(Double(x[i]) - line.max()!) / sum
        }
        H.expect(node.outputs[0], wanted, 4e-6, "softmax \(dims) \(axis)")
      }
    }
    #expect(H.refusal(.softmax, [:], [H.floats([1], [1])]) == "the axis attribute has 0 entries; exactly one is needed")
    #expect(H.refusal(.softmax, [0: .ints([3])], [H.floats([1], [1])]) == "axis 3 lies outside input 0 (\"t\" float32 [1])")
  }

  /// Sizes of nothing beside sizes that overflow a product are no shapes.
  @Test func emptyAndHuge() {
    let huge = H.floats([], [0, 1 << 30, 1 << 30, 1 << 30])
    let impossible = "output 0 would have the impossible shape [0, 1073741824, 1073741824, 1073741824]"
    #expect(H.refusal(.addFusion, [:], [huge, huge]) == impossible)
    #expect(H.refusal(.softmax, [0: .ints([-1])], [huge]) == impossible)
    #expect(H.refusal(.layerNormFusion, [0: .int(-1)], [huge]) == impossible)
    #expect(H.refusal(.l2NormalizeFusion, [0: .ints([1, 2])], [huge]) == impossible)
    #expect(H.refusal(.scaleFusion, [0: .int(1)], [huge, H.floats([1], [1])]) == impossible)
  }
}
