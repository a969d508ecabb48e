import CSystem
import Graph
import Testing

@testable import Operators

/// Detection operators. Numbers that the tests do not compute were recorded from TensorFlow 2.21 (CropAndResize) and ONNX Runtime
/// 1.32 (NonMaxSuppression, MaxRoiPool, GridSample) on the same inputs.
struct DetectionTests {
  /// n reproducible sixteenths from -2 to 2.
  static func sequence(_ n: Int, _ start: Int = 1) -> [Float] { (0..<n).map { Float(($0 * 37 + 11 * start) % 64) / 16 - 2 } }

  static func expect(_ v: Value, _ dims: [Int], _ wanted: [Float], _ tolerance: Float = 3e-6, line: Int = #line) {
    #expect(v.type == .float32 && v.dims == dims && v.floats.count == wanted.count, "line \(line): \(v.dims)")
    for (i, (a, b)) in zip(v.floats, wanted).enumerated() where !(abs(a - b) <= tolerance * max(1, abs(b))) && !(a.isNaN && b.isNaN) {
      Issue.record("line \(line): [\(i)] is \(a), not \(b)")
      return
    }
  }

  // MARK: NonMaxSuppression

  private let boxes = Value.floats([1, 7, 4], [
    0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, -0.1, 1, 0.9, 0, 10, 1, 11, 0, 10.1, 1, 11.1, 0, 100, 1, 101, 1, 1, 0, 0,
  ])
  private let scores = Value.floats([1, 1, 7], [0.9, 0.75, 0.6, 0.95, 0.5, 0.3, 0.9])

  @Test func suppression() throws {
    let run = OperatorRun(kind: .nonMaxSuppression, known: [0, 1, 2, 3, 4])
    var y = try run([boxes, scores, .scalar(4), .floats([], [0.5]), .floats([], [0.4])])
    #expect(y[0] == .ints([2, 3], [0, 0, 3, 0, 0, 0]))
    // A score that equals the threshold is none, nor is one that is not a number.
    y = try run([boxes, .floats([1, 1, 7], [0.5, .nan, 0.4, -.infinity, 0.5, 0.5001, .infinity]), .scalar(9), .floats([1], [0.5]), .floats([1], [0.5])])
    #expect(y[0] == .ints([2, 3], [0, 0, 6, 0, 0, 5]))
    // Boxes of rank 2 give numbers only; equal scores come in order; int64 limits.
    y = try run([.floats([3, 4], [0, 0, 1, 1, 5, 5, 6, 6, 9, 9, 8, 8]), .floats([3], [1, 1, 1]), .longs([1], [2]), .floats([], [0]), .floats([], [0])])
    #expect(y[0] == .ints([2], [0, 1]))
    // Without a limit there is no result, and thresholds that are absent are 0.
    #expect(try run([boxes, scores])[0] == .ints([0, 3], []))
    #expect(try run([boxes, scores, .scalar(-3)])[0] == .ints([0, 3], []))
    #expect(try run([boxes, scores, .scalar(7)])[0] == .ints([3, 3], [0, 0, 3, 0, 0, 0, 0, 0, 5]))
    #expect(try run([.floats([1, 0, 4], []), .floats([1, 2, 0], []), .scalar(7)])[0] == .ints([0, 3], []))
  }

  @Test func suppressionOfCentredBoxes() throws {
    let run = OperatorRun(kind: .nonMaxSuppression, attributes: attributes((0, .int(1))), known: [0, 1, 2, 3])
    let centred = Value.floats([1, 6, 4], [
      0.5, 0.5, 1, 1, 0.6, 0.5, 1, 1, 0.4, 0.5, 1, 1, 10.5, 0.5, 1, 1, 10.6, 0.5, 1, 1, 100.5, 0.5, 1, 1,
    ])
    let y = try run([centred, .floats([1, 1, 6], [0.9, 0.75, 0.6, 0.95, 0.5, 0.3]), .scalar(9), .floats([], [0.5])])
    #expect(y[0] == .ints([3, 3], [0, 0, 3, 0, 0, 0, 0, 0, 5]))
  }

  /// The limit counts all batches and classes together, as in the original.
  @Test func suppressionLimit() throws {
    let run = OperatorRun(kind: .nonMaxSuppression, known: [0, 1, 2, 3])
    let two = Value.floats([2, 2, 4], [0, 0, 1, 1, 3, 3, 4, 4, 0, 0, 1, 1, 3, 3, 4, 4])
    let s = Value.floats([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])
    let all: [Int32] = [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0]
    for limit in 0...9 {
      let n = min(limit, 8)
      #expect(try run([two, s, .scalar(Int32(limit)), .floats([], [0.5])])[0] == .ints([n, 3], Array(all[..<(n * 3)])))
    }
  }

