import Graph
import Testing

@testable import Operators

/// The expected numbers were recorded from LiteRT 2.3 (TFLite_Detection_PostProcess) on the same inputs.
struct DetectionPostProcessTests {
  private let n = 8, classes = 3
  private var boxes: Value { .floats([1, 8, 4], DetectionTests.sequence(32, 2).map { $0 / 2 }) }
  private var scores: Value { .floats([1, 8, 4], (0..<32).map { Float(($0 * 29 + 5) % 37) / 40 }) }
  private var anchors: Value { .floats([8, 4], DetectionTests.sequence(32, 4).map { abs($0) / 4 + 0.5 }) }

  private func run(
    regular: Bool = false, detections: Int64 = 4, perBox: Int64 = 1, perClass: Int64 = 100, classes: Int64 = 3, threshold: Double = 0.3
  ) -> OperatorRun {
    OperatorRun(
      kind: .detectionPostProcess,
      attributes: attributes(
        (2, .floats([5, 4, 8, 10])), (3, .float(0.45)), (4, .float(threshold)), (5, .int(detections)), (6, .int(perClass)),
        (7, .int(perBox)), (8, .int(classes)), (9, .bool(regular))), known: [2])
  }

  /// Boxes that the recorded results name.
  private let box: [Int: [Float]] = [
    2: [0.508679152, 0.374287844, 0.965930223, 1.42930102], 0: [0.239257812, 0.561259151, 1.08300781, 1.02943909],
    3: [0.20983988, 0.603014946, 0.971800745, 1.10584736], 7: [0.358954549, 0.216371059, 1.40315485, 0.758360386],
    1: [0.548320174, 0.181711763, 1.5044142, 0.877004027], 6: [0.180222213, 0.470601887, 0.863918364, 1.3525182],
  ]

  private func check(_ y: [Value], _ which: [Int], _ kinds: [Float], _ values: [Float], room: Int, line: Int = #line) {
    let rest = [Float](repeating: 0, count: room - which.count)
    DetectionTests.expect(y[0], [1, room, 4], which.flatMap { box[$0] ?? [] } + rest + rest + rest + rest, 2e-6, line: line)
    DetectionTests.expect(y[1], [1, room], kinds + rest, 0, line: line)
    DetectionTests.expect(y[2], [1, room], values + rest, 0, line: line)
    DetectionTests.expect(y[3], [1], [Float(which.count)], 0, line: line)
  }

  @Test func fast() throws {
    let y = try run()([boxes, scores, anchors], outputs: 4)
    check(y, [2, 0, 7, 6], [1, 0, 0, 0], [0.9, 0.85, 0.8, 0.675], room: 4)
    // Several classes for each box; all of them are counted.
    let two = try run(detections: 3, perBox: 2)([boxes, scores, anchors], outputs: 4)
    check(two, [2, 2, 0, 0, 7, 7], [1, 2, 0, 1, 0, 1], [0.9, 0.7, 0.85, 0.65, 0.8, 0.6], room: 6)
    // More classes than there are leave room.
    let many = try run(detections: 1, perBox: 5)([boxes, scores, anchors], outputs: 4)
    check(many, [2, 2, 2], [1, 2, 0], [0.9, 0.7, Float(Double(10 * 29 % 37) / 40)].prefix(2) + [scores.floats[9]], room: 5)
  }

  @Test func regular() throws {
    let all: [Float] = [0.9, 0.85, 0.825, 0.8, 0.775]
    let y = try run(regular: true, detections: 5)([boxes, scores, anchors], outputs: 4)
    check(y, [2, 0, 3, 7, 1], [1, 0, 2, 0, 1], all, room: 5)
    let few = try run(regular: true, detections: 5, perClass: 2)([boxes, scores, anchors], outputs: 4)
    check(few, [2, 0, 3, 7, 1], [1, 0, 2, 0, 1], all, room: 5)
    // One for each class.
    let one = try run(regular: true, detections: 5, perClass: 1)([boxes, scores, anchors], outputs: 4)
    check(one, [2, 0, 3], [1, 0, 2], [0.9, 0.85, 0.825], room: 5)
    let none = try run(regular: true, detections: 5, perBox: 0)([boxes, scores, anchors], outputs: 4)
    #expect(none[0].dims == [1, 0, 4] && none[3].floats == [0])
  }

