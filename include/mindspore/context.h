/**
 * @file context.h
 * Where and how a model runs: threads, processors, devices.
 *
 * Every function accepts NULL and handles that are not (or no longer) of its kind: setters then do nothing, getters return
 * what their description says. Contexts and device infos are not thread-safe.
 */
#ifndef MINDSPORE_INCLUDE_C_API_CONTEXT_C_H
#define MINDSPORE_INCLUDE_C_API_CONTEXT_C_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "mindspore/types.h"
#include "mindspore/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Settings for one model. Compare with NULL only; not a pointer to anything. */
typedef void *OH_AI_ContextHandle;

/** One device of a context. Compare with NULL only; not a pointer to anything. */
typedef void *OH_AI_DeviceInfoHandle;

/* ---- Context ---- */

/**
 * Makes a context with 0 threads (chosen at build), no affinity, parallel off and no devices. The caller releases it with
 * OH_AI_ContextDestroy(), before or after the model that was built with it.
 * @return NULL when memory runs out
 */
OH_AI_API OH_AI_ContextHandle OH_AI_ContextCreate(void);

/** Releases a context and its device infos (those in use by a model live as long as the model) and writes NULL. */
OH_AI_API void OH_AI_ContextDestroy(OH_AI_ContextHandle *context);

/**
 * Threads that compute, the caller's included. Stored as given; a build takes 0 as 2 (4 on machines with more than 32
 * processors), lowers numbers above five times the processors, and refuses negative ones.
 */
OH_AI_API void OH_AI_ContextSetThreadNum(OH_AI_ContextHandle context, int32_t thread_num);

/** @return the stored number, which a build replaces by the one it uses; 0 for no context */
OH_AI_API int32_t OH_AI_ContextGetThreadNum(const OH_AI_ContextHandle context);

/**
 * Processors the threads are pinned to.
 * @param mode 0: not pinned; 1: the fastest first; 2: those of middle speed first. Others are stored as 0
 */
OH_AI_API void OH_AI_ContextSetThreadAffinityMode(OH_AI_ContextHandle context, int mode);

/** @return the stored mode; 0 for no context */
OH_AI_API int OH_AI_ContextGetThreadAffinityMode(const OH_AI_ContextHandle context);

/**
 * Pins the threads to the listed processors; outranks the mode.
 * @param core_list `core_num` processor numbers; copied. Numbers of processors that do not exist are passed over
 * @param core_num 0 clears the list
 */
OH_AI_API void OH_AI_ContextSetThreadAffinityCoreList(OH_AI_ContextHandle context, const int32_t *core_list,
                                                      size_t core_num);

/**
 * @param core_num receives the number of entries
 * @return a copy of the list which the caller releases with free(); NULL for an empty list, for no context, and when
 *         `core_num` is NULL
 */
OH_AI_API const int32_t *OH_AI_ContextGetThreadAffinityCoreList(const OH_AI_ContextHandle context, size_t *core_num);

/** Stores whether operators may run at the same time. */
OH_AI_API void OH_AI_ContextSetEnableParallel(OH_AI_ContextHandle context, bool is_parallel);

/** @return the stored value; false for no context */
OH_AI_API bool OH_AI_ContextGetEnableParallel(const OH_AI_ContextHandle context);

/**
 * Appends a device, preferred less than those added before. The context owns it from here on: the caller does not destroy it.
 * Adding a device twice has no effect. A build wants one to three devices.
 */
OH_AI_API void OH_AI_ContextAddDeviceInfo(OH_AI_ContextHandle context, OH_AI_DeviceInfoHandle device_info);

/* ---- Devices of every kind ---- */

/**
 * Makes a device info, whether such a device exists or not. The caller releases it with OH_AI_DeviceInfoDestroy() unless it
 * is added to a context.
 * @return NULL for a type other than CPU, GPU, KIRIN_NPU and NNRT
 */
OH_AI_API OH_AI_DeviceInfoHandle OH_AI_DeviceInfoCreate(OH_AI_DeviceType device_type);

/** Releases a device info that was not added to a context, and writes NULL. */
OH_AI_API void OH_AI_DeviceInfoDestroy(OH_AI_DeviceInfoHandle *device_info);

/** Names the vendor (copied). A NULL name changes nothing. */
OH_AI_API void OH_AI_DeviceInfoSetProvider(OH_AI_DeviceInfoHandle device_info, const char *provider);

/** @return a copy which the caller releases with free(), "" when never set; NULL for no device info */
OH_AI_API const char *OH_AI_DeviceInfoGetProvider(const OH_AI_DeviceInfoHandle device_info);

/** Names the vendor's device (copied). A NULL name changes nothing. */
OH_AI_API void OH_AI_DeviceInfoSetProviderDevice(OH_AI_DeviceInfoHandle device_info, const char *device);

/** @return a copy which the caller releases with free(), "" when never set; NULL for no device info */
OH_AI_API const char *OH_AI_DeviceInfoGetProviderDevice(const OH_AI_DeviceInfoHandle device_info);

/** @return the type it was made with; OH_AI_DEVICETYPE_INVALID for no device info */
OH_AI_API OH_AI_DeviceType OH_AI_DeviceInfoGetDeviceType(const OH_AI_DeviceInfoHandle device_info);

