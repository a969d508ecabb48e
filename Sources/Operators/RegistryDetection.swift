import Graph

/// Operators on boxes and regions.
extension Registry {
  static func detectionFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .cropAndResize: return { n throws(EngineError) in try CropAndResizeOperator(n) }
    case .detectionPostProcess: return { n throws(EngineError) in try DetectionPostProcessOperator(n) }
    case .nonMaxSuppression: return { n throws(EngineError) in try NonMaxSuppressionOperator(n) }
    case .priorBox: return { n throws(EngineError) in try PriorBoxOperator(n) }
    case .roiPooling: return { n throws(EngineError) in try ROIPoolingOperator(n) }
    default: return nil
    }
  }
}
