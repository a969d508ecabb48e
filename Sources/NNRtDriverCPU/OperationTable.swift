import CNeuralNetworkRuntime
import Graph

// What each operation is in the file format. The numbers behind parameters are those of the attributes, which the operators' files in
// Sources/Operators list.

extension NodeTranslator {
  mutating func choose() throws(EngineError) {
    if chooseFunction() { return }
    if try chooseArithmetic() { return }
    if try chooseWindow() { return }
    if try chooseReduction() { return }
    if try chooseMovement() { return }
    if try chooseLayer() { return }
    throw EngineError(.notSupported, "there is no such operation")
  }

  /// Operations without parameters.
  private mutating func chooseFunction() -> Bool {
    switch source.operation {
    case OH_NN_OPS_RELU: activate(1)
    case OH_NN_OPS_SIGMOID: activate(2)
    case OH_NN_OPS_RELU6: activate(3)
    case OH_NN_OPS_TANH: activate(10)
    case OH_NN_OPS_HSWISH: activate(12)
    case OH_NN_OPS_HARD_SIGMOID: activate(13)
    case OH_NN_OPS_SWISH: activate(18)
    case OH_NN_OPS_ABS: use(.abs)
    case OH_NN_OPS_BIAS_ADD: use(.biasAdd)
    case OH_NN_OPS_CEIL: use(.ceil)
    case OH_NN_OPS_COS: use(.cos)
    case OH_NN_OPS_EQUAL: use(.equal)
    case OH_NN_OPS_ERF: use(.erf)
    case OH_NN_OPS_EXPAND_DIMS: use(.expandDims)
    case OH_NN_OPS_FILL: use(.fill)
    case OH_NN_OPS_FLOOR: use(.floor)
    case OH_NN_OPS_GATHER: use(.gather)
    case OH_NN_OPS_GATHER_ND: use(.gatherNd)
    case OH_NN_OPS_GREATER: use(.greater)
    case OH_NN_OPS_GREATER_EQUAL: use(.greaterEqual)
    case OH_NN_OPS_LESS: use(.less)
    case OH_NN_OPS_LESS_EQUAL: use(.lessEqual)
    case OH_NN_OPS_LOG: use(.log)
    case OH_NN_OPS_LOGICAL_AND: use(.logicalAnd)
    case OH_NN_OPS_LOGICAL_NOT: use(.logicalNot)
    case OH_NN_OPS_LOGICAL_OR: use(.logicalOr)
    case OH_NN_OPS_MAXIMUM: use(.maximum)
    case OH_NN_OPS_MINIMUM: use(.minimum)
    case OH_NN_OPS_MOD: use(.mod)
    case OH_NN_OPS_NEG: use(.neg)
    case OH_NN_OPS_NOT_EQUAL: use(.notEqual)
    case OH_NN_OPS_RANK: use(.rank)
    case OH_NN_OPS_RECIPROCAL: use(.reciprocal)
    case OH_NN_OPS_RESHAPE: use(.reshape)
    case OH_NN_OPS_ROUND: use(.round)
    case OH_NN_OPS_RSQRT: use(.rsqrt)
    case OH_NN_OPS_SCATTER_ND: use(.scatterNd)
    case OH_NN_OPS_SELECT: use(.select)
    case OH_NN_OPS_SHAPE: use(.shape)
    case OH_NN_OPS_SIN: use(.sin)
    case OH_NN_OPS_SQRT: use(.sqrt)
    case OH_NN_OPS_SQUARE: use(.square)
    case OH_NN_OPS_SQUARED_DIFFERENCE: use(.squaredDifference)
    case OH_NN_OPS_TRANSPOSE: use(.transpose)
    case OH_NN_OPS_WHERE: use(.where)
    default: return false
    }
    return true
  }

  private mutating func activate(_ type: Int64) {
    use(.activation)
    set(0, .int(type))
  }

