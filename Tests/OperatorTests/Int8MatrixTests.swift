import Foundation
import Graph
import Testing

@testable import Operators

/// Quantised matrix operators, compared with integer arithmetic that is written here a second time, one output after another.

/// Numbers of a tensor as they are stored, with the parameters that say what they stand for.
private struct Quantised {
  var type: DataType
  var dims: [Int]
  /// Stored values: -128...127, or 0...255 for uint8.
  var values: [Int]
  var params: [QuantParam]

  var value: Value { Value(type, dims, values.map { UInt8(truncatingIfNeeded: $0) }) }
  /// The value of element i less its zero point; `channel` chooses among several parameters.
  func offset(_ i: Int, _ channel: Int = 0) -> Int { values[i] - Int(parameter(channel).zeroPoint) }
  func parameter(_ channel: Int) -> QuantParam { params[params.count == 1 ? 0 : channel] }
}

private func parameter(_ scale: Double, _ zero: Int) -> QuantParam {
  QuantParam(scale: scale, zeroPoint: Int32(zero), bits: 8, varianceCorrection: 1, meanCorrection: 0)
}

private struct Numbers {
  private var state: UInt64
  init(_ seed: Int) { state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 &+ 7 }
  mutating func next(_ range: ClosedRange<Int>) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return range.lowerBound + Int(state >> 33) % range.count
  }

  /// A tensor with `channels` parameters, all of the type's values among its numbers.
  mutating func tensor(_ type: DataType, _ dims: [Int], scale: Double, zero: Int, channels: Int = 1) -> Quantised {
    let low = type == .uint8 ? 0 : -128
    let count = dims.reduce(1, *)
    var values = (0..<count).map { _ in next(low...low + 255) }
    if count > 2 { (values[0], values[1]) = (low, low + 255) }
    let shift = type == .uint8 ? 128 : 0
    let params = (0..<channels).map { parameter(scale * (1 + 0.1 * Double($0)), channels == 1 ? zero + shift : shift + $0 % 3 * zero / 3) }
    return Quantised(type: type, dims: dims, values: values, params: params)
  }
}

/// The sum times a real factor, in fixed point with 31 bits, rounded twice as gemmlowp does.
private func scaled(_ sum: Int, _ factor: Double, upward: Bool = false) -> Int {
  let exponent = factor == 0 ? 0 : Int(floor(log2(factor))) + 1
  var fraction = Int((factor * pow(2, Double(31 - exponent))).rounded(.toNearestOrAwayFromZero))
  var shift = exponent
  if fraction == 1 << 31 { (fraction, shift) = (1 << 30, exponent + 1) }
  let product = (sum << max(shift, 0)) * fraction
  let high = product >= 0 ? (product + (1 << 30)) >> 31 : -((-product + (1 << 30) - 1) >> 31)
  if shift >= 0 { return high }
  let divisor = Double(1 << -shift)
  if upward { return Int(floor(Double(high) / divisor + 0.5)) }
  return Int((Double(high) / divisor).rounded(.toNearestOrAwayFromZero))
}

/// What a result's numbers may be after an activation.
private func bounds(_ type: DataType, _ p: QuantParam, _ activation: Int) -> ClosedRange<Int> {
  let full = type == .uint8 ? 0...255 : -128...127
  let zero = Int(p.zeroPoint)
  if activation == 1 { return max(full.lowerBound, zero)...full.upperBound }
  if activation == 3 {
    return max(full.lowerBound, zero)...min(full.upperBound, zero + Int((6 / p.scale).rounded(.toNearestOrAwayFromZero)))
  }
  return full
}

/// Bias kinds: none, int32 in units of the sums, float32.
private enum Bias: CaseIterable { case none, integers, floats }

/// The parts that all the operators' references share: from sums to results.
private struct Finish {
  var x: Quantised, weights: Quantised
  /// Parameters of the result; nil for float32.
  var y: QuantParam?
  var yType = DataType.int8
  var bias = Bias.none
  var activation = 0
  var upward = false
  let biasValues: [Int]

