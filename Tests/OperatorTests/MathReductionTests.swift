import CKernels
import Foundation
import Graph
import Testing

@testable import Operators

@Suite struct MathReduceTests {
  private func reference(_ x: [Float], _ dims: [Int], _ axes: [Int], _ mode: Int) -> [Double] {
    let kept = dims.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }
    var groups = [[Double]](repeating: [], count: kept.reduce(1, *))
    for (i, p) in positions(dims).enumerated() { groups[broadcastIndex(p, kept)].append(Double(x[i])) }
    return groups.map { v in
      switch mode {
      case 0: return v.reduce(0, +) / Double(v.count)
      case 1: return v.max() ?? -.infinity
      case 2: return v.min() ?? .infinity
      case 3: return v.reduce(1, *)
      case 5: return v.map { $0 * $0 }.reduce(0, +)
      case 6: return v.map { abs($0) }.reduce(0, +)
      case 8: return v.map { $0 * $0 }.reduce(0, +).squareRoot()
      default: return v.reduce(0, +)
      }
    }
  }

  @Test func floats() throws {
    let cases: [([Int], [Int])] = [
      ([7], [0]), ([5, 33], [1]), ([5, 33], [0]), ([2, 5, 6, 9], [1, 2]), ([2, 5, 6, 9], [0, 3]), ([3, 1, 4], [1]), ([3, 1, 4], []),
      ([2, 3, 2, 3, 2, 3], [0, 2, 4]), ([2, 3, 2, 3, 2, 3], [5, 1, -3]), ([1, 40, 40, 17], [2, 1]), ([300, 2, 3], [1]), ([4, 9000], [-1]),
      ([0, 3], [0]), ([], []), ([9000, 5], [0]),
    ]
    for (dims, axes) in cases {
      for mode in [0, 1, 2, 3, 4, 5, 6, 8] {
        for keep in [false, true] {
          let x = H.noise(dims.reduce(1, *), range: mode == 3 ? 1.1 : 2)
          var inputs = [H.floats(x, dims)]
          if !axes.isEmpty { inputs.append(H.ints(axes.map { Int32($0) }, [axes.count])) }
          let node = try H.run(.reduceFusion, [0: .bool(keep), 1: .int(Int64(mode))], inputs)
          let all = axes.isEmpty ? Array(dims.indices) : axes.map { $0 < 0 ? $0 + dims.count : $0 }
          let wanted = dims.enumerated().compactMap { all.contains($0.offset) ? (keep ? 1 : nil) : $0.element }
          #expect(node.outputs[0].shape.dims == wanted)
          H.expect(node.outputs[0], reference(x, dims, all, mode), 2e-5, "reduce \(mode) \(dims) \(axes)")
        }
      }
    }
  }

  @Test func toEndWithCoefficient() throws {
    let x = H.noise(24)
    let node = try H.run(.reduceFusion, [0: .bool(true), 1: .int(4), 2: .bool(true), 3: .float(0.5)], [H.floats(x, [2, 3, 4]), H.ints([1], [1])])
    #expect(node.outputs[0].shape.dims == [2])
    H.expect(node.outputs[0], reference(x, [2, 3, 4], [1, 2], 4).map { $0 / 2 })
  }

  @Test func integersAndBooleans() throws {
    let x: [Int32] = [1, 2, 4, -5, 9, 8]
    func run(_ mode: Int) throws -> [Int32] {
      H.values(try H.run(.reduceFusion, [1: .int(Int64(mode))], [H.ints(x, [2, 3]), H.ints([1], [1])]).outputs[0], Int32.self)
    }
    #expect(try run(0) == [2, 4])
    #expect(try run(1) == [4, 9])
    #expect(try run(2) == [1, -5])
    #expect(try run(3) == [8, -360])
    #expect(try run(4) == [7, 12])
    #expect(try run(5) == [21, 170])
    #expect(try run(6) == [7, 22])
    let all = try H.run(.reduceFusion, [1: .int(7)], [H.tensor([1, 1, 1, 0] as [UInt8], [2, 2], .bool), H.ints([1], [1])])
    #expect(H.values(all.outputs[0], UInt8.self) == [1, 0])
  }

  @Test func refusals() {
    let x = H.floats([1, 2], [1, 2])
    #expect(H.refusal(.reduceFusion, [1: .int(9)], [x]) == "reduce mode 9; 0 to 8 are accepted")
    #expect(H.refusal(.reduceFusion, [:], [x, H.ints([2], [1])]) == "axis 2 lies outside input 0 (\"t\" float32 [1, 2])")
    #expect(H.refusal(.reduceFusion, [2: .bool(true)], [x, H.ints([0, 1], [2])]) == "reduce_to_end needs exactly one axis; there are 2")
    #expect(H.refusal(.reduceFusion, [1: .int(7)], [x]) == "input 0 (\"t\" float32 [1, 2]) must be bool")
  }
}

