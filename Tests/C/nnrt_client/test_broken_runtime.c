/* The engine with a Neural Network Runtime that is incomplete, or answers what it should not (mock_runtime.c).
 *
 *   test_broken_runtime MODELS [lacking]
 *
 * MSLITE_NNRT_PATH is the mock's folder. With "lacking" the mock has not every function, which is as good as no runtime at all. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mindspore/model.h"
#include "mslite/extensions.h"

static char path[4096];
static float expected[1 << 16];
static size_t count;

static OH_AI_Status build(OH_AI_ModelHandle *model, OH_AI_DeviceInfoHandle device, bool cpu) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextAddDeviceInfo(context, device);
  if (cpu) OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  *model = OH_AI_ModelCreate();
  const OH_AI_Status status = OH_AI_ModelBuildFromFile(*model, path, OH_AI_MODELTYPE_MINDIR, context);
  OH_AI_ContextDestroy(&context);
  return status;
}

static const float *predict(OH_AI_ModelHandle model, OH_AI_Status *status) {
  OH_AI_TensorHandleArray outputs = {0, NULL}, inputs = OH_AI_ModelGetInputs(model);
  for (size_t i = 0; i < inputs.handle_num; i++) {
    float *data = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    for (int64_t k = 0; data != NULL && k < OH_AI_TensorGetElementNum(inputs.handle_list[i]); k++) data[k] = (float)(k % 17) / 8 - 1;
  }
  *status = OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL);
  if (*status != OH_AI_STATUS_SUCCESS) return NULL;
  count = (size_t)OH_AI_TensorGetElementNum(outputs.handle_list[0]);
  return OH_AI_TensorGetData(outputs.handle_list[0]);
}

/* The model gives the CPU's results, whatever the runtime says. */
static void check_cpu_stands_in(void) {
  OH_AI_ModelHandle model;
  OH_AI_Status status;
  CHECK_STATUS(build(&model, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT), true), OH_AI_STATUS_SUCCESS);
  for (int i = 0; i < 2; i++) {
    const size_t wanted = count;
    const float *values = predict(model, &status);
    CHECK_STATUS(status, OH_AI_STATUS_SUCCESS);
    CHECK(values != NULL && count == wanted);
    bool is_same = values != NULL;
    for (size_t k = 0; is_same && k < count && k < sizeof expected / sizeof *expected; k++)
      is_same = fabsf(values[k] - expected[k]) <= 1e-5f;
    CHECK(is_same);
    if (!is_same) fprintf(stderr, "  with NNRT_MOCK=%s\n", getenv("NNRT_MOCK"));
  }
  OH_AI_ModelDestroy(&model);
}

int main(int argc, char **argv) {
  const bool lacks = argc > 2;
  OH_AI_ModelHandle model;
  OH_AI_Status status;
  snprintf(path, sizeof path, "%s/single_op_tflite/softmax.ms", argc > 1 ? argv[1] : "Tests/Models");
  CHECK_STATUS(build(&model, NULL, true), OH_AI_STATUS_SUCCESS);
  const float *values = predict(model, &status);
  CHECK(values != NULL && count > 0 && count <= sizeof expected / sizeof *expected);
  if (values != NULL) memcpy(expected, values, count * sizeof *values);
  OH_AI_ModelDestroy(&model);

  size_t devices = 5;
  if (lacks) {
    CHECK(OH_AI_GetAllNNRTDeviceDescs(&devices) == NULL && devices == 0);
    CHECK(OH_AI_CreateNNRTDeviceInfoByName("one") == NULL);
    CHECK(strstr(MSLite_GetLastError(), "OH_NNExecutor_RunSync") != NULL);
    CHECK(OH_AI_CreateNNRTDeviceInfoByType(OH_AI_NNRTDEVICE_ACCELERATOR) == NULL);
    CHECK_STATUS(build(&model, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT), false), OH_AI_STATUS_LITE_ERROR);
    CHECK(strstr(MSLite_GetLastError(), "OH_NNExecutor_RunSync") != NULL);
    OH_AI_ModelDestroy(&model);
    check_cpu_stands_in();
    return check_result();
  }
  const char *discovery[] = {"no ids", "many devices", "devices", "no names", "names"};
  for (size_t i = 0; i < sizeof discovery / sizeof *discovery; i++) {
    setenv("NNRT_MOCK", discovery[i], 1);
    devices = 5;
    CHECK(OH_AI_GetAllNNRTDeviceDescs(&devices) == NULL && devices == 0);
    CHECK_STATUS(build(&model, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT), false), OH_AI_STATUS_LITE_ERROR);
    OH_AI_ModelDestroy(&model);
    check_cpu_stands_in();
  }
  setenv("NNRT_MOCK", "long names", 1);
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&devices);
  CHECK(list != NULL && devices == 2 && strlen(OH_AI_GetNameFromNNRTDeviceDesc(list)) == 127);
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  setenv("NNRT_MOCK", "types", 1);
  list = OH_AI_GetAllNNRTDeviceDescs(&devices);
  CHECK(list != NULL && OH_AI_GetTypeFromNNRTDeviceDesc(list) == OH_AI_NNRTDEVICE_OTHERS);
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  /* Builds and runs that fail; the runtime's results would be of another shape even where nothing else is wrong. */
  const char *builds[] = {"no model", "tensors", "operations", "old operations", "inputs", "finish", "no answers", "few answers",
                          "many answers", "query", "strange booleans", "no descriptions", "shape", "no compilation", "device", "build",
                          "no executor", "no tensors", "no memory", "little memory"};
  const char *runs[] = {"", "run", "odd code", "output shape", "no shape", "long shape", "crooked memory"};
  for (size_t i = 0; i < sizeof builds / sizeof *builds + sizeof runs / sizeof *runs; i++) {
    const bool builds_fail = i < sizeof builds / sizeof *builds;
    setenv("NNRT_MOCK", builds_fail ? builds[i] : runs[i - sizeof builds / sizeof *builds], 1);
    check_cpu_stands_in();
    if (strcmp(getenv("NNRT_MOCK"), "old operations") == 0) continue;
    CHECK_STATUS(build(&model, OH_AI_CreateNNRTDeviceInfoByName("two"), false),
                 builds_fail ? OH_AI_STATUS_LITE_ERROR : OH_AI_STATUS_SUCCESS);
    if (!builds_fail) {
      CHECK(predict(model, &status) == NULL && status != OH_AI_STATUS_SUCCESS);
      CHECK(strlen(MSLite_GetLastError()) > 0);
    }
    OH_AI_ModelDestroy(&model);
  }
  return check_result();
}