  private mutating func chooseArithmetic() throws(EngineError) -> Bool {
    switch source.operation {
    case OH_NN_OPS_ADD:
      use(.addFusion)
      try activation(OH_NN_ADD_ACTIVATIONTYPE, 0)
    case OH_NN_OPS_SUB:
      use(.subFusion)
      try activation(OH_NN_SUB_ACTIVATIONTYPE, 0)
    case OH_NN_OPS_MUL:
      use(.mulFusion)
      try activation(OH_NN_MUL_ACTIVATION_TYPE, 0)
    case OH_NN_OPS_DIV:
      use(.divFusion)
      try activation(OH_NN_DIV_ACTIVATIONTYPE, 0)
    case OH_NN_OPS_ELTWISE:
      use(.eltwise)
      try copy(OH_NN_ELTWISE_MODE)
    case OH_NN_OPS_POW:
      use(.powFusion)
      try copy(OH_NN_POW_SCALE, OH_NN_POW_SHIFT)
    case OH_NN_OPS_EXP:
      use(.expFusion)
      try copy(OH_NN_EXP_BASE, OH_NN_EXP_SCALE, OH_NN_EXP_SHIFT)
    case OH_NN_OPS_CLIP:
      use(.clip)
      try copy(OH_NN_CLIP_MAX, OH_NN_CLIP_MIN)
    case OH_NN_OPS_LEAKY_RELU:
      activate(5)
      try copy(OH_NN_LEAKY_RELU_NEGATIVE_SLOPE, 1)
    case OH_NN_OPS_GELU:
      activate(19)
      try copy(OH_NN_GELU_APPROXIMATE, 4)
    case OH_NN_OPS_CAST:
      use(.cast)
      try translateType(ofInput: 1)
    case OH_NN_OPS_QUANT_DTYPE_CAST:
      use(.quantDTypeCast)
      try copyType(OH_NN_QUANT_DTYPE_CAST_SRC_T, 0)
      try copyType(OH_NN_QUANT_DTYPE_CAST_DST_T, 1)
      try copy(OH_NN_QUANT_DTYPE_CAST_AXIS, 2)
    case OH_NN_OPS_ASSERT:
      use(.assert)
      try copy(OH_NN_ASSERT_SUMMARIZE)
    default: return false
    }
    return true
  }

  /// Operations that slide a window over an NHWC image.
  private mutating func chooseWindow() throws(EngineError) -> Bool {
    switch source.operation {
    case OH_NN_OPS_CONV2D:
      let weights = try beginConvolution(.conv2DFusion)
      try copy(OH_NN_CONV2D_STRIDES, 2)
      try copy(OH_NN_CONV2D_DILATION, 3)
      try padding(OH_NN_CONV2D_PAD_MODE, OH_NN_CONV2D_PAD, modeField: 4, padField: 5)
      try setGroups(integer(OH_NN_CONV2D_GROUP, 1), input: weights[3], output: weights[0])
      try activation(OH_NN_CONV2D_ACTIVATION_TYPE, 10)
    case OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE:
      let weights = try beginConvolution(.conv2DFusion)
      try copy(OH_NN_DEPTHWISE_CONV2D_NATIVE_STRIDES, 2)
      try copy(OH_NN_DEPTHWISE_CONV2D_NATIVE_DILATION, 3)
      try padding(OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD_MODE, OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD, modeField: 4, padField: 5)
      // As many groups as the image has channels; where those are not known yet, each has one filter.
      let x = inputs[0].shape
      let channels = x.rank == 4 && x[3] > 0 ? x[3] : weights[0]
      try setGroups(Int64(channels), input: weights[3], output: weights[0])
      try activation(OH_NN_DEPTHWISE_CONV2D_NATIVE_ACTIVATION_TYPE, 10)
    case OH_NN_OPS_CONV2D_TRANSPOSE:
      let weights = try beginConvolution(.conv2dTransposeFusion)
      try copy(OH_NN_CONV2D_TRANSPOSE_STRIDES, 2)
      try copy(OH_NN_CONV2D_TRANSPOSE_DILATION, 3)
      try padding(OH_NN_CONV2D_TRANSPOSE_PAD_MODE, OH_NN_CONV2D_TRANSPOSE_PAD, modeField: 4, padField: 6)
      try setGroups(integer(OH_NN_CONV2D_TRANSPOSE_GROUP, 1), input: weights[0], output: weights[3])
      try activation(OH_NN_CONV2D_TRANSPOSE_ACTIVATION_TYPE, 11)
      try copy(OH_NN_CONV2D_TRANSPOSE_OUTPUT_PADDINGS, 12)
    case OH_NN_OPS_AVG_POOL:
      use(.avgPoolFusion)
      try pool(
        OH_NN_AVG_POOL_KERNEL_SIZE, OH_NN_AVG_POOL_STRIDE, OH_NN_AVG_POOL_PAD_MODE, OH_NN_AVG_POOL_PAD, OH_NN_AVG_POOL_ROUND_MODE,
        OH_NN_AVG_POOL_GLOBAL, OH_NN_AVG_POOL_ACTIVATION_TYPE)
    case OH_NN_OPS_MAX_POOL:
      use(.maxPoolFusion)
      try pool(
        OH_NN_MAX_POOL_KERNEL_SIZE, OH_NN_MAX_POOL_STRIDE, OH_NN_MAX_POOL_PAD_MODE, OH_NN_MAX_POOL_PAD, OH_NN_MAX_POOL_ROUND_MODE,
        OH_NN_MAX_POOL_GLOBAL, OH_NN_MAX_POOL_ACTIVATION_TYPE)
    case OH_NN_OPS_RESIZE_BILINEAR:
      if integer(OH_NN_RESIZE_BILINEAR_PRESERVE_ASPECT_RATIO) != 0 {
        throw EngineError(.notSupported, "the ratio of height and width is not kept")
      }
      use(.resize)
      set(0, .int(1))
      set(1, .int(0))
      try copy(OH_NN_RESIZE_BILINEAR_NEW_HEIGHT, 2)
      try copy(OH_NN_RESIZE_BILINEAR_NEW_WIDTH, 3)
      try copy(OH_NN_RESIZE_BILINEAR_COORDINATE_TRANSFORM_MODE, 5)
      // Weights without the samples outside, or with copies of the last one inside: linear interpolation gives the same.
      try copy(OH_NN_RESIZE_BILINEAR_EXCLUDE_OUTSIDE, 7)
    default: return false
    }
    return true
  }

