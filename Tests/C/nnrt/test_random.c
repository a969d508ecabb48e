/* Calls of all functions in any order, with handles that are live, dead, NULL or of another kind, and arguments that are right or wrong:
 * nothing crashes, and every function succeeds at some time. ROUNDS in the environment times 100 is the number of calls. */
#include "common.h"
#include <sys/stat.h>
#include <unistd.h>

enum { POOL = 24, FUNCTIONS = 75, LONGEST = 300 };

static uint64_t state = 88172645463325252ull;
static uint32_t any(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 33) % below;
}

/* Handles that were given out, by kind; many are dead. */
enum { MODEL, COMPILATION, EXECUTOR, QUANT, DESC, TENSOR, KINDS };
static void *pool[KINDS][POOL];
static OH_NN_Memory *memories[POOL];
static int successes[FUNCTIONS];
static char folder[] = "/tmp/nnrt_random_XXXXXX";
static size_t ids[4];

static void *handle(int kind) {
  const uint32_t luck = any(40);
  if (luck == 0) return NULL;
  if (luck == 1) return NO_HANDLE;
  if (luck == 2) kind = (int)any(KINDS);
  return pool[kind][any(POOL)];
}
static void keep(int kind, void *value, int function) {
  if (value == NULL) return;
  successes[function]++;
  void **place = &pool[kind][any(POOL)];
  /* What is pushed out would never be freed. */
  switch (*place != NULL ? kind : -1) {
    case MODEL: OH_NNModel_Destroy((OH_NNModel **)place); break;
    case COMPILATION: OH_NNCompilation_Destroy((OH_NNCompilation **)place); break;
    case EXECUTOR: OH_NNExecutor_Destroy((OH_NNExecutor **)place); break;
    case QUANT: OH_NNQuantParam_Destroy((NN_QuantParam **)place); break;
    case DESC: OH_NNTensorDesc_Destroy((NN_TensorDesc **)place); break;
    case TENSOR: OH_NNTensor_Destroy((NN_Tensor **)place); break;
    default: break;
  }
  *place = value;
}
static void count(int function, OH_NN_ReturnCode code) { successes[function] += code == OH_NN_SUCCESS; }

static float numbers[64];
static int32_t sizes[12];
static size_t id(void) { return any(20) == 0 ? any(1000) : any(4) == 0 ? 0 : ids[any(4)]; }
static const int32_t *shape(void) {
  for (int i = 0; i < 12; i++) sizes[i] = any(30) == 0 ? (int32_t)any(5) - 2 : any(8) == 0 ? -1 : square[i % 4];
  return sizes;
}
static size_t length(void) { return any(30) == 0 ? SIZE_MAX - any(3) : any(4) == 0 ? any(64) : 16; }
static uint32_t rank(void) { return any(30) == 0 ? any(14) : 4; }
static OH_NN_Tensor tensor(void) {
  const OH_NN_Tensor right = {OH_NN_FLOAT32, 4, square, NULL, OH_NN_TENSOR};
  if (any(3) != 0) return right;
  const OH_NN_Tensor t = {any(8) == 0 ? (OH_NN_DataType)any(15) : OH_NN_FLOAT32, rank(), any(50) == 0 ? NULL : shape(), NULL,
                          any(4) == 0 ? (OH_NN_TensorType)any(170) : OH_NN_TENSOR};
  return t;
}
static OH_NN_UInt32Array indices(uint32_t *data) {
  OH_NN_UInt32Array list = {any(20) == 0 ? NULL : data, 1 + any(2)};
  for (int i = 0; i < LONGEST; i++) data[i] = any(5);
  if (any(30) == 0) list.size = any(4) * 100;
  return list;
}
static void on_done(void *data, OH_NN_ReturnCode code, void *outputs[], int32_t n) {
  (void)data, (void)code, (void)outputs, (void)n;
}
static void on_died(void *data) { (void)data; }

/* A model, or a compilation or executor of it, that can be used: random calls alone seldom get there. */
static void make_good(void) {
  OH_NNModel *model = any(2) ? add_model() : pool_model();
  OH_NNCompilation *compilation = OH_NNCompilation_Construct(model);
  OH_NNCompilation_SetDevice(compilation, id());
  if (OH_NNCompilation_Build(compilation) == OH_NN_SUCCESS) keep(EXECUTOR, OH_NNExecutor_Construct(compilation), 37);
  keep(MODEL, model, 50);
  keep(COMPILATION, compilation, 0);
  /* A model that can be finished, one that can get operators, and parameters that fit. */
  keep(MODEL, unfinished_add(), 50);
  model = OH_NNModel_Construct();
  for (int i = 0; i < 5; i++) OK(add_tensor(model, OH_NN_FLOAT32, 4, square, OH_NN_TENSOR));
  keep(MODEL, model, 50);
  NN_QuantParam *quant = OH_NNQuantParam_Create();
  OK(OH_NNQuantParam_SetScales(quant, &(double){1}, 1));
  OK(OH_NNQuantParam_SetZeroPoints(quant, &(int32_t){1}, 1));
  OK(OH_NNQuantParam_SetNumBits(quant, &(uint32_t){8}, 1));
  keep(QUANT, quant, 70);
}

