import CKernels
import CSystem
import Testing

/// A half-precision table that the processor can run, and the reference for its number format.
struct HalfTable: @unchecked Sendable, CustomTestStringConvertible {
  let kernels: MSHalfKernels
  let reference: MSHalfKernels
  var testDescription: String { kernels.arithmetic == Int32(bitPattern: MSHALF_BFLOAT16.rawValue) ? "bfloat16" : "float16" }

  init(_ fill: (UnsafeMutablePointer<MSHalfKernels>) -> Void) {
    let memory = UnsafeMutablePointer<MSHalfKernels>.allocate(capacity: 1)
    defer { memory.deallocate() }
    fill(memory)
    kernels = memory.pointee
    mskernels_half_reference(memory, kernels.arithmetic)
    reference = memory.pointee
  }

  /// Largest error of a sum relative to the sum of its products' magnitudes. bfloat16 adds in float32; a float16 chain of 64
  /// rounds 64 times with u = 2^-11, whose errors grow about as the square root (the bound of 64 u is never near).
  var chainError: Float { kernels.arithmetic == Int32(bitPattern: MSHALF_BFLOAT16.rawValue) ? 0x1p-20 : 0x1p-9 }
}

/// The native table where the CPU has one; the references of both formats are compared with double arithmetic below.
let halfTables: [HalfTable] = mssys_has_half() != 0 ? [HalfTable(mskernels_half)] : []

private let formats = [Int32(bitPattern: MSHALF_BFLOAT16.rawValue), Int32(bitPattern: MSHALF_FLOAT16.rawValue)]

/// x rounded to bfloat16 or float16, independently of the tables.
private func rounded(_ x: Float, _ format: Int32) -> Double {
  if format == formats[1] { return Double(Float16Value(x)) }
  let bits = x.bitPattern, low = bits & 0xffff
  var high = bits >> 16
  if low > 0x8000 || (low == 0x8000 && high & 1 == 1) { high += 1 }
  return Double(Float(bitPattern: high << 16))
}

/// Nearest float16 value: multiples of the unit in the last place, ties to even.
private func Float16Value(_ x: Float) -> Float {
  if x == 0 { return x }
  let exponent = max(Int(x.exponent), -14)
  let unit = Float(sign: .plus, exponent: exponent - 10, significand: 1)
  return (x / unit).rounded(.toNearestOrEven) * unit
}

private struct Problem {
  var m: Int, n: Int, k: Int
  var bias = true, residual = false
  var activation = MS_UNARY_IDENTITY, alpha: Float = 0, beta: Float = 0
  var transposed = false, fromHalf = false

  var label: String { "\(m)x\(n)x\(k)" }

  func operands() -> (a: [Float], b: [Float], bias: [Float], residual: [Float]) {
    var random = Random(m * 10007 + n * 101 + k)
    return (random.floats(m * (k + 3)), random.floats(k * n), random.floats(n), random.floats(m * n))
  }

  func panels(_ t: MSHalfKernels) -> Int { (n + Int(t.gemm_nr) - 1) / Int(t.gemm_nr) }

  func packed(_ t: MSHalfKernels, _ b: [Float]) -> [UInt16] {
    let step = Int(t.depth_step), depth = (k + step - 1) / step * step
    let size = panels(t) * Int(t.gemm_nr) * depth
    var words = [UInt16](repeating: 0xabcd, count: size + 64)
    var halves = [UInt16](repeating: 0, count: b.count)
    reference.f32_to_f16(b, &halves, b.count)
    // In two calls, as threads share the work.
    let middle = panels(t) / 2
    for (first, last) in [(0, middle), (middle, panels(t))] {
      if fromHalf {
        t.gemm_pack_b(&words, halves, 1, k, n, transposed ? 1 : n, transposed ? k : 1, first, last)
      } else {
        t.gemm_pack_b(&words, b, 0, k, n, transposed ? 1 : n, transposed ? k : 1, first, last)
      }
    }
    #expect(words[size...].allSatisfy { $0 == 0xabcd }, "packing wrote behind the end")
    return words
  }

  func run(_ t: MSHalfKernels, rowCut: Int = 0, panelCut: Int = 0) -> [Float] {
    let o = operands()
    let b = packed(t, o.b)
    let rows = min(rowCut, m), columns = min(panelCut, panels(t))
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: t.gemm_scratch(k) + 64, alignment: 64)
    defer { scratch.deallocate() }
    return output(m * n) { c in
      o.a.withUnsafeBufferPointer { a in
        o.bias.withUnsafeBufferPointer { shift in
          o.residual.withUnsafeBufferPointer { extra in
            b.withUnsafeBytes { b in
              guard let a = a.baseAddress, let b = b.baseAddress else { return }
              var g = MSGemm(
                a: a, lda: k + 3, b: b.assumingMemoryBound(to: Float.self), c: c, ldc: n, m: m, n: n, k: k,
                bias: bias ? shift.baseAddress : nil, residual: residual ? extra.baseAddress : nil, ldr: n,
                activation: Int32(activation.rawValue), alpha: alpha, beta: beta)
              t.gemm(&g, 0, rows, 0, columns, scratch)
              t.gemm(&g, 0, rows, columns, panels(t), scratch)
              t.gemm(&g, rows, m, 0, columns, scratch)
              t.gemm(&g, rows, m, columns, panels(t), scratch)
            }
          }
        }
      }
    }
  }

  /// The product in double arithmetic over rounded operands, without bias or activation.
  func exact(_ format: Int32) -> [Float] {
    let o = operands()
    var out = [Float]()
    for i in 0..<m {
      for j in 0..<n {
        var sum = 0.0
        for x in 0..<k {
          sum += rounded(o.a[i * (k + 3) + x], format) * rounded(transposed ? o.b[j * k + x] : o.b[x * n + j], format)
        }
        out.append(Float(sum))
      }
    }
    return out
  }
}

