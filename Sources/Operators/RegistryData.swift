import Graph

extension Registry {
  /// Operators that move data, change shapes or work on indices.
  static func dataFactory(for kind: OperatorKind) -> OperatorFactory? {
    switch kind {
    case .allGather, .reduceScatter: return { n throws(EngineError) in try CollectiveOperator(n) }
    case .argMaxFusion, .argMinFusion: return { n throws(EngineError) in try ArgMinMaxOperator(n) }
    case .batchToSpace, .batchToSpaceND: return { n throws(EngineError) in try BatchToSpaceOperator(n) }
    case .broadcastTo: return { n throws(EngineError) in try BroadcastToOperator(n) }
    case .cast: return { n throws(EngineError) in try CastOperator(n) }
    case .concat: return { n throws(EngineError) in try ConcatOperator(n) }
    case .constantOfShape, .onesLike, .zerosLike: return { n throws(EngineError) in try ConstantFillOperator(n) }
    case .crop: return { n throws(EngineError) in try CropOperator(n) }
    case .cumSum: return { n throws(EngineError) in try CumSumOperator(n) }
    case .depend: return { n throws(EngineError) in try DependOperator(n) }
    case .depthToSpace: return { n throws(EngineError) in try DepthToSpaceOperator(n) }
    case .dropout: return { n throws(EngineError) in try DropoutOperator(n) }
    case .expandDims: return { n throws(EngineError) in try ExpandDimsOperator(n) }
    case .fill, .fillV2: return { n throws(EngineError) in try FillOperator(n) }
    case .flatten: return { n throws(EngineError) in try FlattenOperator(n) }
    case .formatTranspose: return { n throws(EngineError) in try FormatTransposeOperator(n) }
    case .gather: return { n throws(EngineError) in try GatherOperator(n) }
    case .gatherD: return { n throws(EngineError) in try GatherElementsOperator(n) }
    case .gatherNd: return { n throws(EngineError) in try GatherNdOperator(n) }
    case .invertPermutation: return { n throws(EngineError) in try InvertPermutationOperator(n) }
    case .isFinite: return { n throws(EngineError) in try IsFiniteOperator(n) }
    case .linSpace: return { n throws(EngineError) in try LinSpaceOperator(n) }
    case .nonZero: return { n throws(EngineError) in try NonZeroOperator(n) }
    case .oneHot: return { n throws(EngineError) in try OneHotOperator(n) }
    case .padFusion: return { n throws(EngineError) in try PadOperator(n) }
    case .quantDTypeCast: return { n throws(EngineError) in try QuantCastOperator(n) }
    case .range: return { n throws(EngineError) in try RangeOperator(n) }
    case .reshape: return { n throws(EngineError) in try ReshapeOperator(n) }
    case .reverseSequence: return { n throws(EngineError) in try ReverseSequenceOperator(n) }
    case .reverseV2: return { n throws(EngineError) in try ReverseOperator(n) }
    case .scatterElements: return { n throws(EngineError) in try ScatterElementsOperator(n) }
    case .scatterNd, .scatterNdUpdate, .tensorScatterAdd: return { n throws(EngineError) in try ScatterNdOperator(n) }
    case .select: return { n throws(EngineError) in try SelectOperator(n) }
    case .shape, .size, .rank: return { n throws(EngineError) in try ShapeOperator(n) }
    case .sliceFusion: return { n throws(EngineError) in try SliceOperator(n) }
    case .spaceToBatch, .spaceToBatchND: return { n throws(EngineError) in try SpaceToBatchOperator(n) }
    case .spaceToDepth: return { n throws(EngineError) in try SpaceToDepthOperator(n) }
    case .sparseToDense: return { n throws(EngineError) in try SparseToDenseOperator(n) }
    case .split: return { n throws(EngineError) in try SplitOperator(n) }
    case .squeeze: return { n throws(EngineError) in try SqueezeOperator(n) }
    case .stack: return { n throws(EngineError) in try StackOperator(n) }
    case .stridedSlice: return { n throws(EngineError) in try StridedSliceOperator(n) }
    case .tileFusion: return { n throws(EngineError) in try TileOperator(n) }
    case .topKFusion: return { n throws(EngineError) in try TopKOperator(n) }
    case .transpose: return { n throws(EngineError) in try TransposeOperator(n) }
    case .triu, .tril: return { n throws(EngineError) in try TriangleOperator(n) }
    case .unique: return { n throws(EngineError) in try UniqueOperator(n) }
    case .unsqueeze: return { n throws(EngineError) in try UnsqueezeOperator(n) }
    case .unstack: return { n throws(EngineError) in try UnstackOperator(n) }
    case .where:
      return { n throws(EngineError) in
        if n.inputs.count == 1 { return try NonZeroOperator(n) }
        return try WhereOperator(n)
      }
    default: return nil
    }
  }
}
