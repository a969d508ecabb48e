/* Device infos of every kind: which are made, what each keeps. */
#include "mindspore/context.h"
#include "check.h"
#include <stdlib.h>
#include <string.h>

static int is_copy(const char *actual, const char *expected) {
  const int equal = actual != NULL && strcmp(actual, expected) == 0;
  free((void *)actual);
  return equal;
}

static void creation(void) {
  const OH_AI_DeviceType types[] = {OH_AI_DEVICETYPE_CPU, OH_AI_DEVICETYPE_GPU, OH_AI_DEVICETYPE_KIRIN_NPU,
                                    OH_AI_DEVICETYPE_NNRT};
  for (size_t i = 0; i < 4; i++) {
    OH_AI_DeviceInfoHandle info = OH_AI_DeviceInfoCreate(types[i]);
    CHECK(info != NULL);
    CHECK(OH_AI_DeviceInfoGetDeviceType(info) == types[i]);
    OH_AI_DeviceInfoDestroy(&info);
    CHECK(info == NULL);
    OH_AI_DeviceInfoDestroy(&info);
  }
  CHECK(OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_INVALID) == NULL);
  CHECK(OH_AI_DeviceInfoCreate((OH_AI_DeviceType)3) == NULL);
  CHECK(OH_AI_DeviceInfoCreate((OH_AI_DeviceType)61) == NULL);
  CHECK(OH_AI_DeviceInfoGetDeviceType(NULL) == OH_AI_DEVICETYPE_INVALID);
  OH_AI_DeviceInfoDestroy(NULL);
}

static void providers(void) {
  OH_AI_DeviceInfoHandle info = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  char text[] = "vendor_new";
  CHECK(is_copy(OH_AI_DeviceInfoGetProvider(info), ""));
  CHECK(is_copy(OH_AI_DeviceInfoGetProviderDevice(info), ""));
  OH_AI_DeviceInfoSetProvider(info, text);
  OH_AI_DeviceInfoSetProviderDevice(info, "cpu_new");
  text[0] = 'X';
  CHECK(is_copy(OH_AI_DeviceInfoGetProvider(info), "vendor_new"));
  CHECK(is_copy(OH_AI_DeviceInfoGetProvider(info), "vendor_new"));
  CHECK(is_copy(OH_AI_DeviceInfoGetProviderDevice(info), "cpu_new"));
  OH_AI_DeviceInfoSetProvider(info, NULL);
  OH_AI_DeviceInfoSetProviderDevice(info, NULL);
  CHECK(is_copy(OH_AI_DeviceInfoGetProvider(info), "vendor_new"));
  CHECK(is_copy(OH_AI_DeviceInfoGetProviderDevice(info), "cpu_new"));
  OH_AI_DeviceInfoSetProvider(NULL, "a");
  OH_AI_DeviceInfoSetProviderDevice(NULL, "a");
  CHECK(OH_AI_DeviceInfoGetProvider(NULL) == NULL);
  CHECK(OH_AI_DeviceInfoGetProviderDevice(NULL) == NULL);
  OH_AI_DeviceInfoDestroy(&info);
}

static void half_precision(void) {
  const struct {
    OH_AI_DeviceType type;
    bool kept;
  } cases[] = {{OH_AI_DEVICETYPE_CPU, true},
               {OH_AI_DEVICETYPE_GPU, true},
               {OH_AI_DEVICETYPE_KIRIN_NPU, false},
               {OH_AI_DEVICETYPE_NNRT, true}};
  for (size_t i = 0; i < 4; i++) {
    OH_AI_DeviceInfoHandle info = OH_AI_DeviceInfoCreate(cases[i].type);
    CHECK(!OH_AI_DeviceInfoGetEnableFP16(info));
    OH_AI_DeviceInfoSetEnableFP16(info, true);
    CHECK(OH_AI_DeviceInfoGetEnableFP16(info) == cases[i].kept);
    OH_AI_DeviceInfoSetEnableFP16(info, false);
    CHECK(!OH_AI_DeviceInfoGetEnableFP16(info));
    OH_AI_DeviceInfoDestroy(&info);
  }
  OH_AI_DeviceInfoSetEnableFP16(NULL, true);
  CHECK(!OH_AI_DeviceInfoGetEnableFP16(NULL));
}

static void frequency(void) {
  OH_AI_DeviceInfoHandle npu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_KIRIN_NPU);
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  const int values[] = {1, 4, 0, 99, -7};
  for (size_t i = 0; i < 5; i++) {
    OH_AI_DeviceInfoSetFrequency(npu, values[i]);
    CHECK(OH_AI_DeviceInfoGetFrequency(npu) == values[i]);
  }
  OH_AI_DeviceInfoSetFrequency(cpu, 3);
  CHECK(OH_AI_DeviceInfoGetFrequency(cpu) == -1);
  OH_AI_DeviceInfoSetFrequency(NULL, 3);
  CHECK(OH_AI_DeviceInfoGetFrequency(NULL) == -1);
  OH_AI_DeviceInfoDestroy(&npu);
  OH_AI_DeviceInfoDestroy(&cpu);
}

int main(void) {
  creation();
  providers();
  half_precision();
  frequency();
  return check_result();
}