  @Test func suppressionRefusals() {
    let run = OperatorRun(kind: .nonMaxSuppression, known: [0, 1, 2])
    #expect(run.refusal([boxes, .floats([1, 1, 6], [0, 0, 0, 0, 0, 0]), .scalar(1)]).contains("must have the shapes [batches, n, 4]"))
    #expect(OperatorRun(kind: .nonMaxSuppression, known: [1, 2]).refusal([boxes, scores, .scalar(1)]) == "deferred")
    #expect(OperatorRun(kind: .nonMaxSuppression, attributes: attributes((0, .int(2)))).refusal([boxes, scores]).contains("center_point_box is 2"))
  }

  // MARK: CropAndResize

  private let image = Value.floats([2, 4, 5, 3], sequence(120))
  private let crops = Value.floats([4, 4], [0, 0, 1, 1, 0.1, 0.2, 0.8, 0.9, 0.9, 0.7, 0.2, -0.3, -0.5, 0.5, 1.5, 0.5])

  @Test func cropAndResize() throws {
    let run = OperatorRun(kind: .cropAndResize, attributes: attributes((1, .float(7.5))))
    let y = try run([image, crops, .ints([0, 1, 1, 0]), .ints([3, 2])])
    DetectionTests.expect(y[0], [4, 3, 2, 3], [
      -1.3125, 1, -0.6875, -1.5625, 0.75, -0.9375, 0.71875, -0.96875, -0.65625, 0.46875, -1.21875, 1.09375, -1.25, 1.0625,
      -0.625, -1.5, 0.8125, -0.875, 0.193749964, -0.533749938, 0.258750081, 0.098749809, -0.46874994, 0.723749816,
      -0.0643751621, 0.60812515, -0.559374928, -0.159374803, -0.446875215, 0.465625197, 0.95750016, -0.249999821, -0.657500207,
      -0.577500224, 0.775000274, 0.0474997759, -1.08124971, 0.991250098, -0.456249714, 7.5, 7.5, 7.5, 0.0168750584,
      0.689374626, 0.641875029, 7.5, 7.5, 7.5, -0.40500021, -0.0124998689, 0.219999731, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5,
      7.5, 0.59375, 0.90625, -0.78125, 0.59375, 0.90625, -0.78125, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5,
    ])
    let nearest = OperatorRun(kind: .cropAndResize, attributes: attributes((0, .int(1)), (1, .float(7.5))))
    DetectionTests.expect(try nearest([image, crops, .ints([0, 1, 1, 0]), .ints([3, 2])])[0], [4, 3, 2, 3], [
      -1.3125, 1, -0.6875, -1.5625, 0.75, -0.9375, 0.0625, -1.625, 0.6875, -0.1875, -1.875, 0.4375, -1.25, 1.0625, -0.625,
      -1.5, 0.8125, -0.875, 0.375, -1.3125, 1, 1.1875, -0.5, 1.8125, -0.9375, 1.375, -0.3125, -0.125, -1.8125, 0.5, 1.75,
      0.0625, -1.625, -1.4375, 0.875, -0.8125, -1.6875, 0.625, -1.0625, 7.5, 7.5, 7.5, -0.375, 1.9375, 0.25, 7.5, 7.5, 7.5,
      0.9375, -0.75, 1.5625, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5, 7.5, 1.9375, 0.25, -1.4375, 1.9375, 0.25, -1.4375, 7.5,
      7.5, 7.5, 7.5, 7.5, 7.5,
    ])
    // A single row and column lies in the middle of the box.
    let one = try OperatorRun(kind: .cropAndResize)([image, .floats([2, 4], Array(crops.floats[..<8])), .ints([1, 0]), .ints([1, 1])])
    DetectionTests.expect(one[0], [2, 1, 1, 3], [
      -0.65625, -0.34375, -0.03125, -0.0218749642, 0.890624881, -0.516874969,
    ])
    #expect(try run([image, .floats([0, 4], []), .ints([0], []), .ints([3, 2])])[0].dims == [0, 3, 2, 3])
    // Boxes that are no numbers lie outside.
    let nowhere = try run([image, .floats([1, 4], [.nan, 0, .infinity, 1]), .ints([0]), .ints([1, 2])])
    #expect(nowhere[0].floats == [Float](repeating: 7.5, count: 6))
  }

