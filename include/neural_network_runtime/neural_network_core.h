/**
 * @file neural_network_core.h
 * Devices, compilation, tensors and execution of the Neural Network Runtime.
 *
 * Holds for every function unless it says otherwise: a missing handle or place for a result is OH_NN_INVALID_PARAMETER (NULL from
 * functions that make an object), and so is a place for a pointer that is not NULL before the call. Functions that free take the
 * address of a handle and set the handle to NULL. Strings and arrays that a call hands out belong to the object they came from and
 * are valid until it is freed or the same call is made again.
 *
 * This library's objects may be used from several threads as long as one object is changed by one thread at a time; runs of one
 * executor wait for each other. OpenHarmony promises nothing about threads.
 */
#ifndef NEURAL_NETWORK_CORE_H
#define NEURAL_NETWORK_CORE_H

#include <stdbool.h>
#include "neural_network_runtime_type.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * A compilation of a model. The model is not copied and must stay until OH_NNCompilation_Build; whether it is finished is checked
 * there. Since API 9.
 */
OH_NNCompilation *OH_NNCompilation_Construct(const OH_NNModel *model);

/**
 * A compilation of a model in a file that only the device understands. Since API 11.
 * @param modelPath must stay until OH_NNCompilation_Build, which reads the file
 */
OH_NNCompilation *OH_NNCompilation_ConstructWithOfflineModelFile(const char *modelPath);

/**
 * A compilation of a model in memory that only the device understands. Since API 11.
 * @param modelBuffer must stay until the compilation is freed
 * @param modelSize its bytes; not 0
 */
OH_NNCompilation *OH_NNCompilation_ConstructWithOfflineModelBuffer(const void *modelBuffer, size_t modelSize);

/** A compilation without a model: it comes from OH_NNCompilation_SetCache or OH_NNCompilation_ImportCacheFromBuffer. Since API 11. */
OH_NNCompilation *OH_NNCompilation_ConstructForCache(void);

/**
 * Writes the compiled model into memory, for OH_NNCompilation_ImportCacheFromBuffer. Since API 11.
 * @param buffer where to; written to, in spite of its type
 * @param length bytes it has room for
 * @param modelSize bytes used; where the room is too small, the bytes needed
 * @return OH_NN_INVALID_PARAMETER before OH_NNCompilation_Build has succeeded and for too little room, OH_NN_UNSUPPORTED if the
 *         device does not export models
 */
OH_NN_ReturnCode OH_NNCompilation_ExportCacheToBuffer(OH_NNCompilation *compilation, const void *buffer, size_t length,
                                                      size_t *modelSize);

/**
 * Takes a compiled model from memory, for a compilation that has no other model. Since API 11.
 * @param buffer what OH_NNCompilation_ExportCacheToBuffer has written; must stay until the compilation is freed. Its contents are
 *        checked by OH_NNCompilation_Build.
 * @param modelSize its bytes; not 0
 */
OH_NN_ReturnCode OH_NNCompilation_ImportCacheFromBuffer(OH_NNCompilation *compilation, const void *buffer, size_t modelSize);

/**
 * A setting for the device. Name and value are copied. A name given again gets both values, with a '|' between. "ModelName" is the
 * beginning of cache files' names. Since API 11.
 * @return OH_NN_INVALID_PARAMETER for an empty name or value
 */
OH_NN_ReturnCode OH_NNCompilation_AddExtensionConfig(OH_NNCompilation *compilation, const char *configName,
                                                     const void *configValue, const size_t configValueSize);

/** Chooses the device, which OH_NNCompilation_Build looks up. 0, and not calling this, is the first one. Since API 9. */
OH_NN_ReturnCode OH_NNCompilation_SetDevice(OH_NNCompilation *compilation, size_t deviceID);

/**
 * Keeps the compiled model in files. OH_NNCompilation_Build restores it from there, or compiles and writes it. Since API 9.
 * @param cachePath a folder that exists; the string must stay until OH_NNCompilation_Build
 * @param version of the model. Files of an older version are replaced, those of a newer one refused by OH_NNCompilation_Build.
 *        UINT32_MAX is not a version.
 */
OH_NN_ReturnCode OH_NNCompilation_SetCache(OH_NNCompilation *compilation, const char *cachePath, uint32_t version);

/** Speed against power. Checked by OH_NNCompilation_Build; after it, at once. Since API 9. */
OH_NN_ReturnCode OH_NNCompilation_SetPerformanceMode(OH_NNCompilation *compilation, OH_NN_PerformanceMode performanceMode);

/** Rank among other work. Checked by OH_NNCompilation_Build; after it, at once. Since API 9. */
OH_NN_ReturnCode OH_NNCompilation_SetPriority(OH_NNCompilation *compilation, OH_NN_Priority priority);

/** Lets float32 be computed in float16. Checked by OH_NNCompilation_Build; after it, at once. Since API 9. */
OH_NN_ReturnCode OH_NNCompilation_EnableFloat16(OH_NNCompilation *compilation, bool enableFloat16);

