/**
 * @file data_type.h
 * Element types.
 */
#ifndef MINDSPORE_INCLUDE_C_API_DATA_TYPE_C_H
#define MINDSPORE_INCLUDE_C_API_DATA_TYPE_C_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Element type of a tensor. The comment gives the bytes per element; types without one have no size and hold no data. */
typedef enum OH_AI_DataType {
  OH_AI_DATATYPE_UNKNOWN = 0,
  OH_AI_DATATYPE_OBJECTTYPE_STRING = 12, /**< 1 */
  OH_AI_DATATYPE_OBJECTTYPE_LIST = 13,
  OH_AI_DATATYPE_OBJECTTYPE_TUPLE = 14,
  OH_AI_DATATYPE_OBJECTTYPE_TENSOR = 17,
  OH_AI_DATATYPE_NUMBERTYPE_BEGIN = 29,
  OH_AI_DATATYPE_NUMBERTYPE_BOOL = 30,    /**< 1 */
  OH_AI_DATATYPE_NUMBERTYPE_INT8 = 32,    /**< 1 */
  OH_AI_DATATYPE_NUMBERTYPE_INT16 = 33,   /**< 2 */
  OH_AI_DATATYPE_NUMBERTYPE_INT32 = 34,   /**< 4 */
  OH_AI_DATATYPE_NUMBERTYPE_INT64 = 35,   /**< 8 */
  OH_AI_DATATYPE_NUMBERTYPE_UINT8 = 37,   /**< 1 */
  OH_AI_DATATYPE_NUMBERTYPE_UINT16 = 38,  /**< 2 */
  OH_AI_DATATYPE_NUMBERTYPE_UINT32 = 39,  /**< 4 */
  OH_AI_DATATYPE_NUMBERTYPE_UINT64 = 40,  /**< 8 */
  OH_AI_DATATYPE_NUMBERTYPE_FLOAT16 = 42, /**< 2 */
  OH_AI_DATATYPE_NUMBERTYPE_FLOAT32 = 43, /**< 4 */
  OH_AI_DATATYPE_NUMBERTYPE_FLOAT64 = 44, /**< 8 */
  OH_AI_DATATYPE_NUMBERTYPE_END = 46,
  OH_AI_DataTypeInvalid = INT32_MAX
} OH_AI_DataType;

#ifdef __cplusplus
}
#endif
#endif
