import Foundation
import Graph
import Testing

@testable import Operators

/// Built-in types of Custom nodes, and single operators that few models have. FakeQuant's numbers were recorded from TensorFlow
/// 2.21, LpNormalization's from ONNX Runtime 1.32, on the same inputs.
struct CustomTests {
  private func custom(_ type: String, known: Set<Int>? = nil, _ attributes: [[UInt8]] = []) -> OperatorRun {
    var a = Attributes()
    a[0] = .string(type)
    if !attributes.isEmpty { a[1] = .named(attributes.map { ("", $0) }) }
    return OperatorRun(kind: .custom, attributes: a, known: known)
  }

  @Test func shapeFusion() throws {
    let x = Value.floats([2, 3, 5], DetectionTests.sequence(30))
    let rows = Value.floats([3, 4], [1, 0, 0, 0, 0, 2, 1, -1, 0.5, 0.5, 0.5, 0.9]), scalar = Value.floats([4], [0, 0, 3, -20])
    let y = try custom("ShapeFusion")([x, rows, scalar], outputs: 2)
    // Every product is cut: 0.5 * 3 counts 1, 0.5 * 5 counts 2, 0.9 nothing.
    #expect(y[0] == .ints([2, 10, 4]) && y[1] == .scalar(-5))
    #expect(try custom("ShapeFusion")([x, .floats([1, 4], [.nan, 1e30, 0, 0])])[0].ints == [Int32.max])
    #expect(custom("ShapeFusion").refusal([x, .floats([3], [1, 2, 3])]).contains("must have 4 columns"))
    #expect(custom("ShapeFusion").refusal([x, rows], outputs: 2).contains("2 outputs"))
    // Only a known matrix makes the result known ahead of the run.
    for (known, wanted) in [(true, true), (false, false)] {
      let node = Node(
        name: "n", kind: .custom, attributes: attributes((0, .string("ShapeFusion"))),
        inputs: [MathHarness.floats([1], [1]), MathHarness.floats([1, 1], [2], constant: known)], outputs: [Tensor(name: "y", type: .unknown, shape: Shape())])
      #expect(try ShapeFusionOperator(node).needsShapesOnly == wanted)
    }
  }

  @Test func sums() throws {
    let a = DetectionTests.sequence(2 * 3 * 4), b = DetectionTests.sequence(2 * 4, 2), c = DetectionTests.sequence(2 * 5, 3)
    var wanted = [Float]()
    for n in 0..<2 {
      for k in 0..<4 { wanted.append(a[n * 12 + k] + a[n * 12 + 4 + k] + a[n * 12 + 8 + k]) }
      wanted += b[(n * 4)..<(n * 4 + 4)]
      wanted += c[(n * 5)..<(n * 5 + 5)]
    }
    let y = try custom("ReduceConcatFusion")([.floats([2, 3, 4], a), .floats([2, 1, 4], b), .floats([2, 1, 5], c)])[0]
    DetectionTests.expect(y, [2, 1, 13], wanted)
    let empty = try custom("ReduceConcatFusion")([.floats([2, 0, 1], []), .floats([2, 1], [5, 6])])[0]
    #expect(empty == .floats([2, 1, 2], [0, 5, 0, 6]))
    #expect(custom("ReduceConcatFusion").refusal([.floats([2, 3, 4], a), .floats([2, 1, 5], c), .floats([2, 1, 5], c)]).contains("[2, n, 4]"))
    #expect(custom("ReduceConcatFusion").refusal([.floats([2, 3, 4], a), .floats([1, 8], b)]).contains("2 entries on axis 0"))
  }