static void call_core(int f) {
  const char *text = any(10) == 0 ? "x" : NULL;
  int32_t *dims = NULL;
  size_t *least = NULL, *most = NULL, size = 0;
  const size_t *list = NULL;
  uint32_t n = 0;
  OH_NN_DataType type;
  OH_NN_Format format;
  OH_NN_DeviceType kind;
  static unsigned char bytes[65536];
  static size_t used = 100;
  NN_Tensor *in[3] = {handle(TENSOR), handle(TENSOR), NULL}, *out[3] = {handle(TENSOR), NULL, NULL};
  void *h;
  switch (f) {
    case 0: keep(COMPILATION, OH_NNCompilation_Construct(handle(MODEL)), f); break;
    case 1: keep(COMPILATION, OH_NNCompilation_ConstructWithOfflineModelFile(any(9) ? "/nothing/here" : NULL), f); break;
    case 2: keep(COMPILATION, OH_NNCompilation_ConstructWithOfflineModelBuffer("NNRTTEST\2\0\0", any(20)), f); break;
    case 3: keep(COMPILATION, OH_NNCompilation_ConstructForCache(), f); break;
    case 4: {
      const OH_NN_ReturnCode code = OH_NNCompilation_ExportCacheToBuffer(handle(COMPILATION), bytes, any(5) ? sizeof bytes : any(300), &size);
      count(f, code);
      if (code == OH_NN_SUCCESS) used = size;
      break;
    }
    case 5: count(f, OH_NNCompilation_ImportCacheFromBuffer(handle(COMPILATION), bytes, any(9) ? used : any(300))); break;
    case 6: count(f, OH_NNCompilation_AddExtensionConfig(handle(COMPILATION), any(2) ? "ModelName" : "other", "a/b", any(4))); break;
    case 7: count(f, OH_NNCompilation_SetDevice(handle(COMPILATION), id())); break;
    case 8: count(f, OH_NNCompilation_SetCache(handle(COMPILATION), any(9) ? folder : "/nothing", any(4))); break;
    case 9: count(f, OH_NNCompilation_SetPerformanceMode(handle(COMPILATION), (OH_NN_PerformanceMode)any(6))); break;
    case 10: count(f, OH_NNCompilation_SetPriority(handle(COMPILATION), (OH_NN_Priority)any(5))); break;
    case 11: count(f, OH_NNCompilation_EnableFloat16(handle(COMPILATION), any(2))); break;
    case 12: count(f, OH_NNCompilation_Build(handle(COMPILATION))); break;
    case 13: h = handle(COMPILATION); OH_NNCompilation_Destroy((OH_NNCompilation **)&h); successes[f] += h == NULL; break;
    case 14: keep(DESC, OH_NNTensorDesc_Create(), f); break;
    case 15: h = handle(DESC); count(f, OH_NNTensorDesc_Destroy((NN_TensorDesc **)&h)); break;
    case 16: count(f, OH_NNTensorDesc_SetName(handle(DESC), any(9) ? "name" : NULL)); break;
    case 17: count(f, OH_NNTensorDesc_GetName(handle(DESC), &text)); break;
    case 18: count(f, OH_NNTensorDesc_SetDataType(handle(DESC), any(3) ? OH_NN_FLOAT32 : (OH_NN_DataType)any(15))); break;
    case 19: count(f, OH_NNTensorDesc_GetDataType(handle(DESC), &type)); break;
    case 20: count(f, OH_NNTensorDesc_SetShape(handle(DESC), shape(), rank())); break;
    case 21: count(f, OH_NNTensorDesc_GetShape(handle(DESC), &dims, &size)); break;
    case 22: count(f, OH_NNTensorDesc_SetFormat(handle(DESC), (OH_NN_Format)any(5))); break;
    case 23: count(f, OH_NNTensorDesc_GetFormat(handle(DESC), &format)); break;
    case 24: count(f, OH_NNTensorDesc_GetElementCount(handle(DESC), &size)); break;
    case 25: count(f, OH_NNTensorDesc_GetByteSize(handle(DESC), &size)); break;
    case 26: keep(TENSOR, OH_NNTensor_Create(id(), handle(DESC)), f); break;
    case 27: keep(TENSOR, OH_NNTensor_CreateWithSize(id(), handle(DESC), length()), f); break;
    case 28: {
      int fd = -1;
      if (OH_NNTensor_GetFd(handle(TENSOR), &fd) == OH_NN_SUCCESS)
        keep(TENSOR, OH_NNTensor_CreateWithFd(id(), handle(DESC), dup(fd), length(), any(4) ? 0 : length()), f);
      break;
    }
    case 29: h = handle(TENSOR); count(f, OH_NNTensor_Destroy((NN_Tensor **)&h)); break;
    case 30:
      h = OH_NNTensor_GetTensorDesc(handle(TENSOR));
      successes[f] += h != NULL;
      if (h != NULL) INVALID(OH_NNTensorDesc_Destroy((NN_TensorDesc **)&h));
      break;
    case 31: successes[f] += OH_NNTensor_GetDataBuffer(handle(TENSOR)) != NULL; break;
    case 32: count(f, OH_NNTensor_GetFd(handle(TENSOR), (int *)&n)); break;
    case 33: count(f, OH_NNTensor_GetSize(handle(TENSOR), &size)); break;
    case 34: count(f, OH_NNTensor_GetOffset(handle(TENSOR), &size)); break;
    case 35: keep(EXECUTOR, OH_NNExecutor_Construct(handle(COMPILATION)), f); break;
    case 36: count(f, OH_NNExecutor_GetOutputShape(handle(EXECUTOR), any(2), &dims, &n)); break;
    case 37: h = handle(EXECUTOR); OH_NNExecutor_Destroy((OH_NNExecutor **)&h); successes[f] += h == NULL; break;
    case 38: count(f, OH_NNExecutor_GetInputCount(handle(EXECUTOR), &size)); break;
    case 39: count(f, OH_NNExecutor_GetOutputCount(handle(EXECUTOR), &size)); break;
    case 40: keep(DESC, OH_NNExecutor_CreateInputTensorDesc(handle(EXECUTOR), any(3)), f); break;
    case 41: keep(DESC, OH_NNExecutor_CreateOutputTensorDesc(handle(EXECUTOR), any(2)), f); break;
    case 42: count(f, OH_NNExecutor_GetInputDimRange(handle(EXECUTOR), any(3), &least, &most, &size)); break;
    case 43: count(f, OH_NNExecutor_SetOnRunDone(handle(EXECUTOR), any(4) ? on_done : NULL)); break;
    case 44: count(f, OH_NNExecutor_SetOnServiceDied(handle(EXECUTOR), any(4) ? on_died : NULL)); break;
    case 45: count(f, OH_NNExecutor_RunSync(handle(EXECUTOR), in, 1 + any(2), out, 1)); break;
    case 46: count(f, OH_NNExecutor_RunAsync(handle(EXECUTOR), in, 1 + any(2), out, 1, (int32_t)any(3) * 1000 - 1000, folder)); break;
    case 47: list = any(20) == 0 ? &size : NULL; count(f, OH_NNDevice_GetAllDevicesID(&list, &n)); break;
    case 48: count(f, OH_NNDevice_GetName(id(), &text)); break;
    default: count(f, OH_NNDevice_GetType(id(), &kind)); break;
  }
}