  /// The dimensions of a convolution's weights, of which the kernel is in the middle.
  private mutating func beginConvolution(_ kind: OperatorKind) throws(EngineError) -> [Int] {
    guard inputs.count == 3, inputs[1].shape.rank == 4, inputs[1].shape.isKnown else {
      throw EngineError(.notSupported, "needs an image, weights of 4 known dimensions and a bias")
    }
    use(kind)
    let weights = inputs[1].shape.dims
    set(0, .int(1))
    set(1, .ints([Int64(weights[1]), Int64(weights[2])]))
    return weights
  }

  /// Groups and channels. The weights have the input's channels of one group, or, where the convolution is transposed, the output's.
  private mutating func setGroups(_ groups: Int64, input: Int, output: Int) throws(EngineError) {
    guard groups > 0 && groups <= Int64(Int32.max) else { throw EngineError(.notSupported, "has \(groups) groups") }
    let isTransposed = kind == .conv2dTransposeFusion
    let first = isTransposed ? 8 : 7
    set(first, .int(groups))
    set(first + 1, .int(Int64(input) &* (isTransposed ? 1 : groups)))
    set(first + 2, .int(Int64(output) &* (isTransposed ? groups : 1)))
  }

  private mutating func pool(
    _ kernel: OH_NN_TensorType, _ stride: OH_NN_TensorType, _ mode: OH_NN_TensorType, _ pads: OH_NN_TensorType,
    _ round: OH_NN_TensorType, _ global: OH_NN_TensorType, _ activation: OH_NN_TensorType
  ) throws(EngineError) {
    try copy(kernel, stride)
    try padding(mode, pads, modeField: 3, padField: 2)
    try copy(round, 4)
    set(5, .int(1))
    try copy(global, 6)
    try self.activation(activation, 7)
  }

