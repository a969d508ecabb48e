/// Operators by their number in the `.ms` format: the tag of the primitive union, 1...221, in the order in which the schema
/// has grown. Numbers outside that range are kept, so that an error can name them.
public struct OperatorKind: RawRepresentable, Equatable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// The schema's name, or "primitive N" for a number it does not have.
  public var name: String {
    @export(interface) get {
      if self == .deviceSubgraph { return "NNRt" }
      return OperatorKind.names.withUTF8Buffer { letters in
        var number: Int32 = 1
        var start = 0
        var end = 0
        while end <= letters.count {
          if end == letters.count || letters[end] == UInt8(ascii: " ") {
            if number == rawValue { return String(decoding: UnsafeBufferPointer(rebasing: letters[start..<end]), as: UTF8.self) }
            number += 1
            start = end + 1
          }
          end += 1
        }
        return "primitive \(rawValue)"
      }
    }
  }
}

extension OperatorKind {
  /// The node does something besides computing its outputs, so it runs even when nobody reads them.
  public var hasSideEffect: Bool {
    self == .assert || self == .call || self == .tensorArrayWrite || updatesWeights
  }

  /// The node changes weights of a training graph.
  public var updatesWeights: Bool {
    self == .adam || self == .adamWeightDecay || self == .applyMomentum || self == .sgd || self == .assign || self == .assignAdd
  }

  /// The node makes a handle of a subgraph, or chooses between such handles: it has a meaning only for the Call that reads it.
  public var makesHandle: Bool { self == .partialFusion || self == .switch || self == .switchLayer }
}