  @Test func cropAndResizeRefusals() {
    let run = OperatorRun(kind: .cropAndResize)
    #expect(run.refusal([image, crops, .ints([0, 1, 2, 0]), .ints([3, 2])]) == "box 2 names image 2; there are 2")
    #expect(run.refusal([image, crops, .ints([0, 1, -1, 0]), .ints([3, 2])]) == "box 2 names image -1; there are 2")
    #expect(run.refusal([image, crops, .ints([0, 1]), .ints([3, 2])]).contains("one for each of the 4 boxes"))
    #expect(run.refusal([image, crops, .ints([0, 1, 1, 0]), .ints([3, 0])]).contains("two positive numbers"))
    #expect(OperatorRun(kind: .cropAndResize, attributes: attributes((0, .int(2)))).refusal([image, crops, .ints([0, 1, 1, 0]), .ints([3, 2])]).contains("method 2"))
  }

  // MARK: ROIPooling

  @Test func roiPooling() throws {
    let run = OperatorRun(kind: .roiPooling, attributes: attributes((0, .int(2)), (1, .int(3)), (2, .float(0.75))))
    let x = Value.floats([2, 5, 6, 3], DetectionTests.sequence(180))
    let y = try run([x, .floats([4, 5], [0, 0, 0, 3, 3, 1, 1, 2, 4, 5, 0, 2, 4, 3, 5, 1, -2, -3, 9, 9])])
    DetectionTests.expect(y[0], [4, 2, 3, 3], [
      0.3125, 1, 0.9375, 1.625, 1.5625, -0.125, 0.5625, 0.5, 1.1875, 1.9375, 0.25, 0.9375, 0.875, 1.5625, 1.5, -0.1875, 0.5,
      0.4375, -0.0625, 0.625, 0.5625, 1.25, 1.1875, 1.875, 1.8125, 0.125, 0.8125, 1.5625, -0.125, 0.5625, 0.5, 1.1875, 1.125,
      1.8125, 1.75, 0.0625, -1.25, 1.0625, -0.625, 1.6875, 1.0625, -0.625, 1.6875, 0, -1.6875, -1.25, 1.0625, -0.625, 1.6875,
      1.0625, -0.625, 1.6875, 0, -1.6875, 1.75, 1.6875, 1.625, 1.8125, 1.9375, 1.875, 1.8125, 1.4375, 1.375, 1.3125, 0.9375,
      1.9375, 1.5625, 1.75, 1.6875, 1.0625, 1.75, 1.6875,
    ], 0)
    // A region outside the image has empty cells; NaN counts as 0.
    #expect(try run([x, .floats([1, 5], [1, 50, 50, 60, 60])])[0].floats == [Float](repeating: 0, count: 18))
    #expect(try run([x, .floats([1, 5], [1, .nan, .nan, 0, 0])])[0] == run([x, .floats([1, 5], [1, 0, 0, 0, 0])])[0])
    #expect(try run([x, .floats([1, 5], [0, -1e30, -1e30, 1e30, 1e30])])[0].dims == [1, 2, 3, 3])
    #expect(run.refusal([x, .floats([1, 5], [2, 0, 0, 1, 1])]) == "region 0 names image 2; there are 2")
    #expect(run.refusal([x, .floats([1, 5], [-1, 0, 0, 1, 1])]) == "region 0 names image -1; there are 2")
    #expect(run.refusal([x, .floats([1, 4], [0, 0, 0, 1])]).contains("[regions, 5]"))
    #expect(OperatorRun(kind: .roiPooling).refusal([x, .floats([1, 5], [0, 0, 0, 1, 1])]).contains("both must be positive"))
  }

  // MARK: PriorBox

  @Test func priorBox() throws {
    let a = attributes(
      (0, .ints([3, 5])), (1, .ints([12, 20])), (2, .floats([2, 1, 2, 0.5, 3])), (3, .floats([0.1, 0.1, 0.2, 0.2])),
      (4, .int(30)), (7, .float(8)), (9, .bool(true)), (10, .float(0.5)))
    let map = Value.floats([1, 2, 3, 1], [0, 0, 0, 0, 0, 0]), picture = Value.floats([1, 40, 50, 1], [Float](repeating: 0, count: 2000))
    let y = try OperatorRun(kind: .priorBox, attributes: a, known: [])([map, picture])[0]
    var wanted = [Double]()
    for i in 0..<2 {
      for j in 0..<3 {
        for (small, large) in [(3.0, 12.0), (5.0, 20.0)] {
          let middle = (small * large).squareRoot()
          // 2 brings its reciprocal; 1 is always there; 0.5 is known by then; 3 is new.
          let sizes = [(small, small), (middle, middle)] + [2, 0.5, 3, 1.0 / 3].map { (small * $0.squareRoot(), small / $0.squareRoot()) }
          for (w, h) in sizes {
            let x = Double(j) + 0.5, row = Double(i) + 0.5
            wanted += [(x - w / 20) / 3, (row - h / 16) / 2, (x + w / 20) / 3, (row + h / 16) / 2]
          }
        }
      }
    }
    wanted += (0..<wanted.count).map { [0.1, 0.1, 0.2, 0.2][$0 % 4] }
    DetectionTests.expect(y, [1, 2 * 3 * 12 * 4, 1, 2], wanted.map { Float($0) })
  }

