import CKernels
import CSystem
import Testing

/// A table of 8-bit matrix kernels that the processor can run.
struct Int8Table: @unchecked Sendable, CustomTestStringConvertible {
  let kernels: MSInt8MatrixKernels
  var testDescription: String { String(cString: kernels.name) }

  init(_ fill: (UnsafeMutablePointer<MSInt8MatrixKernels>) -> Void) {
    let memory = UnsafeMutablePointer<MSInt8MatrixKernels>.allocate(capacity: 1)
    defer { memory.deallocate() }
    fill(memory)
    kernels = memory.pointee
  }
}

private let referenceTable = Int8Table(mskernels_int8_reference)
private var reference8: MSInt8MatrixKernels { referenceTable.kernels }

private func availableInt8Tables() -> [Int8Table] {
  var tables = [Int8Table(mskernels_int8_baseline)]
  #if arch(x86_64)
  if Int(mssys_best_isa()) >= MSSYS_ISA_AVX2 { tables.append(Int8Table(mskernels_int8_avx2)) }
  if mssys_has_byte_dot() != 0 { tables.append(Int8Table(mskernels_int8_vnni)) }
  #elseif arch(arm64)
  if mssys_has_byte_dot() != 0 { tables.append(Int8Table(mskernels_int8_dot)) }
  #endif
  return tables
}

private let int8Tables = availableInt8Tables()

/// What fills the tensors.
private enum Content: CaseIterable {
  case random, lowest, highest, opposite

  func bytes(_ count: Int, _ random: inout Random, weights: Bool) -> [Int8] {
    (0..<count).map { _ in
      switch self {
      case .random: return Int8(truncatingIfNeeded: Int(random.next() >> 8))
      case .lowest: return -128
      case .highest: return 127
      case .opposite: return weights ? 127 : -128
      }
    }
  }
}

/// A convolution (a matrix product when the kernel is one pixel) with everything that the kernels can be asked for.
private struct Problem {
  var h = 1, w = 1, channels = 1, spare = 0
  var kernelH = 1, kernelW = 1, stride = 1, dilation = 1, pad = 0
  var n = 1
  var content = Content.random
  var xZero: Int32 = 0, xFlip: Int32 = 0, yFlip: Int32 = 0
  var weightZero: Int32 = 0
  var kind = MS_INT8_QUANTIZED
  var upward: Int32 = 0
  var shifts: ClosedRange<Int32> = -12 ... -6
  var lo: Int32 = -128, hi: Int32 = 127
  var bias: Int32 = 3000
  var depthwise = false
  /// Pads the runs of the weights where the table takes it.
  var padsRuns = false
  /// Every third bias is the least or the most that 32 bits hold.
  var edgesBias = false

  var outH: Int { (h + 2 * pad - (kernelH - 1) * dilation - 1) / stride + 1 }
  var outW: Int { (w + 2 * pad - (kernelW - 1) * dilation - 1) / stride + 1 }
  var k: Int { kernelH * kernelW * (depthwise ? 1 : channels) }
  var outChannels: Int { depthwise ? channels : n }
  var label: String { "\(self)" }