  private mutating func chooseReduction() throws(EngineError) -> Bool {
    switch source.operation {
    case OH_NN_OPS_REDUCE_MEAN:
      try reduce(0, OH_NN_REDUCE_MEAN_KEEP_DIMS, OH_NN_REDUCE_MEAN_REDUCE_TO_END, OH_NN_REDUCE_MEAN_COEFF)
    case OH_NN_OPS_REDUCE_MAX:
      try reduce(1, OH_NN_REDUCE_MAX_KEEP_DIMS, OH_NN_REDUCE_MAX_REDUCE_TO_END, OH_NN_REDUCE_MAX_COEFF)
    case OH_NN_OPS_REDUCE_MIN:
      try reduce(2, OH_NN_REDUCE_MIN_KEEP_DIMS, OH_NN_REDUCE_MIN_REDUCE_TO_END, OH_NN_REDUCE_MIN_COEFF)
    case OH_NN_OPS_REDUCE_PROD:
      try reduce(3, OH_NN_REDUCE_PROD_KEEP_DIMS, OH_NN_REDUCE_PROD_REDUCE_TO_END, OH_NN_REDUCE_PROD_COEFF)
    case OH_NN_OPS_REDUCE_SUM:
      try reduce(4, OH_NN_REDUCE_SUM_KEEP_DIMS, OH_NN_REDUCE_SUM_REDUCE_TO_END, OH_NN_REDUCE_SUM_COEFF)
    case OH_NN_OPS_REDUCE_ALL:
      try reduce(7, OH_NN_REDUCE_ALL_KEEP_DIMS, OH_NN_REDUCE_ALL_REDUCE_TO_END, OH_NN_REDUCE_ALL_COEFF)
    case OH_NN_OPS_REDUCE_L2:
      try reduce(8, OH_NN_REDUCE_L2_KEEP_DIMS, OH_NN_REDUCE_L2_REDUCE_TO_END, OH_NN_REDUCE_L2_COEFF)
    case OH_NN_OPS_ALL:
      use(.all)
      try copy(OH_NN_ALL_KEEP_DIMS)
    case OH_NN_OPS_ARG_MAX:
      use(.argMaxFusion)
      try copy(OH_NN_ARG_MAX_AXIS, OH_NN_ARG_MAX_TOP_K, OH_NN_ARG_MAX_KEEPDIMS, OH_NN_ARG_MAX_OUT_MAX_VALUE)
    case OH_NN_OPS_TOP_K:
      use(.topKFusion)
      try copy(OH_NN_TOP_K_SORTED, OH_NN_TOP_K_AXIS)
      set(2, .int(1))
    default: return false
    }
    return true
  }

  private mutating func reduce(
    _ mode: Int64, _ keepDims: OH_NN_TensorType, _ toEnd: OH_NN_TensorType, _ coefficient: OH_NN_TensorType
  ) throws(EngineError) {
    use(.reduceFusion)
    try copy(keepDims, 0)
    set(1, .int(mode))
    try copy(toEnd, 2)
    try copy(coefficient, 3)
  }