@Suite struct MathPoolTests {
  private func reference(_ x: [Float], _ s: [Int], _ k: [Int], _ st: [Int], _ pad: [Int], _ out: [Int], _ average: Bool) -> [Double] {
    positions(out).map { p in
      var taps = [Double]()
      for i in 0..<k[0] {
        for j in 0..<k[1] {
          let h = p[1] * st[0] + i - pad[0], w = p[2] * st[1] + j - pad[1]
          if h >= 0 && h < s[1] && w >= 0 && w < s[2] { taps.append(Double(x[((p[0] * s[1] + h) * s[2] + w) * s[3] + p[3]])) }
        }
      }
      if average { return taps.isEmpty ? 0 : taps.reduce(0, +) / Double(taps.count) }
      return taps.max() ?? -Double(Float.greatestFiniteMagnitude)
    }
  }

  @Test func windows() throws {
    // shape, kernel, strides, pad attribute, pad mode, round mode; expected size and leading pads
    let cases: [([Int], [Int], [Int], [Int], Int, Int, [Int], [Int])] = [
      ([1, 8, 9, 3], [2, 2], [2, 2], [0, 0, 0, 0], 0, 0, [4, 4], [0, 0]), ([2, 8, 9, 17], [3, 2], [2, 1], [1, 1, 0, 1], 0, 1, [5, 9], [1, 0]),
      ([1, 7, 7, 8], [3, 3], [2, 2], [], 1, 0, [4, 4], [1, 1]), ([1, 5, 5, 1], [2, 2], [1, 1], [], 1, 0, [5, 5], [0, 0]),
      ([1, 3, 3, 5], [2, 2], [2, 2], [1, 1, 1, 1], 0, 1, [3, 3], [1, 1]), ([1, 2, 2, 4], [5, 5], [1, 1], [], 2, 0, [1, 1], [0, 0]),
    ]
    for (s, k, st, pad, mode, round, size, lead) in cases {
      for average in [false, true] {
        let x = H.noise(s.reduce(1, *))
        let fields: [Int: AttributeValue] = [
          0: .ints(k.map { Int64($0) }), 1: .ints(st.map { Int64($0) }), 2: .ints(pad.map { Int64($0) }), 3: .int(Int64(mode)),
          4: .int(Int64(round)),
        ]
        let node = try H.run(average ? .avgPoolFusion : .maxPoolFusion, fields, [H.floats(x, s)])
        let out = [s[0]] + size + [s[3]]
        #expect(node.outputs[0].shape.dims == out)
        H.expect(node.outputs[0], reference(x, s, k, st, lead, out, average), 2e-6, "pool \(s) \(k)")
      }
    }
  }

