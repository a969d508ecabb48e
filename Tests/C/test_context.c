/* Contexts: defaults, what is stored, what the caller frees, ownership of device infos. */
#include "mindspore/context.h"
#include "check.h"
#include <errno.h>
#include <stdlib.h>

static void defaults(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  size_t count = 99;
  CHECK(context != NULL);
  CHECK(OH_AI_ContextGetThreadNum(context) == 0);
  CHECK(OH_AI_ContextGetThreadAffinityMode(context) == 0);
  CHECK(!OH_AI_ContextGetEnableParallel(context));
  free((void *)OH_AI_ContextGetThreadAffinityCoreList(context, &count));
  CHECK(count == 0);
  OH_AI_ContextDestroy(&context);
  CHECK(context == NULL);
  OH_AI_ContextDestroy(&context);
  CHECK(context == NULL);
  OH_AI_ContextDestroy(NULL);
}

static void stored_values(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  const int32_t threads[] = {0, 1, 2, 4, 666666, -100, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
    OH_AI_ContextSetThreadNum(context, threads[i]);
    CHECK(OH_AI_ContextGetThreadNum(context) == threads[i]);
  }
  const int modes[][2] = {{1, 1}, {2, 2}, {0, 0}, {1, 1}, {3, 0}, {2, 2}, {6, 0}, {-100, 0}};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    OH_AI_ContextSetThreadAffinityMode(context, modes[i][0]);
    CHECK(OH_AI_ContextGetThreadAffinityMode(context) == modes[i][1]);
  }
  OH_AI_ContextSetEnableParallel(context, true);
  CHECK(OH_AI_ContextGetEnableParallel(context));
  OH_AI_ContextSetEnableParallel(context, false);
  CHECK(!OH_AI_ContextGetEnableParallel(context));
  OH_AI_ContextDestroy(&context);
}

static void core_list(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  const int32_t first[] = {0, 1, 3, 4};
  const int32_t second[] = {-3, 1000000};
  size_t count = 0;
  OH_AI_ContextSetThreadAffinityCoreList(context, first, 4);
  const int32_t *list = OH_AI_ContextGetThreadAffinityCoreList(context, &count);
  const int32_t *again = OH_AI_ContextGetThreadAffinityCoreList(context, &count);
  CHECK(count == 4 && list != NULL && again != NULL && list != again);
  for (size_t i = 0; list != NULL && i < count; i++) CHECK(list[i] == first[i]);
  free((void *)list);
  free((void *)again);
  OH_AI_ContextSetThreadAffinityCoreList(context, second, 2);
  list = OH_AI_ContextGetThreadAffinityCoreList(context, &count);
  CHECK(count == 2 && list != NULL && list[0] == -3 && list[1] == 1000000);
  free((void *)list);
  OH_AI_ContextSetThreadAffinityCoreList(context, NULL, 3);
  list = OH_AI_ContextGetThreadAffinityCoreList(context, &count);
  CHECK(count == 2);
  free((void *)list);
  CHECK(OH_AI_ContextGetThreadAffinityCoreList(context, NULL) == NULL);
  OH_AI_ContextSetThreadAffinityCoreList(context, second, 0);
  free((void *)OH_AI_ContextGetThreadAffinityCoreList(context, &count));
  CHECK(count == 0);
  OH_AI_ContextSetThreadAffinityCoreList(context, second, (size_t)-1);
  free((void *)OH_AI_ContextGetThreadAffinityCoreList(context, &count));
  CHECK(count == 0);
  OH_AI_ContextDestroy(&context);
}

static void null_handles(void) {
  size_t count = 7;
  const int32_t cores[] = {0};
  OH_AI_ContextSetThreadNum(NULL, 2);
  CHECK(OH_AI_ContextGetThreadNum(NULL) == 0);
  OH_AI_ContextSetThreadAffinityMode(NULL, 1);
  CHECK(OH_AI_ContextGetThreadAffinityMode(NULL) == 0);
  OH_AI_ContextSetThreadAffinityCoreList(NULL, cores, 1);
  CHECK(OH_AI_ContextGetThreadAffinityCoreList(NULL, &count) == NULL);
  OH_AI_ContextSetEnableParallel(NULL, true);
  CHECK(!OH_AI_ContextGetEnableParallel(NULL));
}

static void devices(void) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_DeviceInfoHandle npu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_KIRIN_NPU);
  errno = 0;
  OH_AI_ContextAddDeviceInfo(context, NULL);
  OH_AI_ContextAddDeviceInfo(NULL, cpu);
  CHECK(OH_AI_DeviceInfoGetDeviceType(cpu) == OH_AI_DEVICETYPE_CPU);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_ContextAddDeviceInfo(context, npu);
  CHECK(errno == 0);
  CHECK(OH_AI_DeviceInfoGetDeviceType(cpu) == OH_AI_DEVICETYPE_CPU);
  OH_AI_DeviceInfoHandle copy = cpu;
  OH_AI_ContextDestroy(&context);
  /* The context owned them. */
  CHECK(OH_AI_DeviceInfoGetDeviceType(copy) == OH_AI_DEVICETYPE_INVALID);
  OH_AI_DeviceInfoDestroy(&copy);
  CHECK(copy == NULL);

  /* A device info that is destroyed although a context owns it. */
  context = OH_AI_ContextCreate();
  cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_DeviceInfoDestroy(&cpu);
  CHECK(cpu == NULL);
  OH_AI_ContextDestroy(&context);

  /* One device info in two contexts. */
  context = OH_AI_ContextCreate();
  OH_AI_ContextHandle other = OH_AI_ContextCreate();
  cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_ContextAddDeviceInfo(other, cpu);
  OH_AI_ContextDestroy(&context);
  OH_AI_ContextDestroy(&other);
}

int main(void) {
  defaults();
  stored_values();
  core_list();
  null_handles();
  devices();
  return check_result();
}