  @Test func priorBoxDefaults() throws {
    // The image's size over the map's is the step; without largest sizes there is no middle box; int8 maps will do.
    let a = attributes((0, .ints([4])), (3, .floats([1, 2, 3, 4])))
    let map = Value(.int8, [1, 1, 2, 3], [Int8](repeating: 0, count: 6)), picture = Value(.int8, [1, 8, 32, 1], [Int8](repeating: 0, count: 256))
    let y = try OperatorRun(kind: .priorBox, attributes: a, known: [])([map, picture])[0]
    DetectionTests.expect(y, [1, 8, 1, 2], [-0.0625, -0.25, 0.0625, 0.25, 0.4375, -0.25, 0.5625, 0.25, 1, 2, 3, 4, 1, 2, 3, 4])
    func refusal(_ fields: (Int, AttributeValue)...) -> String {
      var b = a
      for (id, v) in fields { b[id] = v }
      return OperatorRun(kind: .priorBox, attributes: b, known: []).refusal([map, picture])
    }
    #expect(refusal((1, .ints([2, 3]))).contains("max_sizes has 2 entries; none or 1"))
    #expect(refusal((2, .floats([0]))).contains("aspect_ratios must be positive"))
    #expect(refusal((2, .floats([.nan]))).contains("aspect_ratios must be positive"))
    #expect(refusal((1, .ints([-1]))).contains("must be positive"))
    #expect(refusal((3, .floats([1]))).contains("variances has 1 entries"))
    #expect(refusal((0, .ints([]))).contains("no or too many boxes"))
  }

  // MARK: GridSampler

  private func sampler(_ mode: Int, _ padding: Int, _ aligned: Bool) -> OperatorRun {
    func bytes(_ v: Int) -> [UInt8] { [UInt8(v), 0, 0, 0, 0, 0, 0, 0] }
    return OperatorRun(
      kind: .custom,
      attributes: attributes(
        (0, .string("GridSampler")),
        (1, .named([("interpolation_mode", bytes(mode)), ("padding_mode", bytes(padding)), ("align_corners", [aligned ? 1 : 0])]))))
  }

