/* What both fuzzers do with bytes that may be a model: build, and when that works, run once on zeros. Bytes that are no model for
 * inference may be one for training, which then takes two steps and is exported.
 * Only the C interface is used, so that everything behind it is under test. */
#ifndef MSLITE_TESTS_TRY_MODEL_H
#define MSLITE_TESTS_TRY_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "mindspore/context.h"
#include "mindspore/model.h"
#include "mindspore/tensor.h"
#include "mslite/extensions.h"

/* Models with inputs or outputs above this are built but not run: a broken dimension easily asks for gigabytes. */
enum { MAX_TENSOR_BYTES = 64 << 20 };

/* A model handle and its context, used again until a build succeeds. */
typedef struct {
  OH_AI_ModelHandle model;
  OH_AI_ContextHandle context;
} TryModel;

typedef struct {
  OH_AI_Status build;
  int ran;
  OH_AI_Status predict; /* valid when ran */
} TryResult;

static inline void try_model_close(TryModel *t) {
  OH_AI_ModelDestroy(&t->model);
  OH_AI_ContextDestroy(&t->context);
}

static inline void try_model_open(TryModel *t) {
  if (t->model != NULL) return;
  t->model = OH_AI_ModelCreate();
  t->context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(t->context, 1);
  OH_AI_ContextAddDeviceInfo(t->context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
}

/* Every tensor has a known size within the limit. */
static inline int try_model_is_small(OH_AI_TensorHandleArray tensors) {
  for (size_t i = 0; i < tensors.handle_num; i++) {
    int64_t count = OH_AI_TensorGetElementNum(tensors.handle_list[i]);
    if (count <= 0 || OH_AI_TensorGetDataSize(tensors.handle_list[i]) > MAX_TENSOR_BYTES) return 0;
  }
  return tensors.handle_num > 0;
}

/* Bytes that look encrypted get a key, so that what decrypts them is tried, too. */
static inline void try_model_set_key(TryModel *t, const uint8_t *bytes, size_t size) {
  static const uint8_t key[16] = "0123467899ABCDEF";
  const int encrypted = size >= 4 && bytes[1] == 0x5E && bytes[2] == 0x3A && bytes[3] == 0x7F;
  (void)MSLite_ModelSetDecryptionKey(t->model, encrypted ? key : NULL, sizeof key,
                                     encrypted && bytes[0] == 0xD9 ? "AES-CBC" : "AES-GCM");
}

/* Two steps of training, both exports, and a prediction. */
static inline OH_AI_Status try_model_train(TryModel *t) {
  (void)OH_AI_ModelSetupVirtualBatch(t->model, 2, -1.0f, -1.0f);
  OH_AI_Status status = OH_AI_ModelSetTrainMode(t->model, true);
  for (int i = 0; i < 2 && status == OH_AI_STATUS_SUCCESS; i++) status = OH_AI_RunStep(t->model, NULL, NULL);
  for (int inference = 0; inference < 2; inference++) {
    char *exported = NULL;
    size_t count = 0;
    (void)OH_AI_ExportModelBuffer(t->model, OH_AI_MODELTYPE_MINDIR, &exported, &count, inference ? OH_AI_WEIGHT_QUANT : OH_AI_NO_QUANT,
                                  inference, NULL, 0);
    free(exported);
  }
  (void)OH_AI_ModelSetTrainMode(t->model, false);
  (void)OH_AI_RunStep(t->model, NULL, NULL);
  return status;
}

static inline TryResult try_model(TryModel *t, const void *bytes, size_t size) {
  TryResult result = {OH_AI_STATUS_SUCCESS, 0, OH_AI_STATUS_SUCCESS};
  try_model_open(t);
  try_model_set_key(t, (const uint8_t *)bytes, size);
  result.build = OH_AI_ModelBuild(t->model, bytes, size, OH_AI_MODELTYPE_MINDIR, t->context);
  OH_AI_Status training = OH_AI_STATUS_LITE_ERROR;
  if (result.build != OH_AI_STATUS_SUCCESS) {
    training = OH_AI_TrainModelBuild(t->model, bytes, size, OH_AI_MODELTYPE_MINDIR, t->context, NULL);
    if (training != OH_AI_STATUS_SUCCESS) return result;
    result.build = training;
  }

  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(t->model);
  /* An output whose size is known only after the run has no elements yet, so only inputs must be known. */
  OH_AI_TensorHandleArray outputs = OH_AI_ModelGetOutputs(t->model);
  int small = try_model_is_small(inputs);
  for (size_t i = 0; i < outputs.handle_num; i++)
    if (OH_AI_TensorGetDataSize(outputs.handle_list[i]) > MAX_TENSOR_BYTES) small = 0;
  if (small) {
    for (size_t i = 0; i < inputs.handle_num; i++) {
      void *data = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
      if (data != NULL) memset(data, 0, OH_AI_TensorGetDataSize(inputs.handle_list[i]));
    }
    result.ran = 1;
    result.predict = training == OH_AI_STATUS_SUCCESS ? try_model_train(t) : OH_AI_ModelPredict(t->model, inputs, &outputs, NULL, NULL);
  }
  try_model_close(t);
  return result;
}

#endif
