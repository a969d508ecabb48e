/* The least that a program outside this repository does: include, create, ask, destroy. */
#include <mindspore/context.h>
#include <mindspore/model.h>
#include <mslite/extensions.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_Status status;
  if (context == NULL || model == NULL) return 1;
  OH_AI_ContextSetThreadNum(context, 2);
  OH_AI_ContextAddDeviceInfo(context, OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU));
  status = OH_AI_ModelBuildFromFile(model, "/nonexistent.ms", OH_AI_MODELTYPE_MINDIR, context);
  printf("%s: %s\n", MSLite_GetVersion(), MSLite_GetLastError());
  OH_AI_ModelDestroy(&model);
  OH_AI_ContextDestroy(&context);
  return status != OH_AI_STATUS_SUCCESS && strstr(MSLite_GetVersion(), "mslite") != NULL && model == NULL ? 0 : 1;
}
