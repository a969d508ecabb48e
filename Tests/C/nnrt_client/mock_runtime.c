/* A Neural Network Runtime that answers, but not what it should: NNRT_MOCK says what is wrong. Compiled with LACKS_RUN it has no
 * OH_NNExecutor_RunSync. Nothing is computed. */
#include <stdlib.h>
#include <string.h>
#include "neural_network_runtime/neural_network_core.h"
#include "neural_network_runtime/neural_network_runtime.h"

static int is_wrong(const char *what) {
  const char *mock = getenv("NNRT_MOCK");
  return mock != NULL && strcmp(mock, what) == 0;
}

static OH_NN_ReturnCode answer(const char *what) { return is_wrong(what) ? OH_NN_FAILED : OH_NN_SUCCESS; }
/* Every object is this one. */
static char object[64];
#define OBJECT(type, what) (is_wrong(what) ? NULL : (type *)(void *)object)

static const size_t ids[2] = {11, 12};
static _Bool answers[4096];
static int32_t dims[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static uint32_t operations;
static char memory[1 << 20] __attribute__((aligned(64)));

OH_NN_ReturnCode OH_NNDevice_GetAllDevicesID(const size_t **list, uint32_t *count) {
  *list = is_wrong("no ids") ? NULL : ids;
  *count = is_wrong("many devices") ? 4000000000u : 2;
  return answer("devices");
}
OH_NN_ReturnCode OH_NNDevice_GetName(size_t id, const char **name) {
  static char many[5000];
  memset(many, 'x', sizeof many - 1);
  *name = is_wrong("no names") ? NULL : is_wrong("long names") ? many : id == 11 ? "one" : "two";
  return answer("names");
}
OH_NN_ReturnCode OH_NNDevice_GetType(size_t id, OH_NN_DeviceType *type) {
  (void)id;
  *type = is_wrong("types") ? (OH_NN_DeviceType)1000 : OH_NN_ACCELERATOR;
  return OH_NN_SUCCESS;
}
OH_NNModel *OH_NNModel_Construct(void) {
  operations = 0;
  return OBJECT(OH_NNModel, "no model");
}
void OH_NNModel_Destroy(OH_NNModel **model) { *model = NULL; }
OH_NN_ReturnCode OH_NNModel_AddTensorToModel(OH_NNModel *model, const NN_TensorDesc *desc) {
  (void)model, (void)desc;
  return answer("tensors");
}
OH_NN_ReturnCode OH_NNModel_SetTensorData(OH_NNModel *model, uint32_t index, const void *data, size_t length) {
  (void)model, (void)index, (void)data, (void)length;
  return answer("data");
}
OH_NN_ReturnCode OH_NNModel_SetTensorQuantParams(OH_NNModel *model, uint32_t index, NN_QuantParam *params) {
  (void)model, (void)index, (void)params;
  return OH_NN_SUCCESS;
}
OH_NN_ReturnCode OH_NNModel_SetTensorType(OH_NNModel *model, uint32_t index, OH_NN_TensorType type) {
  (void)model, (void)index, (void)type;
  return OH_NN_SUCCESS;
}
OH_NN_ReturnCode OH_NNModel_AddOperation(OH_NNModel *model, OH_NN_OperationType op, const OH_NN_UInt32Array *params,
                                         const OH_NN_UInt32Array *inputs, const OH_NN_UInt32Array *outputs) {
  (void)model, (void)params, (void)inputs, (void)outputs;
  operations++;
  return is_wrong("old operations") && op > 50 ? OH_NN_INVALID_PARAMETER : answer("operations");
}
OH_NN_ReturnCode OH_NNModel_SpecifyInputsAndOutputs(OH_NNModel *model, const OH_NN_UInt32Array *in, const OH_NN_UInt32Array *out) {
  (void)model, (void)in, (void)out;
  return answer("inputs");
}
OH_NN_ReturnCode OH_NNModel_Finish(OH_NNModel *model) {
  (void)model;
  return answer("finish");
}
OH_NN_ReturnCode OH_NNModel_GetAvailableOperations(OH_NNModel *model, size_t id, const _Bool **list, uint32_t *count) {
  (void)model, (void)id;
  /* Not even booleans. */
  memset(answers, is_wrong("strange booleans") ? 0x7b : 1, sizeof answers);
  *list = is_wrong("no answers") ? NULL : answers;
  *count = is_wrong("few answers") ? operations - 1 : is_wrong("many answers") ? 4000000000u : operations;
  return answer("query");
}
NN_QuantParam *OH_NNQuantParam_Create(void) { return OBJECT(NN_QuantParam, ""); }
OH_NN_ReturnCode OH_NNQuantParam_SetScales(NN_QuantParam *p, const double *v, size_t n) { return (void)p, (void)v, (void)n, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNQuantParam_SetZeroPoints(NN_QuantParam *p, const int32_t *v, size_t n) { return (void)p, (void)v, (void)n, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNQuantParam_SetNumBits(NN_QuantParam *p, const uint32_t *v, size_t n) { return (void)p, (void)v, (void)n, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNQuantParam_Destroy(NN_QuantParam **p) { return *p = NULL, OH_NN_SUCCESS; }
NN_TensorDesc *OH_NNTensorDesc_Create(void) { return OBJECT(NN_TensorDesc, "no descriptions"); }
OH_NN_ReturnCode OH_NNTensorDesc_Destroy(NN_TensorDesc **d) { return *d = NULL, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNTensorDesc_SetName(NN_TensorDesc *d, const char *name) { return (void)d, (void)name, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNTensorDesc_SetDataType(NN_TensorDesc *d, OH_NN_DataType type) {
  return (void)type, d == NULL ? OH_NN_INVALID_PARAMETER : OH_NN_SUCCESS;
}
OH_NN_ReturnCode OH_NNTensorDesc_SetShape(NN_TensorDesc *d, const int32_t *s, size_t n) { return (void)d, (void)s, (void)n, answer("shape"); }
OH_NN_ReturnCode OH_NNTensorDesc_SetFormat(NN_TensorDesc *d, OH_NN_Format f) { return (void)d, (void)f, OH_NN_SUCCESS; }
OH_NNCompilation *OH_NNCompilation_Construct(const OH_NNModel *m) { return (void)m, OBJECT(OH_NNCompilation, "no compilation"); }
OH_NNCompilation *OH_NNCompilation_ConstructWithOfflineModelBuffer(const void *b, size_t n) {
  return (void)b, (void)n, OBJECT(OH_NNCompilation, "no compilation");
}
void OH_NNCompilation_Destroy(OH_NNCompilation **c) { *c = NULL; }
OH_NN_ReturnCode OH_NNCompilation_SetDevice(OH_NNCompilation *c, size_t id) { return (void)c, (void)id, answer("device"); }
OH_NN_ReturnCode OH_NNCompilation_SetCache(OH_NNCompilation *c, const char *p, uint32_t v) { return (void)c, (void)p, (void)v, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNCompilation_SetPerformanceMode(OH_NNCompilation *c, OH_NN_PerformanceMode m) { return (void)c, (void)m, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNCompilation_SetPriority(OH_NNCompilation *c, OH_NN_Priority p) { return (void)c, (void)p, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNCompilation_EnableFloat16(OH_NNCompilation *c, _Bool on) { return (void)c, (void)on, OH_NN_SUCCESS; }
OH_NN_ReturnCode OH_NNCompilation_AddExtensionConfig(OH_NNCompilation *c, const char *k, const void *v, const size_t n) {
  return (void)c, (void)k, (void)v, (void)n, OH_NN_SUCCESS;
}
OH_NN_ReturnCode OH_NNCompilation_Build(OH_NNCompilation *c) { return (void)c, answer("build"); }
OH_NNExecutor *OH_NNExecutor_Construct(OH_NNCompilation *c) { return (void)c, OBJECT(OH_NNExecutor, "no executor"); }
void OH_NNExecutor_Destroy(OH_NNExecutor **e) { *e = NULL; }
OH_NN_ReturnCode OH_NNExecutor_GetOutputShape(OH_NNExecutor *e, uint32_t i, int32_t **shape, uint32_t *count) {
  (void)e, (void)i;
  *shape = is_wrong("no shape") ? NULL : dims;
  *count = is_wrong("long shape") ? 4000000000u : 4;
  return answer("output shape");
}
#ifndef LACKS_RUN
OH_NN_ReturnCode OH_NNExecutor_RunSync(OH_NNExecutor *e, NN_Tensor *in[], size_t n, NN_Tensor *out[], size_t m) {
  return (void)e, (void)in, (void)n, (void)out, (void)m, is_wrong("odd code") ? (OH_NN_ReturnCode)-99 : answer("run");
}
#endif
NN_Tensor *OH_NNTensor_Create(size_t id, NN_TensorDesc *d) { return (void)id, (void)d, OBJECT(NN_Tensor, "no tensors"); }
OH_NN_ReturnCode OH_NNTensor_Destroy(NN_Tensor **t) { return *t = NULL, OH_NN_SUCCESS; }
void *OH_NNTensor_GetDataBuffer(const NN_Tensor *t) { return (void)t, is_wrong("no memory") ? NULL : memory + (is_wrong("crooked memory") ? 4 : 0); }
OH_NN_ReturnCode OH_NNTensor_GetSize(const NN_Tensor *t, size_t *size) {
  (void)t;
  *size = is_wrong("little memory") ? 4 : sizeof memory - 64;
  return OH_NN_SUCCESS;
}