  /// The output's bytes by table `t`, the work cut at row `rowCut` and panel `panelCut`.
  func run(_ t: MSInt8MatrixKernels, rowCut: Int = 0, panelCut: Int = 0) -> [UInt8] {
    var random = Random(h * 31 + w * 7 + channels * 1009 + n)
    let stridePixel = channels + spare
    // Exactly as long as the values reach, to show reads behind them under a sanitizer.
    let x = content.bytes(max((h * w - 1) * stridePixel + channels, 0), &random, weights: false)
    let weights = content.bytes(k * outChannels, &random, weights: true)
    let n = outChannels
    let pads = padsRuns && t.takes_padded_runs != 0
    let run = kernelW * channels, paddedRun = pads ? (run + 3) & ~3 : run
    let packedK = depthwise ? k : kernelH * paddedRun
    let padding = [Int8](repeating: 0, count: paddedRun - (pads ? run : paddedRun))
    let rows = pads ? (0..<n * kernelH).flatMap { weights[$0 * run..<($0 + 1) * run] + padding } : weights
    let padded = n + 3 * Int(t.vector_lanes) + Int(t.columns)
    func list(_ make: (Int) -> Int32) -> [Int32] { (0..<padded).map { $0 < n ? make($0) : 0 } }
    var offset = list { _ in Int32(truncatingIfNeeded: Int64(random.next())) % max(bias, 1) }
    if edgesBias { for i in 0..<n where i % 3 == 0 { offset[i] = i % 2 == 0 ? Int32.min : Int32.max } }
    let multiplier = list { $0 == 1 ? 0 : Int32(1 << 30) + Int32(random.next() >> 2) }
    let shift = list { _ in shifts.lowerBound + Int32(random.next() % UInt32(shifts.upperBound - shifts.lowerBound + 1)) }
    let zero = list { weightZero == 0 ? 0 : weightZero + Int32($0 % 3) }
    let scale = (0..<padded).map { Float($0 + 1) * 0x1p-10 }, floatBias = (0..<padded).map { Float($0) - 3 }
    let hasZero = weightZero != 0
    let panels = (n + Int(t.columns) - 1) / Int(t.columns)
    let pixels = outH * outW
    let size = kind == MS_INT8_QUANTIZED ? 1 : 4
    var y = [UInt8](repeating: 0xa5, count: pixels * n * size + 64)
    let packed = UnsafeMutableRawPointer.allocate(
      byteCount: max(depthwise ? t.depthwise_bytes(k, n) : t.packed_bytes(packedK, n), 1), alignment: 64)
    defer { packed.deallocate() }
    var sums = [Int32](repeating: 0, count: padded)
    if !depthwise {
      zero.withUnsafeBufferPointer {
        t.pack(packed, &sums, rows, 0, hasZero ? $0.baseAddress : nil, packedK, n, 1, packedK, 0, panels)
      }
      for i in 0..<n {
        offset[i] &-= (t.x_shift + xZero) &* sums[i]
        if hasZero && t.packs_zero == 0 { offset[i] &+= Int32(k) &* (t.x_shift + xZero) &* zero[i] }
      }
    }
    x.withUnsafeBufferPointer { x in
      offset.withUnsafeBufferPointer { offset in
        multiplier.withUnsafeBufferPointer { multiplier in
          shift.withUnsafeBufferPointer { shift in
            zero.withUnsafeBufferPointer { zero in
              scale.withUnsafeBufferPointer { scale in
                floatBias.withUnsafeBufferPointer { floatBias in
                  y.withUnsafeMutableBytes { y in
                    let isFloat = kind == MS_INT8_FLOAT
                    let out = MSInt8Output(
                      y: y.baseAddress!, ldc: n, kind: Int32(kind.rawValue), offset: offset.baseAddress!,
                      weight_zero: hasZero && t.packs_zero == 0 ? zero.baseAddress : nil, multiplier: multiplier.baseAddress,
                      shift: shift.baseAddress, zero: -7, lo: lo, hi: hi, upward: upward, flip: yFlip,
                      scale: isFloat ? scale.baseAddress : nil, bias: isFloat ? floatBias.baseAddress : nil, float_lo: -1000,
                      float_hi: 900)
                    let nothing = UnsafePointer<Int8>(bitPattern: 64)!
                    if depthwise {
                      var o = out
                      t.depthwise_pack(packed, weights, 0, hasZero ? zero.baseAddress : nil, k, n, xZero, &o)
                      var d = MSInt8Depthwise(
                        x: x.baseAddress ?? nothing, weights: packed, in_h: h, in_w: w, out_h: outH, out_w: outW,
                        channels: channels, kernel_h: Int32(kernelH), kernel_w: Int32(kernelW), stride_h: Int32(stride),
                        stride_w: Int32(stride), dilation_h: Int32(dilation), dilation_w: Int32(dilation), pad_top: Int32(pad),
                        pad_left: Int32(pad), x_zero: xZero, flip: xFlip, output: out)
                      let scratch = UnsafeMutableRawPointer.allocate(byteCount: t.depthwise_scratch(&d) + 1, alignment: 64)
                      defer { scratch.deallocate() }
                      let rows = min(rowCut, outH), cut = min(panelCut * Int(t.channel_block), n)
                      t.depthwise(&d, 0, rows, 0, cut, scratch)
                      t.depthwise(&d, 0, rows, cut, n, scratch)
                      t.depthwise(&d, rows, outH, 0, cut, scratch)
                      t.depthwise(&d, rows, outH, cut, n, scratch)
                      return
                    }
                    var c = MSInt8Conv(
                      x: x.baseAddress ?? nothing, weights: packed, in_h: h, in_w: w, in_channels: channels,
                      pixel_stride: stridePixel, out_h: outH, out_w: outW, out_channels: n, kernel_h: Int32(kernelH),
                      kernel_w: Int32(kernelW), stride_h: Int32(stride), stride_w: Int32(stride), dilation_h: Int32(dilation),
                      dilation_w: Int32(dilation), pad_top: Int32(pad), pad_left: Int32(pad), x_zero: xZero, flip: xFlip,
                      pads_runs: pads ? 1 : 0, output: out)
                    let scratch = UnsafeMutableRawPointer.allocate(byteCount: t.conv_scratch(&c) + 1, alignment: 64)
                    defer { scratch.deallocate() }
                    let rows = min(rowCut, pixels), columns = min(panelCut, panels)
                    t.conv(&c, 0, rows, 0, columns, scratch)
                    t.conv(&c, 0, rows, columns, panels, scratch)
                    t.conv(&c, rows, pixels, 0, columns, scratch)
                    t.conv(&c, rows, pixels, columns, panels, scratch)
                  }
                }
              }
            }
          }
        }
      }
    }
    #expect(y[(pixels * n * size)...].allSatisfy { $0 == 0xa5 }, "wrote behind the end")
    return Array(y[..<(pixels * n * size)])
  }