/**
 * Compiles. Since API 9.
 * @return OH_NN_INVALID_PARAMETER for a model that is not finished, no model or two, a second call after success, a performance mode
 *         or priority out of range, and a cache folder that does not exist; OH_NN_FAILED for an unknown device, a model that cannot
 *         run, operators that the device does not support, and a device that fails to compile; OH_NN_UNAVAILABLE_DEVICE for one that
 *         does not say what it supports; OH_NN_UNSUPPORTED for one that takes no offline models; OH_NN_OPERATION_FORBIDDEN for
 *         settings and inputs of unknown shape that the device does not support, and a cache of a newer version; OH_NN_INVALID_FILE
 *         for an offline model or cache that cannot be read when there is nothing else to compile; OH_NN_SAVE_CACHE_EXCEPTION for a
 *         cache that cannot be written
 */
OH_NN_ReturnCode OH_NNCompilation_Build(OH_NNCompilation *compilation);

/** Frees a compilation. Executors made from it stay valid. NULL is accepted. Since API 9. */
void OH_NNCompilation_Destroy(OH_NNCompilation **compilation);

/** A description of data type OH_NN_UNKNOWN, format OH_NN_FORMAT_NONE, without dimensions and with an empty name. Since API 11. */
NN_TensorDesc *OH_NNTensorDesc_Create(void);

/** Frees a description. Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_Destroy(NN_TensorDesc **tensorDesc);

/** Sets the name, which is copied. Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_SetName(NN_TensorDesc *tensorDesc, const char *name);

/** @param name NULL before the call; the description's. Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_GetName(const NN_TensorDesc *tensorDesc, const char **name);

/** Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_SetDataType(NN_TensorDesc *tensorDesc, OH_NN_DataType dataType);

/** Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_GetDataType(const NN_TensorDesc *tensorDesc, OH_NN_DataType *dataType);

/**
 * Sets the shape, which is copied. A scalar is a description whose shape was never set. Since API 11.
 * @param shape sizes above 0; -1 for one that is known only at run time
 * @param shapeLength 1 to 10
 */
OH_NN_ReturnCode OH_NNTensorDesc_SetShape(NN_TensorDesc *tensorDesc, const int32_t *shape, size_t shapeLength);

/** @param shape NULL before the call; the description's, NULL for a scalar. Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_GetShape(const NN_TensorDesc *tensorDesc, int32_t **shape, size_t *shapeLength);

/** Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_SetFormat(NN_TensorDesc *tensorDesc, OH_NN_Format format);

/** Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_GetFormat(const NN_TensorDesc *tensorDesc, OH_NN_Format *format);

/** @return OH_NN_DYNAMIC_SHAPE and 0 elements where a size is not known; OH_NN_INVALID_PARAMETER without a shape. Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_GetElementCount(const NN_TensorDesc *tensorDesc, size_t *elementCount);

/** @return OH_NN_SUCCESS and 0 bytes where a size is not known; OH_NN_INVALID_PARAMETER without a data type. Since API 11. */
OH_NN_ReturnCode OH_NNTensorDesc_GetByteSize(const NN_TensorDesc *tensorDesc, size_t *byteSize);

/**
 * A tensor in memory shared with the device, of just the size that the description has. Since API 11.
 * @param tensorDesc copied
 * @return NULL also for an unknown device, a size that is not known, and more than 1 GiB
 */
NN_Tensor *OH_NNTensor_Create(size_t deviceID, NN_TensorDesc *tensorDesc);

/** A tensor with more memory than its description needs, or with sizes that are not known. Since API 11. */
NN_Tensor *OH_NNTensor_CreateWithSize(size_t deviceID, NN_TensorDesc *tensorDesc, size_t size);

/**
 * A tensor in memory that the caller has. Since API 11.
 * @param fd can be mapped shared; stays the caller's and must stay open until the tensor is freed
 * @param size bytes from the beginning of the memory that may be used
 * @param offset where the tensor begins, a multiple of the size of its elements
 */
NN_Tensor *OH_NNTensor_CreateWithFd(size_t deviceID, NN_TensorDesc *tensorDesc, int fd, size_t size, size_t offset);

/** Frees a tensor; its memory stays until a run that uses it has ended. Since API 11. */
OH_NN_ReturnCode OH_NNTensor_Destroy(NN_Tensor **tensor);

/** The tensor's own description: not to be freed. After a run an output's has the shape of the result. Since API 11. */
NN_TensorDesc *OH_NNTensor_GetTensorDesc(const NN_Tensor *tensor);

/** Where the tensor's data is, offset included. Since API 11. */
void *OH_NNTensor_GetDataBuffer(const NN_Tensor *tensor);

/** The file descriptor of the tensor's memory; not to be closed. Since API 11. */
OH_NN_ReturnCode OH_NNTensor_GetFd(const NN_Tensor *tensor, int *fd);

/** Bytes of the memory; the data is from the offset up to here. Since API 11. */
OH_NN_ReturnCode OH_NNTensor_GetSize(const NN_Tensor *tensor, size_t *size);

