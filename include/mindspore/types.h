/**
 * @file types.h
 * Enumerations shared by the context, tensor and model headers.
 */
#ifndef MINDSPORE_INCLUDE_C_API_TYPES_C_H
#define MINDSPORE_INCLUDE_C_API_TYPES_C_H

/** Marks what the library exports. A program may define it before including the headers, for static linking for instance. */
#ifndef OH_AI_API
#ifdef _WIN32
#define OH_AI_API __declspec(dllexport)
#else
#define OH_AI_API __attribute__((visibility("default")))
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ISO C limits enumerators to int; the values with the top bit set need unsigned int, which every supported compiler gives. */
#if defined(__GNUC__) && !defined(__cplusplus)
#define OH_AI_WIDE_ENUM __extension__
#else
#define OH_AI_WIDE_ENUM
#endif

/** What a model's bytes are. */
OH_AI_WIDE_ENUM typedef enum OH_AI_ModelType {
  /** A model in the .ms format. */
  OH_AI_MODELTYPE_MINDIR = 0,
  /** No model type; every function that takes a type refuses it. */
  OH_AI_MODELTYPE_INVALID = 0xFFFFFFFF
} OH_AI_ModelType;

/** The hardware that a device info stands for. */
typedef enum OH_AI_DeviceType {
  OH_AI_DEVICETYPE_CPU = 0,
  OH_AI_DEVICETYPE_GPU = 1,
  OH_AI_DEVICETYPE_KIRIN_NPU = 2,
  /** A device reached through the Neural Network Runtime. 60 to 79 are reserved for devices of OpenHarmony. */
  OH_AI_DEVICETYPE_NNRT = 60,
  OH_AI_DEVICETYPE_INVALID = 100
} OH_AI_DeviceType;

/** Kinds of devices that the Neural Network Runtime reports. Since API 10. */
typedef enum OH_AI_NNRTDeviceType {
  OH_AI_NNRTDEVICE_OTHERS = 0,
  OH_AI_NNRTDEVICE_CPU = 1,
  OH_AI_NNRTDEVICE_GPU = 2,
  OH_AI_NNRTDEVICE_ACCELERATOR = 3
} OH_AI_NNRTDeviceType;

/** Speed against power on an NNRt device. Since API 10. */
typedef enum OH_AI_PerformanceMode {
  /** The device decides. */
  OH_AI_PERFORMANCE_NONE = 0,
  OH_AI_PERFORMANCE_LOW = 1,
  OH_AI_PERFORMANCE_MEDIUM = 2,
  OH_AI_PERFORMANCE_HIGH = 3,
  OH_AI_PERFORMANCE_EXTREME = 4
} OH_AI_PerformanceMode;

/** Rank of this model's work among other work on an NNRt device. Since API 10. */
typedef enum OH_AI_Priority {
  /** The device decides. */
  OH_AI_PRIORITY_NONE = 0,
  OH_AI_PRIORITY_LOW = 1,
  OH_AI_PRIORITY_MEDIUM = 2,
  OH_AI_PRIORITY_HIGH = 3
} OH_AI_Priority;

/** Precision used while training. Since API 11. */
OH_AI_WIDE_ENUM typedef enum OH_AI_OptimizationLevel {
  /** Leave the model as it is. */
  OH_AI_KO0 = 0,
  /** Half precision, with batch normalisation and loss kept in single precision. */
  OH_AI_KO2 = 2,
  /** Half precision, batch normalisation included. */
  OH_AI_KO3 = 3,
  /** Chosen by the device. */
  OH_AI_KAUTO = 4,
  OH_AI_KOPTIMIZATIONTYPE = 0xFFFFFFFF
} OH_AI_OptimizationLevel;

/** What an export does to weights. Since API 11. */
OH_AI_WIDE_ENUM typedef enum OH_AI_QuantizationType {
  /** Weights are written in single precision. */
  OH_AI_NO_QUANT = 0,
  /** Weights of two and more dimensions are written as integers. */
  OH_AI_WEIGHT_QUANT = 1,
  OH_AI_FULL_QUANT = 2,
  OH_AI_UNKNOWN_QUANT_TYPE = 0xFFFFFFFF
} OH_AI_QuantizationType;

/** One device of the Neural Network Runtime, in a list from OH_AI_GetAllNNRTDeviceDescs(). Opaque. Since API 10. */
typedef struct NNRTDeviceDesc NNRTDeviceDesc;

#ifdef __cplusplus
}
#endif
#endif
