import Graph
import Testing

@testable import Operators

/// Small whole numbers mean the same in every element type, so an operator must give the same answer for all of them: what a case
/// gives in float32 (whose results other tests compare with independent references) it must give in every type that the operator
/// accepts, and the same for its index inputs.
struct EveryTypeTests {
  struct Case {
    let kind: OperatorKind
    var fields: [(Int, AttributeValue)] = []
    let inputs: [Value]
    var outputs = 1
    /// Inputs whose values come before the run; nil: all but the first.
    var known: Set<Int>? = nil
    /// Inputs of this type mean something else in another one.
    var fixed: DataType? = nil
  }

  static var numbers: [DataType] {
    [.bool, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64, .float16, .float32, .float64, .string]
  }

  /// 0, 1, 2, ... below `limit`, in an order that is not sorted.
  static func data(_ dims: [Int], limit: Int = 60, from: Int = 0) -> Value {
    let n = dims.reduce(1, *)
    return .floats(dims, (0..<n).map { Float(from + ($0 * 7 + 3) % limit) })
  }
  static func ints(_ v: Int32...) -> Value { .ints([v.count], v) }
  static func pairs(_ rows: [[Int32]]) -> Value { .ints([rows.count, rows[0].count], rows.flatMap { $0 }) }

  static var cases: [Case] {
    let x = data([2, 3, 4]), image = data([2, 4, 6, 4]), y = data([2, 3, 4], from: 1)
    let mask = Value.bools([2, 3, 4], (0..<24).map { $0 % 3 == 0 })
    var all: [Case] = [
      Case(kind: .concat, fields: [(0, .int(1))], inputs: [x, data([2, 2, 4])]),
      Case(kind: .split, fields: [(0, .int(2)), (2, .int(2))], inputs: [x], outputs: 2),
      Case(kind: .split, fields: [(0, .int(2)), (2, .int(2))], inputs: [x, ints(1, 3)], outputs: 2),
      Case(kind: .stack, fields: [(0, .int(1))], inputs: [x, y]),
      Case(kind: .unstack, fields: [(0, .int(-2))], inputs: [x], outputs: 3),
      Case(kind: .reshape, inputs: [x, ints(6, -1)]), Case(kind: .reshape, inputs: [x, ints(6, 4)]),
      Case(kind: .squeeze, inputs: [data([2, 1, 3])]), Case(kind: .squeeze, inputs: [data([2, 1, 3]), ints(1)]),
      Case(kind: .unsqueeze, fields: [(0, .ints([1]))], inputs: [x]), Case(kind: .unsqueeze, inputs: [x, ints(0, 4)]),
      Case(kind: .expandDims, inputs: [x, .scalar(1)]), Case(kind: .flatten, fields: [(0, .int(2))], inputs: [x]),
      Case(kind: .flattenGrad, inputs: [x, ints(6, 4)]), Case(kind: .assign, inputs: [x, y], known: []), Case(kind: .assignAdd, inputs: [x, y], known: []),
      Case(kind: .stridedSliceGrad, inputs: [data([2, 3]), ints(3, 7), ints(0, 1), ints(3, 7), ints(2, 2)]),
      Case(kind: .transpose, inputs: [x, ints(2, 0, 1)]), Case(kind: .formatTranspose, fields: [(0, .int(1)), (1, .int(0))], inputs: [image]),
      Case(kind: .tileFusion, inputs: [x, ints(2, 1, 3)]),
      Case(kind: .broadcastTo, inputs: [data([3, 1]), ints(2, 3, 4)]),
      Case(kind: .padFusion, inputs: [x, pairs([[1, 0], [0, 2], [1, 1]]), .floats([], [0])]),
      Case(kind: .padFusion, fields: [(1, .int(1))], inputs: [x, pairs([[1, 0], [0, 2], [1, 1]])]),
      Case(kind: .sliceFusion, inputs: [x, ints(0, 1, 1), ints(2, -1, 2)]),
      Case(kind: .stridedSlice, inputs: [x, ints(0, 2, 1), ints(2, 0, 4), ints(1, -1, 2)]),
      Case(kind: .stridedSlice, inputs: [x, ints(2, 1), ints(0, 4), ints(1, 2), ints(-1, 2)]),
      Case(kind: .crop, fields: [(0, .int(1)), (1, .ints([1, 2]))], inputs: [x, data([2, 2, 2])], known: []),
      // What an attribute says wins over an input; an input of which only the shape counts may have any type.
      Case(kind: .crop, fields: [(0, .int(1)), (1, .ints([1, 2]))], inputs: [x, .ints([2, 2, 2], [Int32](repeating: 1, count: 8))], known: []),
      Case(kind: .reverseV2, fields: [(0, .ints([0, -1]))], inputs: [x]),
      Case(kind: .reverseV2, fields: [(0, .ints([0, -1]))], inputs: [x, ints(0, 2)]),
      Case(kind: .unstack, fields: [(0, .int(-2))], inputs: [x, ints(1)], outputs: 3),
      Case(kind: .nonZero, inputs: [data([3, 4], limit: 3), ints(1)], known: [0]),
      Case(kind: .unsqueeze, fields: [(0, .ints([1]))], inputs: [x, ints(1)]),
      Case(kind: .depend, inputs: [x, y, x, y, x], known: []), Case(kind: .select, inputs: [mask, x, x, y, y], outputs: 2),
      Case(kind: .reverseSequence, fields: [(0, .int(1)), (1, .int(0))], inputs: [x, ints(2, 3)]),
      Case(kind: .spaceToDepth, fields: [(0, .int(2))], inputs: [image]), Case(kind: .depthToSpace, fields: [(0, .int(2))], inputs: [image]),
      Case(kind: .spaceToBatch, fields: [(0, .ints([2, 3])), (1, .ints2D([[0, 0], [0, 0]]))], inputs: [image]),
      Case(kind: .spaceToBatchND, fields: [(0, .ints([2, 3])), (1, .ints2D([[1, 1], [0, 0]]))], inputs: [image]),
      Case(kind: .batchToSpace, fields: [(0, .ints([2, 1])), (1, .ints2D([[0, 1], [1, 1]]))], inputs: [image]),
      Case(kind: .batchToSpaceND, fields: [(0, .ints([1, 2])), (1, .ints2D([[0, 0], [0, 0]]))], inputs: [image]),
      Case(kind: .gather, inputs: [x, ints(2, 0, -1), .scalar(1)]), Case(kind: .gatherNd, inputs: [x, pairs([[1, 2], [0, 0]])]),
      Case(kind: .gatherD, inputs: [x, .scalar(2), .ints([2, 3, 2], [3, 0, 1, 1, 2, 0, 0, 0, 1, 3, 2, 2])]),
      Case(kind: .scatterNd, inputs: [pairs([[1], [3]]), data([2, 2], from: 1), ints(5, 2)], known: [2]),
      Case(kind: .scatterNdUpdate, inputs: [data([4, 2]), pairs([[1], [3]]), data([2, 2], from: 30)]),
      Case(kind: .tensorScatterAdd, inputs: [data([4, 2], limit: 20), pairs([[1], [1]]), data([2, 2], limit: 20)]),
      Case(kind: .scatterElements, fields: [(0, .int(1))], inputs: [data([2, 4]), .ints([2, 2], [3, 0, 1, 2]), data([2, 2], from: 9)]),
      Case(kind: .oneHot, fields: [(0, .int(-1))], inputs: [ints(2, 0, 3), .scalar(4), .floats([], [1]), .floats([], [0])]),
      Case(kind: .oneHot, fields: [(0, .int(0))], inputs: [ints(2, 0, 3), .scalar(4), .floats([2], [0, 1])]),
      Case(kind: .select, inputs: [mask, x, y]), Case(kind: .where, inputs: [mask, x, y]), Case(kind: .where, inputs: [data([3, 4], limit: 3)], known: [0]),
      Case(kind: .nonZero, inputs: [data([3, 4], limit: 3)], known: [0]), Case(kind: .unique, inputs: [data([24], limit: 5)], outputs: 2, known: [0]),
      Case(kind: .triu, inputs: [x, .scalar(1)]), Case(kind: .tril, inputs: [x]), Case(kind: .triu, inputs: [x]), Case(kind: .tril, inputs: [x, .scalar(-1)]),
      Case(kind: .fill, inputs: [.floats([], [7]), ints(2, 3)]), Case(kind: .fillV2, inputs: [ints(2, 3), .floats([], [7])], known: [0]),
      Case(kind: .zerosLike, inputs: [x]), Case(kind: .onesLike, inputs: [x]), Case(kind: .shape, inputs: [x]), Case(kind: .size, inputs: [x]),
      Case(kind: .rank, inputs: [x]), Case(kind: .depend, inputs: [x, y], known: []), Case(kind: .dropout, inputs: [x]),
      Case(kind: .constantOfShape, fields: [(0, .int(43)), (1, .floats([3]))], inputs: [ints(2, 3)], known: [0]),
      Case(kind: .sparseToDense, inputs: [pairs([[0, 1], [2, 3]]), ints(3, 4), .floats([2], [5, 6]), .floats([], [1])], known: [1]),
      Case(kind: .resize, fields: [(1, .int(1)), (2, .int(8)), (3, .int(3)), (5, .int(0))], inputs: [image]),
      Case(kind: .resize, fields: [(1, .int(1)), (5, .int(0))], inputs: [image, ints(2, 9)], fixed: .int32),
      Case(kind: .range, fields: [(1, .int(2)), (2, .int(11)), (3, .int(3))], inputs: [x]),
      Case(kind: .range, inputs: [.floats([], [2]), .floats([], [11]), .floats([], [3])], known: [0, 1, 2]),
      Case(kind: .argMaxFusion, fields: [(0, .int(1)), (1, .int(2)), (2, .bool(true))], inputs: [x]),
      Case(kind: .argMinFusion, fields: [(0, .int(-1)), (1, .int(1)), (2, .bool(false))], inputs: [x]),
      Case(kind: .topKFusion, fields: [(0, .bool(true)), (1, .int(-1)), (2, .int(1))], inputs: [x, .scalar(2)], outputs: 2),
      Case(kind: .cumSum, inputs: [data([2, 3], limit: 9), .scalar(1)]),
      Case(kind: .reduceFusion, fields: [(0, .bool(true)), (1, .int(1))], inputs: [x, ints(1)]),
      Case(kind: .reduceFusion, fields: [(0, .bool(false)), (1, .int(4))], inputs: [data([2, 3], limit: 9), ints(0, 1)]),
      Case(kind: .invertPermutation, inputs: [ints(2, 0, 1, 3)]), Case(kind: .addN, inputs: [x, y, x]),
      Case(kind: .square, inputs: [data([7], limit: 9)]), Case(kind: .abs, inputs: [x]), Case(kind: .maxPoolFusion, fields: [(0, .ints([2, 2])), (1, .ints([2, 2]))], inputs: [image]),
      Case(kind: .cast, inputs: [x, .scalar(43)]), Case(kind: .cast, inputs: [data([9], limit: 2), .scalar(30)]), Case(kind: .cast, inputs: [x, .scalar(34)]),
      Case(kind: .activation, fields: [(0, .int(1))], inputs: [x]), Case(kind: .clip, fields: [(0, .float(20)), (1, .float(5))], inputs: [x]),
      Case(kind: .clip, inputs: [x, .floats([], [5]), .floats([], [20])]),
      Case(kind: .batchNorm, fields: [(0, .float(0))], inputs: [image, .floats([4], [1, 2, 3, 4]), .floats([4], [1, 1, 1, 1])]),
      Case(kind: .scaleFusion, fields: [(0, .int(-1))], inputs: [data([3, 4], limit: 9), .floats([4], [1, 2, 3, 4]), .floats([4], [4, 3, 2, 1])]),
      // A grid of whole numbers, so that quantised values lie on it.
      Case(
        kind: .fakeQuantWithMinMaxVars, fields: [(0, .int(2))], inputs: [data([3, 5], limit: 6), .floats([], [0]), .floats([], [3])]),
      Case(
        kind: .fakeQuantWithMinMaxVarsPerChannel, fields: [(0, .int(2))],
        inputs: [data([5, 2], limit: 6), .floats([2], [0, 0]), .floats([2], [3, 6])]),
      Case(kind: .lpNormalization, fields: [(0, .int(1)), (1, .int(2))], inputs: [.floats([2, 3], [0, 9, 0, 5, 0, 0])]),
      Case(
        kind: .cropAndResize, fields: [(0, .int(1))],
        inputs: [image, .floats([2, 4], [0, 0, 1, 1, 1, 0, 0, 1]), ints(0, 1), ints(3, 2)], known: [2, 3]),
      Case(kind: .biasAdd, inputs: [image, .floats([4], [1, 2, 3, 4])]),
      Case(kind: .powFusion, fields: [(0, .float(1)), (1, .float(0))], inputs: [data([7], limit: 9), .floats([], [2])]),
      Case(kind: .eltwise, fields: [(0, .int(1))], inputs: [x, y]), Case(kind: .eltwise, fields: [(0, .int(2))], inputs: [x, y]),
    ]
    for kind in [OperatorKind.addFusion, .subFusion, .maximum, .minimum, .squaredDifference] {
      all.append(Case(kind: kind, inputs: [data([2, 3], limit: 7, from: 4), data([1, 3], limit: 4)], known: []))
    }
    for kind in [OperatorKind.mulFusion, .divFusion, .realDiv, .floorDiv, .floorMod, .mod] {
      all.append(Case(kind: kind, inputs: [.floats([4], [4, 8, 6, 12]), .floats([4], [2, 4, 1, 3])], known: []))
    }
    for kind in [OperatorKind.equal, .notEqual, .greater, .greaterEqual, .less, .lessEqual] {
      all.append(Case(kind: kind, inputs: [data([4, 3], limit: 3), data([3], limit: 3)], known: []))
    }
    for kind in [OperatorKind.logicalAnd, .logicalOr] {
      all.append(Case(kind: kind, inputs: [.bools([4], [true, true, false, false]), .bools([4], [true, false, true, false])], known: []))
    }
    return all + rareCases
  }