  @Test func global() throws {
    let s = [2, 9, 7, 35], x = H.noise(2 * 9 * 7 * 35)
    for average in [false, true] {
      let node = try H.run(average ? .avgPoolFusion : .maxPoolFusion, [6: .bool(true), 7: .int(1)], [H.floats(x, s)])
      H.expect(node.outputs[0], reference(x, s, [9, 7], [1, 1], [0, 0], [2, 1, 1, 35], average).map { max($0, 0) })
    }
  }

  @Test func refusals() {
    let fields: [Int: AttributeValue] = [0: .ints([2, 2]), 1: .ints([0, 1])]
    let x = H.floats([1, 2, 3, 4], [1, 2, 2, 1])
    #expect(H.refusal(.maxPoolFusion, [:], [x]) == "kernel_size has 0 entries; 2 are needed")
    #expect(H.refusal(.maxPoolFusion, fields, [x]) == "strides contains 0; 1 to 1000000 are accepted")
    #expect(H.refusal(.maxPoolFusion, [6: .bool(true)], [H.floats([1], [1, 1, 1])]) == "input 0 (\"t\" float32 [1, 1, 1]) must have 4 dimensions")
    #expect(H.refusal(.maxPoolFusion, [6: .bool(true)], [H.floats([], [1, 0, 1, 1])])?.contains("has no image to pool") == true)
  }
}

@Suite struct MathNormTests {
  @Test func batchNorm() throws {
    let c = 19, x = H.noise(3 * 4 * c), scale = H.noise(c, seed: 2), bias = H.noise(c, seed: 3), mean = H.noise(c, seed: 4)
    let variance = H.noise(c, seed: 5).map { abs($0) + 0.1 }
    let wanted = x.indices.map { i -> Double in
      let k = i % c
      return Double(scale[k]) * (Double(x[i]) - Double(mean[k])) / (Double(variance[k]) + 0.25).squareRoot() + Double(bias[k])
    }
    for constant in [false, true] {
      let inputs = [H.floats(x, [3, 4, c])] + [scale, bias, mean, variance].map { H.floats($0, [c], constant: constant) }
      let node = try H.run(.fusedBatchNorm, [0: .float(0.25)], inputs, outputs: 5)
      H.expect(node.outputs[0], wanted, 5e-6)
      H.expect(node.outputs[4], variance.map { Double($0) })
    }
    let plain = try H.run(.batchNorm, [0: .float(0.25)], [H.floats(x, [12, c]), H.floats(mean, [c]), H.halves(variance, [c])])
    let halves = variance.map { Double(Float16($0)) }
    H.expect(plain.outputs[0], x.indices.map { (Double(x[$0]) - Double(mean[$0 % c])) / (halves[$0 % c] + 0.25).squareRoot() }, 5e-6)
    #expect(H.refusal(.batchNorm, [:], [H.floats(x, [12, c]), H.floats([1], [1]), H.floats(mean, [c])]) == "input 1 (\"t\" float32 [1]) must have 19 elements, one for each channel")
  }

  @Test func scale() throws {
    let x = H.noise(2 * 3 * 5), s = H.noise(3, seed: 2), o = H.noise(3, seed: 3), last = H.noise(5, seed: 4)
    let middle = try H.run(.scaleFusion, [0: .int(1), 1: .int(1)], [H.floats(x, [2, 3, 5]), H.floats(s, [3]), H.halves(o, [3])])
    H.expect(middle.outputs[0], x.indices.map { max(Double(x[$0]) * Double(s[$0 / 5 % 3]) + Double(Float16(o[$0 / 5 % 3])), 0) })
    let end = try H.run(.scaleFusion, [0: .int(-1)], [H.floats(x, [2, 3, 5]), H.floats(last, [5])])
    H.expect(end.outputs[0], x.indices.map { Double(x[$0]) * Double(last[$0 % 5]) })
    #expect(H.refusal(.scaleFusion, [0: .int(2)], [H.floats(x, [2, 3, 5]), H.floats(s, [3])])?.hasPrefix("the scale (\"t\" float32 [3]) does not fit") == true)
  }