  /// Operations that move data, or make them of nothing.
  private mutating func chooseMovement() throws(EngineError) -> Bool {
    switch source.operation {
    case OH_NN_OPS_BATCH_TO_SPACE_ND:
      use(.batchToSpaceND)
      try copy(OH_NN_BATCH_TO_SPACE_ND_BLOCKSIZE, OH_NN_BATCH_TO_SPACE_ND_CROPS)
    case OH_NN_OPS_SPACE_TO_BATCH_ND:
      use(.spaceToBatchND)
      try copy(OH_NN_SPACE_TO_BATCH_ND_BLOCK_SHAPE, OH_NN_SPACE_TO_BATCH_ND_PADDINGS)
    case OH_NN_OPS_DEPTH_TO_SPACE:
      use(.depthToSpace)
      try copy(OH_NN_DEPTH_TO_SPACE_BLOCK_SIZE)
      set(1, .int(1))
      set(2, .string(integer(OH_NN_DEPTH_TO_SPACE_MODE) == 1 ? "CRD" : "DCR"))
    case OH_NN_OPS_SPACE_TO_DEPTH:
      use(.spaceToDepth)
      try copy(OH_NN_SPACE_TO_DEPTH_BLOCK_SIZE)
      set(1, .int(1))
    case OH_NN_OPS_CONCAT:
      use(.concat)
      try copy(OH_NN_CONCAT_AXIS)
    case OH_NN_OPS_STACK:
      use(.stack)
      try copy(OH_NN_STACK_AXIS)
    case OH_NN_OPS_UNSTACK:
      use(.unstack)
      try copy(OH_NN_UNSTACK_AXIS)
    case OH_NN_OPS_SPLIT:
      use(.split)
      try copy(OH_NN_SPLIT_OUTPUT_NUM, OH_NN_SPLIT_SIZE_SPLITS, OH_NN_SPLIT_AXIS)
    case OH_NN_OPS_SQUEEZE:
      use(.squeeze)
      try copy(OH_NN_SQUEEZE_AXIS)
    case OH_NN_OPS_UNSQUEEZE:
      use(.unsqueeze)
      try copy(OH_NN_UNSQUEEZE_AXIS)
    case OH_NN_OPS_FLATTEN:
      use(.flatten)
      try copy(OH_NN_FLATTEN_AXIS)
    case OH_NN_OPS_SLICE:
      use(.sliceFusion)
      try copy(OH_NN_SLICE_AXES)
    case OH_NN_OPS_STRIDED_SLICE:
      use(.stridedSlice)
      try copy(
        OH_NN_STRIDED_SLICE_BEGIN_MASK, OH_NN_STRIDED_SLICE_END_MASK, OH_NN_STRIDED_SLICE_ELLIPSIS_MASK,
        OH_NN_STRIDED_SLICE_NEW_AXIS_MASK, OH_NN_STRIDED_SLICE_SHRINK_AXIS_MASK)
    case OH_NN_OPS_CROP:
      use(.crop)
      try copy(OH_NN_CROP_AXIS, OH_NN_CROP_OFFSET)
    case OH_NN_OPS_TILE:
      use(.tileFusion)
      try copy(OH_NN_TILE_DIMS)
    case OH_NN_OPS_BROADCAST_TO:
      use(.broadcastTo)
      try copy(OH_NN_BROADCAST_TO_SHAPE)
    case OH_NN_OPS_PAD:
      use(.padFusion)
      try copy(OH_NN_PAD_PADDING_MODE, 1)
      try copy(OH_NN_PAD_CONSTANT_VALUE, 2)
    case OH_NN_OPS_ONE_HOT:
      use(.oneHot)
      try copy(OH_NN_ONE_HOT_AXIS)
    case OH_NN_OPS_RANGE:
      use(.range)
      try copy(OH_NN_RANGE_START, 1)
      try copy(OH_NN_RANGE_LIMIT, 2)
      try copy(OH_NN_RANGE_DELTA, 3)
    case OH_NN_OPS_CONSTANT_OF_SHAPE:
      use(.constantOfShape)
      // No type is the type that the model declares.
      if integer(OH_NN_CONSTANT_OF_SHAPE_DATA_TYPE) == 0 {
        set(0, .int(Int64(outputs.first?.type.rawValue ?? 0)))
      } else {
        try copyType(OH_NN_CONSTANT_OF_SHAPE_DATA_TYPE, 0)
      }
      try copy(OH_NN_CONSTANT_OF_SHAPE_VALUE, 1)
    case OH_NN_OPS_SPARSE_TO_DENSE:
      use(.sparseToDense)
      // Indices, values, shape here; indices, shape, values there.
      guard inputs.count == 3 else { throw EngineError(.notSupported, "has \(inputs.count) inputs; 3 are accepted") }
      swapInputs(1, 2)
    default: return false
    }
    return true
  }

