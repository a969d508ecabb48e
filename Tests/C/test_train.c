/* Training models: their life, modes, learning rate, weights, virtual batches and exports, with every status that the interface
 * names. The folder of models is the argument. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "mindspore/model.h"
#include "check.h"
#include "read_file.h"

static const OH_AI_ModelType MINDIR = OH_AI_MODELTYPE_MINDIR, INVALID = OH_AI_MODELTYPE_INVALID;
static char lenet[4096], mlp[4096], relu[4096];
/* Files of this run; removed at the end. */
static char folder[] = "/tmp/mslite-train-XXXXXX";

static const char *in_folder(const char *name) {
  static char paths[4][4200];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, 4200, "%s/%s", folder, name);
  return path;
}

static OH_AI_ContextHandle cpu(int threads) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
}

/* A model built from a file with the given settings (NULL: none), for training or for inference only; NULL when that fails. */
static OH_AI_ModelHandle built(const char *path, OH_AI_TrainCfgHandle config, bool trains) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu(2);
  OH_AI_Status status = trains ? OH_AI_TrainModelBuildFromFile(model, path, MINDIR, context, config)
                               : OH_AI_ModelBuildFromFile(model, path, MINDIR, context);
  OH_AI_ContextDestroy(&context);
  if (status != OH_AI_STATUS_SUCCESS) OH_AI_ModelDestroy(&model);
  return model;
}

static OH_AI_ModelHandle trained(const char *path) { return built(path, NULL, true); }

/* Fills the float inputs with numbers between -1 and 1 that depend on `seed`. */
static void fill(OH_AI_ModelHandle model, uint32_t seed) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  for (size_t i = 0; i < inputs.handle_num; i++) {
    float *x = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    for (int64_t k = 0; x != NULL && k < OH_AI_TensorGetElementNum(inputs.handle_list[i]); k++) {
      seed = seed * 1664525u + 1013904223u;
      x[k] = (float)(int32_t)seed / 2147483648.0f;
    }
  }
}

/* The first number of the first output. */
static float result(OH_AI_ModelHandle model) {
  const float *data = OH_AI_TensorGetData(OH_AI_ModelGetOutputs(model).handle_list[0]);
  return data == NULL ? NAN : data[0];
}

static float step(OH_AI_ModelHandle model) {
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_SUCCESS);
  return result(model);
}

