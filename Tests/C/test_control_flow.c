/* Models with loops and conditions through the C interface: callbacks, the profile, memory of the caller's, resizing.
 * Usage: test_control_flow MODEL_DIRECTORY */
#define _POSIX_C_SOURCE 200809L
#include "mslite/extensions.h"
#include "check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char folder[1024];
static int calls_before, calls_after, less_seen;

static OH_AI_ModelHandle built(const char *name) {
  char path[1200];
  snprintf(path, sizeof path, "%s/control_flow/%s.ms", folder, name);
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  CHECK_STATUS(OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context), OH_AI_STATUS_SUCCESS);
  OH_AI_ContextDestroy(&context);
  return model;
}

static void fill(OH_AI_ModelHandle model, float value) {
  OH_AI_TensorHandle tensor = OH_AI_ModelGetInputs(model).handle_list[0];
  float *data = (float *)OH_AI_TensorGetMutableData(tensor);
  for (int64_t i = 0; i < OH_AI_TensorGetElementNum(tensor); i++) data[i] = value;
}

static bool before(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs, const OH_AI_CallBackParam node) {
  (void)outputs;
  calls_before++;
  if (strcmp(node.node_type, "Less") == 0) {
    less_seen++;
    CHECK(inputs.handle_num == 2 && OH_AI_TensorGetData(inputs.handle_list[0]) != NULL);
  }
  return true;
}

static bool after(const OH_AI_TensorHandleArray inputs, const OH_AI_TensorHandleArray outputs, const OH_AI_CallBackParam node) {
  (void)inputs;
  calls_after++;
  CHECK(strcmp(node.node_type, "Call") != 0 && strcmp(node.node_type, "Switch") != 0 && outputs.handle_num == 1);
  return true;
}

/* The loop of while_count for x = 1: v = 1, then five times v = v / 2 + 1 and a += v; the result is v + a. */
static float counted(void) {
  float v = 1, a = 0;
  for (int i = 0; i < 5; i++) {
    v = v * 0.5f + 1;
    a += v;
  }
  return v + a;
}

static void callbacks_and_profile(void) {
  OH_AI_ModelHandle model = built("while_count");
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  MSLite_NodeProfile profile[64];
  size_t count = 64;
  fill(model, 1);
  CHECK_STATUS(MSLite_ModelSetProfiling(model, true), OH_AI_STATUS_SUCCESS);
  CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, before, after), OH_AI_STATUS_SUCCESS);
  CHECK(calls_before == calls_after && less_seen == 6);
  CHECK(outputs.handle_num == 1 && fabsf(((const float *)OH_AI_TensorGetData(outputs.handle_list[0]))[3] - counted()) < 1e-5f);
  CHECK_STATUS(MSLite_ModelGetProfile(model, profile, &count), OH_AI_STATUS_SUCCESS);
  unsigned long long runs = 0;
  for (size_t i = 0; i < count && i < 64; i++)
    if (strcmp(profile[i].type, "Less") == 0) runs += profile[i].runs;
  CHECK(runs == 6);
  OH_AI_ModelDestroy(&model);
}

/* The caller's output tensor, run twice: the second run must write to it too. */
static void callers_memory(void) {
  OH_AI_ModelHandle model = built("while_count");
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model);
  const int64_t shape[1] = {4};
  OH_AI_TensorHandle own = OH_AI_TensorCreate("mine", OH_AI_DATATYPE_NUMBERTYPE_FLOAT32, shape, 1, NULL, 0);
  OH_AI_TensorHandleArray outputs = {1, &own};
  for (int run = 0; run < 3; run++) {
    fill(model, (float)(run + 1));
    CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(fabsf(((const float *)OH_AI_TensorGetData(own))[0] - counted() * (float)(run + 1)) < 1e-4f);
  }
  OH_AI_TensorDestroy(&own);
  /* The model's own output with memory of its own. */
  OH_AI_TensorHandle result = OH_AI_ModelGetOutputs(model).handle_list[0];
  CHECK(OH_AI_TensorGetMutableData(result) != NULL);
  for (int run = 0; run < 2; run++) {
    OH_AI_TensorHandleArray none = {0, NULL};
    fill(model, (float)(run + 5));
    CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &none, NULL, NULL), OH_AI_STATUS_SUCCESS);
    CHECK(fabsf(((const float *)OH_AI_TensorGetData(result))[0] - counted() * (float)(run + 5)) < 1e-4f);
  }
  OH_AI_ModelDestroy(&model);
}

static void other_shapes(void) {
  OH_AI_ModelHandle model = built("if_else");
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  for (int rows = 1; rows < 7; rows++) {
    OH_AI_ShapeInfo info = {2, {rows, 3}};
    size_t rank = 0;
    CHECK_STATUS(OH_AI_ModelResize(model, inputs, &info, 1), OH_AI_STATUS_SUCCESS);
    fill(model, rows % 2 != 0 ? 2.0f : -2.0f);
    CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
    const int64_t *shape = OH_AI_TensorGetShape(outputs.handle_list[0], &rank);
    CHECK(rank == 2 && shape[0] == rows && shape[1] == 3);
    CHECK(((const float *)OH_AI_TensorGetData(outputs.handle_list[0]))[3 * rows - 1] == (rows % 2 != 0 ? 5.0f : 1.0f));
  }
  OH_AI_ModelDestroy(&model);
}

/* until multiplies by 1.5 until the sum is large enough, which zeros never are. */
static void endless_loop(void) {
  OH_AI_ModelHandle model = built("until");
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  fill(model, 0);
  CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_LITE_ERROR);
  CHECK(strstr(MSLite_GetLastError(), "1000000 calls in one run") != NULL && strstr(MSLite_GetLastError(), "Call \"") != NULL);
  fill(model, 1);
  CHECK_STATUS(OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL), OH_AI_STATUS_SUCCESS);
  OH_AI_ModelDestroy(&model);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: test_control_flow MODEL_DIRECTORY\n");
    return 2;
  }
  snprintf(folder, sizeof folder, "%s", argv[1]);
  callbacks_and_profile();
  callers_memory();
  other_shapes();
  endless_loop();
  return check_result();
}