/** Allows half-precision arithmetic where it is faster. Kept for CPU, GPU and NNRT. */
OH_AI_API void OH_AI_DeviceInfoSetEnableFP16(OH_AI_DeviceInfoHandle device_info, bool is_fp16);

/** @return the stored value; false by default, for KIRIN_NPU and for no device info */
OH_AI_API bool OH_AI_DeviceInfoGetEnableFP16(const OH_AI_DeviceInfoHandle device_info);

/**
 * Speed of a KIRIN_NPU; ignored for others.
 * @param frequency 0 automatic, 1 low, 2 balanced, 3 high, 4 extreme; not checked
 */
OH_AI_API void OH_AI_DeviceInfoSetFrequency(OH_AI_DeviceInfoHandle device_info, int frequency);

/** @return a KIRIN_NPU's stored value, 3 by default; -1 for others and for no device info */
OH_AI_API int OH_AI_DeviceInfoGetFrequency(const OH_AI_DeviceInfoHandle device_info);

/* ---- Devices of the Neural Network Runtime. Since API 10. ---- */

/**
 * Lists the devices.
 * @param num receives their number
 * @return an array for OH_AI_DestroyAllNNRTDeviceDescs(); NULL and 0 when there are none; NULL when `num` is NULL
 */
OH_AI_API NNRTDeviceDesc *OH_AI_GetAllNNRTDeviceDescs(size_t *num);

/** @return element `index` of an array from OH_AI_GetAllNNRTDeviceDescs(), or NULL when there is none */
OH_AI_API NNRTDeviceDesc *OH_AI_GetElementOfNNRTDeviceDescs(NNRTDeviceDesc *descs, size_t index);

/** Releases the array and writes NULL. */
OH_AI_API void OH_AI_DestroyAllNNRTDeviceDescs(NNRTDeviceDesc **desc);

/** @return the device's number; 0 for NULL */
OH_AI_API size_t OH_AI_GetDeviceIdFromNNRTDeviceDesc(const NNRTDeviceDesc *desc);

/** @return the device's name, owned by the array; NULL for NULL */
OH_AI_API const char *OH_AI_GetNameFromNNRTDeviceDesc(const NNRTDeviceDesc *desc);

/** @return the device's type; OH_AI_NNRTDEVICE_OTHERS for NULL */
OH_AI_API OH_AI_NNRTDeviceType OH_AI_GetTypeFromNNRTDeviceDesc(const NNRTDeviceDesc *desc);

/** @return a new device info of kind NNRT for the device of that name; NULL when no device has it */
OH_AI_API OH_AI_DeviceInfoHandle OH_AI_CreateNNRTDeviceInfoByName(const char *name);

/** @return a new device info of kind NNRT for the first device of that type; NULL when there is none */
OH_AI_API OH_AI_DeviceInfoHandle OH_AI_CreateNNRTDeviceInfoByType(OH_AI_NNRTDeviceType type);

/* The following are for device infos of kind NNRT; for others the setters do nothing and the getters return the default. */

/** Chooses the device. Stored unchecked; a build fails when no device has the number. */
OH_AI_API void OH_AI_DeviceInfoSetDeviceId(OH_AI_DeviceInfoHandle device_info, size_t device_id);

/** @return the stored number, 0 by default */
OH_AI_API size_t OH_AI_DeviceInfoGetDeviceId(const OH_AI_DeviceInfoHandle device_info);

/** Stores the performance mode. */
OH_AI_API void OH_AI_DeviceInfoSetPerformanceMode(OH_AI_DeviceInfoHandle device_info, OH_AI_PerformanceMode mode);

/** @return the stored mode, OH_AI_PERFORMANCE_NONE by default */
OH_AI_API OH_AI_PerformanceMode OH_AI_DeviceInfoGetPerformanceMode(const OH_AI_DeviceInfoHandle device_info);

/** Stores the priority. */
OH_AI_API void OH_AI_DeviceInfoSetPriority(OH_AI_DeviceInfoHandle device_info, OH_AI_Priority priority);

/** @return the stored priority, OH_AI_PRIORITY_NONE by default. Since API 23 */
OH_AI_API OH_AI_Priority OH_AI_DeviceInfoGetPriority(const OH_AI_DeviceInfoHandle device_info);

/**
 * Adds a setting for the device's driver. Of settings with one name the first counts.
 * @param name CachePath, CacheVersion, ModelName, QuantBuffer, QuantConfigData, isProfiling, opLayout, InputDims, DynamicDims,
 *        BandMode, NPU_FM_SHARED or AIPP
 * @param value `value_size` bytes, copied; text needs no NUL
 * @return OH_AI_STATUS_LITE_NULLPTR when an argument is NULL; OH_AI_STATUS_LITE_ERROR for another kind of device or another
 *         name
 */
OH_AI_API OH_AI_Status OH_AI_DeviceInfoAddExtension(OH_AI_DeviceInfoHandle device_info, const char *name,
                                                    const char *value, size_t value_size);

#ifdef __cplusplus
}
#endif
#endif