static void call_runtime(int f) {
  const double scales[2] = {1, 2};
  const int32_t zeros[2] = {0, 0};
  const uint32_t bits[2] = {8, any(9) ? 8 : 4};
  uint32_t a[LONGEST], b[LONGEST], c[LONGEST], n = 0;
  const OH_NN_UInt32Array in = indices(a), out = indices(b);
  OH_NN_UInt32Array params = indices(c);
  if (any(2)) params = list(NULL, 0);
  const OH_NN_Tensor t = tensor();
  const bool *supported = NULL;
  void *h;
  OH_NN_Memory **memory = &memories[any(POOL)];
  switch (f) {
    case 50: keep(MODEL, OH_NNModel_Construct(), f); break;
    case 51: count(f, OH_NNModel_AddTensorToModel(handle(MODEL), handle(DESC))); break;
    case 52: count(f, OH_NNModel_SetTensorData(handle(MODEL), any(8), numbers, any(3) ? 16 : any(32))); break;
    case 53: count(f, OH_NNModel_SetTensorQuantParams(handle(MODEL), any(8), handle(QUANT))); break;
    case 54: count(f, OH_NNModel_SetTensorType(handle(MODEL), any(8), (OH_NN_TensorType)(any(2) ? 0 : any(165)))); break;
    case 55: {
      const OH_NN_OperationType operation = (OH_NN_OperationType)any(110);
      count(f, OH_NNModel_AddOperation(handle(MODEL), operation, any(50) ? &params : NULL, &in, any(50) ? &out : NULL));
      break;
    }
    case 56: count(f, OH_NNModel_SpecifyInputsAndOutputs(handle(MODEL), &in, &out)); break;
    case 57: count(f, OH_NNModel_Finish(handle(MODEL))); break;
    case 58: h = handle(MODEL); OH_NNModel_Destroy((OH_NNModel **)&h); successes[f] += h == NULL; break;
    case 59: count(f, OH_NNModel_GetAvailableOperations(handle(MODEL), id(), &supported, &n)); break;
    case 60: count(f, OH_NNModel_AddTensor(handle(MODEL), any(30) ? &t : NULL)); break;
    case 61: count(f, OH_NNExecutor_SetInput(handle(EXECUTOR), any(3), &t, numbers, any(9) ? sizeof numbers : any(64))); break;
    case 62: count(f, OH_NNExecutor_SetOutput(handle(EXECUTOR), any(2), numbers, any(9) ? sizeof numbers : any(64))); break;
    case 63: count(f, OH_NNExecutor_Run(handle(EXECUTOR))); break;
    case 64:
      if (*memory == NULL) *memory = OH_NNExecutor_AllocateInputMemory(handle(EXECUTOR), any(3), length());
      successes[f] += *memory != NULL;
      break;
    case 65:
      if (*memory == NULL) *memory = OH_NNExecutor_AllocateOutputMemory(handle(EXECUTOR), any(2), length());
      successes[f] += *memory != NULL;
      break;
    case 66: OH_NNExecutor_DestroyInputMemory(handle(EXECUTOR), any(3), memory); successes[f] += *memory == NULL; break;
    case 67: OH_NNExecutor_DestroyOutputMemory(handle(EXECUTOR), any(2), memory); successes[f] += *memory == NULL; break;
    case 68: count(f, OH_NNExecutor_SetInputWithMemory(handle(EXECUTOR), any(3), &t, *memory)); break;
    case 69: count(f, OH_NNExecutor_SetOutputWithMemory(handle(EXECUTOR), any(2), *memory)); break;
    case 70: keep(QUANT, OH_NNQuantParam_Create(), f); break;
    case 71: count(f, OH_NNQuantParam_SetScales(handle(QUANT), scales, any(3))); break;
    case 72: count(f, OH_NNQuantParam_SetZeroPoints(handle(QUANT), zeros, any(3))); break;
    case 73: count(f, OH_NNQuantParam_SetNumBits(handle(QUANT), bits, any(3))); break;
    default: h = handle(QUANT); count(f, OH_NNQuantParam_Destroy((NN_QuantParam **)&h)); break;
  }
}

