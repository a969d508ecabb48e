import CKernels
import Graph
import KernelSelection
import System
import Testing

@testable import Operators

/// Products, convolutions and recurrent layers with half-precision kernels on offer, against the scalar half-precision table and
/// against exact arithmetic; and operators on float16 variables.

/// The reference table of the format that this CPU's kernels have, and that table itself where there is one.
private func halfTables() -> [HalfKernelPointer] {
  let reference = UnsafeMutablePointer<MSHalfKernels>.allocate(capacity: 1)
  #if arch(x86_64)
  mskernels_half_reference(reference, Int32(bitPattern: MSHALF_BFLOAT16.rawValue))
  #else
  mskernels_half_reference(reference, Int32(bitPattern: MSHALF_FLOAT16.rawValue))
  #endif
  var tables = [UnsafePointer(reference)]
  if let active = HalfKernels.active { tables.append(active) }
  return tables
}

private func node(
  _ kind: OperatorKind, _ fields: [Int: AttributeValue], _ inputs: [Tensor], outputs: Int = 1, type: DataType = .unknown
) -> Node {
  Node(
    name: "n", kind: kind, attributes: MathHarness.attributes(fields), inputs: inputs,
    outputs: (0..<outputs).map { Tensor(name: "y\($0)", type: type, shape: Shape()) })
}

/// bfloat16 keeps 8 bits: each operand is off by up to 2^-9 of itself. A sum of products with random signs is off by a small part
/// of its peak.
private let tolerance = 1e-2

@Suite struct HalfPrecisionTests {
  /// The operator in float32 and with every half table: the results agree to the rounding of the operands, and differ (else the
  /// half-precision kernels did not run).
  private func compare(_ make: (MatrixHarness) -> Node, changes: Bool = true) throws {
    let h = MatrixHarness()
    let exact = try h.run(make(h)).map { Double($0) }
    for table in halfTables() {
      for threads in [1, 2] {
        let other = MatrixHarness(threads: threads)
        other.half = table
        let y = try other.run(make(other))
        #expect(relativeDifference(y, exact) < tolerance)
        #expect((relativeDifference(y, exact) > 1e-6) == changes)
        #expect(other.halfArithmetic == (changes ? table.pointee.arithmetic : 0))
      }
    }
  }

  @Test func matrixProducts() throws {
    for transposed in [false, true] {
      for half in [false, true] {
        try compare { h in
          node(
            .matMulFusion, [1: .bool(transposed)],
            [
              h.tensor(h.random(2 * 20 * 70), [2, 20, 70]),
              h.tensor(h.random(70 * 45), transposed ? [45, 70] : [70, 45], constant: true, half: half),
              h.tensor(h.random(45), [45], constant: true),
            ])
        }
      }
      // Both computed by the run; a transposed left side.
      try compare { h in
        node(
          .matMulFusion, [0: .bool(transposed), 1: .bool(!transposed)],
          [
            h.tensor(h.random(3 * 20 * 70), transposed ? [3, 70, 20] : [3, 20, 70]),
            h.tensor(h.random(3 * 70 * 33), transposed ? [3, 70, 33] : [3, 33, 70]),
          ])
      }
    }
  }

  /// Where rounding the operands costs more than it saves, float32 runs.
  @Test func smallProductsStayInFloat32() throws {
    try compare({ h in
      node(.matMulFusion, [:], [h.tensor(h.random(40 * 8), [40, 8]), h.tensor(h.random(8 * 64), [8, 64], constant: true)])
    }, changes: false)
    try compare({ h in
      node(.matMulFusion, [:], [h.tensor(h.random(40 * 24), [40, 24]), h.tensor(h.random(24 * 16), [24, 16], constant: true)])
    }, changes: false)
    try compare({ h in
      node(.matMulFusion, [:], [h.tensor(h.random(64), [1, 64]), h.tensor(h.random(64 * 64), [64, 64])])
    }, changes: false)
  }

  @Test func fullConnections() throws {
    for constant in [true, false] {
      try compare { h in
        node(
          .fullConnection, [0: .bool(true), 3: .int(1)],
          [
            h.tensor(h.random(18 * 100), [18, 100]), h.tensor(h.random(37 * 100), [37, 100], constant: constant),
            h.tensor(h.random(37), [37], constant: true),
          ])
      }
    }
  }