  /// Without a background class; nothing reaches the threshold; scores that are no numbers; no boxes at all.
  @Test func forms() throws {
    let plain = try run(classes: 4)([boxes, scores, anchors], outputs: 4)
    #expect(plain[1].floats[0] == 2 && plain[2].floats[0] == 0.9)
    for regular in [false, true] {
      let high = try run(regular: regular, threshold: 2)([boxes, scores, anchors], outputs: 4)
      check(high, [], [], [], room: 4)
      let nan = Value.floats([1, 8, 4], [Float](repeating: .nan, count: 32))
      check(try run(regular: regular)([boxes, nan, anchors], outputs: 4), [], [], [], room: 4)
      // Boxes that are no numbers overlap nothing.
      let wild = try run(regular: regular)([.floats([1, 8, 4], [Float](repeating: .infinity, count: 32)), scores, anchors], outputs: 4)
      #expect(wild[3].floats == [4])
      let empty = try run(regular: regular)([.floats([1, 0, 4], []), .floats([1, 0, 4], []), .floats([0, 4], [])], outputs: 4)
      check(empty, [], [], [], room: 4)
    }
  }

  /// Quantised inputs count as their real values.
  @Test func quantised() throws {
    func quantise(_ v: Value, _ scale: Float, _ zero: Int32) -> ([Int32], Value) {
      let q = v.floats.map { Int32(($0 / scale).rounded()) + zero }
      return (q, .floats(v.dims, q.map { Float($0 - zero) * scale }))
    }
    func param(_ scale: Double, _ zero: Int32) -> [QuantParam] {
      [QuantParam(scale: scale, zeroPoint: zero, bits: 8, varianceCorrection: 1, meanCorrection: 0)]
    }
    let (b, realB) = quantise(boxes, 0.0078125, -3), (s, realS) = quantise(scores, 0.00390625, -128), (a, realA) = quantise(anchors, 0.0078125, 2)
    for regular in [false, true] {
      let wanted = try run(regular: regular)([realB, realS, realA], outputs: 4)
      for type in [DataType.int8, .uint8] {
        var quantised = run(regular: regular)
        let shift: Int32 = type == .uint8 ? 128 : 0
        quantised.quantParams = [0: param(0.0078125, shift - 3), 1: param(0.00390625, shift - 128), 2: param(0.0078125, shift + 2)]
        func value(_ q: [Int32], _ dims: [Int]) -> Value { Value(type, dims, q.map { UInt8(truncatingIfNeeded: $0 + shift) }) }
        let y = try quantised([value(b, [1, 8, 4]), value(s, [1, 8, 4]), value(a, [8, 4])], outputs: 4)
        #expect(y == wanted)
        for mixed in 0..<3 {
          var inputs = [realB, realS, realA]
          inputs[mixed] = [value(b, [1, 8, 4]), value(s, [1, 8, 4]), value(a, [8, 4])][mixed]
          #expect(try quantised(inputs, outputs: 4) == wanted)
        }
        let some = try quantised([value(b, [1, 8, 4]), value(s, [1, 8, 4]), realA], outputs: 4)
        #expect(some == wanted)
        #expect(try quantised([realB, value(s, [1, 8, 4]), value(a, [8, 4])], outputs: 4) == wanted)
        #expect(try quantised([value(b, [1, 8, 4]), realS, value(a, [8, 4])], outputs: 4) == wanted)
      }
    }
    #expect(run().refusal([Value(.int8, [1, 8, 4], [Int8](repeating: 0, count: 32)), scores, anchors], outputs: 4).contains("must have one scale"))
  }

  @Test func refusals() {
    let inputs = [boxes, scores, anchors]
    #expect(run(classes: 0).refusal(inputs, outputs: 4).contains("num_classes not 0"))
    #expect(run(detections: -1).refusal(inputs, outputs: 4).contains("must not be negative"))
    #expect(run(detections: 1 << 20, perBox: 1 << 20).refusal(inputs, outputs: 4).contains("fewer than"))
    #expect(run(classes: 2).refusal(inputs, outputs: 4).contains("must have 2 or 3 classes"))
    #expect(run().refusal([boxes, scores, .floats([7, 4], [Float](repeating: 1, count: 28))], outputs: 4).contains("[n, 4]"))
    #expect(OperatorRun(kind: .detectionPostProcess).refusal(inputs, outputs: 4).contains("scale has 0 entries"))
  }
}
