import Foundation
import Graph
import Testing

@testable import Operators

private typealias B = TrainingBench

/// Convolutions and pools in double precision, and their gradients.
@Suite struct TrainingImageTests {
  private struct Layer {
    var n = 1, h = 5, w = 5, c = 3, o = 4, kh = 3, kw = 3, stride = [1, 1], dilation = [1, 1], mode = 0, pads = [0, 0, 0, 0], group = 1
    var top = 0, left = 0, oh = 0, ow = 0

    mutating func place() {
      func axis(_ size: Int, _ k: Int, _ s: Int, _ a: Int, _ b: Int) -> (Int, Int) {
        if mode == 1 {
          let out = (size + s - 1) / s
          return (out, max((out - 1) * s + k - size, 0) / 2)
        }
        return ((size + a + b - k) / s + 1, a)
      }
      (oh, top) = axis(h, (kh - 1) * dilation[0] + 1, stride[0], pads[0], pads[1])
      (ow, left) = axis(w, (kw - 1) * dilation[1] + 1, stride[1], pads[2], pads[3])
    }

    func forward(_ x: [Double], _ weights: [Double]) -> [Double] {
      let ig = c / group, og = o / group
      var y = [Double](repeating: 0, count: n * oh * ow * o)
      for b in 0..<n {
        for oy in 0..<oh {
          for ox in 0..<ow {
            for f in 0..<o {
              var sum = 0.0
              for ky in 0..<kh {
                for kx in 0..<kw {
                  let iy = oy * stride[0] - top + ky * dilation[0], ix = ox * stride[1] - left + kx * dilation[1]
                  if iy < 0 || iy >= h || ix < 0 || ix >= w { continue }
                  for i in 0..<ig {
                    sum += x[((b * h + iy) * w + ix) * c + f / og * ig + i] * weights[((f * kh + ky) * kw + kx) * ig + i]
                  }
                }
              }
              y[((b * oh + oy) * ow + ox) * o + f] = sum
            }
          }
        }
      }
      return y
    }

    /// The convolution is linear in x and in the weights: its derivative along an axis is what it gives for the axis alone.
    func inputGradient(_ weights: [Double], _ dy: [Float]) -> [Double] {
      TrainingImageTests.adjoint(n * h * w * c, dy) { forward($0, weights) }
    }
    func weightGradient(_ x: [Double], _ dy: [Float]) -> [Double] {
      TrainingImageTests.adjoint(o * kh * kw * c / group, dy) { forward(x, $0) }
    }
  }

  /// Central differences of a linear function, for which a step of 1 is exact.
  private static func adjoint(_ count: Int, _ dy: [Float], _ f: ([Double]) -> [Double]) -> [Double] {
    var at = [Double](repeating: 0, count: count)
    return at.indices.map { i in
      at[i] = 0.5
      let up = f(at)
      at[i] = -0.5
      let down = f(at)
      at[i] = 0
      return zip(zip(up, down), dy).reduce(0) { $0 + ($1.0.0 - $1.0.1) * Double($1.1) }
    }
  }

  private static let layers: [Layer] = [
    Layer(), Layer(n: 2, h: 7, w: 6, c: 1, o: 6, kh: 5, kw: 3), Layer(n: 2, stride: [2, 2], mode: 1),
    Layer(n: 3, h: 6, w: 9, c: 2, o: 5, kh: 2, kw: 3, stride: [2, 3], pads: [1, 0, 2, 1]),
    Layer(h: 9, w: 8, c: 3, o: 2, stride: [1, 2], dilation: [2, 2], pads: [2, 1, 1, 2]),
    Layer(n: 2, h: 4, w: 4, c: 17, o: 33, kh: 1, kw: 1), Layer(n: 2, h: 4, w: 5, c: 9, o: 4, kh: 1, kw: 1, stride: [2, 2], mode: 2),
    Layer(n: 2, c: 4, o: 6, mode: 1, group: 2), Layer(n: 2, c: 6, o: 6, mode: 1, group: 6), Layer(n: 2, c: 4, o: 8, mode: 1, group: 4),
    Layer(n: 2, h: 7, w: 7, c: 19, o: 19, stride: [2, 2], mode: 1, group: 19),
    Layer(n: 2, h: 8, w: 7, c: 5, o: 5, kh: 3, kw: 2, stride: [2, 1], dilation: [2, 3], pads: [1, 2, 0, 3], group: 5),
    Layer(n: 3, h: 3, w: 3, c: 2, o: 3, kh: 3, kw: 3), Layer(n: 1, h: 2, w: 2, c: 2, o: 3, kh: 3, kw: 3, pads: [2, 2, 2, 2]),
    Layer(n: 1, h: 5, w: 4, c: 2, o: 2, kh: 1, kw: 1, stride: [3, 3], pads: [1, 1, 1, 1]),
    Layer(n: 1, h: 5, w: 20, c: 2, o: 2, kh: 2, kw: 5, stride: [3, 4], mode: 2), Layer(n: 4, h: 6, w: 6, c: 8, o: 30, mode: 1),
  ]

