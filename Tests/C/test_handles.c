/* Handles that are stale, of another kind, or garbage; destruction under other threads' feet. */
#include "mslite/extensions.h"
#include "check.h"
#include <pthread.h>
#include <stdint.h>
#include <string.h>

static const int64_t shape[1] = {4};

static OH_AI_TensorHandle make_tensor(void) {
  return OH_AI_TensorCreate("t", OH_AI_DATATYPE_NUMBERTYPE_FLOAT32, shape, 1, NULL, 0);
}

/* Every function with a handle that is not one; none may crash. */
static void use_everything(void *h) {
  size_t n = 0;
  OH_AI_TensorHandleArray none = {0, NULL}, out = {0, NULL};
  OH_AI_ShapeInfo info = {0, {0}};
  char *buffer = NULL;
  CHECK(OH_AI_ContextGetThreadNum(h) == 0);
  OH_AI_ContextSetThreadNum(h, 1);
  OH_AI_ContextAddDeviceInfo(h, h);
  CHECK(OH_AI_ContextGetThreadAffinityCoreList(h, &n) == NULL);
  CHECK(OH_AI_DeviceInfoGetDeviceType(h) == OH_AI_DEVICETYPE_INVALID);
  CHECK(OH_AI_DeviceInfoGetProvider(h) == NULL);
  CHECK(OH_AI_DeviceInfoGetFrequency(h) == -1);
  CHECK_STATUS(OH_AI_DeviceInfoAddExtension(h, "AIPP", "", 0), OH_AI_STATUS_LITE_NULLPTR);
  CHECK(OH_AI_TensorGetData(h) == NULL);
  CHECK(OH_AI_TensorGetName(h) == NULL);
  CHECK(OH_AI_TensorClone(h) == NULL);
  CHECK_STATUS(OH_AI_TensorSetUserData(h, NULL, 0), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_TensorSetAllocator(h, h), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelBuild(h, "x", 1, OH_AI_MODELTYPE_MINDIR, h), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelPredict(h, none, &out, NULL, NULL), OH_AI_STATUS_LITE_NULLPTR);
  CHECK_STATUS(OH_AI_ModelResize(h, none, &info, 1), OH_AI_STATUS_LITE_NULLPTR);
  CHECK(OH_AI_ModelGetInputs(h).handle_num == 0);
  CHECK(OH_AI_ModelGetOutputByTensorName(h, "x") == NULL);
  CHECK_STATUS(OH_AI_RunStep(h, NULL, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK(OH_AI_ModelGetWeights(h).handle_num == 0);
  CHECK(OH_AI_TrainCfgGetLossName(h, &n) == NULL);
  CHECK(OH_AI_TrainCfgGetOptimizationLevel(h) == OH_AI_KO0);
  CHECK_STATUS(OH_AI_ExportModelBuffer(h, OH_AI_MODELTYPE_MINDIR, &buffer, &n, OH_AI_NO_QUANT, true, NULL, 0),
               OH_AI_STATUS_LITE_PARAM_INVALID);
  CHECK_STATUS(MSLite_ModelSetProfiling(h, true), OH_AI_STATUS_LITE_NULLPTR);
}

static void garbage(void) {
  int local = 0;
  use_everything(NULL);
  use_everything(&local);
  use_everything((void *)(uintptr_t)1);
  use_everything((void *)~(uintptr_t)0);
  use_everything((void *)(uintptr_t)use_everything);
  /* Numbers that differ from a live handle by one bit. */
  OH_AI_TensorHandle t = make_tensor();
  for (unsigned bit = 0; bit < sizeof(uintptr_t) * 8; bit++) {
    void *near = (void *)((uintptr_t)t ^ ((uintptr_t)1 << bit));
    CHECK(OH_AI_TensorGetDataSize(near) == 0);
  }
  CHECK(OH_AI_TensorGetDataSize(t) == 16);
  OH_AI_TensorDestroy(&t);
}

static void stale(void) {
  OH_AI_TensorHandle t = make_tensor();
  OH_AI_TensorHandle copy = t;
  OH_AI_TensorDestroy(&t);
  use_everything(copy);
  OH_AI_TensorDestroy(&copy);
  CHECK(copy == NULL);
  /* The slot is used again and again, the handle is not. */
  copy = make_tensor();
  OH_AI_TensorHandle first = copy;
  OH_AI_TensorDestroy(&copy);
  for (int i = 0; i < 5000; i++) {
    OH_AI_TensorHandle next = make_tensor();
    if (next == first || OH_AI_TensorGetDataSize(first) != 0) CHECK(!"a stale handle came to life");
    OH_AI_TensorDestroy(&next);
  }
  CHECK(OH_AI_TensorGetDataSize(first) == 0);
}

static void wrong_kind(void) {
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  OH_AI_ModelHandle copy = model;
  OH_AI_ContextDestroy(&model);
  CHECK(model == NULL);
  CHECK_STATUS(OH_AI_RunStep(copy, NULL, NULL), OH_AI_STATUS_LITE_PARAM_INVALID);
  void *objects[] = {OH_AI_ContextCreate(), OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU), make_tensor(), OH_AI_ModelCreate(),
                     OH_AI_TrainCfgCreate()};
  for (size_t i = 0; i < 5; i++) CHECK(objects[i] != NULL);
  CHECK(OH_AI_TensorGetName(objects[0]) == NULL);
  CHECK(OH_AI_ContextGetThreadNum(objects[2]) == 0);
  CHECK(OH_AI_DeviceInfoGetDeviceType(objects[3]) == OH_AI_DEVICETYPE_INVALID);
  CHECK_STATUS(OH_AI_ModelSetTrainMode(objects[4], true), OH_AI_STATUS_LITE_PARAM_INVALID);
  OH_AI_TensorDestroy(&objects[0]);
  OH_AI_ModelDestroy(&objects[1]);
  OH_AI_TrainCfgDestroy(&objects[2]);
  OH_AI_DeviceInfoDestroy(&objects[3]);
  OH_AI_ContextDestroy(&objects[4]);
  for (size_t i = 0; i < 5; i++) CHECK(objects[i] == NULL);
  int local = 0;
  void *pointer = &local;
  OH_AI_ModelDestroy(&pointer);
  CHECK(pointer == NULL);
}

static void many(void) {
  enum { COUNT = 10000 };
  static OH_AI_TensorHandle tensors[COUNT];
  for (int i = 0; i < COUNT; i++) tensors[i] = make_tensor();
  int live = 0, gone = 0;
  for (int i = 0; i < COUNT; i += 2) OH_AI_TensorDestroy(&tensors[i]);
  for (int i = 0; i < COUNT; i++) {
    live += i % 2 == 1 && OH_AI_TensorGetDataSize(tensors[i]) == 16;
    gone += i % 2 == 0 && tensors[i] == NULL;
  }
  CHECK(live == COUNT / 2 && gone == COUNT / 2);
  for (int i = 0; i < COUNT; i++) OH_AI_TensorDestroy(&tensors[i]);
}

/* Threads that look up handles while another one destroys and makes them. */
enum { SHARED = 16, ROUNDS = 20000 };
static OH_AI_TensorHandle shared[SHARED];
static int stop = 0;

static void *reader(void *argument) {
  uintptr_t bad = 0;
  (void)argument;
  while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
    for (int i = 0; i < SHARED; i++) {
      OH_AI_TensorHandle t = __atomic_load_n(&shared[i], __ATOMIC_ACQUIRE);
      const size_t size = OH_AI_TensorGetDataSize(t);
      if (size != 16 && size != 0) bad++;
    }
  }
  return (void *)bad;
}

