import Graph

/// The mathematical operators by kind.
extension Registry {
  /// nil when the kind is not one of them.
  static func mathFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .abs, .neg, .sqrt, .rsqrt, .square, .log, .expFusion, .sin, .cos, .floor, .ceil, .round, .reciprocal, .erf, .elu,
      .leakyRelu:
      return { n throws(EngineError) in try UnaryOperator(n) }
    case .log1p: return { n throws(EngineError) in try Log1pOperator(n) }
    case .logicalNot: return { n throws(EngineError) in try LogicalNotOperator(n) }
    case .activation: return { n throws(EngineError) in try ActivationOperator(n) }
    case .clip: return { n throws(EngineError) in try ClipOperator(n) }
    case .addFusion, .subFusion, .mulFusion, .divFusion, .realDiv, .maximum, .minimum, .eltwise, .floorDiv, .floorMod, .mod,
      .squaredDifference, .biasAdd:
      return { n throws(EngineError) in try ArithmeticOperator(n) }
    case .addN: return { n throws(EngineError) in try AddNOperator(n) }
    case .equal, .notEqual, .greater, .greaterEqual, .less, .lessEqual, .logicalAnd, .logicalOr:
      return { n throws(EngineError) in try ComparisonOperator(n) }
    case .powFusion: return { n throws(EngineError) in try PowerOperator(n) }
    case .softmax, .logSoftmax: return { n throws(EngineError) in try SoftmaxOperator(n) }
    default: return nil
    }
  }
}