@Suite struct HalfTests {
  @Test(arguments: formats) func referenceRoundsOperandsAndAddsExactly(_ format: Int32) {
    let memory = UnsafeMutablePointer<MSHalfKernels>.allocate(capacity: 1)
    defer { memory.deallocate() }
    mskernels_half_reference(memory, format)
    for (m, n, k) in [(1, 1, 1), (3, 5, 7), (4, 9, 130)] {
      for transposed in [false, true] {
        let p = Problem(m: m, n: n, k: k, bias: false, transposed: transposed)
        expectClose(p.run(memory.pointee), p.exact(format), absolute: 1e-6, relative: 1e-6, p.label)
      }
    }
  }

  @Test(arguments: halfTables) func everyTileHeightAndPartialPanel(_ table: HalfTable) {
    for m in Array(1...14) + [23, 49, 250] {
      for n in [1, 5, 16, 17, 32, 33, 70, 200] {
        for k in [1, 2, 17, 64, 150] {
          if m > 40 && n > 33 { continue }
          let p = Problem(m: m, n: n, k: k)
          expectClose(p.run(table.kernels), p.run(table.reference), absolute: table.chainError * Float(k) * 0.3 + 2e-6, p.label)
        }
      }
    }
  }

  /// The error of a long sum stays that of its chains: it does not grow with k beyond the growth of the sum of magnitudes.
  @Test(arguments: halfTables) func longSumsKeepTheChainsError(_ table: HalfTable) {
    for k in [1000, 5000] {
      let p = Problem(m: 2, n: 3, k: k, bias: false)
      let o = p.operands()
      let actual = p.run(table.kernels), expected = p.exact(table.kernels.arithmetic)
      for i in 0..<2 {
        for j in 0..<3 {
          var magnitude: Float = 0
          for x in 0..<k { magnitude += abs(o.a[i * (k + 3) + x] * o.b[x * 3 + j]) }
          #expect(abs(actual[i * 3 + j] - expected[i * 3 + j]) <= table.chainError * 0.5 * magnitude)
        }
      }
    }
  }

  @Test(arguments: halfTables) func splitsDoNotChangeBits(_ table: HalfTable) {
    for m in [1, 2, 13, 49] {
      for n in [40, 300] {
        let p = Problem(m: m, n: n, k: 137, activation: MS_UNARY_SIGMOID)
        let whole = p.run(table.kernels)
        for cut in [1, 5, 12] { expectSame(p.run(table.kernels, rowCut: cut, panelCut: cut), whole, p.label) }
      }
    }
  }

  @Test(arguments: halfTables) func residualAndActivation(_ table: HalfTable) {
    for activation in [MS_UNARY_CLAMP, MS_UNARY_LEAKY_RELU, MS_UNARY_TANH, MS_UNARY_HSWISH, MS_UNARY_GELU] {
      for n in [7, 45, 64] {
        for m in [1, 7] {
          let p = Problem(m: m, n: n, k: 20, bias: n != 45, residual: true, activation: activation, alpha: 0.1, beta: 0.6)
          expectClose(p.run(table.kernels), p.run(table.reference), absolute: table.chainError * 8 + 5e-6, p.label)
        }
      }
    }
  }

  @Test(arguments: halfTables) func emptyDepthGivesBias(_ table: HalfTable) {
    let p = Problem(m: 3, n: 33, k: 0)
    expectClose(p.run(table.kernels), p.run(table.reference))
  }