/* What the model predicts for inputs of `seed`, a copy of its first output; the mode becomes that of inference. */
static size_t predict(OH_AI_ModelHandle model, uint32_t seed, float out[64]) {
  if (OH_AI_ModelGetTrainMode(model)) CHECK_STATUS(OH_AI_ModelSetTrainMode(model, false), OH_AI_STATUS_SUCCESS);
  fill(model, seed);
  OH_AI_TensorHandleArray outputs = {0, NULL};
  CHECK_STATUS(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
  if (outputs.handle_num == 0) return 0;
  size_t n = (size_t)OH_AI_TensorGetElementNum(outputs.handle_list[0]);
  n = n > 64 ? 64 : n;
  memcpy(out, OH_AI_TensorGetData(outputs.handle_list[0]), n * sizeof *out);
  return n;
}

static double distance(const float *a, const float *b, size_t n) {
  double worst = 0;
  for (size_t i = 0; i < n; i++) {
    double d = fabs((double)a[i] - (double)b[i]);
    if (!(d <= worst)) worst = d;
  }
  return worst;
}

static void release(OH_AI_TensorHandleArray weights) {
  for (size_t i = 0; i < weights.handle_num; i++) OH_AI_TensorDestroy(&weights.handle_list[i]);
  free(weights.handle_list);
}

/* Copies of all weights, one after the other; their number in *count. */
static float *all_weights(OH_AI_ModelHandle model, size_t *count) {
  OH_AI_TensorHandleArray weights = OH_AI_ModelGetWeights(model);
  float *all = NULL;
  *count = 0;
  for (size_t i = 0; i < weights.handle_num; i++) {
    size_t n = (size_t)OH_AI_TensorGetElementNum(weights.handle_list[i]);
    all = realloc(all, (*count + n) * sizeof *all);
    memcpy(all + *count, OH_AI_TensorGetData(weights.handle_list[i]), n * sizeof *all);
    *count += n;
  }
  release(weights);
  return all;
}

static int same_weights(OH_AI_ModelHandle a, OH_AI_ModelHandle b, double tolerance) {
  size_t n, m;
  float *x = all_weights(a, &n), *y = all_weights(b, &m);
  int same = n == m && n > 0 && distance(x, y, n) <= tolerance;
  free(x);
  free(y);
  return same;
}

/* --- models that do not train --------------------------------------------------------------------------------------- */

static void without_training(OH_AI_ModelHandle model, bool has_buffers) {
  CHECK(model != NULL);
  if (model == NULL) return;
  float values[1] = {0};
  int64_t shape[1] = {1};
  char *buffer = NULL;
  size_t size = 0;
  OH_AI_TensorHandle tensor = OH_AI_TensorCreate("data", OH_AI_DATATYPE_NUMBERTYPE_FLOAT32, shape, 1, values, sizeof values);
  OH_AI_TensorHandleArray none = {0, NULL}, one = {1, &tensor};
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), has_buffers ? OH_AI_STATUS_SUCCESS : OH_AI_STATUS_LITE_INPUT_TENSOR_ERROR);
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, 0.01f), OH_AI_STATUS_LITE_ERROR);
  CHECK(!(OH_AI_ModelGetLearningRate(model) > 0.0f));
  CHECK(OH_AI_ModelGetWeights(model).handle_num == 0);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, none), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, one), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, false), OH_AI_STATUS_SUCCESS);
  CHECK(!OH_AI_ModelGetTrainMode(model));
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 2, -1.0f, -1.0f), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("no.ms"), OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, MINDIR, &buffer, &size, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK(buffer == NULL && size == 0);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, in_folder("no.bin"), true, false, NULL, 0),
               OH_AI_STATUS_LITE_ERROR);
  OH_AI_TensorDestroy(&tensor);
  OH_AI_ModelDestroy(&model);
}

/* --- life ------------------------------------------------------------------------------------------------------------ */

static void life(void) {
  /* Without the training interface its file is no model. */
  CHECK(built(lenet, NULL, false) == NULL);
  char stem[4096];
  snprintf(stem, sizeof stem, "%.*s", (int)strlen(lenet) - 3, lenet);
  OH_AI_ModelHandle model = trained(stem);
  CHECK(model != NULL);
  if (model == NULL) return;
  CHECK(!OH_AI_ModelGetTrainMode(model));
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = OH_AI_ModelGetOutputs(model);
  CHECK(inputs.handle_num == 2 && outputs.handle_num == 1);
  CHECK(OH_AI_TensorGetDataSize(inputs.handle_list[0]) == 8192 && OH_AI_TensorGetDataSize(inputs.handle_list[1]) == 80);
  for (size_t i = 0; i < inputs.handle_num; i++) CHECK(OH_AI_TensorGetData(inputs.handle_list[i]) != NULL);
  CHECK(OH_AI_TensorGetElementNum(outputs.handle_list[0]) == 20);
  OH_AI_TensorHandle prediction = outputs.handle_list[0];
  CHECK(OH_AI_ModelGetOutputByTensorName(model, OH_AI_TensorGetName(prediction)) == prediction);

  /* Inputs may stay as they are. */
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_SUCCESS);
  OH_AI_TensorHandleArray predicted = {0, NULL};
  CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &predicted, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK(predicted.handle_num == 1 && predicted.handle_list[0] == prediction);

  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_ModelGetTrainMode(model));
  outputs = OH_AI_ModelGetOutputs(model);
  CHECK(outputs.handle_num == 1 && outputs.handle_list[0] != prediction);
  CHECK(strcmp(OH_AI_TensorGetName(outputs.handle_list[0]), "Default/network-WithLossCell/_loss_fn-L1Loss/ReduceMean-op127") == 0);
  CHECK(OH_AI_TensorGetElementNum(outputs.handle_list[0]) == 1);
  CHECK(OH_AI_ModelGetOutputByTensorName(model, "Default/network-WithLossCell/_loss_fn-L1Loss/ReduceMean-op127") ==
        outputs.handle_list[0]);
  CHECK(OH_AI_ModelGetInputs(model).handle_list[0] == inputs.handle_list[0]);
  fill(model, 1);
  float first = step(model), last = first;
  for (int i = 0; i < 30; i++) last = step(model);
  CHECK(first > 0 && last < first);

  float before[64], after[64];
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, false), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_ModelGetOutputs(model).handle_list[0] == prediction);
  size_t n = predict(model, 1, before);
  CHECK(n == 20 && predict(model, 1, after) == n && distance(before, after, n) <= 0);
  /* What inference runs does not change weights, and a step does. */
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  step(model);
  CHECK(predict(model, 1, after) == n && distance(before, after, n) > 0);

  OH_AI_ContextHandle context = cpu(1);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, lenet, MINDIR, context, NULL), 0xFFFFFFF4u);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&model);
  CHECK(model == NULL);
}