extension OperatorKind {
  /// Not an operator of the format: a part of the graph that a device runs.
  public static var deviceSubgraph: OperatorKind { OperatorKind(rawValue: -1) }
  public static var abs: OperatorKind { OperatorKind(rawValue: 1) }
  public static var activation: OperatorKind { OperatorKind(rawValue: 2) }
  public static var activationGrad: OperatorKind { OperatorKind(rawValue: 3) }
  public static var adam: OperatorKind { OperatorKind(rawValue: 4) }
  public static var addFusion: OperatorKind { OperatorKind(rawValue: 5) }
  public static var adderFusion: OperatorKind { OperatorKind(rawValue: 6) }
  public static var addGrad: OperatorKind { OperatorKind(rawValue: 7) }
  public static var addN: OperatorKind { OperatorKind(rawValue: 8) }
  public static var all: OperatorKind { OperatorKind(rawValue: 9) }
  public static var applyMomentum: OperatorKind { OperatorKind(rawValue: 10) }
  public static var argMaxFusion: OperatorKind { OperatorKind(rawValue: 11) }
  public static var argMinFusion: OperatorKind { OperatorKind(rawValue: 12) }
  public static var assert: OperatorKind { OperatorKind(rawValue: 13) }
  public static var assign: OperatorKind { OperatorKind(rawValue: 14) }
  public static var assignAdd: OperatorKind { OperatorKind(rawValue: 15) }
  public static var audioSpectrogram: OperatorKind { OperatorKind(rawValue: 16) }
  public static var avgPoolFusion: OperatorKind { OperatorKind(rawValue: 17) }
  public static var avgPoolGrad: OperatorKind { OperatorKind(rawValue: 18) }
  public static var batchNorm: OperatorKind { OperatorKind(rawValue: 19) }
  public static var batchNormGrad: OperatorKind { OperatorKind(rawValue: 20) }
  public static var batchToSpace: OperatorKind { OperatorKind(rawValue: 21) }
  public static var batchToSpaceND: OperatorKind { OperatorKind(rawValue: 22) }
  public static var biasAdd: OperatorKind { OperatorKind(rawValue: 23) }
  public static var binaryCrossEntropy: OperatorKind { OperatorKind(rawValue: 24) }
  public static var binaryCrossEntropyGrad: OperatorKind { OperatorKind(rawValue: 25) }
  public static var biasAddGrad: OperatorKind { OperatorKind(rawValue: 26) }
  public static var broadcastTo: OperatorKind { OperatorKind(rawValue: 27) }
  public static var cast: OperatorKind { OperatorKind(rawValue: 28) }
  public static var ceil: OperatorKind { OperatorKind(rawValue: 29) }
  public static var clip: OperatorKind { OperatorKind(rawValue: 30) }
  public static var concat: OperatorKind { OperatorKind(rawValue: 31) }
  public static var attention: OperatorKind { OperatorKind(rawValue: 32) }
  public static var conv2DBackpropFilterFusion: OperatorKind { OperatorKind(rawValue: 33) }
  public static var conv2DBackpropInputFusion: OperatorKind { OperatorKind(rawValue: 34) }
  public static var conv2DFusion: OperatorKind { OperatorKind(rawValue: 35) }
  public static var conv2dTransposeFusion: OperatorKind { OperatorKind(rawValue: 36) }
  public static var cos: OperatorKind { OperatorKind(rawValue: 37) }
  public static var constantOfShape: OperatorKind { OperatorKind(rawValue: 38) }
  public static var crop: OperatorKind { OperatorKind(rawValue: 39) }
  public static var customExtractFeatures: OperatorKind { OperatorKind(rawValue: 40) }
  public static var customNormalize: OperatorKind { OperatorKind(rawValue: 41) }
  public static var customPredict: OperatorKind { OperatorKind(rawValue: 42) }
  public static var deConv2DGradFilter: OperatorKind { OperatorKind(rawValue: 43) }
  public static var depend: OperatorKind { OperatorKind(rawValue: 44) }
  public static var depthToSpace: OperatorKind { OperatorKind(rawValue: 45) }
  public static var detectionPostProcess: OperatorKind { OperatorKind(rawValue: 46) }
  public static var divFusion: OperatorKind { OperatorKind(rawValue: 47) }
  public static var divGrad: OperatorKind { OperatorKind(rawValue: 48) }
  public static var dropout: OperatorKind { OperatorKind(rawValue: 49) }
  public static var dropoutGrad: OperatorKind { OperatorKind(rawValue: 50) }
  public static var elu: OperatorKind { OperatorKind(rawValue: 51) }
  public static var eltwise: OperatorKind { OperatorKind(rawValue: 52) }
  public static var equal: OperatorKind { OperatorKind(rawValue: 53) }
  public static var embeddingLookupFusion: OperatorKind { OperatorKind(rawValue: 54) }
  public static var expFusion: OperatorKind { OperatorKind(rawValue: 55) }
  public static var expandDims: OperatorKind { OperatorKind(rawValue: 56) }
  public static var fakeQuantWithMinMaxVars: OperatorKind { OperatorKind(rawValue: 57) }
  public static var fakeQuantWithMinMaxVarsPerChannel: OperatorKind { OperatorKind(rawValue: 58) }
  public static var fftReal: OperatorKind { OperatorKind(rawValue: 59) }
  public static var fftImag: OperatorKind { OperatorKind(rawValue: 60) }
  public static var flatten: OperatorKind { OperatorKind(rawValue: 61) }
  public static var flattenGrad: OperatorKind { OperatorKind(rawValue: 62) }
  public static var floor: OperatorKind { OperatorKind(rawValue: 63) }
  public static var floorDiv: OperatorKind { OperatorKind(rawValue: 64) }
  public static var floorMod: OperatorKind { OperatorKind(rawValue: 65) }
  public static var fill: OperatorKind { OperatorKind(rawValue: 66) }
  public static var fullConnection: OperatorKind { OperatorKind(rawValue: 67) }
  public static var fusedBatchNorm: OperatorKind { OperatorKind(rawValue: 68) }
  public static var gather: OperatorKind { OperatorKind(rawValue: 69) }
  public static var gatherNd: OperatorKind { OperatorKind(rawValue: 70) }
  public static var greater: OperatorKind { OperatorKind(rawValue: 71) }
  public static var greaterEqual: OperatorKind { OperatorKind(rawValue: 72) }
  public static var hashtableLookup: OperatorKind { OperatorKind(rawValue: 73) }
  public static var instanceNorm: OperatorKind { OperatorKind(rawValue: 74) }
  public static var layerNormFusion: OperatorKind { OperatorKind(rawValue: 75) }
  public static var leakyRelu: OperatorKind { OperatorKind(rawValue: 76) }
  public static var less: OperatorKind { OperatorKind(rawValue: 77) }
  public static var lessEqual: OperatorKind { OperatorKind(rawValue: 78) }
  public static var log: OperatorKind { OperatorKind(rawValue: 79) }
  public static var logGrad: OperatorKind { OperatorKind(rawValue: 80) }
  public static var logicalAnd: OperatorKind { OperatorKind(rawValue: 81) }
  public static var logicalNot: OperatorKind { OperatorKind(rawValue: 82) }
  public static var logicalOr: OperatorKind { OperatorKind(rawValue: 83) }
  public static var lpNormalization: OperatorKind { OperatorKind(rawValue: 84) }
  public static var lrn: OperatorKind { OperatorKind(rawValue: 85) }
  public static var lshProjection: OperatorKind { OperatorKind(rawValue: 86) }
  public static var lstm: OperatorKind { OperatorKind(rawValue: 87) }
  public static var l2NormalizeFusion: OperatorKind { OperatorKind(rawValue: 88) }
  public static var matMulFusion: OperatorKind { OperatorKind(rawValue: 89) }
  public static var maximum: OperatorKind { OperatorKind(rawValue: 90) }
  public static var maximumGrad: OperatorKind { OperatorKind(rawValue: 91) }
  public static var maxPoolFusion: OperatorKind { OperatorKind(rawValue: 92) }
  public static var maxPoolGrad: OperatorKind { OperatorKind(rawValue: 93) }
  public static var switchLayer: OperatorKind { OperatorKind(rawValue: 94) }
  public static var mfcc: OperatorKind { OperatorKind(rawValue: 95) }
  public static var minimum: OperatorKind { OperatorKind(rawValue: 96) }
  public static var minimumGrad: OperatorKind { OperatorKind(rawValue: 97) }
  public static var mod: OperatorKind { OperatorKind(rawValue: 98) }
  public static var mulFusion: OperatorKind { OperatorKind(rawValue: 99) }
  public static var mulGrad: OperatorKind { OperatorKind(rawValue: 100) }
  public static var neg: OperatorKind { OperatorKind(rawValue: 101) }
  public static var negGrad: OperatorKind { OperatorKind(rawValue: 102) }
  public static var notEqual: OperatorKind { OperatorKind(rawValue: 103) }
  public static var nonMaxSuppression: OperatorKind { OperatorKind(rawValue: 104) }
  public static var oneHot: OperatorKind { OperatorKind(rawValue: 105) }
  public static var onesLike: OperatorKind { OperatorKind(rawValue: 106) }
  public static var padFusion: OperatorKind { OperatorKind(rawValue: 107) }
  public static var partialFusion: OperatorKind { OperatorKind(rawValue: 108) }
  public static var powerGrad: OperatorKind { OperatorKind(rawValue: 109) }
  public static var powFusion: OperatorKind { OperatorKind(rawValue: 110) }
  public static var priorBox: OperatorKind { OperatorKind(rawValue: 111) }
  public static var pReLUFusion: OperatorKind { OperatorKind(rawValue: 112) }
  public static var quantDTypeCast: OperatorKind { OperatorKind(rawValue: 113) }
  public static var rank: OperatorKind { OperatorKind(rawValue: 114) }
  public static var range: OperatorKind { OperatorKind(rawValue: 115) }
  public static var reciprocal: OperatorKind { OperatorKind(rawValue: 116) }
  public static var realDiv: OperatorKind { OperatorKind(rawValue: 117) }
  public static var reduceFusion: OperatorKind { OperatorKind(rawValue: 118) }
  public static var reshape: OperatorKind { OperatorKind(rawValue: 119) }
  public static var resize: OperatorKind { OperatorKind(rawValue: 120) }
  public static var reverseSequence: OperatorKind { OperatorKind(rawValue: 121) }
  public static var reverseV2: OperatorKind { OperatorKind(rawValue: 122) }
  public static var rfft: OperatorKind { OperatorKind(rawValue: 123) }
  public static var roiPooling: OperatorKind { OperatorKind(rawValue: 124) }
  public static var round: OperatorKind { OperatorKind(rawValue: 125) }
  public static var rsqrt: OperatorKind { OperatorKind(rawValue: 126) }
  public static var scaleFusion: OperatorKind { OperatorKind(rawValue: 127) }
  public static var scatterNd: OperatorKind { OperatorKind(rawValue: 128) }
  public static var sgd: OperatorKind { OperatorKind(rawValue: 129) }
  public static var shape: OperatorKind { OperatorKind(rawValue: 130) }
  public static var sigmoidCrossEntropyWithLogits: OperatorKind { OperatorKind(rawValue: 131) }
  public static var sigmoidCrossEntropyWithLogitsGrad: OperatorKind { OperatorKind(rawValue: 132) }
  public static var sin: OperatorKind { OperatorKind(rawValue: 133) }
  public static var skipGram: OperatorKind { OperatorKind(rawValue: 134) }
  public static var sliceFusion: OperatorKind { OperatorKind(rawValue: 135) }
  public static var smoothL1Loss: OperatorKind { OperatorKind(rawValue: 136) }
  public static var smoothL1LossGrad: OperatorKind { OperatorKind(rawValue: 137) }
  public static var softmax: OperatorKind { OperatorKind(rawValue: 138) }
  public static var softmaxCrossEntropyWithLogits: OperatorKind { OperatorKind(rawValue: 139) }
  public static var spaceToBatch: OperatorKind { OperatorKind(rawValue: 140) }
  public static var spaceToBatchND: OperatorKind { OperatorKind(rawValue: 141) }
  public static var spaceToDepth: OperatorKind { OperatorKind(rawValue: 142) }
  public static var sparseSoftmaxCrossEntropyWithLogits: OperatorKind { OperatorKind(rawValue: 143) }
  public static var sparseToDense: OperatorKind { OperatorKind(rawValue: 144) }
  public static var split: OperatorKind { OperatorKind(rawValue: 145) }
  public static var sqrt: OperatorKind { OperatorKind(rawValue: 146) }
  public static var squeeze: OperatorKind { OperatorKind(rawValue: 147) }
  public static var square: OperatorKind { OperatorKind(rawValue: 148) }
  public static var squaredDifference: OperatorKind { OperatorKind(rawValue: 149) }
  public static var stack: OperatorKind { OperatorKind(rawValue: 150) }
  public static var stridedSlice: OperatorKind { OperatorKind(rawValue: 151) }
  public static var subFusion: OperatorKind { OperatorKind(rawValue: 152) }
  public static var subGrad: OperatorKind { OperatorKind(rawValue: 153) }
  public static var `switch`: OperatorKind { OperatorKind(rawValue: 154) }
  public static var tensorListFromTensor: OperatorKind { OperatorKind(rawValue: 155) }
  public static var tensorListGetItem: OperatorKind { OperatorKind(rawValue: 156) }
  public static var tensorListReserve: OperatorKind { OperatorKind(rawValue: 157) }
  public static var tensorListSetItem: OperatorKind { OperatorKind(rawValue: 158) }
  public static var tensorListStack: OperatorKind { OperatorKind(rawValue: 159) }
  public static var tileFusion: OperatorKind { OperatorKind(rawValue: 160) }
  public static var topKFusion: OperatorKind { OperatorKind(rawValue: 161) }
  public static var transpose: OperatorKind { OperatorKind(rawValue: 162) }
  public static var unique: OperatorKind { OperatorKind(rawValue: 163) }
  public static var unsortedSegmentSum: OperatorKind { OperatorKind(rawValue: 164) }
  public static var unsqueeze: OperatorKind { OperatorKind(rawValue: 165) }
  public static var unstack: OperatorKind { OperatorKind(rawValue: 166) }
  public static var lstmGrad: OperatorKind { OperatorKind(rawValue: 167) }
  public static var `where`: OperatorKind { OperatorKind(rawValue: 168) }
  public static var zerosLike: OperatorKind { OperatorKind(rawValue: 169) }
  public static var select: OperatorKind { OperatorKind(rawValue: 170) }
  public static var scatterNdUpdate: OperatorKind { OperatorKind(rawValue: 171) }
  public static var gru: OperatorKind { OperatorKind(rawValue: 172) }
  public static var nonZero: OperatorKind { OperatorKind(rawValue: 173) }
  public static var invertPermutation: OperatorKind { OperatorKind(rawValue: 174) }
  public static var size: OperatorKind { OperatorKind(rawValue: 175) }
  public static var randomStandardNormal: OperatorKind { OperatorKind(rawValue: 176) }
  public static var cropAndResize: OperatorKind { OperatorKind(rawValue: 177) }
  public static var erf: OperatorKind { OperatorKind(rawValue: 178) }
  public static var stridedSliceGrad: OperatorKind { OperatorKind(rawValue: 179) }
  public static var isFinite: OperatorKind { OperatorKind(rawValue: 180) }
  public static var linSpace: OperatorKind { OperatorKind(rawValue: 181) }
  public static var uniformReal: OperatorKind { OperatorKind(rawValue: 182) }
  public static var absGrad: OperatorKind { OperatorKind(rawValue: 183) }
  public static var rsqrtGrad: OperatorKind { OperatorKind(rawValue: 184) }
  public static var sqrtGrad: OperatorKind { OperatorKind(rawValue: 185) }
  public static var layerNormGrad: OperatorKind { OperatorKind(rawValue: 186) }
  public static var resizeGrad: OperatorKind { OperatorKind(rawValue: 187) }
  public static var splice: OperatorKind { OperatorKind(rawValue: 188) }
  public static var logSoftmax: OperatorKind { OperatorKind(rawValue: 189) }
  public static var call: OperatorKind { OperatorKind(rawValue: 190) }
  public static var custom: OperatorKind { OperatorKind(rawValue: 191) }
  public static var cumSum: OperatorKind { OperatorKind(rawValue: 192) }
  public static var splitWithOverlap: OperatorKind { OperatorKind(rawValue: 193) }
  public static var genOP: OperatorKind { OperatorKind(rawValue: 194) }
  public static var raggedRange: OperatorKind { OperatorKind(rawValue: 195) }
  public static var glu: OperatorKind { OperatorKind(rawValue: 196) }
  public static var tensorArray: OperatorKind { OperatorKind(rawValue: 197) }
  public static var tensorArrayRead: OperatorKind { OperatorKind(rawValue: 198) }
  public static var tensorArrayWrite: OperatorKind { OperatorKind(rawValue: 199) }
  public static var affine: OperatorKind { OperatorKind(rawValue: 200) }
  public static var allGather: OperatorKind { OperatorKind(rawValue: 201) }
  public static var reduceScatter: OperatorKind { OperatorKind(rawValue: 202) }
  public static var dynamicQuant: OperatorKind { OperatorKind(rawValue: 203) }
  public static var lstmGradData: OperatorKind { OperatorKind(rawValue: 204) }
  public static var lstmGradWeight: OperatorKind { OperatorKind(rawValue: 205) }
  public static var randomNormal: OperatorKind { OperatorKind(rawValue: 206) }
  public static var nllLoss: OperatorKind { OperatorKind(rawValue: 207) }
  public static var nllLossGrad: OperatorKind { OperatorKind(rawValue: 208) }
  public static var formatTranspose: OperatorKind { OperatorKind(rawValue: 209) }
  public static var gatherD: OperatorKind { OperatorKind(rawValue: 210) }
  public static var groupNormFusion: OperatorKind { OperatorKind(rawValue: 211) }
  public static var log1p: OperatorKind { OperatorKind(rawValue: 212) }
  public static var tensorScatterAdd: OperatorKind { OperatorKind(rawValue: 213) }
  public static var sparseFillEmptyRows: OperatorKind { OperatorKind(rawValue: 214) }
  public static var sparseReshape: OperatorKind { OperatorKind(rawValue: 215) }
  public static var sparseSegmentSum: OperatorKind { OperatorKind(rawValue: 216) }
  public static var scatterElements: OperatorKind { OperatorKind(rawValue: 217) }
  public static var triu: OperatorKind { OperatorKind(rawValue: 218) }
  public static var tril: OperatorKind { OperatorKind(rawValue: 219) }
  public static var adamWeightDecay: OperatorKind { OperatorKind(rawValue: 220) }
  public static var fillV2: OperatorKind { OperatorKind(rawValue: 221) }

