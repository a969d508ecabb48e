import Graph

/// Gradients, losses and optimisers.
extension Registry {
  /// Operators that change weights: these stay float32, also where the tensors beside them are float16.
  static func updatingFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .adam, .adamWeightDecay: return { n throws(EngineError) in try AdamOperator(n) }
    case .sgd, .applyMomentum: return { n throws(EngineError) in try GradientDescentOperator(n) }
    case .assign, .assignAdd: return { n throws(EngineError) in try AssignOperator(n) }
    case .lstmGradData: return { n throws(EngineError) in try LSTMGradOperator(n) }
    default: return nil
    }
  }

  static func trainingFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .activationGrad: return { n throws(EngineError) in try ActivationGradOperator(n) }
    case .absGrad: return { n throws(EngineError) in try AbsGradOperator(n) }
    case .addGrad, .subGrad, .mulGrad, .divGrad, .maximumGrad, .minimumGrad:
      return { n throws(EngineError) in try ArithmeticGradOperator(n) }
    case .logGrad, .negGrad, .sqrtGrad, .rsqrtGrad, .powerGrad, .dropoutGrad:
      return { n throws(EngineError) in try UnaryGradOperator(n) }
    case .biasAddGrad: return { n throws(EngineError) in try BiasAddGradOperator(n) }
    case .batchNormGrad: return { n throws(EngineError) in try BatchNormGradOperator(n) }
    case .conv2DBackpropFilterFusion, .deConv2DGradFilter: return { n throws(EngineError) in try ConvolutionWeightGradOperator(n) }
    case .conv2DBackpropInputFusion: return { n throws(EngineError) in try ConvolutionInputGradOperator(n) }
    case .maxPoolGrad, .avgPoolGrad: return { n throws(EngineError) in try PoolGradOperator(n) }
    case .layerNormGrad: return { n throws(EngineError) in try LayerNormGradOperator(n) }
    case .softmaxCrossEntropyWithLogits: return { n throws(EngineError) in try SoftmaxCrossEntropyOperator(n) }
    case .sparseSoftmaxCrossEntropyWithLogits: return { n throws(EngineError) in try SparseSoftmaxCrossEntropyOperator(n) }
    case .nllLoss, .nllLossGrad: return { n throws(EngineError) in try NLLLossOperator(n) }
    case .binaryCrossEntropy, .binaryCrossEntropyGrad, .sigmoidCrossEntropyWithLogits, .sigmoidCrossEntropyWithLogitsGrad, .smoothL1Loss,
      .smoothL1LossGrad:
      return { n throws(EngineError) in try ElementLossOperator(n) }
    case .lstmGrad, .lstmGradWeight: return { n throws(EngineError) in try LSTMGradOperator(n) }
    case .stridedSliceGrad: return { n throws(EngineError) in try StridedSliceGradOperator(n) }
    case .resizeGrad: return { n throws(EngineError) in try ResizeGradOperator(n) }
    case .flattenGrad: return { n throws(EngineError) in try ReshapeOperator(n) }
    default: return nil
    }
  }
}
