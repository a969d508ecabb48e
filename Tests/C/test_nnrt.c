/* The Neural Network Runtime's functions on a machine without devices, and the settings of NNRT device infos. */
#define _POSIX_C_SOURCE 200809L
#include "mindspore/model.h"
#include "check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void no_devices(void) {
  size_t count = 5;
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&count);
  CHECK(list == NULL && count == 0);
  CHECK(OH_AI_GetAllNNRTDeviceDescs(NULL) == NULL);
  CHECK(OH_AI_GetElementOfNNRTDeviceDescs(NULL, 0) == NULL);
  CHECK(OH_AI_GetElementOfNNRTDeviceDescs(NULL, 100) == NULL);
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  OH_AI_DestroyAllNNRTDeviceDescs(NULL);
  CHECK(OH_AI_GetDeviceIdFromNNRTDeviceDesc(NULL) == 0);
  CHECK(OH_AI_GetNameFromNNRTDeviceDesc(NULL) == NULL);
  CHECK(OH_AI_GetTypeFromNNRTDeviceDesc(NULL) == OH_AI_NNRTDEVICE_OTHERS);
  CHECK(OH_AI_CreateNNRTDeviceInfoByName(NULL) == NULL);
  CHECK(OH_AI_CreateNNRTDeviceInfoByName("no such device") == NULL);
  CHECK(OH_AI_CreateNNRTDeviceInfoByType(OH_AI_NNRTDEVICE_ACCELERATOR) == NULL);
  CHECK(OH_AI_CreateNNRTDeviceInfoByType((OH_AI_NNRTDeviceType)1234) == NULL);
}

static void settings(void) {
  OH_AI_DeviceInfoHandle nnrt = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT);
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  CHECK(OH_AI_DeviceInfoGetDeviceId(nnrt) == 0);
  CHECK(OH_AI_DeviceInfoGetPerformanceMode(nnrt) == OH_AI_PERFORMANCE_NONE);
  CHECK(OH_AI_DeviceInfoGetPriority(nnrt) == OH_AI_PRIORITY_NONE);
  const size_t ids[] = {111, 222, 12345, (size_t)-1};
  for (size_t i = 0; i < 4; i++) {
    OH_AI_DeviceInfoSetDeviceId(nnrt, ids[i]);
    CHECK(OH_AI_DeviceInfoGetDeviceId(nnrt) == ids[i]);
  }
  for (int mode = 0; mode < 5; mode++) {
    OH_AI_DeviceInfoSetPerformanceMode(nnrt, (OH_AI_PerformanceMode)mode);
    CHECK((int)OH_AI_DeviceInfoGetPerformanceMode(nnrt) == mode);
  }
  errno = 0;
  for (int priority = 0; priority < 4; priority++) {
    OH_AI_DeviceInfoSetPriority(nnrt, (OH_AI_Priority)priority);
    CHECK((int)OH_AI_DeviceInfoGetPriority(nnrt) == priority);
  }
  OH_AI_DeviceInfoSetPriority(NULL, OH_AI_PRIORITY_LOW);
  CHECK(errno == 0);
  OH_AI_DeviceInfoSetDeviceId(cpu, 3);
  OH_AI_DeviceInfoSetPerformanceMode(cpu, OH_AI_PERFORMANCE_HIGH);
  OH_AI_DeviceInfoSetPriority(cpu, OH_AI_PRIORITY_HIGH);
  OH_AI_DeviceInfoSetDeviceId(NULL, 3);
  OH_AI_DeviceInfoSetPerformanceMode(NULL, OH_AI_PERFORMANCE_HIGH);
  OH_AI_DeviceInfoHandle others[] = {cpu, NULL};
  for (size_t i = 0; i < 2; i++) {
    CHECK(OH_AI_DeviceInfoGetDeviceId(others[i]) == 0);
    CHECK(OH_AI_DeviceInfoGetPerformanceMode(others[i]) == OH_AI_PERFORMANCE_NONE);
    CHECK(OH_AI_DeviceInfoGetPriority(others[i]) == OH_AI_PRIORITY_NONE);
  }
  OH_AI_DeviceInfoDestroy(&nnrt);
  OH_AI_DeviceInfoDestroy(&cpu);
}

static void extensions(void) {
  OH_AI_DeviceInfoHandle nnrt = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT);
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  const char *names[] = {"CachePath", "CacheVersion", "ModelName", "QuantBuffer", "QuantConfigData", "isProfiling",
                         "opLayout", "InputDims", "DynamicDims", "BandMode", "NPU_FM_SHARED", "AIPP"};
  const char value[2] = {'a', 'b'};
  errno = 0;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    CHECK_STATUS(OH_AI_DeviceInfoAddExtension(nnrt, names[i], value, 1), OH_AI_STATUS_SUCCESS);
    CHECK_STATUS(OH_AI_DeviceInfoAddExtension(nnrt, names[i], value, 2), OH_AI_STATUS_SUCCESS);
  }
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(nnrt, "QuantBuffer", value, 0), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(NULL, "CachePath", value, 2), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(NULL, NULL, NULL, 0), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(cpu, NULL, value, 2), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(nnrt, "CachePath", NULL, 2), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(cpu, "CachePath", value, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(nnrt, "cachepath", value, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(nnrt, "", value, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK(errno == 0);
  OH_AI_DeviceInfoDestroy(&nnrt);
  OH_AI_DeviceInfoDestroy(&cpu);
}

static unsigned build_with(const OH_AI_DeviceType *types, size_t count) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  for (size_t i = 0; i < count; i++) OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(types[i]));
  const OH_AI_Status status = OH_AI_ModelBuild(model, "not a model", 11, OH_AI_MODELTYPE_MINDIR, context);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
  return (unsigned)status;
}

static void builds(void) {
  const OH_AI_DeviceType nnrt[] = {OH_AI_DEVICETYPE_NNRT, OH_AI_DEVICETYPE_CPU};
  const OH_AI_DeviceType gpu[] = {OH_AI_DEVICETYPE_GPU, OH_AI_DEVICETYPE_CPU};
  const OH_AI_DeviceType npu[] = {OH_AI_DEVICETYPE_KIRIN_NPU};
  CHECK_STATUS(build_with(nnrt, 1), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(build_with(nnrt, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(build_with(gpu, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(build_with(gpu, 2), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(build_with(npu, 1), OH_AI_STATUS_LITE_NULLPTR);
}

int main(void) {
  /* Whatever this machine has. */
  setenv("MSLITE_NNRT_PATH", "", 1);
  no_devices();
  settings();
  extensions();
  builds();
  return check_result();
}
