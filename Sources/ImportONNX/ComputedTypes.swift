import ConverterCore
import Graph

/// The engine's arithmetic has float32, int32, int64 and bool; the other element types are computed in the next wider of them.
extension Formula {
  /// The type in which numbers of `type` are computed without loss (uint64 loses its highest bit).
  static func computedType(_ type: DataType) -> DataType {
    switch type {
    case .float16, .float64: return .float32
    case .int8, .int16, .uint8, .uint16: return .int32
    case .uint32, .uint64: return .int64
    default: return type
    }
  }

  /// `x` in the type it is computed in.
  func widened(_ x: Tensor) throws(EngineError) -> Tensor { try cast(x, Formula.computedType(x.type)) }

  /// `x` in the type it is computed in, bool as int32.
  func number(_ x: Tensor) throws(EngineError) -> Tensor { x.type == .bool ? try cast(x, .int32) : try widened(x) }

  func float(_ x: Tensor) throws(EngineError) -> Tensor { try cast(x, .float32) }
  func int(_ x: Tensor) throws(EngineError) -> Tensor { try cast(x, .int32) }

  /// A rank-0 constant of a type that is computed in, which broadcasts to everything without changing a rank.
  func scalar(_ value: Int, _ type: DataType) throws(EngineError) -> Tensor {
    switch type {
    case .float32: return scalar(Float(value))
    case .bool: return graph.constant(bools: [value != 0], dims: [])
    case .int32: return scalar(value)
    default: return try cast(scalar(value), type)
    }
  }

  func neg(_ x: Tensor) throws(EngineError) -> Tensor { try unary(.neg, x) }
  func equal(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.equal, [:], [a, b]) }
  func floorMod(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try graph.add1(.floorMod, [:], [a, b]) }
  /// The quotient of integers, rounded down. (The format's FloorDiv rounds quotients of integers to zero.)
  func floorDiv(_ a: Tensor, _ b: Tensor) throws(EngineError) -> Tensor { try div(sub(a, floorMod(a, b)), b) }
  func log1p(_ x: Tensor) throws(EngineError) -> Tensor { try unary(.log1p, x) }

  /// A computed list of dimensions or indices from pieces, each of rank 1.
  func joined(_ parts: [Tensor]) throws(EngineError) -> Tensor { try concat(parts, 0) }

  /// The dimensions `range` of `x`, as a list.
  func dims(_ x: Tensor, _ range: Range<Int>) throws(EngineError) -> Tensor {
    if let known = graph.dims(of: x), range.upperBound <= known.count, known[range].allSatisfy({ $0 >= 0 }) { return list(Array(known[range])) }
    return try slice(try shape(x), axis: 0, from: range.lowerBound, to: range.upperBound)
  }

  /// The numbers 0, 1, ... before `count`, which is a scalar.
  func counting(_ count: Tensor) throws(EngineError) -> Tensor {
    try graph.add1(.range, ["d_type": .number(Int(DataType.int32.rawValue)), "start": 0, "limit": 0, "delta": 1], [scalar(0), count, scalar(1)])
  }
}