/** Where in the memory the data begins. Since API 11. */
OH_NN_ReturnCode OH_NNTensor_GetOffset(const NN_Tensor *tensor, size_t *offset);

/** An executor of a compilation; NULL before OH_NNCompilation_Build has succeeded. One compilation may have several. Since API 9. */
OH_NNExecutor *OH_NNExecutor_Construct(OH_NNCompilation *compilation);

/**
 * The shape of a result: of the last run, or as compiled before the first. Since API 9.
 * @param shape NULL before the call; the executor's
 */
OH_NN_ReturnCode OH_NNExecutor_GetOutputShape(OH_NNExecutor *executor, uint32_t outputIndex, int32_t **shape,
                                              uint32_t *shapeLength);

/** Frees an executor. A run on the way goes on and is reported to no one. NULL is accepted. Since API 9. */
void OH_NNExecutor_Destroy(OH_NNExecutor **executor);

/** Since API 11. */
OH_NN_ReturnCode OH_NNExecutor_GetInputCount(const OH_NNExecutor *executor, size_t *inputCount);

/** Since API 11. */
OH_NN_ReturnCode OH_NNExecutor_GetOutputCount(const OH_NNExecutor *executor, size_t *outputCount);

/** A new description of an input, the caller's to free; NULL for an index out of range. Since API 11. */
NN_TensorDesc *OH_NNExecutor_CreateInputTensorDesc(const OH_NNExecutor *executor, size_t index);

/** A new description of an output, the caller's to free; NULL for an index out of range. Since API 11. */
NN_TensorDesc *OH_NNExecutor_CreateOutputTensorDesc(const OH_NNExecutor *executor, size_t index);

/**
 * The sizes that an input may have. Since API 11.
 * @param minInputDims the executor's
 * @param maxInputDims the executor's
 * @return OH_NN_OPERATION_FORBIDDEN if the device does not say
 */
OH_NN_ReturnCode OH_NNExecutor_GetInputDimRange(const OH_NNExecutor *executor, size_t index, size_t **minInputDims,
                                                size_t **maxInputDims, size_t *shapeLength);

/** What is called at the end of each asynchronous run. NULL takes it back. Since API 11. */
OH_NN_ReturnCode OH_NNExecutor_SetOnRunDone(OH_NNExecutor *executor, NN_OnRunDone onRunDone);

/** What is called when the device's service dies. NULL takes it back. Since API 11. */
OH_NN_ReturnCode OH_NNExecutor_SetOnServiceDied(OH_NNExecutor *executor, NN_OnServiceDied onServiceDied);

/**
 * Runs, and returns when the results are there. Since API 11.
 * @param inputTensor all inputs of the model, in its order; shapes known
 * @param inputCount the model's, 1 to 200
 * @param outputTensor all outputs; their descriptions get the shapes of the results
 * @param outputCount the model's, 1 to 200
 * @return OH_NN_INVALID_PARAMETER for tensors that do not fit the model or a result that does not fit its tensor,
 *         OH_NN_UNAVAILABLE_DEVICE for a device that fails
 */
OH_NN_ReturnCode OH_NNExecutor_RunSync(OH_NNExecutor *executor, NN_Tensor *inputTensor[], size_t inputCount,
                                       NN_Tensor *outputTensor[], size_t outputCount);

/**
 * Starts a run and returns; OH_NNExecutor_SetOnRunDone's function hears of its end. Runs of one executor are made in the order of
 * the calls. Since API 11.
 * @param timeout milliseconds from the call on after which the run is reported as OH_NN_TIMEOUT; 0 or less: no limit. The device may
 *        still be at it then: tensors of such a run may be freed, but must not be used again.
 * @param userData handed to the callbacks; not NULL
 * @return OH_NN_OPERATION_FORBIDDEN without a function that hears of the end; otherwise as OH_NNExecutor_RunSync for the tensors
 */
OH_NN_ReturnCode OH_NNExecutor_RunAsync(OH_NNExecutor *executor, NN_Tensor *inputTensor[], size_t inputCount,
                                        NN_Tensor *outputTensor[], size_t outputCount, int32_t timeout, void *userData);

/**
 * The devices there are. Since API 9.
 * @param allDevicesID NULL before the call; the runtime's, valid for ever; NULL when there is no device
 * @return OH_NN_SUCCESS also for no device
 */
OH_NN_ReturnCode OH_NNDevice_GetAllDevicesID(const size_t **allDevicesID, uint32_t *deviceCount);

/**
 * A device's name, such as "cpu_mslite_v1_0": name, vendor and version. Since API 9.
 * @param deviceID 0 for the first one
 * @param name NULL before the call; the runtime's, valid for ever
 * @return OH_NN_FAILED for an unknown device
 */
OH_NN_ReturnCode OH_NNDevice_GetName(size_t deviceID, const char **name);

/** A device's kind. @return OH_NN_INVALID_PARAMETER for an unknown device. Since API 9. */
OH_NN_ReturnCode OH_NNDevice_GetType(size_t deviceID, OH_NN_DeviceType *deviceType);

#ifdef __cplusplus
}
#endif

#endif