  /// Packed panels hold each weight rounded as the reference rounds it, whatever its strides and type.
  @Test(arguments: halfTables) func weightsPackAlike(_ table: HalfTable) {
    for n in [1, 6, 33, 64] {
      for k in [1, 5, 36, 200] {
        var random = Random(n + k)
        let b = random.floats(n * k, -300, 300)
        var turned = b
        for i in 0..<k { for j in 0..<n { turned[j * k + i] = b[i * n + j] } }
        for fromHalf in [false, true] {
          let plain = Problem(m: 1, n: n, k: k, fromHalf: fromHalf)
          let words = plain.packed(table.kernels, b)
          #expect(words == Problem(m: 1, n: n, k: k, transposed: true, fromHalf: fromHalf).packed(table.kernels, turned))
          let expected = plain.packed(table.reference, b)
          let nr = Int(table.kernels.gemm_nr), step = Int(table.kernels.depth_step), own = Int(table.reference.gemm_nr)
          let depth = (k + step - 1) / step * step
          let pairs = table.kernels.arithmetic == formats[0]
          for row in 0..<depth {
            for column in 0..<(n + nr - 1) / nr * nr {
              let within = pairs ? row / 2 * nr * 2 + column % nr * 2 + row % 2 : row * nr + column % nr
              let word = words[column / nr * nr * depth + within]
              let wanted = row < k && column < n ? expected[column / own * own * k + row * own + column % own] : 0
              #expect(word == wanted, "\(n)x\(k) at \(row), \(column)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: halfTables) func convolution(_ table: HalfTable) {
    for (channels, kernel, stride, dilation, pad, spare) in [
      (3, 3, 2, 1, 1, 0), (3, 3, 1, 1, 1, 2), (5, 2, 1, 2, 0, 0), (16, 3, 1, 1, 1, 0), (17, 5, 2, 1, 2, 0), (40, 3, 1, 2, 2, 8), (1, 7, 2, 1, 3, 0),
    ] {
      for outChannels in [1, 16, 33, 50] {
        let size = 13, span = (kernel - 1) * dilation + 1
        let out = (size + 2 * pad - span) / stride + 1
        let depth = kernel * kernel * channels, pixel = channels + spare
        var random = Random(channels * 100 + outChannels)
        let x = random.floats(size * size * pixel), w = random.floats(depth * outChannels), bias = random.floats(outChannels)
        func run(_ t: MSHalfKernels, cut: Int) -> [Float] {
          let p = Problem(m: 1, n: outChannels, k: depth)
          let packed = p.packed(t, w)
          return output(out * out * outChannels) { y in
            x.withUnsafeBufferPointer { x in
              bias.withUnsafeBufferPointer { bias in
                packed.withUnsafeBytes { packed in
                  var c = MSConv(
                    x: x.baseAddress!, weights: packed.baseAddress!.assumingMemoryBound(to: Float.self), y: y, ldc: outChannels,
                    bias: bias.baseAddress, residual: nil, ldr: 0, in_h: size, in_w: size, in_channels: channels,
                    pixel_stride: pixel, out_h: out, out_w: out, out_channels: outChannels, kernel_h: Int32(kernel),
                    kernel_w: Int32(kernel), stride_h: Int32(stride), stride_w: Int32(stride), dilation_h: Int32(dilation),
                    dilation_w: Int32(dilation), pad_top: Int32(pad), pad_left: Int32(pad),
                    activation: Int32(MS_UNARY_CLAMP.rawValue), alpha: -1, beta: 2)
                  let bytes = t.conv_scratch(&c)
                  let scratch = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
                  defer { scratch.deallocate() }
                  (scratch + bytes).initializeMemory(as: UInt8.self, repeating: 0x5a, count: 64)
                  t.conv(&c, 0, cut, 0, p.panels(t), scratch)
                  t.conv(&c, cut, out * out, 0, p.panels(t), scratch)
                  for i in 0..<64 { #expect((scratch + bytes).load(fromByteOffset: i, as: UInt8.self) == 0x5a) }
                }
              }
            }
          }
        }
        let whole = run(table.kernels, cut: 0), label = "\(channels)->\(outChannels) \(kernel)x\(kernel)"
        expectSame(run(table.kernels, cut: 7), whole, label)
        expectClose(whole, run(table.reference, cut: 0), absolute: table.chainError * Float(depth) * 0.3 + 2e-6, label)
      }
    }
  }

  /// Infinite and not-a-number values stay what they are.
  @Test(arguments: halfTables) func specialValues(_ table: HalfTable) {
    let t = table.kernels
    let a: [Float] = [.infinity, 1, .nan, 1, 1e38, 1, -.infinity, 0], b: [Float] = [1, 1]
    let words = Problem(m: 4, n: 1, k: 2).packed(t, b)
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: t.gemm_scratch(2) + 64, alignment: 64)
    defer { scratch.deallocate() }
    let y = output(4) { c in
      a.withUnsafeBufferPointer { a in
        words.withUnsafeBytes { words in
          var g = MSGemm(
            a: a.baseAddress!, lda: 2, b: words.baseAddress!.assumingMemoryBound(to: Float.self), c: c, ldc: 1, m: 4, n: 1, k: 2,
            bias: nil, residual: nil, ldr: 0, activation: Int32(MS_UNARY_IDENTITY.rawValue), alpha: 0, beta: 0)
          t.gemm(&g, 0, 4, 0, 1, scratch)
        }
      }
    }
    #expect(y[0] == .infinity && y[1].isNaN && y[3] == -.infinity)
    #expect(t.arithmetic == formats[0] ? abs(y[2] / 1e38 - 1) < 0.01 : y[2] == .infinity)
  }
}
