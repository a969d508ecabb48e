import Graph
import Testing

@testable import Operators

private struct Case {
  var n = 1, h = 5, w = 6, channels = 3, out = 4, kh = 3, kw = 3, stride = 1, dilation = 1, group = 1
  var mode = 0, pads = [1, 1, 1, 1], activation = 0, half = false, bias = true, residual = false, extra = [Int]()

  /// Winograd's transforms, with factors up to 8, round more than the plain sum does: 5e-6 of the peak was seen.
  var mayUseWinograd: Bool { kh == 3 && kw == 3 && stride == 1 && dilation == 1 && group == 1 && channels >= 16 }
}

private func conv(_ c: Case, _ harness: MatrixHarness) throws -> (got: [Float], want: [Double]) {
  let ig = c.channels / c.group
  let x = harness.random(c.n * c.h * c.w * c.channels)
  var w = harness.random(c.out * c.kh * c.kw * ig)
  if c.half { w = w.map { Float(Float16($0)) } }
  let b = c.bias ? harness.random(c.out) : [Float](repeating: 0, count: c.out)
  var attributes = Attributes()
  attributes[2] = .ints([Int64(c.stride), Int64(c.stride)])
  attributes[3] = .ints([Int64(c.dilation), Int64(c.dilation)])
  attributes[4] = .int(Int64(c.mode))
  attributes[5] = .ints(c.pads.map(Int64.init))
  attributes[7] = .int(Int64(c.group))
  attributes[10] = .int(Int64(c.activation))
  // The expected size and padding, written independently of ConvolutionGeometry.
  let e = c.extra.isEmpty ? [0, 0, 0, 0] : c.extra
  let keh = (c.kh - 1) * c.dilation + 1, kew = (c.kw - 1) * c.dilation + 1
  func place(_ size: Int, _ k: Int, _ a: Int, _ b: Int) -> (Int, Int) {
    switch c.mode {
    case 1:
      let o = (size + c.stride - 1) / c.stride
      return (o, max((o - 1) * c.stride + k - size, 0) / 2)
    default: return ((size + a + b - k) / c.stride + 1, a)
    }
  }
  let (oh, pt) = place(c.h + e[0] + e[1], keh, c.pads[0], c.pads[1])
  let (ow, pl) = place(c.w + e[2] + e[3], kew, c.pads[2], c.pads[3])
  let og = c.out / c.group
  let r = c.residual ? harness.random(c.n * oh * ow * c.out) : []
  var want = [Double]()
  for n in 0..<c.n {
    for i in 0..<oh {
      for j in 0..<ow {
        for o in 0..<c.out {
          var sum = Double(b[o])
          for p in 0..<c.kh {
            for q in 0..<c.kw {
              let y = i * c.stride + p * c.dilation - pt - e[0], z = j * c.stride + q * c.dilation - pl - e[2]
              if y < 0 || y >= c.h || z < 0 || z >= c.w { continue }
              for k in 0..<ig {
                sum +=
                  Double(x[((n * c.h + y) * c.w + z) * c.channels + o / og * ig + k])
                  * Double(w[((o * c.kh + p) * c.kw + q) * ig + k])
              }
            }
          }
          if c.residual { sum += Double(r[((n * oh + i) * ow + j) * c.out + o]) }
          if c.activation == 1 { sum = max(sum, 0) }
          if c.activation == 3 { sum = min(max(sum, 0), 6) }
          want.append(sum)
        }
      }
    }
  }
  var inputs = [
    harness.tensor(x, [c.n, c.h, c.w, c.channels]),
    harness.tensor(w, [c.out, c.kh, c.kw, ig], constant: true, half: c.half),
  ]
  if c.bias { inputs.append(harness.tensor(b, [c.out], constant: true)) }
  if c.residual { inputs.append(harness.tensor(r, [c.n, oh, ow, c.out])) }
  let node = Node(
    name: "conv", kind: .conv2DFusion, attributes: attributes, inputs: inputs,
    outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
  node.fused.addsResidual = c.residual
  node.fused.padding = c.extra
  let got = try harness.run(node)
  #expect(node.outputs[0].shape.dims == [c.n, oh, ow, c.out])
  return (got, want)
}

@Suite struct MatrixConvolutionTests {
  private let cases: [Case] = [
    Case(), Case(n: 2, h: 7, w: 9, channels: 5, out: 33, stride: 2, activation: 3),
    Case(h: 1, w: 1, channels: 1, out: 1, kh: 1, kw: 1, pads: [0, 0, 0, 0]),
    Case(n: 3, h: 4, w: 5, channels: 17, out: 31, kh: 1, kw: 1, pads: [0, 0, 0, 0], activation: 1),
    Case(h: 13, w: 11, channels: 40, out: 65, kh: 1, kw: 1, stride: 2, pads: [0, 0, 0, 0]),
    Case(h: 9, w: 8, channels: 6, out: 8, kh: 5, kw: 3, dilation: 2, pads: [4, 3, 2, 1]),
    Case(h: 12, w: 12, channels: 16, out: 16, group: 16), Case(h: 9, w: 17, channels: 37, out: 37, stride: 2, group: 37),
    Case(h: 10, w: 9, channels: 33, out: 33, kh: 5, kw: 5, dilation: 2, group: 33, pads: [4, 4, 4, 4]),
    Case(h: 6, w: 6, channels: 8, out: 12, group: 4), Case(h: 6, w: 7, channels: 4, out: 8, group: 4),
    Case(h: 8, w: 8, mode: 1, pads: [0, 0, 0, 0]), Case(h: 7, w: 8, stride: 2, mode: 1, pads: [0, 0, 0, 0]),
    Case(h: 8, w: 6, mode: 2, pads: [0, 0, 0, 0]), Case(channels: 24, out: 48, half: true), Case(channels: 8, out: 8, group: 8, half: true),
    Case(h: 8, w: 8, channels: 24, out: 48, bias: false, residual: true), Case(n: 2, channels: 16, out: 64, kh: 1, kw: 1, pads: [0, 0, 0, 0], activation: 1, residual: true),
    Case(h: 8, w: 8, channels: 8, out: 16, stride: 2, mode: 2, pads: [0, 0, 0, 0], extra: [0, 1, 0, 1]),
    Case(h: 8, w: 8, channels: 16, out: 16, stride: 2, group: 16, mode: 2, pads: [0, 0, 0, 0], extra: [0, 1, 0, 1]),
    Case(h: 56, w: 56, channels: 32, out: 64), Case(n: 2, h: 37, w: 42, channels: 19, out: 45, half: true),
    Case(h: 41, w: 39, channels: 32, out: 35, mode: 1, pads: [0, 0, 0, 0], bias: false, residual: true),
  ]

  @Test func agreesWithTheDefinition() throws {
    for (i, c) in cases.enumerated() {
      let (got, want) = try conv(c, MatrixHarness())
      #expect(relativeDifference(got, want) < (c.mayUseWinograd ? 2e-5 : 2e-6), "case \(i)")
    }
  }

  @Test func threadsDoNotChangeABit() throws {
    for c in cases {
      let one = try conv(c, MatrixHarness(threads: 1)).got, two = try conv(c, MatrixHarness(threads: 2)).got
      let three = try conv(c, MatrixHarness(threads: 3)).got
      #expect(one.map(\.bitPattern) == two.map(\.bitPattern))
      #expect(one.map(\.bitPattern) == three.map(\.bitPattern))
    }
  }

  @Test func refusals() {
    let harness = MatrixHarness()
    func node(_ x: [Int], _ w: [Int], _ set: (inout Attributes) -> Void) -> Node {
      var a = Attributes()
      set(&a)
      return Node(
        name: "c", kind: .conv2DFusion, attributes: a,
        inputs: [harness.tensor([Float](repeating: 0, count: x.reduce(1, *)), x), harness.tensor([Float](repeating: 0, count: w.reduce(1, *)), w, constant: true)],
        outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
    }
    #expect(harness.failure(node([1, 4, 4, 3], [2, 3, 3, 4]) { _ in })?.contains("4 channels") == true)
    #expect(harness.failure(node([1, 2, 2, 3], [2, 3, 3, 3]) { _ in })?.contains("spans 3") == true)
    #expect(harness.failure(node([1, 4, 4, 3], [2, 3, 3, 3]) { $0[2] = .ints([0, 0]) })?.contains("1...") == true)
    #expect(harness.failure(node([1, 4, 4, 3], [2, 3, 3, 3]) { $0[5] = .ints([-1, 0, 0, 0]) })?.contains("padding -1") == true)
    #expect(harness.failure(node([1, 4, 4, 3], [2, 3, 3, 3]) { $0[10] = .int(2) })?.contains("activation type 2") == true)
    #expect(harness.failure(node([1, 4, 4, 3], [2, 3, 3, 3]) { $0[7] = .int(3) })?.contains("group 3") == true)
    #expect(harness.failure(node([4, 4, 3], [2, 3, 3, 3]) { _ in })?.contains("4 dimensions") == true)
  }
}

@Suite struct MatrixTransposedConvolutionTests {
  @Test func agreesWithTheDefinition() throws {
    for (kh, stride, dilation, pads, group, extra) in [
      (2, 2, 1, [0, 0, 0, 0], 1, 0), (3, 2, 1, [1, 1, 1, 1], 1, 1), (3, 1, 2, [1, 0, 0, 1], 1, 0), (4, 2, 1, [1, 1, 1, 1], 2, 0),
      (3, 2, 1, [0, 0, 0, 0], 6, 0),
    ] {
      let harness = MatrixHarness()
      let (n, h, w, i, og) = (2, 4, 5, 6, group == 6 ? 1 : 5)
      let o = og * group
      let x = harness.random(n * h * w * i), k = harness.random(i * kh * kh * og), b = harness.random(o)
      let effective = (kh - 1) * dilation + 1
      let oh = (h - 1) * stride + effective - pads[0] - pads[1] + extra, ow = (w - 1) * stride + effective - pads[2] - pads[3] + extra
      var want = [Double](repeating: 0, count: n * oh * ow * o)
      for p in 0..<want.count { want[p] = Double(b[p % o]) }
      for image in 0..<n {
        for y in 0..<h {
          for z in 0..<w {
            for c in 0..<i {
              for p in 0..<kh {
                for q in 0..<kh {
                  let r = y * stride - pads[0] + p * dilation, s = z * stride - pads[2] + q * dilation
                  if r < 0 || r >= oh || s < 0 || s >= ow { continue }
                  for d in 0..<og {
                    want[((image * oh + r) * ow + s) * o + c / (i / group) * og + d] +=
                      Double(x[((image * h + y) * w + z) * i + c]) * Double(k[((c * kh + p) * kh + q) * og + d])
                  }
                }
              }
            }
          }
        }
      }
      var a = Attributes()
      a[2] = .ints([Int64(stride), Int64(stride)])
      a[3] = .ints([Int64(dilation), Int64(dilation)])
      a[6] = .ints(pads.map(Int64.init))
      a[8] = .int(Int64(group))
      a[12] = .ints([Int64(extra), Int64(extra)])
      let node = Node(
        name: "d", kind: .conv2dTransposeFusion, attributes: a,
        inputs: [
          harness.tensor(x, [n, h, w, i]), harness.tensor(k, [i, kh, kh, og], constant: true), harness.tensor(b, [o], constant: true),
        ], outputs: [Tensor(name: "y", type: .float32, shape: Shape())])
      let got = try harness.run(node)
      #expect(node.outputs[0].shape.dims == [n, oh, ow, o])
      #expect(relativeDifference(got, want) < 2e-6, "kernel \(kh) stride \(stride) group \(group)")
    }
  }
}
