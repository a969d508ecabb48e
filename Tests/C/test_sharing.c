/* Models of one file share its weights: whoever goes first, the others stay as they are. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mindspore/model.h"

enum { THREADS = 4, ROUNDS = 6, MODELS = 3 };

static const char *const files[] = {"ms_variants/lenet28__fp32.ms", "ms_variants/lenet28__fp16w.ms", "ms_variants/lenet28__full8.ms",
                                    "ms_variants/lstm2x128_rand__fp16w.ms"};
enum { FILES = sizeof files / sizeof files[0] };

static const char *models;
static float *expected[FILES];
static size_t expected_size[FILES];

static OH_AI_ModelHandle build(int file, int threads) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", models, files[file]);
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  if (OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context) != OH_AI_STATUS_SUCCESS) OH_AI_ModelDestroy(&model);
  return model;
}

/* Runs the model on the same numbers as ever; the first output, which is the model's. */
static OH_AI_TensorHandle run(OH_AI_ModelHandle model) {
  if (model == NULL) return NULL;
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs;
  for (size_t i = 0; i < inputs.handle_num; i++) {
    const size_t size = OH_AI_TensorGetDataSize(inputs.handle_list[i]);
    unsigned char *data = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    if (data == NULL) return NULL;
    memset(data, 0, size);
    if (OH_AI_TensorGetDataType(inputs.handle_list[i]) != OH_AI_DATATYPE_NUMBERTYPE_FLOAT32) continue;
    for (size_t k = 0; k < size / sizeof(float); k++) ((float *)(void *)data)[k] = (float)(k % 17) / 8.0f - 1.0f;
  }
  if (OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL) != OH_AI_STATUS_SUCCESS || outputs.handle_num == 0) return NULL;
  return outputs.handle_list[0];
}

static int is_right(OH_AI_ModelHandle model, int file) {
  OH_AI_TensorHandle output = run(model);
  return output != NULL && OH_AI_TensorGetDataSize(output) == expected_size[file] &&
         memcmp(OH_AI_TensorGetData(output), expected[file], expected_size[file]) == 0;
}

static void in_every_order(int file) {
  static const int orders[][MODELS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
    OH_AI_ModelHandle all[MODELS];
    for (int i = 0; i < MODELS; i++) all[i] = build(file, 1 + i % 2);
    for (int gone = 0; gone < MODELS; gone++) {
      for (int i = gone; i < MODELS; i++) CHECK(is_right(all[orders[o][i]], file));
      OH_AI_ModelDestroy(&all[orders[o][gone]]);
    }
  }
}

static void *worker(void *argument) {
  const int first = *(int *)argument;
  for (int round = 0; round < ROUNDS; round++) {
    const int file = (first + round) / 2 % FILES;
    OH_AI_ModelHandle one = build(file, 1), other = build(file, 2);
    const int right = is_right(one, file);
    OH_AI_ModelDestroy(round % 2 ? &one : &other);
    const int still = is_right(round % 2 ? other : one, file);
    OH_AI_ModelDestroy(round % 2 ? &other : &one);
    if (!right || !still) return argument;
  }
  return NULL;
}

int main(int argc, char **argv) {
  models = argc > 1 ? argv[1] : "Tests/Models";
  for (int file = 0; file < FILES; file++) {
    OH_AI_ModelHandle model = build(file, 1);
    OH_AI_TensorHandle output = run(model);
    CHECK(output != NULL);
    if (output == NULL) return check_result();
    expected_size[file] = OH_AI_TensorGetDataSize(output);
    expected[file] = malloc(expected_size[file]);
    memcpy(expected[file], OH_AI_TensorGetData(output), expected_size[file]);
    OH_AI_ModelDestroy(&model);
  }
  for (int file = 0; file < FILES; file++) in_every_order(file);
  pthread_t threads[THREADS];
  int numbers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    pthread_create(&threads[i], NULL, worker, &numbers[i]);
  }
  for (int i = 0; i < THREADS; i++) {
    void *bad = NULL;
    pthread_join(threads[i], &bad);
    CHECK(bad == NULL);
  }
  for (int file = 0; file < FILES; file++) free(expected[file]);
  return check_result();
}