  @Test(arguments: EveryTypeTests.cases.indices) func agrees(index: Int) throws {
    let c = EveryTypeTests.cases[index]
    let wanted = try run(c, c.inputs)
    var tried = [DataType]()
    for old in c.inputs.map({ $0.type }) where !tried.contains(old) && old != c.fixed {
      tried.append(old)
      let values = c.inputs.filter { $0.type == old }.flatMap { numbers($0) ?? [] }
      for new in EveryTypeTests.numbers where new != old {
        if [.bool, .uint8, .uint16, .uint32, .uint64, .string].contains(new) && values.contains(where: { $0 < 0 }) { continue }
        // Truth values have two numbers, and sums of them are no sums.
        var wanted = wanted, inputs = c.inputs
        if new == .bool && values.contains(where: { $0 > 1 }) {
          if old != .float32 { continue }
          inputs = c.inputs.map { $0.type == old ? converted(numbers($0)!.map { Double(Int($0) % 2) }, .float32, $0.dims) : $0 }
          guard let again = try? run(c, inputs) else { continue }
          wanted = again
        }
        inputs = inputs.map { $0.type == old ? converted(numbers($0)!, new, $0.dims) : $0 }
        guard let got = try? run(c, inputs) else { continue }
        #expect(got.count == wanted.count)
        for (g, w) in zip(got, wanted) {
          #expect(g.dims == w.dims, "\(c.kind.name) \(new.name)")
          guard let a = numbers(g), let b = numbers(w) else {
            Issue.record("\(c.kind.name) \(new.name) gives \(g.type.name)")
            continue
          }
          // A sum of truth values is true or false.
          var b2 = g.type == .bool ? b.map { $0 != 0 ? 1 : 0 } : b
          // Quantised results saturate.
          if g.type == .int8 { b2 = b2.map { max(-128, min($0, 127)) } }
          if g.type == .uint8 { b2 = b2.map { max(0, min($0, 255)) } }
          #expect(a == b2, "\(c.kind.name) with \(new.name) for \(old.name)")
        }
      }
    }
  }

