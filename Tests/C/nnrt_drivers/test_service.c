/* Drivers in processes of their own, seen by a program of the OH_NN* interface: test_service DRIVERS PROGRAMS FOLDER, as test_host; FOLDER is
 * for compiled models. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "neural_network_runtime/neural_network_runtime.h"

#define OK(call) CHECK_STATUS(call, OH_NN_SUCCESS)

static int died_count;
static void *died_data;

static void died(void *data) {
  died_data = data;
  __atomic_add_fetch(&died_count, 1, __ATOMIC_SEQ_CST);
}

static size_t device(const char *name) {
  const size_t *ids = NULL;
  uint32_t count = 0;
  OK(OH_NNDevice_GetAllDevicesID(&ids, &count));
  for (uint32_t i = 0; i < count; i++) {
    const char *text = NULL;
    if (OH_NNDevice_GetName(ids[i], &text) == OH_NN_SUCCESS && strcmp(text, name) == 0) return ids[i];
  }
  return 0;
}

/* x [4] -> max(x, 0). */
static OH_NNModel *model(void) {
  OH_NNModel *m = OH_NNModel_Construct();
  NN_TensorDesc *desc = OH_NNTensorDesc_Create();
  OK(OH_NNTensorDesc_SetDataType(desc, OH_NN_FLOAT32));
  OK(OH_NNTensorDesc_SetShape(desc, (int32_t[]){4}, 1));
  OK(OH_NNModel_AddTensorToModel(m, desc));
  OK(OH_NNModel_AddTensorToModel(m, desc));
  OH_NNTensorDesc_Destroy(&desc);
  uint32_t first[] = {0}, second[] = {1};
  const OH_NN_UInt32Array none = {NULL, 0}, in = {first, 1}, out = {second, 1};
  OK(OH_NNModel_AddOperation(m, OH_NN_OPS_RELU, &none, &in, &out));
  OK(OH_NNModel_SpecifyInputsAndOutputs(m, &in, &out));
  OK(OH_NNModel_Finish(m));
  return m;
}

static OH_NNExecutor *executor(size_t id, const char *cache, bool has_model) {
  OH_NNModel *m = has_model ? model() : NULL;
  OH_NNCompilation *c = has_model ? OH_NNCompilation_Construct(m) : OH_NNCompilation_ConstructForCache();
  OK(OH_NNCompilation_SetDevice(c, id));
  if (cache != NULL) OK(OH_NNCompilation_SetCache(c, cache, 1));
  OK(OH_NNCompilation_Build(c));
  OH_NNExecutor *e = OH_NNExecutor_Construct(c);
  CHECK(e != NULL);
  OH_NNCompilation_Destroy(&c);
  if (m != NULL) OH_NNModel_Destroy(&m);
  return e;
}

static OH_NN_ReturnCode run(OH_NNExecutor *e, size_t id, float first, float *result) {
  NN_TensorDesc *desc = OH_NNExecutor_CreateInputTensorDesc(e, 0);
  NN_Tensor *x = OH_NNTensor_Create(id, desc), *y = OH_NNTensor_Create(id, desc);
  OH_NNTensorDesc_Destroy(&desc);
  if (x == NULL || y == NULL) return OH_NN_MEMORY_ERROR;
  const float values[4] = {first, 1, 2, 3};
  memcpy(OH_NNTensor_GetDataBuffer(x), values, sizeof values);
  const OH_NN_ReturnCode code = OH_NNExecutor_RunSync(e, &x, 1, &y, 1);
  memcpy(result, OH_NNTensor_GetDataBuffer(y), sizeof values);
  OH_NNTensor_Destroy(&x);
  OH_NNTensor_Destroy(&y);
  return code;
}

static bool is_right(const float *result, float first) {
  return result[0] == first && result[1] == 1 && result[2] == 2 && result[3] == 3;
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  char text[8192];
  snprintf(text, sizeof text, "%s/libnnrt_driver_host.so", arguments[1]);
  setenv("MSLITE_NNRT_DRIVERS", text, 1);
  snprintf(text, sizeof text, "%s/libnnrt_bad_driver.so:libnnrt_driver_cpu.so", arguments[2]);
  setenv("MSLITE_NNRT_HOSTED", text, 1);
  setenv("MSLITE_NNRT_HOST_TIMEOUT", "400", 0);
  const size_t bad = device("Worse_Test_v2_0"), cpu = device("CPU_MSLite_v2_1");
  CHECK(device("Bad_Test_v2_0") != 0 && bad != 0 && cpu != 0);

  float y[4];
  OH_NNExecutor *steady = executor(cpu, NULL, true);
  OK(run(steady, cpu, 7, y));
  CHECK(is_right(y, 7));
  /* Crash, hang, exit. */
  for (int how = 1; how <= 3; how++) {
    OH_NNExecutor *e = executor(bad, NULL, true);
    OK(OH_NNExecutor_SetOnServiceDied(e, died));
    OK(run(e, bad, 0, y));
    CHECK(is_right(y, 0));
    const time_t start = time(NULL);
    CHECK_STATUS(run(e, bad, (float)how, y), OH_NN_UNAVAILABLE_DEVICE);
    CHECK(time(NULL) - start < 5);
    for (int i = 0; i < 300 && __atomic_load_n(&died_count, __ATOMIC_SEQ_CST) < how; i++) usleep(10000);
    CHECK(died_count == how);
    CHECK_STATUS(run(e, bad, 0, y), OH_NN_UNAVAILABLE_DEVICE);
    OH_NNExecutor_Destroy(&e);
    OK(run(steady, cpu, (float)how, y));
    CHECK(is_right(y, (float)how));
  }
  OH_NNExecutor *again = executor(bad, NULL, true);
  OK(run(again, bad, 0, y));
  OH_NNExecutor_Destroy(&again);

  /* A compiled model on disk: written, restored, and restored without the model. */
  for (int round = 0; round < 3; round++) {
    OH_NNExecutor *e = executor(cpu, arguments[3], round < 2);
    OK(run(e, cpu, (float)round, y));
    CHECK(is_right(y, (float)round));
    OH_NNExecutor_Destroy(&e);
  }
  snprintf(text, sizeof text, "%s/cache_info.nncache", arguments[3]);
  CHECK(access(text, R_OK) == 0);
  OH_NNExecutor_Destroy(&steady);
  return check_result();
}