  init(_ x: Quantised, _ weights: Quantised, channels: Int, y: QuantParam?, bias: Bias, activation: Int, upward: Bool = false) {
    (self.x, self.weights, self.y, self.bias, self.activation, self.upward) = (x, weights, y, bias, activation, upward)
    yType = x.type
    var numbers = Numbers(channels)
    biasValues = (0..<channels).map { _ in numbers.next(-3000...3000) }
  }

  private func unit(_ channel: Int) -> Double { x.params[0].scale * weights.parameter(channel).scale }

  func integer(_ sum: Int, _ channel: Int) -> Int {
    let p = y!
    let total = bias == .none ? sum : sum + biasValues[channel]
    let q = scaled(total, unit(channel) / p.scale, upward: upward) + Int(p.zeroPoint)
    let range = bounds(yType, p, activation)
    return min(max(q, range.lowerBound), range.upperBound)
  }

  func real(_ sum: Int, _ channel: Int) -> Double {
    var r = Double(sum) * unit(channel)
    if bias != .none { r += Double(biasValues[channel]) * unit(channel) }
    return activation == 1 ? max(r, 0) : activation == 3 ? min(max(r, 0), 6) : r
  }

  var biasValue: Value? {
    switch bias {
    case .none: return nil
    case .integers: return Value(.int32, [biasValues.count], biasValues.map { Int32($0) })
    case .floats: return .floats([biasValues.count], biasValues.enumerated().map { Float(Double($1) * unit($0)) })
    }
  }

  /// Runs the operator and compares it with the sums: (sum, channel) of every output.
  func expect(
    _ run: OperatorRun, inputs: [Value], dims: [Int], _ sums: [(Int, Int)], _ label: String,
    location: SourceLocation = #_sourceLocation
  ) throws {
    var run = run
    var parameters = x.params
    if upward { parameters[0].roundType = 2 }
    run.quantParams = [0: parameters, 1: weights.params]
    if let y { run.quantParams[-1] = [y] }
    let result = try run(inputs + (biasValue.map { [$0] } ?? []))[0]
    #expect(result.dims == dims, "\(label)", sourceLocation: location)
    if y != nil {
      #expect(result.type == yType, "\(label)", sourceLocation: location)
      #expect(result.bytes == sums.map { UInt8(truncatingIfNeeded: integer($0, $1)) }, "\(label)", sourceLocation: location)
    } else {
      let expected = sums.map { real($0, $1) }
      #expect(relativeDifference(result.floats, expected) < 2e-6, "\(label)", sourceLocation: location)
    }
  }
}

private struct Convolution {
  var x: [Int], o: Int, kernel = (1, 1), stride = 1, dilation = 1, group = 1
  var padMode = 0, pads = [0, 0, 0, 0]
  var xType = DataType.int8, wType = DataType.int8
  var xZero = 0, wZero = 0, perChannel = true
  var activation = 0, bias = Bias.integers, float = false, upward = false

  func check(location: SourceLocation = #_sourceLocation) throws {
    var numbers = Numbers(x[1] * 100 + o)
    let input = numbers.tensor(xType, x, scale: 0.02, zero: xZero)
    let weights = numbers.tensor(
      wType, [o, kernel.0, kernel.1, x[3] / group], scale: 0.005, zero: wZero, channels: perChannel ? o : 1)
    let reach = ((kernel.0 - 1) * dilation + 1, (kernel.1 - 1) * dilation + 1)
    func axis(_ size: Int, _ k: Int, _ before: Int, _ after: Int) -> (Int, Int) {
      if padMode == 1 {
        let out = (size + stride - 1) / stride
        return (out, max((out - 1) * stride + k - size, 0) / 2)
      }
      return ((size + before + after - k) / stride + 1, before)
    }
    let (h, top) = axis(x[1], reach.0, pads[0], pads[1]), (w, left) = axis(x[2], reach.1, pads[2], pads[3])
    let zero = xType == .uint8 ? 100 : -28
    let finish = Finish(
      input, weights, channels: o, y: float ? nil : parameter(0.11, zero), bias: bias, activation: activation, upward: upward)
    var sums = [(Int, Int)]()
    let inGroup = x[3] / group
    for c in coordinates([x[0], h, w, o]) {
      var sum = 0
      for t in coordinates([kernel.0, kernel.1, inGroup]) {
        let ih = c[1] * stride - top + t[0] * dilation, iw = c[2] * stride - left + t[1] * dilation
        if ih < 0 || ih >= x[1] || iw < 0 || iw >= x[2] { continue }
        let channel = c[3] / (o / group) * inGroup + t[2]
        sum += input.offset(position([c[0], ih, iw, channel], x)) * weights.offset(position([c[3]] + t, weights.dims), c[3])
      }
      sums.append((sum, c[3]))
    }
    let run = OperatorRun(
      kind: .conv2DFusion,
      attributes: attributes(
        (1, .ints([Int64(kernel.0), Int64(kernel.1)])), (2, .ints([Int64(stride), Int64(stride)])),
        (3, .ints([Int64(dilation), Int64(dilation)])), (4, .int(Int64(padMode))), (5, .ints(pads.map { Int64($0) })),
        (7, .int(Int64(group))), (10, .int(Int64(activation)))))
    try finish.expect(run, inputs: [input.value, weights.value], dims: [x[0], h, w, o], sums, "\(self)", location: location)
  }
}

