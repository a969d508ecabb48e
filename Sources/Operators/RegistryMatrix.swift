import Graph

extension Registry {
  static func matrixFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .conv2DFusion: return { n throws(EngineError) in try ConvolutionOperator(n) }
    case .conv2dTransposeFusion: return { n throws(EngineError) in try TransposedConvolutionOperator(n) }
    case .matMulFusion: return { n throws(EngineError) in try MatMulOperator(n) }
    case .fullConnection: return { n throws(EngineError) in try FullConnectionOperator(n) }
    default: return nil
    }
  }
}