  @Test func splitSums() throws {
    func parameters(_ parts: UInt8, _ axis: UInt8) -> [UInt8] {
      var bytes = [UInt8](repeating: 7, count: 160)
      bytes.replaceSubrange(128..<132, with: [parts, 0, 0, 0])
      bytes.replaceSubrange(144..<148, with: [axis, 0, 0, 0])
      return bytes
    }
    let x = Value.floats([2, 6, 3], DetectionTests.sequence(36))
    let sizes: [UInt8] = [1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]
    let y = try custom("SplitReduceConcatFusion", [parameters(3, 1), sizes])([x])[0]
    let parts = [0..<1, 1..<4, 4..<6]
    let wanted = coordinates([2, 3, 3]).map { c -> Float in
      var sum: Float = 0
      for j in parts[c[1]] { sum += x.floats[(c[0] * 6 + j) * 3 + c[2]] }
      return sum
    }
    DetectionTests.expect(y, [2, 3, 3], wanted)
    #expect(custom("SplitReduceConcatFusion", [parameters(3, 0), sizes]).refusal([x]).contains("the parts have 6 entries; axis 0"))
    #expect(custom("SplitReduceConcatFusion", [parameters(2, 1), sizes]).refusal([x]).contains("148 or more bytes"))
    #expect(custom("SplitReduceConcatFusion", [[1, 2], sizes]).refusal([x]).contains("148 or more bytes"))
    #expect(custom("SplitReduceConcatFusion", [parameters(1, 1), [255, 255, 255, 255]]).refusal([x]).contains("size -1"))
    #expect(custom("SplitReduceConcatFusion").refusal([x]).contains("148 or more bytes"))
  }

  @Test func gatherSums() throws {
    let table = Value.floats([5, 3], DetectionTests.sequence(15))
    let rows: [Int] = [4, 0, 0, 1, 2, 2]
    let wanted = coordinates([3, 3]).map { c -> Float in
      let first = rows[c[0] * 2] * 3 + c[1], second = rows[c[0] * 2 + 1] * 3 + c[1]
      return table.floats[first] + table.floats[second]
    }
    for type in [DataType.int32, .int64] {
      let ids = Value.ints([0]), numbers = type == .int32 ? ids.with([3, 2], rows) : Value.longs([3, 2], rows.map { Int64($0) })
      DetectionTests.expect(try custom("CastGatherReduceFusion")([table, numbers])[0], [3, 3], wanted)
    }
    #expect(custom("CastGatherReduceFusion").refusal([table, .ints([1, 1], [5])]).contains("row 5 lies outside"))
    #expect(custom("CastGatherReduceFusion").refusal([table, .ints([1])]).contains("dimensions"))
  }

  @Test func gru() throws {
    let (steps, batch, inputs, hidden) = (4, 3, 5, 6)
    let x = MathHarness.noise(steps * batch * inputs, seed: 1), w = MathHarness.noise(3 * hidden * inputs, seed: 2, range: 0.7)
    let r = MathHarness.noise(3 * hidden * hidden, seed: 3, range: 0.7), bw = MathHarness.noise(3 * hidden, seed: 4), br = MathHarness.noise(3 * hidden, seed: 5)
    let h0 = MathHarness.noise(batch * hidden, seed: 6)
    var h = h0.map { Double($0) }, wanted = [Float]()
    func sigmoid(_ v: Double) -> Double { 1 / (1 + exp(-v)) }
    for t in 0..<steps {
      var next = h
      for b in 0..<batch {
        func products(_ gate: Int, _ i: Int) -> (Double, Double) {
          let row = gate * hidden + i
          let p = (0..<inputs).reduce(Double(bw[row])) { $0 + Double(w[row * inputs + $1]) * Double(x[(t * batch + b) * inputs + $1]) }
          let q = (0..<hidden).reduce(Double(br[row])) { $0 + Double(r[row * hidden + $1]) * h[b * hidden + $1] }
          return (p, q)
        }
        for i in 0..<hidden {
          let reset = products(0, i), update = products(1, i), new = products(2, i)
          let z = sigmoid(update.0 + update.1), n = tanh(new.0 + sigmoid(reset.0 + reset.1) * new.1)
          next[b * hidden + i] = n + z * (h[b * hidden + i] - n)
        }
      }
      h = next
      wanted += h.map { Float($0) }
    }
    let y = try custom("CustomGRU", known: [1, 2, 3, 4])([
      .floats([steps, batch, inputs], x), .floats([3 * hidden, inputs], w), .floats([3 * hidden, hidden], r), .floats([3 * hidden], bw),
      .floats([3 * hidden], br), .floats([1, batch, hidden], h0),
    ])[0]
    DetectionTests.expect(y, [steps, batch, hidden], wanted, 4e-6)
    #expect(custom("CustomGRU").refusal([.floats([1, 1, 1], [1]), .floats([4, 1], [1, 2, 3, 4]), .floats([3, 1], [1, 2, 3]), .floats([3], [1, 2, 3]), .floats([3], [1, 2, 3]), .floats([1], [1])]).contains("3 * hidden"))
    #expect(custom("CustomGRU").refusal([.floats([1, 1, 1], [1]), .floats([3, 1], [1, 2, 3]), .floats([3, 1], [1, 2, 3]), .floats([3], [1, 2, 3]), .floats([3], [1, 2, 3]), .floats([2], [1, 2])]) != "accepted")
  }

