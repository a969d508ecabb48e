/* The functions of the Neural Network Runtime that the engine calls, found by dlopen. Header-only, as CSystem is. */
#ifndef MSLITE_CNNRT_H
#define MSLITE_CNNRT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "neural_network_runtime/neural_network_runtime.h"
#include "neural_network_runtime/neural_network_core.h"

/* Field in Swift, function. All of them are public and in API 11. */
#define MSNNRT_FUNCTIONS(F)                                              \
  F(allDeviceIDs, OH_NNDevice_GetAllDevicesID)                           \
  F(deviceName, OH_NNDevice_GetName)                                     \
  F(deviceType, OH_NNDevice_GetType)                                     \
  F(makeModel, OH_NNModel_Construct)                                     \
  F(freeModel, OH_NNModel_Destroy)                                       \
  F(addTensor, OH_NNModel_AddTensorToModel)                              \
  F(setTensorData, OH_NNModel_SetTensorData)                             \
  F(setTensorQuantisation, OH_NNModel_SetTensorQuantParams)              \
  F(setTensorType, OH_NNModel_SetTensorType)                             \
  F(addOperation, OH_NNModel_AddOperation)                               \
  F(specifyInputsAndOutputs, OH_NNModel_SpecifyInputsAndOutputs)         \
  F(finishModel, OH_NNModel_Finish)                                      \
  F(availableOperations, OH_NNModel_GetAvailableOperations)              \
  F(makeQuantisation, OH_NNQuantParam_Create)                            \
  F(setScales, OH_NNQuantParam_SetScales)                                \
  F(setZeroPoints, OH_NNQuantParam_SetZeroPoints)                        \
  F(setBits, OH_NNQuantParam_SetNumBits)                                 \
  F(freeQuantisation, OH_NNQuantParam_Destroy)                           \
  F(makeDescription, OH_NNTensorDesc_Create)                             \
  F(freeDescription, OH_NNTensorDesc_Destroy)                            \
  F(setDataType, OH_NNTensorDesc_SetDataType)                            \
  F(setShape, OH_NNTensorDesc_SetShape)                                  \
  F(setFormat, OH_NNTensorDesc_SetFormat)                                \
  F(makeCompilation, OH_NNCompilation_Construct)                         \
  F(makeOfflineCompilation, OH_NNCompilation_ConstructWithOfflineModelBuffer) \
  F(freeCompilation, OH_NNCompilation_Destroy)                           \
  F(setDevice, OH_NNCompilation_SetDevice)                               \
  F(setCache, OH_NNCompilation_SetCache)                                 \
  F(setPerformance, OH_NNCompilation_SetPerformanceMode)                 \
  F(setPriority, OH_NNCompilation_SetPriority)                           \
  F(setFloat16, OH_NNCompilation_EnableFloat16)                          \
  F(addExtension, OH_NNCompilation_AddExtensionConfig)                   \
  F(build, OH_NNCompilation_Build)                                       \
  F(makeExecutor, OH_NNExecutor_Construct)                               \
  F(freeExecutor, OH_NNExecutor_Destroy)                                 \
  F(outputShape, OH_NNExecutor_GetOutputShape)                           \
  F(run, OH_NNExecutor_RunSync)                                          \
  F(makeTensor, OH_NNTensor_Create)                                      \
  F(freeTensor, OH_NNTensor_Destroy)                                     \
  F(tensorData, OH_NNTensor_GetDataBuffer)                               \
  F(tensorSize, OH_NNTensor_GetSize)

typedef struct {
#define MSNNRT_FIELD(field, function) __typeof__(&function) field;
  MSNNRT_FUNCTIONS(MSNNRT_FIELD)
#undef MSNNRT_FIELD
} msnnrt_functions;

/* Looks every function up in either library; NULL, or the name of the first that neither has. */
static inline const char *msnnrt_find(msnnrt_functions *table, void *runtime, void *core) {
  void *address;
#define MSNNRT_FIND(field, function)                      \
  address = dlsym(core, #function);                       \
  if (!address) address = dlsym(runtime, #function);      \
  if (!address) return #function;                         \
  memcpy(&table->field, &address, sizeof address);
  MSNNRT_FUNCTIONS(MSNNRT_FIND)
#undef MSNNRT_FIND
  return NULL;
}

/* Where the two libraries are looked for: the folder that MSLITE_NNRT_PATH names, or (NULL) where the system's loader looks. Programs
 * with more rights than their user do not follow the variable. */
static inline const char *msnnrt_folder(void) { return secure_getenv("MSLITE_NNRT_PATH"); }

/* Opens folder/name, or name. NULL: dlerror() says why not. */
static inline void *msnnrt_open(const char *folder, const char *name) {
  char path[4096];
  if (!folder) return dlopen(name, RTLD_NOW);
  const int length = snprintf(path, sizeof path, "%s/%s", folder, name);
  if (length < 0 || (size_t)length >= sizeof path) return NULL;
  return dlopen(path, RTLD_NOW);
}

#endif