/* A model in memory trains like the one in a file, and its bytes are not needed any more. */
static void from_memory(void) {
  size_t size = 0;
  void *bytes = read_file(mlp, &size);
  OH_AI_ModelHandle model = OH_AI_ModelCreate(), other = trained(mlp);
  OH_AI_ContextHandle context = cpu(1);
  CHECK_STATUS(OH_AI_TrainModelBuild(model, bytes, size, MINDIR, context, NULL), OH_AI_STATUS_SUCCESS);
  memset(bytes, 0xAB, size);
  free(bytes);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelSetTrainMode(model, true);
  OH_AI_ModelSetTrainMode(other, true);
  fill(model, 3);
  fill(other, 3);
  for (int i = 0; i < 4; i++) CHECK(fabsf(step(model) - step(other)) < 1e-5f);
  CHECK(same_weights(model, other, 1e-5));
  OH_AI_ModelDestroy(&model);
  OH_AI_ModelDestroy(&other);
}

static void settings(void) {
  /* Names that no loss has: the whole graph up to the loss predicts. */
  const char *names[] = {"aaa", "bbb"};
  OH_AI_TrainCfgHandle config = OH_AI_TrainCfgCreate();
  OH_AI_TrainCfgSetLossName(config, names, 2);
  OH_AI_ModelHandle model = built(lenet, config, true);
  CHECK(model != NULL);
  CHECK(OH_AI_TensorGetElementNum(OH_AI_ModelGetOutputs(model).handle_list[0]) == 1);
  CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  step(model);
  OH_AI_ModelDestroy(&model);

  const OH_AI_OptimizationLevel levels[] = {OH_AI_KO0, OH_AI_KO2, OH_AI_KO3, OH_AI_KAUTO, OH_AI_KOPTIMIZATIONTYPE};
  float losses[5];
  for (int i = 0; i < 5; i++) {
    config = OH_AI_TrainCfgCreate();
    OH_AI_TrainCfgSetOptimizationLevel(config, levels[i]);
    model = built(mlp, config, true);
    CHECK(model != NULL);
    CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
    fill(model, 5);
    for (int k = 0; k < 10; k++) losses[i] = step(model);
    CHECK(fabsf(losses[i] - losses[0]) < 0.02f * losses[0]);
    OH_AI_ModelDestroy(&model);
  }
}

/* --- callbacks ------------------------------------------------------------------------------------------------------- */

static int before_count, after_count, nameless, dataless;

static bool before(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs, const OH_AI_CallBackParam node) {
  (void)outputs;
  before_count++;
  if (node.node_name == NULL || node.node_type == NULL) nameless++;
  (void)inputs; /* Weights that an operator has packed have no data of their own. */
  return true;
}

static bool after(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs, const OH_AI_CallBackParam node) {
  (void)inputs;
  after_count++;
  if (node.node_name == NULL || node.node_type == NULL) nameless++;
  for (size_t i = 0; i < outputs.handle_num; i++) {
    if (OH_AI_TensorGetData(outputs.handle_list[i]) == NULL) dataless++;
  }
  return false;
}

