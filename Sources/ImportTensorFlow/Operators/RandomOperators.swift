import ConverterCore
import Graph

/// Random numbers.
enum RandomOperators {
  static let table: [String: TensorFlowOperator] = [
    "RandomStandardNormal": { n throws(EngineError) in [try random(n, .randomStandardNormal)] },
    "RandomUniform": { n throws(EngineError) in [try random(n, .uniformReal)] },
  ]

  private static func random(_ n: TensorFlowNode, _ kind: OperatorKind) throws(EngineError) -> Tensor {
    if let type = try n.type("dtype"), type != .float32 { throw EngineError(.notSupported, "random numbers of type \(type.name)") }
    return try n.graph.add1(kind, ["seed": .int(n.int64("seed")), "seed2": .int(n.int64("seed2"))], [n.input(0)])
  }
}
