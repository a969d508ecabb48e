/* What the programs that test the OH_NN* interface share: the test driver's controls, and small models. */
#ifndef NNRT_TESTS_COMMON_H
#define NNRT_TESTS_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../check.h"
#include "driver_test.h"
#include "neural_network_runtime/neural_network_runtime.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) CHECK_STATUS(call, OH_NN_SUCCESS)
#define INVALID(call) CHECK_STATUS(call, OH_NN_INVALID_PARAMETER)
#define FORBIDDEN(call) CHECK_STATUS(call, OH_NN_OPERATION_FORBIDDEN)
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* A handle that was never given out. */
#define NO_HANDLE ((void *)(uintptr_t)0x1230)

/* The driver's controls, which is loaded from where the runtime loads it. */
static inline nnrt_test_controls_t *controls(void) {
  static nnrt_test_controls_t *found = NULL;
  if (found != NULL) return found;
  void *driver = dlopen(getenv("MSLITE_NNRT_DRIVERS"), RTLD_NOW);
  nnrt_test_controls_t *(*get)(void) = NULL;
  if (driver != NULL) *(void **)&get = dlsym(driver, "nnrt_test_controls");
  if (get == NULL) {
    fprintf(stderr, "MSLITE_NNRT_DRIVERS does not name the test driver: %s\n", dlerror());
    exit(2);
  }
  return found = get();
}
/* For programs with several threads. */
#define TELL(field, value) __atomic_store_n(&controls()->field, value, __ATOMIC_SEQ_CST)
#define SEEN(field) __atomic_load_n(&controls()->field, __ATOMIC_SEQ_CST)
static inline void no_faults(void) { memset(controls(), 0, sizeof *controls()); }

static inline void die(uint32_t device) {
  void (*call)(uint32_t) = NULL;
  *(void **)&call = dlsym(dlopen(getenv("MSLITE_NNRT_DRIVERS"), RTLD_NOW), "nnrt_test_die");
  if (call != NULL) call(device);
}

/* The device whose name begins so; 0 if there is none. */
static inline size_t device(const char *name) {
  const size_t *ids = NULL;
  uint32_t count = 0;
  if (OH_NNDevice_GetAllDevicesID(&ids, &count) != OH_NN_SUCCESS) return 0;
  for (uint32_t i = 0; i < count; i++) {
    const char *text = NULL;
    if (OH_NNDevice_GetName(ids[i], &text) == OH_NN_SUCCESS && strncmp(text, name, strlen(name)) == 0) return ids[i];
  }
  return 0;
}

/* --- models ------------------------------------------------------------------------------------------------------------ */

static inline OH_NN_UInt32Array list(uint32_t *data, uint32_t size) {
  const OH_NN_UInt32Array array = {data, size};
  return array;
}
/* LIST(0, 1): a list of indices as an argument. */
#define LIST(...) (&(OH_NN_UInt32Array){(uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)})
#define NOTHING (&(OH_NN_UInt32Array){NULL, 0})

static inline OH_NN_ReturnCode add_tensor(OH_NNModel *model, OH_NN_DataType type, uint32_t rank, const int32_t *dims,
                                          OH_NN_TensorType kind) {
  const OH_NN_Tensor tensor = {type, rank, dims, NULL, kind};
  return OH_NNModel_AddTensor(model, &tensor);
}

/* A parameter of one value, or of several where count > 1. */
static inline OH_NN_ReturnCode add_parameter(OH_NNModel *model, uint32_t index, OH_NN_DataType type, int32_t count,
                                             OH_NN_TensorType kind, const void *data, size_t size) {
  const OH_NN_ReturnCode code = add_tensor(model, type, count > 1 ? 1 : 0, &count, kind);
  return code != OH_NN_SUCCESS ? code : OH_NNModel_SetTensorData(model, index, data, size);
}

static const int32_t square[4] = {1, 2, 2, 1};

