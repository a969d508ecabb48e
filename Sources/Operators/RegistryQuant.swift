import Graph

extension Registry {
  /// The factory of a kind that chooses between two operators by the type of the node's first input: `plain` for all but int8 and
  /// uint8, which stand for real numbers here.
  static func byQuantization(_ kind: OperatorKind, _ plain: @escaping OperatorFactory) -> OperatorFactory {
    guard let quantised = quantFactory(for: kind) else { return plain }
    return { n throws(EngineError) in
      if n.inputs.first?.type.isByteInteger == true { return try quantised(n) }
      return try plain(n)
    }
  }

  /// Operators on int8 and uint8 that are no matrix products. Mathematical kinds without a line of their own compute in float32.
  private static func quantFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .abs, .neg, .sqrt, .rsqrt, .square, .log, .expFusion, .sin, .cos, .floor, .ceil, .round, .reciprocal, .erf, .elu,
      .leakyRelu, .activation:
      return { n throws(EngineError) in try QuantUnaryOperator(n) }
    case .addFusion, .subFusion, .mulFusion, .biasAdd: return { n throws(EngineError) in try QuantArithmeticOperator(n) }
    case .eltwise:
      return { n throws(EngineError) in
        if n.attributes.int(0, 0) == 2 { return try DequantizedOperator.make(n) { n throws(EngineError) in try ArithmeticOperator(n) } }
        return try QuantArithmeticOperator(n)
      }
    case .avgPoolFusion, .maxPoolFusion: return { n throws(EngineError) in try QuantPoolOperator(n) }
    case .softmax: return { n throws(EngineError) in try QuantSoftmaxOperator(n) }
    case .resize: return { n throws(EngineError) in try QuantResizeOperator.make(n) }
    case .reduceFusion: return { n throws(EngineError) in try QuantReduceOperator.make(n) }
    // Bytes that are no quantised numbers, and operators that requantise themselves.
    case .cast, .quantDTypeCast, .concat: return nil
    default:
      if let plain = mathFactory(for: kind) { return { n throws(EngineError) in try DequantizedOperator.make(n, plain) } }
      return nil
    }
  }

  /// The factory of a kind that moves data: `plain` copies bytes, which is right while all quantised tensors of the node share
  /// their parameters.
  static func movingQuantised(_ kind: OperatorKind, _ plain: @escaping OperatorFactory) -> OperatorFactory {
    switch kind {
    case .cast, .quantDTypeCast, .concat: return plain
    default: break
    }
    return { n throws(EngineError) in
      var first: QuantParam? = nil
      var inputs = 0, source = 0
      var differ = false
      for (i, t) in (n.inputs + n.outputs).enumerated() where t.isQuantized {
        // Weights with a scale per channel are moved as they are.
        if t.quantParams.count != 1 { return try plain(n) }
        if i < n.inputs.count {
          inputs += 1
          source = i
        }
        if let first, first.scale != t.quantParams[0].scale || first.zeroPoint != t.quantParams[0].zeroPoint { differ = true }
        first = first ?? t.quantParams[0]
      }
      if !differ || inputs == 0 { return try plain(n) }
      return inputs == 1 ? try RequantizedOperator.make(n, source, plain) : try DequantizedOperator.make(n, plain)
    }
  }
}
