import CKernels
import Foundation
import Graph
import Testing

@testable import Operators

@Suite struct MathResizeTests {
  /// In float like the original: a coordinate that rounds to just below a whole number takes the pixel before it.
  private func coordinate(_ mode: Int, _ i: Int, _ size: Int, _ out: Int) -> Double {
    switch mode {
    case 1: return out == 1 || size == 1 ? 0 : Double(Float(i) / (Float(out - 1) / Float(size - 1)))
    case 2: return Double(max((Float(i) + 0.5) / (Float(out) / Float(size)) - 0.5, 0))
    default: return Double(Float(i) / (Float(out) / Float(size)))
    }
  }

  private func weights(_ method: Int, _ mode: Int, _ i: Int, _ size: Int, _ out: Int, _ a: Double) -> [(Int, Double)] {
    let c = coordinate(mode, i, size, out), low = Int(c.rounded(.down)), t = c - Double(low)
    func at(_ k: Int) -> Int { min(max(k, 0), size - 1) }
    if method == 1 { return [(at(mode == 1 ? Int(c.rounded()) : low), 1)] }
    if method == 0 { return [(at(low), 1 - t), (at(low + 1), t)] }
    func w(_ d: Double) -> Double {
      d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1 : d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0
    }
    return (-1...2).map { (at(low + $0), w(abs(t - Double($0)))) }
  }

  @Test func methodsAndCoordinates() throws {
    for (s, size) in [([1, 4, 5, 3], [8, 10]), ([2, 8, 6, 17], [4, 3]), ([1, 1, 7, 8], [3, 1]), ([1, 3, 1, 1], [1, 4])] {
      let x = H.noise(s.reduce(1, *))
      for method in 0...2 {
        for mode in 0...2 {
          let node = try H.run(
            .resize,
            [1: .int(Int64(method)), 2: .int(Int64(size[0])), 3: .int(Int64(size[1])), 5: .int(Int64(mode)), 6: .float(-0.75)],
            [H.floats(x, s)])
          #expect(node.outputs[0].shape.dims == [s[0], size[0], size[1], s[3]])
          let wanted = positions(node.outputs[0].shape.dims).map { p -> Double in
            var sum = 0.0
            for (h, u) in weights(method, mode, p[1], s[1], size[0], -0.75) {
              for (w, v) in weights(method, mode, p[2], s[2], size[1], -0.75) {
                sum += u * v * Double(x[((p[0] * s[1] + h) * s[2] + w) * s[3] + p[3]])
              }
            }
            return sum
          }
          H.expect(node.outputs[0], wanted, 5e-6, "resize \(s) method \(method) mode \(mode)")
        }
      }
    }
  }

  @Test func sizesFromInputs() throws {
    let x = H.floats(H.noise(6), [1, 2, 3, 1])
    func dims(_ size: Tensor) throws -> [Int] { try H.run(.resize, [1: .int(1)], [x, size]).outputs[0].shape.dims }
    #expect(try dims(H.ints([5, 4], [2])) == [1, 5, 4, 1])
    #expect(try dims(H.ints([1, 5, 4, 1], [4])) == [1, 5, 4, 1])
    #expect(try dims(H.tensor([1, 1, 5, 4] as [Int32], [4], .int32, constant: true, format: .nchw)) == [1, 5, 4, 1])
    #expect(try dims(H.floats([2, 1.5], [2], constant: true)) == [1, 4, 5, 1])
    #expect(try dims(H.halves([1, 2, 1.5, 1], [4])) == [1, 4, 5, 1])
    #expect(try dims(H.ints([3], [1])) == [1, 4, 7, 1])
    #expect(H.refusal(.resize, [:], [x, H.ints([1, 2, 3], [3])])?.hasPrefix("the size (\"t\" int32 [3]) must be") == true)
    #expect(H.refusal(.resize, [:], [x]) == "the size 0 x 0 is impossible")
    #expect(H.refusal(.resize, [1: .int(-1)], [x])?.hasPrefix("resize method -1") == true)
    #expect(H.refusal(.resize, [:], [x, H.ints([5, 4], [2], constant: false)]) == EngineError.deferred.message)
  }

  @Test func nearestMovesOtherTypes() throws {
    let fields: [Int: AttributeValue] = [1: .int(1), 2: .int(2), 3: .int(4)]
    let small = try H.run(.resize, fields, [H.tensor([1, 2] as [UInt8], [1, 1, 2, 1], .uint8)])
    #expect(H.values(small.outputs[0], UInt8.self) == [1, 1, 2, 2, 1, 1, 2, 2])
    let large = try H.run(.resize, fields, [H.tensor([1, 2] as [Int64], [1, 1, 2, 1], .int64)])
    #expect(H.values(large.outputs[0], Int64.self) == [1, 1, 2, 2, 1, 1, 2, 2])
  }
}
