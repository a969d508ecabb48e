/// Kinds of work, for colours.
enum OperatorFamily: String, CaseIterable {
  case product = "convolution, matrix product"
  case recurrent = "recurrent"
  case activation = "activation"
  case elementwise = "elementwise"
  case pooling = "pooling, reduction"
  case normalisation = "normalisation, softmax"
  case data = "data movement"
  case quantisation = "quantisation"
  case control = "control flow"
  case other = "other"

  static func of(_ kind: String) -> OperatorFamily {
    switch kind {
    case "Conv2DFusion", "Conv2dTransposeFusion", "MatMulFusion", "FullConnection", "AdderFusion", "Attention", "Affine": return .product
    case "LSTM", "GRU": return .recurrent
    case "Activation", "PReLUFusion", "LeakyRelu", "Elu", "Clip", "GLU": return .activation
    case "MaxPoolFusion", "AvgPoolFusion", "ReduceFusion", "ArgMaxFusion", "ArgMinFusion", "TopKFusion", "All", "ROIPooling", "CumSum":
      return .pooling
    case "BatchNorm", "FusedBatchNorm", "LayerNormFusion", "InstanceNorm", "GroupNormFusion", "L2NormalizeFusion", "LpNormalization", "LRN",
      "Softmax", "LogSoftmax", "ScaleFusion", "BiasAdd":
      return .normalisation
    case "QuantDTypeCast", "DynamicQuant", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel": return .quantisation
    case "PartialFusion", "Switch", "SwitchLayer", "Call", "Assert", "TensorArray", "TensorArrayRead", "TensorArrayWrite",
      "TensorListFromTensor", "TensorListGetItem", "TensorListReserve", "TensorListSetItem", "TensorListStack":
      return .control
    case "Reshape", "Transpose", "FormatTranspose", "Concat", "Split", "SplitWithOverlap", "Squeeze", "Unsqueeze", "ExpandDims", "Flatten",
      "Gather", "GatherNd", "GatherD", "ScatterNd", "ScatterNdUpdate", "ScatterElements", "SliceFusion", "StridedSlice", "Stack", "Unstack",
      "TileFusion", "PadFusion", "Cast", "Shape", "Fill", "Range", "BroadcastTo", "SpaceToBatchND", "BatchToSpaceND", "SpaceToBatch",
      "BatchToSpace", "SpaceToDepth", "DepthToSpace", "Resize", "ReverseV2", "ReverseSequence", "OneHot", "Where", "Select", "Crop",
      "ConstantOfShape", "Depend", "CropAndResize", "Size", "Rank", "Splice":
      return .data
    case "AddFusion", "SubFusion", "MulFusion", "DivFusion", "RealDiv", "Maximum", "Minimum", "Eltwise", "AddN", "Abs", "Neg", "Sqrt",
      "Rsqrt", "Square", "SquaredDifference", "ExpFusion", "Log", "Log1p", "PowFusion", "Floor", "Ceil", "Round", "Sin", "Cos", "Erf",
      "Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "LogicalAnd", "LogicalOr", "LogicalNot", "FloorDiv", "FloorMod",
      "Mod", "Reciprocal":
      return .elementwise
    default: return .other
    }
  }

  /// Name of the style class.
  var style: String { "f\(Self.allCases.firstIndex(of: self) ?? 0)" }

  /// Fill and line for light and for dark pages.
  var colours: (fill: String, line: String, darkFill: String, darkLine: String) {
    switch self {
    case .product: return ("#dbe9fb", "#3b78c4", "#1d3557", "#6ea8f0")
    case .recurrent: return ("#fbdcdc", "#c0504d", "#4f2222", "#ee8a86")
    case .activation: return ("#fdebd3", "#cf8a2e", "#4a3414", "#f0b463")
    case .elementwise: return ("#d9f2ee", "#2f9486", "#163f3a", "#5fd0bf")
    case .pooling: return ("#e1f3d8", "#5f9a3c", "#24401a", "#93d46b")
    case .normalisation: return ("#ebe1f7", "#8459b5", "#36244d", "#bb96e6")
    case .data: return ("#ececf0", "#80828c", "#2f3138", "#9fa2ad")
    case .quantisation: return ("#faf3c8", "#a8932a", "#423b12", "#dcc95a")
    case .control: return ("#fadcef", "#bb4b96", "#4a1d3b", "#ec85c8")
    case .other: return ("#f3ede4", "#93795a", "#3a3025", "#c7ab88")
    }
  }
}