static void callbacks(void) {
  OH_AI_ModelHandle model = trained(lenet);
  CHECK_STATUS(OH_AI_RunStep(model, before, after), OH_AI_STATUS_SUCCESS);
  const int predicting = before_count;
  CHECK(before_count > 0 && before_count == after_count && nameless == 0 && dataless == 0);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  before_count = after_count = 0;
  CHECK_STATUS(OH_AI_RunStep(model, before, after), OH_AI_STATUS_SUCCESS);
  CHECK(before_count > 2 * predicting && before_count == after_count && nameless == 0 && dataless == 0);
  CHECK_STATUS(OH_AI_RunStep(model, before, NULL), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_RunStep(model, NULL, after), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
}

/* --- learning rate, virtual batches ---------------------------------------------------------------------------------- */

static void learning_rate(void) {
  OH_AI_ModelHandle model = trained(mlp);
  CHECK(fabsf(OH_AI_ModelGetLearningRate(model) - 0.05f) < 1e-6f);
  const float rates[] = {1000.0f, 0.01f, 0.0f};
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(OH_AI_ModelSetLearningRate(model, rates[i]), OH_AI_STATUS_SUCCESS);
    CHECK(!(OH_AI_ModelGetLearningRate(model) < rates[i]) && !(OH_AI_ModelGetLearningRate(model) > rates[i]));
  }
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, -1.0f), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, NAN), OH_AI_STATUS_LITE_ERROR);
  CHECK(!(OH_AI_ModelGetLearningRate(model) > 0.0f));
  /* At rate 0 nothing is learnt. */
  OH_AI_ModelSetTrainMode(model, true);
  fill(model, 2);
  float first = step(model);
  CHECK(fabsf(step(model) - first) < 1e-7f);
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, 0.05f), OH_AI_STATUS_SUCCESS);
  step(model);
  CHECK(step(model) < first);
  OH_AI_ModelDestroy(&model);
}

/* Twice the same data in a virtual batch of two are one step. */
static void virtual_batch(const char *path, double tolerance) {
  OH_AI_ModelHandle model = trained(path), plain = trained(path);
  const float rate = OH_AI_ModelGetLearningRate(model);
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 2, -1.0f, -1.0f), OH_AI_STATUS_SUCCESS);
  CHECK(fabsf(OH_AI_ModelGetLearningRate(model) - rate / 2) < 1e-6f * rate);
  OH_AI_ModelSetTrainMode(model, true);
  OH_AI_ModelSetTrainMode(plain, true);
  for (uint32_t seed = 1; seed < 4; seed++) {
    fill(model, seed);
    fill(plain, seed);
    float first = step(model), loss = step(plain);
    CHECK(fabsf(first - loss) < 1e-5f * (1 + loss));
    CHECK(!same_weights(model, plain, tolerance));
    CHECK(fabsf(step(model) - first) < 1e-6f * (1 + first));
    CHECK(same_weights(model, plain, tolerance));
  }
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 4, 0.5f, 0.25f), OH_AI_STATUS_SUCCESS);
  CHECK(fabsf(OH_AI_ModelGetLearningRate(model) - 0.5f) < 1e-7f);
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 1, -1.0f, -1.0f), OH_AI_STATUS_SUCCESS);
  CHECK(fabsf(OH_AI_ModelGetLearningRate(model) - rate) < 1e-6f * rate);
  step(model);
  CHECK_STATUS(OH_AI_ModelSetupVirtualBatch(model, 2, NAN, -1.0f), OH_AI_STATUS_LITE_ERROR);
  OH_AI_ModelDestroy(&model);
  OH_AI_ModelDestroy(&plain);
}

/* --- weights --------------------------------------------------------------------------------------------------------- */

static OH_AI_TensorHandle named(OH_AI_TensorHandleArray list, const char *name) {
  for (size_t i = 0; i < list.handle_num; i++) {
    if (strcmp(OH_AI_TensorGetName(list.handle_list[i]), name) == 0) return list.handle_list[i];
  }
  return NULL;
}

