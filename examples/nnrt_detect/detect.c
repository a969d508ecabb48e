/* Finds faces in a picture, on an accelerator if there is one.
 *
 *   nnrt_detect [-d NAME | -t cpu|gpu|accelerator|other] MODEL PICTURE
 *
 * Lists the devices of the Neural Network Runtime, takes the one of that name (a part of it is enough) or type, else none; runs the
 * detector there, with the CPU for what the device cannot do; and says which nodes ran where. Without devices everything runs on the CPU.
 * MODEL is a face detector of MediaPipe's short-range kind: 128 x 128 pixels in, 896 anchors out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mindspore/model.h"
#include "mslite/extensions.h"
#include "mslite/image.h"

enum { SIDE = 128, ANCHORS = 896, VALUES = 16, MAX_NODES = 1000 };

static const char *type_names[] = {"other", "cpu", "gpu", "accelerator"};

static int failed(const char *what) {
  fprintf(stderr, "nnrt_detect: %s: %s\n", what, MSLite_GetLastError());
  return 1;
}

/* --- devices -------------------------------------------------------------------------------------------------------- */

/* Prints all devices and makes an info of the first whose name contains `name`, or that has the type. NULL: none was asked for, or none
 * is like that. */
static OH_AI_DeviceInfoHandle choose_device(const char *name, int type) {
  size_t count = 0;
  OH_AI_DeviceInfoHandle chosen = NULL;
  NNRTDeviceDesc *list = OH_AI_GetAllNNRTDeviceDescs(&count);
  printf("%zu NNRt devices\n", count);
  for (size_t i = 0; i < count; i++) {
    NNRTDeviceDesc *desc = OH_AI_GetElementOfNNRTDeviceDescs(list, i);
    const char *device = OH_AI_GetNameFromNNRTDeviceDesc(desc);
    const int device_type = (int)OH_AI_GetTypeFromNNRTDeviceDesc(desc);
    const int fits = name != NULL ? strstr(device, name) != NULL : device_type == type;
    if (fits && chosen == NULL) {
      chosen = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_NNRT);
      OH_AI_DeviceInfoSetDeviceId(chosen, OH_AI_GetDeviceIdFromNNRTDeviceDesc(desc));
      printf("* ");
    } else {
      printf("  ");
    }
    printf("%s (%s)\n", device, type_names[device_type >= 0 && device_type < 4 ? device_type : 0]);
  }
  OH_AI_DestroyAllNNRTDeviceDescs(&list);
  return chosen;
}

/* Says what ran where. */
static void print_nodes(OH_AI_ModelHandle model) {
  static MSLite_NodeProfile entries[MAX_NODES];
  size_t count = MAX_NODES, on_cpu = 0;
  if (MSLite_ModelGetProfile(model, entries, &count) != OH_AI_STATUS_SUCCESS) return;
  for (size_t i = 0; i < count && i < MAX_NODES; i++) {
    if (strcmp(entries[i].type, "NNRt") == 0)
      printf("%8.3f ms  %s\n", (double)entries[i].nanoseconds / 1e6, entries[i].name);
    else on_cpu++;
  }
  double time = 0;
  for (size_t i = 0; i < count && i < MAX_NODES; i++)
    if (strcmp(entries[i].type, "NNRt") != 0) time += (double)entries[i].nanoseconds / 1e6;
  printf("%8.3f ms  CPU: %zu nodes\n", time, on_cpu);
}

/* --- faces ---------------------------------------------------------------------------------------------------------- */

/* The centre of anchor i: two for each of 16 x 16 cells, then six for each of 8 x 8. */
static void anchor_centre(int i, double *x, double *y) {
  const int cells = i < 512 ? 16 : 8, cell = i < 512 ? i / 2 : (i - 512) / 6;
  *x = (cell % cells + 0.5) / cells;
  *y = (cell / cells + 0.5) / cells;
}

/* Prints the faces, in parts of the square that the model saw: of boxes that overlap, the most certain one. */
static int print_faces(const float *boxes, const float *scores) {
  double found[ANCHORS][4];
  char used[ANCHORS] = {0};
  int count = 0;
  for (;;) {
    int best = -1;
    for (int i = 0; i < ANCHORS; i++)
      if (!used[i] && scores[i] > 0 && (best < 0 || scores[i] > scores[best])) best = i;
    if (best < 0) return count;
    used[best] = 1;
    double x, y;
    anchor_centre(best, &x, &y);
    x += boxes[best * VALUES] / SIDE;
    y += boxes[best * VALUES + 1] / SIDE;
    const double w = boxes[best * VALUES + 2] / SIDE, h = boxes[best * VALUES + 3] / SIDE;
    int overlaps = 0;
    for (int k = 0; k < count; k++)
      if (fabs(found[k][0] - x) * 2 < found[k][2] + w && fabs(found[k][1] - y) * 2 < found[k][3] + h) overlaps = 1;
    if (overlaps) continue;
    found[count][0] = x, found[count][1] = y, found[count][2] = w, found[count][3] = h;
    count++;
    printf("face %.0f %%: centre %.2f %.2f, size %.2f %.2f\n", 100 / (1 + exp(-(double)scores[best])), x, y, w, h);
  }
}