  @Test func maskedFill() throws {
    let x = Value.floats([2, 3], [1, 2, 3, 4, 5, 6]), mask = Value.bools([2, 3], [true, false, false, true, true, false])
    for inPlace in [false, true] {
      var run = custom("MaskedFill")
      run.inPlace = inPlace
      #expect(try run([x, mask, .floats([], [-9])])[0] == .floats([2, 3], [-9, 2, 3, -9, -9, 6]))
    }
    #expect(custom("MaskedFill").refusal([x, .bools([3], [true, true, true]), .floats([], [0])]).contains("shape of"))
    #expect(custom("MaskedFill").refusal([x, mask, .floats([2], [0, 1])]).contains("one element"))
    let y = try custom("IsInf")([.floats([5], [.infinity, -.infinity, .nan, 3.4e38, 0])])[0]
    #expect(y == .bools([5], [true, true, false, false, false]))
  }

  @Test func scatterMax() throws {
    let x = Value.floats([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), updates = Value.floats([3, 2], [9, 0, 4, 5, 8, .nan])
    for type in [DataType.int32, .int64] {
      let rows = type == .int32 ? Value.ints([3, 1], [1, 1, 3]) : .longs([3, 1], [1, 1, 3])
      #expect(try custom("TensorScatterMax")([x, rows, updates])[0] == .floats([4, 2], [1, 2, 9, 5, 5, 6, 8, 8]))
    }
    #expect(custom("TensorScatterMax").refusal([x, .ints([3, 1], [1, 4, 0]), updates]).contains("4"))
  }

  /// Types without an operator are refused by name, with the reason where there is one.
  @Test func refusedTypes() {
    for (type, reason) in [("EncoderLayer", "GPUs"), ("DecoderLayer", "GPUs"), ("UsePastEmbedding", "GPUs"), ("Conv3D", "strides"), ("GraphKernel", "machine code"), ("Mine", "")] {
      let text = custom(type).refusal([.floats([1], [1])])
      #expect(text.contains("\"\(type)\"") && text.contains(reason))
      let node = Node(name: "n", kind: .custom, attributes: attributes((0, .string(type))), inputs: [], outputs: [])
      #expect(Registry.factory(for: node) == nil)
      #expect("\(Registry.reason(against: node))".contains(reason))
    }
    let placeholder = Node(name: "n", kind: .genOP, attributes: Attributes(), inputs: [], outputs: [])
    let attention = Node(name: "n", kind: .attention, attributes: Attributes(), inputs: [], outputs: [])
    #expect(Registry.factory(for: attention) == nil && "\(Registry.reason(against: attention))".contains("GPUs"))
    #expect(Registry.factory(for: placeholder) == nil && "\(Registry.reason(against: placeholder))".contains("obfuscated"))
  }

  @Test func activations() throws {
    let x: [Float] = [-1e30, -3, -1, -0.5, -1e-4, -0.0, 0, 1e-4, 0.5, 1, 1.5, 40, 1e30]
    let functions: [(Int64, (Double) -> Double)] = [
      (6, { abs($0) }), (7, { min(max($0, -1), 1) }), (8, { $0 / (1 + abs($0)) }),
      (11, { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) }), (14, { $0 > 0.75 ? $0 : 0 }), (15, { $0 }),
      (17, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }),
    ]
    for (type, f) in functions {
      for inPlace in [false, true] {
        var run = OperatorRun(kind: .activation, attributes: attributes((0, .int(type)), (1, .float(0.75))))
        run.inPlace = inPlace
        DetectionTests.expect(try run([.floats([13], x)])[0], [13], x.map { Float(f(Double($0))) }, 3e-7)
        let long = MathHarness.noise(10_000, range: 3)
        DetectionTests.expect(try run([.floats([10_000], long)])[0], [10_000], long.map { Float(f(Double($0))) }, 3e-7)
      }
      #expect(OperatorRun(kind: .activation, attributes: attributes((0, .int(type)))).refusal([.ints([1])]).contains("must be float32"))
    }
    let soft = try OperatorRun(kind: .activation, attributes: attributes((0, .int(8))))([.floats([3], [.infinity, -.infinity, .nan])])[0]
    #expect(soft.floats[0] == 1 && soft.floats[1] == -1 && soft.floats[2].isNaN)
  }

  @Test func fakeQuantisation() throws {
    let x = DetectionTests.sequence(12, 2)
    func run(_ kind: OperatorKind, _ bits: Int64, _ narrow: Bool) -> OperatorRun {
      OperatorRun(kind: kind, attributes: attributes((0, .int(bits)), (1, .bool(narrow))))
    }
    let wide = try run(.fakeQuantWithMinMaxVars, 4, false)([.floats([12], x), .floats([], [-1.1]), .floats([], [1.7])])[0]
    DetectionTests.expect(wide, [12], [
      -0.560000062, 1.68000019, 0, -1.12000012, 0.560000062, -1.12000012, 1.30666673, -0.373333365, 1.68000019, 0.186666682,
      -1.12000012, 0.746666729,
    ], 1e-6)
    let narrow = try run(.fakeQuantWithMinMaxVars, 3, true)([.floats([12], x), .floats([1], [0.3]), .floats([1], [1.7])])[0]
    DetectionTests.expect(narrow, [12], [
      0, 1.4000001, 0, 0, 0.700000048, 0, 1.16666675, 0, 1.4000001, 0.233333349, 0, 0.700000048,
    ], 1e-6)
    var channel = run(.fakeQuantWithMinMaxVarsPerChannel, 5, false)
    for inPlace in [false, true] {
      channel.inPlace = inPlace
      let y = try channel([.floats([4, 3], x), .floats([3], [-1, -0.5, 0]), .floats([3], [1, 2, 0])])[0]
      DetectionTests.expect(y, [4, 3], [
        -0.645161271, 1.69354832, 0, -1.03225803, 0.645161271, 0, 0.967741907, -0.40322578, 0, 0.193548381, -0.483870953, 0,
      ], 1e-6)
    }
    #expect(try run(.fakeQuantWithMinMaxVars, 8, false)([.floats([2], [1, 2]), .floats([], [.nan]), .floats([], [1])])[0].floats.allSatisfy { $0.isNaN })
    #expect(run(.fakeQuantWithMinMaxVars, 1, false).refusal([.floats([1], [1]), .floats([], [0]), .floats([], [1])]).contains("num_bits is 1"))
    #expect(run(.fakeQuantWithMinMaxVarsPerChannel, 8, false).refusal([.floats([3], [1, 2, 3]), .floats([1], [0]), .floats([3], [1, 1, 1])]).contains("3 elements"))
  }

  @Test func lpNormalization() throws {
    let x = Value.floats([2, 3, 4], DetectionTests.sequence(24))
    func run(_ axis: Int64, _ p: Int64) -> OperatorRun { OperatorRun(kind: .lpNormalization, attributes: attributes((0, .int(axis)), (1, .int(p)))) }
    DetectionTests.expect(try run(1, 1)([x])[0], [2, 3, 4], [
      -0.51219511, 0.307692319, -0.224489793, 0.565217376, -0.024390243, -0.538461566, 0.183673471, -0.391304344, 0.463414639,
      -0.15384616, 0.591836751, 0.0434782617, -0.555555582, 0.214285716, -0.333333343, 0.478260875, -0.111111112, -0.571428597,
      0.111111112, -0.478260875, 0.333333343, -0.214285716, 0.555555582, -0.0434782617,
    ], 1e-6)
    DetectionTests.expect(try run(-1, 2)([x])[0], [2, 3, 4], [
      -0.543305337, 0.413946927, -0.284588516, 0.672663748, -0.0289885513, -0.811679482, 0.260896981, -0.521793962,
      0.533152878, -0.224485427, 0.813759625, 0.0561213568, -0.650283575, 0.312136114, -0.390170127, 0.572249532, -0.126673654,
      -0.810711384, 0.126673654, -0.557364047, 0.47481668, -0.379853338, 0.791361153, -0.0633088946,
    ], 1e-6)
    #expect(try run(0, 2)([.floats([3], [0, 0, 0])])[0].floats == [0, 0, 0])
    #expect(try run(0, 2)([.floats([0, 3], [])])[0].dims == [0, 3])
    #expect(run(0, 3).refusal([x]).contains("p is 3") && run(3, 1).refusal([x]).contains("axis 3"))
  }

  @Test func all() throws {
    let x = Value.bools([2, 3], [true, true, false, true, true, true])
    let run = OperatorRun(kind: .all), kept = OperatorRun(kind: .all, attributes: attributes((0, .int(1))))
    #expect(try run([x, .ints([1])])[0] == .bools([2], [false, true]))
    #expect(try kept([x, .ints([-2])])[0] == .bools([1, 3], [true, true, false]))
    #expect(try run([x])[0] == .bools([], [false]))
    #expect(run.refusal([.floats([1], [1])]).contains("must be bool"))
  }

  @Test func collectives() throws {
    for v in numbered([3, 2]) {
      #expect(try OperatorRun(kind: .allGather, attributes: attributes((0, .string("g")), (1, .int(1))))([v])[0] == v)
      for mode in 0...4 {
        #expect(try OperatorRun(kind: .reduceScatter, attributes: attributes((1, .int(Int64(mode))), (2, .int(1))))([v])[0] == v)
      }
    }
    let x = Value.floats([2], [1, 2])
    #expect(OperatorRun(kind: .allGather, attributes: attributes((1, .int(2)))).refusal([x]).contains("rank_size is 2"))
    #expect(OperatorRun(kind: .reduceScatter, attributes: attributes((2, .int(8)))).refusal([x]).contains("rank_size is 8"))
    #expect(OperatorRun(kind: .reduceScatter, attributes: attributes((1, .int(5)), (2, .int(1)))).refusal([x]).contains("mode 5"))
    #expect(OperatorRun(kind: .allGather).refusal([x]).contains("rank_size is 0"))
  }
}

