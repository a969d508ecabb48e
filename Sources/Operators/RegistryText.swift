import Graph

/// Operators on strings.
extension Registry {
  static func textFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .customExtractFeatures: return { n throws(EngineError) in try TextFeaturesOperator(n) }
    case .customNormalize: return { n throws(EngineError) in try TextNormalizeOperator(n) }
    case .customPredict: return { n throws(EngineError) in try TextVotesOperator(n) }
    case .hashtableLookup: return { n throws(EngineError) in try HashtableLookupOperator(n) }
    case .lshProjection: return { n throws(EngineError) in try LshProjectionOperator(n) }
    case .skipGram: return { n throws(EngineError) in try SkipGramOperator(n) }
    default: return nil
    }
  }
}
