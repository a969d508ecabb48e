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
    case .reduceFusion, .all: return { n throws(EngineError) in try ReduceOperator(n) }
    case .avgPoolFusion, .maxPoolFusion: return { n throws(EngineError) in try PoolOperator(n) }
    case .fusedBatchNorm, .batchNorm:
      return { n throws(EngineError) in
        // Only graphs of training read the batch's statistics.
        n.kind == .fusedBatchNorm && n.outputs.count >= 5 ? try TrainableBatchNormOperator(n) : try BatchNormOperator(n)
      }
    case .scaleFusion: return { n throws(EngineError) in try ScaleOperator(n) }
    case .pReLUFusion: return { n throws(EngineError) in try PReLUOperator(n) }
    case .layerNormFusion: return { n throws(EngineError) in try LayerNormOperator(n) }
    case .instanceNorm, .groupNormFusion: return { n throws(EngineError) in try GroupNormOperator(n) }
    case .l2NormalizeFusion: return { n throws(EngineError) in try L2NormalizeOperator(n) }
    case .lrn: return { n throws(EngineError) in try LRNOperator(n) }
    case .resize: return { n throws(EngineError) in try ResizeOperator(n) }
    case .fakeQuantWithMinMaxVars, .fakeQuantWithMinMaxVarsPerChannel:
      return { n throws(EngineError) in try FakeQuantizationOperator(n) }
    case .lpNormalization: return { n throws(EngineError) in try LpNormalizationOperator(n) }
    case .lstm: return { n throws(EngineError) in try LSTMOperator(n) }
    case .gru: return { n throws(EngineError) in try GRUOperator(n) }
    default: return nil
    }
  }
}
