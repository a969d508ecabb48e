extension PrimitiveSchema {
  /// Entry i describes primitive i + 1: its name, then `field:type` for each field in the order of the field ids. The types:
  /// b bool, i8 int8 (all of them enums), i32, i64, f32, str, [i64], [i32], [f32], vec2d (table Vec2D), [attr] (tables Attribute).
  /// The current schema has grown at the ends only, so older files read with it too.
  static let table: [StaticString] = [
    "Abs",
    "Activation activation_type:i8 alpha:f32 min_val:f32 max_val:f32 approximate:b",
    "ActivationGrad activation_type:i8 alpha:f32",
    "Adam use_locking:b use_nesterov:b",
    "AddFusion activation_type:i8",
    """
    AdderFusion format:i32 kernel_size:[i64] stride:[i64] dilation:[i64] pad_mode:i8 pad_list:[i64] group:i64 \
    in_channel:i64 out_channel:i64 activation_type:i8
    """,
    "AddGrad",
    "AddN",
    "All keep_dims:i64",
    "ApplyMomentum use_nesterov:b use_locking:b gradient_scale:f32",
    "ArgMaxFusion axis:i64 top_k:i64 keep_dims:b out_max_value:b",
    "ArgMinFusion axis:i64 top_k:i64 keep_dims:b out_max_value:b",
    "Assert summarize:i64",
    "Assign",
    "AssignAdd",
    "AudioSpectrogram window_size:i64 stride:i64 mag_square:b",
    """
    AvgPoolFusion kernel_size:[i64] strides:[i64] pad:[i64] pad_mode:i8 round_mode:i8 format:i32 global:b \
    activation_type:i8
    """,
    "AvgPoolGrad kernel_size:[i64] strides:[i64] pad_mode:i8 format:i32",
    "BatchNorm epsilon:f32 format:i32 is_training:b",
    "BatchNormGrad epsilon:f32 is_training:b",
    "BatchToSpace block_size:[i64] crops:vec2d",
    "BatchToSpaceND block_shape:[i64] crops:vec2d",
    "BiasAdd format:i32",
    "BinaryCrossEntropy reduction:i8",
    "BinaryCrossEntropyGrad reduction:i8",
    "BiasAddGrad",
    "BroadcastTo shape:[i64]",
    "Cast",
    "Ceil",
    "Clip max:f32 min:f32",
    "Concat axis:i64",
    "Attention head_num:i64 head_size:i64 cross:b scale:f32",
    """
    Conv2DBackpropFilterFusion format:i32 kernel_size:[i64] stride:[i64] dilation:[i64] pad_mode:i8 pad_list:[i64] \
    mode:i64 group:i64 in_channel:i64 out_channel:i64 activation_type:i8
    """,
    """
    Conv2DBackpropInputFusion format:i32 kernel_size:[i64] stride:[i64] dilation:[i64] pad_mode:i8 pad:[i64] \
    pad_list:[i64] mode:i64 group:i64 in_channel:i64 out_channel:i64 activation_type:i8
    """,
    """
    Conv2DFusion format:i32 kernel_size:[i64] stride:[i64] dilation:[i64] pad_mode:i8 pad_list:[i64] mode:i64 \
    group:i64 in_channel:i64 out_channel:i64 activation_type:i8
    """,
    """
    Conv2dTransposeFusion format:i32 kernel_size:[i64] stride:[i64] dilation:[i64] pad_mode:i8 pad:[i64] \
    pad_list:[i64] mode:i64 group:i64 in_channel:i64 out_channel:i64 activation_type:i8 output_paddings:[i64]
    """,
    "Cos",
    "ConstantOfShape data_type:i64 value:[f32]",
    "Crop axis:i64 offsets:[i64]",
    "CustomExtractFeatures",
    "CustomNormalize",
    "CustomPredict output_num:i64 weight_threshold:f32",
    """
    DeConv2DGradFilter in_channel:i64 out_channel:i64 kernel_size:[i64] pad_mode:i8 pad_list:[i64] stride:[i64] \
    dilation:[i64] group:i64 format:i32 activation_type:i8
    """,
    "Depend",
    "DepthToSpace block_size:i64 format:i32 mode:str",
    """
    DetectionPostProcess format:i32 input_size:i64 scale:[f32] nms_iou_threshold:f32 nms_score_threshold:f32 \
    max_detections:i64 detections_per_class:i64 max_classes_per_detection:i64 num_classes:i64 use_regular_nms:b \
    out_quantized:b
    """,
    "DivFusion activation_type:i8",
    "DivGrad",
    "Dropout keep_prob:f32",
    "DropoutGrad keep_prob:f32",
    "Elu alpha:f32",
    "Eltwise mode:i8",
    "Equal",
    "EmbeddingLookupFusion max_norm:f32",
    "ExpFusion base:f32 scale:f32 shift:f32",
    "ExpandDims",
    "FakeQuantWithMinMaxVars num_bits:i64 narrow_range:b",
    "FakeQuantWithMinMaxVarsPerChannel num_bits:i64 narrow_range:b",
    "FftReal",
    "FftImag",
    "Flatten axis:i64",
    "FlattenGrad",
    "Floor",
    "FloorDiv",
    "FloorMod",
    "Fill",
    "FullConnection has_bias:b use_axis:b axis:i64 activation_type:i8",
    "FusedBatchNorm epsilon:f32 momentum:f32 mode:i64",
    "Gather",
    "GatherNd",
    "Greater",
    "GreaterEqual",
    "HashtableLookup",
    "InstanceNorm epsilon:f32",
    "LayerNormFusion begin_norm_axis:i64 epsilon:f32 elementwise_affine:b begin_params_axis:i64",
    "LeakyRelu negative_slope:f32",
    "Less",
    "LessEqual",
    "Log",
    "LogGrad",
    "LogicalAnd",
    "LogicalNot",
    "LogicalOr",
    "LpNormalization axis:i64 p:i64",
    "LRN depth_radius:i64 bias:f32 alpha:f32 beta:f32 norm_region:str",
    "LshProjection type:i8",
    """
    LSTM bidirectional:b has_bias:b input_size:i64 hidden_size:i64 num_layers:i64 num_directions:i64 dropout:f32 \
    zoneout_cell:f32 zoneout_hidden:f32 proj_size:i64
    """,
    "L2NormalizeFusion axis:[i64] epsilon:f32 activation_type:i8",
    "MatMulFusion transpose_a:b transpose_b:b activation_type:i8",
    "Maximum",
    "MaximumGrad grad_x:b grad_y:b",
    """
    MaxPoolFusion kernel_size:[i64] strides:[i64] pad:[i64] pad_mode:i8 round_mode:i8 format:i32 global:b \
    activation_type:i8
    """,
    "MaxPoolGrad kernel_size:[i64] strides:[i64] pad_mode:i8 format:i32",
    "SwitchLayer",
    "Mfcc freq_upper_limit:f32 freq_lower_limit:f32 filter_bank_channel_num:i64 dct_coeff_num:i64",
    "Minimum",
    "MinimumGrad grad_x:b grad_y:b",
    "Mod",
    "MulFusion activation_type:i8",
    "MulGrad",
    "Neg",
    "NegGrad",
    "NotEqual",
    "NonMaxSuppression center_point_box:i64",
    "OneHot axis:i64",
    "OnesLike",
    "PadFusion paddings:vec2d padding_mode:i8 constant_value:f32",
    "PartialFusion sub_graph_index:i64",
    "PowerGrad power:f32 scale:f32 shift:f32",
    "PowFusion scale:f32 shift:f32",
    """
    PriorBox min_sizes:[i64] max_sizes:[i64] aspect_ratios:[f32] variances:[f32] image_size_w:i64 image_size_h:i64 \
    step_w:f32 step_h:f32 clip:b flip:b offset:f32
    """,
    "PReLUFusion channel_shared:b",
    "QuantDTypeCast src_t:i64 dst_t:i64 axis:i64",
    "Rank",
    "Range d_type:i64 start:i64 limit:i64 delta:i64",
    "Reciprocal",
    "RealDiv",
    "ReduceFusion keep_dims:b mode:i8 reduce_to_end:b coeff:f32",
    "Reshape",
    """
    Resize format:i32 method:i8 new_height:i64 new_width:i64 preserve_aspect_ratio:b coordinate_transform_mode:i8 \
    cubic_coeff:f32 exclude_outside:i64 extrapolation_value:f32 nearest_mode:i8
    """,
    "ReverseSequence seq_dim:i64 batch_dim:i64",
    "ReverseV2 axis:[i64]",
    "Rfft fft_length:i64",
    "ROIPooling pooled_h:i64 pooled_w:i64 scale:f32",
    "Round",
    "Rsqrt",
    "ScaleFusion axis:i64 activation_type:i8",
    "ScatterNd",
    "SGD nesterov:b dampening:f32 weight_decay:f32",
    "Shape",
    "SigmoidCrossEntropyWithLogits",
    "SigmoidCrossEntropyWithLogitsGrad",
    "Sin",
    "SkipGram include_all_grams:b max_skip_size:i64 ngram_size:i64",
    "SliceFusion axes:[i64]",
    "SmoothL1Loss beta:f32",
    "SmoothL1LossGrad beta:f32",
    "Softmax axis:[i64]",
    "SoftmaxCrossEntropyWithLogits",
    "SpaceToBatch block_size:[i64] paddings:vec2d",
    "SpaceToBatchND block_shape:[i64] paddings:vec2d",
    "SpaceToDepth block_size:i64 format:i32",
    "SparseSoftmaxCrossEntropyWithLogits is_grad:b",
    "SparseToDense",
    "Split output_num:i64 size_splits:[i64] axis:i64",
    "Sqrt",
    "Squeeze axis:[i64]",
    "Square",
    "SquaredDifference",
    "Stack axis:i64",
    "StridedSlice begin_mask:i64 end_mask:i64 ellipsis_mask:i64 new_axis_mask:i64 shrink_axis_mask:i64",
    "SubFusion activation_type:i8",
    "SubGrad",
    "Switch",
    "TensorListFromTensor element_dtype:i64 shape_type:i64",
    "TensorListGetItem element_dtype:i64",
    "TensorListReserve element_dtype:i64 shape_type:i64",
    "TensorListSetItem element_dtype:i64",
    "TensorListStack num_elements:i64 element_dtype:i64",
    "TileFusion dims:[i64]",
    "TopKFusion sorted:b axis:i64 largest:i64",
    "Transpose",
    "Unique",
    "UnsortedSegmentSum",
    "Unsqueeze axis:[i64]",
    "Unstack axis:i64",
    """
    LSTMGrad bidirectional:b has_bias:b input_size:i64 hidden_size:i64 num_layers:i64 num_directions:i64 dropout:f32 \
    zoneout_cell:f32 zoneout_hidden:f32
    """,
    "Where",
    "ZerosLike",
    "Select",
    "ScatterNdUpdate",
    "GRU bidirectional:b linear_before_reset:i64",
    "NonZero",
    "InvertPermutation",
    "Size",
    "RandomStandardNormal seed:i64 seed2:i64",
    "CropAndResize method:i8 extrapolation_value:f32",
    "Erf",
    "StridedSliceGrad begin_mask:i64 end_mask:i64 ellipsis_mask:i64 new_axis_mask:i64 shrink_axis_mask:i64",
    "IsFinite",
    "LinSpace",
    "UniformReal seed:i64 seed2:i64",
    "AbsGrad",
    "RsqrtGrad",
    "SqrtGrad",
    "LayerNormGrad begin_norm_axis:i64 begin_params_axis:i64",
    "ResizeGrad method:i8 align_corners:b",
    "Splice context:[i64] forward_indexes:[i64] output_dim:i64",
    "LogSoftmax axis:i64",
    "Call is_tail_call:b",
    "Custom type:str attr:[attr]",
    "CumSum exclusive:b reverse:b",
    "SplitWithOverlap split_dim:i64 number_split:i64 ratio:[i64] extend_top:[i64] extend_bottom:[i64]",
    """
    GenOP activation_type:i8 alpha:f32 min_val:f32 max_val:f32 is_training:b format:i32 kernel_size:[i64] \
    stride:[i64] dilation:[i64] pad_mode:i8 pad_list:[i64] mode:i64 group:i64 in_channel:i64 out_channel:i64 \
    eltwise_mode:i8 has_bias:b use_axis:b axis:i64 epsilon:f32 momentum:f32 transpose_a:b transpose_b:b pad:[i64] \
    round_mode:i8 global:b channel_shared:b axes:[i64] keep_dims:b reduce_mode:i8 reduce_to_end:b coeff:f32
    """,
    "RaggedRange",
    "GLU axis:i64",
    "TensorArray dynamic_size:b identical_element_shapes:b element_shape:[i32] data_type:i32",
    "TensorArrayRead",
    "TensorArrayWrite",
    "Affine context:[i64] output_dim:i64 activation_type:i8 transpose_a:b transpose_b:b",
    "AllGather group:str rank_size:i32",
    "ReduceScatter group:str mode:i8 rank_size:i32",
    "DynamicQuant symmetric:b dst_type:i64 activation_channel:b prefer_axis:i64 transpose:b prefer_axes:[i32]",
    """
    LSTMGradData bidirectional:b has_bias:b input_size:i64 hidden_size:i64 num_layers:i64 num_directions:i64 \
    dropout:f32 zoneout_cell:f32 zoneout_hidden:f32
    """,
    """
    LSTMGradWeight bidirectional:b has_bias:b input_size:i64 hidden_size:i64 num_layers:i64 num_directions:i64 \
    dropout:f32 zoneout_cell:f32 zoneout_hidden:f32
    """,
    "RandomNormal seed:f32 mean:f32 scale:f32",
    "NLLLoss reduction:i8",
    "NLLLossGrad reduction:i8",
    "FormatTranspose src_format:i32 dst_format:i32",
    "GatherD",
    "GroupNormFusion num_groups:i64 epsilon:f32 affine:b",
    "Log1p",
    "TensorScatterAdd",
    "SparseFillEmptyRows",
    "SparseReshape",
    "SparseSegmentSum",
    "ScatterElements axis:i64",
    "Triu",
    "Tril",
    "AdamWeightDecay use_locking:b",
    "FillV2"
  ]
}
