/* Trains models through the C interface and compares with a recorded training: the loss of every step, the weights after the last one,
 * and what the model then predicts, here and as an exported model.
 *
 *   golden_train [-t THREADS,...] [-f TEXT] [-h TOLERANCE] MANIFEST
 *
 * Tests/Models/make_training_manifest.py describes the manifest. -f takes the models whose path contains TEXT. -h asks for mixed precision
 * (level O2): losses may then differ by TOLERANCE, and weights are not compared. For every number of threads the bits must be the same.
 * Ends with "N passed, N failed". */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "mindspore/model.h"
#include "check.h"
#include "read_file.h"

enum { MAX_STEPS = 64, MAX_WEIGHTS = 64 };

/* Relative: the losses, and the weights' to the largest of a tensor. */
static const double LOSS_TOLERANCE = 2e-3, WEIGHT_TOLERANCE = 2e-3;
static double half_tolerance;

typedef struct {
  const char *model, *x, *y, *logits;
  double losses[MAX_STEPS];
  size_t steps;
  const char *names[MAX_WEIGHTS], *files[MAX_WEIGHTS];
  size_t weights;
} Training;

/* The fields of a line, which is changed. */
static Training parse(char *line) {
  Training t = {0};
  for (char *field = strtok(line, " \n"); field != NULL; field = strtok(NULL, " \n")) {
    char *value = strchr(field, '=');
    if (value == NULL) continue;
    *value++ = 0;
    if (strcmp(field, "model") == 0) t.model = value;
    if (strcmp(field, "x") == 0) t.x = value;
    if (strcmp(field, "y") == 0) t.y = value;
    if (strcmp(field, "logits") == 0) t.logits = value;
    if (strcmp(field, "losses") == 0) {
      for (char *end = value; t.steps < MAX_STEPS && *value != 0; value = *end == ',' ? end + 1 : end) {
        t.losses[t.steps++] = strtod(value, &end);
        if (end == value) break;
      }
    }
    if (strcmp(field, "weight") == 0 && t.weights < MAX_WEIGHTS) {
      t.names[t.weights] = value;
      char *bar = strchr(value, '|');
      *bar = 0;
      t.files[t.weights++] = bar + 1;
    }
  }
  return t;
}

/* Copies values that were recorded channels first (of `dims`, channels last, where there are four) to where they lie here. */
static void channels_last(const char *from, char *to, const int64_t *dims, size_t rank, size_t count) {
  if (rank != 4) {
    memcpy(to, from, count * 4);
    return;
  }
  size_t n = (size_t)dims[0], h = (size_t)dims[1], w = (size_t)dims[2], c = (size_t)dims[3];
  for (size_t b = 0; b < n; b++)
    for (size_t y = 0; y < h; y++)
      for (size_t x = 0; x < w; x++)
        for (size_t k = 0; k < c; k++)
          memcpy(to + (((b * h + y) * w + x) * c + k) * 4, from + (((b * c + k) * h + y) * w + x) * 4, 4);
}

static bool fill(OH_AI_TensorHandle input, const char *batches, size_t size, size_t steps, size_t step) {
  size_t rank = 0, bytes = OH_AI_TensorGetDataSize(input);
  const int64_t *dims = OH_AI_TensorGetShape(input, &rank);
  if (batches == NULL || size != bytes * steps) return false;
  channels_last(batches + step * bytes, OH_AI_TensorGetMutableData(input), dims, rank, bytes / 4);
  return true;
}

/* The largest difference from the recorded values relative to the largest of them; infinite where they do not fit. */
static double difference(OH_AI_TensorHandle tensor, const char *file) {
  size_t size = 0, rank = 0;
  char *recorded = read_file(file, &size);
  const float *values = tensor == NULL ? NULL : OH_AI_TensorGetData(tensor);
  double worst = INFINITY;
  if (recorded != NULL && values != NULL && size == OH_AI_TensorGetDataSize(tensor)) {
    const int64_t *dims = OH_AI_TensorGetShape(tensor, &rank);
    float *expected = malloc(size + 1);
    channels_last(recorded, (char *)expected, dims, rank, size / 4);
    double peak = 1e-6, largest = 0;
    for (size_t i = 0; i < size / 4; i++) {
      double d = fabs((double)values[i] - (double)expected[i]);
      peak = fmax(peak, fabs((double)expected[i]));
      if (!(d <= largest)) largest = d;
    }
    worst = largest / peak;
    free(expected);
  }
  free(recorded);
  return worst;
}

static OH_AI_ContextHandle cpu(int threads) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  return context;
}