  private func fields(_ l: Layer, groupField: Int, padField: Int, first: Int = 1, four: Bool = false) -> [Int: AttributeValue] {
    let head: [Int64] = four ? [1, 1] : []
    func list(_ v: [Int]) -> AttributeValue { .ints(head + v.map(Int64.init)) }
    return [
      first: .ints([Int64(l.kh), Int64(l.kw)]), first + 1: list(l.stride), first + 2: list(l.dilation), 4: .int(Int64(l.mode)),
      padField: .ints(l.pads.map(Int64.init)), groupField: .int(Int64(l.group)),
    ]
  }

  @Test func convolutionGradients() throws {
    for (number, layer) in Self.layers.enumerated() {
      var l = layer
      l.place()
      let name = "layer \(number)"
      let x = MathHarness.noise(l.n * l.h * l.w * l.c, seed: 1), w = MathHarness.noise(l.o * l.kh * l.kw * l.c / l.group, seed: 2)
      let dy = MathHarness.noise(l.n * l.oh * l.ow * l.o, seed: 3)
      let shape = [l.o, l.kh, l.kw, l.c / l.group], y = [l.n, l.oh, l.ow, l.o]
      let four = number % 2 == 0
      let wanted = l.weightGradient(x.map(Double.init), dy)
      let list: [Int32] = [l.o, l.kh, l.kw, l.c / l.group].map(Int32.init)
      let r = try B.run(
        .conv2DBackpropFilterFusion, fields(l, groupField: 7, padField: 5, four: four),
        [.floats(dy, y), .floats(x, [l.n, l.h, l.w, l.c]), .ints(list)])
      #expect(r.shapes[0] == shape)
      B.expect(r.outputs[0], wanted, 1e-4, name)
      // The kernel's size from the shape alone.
      var bare = fields(l, groupField: 7, padField: 5)
      bare[1] = nil
      let s = try B.run(.conv2DBackpropFilterFusion, bare, [.floats(dy, y), .floats(x, [l.n, l.h, l.w, l.c]), .ints(list)])
      #expect(s.outputs == r.outputs)
      // A transposed convolution's weights: x and dy change places.
      let deconv = try B.run(
        .deConv2DGradFilter,
        [
          2: .ints([Int64(l.kh), Int64(l.kw)]), 3: .int(Int64(l.mode)), 4: .ints(l.pads.map(Int64.init)), 5: .ints(l.stride.map(Int64.init)),
          6: .ints(l.dilation.map(Int64.init)), 7: .int(Int64(l.group)),
        ], [.floats(x, [l.n, l.h, l.w, l.c]), .floats(dy, y), .ints(list)])
      #expect(deconv.outputs == r.outputs)

      let image: [Int32] = [l.n, l.h, l.w, l.c].map(Int32.init), channelsFirst: [Int32] = [l.n, l.c, l.h, l.w].map(Int32.init)
      let inputWanted = l.inputGradient(w.map(Double.init), dy)
      for dims in [image, channelsFirst] {
        let g = try B.run(
          .conv2DBackpropInputFusion, fields(l, groupField: 8, padField: 6, four: four), [.floats(dy, y), .floats(w, shape), .ints(dims)])
        if dims == image || l.h != l.c { #expect(g.shapes[0] == [l.n, l.h, l.w, l.c]) }
        if g.shapes[0] == [l.n, l.h, l.w, l.c] { B.expect(g.outputs[0], inputWanted, 1e-4, name) }
      }
    }
  }

  /// Sizes at which the sums are cut into parts and blocks, against the layers' products in floats.
  @Test func largeConvolutionGradients() throws {
    for (n, h, c, o, k, stride) in [(3, 24, 8, 70, 3, 1), (2, 40, 3, 24, 5, 2), (9, 12, 40, 40, 3, 1)] {
      var l = Layer(n: n, h: h, w: h + 1, c: c, o: o, kh: k, kw: k, stride: [stride, stride], mode: 1)
      l.place()
      let x = MathHarness.noise(l.n * l.h * l.w * l.c, seed: 1), w = MathHarness.noise(l.o * k * k * l.c, seed: 2)
      let dy = MathHarness.noise(l.n * l.oh * l.ow * l.o, seed: 3)
      let dw = try B.run(
        .conv2DBackpropFilterFusion, fields(l, groupField: 7, padField: 5),
        [.floats(dy, [l.n, l.oh, l.ow, l.o]), .floats(x, [l.n, l.h, l.w, l.c])]
      ).outputs[0]
      let dx = try B.run(
        .conv2DBackpropInputFusion, fields(l, groupField: 8, padField: 6),
        [.floats(dy, [l.n, l.oh, l.ow, l.o]), .floats(w, [l.o, k, k, l.c]), .ints([l.n, l.h, l.w, l.c].map(Int32.init))]
      ).outputs[0]
      // <dy, conv(x, w)> is both <dx, x> and <dw, w>.
      let product = zip(l.forward(x.map(Double.init), w.map(Double.init)), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
      let byImage = zip(dx, x).reduce(0) { $0 + Double($1.0) * Double($1.1) }, byWeights = zip(dw, w).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      #expect((byImage - product).magnitude < 1e-4 * max(product.magnitude, 1000), "\(byImage) \(product)")
      #expect((byWeights - product).magnitude < 1e-4 * max(product.magnitude, 1000), "\(byWeights) \(product)")
      // Single elements.
      for i in [0, dw.count / 2 + 1, dw.count - 1] {
        var axis = [Double](repeating: 0, count: dw.count)
        axis[i] = 1
        let exact = zip(l.forward(x.map(Double.init), axis), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
        #expect((Double(dw[i]) - exact).magnitude < 1e-3 * max(exact.magnitude, 10))
      }
      for i in [0, dx.count / 2 + 1, dx.count - 1] {
        var axis = [Double](repeating: 0, count: dx.count)
        axis[i] = 1
        let exact = zip(l.forward(axis, w.map(Double.init)), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
        #expect((Double(dx[i]) - exact).magnitude < 1e-3 * max(exact.magnitude, 10))
      }
    }
  }

  @Test func hostileConvolutions() {
    var l = Layer()
    l.place()
    let dy = B.Input.noise([1, 3, 3, 4], seed: 1), x = B.Input.noise([1, 5, 5, 3], seed: 2), w = B.Input.noise([4, 3, 3, 3], seed: 3)
    let f = fields(l, groupField: 7, padField: 5), i = fields(l, groupField: 8, padField: 6)
    #expect(B.refusal(.conv2DBackpropFilterFusion, f, [.noise([1, 4, 3, 4], seed: 1), x]).contains("in0"))
    #expect(B.refusal(.conv2DBackpropFilterFusion, f, [.noise([2, 3, 3, 4], seed: 1), x]).contains("in0"))
    #expect(B.refusal(.conv2DBackpropFilterFusion, f, [.noise([3, 3, 4], seed: 1), x]).contains("in0"))
    var bad = f
    bad[7] = .int(2)
    #expect(B.refusal(.conv2DBackpropFilterFusion, bad, [dy, x]).contains("group 2"))
    bad = f
    bad[2] = .ints([0, 1])
    #expect(B.refusal(.conv2DBackpropFilterFusion, bad, [dy, x]) != "accepted")
    bad = f
    bad[1] = .ints([1 << 40, 1 << 40])
    #expect(B.refusal(.conv2DBackpropFilterFusion, bad, [dy, x]) != "accepted")
    bad[1] = nil
    #expect(B.refusal(.conv2DBackpropFilterFusion, bad, [dy, x]).contains("kernel_size"))
    for dims in [[1, 5, 5, 4], [2, 5, 5, 3], [1, 6, 5, 3], [1, 5, 5], [-1, 5, 5, 3], [1, 1 << 30, 1 << 30, 3]] as [[Int32]] {
      #expect(B.refusal(.conv2DBackpropInputFusion, i, [dy, w, .ints(dims)]).contains("in0"), "\(dims)")
    }
    #expect(B.refusal(.conv2DBackpropInputFusion, i, [dy, .noise([5, 3, 3, 3], seed: 3), .ints([1, 5, 5, 3])]).contains("in1"))
    // Nothing to add up.
    var none = Layer(n: 0)
    none.place()
    let r = try? B.run(.conv2DBackpropFilterFusion, f, [.floats([], [0, 3, 3, 4]), .floats([], [0, 5, 5, 3])])
    #expect(r?.outputs[0] == [Float](repeating: 0, count: 108))
  }

  @Test func poolGradients() throws {
    for (n, h, w, c, k, s, mode) in [
      (2, 8, 8, 6, [2, 2], [2, 2], 2), (1, 7, 5, 3, [3, 3], [2, 2], 1), (2, 9, 6, 17, [3, 2], [1, 3], 2), (1, 5, 5, 70, [3, 3], [1, 1], 1),
      (1, 4, 4, 2, [4, 4], [1, 1], 2), (1, 7, 7, 5, [2, 2], [3, 3], 0), (3, 40, 9, 33, [2, 3], [2, 3], 2), (1, 3, 3, 1, [5, 5], [2, 2], 1),
    ] {
      var l = Layer(n: n, h: h, w: w, c: c, o: c, kh: k[0], kw: k[1], stride: s, mode: mode == 1 ? 1 : 0)
      l.place()
      // Values in steps, so that differences do not change the order.
      let count = n * h * w * c
      let x = (0..<count).map { Float(($0 * 7919) % count) / 64 }, dy = MathHarness.noise(n * l.oh * l.ow * c, seed: 3)
      func pooled(_ average: Bool) -> ([Double]) -> [Double] {
        { x in
          coordinates([n, l.oh, l.ow, c]).map { p in
            var taps = [Double]()
            for ky in 0..<k[0] {
              for kx in 0..<k[1] {
                let y = p[1] * s[0] - l.top + ky, q = p[2] * s[1] - l.left + kx
                if y >= 0 && y < h && q >= 0 && q < w { taps.append(x[((p[0] * h + y) * w + q) * c + p[3]]) }
              }
            }
            return average ? taps.reduce(0, +) / Double(taps.count) : taps.max() ?? 0
          }
        }
      }
      let fields: [Int: AttributeValue] = [
        0: .ints(k.map(Int64.init)), 1: .ints(s.map(Int64.init)), 2: .int(Int64(mode)),
      ]
      for average in [false, true] {
        let f = pooled(average)
        let y = f(x.map(Double.init)).map { Float($0) }
        let r = try B.run(
          average ? .avgPoolGrad : .maxPoolGrad, fields,
          [.floats(x, [n, h, w, c]), .floats(y, [n, l.oh, l.ow, c]), .floats(dy, [n, l.oh, l.ow, c])])
        if count < 1300 {
          B.expect(r.outputs[0], B.gradient(x, dy, f), 1e-3, "pool \(k) \(s)")
        } else {
          // Every gradient arrives somewhere.
          let sum = r.outputs[0].reduce(0) { $0 + Double($1) }, all = dy.reduce(0) { $0 + Double($1) }
          #expect((sum - all).magnitude < 1e-3)
        }
      }
      #expect(B.refusal(.maxPoolGrad, fields, [.floats(x, [n, h, w, c]), .noise([1], seed: 1), .noise([n, l.oh + 3, l.ow, c], seed: 1)]).contains("in2"))
    }
    // Of equal values the first one gets it.
    let r = try B.run(
      .maxPoolGrad, [0: .ints([2, 2]), 1: .ints([2, 2]), 2: .int(2)],
      [.floats([1, 1, 1, 1], [1, 2, 2, 1]), .floats([1], [1, 1, 1, 1]), .floats([5], [1, 1, 1, 1])])
    #expect(r.outputs[0] == [5, 0, 0, 0])
    #expect(B.refusal(.avgPoolGrad, [0: .ints([0, 2]), 1: .ints([2, 2])], [.noise([1, 2, 2, 1], seed: 1), .noise([1], seed: 1), .noise([1, 1, 1, 1], seed: 1)]) != "accepted")
  }

  @Test func resizeAndSliceGradients() throws {
    for (inH, inW, outH, outW, c) in [(3, 4, 6, 8, 2), (5, 3, 2, 7, 1), (4, 4, 4, 4, 3), (1, 1, 3, 2, 2), (3, 5, 1, 1, 1)] {
      for nearest in [false, true] {
        for aligns in [false, true] {
          func scale(_ a: Int, _ b: Int) -> Double { aligns ? (b > 1 ? Double(a - 1) / Double(b - 1) : 0) : Double(a) / Double(b) }
          func axis(_ i: Int, _ a: Int, _ b: Int) -> (Int, Int, Double) {
            let p = Double(Float(i) * Float(scale(a, b)))
            let low = min(Int(nearest && aligns ? p.rounded() : p.rounded(.down)), a - 1)
            return (low, min(low + 1, a - 1), nearest ? 0 : p - Double(low))
          }
          func resized(_ x: [Double]) -> [Double] {
            coordinates([2, outH, outW, c]).map { q in
              let (t, b, v) = axis(q[1], inH, outH), (l, r, u) = axis(q[2], inW, outW)
              func at(_ y: Int, _ z: Int) -> Double { x[((q[0] * inH + y) * inW + z) * c + q[3]] }
              return (1 - v) * ((1 - u) * at(t, l) + u * at(t, r)) + v * ((1 - u) * at(b, l) + u * at(b, r))
            }
          }
          let dy = MathHarness.noise(2 * outH * outW * c, seed: 2)
          let wanted = B.gradient([Float](repeating: 0, count: 2 * inH * inW * c), dy, resized)
          let fields: [Int: AttributeValue] = [0: .int(nearest ? 1 : 0), 1: .bool(aligns)]
          for size in [B.Input.ints([Int32(inH), Int32(inW)]), .noise([2, inH, inW, c], seed: 1)] {
            B.expect(try B.run(.resizeGrad, fields, [.floats(dy, [2, outH, outW, c]), size]).outputs[0], wanted)
          }
        }
      }
    }
    #expect(B.refusal(.resizeGrad, [.noise([1, 2, 2, 1], seed: 1), .ints([0, 3])]).contains("in0"))
    #expect(B.refusal(.resizeGrad, [0: .int(2)], [.noise([1, 2, 2, 1], seed: 1), .ints([2, 3])]).contains("method 2"))

    let r = try B.run(
      .stridedSliceGrad, [1: .int(2)],
      [.floats([1, 2, 3, 4, 5, 6], [2, 3]), .ints([3, 7]), .ints([0, 1]), .ints([3, 0]), .ints([2, 2])])
    #expect(r.shapes[0] == [3, 7])
    #expect(r.outputs[0] == [0, 1, 0, 2, 0, 3, 0] + [0, 0, 0, 0, 0, 0, 0] + [0, 4, 0, 5, 0, 6, 0])
    let back = try B.run(.stridedSliceGrad, [.floats([1, 2], [2]), .ints([4]), .ints([3]), .ints([0]), .ints([-2])])
    #expect(back.outputs[0] == [0, 2, 0, 1])
    #expect(B.refusal(.stridedSliceGrad, [.noise([3], seed: 1), .ints([4]), .ints([0]), .ints([4]), .ints([2])]).contains("in0"))
    #expect(B.refusal(.stridedSliceGrad, [.noise([2], seed: 1), .ints([-4]), .ints([0]), .ints([4]), .ints([2])]).contains("in1"))
    #expect(try B.run(.flattenGrad, [.floats([1, 2, 3, 4], [1, 4]), .ints([1, 2, 2, 1])]).shapes[0] == [1, 2, 2, 1])
  }
}
