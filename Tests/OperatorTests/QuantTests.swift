import Graph
import Testing

@testable import Operators

/// int8 and uint8 operators that are no matrix products.
struct QuantTests {
  static var types: [DataType] { [.int8, .uint8] }

  static func param(_ scale: Double, _ zero: Int32) -> QuantParam {
    QuantParam(scale: scale, zeroPoint: zero, bits: 8, varianceCorrection: 1, meanCorrection: 0)
  }

  /// A quantised tensor of a test: its zero point is given for int8; uint8 has the same reals.
  struct Tensor8 {
    var value: Value
    var scale: Double
    var zero: Int32
    var param: QuantParam { QuantTests.param(scale, zero) }

    init(_ type: DataType, _ dims: [Int], _ scale: Double, _ zero: Int32, seed: UInt64 = 1) {
      let n = dims.reduce(1, *)
      var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
      let bytes = (0..<n).map { _ -> UInt8 in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 32)
      }
      self.init(type, dims, scale, zero, bytes: bytes)
    }

    init(_ type: DataType, _ dims: [Int], _ scale: Double, _ zero: Int32, bytes: [UInt8]) {
      value = Value(type, dims, bytes)
      self.scale = scale
      self.zero = zero + (type == .uint8 ? 128 : 0)
    }

    var numbers: [Int] { value.bytes.map { value.type == .int8 ? Int(Int8(bitPattern: $0)) : Int($0) } }
    var reals: [Double] { numbers.map { Double($0 - Int(zero)) * scale } }
    var floats: Value { .floats(value.dims, reals.map { Float($0) }) }
  }

  static func quantised(_ real: Double, _ type: DataType, _ scale: Double, _ zero: Int32) -> Int {
    let bounds = type == .int8 ? -128...127 : 0...255
    let offset = Double(zero) + (type == .uint8 ? 128 : 0)
    let q = (real / scale).rounded(.toNearestOrAwayFromZero) + offset
    if q.isNaN { return Int(offset) }
    return q <= Double(bounds.lowerBound) ? bounds.lowerBound : q >= Double(bounds.upperBound) ? bounds.upperBound : Int(q)
  }

  static func numbers(_ v: Value) -> [Int] { v.bytes.map { v.type == .int8 ? Int(Int8(bitPattern: $0)) : Int($0) } }

  // MARK: recorded results

  private func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.utf8.filter { $0 != 10 }.map { $0 < 58 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  @Test(arguments: QuantGoldens.all.indices) func recorded(index: Int) throws {
    let g = QuantGoldens.all[index]
    var fields = Attributes()
    for (id, value) in g.fields { fields[id] = value }
    var run = OperatorRun(kind: g.kind, attributes: fields)
    var inputs = [Value]()
    for (i, x) in g.inputs.enumerated() {
      inputs.append(Value(g.type, x.dims, bytes(x.hex)))
      run.quantParams[i] = [QuantTests.param(Double(Float(x.scale)), x.zero)]
    }
    if let axes = g.axes { inputs.append(.ints(axes)) }
    run.quantParams[-1] = [QuantTests.param(Double(Float(g.output.scale)), g.output.zero)]
    run.known = []
    if g.axes != nil { run.known = [1] }
    let y = try run(inputs)[0]
    #expect(y.type == g.type)
    #expect(y.dims == g.output.dims)
    let got = QuantTests.numbers(y), wanted = QuantTests.numbers(Value(g.type, g.output.dims, bytes(g.output.hex)))
    if g.kind == .resize && g.type == .uint8 {
      // LiteRT resizes uint8 images in float32, and int8 ones as both are resized here.
      #expect(zip(got, wanted).allSatisfy { abs($0 - $1) <= 1 })
      return
    }
    #expect(got == wanted, "\(g.kind.name) \(g.fields) \(g.type.name)")
  }

  // MARK: operators that compute in float32

  struct Case {
    let kind: OperatorKind
    var fields: [(Int, AttributeValue)] = []
    /// Dimensions, scale, zero point of the quantised inputs.
    let inputs: [([Int], Double, Int32)]
    var others: [Value] = []
    let output: (Double, Int32)
    /// Only the bytes that are not negative after the zero point: for functions that are defined there.
    var positive = false
    var tolerance = 0
  }

  static var cases: [Case] {
    let a = ([2, 3, 4], 0.05, Int32(7)), b = ([3, 1], 0.08, Int32(-20))
    let x = ([2, 4, 3, 5], 0.03, Int32(-4)), c = ([5], 0.02, Int32(-100))
    var all: [Case] = []
    for kind in [OperatorKind.divFusion, .realDiv, .maximum, .minimum, .squaredDifference, .floorDiv, .floorMod, .mod, .addN] {
      all.append(Case(kind: kind, inputs: [a, b], output: (0.11, 3), positive: kind != .maximum && kind != .minimum))
    }
    for kind in [OperatorKind.divFusion] {
      all.append(Case(kind: kind, fields: [(0, .int(3))], inputs: [a, b], output: (0.04, -3), positive: true))
    }
    all.append(Case(kind: .eltwise, fields: [(0, .int(2))], inputs: [a, b], output: (0.11, 3)))
    all.append(Case(kind: .eltwise, fields: [(0, .int(1))], inputs: [a, b], output: (0.11, 3), tolerance: 1))
    all.append(Case(kind: .eltwise, fields: [(0, .int(0))], inputs: [a, b], output: (0.4, 3), tolerance: 1))
    all.append(Case(kind: .biasAdd, inputs: [x, c], output: (0.05, 3), tolerance: 1))
    for kind in [OperatorKind.abs, .neg, .sqrt, .rsqrt, .square, .log, .sin, .cos, .floor, .ceil, .round, .reciprocal, .erf] {
      all.append(Case(kind: kind, inputs: [a], output: (0.05, -30), tolerance: 1))
    }
    all.append(Case(kind: .log1p, inputs: [a], output: (0.05, -30), positive: true))
    all.append(Case(kind: .elu, fields: [(0, .float(0.7))], inputs: [a], output: (0.05, -30), tolerance: 1))
    all.append(Case(kind: .expFusion, fields: [(0, .float(2)), (1, .float(0.5)), (2, .float(1))], inputs: [a], output: (0.05, -30), tolerance: 1))
    for type in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20] {
      all.append(
        Case(
          kind: .activation, fields: [(0, .int(Int64(type))), (1, .float(0.2)), (2, .float(-1)), (3, .float(1.5))], inputs: [a],
          output: (0.04, -20), tolerance: 1))
    }
    all.append(Case(kind: .logicalNot, inputs: [a], output: (0.01, 0)))
    all.append(Case(kind: .clip, fields: [(0, .float(2)), (1, .float(-1))], inputs: [a], output: (0.04, -20)))
    all.append(Case(kind: .powFusion, fields: [(0, .float(1)), (1, .float(0))], inputs: [a], others: [.floats([], [2])], output: (0.1, -20)))
    all.append(Case(kind: .powFusion, inputs: [a, ([2, 3, 4], 0.01, -128)], output: (0.1, -20), positive: true))
    for kind in [OperatorKind.softmax, .logSoftmax] {
      for axis in [0, 1, -1] {
        let axes = kind == .softmax ? AttributeValue.ints([Int64(axis)]) : .int(Int64(axis))
        all.append(Case(kind: kind, fields: [(0, axes)], inputs: [a], output: kind == .softmax ? (1.0 / 256, -128) : (0.1, 120), tolerance: 1))
      }
    }
    for mode in 0...6 {
      all.append(
        Case(
          kind: .reduceFusion, fields: [(0, .bool(mode % 2 == 0)), (1, .int(Int64(mode)))], inputs: [x], others: [.ints([1, -2])],
          output: mode == 3 ? (0.001, 5) : (0.07, 5), tolerance: 1))
      all.append(
        Case(
          kind: .reduceFusion, fields: [(1, .int(Int64(mode)))], inputs: [x], others: [.ints([0, -1])],
          output: mode == 3 ? (0.001, 5) : (0.07, 5), tolerance: 1))
      all.append(
        Case(
          kind: .reduceFusion, fields: [(1, .int(Int64(mode))), (2, .bool(true)), (3, .float(0.5))], inputs: [x],
          others: [.ints([2])], output: mode == 3 ? (0.001, 5) : (0.07, 5), tolerance: 1))
    }
    all.append(Case(kind: .reduceFusion, fields: [(1, .int(8))], inputs: [x], others: [.ints([3])], output: (0.07, 5)))
    all.append(Case(kind: .reduceFusion, fields: [(1, .int(0))], inputs: [x], output: (0.01, 5), tolerance: 1))
    for kind in [OperatorKind.avgPoolFusion, .maxPoolFusion] {
      for round in [0, 1] {
        all.append(
          Case(
            kind: kind, fields: [(0, .ints([2, 3])), (1, .ints([2, 1])), (2, .ints([1, 0, 1, 2])), (4, .int(Int64(round))), (7, .int(1))],
            inputs: [x], output: (0.04, -10), tolerance: 1))
      }
      all.append(Case(kind: kind, fields: [(6, .bool(true))], inputs: [x], output: (0.02, 4), tolerance: 1))
      all.append(Case(kind: kind, fields: [(6, .bool(true))], inputs: [x], output: (0.03, -4), tolerance: 1))
    }
    for mode in [0, 1, 2] {
      all.append(Case(kind: .resize, fields: [(1, .int(0)), (2, .int(7)), (3, .int(2)), (5, .int(Int64(mode)))], inputs: [x], output: (0.03, -4), tolerance: 1))
      all.append(Case(kind: .resize, fields: [(1, .int(0)), (2, .int(7)), (3, .int(2)), (5, .int(Int64(mode)))], inputs: [x], output: (0.05, 4)))
    }
    all.append(Case(kind: .resize, fields: [(1, .int(2)), (2, .int(7)), (3, .int(2)), (5, .int(2)), (6, .float(-0.75))], inputs: [x], output: (0.04, 4)))
    all.append(Case(kind: .resize, fields: [(1, .int(1)), (2, .int(7)), (3, .int(2)), (5, .int(0))], inputs: [x], output: (0.04, 4)))
    all.append(Case(kind: .layerNormFusion, fields: [(0, .int(-1)), (1, .float(1e-5)), (3, .int(-1))], inputs: [x, c, c], output: (0.03, 0)))
    all.append(
      Case(
        kind: .layerNormFusion, fields: [(0, .int(-1)), (1, .float(1e-5)), (3, .int(-1))], inputs: [x],
        others: [.floats([5], [1, 2, 0.5, -1, 1]), .floats([5], [0, 0.1, 0.2, 0.3, 0.4])], output: (0.03, 0)))
    all.append(Case(kind: .l2NormalizeFusion, fields: [(0, .ints([-1])), (1, .float(1e-6))], inputs: [x], output: (1.0 / 128, 0)))
    all.append(Case(kind: .batchNorm, fields: [(0, .float(1e-3))], inputs: [x, c, ([5], 0.02, -128)], output: (0.05, 1), positive: false))
    all.append(
      Case(
        kind: .fusedBatchNorm, fields: [(0, .float(1e-3))], inputs: [x],
        others: [.floats([5], [1, 2, 0.5, -1, 1]), .floats([5], [0, 0.1, 0.2, 0.3, 0.4]), .floats([5], [0, 1, 0, -1, 0]), .floats([5], [1, 2, 1, 0.5, 1])],
        output: (0.06, 1)))
    let v = ([5], 0.02, Int32(-128))
    all.append(Case(kind: .fusedBatchNorm, fields: [(0, .float(1e-2))], inputs: [x, c, c, c, v], output: (0.06, 1), tolerance: 1))
    all.append(Case(kind: .instanceNorm, fields: [(0, .float(1e-5))], inputs: [x, c, c], output: (0.03, 0)))
    all.append(Case(kind: .groupNormFusion, fields: [(0, .int(1)), (1, .float(1e-5))], inputs: [x, c, c], output: (0.03, 0)))
    all.append(Case(kind: .scaleFusion, fields: [(0, .int(3))], inputs: [x, c, c], output: (0.1, 0)))
    all.append(Case(kind: .pReLUFusion, fields: [(0, .bool(false))], inputs: [x, c], output: (0.05, -30)))
    all.append(Case(kind: .lrn, fields: [(0, .int(2)), (1, .float(1)), (2, .float(0.1)), (3, .float(0.75))], inputs: [x], output: (0.03, 0)))
    all.append(Case(kind: .instanceNorm, fields: [(0, .float(1e-5))], inputs: [x], others: [.floats([5], [1, 2, 0.5, -1, 1]), .floats([5], [0, 0.1, 0.2, 0.3, 0.4])], output: (0.03, 0)))
    return all
  }

  /// What the float32 operator gives for the real values of the inputs, whose own tests compare with independent references.
  @Test(arguments: QuantTests.cases.indices) func likeFloat(index: Int) throws {
    let c = QuantTests.cases[index]
    for type in QuantTests.types {
      var run = OperatorRun(kind: c.kind)
      for (id, value) in c.fields { run.attributes[id] = value }
      let float = run
      var bytes = [Value](), reals = [Value]()
      for (i, (dims, scale, zero)) in c.inputs.enumerated() {
        var t = Tensor8(type, dims, scale, zero, seed: UInt64(index * 7 + i + 1))
        if c.positive {
          let offset = Int(zero) + 129
          t = Tensor8(
            type, dims, scale, zero,
            bytes: t.numbers.map {
              // From one above the zero point to the top.
              let q = (($0 % 256 + 256) % 256) % (256 - offset) + offset
              return UInt8(truncatingIfNeeded: q + (type == .int8 ? -128 : 0))
            })
        }
        bytes.append(t.value)
        reals.append(t.floats)
        run.quantParams[i] = [t.param]
      }
      run.quantParams[-1] = [QuantTests.param(c.output.0, c.output.1 + (type == .uint8 ? 128 : 0))]
      let y = try run(bytes + c.others)[0]
      let wanted = try float(reals + c.others)[0]
      #expect(y.type == type)
      #expect(y.dims == wanted.dims)
      let got = QuantTests.numbers(y)
      #expect(got.count == wanted.floats.count)
      // A value next to a half may go either way; the float operators of two instruction sets differ there too.
      for (i, (g, w)) in zip(got, wanted.floats).enumerated() {
        let q = QuantTests.quantised(Double(w), type, c.output.0, c.output.1)
        let step = abs(Double(w) / c.output.0 - (Double(w) / c.output.0).rounded(.down) - 0.5) < 1e-3 ? max(c.tolerance, 1) : c.tolerance
        if abs(g - q) > step {
          Issue.record("\(c.kind.name) \(c.fields) \(type.name) [\(i)] is \(g), not \(q) (\(w))")
          break
        }
      }
      // As constants and in place.
      if c.inputs.count > 1 {
        run.known = []
        run.inPlace = true
        #expect(try QuantTests.numbers(run(bytes + c.others)[0]) == got, "\(c.kind.name) with variables")
      }
    }
  }

  @Test func comparisons() throws {
    let signs: [(OperatorKind, (Double, Double) -> Bool)] = [
      (.equal, { $0 == $1 }), (.notEqual, { $0 != $1 }), (.greater, { $0 > $1 }), (.greaterEqual, { $0 >= $1 }),
      (.less, { $0 < $1 }), (.lessEqual, { $0 <= $1 }),
    ]
    for type in QuantTests.types {
      for (kind, holds) in signs {
        // Scales of powers of two: equal reals are equal.
        let a = Tensor8(type, [6, 40], 0.5, 3, seed: 3), b = Tensor8(type, [40], 0.25, -9, seed: 4)
        let y = try OperatorRun(kind: kind, known: [], quantParams: [0: [a.param], 1: [b.param]])([a.value, b.value])[0]
        #expect(y.type == .bool)
        #expect(y.dims == [6, 40])
        let wanted = (0..<240).map { UInt8(holds(a.reals[$0], b.reals[$0 % 40]) ? 1 : 0) }
        #expect(y.bytes == wanted, "\(kind.name) \(type.name)")
      }
    }
  }

  // MARK: operators that move bytes

  static var movers: [(OperatorKind, [(Int, AttributeValue)], [Int], [Value], Int)] {
    func ints(_ v: Int32...) -> Value { .ints([v.count], v) }
    return [
      (.reshape, [], [2, 3, 4], [ints(4, -1)], 1), (.transpose, [], [2, 3, 4], [ints(2, 0, 1)], 1),
      (.transpose, [], [2, 3, 4], [ints(0, 1, 2)], 1), (.squeeze, [], [2, 1, 4], [], 1),
      (.unsqueeze, [(0, .ints([1]))], [2, 3], [], 1), (.expandDims, [], [2, 3], [.scalar(0)], 1), (.flatten, [(0, .int(1))], [2, 3, 2], [], 1),
      (.split, [(0, .int(2)), (2, .int(1))], [2, 4], [], 2), (.unstack, [(0, .int(1))], [2, 3], [], 3),
      (.sliceFusion, [], [3, 5], [ints(1, 1), ints(-1, 3)], 1), (.stridedSlice, [], [4, 5], [ints(0, 4), ints(4, 0), ints(2, -1)], 1),
      (.tileFusion, [], [2, 3], [ints(2, 2)], 1), (.broadcastTo, [], [2, 1], [ints(2, 4)], 1),
      (.gather, [], [4, 3], [ints(2, 0, -1), .scalar(0)], 1), (.gatherNd, [], [4, 3], [.ints([2, 1], [3, 1])], 1),
      (.depthToSpace, [(0, .int(2))], [1, 2, 2, 8], [], 1), (.spaceToDepth, [(0, .int(2))], [1, 2, 4, 3], [], 1),
      (.spaceToBatch, [(0, .ints([2, 2])), (1, .ints2D([[0, 0], [0, 0]]))], [1, 2, 4, 3], [], 1),
      (.batchToSpace, [(0, .ints([2, 2])), (1, .ints2D([[0, 0], [0, 1]]))], [4, 2, 3, 1], [], 1),
      (.spaceToBatchND, [(0, .ints([2, 2])), (1, .ints2D([[0, 0], [0, 0]]))], [1, 2, 4, 3], [], 1),
      (.batchToSpaceND, [(0, .ints([2, 2])), (1, .ints2D([[0, 0], [0, 1]]))], [4, 2, 3, 1], [], 1),
      (.padFusion, [(2, .float(1.5))], [2, 3], [.ints([2, 2], [1, 0, 0, 2])], 1), (.padFusion, [(1, .int(1))], [2, 3], [.ints([2, 2], [1, 0, 0, 2])], 1),
      (.padFusion, [], [2, 3], [.ints([2, 2], [1, 0, 0, 2])], 1),
      (.reverseV2, [(0, .ints([0]))], [3, 2], [], 1), (.crop, [(0, .int(0)), (1, .ints([1, 1]))], [4, 4], [.ints([2, 3], [0, 0, 0, 0, 0, 0])], 1),
      (.triu, [], [3, 4], [], 1), (.formatTranspose, [(0, .int(1)), (1, .int(0))], [1, 2, 3, 4], [], 1),
      (.topKFusion, [(0, .bool(true)), (1, .int(-1)), (2, .int(1))], [2, 6], [.scalar(3)], 2),
    ]
  }

  /// With other parameters at the output every byte becomes the one for the same real number.
  @Test(arguments: QuantTests.movers.indices) func requantises(index: Int) throws {
    let (kind, fields, dims, others, outputs) = QuantTests.movers[index]
    for type in QuantTests.types {
      let x = Tensor8(type, dims, 0.05, -7, seed: UInt64(index + 1))
      var run = OperatorRun(kind: kind, quantParams: [0: [x.param]])
      for (id, value) in fields { run.attributes[id] = value }
      for k in 0..<outputs { run.quantParams[-1 - k] = [x.param] }
      let same = try run([x.value] + others, outputs: outputs)
      for k in 0..<outputs { run.quantParams[-1 - k] = [QuantTests.param(0.08, 21 + (type == .uint8 ? 128 : 0))] }
      for inPlace in [false, true] {
        run.inPlace = inPlace
        let other = try run([x.value] + others, outputs: outputs)
        for (a, b) in zip(same, other) {
          #expect(a.dims == b.dims)
          if a.type != type {
            #expect(a == b)
            continue
          }
          let wanted = QuantTests.numbers(a).map {
            // Bytes between the ties of both scales are exact in double precision.
            QuantTests.quantised(Double($0 - Int(x.zero)) * (0.05 / 0.08), type, 1, 21)
          }
          #expect(QuantTests.numbers(b) == wanted, "\(kind.name) \(type.name) \(inPlace)")
        }
      }
    }
  }

  /// Operators that gather from several quantised tensors bring them to the output's parameters.
  @Test func joins() throws {
    for type in QuantTests.types {
      let offset: Int32 = type == .uint8 ? 128 : 0
      let a = Tensor8(type, [2, 3], 0.05, -7, seed: 1), b = Tensor8(type, [2, 3], 0.08, 20, seed: 2)
      let result = [QuantTests.param(0.06, 5 + offset)]
      func wanted(_ reals: [Double]) -> [Int] { reals.map { QuantTests.quantised($0, type, 0.06, 5) } }
      let q: [Int: [QuantParam]] = [0: [a.param], 1: [b.param], -1: result]
      let rows = { (r: [Double], i: Int) in Array(r[i * 3..<i * 3 + 3]) }
      let interleaved = rows(a.reals, 0) + rows(b.reals, 0) + rows(a.reals, 1) + rows(b.reals, 1)
      for known: Set<Int> in [[], [1]] {
        let concat = try OperatorRun(kind: .concat, attributes: attributes((0, .int(1))), known: known, quantParams: q)([a.value, b.value])[0]
        #expect(concat.dims == [2, 6])
        #expect(QuantTests.numbers(concat) == wanted(interleaved))
        let stack = try OperatorRun(kind: .stack, attributes: attributes((0, .int(1))), known: known, quantParams: q)([a.value, b.value])[0]
        #expect(stack.dims == [2, 2, 3])
        #expect(QuantTests.numbers(stack) == wanted(interleaved))
      }
      let mask = Value.bools([2, 3], [true, false, true, false, false, true])
      let chosen = zip(a.reals, b.reals).enumerated().map { mask.bytes[$0.offset] != 0 ? $0.element.0 : $0.element.1 }
      for kind in [OperatorKind.where, .select] {
        let y = try OperatorRun(kind: kind, known: [], quantParams: [1: [a.param], 2: [b.param], -1: result])([mask, a.value, b.value])[0]
        #expect(QuantTests.numbers(y) == wanted(chosen), "\(kind.name)")
      }
      // Equal parameters: bytes pass.
      let c = Tensor8(type, [2, 3], 0.05, -7, seed: 3)
      let same = try OperatorRun(kind: .concat, attributes: attributes((0, .int(0))), quantParams: [0: [a.param], 1: [c.param], -1: [a.param]])([a.value, c.value])[0]
      #expect(same.bytes == a.value.bytes + c.value.bytes)
    }
  }

  // MARK: whole numbers

  @Test func int64Values() throws {
    let big = Int64(1) << 40
    let x = Value.longs([4], [3, -big, big + 1, .min])
    func y(_ kind: OperatorKind, _ fields: Attributes = Attributes(), _ others: [Value] = []) throws -> [Int64] {
      let y = try OperatorRun(kind: kind, attributes: fields, inPlace: true)([x] + others)[0]
      #expect(y.type == .int64)
      return y.elements(Int64.self)
    }
    #expect(try y(.neg) == [-3, big, -big - 1, .min])
    #expect(try y(.abs) == [3, big, big + 1, .min])
    #expect(try y(.square) == [9, 0, 1 << 41 | 1, 0])
    #expect(try y(.activation, attributes((0, .int(1)))) == [3, 0, big + 1, 0])
    #expect(try y(.clip, Attributes(), [.longs([], [-big]), .longs([], [big])]) == [3, -big, big, -big])
    #expect(try y(.clip, attributes((0, .float(2)), (1, .float(-1)))) == [2, -1, 2, -1])
    #expect(try OperatorRun(kind: .cumSum)([x, .scalar(0)])[0].elements(Int64.self) == [3, 3 - big, 4, 4 &+ .min])
  }

  @Test func float64Order() throws {
    let x = Value(.float64, [4], [1.0, 1 + 1e-15, -3, 1])
    let best = try OperatorRun(kind: .topKFusion, attributes: attributes((0, .bool(true)), (1, .int(0))))([x, .scalar(2)], outputs: 2)
    #expect(best[0].elements(Double.self) == [1 + 1e-15, 1])
    #expect(best[1].ints == [1, 0])
    #expect(try OperatorRun(kind: .argMaxFusion, attributes: attributes((0, .int(0))))([x])[0].ints == [1])
    #expect(try OperatorRun(kind: .argMinFusion, attributes: attributes((0, .int(0))))([x])[0].ints == [2])
  }

  // MARK: edges

  @Test func emptyAndScalar() throws {
    for type in QuantTests.types {
      let p = QuantTests.param(0.1, 3), q: [Int: [QuantParam]] = [0: [p], 1: [p], -1: [p]]
      for kind in [OperatorKind.addFusion, .mulFusion, .maximum] {
        #expect(try OperatorRun(kind: kind, known: [], quantParams: q)([Value(type, [0, 2], [UInt8]()), Value(type, [2], [UInt8(1), 2])])[0].dims == [0, 2])
        #expect(try OperatorRun(kind: kind, known: [], quantParams: q)([Value(type, [], [UInt8(9)]), Value(type, [], [UInt8(1)])])[0].dims == [])
      }
      #expect(try OperatorRun(kind: .activation, attributes: attributes((0, .int(1))), quantParams: q)([Value(type, [0], [UInt8]())])[0].bytes == [])
      #expect(try OperatorRun(kind: .softmax, attributes: attributes((0, .ints([0]))), quantParams: q)([Value(type, [0, 3], [UInt8]())])[0].bytes == [])
      #expect(try OperatorRun(kind: .sqrt, quantParams: q)([Value(type, [0], [UInt8]())])[0].bytes == [])
      #expect(try OperatorRun(kind: .log1p, quantParams: q)([Value(type, [0], [UInt8]())])[0].bytes == [])
    }
  }

  @Test func refusals() {
    let x = Value(.int8, [2, 2], [Int8(1), 2, 3, 4])
    let p = QuantTests.param(0.1, 0)
    func text(_ kind: OperatorKind, _ q: [Int: [QuantParam]], _ inputs: [Value], _ fields: Attributes = Attributes()) -> String {
      OperatorRun(kind: kind, attributes: fields, known: [], quantParams: q).refusal(inputs)
    }
    #expect(text(.abs, [-1: [p]], [x]) == "input 0 (\"in0\" int8 [2, 2]) has 0 quantization parameters; one for the whole tensor is needed")
    #expect(text(.abs, [0: [p]], [x]).contains("output 0 (\"out0\" int8 []) has 0 quantization parameters"))
    #expect(text(.addFusion, [0: [p], 1: [p, p], -1: [p]], [x, x]).contains("input 1 (\"in1\" int8 [2, 2]) has 2 quantization parameters"))
    #expect(text(.mulFusion, [0: [p], 1: [p], -1: [QuantTests.param(0, 0)]], [x, x]).contains("out of range: a positive scale"))
    #expect(text(.mulFusion, [0: [p], 1: [p], -1: [QuantTests.param(.nan, 0)]], [x, x]).contains("out of range"))
    #expect(text(.softmax, [0: [QuantTests.param(0.1, 128)], -1: [p]], [x], attributes((0, .ints([0])))).contains("a zero point (here 128) inside the range of int8"))
    #expect(text(.divFusion, [0: [p], 1: [p], -1: [p]], [x, .floats([2], [1, 2])]) == "accepted")
    #expect(text(.addFusion, [0: [p], -1: [p]], [x, .floats([2], [1, 2])]).contains("input 1 (\"in1\" float32 [2]) must be int8 or uint8"))
    #expect(text(.addFusion, [0: [p], 1: [p], -1: [p]], [x, x], attributes((0, .int(2)))).contains("fused activation type 2"))
    #expect(text(.eltwise, [0: [p], 1: [p], -1: [p]], [x, x], attributes((0, .int(3)))).contains("mode 3"))
    #expect(text(.addFusion, [0: [p], 1: [p], -1: [p]], [x, Value(.int8, [3], [Int8(1), 2, 3])]).contains("do not broadcast"))
  }

  /// Factors far outside what 31 bits hold neither trap nor overflow.
  @Test func extremeScales() throws {
    let x = Tensor8(.int8, [2, 3, 2, 2], 1, 0).value
    for (a, y) in [(1e-30, 1e30), (1e30, 1e-30), (1e300, 1e-300), (3e38, 1e-38), (1e-300, 1e-300)] {
      let q: [Int: [QuantParam]] = [0: [QuantTests.param(a, 127)], 1: [QuantTests.param(y, -128)], -1: [QuantTests.param(y, -128)]]
      for kind in [OperatorKind.addFusion, .mulFusion, .subFusion, .maximum] { _ = try OperatorRun(kind: kind, quantParams: q)([x, x]) }
      for type in [1, 2, 3, 5, 10, 12] as [Int64] {
        _ = try OperatorRun(kind: .activation, attributes: attributes((0, .int(type)), (1, .float(1e30))), quantParams: q)([x])
      }
      _ = try OperatorRun(kind: .softmax, attributes: attributes((0, .ints([3]))), quantParams: q)([x])
      _ = try OperatorRun(kind: .reduceFusion, quantParams: [0: q[0]!, -1: q[-1]!])([x, .ints([1])])
      _ = try OperatorRun(kind: .avgPoolFusion, attributes: attributes((6, .bool(true))), quantParams: q)([x])
      _ = try OperatorRun(kind: .reshape, quantParams: [0: q[0]!, -1: q[-1]!])([x, .ints([24])])
    }
  }
}