  private func run(_ c: Case, _ inputs: [Value]) throws -> [Value] {
    var run = OperatorRun(kind: c.kind, known: c.known)
    for (id, v) in c.fields { run.attributes[id] = v }
    let unit = [QuantParam(scale: 1, zeroPoint: 0, bits: 8, varianceCorrection: 1, meanCorrection: 0)]
    for (i, v) in inputs.enumerated() where v.type == .int8 || v.type == .uint8 { run.quantParams[i] = unit }
    for i in 0..<c.outputs { run.quantParams[-1 - i] = unit }
    return try run(inputs, outputs: c.outputs)
  }

  private func numbers(_ v: Value) -> [Double]? {
    switch v.type {
    case .bool, .uint8, .string: return v.elements(UInt8.self).map { Double($0) }
    case .int8: return v.elements(Int8.self).map { Double($0) }
    case .int16: return v.elements(Int16.self).map { Double($0) }
    case .uint16: return v.elements(UInt16.self).map { Double($0) }
    case .int32: return v.elements(Int32.self).map { Double($0) }
    case .uint32: return v.elements(UInt32.self).map { Double($0) }
    case .int64: return v.elements(Int64.self).map { Double($0) }
    case .uint64: return v.elements(UInt64.self).map { Double($0) }
    case .float16: return v.elements(Float16.self).map { Double($0) }
    case .float32: return v.elements(Float.self).map { Double($0) }
    case .float64: return v.elements(Double.self)
    case .unknown, .tensorList: return nil
    }
  }

  private func converted(_ v: [Double], _ type: DataType, _ dims: [Int]) -> Value {
    switch type {
    case .bool, .uint8, .string: return Value(type, dims, v.map { UInt8($0) })
    case .int8: return Value(type, dims, v.map { Int8($0) })
    case .int16: return Value(type, dims, v.map { Int16($0) })
    case .uint16: return Value(type, dims, v.map { UInt16($0) })
    case .int32: return Value(type, dims, v.map { Int32($0) })
    case .uint32: return Value(type, dims, v.map { UInt32($0) })
    case .int64: return Value(type, dims, v.map { Int64($0) })
    case .uint64: return Value(type, dims, v.map { UInt64($0) })
    case .float16: return Value(type, dims, v.map { Float16($0) })
    case .float32: return Value(type, dims, v.map { Float($0) })
    case .float64: return Value(type, dims, v)
    case .unknown, .tensorList: preconditionFailure("no numbers")
    }
  }
}