@Suite struct Int8ConvolutionTests {
  @Test func pointwise() throws {
    for (channels, o) in [(1, 1), (3, 5), (4, 33), (17, 16), (70, 40)] {
      try Convolution(x: [2, 3, 5, channels], o: o, xZero: 9).check()
    }
  }

  @Test func kernelsStridesAndPadding() throws {
    for kernel in [(3, 3), (1, 5), (2, 3)] {
      for (stride, dilation) in [(1, 1), (2, 1), (1, 2)] {
        try Convolution(x: [1, 9, 10, 3], o: 7, kernel: kernel, stride: stride, dilation: dilation, padMode: 1, xZero: -60).check()
        try Convolution(
          x: [1, 9, 10, 5], o: 4, kernel: kernel, stride: stride, dilation: dilation, pads: [1, 2, 2, 0], xZero: 127).check()
      }
    }
  }

  @Test func depthwise() throws {
    for channels in [2, 7, 16, 33, 100] {
      for (kernel, stride) in [(3, 1), (3, 2), (5, 1)] {
        for perChannel in [true, false] {
          try Convolution(
            x: [2, 8, 7, channels], o: channels, kernel: (kernel, kernel), stride: stride, group: channels, padMode: 1, xZero: 20,
            wZero: perChannel ? 0 : -30, perChannel: perChannel, activation: 3).check()
        }
      }
    }
  }

  @Test func groups() throws {
    try Convolution(x: [1, 5, 6, 6], o: 4, kernel: (3, 3), group: 2, pads: [1, 1, 1, 1], xZero: 3).check()
    // A depthwise convolution with two outputs per channel.
    try Convolution(x: [1, 5, 6, 3], o: 6, kernel: (3, 3), group: 3, pads: [1, 1, 1, 1], xZero: 3).check()
  }

  @Test func typesBiasesAndActivations() throws {
    for xType in [DataType.int8, .uint8] {
      for wType in [DataType.int8, .uint8] {
        for bias in Bias.allCases {
          for activation in [0, 1, 3] {
            for group in [1, 6] {
              try Convolution(
                x: [1, 4, 5, 6], o: 6, kernel: (3, 3), group: group, padMode: 1, xType: xType, wType: wType, xZero: -11, wZero: 17,
                perChannel: bias == .none, activation: activation, bias: bias
              ).check()
              try Convolution(
                x: [1, 4, 5, 6], o: 6, kernel: (3, 3), group: group, padMode: 1, xType: xType, wType: wType, xZero: -11, wZero: 17,
                activation: activation, bias: bias, float: true
              ).check()
            }
          }
        }
      }
    }
  }

  @Test func roundingUpwards() throws {
    for group in [1, 12] { try Convolution(x: [1, 6, 6, 12], o: 12, group: group, xZero: 1, upward: true).check() }
  }

  @Test func enoughWorkForSeveralThreads() throws {
    try Convolution(x: [1, 40, 40, 24], o: 50, kernel: (3, 3), padMode: 1, xZero: 4).check()
    try Convolution(x: [1, 4, 3, 700], o: 900, xZero: 4).check()
  }

