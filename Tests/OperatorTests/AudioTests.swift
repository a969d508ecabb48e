import Foundation
import Graph
import Testing

@testable import Operators

/// Signal and speech operators. The spectrograms' and coefficients' numbers were recorded from TensorFlow 2.21 on the same inputs.
struct AudioTests {
  /// The Fourier transform by its definition.
  static func dft(_ x: [Float], _ n: Int) -> [Float] {
    (0...n / 2).flatMap { k -> [Float] in
      var (re, im) = (0.0, 0.0)
      for j in 0..<n where j < x.count {
        let angle = -2 * Double.pi * Double(j * k % n) / Double(n)
        re += Double(x[j]) * cos(angle)
        im += Double(x[j]) * sin(angle)
      }
      return [Float(re), Float(im)]
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 31, 64, 97, 100, 127, 255])
  func rfft(_ n: Int) throws {
    let run = OperatorRun(kind: .rfft, attributes: attributes((0, .int(Int64(n)))))
    // Shorter rows are filled up, longer ones cut.
    for m in [n, 5, 40] {
      let x = DetectionTests.sequence(3 * m, n)
      let y = try run([.floats([3, m], x)])[0]
      let wanted = (0..<3).flatMap { AudioTests.dft(Array(x[$0 * m..<($0 + 1) * m]), n) }
      DetectionTests.expect(y, [3, n / 2 + 1, 2], wanted, 4e-6)
    }
  }

  @Test func rfftForms() throws {
    let x = DetectionTests.sequence(24)
    // Without a length the rows' own counts, or that of input 1.
    DetectionTests.expect(try OperatorRun(kind: .rfft)([.floats([24], x)])[0], [13, 2], AudioTests.dft(x, 24), 4e-6)
    DetectionTests.expect(try OperatorRun(kind: .rfft)([.floats([24], x), .ints([10])])[0], [6, 2], AudioTests.dft(x, 10), 4e-6)
    DetectionTests.expect(try OperatorRun(kind: .rfft)([.floats([24], x), .longs([1], [10])])[0], [6, 2], AudioTests.dft(x, 10), 4e-6)
    let four = try OperatorRun(kind: .rfft, attributes: attributes((0, .int(3))))([.floats([2, 1, 3, 4], x)])[0]
    #expect(four.dims == [2, 1, 3, 2, 2])
    #expect(try OperatorRun(kind: .rfft, attributes: attributes((0, .int(6))))([.floats([0, 4], [])])[0].dims == [0, 4, 2])
    #expect(try OperatorRun(kind: .rfft, attributes: attributes((0, .int(4))))([.floats([2, 0], [])])[0].floats == [Float](repeating: 0, count: 12))
    #expect(OperatorRun(kind: .rfft, attributes: attributes((0, .int(-1)))).refusal([.floats([3], [1, 2, 3])]).contains("fft_length is -1"))
    #expect(OperatorRun(kind: .rfft, attributes: attributes((0, .int(1 << 40)))).refusal([.floats([3], [1, 2, 3])]).contains("fft_length is 2147483647"))
    // A long transform of an awkward length, in time: a pure tone has one line.
    let n = 100_003
    let tone = (0..<n).map { Float(cos(2 * Double.pi * 1000 * Double($0) / Double(n))) }
    let y = try OperatorRun(kind: .rfft)([.floats([n], tone)])[0].floats
    #expect(abs(y[2000] - Float(n) / 2) < 0.1 && abs(y[2002]) < 0.1 && abs(y[1998]) < 0.1 && abs(y[2001]) < 0.1)
  }

  @Test func parts() throws {
    let x = Value.floats([2, 3, 2], DetectionTests.sequence(12))
    let real = try OperatorRun(kind: .fftReal)([x])[0], imaginary = try OperatorRun(kind: .fftImag)([x])[0]
    #expect(real == .floats([2, 3], (0..<6).map { x.floats[2 * $0] }))
    #expect(imaginary == .floats([2, 3], (0..<6).map { x.floats[2 * $0 + 1] }))
    #expect(try OperatorRun(kind: .fftImag)([.floats([2], [3, 4])])[0] == .floats([], [4]))
    #expect(OperatorRun(kind: .fftReal).refusal([.floats([2, 3], DetectionTests.sequence(6))]).contains("axis of 2"))
    #expect(OperatorRun(kind: .fftReal).refusal([.floats([], [1])]).contains("dimensions"))
  }

