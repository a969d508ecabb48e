/* Shows that OH_AI_ModelPredict allocates nothing once a model is warm.
 *
 *   allocations MODEL.ms...
 *
 * The allocator's functions are defined in this program, so that the library's calls arrive here too, and forward to glibc's.
 * Every model is built with two threads, with float32 and with half precision, and run a few times; the allocations of further runs are counted. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mindspore/model.h"
#include "mslite/extensions.h"

enum { WARM_UP = 3, COUNTED = 20 };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *pointer);

static int counting;
static long allocations;

static void count(void) {
  if (__atomic_load_n(&counting, __ATOMIC_RELAXED)) __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
  count();
  return __libc_calloc(n, size);
}

void *realloc(void *pointer, size_t size) {
  count();
  return __libc_realloc(pointer, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **pointer, size_t alignment, size_t size) {
  count();
  void *p = __libc_memalign(alignment, size);
  if (p == NULL) return ENOMEM;
  *pointer = p;
  return 0;
}

void free(void *pointer) { __libc_free(pointer); }

/* Allocations of the counted runs; -1 when the model cannot be run. */
static long measure(const char *path, bool fp16) {
  OH_AI_ContextHandle context = OH_AI_ContextCreate();
  OH_AI_ContextSetThreadNum(context, 2);
  OH_AI_DeviceInfoHandle cpu = OH_AI_DeviceInfoCreate(OH_AI_DEVICETYPE_CPU);
  OH_AI_DeviceInfoSetEnableFP16(cpu, fp16);
  OH_AI_ContextAddDeviceInfo(context, cpu);
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  /* Training models take steps. */
  const bool trains = strstr(path, "/training/") != NULL;
  OH_AI_Status status = trains ? OH_AI_TrainModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context, NULL)
                               : OH_AI_ModelBuildFromFile(model, path, OH_AI_MODELTYPE_MINDIR, context);
  if (trains && status == OH_AI_STATUS_SUCCESS) status = OH_AI_ModelSetTrainMode(model, true);
  if (trains && status == OH_AI_STATUS_SUCCESS) status = OH_AI_ModelSetupVirtualBatch(model, 2, -1.0f, -1.0f);
  OH_AI_ContextDestroy(&context);
  if (status == OH_AI_STATUS_SUCCESS) {
    OH_AI_TensorHandleArray inputs = OH_AI_ModelGetInputs(model), outputs = {0, NULL};
    for (size_t i = 0; i < inputs.handle_num; i++)
      memset(OH_AI_TensorGetMutableData(inputs.handle_list[i]), 0, OH_AI_TensorGetDataSize(inputs.handle_list[i]));
    for (int run = 0; run < WARM_UP + COUNTED && status == OH_AI_STATUS_SUCCESS; run++) {
      if (run == WARM_UP) __atomic_store_n(&counting, 1, __ATOMIC_SEQ_CST);
      status = OH_AI_ModelPredict(model, inputs, &outputs, NULL, NULL);
    }
    __atomic_store_n(&counting, 0, __ATOMIC_SEQ_CST);
  }
  if (status != OH_AI_STATUS_SUCCESS) printf("FAIL %s: status %08x, %s\n", path, (unsigned)status, MSLite_GetLastError());
  OH_AI_ModelDestroy(&model);
  return status == OH_AI_STATUS_SUCCESS ? __atomic_exchange_n(&allocations, 0, __ATOMIC_SEQ_CST) : -1;
}

/* A counter that sees nothing would prove nothing. */
static int counter_works(void) {
  counting = 1;
  OH_AI_ModelHandle model = OH_AI_ModelCreate();
  counting = 0;
  OH_AI_ModelDestroy(&model);
  return __atomic_exchange_n(&allocations, 0, __ATOMIC_SEQ_CST) > 0;
}

int main(int argc, char **argv) {
  int passed = 0, failed = 0;
  if (!counter_works()) {
    printf("FAIL the library's allocations do not arrive here\n");
    return 1;
  }
  for (int i = 0; i < 2 * (argc - 1); i++) {
    const char *path = argv[1 + i / 2];
    long n = measure(path, i % 2 == 1);
    if (n > 0) printf("FAIL %s: %ld allocations in %d runs%s\n", path, n, COUNTED, i % 2 == 1 ? " with half precision" : "");
    if (n == 0) passed++;
    else failed++;
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