  @Test func emptyImage() throws {
    let run = OperatorRun(kind: .conv2DFusion, quantParams: [0: [parameter(1, 0)], 1: [parameter(1, 0)], -1: [parameter(1, 0)]])
    let y = try run([Value(.int8, [0, 4, 4, 2], [Int8]()), Value(.int8, [3, 1, 1, 2], [Int8](repeating: 1, count: 6))])[0]
    #expect(y.dims == [0, 4, 4, 3])
  }

  @Test func refusals() {
    let x = Value(.int8, [1, 2, 2, 2], [Int8](repeating: 1, count: 8)), w = Value(.int8, [3, 1, 1, 2], [Int8](repeating: 1, count: 6))
    let one = [parameter(0.5, 0)]
    func refusal(_ q: [Int: [QuantParam]], _ inputs: [Value], known: Set<Int>? = nil) -> String {
      OperatorRun(kind: .conv2DFusion, known: known, quantParams: q).refusal(inputs)
    }
    #expect(refusal([0: one, -1: one], [x, w]).contains("has 0 quantization parameters; 1 or 3 are needed"))
    #expect(refusal([1: one, -1: one], [x, w]).contains("has 0 quantization parameters"))
    #expect(refusal([0: one, 1: one + one, -1: one], [x, w]).contains("has 2 quantization parameters; 1 or 3"))
    #expect(refusal([0: one, 1: [parameter(0, 0)], -1: one], [x, w]).contains("out of range"))
    #expect(refusal([0: one, 1: [parameter(1, 200)], -1: one], [x, w]).contains("out of range"))
    #expect(refusal([0: one, 1: one, -1: one], [x, w], known: []).contains("must be constant"))
    #expect(refusal([0: one, 1: one, -1: one], [x, .floats([3, 1, 1, 2], [1, 2, 3, 4, 5, 6])]).contains("must be int8 or uint8"))
    #expect(
      refusal([0: one, 1: one, -1: one], [x, w, Value(.int64, [3], [1, 2, 3] as [Int64])]).contains("must be an int32 or float32"))
    #expect(refusal([0: one, 1: one, -1: one], [x, w, Value.ints([1, 2])]).contains("must have 3 elements"))
    // Float images with int8 weights are for the loader to prepare.
    #expect(refusal([1: one], [.floats([1, 2, 2, 2], [Float](repeating: 1, count: 8)), w]).contains("int8"))
  }
}

@Suite struct Int8TransposedConvolutionTests {
  private func check(
    _ x: [Int], o: Int, kernel: Int, stride: Int, group: Int = 1, padMode: Int = 0, pad: Int = 0, xType: DataType = .int8,
    wType: DataType = .int8, wZero: Int = 0, perChannel: Bool = true, bias: Bias = .integers, activation: Int = 0,
    float: Bool = false, location: SourceLocation = #_sourceLocation
  ) throws {
    var numbers = Numbers(x[1] + o)
    let input = numbers.tensor(xType, x, scale: 0.03, zero: -14)
    let outGroup = o / group, inGroup = x[3] / group
    let weights = numbers.tensor(
      wType, [x[3], kernel, kernel, outGroup], scale: 0.004, zero: wZero, channels: perChannel ? o : 1)
    func axis(_ size: Int) -> (Int, Int) {
      switch padMode {
      case 1: return (size * stride, ((size - 1) * stride + kernel - size * stride) / 2)
      case 2: return ((size - 1) * stride + kernel, 0)
      default: return ((size - 1) * stride + kernel - 2 * pad, pad)
      }
    }
    let (h, top) = axis(x[1]), (w, left) = axis(x[2])
    var sums = [Int](repeating: 0, count: x[0] * h * w * o)
    for c in coordinates(x) {
      let g = c[3] / inGroup
      for t in coordinates([kernel, kernel, outGroup]) {
        let oh = c[1] * stride - top + t[0], ow = c[2] * stride - left + t[1]
        if oh < 0 || oh >= h || ow < 0 || ow >= w { continue }
        let channel = g * outGroup + t[2]
        sums[position([c[0], oh, ow, channel], [x[0], h, w, o])] +=
          input.offset(position(c, x)) * weights.offset(position([c[3]] + t, weights.dims), channel)
      }
    }
    let finish = Finish(
      input, weights, channels: o, y: float ? nil : parameter(0.2, xType == .uint8 ? 90 : -20), bias: bias, activation: activation)
    let run = OperatorRun(
      kind: .conv2dTransposeFusion,
      attributes: attributes(
        (1, .ints([Int64(kernel), Int64(kernel)])), (2, .ints([Int64(stride), Int64(stride)])), (4, .int(Int64(padMode))),
        (6, .ints([Int64](repeating: Int64(pad), count: 4))), (8, .int(Int64(group))), (11, .int(Int64(activation)))))
    try finish.expect(
      run, inputs: [input.value, weights.value], dims: [x[0], h, w, o], sums.enumerated().map { ($1, $0 % o) },
      "\(x) \(o) \(kernel) \(stride)", location: location)
  }