int main(void) {
  const int calls = (getenv("ROUNDS") != NULL ? atoi(getenv("ROUNDS")) : 2000) * 100;
  no_faults();
  CHECK(mkdtemp(folder) != NULL);
  const char *names[4] = {"Device-CPU", "Bare", "NPU_test", "HIAI_F_test"};
  for (int i = 0; i < 4; i++) ids[i] = device(names[i]);
  for (int i = 0; i < calls; i++) {
    if (i % 50 == 0) make_good();
    /* A driver with a bad day, now and then. */
    if (i % 1000 == 900) {
      TELL(fail_run, (int)any(3));
      TELL(garbage, (int)any(7));
    } else if (i % 1000 == 0) {
      TELL(fail_run, 0);
      TELL(garbage, 0);
    }
    const int f = (int)any(FUNCTIONS);
    if (f < 50) call_core(f);
    else call_runtime(f);
  }
  /* All but a few thousand calls are enough for each function to succeed. */
  for (int i = 0; i < FUNCTIONS && calls >= 100000; i++) {
    if (successes[i] == 0) fprintf(stderr, "function %d never succeeded\n", i);
    CHECK(successes[i] > 0);
  }
  for (int kind = 0; kind < KINDS; kind++)
    for (int i = 0; i < POOL; i++) {
      void *h = pool[kind][i];
      if (kind == EXECUTOR) OH_NNExecutor_Destroy((OH_NNExecutor **)&h);
      if (kind == COMPILATION) OH_NNCompilation_Destroy((OH_NNCompilation **)&h);
      if (kind == MODEL) OH_NNModel_Destroy((OH_NNModel **)&h);
    }
  char path[64];
  snprintf(path, sizeof path, "%s/cache_info.nncache", folder);
  unlink(path);
  snprintf(path, sizeof path, "%s/acache_info.nncache", folder);
  unlink(path);
  CHECK(rmdir(folder) == 0);
  return check_result();
}