  @Test func spectrogram() throws {
    let x = Value.floats([20, 2], DetectionTests.sequence(40))
    let square = try OperatorRun(kind: .audioSpectrogram, attributes: attributes((0, .int(6)), (1, .int(5)), (2, .bool(true))))([x])[0]
    DetectionTests.expect(square, [2, 3, 5], [
      2.84765625, 3.00228119, 0.958007812, 0.00260163215, 1.10933565e-31, 0.87890625, 2.07339859, 0.903320312, 0.00179670728,
      1.23259516e-32, 6.56640625, 6.07086897, 3.41894531, 1.08245146, 1, 5.640625, 5.45714283, 3.3203125, 1.08191967, 1, 4,
      7.36138391, 8.25390625, 5.17377234, 4, 5.640625, 5.45714283, 3.3203125, 1.08191967, 1,
    ])
    let plain = try OperatorRun(kind: .audioSpectrogram, attributes: attributes((0, .int(6)), (1, .int(5))))([x])[0]
    DetectionTests.expect(plain, [2, 3, 5], square.floats.map { $0.squareRoot() })
    // A signal shorter than a window has none.
    #expect(try OperatorRun(kind: .audioSpectrogram, attributes: attributes((0, .int(21)), (1, .int(1))))([x])[0].dims == [2, 0, 17])
    func refusal(_ window: Int64, _ stride: Int64) -> String {
      OperatorRun(kind: .audioSpectrogram, attributes: attributes((0, .int(window)), (1, .int(stride)))).refusal([x])
    }
    #expect(refusal(1, 1).contains("window_size is 1") && refusal(4, 0).contains("stride 0") && refusal(1 << 30, 1).contains("window_size"))
  }

  private func mfcc(_ upper: Double, _ lower: Double, _ filters: Int64, _ coefficients: Int64) -> OperatorRun {
    OperatorRun(
      kind: .mfcc, attributes: attributes((0, .float(upper)), (1, .float(lower)), (2, .int(filters)), (3, .int(coefficients))))
  }

  @Test func coefficients() throws {
    let x = Value.floats([2, 3, 17], DetectionTests.sequence(102, 3).map { abs($0) })
    let y = try mfcc(4000, 20, 6, 4)([x, .scalar(16000)])[0]
    DetectionTests.expect(y, [2, 3, 4], [
      -0.764416575, -1.69165969, -0.597513318, -0.796568274, -16.4465694, -5.73766375, 13.010602, 10.2920332, -1.16367781,
      -1.80997241, -0.773407757, -0.909318328, -1.57072604, -2.37295222, -1.25683475, -0.874739885, -1.44226813, -2.31736207,
      -1.04916942, -1.12218988, -0.959291101, -1.81388688, -0.770232499, -0.966757774,
    ])
    // Silence is the logarithm's floor in every band; a limit above half the rate ends at the last bin.
    let silent = try mfcc(4000, 20, 6, 2)([.floats([1, 1, 17], [Float](repeating: 0, count: 17)), .ints([1], [16000])])[0]
    DetectionTests.expect(silent, [1, 1, 2], [Float(log(1e-12) * 6 * (2.0 / 6).squareRoot()), 0], 2e-5)
    #expect(try mfcc(1e6, 0, 5, 5)([x, .scalar(8000)])[0].floats.allSatisfy { $0.isFinite })
    #expect(try mfcc(4000, 3999, 5, 5)([x, .scalar(2_000_000_000)])[0].floats.allSatisfy { $0.isFinite })
    #expect(mfcc(4000, 20, 6, 4).refusal([x, .scalar(0)]) == "the sample rate is 0; it must be positive")
    #expect(mfcc(20, 4000, 6, 4).refusal([x, .scalar(1)]).contains("greater than freq_lower_limit"))
    #expect(mfcc(4000, .nan, 6, 4).refusal([x, .scalar(1)]).contains("greater than freq_lower_limit"))
    #expect(mfcc(4000, 20, 3, 4).refusal([x, .scalar(1)]).contains("dct_coeff_num 4"))
    #expect(mfcc(4000, 20, 1 << 40, 4).refusal([x, .scalar(1)]).contains("filter_bank_channel_num"))
    #expect(mfcc(4000, 20, 6, 4).refusal([x, .ints([1, 2])]).contains("one number"))
    #expect(mfcc(4000, 20, 6, 4).refusal([.floats([1, 1, 1], [0]), .scalar(1)]).contains("bins"))
  }

  @Test func splice() throws {
    let a = attributes((0, .ints([-1, 0, 1])), (1, .ints([0, 0, 1, 0, 1, 2, 1, 2, 2])), (2, .int(6)))
    for x in numbered([2, 3, 2]) {
      let wanted = gathered(x, [2, 3, 6]) { c in [c[0], [0, 0, 1, 0, 1, 2, 1, 2, 2][c[1] * 3 + c[2] / 2], c[2] % 2] }
      #expect(try OperatorRun(kind: .splice, attributes: a)([x])[0] == wanted)
    }
    let x = Value.floats([1, 2, 2], [1, 2, 3, 4])
    #expect(OperatorRun(kind: .splice, attributes: a).refusal([x]).contains("names row 2"))
    #expect(OperatorRun(kind: .splice, attributes: attributes((0, .ints([0])), (1, .ints([-1])), (2, .int(2)))).refusal([x]).contains("names row -1"))
    #expect(OperatorRun(kind: .splice, attributes: attributes((0, .ints([0])), (1, .ints([1])), (2, .int(3)))).refusal([x]).contains("output_dim is 3"))
    #expect(OperatorRun(kind: .splice, attributes: attributes((0, .ints([0, 1])), (1, .ints([1])))).refusal([x]).contains("multiple of the 2 entries"))
    #expect(OperatorRun(kind: .splice).refusal([x]).contains("multiple of the 0 entries"))
  }