  @Test func kernelsAndStrides() throws {
    for (kernel, stride) in [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (2, 3)] {
      for (channels, o) in [(1, 1), (5, 3), (20, 18)] { try check([2, 4, 3, channels], o: o, kernel: kernel, stride: stride) }
    }
  }

  @Test func paddingGroupsTypesAndOutputs() throws {
    for padMode in 0...2 {
      try check([1, 5, 4, 6], o: 4, kernel: 3, stride: 2, group: 2, padMode: padMode, pad: padMode == 0 ? 1 : 0)
    }
    for xType in [DataType.int8, .uint8] {
      for wType in [DataType.int8, .uint8] {
        for bias in Bias.allCases {
          try check(
            [1, 3, 4, 7], o: 9, kernel: 3, stride: 2, xType: xType, wType: wType, wZero: 21, perChannel: false, bias: bias,
            activation: 1)
          try check([1, 3, 4, 7], o: 9, kernel: 3, stride: 2, xType: xType, wType: wType, wZero: 21, bias: bias, float: true)
        }
      }
    }
  }
}

@Suite struct Int8ProductTests {
  private func checkFull(
    _ x: [Int], k: Int, o: Int, axis: Int?, xType: DataType = .int8, wType: DataType = .int8, wZero: Int = 0,
    bias: Bias = .integers, activation: Int = 0, float: Bool = false, location: SourceLocation = #_sourceLocation
  ) throws {
    var numbers = Numbers(k + o)
    let input = numbers.tensor(xType, x, scale: 0.02, zero: 31)
    let weights = numbers.tensor(wType, [o, k], scale: 0.003, zero: wZero, channels: wZero == 0 ? o : 1)
    let rows = input.values.count / k
    var sums = [(Int, Int)]()
    for c in coordinates([rows, o]) {
      sums.append(((0..<k).reduce(0) { $0 + input.offset(c[0] * k + $1) * weights.offset(c[1] * k + $1, c[1]) }, c[1]))
    }
    let finish = Finish(
      input, weights, channels: o, y: float ? nil : parameter(0.3, xType == .uint8 ? 140 : 12), bias: bias, activation: activation)
    var a = attributes((3, .int(Int64(activation))))
    if let axis { (a[1], a[2]) = (.bool(true), .int(Int64(axis))) }
    try finish.expect(
      OperatorRun(kind: .fullConnection, attributes: a), inputs: [input.value, weights.value],
      dims: (axis.map { Array(x[0..<$0]) } ?? [rows]) + [o], sums, "\(x) \(k) \(o)", location: location)
  }

  @Test func fullConnection() throws {
    for (rows, k, o) in [(1, 1, 1), (3, 5, 2), (13, 64, 33), (1, 200, 70), (30, 3, 4)] {
      try checkFull([rows, k], k: k, o: o, axis: nil)
      try checkFull([rows, k], k: k, o: o, axis: 1)
    }
    try checkFull([2, 3, 4], k: 12, o: 5, axis: 1)
    try checkFull([2, 3, 4], k: 4, o: 5, axis: nil)
    for xType in [DataType.int8, .uint8] {
      for wType in [DataType.int8, .uint8] {
        for bias in Bias.allCases {
          for float in [false, true] {
            for wZero in [0, -50] {
              try checkFull(
                [4, 21], k: 21, o: 19, axis: nil, xType: xType, wType: wType, wZero: wZero, bias: bias, activation: 3, float: float)
            }
          }
        }
      }
    }
  }

