import Graph

/// Operators on signals and on rows of speech features.
extension Registry {
  static func audioFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .affine: return { n throws(EngineError) in try AffineOperator(n) }
    case .audioSpectrogram: return { n throws(EngineError) in try AudioSpectrogramOperator(n) }
    case .fftReal, .fftImag: return { n throws(EngineError) in try ComplexPartOperator(n) }
    case .glu: return { n throws(EngineError) in try GLUOperator(n) }
    case .mfcc: return { n throws(EngineError) in try MfccOperator(n) }
    case .rfft: return { n throws(EngineError) in try RfftOperator(n) }
    case .splice: return { n throws(EngineError) in try SpliceOperator(n) }
    default: return nil
    }
  }
}
