/**
 * @file neural_network_runtime_type.h
 * Types of the Neural Network Runtime: handles, enumerations, callbacks and structs that its two other headers use.
 */
#ifndef NEURAL_NETWORK_RUNTIME_TYPE_H
#define NEURAL_NETWORK_RUNTIME_TYPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A model under construction, or finished. OH_NNModel_Construct makes it, OH_NNModel_Destroy frees it. Since API 9. */
typedef struct OH_NNModel OH_NNModel;
/** A model on its way to a device. OH_NNCompilation_Construct and its like make it, OH_NNCompilation_Destroy frees it. Since API 9. */
typedef struct OH_NNCompilation OH_NNCompilation;
/** Runs a compiled model. OH_NNExecutor_Construct makes it, OH_NNExecutor_Destroy frees it. Since API 9. */
typedef struct OH_NNExecutor OH_NNExecutor;
/** Quantisation parameters. OH_NNQuantParam_Create makes them, OH_NNQuantParam_Destroy frees them. Since API 11. */
typedef struct NN_QuantParam NN_QuantParam;
/** Name, data type, shape and format. OH_NNTensorDesc_Create makes it, OH_NNTensorDesc_Destroy frees it. Since API 11. */
typedef struct NN_TensorDesc NN_TensorDesc;
/** A description with memory of a device. OH_NNTensor_Create and its relatives make it, OH_NNTensor_Destroy frees it. Since API 11. */
typedef struct NN_Tensor NN_Tensor;

/** Speed against power. */
typedef enum {
  /** The device decides. */
  OH_NN_PERFORMANCE_NONE = 0,
  OH_NN_PERFORMANCE_LOW = 1,
  OH_NN_PERFORMANCE_MEDIUM = 2,
  OH_NN_PERFORMANCE_HIGH = 3,
  OH_NN_PERFORMANCE_EXTREME = 4
} OH_NN_PerformanceMode;

/** Rank of a model's work among other work on the device. */
typedef enum {
  /** The device decides. */
  OH_NN_PRIORITY_NONE = 0,
  OH_NN_PRIORITY_LOW = 1,
  OH_NN_PRIORITY_MEDIUM = 2,
  OH_NN_PRIORITY_HIGH = 3
} OH_NN_Priority;

/** How a call ended. */
typedef enum {
  OH_NN_SUCCESS = 0,
  /** For a reason that has no code of its own; the log has it. */
  OH_NN_FAILED = 1,
  /** An argument that the function does not accept, a missing handle among them. */
  OH_NN_INVALID_PARAMETER = 2,
  /** Memory could not be had or mapped. */
  OH_NN_MEMORY_ERROR = 3,
  /** The object is in a state that does not allow it, or the device cannot do it. */
  OH_NN_OPERATION_FORBIDDEN = 4,
  OH_NN_NULL_PTR = 5,
  OH_NN_INVALID_FILE = 6,
  /** Misspelt; OH_NN_UNAVAILABLE_DEVICE took its place in API 11. */
  OH_NN_UNAVALIDABLE_DEVICE = 7,
  OH_NN_INVALID_PATH = 8,
  /** The device did not answer in time. Since API 11. */
  OH_NN_TIMEOUT = 9,
  /** Since API 11. */
  OH_NN_UNSUPPORTED = 10,
  /** The connection to the device's service is broken. Since API 11. */
  OH_NN_CONNECTION_EXCEPTION = 11,
  /** Since API 11. */
  OH_NN_SAVE_CACHE_EXCEPTION = 12,
  /** The shape has dimensions that are not known yet. Since API 11. */
  OH_NN_DYNAMIC_SHAPE = 13,
  /** The device failed or is gone. Since API 11. */
  OH_NN_UNAVAILABLE_DEVICE = 14
} OH_NN_ReturnCode;

/**
 * Called when an asynchronous run has ended, on a thread of the runtime. Since API 11.
 * @param userData what OH_NNExecutor_RunAsync was given
 * @param errCode OH_NN_SUCCESS, or why the outputs are not valid
 * @param outputTensor the run's output tensors (NN_Tensor *); the array is valid during the call
 * @param outputCount their number
 */
typedef void (*NN_OnRunDone)(void *userData, OH_NN_ReturnCode errCode, void *outputTensor[], int32_t outputCount);

/**
 * Called when the device's service has died, on a thread of the runtime or of the driver. Since API 11.
 * @param userData what the executor's last OH_NNExecutor_RunAsync was given, NULL before the first
 */
typedef void (*NN_OnServiceDied)(void *userData);