  @Test func gridSampler() throws {
    let x = Value.floats([2, 2, 3, 4], DetectionTests.sequence(48))
    let grid = Value.floats([2, 3, 2, 2], DetectionTests.sequence(24, 5).map { $0 * 0.9 })
    let recorded: [(Int, Int, Bool, [Float])] = [
      (0, 0, false, [
        0, 0, 0.106132865, 0, 0, 0.239496917, 0, 0, 0.0837891027, 0, 0, 0.119184405, 0.0838281214, 0, 0, 0.0802979618, 0,
        -0.149926826, -0.00679691136, 0, 0, 0.0510987006, 0, -0.185864344,
      ]),
      (0, 0, true, [
        -0.283183694, 0, 0.773632824, 0.119572714, 0.126918897, -0.0865994394, -0.423027545, 0, 0.59160161, -0.0148022659,
        0.020668881, -0.333474457, -0.347539186, -0.0788576379, 0.109863259, 0.222644061, 0.0736328289, -0.804943919,
        -0.571757913, -0.0921389237, 0.0122070089, 0.0320190452, 0.0236328188, -0.995568931,
      ]),
      (0, 1, false, [
        -0.196874738, 0.570312381, 1.1875, 0.744531155, 0.346093655, 0.497655809, -0.446874738, 0.320312381, 0.9375,
        0.494531155, 0.0960936546, 0.247655809, 0.231249928, -1.4140625, 0.6875, 0.6875, 0.35546875, -1.04296875,
        -0.0187501907, -1.66406262, 0.4375, 0.4375, 0.35546875, -1.29296875,
      ]),
      (0, 1, true, [
        -0.506249964, 0.35937497, 1.0625, 0.222460896, 0.298632652, -0.0876956284, -0.756249905, 0.10937497, 0.8125,
        -0.0275391042, 0.0486326516, -0.337695628, -0.387500048, -1.484375, 0.28124994, 0.291992188, 0.368164062, -1.05566406,
        -0.637500048, -1.73437512, 0.0312499404, 0.0419921875, 0.118164062, -1.30566406,
      ]),
      (0, 2, false, [
        -0.167343646, -1.09609377, 1.1875, 0.502343476, -0.0889061987, 0.497655809, -0.417343646, -1.34609377, 0.9375,
        0.252343476, -0.338906199, 0.247655809, 0.231249928, -0.127344161, 0.16015625, 0.6875, 1.23046875, -1.04296875,
        -0.0187501907, -0.377344191, -0.08984375, 0.4375, 1.05546868, -1.29296875,
      ]),
      (0, 2, true, [
        -0.159257993, -1.06074238, 0.603711009, -0.355664253, -0.326679587, -0.0850393847, -0.409258008, -1.3107425,
        0.353710979, -0.605664253, -0.576679587, -0.335039377, -0.399101585, 0.113476269, 0.045117259, 0.217773452, 1.36816406,
        -0.758789122, -0.649101555, -0.136523739, -0.204882756, -0.0322265439, 1.11816394, -1.00878918,
      ]),
      (1, 0, false, [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      ]),
      (1, 0, true, [
        -1.125, 0, 1.1875, -0.5, 0, -0.6875, -1.375, 0, 0.9375, -0.75, 0, -0.9375, -1.625, 0, 0, 0.6875, 0, -1.1875, -1.875, 0,
        0, 0.4375, 0, -1.4375,
      ]),
      (1, 1, false, [
        -1.125, 1.1875, 1.1875, 1.1875, 1, 1.625, -1.375, 0.9375, 0.9375, 0.9375, 0.75, 1.375, 1.125, -1.625, 0.6875, 0.6875,
        0.5, -1.1875, 0.875, -1.875, 0.4375, 0.4375, 0.25, -1.4375,
      ]),
      (1, 1, true, [
        -1.125, -0.0625, 1.1875, -0.5, 1, -0.6875, -1.375, -0.3125, 0.9375, -0.75, 0.75, -0.9375, -1.625, -1.625, 0.6875,
        0.6875, 0.5, -1.1875, -1.875, -1.875, 0.4375, 0.4375, 0.25, -1.4375,
      ]),
      (1, 2, false, [
        -1.125, -0.5, 1.1875, 1.1875, 1, 1.625, -1.375, -0.75, 0.9375, 0.9375, 0.75, 1.375, 1.125, 0.0625, 0.6875, 0.6875,
        1.75, -1.1875, 0.875, -0.1875, 0.4375, 0.4375, 1.5, -1.4375,
      ]),
      (1, 2, true, [
        -1.125, -1.75, 1.1875, -0.5, -1.75, -0.6875, -1.375, -2, 0.9375, -0.75, -2, -0.9375, -1.625, 0.0625, -1, 0.6875, 1.75,
        -1.1875, -1.875, -0.1875, -1.25, 0.4375, 1.5, -1.4375,
      ]),
    ]
    for (mode, padding, aligned, wanted) in recorded {
      DetectionTests.expect(try sampler(mode, padding, aligned)([x, grid])[0], [2, 2, 3, 2], wanted, 2e-6)
    }
    // Coordinates that are no numbers, or far away.
    let far = Value.floats([2, 1, 2, 2], [.nan, 0, .infinity, -1e30, 1e38, 0, -.infinity, .nan])
    for (mode, padding) in [(0, 0), (1, 1), (0, 2), (1, 2)] {
      let y = try sampler(mode, padding, false)([x, far])[0]
      #expect(y.floats.allSatisfy { abs($0) <= 2 })
      if padding == 0 { #expect(y.floats == [Float](repeating: 0, count: 8)) }
    }
  }

  @Test func gridSamplerRefusals() {
    let x = Value.floats([1, 1, 2, 2], [1, 2, 3, 4]), grid = Value.floats([1, 1, 1, 2], [0, 0])
    #expect(sampler(2, 0, true).refusal([x, grid]).contains("interpolation 2"))
    #expect(sampler(0, 3, true).refusal([x, grid]).contains("padding 3"))
    #expect(sampler(0, 0, true).refusal([x, .floats([2, 1, 1, 2], [0, 0, 0, 0])]).contains("[1, rows, columns, 2]"))
    #expect(OperatorRun(kind: .custom, attributes: attributes((0, .string("GridSampler")))).refusal([x, grid]).contains("interpolation -1"))
  }
}