  @Test func convolutions() throws {
    for (group, kernel, stride) in [(1, 1, 1) as (Int, Int, Int), (1, 3, 1), (1, 3, 2), (2, 3, 1)] {
      for half in [false, true] {
        try compare { h in
          node(
            .conv2DFusion, [1: .ints([Int64(kernel), Int64(kernel)]), 2: .ints([Int64(stride), Int64(stride)]), 4: .int(1), 7: .int(Int64(group)), 10: .int(3)],
            [
              h.tensor(h.random(2 * 9 * 10 * 36), [2, 9, 10, 36]),
              h.tensor(h.random(40 * kernel * kernel * 36 / group), [40, kernel, kernel, 36 / group], constant: true, half: half),
              h.tensor(h.random(40), [40], constant: true),
            ])
        }
      }
    }
    // Depthwise: no half precision.
    try compare({ h in
      node(
        .conv2DFusion, [1: .ints([3, 3]), 2: .ints([1, 1]), 4: .int(1), 7: .int(24)],
        [h.tensor(h.random(9 * 10 * 24), [1, 9, 10, 24]), h.tensor(h.random(24 * 9), [24, 3, 3, 1], constant: true)])
    }, changes: false)
  }

  @Test func transposedConvolutions() throws {
    for group in [1, 2] {
      try compare { h in
        node(
          .conv2dTransposeFusion, [1: .ints([2, 2]), 2: .ints([2, 2]), 4: .int(2), 8: .int(Int64(group))],
          [
            h.tensor(h.random(2 * 5 * 6 * 40), [2, 5, 6, 40]), h.tensor(h.random(40 * 4 * 9), [40, 2, 2, 9], constant: true),
            h.tensor(h.random(9 * group), [9 * group], constant: true),
          ])
      }
    }
  }

  @Test func recurrentLayers() throws {
    let t = 5, b = 2, i = 40, hidden = 24
    func scaled(_ v: [Float]) -> [Float] { v.map { $0 * 0.3 } }
    for half in [false, true] {
      try compare { h in
        node(
          .lstm, [0: .bool(true)],
          [
            h.tensor(h.random(t * b * i), [t, b, i]), h.tensor(scaled(h.random(2 * 4 * hidden * i)), [2, 4 * hidden, i], constant: true, half: half),
            h.tensor(scaled(h.random(2 * 4 * hidden * hidden)), [2, 4 * hidden, hidden], constant: true, half: half),
            h.tensor(h.random(2 * 8 * hidden), [2, 8 * hidden], constant: true),
            h.tensor(h.random(2 * b * hidden), [2, b, hidden]), h.tensor(h.random(2 * b * hidden), [2, b, hidden]),
          ], outputs: 3)
      }
      for resetsLast in [0, 1] {
        try compare { h in
          node(
            .gru, [0: .bool(true), 1: .int(Int64(resetsLast))],
            [
              h.tensor(h.random(t * b * i), [t, b, i]), h.tensor(scaled(h.random(2 * 3 * hidden * i)), [2, 3 * hidden, i], constant: true, half: half),
              h.tensor(scaled(h.random(2 * 3 * hidden * hidden)), [2, 3 * hidden, hidden], constant: true, half: half),
              h.tensor(h.random(2 * 6 * hidden), [2, 6 * hidden], constant: true), h.tensor(h.random(2 * b * hidden), [2, b, hidden]),
            ], outputs: 2)
        }
      }
    }
  }
}

/// Operators on float16 variables: the float32 operator's result for the widened values, rounded.
@Suite struct Float16VariableTests {
  /// Runs the node with float16 variables (inputs `variables`; others as they are) and with the same values in float32.
  private func compare(
    _ kind: OperatorKind, _ fields: [Int: AttributeValue] = [:], _ inputs: [(dims: [Int], constant: Bool)], positive: Bool = false,
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let h = MatrixHarness()
    var wide = [Tensor](), narrow = [Tensor]()
    for input in inputs {
      // Values that float16 has, so that widening loses nothing.
      let values = h.random(input.dims.reduce(1, *)).map { Float(Float16(positive ? abs($0) + 0.5 : $0)) }
      wide.append(h.tensor(values, input.dims, constant: input.constant))
      narrow.append(h.tensor(values, input.dims, constant: input.constant, half: true))
    }
    let expected = try h.run(node(kind, fields, wide))
    let halves = node(kind, fields, narrow)
    let actual = try h.run(halves)
    #expect(halves.outputs[0].type == .float16, "\(kind.name)", sourceLocation: location)
    #expect(actual == expected.map { Float(Float16($0)) }, "\(kind.name)", sourceLocation: location)
    // An output that the model declares as float32 is not rounded.
    let declared = node(kind, fields, narrow, type: .float32)
    #expect(try h.run(declared) == expected, "\(kind.name)", sourceLocation: location)
  }

