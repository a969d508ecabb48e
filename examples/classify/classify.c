/* Names what a photograph shows, with EfficientNet-Lite0 through MindSpore Lite's C interface.
 *
 *   classify MODEL.ms LABELS.txt PICTURE RESULT.png */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <mindspore/model.h>
#include <mslite/extensions.h>
#include <mslite/image.h>

/* What the network was trained with: the middle 7/8 of the picture, values from about -1 to 1. */
static const double crop = 0.875;
static const float mean[] = {127, 127, 127}, deviation[] = {128, 128, 128};

enum { TOP = 5, RUNS = 50, LABEL = 128 };

/* A class that the network has found likely. */
typedef struct {
  float probability;
  char label[LABEL];
} Class;

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

static void fail(const char *what, const char *why) {
  fprintf(stderr, "classify: %s: %s\n", what, why);
  exit(1);
}

static void check(OH_AI_Status status, const char *what) {
  if (status != OH_AI_STATUS_SUCCESS) fail(what, MSLite_GetLastError());
}

static void check_image(OH_AI_Status status, const char *what) {
  if (status != OH_AI_STATUS_SUCCESS) fail(what, MSLite_ImageGetLastError());
}

static OH_AI_ModelHandle load(const char *path, int threads) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, threads);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  check(OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context), path);
  OH_AI_ContextDestroy(&context);
  return model;
}

/* The model takes one picture of size x size pixels, NHWC, as float32. */
static void fill_input(OH_AI_TensorHandle input, const MSLite_Image *picture) {
  size_t rank = 0;
  const int64_t *shape = OH_AI_TensorGetShape(input, &rank);
  if (rank != 4 || shape[1] != shape[2] || shape[3] != 3 || OH_AI_TensorGetDataType(input) != OH_AI_DATATYPE_NUMBERTYPE_FLOAT32)
    fail("the model", "it does not take square RGB pictures of float32");
  /* The middle square, as a picture of its own over the same pixels. */
  const int32_t shorter = picture->width < picture->height ? picture->width : picture->height;
  MSLite_Image middle = *picture, small;
  middle.width = middle.height = (int32_t)(shorter * crop + 0.5);
  middle.data = (unsigned char *)picture->data + (size_t)((picture->height - middle.height) / 2) * picture->stride +
                (size_t)((picture->width - middle.width) / 2) * 3;
  check_image(MSLite_ImageCreate((int32_t)shape[2], (int32_t)shape[1], MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &small), "the input");
  check_image(MSLite_ImageResize(&middle, &small, MSLITE_INTERPOLATION_AREA), "the input");
  check_image(MSLite_ImageNormalize(&small, MSLITE_PIXEL_RGB, MSLITE_LAYOUT_HWC, 1, mean, deviation, OH_AI_TensorGetMutableData(input)),
              "the input");
  MSLite_ImageFree(&small);
}

static void predict(OH_AI_ModelHandle model, OH_AI_TensorHandleArray *outputs) {
  check(OH_AI_ModelPredict(model, OH_AI_ModelGetInputs(model), outputs, NULL, NULL), "cannot run the model");
}

/* Line `index` of the labels, `size` bytes at most. */
static void read_label(const char *path, long index, char *label, int size) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path, "cannot be opened");
  for (long i = 0; i <= index; i++)
    if (fgets(label, size, file) == NULL) fail(path, "it has less labels than the model has classes");
  fclose(file);
  label[strcspn(label, "\n")] = '\0';
}

/* The likeliest classes, TOP at most. Returns how many. */
static int best_classes(OH_AI_TensorHandle output, const char *labels, Class *classes) {
  const float *probabilities = OH_AI_TensorGetData(output);
  const long count = (long)OH_AI_TensorGetElementNum(output);
  long taken[TOP];
  int found = 0;
  for (; found < TOP && found < count; found++) {
    long best = -1;
    for (long i = 0; i < count; i++) {
      int seen = 0;
      for (int k = 0; k < found; k++) seen |= taken[k] == i;
      if (!seen && (best < 0 || probabilities[i] > probabilities[best])) best = i;
    }
    taken[found] = best;
    classes[found].probability = probabilities[best];
    read_label(labels, best, classes[found].label, LABEL);
  }
  return found;
}

/* Writes the classes over the lower part of the picture, each on a bar as long as it is likely. */
static void draw(const MSLite_Image *picture, const Class *classes, int count, const char *path) {
  static const float background[] = {24, 24, 24}, bar[] = {32, 112, 48}, white[] = {255, 255, 255};
  const int scale = picture->width < 400 ? 1 : picture->width / 200, line = (MSLITE_FONT_HEIGHT + 3) * scale;
  const int top = picture->height - count * line;
  check_image(MSLite_ImageDrawBox(picture, 0, top, picture->width, count * line, 0, background), path);
  for (int i = 0; i < count; i++) {
    char text[LABEL + 16];
    snprintf(text, sizeof text, "%5.1f %%  %s", 100 * (double)classes[i].probability, classes[i].label);
    const int length = (int)(classes[i].probability * (float)picture->width);
    if (length > 0) check_image(MSLite_ImageDrawBox(picture, 0, top + i * line, length, line - scale, 0, bar), path);
    check_image(MSLite_ImageDrawText(picture, 2 * scale, top + i * line + 2 * scale, text, scale, white), path);
  }
  check_image(MSLite_ImageWritePNG(picture, path), path);
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: classify MODEL.ms LABELS.txt PICTURE RESULT.png\n");
    return 2;
  }
  MSLite_Image picture;
  Class classes[TOP];
  int count = 0;
  check_image(MSLite_ImageRead(argv[3], MSLITE_PIXEL_RGB, &picture), argv[3]);
  printf("%s, %d x %d pixels\n", argv[3], picture.width, picture.height);
  for (int threads = 1; threads <= 2; threads++) {
    double start = milliseconds();
    OH_AI_ModelHandle model = load(argv[1], threads);
    double load_time = milliseconds() - start, times[RUNS];
    fill_input(OH_AI_ModelGetInputs(model).handle_list[0], &picture);
    OH_AI_TensorHandleArray outputs = {0, NULL};
    predict(model, &outputs);
    if (threads == 1) {
      count = best_classes(outputs.handle_list[0], argv[2], classes);
      for (int i = 0; i < count; i++) printf("  %5.1f %%  %s\n", 100 * (double)classes[i].probability, classes[i].label);
    }
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
  draw(&picture, classes, count, argv[4]);
  MSLite_ImageFree(&picture);
  return 0;
}