/* The exported model predicts as the recorded one, for inputs as `model` has them. */
static void check_export(OH_AI_ModelHandle model, const Training *t) {
  char *bytes = NULL;
  size_t size = 0;
  CHECK_STATUS(OH_AI_ExportModelBuffer(model, OH_AI_MODELTYPE_MINDIR, &bytes, &size, OH_AI_NO_QUANT, true, NULL, 0),
               OH_AI_STATUS_SUCCESS);
  OH_AI_ModelHandle exported = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu(1);
  CHECK_STATUS(OH_AI_ModelBuild(exported, bytes, size, OH_AI_MODELTYPE_MINDIR, context), OH_AI_STATUS_SUCCESS);
  free(bytes);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(exported), outputs = {0, NULL};
  CHECK(inputs.handle_num == 1);
  if (inputs.handle_num == 1) {
    OH_AI_TensorHandle source = OH_AI_ModelGetInputs(model).handle_list[0];
    CHECK(OH_AI_TensorGetDataSize(source) == OH_AI_TensorGetDataSize(inputs.handle_list[0]));
    memcpy(OH_AI_TensorGetMutableData(inputs.handle_list[0]), OH_AI_TensorGetData(source), OH_AI_TensorGetDataSize(source));
    CHECK_STATUS(OH_AI_ModelPredict(exported, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
    if (outputs.handle_num > 0) CHECK(difference(outputs.handle_list[0], t->logits) <= WEIGHT_TOLERANCE);
  }
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&exported);
}

/* Trains with that many threads; the losses go to `losses`. */
static void train(const Training *t, int threads, float losses[MAX_STEPS]) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_ContextHandle context = cpu(threads);
  OH_AI_TrainCfgHandle config = OH_AI_TrainCfgCreate();
  if (half_tolerance > 0) OH_AI_TrainCfgSetOptimizationLevel(config, OH_AI_KO2);
  CHECK_STATUS(OH_AI_TrainModelBuildFromFile(model, t->model, OH_AI_MODELTYPE_MINDIR, context, config), OH_AI_STATUS_SUCCESS);
  OH_AI_ContextDestroy(&context);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  CHECK(inputs.handle_num == 2);
  if (inputs.handle_num != 2) {
    OH_AI_ModelDestroy(&model);
    return;
  }
  CHECK_STATUS(OH_AI_ModelSetTrainMode(model, true), OH_AI_STATUS_SUCCESS);
  size_t xs = 0, ys = 0;
  char *x = read_file(t->x, &xs), *y = read_file(t->y, &ys);
  const double tolerance = half_tolerance > 0 ? half_tolerance : LOSS_TOLERANCE;
  double worst = 0;
  for (size_t k = 0; k < t->steps; k++) {
    CHECK(fill(inputs.handle_list[0], x, xs, t->steps, k) && fill(inputs.handle_list[1], y, ys, t->steps, k));
    CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_SUCCESS);
    const float *loss = OH_AI_TensorGetData(OH_AI_ModelGetOutputs(model).handle_list[0]);
    losses[k] = loss == NULL ? NAN : loss[0];
    double d = fabs((double)losses[k] - t->losses[k]) / t->losses[k];
    CHECK(d <= tolerance);
    if (!(d <= worst)) worst = d;
  }
  double weights = 0;
  if (half_tolerance <= 0) {
    OH_AI_TensorHandleArray list = OH_AI_ModelGetWeights(model);
    for (size_t i = 0; i < t->weights; i++) {
      OH_AI_TensorHandle weight = NULL;
      for (size_t k = 0; k < list.handle_num && weight == NULL; k++) {
        if (strcmp(OH_AI_TensorGetName(list.handle_list[k]), t->names[i]) == 0) weight = list.handle_list[k];
      }
      double d = difference(weight, t->files[i]);
      CHECK(d <= WEIGHT_TOLERANCE);
      if (!(d <= WEIGHT_TOLERANCE)) fprintf(stderr, "%s: differs by %g\n", t->names[i], d);
      if (!(d <= weights)) weights = d;
    }
    for (size_t k = 0; k < list.handle_num; k++) OH_AI_TensorDestroy(&list.handle_list[k]);
    free(list.handle_list);
    /* Predicts what the recorded network predicts. */
    CHECK_STATUS(OH_AI_ModelSetTrainMode(model, false), OH_AI_STATUS_SUCCESS);
    fill(inputs.handle_list[0], x, xs, t->steps, 0);
    CHECK_STATUS(OH_AI_RunStep(model, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(difference(OH_AI_ModelGetOutputs(model).handle_list[0], t->logits) <= WEIGHT_TOLERANCE);
    check_export(model, t);
  }
  printf("%s, %d threads: losses within %.1e, weights within %.1e\n", t->model, threads, worst, weights);
  free(x);
  free(y);
  OH_AI_ModelDestroy(&model);
}

int main(int argc, char **argv) {
  const char *filter = "";
  int threads[4] = {1, 2}, count = 2, i = 1;
  for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
    if (argv[i][1] == 'f') filter = argv[i + 1];
    if (argv[i][1] == 'h') half_tolerance = atof(argv[i + 1]);
    if (argv[i][1] == 't') {
      count = 0;
      for (char *number = strtok(argv[i + 1], ","); number != NULL && count < 4; number = strtok(NULL, ",")) threads[count++] = atoi(number);
    }
  }
  FILE *manifest = i < argc ? fopen(argv[i], "r") : NULL;
  if (manifest == NULL) {
    fprintf(stderr, "golden_train [-t THREADS,...] [-f TEXT] [-h TOLERANCE] MANIFEST\n");
    return 2;
  }
  static char line[65536];
  int trained = 0;
  while (fgets(line, sizeof line, manifest) != NULL) {
    Training t = parse(line);
    if (t.model == NULL || strstr(t.model, filter) == NULL) continue;
    trained++;
    float losses[4][MAX_STEPS] = {{0}};
    for (int k = 0; k < count; k++) {
      train(&t, threads[k], losses[k]);
      CHECK(memcmp(losses[k], losses[0], sizeof losses[0]) == 0);
    }
  }
  fclose(manifest);
  CHECK(trained > 0);
  return check_result();
}