/* y = a + b, all [1, 2, 2, 1]; tensors 0, 1, parameter 2, output 3. Not finished. */
static inline OH_NNModel *unfinished_add(void) {
  OH_NNModel *model = OH_NNModel_Construct();
  const int8_t activation = OH_NN_FUSED_NONE;
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(add_parameter(model, 2, OH_NN_INT8, 1, OH_NN_ADD_ACTIVATIONTYPE, &activation, 1));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_ADD, LIST(2), LIST(0, 1), LIST(3)));
  OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0, 1), LIST(3)));
  return model;
}

static inline OH_NNModel *add_model(void) {
  OH_NNModel *model = unfinished_add();
  OK(OH_NNModel_Finish(model));
  return model;
}

/* Mean of 2 x 2 windows of [-1, -1, -1, -1], without padding. */
static inline OH_NNModel *pool_model(void) {
  OH_NNModel *model = OH_NNModel_Construct();
  const int32_t any[4] = {-1, -1, -1, -1};
  const int64_t kernel[2] = {2, 2}, stride[2] = {1, 1};
  const int8_t mode = 1, activation = 0;
  OK(add_tensor(model, OH_NN_FLOAT32, 4, any, OH_NN_TENSOR));
  OK(add_parameter(model, 1, OH_NN_INT64, 2, OH_NN_AVG_POOL_KERNEL_SIZE, kernel, 16));
  OK(add_parameter(model, 2, OH_NN_INT64, 2, OH_NN_AVG_POOL_STRIDE, stride, 16));
  OK(add_parameter(model, 3, OH_NN_INT8, 1, OH_NN_AVG_POOL_PAD_MODE, &mode, 1));
  OK(add_parameter(model, 4, OH_NN_INT8, 1, OH_NN_AVG_POOL_ACTIVATION_TYPE, &activation, 1));
  OK(add_tensor(model, OH_NN_FLOAT32, 4, any, OH_NN_TENSOR));
  OK(OH_NNModel_AddOperation(model, OH_NN_OPS_AVG_POOL, LIST(1, 2, 3, 4), LIST(0), LIST(5)));
  OK(OH_NNModel_SpecifyInputsAndOutputs(model, LIST(0), LIST(5)));
  OK(OH_NNModel_Finish(model));
  return model;
}

/* The model compiled for a device, NULL if that fails. */
static inline OH_NNCompilation *compiled(const OH_NNModel *model, size_t id) {
  OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
  OK(OH_NNCompilation_SetDevice(compilation, id));
  const OH_NN_ReturnCode code = OH_NNCompilation_Build(compilation);
  CHECK_STATUS(code, OH_NN_SUCCESS);
  if (code != OH_NN_SUCCESS) OH_NNCompilation_Destroy(&compilation);
  return compilation;
}

static inline OH_NNExecutor *executor_of(OH_NNModel *model, size_t id) {
  OH_NNCompilation *compilation = compiled(model, id);
  OH_NNExecutor *executor = OH_NNExecutor_Construct(compilation);
  CHECK(executor != NULL);
  OH_NNCompilation_Destroy(&compilation);
  OH_NNModel_Destroy(&model);
  return executor;
}

/* Runs the sum of {0, 1, 2, 3} and itself. */
static inline int adds(OH_NNExecutor *executor) {
  const float x[4] = {0, 1, 2, 3};
  float y[4] = {-1, -1, -1, -1};
  const OH_NN_Tensor tensor = {OH_NN_FLOAT32, 4, square, NULL, OH_NN_TENSOR};
  if (OH_NNExecutor_SetInput(executor, 0, &tensor, x, sizeof x) != OH_NN_SUCCESS) return 0;
  if (OH_NNExecutor_SetInput(executor, 1, &tensor, x, sizeof x) != OH_NN_SUCCESS) return 0;
  if (OH_NNExecutor_SetOutput(executor, 0, y, sizeof y) != OH_NN_SUCCESS) return 0;
  if (OH_NNExecutor_Run(executor) != OH_NN_SUCCESS) return 0;
  return y[0] == 0 && y[1] == 2 && y[2] == 4 && y[3] == 6;
}

#endif
