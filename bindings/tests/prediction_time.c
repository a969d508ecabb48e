/* What a prediction costs in C, for the overhead tests of the languages: prints the microseconds of the fastest of some turns.
 *
 *   prediction_time MODEL TURNS COUNT */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "mindspore/model.h"

static double microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, 1);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  if (OH_AI_ModelBuildFromFile(model, argv[1], OH_AI_MODELTYPE_MINDIR, context) != OH_AI_STATUS_SUCCESS) return 1;
  OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
  for (size_t i = 0; i < inputs.handle_num; i++) OH_AI_TensorGetMutableData(inputs.handle_list[i]);
  double best = 1e12;
  for (int turn = 0, count = atoi(argv[3]); turn < atoi(argv[2]); turn++) {
    double start = microseconds();
    for (int i = 0; i < count; i++)
      if (OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL) != OH_AI_STATUS_SUCCESS) return 1;
    double each = (microseconds() - start) / count;
    if (each < best) best = each;
  }
  printf("%.3f\n", best);
  OH_AI_ContextDestroy(&context);
  OH_AI_ModelDestroy(&model);
  return 0;
}