  @Test func prelu() throws {
    let x = H.noise(4 * 9), s = H.noise(9, seed: 2)
    H.expect(try H.run(.pReLUFusion, [:], [H.floats(x, [4, 9]), H.floats(s, [9])]).outputs[0], x.indices.map { x[$0] > 0 ? Double(x[$0]) : Double(x[$0]) * Double(s[$0 % 9]) })
    // channel_shared says nothing that the slope's size does not.
    H.expect(try H.run(.pReLUFusion, [0: .bool(true)], [H.floats(x, [4, 9]), H.floats(s, [9])]).outputs[0], x.indices.map { x[$0] > 0 ? Double(x[$0]) : Double(x[$0]) * Double(s[$0 % 9]) })
    H.expect(try H.run(.pReLUFusion, [:], [H.floats(x, [4, 9]), H.halves([0.25], [1])]).outputs[0], x.map { $0 > 0 ? Double($0) : Double($0) * 0.25 })
    let wide = try H.run(.pReLUFusion, [:], [H.floats(x, [2, 2, 9]), H.floats(Array(x[0..<18]), [1, 2, 9])]).outputs[0]
    H.expect(wide, x.indices.map { x[$0] > 0 ? Double(x[$0]) : Double(x[$0]) * Double(x[$0 % 18]) })
    #expect(H.refusal(.pReLUFusion, [:], [H.floats(x, [4, 9]), H.floats([1, 2], [2])])?.hasPrefix("the slope") == true)
  }

  private func normalised(_ x: [Float], _ n: Int, _ epsilon: Double) -> [Double] {
    stride(from: 0, to: x.count, by: n).flatMap { start -> [Double] in
      let row = x[start..<start + n].map { Double($0) }
      let mean = row.reduce(0, +) / Double(n), variance = row.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(n)
      return row.map { ($0 - mean) / (variance + epsilon).squareRoot() }
    }
  }

  @Test func layerNorm() throws {
    let x = H.noise(2 * 3 * 20).map { $0 + 5 }, g = H.noise(60, seed: 2), b = H.noise(60, seed: 3)
    let simple = try H.run(.layerNormFusion, [0: .int(-1)], [H.floats(x, [2, 3, 20])])
    H.expect(simple.outputs[0], normalised(x, 20, 1e-5), 2e-5)
    let fields: [(Int64, Int64, Int, Int)] = [(2, 2, 20, 20), (1, 1, 60, 60), (1, 2, 60, 20), (2, 1, 20, 60)]
    for (norm, params, n, p) in fields {
      let node = try H.run(
        .layerNormFusion, [0: .int(norm), 1: .float(0.5), 3: .int(params)],
        [H.floats(x, [2, 3, 20]), H.floats(Array(g[0..<p]), [p]), H.floats(Array(b[0..<p]), [p])], outputs: 3)
      let plain = normalised(x, n, 0.5)
      H.expect(node.outputs[0], x.indices.map { plain[$0] * Double(g[$0 % p]) + Double(b[$0 % p]) }, 2e-5, "layer norm \(norm) \(params)")
      #expect(node.outputs[1].shape.dims == (norm == 2 ? [2, 3] : [2]))
    }
  }

