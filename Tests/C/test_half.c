/* Half precision: which operators use it, with EnableFP16 and with a configuration file, and that nothing changes without.
 *
 *   test_half MODELS
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"
#include "mindspore/model.h"
#include "mslite/extensions.h"

enum { MAX_NODES = 200 };

typedef struct {
  MSLite_NodeProfile nodes[MAX_NODES];
  size_t count;
  float *values;
  size_t bytes;
} Result;

static char path[4096];

/* Runs the model and keeps its profile and its first output. */
static void run(Result *r, bool fp16, const char *config) {
  memset(r, 0, sizeof *r);
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_DeviceInfoSetEnableFP16(cpu, fp16);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  if (config != NULL) {
    FILE *f = fopen("half.cfg", "w");
    CHECK(f != NULL);
    if (f == NULL) return;
    fputs(config, f);
    fclose(f);
    CHECK_STATUS(OH_AI_ModelLoadConfig(model, "half.cfg"), OH_AI_STATUS_SUCCESS);
    remove("half.cfg");
  }
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context), OH_AI_STATUS_SUCCESS);
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  for (size_t i = 0; i < inputs.handle_num; i++) {
    float *x = OH_AI_TensorGetMutableData(inputs.handle_list[i]);
    int64_t n = OH_AI_TensorGetElementNum(inputs.handle_list[i]);
    for (int64_t k = 0; k < n; k++) x[k] = (float)(k * 37 % 101) / 101.0f - 0.5f;
  }
  CHECK_STATUS(MSLite_ModelSetProfiling(model, true), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
  r->count = MAX_NODES;
  CHECK_STATUS(MSLite_ModelGetProfile(model, r->nodes, &r->count), OH_AI_STATUS_SUCCESS);
  CHECK(r->count > 0 && r->count <= MAX_NODES);
  if (outputs.handle_num > 0) {
    r->bytes = OH_AI_TensorGetDataSize(outputs.handle_list[0]);
    r->values = malloc(r->bytes);
    memcpy(r->values, OH_AI_TensorGetData(outputs.handle_list[0]), r->bytes);
  }
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
}

/* Nodes that use `arithmetic`; *last becomes the last of them. */
static int count(const Result *r, const char *arithmetic, const char **last) {
  int n = 0;
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(r->nodes[i].arithmetic, arithmetic) == 0) n++, *last = r->nodes[i].name;
  return n;
}

static double difference(const Result *a, const Result *b) {
  double worst = 0, peak = 0;
  for (size_t i = 0; i < a->bytes / 4 && a->bytes == b->bytes; i++) {
    peak = fmax(peak, fabs((double)a->values[i]));
    worst = fmax(worst, fabs((double)a->values[i] - (double)b->values[i]));
  }
  return worst / peak;
}

int main(int argc, char **argv) {
  static Result plain, half, named, kept, again;
  char config[512];
  const char *name = "", *ignored = "", *arithmetic = MSLite_GetHalfArithmetic();
  if (argc < 2) return 2;
  snprintf(path, sizeof path, "%s/face_detect_short/model.ms", argv[1]);
  CHECK(strcmp(arithmetic, "") == 0 || strcmp(arithmetic, "bfloat16") == 0 || strcmp(arithmetic, "float16") == 0);
  bool has_half = arithmetic[0] != '\0';

  run(&plain, false, NULL);
  CHECK(count(&plain, "float32", &ignored) > 10 && count(&plain, "bfloat16", &ignored) == 0 && count(&plain, "float16", &ignored) == 0);

  run(&half, true, NULL);
  int n = has_half ? count(&half, arithmetic, &name) : 0;
  /* The depthwise convolutions and the first layer stay. */
  CHECK(has_half ? n > 10 && count(&half, "float32", &ignored) > 10 : memcmp(plain.values, half.values, plain.bytes) == 0);
  double off = difference(&plain, &half);
  CHECK(has_half ? off > 0 && off < 0.05 : off == 0);

  /* One operator kept from it, and one alone asked for. */
  snprintf(config, sizeof config, "[execution_plan]\n%s=data_type:float32\n", name);
  run(&kept, true, has_half ? config : NULL);
  CHECK(!has_half || count(&kept, arithmetic, &ignored) == n - 1);
  snprintf(config, sizeof config, "[execution_plan]\n%s=data_type:float16;backend:CPU\n", name);
  run(&named, false, has_half ? config : NULL);
  CHECK(!has_half || (count(&named, arithmetic, &ignored) == 1 && strcmp(ignored, name) == 0));

  /* Without, the same bits as ever. */
  run(&again, false, NULL);
  CHECK(again.bytes == plain.bytes && memcmp(again.values, plain.values, plain.bytes) == 0);
  free(plain.values);
  free(half.values);
  free(kept.values);
  free(named.values);
  free(again.values);
  return check_result();
}
