/* What the way through the Neural Network Runtime costs: a model on the CPU kernels, and on an NNRt device, in turns.
 *
 *   overhead DEVICE THREADS RUNS MODEL...
 *
 * DEVICE is a part of the device's name. Prints the shortest times of both and how much longer the device takes: what else runs on the
 * machine disturbs both in turns. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mindspore/model.h"
#include "mslite/extensions.h"

static double milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static OH_AI_DeviceInfoHandle find_device(const char *part) {
  size_t count = 0;
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&count);
  OH_AI_DeviceInfoHandle device = NULL;
  for (size_t i = 0; i < count && device == NULL; i++) {
    const char *name = OH_AI_GetNameFromNNRTDeviceDesc(OH_AI_GetElementOfNNRTDeviceDescs(list, i));
    if (strstr(name, part) != NULL) device = OH_AI_CreateNNRTDeviceInfoByName(name);
  }
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  return device;
}

static OH_AI_ModelHandle build(const char *path, const char *device, int threads) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  if (device != NULL) OH_AI_ContextAddDeviceInfo(context, find_device(device));
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  const double start = milliseconds();
  if (OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context) != OH_AI_STATUS_SUCCESS) {
    fprintf(stderr, "overhead: %s: %s\n", path, MSLite_GetLastError());
    exit(2);
  }
  printf("%s built in %.1f ms\n", device != NULL ? "NNRt" : "CPU ", milliseconds() - start);
  OH_AI_ContextDestroy(&context);
  const OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  for (size_t i = 0; i < inputs.handle_num; i++) {
    void *data = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    if (data != NULL) memset(data, 0, OH_AI_TensorGetDataSize(inputs.handle_list[i]));
  }
  return model;
}

static double run(OH_AI_ModelHandle model) {
  OH_AI_TensorHandleArray outputs = {0, NULL};
  const double start = milliseconds();
  if (OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &outputs, NULL, NULL) != OH_AI_STATUS_SUCCESS) {
    fprintf(stderr, "overhead: %s\n", MSLite_GetLastError());
    exit(2);
  }
  return milliseconds() - start;
}

int main(int argc, char **argv) {
  if (argc < 5) return fprintf(stderr, "usage: overhead DEVICE THREADS RUNS MODEL...\n"), 2;
  const int threads = atoi(argv[2]), runs = atoi(argv[3]);
  for (int i = 4; i < argc; i++) {
    OH_AI_ModelHandle cpu = build(argv[i], NULL, threads), device = build(argv[i], argv[1], threads);
    for (int k = 0; k < 5; k++) run(cpu), run(device);
    double a = run(cpu), b = run(device);
    for (int k = 1; k < runs; k++) {
      const double x = run(cpu), y = run(device);
      if (x < a) a = x;
      if (y < b) b = y;
    }
    printf("%s: CPU %.3f ms, NNRt %.3f ms, %+.1f %%, %+.3f ms\n", argv[i], a, b, (b / a - 1) * 100, b - a);
    OH_AI_ModelDestroy(&cpu);
    OH_AI_ModelDestroy(&device);
  }
  return 0;
}
