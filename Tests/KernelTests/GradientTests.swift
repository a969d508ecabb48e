import CKernels
import Testing

@Suite struct GradientTests {
  @Test(arguments: tables) func derivatives(_ table: Table) {
    for op in MS_GRAD_CLAMP.rawValue...MS_GRAD_SOFTSIGN.rawValue {
      for n in lengths + [1000] {
        var random = Random(Int(op) + n)
        let dy = random.floats(n, -2, 2), s = random.floats(n, -6, 6)
        let run = { (t: MSKernels) in output(n) { t.unary_grad(Int32(op), dy, s, $0, n, 0.5, 1.5) } }
        expectClose(run(table.kernels), run(reference), absolute: 2e-6, relative: 1e-6, "op \(op), n \(n)")
        let whole = run(table.kernels)
        expectSame(output(n, from: dy) { table.kernels.unary_grad(Int32(op), $0, s, $0, n, 0.5, 1.5) }, whole)
        expectSame(output(n, from: s) { table.kernels.unary_grad(Int32(op), dy, $0, $0, n, 0.5, 1.5) }, whole)
      }
    }
  }

  @Test(arguments: tables) func dotColumns(_ table: Table) {
    for columns in lengths {
      for rows in [0, 1, 2, 63, 64, 65, 131] {
        var random = Random(columns + rows)
        let stride = columns + 3, count = rows * stride + 1
        let a = random.floats(count), b = random.floats(count), p = random.floats(columns + 1), q = random.floats(columns + 1)
        for shifts in 0..<4 {
          let run = { (t: MSKernels) in
            output(columns) { y in
              p.withUnsafeBufferPointer { p in
                q.withUnsafeBufferPointer { q in
                  t.dot_columns(
                    a, shifts & 1 != 0 ? p.baseAddress : nil, b, shifts & 2 != 0 ? q.baseAddress : nil, y, rows, columns, stride)
                }
              }
            }
          }
          expectClose(run(table.kernels), run(reference), absolute: 2e-5, relative: 1e-5, "\(rows) x \(columns)")
        }
      }
    }
  }

  @Test(arguments: tables) func optimizerSteps(_ table: Table) {
    for n in lengths {
      for nesterov in [Int32(0), 1] {
        var random = Random(n)
        let w = random.floats(n), g = random.floats(n), m = random.floats(n), v = random.floats(n, 0.01, 1)
        let adam = MSAdam(rate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, decay: 0.05, nesterov: nesterov)
        let run = { (t: MSKernels) in
          var (w, m, v) = (w, m, v)
          withUnsafePointer(to: adam) { t.adam(&w, &m, &v, g, n, $0) }
          return w + m + v
        }
        expectClose(run(table.kernels), run(reference), absolute: 1e-6, relative: 2e-6, "adam \(n)")
        let momentum = MSMomentum(rate: 0.1, momentum: 0.8, share: 0.7, decay: 0.05, nesterov: nesterov)
        let descend = { (t: MSKernels, accumulates: Bool) in
          var (w, m) = (w, m)
          withUnsafePointer(to: momentum) { p in
            m.withUnsafeMutableBufferPointer { t.momentum(&w, accumulates ? $0.baseAddress : nil, g, n, p) }
          }
          return w + m
        }
        for accumulates in [true, false] {
          expectClose(descend(table.kernels, accumulates), descend(reference, accumulates), absolute: 1e-6, relative: 1e-6, "momentum \(n)")
        }
      }
    }
  }

  private static let windows: [(Int, Int, Int, Int, Int, Int, Int, Int, Int)] = [
    // Height and width of the image, kernel, stride, dilation of the rows, padding.
    (5, 6, 3, 3, 1, 1, 1, 1, 1), (7, 5, 2, 3, 2, 1, 1, 0, 1), (6, 9, 3, 2, 1, 2, 2, 2, 0), (4, 4, 5, 5, 1, 1, 1, 2, 2), (9, 3, 1, 1, 3, 2, 1, 0, 0),
    (3, 3, 3, 3, 2, 2, 1, 3, 3),
  ]