static void weights(void) {
  OH_AI_ModelHandle model = trained(lenet);
  OH_AI_TensorHandleArray list = OH_AI_ModelGetWeights(model), none = {0, NULL};
  CHECK(list.handle_num > 8 && list.handle_list != NULL);
  for (size_t i = 0; i < list.handle_num; i++) {
    OH_AI_TensorHandle t = list.handle_list[i];
    size_t rank = 0;
    CHECK(OH_AI_TensorGetName(t)[0] != 0 && OH_AI_TensorGetShape(t, &rank) != NULL && OH_AI_TensorGetData(t) != NULL);
    CHECK(OH_AI_TensorGetDataType(t) == OH_AI_DATATYPE_NUMBERTYPE_FLOAT32);
    CHECK(OH_AI_TensorGetDataSize(t) == 4 * (size_t)OH_AI_TensorGetElementNum(t));
  }
  OH_AI_TensorHandle bias = named(list, "fc3.bias");
  CHECK(bias != NULL && OH_AI_TensorGetElementNum(bias) == 10);
  /* A full copy is taken back. */
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, list), OH_AI_STATUS_SUCCESS);

  float values[40], old[64], now[64];
  for (int i = 0; i < 40; i++) values[i] = (float)i;
  int64_t ten[] = {10}, four[] = {4};
  const OH_AI_DataType f32 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT32, f16 = OH_AI_DATATYPE_NUMBERTYPE_FLOAT16;
  OH_AI_TensorHandle good = OH_AI_TensorCreate("fc3.bias", f32, ten, 1, values, 40);
  OH_AI_TensorHandle unknown = OH_AI_TensorCreate("fc4.bias", f32, ten, 1, values, 40);
  OH_AI_TensorHandle half = OH_AI_TensorCreate("fc3.bias", f16, ten, 1, values, 20);
  OH_AI_TensorHandle shorter = OH_AI_TensorCreate("fc3.bias", f32, four, 1, values, 16);
  OH_AI_TensorHandle empty = OH_AI_TensorCreate("fc3.bias", f32, ten, 1, NULL, 0);
  OH_AI_TensorHandle missing = NULL;
  OH_AI_TensorHandle pair[2] = {good, unknown};
  OH_AI_TensorHandleArray one = {1, pair}, two = {2, pair}, wrong = {1, &half}, misfit = {1, &shorter};
  OH_AI_TensorHandleArray silent = {1, &empty}, gap = {1, &missing};
  size_t n = predict(model, 7, old);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(NULL, one), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, none), OH_AI_STATUS_LITE_INPUT_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, gap), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, two), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, wrong), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, misfit), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, silent), OH_AI_STATUS_SUCCESS);
  CHECK(predict(model, 7, now) == n && distance(old, now, n) <= 0);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, one), OH_AI_STATUS_SUCCESS);
  /* fc3 is the last layer: its bias is added to what the model predicts. */
  const float *seen = OH_AI_TensorGetData(bias);
  CHECK(seen[1] > 0.9f && seen[1] < 1.1f && seen[9] > 8.9f);
  CHECK(predict(model, 7, now) == n && now[9] - old[9] > 8.5f);
  /* In train mode a step goes on from there. */
  OH_AI_ModelSetTrainMode(model, true);
  values[9] = 100;
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, one), OH_AI_STATUS_SUCCESS);
  CHECK(step(model) > 5);
  CHECK(predict(model, 7, now) == n && now[9] > 90);

  /* The lists are the caller's, whatever becomes of the model. */
  OH_AI_ModelDestroy(&model);
  release(list);
  OH_AI_TensorDestroy(&good);
  OH_AI_TensorDestroy(&unknown);
  OH_AI_TensorDestroy(&half);
  OH_AI_TensorDestroy(&shorter);
  OH_AI_TensorDestroy(&empty);
}

