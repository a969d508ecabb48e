import Graph

extension Registry {
  static func matrixFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .conv2DFusion:
      return { n throws(EngineError) in
        isByteProduct(n) ? try Int8ConvolutionOperator(n) : try ConvolutionOperator(n)
      }
    case .conv2dTransposeFusion:
      return { n throws(EngineError) in
        isByteProduct(n) ? try Int8TransposedConvolutionOperator(n) : try TransposedConvolutionOperator(n)
      }
    case .matMulFusion:
      return { n throws(EngineError) in
        if let layout = n.fused.attention { return try AttentionOperator(n, layout) }
        return isByteProduct(n) ? try Int8MatMulOperator(n) : try MatMulOperator(n)
      }
    case .fullConnection:
      return { n throws(EngineError) in isByteProduct(n) ? try Int8FullConnectionOperator(n) : try FullConnectionOperator(n) }
    case .adderFusion: return { n throws(EngineError) in try AdderOperator(n) }
    case .dynamicQuant: return { n throws(EngineError) in try DynamicQuantOperator(n) }
    default: return nil
    }
  }

  /// The first input is int8 or uint8, which other operators compute.
  private static func isByteProduct(_ node: Node) -> Bool { node.inputs.first?.type.isByteInteger ?? false }
}
