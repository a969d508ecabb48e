import CKernels
import Testing

/// The geometry of a convolution or pooling.
private struct Geometry: CustomStringConvertible {
  var h = 9, w = 11, channels = 5, kernel = 3, stride = 1, dilation = 1, pad = 1

  var outH: Int { (h + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1 }
  var outW: Int { (w + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1 }
  var description: String { "\(h)x\(w)x\(channels) k\(kernel) s\(stride) d\(dilation) p\(pad)" }
}

@Suite struct ConvTests {
  /// The output of a convolution of random data, with bias: `pack` packs the weights, `compute` runs the kernel.
  private func layer(
    _ g: Geometry, out: Int, pixelStride: Int, activation: MSUnary, residual: Bool, pack: ([Float]) -> [Float],
    compute: (UnsafePointer<MSConv>) -> Void
  ) -> [Float] {
    var random = Random(g.h + g.channels + out)
    let x = random.floats(g.h * g.w * pixelStride), packed = pack(random.floats(g.kernel * g.kernel * g.channels * out))
    let bias = random.floats(out), extra = random.floats(g.outH * g.outW * out)
    return output(g.outH * g.outW * out) { y in
      x.withUnsafeBufferPointer { x in
        packed.withUnsafeBufferPointer { packed in
          bias.withUnsafeBufferPointer { bias in
            extra.withUnsafeBufferPointer { extra in
              var c = MSConv(
                x: x.baseAddress!, weights: packed.baseAddress!, y: y, ldc: out, bias: bias.baseAddress,
                residual: residual ? extra.baseAddress : nil, ldr: out, in_h: g.h, in_w: g.w, in_channels: g.channels,
                pixel_stride: pixelStride, out_h: g.outH, out_w: g.outW, out_channels: out, kernel_h: Int32(g.kernel),
                kernel_w: Int32(g.kernel), stride_h: Int32(g.stride), stride_w: Int32(g.stride),
                dilation_h: Int32(g.dilation), dilation_w: Int32(g.dilation), pad_top: Int32(g.pad), pad_left: Int32(g.pad),
                activation: Int32(activation.rawValue), alpha: 0, beta: 6)
              compute(&c)
            }
          }
        }
      }
    }
  }

  private func conv(
    _ t: MSKernels, _ g: Geometry, out: Int, pixelStride: Int, activation: MSUnary, residual: Bool, rowCut: Int = 0
  ) -> [Float] {
    let depth = g.kernel * g.kernel * g.channels, nr = Int(t.gemm_nr), panels = (out + nr - 1) / nr
    return layer(g, out: out, pixelStride: pixelStride, activation: activation, residual: residual) { w in
      output(panels * depth * nr) { t.gemm_pack_b($0, w, depth, out, out, 1, 0, panels) }
    } compute: { c in
      let scratch = UnsafeMutablePointer<Float>.allocate(capacity: t.conv_scratch(c) + 1)
      defer { scratch.deallocate() }
      t.conv(c, 0, min(rowCut, g.outH * g.outW), 0, panels, scratch)
      t.conv(c, min(rowCut, g.outH * g.outW), g.outH * g.outW, 0, panels, scratch)
    }
  }

  private static let geometries = [
    Geometry(channels: 3, stride: 2), Geometry(), Geometry(channels: 16), Geometry(channels: 20, kernel: 5, pad: 2),
    Geometry(channels: 7, kernel: 1, stride: 2, pad: 0), Geometry(channels: 4, dilation: 2, pad: 2),
    Geometry(h: 5, w: 4, channels: 6, kernel: 7, pad: 3), Geometry(h: 4, w: 4, channels: 33, kernel: 3, stride: 3, pad: 0),
    // Wide enough to be read in place.
    Geometry(h: 4, w: 61, channels: 3, stride: 2), Geometry(h: 3, w: 30, channels: 1), Geometry(h: 2, w: 33, channels: 5, kernel: 2, pad: 0),
    Geometry(h: 5, w: 29, channels: 2, kernel: 7, pad: 6), Geometry(h: 1, w: 95, channels: 8, kernel: 1, stride: 3, pad: 2),
    Geometry(h: 9, w: 28, channels: 17, kernel: 5, pad: 2), Geometry(h: 1, w: 30, channels: 4, kernel: 3, pad: 3),
  ]

  @Test(arguments: tables) func matchesReference(_ table: Table) {
    for g in Self.geometries {
      for out in [1, 2, 8, 37, 70] {
        for extra in [0, 2] {
          let activation = out == 8 ? MS_UNARY_HSWISH : MS_UNARY_CLAMP
          let run = { (t: MSKernels) in
            conv(t, g, out: out, pixelStride: g.channels + extra, activation: activation, residual: extra == 2)
          }
          expectClose(run(table.kernels), run(reference), absolute: 5e-5, "\(g) -> \(out)")
        }
      }
    }
  }

  @Test(arguments: tables) func splitsDoNotChangeBits(_ table: Table) {
    let g = Geometry(h: 30, w: 31, channels: 17)
    for out in [1, 2, 8, 40, 70] {
      let run = { (cut: Int) in
        conv(table.kernels, g, out: out, pixelStride: 17, activation: MS_UNARY_IDENTITY, residual: false, rowCut: cut)
      }
      let whole = run(0)
      for cut in [1, 29, 500] { expectSame(run(cut), whole) }
    }
  }

  private func winograd(
    _ t: MSKernels, _ g: Geometry, out: Int, pixelStride: Int, activation: MSUnary, residual: Bool, tileCut: Int = 0, panelCut: Int = 0
  ) -> [Float] {
    let nr = Int(t.gemm_nr), panels = (out + nr - 1) / nr
    let tiles = ((g.outH + 3) / 4) * ((g.outW + 3) / 4)
    return layer(g, out: out, pixelStride: pixelStride, activation: activation, residual: residual) { w in
      var scratch = [Float](repeating: 0, count: 36 * nr * Int(t.vector_width))
      return output(t.winograd_packed(g.channels, out)) {
        t.winograd_pack($0, w, g.channels, out, 0, panels / 2, &scratch)
        t.winograd_pack($0, w, g.channels, out, panels / 2, panels, &scratch)
      }
    } compute: { c in
      let scratch = UnsafeMutablePointer<Float>.allocate(capacity: t.winograd_scratch(c, tiles) + 1)
      defer { scratch.deallocate() }
      for (first, last) in [(0, min(tileCut, tiles)), (min(tileCut, tiles), tiles)] {
        t.winograd(c, first, last, 0, min(panelCut, panels), scratch)
        t.winograd(c, first, last, min(panelCut, panels), panels, scratch)
      }
    }
  }

  /// Images of one pixel to several tiles, none of them a multiple of the tile's size; channels around the vectors' widths.
  @Test(arguments: tables) func winogradMatchesReference(_ table: Table) {
    for (h, w, pad) in [(1, 1, 1), (3, 3, 0), (4, 9, 1), (7, 5, 1), (9, 14, 0), (18, 13, 2)] {
      for channels in [1, 5, 16, 33] {
        for out in [1, 8, 37, 64] {
          let g = Geometry(h: h, w: w, channels: channels, pad: pad)
          let activation = out == 8 ? MS_UNARY_HSWISH : out == 1 ? MS_UNARY_IDENTITY : MS_UNARY_CLAMP
          let run = { (t: MSKernels) in
            winograd(t, g, out: out, pixelStride: channels + (out == 37 ? 3 : 0), activation: activation, residual: out == 37)
          }
          expectClose(run(table.kernels), run(reference), absolute: 5e-5 * Float(channels).squareRoot(), "\(g) -> \(out)")
        }
      }
    }
  }

  @Test(arguments: tables) func winogradSplitsDoNotChangeBits(_ table: Table) {
    let g = Geometry(h: 30, w: 31, channels: 17)
    let run = { (cut: Int, panelCut: Int) in
      winograd(
        table.kernels, g, out: 40, pixelStride: 17, activation: MS_UNARY_IDENTITY, residual: true, tileCut: cut, panelCut: panelCut)
    }
    let whole = run(0, 0)
    for cut in [1, 7, 13, 60] { expectSame(run(cut, cut % 3), whole) }
  }

  private func depthwise(_ t: MSKernels, _ g: Geometry, activation: MSUnary, yCut: Int = 0, cCut: Int = 0) -> [Float] {
    var random = Random(g.h + g.channels)
    let x = random.floats(g.h * g.w * g.channels), w = random.floats(g.kernel * g.kernel * g.channels)
    let bias = random.floats(g.channels)
    return output(g.outH * g.outW * g.channels) { y in
      x.withUnsafeBufferPointer { x in
        w.withUnsafeBufferPointer { w in
          bias.withUnsafeBufferPointer { bias in
            var d = MSDepthwise(
              x: x.baseAddress!, weights: w.baseAddress!, y: y, bias: g.stride == 3 ? nil : bias.baseAddress, in_h: g.h,
              in_w: g.w, out_h: g.outH, out_w: g.outW, channels: g.channels, kernel_h: Int32(g.kernel),
              kernel_w: Int32(g.kernel), stride_h: Int32(g.stride), stride_w: Int32(g.stride), dilation_h: Int32(g.dilation),
              dilation_w: Int32(g.dilation), pad_top: Int32(g.pad), pad_left: Int32(g.pad),
              activation: Int32(activation.rawValue), alpha: 0, beta: 6)
            for (y0, y1) in [(0, min(yCut, g.outH)), (min(yCut, g.outH), g.outH)] {
              t.depthwise(&d, y0, y1, 0, min(cCut, g.channels))
              t.depthwise(&d, y0, y1, min(cCut, g.channels), g.channels)
            }
          }
        }
      }
    }
  }

  private static let depthwiseGeometries: [Geometry] = {
    var all: [Geometry] = []
    for channels in [1, 3, 16, 17, 33, 70, 150] {
      for kernel in [1, 2, 3, 5, 7] {
        for stride in [1, 2, 3] {
          all.append(Geometry(h: 12, w: 13, channels: channels, kernel: kernel, stride: stride, pad: kernel / 2))
        }
      }
    }
    all.append(Geometry(h: 12, w: 13, channels: 20, dilation: 2, pad: 2))
    all.append(Geometry(h: 12, w: 13, channels: 20, kernel: 5, dilation: 3, pad: 6))
    all.append(Geometry(h: 2, w: 2, channels: 20, kernel: 5, pad: 4))
    all.append(Geometry(h: 3, w: 1, channels: 20, kernel: 3, stride: 2, pad: 1))
    all.append(Geometry(h: 9, w: 9, channels: 20, kernel: 3, stride: 2, pad: 0))
    return all
  }()

  @Test(arguments: tables) func depthwiseMatchesReference(_ table: Table) {
    for g in Self.depthwiseGeometries {
      let activation = g.channels == 17 ? MS_UNARY_HSWISH : MS_UNARY_CLAMP
      expectClose(
        depthwise(table.kernels, g, activation: activation), depthwise(reference, g, activation: activation),
        absolute: 2e-5, "\(g)")
    }
  }

  @Test(arguments: tables) func depthwiseSplitsDoNotChangeBits(_ table: Table) {
    for g in [Geometry(h: 12, w: 13, channels: 150), Geometry(h: 12, w: 13, channels: 70, kernel: 5, stride: 2, pad: 2)] {
      let whole = depthwise(table.kernels, g, activation: MS_UNARY_SIGMOID)
      for cut in [1, 5, 16, 67] {
        expectSame(depthwise(table.kernels, g, activation: MS_UNARY_SIGMOID, yCut: cut, cCut: cut), whole, "\(g)")
      }
    }
  }

  private func pool(_ t: MSKernels, _ g: Geometry, average: Bool, cut: Int = 0) -> [Float] {
    var random = Random(g.h + g.channels)
    let x = random.floats(g.h * g.w * g.channels)
    return output(g.outH * g.outW * g.channels) { y in
      x.withUnsafeBufferPointer { x in
        var p = MSPool(
          x: x.baseAddress!, y: y, in_h: g.h, in_w: g.w, out_h: g.outH, out_w: g.outW, channels: g.channels,
          kernel_h: Int32(g.kernel), kernel_w: Int32(g.kernel), stride_h: Int32(g.stride), stride_w: Int32(g.stride),
          pad_top: Int32(g.pad), pad_left: Int32(g.pad), average: average ? 1 : 0, activation: 0, alpha: 0, beta: 0)
        t.pool(&p, 0, min(cut, g.outH))
        t.pool(&p, min(cut, g.outH), g.outH)
      }
    }
  }

  @Test(arguments: tables) func poolMatchesReference(_ table: Table) {
    for channels in [1, 5, 16, 33, 70] {
      for g in [
        Geometry(channels: channels, kernel: 2, stride: 2, pad: 0), Geometry(channels: channels, kernel: 3, stride: 2),
        Geometry(channels: channels), Geometry(h: 11, w: 11, channels: channels, kernel: 11, pad: 0),
        // Windows wholly in the padding.
        Geometry(h: 3, w: 3, channels: channels, kernel: 2, stride: 2, pad: 3),
      ] {
        for average in [false, true] {
          expectClose(pool(table.kernels, g, average: average), pool(reference, g, average: average), absolute: 1e-6, "\(g)")
          expectSame(pool(table.kernels, g, average: average, cut: 2), pool(table.kernels, g, average: average))
        }
      }
    }
  }
}