  @Test func groupAndInstanceNorm() throws {
    let n = 2, c = 12, pixels = 35, g = H.noise(c, seed: 2), b = H.noise(c, seed: 3)
    let planar = H.noise(n * c * pixels, seed: 7).map { $0 + 3 }
    var channelsLast = planar
    for i in 0..<n { for k in 0..<c { for p in 0..<pixels { channelsLast[(i * pixels + p) * c + k] = planar[(i * c + k) * pixels + p] } } }
    for groups in [12, 3, 1] {
      let plain = normalised(planar, c / groups * pixels, 0.01)
      let wanted = plain.indices.map { plain[$0] * Double(g[$0 / pixels % c]) + Double(b[$0 / pixels % c]) }
      let kind: OperatorKind = groups == 12 ? .instanceNorm : .groupNormFusion
      let fields: [Int: AttributeValue] = groups == 12 ? [0: .float(0.01)] : [0: .int(Int64(groups)), 1: .float(0.01)]
      let first = try H.run(kind, fields, [H.floats(planar, [n, c, 5, 7], format: .nchw), H.floats(g, [c]), H.halves(b, [c])])
      let exact = plain.indices.map { plain[$0] * Double(g[$0 / pixels % c]) + Double(Float16(b[$0 / pixels % c])) }
      H.expect(first.outputs[0], exact, 2e-5, "\(kind.name) planes \(groups)")
      let last = try H.run(kind, fields, [H.floats(channelsLast, [n, 5, 7, c]), H.floats(g, [c]), H.floats(b, [c])])
      var moved = wanted
      for i in 0..<n { for k in 0..<c { for p in 0..<pixels { moved[(i * pixels + p) * c + k] = wanted[(i * c + k) * pixels + p] } } }
      H.expect(last.outputs[0], moved, 2e-5, "\(kind.name) channels last \(groups)")
    }
    #expect(H.refusal(.groupNormFusion, [0: .int(5)], [H.floats(planar, [n, 5, 7, c])])?.hasPrefix("5 groups do not divide the 12 channels") == true)
  }

  @Test func l2Normalize() throws {
    let x = H.noise(3 * 4 * 6)
    for (axes, outer, n, inner) in [([-1], 12, 6, 1), ([1], 3, 4, 6), ([], 1, 72, 1), ([1, 2], 3, 24, 1)] as [([Int64], Int, Int, Int)] {
      let node = try H.run(.l2NormalizeFusion, [0: .ints(axes), 1: .float(1e-6)], [H.floats(x, [3, 4, 6])])
      var wanted = [Double](repeating: 0, count: 72)
      for i in 0..<outer { for k in 0..<inner {
        let at = (0..<n).map { (i * n + $0) * inner + k }
        let sum = at.map { Double(x[$0]) * Double(x[$0]) }.reduce(0, +)
        for p in at { wanted[p] = Double(x[p]) / max(sum, 1e-6).squareRoot() }
      } }
      H.expect(node.outputs[0], wanted, 3e-6, "l2 \(axes)")
    }
    #expect(H.refusal(.l2NormalizeFusion, [0: .ints([0, 2])], [H.floats(x, [3, 4, 6])])?.contains("not adjacent") == true)
  }

  @Test(arguments: [11, 300]) func lrn(c: Int) throws {
    var x = H.noise(6 * c)
    // What is not finite spoils its own windows only.
    x[3 * c + 1] = .infinity
    x[4 * c + c - 1] = .nan
    for (r, beta) in [(2, 0.75), (0, 0.5), (64, 0.75), (65, 0.75), (100, 1), (.init(Int32.max), 1)] as [(Int, Double)] {
      let node = try H.run(.lrn, [0: .int(Int64(r)), 1: .float(1.5), 2: .float(0.25), 3: .float(beta)], [H.floats(x, [1, 2, 3, c])])
      let wanted = x.indices.map { i -> Double in
        let row = i / c * c, k = i % c
        let sum = (max(0, k - r)...min(c - 1, k + r)).map { Double(x[row + $0]) * Double(x[row + $0]) }.reduce(0.0, +)
        return Double(x[i]) * pow(1.5 + 0.25 * sum, -beta)
      }
      H.expect(node.outputs[0], wanted, 3e-6)
    }
    #expect(H.refusal(.lrn, [4: .string("WITHIN_CHANNEL")], [H.floats(x, [1, 2, 3, c])]) == "norm_region \"WITHIN_CHANNEL\"; ACROSS_CHANNELS is accepted")
  }
}