/** An activation that an operator applies to its result; one byte, as in the tensors that hold it. */
#if defined(__cplusplus)
typedef enum : int8_t {
#else
typedef enum __attribute__((packed)) {
#endif
  OH_NN_FUSED_NONE = 0,
  OH_NN_FUSED_RELU = 1,
  OH_NN_FUSED_RELU6 = 2
} OH_NN_FuseType;

/** Order of a tensor's dimensions. */
typedef enum {
  OH_NN_FORMAT_NONE = 0,
  OH_NN_FORMAT_NCHW = 1,
  OH_NN_FORMAT_NHWC = 2,
  /** No meaning of single dimensions. Since API 11. */
  OH_NN_FORMAT_ND = 3
} OH_NN_Format;

/** Kinds of devices. */
typedef enum {
  OH_NN_OTHERS = 0,
  OH_NN_CPU = 1,
  OH_NN_GPU = 2,
  /** Made for neural networks. */
  OH_NN_ACCELERATOR = 3
} OH_NN_DeviceType;

/** What a tensor's elements are. */
typedef enum {
  OH_NN_UNKNOWN = 0,
  OH_NN_BOOL = 1,
  OH_NN_INT8 = 2,
  OH_NN_INT16 = 3,
  OH_NN_INT32 = 4,
  OH_NN_INT64 = 5,
  OH_NN_UINT8 = 6,
  OH_NN_UINT16 = 7,
  OH_NN_UINT32 = 8,
  OH_NN_UINT64 = 9,
  OH_NN_FLOAT16 = 10,
  OH_NN_FLOAT32 = 11,
  OH_NN_FLOAT64 = 12
} OH_NN_DataType;
/** Operators. Since API 9 up to OH_NN_OPS_GELU, since API 12 the others. */
typedef enum {
  /** Sum of two tensors of one type, broadcast against each other. */
  OH_NN_OPS_ADD = 1,
  /** Mean over windows of an NHWC tensor. */
  OH_NN_OPS_AVG_POOL = 2,
  /** Normalisation with stored statistics: input, then scale, offset, mean and variance per channel. */
  OH_NN_OPS_BATCH_NORM = 3,
  /** Batch entries become blocks of a 4-dimensional tensor's plane. */
  OH_NN_OPS_BATCH_TO_SPACE_ND = 4,
  /** Adds a vector to every position; input of 2 to 5 dimensions, then one value per channel. */
  OH_NN_OPS_BIAS_ADD = 5,
  /** Another data type; the second input is a constant, the OH_NN_DataType wanted. */
  OH_NN_OPS_CAST = 6,
  /** Tensors one after another along an axis; two or more inputs. */
  OH_NN_OPS_CONCAT = 7,
  /** Convolution: NHWC input, weight [out channels, height, width, in channels / groups], bias per output channel. */
  OH_NN_OPS_CONV2D = 8,
  /** Transposed convolution: NHWC input, weight [in channels, height, width, out channels / groups], bias. */
  OH_NN_OPS_CONV2D_TRANSPOSE = 9,
  /** Convolution of each channel by itself: NHWC input, weight [out channels, height, width, 1], bias. */
  OH_NN_OPS_DEPTHWISE_CONV2D_NATIVE = 10,
  /** First tensor divided by the second, broadcast. */
  OH_NN_OPS_DIV = 11,
  /** Product, sum or maximum of two tensors. */
  OH_NN_OPS_ELTWISE = 12,
  /** One more dimension of 1; the second input is a constant, where. */
  OH_NN_OPS_EXPAND_DIMS = 13,
  /** A tensor of one value: the value, then the shape. */
  OH_NN_OPS_FILL = 14,
  /** Fully connected layer: input, weight, perhaps bias. */
  OH_NN_OPS_FULL_CONNECTION = 15,
  /** Slices at the indices of the second input, along the axis that the third, a constant, names. */
  OH_NN_OPS_GATHER = 16,
  /** x * relu6(x + 3) / 6. */
  OH_NN_OPS_HSWISH = 17,
  /** a <= b, as booleans. */
  OH_NN_OPS_LESS_EQUAL = 18,
  /** Matrix product. */
  OH_NN_OPS_MATMUL = 19,
  /** The larger of two values. */
  OH_NN_OPS_MAXIMUM = 20,
  /** Maximum over windows of an NHWC tensor. */
  OH_NN_OPS_MAX_POOL = 21,
  /** Product of two tensors, broadcast. */
  OH_NN_OPS_MUL = 22,
  /** One-hot vectors: indices, depth, value where it matches, value elsewhere. */
  OH_NN_OPS_ONE_HOT = 23,
  /** Padding; the second input has before and after for each dimension, shape [n, 2]. */
  OH_NN_OPS_PAD = 24,
  /** (scale * x + shift) to the power of the second input. */
  OH_NN_OPS_POW = 25,
  /** x * scale + bias along an axis: input, scale, bias. */
  OH_NN_OPS_SCALE = 26,
  /** The shape of the input. */
  OH_NN_OPS_SHAPE = 27,
  /** 1 / (1 + exp(-x)). */
  OH_NN_OPS_SIGMOID = 28,
  /** A block: input, where it begins, its sizes. */
  OH_NN_OPS_SLICE = 29,
  /** exp(x) over the sum of exp(x) along an axis. */
  OH_NN_OPS_SOFTMAX = 30,
  /** Blocks of a 4-dimensional tensor's plane become batch entries. */
  OH_NN_OPS_SPACE_TO_BATCH_ND = 31,
  /** Pieces of a tensor along an axis. */
  OH_NN_OPS_SPLIT = 32,
  /** Square root. */
  OH_NN_OPS_SQRT = 33,
  /** (a - b)^2. */
  OH_NN_OPS_SQUARED_DIFFERENCE = 34,
  /** Without dimensions of 1. */
  OH_NN_OPS_SQUEEZE = 35,
  /** Tensors along a new dimension; two or more inputs. */
  OH_NN_OPS_STACK = 36,
  /** A block with steps: input, begin, end, strides. */
  OH_NN_OPS_STRIDED_SLICE = 37,
  /** Difference of two tensors, broadcast. */
  OH_NN_OPS_SUB = 38,
  /** Hyperbolic tangent. */
  OH_NN_OPS_TANH = 39,
  /** Repetition; the second input says how often along each dimension. */
  OH_NN_OPS_TILE = 40,
  /** Dimensions in the order of the second input. */
  OH_NN_OPS_TRANSPOSE = 41,
  /** Mean over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_MEAN = 42,
  /** Bilinear interpolation of an NHWC tensor to another size. */
  OH_NN_OPS_RESIZE_BILINEAR = 43,
  /** 1 / square root. */
  OH_NN_OPS_RSQRT = 44,
  /** Another shape: the second input, a constant. */
  OH_NN_OPS_RESHAPE = 45,
  /** x, or weight * x where x is negative; one weight, or one per channel. */
  OH_NN_OPS_PRELU = 46,
  /** max(x, 0). */
  OH_NN_OPS_RELU = 47,
  /** min(max(x, 0), 6). */
  OH_NN_OPS_RELU6 = 48,
  /** Normalisation over the last dimensions: input, gamma, beta. */
  OH_NN_OPS_LAYER_NORM = 49,
  /** Product over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_PROD = 50,
  /** Logical and over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_ALL = 51,
  /** Between numbers and quantised numbers. */
  OH_NN_OPS_QUANT_DTYPE_CAST = 52,
  /** The k largest along an axis, values and indices; the second input is k. */
  OH_NN_OPS_TOP_K = 53,
  /** Where the largest value along an axis is. */
  OH_NN_OPS_ARG_MAX = 54,
  /** One more dimension of 1. */
  OH_NN_OPS_UNSQUEEZE = 55,
  /** x times the normal distribution's cumulative function. */
  OH_NN_OPS_GELU = 56,
  /** Slices along a dimension, which goes away. */
  OH_NN_OPS_UNSTACK = 57,
  /** Absolute value. */
  OH_NN_OPS_ABS = 58,
  /** Error function. */
  OH_NN_OPS_ERF = 59,
  /** base to the power of (scale * x + shift). */
  OH_NN_OPS_EXP = 60,
  /** a < b, as booleans. */
  OH_NN_OPS_LESS = 61,
  /** a where the condition holds, b elsewhere: condition, a, b. */
  OH_NN_OPS_SELECT = 62,
  /** x^2. */
  OH_NN_OPS_SQUARE = 63,
  /** Two dimensions: those before the axis, and the others. */
  OH_NN_OPS_FLATTEN = 64,
  /** Channels of a 4-dimensional tensor become blocks of its plane. */
  OH_NN_OPS_DEPTH_TO_SPACE = 65,
  /** Numbers with equal steps. */
  OH_NN_OPS_RANGE = 66,
  /** Normalisation of each plane: input, scale and bias per channel. */
  OH_NN_OPS_INSTANCE_NORM = 67,
  /** A tensor of one value; the input is its shape. */
  OH_NN_OPS_CONSTANT_OF_SHAPE = 68,
  /** Repetition along dimensions of 1. */
  OH_NN_OPS_BROADCAST_TO = 69,
  /** a = b, as booleans. */
  OH_NN_OPS_EQUAL = 70,
  /** a > b, as booleans. */
  OH_NN_OPS_GREATER = 71,
  /** a differs from b, as booleans. */
  OH_NN_OPS_NOT_EQUAL = 72,
  /** a >= b, as booleans. */
  OH_NN_OPS_GREATER_EQUAL = 73,
  /** x, or slope * x where x is negative. */
  OH_NN_OPS_LEAKY_RELU = 74,
  /** Long short-term memory: input [time, batch, n], weights of input and state, bias, first hidden and cell state; results for all
   *  times, last hidden and cell state. */
  OH_NN_OPS_LSTM = 75,
  /** Values forced between two bounds. */
  OH_NN_OPS_CLIP = 76,
  /** Logical and over the dimensions in the second input. */
  OH_NN_OPS_ALL = 77,
  /** Ends the run if the condition does not hold: condition, what to print then. */
  OH_NN_OPS_ASSERT = 78,
  /** Cosine. */
  OH_NN_OPS_COS = 79,
  /** Natural logarithm. */
  OH_NN_OPS_LOG = 80,
  /** Both. */
  OH_NN_OPS_LOGICAL_AND = 81,
  /** Negation. */
  OH_NN_OPS_LOGICAL_NOT = 82,
  /** Remainder of a division. */
  OH_NN_OPS_MOD = 83,
  /** -x. */
  OH_NN_OPS_NEG = 84,
  /** 1 / x. */
  OH_NN_OPS_RECIPROCAL = 85,
  /** Sine. */
  OH_NN_OPS_SIN = 86,
  /** a where the condition holds, b elsewhere: condition, a, b. */
  OH_NN_OPS_WHERE = 87,
  /** A tensor from indices [n, 2], values [n] and its shape. */
  OH_NN_OPS_SPARSE_TO_DENSE = 88,
  /** Either. */
  OH_NN_OPS_LOGICAL_OR = 89,
  /** Rounded up. */
  OH_NN_OPS_CEIL = 90,
  /** A block of the shape of the second input. */
  OH_NN_OPS_CROP = 91,
  /** Boxes from an SSD detector: boxes, scores, anchors; results are boxes, classes, scores and their number. */
  OH_NN_OPS_DETECTION_POST_PROCESS = 92,
  /** Rounded down. */
  OH_NN_OPS_FLOOR = 93,
  /** x over its Euclidean norm along axes. */
  OH_NN_OPS_L2_NORMALIZE = 94,
  /** Logarithm of softmax. */
  OH_NN_OPS_LOG_SOFTMAX = 95,
  /** Local response normalisation across channels. */
  OH_NN_OPS_LRN = 96,
  /** The smaller of two values. */
  OH_NN_OPS_MINIMUM = 97,
  /** Number of dimensions, an int32. */
  OH_NN_OPS_RANK = 98,
  /** Maximum over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_MAX = 99,
  /** Minimum over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_MIN = 100,
  /** Sum over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_SUM = 101,
  /** Rounded to the nearest, halves to even. */
  OH_NN_OPS_ROUND = 102,
  /** A tensor with updates at indices: indices, updates, shape. */
  OH_NN_OPS_SCATTER_ND = 103,
  /** Blocks of a 4-dimensional tensor's plane become channels. */
  OH_NN_OPS_SPACE_TO_DEPTH = 104,
  /** x * sigmoid(x). */
  OH_NN_OPS_SWISH = 105,
  /** Euclidean norm over the dimensions in the second input. */
  OH_NN_OPS_REDUCE_L2 = 106,
  /** relu6(x + 3) / 6. */
  OH_NN_OPS_HARD_SIGMOID = 107,
  /** Slices at the coordinates of the second input. */
  OH_NN_OPS_GATHER_ND = 108
} OH_NN_OperationType;

/**
 * What a tensor of a model is: data, or a parameter of an operator, with the data type and the number of values that the operator
 * expects. A parameter that is not given has the default named here; with "no default", what it means is up to the device. Since
 * API 9 up to OH_NN_UNSQUEEZE_AXIS, since API 12 the others.
 */
typedef enum {
  /** Data: an input, an output, a weight, or what is passed from one operator to another. */
  OH_NN_TENSOR = 0,
  /** int8: activation on the result, an OH_NN_FuseType; default 0. */
  OH_NN_ADD_ACTIVATIONTYPE = 1,
  /** int64, 2 values: height and width of the window; no default. */
  OH_NN_AVG_POOL_KERNEL_SIZE = 2,
  /** int64, 2 values: steps down and right; no default. */
  OH_NN_AVG_POOL_STRIDE = 3,
  /** int8: 0 pads so that input size / stride is kept, 1 or 2 pads nothing; instead of the pads; no default. */
  OH_NN_AVG_POOL_PAD_MODE = 4,
  /** int64, 4 values: padding at top, bottom, left, right; default 0, 0, 0, 0. */
  OH_NN_AVG_POOL_PAD = 5,
  /** int8: activation on the result; default 0. */
  OH_NN_AVG_POOL_ACTIVATION_TYPE = 6,
  /** float32: added to the variance; default 1e-4. */
  OH_NN_BATCH_NORM_EPSILON = 7,
  /** int64, 2 values: height and width of a block; no default. */
  OH_NN_BATCH_TO_SPACE_ND_BLOCKSIZE = 8,
  /** int64, 4 values: cut off at top, bottom, left, right; shape [2, 2]; no default. */
  OH_NN_BATCH_TO_SPACE_ND_CROPS = 9,
  /** int64: the axis; default 0. */
  OH_NN_CONCAT_AXIS = 10,
  /** int64, 2 values: steps down and right; default 1, 1. */
  OH_NN_CONV2D_STRIDES = 11,
  /** int64, 4 values: padding at top, bottom, left, right; default 0, 0, 0, 0. */
  OH_NN_CONV2D_PAD = 12,
  /** int64, 2 values: distance between taps; default 1, 1. */
  OH_NN_CONV2D_DILATION = 13,
  /** int8: 0 pads so that input size / stride is kept, 1 or 2 pads nothing; instead of the pads; no default. */
  OH_NN_CONV2D_PAD_MODE = 14,
  /** int8: activation on the result; default 0. */
  OH_NN_CONV2D_ACTIVATION_TYPE = 15,
  /** int64: groups of channels; default 1. */
  OH_NN_CONV2D_GROUP = 16,
  /** int64, 2 values: steps down and right; default 1, 1. */
  OH_NN_CONV2D_TRANSPOSE_STRIDES = 17,
  /** int64, 4 values: taken off at top, bottom, left, right; default 0, 0, 0, 0. */
  OH_NN_CONV2D_TRANSPOSE_PAD = 18,
  /** int64, 2 values: distance between taps; default 1, 1. */
  OH_NN_CONV2D_TRANSPOSE_DILATION = 19,
  /** int64, any number: added to the output's height and width; default 0, 0. */
  OH_NN_CONV2D_TRANSPOSE_OUTPUT_PADDINGS = 20,
  /** int8: as OH_NN_CONV2D_PAD_MODE; no default. */
  OH_NN_CONV2D_TRANSPOSE_PAD_MODE = 21,
  /** int8: activation on the result; default 0. */
  OH_NN_CONV2D_TRANSPOSE_ACTIVATION_TYPE = 22,
  /** int64: groups of channels; default 1. */
  OH_NN_CONV2D_TRANSPOSE_GROUP = 23,
  /** int64, 2 values: steps down and right; default 1, 1. */
  OH_NN_DEPTHWISE_CONV2D_NATIVE_STRIDES = 24,
  /** int64, 4 values: padding at top, bottom, left, right; default 0, 0, 0, 0. */
  OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD = 25,
  /** int64, 2 values: distance between taps; default 1, 1. */
  OH_NN_DEPTHWISE_CONV2D_NATIVE_DILATION = 26,
  /** int8: as OH_NN_CONV2D_PAD_MODE; no default. */
  OH_NN_DEPTHWISE_CONV2D_NATIVE_PAD_MODE = 27,
  /** int8: activation on the result; default 0. */
  OH_NN_DEPTHWISE_CONV2D_NATIVE_ACTIVATION_TYPE = 28,
  /** int8: activation on the result; default 0. */
  OH_NN_DIV_ACTIVATIONTYPE = 29,
  /** int8: 0 product, 1 sum, 2 maximum; default 0. */
  OH_NN_ELTWISE_MODE = 30,
  /** int64: dimensions from here on are one; giving it means OH_NN_FULL_CONNECTION_USE_AXIS; default 0. */
  OH_NN_FULL_CONNECTION_AXIS = 31,
  /** int8: activation on the result; default 0. */
  OH_NN_FULL_CONNECTION_ACTIVATIONTYPE = 32,
  /** bool: the first operand is transposed; default false. */
  OH_NN_MATMUL_TRANSPOSE_A = 33,
  /** bool: the second operand is transposed; default false. */
  OH_NN_MATMUL_TRANSPOSE_B = 34,
  /** int8: activation on the result; default 0. */
  OH_NN_MATMUL_ACTIVATION_TYPE = 35,
  /** int64, 2 values: height and width of the window; no default. */
  OH_NN_MAX_POOL_KERNEL_SIZE = 36,
  /** int64, 2 values: steps down and right; no default. */
  OH_NN_MAX_POOL_STRIDE = 37,
  /** int8: as OH_NN_AVG_POOL_PAD_MODE; no default. */
  OH_NN_MAX_POOL_PAD_MODE = 38,
  /** int64, 4 values: padding at top, bottom, left, right; default 0, 0, 0, 0. */
  OH_NN_MAX_POOL_PAD = 39,
  /** int8: activation on the result; default 0. */
  OH_NN_MAX_POOL_ACTIVATION_TYPE = 40,
  /** int8: activation on the result; default 0. */
  OH_NN_MUL_ACTIVATION_TYPE = 41,
  /** int64: where the new dimension goes; default -1. */
  OH_NN_ONE_HOT_AXIS = 42,
  /** float32: what is padded with; default 0. */
  OH_NN_PAD_CONSTANT_VALUE = 43,
  /** int8: activation on the result; default 0. */
  OH_NN_SCALE_ACTIVATIONTYPE = 44,
  /** int64: where the scale's dimensions begin; required. */
  OH_NN_SCALE_AXIS = 45,
  /** int64: the axis; default -1. */
  OH_NN_SOFTMAX_AXIS = 46,
  /** int64, 2 values: height and width of a block; shape [2]; no default. */
  OH_NN_SPACE_TO_BATCH_ND_BLOCK_SHAPE = 47,
  /** int64, 4 values: padding at top, bottom, left, right; shape [2, 2]; no default. */
  OH_NN_SPACE_TO_BATCH_ND_PADDINGS = 48,
  /** int64: the axis; default 0. */
  OH_NN_SPLIT_AXIS = 49,
  /** int64: number of pieces; no default. */
  OH_NN_SPLIT_OUTPUT_NUM = 50,
  /** int64, any number: their sizes; no default. */
  OH_NN_SPLIT_SIZE_SPLITS = 51,
  /** int64, any number: which dimensions; no default. */
  OH_NN_SQUEEZE_AXIS = 52,
  /** int64: where the new dimension goes; default 0. */
  OH_NN_STACK_AXIS = 53,
  /** int64: bit i: begin[i] does not count; default 0. */
  OH_NN_STRIDED_SLICE_BEGIN_MASK = 54,
  /** int64: bit i: end[i] does not count; default 0. */
  OH_NN_STRIDED_SLICE_END_MASK = 55,
  /** int64: bit i: entry i stands for all dimensions that are not named; default 0. */
  OH_NN_STRIDED_SLICE_ELLIPSIS_MASK = 56,
  /** int64: bit i: entry i makes a new dimension; default 0. */
  OH_NN_STRIDED_SLICE_NEW_AXIS_MASK = 57,
  /** int64: bit i: dimension i goes away; default 0. */
  OH_NN_STRIDED_SLICE_SHRINK_AXIS_MASK = 58,
  /** int8: activation on the result; default 0. */
  OH_NN_SUB_ACTIVATIONTYPE = 59,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_MEAN_KEEP_DIMS = 60,
  /** int64: rows of the result; no default. */
  OH_NN_RESIZE_BILINEAR_NEW_HEIGHT = 61,
  /** int64: columns of the result; no default. */
  OH_NN_RESIZE_BILINEAR_NEW_WIDTH = 62,
  /** bool: height and width keep their ratio; default false. */
  OH_NN_RESIZE_BILINEAR_PRESERVE_ASPECT_RATIO = 63,
  /** int8: 0 asymmetric, 1 corners aligned, 2 half pixels; default 0. */
  OH_NN_RESIZE_BILINEAR_COORDINATE_TRANSFORM_MODE = 64,
  /** int64: 1: weights of samples outside are zero; default 0. */
  OH_NN_RESIZE_BILINEAR_EXCLUDE_OUTSIDE = 65,
  /** int64: first normalised dimension, from 1 to rank - 1; a tensor without dimensions; default 1. */
  OH_NN_LAYER_NORM_BEGIN_NORM_AXIS = 66,
  /** float32: added to the variance; a tensor without dimensions; default 1e-7. */
  OH_NN_LAYER_NORM_EPSILON = 67,
  /** int64: first dimension of gamma and beta; a tensor without dimensions; default 1. */
  OH_NN_LAYER_NORM_BEGIN_PARAM_AXIS = 68,
  /** bool: reserved: OH_NN_OPS_LAYER_NORM refuses it. */
  OH_NN_LAYER_NORM_ELEMENTWISE_AFFINE = 69,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_PROD_KEEP_DIMS = 70,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_ALL_KEEP_DIMS = 71,
  /** int64: data type of the input; required. */
  OH_NN_QUANT_DTYPE_CAST_SRC_T = 72,
  /** int64: data type of the output; required. */
  OH_NN_QUANT_DTYPE_CAST_DST_T = 73,
  /** bool: largest first; default true. */
  OH_NN_TOP_K_SORTED = 74,
  /** int64: the axis; default -1. */
  OH_NN_ARG_MAX_AXIS = 75,
  /** bool: the axis stays as 1; default false. */
  OH_NN_ARG_MAX_KEEPDIMS = 76,
  /** int64: where; no default. */
  OH_NN_UNSQUEEZE_AXIS = 77,
  /** int64: the dimension; default 0. */
  OH_NN_UNSTACK_AXIS = 78,
  /** int64: the axis; default 1. */
  OH_NN_FLATTEN_AXIS = 79,
  /** int64: side of a block; no default. */
  OH_NN_DEPTH_TO_SPACE_BLOCK_SIZE = 80,
  /** int32: channels run through the block first (0) or last (1); default 0. */
  OH_NN_DEPTH_TO_SPACE_MODE = 81,
  /** int64: the first; default 0. */
  OH_NN_RANGE_START = 82,
  /** int64: the end, exclusive; default 0. */
  OH_NN_RANGE_LIMIT = 83,
  /** int64: the step; default 1. */
  OH_NN_RANGE_DELTA = 84,
  /** int64: data type of the result; default 0. */
  OH_NN_CONSTANT_OF_SHAPE_DATA_TYPE = 85,
  /** float32, any number: the value; no default. */
  OH_NN_CONSTANT_OF_SHAPE_VALUE = 86,
  /** int64, any number: shape of the result; no default. */
  OH_NN_BROADCAST_TO_SHAPE = 87,
  /** float32: added to the variance; default 0. */
  OH_NN_INSTANCE_NORM_EPSILON = 88,
  /** float32: the base; -1 stands for e; default -1. */
  OH_NN_EXP_BASE = 89,
  /** float32: the scale; default 1. */
  OH_NN_EXP_SCALE = 90,
  /** float32: the shift; default 0. */
  OH_NN_EXP_SHIFT = 91,
  /** float32: the slope; default 0. */
  OH_NN_LEAKY_RELU_NEGATIVE_SLOPE = 92,
  /** bool: both directions; default false. */
  OH_NN_LSTM_BIDIRECTIONAL = 93,
  /** bool: the bias counts; default false. */
  OH_NN_LSTM_HAS_BIAS = 94,
  /** int64: n of the input; default 0. */
  OH_NN_LSTM_INPUT_SIZE = 95,
  /** int64: size of the state; default 0. */
  OH_NN_LSTM_HIDDEN_SIZE = 96,
  /** int64: layers; default 0. */
  OH_NN_LSTM_NUM_LAYERS = 97,
  /** int64: 1 or 2; default 0. */
  OH_NN_LSTM_NUM_DIRECTIONS = 98,
  /** float32: probability of dropping between layers; default 0. */
  OH_NN_LSTM_DROPOUT = 99,
  /** float32: share of the old cell state that stays; default 0. */
  OH_NN_LSTM_ZONEOUT_CELL = 100,
  /** float32: share of the old hidden state that stays; default 0. */
  OH_NN_LSTM_ZONEOUT_HIDDEN = 101,
  /** int64: size of a projection of the state; 0: none; default 0. */
  OH_NN_LSTM_PROJ_SIZE = 102,
  /** float32: upper bound; default 0. */
  OH_NN_CLIP_MAX = 103,
  /** float32: lower bound; default 0. */
  OH_NN_CLIP_MIN = 104,
  /** int64: not 0: reduced dimensions stay as 1; default 0. */
  OH_NN_ALL_KEEP_DIMS = 105,
  /** int64: how many values are printed; default 0. */
  OH_NN_ASSERT_SUMMARIZE = 106,
  /** float32: the scale; default 1. */
  OH_NN_POW_SCALE = 107,
  /** float32: the shift; default 0. */
  OH_NN_POW_SHIFT = 108,
  /** int32: output sizes are rounded down (0) or up (1); default 0. */
  OH_NN_AVG_POOL_ROUND_MODE = 109,
  /** bool: the window is the whole plane; default false. */
  OH_NN_AVG_POOL_GLOBAL = 110,
  /** bool: there is a bias; default false. */
  OH_NN_FULL_CONNECTION_HAS_BIAS = 111,
  /** bool: the axis counts; false together with an axis is an error; default false. */
  OH_NN_FULL_CONNECTION_USE_AXIS = 112,
  /** bool: by its tanh approximation; default false. */
  OH_NN_GELU_APPROXIMATE = 113,
  /** int32: output sizes are rounded down (0) or up (1); default 0. */
  OH_NN_MAX_POOL_ROUND_MODE = 114,
  /** bool: the window is the whole plane; default false. */
  OH_NN_MAX_POOL_GLOBAL = 115,
  /** int32: 0 constant, 1 reflection, 2 symmetric; default 0. */
  OH_NN_PAD_PADDING_MODE = 116,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_MEAN_REDUCE_TO_END = 117,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_MEAN_COEFF = 118,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_PROD_REDUCE_TO_END = 119,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_PROD_COEFF = 120,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_ALL_REDUCE_TO_END = 121,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_ALL_COEFF = 122,
  /** int64: the axis; default 0. */
  OH_NN_TOP_K_AXIS = 123,
  /** int64: how many; default 1. */
  OH_NN_ARG_MAX_TOP_K = 124,
  /** bool: the values instead of their indices; default false. */
  OH_NN_ARG_MAX_OUT_MAX_VALUE = 125,
  /** int64: the dimension that parameters per channel belong to; default 0. */
  OH_NN_QUANT_DTYPE_CAST_AXIS = 126,
  /** int64, any number: the dimensions that begin and size are about; no default. */
  OH_NN_SLICE_AXES = 127,
  /** int64, any number: the dimensions that the second input is about; no default. */
  OH_NN_TILE_DIMS = 128,
  /** int64: first dimension that is cut; default 0. */
  OH_NN_CROP_AXIS = 129,
  /** int64, any number: where the block begins in the dimensions from the axis on; no default. */
  OH_NN_CROP_OFFSET = 130,
  /** int64: size of the model's input; default 0. */
  OH_NN_DETECTION_POST_PROCESS_INPUT_SIZE = 131,
  /** float32, any number: scales of the boxes' coordinates; no default. */
  OH_NN_DETECTION_POST_PROCESS_SCALE = 132,
  /** float32: overlap from which on the weaker box is dropped; default 0. */
  OH_NN_DETECTION_POST_PROCESS_NMS_IOU_THRESHOLD = 133,
  /** float32: lowest score; default 0. */
  OH_NN_DETECTION_POST_PROCESS_NMS_SCORE_THRESHOLD = 134,
  /** int64: most boxes; default 0. */
  OH_NN_DETECTION_POST_PROCESS_MAX_DETECTIONS = 135,
  /** int64: most boxes of a class; default 0. */
  OH_NN_DETECTION_POST_PROCESS_DETECTIONS_PER_CLASS = 136,
  /** int64: most classes of a box; default 0. */
  OH_NN_DETECTION_POST_PROCESS_MAX_CLASSES_PER_DETECTION = 137,
  /** int64: number of classes; default 0. */
  OH_NN_DETECTION_POST_PROCESS_NUM_CLASSES = 138,
  /** bool: classes are handled one by one; default false. */
  OH_NN_DETECTION_POST_PROCESS_USE_REGULAR_NMS = 139,
  /** bool: results are quantised; default false. */
  OH_NN_DETECTION_POST_PROCESS_OUT_QUANTIZED = 140,
  /** int64, any number: the axes; no default. */
  OH_NN_L2_NORMALIZE_AXIS = 141,
  /** float32: least square of the norm; default 1e-6. */
  OH_NN_L2_NORMALIZE_EPSILON = 142,
  /** int8: activation on the result; default 0. */
  OH_NN_L2_NORMALIZE_ACTIVATION_TYPE = 143,
  /** int64: the axis; default 0. */
  OH_NN_LOG_SOFTMAX_AXIS = 144,
  /** int64: half the width of the window; default 0. */
  OH_NN_LRN_DEPTH_RADIUS = 145,
  /** float32: added to the sum; default 0. */
  OH_NN_LRN_BIAS = 146,
  /** float32: factor of the sum; default 0. */
  OH_NN_LRN_ALPHA = 147,
  /** float32: exponent; default 0. */
  OH_NN_LRN_BETA = 148,
  /** int32: 0: across channels; default 0. */
  OH_NN_LRN_NORM_REGION = 149,
  /** int64: side of a block; no default. */
  OH_NN_SPACE_TO_DEPTH_BLOCK_SIZE = 150,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_MAX_KEEP_DIMS = 151,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_MAX_REDUCE_TO_END = 152,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_MAX_COEFF = 153,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_MIN_KEEP_DIMS = 154,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_MIN_REDUCE_TO_END = 155,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_MIN_COEFF = 156,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_SUM_KEEP_DIMS = 157,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_SUM_REDUCE_TO_END = 158,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_SUM_COEFF = 159,
  /** bool: reduced dimensions stay as 1; default false. */
  OH_NN_REDUCE_L2_KEEP_DIMS = 160,
  /** bool: every dimension from the axis on is reduced; default false. */
  OH_NN_REDUCE_L2_REDUCE_TO_END = 161,
  /** float32: factor on the result; default 1. */
  OH_NN_REDUCE_L2_COEFF = 162
} OH_NN_TensorType;

/** A list of tensor indices: {NULL, 0} when empty. */
typedef struct OH_NN_UInt32Array {
  uint32_t *data;
  uint32_t size;
} OH_NN_UInt32Array;

/**
 * Quantisation of a tensor: real = scale * (number - zero point). One entry for the whole tensor or one per channel.
 * Deprecated since API 11: NN_QuantParam.
 */
typedef struct OH_NN_QuantParam {
  /** Length of the three arrays. */
  uint32_t quantCount;
  /** Bits of a number; only 8. */
  const uint32_t *numBits;
  const double *scale;
  const int32_t *zeroPoint;
} OH_NN_QuantParam;

/** A tensor of a model. Deprecated since API 11: NN_TensorDesc. */
typedef struct OH_NN_Tensor {
  OH_NN_DataType dataType;
  uint32_t dimensionCount;
  /** -1 stands for a size that is known only at run time. NULL for a scalar. */
  const int32_t *dimensions;
  /** NULL for a tensor that is not quantised. */
  const OH_NN_QuantParam *quantParam;
  OH_NN_TensorType type;
} OH_NN_Tensor;

/** Memory shared with a device. Deprecated since API 11: NN_Tensor. */
typedef struct OH_NN_Memory {
  void *const data;
  /** In bytes. */
  const size_t length;
} OH_NN_Memory;

#ifdef __cplusplus
}
#endif

#endif
