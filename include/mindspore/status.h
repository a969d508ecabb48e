/**
 * @file status.h
 * Result codes. Failure n is stored as the unsigned 32-bit form of -n, so 0xFFFFFFFF is failure 1.
 */
#ifndef MINDSPORE_INCLUDE_C_API_STATUS_C_H
#define MINDSPORE_INCLUDE_C_API_STATUS_C_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ISO C limits enumerators to int; these need unsigned int, which every supported compiler gives. */
#if defined(__GNUC__) && !defined(__cplusplus)
#define OH_AI_WIDE_STATUS __extension__
#else
#define OH_AI_WIDE_STATUS
#endif

/** The component a code belongs to, in the code's highest four bits. */
OH_AI_WIDE_STATUS enum OH_AI_CompCode {
  OH_AI_COMPCODE_CORE = 0x00000000,
  OH_AI_COMPCODE_MD = 0x10000000,
  OH_AI_COMPCODE_ME = 0x20000000,
  OH_AI_COMPCODE_MC = 0x30000000,
  OH_AI_COMPCODE_LITE = 0xF0000000
};

/** What a function reports. A second build of a built model gives 0xFFFFFFF4 (failure 12), which has no name here. */
OH_AI_WIDE_STATUS typedef enum OH_AI_Status {
  /** Done. */
  OH_AI_STATUS_SUCCESS = 0,
  /** Never returned by this library. */
  OH_AI_STATUS_CORE_FAILED = 0x00000001,

  /* General: 1 to 99. */
  /** Failed for a reason without a code of its own: an unreadable model, a model in use by another thread. */
  OH_AI_STATUS_LITE_ERROR = 0xFFFFFFFF,
  /** An argument is NULL or not a live handle, the model is not built, or its context cannot be used. */
  OH_AI_STATUS_LITE_NULLPTR = 0xFFFFFFFE,
  /** An argument has a value that is not accepted. */
  OH_AI_STATUS_LITE_PARAM_INVALID = 0xFFFFFFFD,
  OH_AI_STATUS_LITE_NO_CHANGE = 0xFFFFFFFC,
  OH_AI_STATUS_LITE_SUCCESS_EXIT = 0xFFFFFFFB,
  /** Memory ran out. */
  OH_AI_STATUS_LITE_MEMORY_FAILED = 0xFFFFFFFA,
  /** This library or machine cannot do what was asked. */
  OH_AI_STATUS_LITE_NOT_SUPPORT = 0xFFFFFFF9,
  OH_AI_STATUS_LITE_THREADPOOL_ERROR = 0xFFFFFFF8,
  /** The train mode of a model that is not built cannot be set. */
  OH_AI_STATUS_LITE_UNINITIALIZED_OBJ = 0xFFFFFFF7,

  /* Executor: 100 to 199. */
  OH_AI_STATUS_LITE_OUT_OF_TENSOR_RANGE = 0xFFFFFF9C,
  /** An input has no data, the wrong type or the wrong size. */
  OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR = 0xFFFFFF9B,
  OH_AI_STATUS_LITE_REENTRANT_ERROR = 0xFFFFFF9A,

  /* Graph: 200 to 299. */
  OH_AI_STATUS_LITE_GRAPH_FILE_ERROR = 0xFFFFFF38,

  /* Operators: 300 to 399. */
  OH_AI_STATUS_LITE_NOT_FIND_OP = 0xFFFFFED4,
  OH_AI_STATUS_LITE_INVALID_OP_NAME = 0xFFFFFED3,
  OH_AI_STATUS_LITE_INVALID_OP_ATTR = 0xFFFFFED2,
  OH_AI_STATUS_LITE_OP_EXECUTE_FAILURE = 0xFFFFFED1,

  /* Tensors: 400 to 499. */
  /** A model input's format was set to something other than NHWC or NCHW. */
  OH_AI_STATUS_LITE_FORMAT_ERROR = 0xFFFFFE70,

  /* Shape inference: 500 to 599. */
  OH_AI_STATUS_LITE_INFER_ERROR = 0xFFFFFE0C,
  OH_AI_STATUS_LITE_INFER_INVALID = 0xFFFFFE0B,

  /* User input: 600 to 699. */
  /** A list is empty or has the wrong length; a model buffer has no bytes. */
  OH_AI_STATUS_LITE_INPUT_PARAM_INVALID = 0xFFFFFDA8,

  /* AI pre-processing on the device: 700 to 799. Since API 23. */
  /** The device has no pre-processing. */
  OH_AI_STATUS_LITE_AIPP_NOT_SUPPORTED = 0xFFFFFD44,
  OH_AI_STATUS_LITE_AIPP_INFER_ERROR = 0xFFFFFD43
} OH_AI_Status;

#ifdef __cplusplus
}
#endif
#endif