  @Test(arguments: [false, true], [[-2, 0, 1], [3], [0, 5]])
  func affine(_ transposed: Bool, _ context: [Int]) throws {
    let (batch, t, f, n) = (2, 8, 5, 7)
    let width = context.count * f
    let x = DetectionTests.sequence(batch * t * f), w = DetectionTests.sequence(n * width, 2), bias = DetectionTests.sequence(n, 3)
    let rows = t - (context.max()! - context.min()!)
    for (type, f32) in [(0, { $0 }), (1, { max($0, 0) }), (2, { 1 / (1 + exp(-$0)) }), (10, { tanh($0) })] as [(Int64, (Double) -> Double)] {
      for hasBias in [true, false] {
        var wanted = [Float]()
        for b in 0..<batch {
          for r in 0..<rows {
            for j in 0..<n {
              var sum = hasBias ? Double(bias[j]) : 0
              for (i, c) in context.enumerated() {
                for k in 0..<f {
                  let column = i * f + k
                  sum += Double(x[(b * t + r - context.min()! + c) * f + k]) * Double(w[transposed ? j * width + column : column * n + j])
                }
              }
              wanted.append(Float(f32(sum)))
            }
          }
        }
        let run = OperatorRun(
          kind: .affine,
          attributes: attributes((0, .ints(context.map { Int64($0) })), (1, .int(Int64(width))), (2, .int(type)), (4, .bool(transposed))))
        let weights = Value.floats(transposed ? [n, width] : [width, n], w)
        let last = Value.floats([1], [0])
        let y = try run([.floats([batch, t, f], x), weights] + (hasBias ? [.floats([n], bias), last] : [last]))
        DetectionTests.expect(y[0], [batch, rows, n], wanted, 3e-6)
      }
    }
  }

  @Test func affineRefusals() {
    let x = Value.floats([1, 3, 2], DetectionTests.sequence(6)), w = Value.floats([4, 1], [1, 2, 3, 4]), last = Value.floats([1], [0])
    func refusal(_ context: [Int64], _ more: (Int, AttributeValue)..., inputs: [Value]? = nil) -> String {
      var a = attributes((0, .ints(context)), (1, .int(4)))
      for (id, v) in more { a[id] = v }
      return OperatorRun(kind: .affine, attributes: a).refusal(inputs ?? [x, w, last])
    }
    #expect(refusal([0, 1]) == "accepted")
    #expect(refusal([]).contains("context is empty"))
    #expect(refusal([0, 4]).contains("must have 4 rows"))
    #expect(refusal([0, 1], (1, .int(5))).contains("output_dim (5)"))
    #expect(refusal([0, 1], (2, .int(4))).contains("activation type 4"))
    #expect(refusal([0, 1], (3, .bool(true))).contains("transpose_a"))
    #expect(refusal([-2_147_483_648, 2_147_483_647]).contains("rows or more"))
    #expect(refusal([0, 1], inputs: [x, w, .floats([2], [1, 2]), last]).contains("must have 1 elements"))
  }

  @Test(arguments: [-1, 0, 1, 2, -3])
  func glu(_ axis: Int) throws {
    let dims = [4, 6, 10], a = axis < 0 ? axis + 3 : axis
    let x = MathHarness.noise(240, range: 6)
    var half = dims
    half[a] /= 2
    let wanted = coordinates(half).map { c -> Float in
      var other = c
      other[a] += half[a]
      return Float(Double(x[position(c, dims)]) / (1 + exp(-Double(x[position(other, dims)]))))
    }
    let run = axis == -1 ? OperatorRun(kind: .glu) : OperatorRun(kind: .glu, attributes: attributes((0, .int(Int64(axis)))))
    DetectionTests.expect(try run([.floats(dims, x)])[0], half, wanted)
  }

  @Test func gluForms() throws {
    let x = MathHarness.noise(2 * 20_000, range: 3)
    let wanted = (0..<20_000).map { Float(Double(x[$0]) / (1 + exp(-Double(x[$0 + 20_000])))) }
    DetectionTests.expect(try OperatorRun(kind: .glu)([.floats([40_000], x)])[0], [20_000], wanted)
    #expect(try OperatorRun(kind: .glu)([.floats([3, 0], [])])[0].dims == [3, 0])
    #expect(OperatorRun(kind: .glu).refusal([.floats([3], [1, 2, 3])]).contains("even number"))
    #expect(OperatorRun(kind: .glu, attributes: attributes((0, .int(1)))).refusal([.floats([2], [1, 2])]).contains("axis 1"))
  }
}