  @Test(arguments: tables) func windowGradients(_ table: Table) {
    for (h, w, kh, kw, sh, sw, dilation, top, left) in Self.windows {
      let oh = (h + 2 * top - (kh - 1) * dilation - 1) / sh + 1, ow = (w + 2 * left - (kw - 1) * dilation - 1) / sw + 1
      if oh < 1 || ow < 1 { continue }
      for channels in [1, 3, 4, 5, 8, 15, 16, 17, 33] {
        var random = Random(channels + h)
        let x = random.floats(h * w * channels), dy = random.floats(oh * ow * channels), weights = random.floats(kh * kw * channels)
        for average in [Int32(0), 1] where dilation == 1 {
          let run = { (t: MSKernels) in
            output(h * w * channels, from: [Float](repeating: 0.5, count: h * w * channels)) { dx in
              x.withUnsafeBufferPointer { x in
                dy.withUnsafeBufferPointer { dy in
                  var p = MSPoolGrad(
                    x: x.baseAddress!, dy: dy.baseAddress!, dx: dx, in_h: h, in_w: w, out_h: oh, out_w: ow, channels: channels,
                    kernel_h: Int32(kh), kernel_w: Int32(kw), stride_h: Int32(sh), stride_w: Int32(sw), pad_top: Int32(top),
                    pad_left: Int32(left), average: average)
                  t.pool_grad(&p, 0, oh, 0, channels / 2)
                  t.pool_grad(&p, 0, oh, channels / 2, channels)
                }
              }
            }
          }
          expectClose(run(table.kernels), run(reference), absolute: 1e-6, relative: 1e-6, "pool \(channels)")
        }
        var y = dy
        func layer(_ body: (inout MSDepthwise) -> Void) {
          x.withUnsafeBufferPointer { x in
            weights.withUnsafeBufferPointer { weights in
              y.withUnsafeMutableBufferPointer { y in
                var d = MSDepthwise(
                  x: x.baseAddress!, weights: weights.baseAddress!, y: y.baseAddress!, bias: nil, in_h: h, in_w: w, out_h: oh, out_w: ow,
                  channels: channels, kernel_h: Int32(kh), kernel_w: Int32(kw), stride_h: Int32(sh), stride_w: Int32(sw),
                  dilation_h: Int32(dilation), dilation_w: Int32(dilation), pad_top: Int32(top), pad_left: Int32(left), activation: 0,
                  alpha: 0, beta: 0)
                body(&d)
              }
            }
          }
        }
        func images(_ t: MSKernels) -> [Float] {
          output(h * w * channels) { dx in
            layer {
              t.depthwise_input_grad(&$0, dx, 0, h / 2)
              t.depthwise_input_grad(&$0, dx, h / 2, h)
            }
          }
        }
        expectClose(images(table.kernels), images(reference), absolute: 2e-6, relative: 1e-6, "depthwise input \(channels)")
        func filters(_ t: MSKernels) -> [Float] {
          output(kh * kw * channels, from: weights) { dw in
            layer {
              t.depthwise_weight_grad(&$0, dw, 0, channels / 2)
              t.depthwise_weight_grad(&$0, dw, channels / 2, channels)
            }
          }
        }
        expectClose(filters(table.kernels), filters(reference), absolute: 5e-6, relative: 2e-6, "depthwise weights \(channels)")

        // All channels of a pixel, and some of them.
        for used in [channels, (channels + 1) / 2] {
          func conv(_ body: (inout MSConv) -> Void) {
            x.withUnsafeBufferPointer { x in
              y.withUnsafeMutableBufferPointer { y in
                var c = MSConv(
                  x: x.baseAddress!, weights: x.baseAddress!, y: y.baseAddress!, ldc: 1, bias: nil, residual: nil, ldr: 0, in_h: h, in_w: w,
                  in_channels: used, pixel_stride: channels, out_h: oh, out_w: ow, out_channels: 1, kernel_h: Int32(kh),
                  kernel_w: Int32(kw), stride_h: Int32(sh), stride_w: Int32(sw), dilation_h: Int32(dilation), dilation_w: Int32(dilation),
                  pad_top: Int32(top), pad_left: Int32(left), activation: 0, alpha: 0, beta: 0)
                body(&c)
              }
            }
          }
          let k = kh * kw * used
          func gathered(_ t: MSKernels) -> [Float] {
            var rows = [Float](repeating: 7, count: oh * ow * k + 64)
            rows.withUnsafeMutableBufferPointer { rows in conv { t.conv_gather(&$0, 0, oh * ow, rows.baseAddress!) } }
            return Array(rows[..<(oh * ow * k)])
          }
          let values = gathered(reference)
          expectSame(gathered(table.kernels), values, "gather \(used)")
          let start = [Float](repeating: 0.25, count: h * w * channels)
          func scattered(_ t: MSKernels, _ cut: Int) -> [Float] {
            output(h * w * channels, from: start) { image in
              values.withUnsafeBufferPointer { v in
                conv {
                  t.conv_scatter(&$0, v.baseAddress!, image, 0, cut, 0, h)
                  t.conv_scatter(&$0, v.baseAddress! + cut * ow * k, image, cut, oh, 0, h / 2)
                  t.conv_scatter(&$0, v.baseAddress! + cut * ow * k, image, cut, oh, h / 2, h)
                }
              }
            }
          }
          expectSame(scattered(table.kernels, oh / 2), scattered(reference, oh / 2), "scatter \(used)")
        }
      }
    }
  }
}