extension EveryTypeTests {
  /// Operators that move elements of any type or take indices of several.
  static var rareCases: [Case] {
    let x = data([2, 4, 3])
    return [
      Case(kind: .splice, fields: [(0, .ints([0, 1])), (1, .ints([0, 1, 2, 3])), (2, .int(6))], inputs: [x]),
      Case(kind: .splitWithOverlap, fields: [(0, .int(1)), (1, .int(2)), (2, .ints([1, 1])), (3, .ints([0, 1])), (4, .ints([1, 0]))], inputs: [x], outputs: 2),
      Case(kind: .allGather, fields: [(1, .int(1))], inputs: [x]), Case(kind: .reduceScatter, fields: [(2, .int(1))], inputs: [x]),
      Case(kind: .sparseFillEmptyRows, inputs: [pairs([[1, 0], [3, 2]]), .floats([2], [5, 6]), ints(4, 3), .floats([], [9])], outputs: 4, known: [0, 1, 2, 3]),
      Case(kind: .sparseFillEmptyRows, inputs: [pairs([[1, 0], [3, 2]]), .floats([2], [5, 6]), ints(4, 3), .floats([], [9])], outputs: 3, known: [0, 1, 2, 3]),
      Case(kind: .custom, fields: [(0, .string("ShapeFusion"))], inputs: [data([2, 3], limit: 2), .floats([2, 3], [1, 0, 1, 0, 1, 0])], known: []),
      Case(kind: .randomStandardNormal, fields: [(0, .int(5))], inputs: [ints(3, 2)], known: [0]),
      Case(kind: .uniformReal, fields: [(0, .int(5))], inputs: [ints(3, 2)], known: [0]),
    ]
  }
}