  private func checkMatMul(
    _ a: [Int], _ b: [Int], transposeA: Bool = false, transposeB: Bool = false, constant: Bool = true, aType: DataType = .int8,
    bType: DataType = .int8, bZero: Int = 0, bias: Bias = .none, float: Bool = false, location: SourceLocation = #_sourceLocation
  ) throws {
    let r = max(a.count, b.count)
    let m = a[a.count - (transposeA ? 1 : 2)], k = a[a.count - (transposeA ? 2 : 1)], n = b[b.count - (transposeB ? 2 : 1)]
    var numbers = Numbers(m + n * 3)
    let left = numbers.tensor(aType, a, scale: 0.02, zero: -17)
    let right = numbers.tensor(bType, b, scale: 0.003, zero: bZero, channels: bZero == 0 && constant ? n : 1)
    let leadA = [Int](repeating: 1, count: r - a.count) + a.dropLast(2)
    let leadB = [Int](repeating: 1, count: r - b.count) + b.dropLast(2)
    let lead = zip(leadA, leadB).map { max($0, $1) }
    var sums = [(Int, Int)]()
    for c in coordinates(lead + [m, n]) {
      let ia = position(zip(c, leadA).map { $0 % $1 }, leadA) * m * k, ib = position(zip(c, leadB).map { $0 % $1 }, leadB) * k * n
      let (row, column) = (c[r - 2], c[r - 1])
      var sum = 0
      for i in 0..<k {
        let x = left.offset(ia + (transposeA ? i * m + row : row * k + i))
        sum += x * right.offset(ib + (transposeB ? column * k + i : i * n + column), column)
      }
      sums.append((sum, column))
    }
    let finish = Finish(
      left, right, channels: n, y: float ? nil : parameter(0.3, aType == .uint8 ? 140 : 12), bias: bias, activation: 0)
    let run = OperatorRun(
      kind: .matMulFusion, attributes: attributes((0, .bool(transposeA)), (1, .bool(transposeB))), known: constant ? nil : [2])
    try finish.expect(
      run, inputs: [left.value, right.value], dims: lead + [m, n], sums, "\(a) \(b) \(transposeA) \(transposeB)", location: location)
  }

  @Test func matMul() throws {
    for constant in [true, false] {
      for (m, k, n) in [(1, 1, 1), (3, 7, 5), (12, 64, 33), (5, 3, 2)] {
        for (ta, tb) in [(false, false), (true, false), (false, true), (true, true)] {
          try checkMatMul(ta ? [k, m] : [m, k], tb ? [n, k] : [k, n], transposeA: ta, transposeB: tb, constant: constant)
        }
      }
      try checkMatMul([2, 3, 4, 5], [2, 3, 5, 6], constant: constant, bZero: 40)
      try checkMatMul([2, 3, 4, 5], [5, 6], constant: constant, bias: .integers)
      try checkMatMul([4, 5], [3, 5, 6], constant: constant, float: true)
      try checkMatMul([2, 1, 4, 5], [1, 3, 5, 6], transposeB: false, constant: constant, bias: .floats, float: true)
      for aType in [DataType.int8, .uint8] {
        for bType in [DataType.int8, .uint8] {
          for bias in Bias.allCases {
            for float in [false, true] {
              try checkMatMul(
                [6, 20], [20, 18], constant: constant, aType: aType, bType: bType, bZero: -33, bias: bias, float: float)
            }
          }
        }
      }
    }
  }