/* A hidden layer of 16 instead of 32: weights of other shapes, all at once. */
static void other_shapes(void) {
  static const struct {
    const char *name;
    size_t rank;
    int64_t shape[2];
  } parts[] = {{"d1.weight", 2, {16, 20}}, {"d1.bias", 1, {16, 0}}, {"d2.weight", 2, {3, 16}}};
  static const char *prefixes[] = {"", "accum.", "stat."};
  OH_AI_ModelHandle model = trained(mlp);
  OH_AI_TensorHandle tensors[9];
  for (int i = 0; i < 9; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", prefixes[i / 3], parts[i % 3].name);
    /* Without data: the values stay, as many as there is room for. */
    tensors[i] = OH_AI_TensorCreate(name, OH_AI_DATATYPE_NUMBERTYPE_FLOAT32, parts[i % 3].shape, parts[i % 3].rank, NULL, 0);
  }
  OH_AI_TensorHandleArray some = {8, tensors}, all = {9, tensors}, first = {1, tensors};
  float old[64], now[64];
  size_t n = predict(model, 7, old);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, first), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, some), OH_AI_STATUS_LITE_ERROR);
  CHECK(predict(model, 7, now) == n && distance(old, now, n) <= 0);
  CHECK_STATUS(OH_AI_ModelUpdateWeights(model, all), OH_AI_STATUS_SUCCESS);
  CHECK(predict(model, 7, now) == n && distance(old, now, n) > 0);
  CHECK_STATUS(OH_AI_ModelSetLearningRate(model, 0.02f), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  fill(model, 7);
  float before_step = step(model);
  for (int i = 0; i < 5; i++) step(model);
  CHECK(step(model) < before_step);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("narrow.ms"), OH_AI_NO_QUANT, false, NULL, 0), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelHandle other = trained(in_folder("narrow.ms"));
  CHECK(other != NULL && same_weights(model, other, 0));
  OH_AI_ModelDestroy(&other);
  for (int i = 0; i < 9; i++) OH_AI_TensorDestroy(&tensors[i]);
  OH_AI_ModelDestroy(&model);
}

