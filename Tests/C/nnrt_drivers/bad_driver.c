/* A driver that does what nobody wants, for tests of the out-of-process driver. What it does while it compiles is the model's name; what
 * it does while it runs is the first number of the first input. It supports everything, and a run copies the input. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mslite/nnrt_driver.h"

static NNRt_DeviceDied died;
static void *died_context;
static __thread const char *error = "";

static uint32_t get_device_count(void) {
  const char *how = getenv("BAD_DRIVER");
  if (how != NULL && strcmp(how, "crash") == 0) abort();
  return how != NULL && strcmp(how, "none") == 0 ? 0 : 2;
}

static OH_NN_ReturnCode get_device_info(uint32_t device, NNRt_DeviceInfo *info) {
  strcpy(info->name, device == 0 ? "Bad" : "Worse");
  strcpy(info->vendor, "Test");
  info->type = OH_NN_ACCELERATOR;
  info->versionMajor = 2;
  info->concurrentRuns = true;
  info->modelCache = true;
  return OH_NN_SUCCESS;
}

static const char *last_error(void) { return error; }

static void behave(const char *name) {
  if (strcmp(name, "crash") == 0) *(volatile char *)8 = 1;
  if (strcmp(name, "hang") == 0) for (;;) sleep(1);
  if (strcmp(name, "exit") == 0) _exit(0);
}

static OH_NN_ReturnCode get_supported_operations(uint32_t device, const NNRt_Model *model, bool *supported) {
  (void)device;
  if (strncmp(model->name, "ask ", 4) == 0) behave(model->name + 4);
  for (uint32_t i = 0; i < model->nodeCount; i++) supported[i] = true;
  return OH_NN_SUCCESS;
}

static OH_NN_ReturnCode prepare_model(
  uint32_t device, const NNRt_Model *model, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  (void)device;
  (void)config;
  behave(model->name);
  if (strcmp(model->name, "refuse") == 0) {
    error = "this one not";
    return OH_NN_UNSUPPORTED;
  }
  *prepared = malloc(1);
  return OH_NN_SUCCESS;
}

static OH_NN_ReturnCode run(
  NNRt_PreparedModel *prepared, const NNRt_IOTensor *inputs, uint32_t input_count, NNRt_IOTensor *outputs, uint32_t output_count) {
  (void)prepared;
  if (input_count < 1 || output_count < 1 || inputs[0].byteSize < 4) return OH_NN_INVALID_PARAMETER;
  float how;
  memcpy(&how, inputs[0].data, sizeof how);
  switch ((int)how) {
    case 1: behave("crash"); break;
    case 2: behave("hang"); break;
    case 3: behave("exit"); break;
    case 4: return OH_NN_MEMORY_ERROR;
    case 5: outputs[0].dimensionCount = 1000; return OH_NN_SUCCESS;
    case 6: outputs[0].dimensions[0] = -5; return OH_NN_SUCCESS;
    case 7: died(died_context, 0); break;
    case 8: error = "in no mood"; return OH_NN_TIMEOUT;
    case 9: /* memory that both have cannot be taken away */
      if (inputs[0].fd >= 0 && ftruncate(inputs[0].fd, 0) == 0) return OH_NN_FAILED;
      break;
    default: break;
  }
  memcpy(outputs[0].data, inputs[0].data, inputs[0].byteSize < outputs[0].byteSize ? inputs[0].byteSize : outputs[0].byteSize);
  outputs[0].dimensionCount = inputs[0].dimensionCount;
  memcpy(outputs[0].dimensions, inputs[0].dimensions, sizeof inputs[0].dimensions);
  return OH_NN_SUCCESS;
}

static OH_NN_ReturnCode export_cache(NNRt_PreparedModel *prepared, const NNRt_Blob **blobs, uint32_t *count) {
  static const NNRt_Blob parts[3] = {{"one", 3}, {"three four five six seven eight nine ten eleven twelve thirteen", 63}, {"x", 1}};
  (void)prepared;
  *blobs = parts;
  *count = 3;
  return OH_NN_SUCCESS;
}

static void release_cache(NNRt_PreparedModel *prepared, const NNRt_Blob *blobs, uint32_t count) {
  (void)prepared;
  (void)blobs;
  (void)count;
}

static OH_NN_ReturnCode prepare_model_from_cache(
  uint32_t device, const NNRt_Blob *blobs, uint32_t count, const NNRt_Config *config, NNRt_PreparedModel **prepared) {
  (void)device;
  (void)config;
  if (count != 3 || blobs[0].size != 3 || memcmp(blobs[0].data, "one", 3) != 0 || blobs[1].size != 63 || blobs[2].size != 1)
    return OH_NN_FAILED;
  *prepared = malloc(1);
  return OH_NN_SUCCESS;
}

static void release_model(NNRt_PreparedModel *prepared) { free(prepared); }

static void set_death_callback(NNRt_DeviceDied callback, void *context) {
  died = callback;
  died_context = context;
}

static const NNRt_Driver table = {
  .abiVersion = NNRT_DRIVER_ABI_VERSION,
  .size = sizeof(NNRt_Driver),
  .getDeviceCount = get_device_count,
  .getDeviceInfo = get_device_info,
  .lastError = last_error,
  .getSupportedOperations = get_supported_operations,
  .prepareModel = prepare_model,
  .prepareModelFromCache = prepare_model_from_cache,
  .exportCache = export_cache,
  .releaseCache = release_cache,
  .run = run,
  .releaseModel = release_model,
  .setDeathCallback = set_death_callback};

const NNRt_Driver *NNRt_DriverEntry(uint32_t version) { return version == NNRT_DRIVER_ABI_VERSION ? &table : NULL; }