  /// Numbers worked out by hand: scale (3 - -1) / 255, zero -64; the product's error is that of the rounding alone.
  @Test func dynamicQuantisation() throws {
    let x: [Float] = [-1, 3, 0.5, 0, 2, 1]
    let q = try OperatorRun(kind: .dynamicQuant)([.floats([2, 3], x)])[0]
    #expect(q.type == .int8 && q.dims == [2, 3])
    #expect(q.elements(Int8.self) == [-128, 127, -32, -64, 64, 0].map { Int8($0) })
    // Symmetric: scale 6 / 254.
    let s = try OperatorRun(kind: .dynamicQuant, attributes: attributes((0, .bool(true))))([.floats([2, 3], x)])[0]
    #expect(s.elements(Int8.self) == [-42, 127, 21, 0, 85, 42])
    // Zeros only, no values, and values that are not finite.
    #expect(try OperatorRun(kind: .dynamicQuant)([.floats([2], [0, 0])])[0].elements(Int8.self) == [-128, -128])
    #expect(try OperatorRun(kind: .dynamicQuant)([.floats([0, 2], [])])[0].dims == [0, 2])
    let odd = try OperatorRun(kind: .dynamicQuant)([.floats([4], [.infinity, -.infinity, 0, 255])])[0]
    #expect(odd.elements(Int8.self) == [127, -128, -128, 127])
    // A range per row.
    let rows = try OperatorRun(kind: .dynamicQuant, attributes: attributes((5, .ints([0]))))([.floats([2, 2], [0, 255, 0, 1])])[0]
    #expect(rows.elements(Int8.self) == [-128, 127, -128, 127])
    let columns = try OperatorRun(kind: .dynamicQuant, attributes: attributes((5, .ints([-1]))))([.floats([2, 2], [0, 255, 1, 0])])[0]
    #expect(columns.elements(Int8.self) == [-128, 127, 127, -128])
    #expect(OperatorRun(kind: .dynamicQuant, attributes: attributes((1, .int(37))))
      .refusal([.floats([1], [1])]).contains("data type 37"))
    #expect(OperatorRun(kind: .dynamicQuant, attributes: attributes((5, .ints([2])))).refusal([.floats([1], [1])]).contains("axis 2"))
  }
}

@Suite struct AdderTests {
  @Test func sumsOfDifferences() throws {
    for (kernel, stride, pad, o, channels) in [(1, 1, 0, 3, 5), (3, 1, 1, 4, 2), (3, 2, 0, 2, 19)] {
      for activation in [0, 1] {
        let dims = [2, 6, 5, channels], w = [o, kernel, kernel, channels]
        let x = (0..<dims.reduce(1, *)).map { Float(($0 * 37) % 41) / 8 - 2.5 }
        let weights = (0..<w.reduce(1, *)).map { Float(($0 * 23) % 29) / 8 - 1.5 }
        let bias = (0..<o).map { Float($0) * 30 + 20 }
        let h = (6 + 2 * pad - kernel) / stride + 1, width = (5 + 2 * pad - kernel) / stride + 1
        var expected = [Double]()
        for c in coordinates([2, h, width, o]) {
          var sum = Double(bias[c[3]])
          for t in coordinates([kernel, kernel, channels]) {
            let ih = c[1] * stride - pad + t[0], iw = c[2] * stride - pad + t[1]
            let inside = ih >= 0 && ih < 6 && iw >= 0 && iw < 5
            let value = inside ? Double(x[position([c[0], ih, iw, t[2]], dims)]) : 0
            sum -= abs(value - Double(weights[position([c[3]] + t, w)]))
          }
          expected.append(activation == 1 ? max(sum, 0) : sum)
        }
        let run = OperatorRun(
          kind: .adderFusion,
          attributes: attributes(
            (2, .ints([Int64(stride), Int64(stride)])), (5, .ints([Int64](repeating: Int64(pad), count: 4))), (6, .int(1)),
            (9, .int(Int64(activation)))))
        let y = try run([.floats(dims, x), .floats(w, weights), .floats([o], bias)])[0]
        #expect(y.dims == [2, h, width, o])
        #expect(relativeDifference(y.floats, expected) < 1e-6)
      }
    }
  }

  @Test func refusals() {
    let run = OperatorRun(kind: .adderFusion, attributes: attributes((6, .int(2))))
    #expect(run.refusal([.floats([1, 1, 1, 4], [1, 2, 3, 4]), .floats([2, 1, 1, 2], [1, 2, 3, 4])]).contains("group 2"))
  }
}