static void threads(void) {
  pthread_t readers[3];
  for (int i = 0; i < SHARED; i++) shared[i] = make_tensor();
  for (int i = 0; i < 3; i++) pthread_create(&readers[i], NULL, reader, NULL);
  for (int round = 0; round < ROUNDS; round++) {
    OH_AI_TensorHandle old = shared[round % SHARED];
    OH_AI_TensorDestroy(&old);
    __atomic_store_n(&shared[round % SHARED], make_tensor(), __ATOMIC_RELEASE);
  }
  __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  for (int i = 0; i < 3; i++) {
    void *bad = NULL;
    pthread_join(readers[i], &bad);
    CHECK(bad == NULL);
  }
  for (int i = 0; i < SHARED; i++) OH_AI_TensorDestroy(&shared[i]);
}

static void *other_thread(void *argument) {
  (void)argument;
  const int empty = strcmp(MSLite_GetLastError(), "") == 0;
  OH_AI_TensorGetName(NULL);
  return (void *)(uintptr_t)(empty && strncmp(MSLite_GetLastError(), "OH_AI_TensorGetName: ", 21) == 0);
}

static void last_error(void) {
  CHECK(strcmp(MSLite_GetLastError(), "") == 0);
  OH_AI_ModelGetInputs(NULL);
  CHECK(strncmp(MSLite_GetLastError(), "OH_AI_ModelGetInputs: model is NULL", 35) == 0);
  pthread_t thread;
  void *ok = NULL;
  pthread_create(&thread, NULL, other_thread, NULL);
  pthread_join(thread, &ok);
  CHECK(ok != NULL);
  CHECK(strncmp(MSLite_GetLastError(), "OH_AI_ModelGetInputs: model is NULL", 35) == 0);
  CHECK(strncmp(MSLite_GetVersion(), "mslite ", 7) == 0);
  CHECK(MSLite_GetVersion() == MSLite_GetVersion());
}

int main(void) {
  last_error();
  garbage();
  stale();
  wrong_kind();
  many();
  threads();
  return check_result();
}
