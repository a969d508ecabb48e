import Graph
import Testing

@testable import Operators

@Suite struct MatrixProductTests {
  /// a [ba, m, k] times b [bb, k, n] by the definition.
  private func product(_ a: [Float], _ b: [Float], _ ba: Int, _ bb: Int, _ m: Int, _ k: Int, _ n: Int, _ ta: Bool, _ tb: Bool) -> [Double] {
    var out = [Double]()
    for i in 0..<max(ba, bb) {
      for r in 0..<m {
        for c in 0..<n {
          var sum = 0.0
          for p in 0..<k {
            let x = a[(i % ba) * m * k + (ta ? p * m + r : r * k + p)], y = b[(i % bb) * k * n + (tb ? c * k + p : p * n + c)]
            sum += Double(x) * Double(y)
          }
          out.append(sum)
        }
      }
    }
    return out
  }

  @Test func agreesWithTheDefinition() throws {
    for (ba, bb, m, k, n) in [(1, 1, 1, 1, 1), (1, 1, 7, 33, 17), (3, 1, 5, 16, 40), (2, 2, 13, 9, 31), (1, 4, 3, 5, 2), (1, 1, 1, 200, 129), (2, 1, 64, 64, 64)] {
      for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        for constant in [false, true] {
          let harness = MatrixHarness()
          let a = harness.random(ba * m * k), b = harness.random(bb * k * n), bias = harness.random(n)
          var attributes = Attributes()
          attributes[0] = .bool(ta)
          attributes[1] = .bool(tb)
          let node = Node(
            name: "m", kind: .matMulFusion, attributes: attributes,
            inputs: [
              harness.tensor(a, [ba] + (ta ? [k, m] : [m, k])), harness.tensor(b, [bb] + (tb ? [n, k] : [k, n]), constant: constant),
              harness.tensor(bias, [n], constant: true),
            ], outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
          var want = product(a, b, ba, bb, m, k, n, ta, tb)
          for i in 0..<want.count { want[i] += Double(bias[i % n]) }
          let got = try harness.run(node)
          #expect(node.outputs[0].shape.dims == [max(ba, bb), m, n])
          #expect(relativeDifference(got, want) < 2e-6, "\(ba) \(bb) \(m) \(k) \(n) \(ta) \(tb) \(constant)")
        }
      }
    }
  }

  @Test func vectorsAndHalfWeights() throws {
    let harness = MatrixHarness()
    let a = harness.random(6), b = harness.random(6 * 5).map { Float(Float16($0)) }
    func node(_ da: [Int], _ db: [Int], half: Bool) -> Node {
      Node(
        name: "m", kind: .matMulFusion,
        inputs: [harness.tensor(a, da), harness.tensor(b, db, constant: true, half: half)],
        outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
    }
    let row = node([6], [6, 5], half: true)
    #expect(relativeDifference(try harness.run(row), product(a, b, 1, 1, 1, 6, 5, false, false)) < 2e-6)
    #expect(row.outputs[0].shape.dims == [5])
    let column = Node(
      name: "m", kind: .matMulFusion, inputs: [harness.tensor(b, [5, 6]), harness.tensor(a, [6])],
      outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
    #expect(relativeDifference(try harness.run(column), product(b, a, 1, 1, 5, 6, 1, false, false)) < 2e-6)
    #expect(column.outputs[0].shape.dims == [5])
    #expect(harness.failure(node([2, 3], [6, 5], half: false))?.contains("inner sizes differ") == true)
  }

  @Test func fullConnection() throws {
    for (rows, k, o, half) in [(1, 7, 3, false), (5, 64, 33, true), (2, 100, 1, false)] {
      let harness = MatrixHarness()
      let x = harness.random(rows * k), bias = harness.random(o)
      let w = harness.random(o * k).map { half ? Float(Float16($0)) : $0 }
      var attributes = Attributes()
      attributes[0] = .bool(true)
      attributes[3] = .int(1)
      let node = Node(
        name: "f", kind: .fullConnection, attributes: attributes,
        inputs: [
          harness.tensor(x, [rows, k, 1]), harness.tensor(w, [o, k], constant: true, half: half), harness.tensor(bias, [o], constant: true),
        ], outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
      var want = product(x, w, 1, 1, rows, k, o, false, true)
      for i in 0..<want.count { want[i] = max(want[i] + Double(bias[i % o]), 0) }
      #expect(relativeDifference(try harness.run(node), want) < 2e-6)
      #expect(node.outputs[0].shape.dims == [rows, o])
    }
  }
}