  func expectLikeReference(_ t: MSInt8MatrixKernels, location: SourceLocation = #_sourceLocation) {
    let expected = run(reference8)
    #expect(run(t) == expected, "\(label)", sourceLocation: location)
    #expect(run(t, rowCut: 5, panelCut: 1) == expected, "cut: \(label)", sourceLocation: location)
  }
}

@Suite struct Int8MatrixTests {
  @Test(arguments: int8Tables) func everyTileHeightWidthAndDepth(_ table: Int8Table) {
    for m in Array(1...14) + [25, 49] {
      for n in [1, 5, 8, 16, 17, 31, 33, 70] {
        for k in [1, 2, 3, 4, 5, 7, 17, 64, 67] { Problem(w: m, channels: k, n: n, xZero: 5).expectLikeReference(table.kernels) }
      }
    }
  }

  @Test(arguments: int8Tables) func manyRowBlocks(_ table: Int8Table) {
    Problem(w: 1501, channels: 40, n: 9, xZero: -3).expectLikeReference(table.kernels)
    Problem(w: 300, channels: 1200, n: 20, xZero: -3, weightZero: 4).expectLikeReference(table.kernels)
    Problem(h: 30, w: 31, channels: 70, kernelH: 3, kernelW: 3, pad: 1, n: 10, xZero: 9).expectLikeReference(table.kernels)
  }

  @Test(arguments: int8Tables) func extremesZeroPointsAndRounding(_ table: Int8Table) {
    for content in Content.allCases {
      for (xZero, weightZero) in [(0, 0), (-128, 0), (127, 0), (3, 5), (-128, 125), (127, -128)] as [(Int32, Int32)] {
        for upward in [0, 1] as [Int32] {
          for (kernel, n) in [(1, 20), (3, 20)] {
            Problem(
              h: 5, w: 7, channels: 19, kernelH: kernel, kernelW: kernel, pad: kernel / 2, n: n, content: content, xZero: xZero,
              weightZero: weightZero, upward: upward
            ).expectLikeReference(table.kernels)
          }
        }
      }
    }
  }

  @Test(arguments: int8Tables) func everyShiftAndHugeBias(_ table: Int8Table) {
    for shift in -31...8 as ClosedRange<Int32> {
      for upward in [0, 1] as [Int32] {
        Problem(
          w: 9, channels: 33, n: 40, upward: upward, shifts: shift...shift, lo: -100, hi: 90,
          bias: shift > -8 ? 100 : Int32.max
        ).expectLikeReference(table.kernels)
      }
    }
  }