/* The output of that many elements. */
static const float *output_of(OH_AI_TensorHandleArray outputs, int64_t elements) {
  for (size_t i = 0; i < outputs.handle_num; i++)
    if (OH_AI_TensorGetElementNum(outputs.handle_list[i]) == elements &&
        OH_AI_TensorGetDataType(outputs.handle_list[i]) == OH_AI_DATATYPE_NUMBERTYPE_FLOAT32)
      return OH_AI_TensorGetData(outputs.handle_list[i]);
  return NULL;
}

/* The middle square of the picture as the model wants it: SIDE x SIDE pixels, values -1 to 1. Returns 0 when that fails. */
static int fill_input(const char *path, float *pixels) {
  static const float mean[] = {1, 1, 1};
  MSLite_Image picture, middle, small;
  if (MSLite_ImageRead(path, MSLITE_PIXEL_RGB, &picture) != OH_AI_STATUS_SUCCESS) return 0;
  if (MSLite_ImageCreate(SIDE, SIDE, MSLITE_PIXEL_RGB, MSLITE_PIXEL_U8, &small) != OH_AI_STATUS_SUCCESS) {
    MSLite_ImageFree(&picture);
    return 0;
  }
  middle = picture;
  middle.width = middle.height = picture.width < picture.height ? picture.width : picture.height;
  middle.data = (unsigned char *)picture.data + (size_t)((picture.height - middle.height) / 2) * picture.stride +
                (size_t)((picture.width - middle.width) / 2) * 3;
  const int ok = MSLite_ImageResize(&middle, &small, MSLITE_INTERPOLATION_AREA) == OH_AI_STATUS_SUCCESS &&
                 MSLite_ImageNormalize(&small, MSLITE_PIXEL_RGB, MSLITE_LAYOUT_HWC, 1 / 127.5f, mean, NULL, pixels) == OH_AI_STATUS_SUCCESS;
  MSLite_ImageFree(&small);
  MSLite_ImageFree(&picture);
  return ok;
}

static int detect(OH_AI_ModelHandle model, const char *picture_path) {
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  if (inputs.handle_num != 1 || OH_AI_TensorGetDataSize(inputs.handle_list[0]) != SIDE * SIDE * 3 * sizeof(float)) {
    fprintf(stderr, "nnrt_detect: the model wants something else than 128 x 128 pixels\n");
    return 1;
  }
  float *pixels = OH_AI_TensorGetMutableData(inputs.handle_list[0]);
  if (pixels == NULL) return failed("input");
  if (!fill_input(picture_path, pixels)) {
    fprintf(stderr, "nnrt_detect: %s: %s\n", picture_path, MSLite_ImageGetLastError());
    return 1;
  }
  /* The second run shows the times: the first one wakes things up. */
  if (OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL) != OH_AI_STATUS_SUCCESS) return failed("predict");
  (void)MSLite_ModelSetProfiling(model, true);
  if (OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL) != OH_AI_STATUS_SUCCESS) return failed("predict");
  print_nodes(model);
  const float *boxes = output_of(outputs, ANCHORS * VALUES), *scores = output_of(outputs, ANCHORS);
  if (boxes == NULL || scores == NULL) {
    fprintf(stderr, "nnrt_detect: the model's outputs are not those of a face detector\n");
    return 1;
  }
  if (print_faces(boxes, scores) == 0) printf("no face\n");
  return 0;
}

static int usage(void) {
  fprintf(stderr, "usage: nnrt_detect [-d NAME | -t cpu|gpu|accelerator|other] MODEL PICTURE\n");
  return 2;
}

int main(int argc, char **argv) {
  const char *name = NULL;
  int type = -1, argument = 1;
  if (argument + 1 < argc && strcmp(argv[argument], "-d") == 0) {
    name = argv[argument + 1];
    argument += 2;
  } else if (argument + 1 < argc && strcmp(argv[argument], "-t") == 0) {
    for (int i = 0; i < 4; i++)
      if (strcmp(argv[argument + 1], type_names[i]) == 0) type = i;
    if (type < 0) return usage();
    argument += 2;
  }
  if (argc - argument != 2) return usage();

  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_DeviceInfoHandle device = choose_device(name, type);
  if (device != NULL) OH_AI_ContextAddDeviceInfo(context, device);
  else if (name != NULL || type >= 0) printf("no such device; the CPU it is\n");
  /* Behind the device: for what it cannot do. */
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  int status = 1;
  if (OH_AI_ModelBuildFromFile(model, argv[argument], OH_AI_MODELTYPE_MINDIR, context) != OH_AI_STATUS_SUCCESS) failed(argv[argument]);
  else status = detect(model, argv[argument + 1]);
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
  return status;
}
