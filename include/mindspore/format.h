/**
 * @file format.h
 * Names of tensor layouts.
 */
#ifndef MINDSPORE_INCLUDE_C_API_FORMAT_C_H
#define MINDSPORE_INCLUDE_C_API_FORMAT_C_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What each dimension of a tensor means: N batch, C or K channel, H height, W width, D depth, outermost first. A 4 at the end
 * marks channels padded to a multiple of four.
 */
typedef enum OH_AI_Format {
  OH_AI_FORMAT_NCHW = 0,
  OH_AI_FORMAT_NHWC = 1,
  OH_AI_FORMAT_NHWC4 = 2,
  OH_AI_FORMAT_HWKC = 3,
  OH_AI_FORMAT_HWCK = 4,
  OH_AI_FORMAT_KCHW = 5,
  OH_AI_FORMAT_CKHW = 6,
  OH_AI_FORMAT_KHWC = 7,
  OH_AI_FORMAT_CHWK = 8,
  OH_AI_FORMAT_HW = 9,
  OH_AI_FORMAT_HW4 = 10,
  OH_AI_FORMAT_NC = 11,
  OH_AI_FORMAT_NC4 = 12,
  OH_AI_FORMAT_NC4HW4 = 13,
  OH_AI_FORMAT_NCDHW = 15,
  OH_AI_FORMAT_NWC = 16,
  OH_AI_FORMAT_NCW = 17
} OH_AI_Format;

#ifdef __cplusplus
}
#endif
#endif
