import Foundation
import Graph
import Testing

@testable import Operators

/// Random numbers. The numbers with a seed were recorded from TensorFlow 2.21 (first run of a session).
struct RandomTests {
  private func run(_ kind: OperatorKind, _ seed: Int64, _ seed2: Int64) -> OperatorRun {
    OperatorRun(kind: kind, attributes: attributes((0, .int(seed)), (1, .int(seed2))), known: [0])
  }

  @Test func uniform() throws {
    DetectionTests.expect(try run(.uniformReal, 7, 11)([.ints([2, 5])])[0], [2, 5], [
      0.023186326, 0.0994875431, 0.569126487, 0.584228158, 0.465823054, 0.277059317, 0.929268837, 0.374443293, 0.013667345, 0.351125479,
    ], 0)
    DetectionTests.expect(try run(.uniformReal, 0, 5)([.ints([3])])[0], [3], [0.926393032, 0.351466417, 0.773781419], 0)
    #expect(try run(.uniformReal, 7, 11)([.longs([2], [2, 5])])[0] == run(.uniformReal, 7, 11)([.ints([2, 5])])[0])
    // Tasks of the pool meet at 4096.
    let many = try run(.uniformReal, 7, 11)([.ints([9000])])[0].floats
    for (i, v) in [(1023, 0.631785989), (1024, 0.565521598), (2047, 0.990242004), (2048, 0.589025974), (2999, 0.831749678)] as [(Int, Float)] {
      #expect(many[i] == v)
    }
    #expect(many.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(abs(many.reduce(0, +) / 9000 - 0.5) < 0.02)
    let prefix = try run(.uniformReal, 7, 11)([.ints([4101])])[0].floats
    #expect(prefix == Array(many[..<4101]))
  }

  @Test func normal() throws {
    DetectionTests.expect(try run(.randomStandardNormal, 7, 11)([.ints([10])])[0], [10], [
      1.60560369, 2.22495437, -0.536034465, -0.916499913, 1.21825969, -0.209146068, 0.271791041, -0.269896328, 2.35826302, -1.73899043,
    ], 1e-6)
    let many = try run(.randomStandardNormal, 7, 11)([.ints([3, 3000])])[0].floats
    for (i, v) in [(1023, -0.713186979), (1024, 1.05315435), (1025, 0.175725877), (2047, 1.89327085), (2048, 0.334363371), (2999, 0.116502874)]
      as [(Int, Float)]
    {
      #expect(abs(many[i] - v) <= 2e-6)
    }
    let mean = many.reduce(0, +) / 9000, variance = many.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 9000
    #expect(abs(mean) < 0.04 && abs(variance - 1) < 0.05)
    #expect(try run(.randomStandardNormal, 7, 11)([.longs([1], [10])])[0] == run(.randomStandardNormal, 7, 11)([.ints([10])])[0])
  }

  /// The shape and type are the input's; mean and deviation are applied to the standard numbers.
  @Test func normalLike() throws {
    let a = attributes((0, .float(7)), (1, .float(3)), (2, .float(0.5)))
    let y = try OperatorRun(kind: .randomNormal, attributes: a)([.floats([2, 3], [0, 0, 0, 0, 0, 0])])[0]
    let standard = try run(.randomStandardNormal, 7, 0)([.ints([6])])[0].floats
    DetectionTests.expect(y, [2, 3], standard.map { $0 * 0.5 + 3 }, 0)
    let half = try OperatorRun(kind: .randomNormal, attributes: a)([Value(.float16, [6], [UInt16](repeating: 0, count: 6))])[0]
    #expect(half.type == .float16 && half.elements(Float16.self) == y.floats.map { Float16($0) })
  }

  @Test func withoutSeed() throws {
    for kind in [OperatorKind.uniformReal, .randomStandardNormal] {
      let a = try run(kind, 0, 0)([.ints([100])])[0], b = try run(kind, 0, 0)([.ints([100])])[0]
      #expect(a != b && Set(a.floats).count > 50)
    }
    // A seed may be negative or larger than 32 bits; it all counts.
    let seeds: [(Int64, Int64)] = [(-1, 1), (1, -1), (1 << 40, 1), (1, 1 << 40), (1, 1), (2, 1)]
    var all = Set<[Float]>()
    for (a, b) in seeds { all.insert(try run(.uniformReal, a, b)([.ints([8])])[0].floats) }
    #expect(all.count == seeds.count)
  }

  @Test func forms() throws {
    #expect(try run(.uniformReal, 1, 1)([.ints([])])[0].dims == [])
    #expect(try run(.uniformReal, 1, 1)([.ints([3, 0])])[0].dims == [3, 0])
    #expect(run(.uniformReal, 1, 1).refusal([.ints([-1])]).contains("impossible shape"))
    #expect(run(.uniformReal, 1, 1).refusal([.floats([1], [2])]).contains("must be int32"))
    #expect(OperatorRun(kind: .uniformReal, known: []).refusal([.ints([2])]) == "deferred")
    // Its values must not be computed ahead of the run.
    let node = Node(name: "n", kind: .uniformReal, attributes: Attributes(), inputs: [MathHarness.ints([2], [1])], outputs: [Tensor(name: "y", type: .unknown, shape: Shape())])
    #expect(try RandomOperator(node).isPure == false)
  }
}