  @Test(arguments: int8Tables) func unsignedTensorsAndOtherOutputs(_ table: Int8Table) {
    for kind in [MS_INT8_QUANTIZED, MS_INT8_FLOAT, MS_INT8_SUMS] {
      for kernel in [1, 3] {
        for n in [1, 13, 32, 37] {
          for weightZero in [0, -20] as [Int32] {
            Problem(
              h: 4, w: 5, channels: 21, spare: 3, kernelH: kernel, kernelW: kernel, n: n, xZero: 11, xFlip: 0x80, yFlip: 0x80,
              weightZero: weightZero, kind: kind
            ).expectLikeReference(table.kernels)
          }
        }
      }
    }
  }

  @Test(arguments: int8Tables) func kernelsStridesAndBorders(_ table: Int8Table) {
    for channels in [1, 3, 4, 16, 20] {
      for (kh, kw) in [(1, 1), (3, 3), (5, 2), (1, 7)] {
        for (stride, dilation, pad) in [(1, 1, 0), (2, 1, 1), (1, 2, 2), (3, 1, 3)] {
          if 9 + 2 * pad < (kh - 1) * dilation + 1 { continue }
          Problem(
            h: 9, w: 11, channels: channels, spare: channels == 4 ? 2 : 0, kernelH: kh, kernelW: kw, stride: stride,
            dilation: dilation, pad: pad, n: 10, xZero: -40
          ).expectLikeReference(table.kernels)
        }
      }
    }
  }

  /// Kernels whose lines are runs of whole groups of four bytes, by themselves or padded: lines of every length around the tiles',
  /// panels of one vector and of two, more lines than a block holds.
  @Test(arguments: int8Tables) func linesOfTheKernel(_ table: Int8Table) {
    for w in Array(5...15) + [27] {
      for (channels, pads) in [(4, false), (3, true), (7, true), (16, false)] {
        for (stride, pad, n) in [(1, 0, 16), (1, 1, 17), (2, 2, 32), (3, 1, 5), (2, 0, 70)] {
          Problem(
            h: 6, w: w, channels: channels, kernelH: 3, kernelW: 3, stride: stride, pad: pad, n: n, xZero: 77,
            xFlip: w % 2 == 0 ? 0x80 : 0, yFlip: w % 2 == 0 ? 0 : 0x80, padsRuns: pads
          ).expectLikeReference(table.kernels)
        }
      }
    }
    Problem(h: 9, w: 3001, channels: 32, kernelH: 3, kernelW: 3, stride: 2, pad: 1, n: 20, xZero: 5).expectLikeReference(
      table.kernels)
    Problem(h: 40, w: 60, channels: 64, kernelH: 5, kernelW: 1, stride: 1, dilation: 3, pad: 2, n: 40, xZero: 5)
      .expectLikeReference(table.kernels)
    for kind in [MS_INT8_FLOAT, MS_INT8_SUMS] {
      Problem(h: 6, w: 17, channels: 3, kernelH: 3, kernelW: 3, pad: 1, n: 35, xZero: 5, kind: kind, padsRuns: true)
        .expectLikeReference(table.kernels)
    }
  }

  /// Channels that are next to nothing beside their bias: their sums may overflow, and round to one number on either side of zero.
  @Test(arguments: int8Tables) func biasesAtTheLimit(_ table: Int8Table) {
    for shifts in [-31 ... -28, -29 ... -22, -31 ... -4] as [ClosedRange<Int32>] {
      for upward in [0, 1] as [Int32] {
        for n in [9, 33, 70] {
          Problem(w: 13, channels: 24, n: n, upward: upward, shifts: shifts, bias: Int32.max, edgesBias: true)
            .expectLikeReference(table.kernels)
          Problem(
            h: 5, w: 5, channels: n, kernelH: 3, kernelW: 3, pad: 1, upward: upward, shifts: shifts, bias: Int32.max,
            depthwise: true, edgesBias: true
          ).expectLikeReference(table.kernels)
        }
      }
    }
  }

  @Test(arguments: int8Tables) func emptyDepthGivesBias(_ table: Int8Table) {
    Problem(w: 3, channels: 0, n: 21, shifts: -3...0).expectLikeReference(table.kernels)
  }

