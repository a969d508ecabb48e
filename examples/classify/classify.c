/* Names what a photograph shows, with EfficientNet-Lite0 through MindSpore Lite's C interface.
 *
 *   classify MODEL.ms LABELS.txt PICTURE */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mindspore/model.h>

#include "picture.h"

/* What the network was trained with: the middle 7/8 of the picture, values from about -1 to 1. */
static const double crop = 0.875;
static const float mean = 127, deviation = 128;

enum { TOP = 5, RUNS = 50 };

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

static void fail(const char *what, OH_AI_Status status) {
  fprintf(stderr, "classify: %s (status %08x)\n", what, (unsigned)status);
  exit(1);
}

static OH_AI_ModelHandle load(const char *path, int threads) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_Status status = OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context);
  OH_AI_ContextDestroy(&context);
  if (status != OH_AI_STATUS_SUCCESS) fail("cannot load the model", status);
  return model;
}

/* The model takes one picture of size x size pixels, NHWC, as float32. */
static void fill_input(OH_AI_TensorHandle input, const Picture *picture) {
  size_t rank = 0;
  const int64_t *shape = OH_AI_TensorGetShape(input, &rank);
  if (rank != 4 || shape[1] != shape[2] || shape[3] != 3 || OH_AI_TensorGetDataType(input) != OH_AI_DATATYPE_NUMBERTYPE_FLOAT32)
    fail("the model does not take square RGB pictures of float32", OH_AI_STATUS_SUCCESS);
  float *values = OH_AI_TensorGetMutableData(input);
  if (!picture_centre(picture, crop, (int)shape[1], values)) fail("out of memory", OH_AI_STATUS_SUCCESS);
  for (int64_t i = 0; i < OH_AI_TensorGetElementNum(input); i++) values[i] = (values[i] - mean) / deviation;
}

static void predict(OH_AI_ModelHandle model, OH_AI_TensorHandleArray *outputs) {
  OH_AI_Status status = OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), outputs, NULL, NULL);
  if (status != OH_AI_STATUS_SUCCESS) fail("cannot run the model", status);
}

/* Line `index` of the labels. */
static const char *label(const char *path, long index, char *line, int size) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return "?";
  int found = 0;
  while (!found && fgets(line, size, file) != NULL) found = index-- == 0;
  fclose(file);
  if (!found) return "?";
  line[strcspn(line, "\n")] = '\0';
  return line;
}

static void print_best(OH_AI_TensorHandle output, const char *labels) {
  const float *probabilities = OH_AI_TensorGetData(output);
  long count = (long)OH_AI_TensorGetElementNum(output), taken[TOP];
  for (int rank = 0; rank < TOP && rank < count; rank++) {
    long best = -1;
    for (long i = 0; i < count; i++) {
      int seen = 0;
      for (int k = 0; k < rank; k++) seen |= taken[k] == i;
      if (!seen && (best < 0 || probabilities[i] > probabilities[best])) best = i;
    }
    taken[rank] = best;
    char line[256];
    printf("  %5.1f %%  %s\n", 100 * (double)probabilities[best], label(labels, best, line, sizeof line));
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  Picture picture;
  if (argc != 4) {
    fprintf(stderr, "usage: classify MODEL.ms LABELS.txt PICTURE\n");
    return 2;
  }
  if (!picture_read(argv[3], &picture)) return 1;
  printf("%s, %d x %d pixels\n", argv[3], picture.width, picture.height);
  for (int threads = 1; threads <= 2; threads++) {
    double start = milliseconds();
    OH_AI_ModelHandle model = load(argv[1], threads);
    double load_time = milliseconds() - start, times[RUNS];
    fill_input(OH_AI_ModelGetInputs(model).handle_list[0], &picture);
    OH_AI_TensorHandleArray outputs = {0, NULL};
    predict(model, &outputs);
    if (threads == 1) print_best(outputs.handle_list[0], argv[2]);
    for (int run = 0; run < RUNS; run++) {
      start = milliseconds();
      predict(model, &outputs);
      times[run] = milliseconds() - start;
    }
    qsort(times, RUNS, sizeof times[0], ascending);
    printf("%d thread%s: loaded in %.1f ms, median of %d runs %.2f ms\n", threads, threads == 1 ? " " : "s", load_time, RUNS,
           times[RUNS / 2]);
    OH_AI_ModelDestroy(&model);
  }
  picture_free(&picture);
  return 0;
}