/* A shape that the rest of the graph does not fit is refused, and the model runs on. */
static void resize(void) {
  OH_AI_ModelHandle model = trained(lenet);
  OH_AI_ShapeInfo shapes[2] = {{4, {2, 28, 28, 1}}, {2, {2, 10}}};
  float old[64], now[64];
  size_t n = predict(model, 7, old);
  CHECK_STATUS(OH_AI_ModelResize(model, OH_AI_ModelGetInputs(model), shapes, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK(predict(model, 7, now) == n && distance(old, now, n) <= 0);
  shapes[0].shape[1] = shapes[0].shape[2] = 32;
  CHECK_STATUS(OH_AI_ModelResize(model, OH_AI_ModelGetInputs(model), shapes, 2), OH_AI_STATUS_SUCCESS);
  CHECK(predict(model, 7, now) == n && distance(old, now, n) <= 0);
  OH_AI_ModelSetTrainMode(model, true);
  step(model);
  OH_AI_ModelDestroy(&model);
}

/* --- exports --------------------------------------------------------------------------------------------------------- */

static int64_t file_size(const char *path) {
  struct stat s;
  return stat(path, &s) == 0 ? (int64_t)s.st_size : -1;
}

/* The prediction of an exported file (built for inference) differs from `expected` by at most `tolerance`. */
static void check_inference(const char *path, const float *expected, size_t n, double tolerance) {
  OH_AI_ModelHandle model = built(path, NULL, false);
  CHECK(model != NULL);
  if (model == NULL) return;
  CHECK(OH_AI_ModelGetInputs(model).handle_num == 1);
  float out[64];
  CHECK(predict(model, 7, out) == n);
  double d = distance(out, expected, n);
  CHECK(d <= tolerance);
  if (!(d <= tolerance)) fprintf(stderr, "%s: differs by %g\n", path, d);
  OH_AI_ModelDestroy(&model);
}

static void exports(void) {
  OH_AI_ModelHandle model = trained(lenet);
  OH_AI_ModelSetTrainMode(model, true);
  fill(model, 1);
  for (int i = 0; i < 5; i++) step(model);
  float expected[64];
  size_t n = predict(model, 7, expected);
  OH_AI_ModelSetTrainMode(model, true);
  char prediction[256], unknown[] = "no such tensor";
  OH_AI_ModelSetTrainMode(model, false);
  snprintf(prediction, sizeof prediction, "%s", OH_AI_TensorGetName(OH_AI_ModelGetOutputs(model).handle_list[0]));
  OH_AI_ModelSetTrainMode(model, true);
  char *good[] = {prediction}, *bad[] = {prediction, unknown};

  CHECK_STATUS(OH_AI_ExportModel(NULL, MINDIR, in_folder("a.ms"), OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportModel(model, INVALID, in_folder("a.ms"), OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, "", OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, folder, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder(""), OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("none/a.ms"), OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, NULL, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("a.ms"), OH_AI_NO_QUANT, true, bad, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK(file_size(in_folder("a.ms")) == -1);

  /* Inference: the suffix is added, a list of no names is none, and the mode stays. */
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("plain"), OH_AI_NO_QUANT, true, bad, 0), OH_AI_STATUS_SUCCESS);
  CHECK(OH_AI_ModelGetTrainMode(model));
  check_inference(in_folder("plain.ms"), expected, n, 1e-5);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("named.ms"), OH_AI_NO_QUANT, true, good, 1), OH_AI_STATUS_SUCCESS);
  check_inference(in_folder("named.ms"), expected, n, 1e-5);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("full.ms"), OH_AI_FULL_QUANT, true, NULL, 0), OH_AI_STATUS_SUCCESS);
  check_inference(in_folder("full.ms"), expected, n, 1e-5);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("other.ms"), OH_AI_UNKNOWN_QUANT_TYPE, true, NULL, 0), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("quant.ms"), OH_AI_WEIGHT_QUANT, true, NULL, 0), OH_AI_STATUS_SUCCESS);
  check_inference(in_folder("quant.ms"), expected, n, 0.01);
  /* 61,684 weights, and little else. */
  CHECK(file_size(in_folder("plain.ms")) < 61684 * 4 + 8192);
  CHECK(file_size(in_folder("quant.ms")) < 61684 + 8192);

  /* Training goes on in another model; names do not matter. A file that is there is replaced. */
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("plain.ms"), OH_AI_NO_QUANT, false, bad, 2), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelHandle other = trained(in_folder("plain.ms"));
  CHECK(other != NULL && same_weights(model, other, 0));
  CHECK_STATUS(OH_AI_ModelSetTrainMode(other, true), OH_AI_STATUS_SUCCESS);
  fill(other, 1);
  fill(model, 1);
  for (int i = 0; i < 3; i++) {
    float a = step(model), b = step(other);
    CHECK(!(a < b) && !(a > b));
  }
  CHECK(same_weights(model, other, 0));
  OH_AI_ModelDestroy(&other);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, in_folder("quant.ms"), OH_AI_WEIGHT_QUANT, false, NULL, 0), OH_AI_STATUS_SUCCESS);
  other = trained(in_folder("quant.ms"));
  CHECK(other != NULL);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(other, true), OH_AI_STATUS_SUCCESS);
  fill(other, 1);
  CHECK(fabsf(step(other) - step(model)) < 0.05f);
  OH_AI_ModelDestroy(&other);

  /* The same in memory. */
  n = predict(model, 7, expected);
  char *buffer = NULL;
  size_t size = 0;
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, INVALID, &buffer, &size, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, MINDIR, NULL, &size, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, MINDIR, &buffer, &size, OH_AI_NO_QUANT, true, bad, 2), OH_AI_STATUS_LITE_ERROR);
  CHECK(buffer == NULL && size == 0);
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, MINDIR, &buffer, &size, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_SUCCESS);
  CHECK(buffer != NULL && size > 0);
  OH_AI_ContextHandle context = cpu(1);
  other = OH_AI_ModelCreate();
  CHECK_STATUS(OH_AI_ModelBuild(other, buffer, size, MINDIR, context), OH_AI_STATUS_SUCCESS);
  free(buffer);
  float out[64];
  CHECK(predict(other, 7, out) == n && distance(out, expected, n) <= 1e-5);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&other);

  /* Bare weights. */
  char changed[] = "fc3.bias";
  char *changeable[] = {changed};
  const char *bin = in_folder("w.bin");
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(NULL, MINDIR, bin, false, false, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, bin, false, false, NULL, 0), OH_AI_STATUS_LITE_NOT_SUPPORT);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, INVALID, bin, true, false, NULL, 0), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, "", true, false, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, folder, true, false, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, bin, true, false, NULL, 0), OH_AI_STATUS_SUCCESS);
  const int64_t whole = file_size(bin);
  struct stat s;
  CHECK(whole >= 61684 * 4 && whole < 61684 * 4 + 1024 && stat(bin, &s) == 0 && (s.st_mode & 0777) == 0600);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, bin, true, false, changeable, 1), OH_AI_STATUS_SUCCESS);
  CHECK(file_size(bin) == whole + 4);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, bin, true, true, NULL, 0), OH_AI_STATUS_SUCCESS);
  CHECK(file_size(bin) < whole / 2 + 1024 && file_size(bin) >= 61684 * 2);
  OH_AI_ModelDestroy(&model);
}