  @Test func elementwise() throws {
    for kind in [OperatorKind.addFusion, .subFusion, .mulFusion, .divFusion, .maximum, .minimum, .squaredDifference] {
      try compare(kind, [:], [([2, 3, 5], false), ([3, 5], false)], positive: true)
      try compare(kind, [:], [([2, 3, 5], false), ([5], true)], positive: true)
      try compare(kind, [:], [([3, 5], true), ([2, 3, 5], false)], positive: true)
    }
    for kind in [OperatorKind.abs, .neg, .sqrt, .rsqrt, .square, .log, .expFusion, .sin, .cos, .floor, .ceil, .round, .reciprocal, .erf] {
      try compare(kind, kind == .expFusion ? [0: .float(-1), 1: .float(1), 2: .float(0)] : [:], [([17], false)], positive: true)
    }
    try compare(.addN, [:], [([2, 3], false), ([2, 3], false), ([2, 3], true)])
    try compare(.biasAdd, [:], [([2, 3], false), ([3], true)])
  }

  @Test func layers() throws {
    for type in [1, 2, 3, 10, 12] { try compare(.activation, [0: .int(Int64(type))], [([3, 7], false)]) }
    try compare(.softmax, [0: .ints([-1])], [([4, 9], false)])
    try compare(.reduceFusion, [0: .bool(false), 2: .int(0)], [([4, 9], false)])
    try compare(.layerNormFusion, [0: .int(-1), 1: .float(1e-5), 2: .bool(true), 3: .int(-1)], [([4, 9], false), ([9], true), ([9], true)])
    try compare(.pReLUFusion, [:], [([1, 3, 3, 5], false), ([5], true)])
    try compare(.maxPoolFusion, [0: .ints([2, 2]), 1: .ints([1, 1]), 3: .int(2)], [([1, 5, 5, 3], false)])
    try compare(.avgPoolFusion, [0: .ints([2, 2]), 1: .ints([1, 1]), 3: .int(2)], [([1, 5, 5, 3], false)])
    try compare(.resize, [1: .int(0), 2: .int(7), 3: .int(8), 6: .int(0)], [([1, 5, 5, 3], false)])
    try compare(.scaleFusion, [0: .int(-1)], [([2, 2, 2, 5], false), ([5], true), ([5], true)])
  }

  @Test func products() throws {
    try compare(.matMulFusion, [:], [([4, 9], false), ([9, 6], true)])
    try compare(.matMulFusion, [:], [([4, 9], false), ([9, 6], false)])
    try compare(.fullConnection, [0: .bool(true)], [([4, 9], false), ([6, 9], true), ([6], true)])
    try compare(.conv2DFusion, [1: .ints([3, 3]), 4: .int(1), 7: .int(1)], [([1, 5, 5, 4], false), ([6, 3, 3, 4], true), ([6], true)])
    try compare(.conv2DFusion, [1: .ints([3, 3]), 4: .int(1), 7: .int(4)], [([1, 5, 5, 4], false), ([4, 3, 3, 1], true)])
    try compare(.conv2dTransposeFusion, [1: .ints([2, 2]), 2: .ints([2, 2]), 4: .int(2)], [([1, 5, 5, 4], false), ([4, 2, 2, 3], true)])
    try compare(
      .lstm, [:],
      [([3, 2, 5], false), ([1, 16, 5], true), ([1, 16, 4], true), ([1, 32], true), ([1, 2, 4], false), ([1, 2, 4], false)])
    try compare(
      .gru, [:], [([3, 2, 5], false), ([1, 12, 5], true), ([1, 12, 4], true), ([1, 24], true), ([1, 2, 4], false)])
  }

  /// A result that is no float keeps its type.
  @Test func comparisons() throws {
    let h = MatrixHarness()
    let a = h.tensor([1, 2, 3], [3], half: true), b = h.tensor([2, 2, 2], [3], half: true)
    let n = node(.greater, [:], [a, b])
    _ = try h.run(n)
    #expect(n.outputs[0].type == .bool)
    #expect(MathHarness.values(n.outputs[0], UInt8.self) == [0, 0, 1])
  }

  @Test func emptyTensors() throws {
    try compare(.addFusion, [:], [([0, 3], false), ([3], true)])
    try compare(.abs, [:], [([0], false)])
  }

  /// What the float32 operator refuses is refused, with its own words.
  @Test func refusals() throws {
    let h = MatrixHarness()
    let text = h.failure(node(.matMulFusion, [:], [h.tensor(h.random(6), [2, 3], half: true), h.tensor(h.random(8), [4, 2], half: true)]))
    #expect(text?.contains("inner sizes differ") == true)
  }
}