  private mutating func chooseLayer() throws(EngineError) -> Bool {
    switch source.operation {
    case OH_NN_OPS_BATCH_NORM:
      use(.fusedBatchNorm)
      try copy(OH_NN_BATCH_NORM_EPSILON)
    case OH_NN_OPS_INSTANCE_NORM:
      use(.instanceNorm)
      try copy(OH_NN_INSTANCE_NORM_EPSILON)
    case OH_NN_OPS_LAYER_NORM:
      use(.layerNormFusion)
      try copy(OH_NN_LAYER_NORM_BEGIN_NORM_AXIS, OH_NN_LAYER_NORM_EPSILON)
      // Gamma and beta have the normalised dimensions unless the model says otherwise.
      try copy(isGiven(OH_NN_LAYER_NORM_BEGIN_PARAM_AXIS) ? OH_NN_LAYER_NORM_BEGIN_PARAM_AXIS : OH_NN_LAYER_NORM_BEGIN_NORM_AXIS, 3)
    case OH_NN_OPS_L2_NORMALIZE:
      use(.l2NormalizeFusion)
      try copy(OH_NN_L2_NORMALIZE_AXIS, OH_NN_L2_NORMALIZE_EPSILON)
      try activation(OH_NN_L2_NORMALIZE_ACTIVATION_TYPE, 2)
    case OH_NN_OPS_LRN:
      if integer(OH_NN_LRN_NORM_REGION) != 0 { throw EngineError(.notSupported, "normalises within channels; across them is accepted") }
      use(.lrn)
      try copy(OH_NN_LRN_DEPTH_RADIUS, OH_NN_LRN_BIAS, OH_NN_LRN_ALPHA, OH_NN_LRN_BETA)
      set(4, .string("ACROSS_CHANNELS"))
    case OH_NN_OPS_SCALE:
      use(.scaleFusion)
      try copy(OH_NN_SCALE_AXIS)
      try activation(OH_NN_SCALE_ACTIVATIONTYPE, 1)
    case OH_NN_OPS_PRELU:
      use(.pReLUFusion)
      set(0, .bool(false))
    case OH_NN_OPS_SOFTMAX:
      use(.softmax)
      try copy(OH_NN_SOFTMAX_AXIS)
    case OH_NN_OPS_LOG_SOFTMAX:
      use(.logSoftmax)
      try copy(OH_NN_LOG_SOFTMAX_AXIS)
    case OH_NN_OPS_FULL_CONNECTION:
      use(.fullConnection)
      // A bias that is there counts.
      set(0, .bool(inputs.count == 3))
      try copy(OH_NN_FULL_CONNECTION_USE_AXIS, 1)
      try copy(OH_NN_FULL_CONNECTION_AXIS, 2)
      try activation(OH_NN_FULL_CONNECTION_ACTIVATIONTYPE, 3)
    case OH_NN_OPS_MATMUL:
      use(.matMulFusion)
      try copy(OH_NN_MATMUL_TRANSPOSE_A, OH_NN_MATMUL_TRANSPOSE_B)
      try activation(OH_NN_MATMUL_ACTIVATION_TYPE, 2)
    case OH_NN_OPS_LSTM:
      if integer(OH_NN_LSTM_NUM_LAYERS) > 1 || integer(OH_NN_LSTM_PROJ_SIZE) > 0 {
        throw EngineError(.notSupported, "has several layers or a projection; one layer without is accepted")
      }
      use(.lstm)
      try copy(OH_NN_LSTM_BIDIRECTIONAL, 0)
      if integer(OH_NN_LSTM_NUM_DIRECTIONS) == 2 { set(0, .bool(true)) }
      try copy(OH_NN_LSTM_ZONEOUT_CELL, 7)
      try copy(OH_NN_LSTM_ZONEOUT_HIDDEN, 8)
    case OH_NN_OPS_DETECTION_POST_PROCESS:
      use(.detectionPostProcess)
      set(0, .int(1))
      try copy(OH_NN_DETECTION_POST_PROCESS_INPUT_SIZE, 1)
      try copy(OH_NN_DETECTION_POST_PROCESS_SCALE, 2)
      try copy(OH_NN_DETECTION_POST_PROCESS_NMS_IOU_THRESHOLD, 3)
      try copy(OH_NN_DETECTION_POST_PROCESS_NMS_SCORE_THRESHOLD, 4)
      try copy(OH_NN_DETECTION_POST_PROCESS_MAX_DETECTIONS, 5)
      try copy(OH_NN_DETECTION_POST_PROCESS_DETECTIONS_PER_CLASS, 6)
      try copy(OH_NN_DETECTION_POST_PROCESS_MAX_CLASSES_PER_DETECTION, 7)
      try copy(OH_NN_DETECTION_POST_PROCESS_NUM_CLASSES, 8)
      try copy(OH_NN_DETECTION_POST_PROCESS_USE_REGULAR_NMS, 9)
      try copy(OH_NN_DETECTION_POST_PROCESS_OUT_QUANTIZED, 10)
    default: return false
    }
    return true
  }
}