/* A write that fails half way leaves the old file and no other. */
static void full_disk(void) {
  OH_AI_ModelHandle model = trained(lenet);
  const char *path = in_folder("kept.ms");
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, path, OH_AI_NO_QUANT, true, NULL, 0), OH_AI_STATUS_SUCCESS);
  size_t size = 0, again = 0;
  char *old = read_file(path, &size);
  struct rlimit limit, small;
  getrlimit(RLIMIT_FSIZE, &limit);
  small = limit;
  small.rlim_cur = 100000;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, path, OH_AI_NO_QUANT, false, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  CHECK_STATUS(OH_AI_ExportWeightsCollaborateWithMicro(model, MINDIR, path, true, false, NULL, 0), OH_AI_STATUS_LITE_ERROR);
  setrlimit(RLIMIT_FSIZE, &limit);
  char *now = read_file(path, &again);
  CHECK(size > 0 && size == again && memcmp(old, now, size) == 0);
  char command[4400];
  snprintf(command, sizeof command, "test -z \"$(ls %s | grep kept.ms.)\"", folder);
  CHECK(system(command) == 0);
  free(old);
  free(now);
  OH_AI_ModelDestroy(&model);
}

/* Killed at any moment, an export has replaced the file or has not. */
static void killed(void) {
  const char *path = in_folder("killed.ms");
  OH_AI_ModelHandle model = trained(mlp);
  CHECK_STATUS(OH_AI_ExportModel(model, MINDIR, path, OH_AI_NO_QUANT, false, NULL, 0), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
  unsigned seed = 1;
  int exported = 0;
  /* Grows where everything is slow. */
  long scale = 1;
  size_t size = 0;
  char *last = read_file(path, &size);
  for (int i = 0; i < 25; i++) {
    pid_t child = fork();
    if (child == 0) {
      model = trained(path);
      OH_AI_ModelSetTrainMode(model, true);
      fill(model, (uint32_t)i);
      for (;;) {
        OH_AI_RunStep(model, NULL, NULL);
        OH_AI_ExportModel(model, MINDIR, path, OH_AI_NO_QUANT, false, NULL, 0);
      }
    }
    seed = seed * 1103515245u + 12345u;
    long wait = scale * (long)(20 + (seed >> 16) % 60);
    struct timespec pause = {wait / 1000, wait % 1000 * 1000000};
    nanosleep(&pause, NULL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    model = trained(path);
    CHECK(model != NULL);
    OH_AI_ModelDestroy(&model);
    size_t n = 0;
    char *bytes = read_file(path, &n);
    if (n != size || memcmp(bytes, last, n) != 0) exported++;
    else if (scale < 64) scale *= 2;
    free(last);
    last = bytes;
    size = n;
  }
  free(last);
  CHECK(exported > 0);
}

int main(int argc, char **argv) {
  const char *models = argc > 1 ? argv[1] : "Tests/Models";
  snprintf(lenet, sizeof lenet, "%s/ms_from_repos/lenet_train.ms", models);
  snprintf(mlp, sizeof mlp, "%s/training/mlp_mse_sgd/train.ms", models);
  snprintf(relu, sizeof relu, "%s/single_op_tflite/relu.ms", models);
  if (mkdtemp(folder) == NULL) return 2;
  /* First: afterwards there are threads. */
  killed();
  without_training(built(relu, NULL, false), false);
  without_training(built(relu, NULL, true), true);
  life();
  from_memory();
  settings();
  callbacks();
  learning_rate();
  virtual_batch(mlp, 1e-6);
  virtual_batch(lenet, 1e-5);
  weights();
  other_shapes();
  resize();
  exports();
  full_disk();
  char command[4200];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0);
  return check_result();
}
