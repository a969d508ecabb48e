import Graph

/// Operators on sparse tensors, segments and tables.
extension Registry {
  static func sparseFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .embeddingLookupFusion: return { n throws(EngineError) in try EmbeddingLookupOperator(n) }
    case .raggedRange: return { n throws(EngineError) in try RaggedRangeOperator(n) }
    case .sparseFillEmptyRows: return { n throws(EngineError) in try SparseFillEmptyRowsOperator(n) }
    case .sparseReshape: return { n throws(EngineError) in try SparseReshapeOperator(n) }
    case .sparseSegmentSum, .unsortedSegmentSum: return { n throws(EngineError) in try SegmentSumOperator(n) }
    case .splitWithOverlap: return { n throws(EngineError) in try SplitWithOverlapOperator(n) }
    default: return nil
    }
  }
}
