import ConverterCore
import Graph

/// Operators that pick or place entries by number, and random numbers.
enum IndexPrimitives {
  static let table: [String: MindPrimitive] = [
    "Gather": gather, "GatherV2": gather, "SparseGatherV2": gather, "GatherD": gatherElements, "OneHot": oneHot, "EmbeddingLookup": embedding,
    "Tril": { n throws(EngineError) in try triangle(n, .tril) }, "Triu": { n throws(EngineError) in try triangle(n, .triu) },
    "StandardNormal": normal,
  ]

  private static func gather(_ n: MindNode) throws(EngineError) -> [Tensor] {
    if try n.int("batch_dims", operand: 3, default: 0) != 0 { throw EngineError(.notSupported, "batch_dims other than 0 cannot be converted") }
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("axis", operand: 2, default: 0), of: x)
    return try n.emit(.gather, [:], [x, try n.tensor(1), n.b.constant(ints: [axis], dims: [])])
  }

  /// Operands: x, axis, indices.
  private static func gatherElements(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let x = try n.tensor(0)
    let axis = try n.axis(try n.int("dim", operand: 1), of: x)
    return try n.emit(.gatherD, [:], [x, n.b.constant(ints: [axis], dims: []), try n.tensor(n.count > 2 ? 2 : 1)])
  }

  private static func oneHot(_ n: MindNode) throws(EngineError) -> [Tensor] {
    let depth = n.b.constant(ints: [try n.int("depth", operand: 1)], dims: [])
    return try n.emit(
      .oneHot, ["axis": .number(try n.int("axis", operand: 4, default: -1))], [try n.tensor(0), depth, try n.tensor(2), try n.tensor(3)])
  }

  private static func embedding(_ n: MindNode) throws(EngineError) -> [Tensor] {
    if try n.int("offset", operand: 2, default: 0) != 0 { throw EngineError(.notSupported, "an offset cannot be converted") }
    return try n.emit(.gather, [:], [try n.tensor(0), try n.tensor(1), n.b.constant(ints: [0], dims: [])])
  }

  private static func triangle(_ n: MindNode, _ kind: OperatorKind) throws(EngineError) -> [Tensor] {
    try n.emit(kind, [:], [try n.tensor(0), n.b.constant(ints: [try n.int("diagonal", operand: 1, default: 0)], dims: [])])
  }

  private static func normal(_ n: MindNode) throws(EngineError) -> [Tensor] {
    try n.emit(
      .randomStandardNormal, ["seed": .number(try n.int("seed", default: 0)), "seed2": .number(try n.int("seed2", default: 0))],
      [try n.tensor(0)])
  }
}