  @Test(arguments: int8Tables) func depthwise(_ table: Int8Table) {
    for channels in [1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130] {
      for (kernel, stride, dilation, pad) in [(3, 1, 1, 1), (3, 2, 1, 1), (5, 1, 1, 2), (5, 2, 1, 0), (2, 1, 3, 2), (1, 1, 1, 0)] {
        for weightZero in [0, 90] as [Int32] {
          for kind in [MS_INT8_QUANTIZED, MS_INT8_FLOAT] {
            Problem(
              h: 7, w: 6, channels: channels, kernelH: kernel, kernelW: kernel, stride: stride, dilation: dilation, pad: pad,
              xZero: -9, weightZero: weightZero, kind: kind, depthwise: true
            ).expectLikeReference(table.kernels)
          }
        }
      }
    }
  }

  /// Lines on which two and four pixels are taken at once, with all channels of half a block, and around them.
  @Test(arguments: int8Tables) func depthwiseLines(_ table: Int8Table) {
    for w in [5, 6, 7, 9, 12, 15] {
      for channels in [31, 32, 33, 64] {
        for (kernel, stride, dilation, pad) in [(3, 1, 1, 1), (3, 2, 1, 1), (2, 1, 3, 2), (1, 1, 1, 0)] {
          for weightZero in [0, 90] as [Int32] {
            for kind in [MS_INT8_QUANTIZED, MS_INT8_FLOAT] {
              Problem(
                h: 5, w: w, channels: channels, kernelH: kernel, kernelW: kernel, stride: stride, dilation: dilation, pad: pad,
                xZero: 31, xFlip: 0x80, weightZero: weightZero, kind: kind, depthwise: true
              ).expectLikeReference(table.kernels)
            }
          }
        }
      }
    }
  }

  @Test(arguments: int8Tables) func depthwiseExtremes(_ table: Int8Table) {
    for content in Content.allCases {
      for flip in [0, 0x80] as [Int32] {
        for zero in [-128, 0, 127] as [Int32] {
          Problem(
            h: 5, w: 5, channels: 70, kernelH: 3, kernelW: 3, pad: 1, content: content, xZero: zero, xFlip: flip, yFlip: flip,
            weightZero: min(zero, 125), upward: flip == 0 ? 0 : 1, depthwise: true
          ).expectLikeReference(table.kernels)
        }
      }
    }
  }

  /// Numbers worked out by hand from the definition, so that the reference itself is tested.
  @Test func referenceRounds() {
    func requantised(_ sum: Int32, _ multiplier: Int32, _ shift: Int32, upward: Int32 = 0) -> Int8 {
      var y: Int8 = 0
      withUnsafePointer(to: 0 as Int32) { offset in
        withUnsafePointer(to: multiplier) { multiplier in
          withUnsafePointer(to: shift) { shift in
            var out = MSInt8Output(
              y: &y, ldc: 1, kind: 0, offset: offset, weight_zero: nil, multiplier: multiplier, shift: shift, zero: 1, lo: -128,
              hi: 127, upward: upward, flip: 0, scale: nil, bias: nil, float_lo: 0, float_hi: 0)
            var sum = sum
            reference8.finish(&sum, 1, 1, 1, 0, &out)
          }
        }
      }
      return y
    }
    let half: Int32 = 1 << 30  // 0.5 as a multiplier
    #expect(requantised(40, half, 0) == 21)
    #expect(requantised(41, half, 0) == 22)  // 20.5 rounds up
    #expect(requantised(-41, half, 0) == -19)  // -20.5 rounds to -20 in the high product
    #expect(requantised(12, half, -2) == 3)  // 6 / 4 = 1.5, away from zero
    #expect(requantised(-12, half, -2) == -1)  // -1.5, away from zero: -2
    #expect(requantised(-12, half, -2, upward: 1) == 0)  // -1.5 upwards: -1
    #expect(requantised(3, half, 2) == 7)  // 3 * 4 / 2
    #expect(requantised(1 << 20, half, 0) == 127)
    #expect(requantised(-(1 << 20), half, 0) == -128)
    #expect(requantised(99, 0, 0) == 1)
  }
}