  /// Schema names from number 1 on, with a space between them (one text, because a table of texts would be filled in when the
  /// library is loaded).
  private static var names: StaticString {
    """
    Abs Activation ActivationGrad Adam AddFusion AdderFusion AddGrad AddN All ApplyMomentum ArgMaxFusion ArgMinFusion \
    Assert Assign AssignAdd AudioSpectrogram AvgPoolFusion AvgPoolGrad BatchNorm BatchNormGrad BatchToSpace BatchToSpaceND \
    BiasAdd BinaryCrossEntropy BinaryCrossEntropyGrad BiasAddGrad BroadcastTo Cast Ceil Clip Concat Attention \
    Conv2DBackpropFilterFusion Conv2DBackpropInputFusion Conv2DFusion Conv2dTransposeFusion Cos ConstantOfShape Crop \
    CustomExtractFeatures CustomNormalize CustomPredict DeConv2DGradFilter Depend DepthToSpace DetectionPostProcess \
    DivFusion DivGrad Dropout DropoutGrad Elu Eltwise Equal EmbeddingLookupFusion ExpFusion ExpandDims \
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel FftReal FftImag Flatten FlattenGrad Floor FloorDiv FloorMod \
    Fill FullConnection FusedBatchNorm Gather GatherNd Greater GreaterEqual HashtableLookup InstanceNorm LayerNormFusion \
    LeakyRelu Less LessEqual Log LogGrad LogicalAnd LogicalNot LogicalOr LpNormalization LRN LshProjection LSTM \
    L2NormalizeFusion MatMulFusion Maximum MaximumGrad MaxPoolFusion MaxPoolGrad SwitchLayer Mfcc Minimum MinimumGrad Mod \
    MulFusion MulGrad Neg NegGrad NotEqual NonMaxSuppression OneHot OnesLike PadFusion PartialFusion PowerGrad PowFusion \
    PriorBox PReLUFusion QuantDTypeCast Rank Range Reciprocal RealDiv ReduceFusion Reshape Resize ReverseSequence ReverseV2 \
    Rfft ROIPooling Round Rsqrt ScaleFusion ScatterNd SGD Shape SigmoidCrossEntropyWithLogits \
    SigmoidCrossEntropyWithLogitsGrad Sin SkipGram SliceFusion SmoothL1Loss SmoothL1LossGrad Softmax \
    SoftmaxCrossEntropyWithLogits SpaceToBatch SpaceToBatchND SpaceToDepth SparseSoftmaxCrossEntropyWithLogits \
    SparseToDense Split Sqrt Squeeze Square SquaredDifference Stack StridedSlice SubFusion SubGrad Switch \
    TensorListFromTensor TensorListGetItem TensorListReserve TensorListSetItem TensorListStack TileFusion TopKFusion \
    Transpose Unique UnsortedSegmentSum Unsqueeze Unstack LSTMGrad Where ZerosLike Select ScatterNdUpdate GRU NonZero \
    InvertPermutation Size RandomStandardNormal CropAndResize Erf StridedSliceGrad IsFinite LinSpace UniformReal AbsGrad \
    RsqrtGrad SqrtGrad LayerNormGrad ResizeGrad Splice LogSoftmax Call Custom CumSum SplitWithOverlap GenOP RaggedRange GLU \
    TensorArray TensorArrayRead TensorArrayWrite Affine AllGather ReduceScatter DynamicQuant LSTMGradData LSTMGradWeight \
    RandomNormal NLLLoss NLLLossGrad FormatTranspose GatherD GroupNormFusion Log1p TensorScatterAdd SparseFillEmptyRows \
    SparseReshape SparseSegmentSum ScatterElements Triu Tril AdamWeightDecay FillV2
    """
  }
}
